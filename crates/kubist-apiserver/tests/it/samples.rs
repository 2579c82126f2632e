//! A small valid object of every built-in kind that can be created and read.

use serde_json::{Value, json};

/// An object, and what may not be done to it.
pub(crate) struct Sample {
    /// The path of its collection.
    pub(crate) path: &'static str,
    /// Without a name; metadata is optional.
    pub(crate) object: Value,
    /// A merge patch of what never changes, and the field that the refusal names; none where
    /// the patch is taken and the field stays as it is.
    pub(crate) fixed: Option<(Value, Option<&'static str>)>,
}

impl Sample {
    fn fixed(mut self, patch: Value, field: &'static str) -> Sample {
        self.fixed = Some((patch, Some(field)));
        self
    }

    fn kept(mut self, patch: Value) -> Sample {
        self.fixed = Some((patch, None));
        self
    }

    /// The object with a name, or with the one that it must have.
    pub(crate) fn named(&self, name: &str) -> Value {
        let mut object = self.object.clone();
        if object["metadata"]["name"].is_null() {
            object["metadata"]["name"] = name.into();
        }
        object
    }
}

fn of(path: &'static str, object: Value) -> Sample {
    Sample {
        path,
        object,
        fixed: None,
    }
}

fn template() -> Value {
    json!({
        "metadata": {"labels": {"app": "a"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    })
}

fn run_once() -> Value {
    json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}})
}

fn selector() -> Value {
    json!({"matchLabels": {"app": "a"}})
}

fn other_selector() -> Value {
    json!({"spec": {
        "selector": {"matchLabels": {"app": "b"}}, "template": {"metadata": {"labels": {"app": "b"}}},
    }})
}

/// All of them.
pub(crate) fn samples() -> Vec<Sample> {
    [
        core(),
        workloads(),
        access(),
        networking(),
        storage(),
        policies(),
        devices(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn core() -> Vec<Sample> {
    vec![
        of("/api/v1/namespaces/default/configmaps", json!({"data": {"k": "v"}, "immutable": true}))
            .fixed(json!({"data": {"k": "w"}}), "data"),
        of("/api/v1/namespaces/default/secrets", json!({"stringData": {"k": "v"}, "immutable": true}))
            .fixed(json!({"stringData": {"k": "w"}}), "data"),
        of(
            "/api/v1/namespaces/default/endpoints",
            json!({"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}]}),
        ),
        of(
            "/api/v1/namespaces/default/events",
            json!({"involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "reason": "R", "type": "Normal"}),
        ),
        of(
            "/apis/events.k8s.io/v1/namespaces/default/events",
            json!({
                "regarding": {"kind": "Pod", "name": "p", "namespace": "default"}, "reason": "R", "type": "Normal",
                "eventTime": "2024-01-01T00:00:00.000000Z", "action": "A",
                "reportingController": "example.com/c", "reportingInstance": "i",
            }),
        )
        .fixed(json!({"reason": "S"}), "reason"),
        of(
            "/api/v1/namespaces/default/limitranges",
            json!({"spec": {"limits": [{"type": "PersistentVolumeClaim", "max": {"storage": "9Gi"}}]}}),
        ),
        of("/api/v1/namespaces", json!({})),
        of("/api/v1/nodes", json!({"spec": {"providerID": "a://b"}}))
            .fixed(json!({"spec": {"providerID": "a://c"}}), "spec.providerID"),
        of("/api/v1/namespaces/default/pods", template()).fixed(json!({"spec": {"hostNetwork": true}}), "spec"),
        of("/api/v1/namespaces/default/podtemplates", json!({"template": template()})),
        of(
            "/api/v1/namespaces/default/replicationcontrollers",
            json!({"spec": {"selector": {"app": "a"}, "template": template()}}),
        ),
        of("/api/v1/namespaces/default/resourcequotas", json!({"spec": {"hard": {"secrets": "9"}, "scopes": []}})),
        of("/api/v1/namespaces/default/serviceaccounts", json!({"automountServiceAccountToken": false})),
        of("/api/v1/namespaces/default/services", json!({"spec": {"ports": [{"port": 80}]}}))
            .fixed(json!({"spec": {"clusterIP": "10.99.0.1", "clusterIPs": ["10.99.0.1"]}}), "spec.clusterIPs[0]"),
        of(
            "/apis/apiregistration.k8s.io/v1/apiservices",
            json!({
                "metadata": {"name": "v1.example.com"},
                "spec": {"group": "example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10},
            }),
        ),
        of(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            {
                let mut crd = crate::client::crd("Sample", json!({"type": "object"}));
                crd["spec"]["group"] = "samples.example.com".into();
                crd["metadata"]["name"] = "samples.samples.example.com".into();
                crd
            },
        )
        .fixed(json!({"spec": {"scope": "Cluster"}}), "spec.scope"),
        of(
            "/apis/certificates.k8s.io/v1/certificatesigningrequests",
            json!({"spec": {"request": SIGNING, "signerName": "example.com/s", "usages": ["client auth"]}}),
        )
        .kept(json!({"spec": {"signerName": "example.com/t"}})),
        of(
            "/apis/coordination.k8s.io/v1/namespaces/default/leases",
            json!({"spec": {"holderIdentity": "h", "leaseDurationSeconds": 15}}),
        ),
    ]
}

/// A PKCS#10 request for the name `a`, which asks for nothing else.
const SIGNING: &str = include_str!("samples/request.txt");

fn workloads() -> Vec<Sample> {
    let apps = |more: Value| {
        let mut spec = json!({"selector": selector(), "template": template()});
        spec.as_object_mut()
            .expect("an object")
            .extend(more.as_object().cloned().unwrap_or_default());
        json!({"spec": spec})
    };
    vec![
        of(
            "/apis/apps/v1/namespaces/default/controllerrevisions",
            json!({"revision": 1, "data": {"a": "b"}}),
        )
        .fixed(json!({"data": {"a": "c"}}), "data"),
        of("/apis/apps/v1/namespaces/default/daemonsets", apps(json!({})))
            .fixed(other_selector(), "spec.selector"),
        of(
            "/apis/apps/v1/namespaces/default/deployments",
            apps(json!({"replicas": 2})),
        )
        .fixed(other_selector(), "spec.selector"),
        of("/apis/apps/v1/namespaces/default/replicasets", apps(json!({})))
            .fixed(other_selector(), "spec.selector"),
        of(
            "/apis/apps/v1/namespaces/default/statefulsets",
            apps(json!({"serviceName": "s"})),
        )
        .fixed(json!({"spec": {"serviceName": "t"}}), "spec"),
        of(
            "/apis/batch/v1/namespaces/default/jobs",
            json!({"spec": {"template": run_once()}}),
        )
        .fixed(
            json!({"spec": {"completionMode": "Indexed", "completions": 1}}),
            "spec.completionMode",
        ),
        of(
            "/apis/batch/v1/namespaces/default/cronjobs",
            json!({"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": run_once()}}}}),
        ),
        of(
            "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
            json!({"spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}}),
        ),
        of(
            "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
            json!({"spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}}),
        ),
        of(
            "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
            json!({"spec": {"minAvailable": 1, "selector": selector()}}),
        ),
        of("/apis/scheduling.k8s.io/v1/priorityclasses", json!({"value": 10}))
            .fixed(json!({"value": 11}), "value"),
        of("/apis/node.k8s.io/v1/runtimeclasses", json!({"handler": "h"}))
            .fixed(json!({"handler": "i"}), "handler"),
    ]
}

fn access() -> Vec<Sample> {
    let rules = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
    let bound = |kind: &str| {
        json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "r"},
            "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "u"}],
        })
    };
    let other = json!({"roleRef": {"name": "other"}});
    vec![
        of(
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            json!({"rules": rules}),
        ),
        of(
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
            json!({"rules": rules}),
        ),
        of(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            bound("ClusterRole"),
        )
        .fixed(other.clone(), "roleRef"),
        of(
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
            bound("Role"),
        )
        .fixed(other, "roleRef"),
    ]
}

fn networking() -> Vec<Sample> {
    vec![
        of("/apis/networking.k8s.io/v1/ingressclasses", json!({"spec": {"controller": "example.com/c"}}))
            .fixed(json!({"spec": {"controller": "example.com/d"}}), "spec.controller"),
        of(
            "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
            json!({"spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}}),
        ),
        of(
            "/apis/networking.k8s.io/v1/ipaddresses",
            json!({"metadata": {"name": "10.0.0.99"}, "spec": {"parentRef": {"resource": "services", "namespace": "default", "name": "s"}}}),
        )
        .fixed(json!({"spec": {"parentRef": {"name": "t"}}}), "spec.parentRef"),
        of(
            "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
            json!({"spec": {"podSelector": selector(), "policyTypes": ["Ingress"]}}),
        ),
        of("/apis/networking.k8s.io/v1/servicecidrs", json!({"spec": {"cidrs": ["10.9.0.0/24"]}}))
            .fixed(json!({"spec": {"cidrs": ["10.8.0.0/24"]}}), "spec.cidrs[0]"),
        of(
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
            json!({"addressType": "IPv4", "endpoints": [{"addresses": ["10.1.2.3"]}], "ports": [{"port": 80}]}),
        )
        .fixed(json!({"addressType": "IPv6", "endpoints": []}), "addressType"),
    ]
}

fn storage() -> Vec<Sample> {
    let source = |path: &str| json!({"path": path});
    vec![
        of(
            "/api/v1/namespaces/default/persistentvolumeclaims",
            json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
        )
        .fixed(json!({"spec": {"accessModes": ["ReadWriteMany"]}}), "spec"),
        of(
            "/api/v1/persistentvolumes",
            json!({"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": source("/x")}}),
        )
        .fixed(json!({"spec": {"hostPath": source("/y")}}), "spec.persistentvolumesource"),
        of("/apis/storage.k8s.io/v1/csidrivers", json!({"spec": {}}))
            .fixed(json!({"spec": {"attachRequired": false}}), "spec.attachedRequired"),
        of(
            "/apis/storage.k8s.io/v1/csinodes",
            json!({"spec": {"drivers": [{"name": "d.example.com", "nodeID": "n"}]}}),
        )
        .fixed(json!({"spec": {"drivers": [{"name": "d.example.com", "nodeID": "m"}]}}), "spec.drivers"),
        of(
            "/apis/storage.k8s.io/v1/namespaces/default/csistoragecapacities",
            json!({"storageClassName": "s", "capacity": "1Gi"}),
        )
        .fixed(json!({"storageClassName": "t"}), "storageClassName"),
        of("/apis/storage.k8s.io/v1/storageclasses", json!({"provisioner": "example.com/p"}))
            .fixed(json!({"provisioner": "example.com/q"}), "provisioner"),
        of(
            "/apis/storage.k8s.io/v1/volumeattachments",
            json!({"spec": {"attacher": "d.example.com", "nodeName": "n", "source": {"persistentVolumeName": "v"}}}),
        )
        .fixed(json!({"spec": {"nodeName": "m"}}), "spec"),
        of(
            "/apis/storage.k8s.io/v1/volumeattributesclasses",
            json!({"driverName": "d.example.com", "parameters": {"a": "b"}}),
        )
        .fixed(json!({"driverName": "e.example.com"}), "driverName"),
    ]
}

fn policies() -> Vec<Sample> {
    let rules = json!([{"apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["none"]}]);
    let hook = json!([{
        "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "rules": rules,
        "clientConfig": {"url": "https://127.0.0.1:1/"},
    }]);
    vec![
        of(
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
            json!({"webhooks": hook}),
        ),
        of(
            "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
            json!({"webhooks": hook}),
        ),
        of(
            "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies",
            json!({"spec": {
                "matchConstraints": {"resourceRules": rules}, "reinvocationPolicy": "Never",
                "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'remove', path: '/data'}]"}}],
            }}),
        ),
        of(
            "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings",
            json!({"spec": {"policyName": "p"}}),
        ),
        of(
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
            json!({"spec": {"matchConstraints": {"resourceRules": rules}, "validations": [{"expression": "true"}]}}),
        ),
        of(
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
            json!({"spec": {"policyName": "p", "validationActions": ["Deny"]}}),
        ),
        of(
            "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas",
            json!({"spec": {"priorityLevelConfiguration": {"name": "p"}, "matchingPrecedence": 9000}}),
        ),
        of(
            "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations",
            json!({"spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}}),
        ),
    ]
}

fn devices() -> Vec<Sample> {
    let claim = |class: &str| json!({"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": class}}]}});
    vec![
        of("/apis/resource.k8s.io/v1/deviceclasses", json!({"spec": {}})),
        of(
            "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims",
            json!({"spec": claim("c")}),
        )
        .fixed(json!({"spec": claim("d")}), "spec"),
        of(
            "/apis/resource.k8s.io/v1/namespaces/default/resourceclaimtemplates",
            json!({"spec": {"spec": claim("c")}}),
        )
        .fixed(json!({"spec": {"spec": claim("d")}}), "spec"),
        of(
            "/apis/resource.k8s.io/v1/resourceslices",
            json!({"spec": {
                "driver": "d.example.com", "nodeName": "n", "devices": [{"name": "a"}],
                "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
            }}),
        )
        .fixed(json!({"spec": {"driver": "e.example.com"}}), "spec.driver"),
    ]
}
