//! The rules of small kinds: leases, bindings of roles, claims, services.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::object::meta;
use crate::object::metavalidate;

pub(super) fn lease(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    if let Some(seconds) = spec.get("leaseDurationSeconds").and_then(Value::as_i64)
        && seconds <= 0
    {
        let detail = "must be greater than 0";
        errors.push(FieldError::invalid(
            "spec.leaseDurationSeconds",
            &seconds.into(),
            detail,
        ));
    }
    if let Some(count) = spec.get("leaseTransitions").and_then(Value::as_i64)
        && count < 0
    {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid(
            "spec.leaseTransitions",
            &count.into(),
            detail,
        ));
    }
    if let Some(holder) = spec.get("holderIdentity").and_then(Value::as_str)
        && holder.is_empty()
        && spec.get("preferredHolder").is_none()
    {
        errors.push(FieldError::invalid_text(
            "spec.holderIdentity",
            "",
            "must not be empty",
        ));
    }
}

pub(super) fn binding(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    if new["roleRef"]["name"].as_str().unwrap_or("").is_empty() {
        errors.push(FieldError::required("roleRef.name", ""));
    }
    if !matches!(new["roleRef"]["kind"].as_str(), Some("Role" | "ClusterRole")) {
        let value = new["roleRef"]["kind"].clone();
        errors.push(FieldError::not_supported(
            "roleRef.kind",
            &value,
            &["Role", "ClusterRole"],
        ));
    }
    if let Some(old) = old
        && new.get("roleRef") != old.get("roleRef")
    {
        let detail = "cannot change roleRef";
        errors.push(FieldError::invalid("roleRef", &new["roleRef"], detail));
    }
}

pub(super) fn claim(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    if meta::strings(spec.get("accessModes")).is_empty() {
        errors.push(FieldError::required(
            "spec.accessModes",
            "at least 1 access mode is required",
        ));
    }
    if meta::at(spec, "resources.requests.storage").is_none() {
        errors.push(FieldError::required("spec.resources[storage]", ""));
    }
    if let Some(old) = old {
        let fixed = |object: &Value| {
            let mut spec = object["spec"].clone();
            if let Some(spec) = spec.as_object_mut() {
                for field in ["resources", "volumeName", "volumeAttributesClassName"] {
                    spec.remove(field);
                }
            }
            spec
        };
        if fixed(new) != fixed(old) {
            errors.push(FieldError::forbidden(
                "spec",
                "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
            ));
        }
    }
}

pub(super) fn service(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    let ports = spec
        .get("ports")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let external = spec["type"] == "ExternalName";
    if ports.is_empty() && !external && spec["clusterIP"] != "None" {
        errors.push(FieldError::required("spec.ports", ""));
    }
    for (at, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{at}]");
        let number = port["port"].as_i64().unwrap_or(0);
        if !(1..=65535).contains(&number) {
            let detail = "must be between 1 and 65535, inclusive";
            errors.push(FieldError::invalid(
                format!("{path}.port"),
                &number.into(),
                detail,
            ));
        }
        let name = port["name"].as_str().unwrap_or("");
        if name.is_empty() {
            if ports.len() > 1 {
                errors.push(FieldError::required(format!("{path}.name"), ""));
            }
        } else {
            for problem in metavalidate::name_problems(metavalidate::NameRule::Label, name) {
                errors.push(FieldError::invalid_text(format!("{path}.name"), name, &problem));
            }
            if ports[..at].iter().any(|other| other["name"] == name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
            }
        }
    }
    if external && spec["externalName"].as_str().unwrap_or("").is_empty() {
        errors.push(FieldError::required("spec.externalName", ""));
    }
    if let Some(old) = old {
        let had = old["spec"]["clusterIP"].as_str().unwrap_or("");
        if !external && old["spec"]["type"] != "ExternalName" && !had.is_empty() && spec["clusterIP"] != had {
            errors.push(FieldError::invalid(
                "spec.clusterIPs[0]",
                &spec["clusterIPs"],
                "may not change once set",
            ));
        }
    }
}
