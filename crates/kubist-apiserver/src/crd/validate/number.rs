//! Numbers and their bounds.

use serde_json::{Number, Value};

use super::schema::{field, is, is_integer};
use crate::http::fields::FieldError;

/// What is wrong with a number.
pub(super) fn validate(schema: &Value, value: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let Value::Number(number) = value else {
        return errors;
    };
    errors.extend(range(schema, number, "Checked", path));
    let bound = |key: &str| {
        schema.get(key).and_then(|bound| match bound {
            Value::Number(bound) => Some(bound),
            _ => None,
        })
    };
    let invalid = |detail: String| {
        let detail = format!("{path} in body should be {detail}");
        FieldError::invalid(field(path), value, &detail)
    };
    if let Some(unit) = bound("multipleOf") {
        errors.extend(range(schema, unit, "MultipleOf", path));
        if !is_multiple(number, unit) {
            errors.push(invalid(format!("a multiple of {}", shown(unit))));
        }
    }
    for (key, strictly, below) in [
        ("minimum", "exclusiveMinimum", true),
        ("maximum", "exclusiveMaximum", false),
    ] {
        let Some(bound) = bound(key) else { continue };
        let what = if below { "Minimum" } else { "Maximum" };
        errors.extend(range(schema, bound, &format!("{what} boundary"), path));
        let strict = is(schema, strictly);
        let (fits, shown) = compared(number, bound, below, strict);
        if !fits {
            let than = match (below, strict) {
                (true, true) => "greater than",
                (true, false) => "greater than or equal to",
                (false, true) => "less than",
                (false, false) => "less than or equal to",
            };
            errors.push(invalid(format!("{than} {shown}")));
        }
    }
    errors
}

/// Whether a number is on the right side of a bound, and the bound as it was compared.
///
/// An integer is compared with what is before the point of a bound.
fn compared(number: &Number, bound: &Number, below: bool, strict: bool) -> (bool, String) {
    let ordering = match (number.as_i64(), whole(bound)) {
        (Some(number), Some(bound)) => number.partial_cmp(&bound),
        _ => number.as_f64().partial_cmp(&bound.as_f64()),
    };
    let shown = match (number.as_i64(), whole(bound)) {
        (Some(_), Some(bound)) => bound.to_string(),
        _ => shown(bound),
    };
    let fits = match ordering {
        Some(ordering) if below => ordering.is_gt() || ordering.is_eq() && !strict,
        Some(ordering) => ordering.is_lt() || ordering.is_eq() && !strict,
        None => true,
    };
    (fits, shown)
}

/// What is before the point.
#[allow(clippy::cast_possible_truncation)]
fn whole(number: &Number) -> Option<i64> {
    number
        .as_i64()
        .or_else(|| number.as_f64().map(|number| number.trunc() as i64))
}

fn is_multiple(number: &Number, unit: &Number) -> bool {
    match (number.as_i64(), whole(unit)) {
        (Some(number), Some(unit)) if unit != 0 => number.checked_rem(unit) == Some(0),
        _ => match (number.as_f64(), unit.as_f64()) {
            (Some(number), Some(unit)) if unit != 0.0 => is_integer(number / unit),
            _ => true,
        },
    }
}

/// An error if a number is too large for the type and format of the schema.
fn range(schema: &Value, number: &Number, what: &str, path: &str) -> Option<FieldError> {
    let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or("");
    let (ty, format) = (text("type"), text("format"));
    let integer = number.as_i64();
    let fits = match (ty, format) {
        // Many clients write the bounds of integers as floats, such as `1.0`.
        ("integer", "int32") => match integer {
            Some(number) => i32::try_from(number).is_ok(),
            None => number.as_f64().is_some_and(is_int),
        },
        // Formats without a sign are not known; a whole number of either has 64 bits and a sign.
        ("integer", _) => integer.is_some() || number.is_f64() && number.as_f64().is_some_and(is_long),
        (_, "float" | "float32") => number
            .as_f64()
            .is_none_or(|number| number.abs() <= f64::from(f32::MAX)),
        _ => true,
    };
    if fits {
        return None;
    }
    let of = match format {
        "int32" | "int64" | "float" | "double" => format!("with format {format}"),
        _ => "(default format)".to_owned(),
    };
    let detail = format!("{what} value must be of type {ty} {of} in {path}");
    Some(FieldError::invalid_text("<nil>", "", &detail))
}

/// Whether it is a whole number of 32 bits.
fn is_int(number: f64) -> bool {
    is_integer(number) && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number)
}

/// Whether it is a whole number of 64 bits.
fn is_long(number: f64) -> bool {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    is_integer(number) && (-BEYOND..BEYOND).contains(&number)
}

fn shown(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && is_integer(float) => format!("{float:.0}"),
        _ => number.to_string(),
    }
}
