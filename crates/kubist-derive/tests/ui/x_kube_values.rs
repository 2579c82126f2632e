use kubist_derive::KubeSchema;
use serde::{Deserialize, Serialize};

#[derive(KubeSchema, Serialize, Deserialize)]
struct Strategy {
    #[x_kube(merge_strategy = ListMerge::Sets)]
    a: Vec<u8>,
}

#[derive(KubeSchema, Serialize, Deserialize)]
struct Rule {
    #[x_kube(validation = 5)]
    a: u8,
}

fn main() {}
