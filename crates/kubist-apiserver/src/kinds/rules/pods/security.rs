//! The rules of what containers may do.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::object::member::{given, integer, list};

/// What is wrong with the security context that all of a pod's containers share.
pub(super) fn of_pod(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let context = &spec["securityContext"];
    let inside = format!("{path}.securityContext");
    ids(context, &inside, &["fsGroup", "runAsUser", "runAsGroup"], errors);
    for (at, group) in list(context, "supplementalGroups").iter().enumerate() {
        if let Some(group) = group.as_i64() {
            id(group, format!("{inside}.supplementalGroups[{at}]"), errors);
        }
    }
    if spec["shareProcessNamespace"] == true && spec["hostPID"] == true {
        errors.push(FieldError::invalid(
            format!("{inside}.shareProcessNamespace"),
            &true.into(),
            "ShareProcessNamespace and HostPID cannot both be enabled",
        ));
    }
    for (at, sysctl) in list(context, "sysctls").iter().enumerate() {
        let name = sysctl["name"].as_str().unwrap_or_default();
        let field = format!("{inside}.sysctls[{at}].name");
        if name.is_empty() {
            errors.push(FieldError::required(field, ""));
        } else if !is_sysctl(name) {
            let detail = "must have at most 253 characters and match regex \
                          ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
            errors.push(FieldError::invalid_text(field, name, detail));
        }
    }
}

fn is_sysctl(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().copied().is_some_and(is_word)
            && bytes.last().copied().is_some_and(is_word)
            && bytes
                .iter()
                .all(|byte| is_word(*byte) || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.split(['.', '/']).all(is_part)
}

/// What is wrong with a container's own.
pub(super) fn of_container(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let Some(context) = given(container, "securityContext") else {
        return;
    };
    let path = format!("{path}.securityContext");
    ids(context, &path, &["runAsUser", "runAsGroup"], errors);
    if context["allowPrivilegeEscalation"] == false {
        if context["privileged"] == true {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            errors.push(FieldError::invalid_json(&path, &shown(context), detail));
        }
        let added = list(&context["capabilities"], "add");
        if added.iter().any(|capability| capability == "CAP_SYS_ADMIN") {
            let detail =
                "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            errors.push(FieldError::invalid_json(&path, &shown(context), detail));
        }
    }
}

/// A context as upstream shows it.
fn shown(context: &Value) -> String {
    let fields: Vec<String> = [
        ("Capabilities", "capabilities"),
        ("Privileged", "privileged"),
        ("SELinuxOptions", "seLinuxOptions"),
        ("WindowsOptions", "windowsOptions"),
        ("RunAsUser", "runAsUser"),
        ("RunAsGroup", "runAsGroup"),
        ("RunAsNonRoot", "runAsNonRoot"),
        ("ReadOnlyRootFilesystem", "readOnlyRootFilesystem"),
        ("AllowPrivilegeEscalation", "allowPrivilegeEscalation"),
        ("ProcMount", "procMount"),
        ("SeccompProfile", "seccompProfile"),
        ("AppArmorProfile", "appArmorProfile"),
    ]
    .into_iter()
    .map(|(shown, field)| format!("\"{shown}\":{}", context[field]))
    .collect();
    format!("{{{}}}", fields.join(","))
}

fn ids(context: &Value, path: &str, fields: &[&str], errors: &mut Vec<FieldError>) {
    for field in fields {
        if let Some(number) = integer(context, field) {
            id(number, format!("{path}.{field}"), errors);
        }
    }
}

/// Users and groups of Linux.
fn id(number: i64, field: String, errors: &mut Vec<FieldError>) {
    if !(0..=i64::from(i32::MAX)).contains(&number) {
        let detail = format!("must be between 0 and {}, inclusive", i32::MAX);
        errors.push(FieldError::invalid(field, &number.into(), &detail));
    }
}
