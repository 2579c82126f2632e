//! Pods as a cluster has them: metadata, two containers, a status, managedFields.

use serde_json::{Value, json};

/// One pod, of about 8 kB.
pub fn pod(number: usize) -> Value {
    let container = |name: &str| {
        json!({
            "name": name,
            "image": format!("registry.example.com/team/{name}:v1.2.{number}"),
            "args": ["--listen=:8080", "--log-level=info", "--config=/etc/config/config.yaml"],
            "env": ((0..12).map(|i| json!({"name": format!("SETTING_{i}"), "value": format!("value-{i}-{number}")})).collect::<Vec<_>>()),
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
            "volumeMounts": [
                {"name": "config", "mountPath": "/etc/config", "readOnly": true},
                {"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true},
            ],
            "livenessProbe": {"httpGet": {"path": "/live", "port": 8080}, "periodSeconds": 10},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            "imagePullPolicy": "IfNotPresent",
        })
    };
    let container_fields = json!({
        ".": {}, "f:args": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {},
        "f:env": (0..12).fold(json!({".": {}}), |mut env, i| {
            env[format!("k:{{\"name\":\"SETTING_{i}\"}}")] = json!({".": {}, "f:name": {}, "f:value": {}});
            env
        }),
        "f:livenessProbe": {".": {}, "f:httpGet": {".": {}, "f:path": {}, "f:port": {}}, "f:periodSeconds": {}},
        "f:ports": {".": {}, "k:{\"containerPort\":8080,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}, "f:name": {}, "f:protocol": {}}},
        "f:readinessProbe": {".": {}, "f:httpGet": {".": {}, "f:path": {}, "f:port": {}}, "f:periodSeconds": {}},
        "f:resources": {".": {}, "f:limits": {".": {}, "f:cpu": {}, "f:memory": {}}, "f:requests": {".": {}, "f:cpu": {}, "f:memory": {}}},
        "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
        "f:volumeMounts": {".": {},
            "k:{\"mountPath\":\"/etc/config\"}": {".": {}, "f:mountPath": {}, "f:name": {}, "f:readOnly": {}}},
    });
    let fields = json!({
        "f:metadata": {
            "f:annotations": {".": {}, "f:checksum/config": {}}, "f:generateName": {},
            "f:labels": {".": {}, "f:app": {}, "f:pod-template-hash": {}, "f:tier": {}},
            "f:ownerReferences": {".": {}, "k:{\"uid\":\"3f2c1b7e-1111-4000-8000-000000000000\"}": {}},
        },
        "f:spec": {
            "f:containers": {"k:{\"name\":\"web\"}": container_fields, "k:{\"name\":\"sidecar\"}": container_fields},
            "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {}, "f:schedulerName": {},
            "f:securityContext": {}, "f:terminationGracePeriodSeconds": {},
            "f:volumes": {".": {}, "k:{\"name\":\"config\"}": {".": {}, "f:configMap": {".": {}, "f:defaultMode": {}, "f:name": {}}, "f:name": {}}},
        },
    });
    let condition =
        json!({".": {}, "f:lastProbeTime": {}, "f:lastTransitionTime": {}, "f:status": {}, "f:type": {}});
    let status_fields = json!({"f:status": {
        "f:conditions": {
            "k:{\"type\":\"ContainersReady\"}": condition, "k:{\"type\":\"Initialized\"}": condition,
            "k:{\"type\":\"Ready\"}": condition,
        },
        "f:containerStatuses": {}, "f:hostIP": {}, "f:phase": {},
        "f:podIP": {}, "f:podIPs": {".": {}, "k:{\"ip\":\"10.0.0.1\"}": {".": {}, "f:ip": {}}}, "f:startTime": {},
    }});
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("web-5d9c7b8f6d-{number:05}"), "generateName": "web-5d9c7b8f6d-", "namespace": "default",
            "uid": format!("3f2c1b7e-0000-4000-8000-{number:012}"), "resourceVersion": format!("{}", 1000 + number),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app": "web", "pod-template-hash": "5d9c7b8f6d", "tier": "frontend"},
            "annotations": {"checksum/config": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d9c7b8f6d",
                "uid": "3f2c1b7e-1111-4000-8000-000000000000", "controller": true, "blockOwnerDeletion": true}],
            "managedFields": [
                {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1",
                 "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields},
                {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "subresource": "status",
                 "time": "2026-01-01T00:00:05Z", "fieldsType": "FieldsV1", "fieldsV1": status_fields},
            ],
        },
        "spec": {
            "containers": [container("web"), container("sidecar")],
            "volumes": [
                {"name": "config", "configMap": {"name": "web", "defaultMode": 420}},
                {"name": "token", "projected": {"defaultMode": 420, "sources": [
                    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}]}},
            ],
            "nodeName": format!("node-{}", number % 50), "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default", "schedulerName": "default-scheduler",
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
        },
        "status": {
            "phase": "Running", "podIP": "10.0.0.1", "hostIP": "192.168.0.1", "qosClass": "Burstable",
            "startTime": "2026-01-01T00:00:01Z",
            "conditions": (["Initialized", "Ready", "ContainersReady", "PodScheduled"].map(|kind| json!({
                "type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:05Z"}))),
            "containerStatuses": (["web", "sidecar"].map(|name| json!({
                "name": name, "ready": true, "restartCount": 0, "started": true,
                "image": format!("registry.example.com/team/{name}:v1"),
                "imageID": "registry.example.com/team/web@sha256:0123456789abcdef0123456789abcdef",
                "containerID": "containerd://0123456789abcdef0123456789abcdef",
                "state": {"running": {"startedAt": "2026-01-01T00:00:03Z"}}}))),
        },
    })
}

/// A list of so many pods, as a server answers it.
pub fn list(length: usize) -> Vec<u8> {
    let items: Vec<Value> = (0..length)
        .map(|number| {
            let mut pod = pod(number);
            // Items of a list come without their type.
            pod.as_object_mut()
                .expect("an object")
                .retain(|key, _| key != "apiVersion" && key != "kind");
            pod
        })
        .collect();
    let list = json!({"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": "9000"}, "items": items});
    serde_json::to_vec(&list).expect("JSON")
}
