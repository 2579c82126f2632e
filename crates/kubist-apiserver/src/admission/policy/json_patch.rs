//! `JSONPatch`: a list of changes, each made by an expression.

use kube_cel::cel::Value as CelValue;
use serde_json::{Value, json};

use crate::admission::dispatch::patch_words;
use crate::cel::{Structure, to_json};

const KINDS: [&str; 6] = ["add", "copy", "move", "remove", "replace", "test"];

/// What becomes of `object`; a test that fails leaves it as it is.
///
/// # Errors
///
/// Why the changes cannot be made.
pub(super) fn patch(object: &Value, value: &CelValue) -> Result<Value, String> {
    let operations = operations(value)?;
    let mut patched = object.clone();
    match kubist_merge::json_patch(&mut patched, &operations) {
        Ok(()) => Ok(patched),
        Err(error) => {
            let is_test = matches!(
                &error,
                kubist_merge::PatchError::Operation { op, .. } if op == "test"
            );
            if is_test {
                return Ok(object.clone());
            }
            Err(format!("JSON Patch: {}", patch_words(&error)))
        }
    }
}

fn operations(value: &CelValue) -> Result<Value, String> {
    let CelValue::List(items) = value else {
        return Err("type mismatch: JSONPatchType.expression should evaluate to array".into());
    };
    let mut operations = Vec::with_capacity(items.len());
    for item in items.iter() {
        let Some(structure) = Structure::of(item).filter(|structure| structure.name == "JSONPatch") else {
            return Err(
                "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch".into(),
            );
        };
        let mut operation = json!({"op": "", "path": ""});
        for field in ["op", "path", "from"] {
            match structure.field(field) {
                Some(CelValue::String(text)) => operation[field] = text.as_str().into(),
                Some(_) => return Err(format!("unexpected type for JSONPatchType '{field}' field")),
                None => {}
            }
        }
        let op = operation["op"].as_str().unwrap_or("");
        if !KINDS.contains(&op) {
            return Err(format!("JSON Patch: Unexpected kind: {op}"));
        }
        if let Some(value) = structure.field("value") {
            let misnamed = Structure::of(value).map(Structure::misnamed).unwrap_or_default();
            if !misnamed.is_empty() {
                return Err(format!("type mismatch: {}", misnamed.join("\n")));
            }
            operation["value"] = to_json(value).map_err(|why| {
                format!("JSONPath valueExpression evaluated to a type that could not marshal to JSON: {why}")
            })?;
        }
        operations.push(operation);
    }
    Ok(Value::Array(operations))
}
