//! The way through a value and its schema, rule by rule.
//!
//! The expressions are `kube-cel`'s to evaluate; which of them apply, and to what old value, is decided here
//! as a server does.

use kube_cel::{RootContext, ValidationError, Validator};
use serde_json::{Map, Value, json};

use super::old_self;

const RULES: &str = "x-kubernetes-validations";

/// Everything that rules have against a value, or against a change from an old value to it.
pub(super) fn check(
    schema: &Value,
    value: &Value,
    old: Option<&Value>,
    root: Option<&RootContext>,
) -> Vec<ValidationError> {
    let seen = |value: &Value| without_nulls(schema, kube_cel::apply_defaults(schema, value));
    let (value, old) = (seen(value), old.map(seen));
    let mut walk = Walk {
        validator: Validator::new(),
        errors: Vec::new(),
    };
    walk.node(schema, &without_rules(schema), &value, old.as_ref(), root, "");
    walk.errors
}

struct Walk {
    validator: Validator,
    errors: Vec<ValidationError>,
}

impl Walk {
    /// A value and what is below it; `bare` is its schema without any rule.
    fn node(
        &mut self,
        schema: &Value,
        bare: &Value,
        value: &Value,
        old: Option<&Value>,
        root: Option<&RootContext>,
        path: &str,
    ) {
        self.rules(schema, bare, value, old, root, path);
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let below = |schema: &Value| below(schema, name).cloned();
                    if let (Some(schema), Some(bare)) = (below(schema), below(bare)) {
                        let old = old.and_then(|old| old.get(name));
                        let path = if path.is_empty() {
                            name.clone()
                        } else {
                            format!("{path}.{name}")
                        };
                        self.node(&schema, &bare, field, old, None, &path);
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let old = old.and_then(|old| counterpart(schema, old, item));
                    let path = format!("{path}[{index}]");
                    self.node(&schema["items"], &bare["items"], item, old, None, &path);
                }
            }
            _ => {}
        }
    }

    /// The rules of one value.
    fn rules(
        &mut self,
        schema: &Value,
        bare: &Value,
        value: &Value,
        old: Option<&Value>,
        root: Option<&RootContext>,
        path: &str,
    ) {
        // What was there before and is the same is not held against an update.
        let unchanged = old == Some(value);
        let rules: Vec<Value> = schema[RULES]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|rule| !unchanged || is_transition(rule))
            .map(|rule| with_optional_old(rule.clone(), old.is_some()))
            .collect();
        if rules.is_empty() {
            return;
        }
        let mut schema = bare.clone();
        schema[RULES] = Value::Array(rules);
        let Err(errors) = self.validator.validate_with_context(&schema, value, old, root) else {
            return;
        };
        self.errors.extend(errors.into_iter().map(|mut error| {
            let dot = if path.is_empty() || error.field_path.is_empty() || error.field_path.starts_with('.') {
                ""
            } else {
                "."
            };
            error.field_path = format!("{path}{dot}{}", error.field_path);
            error
        }));
    }
}

/// The schema of a field or of a map's value.
fn below<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let property = schema
        .get("properties")
        .and_then(|properties| properties.get(name));
    property.or_else(|| {
        schema
            .get("additionalProperties")
            .filter(|values| values.is_object())
    })
}

/// What an item was before: only the items of a list of type map have an identity.
fn counterpart<'a>(schema: &Value, old: &'a Value, item: &Value) -> Option<&'a Value> {
    if schema["x-kubernetes-list-type"] != "map" {
        return None;
    }
    let keys = schema["x-kubernetes-list-map-keys"].as_array()?;
    let mut keys = keys.iter().filter_map(Value::as_str);
    let old = old.as_array()?;
    let keys: Vec<&str> = keys.by_ref().collect();
    old.iter()
        .find(|old| keys.iter().all(|key| old.get(*key) == item.get(*key)))
}

fn is_transition(rule: &Value) -> bool {
    rule["rule"].as_str().is_some_and(old_self::is_in)
}

/// Under `optionalOldSelf`, `oldSelf` is an optional of the old value.
fn with_optional_old(mut rule: Value, has_old: bool) -> Value {
    if rule["optionalOldSelf"] != true {
        return rule;
    }
    let optional = if has_old {
        "optional.of(oldSelf)"
    } else {
        "optional.none()"
    };
    for key in ["rule", "messageExpression"] {
        if let Some(text) = rule[key].as_str() {
            rule[key] = json!(old_self::replaced(text, optional));
        }
    }
    rule
}

/// A schema without any rule.
fn without_rules(schema: &Value) -> Value {
    match schema {
        Value::Object(keywords) => keywords
            .iter()
            .filter(|(keyword, value)| keyword.as_str() != RULES || !value.is_array())
            .map(|(keyword, value)| (keyword.clone(), without_rules(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(parts) => parts.iter().map(without_rules).collect(),
        value => value.clone(),
    }
}

/// A value as rules see it: to them, a field that is null is one that is not there
/// ([source](https://github.com/kubernetes/apiserver/blob/master/pkg/cel/common/values.go)).
fn without_nulls(schema: &Value, value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter_map(|(name, value)| {
                let is_property = schema
                    .get("properties")
                    .is_some_and(|properties| properties.get(&name).is_some());
                match below(schema, &name) {
                    _ if is_property && value.is_null() => None,
                    Some(of) => Some((name, without_nulls(of, value))),
                    None => Some((name, value)),
                }
            })
            .collect(),
        Value::Array(items) => {
            let of = schema.get("items").unwrap_or(&Value::Null);
            items.into_iter().map(|item| without_nulls(of, item)).collect()
        }
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_null_is_not_there() {
        let schema = json!({
            "type": "object",
            "properties": {
                "a": {"type": "integer", "nullable": true},
                "list": {"type": "array", "items": {"properties": {"b": {"nullable": true}}}},
                "map": {"type": "object", "additionalProperties": {"properties": {"b": {"nullable": true}}}},
            },
            "x-kubernetes-validations": [{"rule": "!has(self.a) || self.a > 0"}],
        });
        let value =
            json!({"a": null, "list": [{"b": null}], "map": {"k": {"b": null}, "n": null}, "other": null});
        assert_eq!(
            without_nulls(&schema, value.clone()),
            json!({"list": [{}], "map": {"k": {}, "n": null}, "other": null})
        );
        assert_eq!(check(&schema, &value, None, None), []);
    }

    fn listed(list_type: &Value) -> Value {
        json!({"type": "array", "x-kubernetes-list-type": list_type, "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object",
                "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
                "x-kubernetes-validations": [{"rule": "self.size >= oldSelf.size", "message": "shrunk"}]}})
    }

    #[test]
    fn an_item_is_compared_with_the_one_of_its_keys() {
        let old = json!([{"name": "a", "size": 5}, {"name": "b", "size": 1}]);
        let moved = json!([{"name": "new", "size": 0}, {"name": "b", "size": 1}, {"name": "a", "size": 5}]);
        assert_eq!(check(&listed(&json!("map")), &moved, Some(&old), None), []);
        let shrunk = json!([{"name": "b", "size": 1}, {"name": "a", "size": 4}]);
        let errors = check(&listed(&json!("map")), &shrunk, Some(&old), None);
        assert_eq!((errors.len(), errors[0].field_path.as_str()), (1, "[1]"));
        // The items of other lists have no past.
        assert_eq!(check(&listed(&json!("atomic")), &shrunk, Some(&old), None), []);
    }

    #[test]
    fn what_has_not_changed_is_not_held_against_an_update() {
        let schema = json!({"type": "object", "properties": {
            "a": {"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0", "fieldPath": ".x"}]},
            "b": {"type": "integer"},
        }});
        let (old, new) = (json!({"a": 0, "b": 1}), json!({"a": 0, "b": 2}));
        assert_eq!(check(&schema, &new, Some(&old), None), []);
        let errors = check(&schema, &new, None, None);
        assert_eq!(errors[0].field_path, "a.x");
    }

    #[test]
    fn an_old_value_can_be_optional() {
        let schema = json!({"type": "integer", "x-kubernetes-validations": [{
            "rule": "oldSelf.hasValue() ? self >= oldSelf.value() : self == 0", "optionalOldSelf": true,
            "messageExpression": "'from ' + string(oldSelf.orValue(-1))",
        }]});
        let found = |value: i32, old: Option<i32>| {
            let old = old.map(|old| json!(old));
            let errors = check(&schema, &json!(value), old.as_ref(), None);
            errors.first().map(|error| error.message.clone())
        };
        assert_eq!((found(0, None), found(2, Some(1))), (None, None));
        assert_eq!(found(1, None).as_deref(), Some("from -1"));
        assert_eq!(found(1, Some(2)).as_deref(), Some("from 2"));
    }
}
