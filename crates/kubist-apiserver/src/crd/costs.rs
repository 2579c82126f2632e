//! What the rules of a schema may cost together, by their estimates.

use serde_json::Value;

use crate::http::fields::FieldError;

/// What one expression may cost.
const EXPRESSION_LIMIT: u64 = 10_000_000;
/// What all expressions of a schema may cost.
const SCHEMA_LIMIT: u64 = 100_000_000;
/// How many of the most expensive expressions are named.
const NAMED: usize = 4;

/// The estimates of a schema's expressions.
pub(super) struct Costs {
    /// Whether expressions were accepted before, and need not be cheap one by one.
    accepted: bool,
    total: u64,
    expensive: Vec<(u64, String)>,
}

impl Costs {
    pub(super) fn new(accepted: bool) -> Costs {
        Costs {
            accepted,
            total: 0,
            expensive: Vec::new(),
        }
    }

    /// Counts what an expression can cost; gives an error if that is too much for one.
    pub(super) fn observe(&mut self, noun: &str, field: String, cost: u64) -> Option<FieldError> {
        self.total = self.total.saturating_add(cost);
        let over = cost > EXPRESSION_LIMIT && !self.accepted;
        let error = over.then(|| {
            let what = format!("estimated {noun} cost");
            FieldError::forbidden(field.clone(), &exceeds(&what, cost, EXPRESSION_LIMIT))
        });
        if cost >= SCHEMA_LIMIT / 100 {
            self.expensive.push((cost, field));
        }
        error
    }

    /// What is wrong with the sum.
    pub(super) fn total(mut self, schema: &str) -> Vec<FieldError> {
        if self.total <= SCHEMA_LIMIT {
            return Vec::new();
        }
        self.expensive.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
        let detail =
            "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
        let expensive = self.expensive.into_iter().take(NAMED);
        let mut errors: Vec<FieldError> = expensive
            .map(|(_, field)| FieldError::forbidden(field, detail))
            .collect();
        let what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
        errors.push(FieldError::forbidden(
            schema,
            &exceeds(what, self.total, SCHEMA_LIMIT),
        ));
        errors
    }
}

/// How often what is below a schema can be in an object; nothing if that is not bounded.
pub(super) fn below(cardinality: Option<u64>, schema: &Value) -> Option<u64> {
    let limit = |key: &str| {
        let limit = schema.get(key).and_then(Value::as_i64)?;
        Some(u64::try_from(limit).unwrap_or(0))
    };
    let has_values = schema
        .get("additionalProperties")
        .is_some_and(|values| !values.is_null());
    let times = match schema.get("type").and_then(Value::as_str) {
        Some("array") => limit("maxItems")?,
        Some("object") if has_values => limit("maxProperties")?,
        _ => 1,
    };
    Some(cardinality?.saturating_mul(times))
}

#[allow(clippy::cast_precision_loss)]
fn exceeds(what: &str, cost: u64, limit: u64) -> String {
    let factor = cost as f64 / limit as f64;
    let factor = if factor > 100.0 {
        "more than 100x".to_owned()
    } else if factor < 1.5 {
        format!("{factor:.6}x")
    } else {
        format!("{factor:.1}x")
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, \
         and maxLength where arrays, maps, and strings are declared)"
    )
}
