use kubist_derive::ApplyConfiguration;

#[derive(ApplyConfiguration)]
enum Backend {
    Memory,
    Disk,
}

fn main() {}
