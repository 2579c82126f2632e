use kubist_derive::Upgrade;

mod v1alpha1 {
    pub struct Layout {
        pub columns: u8,
        pub font: String,
    }
    pub enum Level {
        Low,
        High,
    }
}

#[derive(Upgrade)]
#[upgrade(from = v1alpha1::Layout, test)]
struct Layout {
    columns: u8,
    font: String,
}

fn main() {}
