use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kubist_derive::Status;

#[derive(Status)]
struct DocumentStatus {
    conditions: Option<Vec<Condition>>,
}

fn main() {}
