//! Bodies that hold an object: what they decode to, and what is wrong with them.

use std::fmt;

use serde_json::{Map, Value};

use crate::crd::structure;
use crate::http::fields::FieldError;
use crate::http::options::{FieldValidation, WriteOptions};
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::http::warnings::Warnings;
use crate::http::{gojson, json, negotiate};
use crate::kinds::kind::{Kind, Schema, go_package};
use crate::object::{decode, meta};

/// Reads the body of a create or an update.
pub(crate) fn decode_body(kind: &Kind, request: &Request, options: &WriteOptions) -> Result<Value, Failure> {
    let custom = kind.custom().is_some();
    let parsed = match negotiate::body(request.header("content-type"), custom, &request.body)? {
        Ok(parsed) => parsed,
        Err(error) => return Err(unrecognized(&kind.kind, &error, request)),
    };
    let repetition = parsed.repetition();
    let (object, unknown) = decode_object(kind, request, parsed.value)?;
    let doubled = parsed.duplicates.into_iter().map(Surplus::Doubled);
    let mut surplus: Vec<Surplus> = doubled.chain(unknown.into_iter().map(Surplus::Unknown)).collect();
    if !custom && surplus.len() > 1 {
        // A struct is decoded in the order of the text, and so are the complaints.
        let order = json::order(&request.body, surplus.iter().map(Surplus::path));
        surplus.sort_by_key(|surplus| order.get(surplus.path()).copied().unwrap_or(usize::MAX));
    }
    if !surplus.is_empty() || repetition.is_some() {
        let surplus = surplus.iter().map(ToString::to_string);
        match options.validation {
            FieldValidation::Strict => {
                let message = repetition
                    .into_iter()
                    .chain(surplus)
                    .collect::<Vec<_>>()
                    .join(", ");
                return Err(Failure::bad_request(format!(
                    "{} in version {:?} cannot be handled as a {}: strict decoding error: {message}",
                    kind.kind, kind.version, kind.kind
                )));
            }
            FieldValidation::Warn => request
                .warnings
                .extend(parsed.repeated.into_iter().chain(surplus)),
            FieldValidation::Ignore => {}
        }
    }
    Ok(object)
}

/// Refuses a body that can't be read as an object at all.
pub(crate) fn unrecognized(expected: &str, why: &str, request: &Request) -> Failure {
    let shown = negotiate::summary(&request.body);
    Failure::bad_request(format!(
        "the object provided is unrecognized (must be of type {expected}): {why} ({shown})"
    ))
}

/// Why a value can't be an object, in the words of Go.
pub(crate) fn no_object(value: &Value) -> String {
    format!(
        "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of type struct \
         {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
        crate::http::json::noun(value)
    )
}

/// Decodes an object of `kind`; gives it with the paths of what it should not have.
fn decode_object(kind: &Kind, request: &Request, mut value: Value) -> Result<(Value, Vec<String>), Failure> {
    if value.is_null() && kind.custom().is_none() {
        // To Go it is an object without anything.
        value = Value::Object(Map::new());
    }
    let cannot = |why: String| {
        Failure::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: {why}",
            kind.kind, kind.version, kind.kind
        ))
    };
    if !value.is_object() && !value.is_null() {
        let why = no_object(&value);
        return Err(unrecognized(&kind.kind, &why, request));
    }
    if kind.custom().is_some() {
        check_custom_type(kind, request, &value)?;
    } else {
        refuse_other(&kind.group, &kind.version, &kind.kind, &value)?;
    }
    if let Value::Object(map) = &mut value {
        map.insert("apiVersion".into(), kind.api_version().into());
        map.insert("kind".into(), kind.kind.as_str().into());
    }
    match &kind.schema {
        Schema::Builtin(message) => decode::decode(message, value).map_err(cannot),
        Schema::Custom(schema) => structure::decode(&schema.schema, value).map_err(cannot),
    }
}

/// Refuses a custom resource that does not say what it is, or says that it is something else.
fn check_custom_type(kind: &Kind, request: &Request, value: &Value) -> Result<(), Failure> {
    let (given_version, given_kind) = named_type(value);
    if given_kind.is_empty() {
        let shown = String::from_utf8_lossy(&request.body);
        let why = format!("Object 'Kind' is missing in '{}'", shown.trim_end());
        return Err(unrecognized(&kind.kind, &why, request));
    }
    if given_version != kind.api_version() {
        return Err(Failure::bad_request(format!(
            "the API version in the data ({given_version}) does not match the expected API version ({})",
            kind.api_version()
        )));
    }
    check_custom_names(kind, value)
}

/// Refuses a custom resource of another kind or version than its definition has.
fn check_custom_names(kind: &Kind, value: &Value) -> Result<(), Failure> {
    let (given_version, given_kind) = named_type(value);
    let wrong = |field: &str, given: &str, expected: &str| {
        (given != expected).then(|| FieldError::invalid(field, &given.into(), &format!("must be {expected}")))
    };
    let errors: Vec<FieldError> = [
        wrong("kind", given_kind, &kind.kind),
        wrong("apiVersion", given_version, &kind.api_version()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if errors.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid(
        &kind.group,
        given_kind,
        meta::name(value),
        &errors,
    ))
}

fn named_type(value: &Value) -> (&str, &str) {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("");
    (text("apiVersion"), text("kind"))
}

/// Refuses an object that says that it is of another kind than a built-in one.
pub(crate) fn refuse_other(group: &str, version: &str, kind: &str, value: &Value) -> Result<(), Failure> {
    let Some(why) = other_type(group, version, kind, value) else {
        return Ok(());
    };
    let (given_version, given_kind) = named_type(value);
    let (_, given_version) = meta::group_version(given_version);
    let given_version = if given_version.is_empty() {
        version
    } else {
        given_version
    };
    let given_kind = if given_kind.is_empty() { kind } else { given_kind };
    Err(Failure::bad_request(format!(
        "{given_kind} in version {given_version:?} cannot be handled as a {kind}: {why}"
    )))
}

/// Why an object is not of a built-in kind, if it says that it is of another.
fn other_type(group: &str, version: &str, kind: &str, value: &Value) -> Option<String> {
    let api_version = meta::api_version(group, version);
    let (given_version, given_kind) = named_type(value);
    let given_version = if given_version.is_empty() {
        &api_version
    } else {
        given_version
    };
    let given_kind = if given_kind.is_empty() { kind } else { given_kind };
    if given_version == api_version && given_kind == kind {
        return None;
    }
    let (given_group, version) = meta::group_version(given_version);
    Some(
        if kubist_schema::kind(given_group, version, given_kind).is_some() {
            let package = go_package(group);
            format!("converting ({version}.{given_kind}) to ({package}.{kind}): unknown conversion")
        } else {
            format!(
                "no kind {given_kind:?} is registered for version {given_version:?} in scheme \
             \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\""
            )
        },
    )
}

/// Decodes what a patch made of an object; `surplus` is what should not be in the patch itself.
pub(crate) fn decode_patched(
    kind: &Kind,
    options: &WriteOptions,
    before: &Value,
    patched: Value,
    surplus: Vec<String>,
    warnings: &Warnings,
) -> Result<Value, Failure> {
    let decoding = (structure::decode as CustomDecode, warnings);
    decode_changed(kind, options, before, patched, surplus, decoding)
}

/// Decodes what an apply made of an object.
pub(crate) fn decode_applied(
    kind: &Kind,
    options: &WriteOptions,
    before: &Value,
    applied: Value,
    warnings: &Warnings,
) -> Result<Value, Failure> {
    let decoding = (structure::decode_applied as CustomDecode, warnings);
    decode_changed(kind, options, before, applied, Vec::new(), decoding)
}

/// An object with the paths of what was pruned, or why it can't be read.
type Decoded = Result<(Value, Vec<String>), String>;

type CustomDecode = fn(&Value, Value) -> Decoded;

fn decode_changed(
    kind: &Kind,
    options: &WriteOptions,
    before: &Value,
    patched: Value,
    mut surplus: Vec<String>,
    (custom_decode, warnings): (CustomDecode, &Warnings),
) -> Result<Value, Failure> {
    if kind.custom().is_some() {
        check_custom_names(kind, &patched)?;
    }
    let text = patched.clone();
    let not_valid = |why: &str| {
        let shown = gojson::patched(kind, before, &text);
        let error = FieldError::invalid_text("patch", &shown, why);
        Failure::invalid("", "", "", &[error])
    };
    let decoded = match &kind.schema {
        Schema::Builtin(message) => match other_type(&kind.group, &kind.version, &kind.kind, &patched) {
            Some(why) => Err(why),
            None => decode::decode(message, patched),
        },
        Schema::Custom(custom) => custom_decode(&custom.schema, patched),
    };
    let (object, unknown) = decoded.map_err(|why| not_valid(&why))?;
    let unknown = unknown.into_iter().map(Surplus::Unknown);
    surplus.extend(unknown.map(|surplus| surplus.to_string()));
    if !surplus.is_empty() {
        match options.validation {
            FieldValidation::Strict => {
                return Err(not_valid(&format!(
                    "strict decoding error: {}",
                    surplus.join(", ")
                )));
            }
            FieldValidation::Warn => warnings.extend(surplus),
            FieldValidation::Ignore => {}
        }
    }
    Ok(object)
}

/// A field that is not needed; its path.
enum Surplus {
    Doubled(String),
    Unknown(String),
}

impl Surplus {
    fn path(&self) -> &str {
        match self {
            Surplus::Doubled(path) | Surplus::Unknown(path) => path,
        }
    }
}

impl fmt::Display for Surplus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Surplus::Doubled(path) => write!(f, "duplicate field {path:?}"),
            Surplus::Unknown(path) => write!(f, "unknown field {path:?}"),
        }
    }
}
