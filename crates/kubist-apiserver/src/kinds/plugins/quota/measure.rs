//! How much of which quota an object uses.

use jiff::{SignedDuration, Timestamp};
use kubist_core::quantity::Quantity;
use serde_json::Value;

use super::super::Write;
use crate::http::status::qualified;
use crate::kinds::amounts::pods::{self, Part};
use crate::kinds::amounts::{self, Amounts};
use crate::kinds::kind::Kind;
use crate::kinds::rules;
use crate::object::member::{list, number, text};
use crate::object::meta;

/// The most devices that a claim which takes all can get.
const MOST_DEVICES: i64 = 32;

/// How objects of a kind are measured.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Measure {
    Pods,
    Services,
    /// Claims of volumes.
    Claims,
    /// Claims of devices.
    Devices,
    /// By their number only, under these names.
    Count(Vec<String>),
}

impl Measure {
    /// How a kind is measured; events are not.
    pub(super) fn of(kind: &Kind) -> Option<Measure> {
        if !kind.namespaced || kind.is("", "events") || kind.is("events.k8s.io", "events") {
            return None;
        }
        if kind.is("", "pods") {
            return Some(Measure::Pods);
        }
        if kind.is("", "services") {
            return Some(Measure::Services);
        }
        if kind.is("", "persistentvolumeclaims") {
            return Some(Measure::Claims);
        }
        if kind.is("resource.k8s.io", "resourceclaims") {
            return Some(Measure::Devices);
        }
        let mut names = vec![format!("count/{}", qualified(&kind.group, &kind.plural))];
        let has_old_name = [
            "configmaps",
            "resourcequotas",
            "replicationcontrollers",
            "secrets",
        ];
        if kind.group.is_empty() && has_old_name.contains(&kind.plural.as_str()) {
            names.push(kind.plural.clone());
        }
        Some(Measure::Count(names))
    }

    /// Whether such a write can use more than before.
    pub(super) fn charges(&self, write: Write<'_>) -> bool {
        match (self, write.old, write.subresource) {
            (_, None, "") => true,
            (Measure::Pods, Some(old), "") => is_terminating(old) != is_terminating(write.new),
            (Measure::Pods, Some(_), "resize")
            | (Measure::Services | Measure::Claims | Measure::Devices, Some(_), "")
            | (Measure::Claims, Some(_), "status") => true,
            _ => false,
        }
    }

    /// Whether what a quota calls so is measured here.
    pub(super) fn counts(&self, name: &str) -> bool {
        match self {
            Measure::Pods => is_of_pods(name),
            Measure::Services => matches!(
                name,
                "count/services" | "services" | "services.nodeports" | "services.loadbalancers"
            ),
            Measure::Claims => {
                matches!(
                    name,
                    "count/persistentvolumeclaims" | "persistentvolumeclaims" | "requests.storage"
                ) || name.ends_with(".storageclass.storage.k8s.io/persistentvolumeclaims")
                    || name.ends_with(".storageclass.storage.k8s.io/requests.storage")
            }
            Measure::Devices => {
                name == "count/resourceclaims.resource.k8s.io"
                    || name.ends_with(".deviceclass.resource.k8s.io/devices")
            }
            Measure::Count(names) => names.iter().any(|known| known == name),
        }
    }

    /// What an object uses; `now` is there for one that may have ended.
    pub(super) fn used_by(&self, object: &Value, now: Option<Timestamp>) -> Amounts {
        match self {
            Measure::Pods => pod(object, now),
            Measure::Services => service(object),
            Measure::Claims => claim(object),
            Measure::Devices => devices(object),
            Measure::Count(names) => names.iter().map(|name| (name.clone(), 1.into())).collect(),
        }
    }
}

/// Whether a pod ends by itself.
pub(super) fn is_terminating(pod: &Value) -> bool {
    meta::at(pod, "spec.activeDeadlineSeconds")
        .and_then(Value::as_i64)
        .is_some_and(|seconds| seconds >= 0)
}

fn is_of_pods(name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "count/pods",
        "cpu",
        "ephemeral-storage",
        "limits.cpu",
        "limits.ephemeral-storage",
        "limits.memory",
        "memory",
        "pods",
        "requests.cpu",
        "requests.ephemeral-storage",
        "requests.memory",
    ];
    let is_extended = name.starts_with("requests.")
        && (!rules::is_native_resource(name)
            || name.starts_with("requests.deviceclass.resource.kubernetes.io/"));
    NAMES.contains(&name)
        || name.starts_with("hugepages-")
        || name.starts_with("requests.hugepages-")
        || is_extended
}

fn pod(pod: &Value, now: Option<Timestamp>) -> Amounts {
    let mut used = Amounts::from([("count/pods".to_owned(), Quantity::from(1))]);
    if has_ended(pod, now) {
        return used;
    }
    used.insert("pods".into(), 1.into());
    for (name, amount) in pods::effective(pod, Part::Requests) {
        let is_extended =
            !rules::is_native_resource(&name) || name.starts_with("deviceclass.resource.kubernetes.io/");
        let is_plain =
            matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
        if is_plain || is_extended {
            used.insert(format!("requests.{name}"), amount);
        }
        if is_plain {
            used.insert(name, amount);
        }
    }
    for (name, amount) in pods::effective(pod, Part::Limits) {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") {
            used.insert(format!("limits.{name}"), amount);
        }
    }
    used
}

/// Whether a pod is over, or should have been for long.
fn has_ended(pod: &Value, now: Option<Timestamp>) -> bool {
    if matches!(text(&pod["status"], "phase"), "Failed" | "Succeeded") {
        return true;
    }
    let since = meta::text(pod, "deletionTimestamp").parse::<Timestamp>().ok();
    let grace = meta::get(pod, "deletionGracePeriodSeconds").and_then(Value::as_i64);
    let (Some(now), Some(since), Some(grace)) = (now, since, grace) else {
        return false;
    };
    now.duration_since(since) > SignedDuration::from_secs(grace)
}

fn service(service: &Value) -> Amounts {
    let spec = &service["spec"];
    let ports = list(spec, "ports");
    let all = i64::try_from(ports.len()).unwrap_or(i64::MAX);
    let given = ports.iter().filter(|port| number(port, "nodePort") != 0).count();
    let (balancers, nodes) = match text(spec, "type") {
        "NodePort" => (0, all),
        "LoadBalancer" if spec["allocateLoadBalancerNodePorts"] == false => {
            (1, i64::try_from(given).unwrap_or(i64::MAX))
        }
        "LoadBalancer" => (1, all),
        _ => (0, 0),
    };
    [
        ("count/services", 1),
        ("services", 1),
        ("services.loadbalancers", balancers),
        ("services.nodeports", nodes),
    ]
    .map(|(name, count)| (name.to_owned(), Quantity::from(count)))
    .into()
}

fn claim(claim: &Value) -> Amounts {
    let one = Quantity::from(1);
    let mut used = Amounts::from([
        ("count/persistentvolumeclaims".to_owned(), one),
        ("persistentvolumeclaims".to_owned(), one),
    ]);
    let old_class = meta::get(claim, "annotations")
        .and_then(|annotations| annotations["volume.beta.kubernetes.io/storage-class"].as_str());
    let class = old_class.unwrap_or_else(|| text(&claim["spec"], "storageClassName"));
    let storage = |path: &str| amounts::read(meta::at(claim, path)).remove("storage");
    let size = storage("spec.resources.requests").map(|asked| {
        let allocated = storage("status.allocatedResources");
        let size = allocated.map_or(asked, |allocated| allocated.max(asked));
        // Bytes are whole.
        let whole = Quantity::from(size.value()).with_suffix(size.suffix());
        if whole == size { size } else { whole }
    });
    if let Some(size) = size {
        used.insert("requests.storage".into(), size);
    }
    if !class.is_empty() {
        let name = |resource: &str| format!("{class}.storageclass.storage.k8s.io/{resource}");
        used.insert(name("persistentvolumeclaims"), one);
        if let Some(size) = size {
            used.insert(name("requests.storage"), size);
        }
    }
    used
}

fn devices(claim: &Value) -> Amounts {
    let name = |request: &Value| {
        let class = text(request, "deviceClassName");
        format!("{class}.deviceclass.resource.k8s.io/devices")
    };
    let count = |request: &Value| match text(request, "allocationMode") {
        "ExactCount" => Quantity::from(number(request, "count")),
        "All" => Quantity::from(MOST_DEVICES),
        _ => Quantity::ZERO,
    };
    let mut used = Amounts::from([("count/resourceclaims.resource.k8s.io".to_owned(), 1.into())]);
    for request in list(&claim["spec"]["devices"], "requests") {
        let mut most = Amounts::new();
        for one in list(request, "firstAvailable") {
            amounts::raise(&mut most, &Amounts::from([(name(one), count(one))]));
        }
        if let (true, Some(exactly)) = (most.is_empty(), request.get("exactly")) {
            most.insert(name(exactly), count(exactly));
        }
        amounts::add(&mut used, &most);
    }
    used
}
