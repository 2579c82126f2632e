use kubist_derive::Status;

#[derive(Status)]
struct DocumentStatus {
    phase: String,
}

fn main() {}
