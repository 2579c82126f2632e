//! The rules for `metadata`, as `k8s.io/apimachinery/pkg/api/validation` has them.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use crate::http::fields::FieldError;
use crate::object::meta;

/// How a kind's objects may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// A DNS subdomain: most kinds.
    Subdomain,
    /// A DNS label.
    Label,
    /// A DNS label that starts with a letter.
    Label1035,
    /// What a path segment can hold: RBAC kinds.
    PathSegment,
}

static LABEL: LazyLock<Option<Regex>> = LazyLock::new(|| regex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"));
static LABEL_1035: LazyLock<Option<Regex>> = LazyLock::new(|| regex("^[a-z]([-a-z0-9]*[a-z0-9])?$"));
static SUBDOMAIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"));
static QUALIFIED_NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex("^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$"));

fn regex(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Says that a name, or the start of one, is too long.
fn too_long(rule: NameRule, name: &str) -> Option<String> {
    let longest = match rule {
        NameRule::Label | NameRule::Label1035 => 63,
        NameRule::PathSegment => return None,
        _ => 253,
    };
    (name.len() > longest).then(|| format!("must be no more than {longest} characters"))
}

/// What is wrong with a name, in upstream's words.
pub(crate) fn name_problems(rule: NameRule, name: &str) -> Vec<String> {
    let mut problems: Vec<String> = too_long(rule, name).into_iter().collect();
    match rule {
        NameRule::Subdomain if !matches(&SUBDOMAIN, name) => problems.push(SUBDOMAIN_RULE.into()),
        NameRule::Label if !matches(&LABEL, name) && matches(&SUBDOMAIN, name) => {
            problems.push("must not contain dots".into());
        }
        NameRule::Label if !matches(&LABEL, name) => problems.push(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
             start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for \
             validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
                .into(),
        ),
        NameRule::Label1035 if !matches(&LABEL_1035, name) => problems.push(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
             alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', \
             regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
                .into(),
        ),
        NameRule::PathSegment => {
            if matches!(name, "." | "..") {
                problems.push(format!("may not be '{name}'"));
            }
            for part in ["/", "%"] {
                if name.contains(part) {
                    problems.push(format!("may not contain '{part}'"));
                }
            }
        }
        _ => {}
    }
    problems
}

const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex \
    used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// The start of a name as it is checked: more letters come, so a dash may end it.
fn masked(rule: NameRule, base: &str) -> Cow<'_, str> {
    let rest = base.strip_suffix('-').filter(|rest| !rest.is_empty());
    match (rule, rest) {
        (NameRule::PathSegment, _) if matches!(base, "." | "..") => "a".into(),
        (NameRule::PathSegment, _) | (_, None) => base.into(),
        (_, Some(rest)) => {
            // Upstream replaces what is before the dash, too.
            let mut masked = rest.to_owned();
            masked.pop();
            masked.push('a');
            masked.into()
        }
    }
}

/// What is wrong with the `metadata` of an object, apart from how it changed.
pub(crate) fn validate(object: &Value, namespaced: bool, rule: NameRule, custom: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let base = meta::text(object, "generateName");
    if !base.is_empty() {
        for problem in name_problems(rule, &masked(rule, base)) {
            errors.push(FieldError::invalid_text("metadata.generateName", base, &problem));
        }
    }
    let name = meta::name(object);
    if name.is_empty() {
        errors.push(FieldError::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else {
        for problem in name_problems(rule, name) {
            errors.push(FieldError::invalid_text("metadata.name", name, &problem));
        }
    }
    let namespace = meta::text(object, "namespace");
    if namespaced {
        if namespace.is_empty() {
            errors.push(FieldError::required("metadata.namespace", ""));
        } else {
            for problem in name_problems(NameRule::Label, namespace) {
                errors.push(FieldError::invalid_text(
                    "metadata.namespace",
                    namespace,
                    &problem,
                ));
            }
        }
    } else if !namespace.is_empty() {
        errors.push(FieldError::forbidden(
            "metadata.namespace",
            "not allowed on this type",
        ));
    }
    if meta::generation(object) < 0 {
        let generation = meta::generation(object).into();
        errors.push(FieldError::invalid(
            "metadata.generation",
            &generation,
            "must be greater than or equal to 0",
        ));
    }
    errors.extend(labels(meta::get(object, "labels"), "metadata.labels"));
    errors.extend(annotations(meta::get(object, "annotations")));
    errors.extend(owners(meta::get(object, "ownerReferences")));
    errors.extend(finalizers(&meta::finalizers(object), custom));
    errors
}

/// What is wrong with how `metadata` changed.
pub(crate) fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if meta::is_deleting(old) {
        let before = meta::finalizers(old);
        let added: Vec<String> = meta::finalizers(new)
            .into_iter()
            .filter(|finalizer| !before.contains(finalizer))
            .map(|finalizer| format!("{finalizer:?}"))
            .collect();
        if !added.is_empty() {
            errors.push(FieldError::forbidden(
                "metadata.finalizers",
                &format!(
                    "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                    added.join(", ")
                ),
            ));
        }
    }
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        let (after, before) = (meta::get(new, field), meta::get(old, field));
        if after != before {
            let value = after.cloned().unwrap_or(Value::Null);
            errors.push(FieldError::immutable(format!("metadata.{field}"), &value));
        }
    }
    errors.extend(labels(meta::get(new, "labels"), "metadata.labels"));
    errors.extend(annotations(meta::get(new, "annotations")));
    errors.extend(owners(meta::get(new, "ownerReferences")));
    errors
}

/// What is wrong with a map of labels.
pub(crate) fn labels(labels: Option<&Value>, field: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        for problem in qualified_name_problems(key) {
            errors.push(FieldError::invalid_text(field, key, &problem));
        }
        let value = value.as_str().unwrap_or("");
        for problem in label_value_problems(value) {
            errors.push(FieldError::invalid_text(field, value, &problem));
        }
    }
    errors
}

pub(crate) fn label_value_problems(value: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if value.len() > 63 {
        problems.push("must be no more than 63 bytes".into());
    }
    if !value.is_empty() && !matches(&QUALIFIED_NAME, value) {
        problems.push(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
             must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', \
             regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                .into(),
        );
    }
    problems
}

/// What is wrong with a name that may have a domain in front, such as a label's key.
pub(crate) fn qualified_name_problems(key: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let (prefix, name) = match key.split_once('/') {
        Some((_, rest)) if rest.contains('/') => {
            problems.push(
                "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and \
                 end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for \
                 validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix \
                 and '/' (e.g. 'example.com/MyName')"
                    .into(),
            );
            return problems;
        }
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if let Some(prefix) = prefix {
        if prefix.is_empty() {
            problems.push("prefix part must be non-empty".into());
        } else {
            for problem in name_problems(NameRule::Subdomain, prefix) {
                problems.push(format!("prefix part {problem}"));
            }
        }
    }
    if name.is_empty() {
        problems.push("name part must be non-empty".into());
    } else if name.len() > 63 {
        problems.push("name part must be no more than 63 bytes".into());
    }
    if !matches(&QUALIFIED_NAME, name) {
        problems.push(
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
             alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
             '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
                .into(),
        );
    }
    problems
}

pub(crate) fn annotations(annotations: Option<&Value>) -> Vec<FieldError> {
    const MOST: usize = 256 * 1024;
    let mut errors = Vec::new();
    let mut size = 0;
    for (key, value) in annotations.and_then(Value::as_object).into_iter().flatten() {
        for problem in qualified_name_problems(&key.to_lowercase()) {
            errors.push(FieldError::invalid_text("metadata.annotations", key, &problem));
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > MOST {
        errors.push(FieldError::too_long("metadata.annotations", MOST));
    }
    errors
}

fn owners(owners: Option<&Value>) -> Vec<FieldError> {
    const FIELD: &str = "metadata.ownerReferences";
    let mut errors = Vec::new();
    let mut controller: Option<String> = None;
    for owner in owners.and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or("");
        let (group, version) = meta::group_version(text("apiVersion"));
        if version.is_empty() || version.contains('/') {
            errors.push(FieldError::invalid_text(
                format!("{FIELD}.apiVersion"),
                text("apiVersion"),
                "version must not be empty",
            ));
        }
        for key in ["kind", "name", "uid"] {
            if text(key).is_empty() {
                errors.push(FieldError::invalid_text(
                    format!("{FIELD}.{key}"),
                    "",
                    "must not be empty",
                ));
            }
        }
        if group.is_empty() && version == "v1" && text("kind") == "Event" {
            let detail = "/v1, Kind=Event is disallowed from being an owner";
            errors.push(FieldError::invalid_json(FIELD, &shown_owner(owner), detail));
        }
        if owner.get("controller") == Some(&Value::Bool(true)) {
            let named = format!("{}/{}", text("kind"), text("name"));
            match &controller {
                Some(other) => {
                    let all = owners.and_then(Value::as_array).into_iter().flatten();
                    let all: Vec<String> = all.map(shown_owner).collect();
                    errors.push(FieldError::invalid_json(
                        FIELD,
                        &format!("[{}]", all.join(",")),
                        &format!(
                            "Only one reference can have Controller set to true. Found \"true\" in references for {other} and {named}"
                        ),
                    ));
                }
                None => controller = Some(named),
            }
        }
    }
    errors
}

/// What is said of new finalizers of custom resources that others might use, too.
pub(crate) fn finalizer_warnings(new: &Value, old: Option<&Value>) -> Vec<String> {
    let before = old.map(meta::finalizers).unwrap_or_default();
    let mut added: Vec<&str> = meta::finalizers(new)
        .into_iter()
        .filter(|finalizer| !before.contains(finalizer) && is_unqualified(finalizer))
        .collect();
    added.sort_unstable();
    added.dedup();
    added
        .into_iter()
        .map(|finalizer| {
            format!(
                "metadata.finalizers: {finalizer:?}: prefer a domain-qualified finalizer name including a path (/) to \
                 avoid accidental conflicts with other finalizer writers"
            )
        })
        .collect()
}

/// Whether a finalizer is neither of Kubernetes nor of a domain.
pub(crate) fn is_unqualified(finalizer: &str) -> bool {
    !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer)
}

/// An owner reference as Go's JSON, in the order of the type.
fn shown_owner(owner: &Value) -> String {
    let fields = [
        "apiVersion",
        "kind",
        "name",
        "uid",
        "controller",
        "blockOwnerDeletion",
    ];
    let shown: Vec<String> = fields
        .iter()
        .filter_map(|field| Some(format!("\"{field}\":{}", owner.get(*field)?)))
        .collect();
    format!("{{{}}}", shown.join(","))
}

const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

fn finalizers(finalizers: &[&str], custom: bool) -> Vec<FieldError> {
    const FIELD: &str = "metadata.finalizers";
    let mut errors = Vec::new();
    for finalizer in finalizers {
        for problem in qualified_name_problems(finalizer) {
            errors.push(FieldError::invalid_text(FIELD, finalizer, &problem));
        }
    }
    if finalizers.contains(&"orphan") && finalizers.contains(&"foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(FieldError::invalid(FIELD, &finalizers.into(), detail));
    }
    for (at, finalizer) in finalizers.iter().enumerate().filter(|_| !custom) {
        if is_unqualified(finalizer) {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid_text(
                format!("{FIELD}[{at}]"),
                finalizer,
                detail,
            ));
        }
    }
    errors
}

/// Drops owner references that were there before; gives the warning about them.
pub(crate) fn drop_duplicate_owners(metadata: &mut Map<String, Value>) -> Option<String> {
    let Some(Value::Array(owners)) = metadata.get_mut("ownerReferences") else {
        return None;
    };
    let mut seen: Vec<Value> = Vec::with_capacity(owners.len());
    let mut repeated: Vec<String> = Vec::new();
    owners.retain(|owner| {
        let known = seen.contains(owner);
        if known {
            let uid = owner.get("uid").and_then(Value::as_str).unwrap_or("").to_owned();
            if !repeated.contains(&uid) {
                repeated.push(uid);
            }
        } else {
            seen.push(owner.clone());
        }
        !known
    });
    (!repeated.is_empty()).then(|| {
        format!(
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may \
             reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            repeated.join(", ")
        )
    })
}
