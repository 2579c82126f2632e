//! Bodies that hold an object: what they decode to, and what is wrong with them.

use serde_json::Value;

use crate::crd::structure;
use crate::http::fields::FieldError;
use crate::http::options::{FieldValidation, WriteOptions};
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::http::{gojson, negotiate};
use crate::kinds::kind::{Kind, Schema};
use crate::object::{decode, meta};

/// Reads the body of a create or an update.
pub(crate) fn decode_body(
    kind: &Kind,
    request: &Request,
    options: &WriteOptions,
) -> Result<(Value, Vec<String>), Failure> {
    let custom = kind.custom().is_some();
    let parsed = match negotiate::body(request.header("content-type"), custom, &request.body)? {
        Ok(parsed) => parsed,
        Err(error) => return Err(Failure::bad_request(unreadable(kind, request, &error))),
    };
    let mut warnings = Vec::new();
    let (object, mut problems) = decode_object(kind, parsed.value, custom)?;
    let mut all: Vec<String> = parsed
        .duplicates
        .iter()
        .map(|path| format!("duplicate field {path:?}"))
        .collect();
    all.append(&mut problems);
    if !all.is_empty() {
        match options.validation {
            FieldValidation::Strict => {
                let message = all.join(", ");
                return Err(Failure::bad_request(format!(
                    "{} in version {:?} cannot be handled as a {}: strict decoding error: {message}",
                    kind.kind, kind.version, kind.kind
                )));
            }
            FieldValidation::Warn => warnings.append(&mut all),
            FieldValidation::Ignore => {}
        }
    }
    Ok((object, warnings))
}

fn unreadable(kind: &Kind, request: &Request, error: &str) -> String {
    let how = if error.starts_with("yaml: ") {
        ""
    } else {
        "couldn't get version/kind; json parse error: "
    };
    format!(
        "the object provided is unrecognized (must be of type {}): {how}{error} ({})",
        kind.kind,
        beginning(&request.body)
    )
}

/// The first bytes of a body, for a message: no more than it takes to know it again.
fn beginning(body: &[u8]) -> String {
    const MOST: usize = 30;
    let (shown, rest) = body.split_at(body.len().min(MOST));
    let dots = if rest.is_empty() { "" } else { " ..." };
    let shown = match shown.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(shown).into_owned(),
        Some(_) => shown.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    format!("{shown}{dots}")
}

/// Decodes an object of `kind`; gives it with what is strictly wrong with it.
fn decode_object(kind: &Kind, mut value: Value, custom: bool) -> Result<(Value, Vec<String>), Failure> {
    let cannot = |why: String| {
        Failure::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: {why}",
            kind.kind, kind.version, kind.kind
        ))
    };
    if !value.is_object() {
        return Err(cannot(format!(
            "json: cannot unmarshal {} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            crate::http::json::noun(&value)
        )));
    }
    check_type(kind, &value, custom)?;
    if let Value::Object(map) = &mut value {
        map.insert("apiVersion".into(), kind.api_version().into());
        map.insert("kind".into(), kind.kind.as_str().into());
    }
    let (object, unknown) = match &kind.schema {
        Schema::Builtin(message) => decode::decode(message, value).map_err(cannot)?,
        Schema::Custom(schema) => structure::decode(&schema.schema, value).map_err(cannot)?,
    };
    Ok((
        object,
        unknown
            .into_iter()
            .map(|path| format!("unknown field {path:?}"))
            .collect(),
    ))
}

/// Refuses an object that says that it is something else.
fn check_type(kind: &Kind, value: &Value, custom: bool) -> Result<(), Failure> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("");
    let (given_version, given_kind) = (text("apiVersion"), text("kind"));
    if custom {
        for (key, given) in [("kind", given_kind), ("apiVersion", given_version)] {
            if given.is_empty() && key == "kind" {
                return Err(Failure::bad_request(
                    "Object 'Kind' is missing in the request body",
                ));
            }
        }
    }
    if given_version.is_empty() && given_kind.is_empty() {
        return Ok(());
    }
    let given_version = if given_version.is_empty() {
        kind.api_version()
    } else {
        given_version.to_owned()
    };
    let given_kind = if given_kind.is_empty() {
        kind.kind.as_str()
    } else {
        given_kind
    };
    if given_version == kind.api_version() && given_kind == kind.kind {
        return Ok(());
    }
    let (group, version) = meta::group_version(&given_version);
    if custom {
        return Err(Failure::bad_request(format!(
            "the API version in the data ({given_version}) does not match the expected API version ({})",
            kind.api_version()
        )));
    }
    let why = if kubist_schema::kind(group, version, given_kind).is_some() {
        let go_package = |group: &str| {
            if group.is_empty() {
                "core".to_owned()
            } else {
                group.split('.').next().unwrap_or("").to_owned()
            }
        };
        format!(
            "converting ({version}.{given_kind}) to ({}.{}): unknown conversion",
            go_package(&kind.group),
            kind.kind
        )
    } else {
        format!(
            "no kind {given_kind:?} is registered for version {given_version:?} in scheme \
             \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\""
        )
    };
    Err(Failure::bad_request(format!(
        "{given_kind} in version {version:?} cannot be handled as a {}: {why}",
        kind.kind
    )))
}

/// Decodes what a patch made of an object.
pub(crate) fn decode_patched(
    kind: &Kind,
    options: &WriteOptions,
    before: &Value,
    patched: Value,
) -> Result<(Value, Vec<String>), Failure> {
    decode_changed(kind, options, before, patched, structure::decode)
}

/// Decodes what an apply made of an object.
pub(crate) fn decode_applied(
    kind: &Kind,
    options: &WriteOptions,
    before: &Value,
    applied: Value,
) -> Result<(Value, Vec<String>), Failure> {
    decode_changed(kind, options, before, applied, structure::decode_applied)
}

/// An object with the paths of what was pruned, or why it can't be read.
type Decoded = Result<(Value, Vec<String>), String>;

fn decode_changed(
    kind: &Kind,
    options: &WriteOptions,
    before: &Value,
    patched: Value,
    custom_decode: fn(&Value, Value) -> Decoded,
) -> Result<(Value, Vec<String>), Failure> {
    let text = patched.clone();
    let not_valid = |why: &str| {
        let shown = gojson::patched(kind, before, &text);
        let error = FieldError::invalid_text("patch", &shown, why);
        Failure::invalid("", "", "", &[error])
    };
    let decoded = match &kind.schema {
        Schema::Builtin(message) => decode::decode(message, patched),
        Schema::Custom(custom) => custom_decode(&custom.schema, patched),
    };
    let (object, unknown) = decoded.map_err(|why| not_valid(&why))?;
    let mut warnings: Vec<String> = unknown
        .into_iter()
        .map(|path| format!("unknown field {path:?}"))
        .collect();
    if !warnings.is_empty() {
        match options.validation {
            FieldValidation::Strict => {
                return Err(not_valid(&format!(
                    "strict decoding error: {}",
                    warnings.join(", ")
                )));
            }
            FieldValidation::Warn => {}
            FieldValidation::Ignore => warnings.clear(),
        }
    }
    Ok((object, warnings))
}
