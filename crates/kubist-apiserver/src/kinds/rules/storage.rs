//! The rules of volumes, claims to them, and classes of them.

use kubist_core::quantity::Quantity;
use serde_json::{Value, json};

use super::common::{name, only_one, required_text, selector};
use super::immutable;
use crate::http::fields::FieldError;
use crate::object::member::{given, list, text};
use crate::object::meta;
use crate::object::metavalidate::{self, NameRule};

const MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];

/// What is wrong with what a claim asks for.
pub(super) fn claim_spec(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let modes = list(spec, "accessModes");
    if modes.is_empty() {
        let detail = "at least 1 access mode is required";
        errors.push(FieldError::required(format!("{path}.accessModes"), detail));
    }
    if let Some(chosen) = given(spec, "selector") {
        selector(chosen, &format!("{path}.selector"), errors);
    }
    access_modes(modes, path, errors);
    let field = format!("{path}.resources[storage]");
    match meta::at(spec, "resources.requests.storage") {
        None => errors.push(FieldError::required(field, "")),
        Some(size) if !is_positive(size) => {
            errors.push(FieldError::invalid(field, size, "must be greater than zero"));
        }
        Some(_) => {}
    }
    name(spec, path, "storageClassName", NameRule::Subdomain, errors);
    if let (Some(source), Some(reference)) = (given(spec, "dataSource"), given(spec, "dataSourceRef"))
        && ["apiGroup", "kind", "name"]
            .iter()
            .any(|field| text(source, field) != text(reference, field))
    {
        errors.push(FieldError::invalid(path, &json!({}), "must match dataSourceRef"));
    }
}

fn access_modes(modes: &[Value], path: &str, errors: &mut Vec<FieldError>) {
    let field = format!("{path}.accessModes");
    for mode in modes
        .iter()
        .filter(|mode| !MODES.iter().any(|known| *mode == known))
    {
        errors.push(FieldError::not_supported(&field, mode, &MODES));
    }
    if modes.len() > 1 && modes.iter().any(|mode| mode == "ReadWriteOncePod") {
        let detail = "may not use ReadWriteOncePod with other access modes";
        errors.push(FieldError::forbidden(field, detail));
    }
}

fn quantity(value: Option<&Value>) -> Option<Quantity> {
    value?.as_str()?.parse().ok()
}

fn is_positive(value: &Value) -> bool {
    quantity(Some(value)).is_none_or(|size| size > Quantity::ZERO)
}

pub(super) fn claim(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    claim_spec(&new["spec"], "spec", errors);
    let Some(old) = old else { return };
    let is_bound = old["status"]["phase"] == "Bound";
    // A class may be given to a claim that has none and waits for a default.
    let gets_class = given(&old["spec"], "storageClassName").is_none() && !is_bound;
    let fixed = |object: &Value| {
        let mut spec = object["spec"].clone();
        if let Some(spec) = spec.as_object_mut() {
            spec.remove("volumeName");
            spec.remove("volumeAttributesClassName");
            if is_bound && let Some(resources) = spec.get_mut("resources").and_then(Value::as_object_mut) {
                resources.remove("requests");
            }
            if gets_class {
                spec.remove("storageClassName");
            }
        }
        spec
    };
    if fixed(new) != fixed(old) {
        errors.push(FieldError::forbidden(
            "spec",
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
        ));
    }
    let size = |object: &Value| quantity(meta::at(object, "spec.resources.requests.storage"));
    let capacity = quantity(meta::at(old, "status.capacity.storage"));
    if is_bound && size(new) < size(old) && (capacity.is_none() || size(new) < capacity) {
        let detail = "field can not be less than status.capacity";
        errors.push(FieldError::forbidden("spec.resources.requests.storage", detail));
    }
    let had = text(&old["spec"], "volumeName");
    if !had.is_empty() && text(&new["spec"], "volumeName") != had {
        immutable(new, old, "spec.volumeName", errors);
    }
}

/// What a volume can be made of, in the order in which upstream looks.
const SOURCES: [&str; 22] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

pub(super) fn volume(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    let modes = list(spec, "accessModes");
    if modes.is_empty() {
        errors.push(FieldError::required("spec.accessModes", ""));
    }
    access_modes(modes, "spec", errors);
    let nothing = Value::Null;
    let capacity = given(spec, "capacity").unwrap_or(&nothing);
    let amounts = capacity.as_object();
    if amounts.is_none_or(serde_json::Map::is_empty) {
        errors.push(FieldError::required("spec.capacity", ""));
    }
    if amounts.is_none_or(|amounts| amounts.len() != 1 || !amounts.contains_key("storage")) {
        errors.push(FieldError::not_supported("spec.capacity", capacity, &["storage"]));
    }
    if let Some(size) = capacity.get("storage").filter(|size| !is_positive(size)) {
        let detail = "must be greater than zero";
        errors.push(FieldError::invalid("spec.capacity[storage]", size, detail));
    }
    volume_source(spec, errors);
    let path = text(&spec["hostPath"], "path");
    if path == "/" && text(spec, "persistentVolumeReclaimPolicy") == "Recycle" {
        let detail = "may not be 'recycle' for a hostPath mount of '/'";
        errors.push(FieldError::forbidden(
            "spec.persistentVolumeReclaimPolicy",
            detail,
        ));
    }
    let policies = ["Delete", "Recycle", "Retain"];
    if let Some(policy) = given(spec, "persistentVolumeReclaimPolicy")
        && !policies.iter().any(|known| policy == known)
    {
        let field = "spec.persistentVolumeReclaimPolicy";
        errors.push(FieldError::not_supported(field, policy, &policies));
    }
    name(spec, "spec", "storageClassName", NameRule::Subdomain, errors);
    let Some(old) = old else { return };
    let source = |object: &Value| -> Vec<Value> {
        let spec = &object["spec"];
        SOURCES.iter().map(|source| spec[*source].clone()).collect()
    };
    if source(new) != source(old) {
        let detail = "spec.persistentvolumesource is immutable after creation";
        errors.push(FieldError::forbidden("spec.persistentvolumesource", detail));
    }
    immutable(new, old, "spec.volumeMode", errors);
}

fn volume_source(spec: &Value, errors: &mut Vec<FieldError>) {
    let detail = "may not specify more than 1 volume type";
    let has_source = only_one(
        spec,
        &SOURCES,
        "spec",
        detail,
        errors,
        |kind, source, path, errors| {
            let required: &[&str] = match kind {
                "hostPath" | "local" => &["path"],
                "nfs" => &["server", "path"],
                "csi" => &["driver", "volumeHandle"],
                _ => &[],
            };
            for field in required {
                required_text(source, path, field, errors);
            }
            if kind == "local" && given(spec, "nodeAffinity").is_none() {
                let detail = "Local volume requires node affinity";
                errors.push(FieldError::required("spec.nodeAffinity", detail));
            }
        },
    );
    if !has_source {
        errors.push(FieldError::required("spec", "must specify a volume type"));
    }
}

/// What is attached: a volume, or what one would be.
pub(super) fn attachment(new: &Value, errors: &mut Vec<FieldError>) {
    let source = &new["spec"]["source"];
    let detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    match (
        given(source, "inlineVolumeSpec"),
        given(source, "persistentVolumeName"),
    ) {
        (None, None) => errors.push(FieldError::required("spec.source", detail)),
        (Some(_), Some(_)) => errors.push(FieldError::forbidden("spec.source", detail)),
        (None, Some(name)) if name == "" => {
            let field = "spec.source.persistentVolumeName";
            for problem in metavalidate::name_problems(NameRule::Subdomain, "") {
                errors.push(FieldError::invalid_text(field, "", &problem));
            }
            let detail = "must specify non empty persistentVolumeName";
            errors.push(FieldError::required(field, detail));
        }
        _ => {}
    }
}

pub(super) fn class(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let provisioner = text(new, "provisioner");
    if provisioner.is_empty() {
        errors.push(FieldError::required("provisioner", ""));
    } else {
        let provisioner = &provisioner.to_lowercase();
        for problem in metavalidate::qualified_name_problems(provisioner) {
            errors.push(FieldError::invalid_text("provisioner", provisioner, &problem));
        }
    }
    if let Some(policy) =
        given(new, "reclaimPolicy").filter(|policy| *policy != "Delete" && *policy != "Retain")
    {
        errors.push(FieldError::not_supported(
            "reclaimPolicy",
            policy,
            &["Delete", "Retain"],
        ));
    }
    let Some(old) = old else { return };
    let parameters = |class: &Value| given(class, "parameters").cloned().unwrap_or_else(|| json!({}));
    if parameters(new) != parameters(old) {
        errors.push(FieldError::immutable("parameters", &parameters(new)));
    }
    for field in ["provisioner", "reclaimPolicy", "volumeBindingMode"] {
        immutable(new, old, field, errors);
    }
}
