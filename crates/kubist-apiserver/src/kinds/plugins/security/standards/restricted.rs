//! What pods must do that follow best practice, besides the baseline.

use std::collections::BTreeSet;

use serde_json::Value;

use super::baseline::{bad_seccomp, proc_mount};
use super::{Pod, Violation, named, others, plural, quoted, setters};
use crate::kinds::plugins::security::policy::Version;
use crate::object::member::{given, list, text};
use crate::object::meta;

/// In the order of the rules' names.
pub(super) fn violations(pod: Pod<'_>, version: Version) -> Vec<Violation> {
    let on_linux = |since: u32| version.is_since(since) && !pod.is_windows(version);
    [
        on_linux(8).then(|| privilege_escalation(pod)).flatten(),
        on_linux(22).then(|| capabilities(pod)).flatten(),
        version.is_since(35).then(|| proc_mount(pod)).flatten(),
        volumes(pod),
        (!pod.has_own_users(version))
            .then(|| run_as_non_root(pod))
            .flatten(),
        (version.is_since(23) && !pod.has_own_users(version))
            .then(|| run_as_user(pod))
            .flatten(),
        on_linux(19).then(|| seccomp(pod)).flatten(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn privilege_escalation(pod: Pod<'_>) -> Option<Violation> {
    let containers = pod.which(|container| container["securityContext"]["allowPrivilegeEscalation"] != false);
    if containers.is_empty() {
        return None;
    }
    Violation::new(
        "allowPrivilegeEscalation != false",
        format!(
            "{} must set securityContext.allowPrivilegeEscalation=false",
            named(&containers)
        ),
    )
}

fn capabilities(pod: Pod<'_>) -> Option<Violation> {
    let of = |container: &'_ Value, member: &str| -> Vec<String> {
        let capabilities = &container["securityContext"]["capabilities"];
        meta::strings(capabilities.get(member))
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    let bad = |container: &'_ Value| -> BTreeSet<String> {
        let added = of(container, "add");
        let added = added.iter().map(String::as_str);
        others(added, &["NET_BIND_SERVICE"])
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    let mut details = Vec::new();
    let keeping = pod.which(|container| !of(container, "drop").iter().any(|dropped| dropped == "ALL"));
    if !keeping.is_empty() {
        details.push(format!(
            "{} must set securityContext.capabilities.drop=[\"ALL\"]",
            named(&keeping)
        ));
    }
    let adding = pod.which(|container| !bad(container).is_empty());
    if !adding.is_empty() {
        let added: BTreeSet<String> = pod.containers().flat_map(bad).collect();
        details.push(format!(
            "{} must not include {} in securityContext.capabilities.add",
            named(&adding),
            quoted(added)
        ));
    }
    if details.is_empty() {
        return None;
    }
    Violation::new("unrestricted capabilities", details.join("; "))
}

fn volumes(pod: Pod<'_>) -> Option<Violation> {
    const ALLOWED: [&str; 9] = [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ];
    /// In the order in which they are looked for.
    const KNOWN: [&str; 21] = [
        "hostPath",
        "gcePersistentDisk",
        "awsElasticBlockStore",
        "gitRepo",
        "nfs",
        "iscsi",
        "glusterfs",
        "rbd",
        "flexVolume",
        "cinder",
        "cephfs",
        "flocker",
        "fc",
        "azureFile",
        "vsphereVolume",
        "quobyte",
        "azureDisk",
        "photonPersistentDisk",
        "portworxVolume",
        "scaleIO",
        "storageos",
    ];
    let has = |volume: &Value, kinds: &[&'static str]| {
        kinds.iter().find(|kind| given(volume, kind).is_some()).copied()
    };
    let bad: Vec<&Value> = list(pod.spec, "volumes")
        .iter()
        .filter(|volume| has(volume, &ALLOWED).is_none())
        .collect();
    if bad.is_empty() {
        return None;
    }
    let kinds: BTreeSet<&str> = bad
        .iter()
        .map(|volume| has(volume, &KNOWN).unwrap_or("unknown"))
        .collect();
    Violation::new(
        "restricted volume types",
        format!(
            "{} {} {} {} {}",
            plural("volume", "volumes", bad.len()),
            quoted(bad.iter().map(|volume| text(volume, "name"))),
            plural("uses", "use", bad.len()),
            plural("restricted volume type", "restricted volume types", kinds.len()),
            quoted(kinds)
        ),
    )
}

fn run_as_non_root(pod: Pod<'_>) -> Option<Violation> {
    const REASON: &str = "runAsNonRoot != true";
    let own = |container: &Value| container["securityContext"]["runAsNonRoot"].as_bool();
    let of_pod = pod.security()["runAsNonRoot"].as_bool();
    let explicit = pod.which(|container| own(container) == Some(false));
    if let Some(who) = setters(of_pod == Some(false), &explicit) {
        return Violation::new(
            REASON,
            format!("{who} must not set securityContext.runAsNonRoot=false"),
        );
    }
    let implicit = pod.which(|container| own(container).is_none());
    if of_pod == Some(true) || implicit.is_empty() {
        return None;
    }
    Violation::new(
        REASON,
        format!(
            "pod or {} must set securityContext.runAsNonRoot=true",
            named(&implicit)
        ),
    )
}

fn run_as_user(pod: Pod<'_>) -> Option<Violation> {
    let is_root = |context: &Value| context["runAsUser"] == 0;
    let containers = pod.which(|container| is_root(&container["securityContext"]));
    let who = setters(is_root(pod.security()), &containers)?;
    Violation::new("runAsUser=0", format!("{who} must not set runAsUser=0"))
}

fn seccomp(pod: Pod<'_>) -> Option<Violation> {
    let bad = bad_seccomp(pod);
    if bad.is_some() {
        return bad;
    }
    let is_set = |context: &Value| given(context, "seccompProfile").is_some();
    let implicit = pod.which(|container| !is_set(&container["securityContext"]));
    if is_set(pod.security()) || implicit.is_empty() {
        return None;
    }
    Violation::new(
        "seccompProfile",
        format!(
            "pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
            named(&implicit)
        ),
    )
}
