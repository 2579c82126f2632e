//! Typed apply configurations: what a manager says of an object, and nothing else of it.
//!
//! With [server-side apply](https://kubernetes.io/docs/reference/using-api/server-side-apply/), a
//! manager owns the fields that it sends; what it sent before and does not send again is taken out. A
//! controller that changes one field must therefore send all that it owns, and must not send what others
//! own. [`extract`] reads what a manager owns from an object's `managedFields`;
//! `#[kube(apply)]` beside `#[derive(CustomResource)]` gives the type to read it into.
//!
//! ```
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use kubist_core::apply;
//! use serde_json::{Value, json};
//!
//! let read: ConfigMap = serde_json::from_value(json!({
//!     "metadata": {
//!         "name": "settings",
//!         "managedFields": [{
//!             "manager": "levels", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
//!             "fieldsV1": {"f:data": {"f:level": {}}},
//!         }],
//!     },
//!     "data": {"level": "info", "colour": "of another manager"},
//! }))?;
//! let mine: Value = apply::extract(&read, "levels", None)?;
//! assert_eq!(mine, json!({
//!     "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"level": "info"},
//! }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod field_set;

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::{Resource, redact::redact};
use field_set::FieldSet;

/// A type with an apply configuration: the same fields, each of which may be left out.
///
/// `#[derive(ApplyConfiguration)]` implements it for a struct; lists, maps, boxes and options of such a
/// type have one, too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no apply configuration",
    label = "a field of its apply configuration would have no type",
    note = "put `#[derive(ApplyConfiguration)]` on the type, or, if it is applied as a whole, take `#[kube(nested)]` off the field"
)]
pub trait HasApply {
    /// The type's apply configuration.
    type Apply: Clone + std::fmt::Debug + Serialize + DeserializeOwned;
}

impl<T: HasApply> HasApply for Option<T> {
    type Apply = T::Apply;
}

impl<T: HasApply> HasApply for Box<T> {
    type Apply = Box<T::Apply>;
}

impl<T: HasApply> HasApply for Vec<T> {
    type Apply = Vec<T::Apply>;
}

impl<T: HasApply> HasApply for BTreeMap<String, T> {
    type Apply = BTreeMap<String, T::Apply>;
}

impl<T: HasApply> HasApply for HashMap<String, T> {
    type Apply = HashMap<String, T::Apply>;
}

/// What a manager owns cannot be read from an object.
///
/// ```
/// use k8s_openapi::api::core::v1::ConfigMap;
/// use kubist_core::apply::{Error, extract};
///
/// let owned: Result<ConfigMap, Error> = extract(&ConfigMap::default(), "my-controller", None);
/// assert!(matches!(owned, Err(Error::NoManagedFields { .. })));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The object has no `managedFields` at all, so that nobody can tell who owns what.
    #[error("{kind} {name} has no managedFields: read it from the server, not from a cache without them")]
    NoManagedFields {
        /// The object's kind.
        kind: String,
        /// The object's name.
        name: String,
    },
    /// The manager applied another version of the kind, whose fields may have other names.
    #[error(
        "{manager} applied {name} as {applied}, not as {wanted}: apply a whole configuration of {wanted} first"
    )]
    OtherVersion {
        /// The manager.
        manager: String,
        /// The object's name.
        name: String,
        /// The version that was applied.
        applied: String,
        /// The version that is read.
        wanted: String,
    },
    /// `managedFields` are not written as they should be.
    #[error("managedFields of {name} have no meaning at {element:?}")]
    FieldSet {
        /// The object's name.
        name: String,
        /// What was read there.
        element: String,
    },
    /// The object cannot be written as JSON.
    #[error("cannot write the object {name} as JSON: {source}")]
    Serialize {
        /// The object's name.
        name: String,
        /// Why.
        source: serde_json::Error,
    },
    /// What the manager owns does not fit the configuration's type.
    ///
    /// A type without an apply configuration of its own is applied whole, and the manager owns a part.
    #[error("what {manager} owns of {name} does not fit its type at {path}: {reason}")]
    Configuration {
        /// The manager.
        manager: String,
        /// The object's name.
        name: String,
        /// The path of the field.
        path: String,
        /// Why, without the values.
        reason: String,
    },
}

/// Reads what a manager owns of an object, as a configuration that it can change and apply again.
///
/// `subresource` is the one through which the manager applied: `None` for the object itself,
/// `Some("status")` for its status. `apiVersion`, `kind`, name and namespace are always there, also where
/// the manager owns nothing; so is what tells the items of a list apart. Where the manager owns a map or
/// list and others own what is in it, it comes out empty.
///
/// A field that the object's type doesn't know is left out: applied again, the manager lets go of it.
///
/// ```
/// use k8s_openapi::api::core::v1::ConfigMap;
/// use kubist_core::apply::extract;
/// use serde_json::{from_value, json};
///
/// let map: ConfigMap = from_value(json!({
///     "metadata": {"name": "settings", "managedFields": [{
///         "manager": "my-controller", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
///         "fieldsV1": {"f:data": {"f:mine": {}}},
///     }]},
///     "data": {"mine": "1", "theirs": "2"},
/// }))?;
/// let owned: ConfigMap = extract(&map, "my-controller", None)?;
/// assert_eq!(owned.data.unwrap_or_default().into_keys().collect::<Vec<_>>(), ["mine"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// See [`enum@Error`]. An object without `managedFields` is an error: caches leave them out, and an empty
/// configuration, applied, would take away all that the manager owns.
pub fn extract<K, C>(object: &K, manager: &str, subresource: Option<&str>) -> Result<C, Error>
where
    K: Resource<DynamicType = ()> + Serialize,
    C: DeserializeOwned,
{
    let owned = owned_value(object, manager, subresource)?;
    serde_path_to_error::deserialize(&owned).map_err(|error| Error::Configuration {
        manager: manager.to_owned(),
        name: name_of(object),
        path: error.path().to_string(),
        reason: redact(&error.inner().to_string()).into_owned(),
    })
}

fn owned_value<K>(object: &K, manager: &str, subresource: Option<&str>) -> Result<Value, Error>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let meta = object.meta();
    let entries = match meta.managed_fields.as_deref() {
        Some(entries) if !entries.is_empty() => entries,
        _ => {
            return Err(Error::NoManagedFields {
                kind: K::kind(&()).into_owned(),
                name: name_of(object),
            });
        }
    };
    let mut owned = match entries
        .iter()
        .find(|entry| is_applied_by(entry, manager, subresource))
    {
        Some(entry) => fields_of(object, entries, entry)?,
        None => Map::new(),
    };

    owned.insert("apiVersion".to_owned(), json!(K::api_version(&())));
    owned.insert("kind".to_owned(), json!(K::kind(&())));
    let metadata = owned.entry("metadata").or_insert_with(|| json!({}));
    if let Value::Object(metadata) = metadata {
        metadata.remove("managedFields");
        for (key, value) in [("name", &meta.name), ("namespace", &meta.namespace)] {
            if let Some(value) = value {
                metadata.insert(key.to_owned(), json!(value));
            }
        }
    }
    Ok(Value::Object(owned))
}

fn is_applied_by(entry: &ManagedFieldsEntry, manager: &str, subresource: Option<&str>) -> bool {
    entry.manager.as_deref() == Some(manager)
        && entry.operation.as_deref() == Some("Apply")
        && entry.subresource.as_deref().unwrap_or_default() == subresource.unwrap_or_default()
}

/// The fields of one entry, as they are in the object.
fn fields_of<K>(
    object: &K,
    entries: &[ManagedFieldsEntry],
    entry: &ManagedFieldsEntry,
) -> Result<Map<String, Value>, Error>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let wanted = K::api_version(&());
    let applied = entry.api_version.as_deref().unwrap_or(&wanted);
    if applied != wanted {
        return Err(Error::OtherVersion {
            manager: entry.manager.clone().unwrap_or_default(),
            name: name_of(object),
            applied: applied.to_owned(),
            wanted: wanted.into_owned(),
        });
    }
    let value = serde_json::to_value(object).map_err(|source| Error::Serialize {
        name: name_of(object),
        source,
    })?;
    let others = entries
        .iter()
        .filter(|other| !std::ptr::eq(*other, entry))
        .filter_map(FieldSet::of)
        .collect::<Vec<_>>();
    let owned = match FieldSet::of(entry) {
        Some(set) => set.of_value(&value, &others),
        None => Ok(None),
    };
    match owned {
        Ok(Some(Value::Object(owned))) => Ok(owned),
        Ok(_) => Ok(Map::new()),
        Err(field_set::Unknown(element)) => Err(Error::FieldSet {
            name: name_of(object),
            element,
        }),
    }
}

fn name_of(object: &impl Resource) -> String {
    object.meta().name.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests;
