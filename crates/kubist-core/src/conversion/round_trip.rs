//! The test that a conversion loses nothing.

use std::any::type_name;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Chain, Upgrade, kept};
use crate::{CustomResourceExt, Resource, schema::Sampler};

/// How many objects of each version are converted.
const OBJECTS: usize = 256;

/// How many values of the schema are tried for one that is of the type.
const TRIES: usize = 16;

/// Converts objects of a version and of the next one there and back.
///
/// The objects are made from the schemas in the versions' definitions, the same ones each time. Of each it
/// is a failure if
///
/// - it cannot be converted: then users could not read it;
/// - it does not come home as it was;
/// - its conversion does not settle: without what the chain keeps, there and back and there again must be
///   the same as there. Fields that are mistaken for each other on the way show in this.
///
/// `#[upgrade(..., test)]` writes a test that calls it.
///
/// ```
/// use kubist_core::{CustomResourceExt, conversion::{Upgrade, assert_round_trips}};
///
/// fn nothing_is_lost<Older>()
/// where
///     Older: Upgrade<Newer: CustomResourceExt> + CustomResourceExt,
/// {
///     assert_round_trips::<Older>();
/// }
/// ```
///
/// # Panics
///
/// Panics with the first object for which one of these fails, and where the schema allows hardly anything
/// that the type takes.
#[track_caller]
pub fn assert_round_trips<Older>()
where
    Older: Upgrade + CustomResourceExt,
    Older::Newer: CustomResourceExt,
{
    let pair = Pair {
        chain: Chain::of::<Older>().build(),
    };
    pair.check::<Older, Older::Newer>();
    pair.check::<Older::Newer, Older>();
}

trait Version: Resource<DynamicType = ()> + CustomResourceExt + Serialize + DeserializeOwned {}

impl<K: Resource<DynamicType = ()> + CustomResourceExt + Serialize + DeserializeOwned> Version for K {}

struct Pair {
    chain: Chain,
}

impl Pair {
    #[track_caller]
    fn check<From: Version, To: Version>(&self) {
        let Some(schema) = schema_of::<From>() else {
            panic!("the definition of {} has no schema", type_name::<From>());
        };
        let mut sampler = Sampler::new(0, &schema);
        let objects: Vec<Value> = (0..OBJECTS * TRIES)
            .map(|_| sampler.sample())
            .filter_map(as_it_is_written::<From>)
            .take(OBJECTS)
            .collect();
        assert!(
            objects.len() == OBJECTS,
            "{} takes {} of {} values that its schema allows: the schema says less than the type, so say more \
             of it, or test with objects of your own",
            type_name::<From>(),
            objects.len(),
            OBJECTS * TRIES,
        );
        for object in objects {
            if let Err(why) = self.check_one::<From, To>(&object) {
                panic!(
                    "{} is not converted to {} without loss: {why}\nThe object:\n{object:#}",
                    From::api_version(&()),
                    To::api_version(&()),
                );
            }
        }
    }

    fn check_one<From: Version, To: Version>(&self, object: &Value) -> Result<(), String> {
        let (from, to) = (From::api_version(&()), To::api_version(&()));
        let convert = |object: &Value, to: &str| {
            self.chain
                .convert(object.clone(), to)
                .map_err(|error| error.to_string())
        };
        let there = convert(object, &to)?;
        let home = convert(&there, &from)?;
        compare("it comes home as", &home, object)?;

        let there = kept::without(there);
        let back = kept::without(convert(&there, &from)?);
        let again = kept::without(convert(&back, &to)?);
        compare("there, back and there again it is", &again, &there)
    }
}

fn compare(what: &str, found: &Value, expected: &Value) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}\n{found:#}\ninstead of\n{expected:#}"))
}

fn schema_of<K: CustomResourceExt>() -> Option<JSONSchemaProps> {
    let version = K::crd().spec.versions.into_iter().next()?;
    version.schema?.open_api_v3_schema
}

/// A value as an object of its version; `None` where the type does not take it.
fn as_it_is_written<K: Version>(mut value: Value) -> Option<Value> {
    let object = value.as_object_mut()?;
    object.insert("apiVersion".to_owned(), json!(K::api_version(&())));
    object.insert("kind".to_owned(), json!(K::kind(&())));
    object.insert(
        "metadata".to_owned(),
        json!({"name": "sample", "uid": "1", "labels": {"a": "b"}, "annotations": {"mine": "stays"}}),
    );
    serde_json::to_value(serde_json::from_value::<K>(value).ok()?).ok()
}
