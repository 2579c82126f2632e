//! Every form that serde can give a type: a server takes its schema and its values, or it is refused with an
//! explanation.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::net::Ipv4Addr;
use std::num::NonZeroU16;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kubist_client::api::PostParams;
use kubist_client::{Api, Client, Error};
use kubist_core::discovery::ApiResource;
use kubist_core::schema::structural;
use kubist_core::{DynamicObject, GroupVersionKind};
use kubist_derive::KubeSchema;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{cluster, install};

mod collections;
mod enums;
mod refused;
mod scalars;
mod structs;

macro_rules! types {
    ($($item:item)*) => {
        $(
            #[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
            $item
        )*
    };
}

types! {
    enum Units { One, Two }
    #[serde(rename_all = "camelCase")]
    enum External { Struct { text: String, number: Option<u8> }, Newtype(Inner), Pair(i32, i32), Empty {} }
    #[serde(tag = "type")]
    enum Internal { Struct { text: String }, Newtype(Inner), Unit }
    #[serde(tag = "type")]
    enum InternalUnits { One, Two }
    #[serde(tag = "kind", content = "of")]
    enum Adjacent { Struct { text: String }, Other { number: i32 }, Unit }
    #[serde(tag = "kind", content = "of")]
    enum AdjacentScalars { Text(String), Word(String) }
    #[serde(untagged)]
    enum UntaggedStructs { One { one: String }, Two { two: i64 } }
    #[serde(untagged)]
    enum UntaggedDefaults {
        Of {
            #[serde(default)]
            one: i32,
            of: String,
        },
        By {
            by: String,
            #[serde(default)]
            two: i32,
        },
    }
    #[serde(untagged)]
    enum UntaggedScalars { Number(i64), Text(String) }
    #[serde(untagged)]
    enum NullOrStruct {
        Null,
        Struct {
            text: String,
        },
    }
    #[serde(untagged)]
    enum OneOrMany { One(String), Many(Vec<String>) }
    #[serde(untagged)]
    enum TextOrStruct { Text(String), Struct { text: String } }
    enum Known { One, #[serde(untagged)] Other(String) }
    struct Inner { #[serde(default)] name: String }
    struct Empty {}
    struct Newtype(Inner);
    struct Number (u16);
    struct Pair (i32, String);
    #[serde(transparent)]
    struct Transparent { inner: Inner }
    #[serde(deny_unknown_fields)]
    struct Strict { a: bool }
    struct FlatStruct { own: bool, #[serde(flatten)] inner: Inner }
    struct FlatOption { own: bool, #[serde(flatten)] inner: Option<Needy> }
    struct Needy { needed: String }
    struct FlatExternal { own: bool, #[serde(flatten)] inner: FlatVariants }
    enum FlatVariants { Text(String), Struct { number: i32 } }
    struct FlatInternal { own: bool, #[serde(flatten)] inner: Internal }
    struct FlatUntagged { own: bool, #[serde(flatten)] inner: UntaggedStructs }
    struct FlatMap { own: bool, #[serde(flatten)] rest: BTreeMap<String, Value> }
    struct FlatTwice { #[serde(flatten)] one: FlatVariants, #[serde(flatten)] two: UntaggedStructs }
    #[serde(default)]
    struct Defaults { number: i32, inner: Inner, level: Units, list: Vec<u8>, some: Option<Inner> }
    struct Skipped { #[serde(skip)] gone: Unit, #[serde(rename = "type")] kind: String }
    struct WithFunctions { #[serde(with = "as_text")] #[schemars(with = "String")] number: u16 }
    /// What it is for.
    struct Documented {
        /// What a field is for.
        field: Units,
    }
}

impl Default for Defaults {
    fn default() -> Self {
        let inner = Inner { name: "n".into() };
        Defaults {
            number: 7,
            inner: inner.clone(),
            level: Units::Two,
            list: vec![1],
            some: Some(inner),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Unit;

mod as_text {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &u16, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A type, its schema, and values in the form that they are written in.
struct Form {
    name: &'static str,
    schema: JSONSchemaProps,
    samples: Vec<Value>,
    wrong: Vec<Value>,
    /// Reads a value, and writes it again.
    canonical: fn(Value) -> Result<Value, serde_json::Error>,
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Root<T> {
    spec: Holder<T>,
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Holder<T> {
    field: T,
}

fn form<T>(name: &'static str, samples: Vec<T>, wrong: Vec<Value>) -> Form
where
    T: JsonSchema + Serialize + DeserializeOwned + PartialEq + Debug,
{
    let schema = structural::<Root<T>>().unwrap_or_else(|error| panic!("{name}: {error}"));
    let samples = samples.iter().map(|sample| serde_json::to_value(sample).unwrap());
    Form {
        name,
        schema,
        samples: samples.collect(),
        wrong,
        canonical: |value| serde_json::to_value(serde_json::from_value::<T>(value)?),
    }
}

fn inner() -> Inner {
    Inner { name: "n".into() }
}

fn text() -> String {
    "t".to_owned()
}

fn definition(name: &str, schema: JSONSchemaProps) -> CustomResourceDefinition {
    serde_json::from_value(json!({
        "metadata": {"name": format!("{name}s.forms.example.com")},
        "spec": {
            "group": "forms.example.com", "scope": "Namespaced",
            "names": {"plural": format!("{name}s"), "singular": name, "kind": name},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
            }],
        },
    }))
    .unwrap()
}

async fn create(client: &Client, kind: &str, field: &Value) -> Result<Value, Error> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("forms.example.com", "v1", kind));
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &resource);
    let object = json!({
        "apiVersion": "forms.example.com/v1", "kind": kind, "metadata": {"generateName": "form-"},
        "spec": {"field": field},
    });
    let object = serde_json::from_value(object).unwrap();
    let created = api.create(&PostParams::default(), &object).await?;
    Ok(created.data["spec"]["field"].clone())
}

async fn check(forms: Vec<Form>) {
    let (_server, client) = cluster().await;
    for (index, form) in forms.into_iter().enumerate() {
        let (kind, name) = (format!("form{index}"), form.name);
        install(&client, &definition(&kind, form.schema)).await;
        for sample in form.samples {
            match create(&client, &kind, &sample).await {
                Ok(created) => {
                    let read = (form.canonical)(created.clone());
                    assert_eq!(
                        read.ok().as_ref(),
                        Some(&sample),
                        "{name}: it came back as {created}"
                    );
                }
                Err(error) => panic!("{name}: {sample} is refused: {error}"),
            }
        }
        for wrong in form.wrong {
            match create(&client, &kind, &wrong).await {
                Err(Error::Api(status)) if status.code == 422 => {
                    assert!(status.message.contains("spec.field"), "{name}: {wrong}: {status}");
                }
                other => panic!("{name}: {wrong} is not refused: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn enums_of_every_representation() {
    check(enums::forms()).await;
}

#[tokio::test]
async fn structs_of_every_form() {
    check(structs::forms()).await;
}

#[tokio::test]
async fn collections_of_every_form() {
    check(collections::forms()).await;
}

#[tokio::test]
async fn scalars_of_every_type() {
    check(scalars::forms()).await;
}
