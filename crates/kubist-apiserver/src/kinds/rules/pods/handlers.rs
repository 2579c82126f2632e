//! The rules of probes and of what runs at the ends of a container's life.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::kinds::ports::target_problems;
use crate::kinds::rules::common::{non_negative, only_one, required_text};
use crate::object::member::{given, integer, list};

pub(super) fn validate(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(lifecycle) = given(container, "lifecycle") {
        for event in ["postStart", "preStop"] {
            if let Some(handler) = given(lifecycle, event) {
                let path = format!("{path}.lifecycle.{event}");
                validate_handler(handler, &["exec", "httpGet", "tcpSocket", "sleep"], &path, errors);
            }
        }
    }
    for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = given(container, kind) else {
            continue;
        };
        let path = format!("{path}.{kind}");
        validate_handler(probe, &["exec", "httpGet", "tcpSocket", "grpc"], &path, errors);
        let numbers = [
            "initialDelaySeconds",
            "timeoutSeconds",
            "periodSeconds",
            "successThreshold",
            "failureThreshold",
        ];
        non_negative(probe, &path, &numbers, errors);
        if let Some(grace) = integer(probe, "terminationGracePeriodSeconds").filter(|grace| *grace <= 0) {
            errors.push(FieldError::invalid(
                format!("{path}.terminationGracePeriodSeconds"),
                &grace.into(),
                "must be greater than 0",
            ));
        }
        if let Some(successes) = integer(probe, "successThreshold").filter(|successes| *successes != 1)
            && kind != "readinessProbe"
        {
            let field = format!("{path}.successThreshold");
            errors.push(FieldError::invalid(field, &successes.into(), "must be 1"));
        }
    }
}

fn validate_handler(handler: &Value, kinds: &[&'static str], path: &str, errors: &mut Vec<FieldError>) {
    let detail = "may not specify more than 1 handler type";
    let has_one = only_one(
        handler,
        kinds,
        path,
        detail,
        errors,
        |kind, action, path, errors| match kind {
            "exec" if list(action, "command").is_empty() => {
                errors.push(FieldError::required(format!("{path}.command"), ""));
            }
            "httpGet" | "tcpSocket" => {
                if kind == "httpGet" {
                    required_text(action, path, "path", errors);
                }
                let zero = Value::from(0);
                let port = given(action, "port").unwrap_or(&zero);
                for problem in target_problems(port) {
                    errors.push(FieldError::invalid(format!("{path}.port"), port, problem));
                }
            }
            _ => {}
        },
    );
    if !has_one {
        errors.push(FieldError::required(path, "must specify a handler type"));
    }
}
