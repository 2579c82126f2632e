//! Errors about fields, with the reasons and words of `k8s.io/apimachinery/pkg/util/validation/field`.

use std::fmt;

use serde_json::{Value, json};

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    reason: &'static str,
    message: String,
}

impl FieldError {
    pub(crate) fn required(field: impl Into<String>, detail: &str) -> FieldError {
        let message = if detail.is_empty() {
            "Required value".into()
        } else {
            format!("Required value: {detail}")
        };
        FieldError {
            field: field.into(),
            reason: "FieldValueRequired",
            message,
        }
    }

    pub(crate) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> FieldError {
        FieldError {
            field: field.into(),
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {}: {detail}", shown(value)),
        }
    }

    pub(crate) fn invalid_text(field: impl Into<String>, value: &str, detail: &str) -> FieldError {
        FieldError::invalid(field, &Value::from(value), detail)
    }

    /// As [`FieldError::invalid`], with the value as Go's JSON.
    pub(crate) fn invalid_json(field: impl Into<String>, value: &str, detail: &str) -> FieldError {
        FieldError::invalid_of(field, &format!("{}: {detail}", escaped(value)))
    }

    /// As [`FieldError::invalid`], without a reason.
    pub(crate) fn invalid_without_detail(field: impl Into<String>, value: &Value) -> FieldError {
        FieldError::invalid_of(field, &shown(value))
    }

    /// As [`FieldError::invalid`], without showing the value.
    pub(crate) fn invalid_of(field: impl Into<String>, detail: &str) -> FieldError {
        FieldError {
            field: field.into(),
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {detail}"),
        }
    }

    pub(crate) fn type_invalid(field: impl Into<String>, value: &Value, detail: &str) -> FieldError {
        FieldError {
            reason: "FieldValueTypeInvalid",
            ..FieldError::invalid(field, value, detail)
        }
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: &Value) -> FieldError {
        FieldError {
            field: field.into(),
            reason: "FieldValueDuplicate",
            message: format!("Duplicate value: {}", shown(value)),
        }
    }

    /// As [`FieldError::duplicate`], with the value as Go's JSON.
    pub(crate) fn duplicate_json(field: impl Into<String>, value: &str) -> FieldError {
        FieldError {
            message: format!("Duplicate value: {}", escaped(value)),
            ..FieldError::duplicate_of(field)
        }
    }

    /// As [`FieldError::duplicate`], without showing the value.
    pub(crate) fn duplicate_of(field: impl Into<String>) -> FieldError {
        FieldError {
            field: field.into(),
            reason: "FieldValueDuplicate",
            message: "Duplicate value".into(),
        }
    }

    /// Whether an object with this error is too far from its schema to look at more.
    pub(crate) fn is_blocking(&self) -> bool {
        matches!(
            self.reason,
            "FieldValueNotSupported"
                | "FieldValueRequired"
                | "FieldValueTooLong"
                | "FieldValueTooMany"
                | "FieldValueTypeInvalid"
        )
    }

    pub(crate) fn not_found(field: impl Into<String>, value: &Value) -> FieldError {
        FieldError {
            field: field.into(),
            reason: "FieldValueNotFound",
            message: format!("Not found: {}", shown(value)),
        }
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> FieldError {
        FieldError {
            field: field.into(),
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {detail}"),
        }
    }

    /// An error of the server's own, over this field.
    pub(crate) fn internal(field: impl Into<String>, detail: &str) -> FieldError {
        FieldError {
            field: field.into(),
            reason: "InternalError",
            message: format!("Internal error: {detail}"),
        }
    }

    /// `supported` is in the order in which it is to be shown.
    pub(crate) fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> FieldError {
        FieldError::not_supported_json(field, &shown(value), supported)
    }

    /// As [`FieldError::not_supported`], with the value as Go's JSON.
    pub(crate) fn not_supported_json(
        field: impl Into<String>,
        value: &str,
        supported: &[&str],
    ) -> FieldError {
        let supported: Vec<String> = supported.iter().map(|value| go_quote(value)).collect();
        FieldError {
            field: field.into(),
            reason: "FieldValueNotSupported",
            message: format!(
                "Unsupported value: {value}: supported values: {}",
                supported.join(", ")
            ),
        }
    }

    pub(crate) fn too_long(field: impl Into<String>, most: usize) -> FieldError {
        FieldError {
            field: field.into(),
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {most} bytes"),
        }
    }

    pub(crate) fn too_many(field: impl Into<String>, found: usize, most: usize) -> FieldError {
        let noun = if most == 1 { "item" } else { "items" };
        FieldError {
            field: field.into(),
            reason: "FieldValueTooMany",
            message: format!("Too many: {found}: must have at most {most} {noun}"),
        }
    }

    pub(crate) fn immutable(field: impl Into<String>, value: &Value) -> FieldError {
        FieldError::invalid(field, value, "field is immutable")
    }

    /// The same error inside the field `parent`.
    pub(crate) fn below(mut self, parent: &str) -> FieldError {
        self.field = if self.field == "<nil>" {
            parent.to_owned()
        } else {
            format!("{parent}.{}", self.field)
        };
        self
    }

    pub(crate) fn cause(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// A value as an error shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::String(text) => go_quote(text),
        other => escaped(&other.to_string()),
    }
}

/// JSON as Go writes it, fit for HTML.
fn escaped(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

/// Quotes as Go's `%q` does.
pub(crate) fn go_quote(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_control() && (c as u32) < 0x80 => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
