//! What pods ask for altogether.

use serde_json::Value;

use super::{self as amounts, Amounts};
use crate::object::member::{given, list, text};
use crate::object::meta;

/// Which of what containers name is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Requests,
    Limits,
}

impl Part {
    fn of(self, resources: &Value) -> Amounts {
        amounts::read(given(resources, self.member()))
    }

    pub(crate) fn member(self) -> &'static str {
        match self {
            Part::Requests => "requests",
            Part::Limits => "limits",
        }
    }
}

/// What the specification asks for: of the containers that run together, or of one that initializes if
/// that is more; what the pod itself says goes before.
///
/// Source: [KEP-753](https://github.com/kubernetes/enhancements/issues/753) and
/// [KEP-2837](https://github.com/kubernetes/enhancements/issues/2837).
pub(crate) fn specified(pod: &Value, part: Part) -> Amounts {
    let spec = &pod["spec"];
    let mut sum = of_all_containers(spec, part);
    // Huge pages of the pod itself count for quotas only.
    let own = part.of(&spec["resources"]).into_iter();
    sum.extend(own.filter(|(name, _)| matches!(name.as_str(), "cpu" | "memory")));
    sum
}

/// What the containers of a pod ask for altogether.
pub(crate) fn of_all_containers(spec: &Value, part: Part) -> Amounts {
    of_containers(spec, |container| part.of(&container["resources"]))
}

/// What a pod uses: as [`specified`], but at least what its containers have got already, and with what it
/// takes to run it.
pub(crate) fn effective(pod: &Value, part: Part) -> Amounts {
    let spec = &pod["spec"];
    let mut sum = of_containers(spec, |container| actual(pod, container, part));
    let own = part.of(&spec["resources"]).into_iter();
    sum.extend(own.filter(|(name, _)| is_of_pods(name)));
    let overhead = amounts::read(given(spec, "overhead"));
    match part {
        Part::Requests => amounts::add(&mut sum, &overhead),
        Part::Limits => {
            for (name, amount) in &overhead {
                if let Some(limit) = sum.get_mut(name).filter(|limit| !limit.is_zero()) {
                    *limit += *amount;
                }
            }
        }
    }
    sum
}

/// Whether the pod itself asks for anything, apart from its containers.
pub(crate) fn is_set(pod: &Value) -> bool {
    let resources = &pod["spec"]["resources"];
    [Part::Requests, Part::Limits]
        .into_iter()
        .any(|part| part.of(resources).keys().any(|name| is_of_pods(name)))
}

/// Whether a resource can be asked for by a pod itself.
pub(crate) fn is_of_pods(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

fn of_containers(spec: &Value, of: impl Fn(&Value) -> Amounts) -> Amounts {
    let mut sum = Amounts::new();
    for container in list(spec, "containers") {
        amounts::add(&mut sum, &of(container));
    }
    let (mut beside, mut most) = (Amounts::new(), Amounts::new());
    for container in list(spec, "initContainers") {
        let own = of(container);
        if text(container, "restartPolicy") == "Always" {
            amounts::add(&mut sum, &own);
            amounts::add(&mut beside, &own);
            amounts::raise(&mut most, &beside);
        } else {
            let mut together = own;
            amounts::add(&mut together, &beside);
            amounts::raise(&mut most, &together);
        }
    }
    amounts::raise(&mut sum, &most);
    sum
}

/// What a container asks for or, while it is resized, has.
fn actual(pod: &Value, container: &Value, part: Part) -> Amounts {
    let mut wanted = part.of(&container["resources"]);
    let status = &pod["status"];
    let of_container = ["containerStatuses", "initContainerStatuses"]
        .into_iter()
        .flat_map(|statuses| list(status, statuses))
        .find(|status| status["name"] == container["name"]);
    let Some(resources) = of_container.and_then(|status| given(status, "resources")) else {
        return wanted;
    };
    if is_infeasible(pod) {
        wanted.clear();
    }
    amounts::raise(&mut wanted, &part.of(resources));
    if part == Part::Requests {
        let allocated = of_container.and_then(|status| given(status, "allocatedResources"));
        amounts::raise(&mut wanted, &amounts::read(allocated));
    }
    wanted
}

/// Whether the node refused a resize.
fn is_infeasible(pod: &Value) -> bool {
    let conditions = meta::at(pod, "status.conditions").and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "PodResizePending")
        .is_some_and(|condition| condition["reason"] == "Infeasible")
}
