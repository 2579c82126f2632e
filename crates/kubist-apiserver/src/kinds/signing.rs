//! What is particular to certificate signing requests.

use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use serde_json::{Map, Value, json};

use crate::access::users::User;
use crate::http::fields::FieldError;
use crate::object::meta;
use crate::state::Api;

/// The conditions that only the `approval` subresource sets.
const DECISIONS: [&str; 2] = ["Approved", "Denied"];

/// Says who asks: nobody can ask in another's name.
pub(crate) fn prepare_create(request: &mut Value, user: &User) {
    let spec = meta::child(request, "spec");
    for field in ["username", "uid", "groups", "extra"] {
        spec.remove(field);
    }
    spec.insert("username".into(), user.name.as_str().into());
    spec.insert("groups".into(), json!(user.groups));
    if !user.uid.is_empty() {
        spec.insert("uid".into(), user.uid.as_str().into());
    }
    if !user.extra.is_empty() {
        spec.insert("extra".into(), json!(user.extra));
    }
}

/// Keeps what an update through `subresource` may not touch.
pub(crate) fn prepare_update(api: &Api, new: &mut Value, old: &Value, subresource: &str) {
    match subresource {
        "approval" => {
            let conditions = meta::at(new, "status.conditions").cloned();
            let mut status = meta::at(old, "status").cloned().unwrap_or_else(|| json!({}));
            set(meta::object(&mut status), "conditions", conditions);
            let spec = old.get("spec").cloned();
            let object = meta::object(new);
            set(object, "spec", spec);
            object.insert("status".into(), status);
        }
        "status" => {
            // Decisions stay as they are.
            let decided = |object: &Value| -> Vec<Value> {
                conditions(object).filter(|c| is_decision(c)).cloned().collect()
            };
            let rest: Vec<Value> = conditions(new).filter(|c| !is_decision(c)).cloned().collect();
            let mut all = decided(old);
            all.extend(rest);
            let all = (!all.is_empty()).then(|| all.into());
            set(meta::child(new, "status"), "conditions", all);
        }
        _ => {
            let spec = old.get("spec").cloned();
            set(meta::object(new), "spec", spec);
        }
    }
    let before: Vec<Value> = conditions(old).cloned().collect();
    let now = api.identity.timestamp();
    let list = new
        .get_mut("status")
        .and_then(|status| status.get_mut("conditions"));
    for condition in list.and_then(Value::as_array_mut).into_iter().flatten() {
        let known = before.iter().find(|known| known["type"] == condition["type"]);
        let condition = meta::object(condition);
        let unset =
            |condition: &Map<String, Value>, field: &str| condition.get(field).is_none_or(Value::is_null);
        if unset(condition, "status") {
            condition.insert("status".into(), "True".into());
        }
        if unset(condition, "lastUpdateTime") {
            condition.insert("lastUpdateTime".into(), now.as_str().into());
        }
        if unset(condition, "lastTransitionTime") {
            let same = known.filter(|known| Some(&known["status"]) == condition.get("status"));
            let time = same.and_then(|known| known.get("lastTransitionTime").cloned());
            condition.insert(
                "lastTransitionTime".into(),
                time.unwrap_or_else(|| now.as_str().into()),
            );
        }
    }
}

fn set(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => map.insert(key.into(), value),
        None => map.remove(key),
    };
}

fn conditions(request: &Value) -> impl Iterator<Item = &Value> {
    meta::at(request, "status.conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn is_decision(condition: &Value) -> bool {
    condition["type"]
        .as_str()
        .is_some_and(|ty| DECISIONS.contains(&ty))
}

/// What is wrong with a request.
pub(crate) fn validate(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = &new["spec"];
    let text = |field: &str| spec.get(field).and_then(Value::as_str).unwrap_or("");
    if old.is_none() {
        let pem = crate::object::decode::base64(text("request")).unwrap_or_default();
        if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE REQUEST-----") {
            let detail = "PEM block type must be CERTIFICATE REQUEST";
            errors.push(FieldError::invalid_text("spec.request", text("request"), detail));
        }
        if meta::strings(spec.get("usages")).is_empty() {
            errors.push(FieldError::required("spec.usages", ""));
        }
        if let Some(seconds) = spec.get("expirationSeconds").and_then(Value::as_i64)
            && seconds < 600
        {
            let detail = "may not specify a duration less than 600 seconds (10 minutes)";
            errors.push(FieldError::invalid(
                "spec.expirationSeconds",
                &seconds.into(),
                detail,
            ));
        }
        match text("signerName").split_once('/') {
            _ if text("signerName").is_empty() => errors.push(FieldError::required("spec.signerName", "")),
            Some((domain, path)) if domain.contains('.') && !path.is_empty() => {}
            _ => {
                let detail =
                    "must be a fully qualified domain and path of the form 'example.com/signer-name'";
                errors.push(FieldError::invalid_text(
                    "spec.signerName",
                    text("signerName"),
                    detail,
                ));
            }
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for (at, condition) in conditions(new).enumerate() {
        let ty = condition["type"].as_str().unwrap_or("");
        let path = format!("status.conditions[{at}]");
        if ty.is_empty() {
            errors.push(FieldError::required(format!("{path}.type"), ""));
        }
        if seen.contains(&ty) {
            errors.push(FieldError::duplicate(format!("{path}.type"), &ty.into()));
        }
        seen.push(ty);
        let status = &condition["status"];
        if matches!(ty, "Approved" | "Denied" | "Failed") && *status != "True" {
            errors.push(FieldError::not_supported(
                format!("{path}.status"),
                status,
                &["True"],
            ));
        }
        if is_decision(condition) && DECISIONS.iter().all(|decision| seen.contains(decision)) {
            let detail = "Approved and Denied conditions are mutually exclusive";
            errors.push(FieldError::invalid_text("status.conditions", ty, detail));
        }
    }
    validate_certificate(new, old, &mut errors);
    for known in old
        .into_iter()
        .flat_map(conditions)
        .filter(|known| is_decision(known))
    {
        let ty = known["type"].as_str().unwrap_or("");
        if !seen.contains(&ty) {
            let detail = format!("updates may not remove a condition of type {ty:?}");
            errors.push(FieldError::forbidden("status.conditions", &detail));
        }
    }
    errors
}

/// The answer is given once, and is PEM of certificates alone.
fn validate_certificate(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let text = |request: &Value| -> String {
        let certificate = meta::at(request, "status.certificate").and_then(Value::as_str);
        certificate.unwrap_or_default().to_owned()
    };
    let (certificate, before) = (text(new), old.map(text).unwrap_or_default());
    if certificate == before {
        return;
    }
    let field = "status.certificate";
    if let Some(detail) = certificate_problem(&certificate) {
        errors.push(FieldError::invalid_text(field, "<certificate data>", &detail));
    }
    if !before.is_empty() {
        let detail = "updates may not modify existing certificate content";
        errors.push(FieldError::forbidden(field, detail));
    }
}

fn certificate_problem(encoded: &str) -> Option<String> {
    if encoded.is_empty() {
        return None;
    }
    let text = crate::object::decode::base64(encoded).unwrap_or_default();
    let blocks = pem::parse_many(text).unwrap_or_default();
    if blocks.is_empty() {
        return Some("must contain at least one CERTIFICATE PEM block".into());
    }
    blocks.iter().find_map(|block| {
        if block.tag() != "CERTIFICATE" {
            let tag = block.tag();
            return Some(format!("only CERTIFICATE PEM blocks are allowed, found {tag:?}"));
        }
        if block.headers().iter().next().is_some() {
            return Some("no PEM block headers are permitted".into());
        }
        let der = CertificateDer::from(block.contents());
        ParsedCertificate::try_from(&der)
            .err()
            .map(|_| "x509: malformed certificate".into())
    })
}
