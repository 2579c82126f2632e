//! Types of which a derive sees nothing wrong, since what they are of may come from anywhere.

use std::collections::BTreeMap;

use kubist_core::schema::structural;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Inner, Root};

#[derive(JsonSchema, Serialize, Deserialize)]
enum Mixed {
    Unit,
    Struct { text: String },
}

#[derive(JsonSchema, Serialize, Deserialize)]
struct FlatMixed {
    #[serde(flatten)]
    inner: Mixed,
}

#[derive(JsonSchema, Serialize, Deserialize)]
#[serde(untagged)]
enum UntaggedClash {
    Text { of: String },
    Number { of: i32 },
}

#[derive(JsonSchema, Serialize, Deserialize)]
#[serde(tag = "type")]
enum InternalClash {
    Text { of: Inner },
    Number { of: BTreeMap<String, i32> },
}

#[derive(JsonSchema, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of")]
enum AdjacentClash {
    Text(String),
    Number(i32),
}

#[derive(JsonSchema, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of")]
enum DeepClash {
    Text { inner: Text },
    Number { inner: Number },
}

#[derive(JsonSchema, Serialize, Deserialize)]
struct Text {
    of: String,
}

#[derive(JsonSchema, Serialize, Deserialize)]
struct Number {
    of: i32,
}

#[derive(JsonSchema, Serialize, Deserialize)]
struct Unit;

#[derive(JsonSchema, Serialize, Deserialize)]
enum OfUnit {
    Unit(Unit),
    Other(i32),
}

#[derive(JsonSchema, Serialize, Deserialize)]
struct Tree {
    children: Vec<Tree>,
}

#[derive(JsonSchema, Serialize, Deserialize)]
struct Chain {
    next: Option<Box<Link>>,
}

#[derive(JsonSchema, Serialize, Deserialize)]
struct Link {
    chains: BTreeMap<String, Chain>,
}

fn refusal<T: JsonSchema>() -> (String, String) {
    let error = structural::<Root<T>>().unwrap_err();
    (error.field(), error.to_string())
}

#[test]
fn what_has_no_structural_schema_is_refused_with_the_field_and_what_to_do() {
    let (braces, rename) = ("give the unit variants braces", "rename one of them");
    let (bound, struct_braces) = ("bound the depth", "give the unit struct or variant braces");
    for ((field, message), expected, advice) in [
        (refusal::<Mixed>(), "spec.field", braces),
        (refusal::<Option<Mixed>>(), "spec.field", braces),
        (refusal::<Vec<Mixed>>(), "spec.field[]", braces),
        (refusal::<BTreeMap<String, Mixed>>(), "spec.field[*]", braces),
        (refusal::<FlatMixed>(), "spec.field.Unit", struct_braces),
        (refusal::<UntaggedClash>(), "spec.field", rename),
        (refusal::<InternalClash>(), "spec.field", rename),
        (refusal::<AdjacentClash>(), "spec.field", rename),
        (refusal::<DeepClash>(), "spec.field.of.inner", rename),
        (refusal::<Unit>(), "spec.field", struct_braces),
        (refusal::<Option<Unit>>(), "spec.field", struct_braces),
        (refusal::<()>(), "spec.field", struct_braces),
        (refusal::<Vec<Unit>>(), "spec.field[]", struct_braces),
        (refusal::<OfUnit>(), "spec.field.Unit", struct_braces),
        (refusal::<Tree>(), "spec.field.children[]", bound),
        (refusal::<Chain>(), "spec.field.next.chains[*]", bound),
    ] {
        assert_eq!(field, expected, "{message}");
        assert!(message.contains(advice), "{message}");
        assert!(message.contains("it::forms::Root<"), "{message}");
    }
}
