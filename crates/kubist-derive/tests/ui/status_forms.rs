use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kubist_derive::Status;

#[derive(Status)]
struct Generation {
    observed_generation: i64,
}

#[derive(Status)]
enum Choice {
    One,
}

#[derive(Status)]
#[kube(conditions)]
struct Misspelt {
    conditions: Vec<Condition>,
}

fn main() {}
