use std::marker::PhantomData;

use kubist_derive::KubeSchema;
use serde::{Deserialize, Serialize};

#[derive(KubeSchema, Serialize, Deserialize)]
enum Mixed {
    Nothing,
    Git { url: String },
}

#[derive(KubeSchema, Serialize, Deserialize)]
struct Unit;

#[derive(KubeSchema, Serialize, Deserialize)]
struct Null {
    #[serde(skip)]
    fine: PhantomData<u8>,
    nothing: (),
}

#[derive(KubeSchema, Serialize, Deserialize)]
struct Phantom {
    of: PhantomData<u8>,
}

#[derive(KubeSchema, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Text { of: String },
    Number { of: i32 },
}

#[derive(KubeSchema, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Internal {
    Small {
        #[serde(rename = "size")]
        small: u8,
    },
    Large { size: u64 },
}

#[derive(KubeSchema, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value")]
enum Adjacent {
    Text(String),
    Number(i32),
}

#[derive(KubeSchema)]
union Either {
    one: u8,
    two: i8,
}

#[derive(KubeSchema, Serialize, Deserialize)]
struct Generic<T> {
    inner: T,
}

fn main() {}
