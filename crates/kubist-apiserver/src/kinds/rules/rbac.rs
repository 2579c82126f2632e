//! The rules of roles, and of who has them.

use serde_json::{Value, json};

use crate::http::fields::FieldError;
use crate::kinds::kind::Kind;
use crate::object::member::{given, list, text};
use crate::object::meta;
use crate::object::metavalidate::{self, NameRule};

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn role(kind: &Kind, new: &Value, errors: &mut Vec<FieldError>) {
    for (at, rule) in list(new, "rules").iter().enumerate() {
        let path = format!("rules[{at}]");
        if list(rule, "verbs").is_empty() {
            let detail = "verbs must contain at least one value";
            errors.push(FieldError::required(format!("{path}.verbs"), detail));
        }
        let urls = list(rule, "nonResourceURLs");
        let resources: Vec<_> = ["apiGroups", "resources", "resourceNames"]
            .into_iter()
            .filter(|field| !list(rule, field).is_empty())
            .collect();
        if !urls.is_empty() {
            let field = format!("{path}.nonResourceURLs");
            let mut refuse = |detail: &str| {
                errors.push(FieldError::invalid(&field, &urls.to_vec().into(), detail));
            };
            if kind.namespaced {
                refuse("namespaced rules cannot apply to non-resource URLs");
            }
            if !resources.is_empty() {
                refuse("rules cannot apply to both regular resources and non-resource URLs");
            }
            continue;
        }
        for (field, noun) in [("apiGroups", "api group"), ("resources", "resource")] {
            if !resources.contains(&field) {
                let detail = format!("resource rules must supply at least one {noun}");
                errors.push(FieldError::required(format!("{path}.{field}"), &detail));
            }
        }
    }
    if let Some(aggregation) = given(new, "aggregationRule")
        && list(aggregation, "clusterRoleSelectors").is_empty()
    {
        let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        errors.push(FieldError::required(
            "aggregationRule.clusterRoleSelectors",
            detail,
        ));
    }
}

pub(super) fn binding(kind: &Kind, new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let role = &new["roleRef"];
    let mut check = |field: &str, allowed: &[&str]| {
        if !allowed.contains(&text(role, field)) {
            errors.push(FieldError::not_supported(
                format!("roleRef.{field}"),
                &role[field],
                allowed,
            ));
        }
    };
    check("apiGroup", &[GROUP]);
    if kind.namespaced {
        check("kind", &["Role", "ClusterRole"]);
    } else {
        check("kind", &["ClusterRole"]);
    }
    let name = text(role, "name");
    if name.is_empty() {
        errors.push(FieldError::required("roleRef.name", ""));
    }
    for problem in metavalidate::name_problems(NameRule::PathSegment, name) {
        errors.push(FieldError::invalid_text("roleRef.name", name, &problem));
    }
    for (at, subject) in list(new, "subjects").iter().enumerate() {
        validate_subject(subject, &format!("subjects[{at}]"), kind, errors);
    }
    if let Some(old) = old
        && old["roleRef"] != *role
    {
        let shown = format!(
            r#"{{"APIGroup":{},"Kind":{},"Name":{}}}"#,
            json!(text(role, "apiGroup")),
            json!(text(role, "kind")),
            json!(name)
        );
        errors.push(FieldError::invalid_json(
            "roleRef",
            &shown,
            "cannot change roleRef",
        ));
    }
}

fn validate_subject(subject: &Value, path: &str, kind: &Kind, errors: &mut Vec<FieldError>) {
    let name = text(subject, "name");
    if name.is_empty() {
        errors.push(FieldError::required(format!("{path}.name"), ""));
    }
    let group = text(subject, "apiGroup");
    let wanted = match text(subject, "kind") {
        "ServiceAccount" => {
            let problems = metavalidate::name_problems(NameRule::Subdomain, name);
            for problem in problems.iter().filter(|_| !name.is_empty()) {
                errors.push(FieldError::invalid_text(format!("{path}.name"), name, problem));
            }
            if !kind.namespaced && meta::at(subject, "namespace").is_none_or(|namespace| namespace == "") {
                errors.push(FieldError::required(format!("{path}.namespace"), ""));
            }
            ""
        }
        "User" | "Group" => GROUP,
        _ => {
            let known = ["ServiceAccount", "User", "Group"];
            errors.push(FieldError::not_supported(
                format!("{path}.kind"),
                &subject["kind"],
                &known,
            ));
            return;
        }
    };
    if group != wanted {
        errors.push(FieldError::not_supported(
            format!("{path}.apiGroup"),
            &group.into(),
            &[wanted],
        ));
    }
}
