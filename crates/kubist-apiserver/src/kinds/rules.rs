//! The rules of built-in kinds.
//!
//! What the tables know (enumerations) is checked for every kind; what upstream wrote by hand
//! is here for the kinds that operators meet every day.

use kubist_schema::{Field, Message};
use serde_json::Value;

use crate::crd;
use crate::http::fields::FieldError;
use crate::kinds::kind::Kind;
use crate::kinds::pod;
use crate::object::meta;
use crate::object::metavalidate;

/// What breaks the rules of the kind; `old` is there for an update.
pub(crate) fn validate(
    kind: &Kind,
    message: &'static Message,
    new: &Value,
    old: Option<&Value>,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for field in message.json_fields() {
        // Status is written by those who know better.
        if let (Some(value), false) = (new.get(field.json), matches!(field.json, "status" | "metadata")) {
            enumerations(field, value, field.json, &mut errors);
        }
    }
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "configmaps") => config_map(new, old, &mut errors),
        ("", "secrets") => secret(new, old, &mut errors),
        ("", "pods") => {
            pod_spec(&new["spec"], "spec", &mut errors);
            if let Some(old) = old {
                errors.extend(pod::validate_update(new, old));
            }
        }
        ("", "services") => service(new, old, &mut errors),
        ("apps", "deployments" | "statefulsets" | "daemonsets" | "replicasets") => {
            workload(kind, new, old, &mut errors)
        }
        ("batch", "jobs") => {
            template(
                &new["spec"]["template"],
                "spec.template",
                &["OnFailure", "Never"],
                &mut errors,
            );
            if let Some(old) = old {
                immutable(new, old, "spec.selector", &mut errors);
                immutable(new, old, "spec.completionMode", &mut errors);
            }
        }
        ("batch", "cronjobs") => {
            let job = &new["spec"]["jobTemplate"]["spec"]["template"];
            template(
                job,
                "spec.jobTemplate.spec.template",
                &["OnFailure", "Never"],
                &mut errors,
            );
            if new["spec"]["schedule"].as_str().unwrap_or("").is_empty() {
                errors.push(FieldError::required("spec.schedule", ""));
            }
        }
        ("coordination.k8s.io", "leases") => lease(new, &mut errors),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            binding(new, old, &mut errors)
        }
        ("", "persistentvolumeclaims") => claim(new, old, &mut errors),
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            errors.extend(crd::rules::validate(new, old))
        }
        _ => {}
    }
    errors
}

fn enumerations(field: &'static Field, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let mut check = |allowed: &[&str], value: &Value, path: &str| {
        if let Some(text) = value.as_str()
            && !allowed.is_empty()
            && !text.is_empty()
            && !allowed.contains(&text)
        {
            // Upstream lists these by hand, not sorted.
            let allowed = match allowed {
                ["Always", "Never", "OnFailure"] => &["Always", "OnFailure", "Never"],
                sorted => sorted,
            };
            errors.push(FieldError::not_supported(path, value, allowed));
        }
    };
    match value {
        Value::Array(items) if field.repeated => {
            for (at, item) in items.iter().enumerate() {
                check(&field.allowed_items, item, &format!("{path}[{at}]"));
            }
        }
        value if !field.map => check(&field.allowed, value, path),
        _ => {}
    }
    let Some(message) = field.message() else { return };
    if message.special.is_some() {
        return;
    }
    let mut inside = |value: &Value, path: &str| {
        for field in message.json_fields() {
            if let Some(value) = value.get(field.json) {
                enumerations(field, value, &format!("{path}.{}", field.json), errors);
            }
        }
    };
    match value {
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, item)| inside(item, &format!("{path}[{at}]")));
        }
        Value::Object(map) if field.map => {
            map.iter()
                .for_each(|(key, value)| inside(value, &format!("{path}[{key}]")));
        }
        value => inside(value, path),
    }
}

fn immutable(new: &Value, old: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let (after, before) = (meta::at(new, path), meta::at(old, path));
    if after != before {
        errors.push(FieldError::immutable(path, after.unwrap_or(&Value::Null)));
    }
}

/// What `immutable: true` forbids.
fn frozen(new: &Value, old: &Value, parts: &[&str], errors: &mut Vec<FieldError>) {
    if old.get("immutable") != Some(&Value::Bool(true)) {
        return;
    }
    let detail = "field is immutable when `immutable` is set";
    if new.get("immutable") != Some(&Value::Bool(true)) {
        errors.push(FieldError::forbidden("immutable", detail));
    }
    for part in parts {
        if new.get(part) != old.get(part) {
            errors.push(FieldError::forbidden(*part, detail));
        }
    }
}

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
                "must be no more than 253 bytes",
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

fn config_map(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
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
        errors.push(FieldError::too_long("", LARGEST));
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

fn secret(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
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
        "kubernetes.io/dockerconfigjson" => require(&[".dockerconfigjson"]),
        "kubernetes.io/dockercfg" => require(&[".dockercfg"]),
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

fn lease(new: &Value, errors: &mut Vec<FieldError>) {
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

fn binding(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
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

fn claim(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
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

fn service(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
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

fn workload(kind: &Kind, new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    if let Some(replicas) = spec
        .get("replicas")
        .and_then(Value::as_i64)
        .filter(|replicas| *replicas < 0)
    {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid("spec.replicas", &replicas.into(), detail));
    }
    let selector = spec.get("selector").filter(|selector| !selector.is_null());
    let labels = meta::at(spec, "template.metadata.labels");
    match selector {
        None => errors.push(FieldError::required("spec.selector", "")),
        Some(selector) if is_empty_selector(selector) => {
            let detail = format!("empty selector is invalid for {}", kind.kind.to_lowercase());
            errors.push(FieldError::invalid("spec.selector", selector, &detail));
        }
        Some(selector) if !selector_matches(selector, labels) => {
            let value = labels.cloned().unwrap_or(Value::Null);
            let detail = "`selector` does not match template `labels`";
            errors.push(FieldError::invalid(
                "spec.template.metadata.labels",
                &value,
                detail,
            ));
        }
        Some(_) => {}
    }
    template(&spec["template"], "spec.template", &["Always"], errors);
    if let Some(old) = old {
        if kind.plural == "statefulsets" {
            let fixed = |object: &Value| {
                let mut spec = object["spec"].clone();
                if let Some(spec) = spec.as_object_mut() {
                    for field in [
                        "replicas",
                        "ordinals",
                        "template",
                        "updateStrategy",
                        "revisionHistoryLimit",
                        "persistentVolumeClaimRetentionPolicy",
                        "minReadySeconds",
                    ] {
                        spec.remove(field);
                    }
                }
                spec
            };
            if fixed(new) != fixed(old) {
                errors.push(FieldError::forbidden(
                    "spec",
                    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                     'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                     'minReadySeconds' are forbidden",
                ));
            }
        } else {
            immutable(new, old, "spec.selector", errors);
        }
    }
}

fn is_empty_selector(selector: &Value) -> bool {
    let empty = |key: &str| match selector.get(key) {
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        _ => true,
    };
    empty("matchLabels") && empty("matchExpressions")
}

/// Whether a selector in an object matches these labels.
pub(crate) fn selector_matches(selector: &Value, labels: Option<&Value>) -> bool {
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
    let equal = selector
        .get("matchLabels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .all(|(key, value)| label(key) == value.as_str());
    equal
        && selector
            .get("matchExpressions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .all(|expression| {
                let values = meta::strings(expression.get("values"));
                let found = label(expression["key"].as_str().unwrap_or(""));
                match expression["operator"].as_str().unwrap_or("") {
                    "In" => found.is_some_and(|found| values.contains(&found)),
                    "NotIn" => found.is_none_or(|found| !values.contains(&found)),
                    "Exists" => found.is_some(),
                    "DoesNotExist" => found.is_none(),
                    _ => false,
                }
            })
}

fn template(template: &Value, path: &str, policies: &[&str], errors: &mut Vec<FieldError>) {
    let labels = meta::get(template, "labels");
    errors.extend(metavalidate::labels(labels, &format!("{path}.labels")));
    pod_spec(&template["spec"], &format!("{path}.spec"), errors);
    let policy = template["spec"]["restartPolicy"].as_str().unwrap_or("");
    let known = matches!(policy, "Always" | "OnFailure" | "Never");
    if known && !policies.contains(&policy) {
        let field = format!("{path}.spec.restartPolicy");
        errors.push(FieldError::not_supported(field, &policy.into(), policies));
    }
}

fn pod_spec(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let list = |key: &str| {
        spec.get(key)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default()
    };
    let volumes: Vec<&str> = list("volumes")
        .iter()
        .filter_map(|volume| volume["name"].as_str())
        .collect();
    if list("containers").is_empty() {
        errors.push(FieldError::required(format!("{path}.containers"), ""));
    }
    let mut names: Vec<&str> = Vec::new();
    for key in ["initContainers", "containers", "ephemeralContainers"] {
        for (at, container) in list(key).iter().enumerate() {
            let path = format!("{path}.{key}[{at}]");
            let name = container["name"].as_str().unwrap_or("");
            if name.is_empty() {
                errors.push(FieldError::required(format!("{path}.name"), ""));
            } else {
                for problem in metavalidate::name_problems(metavalidate::NameRule::Label, name) {
                    errors.push(FieldError::invalid_text(format!("{path}.name"), name, &problem));
                }
                if names.contains(&name) {
                    errors.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
                }
                names.push(name);
            }
            let image = container["image"].as_str().unwrap_or("");
            if image.is_empty() {
                errors.push(FieldError::required(format!("{path}.image"), ""));
            } else if image.trim() != image {
                let detail = "must not have leading or trailing whitespace";
                errors.push(FieldError::invalid_text(format!("{path}.image"), image, detail));
            }
            for (at, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
                let number = port["containerPort"].as_i64().unwrap_or(0);
                if number == 0 {
                    errors.push(FieldError::required(
                        format!("{path}.ports[{at}].containerPort"),
                        "",
                    ));
                } else if !(1..=65535).contains(&number) {
                    errors.push(FieldError::invalid(
                        format!("{path}.ports[{at}].containerPort"),
                        &number.into(),
                        "must be between 1 and 65535, inclusive",
                    ));
                }
            }
            for (at, mount) in container["volumeMounts"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
            {
                let name = mount["name"].as_str().unwrap_or("");
                let field = format!("{path}.volumeMounts[{at}]");
                if name.is_empty() {
                    errors.push(FieldError::required(format!("{field}.name"), ""));
                } else if !volumes.contains(&name) {
                    errors.push(not_found(format!("{field}.name"), name));
                }
                if mount["mountPath"].as_str().unwrap_or("").is_empty() {
                    errors.push(FieldError::required(format!("{field}.mountPath"), ""));
                }
            }
        }
    }
    for (at, volume) in list("volumes").iter().enumerate() {
        let name = volume["name"].as_str().unwrap_or("");
        let field = format!("{path}.volumes[{at}].name");
        if name.is_empty() {
            errors.push(FieldError::required(field, ""));
        } else if volumes[..at.min(volumes.len())].contains(&name) {
            errors.push(FieldError::duplicate(field, &name.into()));
        }
    }
}

fn not_found(field: String, value: &str) -> FieldError {
    FieldError::not_found(field, &value.into())
}
