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
#[upgrade(from = v1alpha1::Layout, droped(font))]
struct Layout {
    columns: u8,
}

#[derive(Upgrade)]
#[upgrade(from = v1alpha1::Layout, dropped(font = 1 + 2, "columns"))]
struct Other {
    #[upgrade(from = "not a name")]
    columns: u8,
}

fn main() {}
