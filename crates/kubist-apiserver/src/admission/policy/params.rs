//! The parameters that a binding gives to its policy.

use std::sync::Arc;

use serde_json::Value;

use super::super::Attributes;
use crate::kinds::kind::{Kind, Registry};
use crate::kinds::rules::selector_matches;
use crate::object::member::text;
use crate::object::{meta, view};
use crate::state::Api;
use crate::store::{Key, Stored};

/// The kind of a policy's parameters; nothing for a policy without any.
///
/// # Errors
///
/// That the server does not serve that kind.
pub(super) fn kind(registry: &Registry, spec: &Value) -> Result<Option<Arc<Kind>>, String> {
    let Some(wanted) = spec.get("paramKind").filter(|kind| kind.is_object()) else {
        return Ok(None);
    };
    let (group, version) = meta::group_version(text(wanted, "apiVersion"));
    let name = text(wanted, "kind");
    let found = registry
        .kinds()
        .iter()
        .find(|kind| kind.group == group && kind.version == version && kind.kind == name);
    found.cloned().map(Some).ok_or_else(|| {
        let shown = format!("{group}/{version}, Kind={name}");
        format!("failed to find resource referenced by paramKind: '{shown}'")
    })
}

/// All parameters that a binding selects, of which each is asked about; a binding without any
/// asks once without.
pub(super) async fn collect(
    api: &Arc<Api>,
    kind: Option<&Arc<Kind>>,
    binding: &Value,
    attributes: &Attributes<'_>,
) -> Result<Vec<Option<Value>>, String> {
    let reference = binding["spec"]
        .get("paramRef")
        .filter(|reference| reference.is_object());
    let (Some(kind), Some(reference)) = (kind, reference) else {
        return Ok(vec![None]);
    };
    let home = text(reference, "namespace");
    let namespace = match (kind.namespaced, home, attributes.namespace.as_str()) {
        (true, "", "") => {
            return Err(
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
                    .into(),
            );
        }
        (true, "", namespace) => namespace,
        (true, home, _) => home,
        (false, "", _) => "",
        (false, ..) => {
            return Err("paramRef.namespace must not be provided for a cluster-scoped `paramKind`".into());
        }
    };
    let name = text(reference, "name");
    let found: Vec<Stored> = if name.is_empty() {
        let selector = reference.get("selector").unwrap_or(&Value::Null);
        let within = kind.namespaced.then_some(namespace);
        let (all, _) = api.store.list(&kind.table, within, None);
        let all = all.into_iter().map(|(_, stored)| stored);
        all.filter(|stored| selector_matches(selector, meta::get(&stored.value, "labels")))
            .collect()
    } else {
        api.store
            .get(&kind.table, &Key::new(namespace, name))
            .into_iter()
            .collect()
    };
    if found.is_empty() && text(reference, "parameterNotFoundAction") == "Deny" {
        return Err("no params found for policy binding with `Deny` parameterNotFoundAction".into());
    }
    let shown = view::objects(api, kind, found.iter().map(|stored| &stored.value)).await;
    let shown = shown.map_err(|failure| failure.message)?;
    Ok(shown.into_iter().map(Some).collect())
}
