//! The rules of config maps and secrets.

use serde_json::Value;

use super::{frozen, immutable};
use crate::http::fields::FieldError;
use crate::object::meta;

fn config_keys(map: Option<&Value>, field: &str, errors: &mut Vec<FieldError>) {
    for key in map
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
    {
        let path = format!("{field}[{key}]");
        if key.len() > 253 {
            errors.push(FieldError::invalid_text(
                &path,
                key,
                "must be no more than 253 characters",
            ));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if key.is_empty() || !key.chars().all(allowed) {
            errors.push(FieldError::invalid_text(
                &path,
                key,
                "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
            ));
        } else if key == "." || key.starts_with("..") {
            let detail = if key == "." || key == ".." {
                format!("must not be '{key}'")
            } else {
                "must not start with '..'".into()
            };
            errors.push(FieldError::invalid_text(&path, key, &detail));
        }
    }
}

const LARGEST: usize = 1024 * 1024;

pub(super) fn config_map(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let data = new.get("data");
    config_keys(data, "data", errors);
    for key in data
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
    {
        if new.get("binaryData").and_then(|binary| binary.get(key)).is_some() {
            errors.push(FieldError::invalid_text(
                format!("data[{key}]"),
                key,
                "duplicate of key present in binaryData",
            ));
        }
    }
    config_keys(new.get("binaryData"), "binaryData", errors);
    if size(data) + size(new.get("binaryData")) * 3 / 4 > LARGEST {
        errors.push(FieldError::too_long("[]", LARGEST));
    }
    if let Some(old) = old {
        frozen(new, old, &["data", "binaryData"], errors);
    }
}

fn size(map: Option<&Value>) -> usize {
    map.and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum()
}

/// What a secret of logins must hold: JSON, which is not shown.
fn docker_config(secret: &Value, key: &str, errors: &mut Vec<FieldError>) {
    let field = format!("data[{key}]");
    let Some(encoded) = secret
        .get("data")
        .and_then(|data| data.get(key))
        .and_then(Value::as_str)
    else {
        errors.push(FieldError::required(field, ""));
        return;
    };
    let decoded = crate::object::decode::base64(encoded).unwrap_or_default();
    let first = decoded.first().copied().unwrap_or_default();
    let detail = match serde_json::from_slice::<serde_json::Map<String, Value>>(&decoded) {
        Ok(_) => return,
        Err(error) if error.is_eof() => "unexpected end of JSON input".to_owned(),
        Err(error) if error.is_syntax() => {
            let shown = char::from(first);
            format!("invalid character '{shown}' looking for beginning of value")
        }
        Err(_) => "json: cannot unmarshal into Go value of type map[string]interface {}".to_owned(),
    };
    errors.push(FieldError::invalid_text(
        field,
        "<secret contents redacted>",
        &detail,
    ));
}

pub(super) fn secret(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    config_keys(new.get("data"), "data", errors);
    if size(new.get("data")) * 3 / 4 > LARGEST {
        errors.push(FieldError::too_long("data", LARGEST));
    }
    let has = |key: &str| new.get("data").and_then(|data| data.get(key)).is_some();
    let mut require = |keys: &[&str]| {
        for key in keys.iter().filter(|key| !has(key)) {
            errors.push(FieldError::required(format!("data[{key}]"), ""));
        }
    };
    match new.get("type").and_then(Value::as_str).unwrap_or("") {
        "kubernetes.io/tls" => require(&["tls.crt", "tls.key"]),
        "kubernetes.io/dockerconfigjson" => docker_config(new, ".dockerconfigjson", errors),
        "kubernetes.io/dockercfg" => docker_config(new, ".dockercfg", errors),
        "kubernetes.io/ssh-auth" => require(&["ssh-privatekey"]),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            require(&["username", "password"]);
        }
        "kubernetes.io/service-account-token" => {
            let account = meta::get(new, "annotations")
                .and_then(|annotations| annotations.get("kubernetes.io/service-account.name"))
                .and_then(Value::as_str)
                .unwrap_or("");
            if account.is_empty() {
                errors.push(FieldError::required(
                    "metadata.annotations[kubernetes.io/service-account.name]",
                    "",
                ));
            }
        }
        _ => {}
    }
    if let Some(old) = old {
        immutable(new, old, "type", errors);
        frozen(new, old, &["data"], errors);
    }
}
