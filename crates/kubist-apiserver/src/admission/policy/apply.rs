//! `ApplyConfiguration`: an object that is merged into another as server-side apply merges.

use kube_cel::cel::Value as CelValue;
use kubist_merge::{Atom, ListKind, Shape, field_set, merge};
use serde_json::Value;

use crate::cel::{Structure, to_json};

/// What becomes of `object`.
///
/// # Errors
///
/// Why the value cannot be applied to it.
pub(super) fn apply(shape: Shape<'_>, object: &Value, value: &CelValue) -> Result<Value, String> {
    let structure =
        Structure::of(value).ok_or("unsupported return type from ApplyConfiguration expression")?;
    let misnamed = structure.misnamed();
    if !misnamed.is_empty() {
        return Err(format!("type mismatch: {}", misnamed.join("\n")));
    }
    let mut config = to_json(value).map_err(|why| format!("invalid return type: {why}"))?;
    for field in ["apiVersion", "kind"] {
        config[field] = object.get(field).cloned().unwrap_or_default();
    }
    let failed = |why: String| format!("error applying patch: {why}");
    field_set(shape, &config)
        .map_err(|error| failed(format!("failed to convert patch object to typed object: {error}")))?;
    let mut atomics = Vec::new();
    find_atomics(shape, &config, "", &mut atomics);
    if !atomics.is_empty() {
        return Err(failed(format!(
            "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {}",
            atomics.join(", ")
        )));
    }
    Ok(merge(shape, Some(object), Some(&config)).unwrap_or_else(|| object.clone()))
}

/// What would be replaced as a whole, which nobody means who sets a part of it.
fn find_atomics(shape: Shape<'_>, value: &Value, path: &str, found: &mut Vec<String>) {
    match (shape.atom(value), value) {
        (Atom::Map { atomic }, Value::Object(map)) => {
            if atomic {
                found.push(path.to_owned());
            }
            for (key, value) in map {
                if let Some((child, true)) = shape.child(key) {
                    find_atomics(child, value, &format!("{path}.{key}"), found);
                }
            }
        }
        (Atom::List { kind, items }, Value::Array(values)) => {
            if kind == ListKind::Atomic {
                found.push(path.to_owned());
            }
            for (at, value) in values.iter().enumerate() {
                find_atomics(items, value, &format!("{path}[{at}]"), found);
            }
        }
        _ => {}
    }
}
