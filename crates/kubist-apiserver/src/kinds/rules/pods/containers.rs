//! The rules of containers.

use serde_json::Value;

use super::volumes::Volumes;
use super::{env, handlers, resources, security};
use crate::http::fields::FieldError;
use crate::kinds::ports::{PORT, name_problems};
use crate::object::member::{given, integer, list, text};
use crate::object::metavalidate::{self, NameRule};

pub(super) fn validate(spec: &Value, path: &str, volumes: &Volumes<'_>, errors: &mut Vec<FieldError>) {
    if list(spec, "containers").is_empty() {
        errors.push(FieldError::required(format!("{path}.containers"), ""));
    }
    let mut names: Vec<&str> = Vec::new();
    for kind in ["containers", "initContainers", "ephemeralContainers"] {
        for (at, container) in list(spec, kind).iter().enumerate() {
            let path = format!("{path}.{kind}[{at}]");
            validate_name(container, &path, errors);
            let name = text(container, "name");
            if !name.is_empty() && names.contains(&name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
            }
            names.push(name);
            validate_image(container, &path, errors);
            validate_ports(container, &path, errors);
            env::validate(container, &path, errors);
            volumes.validate_mounts(container, &path, errors);
            resources::validate(&container["resources"], &format!("{path}.resources"), errors);
            security::of_container(container, &path, errors);
            let is_once = kind == "initContainers" && text(container, "restartPolicy") != "Always";
            if is_once {
                forbid_probes(container, &path, errors);
            } else {
                handlers::validate(container, &path, errors);
            }
        }
    }
}

fn validate_name(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let name = text(container, "name");
    if name.is_empty() {
        errors.push(FieldError::required(format!("{path}.name"), ""));
        return;
    }
    for problem in metavalidate::name_problems(NameRule::Label, name) {
        errors.push(FieldError::invalid_text(format!("{path}.name"), name, &problem));
    }
}

fn validate_image(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let image = text(container, "image");
    if image.is_empty() {
        errors.push(FieldError::required(format!("{path}.image"), ""));
    } else if image.trim() != image {
        let detail = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid_text(format!("{path}.image"), image, detail));
    }
}

fn validate_ports(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let ports = list(container, "ports");
    for (at, port) in ports.iter().enumerate() {
        let path = format!("{path}.ports[{at}]");
        let name = text(port, "name");
        if !name.is_empty() {
            let problems = name_problems(name);
            for problem in &problems {
                errors.push(FieldError::invalid_text(format!("{path}.name"), name, problem));
            }
            let before = ports.get(..at).unwrap_or_default();
            if problems.is_empty() && before.iter().any(|other| text(other, "name") == name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
            }
        }
        match integer(port, "containerPort").unwrap_or(0) {
            0 => errors.push(FieldError::required(format!("{path}.containerPort"), "")),
            number => validate_number(number, &path, "containerPort", errors),
        }
        if let Some(number) = integer(port, "hostPort").filter(|number| *number != 0) {
            validate_number(number, &path, "hostPort", errors);
        }
    }
}

fn validate_number(number: i64, path: &str, field: &str, errors: &mut Vec<FieldError>) {
    if !(1..=65_535).contains(&number) {
        errors.push(FieldError::invalid(
            format!("{path}.{field}"),
            &number.into(),
            PORT,
        ));
    }
}

fn forbid_probes(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
        if given(container, field).is_some() {
            let detail = "may not be set for init containers without restartPolicy=Always";
            errors.push(FieldError::forbidden(format!("{path}.{field}"), detail));
        }
    }
}
