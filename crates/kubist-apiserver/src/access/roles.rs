//! The roles that every server has, and whom they are bound to.
//!
//! `roles.json` holds what a kube-apiserver 1.36 lays into an empty store, one object a line.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::object::meta;

const ROLES: &str = include_str!("roles.json");

/// The label that makes a role's rules part of another role.
const AGGREGATE: &str = "rbac.authorization.k8s.io/aggregate-to-";

/// A default role or binding, and the resource that it is of.
pub(crate) struct DefaultRole {
    pub(crate) plural: &'static str,
    pub(crate) object: Value,
}

/// The default roles and bindings as they are stored; without `complete` the aggregated ones wait
/// for a controller.
pub(crate) fn defaults(complete: bool) -> &'static [DefaultRole] {
    static COMPLETE: LazyLock<Vec<DefaultRole>> = LazyLock::new(|| read(true));
    static WAITING: LazyLock<Vec<DefaultRole>> = LazyLock::new(|| read(false));
    if complete { &COMPLETE } else { &WAITING }
}

fn read(complete: bool) -> Vec<DefaultRole> {
    let lines: Vec<Line> = serde_json::from_str(ROLES).expect("the default roles are well-formed");
    let objects = lines.iter().map(|line| DefaultRole {
        plural: line.kind.plural(),
        object: line.object(if complete { &lines } else { &[] }),
    });
    objects.collect()
}

/// An object as the file has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    kind: Kind,
    #[serde(default)]
    namespace: &'static str,
    name: &'static str,
    /// Which aggregated role gets its rules.
    aggregates_to: Option<&'static str>,
    /// Which aggregated role it is.
    aggregates: Option<&'static str>,
    rules: Option<Vec<Value>>,
    role_ref: Option<Value>,
    subjects: Option<Value>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Kind {
    ClusterRole,
    ClusterRoleBinding,
    Role,
    RoleBinding,
}

impl Kind {
    fn name(self) -> String {
        format!("{self:?}")
    }

    fn plural(self) -> &'static str {
        match self {
            Kind::ClusterRole => "clusterroles",
            Kind::ClusterRoleBinding => "clusterrolebindings",
            Kind::Role => "roles",
            Kind::RoleBinding => "rolebindings",
        }
    }
}

impl Line {
    /// The object, with its rules if it is aggregated of `others`.
    fn object(&self, others: &[Line]) -> Value {
        let mut labels = json!({"kubernetes.io/bootstrapping": "rbac-defaults"});
        if let Some(part) = &self.aggregates_to {
            labels[format!("{AGGREGATE}{part}")] = "true".into();
        }
        let mut object = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": self.kind.name(),
            "metadata": {
                "name": self.name,
                "labels": labels,
                "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
            },
        });
        if !self.namespace.is_empty() {
            meta::set(&mut object, "namespace", self.namespace);
        }
        if let Some(part) = &self.aggregates {
            let label = format!("{AGGREGATE}{part}");
            object["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]});
        }
        if let Some(reference) = &self.role_ref {
            object["roleRef"] = reference.clone();
            if let Some(subjects) = &self.subjects {
                object["subjects"] = subjects.clone();
            }
        } else {
            let mut known = HashSet::new();
            let rules = self.rules(others).into_iter();
            let rules: Vec<Value> = rules
                .filter(|rule| known.insert(rule.to_string()))
                .cloned()
                .collect();
            object["rules"] = if rules.is_empty() {
                Value::Null
            } else {
                rules.into()
            };
        }
        object
    }

    /// Its own rules, or those of whom it is made of.
    fn rules<'a>(&'a self, others: &'a [Line]) -> Vec<&'a Value> {
        match &self.aggregates {
            None => self.rules.iter().flatten().collect(),
            part => others
                .iter()
                .filter(|other| other.aggregates_to == *part)
                .flat_map(|other| other.rules(others))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregated_roles_have_the_rules_of_their_parts() {
        let all = defaults(true);
        let rules = |name: &str| {
            let found = all
                .iter()
                .find(|role| role.plural == "clusterroles" && meta::name(&role.object) == name);
            found.expect(name).object["rules"]
                .as_array()
                .expect("rules")
                .clone()
        };
        let (admin, edit, view) = (rules("admin"), rules("edit"), rules("view"));
        assert_eq!(view, rules("system:aggregate-to-view"));
        assert_eq!(edit, [rules("system:aggregate-to-edit"), view].concat());
        assert_eq!(admin, [edit, rules("system:aggregate-to-admin")].concat());
        let waiting = defaults(false)
            .iter()
            .find(|role| meta::name(&role.object) == "admin")
            .expect("admin");
        assert_eq!(waiting.object["rules"], Value::Null);
    }

    #[test]
    fn whom_roles_are_bound_to_is_said_of_roles_that_are_there() {
        let all = defaults(true);
        let has = |plural: &str, name: &Value| {
            all.iter()
                .any(|role| role.plural == plural && *name == meta::name(&role.object))
        };
        for binding in all.iter().filter(|role| role.plural.ends_with("bindings")) {
            let reference = &binding.object["roleRef"];
            let plural = if reference["kind"] == "Role" {
                "roles"
            } else {
                "clusterroles"
            };
            assert!(has(plural, &reference["name"]), "{}", meta::name(&binding.object));
        }
    }
}
