use kubist_derive::ApplyConfiguration;

#[derive(ApplyConfiguration)]
struct Layout {
    #[kube(nest)]
    columns: u8,
}

fn main() {}
