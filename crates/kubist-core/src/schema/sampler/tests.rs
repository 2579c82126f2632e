use super::*;

fn samples(schema: Value) -> Vec<Value> {
    let schema = serde_json::from_value(schema).expect("a schema");
    let mut sampler = Sampler::new(1, &schema);
    (0..200).map(|_| sampler.sample()).collect()
}

#[test]
fn the_same_seed_makes_the_same_values() {
    let schema = json!({"type": "array", "items": {"type": "string"}});
    assert_eq!(samples(schema.clone()), samples(schema));
}

#[test]
fn one_variant_at_a_time() {
    let tagged = samples(json!({
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": ["A", "B"]}, "a": {"type": "string"}, "b": {"type": "integer"},
        },
        "oneOf": [
            {"properties": {"type": {"enum": ["A"]}}, "required": ["a", "type"]},
            {"properties": {"type": {"enum": ["B"]}}, "required": ["b", "type"]},
        ],
    }));
    for value in &tagged {
        let is_a = value["type"] == "A";
        assert_eq!(
            (value.get("a").is_some(), value.get("b").is_some()),
            (is_a, !is_a),
            "{value}"
        );
    }
    for tag in ["A", "B"] {
        assert!(tagged.iter().any(|value| value["type"] == tag), "{tag}");
    }
}

#[test]
fn limits_are_kept_and_reached() {
    let numbers = samples(json!({
        "type": "integer", "minimum": 10, "maximum": 30, "exclusiveMaximum": true, "multipleOf": 5.0,
    }));
    let mut numbers: Vec<i64> = numbers.iter().filter_map(Value::as_i64).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, [10, 15, 20, 25]);
    for text in samples(json!({"type": "string", "minLength": 2, "maxLength": 3})) {
        let length = text.as_str().map(|text| text.chars().count());
        assert!(matches!(length, Some(2 | 3)), "{text}");
    }
    for list in samples(json!({
        "type": "array", "minItems": 1, "maxItems": 2, "x-kubernetes-list-type": "set",
        "items": {"type": "string", "enum": ["a", "b"]},
    })) {
        let list = list.as_array().expect("a list");
        assert!(
            matches!(list.len(), 1 | 2) && list.first() != list.get(1),
            "{list:?}"
        );
    }
}

#[test]
fn patterns_are_matched() {
    for text in samples(json!({"type": "string", "pattern": "^(v|w)[0-9]{1,3}(-x)?$"})) {
        let text = text.as_str().expect("a string");
        let digits = text.trim_start_matches(['v', 'w']).trim_end_matches("-x");
        assert!(
            text.starts_with(['v', 'w']) && digits.parse::<u16>().is_ok(),
            "{text}"
        );
    }
}

#[test]
fn values_grow() {
    let schema = json!({
        "type": "object", "required": ["a"],
        "properties": {"a": {"type": "boolean"}, "b": {"type": "string", "nullable": true}},
    });
    let samples = samples(schema);
    assert_eq!(samples[0].as_object().map(Map::len), Some(1));
    assert!(samples.iter().any(|value| value["b"].is_string()));
    assert!(samples.iter().any(|value| value.get("b") == Some(&Value::Null)));
}
