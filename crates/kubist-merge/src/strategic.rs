//! Strategic merge patch: JSON merge patch that knows which lists are maps.
//!
//! Which list merges, and by which key, is a property of the type; directives in the
//! patch (`$patch`, `$retainKeys`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`)
//! say the rest. The rules are those of `k8s.io/apimachinery/pkg/util/strategicpatch`.

use kubist_schema::{Field, Message};
use serde_json::{Map, Value};

use crate::{PatchError, go_value};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const ELEMENT_ORDER: &str = "$setElementOrder/";
const DELETE_PRIMITIVES: &str = "$deleteFromPrimitiveList/";

/// Merges `patch` into `target`, an object of the type `message`.
///
/// On an error `target` is left half-patched; keep a copy.
///
/// # Errors
///
/// [`PatchError`] if the patch is no object, a list item lacks its merge key, or a
/// directive is malformed.
pub fn strategic_merge(
    target: &mut Value,
    patch: &Value,
    message: &'static Message,
) -> Result<(), PatchError> {
    let (Value::Object(target), Value::Object(patch)) = (target, patch) else {
        return Err(PatchError::WrongType {
            expected: "an object",
        });
    };
    merge_map(target, patch.clone(), Some(message))
}

fn merge_map(
    target: &mut Map<String, Value>,
    mut patch: Map<String, Value>,
    message: Option<&'static Message>,
) -> Result<(), PatchError> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        match directive.as_str() {
            Some("replace") => *target = patch,
            Some("delete") => target.clear(),
            _ => {
                patch.insert(DIRECTIVE.into(), directive.clone());
                return Err(PatchError::BadDirective {
                    directive: go_value(&directive),
                    item: go_value(&Value::Object(patch)),
                });
            }
        }
        return Ok(());
    }
    retain_keys(target, &mut patch)?;
    set_element_orders(target, &mut patch, message)?;

    for (key, value) in patch {
        if let Some(name) = key.strip_prefix(DELETE_PRIMITIVES) {
            delete_primitives(target, name, value)?;
            continue;
        }
        if value.is_null() {
            target.remove(&key);
            continue;
        }
        let field = message.and_then(|message| message.field(&key));
        match (target.get_mut(&key), value) {
            (Some(Value::Object(current)), Value::Object(value)) => {
                let inner = field.filter(|field| !field.map).and_then(Field::message);
                merge_map(current, value, inner)?;
            }
            (Some(Value::Array(current)), Value::Array(value)) if field.is_some_and(|field| field.merge) => {
                let merged = merge_list(current, value, &key, field)?;
                *current = merged;
            }
            (_, mut value) => {
                drop_directives(&mut value);
                target.insert(key, value);
            }
        }
    }
    Ok(())
}

/// Obeys `$retainKeys`: what the list does not name goes.
fn retain_keys(target: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<(), PatchError> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let malformed = |why| PatchError::BadFormat {
        directive: RETAIN_KEYS.into(),
        why,
    };
    let Value::Array(keys) = keys else {
        return Err(malformed("it is no list"));
    };
    let retained = |key: &str| keys.iter().any(|kept| kept.as_str() == Some(key));
    if patch
        .iter()
        .any(|(key, value)| !key.starts_with('$') && !value.is_null() && !retained(key))
    {
        return Err(malformed("the patch sets a key that it does not retain"));
    }
    target.retain(|key, _| retained(key));
    Ok(())
}

/// Obeys `$setElementOrder/…`, merging the list that it orders on the way.
fn set_element_orders(
    target: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    message: Option<&'static Message>,
) -> Result<(), PatchError> {
    let orders: Vec<String> = patch
        .keys()
        .filter(|key| key.starts_with(ELEMENT_ORDER))
        .cloned()
        .collect();
    for directive in orders {
        let malformed = |why| PatchError::BadFormat {
            directive: directive.clone(),
            why,
        };
        let Some(Value::Array(order)) = patch.remove(&directive) else {
            return Err(malformed("it is no list"));
        };
        let name = directive[ELEMENT_ORDER.len()..].to_owned();
        let field = message.and_then(|message| message.field(&name));
        let before = match target.get(&name) {
            Some(Value::Array(items)) => items.clone(),
            None | Some(Value::Null) => Vec::new(),
            Some(_) => return Err(malformed("the field is no list")),
        };
        let merged = match patch.remove(&name) {
            Some(Value::Array(items)) if field.is_some_and(|field| field.merge) => {
                merge_list(&before, items, &name, field)?
            }
            Some(Value::Array(mut items)) => {
                items.iter_mut().for_each(drop_directives);
                items
            }
            Some(Value::Null) => {
                target.remove(&name);
                continue;
            }
            Some(_) => return Err(malformed("the field is no list")),
            None => before.clone(),
        };
        if merged.is_empty() && !target.contains_key(&name) {
            continue;
        }
        let key = field.and_then(|field| field.merge_key);
        target.insert(name, Value::Array(ordered(merged, &order, &before, key)));
    }
    Ok(())
}

fn delete_primitives(target: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), PatchError> {
    let Value::Array(gone) = value else {
        return Err(PatchError::BadFormat {
            directive: format!("{DELETE_PRIMITIVES}{name}"),
            why: "it is no list",
        });
    };
    if let Some(Value::Array(items)) = target.get_mut(name) {
        items.retain(|item| !gone.contains(item));
    }
    Ok(())
}

/// Merges a list of objects by its key, or of scalars as a set.
fn merge_list(
    current: &[Value],
    mut patch: Vec<Value>,
    name: &str,
    field: Option<&'static Field>,
) -> Result<Vec<Value>, PatchError> {
    let is_objects = current.iter().chain(&patch).any(Value::is_object);
    if !is_objects {
        let mut merged: Vec<Value> = Vec::with_capacity(current.len() + patch.len());
        for item in current.iter().chain(&patch) {
            if !merged.contains(item) {
                merged.push(item.clone());
            }
        }
        return Ok(ordered(merged, &patch, current, None));
    }
    let Some(key) = field.and_then(|field| field.merge_key) else {
        return Err(PatchError::NotMergeable { field: name.into() });
    };

    let mut merged = current.to_vec();
    let mut replace = false;
    let mut kept = Vec::with_capacity(patch.len());
    for item in patch.drain(..) {
        let Some(directive) = item.get(DIRECTIVE) else {
            kept.push(item);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let value = key_of(&item, key)?.clone();
                merged.retain(|existing| existing.get(key) != Some(&value));
            }
            Some("replace") => replace = true,
            _ => {
                return Err(PatchError::BadDirective {
                    directive: go_value(directive),
                    item: go_value(&item),
                });
            }
        }
    }
    if replace {
        kept.iter_mut().for_each(drop_directives);
        return Ok(kept);
    }

    let inner = field.and_then(Field::message);
    for item in &kept {
        let value = key_of(item, key)?;
        match merged
            .iter_mut()
            .find(|existing| existing.get(key) == Some(value))
        {
            Some(Value::Object(existing)) => {
                if let Value::Object(item) = item {
                    merge_map(existing, item.clone(), inner)?;
                }
            }
            _ => {
                let mut item = item.clone();
                drop_directives(&mut item);
                merged.push(item);
            }
        }
    }
    Ok(ordered(merged, &kept, current, Some(key)))
}

fn key_of<'a>(item: &'a Value, key: &str) -> Result<&'a Value, PatchError> {
    item.get(key).ok_or_else(|| PatchError::NoMergeKey {
        item: go_value(item),
        key: key.into(),
    })
}

/// Puts `items` in order: those of the patch as the patch has them, the server's own
/// between them where they were.
fn ordered(items: Vec<Value>, patch: &[Value], before: &[Value], key: Option<&str>) -> Vec<Value> {
    let position = |list: &[Value], item: &Value| {
        list.iter().position(|other| match key {
            Some(key) => other.get(key).is_some() && other.get(key) == item.get(key),
            None => other == item,
        })
    };
    let (mut ours, mut theirs): (Vec<Value>, Vec<Value>) = items
        .into_iter()
        .partition(|item| position(patch, item).is_some());
    ours.sort_by_key(|item| position(patch, item));
    theirs.sort_by_key(|item| position(before, item).unwrap_or(usize::MAX));

    let mut result = Vec::with_capacity(ours.len() + theirs.len());
    let (mut ours, mut theirs) = (ours.into_iter().peekable(), theirs.into_iter().peekable());
    while let (Some(our), Some(their)) = (ours.peek(), theirs.peek()) {
        let first = match (position(before, their), position(before, our)) {
            (Some(their), Some(our)) => their < our,
            _ => false,
        };
        result.extend(if first { theirs.next() } else { ours.next() });
    }
    result.extend(ours);
    result.extend(theirs);
    result
}

/// Leaves what a patch would create: without directives and nulls.
fn drop_directives(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, value| !key.starts_with('$') && !value.is_null());
            map.values_mut().for_each(drop_directives);
        }
        Value::Array(items) => {
            items.retain(|item| item.get(DIRECTIVE).is_none_or(|directive| directive != "delete"));
            items.iter_mut().for_each(drop_directives);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(containers: Value) -> Value {
        json!({"spec": {"containers": containers}})
    }

    fn patched(target: Value, patch: Value) -> Result<Value, PatchError> {
        let mut target = target;
        let message = kubist_schema::kind("", "v1", "Pod").expect("Pod");
        strategic_merge(&mut target, &patch, message).map(|()| target)
    }

    #[test]
    fn containers_merge_by_name_and_new_ones_come_first() {
        let result = patched(
            pod(json!([{"name": "a", "image": "1"}, {"name": "b", "image": "1"}])),
            pod(json!([{"name": "b", "image": "2"}, {"name": "c", "image": "1"}])),
        );
        let want = pod(json!([
            {"name": "a", "image": "1"}, {"name": "b", "image": "2"}, {"name": "c", "image": "1"}
        ]));
        assert_eq!(result.unwrap(), want);
    }

    #[test]
    fn directives_delete_and_replace() {
        let target = pod(json!([{"name": "a"}, {"name": "b"}]));
        let result = patched(target.clone(), pod(json!([{"name": "a", "$patch": "delete"}])));
        assert_eq!(result.unwrap(), pod(json!([{"name": "b"}])));
        let result = patched(target, pod(json!([{"name": "c"}, {"$patch": "replace"}])));
        assert_eq!(result.unwrap(), pod(json!([{"name": "c"}])));
    }

    #[test]
    fn element_order_is_obeyed() {
        let result = patched(
            pod(json!([{"name": "a"}, {"name": "b"}])),
            json!({"spec": {"containers": [{"name": "c"}],
                "$setElementOrder/containers": [{"name": "c"}, {"name": "b"}, {"name": "a"}]}}),
        );
        assert_eq!(
            result.unwrap(),
            pod(json!([{"name": "c"}, {"name": "b"}, {"name": "a"}]))
        );
    }

    #[test]
    fn an_item_without_its_key_is_refused() {
        let error = patched(pod(json!([{"name": "a"}])), pod(json!([{"image": "x"}]))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "map: map[image:x] does not contain declared merge key: name"
        );
    }

    #[test]
    fn primitive_lists_are_sets() {
        let target = json!({"metadata": {"finalizers": ["a/x", "b/x"]}});
        let result = patched(
            target,
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/x"]}}),
        )
        .unwrap();
        assert_eq!(result, json!({"metadata": {"finalizers": ["b/x"]}}));
    }
}
