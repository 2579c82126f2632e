use kubist_derive::ApplyConfiguration;
use serde::{Deserialize, Serialize};

#[derive(ApplyConfiguration, Serialize, Deserialize)]
struct Generic<T> {
    inner: T,
}

#[derive(ApplyConfiguration, Serialize, Deserialize)]
struct Tuple(String);

#[derive(ApplyConfiguration, Serialize, Deserialize)]
#[serde(transparent)]
struct Transparent {
    inner: String,
}

#[derive(ApplyConfiguration, Serialize, Deserialize)]
#[kube(nested)]
struct Misplaced {
    inner: String,
}

#[derive(ApplyConfiguration, Serialize, Deserialize)]
struct WithFunctions {
    #[kube(nested)]
    #[serde(with = "functions")]
    inner: String,
}

fn main() {}
