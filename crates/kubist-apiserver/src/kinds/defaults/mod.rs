//! What built-in kinds get without asking: defaults, and what strategies set on writes.

mod limits;
mod pod;

use kubist_schema::{Field, Message, Special};
use serde_json::{Map, Value, json};

use crate::kinds::amounts;
use crate::object::meta;

/// Fills in defaults, in the object and in all that it is made of.
pub(crate) fn apply(message: &'static Message, object: &mut Value) {
    let Value::Object(map) = object else { return };
    before_children(message, map);
    for field in message.json_fields() {
        let Some(inner) = Field::message(field) else {
            continue;
        };
        let Some(value) = map.get_mut(field.json) else {
            continue;
        };
        match value {
            Value::Array(items) if field.repeated => items.iter_mut().for_each(|item| apply(inner, item)),
            Value::Object(values) if field.map && inner.special == Some(Special::Quantity) => {
                amounts::round(values)
            }
            Value::Object(values) if field.map => values.values_mut().for_each(|item| apply(inner, item)),
            value @ Value::Object(_) if inner.special.is_none() => apply(inner, value),
            _ => {}
        }
    }
    // Inline messages have no value of their own, only fields among ours.
    for field in message.fields.iter().filter(|field| field.inline) {
        if let Some(inner) = field.message() {
            before_children(inner, map);
        }
    }
}

/// Sets `key` unless it is there.
pub(crate) fn or(map: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    match map.get_mut(key) {
        None => {
            map.insert(key.into(), value.into());
        }
        Some(slot @ Value::Null) => *slot = value.into(),
        Some(Value::String(text)) if text.is_empty() => {
            map.insert(key.into(), value.into());
        }
        Some(_) => {}
    }
}

pub(super) fn text<'a>(map: &'a Map<String, Value>, key: &str) -> &'a str {
    map.get(key).and_then(Value::as_str).unwrap_or("")
}

/// The object under `key`, if there is one.
fn inner<'a>(map: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    map.get_mut(key).and_then(Value::as_object_mut)
}

fn before_children(message: &'static Message, map: &mut Map<String, Value>) {
    let Some(name) = message.name.strip_prefix("k8s.io.") else {
        return;
    };
    match name {
        "api.core.v1.Pod" => pod::pod(map),
        "api.core.v1.PodSpec" => pod::pod_spec(map),
        "api.core.v1.PodStatus" => pod::pod_status(map),
        "api.core.v1.Container" | "api.core.v1.EphemeralContainerCommon" => pod::container(map),
        "api.core.v1.ContainerPort" | "api.core.v1.EndpointPort" => or(map, "protocol", "TCP"),
        "api.core.v1.Probe" => {
            or_number(map, "timeoutSeconds", 1);
            or_number(map, "periodSeconds", 10);
            or_number(map, "successThreshold", 1);
            or_number(map, "failureThreshold", 3);
        }
        "api.core.v1.HTTPGetAction" => {
            or(map, "path", "/");
            or(map, "scheme", "HTTP");
        }
        "api.core.v1.GRPCAction" => or(map, "service", ""),
        "api.core.v1.Volume" if map.len() == usize::from(map.contains_key("name")) => {
            or(map, "emptyDir", json!({}));
        }
        "api.core.v1.SecretVolumeSource"
        | "api.core.v1.ConfigMapVolumeSource"
        | "api.core.v1.DownwardAPIVolumeSource"
        | "api.core.v1.ProjectedVolumeSource" => or(map, "defaultMode", 420),
        "api.core.v1.ISCSIVolumeSource" | "api.core.v1.ISCSIPersistentVolumeSource" => {
            or(map, "iscsiInterface", "default");
        }
        "api.core.v1.NodeSpec" => {
            // The one range of an old client is the first of all.
            let range = text(map, "podCIDR").to_owned();
            let first = map.get("podCIDRs").and_then(|ranges| ranges.get(0)).cloned();
            match first {
                Some(first) => or(map, "podCIDR", first),
                None if !range.is_empty() => {
                    map.insert("podCIDRs".into(), json!([range]));
                }
                None => {}
            }
        }
        "api.core.v1.NodeStatus" => {
            if let Some(capacity) = map.get("capacity").cloned().filter(|all| !all.is_null()) {
                or(map, "allocatable", capacity);
            }
        }
        "api.batch.v1.PodFailurePolicyOnPodConditionsPattern" => or(map, "status", "True"),
        "api.core.v1.HostPathVolumeSource" => or(map, "type", ""),
        "api.core.v1.ObjectFieldSelector" => or(map, "apiVersion", "v1"),
        "api.core.v1.ServiceAccountTokenProjection" => or(map, "expirationSeconds", 3600),
        "api.core.v1.Service" => service(map),
        "api.core.v1.Secret" => {
            or(map, "type", "Opaque");
            write_string_data(map);
        }
        "api.core.v1.PersistentVolume" => {
            let spec = meta_child(map, "spec");
            or(spec, "persistentVolumeReclaimPolicy", "Retain");
            or(spec, "volumeMode", "Filesystem");
            or(meta_child(map, "status"), "phase", "Pending");
        }
        "api.core.v1.PersistentVolumeClaim" => {
            or(meta_child(map, "status"), "phase", "Pending");
        }
        "api.core.v1.PersistentVolumeClaimSpec" => or(map, "volumeMode", "Filesystem"),
        "api.core.v1.Namespace" => {
            let name = map
                .get("metadata")
                .and_then(|metadata| metadata.get("name"))
                .and_then(Value::as_str);
            if let Some(name) = name.filter(|name| !name.is_empty()).map(str::to_owned) {
                meta_child(meta_child(map, "metadata"), "labels")
                    .insert("kubernetes.io/metadata.name".into(), name.into());
            }
            or(meta_child(map, "status"), "phase", "Active");
        }
        "api.core.v1.LimitRangeItem" => limits::limit(map),
        "api.core.v1.ReplicationController" => {
            let template_labels = at(map, &["spec", "template", "metadata", "labels"]);
            let spec = meta_child(map, "spec");
            or(spec, "replicas", 1);
            if let Some(labels) = template_labels {
                or(spec, "selector", labels.clone());
                or(meta_child(map, "metadata"), "labels", labels);
            }
        }
        "api.apps.v1.DeploymentSpec" => {
            or(map, "replicas", 1);
            or(map, "revisionHistoryLimit", 10);
            or(map, "progressDeadlineSeconds", 600);
            let strategy = meta_child(map, "strategy");
            or(strategy, "type", "RollingUpdate");
            if text(strategy, "type") == "RollingUpdate" {
                let rolling = meta_child(strategy, "rollingUpdate");
                or(rolling, "maxUnavailable", "25%");
                or(rolling, "maxSurge", "25%");
            }
        }
        "api.apps.v1.StatefulSetSpec" => {
            or(map, "podManagementPolicy", "OrderedReady");
            or(map, "replicas", 1);
            or(map, "revisionHistoryLimit", 10);
            let strategy = meta_child(map, "updateStrategy");
            or(strategy, "type", "RollingUpdate");
            if text(strategy, "type") == "RollingUpdate" {
                or(meta_child(strategy, "rollingUpdate"), "partition", 0);
            }
            let retention = meta_child(map, "persistentVolumeClaimRetentionPolicy");
            or(retention, "whenDeleted", "Retain");
            or(retention, "whenScaled", "Retain");
            let claims = map.get_mut("volumeClaimTemplates").and_then(Value::as_array_mut);
            for claim in claims.into_iter().flatten().filter_map(Value::as_object_mut) {
                or(claim, "apiVersion", "v1");
                or(claim, "kind", "PersistentVolumeClaim");
            }
        }
        "api.apps.v1.DaemonSet" => {
            let annotations = meta_child(meta_child(map, "metadata"), "annotations");
            or(annotations, "deprecated.daemonset.template.generation", "0");
        }
        "api.apps.v1.DaemonSetSpec" => {
            or(map, "revisionHistoryLimit", 10);
            let strategy = meta_child(map, "updateStrategy");
            or(strategy, "type", "RollingUpdate");
            if text(strategy, "type") == "RollingUpdate" {
                let rolling = meta_child(strategy, "rollingUpdate");
                or(rolling, "maxUnavailable", 1);
                or(rolling, "maxSurge", 0);
            }
        }
        "api.apps.v1.ReplicaSetSpec" => or(map, "replicas", 1),
        "api.batch.v1.Job" => {
            let spec = meta_child(map, "spec");
            job_spec(spec);
            let labels = at(map, &["spec", "template", "metadata", "labels"]);
            let metadata = meta_child(map, "metadata");
            if let (Some(labels), None) = (labels, metadata.get("labels")) {
                metadata.insert("labels".into(), labels);
            }
        }
        "api.batch.v1.CronJobSpec" => {
            or(map, "concurrencyPolicy", "Allow");
            or(map, "suspend", false);
            or(map, "successfulJobsHistoryLimit", 3);
            or(map, "failedJobsHistoryLimit", 1);
        }
        "api.autoscaling.v2.HorizontalPodAutoscalerSpec" => {
            or(map, "minReplicas", 1);
            or(
                map,
                "metrics",
                json!([{
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
                }]),
            );
            if let Some(behavior) = inner(map, "behavior") {
                let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
                let up = meta_child(behavior, "scaleUp");
                or(up, "stabilizationWindowSeconds", 0);
                or(up, "selectPolicy", "Max");
                let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
                or(up, "policies", json!([pods, percent]));
                let down = meta_child(behavior, "scaleDown");
                or(down, "selectPolicy", "Max");
                or(down, "policies", json!([percent]));
            }
        }
        "api.autoscaling.v1.HorizontalPodAutoscalerSpec" => {
            or(map, "minReplicas", 1);
            or(map, "targetCPUUtilizationPercentage", 80);
        }
        "api.networking.v1.NetworkPolicySpec" => {
            let egress = map
                .get("egress")
                .and_then(Value::as_array)
                .is_some_and(|rules| !rules.is_empty());
            let types = if egress {
                json!(["Ingress", "Egress"])
            } else {
                json!(["Ingress"])
            };
            or(map, "policyTypes", types);
        }
        "api.networking.v1.NetworkPolicyPort" => or(map, "protocol", "TCP"),
        "api.networking.v1.IngressClassParametersReference" => or(map, "scope", "Cluster"),
        "api.discovery.v1.EndpointPort" => {
            or(map, "name", "");
            or(map, "protocol", "TCP");
        }
        "api.rbac.v1.RoleBinding" | "api.rbac.v1.ClusterRoleBinding" => {
            if let Some(role) = inner(map, "roleRef") {
                or(role, "apiGroup", "rbac.authorization.k8s.io");
            }
        }
        "api.rbac.v1.Subject" => {
            if matches!(text(map, "kind"), "User" | "Group") {
                or(map, "apiGroup", "rbac.authorization.k8s.io");
            }
        }
        "api.storage.v1.StorageClass" => {
            or(map, "reclaimPolicy", "Delete");
            or(map, "volumeBindingMode", "Immediate");
        }
        "api.storage.v1.CSIDriverSpec" => {
            or(map, "attachRequired", true);
            or(map, "podInfoOnMount", false);
            or(map, "storageCapacity", false);
            or(map, "fsGroupPolicy", "ReadWriteOnceWithFSType");
            or(map, "volumeLifecycleModes", json!(["Persistent"]));
            or(map, "requiresRepublish", false);
            or(map, "seLinuxMount", false);
        }
        "api.scheduling.v1.PriorityClass" => or(map, "preemptionPolicy", "PreemptLowerPriority"),
        "api.flowcontrol.v1.FlowSchemaSpec" => or_number(map, "matchingPrecedence", 1000),
        "api.admissionregistration.v1.MutatingWebhook" | "api.admissionregistration.v1.ValidatingWebhook" => {
            or(map, "failurePolicy", "Fail");
            or(map, "matchPolicy", "Equivalent");
            or(map, "namespaceSelector", json!({}));
            or(map, "objectSelector", json!({}));
            or(map, "timeoutSeconds", 10);
            if name.ends_with("MutatingWebhook") {
                or(map, "reinvocationPolicy", "Never");
            }
        }
        "api.admissionregistration.v1.Rule" | "api.admissionregistration.v1.NamedRuleWithOperations" => {
            or(map, "scope", "*");
        }
        "api.admissionregistration.v1.ServiceReference"
        | "apiextensions-apiserver.pkg.apis.apiextensions.v1.ServiceReference"
        | "kube-aggregator.pkg.apis.apiregistration.v1.ServiceReference" => or(map, "port", 443),
        "api.admissionregistration.v1.ValidatingAdmissionPolicySpec"
        | "api.admissionregistration.v1.MutatingAdmissionPolicySpec" => or(map, "failurePolicy", "Fail"),
        "api.admissionregistration.v1.MatchResources" => {
            or(map, "matchPolicy", "Equivalent");
            or(map, "namespaceSelector", json!({}));
            or(map, "objectSelector", json!({}));
        }
        "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec" => {
            if let Some(names) = inner(map, "names") {
                let kind = text(names, "kind").to_owned();
                if !kind.is_empty() {
                    or(names, "singular", kind.to_lowercase());
                    or(names, "listKind", format!("{kind}List"));
                }
            }
            or(meta_child(map, "conversion"), "strategy", "None");
        }
        _ => {}
    }
}

/// Sets a number unless it is there and not 0.
pub(super) fn or_number(map: &mut Map<String, Value>, key: &str, value: i64) {
    if map.get(key).and_then(Value::as_i64).unwrap_or(0) == 0 {
        map.insert(key.into(), value.into());
    }
}

/// The object under `key`, made if it isn't there.
pub(crate) fn meta_child<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let slot = map.entry(key).or_insert(Value::Null);
    meta::object(slot)
}

/// A copy of what is at a path.
fn at(map: &Map<String, Value>, path: &[&str]) -> Option<Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(map.get(*first)?, |value, step| value.get(step))
        .cloned()
}

/// What is at a path.
fn at_mut<'a>(map: &'a mut Map<String, Value>, path: &[&str]) -> Option<&'a mut Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(map.get_mut(*first)?, |value, step| value.get_mut(step))
}

fn service(map: &mut Map<String, Value>) {
    let spec = meta_child(map, "spec");
    or(spec, "sessionAffinity", "None");
    or(spec, "type", "ClusterIP");
    if text(spec, "sessionAffinity") == "ClientIP" {
        let config = meta_child(spec, "sessionAffinityConfig");
        or(meta_child(config, "clientIP"), "timeoutSeconds", 10800);
    } else if text(spec, "sessionAffinity") == "None" {
        spec.remove("sessionAffinityConfig");
    }
    for port in spec
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let Some(port) = port.as_object_mut() else {
            continue;
        };
        or(port, "protocol", "TCP");
        let unset = matches!(port.get("targetPort"), None | Some(Value::Null))
            || port
                .get("targetPort")
                .is_some_and(|target| target == 0 || target == "");
        if unset {
            let number = port.get("port").cloned().unwrap_or_default();
            port.insert("targetPort".into(), number);
        }
    }
    let ty = text(spec, "type").to_owned();
    if matches!(ty.as_str(), "ClusterIP" | "NodePort" | "LoadBalancer") {
        or(spec, "internalTrafficPolicy", "Cluster");
    }
    let has_external_ips = spec
        .get("externalIPs")
        .and_then(Value::as_array)
        .is_some_and(|addresses| !addresses.is_empty());
    if matches!(ty.as_str(), "NodePort" | "LoadBalancer") || ty == "ClusterIP" && has_external_ips {
        or(spec, "externalTrafficPolicy", "Cluster");
    }
    if ty == "LoadBalancer" {
        or(spec, "allocateLoadBalancerNodePorts", true);
        let ingress = at_mut(map, &["status", "loadBalancer", "ingress"]).and_then(Value::as_array_mut);
        for ingress in ingress.into_iter().flatten().filter_map(Value::as_object_mut) {
            if !text(ingress, "ip").is_empty() {
                or(ingress, "ipMode", "VIP");
            }
        }
    }
}

fn job_spec(map: &mut Map<String, Value>) {
    let unset = |map: &Map<String, Value>, key: &str| map.get(key).is_none_or(Value::is_null);
    if unset(map, "completions") && unset(map, "parallelism") {
        or(map, "completions", 1);
    }
    or(map, "parallelism", 1);
    or(map, "backoffLimit", 6);
    or(map, "completionMode", "NonIndexed");
    or(map, "suspend", false);
    or(map, "manualSelector", false);
    let failure_policy = !unset(map, "podFailurePolicy");
    or(
        map,
        "podReplacementPolicy",
        if failure_policy {
            "Failed"
        } else {
            "TerminatingOrFailed"
        },
    );
}

/// `stringData` is for writing only.
fn write_string_data(map: &mut Map<String, Value>) {
    use base64::Engine as _;
    let Some(Value::Object(texts)) = map.remove("stringData") else {
        return;
    };
    let data = meta_child(map, "data");
    for (key, text) in texts {
        let text = text.as_str().unwrap_or("");
        data.insert(key, base64::engine::general_purpose::STANDARD.encode(text).into());
    }
}
