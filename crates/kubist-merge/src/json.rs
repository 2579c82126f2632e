//! JSON merge patch and JSON patch.

use json_patch::PatchOperation;
use serde_json::{Map, Value};

use crate::PatchError;

/// Merges `patch` into `target` as RFC 7386 says: null removes, objects merge, all else replaces.
///
/// ```
/// use serde_json::json;
///
/// let mut target = json!({"a": 1, "b": {"c": 2, "d": 3}});
/// kubist_merge::json_merge(&mut target, &json!({"a": null, "b": {"c": 4}}));
/// assert_eq!(target, json!({"b": {"c": 4, "d": 3}}));
/// ```
pub fn json_merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            json_merge(target.entry(key.as_str()).or_insert(Value::Null), value);
        }
    }
}

/// Applies a JSON patch (RFC 6902) to `target`; on an error `target` is as it was.
///
/// Beyond the RFC, a `test` for null passes where there is nothing, as it does on an API server:
/// clients use that to add a member only if nobody else has.
///
/// # Errors
///
/// [`PatchError::NotAPatch`] if `patch` is no list of operations, [`PatchError::Operation`]
/// with the index of the operation that failed.
pub fn json_patch(target: &mut Value, patch: &Value) -> Result<(), PatchError> {
    let patch: json_patch::Patch = serde::Deserialize::deserialize(patch).map_err(PatchError::NotAPatch)?;
    let mut patched = target.clone();
    for (index, operation) in patch.0.iter().enumerate() {
        if let PatchOperation::Test(test) = operation
            && test.value.is_null()
            && patched.pointer(test.path.as_str()).is_none()
        {
            continue;
        }
        json_patch::patch_unsafe(&mut patched, std::slice::from_ref(operation)).map_err(|error| {
            PatchError::Operation {
                operation: index,
                op: name(operation).to_owned(),
                path: error.path.to_string(),
                source: error.kind,
            }
        })?;
    }
    *target = patched;
    Ok(())
}

/// The `op` of an operation.
fn name(operation: &PatchOperation) -> &'static str {
    match operation {
        PatchOperation::Add(_) => "add",
        PatchOperation::Remove(_) => "remove",
        PatchOperation::Replace(_) => "replace",
        PatchOperation::Move(_) => "move",
        PatchOperation::Copy(_) => "copy",
        PatchOperation::Test(_) => "test",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merge_follows_the_examples_of_the_rfc() {
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (
                json!({}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
        ] {
            let mut merged = target.clone();
            json_merge(&mut merged, &patch);
            assert_eq!(merged, result, "{target} with {patch}");
        }
    }

    #[test]
    fn a_test_for_null_passes_where_there_is_nothing() {
        let patch = json!([
            {"op": "test", "path": "/metadata/finalizers", "value": null},
            {"op": "add", "path": "/metadata/finalizers", "value": ["a"]},
        ]);
        let mut target = json!({"metadata": {}});
        json_patch(&mut target, &patch).unwrap();
        assert_eq!(target, json!({"metadata": {"finalizers": ["a"]}}));
        assert!(json_patch(&mut target, &patch).is_err(), "now there is something");
    }

    #[test]
    fn a_failed_operation_is_named_and_changes_nothing() {
        let mut target = json!({"a": 1});
        let patch = json!([{"op": "add", "path": "/b", "value": 2}, {"op": "remove", "path": "/none"}]);
        match json_patch(&mut target, &patch) {
            Err(PatchError::Operation {
                operation: 1, path, ..
            }) => assert_eq!(path, "/none"),
            other => panic!("{other:?}"),
        }
        assert_eq!(target, json!({"a": 1}));
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        let patch = json!([{"op": "nope", "path": "/a"}]);
        assert!(matches!(
            json_patch(&mut json!({}), &patch),
            Err(PatchError::NotAPatch(_))
        ));
    }
}
