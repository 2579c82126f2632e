//! What no pod may do that is not trusted with its node.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Pod, Violation, named, others, plural, quoted, setters};
use crate::kinds::app_armor::ANNOTATION;
use crate::kinds::plugins::security::policy::Version;
use crate::object::member::{given, list, number, text};
use crate::object::meta;

/// In the order of the rules' names; the restricted standard has rules of its own in place of some.
pub(super) fn violations(pod: Pod<'_>, version: Version, is_restricted: bool) -> Vec<Violation> {
    let weaker = |since: u32| !(is_restricted && version.is_since(since));
    [
        app_armor(pod),
        weaker(22).then(|| capabilities(pod)).flatten(),
        host_namespaces(pod),
        weaker(0).then(|| host_paths(pod)).flatten(),
        host_ports(pod),
        version.is_since(34).then(|| hosts(pod)).flatten(),
        privileged(pod),
        (weaker(35) && !pod.has_own_users(version))
            .then(|| proc_mount(pod))
            .flatten(),
        se_linux(pod, version),
        weaker(19).then(|| seccomp(pod, version)).flatten(),
        sysctls(pod, version),
        windows_host_process(pod),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn app_armor(pod: Pod<'_>) -> Option<Violation> {
    let bad = |context: &'_ Value| {
        let profile = given(context, "appArmorProfile")?;
        let kind = text(profile, "type").to_owned();
        (!matches!(kind.as_str(), "RuntimeDefault" | "Localhost")).then_some(kind)
    };
    let containers = pod.which(|container| bad(&container["securityContext"]).is_some());
    let contexts = std::iter::once(pod.security()).chain(pod.containers().map(|one| &one["securityContext"]));
    let kinds: BTreeSet<String> = contexts.filter_map(bad).collect();
    let annotations = annotations(pod, |key, value| {
        key.starts_with(ANNOTATION)
            && !(value.is_empty() || value == "runtime/default" || value.starts_with("localhost/"))
    });
    let mut who: Vec<String> = setters(bad(pod.security()).is_some(), &containers)
        .into_iter()
        .collect();
    if !annotations.is_empty() {
        who.push(plural("annotation", "annotations", annotations.len()).to_owned());
    }
    if who.is_empty() {
        return None;
    }
    let values: Vec<String> = kinds.into_iter().chain(annotations).collect();
    Violation::new(
        plural(
            "forbidden AppArmor profile",
            "forbidden AppArmor profiles",
            values.len(),
        ),
        format!(
            "{} must not set AppArmor profile type to {}",
            who.join(" and "),
            quoted(values)
        ),
    )
}

/// The annotations that a rule is about, as they would be written.
fn annotations(pod: Pod<'_>, rule: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let annotations = pod.annotations.as_object().into_iter().flatten();
    let mut found: Vec<String> = annotations
        .filter_map(|(key, value)| Some((key, value.as_str()?)))
        .filter(|(key, value)| rule(key, value))
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    found.sort_unstable();
    found
}

fn capabilities(pod: Pod<'_>) -> Option<Violation> {
    const ALLOWED: [&str; 13] = [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ];
    let bad = |container: &'_ Value| -> BTreeSet<String> {
        let added = meta::strings(meta::at(container, "securityContext.capabilities.add"));
        others(added, &ALLOWED).into_iter().map(str::to_owned).collect()
    };
    let containers = pod.which(|container| !bad(container).is_empty());
    let added: BTreeSet<String> = pod.containers().flat_map(bad).collect();
    if added.is_empty() {
        return None;
    }
    Violation::new(
        "non-default capabilities",
        format!(
            "{} must not include {} in securityContext.capabilities.add",
            named(&containers),
            quoted(added)
        ),
    )
}

fn host_namespaces(pod: Pod<'_>) -> Option<Violation> {
    let shared: Vec<String> = ["hostNetwork", "hostPID", "hostIPC"]
        .into_iter()
        .filter(|namespace| pod.spec[namespace] == true)
        .map(|namespace| format!("{namespace}=true"))
        .collect();
    if shared.is_empty() {
        return None;
    }
    Violation::new("host namespaces", shared.join(", "))
}

fn host_paths(pod: Pod<'_>) -> Option<Violation> {
    let volumes: Vec<&str> = list(pod.spec, "volumes")
        .iter()
        .filter(|volume| given(volume, "hostPath").is_some())
        .map(|volume| text(volume, "name"))
        .collect();
    if volumes.is_empty() {
        return None;
    }
    let noun = plural("volume", "volumes", volumes.len());
    Violation::new("hostPath volumes", format!("{noun} {}", quoted(volumes)))
}

fn host_ports(pod: Pod<'_>) -> Option<Violation> {
    let bad = |container: &'_ Value| -> Vec<String> {
        list(container, "ports")
            .iter()
            .map(|port| number(port, "hostPort"))
            .filter(|port| *port != 0)
            .map(|port| port.to_string())
            .collect()
    };
    let containers = pod.which(|container| !bad(container).is_empty());
    let ports: BTreeSet<String> = pod.containers().flat_map(bad).collect();
    if ports.is_empty() {
        return None;
    }
    let ports: Vec<String> = ports.into_iter().collect();
    Violation::new(
        "hostPort",
        format!(
            "{} {} {} {}",
            named(&containers),
            plural("uses", "use", containers.len()),
            plural("hostPort", "hostPorts", ports.len()),
            ports.join(", ")
        ),
    )
}

/// Probes and handlers that are sent elsewhere.
fn hosts(pod: Pod<'_>) -> Option<Violation> {
    let bad = |container: &'_ Value| -> Vec<String> {
        let handlers = [
            "livenessProbe",
            "readinessProbe",
            "startupProbe",
            "lifecycle.postStart",
            "lifecycle.preStop",
        ];
        handlers
            .into_iter()
            .filter_map(|handler| meta::at(container, handler))
            .flat_map(|handler| ["httpGet", "tcpSocket"].map(|kind| text(&handler[kind], "host")))
            .filter(|host| !host.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let containers: BTreeSet<&str> = pod
        .which(|container| !bad(container).is_empty())
        .into_iter()
        .collect();
    let hosts: BTreeSet<String> = pod.containers().flat_map(bad).collect();
    if hosts.is_empty() {
        return None;
    }
    let containers: Vec<&str> = containers.into_iter().collect();
    Violation::new(
        "probe or lifecycle host",
        format!(
            "{} {} {} {}",
            named(&containers),
            plural("uses", "use", containers.len()),
            plural("probe or lifecycle host", "probe or lifecycle hosts", hosts.len()),
            quoted(hosts)
        ),
    )
}

fn privileged(pod: Pod<'_>) -> Option<Violation> {
    let containers = pod.which(|container| container["securityContext"]["privileged"] == true);
    if containers.is_empty() {
        return None;
    }
    Violation::new(
        "privileged",
        format!(
            "{} must not set securityContext.privileged=true",
            named(&containers)
        ),
    )
}

pub(super) fn proc_mount(pod: Pod<'_>) -> Option<Violation> {
    let bad = |container: &Value| {
        let mount = given(&container["securityContext"], "procMount")?.as_str()?;
        (mount != "Default").then(|| mount.to_owned())
    };
    let containers = pod.which(|container| bad(container).is_some());
    let mounts: BTreeSet<String> = pod.containers().filter_map(bad).collect();
    if mounts.is_empty() {
        return None;
    }
    Violation::new(
        "procMount",
        format!(
            "{} must not set securityContext.procMount to {}",
            named(&containers),
            quoted(mounts)
        ),
    )
}

fn se_linux(pod: Pod<'_>, version: Version) -> Option<Violation> {
    let allowed = |kind: &str| {
        matches!(kind, "" | "container_t" | "container_init_t" | "container_kvm_t")
            || kind == "container_engine_t" && version.is_since(31)
    };
    let is_bad = |context: &Value| {
        let options = &context["seLinuxOptions"];
        !allowed(text(options, "type"))
            || !text(options, "user").is_empty()
            || !text(options, "role").is_empty()
    };
    let containers = pod.which(|container| is_bad(&container["securityContext"]));
    let who = setters(is_bad(pod.security()), &containers)?;
    let options: Vec<&Value> = std::iter::once(pod.security())
        .chain(pod.containers().map(|one| &one["securityContext"]))
        .map(|context| &context["seLinuxOptions"])
        .collect();
    let mut what = Vec::new();
    let kinds: BTreeSet<&str> = options
        .iter()
        .map(|options| text(options, "type"))
        .filter(|kind| !allowed(kind))
        .collect();
    if !kinds.is_empty() {
        let noun = plural("type", "types", kinds.len());
        what.push(format!("{noun} {}", quoted(kinds)));
    }
    for member in ["user", "role"] {
        if options.iter().any(|options| !text(options, member).is_empty()) {
            what.push(format!("{member} may not be set"));
        }
    }
    Violation::new(
        "seLinuxOptions",
        format!(
            "{who} set forbidden securityContext.seLinuxOptions: {}",
            what.join("; ")
        ),
    )
}

fn seccomp(pod: Pod<'_>, version: Version) -> Option<Violation> {
    if version.is_since(19) {
        return bad_seccomp(pod);
    }
    let is_allowed = |value: &str| {
        matches!(value, "runtime/default" | "docker/default") || value.starts_with("localhost/")
    };
    let names = pod.which(|_| true);
    let forbidden = annotations(pod, |key, value| {
        let is_own = key
            .strip_prefix("container.seccomp.security.alpha.kubernetes.io/")
            .is_some_and(|name| names.contains(&name));
        (key == "seccomp.security.alpha.kubernetes.io/pod" || is_own) && !is_allowed(value)
    });
    if forbidden.is_empty() {
        return None;
    }
    let noun = plural("annotation", "annotations", forbidden.len());
    Violation::new(
        "seccompProfile",
        format!("forbidden {noun} {}", forbidden.join(", ")),
    )
}

/// Profiles that are none.
pub(super) fn bad_seccomp(pod: Pod<'_>) -> Option<Violation> {
    let bad = |context: &Value| {
        let profile = given(context, "seccompProfile")?;
        let kind = text(profile, "type").to_owned();
        (!matches!(kind.as_str(), "RuntimeDefault" | "Localhost")).then_some(kind)
    };
    let containers = pod.which(|container| bad(&container["securityContext"]).is_some());
    let who = setters(bad(pod.security()).is_some(), &containers)?;
    let kinds: BTreeSet<String> = std::iter::once(pod.security())
        .chain(pod.containers().map(|one| &one["securityContext"]))
        .filter_map(bad)
        .collect();
    Violation::new(
        "seccompProfile",
        format!(
            "{who} must not set securityContext.seccompProfile.type to {}",
            quoted(kinds)
        ),
    )
}

fn sysctls(pod: Pod<'_>, version: Version) -> Option<Violation> {
    /// Those that a release added to the ones before.
    const ALLOWED: [(u32, &[&str]); 4] = [
        (
            0,
            &[
                "kernel.shm_rmid_forced",
                "net.ipv4.ip_local_port_range",
                "net.ipv4.tcp_syncookies",
                "net.ipv4.ping_group_range",
                "net.ipv4.ip_unprivileged_port_start",
            ],
        ),
        (27, &["net.ipv4.ip_local_reserved_ports"]),
        (
            29,
            &[
                "net.ipv4.tcp_keepalive_time",
                "net.ipv4.tcp_fin_timeout",
                "net.ipv4.tcp_keepalive_intvl",
                "net.ipv4.tcp_keepalive_probes",
            ],
        ),
        (32, &["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"]),
    ];
    let is_allowed = |name: &str| {
        ALLOWED
            .iter()
            .any(|(since, names)| version.is_since(*since) && names.contains(&name))
    };
    let forbidden: Vec<&str> = list(pod.security(), "sysctls")
        .iter()
        .map(|sysctl| text(sysctl, "name"))
        .filter(|name| !is_allowed(name))
        .collect();
    if forbidden.is_empty() {
        return None;
    }
    Violation::new("forbidden sysctls", forbidden.join(", "))
}

fn windows_host_process(pod: Pod<'_>) -> Option<Violation> {
    let is_bad = |context: &Value| context["windowsOptions"]["hostProcess"] == true;
    let containers = pod.which(|container| is_bad(&container["securityContext"]));
    let who = setters(is_bad(pod.security()), &containers)?;
    Violation::new(
        "hostProcess",
        format!("{who} must not set securityContext.windowsOptions.hostProcess=true"),
    )
}
