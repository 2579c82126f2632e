use kubist_derive::KubeSchema;
use serde::{Deserialize, Serialize};

#[derive(KubeSchema, Serialize, Deserialize)]
#[x_kube(validate = "self.a > 0")]
struct Type {
    a: u8,
}

#[derive(KubeSchema, Serialize, Deserialize)]
struct OneField {
    #[x_kube(rule = "self > 0")]
    a: u8,
    #[x_kube(validation)]
    b: u8,
    #[x_kube(cel)]
    c: u8,
}

#[derive(KubeSchema, Serialize, Deserialize)]
enum Variant {
    #[x_kube(validation = "self.a > 0")]
    One { a: u8 },
}

#[derive(KubeSchema, Serialize, Deserialize)]
#[x_kube(merge_strategy = ListMerge::Set, merge_strategy = ListMerge::Atomic)]
struct Twice {
    a: u8,
}

fn main() {}
