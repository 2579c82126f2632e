//! The cluster roles that every server has, as
//! `plugin/pkg/auth/authorizer/rbac/bootstrappolicy` lists them: those for people, those for
//! everybody, and what aggregates into them.

use serde_json::{Value, json};

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];
const ALL: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// Groups, resources and verbs of one rule.
type Rule = (
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

const VIEW: &[Rule] = &[
    (
        &[""],
        &[
            "configmaps",
            "endpoints",
            "persistentvolumeclaims",
            "persistentvolumeclaims/status",
            "pods",
            "replicationcontrollers",
            "replicationcontrollers/scale",
            "serviceaccounts",
            "services",
            "services/status",
        ],
        READ,
    ),
    (
        &[""],
        &[
            "bindings",
            "events",
            "limitranges",
            "namespaces/status",
            "pods/log",
            "pods/status",
            "replicationcontrollers/status",
            "resourcequotas",
            "resourcequotas/status",
        ],
        READ,
    ),
    (&[""], &["namespaces"], READ),
    (&["discovery.k8s.io"], &["endpointslices"], READ),
    (
        &["apps"],
        &[
            "controllerrevisions",
            "daemonsets",
            "daemonsets/status",
            "deployments",
            "deployments/scale",
            "deployments/status",
            "replicasets",
            "replicasets/scale",
            "replicasets/status",
            "statefulsets",
            "statefulsets/scale",
            "statefulsets/status",
        ],
        READ,
    ),
    (
        &["autoscaling"],
        &["horizontalpodautoscalers", "horizontalpodautoscalers/status"],
        READ,
    ),
    (
        &["batch"],
        &["cronjobs", "cronjobs/status", "jobs", "jobs/status"],
        READ,
    ),
    (
        &["policy"],
        &["poddisruptionbudgets", "poddisruptionbudgets/status"],
        READ,
    ),
    (
        &["networking.k8s.io"],
        &["ingresses", "ingresses/status", "networkpolicies"],
        READ,
    ),
];

const EDIT: &[Rule] = &[
    (
        &[""],
        &[
            "pods/attach",
            "pods/exec",
            "pods/portforward",
            "pods/proxy",
            "secrets",
            "services/proxy",
        ],
        READ,
    ),
    (&[""], &["serviceaccounts"], &["impersonate"]),
    (
        &[""],
        &[
            "pods",
            "pods/attach",
            "pods/exec",
            "pods/portforward",
            "pods/proxy",
        ],
        WRITE,
    ),
    (&[""], &["pods/eviction"], &["create"]),
    (
        &[""],
        &[
            "configmaps",
            "events",
            "persistentvolumeclaims",
            "replicationcontrollers",
            "replicationcontrollers/scale",
            "secrets",
            "serviceaccounts",
            "services",
            "services/proxy",
        ],
        WRITE,
    ),
    (&[""], &["serviceaccounts/token"], &["create"]),
    (
        &["apps"],
        &[
            "daemonsets",
            "deployments",
            "deployments/rollback",
            "deployments/scale",
            "replicasets",
            "replicasets/scale",
            "statefulsets",
            "statefulsets/scale",
        ],
        WRITE,
    ),
    (&["autoscaling"], &["horizontalpodautoscalers"], WRITE),
    (&["batch"], &["cronjobs", "jobs"], WRITE),
    (&["policy"], &["poddisruptionbudgets"], WRITE),
    (&["networking.k8s.io"], &["ingresses", "networkpolicies"], WRITE),
    (&["coordination.k8s.io"], &["leases"], ALL),
];

const ADMIN: &[Rule] = &[
    (
        &["authorization.k8s.io"],
        &["localsubjectaccessreviews"],
        &["create"],
    ),
    (&["rbac.authorization.k8s.io"], &["rolebindings", "roles"], ALL),
];

/// The label that makes a role's rules part of another role.
const AGGREGATE: &str = "rbac.authorization.k8s.io/aggregate-to-";

fn rules(rules: &[Rule]) -> Value {
    let rule = |(groups, resources, verbs): &Rule| json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
    rules.iter().map(rule).collect()
}

fn labels(extra: Option<&str>) -> Value {
    let mut labels = json!({"kubernetes.io/bootstrapping": "rbac-defaults"});
    if let Some(part) = extra {
        labels[format!("{AGGREGATE}{part}")] = "true".into();
    }
    labels
}

fn role(name: &str, aggregates_to: Option<&str>, mut body: Value) -> Value {
    body["metadata"] = json!({
        "name": name,
        "labels": labels(aggregates_to),
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
    });
    body
}

/// A role that is made of others; its rules come from the controller, or are given as that would.
fn aggregated(part: &str, rules: Value) -> Value {
    let label = format!("{AGGREGATE}{part}");
    json!({"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]}, "rules": rules})
}

/// The default `ClusterRole` objects; without `complete` the aggregated ones wait for a controller.
pub(crate) fn cluster_roles(complete: bool) -> Vec<Value> {
    let aggregated = |part: &str, parts: &[&[Rule]]| {
        let parts = if complete { parts.concat() } else { Vec::new() };
        aggregated(part, rules(&parts))
    };
    let paths = |paths: &[&str]| json!({"rules": [{"nonResourceURLs": paths, "verbs": ["get"]}]});
    vec![
        role(
            "cluster-admin",
            None,
            json!({"rules": [
                {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
                {"nonResourceURLs": ["*"], "verbs": ["*"]},
            ]}),
        ),
        role(
            "system:discovery",
            None,
            paths(&[
                "/api",
                "/api/*",
                "/apis",
                "/apis/*",
                "/healthz",
                "/livez",
                "/openapi",
                "/openapi/*",
                "/readyz",
                "/version",
                "/version/",
            ]),
        ),
        role(
            "system:public-info-viewer",
            None,
            paths(&["/healthz", "/livez", "/readyz", "/version", "/version/"]),
        ),
        role(
            "system:basic-user",
            None,
            json!({"rules": [
                {"apiGroups": ["authorization.k8s.io"], "verbs": ["create"],
                 "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
                {"apiGroups": ["authentication.k8s.io"], "verbs": ["create"], "resources": ["selfsubjectreviews"]},
            ]}),
        ),
        role("admin", None, aggregated("admin", &[EDIT, VIEW, ADMIN])),
        role("edit", Some("admin"), aggregated("edit", &[EDIT, VIEW])),
        role("view", Some("edit"), aggregated("view", &[VIEW])),
        role(
            "system:aggregate-to-admin",
            Some("admin"),
            json!({"rules": rules(ADMIN)}),
        ),
        role(
            "system:aggregate-to-edit",
            Some("edit"),
            json!({"rules": rules(EDIT)}),
        ),
        role(
            "system:aggregate-to-view",
            Some("view"),
            json!({"rules": rules(VIEW)}),
        ),
    ]
}

/// The default `ClusterRoleBinding` objects.
pub(crate) fn cluster_role_bindings() -> Vec<Value> {
    let binding = |name: &str, groups: &[&str]| {
        let subject =
            |group: &&str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group});
        let subjects: Vec<Value> = groups.iter().map(subject).collect();
        let reference = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name});
        role(name, None, json!({"roleRef": reference, "subjects": subjects}))
    };
    vec![
        binding("cluster-admin", &["system:masters"]),
        binding("system:discovery", &["system:authenticated"]),
        binding("system:basic-user", &["system:authenticated"]),
        binding(
            "system:public-info-viewer",
            &["system:authenticated", "system:unauthenticated"],
        ),
    ]
}
