//! JSON merge patch and JSON patch.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchErrorKind, PatchOperation};
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
/// It does what the library in an API server does, which is more than the RFC says:
/// - a `test` for null passes where there is nothing; clients use that to add a member only if
///   nobody else has;
/// - `replace` adds the member of an object that is not there, and `copy` from one gives null;
/// - `add`, `replace` and `test` without a value have null;
/// - a negative index counts from the end of a list;
/// - what is before the first `/` of a pointer is ignored;
/// - nothing but `replace` and `test` works on the whole document.
///
/// # Errors
///
/// [`PatchError::NotAPatch`] if `patch` is no list of operations, [`PatchError::Operation`]
/// with the index of the operation that failed, [`PatchError::TooMuchCopied`] if its copies come to
/// more than 3 MiB.
pub fn json_patch(target: &mut Value, patch: &Value) -> Result<(), PatchError> {
    let mut patch = patch.clone();
    for operation in patch.as_array_mut().into_iter().flatten() {
        tolerate(operation);
    }
    let patch: json_patch::Patch = serde::Deserialize::deserialize(patch).map_err(PatchError::NotAPatch)?;
    let mut patched = target.clone();
    let mut copied = 0;
    for (index, operation) in patch.0.into_iter().enumerate() {
        let failed = |path: String, source| PatchError::Operation {
            operation: index,
            op: name(&operation).to_owned(),
            path,
            source,
        };
        let Some(step) = adapted(&patched, operation.clone()) else {
            continue;
        };
        if let PatchOperation::Copy(copy) = &step {
            let what = patched.pointer(copy.from.as_str());
            copied += what.map_or(0, size);
            if copied > MOST_COPIED {
                return Err(PatchError::TooMuchCopied { operation: index });
            }
        }
        if step.path().is_root() && !matches!(step, PatchOperation::Replace(_) | PatchOperation::Test(_)) {
            return Err(failed(String::new(), PatchErrorKind::InvalidPointer));
        }
        json_patch::patch_unsafe(&mut patched, &[step])
            .map_err(|error| failed(error.path.to_string(), error.kind))?;
    }
    *target = patched;
    Ok(())
}

/// How much the copies of one patch may come to, so that copies of copies do not fill the memory.
///
/// An API server allows what a request may have.
const MOST_COPIED: usize = 3 * 1024 * 1024;

/// How long a value is as JSON, about.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(map) => {
            map.iter()
                .map(|(key, value)| key.len() + size(value) + 4)
                .sum::<usize>()
                + 2
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 5,
    }
}

/// Makes an operation one that can be read.
fn tolerate(operation: &mut Value) {
    let Value::Object(operation) = operation else {
        return;
    };
    for field in ["path", "from"] {
        if let Some(Value::String(pointer)) = operation.get_mut(field)
            && !pointer.starts_with('/')
            && let Some(at) = pointer.find('/')
        {
            pointer.drain(..at);
        }
    }
    if matches!(
        operation.get("op").and_then(Value::as_str),
        Some("add" | "replace" | "test")
    ) {
        operation.entry("value").or_insert(Value::Null);
    }
}

/// The operation as the RFC has it, nothing if there is nothing to do.
fn adapted(document: &Value, mut operation: PatchOperation) -> Option<PatchOperation> {
    match &mut operation {
        PatchOperation::Add(add) => count_back(document, &mut add.path, 1),
        PatchOperation::Remove(remove) => count_back(document, &mut remove.path, 0),
        PatchOperation::Replace(replace) => {
            count_back(document, &mut replace.path, 0);
            if is_new_member(document, &replace.path) {
                let (path, value) = (replace.path.clone(), replace.value.take());
                return Some(PatchOperation::Add(AddOperation { path, value }));
            }
        }
        PatchOperation::Move(step) => {
            count_back(document, &mut step.from, 0);
            count_back(document, &mut step.path, 1);
        }
        PatchOperation::Copy(step) => {
            count_back(document, &mut step.from, 0);
            count_back(document, &mut step.path, 1);
            if is_new_member(document, &step.from) {
                let (path, value) = (step.path.clone(), Value::Null);
                return Some(PatchOperation::Add(AddOperation { path, value }));
            }
        }
        PatchOperation::Test(test) => {
            count_back(document, &mut test.path, 0);
            if test.value.is_null() && document.pointer(test.path.as_str()).is_none() {
                return None;
            }
        }
    }
    Some(operation)
}

/// Turns negative indexes into those that they mean; `room` is 1 where an item may be added.
fn count_back(document: &Value, pointer: &mut PointerBuf, room: usize) {
    if !pointer.as_str().contains("/-") {
        return;
    }
    let mut at = Some(document);
    let mut counted = PointerBuf::new();
    let last = pointer.count().saturating_sub(1);
    for (depth, token) in pointer.tokens().enumerate() {
        let items = at.and_then(Value::as_array);
        let back = token
            .encoded()
            .strip_prefix('-')
            .and_then(|back| back.parse::<usize>().ok());
        let index = match (items, back) {
            (Some(items), Some(back)) if back > 0 => {
                let room = if depth == last { room } else { 0 };
                (items.len() + room).checked_sub(back)
            }
            _ => None,
        };
        let step = index.map_or_else(|| token.decoded().into_owned(), |index| index.to_string());
        at = at.and_then(|value| match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            value => value.get(&step),
        });
        counted.push_back(step.as_str());
    }
    *pointer = counted;
}

/// Whether a pointer leads to a member that an object does not have.
fn is_new_member(document: &Value, pointer: &PointerBuf) -> bool {
    pointer.split_back().is_some_and(|(parent, token)| {
        document
            .pointer(parent.as_str())
            .and_then(Value::as_object)
            .is_some_and(|parent| !parent.contains_key(token.decoded().as_ref()))
    })
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
    fn copies_of_copies_end() {
        let mut document = json!({"a": "x".repeat(1000)});
        let copy = |at: u32| json!({"op": "copy", "from": "", "path": format!("/c{at}")});
        let patch: Value = (0..64).map(copy).collect();
        let error = json_patch(&mut document, &patch).unwrap_err();
        assert!(matches!(error, PatchError::TooMuchCopied { .. }), "{error}");
        assert_eq!(document.as_object().map(Map::len), Some(1), "it is as it was");
    }

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
    fn patches_are_read_as_a_server_reads_them() {
        for (operation, result) in [
            (
                json!({"op": "replace", "path": "/b", "value": 1}),
                json!({"a": [1, 2], "b": 1}),
            ),
            (
                json!({"op": "copy", "from": "/b", "path": "/c"}),
                json!({"a": [1, 2], "c": null}),
            ),
            (
                json!({"op": "add", "path": "/b"}),
                json!({"a": [1, 2], "b": null}),
            ),
            (
                json!({"op": "add", "path": "x/b", "value": 1}),
                json!({"a": [1, 2], "b": 1}),
            ),
            (
                json!({"op": "add", "path": "/a/-1", "value": 3}),
                json!({"a": [1, 2, 3]}),
            ),
            (
                json!({"op": "add", "path": "/a/-2", "value": 3}),
                json!({"a": [1, 3, 2]}),
            ),
            (json!({"op": "remove", "path": "/a/-1"}), json!({"a": [1]})),
            (
                json!({"op": "replace", "path": "/a/-2", "value": 3}),
                json!({"a": [3, 2]}),
            ),
            (json!({"op": "replace", "path": "", "value": {}}), json!({})),
        ] {
            let mut target = json!({"a": [1, 2]});
            json_patch(&mut target, &json!([operation])).unwrap();
            assert_eq!(target, result, "{operation}");
        }
        for operation in [
            json!({"op": "add", "path": "", "value": {}}),
            json!({"op": "remove", "path": ""}),
            json!({"op": "remove", "path": "/b"}),
            json!({"op": "move", "from": "/b", "path": "/c"}),
            json!({"op": "replace", "path": "/b/c", "value": 1}),
            json!({"op": "remove", "path": "/a/-3"}),
            json!({"op": "replace", "path": "/a/2", "value": 1}),
        ] {
            let mut target = json!({"a": [1, 2]});
            assert!(
                json_patch(&mut target, &json!([operation])).is_err(),
                "{operation}"
            );
        }
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
