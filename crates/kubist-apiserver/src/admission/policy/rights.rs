//! Who may refer to parameters: those who may read them, for policies show what is in them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::Attributes;
use super::super::matching::GROUP;
use super::params;
use crate::access::users::User;
use crate::access::{Question, allowed_by};
use crate::http::fields::FieldError;
use crate::http::status::Failure;
use crate::kinds::kind::table;
use crate::object::member::text;
use crate::object::meta;
use crate::state::Api;
use crate::store::Key;

/// Refuses a policy or a binding whose author may not read its parameters.
pub(super) fn check(
    api: &Arc<Api>,
    attributes: &Attributes<'_>,
    object: Option<&Value>,
    old: Option<&Value>,
) -> Result<(), Failure> {
    let kind = attributes.kind;
    let user = attributes.origin.user;
    let Some(object) = object.filter(|_| attributes.subresource.is_empty()) else {
        return Ok(());
    };
    // With an old object there is a reference that was allowed.
    let changed = |fields: &[&str]| {
        old.is_none_or(|old| {
            fields
                .iter()
                .any(|field| old["spec"].get(field) != object["spec"].get(field))
        })
    };
    if kind.group != GROUP || user.is_in("system:masters") {
        return Ok(());
    }
    let problem = match kind.plural.as_str() {
        "validatingadmissionpolicies" | "mutatingadmissionpolicies" if changed(&["paramKind"]) => {
            of_policy(api, user, &object["spec"]).map(|why| ("spec.paramKind", why))
        }
        "validatingadmissionpolicybindings" if changed(&["paramRef", "policyName"]) => {
            of_binding(api, user, &object["spec"], "validatingadmissionpolicies")
                .map(|why| ("spec.paramRef", why))
        }
        "mutatingadmissionpolicybindings" if changed(&["paramRef", "policyName"]) => {
            of_binding(api, user, &object["spec"], "mutatingadmissionpolicies")
                .map(|why| ("spec.paramRef", why))
        }
        _ => None,
    };
    match problem {
        None => Ok(()),
        Some((field, why)) => {
            let error = FieldError::forbidden(field, &why);
            Err(Failure::invalid(
                &kind.group,
                &kind.kind,
                meta::name(object),
                &[error],
            ))
        }
    }
}

fn of_policy(api: &Arc<Api>, user: &User, spec: &Value) -> Option<String> {
    let kind = spec.get("paramKind").filter(|kind| kind.is_object())?;
    let (group, resource) = resource(api, spec);
    let attributes =
        json!({"verb": "get", "name": "*", "namespace": "*", "group": group, "resource": resource});
    (!may(api, user, attributes)).then(|| {
        format!(
            "user {} must have \"get\" permission on all objects of the referenced paramKind (kind={}, apiVersion={})",
            shown(user),
            text(kind, "kind"),
            text(kind, "apiVersion")
        )
    })
}

fn of_binding(api: &Arc<Api>, user: &User, spec: &Value, policies: &str) -> Option<String> {
    let reference = spec.get("paramRef").filter(|reference| reference.is_object())?;
    let name = text(spec, "policyName");
    let policy = api.store.get(&table(GROUP, policies), &Key::new("", name));
    let (group, resource) = match &policy {
        Some(policy) => resource(api, &policy.value["spec"]),
        None => ("*".to_owned(), "*".to_owned()),
    };
    let param = text(reference, "name");
    let verb = if param.is_empty() { "list" } else { "get" };
    let attributes = json!({
        "verb": verb, "name": param, "namespace": text(reference, "namespace"), "group": group, "resource": resource,
    });
    (!may(api, user, attributes)).then(|| {
        let user = shown(user);
        if policy.is_none() {
            return format!(
                "unable to get policy {name} to determine minimum required permissions and user {user} does not have \
                 \"{verb}\" permission for all groups, versions and resources"
            );
        }
        format!("user {user} does not have \"{verb}\" permission on the object referenced by paramRef")
    })
}

/// The group and resource of a policy's parameters, as far as they are known.
fn resource(api: &Arc<Api>, spec: &Value) -> (String, String) {
    let Some(kind) = spec.get("paramKind").filter(|kind| kind.is_object()) else {
        return ("*".to_owned(), "*".to_owned());
    };
    match params::kind(&api.registry(), spec) {
        Ok(Some(kind)) => (kind.group.clone(), kind.plural.clone()),
        _ => {
            let (group, _) = meta::group_version(text(kind, "apiVersion"));
            (group.to_owned(), "*".to_owned())
        }
    }
}

fn may(api: &Api, user: &User, attributes: Value) -> bool {
    let question = Question::of(&json!({"resourceAttributes": attributes}));
    allowed_by(api, user, &question).is_ok()
}

/// A user, as Go shows one.
fn shown(user: &User) -> String {
    let extra = user
        .extra
        .iter()
        .map(|(key, values)| format!("{key}:[{}]", values.join(" ")));
    format!(
        "&{{{} {} [{}] map[{}]}}",
        user.name,
        user.uid,
        user.groups.join(" "),
        extra.collect::<Vec<String>>().join(" ")
    )
}
