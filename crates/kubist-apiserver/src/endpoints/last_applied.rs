//! What `kubectl apply` notes on an object, where server-side apply takes over.
//!
//! Upstream's rules are in `k8s.io/apimachinery/pkg/util/managedfields/internal`, files
//! `lastappliedmanager.go` and `lastappliedupdater.go`.

use kubist_merge::managed::Conflict;
use kubist_merge::{FieldSet, compare, field_set};
use serde_json::Value;

use crate::kinds::kind::Kind;
use crate::object::meta;

/// The manager whose applies take over from client-side applies.
pub(super) const KUBECTL: &str = "kubectl";
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// How large the annotations of an object may be.
const MOST: usize = 256 * 1024;

/// The conflicts that are none: over what was applied by the client before and is still so.
pub(super) fn allowed(kind: &Kind, live: &Value, conflicts: &[Conflict]) -> FieldSet {
    still_applied(kind, live)
        .map(|applied| {
            let paths = conflicts.iter().map(|conflict| conflict.path.clone());
            FieldSet::of(paths).intersection(&applied)
        })
        .unwrap_or_default()
}

/// The fields of the last configuration whose values the object still has.
fn still_applied(kind: &Kind, live: &Value) -> Option<FieldSet> {
    let last: Value = serde_json::from_str(noted(live)?).ok()?;
    if last.get("apiVersion")?.as_str()? != kind.api_version() {
        return None;
    }
    let changes = compare(kind.shape(), &last, live);
    let applied = field_set(kind.shape(), &last).ok()?;
    Some(
        applied
            .difference(&changes.modified)
            .difference(&changes.added)
            .difference(&changes.removed),
    )
}

/// Notes a configuration on an object that has such a note.
pub(super) fn note(object: &mut Value, config: &Value) {
    if noted(object).is_none() {
        return;
    }
    let mut config = config.clone();
    if let Some(annotations) = config
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.remove(ANNOTATION);
    }
    let annotations = meta::metadata(object)
        .get_mut("annotations")
        .and_then(Value::as_object_mut);
    let Some(annotations) = annotations else { return };
    annotations.insert(ANNOTATION.into(), format!("{config}\n").into());
    let sizes = annotations
        .iter()
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len));
    if sizes.sum::<usize>() > MOST {
        annotations.remove(ANNOTATION);
    }
}

fn noted(object: &Value) -> Option<&str> {
    let annotations = meta::get(object, "annotations")?;
    annotations
        .get(ANNOTATION)?
        .as_str()
        .filter(|text| !text.is_empty())
}
