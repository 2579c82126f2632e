//! The two versions of HorizontalPodAutoscaler.
//!
//! Objects are stored as v2. What v1 has no field for is in annotations there, as
//! `pkg/apis/autoscaling/v1/conversion.go` does it, and comes back from them.

use serde_json::{Map, Value, json};

use crate::kinds::kind::Kind;
use crate::object::meta;

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// Whether objects of `kind` are not stored as they are.
pub(crate) fn is_translated(kind: &Kind) -> bool {
    kind.is("autoscaling", "horizontalpodautoscalers") && kind.version == "v1"
}

/// Makes a v2 object of a v1 object.
pub(crate) fn store(object: &mut Value) {
    let mut annotations = take_annotations(object);
    let mut read =
        |key: &str| -> Option<Value> { serde_json::from_str(annotations.remove(key)?.as_str()?).ok() };
    let (metrics, current, conditions, behavior) =
        (read(METRICS), read(CURRENT), read(CONDITIONS), read(BEHAVIOR));
    put_annotations(object, annotations);

    let spec = meta::child(object, "spec");
    let mut all = Vec::new();
    if let Some(percent) = spec
        .remove("targetCPUUtilizationPercentage")
        .filter(|value| !value.is_null())
    {
        all.push(json!({
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}},
        }));
    }
    all.extend(
        list(metrics)
            .iter()
            .map(|metric| translate(metric, Side::Target, false)),
    );
    if !all.is_empty() {
        spec.insert("metrics".into(), all.into());
    }
    if let Some(behavior) = behavior {
        spec.insert("behavior".into(), behavior);
    }
    let status = meta::child(object, "status");
    if status
        .get("currentReplicas")
        .is_some_and(|replicas| *replicas == 0)
    {
        status.remove("currentReplicas");
    }
    let mut all = Vec::new();
    if let Some(percent) = status
        .remove("currentCPUUtilizationPercentage")
        .filter(|value| !value.is_null())
    {
        all.push(json!({
            "type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": percent}},
        }));
    }
    all.extend(
        list(current)
            .iter()
            .map(|metric| translate(metric, Side::Current, false)),
    );
    status.insert("currentMetrics".into(), or_null(all));
    if let Some(conditions) = conditions {
        status.insert("conditions".into(), conditions);
    }
    object["apiVersion"] = "autoscaling/v2".into();
}

/// Makes a v1 object of a v2 object.
pub(crate) fn show(object: &mut Value) {
    let mut annotations = take_annotations(object);
    let spec = meta::child(object, "spec");
    let mut rest = Vec::new();
    for metric in list(spec.remove("metrics")) {
        match meta::at(&metric, "resource.target.averageUtilization") {
            Some(percent) if is_cpu(&metric) && !spec.contains_key("targetCPUUtilizationPercentage") => {
                spec.insert("targetCPUUtilizationPercentage".into(), percent.clone());
            }
            _ => rest.push(translate(&metric, Side::Target, true)),
        }
    }
    let behavior = spec.remove("behavior").filter(|behavior| !behavior.is_null());
    let status = meta::child(object, "status");
    // Only in this version they are there when they are 0.
    for field in ["currentReplicas", "desiredReplicas"] {
        status.entry(field).or_insert(0.into());
    }
    let mut current = Vec::new();
    for metric in list(status.remove("currentMetrics")) {
        match meta::at(&metric, "resource.current.averageUtilization") {
            Some(percent) if is_cpu(&metric) && !status.contains_key("currentCPUUtilizationPercentage") => {
                status.insert("currentCPUUtilizationPercentage".into(), percent.clone());
            }
            _ => current.push(translate(&metric, Side::Current, true)),
        }
    }
    let conditions = list(status.remove("conditions"));
    for (key, value) in [
        (METRICS, or_null(rest)),
        (CURRENT, or_null(current)),
        (CONDITIONS, or_null(conditions)),
        (BEHAVIOR, behavior.unwrap_or_default()),
    ] {
        if !value.is_null() {
            annotations.insert(key.into(), value.to_string().into());
        }
    }
    put_annotations(object, annotations);
    object["apiVersion"] = "autoscaling/v1".into();
}

fn is_cpu(metric: &Value) -> bool {
    meta::at(metric, "resource.name").is_some_and(|name| name == "cpu")
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn or_null(items: Vec<Value>) -> Value {
    if items.is_empty() {
        Value::Null
    } else {
        items.into()
    }
}

fn take_annotations(object: &mut Value) -> Map<String, Value> {
    match meta::metadata(object).remove("annotations") {
        Some(Value::Object(annotations)) => annotations,
        _ => Map::new(),
    }
}

fn put_annotations(object: &mut Value, annotations: Map<String, Value>) {
    if !annotations.is_empty() {
        meta::set(object, "annotations", annotations);
    }
}

/// Which half of the API a metric is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Target,
    Current,
}

/// A metric of one version in the other one: v2 nests what v1 has in a row.
fn translate(metric: &Value, side: Side, to_v1: bool) -> Value {
    let mut out = Map::new();
    for (kind, body) in metric.as_object().into_iter().flatten() {
        let translated = match body {
            Value::Object(body) if to_v1 => flat(kind, body, side),
            Value::Object(body) => nested(kind, body, side),
            other => other.clone(),
        };
        out.insert(kind.clone(), translated);
    }
    Value::Object(out)
}

/// The names of the amounts: that of v1, and the one inside of v2.
fn amounts(kind: &str, side: Side) -> [(&'static str, &'static str); 3] {
    let (average_utilization, average, value) = match side {
        Side::Target => ("targetAverageUtilization", "targetAverageValue", "targetValue"),
        Side::Current => ("currentAverageUtilization", "currentAverageValue", "currentValue"),
    };
    let average = if kind == "object" { "averageValue" } else { average };
    [
        (average_utilization, "averageUtilization"),
        (average, "averageValue"),
        (value, "value"),
    ]
}

fn flat(kind: &str, body: &Map<String, Value>, side: Side) -> Value {
    let place = if side == Side::Target { "target" } else { "current" };
    let mut out = Map::new();
    for (key, value) in body {
        match key.as_str() {
            "metric" => {
                if let Some(name) = value.get("name") {
                    out.insert("metricName".into(), name.clone());
                }
                if let Some(selector) = value.get("selector") {
                    let field = if kind == "external" {
                        "metricSelector"
                    } else {
                        "selector"
                    };
                    out.insert(field.into(), selector.clone());
                }
            }
            "describedObject" => {
                out.insert("target".into(), value.clone());
            }
            key if key == place => {
                for (flat, nested) in amounts(kind, side) {
                    if let Some(amount) = value.get(nested) {
                        out.insert(flat.into(), amount.clone());
                    }
                }
            }
            key => {
                out.insert(key.into(), value.clone());
            }
        }
    }
    Value::Object(out)
}

fn nested(kind: &str, body: &Map<String, Value>, side: Side) -> Value {
    let place = if side == Side::Target { "target" } else { "current" };
    let amounts = amounts(kind, side);
    let (mut out, mut metric, mut amount) = (Map::new(), Map::new(), Map::new());
    for (key, value) in body {
        if let Some((_, nested)) = amounts.iter().find(|(flat, _)| flat == key) {
            amount.insert((*nested).into(), value.clone());
            continue;
        }
        match key.as_str() {
            "metricName" => {
                metric.insert("name".into(), value.clone());
            }
            "selector" | "metricSelector" => {
                metric.insert("selector".into(), value.clone());
            }
            "target" if kind == "object" => {
                out.insert("describedObject".into(), value.clone());
            }
            key => {
                out.insert(key.into(), value.clone());
            }
        }
    }
    if !metric.is_empty() {
        out.insert("metric".into(), Value::Object(metric));
    }
    if side == Side::Target {
        let ty = if amount.contains_key("averageUtilization") {
            "Utilization"
        } else if amount.contains_key("averageValue") {
            "AverageValue"
        } else {
            "Value"
        };
        amount.insert("type".into(), ty.into());
    }
    out.insert(place.into(), Value::Object(amount));
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_again_nothing_is_lost() {
        let v2 = json!({
            "apiVersion": "autoscaling/v2", "metadata": {"name": "a"},
            "spec": {
                "behavior": {"scaleUp": {"stabilizationWindowSeconds": 5}},
                "metrics": [
                    {"type": "Resource", "resource": {
                        "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60},
                    }},
                    {"type": "Resource", "resource": {
                        "name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"},
                    }},
                    {"type": "Pods", "pods": {
                        "metric": {"name": "qps"}, "target": {"type": "AverageValue", "averageValue": "10"},
                    }},
                    {"type": "Object", "object": {
                        "describedObject": {"kind": "Service", "name": "s", "apiVersion": "v1"},
                        "metric": {"name": "hits", "selector": {"matchLabels": {"a": "b"}}},
                        "target": {"type": "Value", "value": "5"},
                    }},
                    {"type": "External", "external": {
                        "metric": {"name": "queue", "selector": {}}, "target": {"type": "Value", "value": "3"},
                    }},
                ],
            },
            "status": {
                "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 7}}}],
                "conditions": [{"type": "AbleToScale", "status": "True"}],
                "desiredReplicas": 0,
            },
        });
        let mut object = v2.clone();
        show(&mut object);
        assert_eq!(object["spec"]["targetCPUUtilizationPercentage"], 60);
        assert_eq!(object["status"]["currentCPUUtilizationPercentage"], 7);
        assert!(object["spec"].get("metrics").is_none());
        let metrics: Value =
            serde_json::from_str(object["metadata"]["annotations"][METRICS].as_str().expect("text"))
                .expect("JSON");
        assert_eq!(
            metrics[1],
            json!({"type": "Pods", "pods": {"metricName": "qps", "targetAverageValue": "10"}})
        );
        store(&mut object);
        assert_eq!(object, v2);
    }
}
