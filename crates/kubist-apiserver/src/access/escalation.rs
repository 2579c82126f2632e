//! Nobody grants what they may not do themselves.
//!
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping>

use serde_json::Value;

use super::{Question, may};
use crate::access::users::User;
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, table};
use crate::object::meta;
use crate::state::Api;
use crate::store::Key;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Refuses a role with more than its writer has, and a binding to such a role.
pub(crate) fn check(
    api: &Api,
    kind: &Kind,
    new: &Value,
    old: Option<&Value>,
    user: &User,
) -> Result<(), Failure> {
    if kind.group != GROUP || kind.custom().is_some() || api.users.is_open() || user.is_in("system:masters") {
        return Ok(());
    }
    let unchanged = |field: &str| old.is_some_and(|old| old.get(field) == new.get(field));
    let namespace = meta::text(new, "namespace");
    match kind.plural.as_str() {
        "roles" | "clusterroles" => {
            if unchanged("rules") && unchanged("aggregationRule") {
                return Ok(());
            }
            if holds(api, user, "escalate", kind, namespace, meta::name(new)) {
                return Ok(());
            }
            if new.get("aggregationRule").is_some_and(Value::is_object) {
                let everything = Question {
                    verb: "*".into(),
                    group: "*".into(),
                    resource: "*".into(),
                    ..Question::default()
                };
                if may(api, user, &everything).is_err() {
                    let why = "must have cluster-admin privileges to use the aggregationRule";
                    return Err(Failure::forbidden(
                        &kind.group,
                        &kind.plural,
                        meta::name(new),
                        why,
                    ));
                }
            }
            confirm(api, kind, new, user, namespace, new.get("rules"))
        }
        "rolebindings" | "clusterrolebindings" => {
            if unchanged("roleRef") && unchanged("subjects") {
                return Ok(());
            }
            let text = |field: &str| new["roleRef"].get(field).and_then(Value::as_str).unwrap_or("");
            let (plural, within) = match text("kind") {
                "ClusterRole" => ("clusterroles", ""),
                _ => ("roles", namespace),
            };
            let role = Question {
                verb: "bind".into(),
                group: GROUP.into(),
                resource: plural.into(),
                namespace: namespace.into(),
                name: text("name").into(),
                ..Question::default()
            };
            if may(api, user, &role).is_ok() {
                return Ok(());
            }
            let Some(found) = api
                .store
                .get(&table(GROUP, plural), &Key::new(within, text("name")))
            else {
                // Upstream names the resource that the request is about.
                return Err(Failure::not_found(GROUP, &kind.plural, text("name")));
            };
            confirm(api, kind, new, user, namespace, found.value.get("rules"))
        }
        _ => Ok(()),
    }
}

fn holds(api: &Api, user: &User, verb: &str, kind: &Kind, namespace: &str, name: &str) -> bool {
    let question = Question {
        verb: verb.into(),
        group: kind.group.clone(),
        resource: kind.plural.clone(),
        namespace: namespace.into(),
        name: name.into(),
        ..Question::default()
    };
    may(api, user, &question).is_ok()
}

fn confirm(
    api: &Api,
    kind: &Kind,
    object: &Value,
    user: &User,
    namespace: &str,
    rules: Option<&Value>,
) -> Result<(), Failure> {
    let mut missing = Vec::new();
    for rule in rules.and_then(Value::as_array).into_iter().flatten() {
        missing.extend(lacking(api, user, namespace, rule));
    }
    if missing.is_empty() {
        return Ok(());
    }
    missing.dedup();
    let why = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        quoted(&user.groups.iter().map(String::as_str).collect::<Vec<_>>()),
        missing.join("\n")
    );
    Err(Failure::forbidden(
        &kind.group,
        &kind.plural,
        meta::name(object),
        &why,
    ))
}

/// The parts of a rule that the user does not have, as upstream prints them.
fn lacking(api: &Api, user: &User, namespace: &str, rule: &Value) -> Vec<String> {
    let list = |field: &str| meta::strings(rule.get(field));
    let verbs = list("verbs");
    let denied = |question: &dyn Fn(&str) -> Question| -> Vec<&str> {
        let asked = verbs.iter().copied();
        asked
            .filter(|verb| may(api, user, &question(verb)).is_err())
            .collect()
    };
    let mut missing = Vec::new();
    for path in list("nonResourceURLs") {
        let verbs = denied(&|verb| Question {
            verb: verb.into(),
            path: path.into(),
            ..Question::default()
        });
        if !verbs.is_empty() {
            missing.push(format!(
                "{{NonResourceURLs:[{path:?}], Verbs:{}}}",
                quoted(&verbs)
            ));
        }
    }
    let names = list("resourceNames");
    for group in list("apiGroups") {
        for resource in list("resources") {
            for name in if names.is_empty() { vec![""] } else { names.clone() } {
                let (plain, part) = resource.split_once('/').unwrap_or((resource, ""));
                let verbs = denied(&|verb| Question {
                    verb: verb.into(),
                    group: group.into(),
                    resource: plain.into(),
                    subresource: part.into(),
                    namespace: namespace.into(),
                    name: name.into(),
                    path: String::new(),
                });
                if verbs.is_empty() {
                    continue;
                }
                let named = if name.is_empty() {
                    String::new()
                } else {
                    format!(", ResourceNames:[{name:?}]")
                };
                missing.push(format!(
                    "{{APIGroups:[{group:?}], Resources:[{resource:?}]{named}, Verbs:{}}}",
                    quoted(&verbs)
                ));
            }
        }
    }
    missing
}

/// A list as Go's `%q` prints it.
fn quoted(items: &[&str]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
    format!("[{}]", items.join(" "))
}
