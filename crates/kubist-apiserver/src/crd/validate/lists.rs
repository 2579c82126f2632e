//! Lists whose items may not come twice.

use std::collections::HashMap;

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::object::meta;

/// The items that come twice in lists that are sets or maps.
pub(super) fn validate(schema: &Value, value: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    walk(schema, value, path, &mut errors);
    errors
}

fn walk(schema: &Value, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    match value {
        Value::Array(items) => {
            for (at, duplicate) in duplicates(schema, items) {
                errors.push(FieldError::duplicate(format!("{path}[{at}]"), &duplicate));
            }
            if let Some(of) = schema.get("items") {
                for (at, item) in items.iter().enumerate() {
                    walk(of, item, &format!("{path}[{at}]"), errors);
                }
            }
        }
        Value::Object(map) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let values = schema.get("additionalProperties");
            for (key, value) in map {
                if let Some(of) = properties.and_then(|properties| properties.get(key)) {
                    walk(of, value, &super::join(path, key), errors);
                } else if let Some(of) = values.filter(|values| values.is_object()) {
                    walk(of, value, &format!("{path}[{key}]"), errors);
                }
            }
        }
        _ => {}
    }
}

/// The items of a set, or the keys of the items of a map, that came before in the same list;
/// each once.
fn duplicates(schema: &Value, items: &[Value]) -> Vec<(usize, Value)> {
    let keys = meta::strings(schema.get("x-kubernetes-list-map-keys"));
    let key_of = |item: &Value| -> Value {
        let present = keys
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), item.get(*key)?.clone())));
        Value::Object(present.collect())
    };
    let found: Vec<Value> = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => items.to_vec(),
        Some("map") => items.iter().map(key_of).collect(),
        _ => return Vec::new(),
    };
    let mut seen: HashMap<String, usize> = HashMap::new();
    let again = found.into_iter().enumerate().filter(|(_, key)| {
        let times = seen.entry(key.to_string()).or_default();
        *times += 1;
        *times == 2
    });
    again.collect()
}
