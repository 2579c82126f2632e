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
#[upgrade(from = v1alpha1::Layout)]
struct Layout {
    columns: u8,
}

fn main() {}
