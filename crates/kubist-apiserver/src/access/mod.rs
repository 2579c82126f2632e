//! Who may do what: RBAC.
//!
//! Without users a server lets everybody do everything. With users, `system:masters` may do
//! everything and others what roles and bindings say, as
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/> has it.

pub(crate) mod escalation;
pub(crate) mod impersonation;
pub(crate) mod review;
pub(crate) mod roles;
pub(crate) mod tokens;
pub(crate) mod users;

use std::sync::Arc;

use serde_json::Value;

use crate::access::users::User;
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::table;
use crate::object::meta;
use crate::state::Api;
use crate::store::Key;

const GROUP: &str = "rbac.authorization.k8s.io";

/// What somebody wants to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    verb: String,
    group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    /// For a path that is no resource.
    path: String,
}

/// It is not allowed.
#[derive(Debug)]
pub(crate) struct Denied {
    /// What RBAC found amiss on the way; mostly nothing.
    pub(crate) reason: String,
}

impl Denied {
    fn because(missing: Vec<String>) -> Denied {
        let reason = match told(missing) {
            why if why.is_empty() => why,
            why => format!("RBAC: {why}"),
        };
        Denied { reason }
    }
}

/// Several errors as one, as Go tells them.
fn told(mut errors: Vec<String>) -> String {
    let mut known = std::collections::HashSet::new();
    errors.retain(|error| known.insert(error.clone()));
    match errors.as_slice() {
        [one] => one.clone(),
        [] => String::new(),
        many => format!("[{}]", many.join(", ")),
    }
}

impl Question {
    /// What a request wants.
    pub(crate) fn from_request(request: &Request) -> Question {
        let target = &request.target;
        if !target.is_resource {
            return Question {
                verb: target.verb.into(),
                path: request.path.clone(),
                ..Question::default()
            };
        }
        Question {
            verb: target.verb.into(),
            group: target.group.clone(),
            resource: target.resource.clone(),
            subresource: target.subresource.clone(),
            // A namespace counts as being in itself.
            namespace: match (target.resource.as_str(), target.group.as_str()) {
                ("namespaces", "") => target.name.clone(),
                _ => target.namespace.clone(),
            },
            // A field selector that leaves one name is about that object.
            name: target.named().to_owned(),
            path: String::new(),
        }
    }

    /// What a request wants that creates what it was to update.
    pub(crate) fn creating(request: &Request) -> Question {
        Question {
            verb: "create".into(),
            ..Question::from_request(request)
        }
    }

    /// What the spec of an access review asks about.
    pub(crate) fn of(spec: &Value) -> Question {
        let text = |part: &str, key: &str| {
            spec.get(part)
                .and_then(|part| part.get(key))
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        };
        if spec.get("nonResourceAttributes").is_some_and(Value::is_object) {
            return Question {
                verb: text("nonResourceAttributes", "verb"),
                path: text("nonResourceAttributes", "path"),
                ..Question::default()
            };
        }
        let part = "resourceAttributes";
        Question {
            verb: text(part, "verb"),
            group: text(part, "group"),
            resource: text(part, "resource"),
            subresource: text(part, "subresource"),
            namespace: text(part, "namespace"),
            name: text(part, "name"),
            path: String::new(),
        }
    }

    pub(crate) fn impersonate(group: &str, resource: &str, name: &str) -> Question {
        Question {
            verb: "impersonate".into(),
            group: group.into(),
            resource: resource.into(),
            name: name.into(),
            ..Question::default()
        }
    }

    /// The refusal, in upstream's words.
    pub(crate) fn refusal(&self, user: &User, denied: &Denied) -> Failure {
        let user = &user.name;
        let more = match denied.reason.as_str() {
            "" => String::new(),
            reason => format!(": {reason}"),
        };
        if !self.path.is_empty() {
            let why = format!("User {user:?} cannot {} path {:?}{more}", self.verb, self.path);
            let mut failure = Failure::forbidden("", "", "", &why);
            failure.details = Some(serde_json::json!({}));
            return failure;
        }
        let resource = if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        };
        let place = if self.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {:?}", self.namespace)
        };
        let why = format!(
            "User {user:?} cannot {} resource {resource:?} in API group {:?} {place}{more}",
            self.verb, self.group
        );
        Failure::forbidden(&self.group, &self.resource, &self.name, &why)
    }
}

/// Whether `user` may do what the question asks.
pub(crate) fn may(api: &Api, user: &User, question: &Question) -> Result<(), Denied> {
    allowed_by(api, user, question).map(|_| ())
}

/// Why `user` may do what the question asks; empty for those who may do everything.
pub(crate) fn allowed_by(api: &Api, user: &User, question: &Question) -> Result<String, Denied> {
    if api.users.is_open() || user.is_in("system:masters") {
        return Ok(String::new());
    }
    let mut missing = Vec::new();
    for (binding, within) in bindings(api, &question.namespace) {
        let Some(subject) = subject_of(user, &binding, within) else {
            continue;
        };
        match bound_role(api, &binding, within) {
            Ok(role) if allows(&role, question) => return Ok(reason(&binding, subject, within)),
            Ok(_) => {}
            Err(why) => missing.push(why),
        }
    }
    Err(Denied::because(missing))
}

/// The bindings that count in a namespace, each with the namespace that it is in.
fn bindings<'a>(api: &Api, namespace: &'a str) -> impl Iterator<Item = (Arc<Value>, &'a str)> {
    let list = |plural: &str, within: Option<&str>| api.store.list(&table(GROUP, plural), within, None).0;
    let wide = list("clusterrolebindings", None);
    let narrow = match namespace {
        "" => Vec::new(),
        namespace => list("rolebindings", Some(namespace)),
    };
    let wide = wide.into_iter().map(|(_, binding)| (binding.value, ""));
    wide.chain(
        narrow
            .into_iter()
            .map(move |(_, binding)| (binding.value, namespace)),
    )
}

/// The rules that a user has in a namespace, cluster-wide ones included, and what is wrong with them.
pub(crate) fn rules_of(api: &Api, user: &User, namespace: &str) -> (Vec<Value>, String) {
    let (mut rules, mut missing) = (Vec::new(), Vec::new());
    for (binding, within) in bindings(api, namespace) {
        if subject_of(user, &binding, within).is_none() {
            continue;
        }
        match bound_role(api, &binding, within) {
            Ok(role) => {
                let found = role.get("rules").and_then(Value::as_array);
                rules.extend(found.into_iter().flatten().cloned());
            }
            Err(why) => missing.push(why),
        }
    }
    (rules, told(missing))
}

/// The reason that RBAC gives for letting somebody through a binding.
fn reason(binding: &Value, subject: &Value, namespace: &str) -> String {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let mut who = text(subject, "name");
    if text(subject, "kind") == "ServiceAccount" {
        let home = text(subject, "namespace");
        who.push('/');
        who.push_str(if home.is_empty() { namespace } else { &home });
    }
    let (what, name) = if namespace.is_empty() {
        ("ClusterRoleBinding", meta::name(binding).to_owned())
    } else {
        ("RoleBinding", format!("{}/{namespace}", meta::name(binding)))
    };
    let role = &binding["roleRef"];
    format!(
        "RBAC: allowed by {what} {name:?} of {} {:?} to {} {who:?}",
        text(role, "kind"),
        text(role, "name"),
        text(subject, "kind"),
    )
}

/// The subject of a binding that a user is.
fn subject_of<'a>(user: &User, binding: &'a Value, namespace: &str) -> Option<&'a Value> {
    binding
        .get("subjects")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|subject| {
            let text = |key: &str| subject.get(key).and_then(Value::as_str).unwrap_or("");
            match text("kind") {
                "User" => text("name") == user.name,
                "Group" => user.is_in(text("name")),
                "ServiceAccount" => {
                    let home = if text("namespace").is_empty() {
                        namespace
                    } else {
                        text("namespace")
                    };
                    user.name == format!("system:serviceaccount:{home}:{}", text("name"))
                }
                _ => false,
            }
        })
}

/// The role that a binding refers to, or why there is none.
fn bound_role(api: &Api, binding: &Value, namespace: &str) -> Result<Arc<Value>, String> {
    let text = |key: &str| binding["roleRef"].get(key).and_then(Value::as_str).unwrap_or("");
    let (singular, plural, within) = match text("kind") {
        "ClusterRole" => ("clusterrole", "clusterroles", ""),
        "Role" => ("role", "roles", namespace),
        other => return Err(format!("unsupported role reference kind: {other:?}")),
    };
    let name = text("name");
    let role = api.store.get(&table(GROUP, plural), &Key::new(within, name));
    role.map(|role| role.value)
        .ok_or_else(|| format!("{singular}.{GROUP} {name:?} not found"))
}

fn allows(role: &Value, question: &Question) -> bool {
    let rules = role.get("rules").and_then(Value::as_array);
    let mut rules = rules.into_iter().flatten();
    rules.any(|rule| rule_allows(rule, question))
}

fn rule_allows(rule: &Value, question: &Question) -> bool {
    let has = |key: &str, value: &str| {
        meta::strings(rule.get(key))
            .iter()
            .any(|known| *known == "*" || *known == value)
    };
    if !has("verbs", &question.verb) {
        return false;
    }
    if !question.path.is_empty() {
        return meta::strings(rule.get("nonResourceURLs")).iter().any(|known| {
            match known.strip_suffix('*') {
                Some(prefix) => question.path.starts_with(prefix),
                None => *known == question.path,
            }
        });
    }
    let resource = if question.subresource.is_empty() {
        question.resource.clone()
    } else {
        format!("{}/{}", question.resource, question.subresource)
    };
    let any_of_part = meta::strings(rule.get("resources")).iter().any(|known| {
        known
            .strip_prefix("*/")
            .is_some_and(|part| part == question.subresource && !part.is_empty())
    });
    let names = meta::strings(rule.get("resourceNames"));
    has("apiGroups", &question.group)
        && (has("resources", &resource) || any_of_part)
        && (names.is_empty() || !question.name.is_empty() && names.contains(&question.name.as_str()))
}

/// Refuses a request that its user may not make.
pub(crate) fn authorize(api: &Api, request: &Request) -> Result<(), Failure> {
    let question = Question::from_request(request);
    may(api, &request.user, &question).map_err(|denied| question.refusal(&request.user, &denied))
}
