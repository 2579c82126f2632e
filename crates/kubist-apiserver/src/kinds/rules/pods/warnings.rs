//! What pods, and templates for them, are warned about.

use std::collections::HashMap;

use serde_json::Value;

use crate::kinds::amounts;
use crate::kinds::app_armor::ANNOTATION;
use crate::object::member::{given, integer, list, text};

/// Labels of nodes that go by another name.
const OLD_LABELS: [(&str, &str, &str); 5] = [
    ("beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "v1.17",
        "topology.kubernetes.io/region",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "v1.17",
        "topology.kubernetes.io/zone",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "v1.17",
        "node.kubernetes.io/instance-type",
    ),
];

/// Kinds of volumes that are on their way out, or gone.
const OLD_VOLUMES: [(&str, &str); 9] = [
    (
        "photonPersistentDisk",
        "deprecated in v1.11, non-functional in v1.16+",
    ),
    (
        "gitRepo",
        "deprecated in v1.11, and disabled by default in v1.33+",
    ),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

const SECCOMP_OF_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// The warnings that a write of this pod, or of this template at a path, gets.
pub(in crate::kinds::rules) fn warnings(pod: &Value, path: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    let inside = |part: &str| {
        if path.is_empty() {
            part.to_owned()
        } else {
            format!("{path}.{part}")
        }
    };
    let (spec, metadata) = (&pod["spec"], inside("metadata"));
    let path = inside("spec");
    for (label, since, instead) in OLD_LABELS {
        if spec["nodeSelector"].get(label).is_some() {
            warnings.push(format!(
                "{path}.nodeSelector[{label}]: deprecated since {since}; use \"{instead}\" instead"
            ));
        }
    }
    for (at, constraint) in list(spec, "topologySpreadConstraints").iter().enumerate() {
        null_selector(
            constraint,
            &format!("{path}.topologySpreadConstraints[{at}]"),
            &mut warnings,
        );
    }
    for (at, volume) in list(spec, "volumes").iter().enumerate() {
        for (kind, why) in OLD_VOLUMES {
            let member = if kind == "storageOS" { "storageos" } else { kind };
            if given(volume, member).is_some() {
                warnings.push(format!("{path}.volumes[{at}].{kind}: {why}"));
            }
        }
    }
    let told_before = |items: &[Value], at: usize, field: &str| {
        let name = items.get(at).map(|item| text(item, field));
        let before = items.get(..at).unwrap_or_default();
        before.iter().any(|other| Some(text(other, field)) == name)
    };
    let aliases = list(spec, "hostAliases");
    for (at, alias) in aliases
        .iter()
        .enumerate()
        .filter(|(at, _)| told_before(aliases, *at, "ip"))
    {
        let ip = text(alias, "ip");
        warnings.push(format!("{path}.hostAliases[{at}].ip: duplicate ip {ip:?}"));
    }
    let secrets = list(spec, "imagePullSecrets");
    for (at, secret) in secrets
        .iter()
        .enumerate()
        .filter(|(at, _)| told_before(secrets, *at, "name"))
    {
        let name = text(secret, "name");
        warnings.push(format!(
            "{path}.imagePullSecrets[{at}].name: duplicate name {name:?}"
        ));
    }
    for (at, secret) in secrets.iter().enumerate() {
        if text(secret, "name").is_empty() {
            warnings.push(format!(
                "{path}.imagePullSecrets[{at}].name: invalid empty name \"\""
            ));
        }
    }
    for name in ["memory", "ephemeral-storage"] {
        fraction(
            &spec["overhead"],
            name,
            &format!("{path}.overhead"),
            &mut warnings,
        );
    }
    annotations(pod, &metadata, path != "spec", &mut warnings);
    for (container, path) in containers(spec, &path) {
        of_container(container, &path, &mut warnings);
    }
    ports(&containers(spec, &path), &mut warnings);
    if integer(spec, "terminationGracePeriodSeconds").is_some_and(|seconds| seconds < 0) {
        warnings.push(format!(
            "{path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
        ));
    }
    affinities(&spec["affinity"], &format!("{path}.affinity"), &mut warnings);
    warnings
}

/// The containers of a pod with their paths.
fn containers<'a>(spec: &'a Value, path: &str) -> Vec<(&'a Value, String)> {
    let mut containers = Vec::new();
    for kind in ["initContainers", "containers"] {
        for (at, container) in list(spec, kind).iter().enumerate() {
            containers.push((container, format!("{path}.{kind}[{at}]")));
        }
    }
    containers
}

/// Annotations that fields took the place of.
fn annotations(pod: &Value, path: &str, is_template: bool, warnings: &mut Vec<String>) {
    let annotation = |name: &str| pod["metadata"]["annotations"].get(name).and_then(Value::as_str);
    let mut old = |name: &str, since: &str, field: &str| {
        warnings.push(format!(
            "{path}.annotations[{name}]: {since}; use the \"{field}\" field instead"
        ));
    };
    let spec = &pod["spec"];
    let is_set = |object: &Value, field: &str| given(&object["securityContext"], field).is_some();
    const GONE: &str = "non-functional in v1.27+";
    if annotation(SECCOMP_OF_POD).is_some() && !is_set(spec, "seccompProfile") {
        old(SECCOMP_OF_POD, GONE, "seccompProfile");
    }
    for (container, _) in containers(spec, "") {
        let name = format!("{SECCOMP}{}", text(container, "name"));
        if annotation(&name).is_some() && !is_set(container, "seccompProfile") {
            old(&name, GONE, "seccompProfile");
        }
        // Pods were told when their fields were set.
        let name = format!("{ANNOTATION}{}", text(container, "name"));
        let is_told = !is_template || is_set(spec, "appArmorProfile") || is_set(container, "appArmorProfile");
        if annotation(&name).is_some() && !is_told {
            old(&name, "deprecated since v1.30", "appArmorProfile");
        }
    }
}

fn of_container(container: &Value, path: &str, warnings: &mut Vec<String>) {
    let resources = &container["resources"];
    for (name, part) in [
        ("memory", "limits"),
        ("memory", "requests"),
        ("ephemeral-storage", "limits"),
        ("ephemeral-storage", "requests"),
    ] {
        fraction(
            &resources[part],
            name,
            &format!("{path}.resources.{part}"),
            warnings,
        );
    }
    let variables = list(container, "env");
    for (at, variable) in variables.iter().enumerate() {
        let name = text(variable, "name");
        let before = variables.get(..at).unwrap_or_default();
        // One that uses the other extends it.
        let extends = text(variable, "value").contains(&format!("$({name})"));
        if !extends && before.iter().any(|other| text(other, "name") == name) {
            warnings.push(format!(
                "{path}.env[{at}]: hides previous definition of \"{name}\", which may be dropped when using apply"
            ));
        }
    }
}

/// Bytes can't be parted.
pub(in crate::kinds::rules) fn fraction(amounts: &Value, name: &str, path: &str, warnings: &mut Vec<String>) {
    let Some(amount) = amounts::read(Some(amounts)).remove(name) else {
        return;
    };
    if amount.millis() % 1_000 != 0 {
        warnings.push(format!(
            "{path}[{name}]: fractional byte value \"{amount}\" is invalid, must be an integer"
        ));
    }
}

/// With how many ports of the same number one is compared.
const MOST_ALIKE: usize = 16;

/// Ports of all containers that get into each other's way.
fn ports(containers: &[(&Value, String)], warnings: &mut Vec<String>) {
    let all: Vec<(&Value, String)> = containers
        .iter()
        .flat_map(|(container, path)| {
            let ports = list(container, "ports").iter().enumerate();
            ports.map(move |(at, port)| (port, format!("{path}.ports[{at}]")))
        })
        .collect();
    let number = |port: &Value| integer(port, "hostPort").unwrap_or(0);
    let mut alike: HashMap<(i64, &str), Vec<(&Value, &str)>> = HashMap::new();
    let mut named: HashMap<&str, &str> = HashMap::new();
    for (port, path) in &all {
        let key = (
            integer(port, "containerPort").unwrap_or(0),
            text(port, "protocol"),
        );
        let before = alike.entry(key).or_default();
        for (other, first) in before.iter() {
            let hosts = [port, other].map(|port| text(port, "hostIP"));
            let how = if hosts[0] == hosts[1] && number(port) == number(other) {
                "duplicate"
            } else if number(port) == 0 || number(other) == 0 {
                "overlapping"
            } else if number(port) == number(other) && hosts[0].is_empty() != hosts[1].is_empty() {
                "dangerously ambiguous"
            } else {
                continue;
            };
            warnings.push(format!("{path}: {how} port definition with {first}"));
        }
        // More of them would not be told anyway: headers have bounds.
        if before.len() < MOST_ALIKE {
            before.push((port, path));
        }
    }
    for (port, path) in &all {
        let name = text(port, "name");
        if name.is_empty() {
            continue;
        }
        match named.get(name) {
            None => {
                named.insert(name, path);
            }
            Some(first) => warnings.push(format!(
                "{path}: duplicate port name {name:?} with {first}, services and probes that select ports by name will \
                 use {first}"
            )),
        }
    }
}

fn affinities(affinity: &Value, path: &str, warnings: &mut Vec<String>) {
    for kind in ["podAffinity", "podAntiAffinity"] {
        for (when, term) in [
            ("requiredDuringSchedulingIgnoredDuringExecution", ""),
            (
                "preferredDuringSchedulingIgnoredDuringExecution",
                "podAffinityTerm",
            ),
        ] {
            for (at, item) in list(&affinity[kind], when).iter().enumerate() {
                let path = format!("{path}.{kind}.{when}[{at}]");
                match term {
                    "" => null_selector(item, &path, warnings),
                    term => null_selector(&item[term], &format!("{path}.{term}"), warnings),
                }
            }
        }
    }
}

fn null_selector(object: &Value, path: &str, warnings: &mut Vec<String>) {
    if given(object, "labelSelector").is_none() {
        warnings.push(format!(
            "{path}.labelSelector: a null labelSelector results in matching no pod"
        ));
    }
}
