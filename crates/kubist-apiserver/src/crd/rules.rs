//! The rules for definitions themselves, and for formats of strings.

use regex::Regex;
use serde_json::Value;

use crate::http::fields::FieldError;
use crate::kinds::rules::client_config;
use crate::object::meta;
use crate::object::metavalidate::{NameRule, name_problems};
use crate::webhook::is_bundle;

/// What is wrong with a definition.
pub(crate) fn validate(crd: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = &crd["spec"];
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let (group, plural) = (text(spec, "group"), text(&spec["names"], "plural"));
    if meta::name(crd) != format!("{plural}.{group}") {
        errors.push(FieldError::invalid_text(
            "metadata.name",
            meta::name(crd),
            "must be spec.names.plural+\".\"+spec.group",
        ));
    }
    if group.is_empty() {
        errors.push(FieldError::required("spec.group", ""));
    } else {
        for problem in name_problems(NameRule::Subdomain, &group) {
            errors.push(FieldError::invalid_text("spec.group", &group, &problem));
        }
        if !group.contains('.') {
            errors.push(FieldError::invalid_text(
                "spec.group",
                &group,
                "should be a domain with at least one dot",
            ));
        }
    }
    match text(spec, "scope").as_str() {
        "" => errors.push(FieldError::required("spec.scope", "")),
        "Cluster" | "Namespaced" => {}
        other => {
            let supported = ["Cluster", "Namespaced"];
            errors.push(FieldError::not_supported("spec.scope", &other.into(), &supported));
        }
    }
    names(&spec["names"], &mut errors);
    versions(spec, &mut errors);
    if let Some(old) = old {
        let established = super::has_condition(old, "Established");
        for (path, value, before) in [
            ("spec.group", &spec["group"], &old["spec"]["group"]),
            ("spec.scope", &spec["scope"], &old["spec"]["scope"]),
            (
                "spec.names.kind",
                &spec["names"]["kind"],
                &old["spec"]["names"]["kind"],
            ),
            (
                "spec.names.plural",
                &spec["names"]["plural"],
                &old["spec"]["names"]["plural"],
            ),
        ] {
            if value != before && (established || matches!(path, "spec.group" | "spec.names.plural")) {
                errors.push(FieldError::immutable(path, value));
            }
        }
    }
    errors
}

fn names(names: &Value, errors: &mut Vec<FieldError>) {
    let text = |key: &str| names.get(key).and_then(Value::as_str).unwrap_or("");
    for key in ["plural", "singular", "kind", "listKind"] {
        let value = text(key);
        let field = format!("spec.names.{key}");
        if value.is_empty() {
            errors.push(FieldError::required(field, ""));
            continue;
        }
        for problem in name_problems(NameRule::Label1035, &value.to_lowercase()) {
            errors.push(FieldError::invalid_text(&field, value, &problem));
        }
        if matches!(key, "plural" | "singular") && value != value.to_lowercase() {
            for problem in name_problems(NameRule::Label1035, value) {
                errors.push(FieldError::invalid_text(&field, value, &problem));
            }
        }
    }
    if !text("kind").is_empty() && text("kind") == text("listKind") {
        let detail = "kind and listKind may not be the same";
        errors.push(FieldError::invalid_text(
            "spec.names.listKind",
            text("listKind"),
            detail,
        ));
    }
    for (list, rule) in [
        ("shortNames", NameRule::Label1035),
        ("categories", NameRule::Label1035),
    ] {
        for (at, name) in meta::strings(names.get(list)).into_iter().enumerate() {
            for problem in name_problems(rule, name) {
                errors.push(FieldError::invalid_text(
                    format!("spec.names.{list}[{at}]"),
                    name,
                    &problem,
                ));
            }
        }
    }
}

fn versions(spec: &Value, errors: &mut Vec<FieldError>) {
    let versions = spec
        .get("versions")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if versions.is_empty() {
        errors.push(FieldError::invalid(
            "spec.versions",
            &Value::Null,
            "must have exactly one version marked as storage version",
        ));
    } else if versions
        .iter()
        .filter(|version| version["storage"] == true)
        .count()
        != 1
    {
        let shown = Value::Array(versions.iter().map(|version| version["name"].clone()).collect());
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid("spec.versions", &shown, detail));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (at, version) in versions.iter().enumerate() {
        let name = version["name"].as_str().unwrap_or("");
        if seen.contains(&name) {
            let field = format!("spec.versions[{at}].name");
            errors.push(FieldError::duplicate(field, &name.into()));
        }
        seen.push(name);
        for problem in name_problems(NameRule::Label1035, name) {
            errors.push(FieldError::invalid_text(
                format!("spec.versions[{at}].name"),
                name,
                &problem,
            ));
        }
    }
    // A server keeps one schema for all versions where they agree, and tells errors from there.
    let same = versions
        .windows(2)
        .all(|pair| pair[0].get("schema") == pair[1].get("schema"));
    for (at, version) in versions.iter().enumerate() {
        if same && at > 0 {
            break;
        }
        let base = if same {
            "spec.validation".to_owned()
        } else {
            format!("spec.versions[{at}].schema")
        };
        match version
            .get("schema")
            .and_then(|schema| schema.get("openAPIV3Schema"))
            .filter(|s| s.is_object())
        {
            None => {
                let field = format!("spec.versions[{at}].schema.openAPIV3Schema");
                errors.push(FieldError::required(field, "schemas are required"));
            }
            Some(schema) => {
                let path = format!("{base}.openAPIV3Schema");
                let before = errors.len();
                structural(schema, &path, Place::Root, errors);
                // Rules are compiled once the schema is sound.
                if errors.len() == before && super::has_rules(schema) {
                    errors.extend(super::rule_checks::validate(schema, &path));
                }
            }
        }
    }
    let strategy = spec["conversion"]["strategy"].as_str().unwrap_or("None");
    match strategy {
        "None" => {
            if spec["conversion"]
                .get("webhook")
                .is_some_and(|webhook| !webhook.is_null())
            {
                let detail = "should not be set when strategy is not set to Webhook";
                errors.push(FieldError::forbidden("spec.conversion.webhook", detail));
            }
        }
        "Webhook" => {
            if spec["conversion"].get("webhook").is_none_or(Value::is_null) {
                let detail = "required when strategy is set to Webhook";
                errors.push(FieldError::required("spec.conversion.webhook", detail));
            } else {
                webhook(&spec["conversion"]["webhook"], errors);
            }
        }
        other => {
            let supported = ["None", "Webhook"];
            errors.push(FieldError::not_supported(
                "spec.conversion.strategy",
                &other.into(),
                &supported,
            ));
        }
    }
}

/// What is wrong with how a webhook that converts is called.
fn webhook(webhook: &Value, errors: &mut Vec<FieldError>) {
    let path = "spec.conversion.webhook";
    match webhook.get("clientConfig").filter(|config| config.is_object()) {
        None => {
            let detail = "required when strategy is set to Webhook";
            errors.push(FieldError::required(format!("{path}.clientConfig"), detail));
        }
        Some(config) => {
            let path = format!("{path}.clientConfig");
            client_config(config, &path, errors);
            let bundle = config.get("caBundle").and_then(Value::as_str).unwrap_or("");
            let pem = crate::object::decode::base64(bundle).unwrap_or_default();
            if !bundle.is_empty() && !is_bundle(&pem) {
                let detail = "unable to load root certificates: unable to parse bytes as PEM block";
                errors.push(FieldError::invalid_text(
                    format!("{path}.caBundle"),
                    bundle,
                    detail,
                ));
            }
        }
    }
    let path = format!("{path}.conversionReviewVersions");
    let versions = meta::strings(webhook.get("conversionReviewVersions"));
    if versions.is_empty() {
        errors.push(FieldError::required(path, "must specify one of v1, v1beta1"));
    } else if !versions
        .iter()
        .any(|version| matches!(*version, "v1" | "v1beta1"))
    {
        let detail = "must include at least one of v1, v1beta1";
        errors.push(FieldError::invalid(path, &versions.into(), detail));
    }
}

/// Where in a schema we are: each place has its own rules.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Property,
    Items,
}

fn structural(schema: &Value, path: &str, place: Place, errors: &mut Vec<FieldError>) {
    let is = |extension: &str| schema.get(extension) == Some(&Value::Bool(true));
    let ty = schema.get("type").and_then(Value::as_str).unwrap_or("");
    let any = is("x-kubernetes-int-or-string") || is("x-kubernetes-preserve-unknown-fields");
    if ty.is_empty() {
        let detail = match place {
            Place::Root => Some("must not be empty at the root"),
            Place::Property if !any => Some("must not be empty for specified object fields"),
            Place::Items if !any => Some("must not be empty for specified array items"),
            _ => None,
        };
        if let Some(detail) = detail {
            errors.push(FieldError::required(format!("{path}.type"), detail));
        }
    } else if place == Place::Root && ty != "object" {
        errors.push(FieldError::invalid_text(
            format!("{path}.type"),
            ty,
            "must be object at the root",
        ));
    } else if !matches!(
        ty,
        "object" | "array" | "string" | "integer" | "number" | "boolean"
    ) {
        let supported = ["array", "boolean", "integer", "number", "object", "string"];
        errors.push(FieldError::not_supported(
            format!("{path}.type"),
            &ty.into(),
            &supported,
        ));
    }
    if is("x-kubernetes-int-or-string") && !ty.is_empty() {
        let detail = "must be empty if x-kubernetes-int-or-string is true";
        errors.push(FieldError::invalid_text(format!("{path}.type"), ty, detail));
    }
    if is("x-kubernetes-embedded-resource") && ty != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(FieldError::invalid_text(format!("{path}.type"), ty, detail));
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && let Err(error) = Regex::new(pattern)
    {
        let detail = format!("must be a valid regular expression, but isn't: {error}");
        errors.push(FieldError::invalid_text(
            format!("{path}.pattern"),
            pattern,
            &detail,
        ));
    }
    if is("uniqueItems") {
        errors.push(FieldError::forbidden(
            format!("{path}.uniqueItems"),
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        ));
    }
    list_type(schema, path, ty, errors);
    if let (Some(_), Some(Value::Object(properties))) =
        (schema.get("additionalProperties"), schema.get("properties"))
        && !properties.is_empty()
    {
        errors.push(FieldError::forbidden(
            format!("{path}.additionalProperties"),
            "additionalProperties and properties are mutual exclusive",
        ));
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        for (at, part) in schema
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            value_validation(part, &format!("{path}.{key}[{at}]"), errors);
        }
    }
    if let Some(not) = schema.get("not").filter(|not| not.is_object()) {
        value_validation(not, &format!("{path}.not"), errors);
    }
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if place == Place::Root && name == "metadata" {
            continue;
        }
        structural(
            property,
            &format!("{path}.properties[{name}]"),
            Place::Property,
            errors,
        );
    }
    if let Some(values @ Value::Object(_)) = schema.get("additionalProperties") {
        structural(
            values,
            &format!("{path}.additionalProperties"),
            Place::Property,
            errors,
        );
    }
    match schema.get("items") {
        Some(items @ Value::Object(_)) => structural(items, &format!("{path}.items"), Place::Items, errors),
        _ if ty == "array" => errors.push(FieldError::required(format!("{path}.items"), "must be specified")),
        _ => {}
    }
}

fn list_type(schema: &Value, path: &str, ty: &str, errors: &mut Vec<FieldError>) {
    let keys = meta::strings(schema.get("x-kubernetes-list-map-keys"));
    match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        None => {}
        Some(_) if ty != "array" => {
            let detail = "must be array if x-kubernetes-list-type is specified";
            errors.push(FieldError::invalid_text(format!("{path}.type"), ty, detail));
        }
        Some("map") if keys.is_empty() => errors.push(FieldError::required(
            format!("{path}.x-kubernetes-list-map-keys"),
            "must not be empty if x-kubernetes-list-type is map",
        )),
        Some("atomic" | "set" | "map") => {}
        Some(other) => {
            let supported = ["atomic", "map", "set"];
            errors.push(FieldError::not_supported(
                format!("{path}.x-kubernetes-list-type"),
                &other.into(),
                &supported,
            ));
        }
    }
    let items = schema.get("items");
    let properties = items.and_then(|items| items.get("properties"));
    let required = items
        .map(|items| meta::strings(items.get("required")))
        .unwrap_or_default();
    for (at, key) in keys.into_iter().enumerate() {
        let field = format!("{path}.x-kubernetes-list-map-keys[{at}]");
        match properties.and_then(|properties| properties.get(key)) {
            None => errors.push(FieldError::invalid_text(
                field,
                key,
                "must be the name of a property of the items",
            )),
            Some(property) if property.get("default").is_none() && !required.contains(&key) => {
                errors.push(FieldError::required(
                    format!("{path}.items.properties[{key}].default"),
                    "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
                ));
            }
            Some(_) => {}
        }
    }
}

/// Inside logical junctors only validation is allowed, no structure.
fn value_validation(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for key in [
        "type",
        "default",
        "description",
        "nullable",
        "additionalProperties",
    ] {
        let set = schema
            .get(key)
            .is_some_and(|value| !value.is_null() && *value != "" && *value != false);
        if set
            && !(key == "type"
                && schema
                    .get("type")
                    .is_some_and(|ty| ty == "integer" || ty == "string"))
        {
            errors.push(FieldError::forbidden(
                format!("{path}.{key}"),
                "must be empty to be structural",
            ));
        }
    }
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        value_validation(property, &format!("{path}.properties[{name}]"), errors);
    }
    if let Some(items @ Value::Object(_)) = schema.get("items") {
        value_validation(items, &format!("{path}.items"), errors);
    }
}

/// Whether a text is of a string format; formats that a server does not know allow everything.
pub(crate) fn fits_format(format: &str, text: &str) -> bool {
    match format {
        "date-time" | "datetime" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10,
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "ip" => text.parse::<std::net::IpAddr>().is_ok(),
        "cidr" => text.split_once('/').is_some_and(|(address, length)| {
            let most = if address.contains(':') { 128 } else { 32 };
            address.parse::<std::net::IpAddr>().is_ok()
                && length.parse::<u8>().is_ok_and(|length| length <= most)
        }),
        "byte" => crate::object::decode::base64(text).is_ok(),
        "uuid" | "uuid3" | "uuid4" | "uuid5" => {
            let hex: Vec<&str> = text.split('-').collect();
            let lengths: Vec<usize> = hex.iter().map(|part| part.len()).collect();
            (lengths == [8, 4, 4, 4, 12] || lengths == [32])
                && hex.iter().all(|part| part.bytes().all(|b| b.is_ascii_hexdigit()))
        }
        "hostname" => name_problems(NameRule::Subdomain, &text.to_lowercase()).is_empty(),
        "email" => text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()),
        "uri" => {
            text.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some())
                || text.contains(':') && !text.contains(' ')
        }
        "duration" => is_duration(text),
        _ => true,
    }
}

/// A duration as Go prints it, such as `1h30m`.
fn is_duration(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut rest = rest;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        if digits == 0 || digits == rest.len() {
            return false;
        }
        rest = &rest[digits..];
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"]
            .into_iter()
            .find_map(|unit| rest.strip_prefix(unit));
        match unit {
            Some(after) => rest = after,
            None => return false,
        }
    }
    !text.is_empty()
}
