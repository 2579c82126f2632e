//! Which of an object's variants a value is to be of.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use serde_json::Value;

/// What the chosen variants say about an object's properties.
#[derive(Debug, Default)]
pub(super) struct Branches {
    pub(super) required: BTreeSet<String>,
    pub(super) forbidden: BTreeSet<String>,
    /// What a property must be one of.
    pub(super) enums: BTreeMap<String, Vec<Value>>,
}

impl Branches {
    pub(super) fn choose(schema: &Value, random: &mut Rng) -> Self {
        let mut branches = Branches::default();
        branches.add(schema, random);
        branches
    }

    fn add(&mut self, schema: &Value, random: &mut Rng) {
        self.required.extend(required(schema));
        for part in list(&schema["allOf"]) {
            self.add_narrowing(part, random);
        }
        for junctor in ["oneOf", "anyOf"] {
            let variants = list(&schema[junctor]);
            if variants.is_empty() {
                continue;
            }
            let chosen = &variants[random.usize(..variants.len())];
            if junctor == "oneOf" {
                let own: BTreeSet<String> = required(chosen).collect();
                // What tells the other variants from this one makes it two at once.
                let others = variants.iter().flat_map(required);
                self.forbidden.extend(others.filter(|name| !own.contains(name)));
            }
            self.add_narrowing(chosen, random);
        }
        if let Value::Object(not) = &schema["not"] {
            let not = Value::Object(not.clone());
            self.forbidden.extend(required(&not));
            for variant in list(&not["anyOf"]) {
                self.forbidden.extend(required(variant));
            }
        }
    }

    fn add_narrowing(&mut self, variant: &Value, random: &mut Rng) {
        for (name, property) in variant["properties"].as_object().into_iter().flatten() {
            if let Some(values) = property["enum"].as_array() {
                self.enums.insert(name.clone(), values.clone());
            }
        }
        self.add(variant, random);
    }
}

fn required(schema: &Value) -> impl Iterator<Item = String> {
    list(&schema["required"])
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
