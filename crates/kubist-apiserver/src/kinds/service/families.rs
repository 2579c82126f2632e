//! The families of a service's addresses; the cluster has IPv4 only.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::ip;
use super::spec::{is_external, is_headless};
use crate::http::fields::FieldError;
use crate::object::member::{given, list, text};
use crate::object::meta;

const IPS: &str = "spec.clusterIPs";

/// Fills in families and their policy, and says what of them and of the addresses is wrong.
pub(super) fn fill(service: &mut Value) -> Vec<FieldError> {
    if is_external(&service["spec"]) {
        return Vec::new();
    }
    let errors = validate(&service["spec"]);
    if !errors.is_empty() {
        return errors;
    }
    let mut errors = Vec::new();
    let has_selector = service["spec"]["selector"]
        .as_object()
        .is_some_and(|selector| !selector.is_empty());
    let is_foreign = is_headless(&service["spec"]) && !has_selector;
    let spec = meta::child(service, "spec");
    infer_families(spec);
    if is_foreign {
        // Whoever writes its endpoints may have any.
        default(spec, "ipFamilyPolicy", json!("RequireDualStack"));
        let both = spec["ipFamilyPolicy"] != "SingleStack";
        let families = if both {
            json!(["IPv4", "IPv6"])
        } else {
            json!(["IPv4"])
        };
        default(spec, "ipFamilies", families);
        return errors;
    }
    default(spec, "ipFamilyPolicy", json!("SingleStack"));
    default(spec, "ipFamilies", json!(["IPv4"]));
    for (at, address) in meta::strings(spec.get("clusterIPs")).into_iter().enumerate() {
        if family(address) == Some("IPv6") {
            let detail = "IPv6 is not configured on this cluster";
            let field = format!("{IPS}[{at}]");
            errors.push(FieldError::invalid(field, &spec["clusterIPs"], detail));
        }
    }
    if !errors.is_empty() {
        return errors;
    }
    let families = meta::strings(spec.get("ipFamilies"));
    for (at, family) in families
        .iter()
        .enumerate()
        .filter(|(_, family)| **family != "IPv4")
    {
        let field = format!("spec.ipFamilies[{at}]");
        errors.push(FieldError::invalid_text(
            field,
            family,
            "not configured on this cluster",
        ));
    }
    let policy = &spec["ipFamilyPolicy"];
    let detail = match policy.as_str() {
        Some("RequireDualStack") => "this cluster is not configured for dual-stack services",
        Some("SingleStack") if families.len() > 1 => {
            "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified"
        }
        _ => return errors,
    };
    if families.len() > 1 && policy == "SingleStack" {
        errors.clear();
    }
    errors.push(FieldError::invalid("spec.ipFamilyPolicy", policy, detail));
    errors
}

/// Families follow addresses that were asked for.
fn infer_families(spec: &mut Map<String, Value>) {
    let families: Vec<&str> = meta::strings(spec.get("clusterIPs"))
        .into_iter()
        .filter_map(family)
        .collect();
    if !families.is_empty() {
        let families = json!(families);
        default(spec, "ipFamilies", families);
    }
}

fn default(spec: &mut Map<String, Value>, field: &str, value: Value) {
    let is_set = match spec.get(field) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    };
    if !is_set {
        spec.insert(field.into(), value);
    }
}

fn family(address: &str) -> Option<&'static str> {
    match address.parse().ok()? {
        IpAddr::V4(_) => Some("IPv4"),
        IpAddr::V6(_) => Some("IPv6"),
    }
}

/// What is wrong with addresses, families and policy, taken together.
pub(super) fn validate(spec: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if is_external(spec) {
        return errors;
    }
    validate_families(spec, &mut errors);
    let addresses = list(spec, "clusterIPs");
    let all = Value::from(addresses.to_vec());
    if addresses.len() > 1 && addresses.first().is_some_and(|first| first == "None") {
        let detail = "'None' must be the first and only value";
        errors.push(FieldError::invalid(IPS, &all, detail));
        return errors;
    }
    if addresses.len() > 2 {
        errors.push(FieldError::invalid(IPS, &all, "may only hold up to 2 values"));
    }
    let before = errors.len();
    for (at, address) in addresses.iter().enumerate() {
        let address = address.as_str().unwrap_or("");
        if address == "None" && at == 0 {
            continue;
        }
        if let Err(why) = ip::parse(address) {
            errors.push(FieldError::invalid_text(format!("{IPS}[{at}]"), address, why));
        }
    }
    if errors.len() > before {
        // Families of what is no address would be wrong as well.
        return errors;
    }
    let found: Vec<_> = addresses
        .iter()
        .filter_map(|address| family(address.as_str()?))
        .collect();
    if let [first, second, ..] = found[..]
        && first == second
    {
        let detail = "may specify no more than one IP for each IP family";
        errors.push(FieldError::invalid(IPS, &all, detail));
    }
    match (text(spec, "clusterIP"), addresses.first()) {
        ("", Some(_)) => {
            let detail = "must be empty when `clusterIP` is not specified";
            errors.push(FieldError::invalid(IPS, &all, detail));
        }
        (one, Some(first)) if first != one => {
            errors.push(FieldError::invalid(
                IPS,
                &all,
                "first value must match `clusterIP`",
            ));
        }
        _ => {}
    }
    if errors.is_empty() && !is_headless(spec) {
        for (at, (address, wanted)) in addresses.iter().zip(list(spec, "ipFamilies")).enumerate() {
            if address.as_str().and_then(family) != wanted.as_str() {
                let article = if wanted == "IPv6" { "an IPv6" } else { "an IPv4" };
                let detail = format!("expected {article} value as indicated by `ipFamilies[{at}]`");
                errors.push(FieldError::invalid(format!("{IPS}[{at}]"), address, &detail));
            }
        }
    }
    errors
}

fn validate_families(spec: &Value, errors: &mut Vec<FieldError>) {
    let families = list(spec, "ipFamilies");
    for (at, family) in families.iter().enumerate() {
        let field = format!("spec.ipFamilies[{at}]");
        if family != "IPv4" && family != "IPv6" {
            errors.push(FieldError::not_supported(field, family, &["IPv4", "IPv6"]));
        } else if families.get(..at).unwrap_or_default().contains(family) {
            errors.push(FieldError::duplicate(field, family));
        }
    }
    let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    if let Some(policy) = given(spec, "ipFamilyPolicy")
        && !policies.iter().any(|known| policy == known)
    {
        errors.push(FieldError::not_supported(
            "spec.ipFamilyPolicy",
            policy,
            &policies,
        ));
    }
}
