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

fn enums() -> Vec<Form> {
    vec![
        form(
            "units",
            vec![Units::One, Units::Two],
            vec![json!("Three"), json!(1)],
        ),
        form(
            "external",
            vec![
                External::Struct {
                    text: text(),
                    number: Some(3),
                },
                External::Struct {
                    text: text(),
                    number: None,
                },
                External::Newtype(inner()),
                External::Pair(1, 2),
                External::Empty {},
            ],
            vec![
                json!({}),
                json!("empty"),
                json!({"struct": {}}),
                json!({"pair": ["a", "b"]}),
                json!({"empty": {}, "newtype": {}}),
            ],
        ),
        form(
            "internal",
            vec![
                Internal::Struct { text: text() },
                Internal::Newtype(inner()),
                Internal::Unit,
            ],
            vec![
                json!({"type": "None"}),
                json!({"text": "t"}),
                json!({"type": "Struct"}),
            ],
        ),
        form(
            "internal units",
            vec![InternalUnits::One, InternalUnits::Two],
            vec![json!({"type": "Three"})],
        ),
        form(
            "adjacent",
            vec![
                Adjacent::Struct { text: text() },
                Adjacent::Other { number: 1 },
                Adjacent::Unit,
            ],
            vec![
                json!({"kind": "None"}),
                json!({"of": {}}),
                json!({"kind": "Struct"}),
            ],
        ),
        form(
            "adjacent scalars",
            vec![AdjacentScalars::Text(text()), AdjacentScalars::Word(text())],
            vec![json!({"kind": "Text", "of": 1}), json!({"kind": "Text"})],
        ),
        form(
            "untagged structs",
            vec![
                UntaggedStructs::One { one: text() },
                UntaggedStructs::Two { two: 2 },
            ],
            vec![json!({}), json!({"two": "2"}), json!("two")],
        ),
        form(
            "untagged with defaults",
            vec![
                UntaggedDefaults::Of { one: 0, of: text() },
                UntaggedDefaults::By { by: text(), two: 0 },
            ],
            vec![json!({"one": 1})],
        ),
        form(
            "untagged scalars",
            vec![UntaggedScalars::Number(1), UntaggedScalars::Text(text())],
            vec![json!(true), json!({})],
        ),
        form(
            "null or a struct",
            vec![NullOrStruct::Null, NullOrStruct::Struct { text: text() }],
            vec![json!({}), json!("t")],
        ),
        // What no structural schema tells apart is kept as it is.
        form(
            "one or many",
            vec![OneOrMany::One(text()), OneOrMany::Many(vec![text()])],
            vec![],
        ),
        form(
            "text or struct",
            vec![TextOrStruct::Text(text()), TextOrStruct::Struct { text: text() }],
            vec![],
        ),
        form(
            "known and other",
            vec![Known::One, Known::Other(text())],
            vec![json!(1)],
        ),
        form(
            "optional units",
            vec![Some(Units::One), None],
            vec![json!("Three")],
        ),
        form(
            "optional external",
            vec![Some(External::Empty {}), None],
            vec![json!({"none": {}})],
        ),
        form(
            "optional internal",
            vec![Some(Internal::Unit), None],
            vec![json!({"type": "None"})],
        ),
        form(
            "optional adjacent",
            vec![Some(Adjacent::Unit), None],
            vec![json!({"kind": "None"})],
        ),
        form(
            "optional untagged",
            vec![Some(UntaggedStructs::Two { two: 2 }), None],
            vec![json!({"two": "2"})],
        ),
        form(
            "optional scalars",
            vec![Some(UntaggedScalars::Number(1)), None],
            vec![json!(true)],
        ),
        form(
            "list of external",
            vec![vec![External::Empty {}], vec![]],
            vec![json!([{"none": {}}])],
        ),
        form(
            "map of internal",
            vec![BTreeMap::from([(text(), Internal::Unit)])],
            vec![json!({"k": {"type": "None"}})],
        ),
    ]
}

fn structs() -> Vec<Form> {
    vec![
        form("struct", vec![inner()], vec![json!({"name": 1}), json!("n")]),
        form("empty struct", vec![Empty {}], vec![json!("n")]),
        form(
            "newtype of a struct",
            vec![Newtype(inner())],
            vec![json!({"name": 1})],
        ),
        form(
            "newtype of a number",
            vec![Number(1)],
            vec![json!("1"), json!(70_000), json!(-1)],
        ),
        form(
            "tuple struct",
            vec![Pair(1, text())],
            vec![json!([1]), json!([1, "t", 2]), json!([true, "t"])],
        ),
        form(
            "transparent",
            vec![Transparent { inner: inner() }],
            vec![json!({"name": 1})],
        ),
        form("strict", vec![Strict { a: true }], vec![json!({"a": 1})]),
        form(
            "flat struct",
            vec![FlatStruct {
                own: true,
                inner: inner(),
            }],
            vec![json!({"own": true, "name": 1})],
        ),
        form(
            "flat option",
            vec![
                FlatOption {
                    own: true,
                    inner: Some(Needy { needed: text() }),
                },
                FlatOption {
                    own: true,
                    inner: None,
                },
            ],
            vec![json!({"own": 1})],
        ),
        form(
            "flat external",
            vec![
                FlatExternal {
                    own: true,
                    inner: FlatVariants::Text(text()),
                },
                FlatExternal {
                    own: true,
                    inner: FlatVariants::Struct { number: 1 },
                },
            ],
            vec![json!({"own": true}), json!({"own": true, "Text": 1})],
        ),
        form(
            "flat internal",
            vec![FlatInternal {
                own: true,
                inner: Internal::Struct { text: text() },
            }],
            vec![json!({"own": true}), json!({"own": true, "type": "None"})],
        ),
        form(
            "flat untagged",
            vec![FlatUntagged {
                own: true,
                inner: UntaggedStructs::Two { two: 2 },
            }],
            vec![json!({"own": true})],
        ),
        form(
            "flat map",
            vec![FlatMap {
                own: true,
                rest: BTreeMap::from([(text(), json!([1, {"a": "b"}]))]),
            }],
            vec![json!({"own": 1})],
        ),
        form(
            "flat twice",
            vec![FlatTwice {
                one: FlatVariants::Text(text()),
                two: UntaggedStructs::One { one: text() },
            }],
            vec![json!({"Text": "t"}), json!({"one": "t"})],
        ),
        form(
            "defaults",
            vec![Defaults::default()],
            vec![json!({"number": "7"}), json!({"level": "Three"})],
        ),
        form(
            "skipped",
            vec![Skipped {
                gone: Unit,
                kind: text(),
            }],
            vec![json!({"kind": "t"})],
        ),
        form(
            "with functions",
            vec![WithFunctions { number: 7 }],
            vec![json!({"number": 7})],
        ),
        form(
            "documented",
            vec![Documented { field: Units::One }],
            vec![json!({"field": "Three"})],
        ),
    ]
}

fn collections() -> Vec<Form> {
    vec![
        form(
            "nested options",
            vec![Some(Some(inner())), None],
            vec![json!({"name": 1})],
        ),
        form(
            "optional list of options",
            vec![Some(vec![Some(1_u8), None]), None],
            vec![json!([300]), json!(["1"])],
        ),
        form(
            "list of lists",
            vec![vec![vec![1_u8], vec![]]],
            vec![json!([1]), json!([["1"]])],
        ),
        form(
            "deque",
            vec![VecDeque::from([inner()])],
            vec![json!([{"name": 1}])],
        ),
        form("set", vec![BTreeSet::from([text()])], vec![json!([1])]),
        form("hash set", vec![HashSet::from([1_u8])], vec![json!(["1"])]),
        form(
            "map",
            vec![BTreeMap::from([(text(), inner())])],
            vec![json!({"k": 1})],
        ),
        form(
            "map of options",
            vec![BTreeMap::from([(text(), Some(1_u8)), ("n".into(), None)])],
            vec![json!({"k": "1"})],
        ),
        form(
            "map of maps",
            vec![HashMap::from([(text(), HashMap::from([(text(), 1_u8)]))])],
            vec![json!({"k": {"k": "1"}})],
        ),
        form(
            "map of lists",
            vec![BTreeMap::from([(text(), vec![1_u8])])],
            vec![json!({"k": 1})],
        ),
        form(
            "map with numbers for keys",
            vec![BTreeMap::from([(7_u32, text())])],
            vec![json!({"7": 1})],
        ),
        form(
            "map with letters for keys",
            vec![BTreeMap::from([('a', 1_i32)])],
            vec![json!({"a": "1"})],
        ),
        form(
            "map of any",
            vec![BTreeMap::from([(text(), json!({"a": [1, "two"]}))])],
            vec![json!("k")],
        ),
        form(
            "array",
            vec![[1_u8, 2, 3]],
            vec![json!([1, 2]), json!([1, 2, 3, 4]), json!(["1", 2, 3])],
        ),
        form(
            "tuple",
            vec![(1_i32, text())],
            vec![json!([1]), json!([true, "t"])],
        ),
        form(
            "tuple of one type",
            vec![(1_i32, 2_i32)],
            vec![json!([1]), json!(["1", "2"])],
        ),
        form(
            "tuple of structs",
            vec![(inner(), Strict { a: true })],
            vec![json!([{"name": "n"}])],
        ),
        form("box", vec![Box::new(inner())], vec![json!({"name": 1})]),
        form("cow", vec![Cow::<'static, str>::Borrowed("t")], vec![json!(1)]),
    ]
}

fn scalars() -> Vec<Form> {
    vec![
        form("bool", vec![true, false], vec![json!("true"), json!(1)]),
        form("i8", vec![i8::MIN, i8::MAX], vec![json!(128), json!(1.5)]),
        form(
            "i32",
            vec![i32::MIN, i32::MAX],
            vec![json!("1"), json!(1_i64 << 40)],
        ),
        form("i64", vec![i64::MIN, i64::MAX], vec![json!("1")]),
        form("u64", vec![0_u64, 1 << 62], vec![json!(-1)]),
        form("usize", vec![0_usize], vec![json!(-1)]),
        form("non-zero", vec![NonZeroU16::MIN], vec![json!(0), json!(-1)]),
        form("f64", vec![0.5_f64, -1.0], vec![json!("1")]),
        form("char", vec!['x'], vec![json!("xy"), json!("")]),
        form("optional scalar", vec![Some(1_i32), None], vec![json!("1")]),
        form("address", vec![Ipv4Addr::LOCALHOST], vec![json!(1)]),
        form(
            "any",
            vec![json!([1, {"a": null}]), json!("t"), json!({"a": {"b": 1}})],
            vec![],
        ),
        form(
            "int or string",
            vec![IntOrString::Int(1), IntOrString::String(text())],
            vec![json!(true)],
        ),
        form(
            "optional int or string",
            vec![Some(IntOrString::Int(1)), None],
            vec![json!(true)],
        ),
        form("quantity", vec![Quantity("100Mi".into())], vec![json!(true)]),
        form(
            "optional quantity",
            vec![Some(Quantity("1".into())), None],
            vec![json!(true)],
        ),
        form(
            "time",
            vec![serde_json::from_value::<Time>(json!("2026-01-02T03:04:05Z")).unwrap()],
            vec![json!("yesterday"), json!(1)],
        ),
        form(
            "micro time",
            vec![serde_json::from_value::<MicroTime>(json!("2026-01-02T03:04:05.000001Z")).unwrap()],
            vec![json!(1)],
        ),
        form(
            "duration",
            vec![kubist_core::Duration::from(std::time::Duration::from_secs(90))],
            vec![json!(1)],
        ),
        form(
            "duration of std",
            vec![std::time::Duration::from_millis(1500)],
            vec![json!({"secs": "1"})],
        ),
    ]
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
    check(enums()).await;
}

#[tokio::test]
async fn structs_of_every_form() {
    check(structs()).await;
}

#[tokio::test]
async fn collections_of_every_form() {
    check(collections()).await;
}

#[tokio::test]
async fn scalars_of_every_type() {
    check(scalars()).await;
}

/// Types of which a derive sees nothing wrong: what they are of may come from anywhere.
mod refused {
    use super::{BTreeMap, Deserialize, Inner, JsonSchema, Serialize};

    #[derive(JsonSchema, Serialize, Deserialize)]
    pub(super) enum Mixed {
        Unit,
        Struct { text: String },
    }

    #[derive(JsonSchema, Serialize, Deserialize)]
    pub(super) struct FlatMixed {
        #[serde(flatten)]
        inner: Mixed,
    }

    #[derive(JsonSchema, Serialize, Deserialize)]
    #[serde(untagged)]
    pub(super) enum UntaggedClash {
        Text { of: String },
        Number { of: i32 },
    }

    #[derive(JsonSchema, Serialize, Deserialize)]
    #[serde(tag = "type")]
    pub(super) enum InternalClash {
        Text { of: Inner },
        Number { of: BTreeMap<String, i32> },
    }

    #[derive(JsonSchema, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "of")]
    pub(super) enum AdjacentClash {
        Text(String),
        Number(i32),
    }

    #[derive(JsonSchema, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "of")]
    pub(super) enum DeepClash {
        Text { inner: Text },
        Number { inner: Number },
    }

    #[derive(JsonSchema, Serialize, Deserialize)]
    pub(super) struct Text {
        of: String,
    }

    #[derive(JsonSchema, Serialize, Deserialize)]
    pub(super) struct Number {
        of: i32,
    }

    #[derive(JsonSchema, Serialize, Deserialize)]
    pub(super) struct Unit;

    #[derive(JsonSchema, Serialize, Deserialize)]
    pub(super) enum OfUnit {
        Unit(Unit),
        Other(i32),
    }

    #[derive(JsonSchema, Serialize, Deserialize)]
    pub(super) struct Tree {
        children: Vec<Tree>,
    }

    #[derive(JsonSchema, Serialize, Deserialize)]
    pub(super) struct Chain {
        next: Option<Box<Link>>,
    }

    #[derive(JsonSchema, Serialize, Deserialize)]
    pub(super) struct Link {
        chains: BTreeMap<String, Chain>,
    }
}

fn refusal<T: JsonSchema>() -> (String, String) {
    let error = structural::<Root<T>>().unwrap_err();
    (error.field(), error.to_string())
}

#[test]
fn what_has_no_structural_schema_is_refused_with_the_field_and_what_to_do() {
    use refused::{
        AdjacentClash, Chain, DeepClash, FlatMixed, InternalClash, Mixed, OfUnit, Tree, Unit, UntaggedClash,
    };
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
