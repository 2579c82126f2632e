//! Values that a schema allows.

mod branches;
mod text;

use fastrand::Rng;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde_json::{Map, Value, json};

use super::{INT_OR_STRING, PRESERVE};
use branches::Branches;

/// Makes values that a structural schema allows, to test with.
///
/// The same seed makes the same values. They begin small and grow, so that the first value that a test
/// fails with is a small one. Validation rules in CEL are not looked at, and of what a schema leaves open
/// (a value of any type, say) a type may refuse some.
///
/// ```
/// use kubist_core::schema::Sampler;
/// use serde_json::{from_value, json};
///
/// let schema = from_value(json!({"type": "integer", "minimum": 3, "maximum": 5}))?;
/// let mut sampler = Sampler::new(7, &schema);
/// for _ in 0..10 {
///     assert!((3..=5).contains(&sampler.sample().as_i64().unwrap_or_default()));
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sampler {
    random: Rng,
    schema: Value,
    /// How many values have been made.
    made: u32,
}

impl Sampler {
    /// Makes values of a schema.
    ///
    /// ```
    /// use kubist_core::schema::Sampler;
    /// use serde_json::{from_value, json};
    ///
    /// let schema = from_value(json!({"type": "boolean"}))?;
    /// assert_eq!(Sampler::new(7, &schema).sample(), Sampler::new(7, &schema).sample());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn new(seed: u64, schema: &JSONSchemaProps) -> Self {
        Sampler {
            random: Rng::with_seed(seed),
            schema: serde_json::to_value(schema).unwrap_or_default(),
            made: 0,
        }
    }

    /// The next value.
    ///
    /// ```
    /// # use kubist_core::schema::Sampler;
    /// # use serde_json::{from_value, json};
    /// let schema = from_value(json!({"type": "string", "maxLength": 3}))?;
    /// let text = Sampler::new(7, &schema).sample();
    /// assert!(text.as_str().is_some_and(|text| text.chars().count() <= 3));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn sample(&mut self) -> Value {
        let size = (self.made / 8).min(6);
        self.made = self.made.saturating_add(1);
        Draw {
            random: &mut self.random,
            size,
        }
        .value(&self.schema, 0)
    }
}

/// One value in the making.
struct Draw<'a> {
    random: &'a mut Rng,
    /// Bounds lengths, and how often something optional is there.
    size: u32,
}

impl Draw<'_> {
    fn value(&mut self, schema: &Value, depth: u32) -> Value {
        if schema["nullable"] == true && self.one_in(4) {
            return Value::Null;
        }
        if schema.get("default").is_some_and(|default| !default.is_null()) && self.one_in(6) {
            return schema["default"].clone();
        }
        if let Some(values) = schema["enum"].as_array().filter(|values| !values.is_empty()) {
            return values[self.random.usize(..values.len())].clone();
        }
        if schema[INT_OR_STRING] == true {
            return match self.random.bool() {
                true => json!(self.random.i32(0..100)),
                false => json!(self.text(schema)),
            };
        }
        match schema["type"].as_str() {
            Some("object") => Value::Object(self.object(schema, depth)),
            Some("array") => Value::Array(self.array(schema, depth)),
            Some("string") => json!(self.text(schema)),
            Some("integer") => self.integer(schema),
            Some("number") => self.number(schema),
            Some("boolean") => json!(self.random.bool()),
            _ => self.anything(),
        }
    }

    fn object(&mut self, schema: &Value, depth: u32) -> Map<String, Value> {
        let branches = Branches::choose(schema, self.random);
        let mut object = Map::new();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let required = branches.required.contains(name);
            if branches.forbidden.contains(name) || !required && !self.has_optional(depth) {
                continue;
            }
            let value = match branches.enums.get(name) {
                Some(values) if !values.is_empty() => values[self.random.usize(..values.len())].clone(),
                _ => self.value(property, depth + 1),
            };
            object.insert(name.clone(), value);
        }
        let others = match schema.get("additionalProperties") {
            Some(values @ Value::Object(_)) => Some(values.clone()),
            _ if schema[PRESERVE] == true => Some(json!({ PRESERVE: true })),
            _ => None,
        };
        if let Some(values) = others {
            let least = schema["minProperties"].as_u64().unwrap_or(0);
            for index in 0..self.length(least, schema["maxProperties"].as_u64()) {
                let key = format!("{}{index}", self.word());
                object.insert(key, self.value(&values, depth + 1));
            }
        }
        object
    }

    fn array(&mut self, schema: &Value, depth: u32) -> Vec<Value> {
        let least = schema["minItems"].as_u64().unwrap_or(0);
        let items: Vec<Value> = (0..self.length(least, schema["maxItems"].as_u64()))
            .map(|_| self.value(&schema["items"], depth + 1))
            .collect();
        let keys: Option<Vec<&str>> = match schema["x-kubernetes-list-type"].as_str() {
            Some("set") => Some(Vec::new()),
            Some("map") => schema["x-kubernetes-list-map-keys"]
                .as_array()
                .map(|keys| keys.iter().filter_map(Value::as_str).collect()),
            _ => None,
        };
        match keys {
            Some(keys) => distinct(items, &keys),
            None => items,
        }
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let (least, most) = match schema["format"].as_str() {
            Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
            Some("int16") => (i64::from(i16::MIN), i64::from(i16::MAX)),
            Some("int8") => (i64::from(i8::MIN), i64::from(i8::MAX)),
            Some("uint8") => (0, i64::from(u8::MAX)),
            Some("uint16") => (0, i64::from(u16::MAX)),
            Some("uint32") => (0, i64::from(u32::MAX)),
            Some("uint" | "uint64") => (0, i64::MAX),
            _ => (i64::MIN, i64::MAX),
        };
        let limit = |name: &str| schema[name].as_i64().or_else(|| truncated(schema[name].as_f64()));
        let mut least = limit("minimum").map_or(least, |minimum| minimum.max(least));
        let mut most = limit("maximum").map_or(most, |maximum| maximum.min(most));
        if schema["exclusiveMinimum"] == true {
            least = least.saturating_add(1);
        }
        if schema["exclusiveMaximum"] == true {
            most = most.saturating_sub(1);
        }
        let drawn = match self.random.u8(..4) {
            0 => least,
            1 => most,
            2 => self.random.i64(-4..20).clamp(least, most.max(least)),
            _ => self.random.i64(least..=most.max(least)),
        };
        match limit("multipleOf").filter(|step| *step > 1) {
            Some(step) => {
                let below = drawn - drawn.rem_euclid(step);
                json!(if below < least {
                    below.saturating_add(step)
                } else {
                    below
                })
            }
            None => json!(drawn),
        }
    }

    fn number(&mut self, schema: &Value) -> Value {
        let least = schema["minimum"].as_f64().unwrap_or(-1e6);
        let most = schema["maximum"].as_f64().unwrap_or(least.abs() + 1e6);
        let drawn = least + (most - least) * self.random.f64();
        let step = schema["multipleOf"].as_f64().filter(|step| *step > 0.0);
        json!(step.map_or(drawn, |step| (drawn / step).floor() * step))
    }

    /// A value of which nothing is said.
    fn anything(&mut self) -> Value {
        match self.random.u8(..6) {
            0 => json!(self.word()),
            1 => json!(self.random.i32(0..100)),
            2 => json!(self.random.bool()),
            3 => json!([self.word()]),
            _ => json!({ self.word(): self.word() }),
        }
    }

    fn has_optional(&mut self, depth: u32) -> bool {
        // The deeper, the rarer: schemas such as a pod's are wide.
        self.size > 0 && self.random.u32(..self.size + depth * depth + 1) < self.size
    }

    fn length(&mut self, least: u64, most: Option<u64>) -> u64 {
        let wanted = least + u64::from(self.random.u32(..=self.size.min(3)));
        most.map_or(wanted, |most| wanted.min(most)).max(least)
    }

    fn one_in(&mut self, number: u32) -> bool {
        self.random.u32(..number) == 0
    }
}

#[allow(clippy::cast_possible_truncation)]
fn truncated(limit: Option<f64>) -> Option<i64> {
    // A float beyond what an integer can be becomes the nearest integer.
    limit.map(|limit| limit as i64)
}

/// The items without those that a list of type set or map has already.
fn distinct(items: Vec<Value>, keys: &[&str]) -> Vec<Value> {
    let identity = |item: &Value| match keys {
        [] => item.clone(),
        keys => keys
            .iter()
            .map(|key| item.get(*key).cloned().unwrap_or_default())
            .collect(),
    };
    let mut seen = Vec::new();
    let mut kept = Vec::new();
    for item in items {
        let identity = identity(&item);
        if !seen.contains(&identity) {
            seen.push(identity);
            kept.push(item);
        }
    }
    kept
}

#[cfg(test)]
mod tests;
