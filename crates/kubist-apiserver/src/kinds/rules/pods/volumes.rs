//! The rules of volumes, and of where containers mount them.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::kinds::rules::common::{only_one, required_text};
use crate::object::member::{given, list, text};
use crate::object::metavalidate::{self, NameRule};

/// What a volume can be made of, in the order in which upstream looks.
const SOURCES: [&str; 31] = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "persistentVolumeClaim",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
    "flexVolume",
    "local",
];

/// The volumes of a pod, by their names.
pub(super) struct Volumes<'a>(Vec<&'a str>);

pub(super) fn validate<'a>(spec: &'a Value, path: &str, errors: &mut Vec<FieldError>) -> Volumes<'a> {
    let mut names: Vec<&str> = Vec::new();
    for (at, volume) in list(spec, "volumes").iter().enumerate() {
        let path = format!("{path}.volumes[{at}]");
        let name = text(volume, "name");
        let field = format!("{path}.name");
        validate_source(volume, &path, errors);
        if name.is_empty() {
            errors.push(FieldError::required(field, ""));
            continue;
        }
        for problem in metavalidate::name_problems(NameRule::Label, name) {
            errors.push(FieldError::invalid_text(&field, name, &problem));
        }
        if names.contains(&name) {
            errors.push(FieldError::duplicate(field, &name.into()));
        }
        names.push(name);
    }
    Volumes(names)
}

impl Volumes<'_> {
    pub(super) fn validate_mounts(&self, container: &Value, path: &str, errors: &mut Vec<FieldError>) {
        let mounts = list(container, "volumeMounts");
        for (at, mount) in mounts.iter().enumerate() {
            let path = format!("{path}.volumeMounts[{at}]");
            required_text(mount, &path, "name", errors);
            let name = text(mount, "name");
            if !self.0.contains(&name) {
                errors.push(FieldError::not_found(format!("{path}.name"), &name.into()));
            }
            let place = text(mount, "mountPath");
            required_text(mount, &path, "mountPath", errors);
            let before = mounts.get(..at).unwrap_or_default();
            if before.iter().any(|other| text(other, "mountPath") == place) {
                let field = format!("{path}.mountPath");
                errors.push(FieldError::invalid_text(field, place, "must be unique"));
            }
            for field in ["subPath", "subPathExpr"] {
                inner_path(text(mount, field), format!("{path}.{field}"), errors);
            }
            if !text(mount, "subPath").is_empty() && !text(mount, "subPathExpr").is_empty() {
                let field = format!("{path}.subPathExpr");
                let detail = "subPathExpr and subPath are mutually exclusive";
                errors.push(FieldError::invalid_text(
                    field,
                    text(mount, "subPathExpr"),
                    detail,
                ));
            }
        }
        for (at, device) in list(container, "volumeDevices").iter().enumerate() {
            let path = format!("{path}.volumeDevices[{at}]");
            required_text(device, &path, "name", errors);
            required_text(device, &path, "devicePath", errors);
        }
    }
}

fn validate_source(volume: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let detail = "may not specify more than 1 volume type";
    let has_source = only_one(
        volume,
        &SOURCES,
        path,
        detail,
        errors,
        |kind, source, path, errors| match kind {
            "hostPath" => {
                required_text(source, path, "path", errors);
                no_steps_up(text(source, "path"), format!("{path}.path"), errors);
            }
            "secret" => {
                required_text(source, path, "secretName", errors);
                items(source, path, errors);
            }
            "configMap" => {
                required_text(source, path, "name", errors);
                items(source, path, errors);
            }
            "persistentVolumeClaim" => required_text(source, path, "claimName", errors),
            "nfs" => {
                required_text(source, path, "server", errors);
                required_text(source, path, "path", errors);
            }
            "csi" => required_text(source, path, "driver", errors),
            "downwardAPI" => downward(source, path, errors),
            "projected" => projected(source, path, errors),
            _ => {}
        },
    );
    if !has_source {
        errors.push(FieldError::required(path, "must specify a volume type"));
    }
}

fn projected(volume: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for (at, source) in list(volume, "sources").iter().enumerate() {
        let path = format!("{path}.sources[{at}]");
        for kind in ["secret", "configMap"] {
            if let Some(source) = given(source, kind) {
                required_text(source, &format!("{path}.{kind}"), "name", errors);
                items(source, &format!("{path}.{kind}"), errors);
            }
        }
        if let Some(downward_api) = given(source, "downwardAPI") {
            downward(downward_api, &format!("{path}.downwardAPI"), errors);
        }
        if let Some(token) = given(source, "serviceAccountToken") {
            let path = format!("{path}.serviceAccountToken");
            required_text(token, &path, "path", errors);
            inner_path(text(token, "path"), format!("{path}.path"), errors);
        }
    }
}

fn downward(source: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for (at, item) in list(source, "items").iter().enumerate() {
        let path = format!("{path}.items[{at}]");
        required_text(item, &path, "path", errors);
        inner_path(text(item, "path"), format!("{path}.path"), errors);
    }
}

/// Keys that become files.
fn items(source: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for (at, item) in list(source, "items").iter().enumerate() {
        let path = format!("{path}.items[{at}]");
        required_text(item, &path, "key", errors);
        required_text(item, &path, "path", errors);
        inner_path(text(item, "path"), format!("{path}.path"), errors);
    }
}

/// A path that does not lead out of where it begins.
fn inner_path(path: &str, field: String, errors: &mut Vec<FieldError>) {
    if path.starts_with('/') {
        errors.push(FieldError::invalid_text(&field, path, "must be a relative path"));
    }
    no_steps_up(path, field, errors);
}

fn no_steps_up(path: &str, field: String, errors: &mut Vec<FieldError>) {
    if path.split('/').any(|part| part == "..") {
        errors.push(FieldError::invalid_text(field, path, "must not contain '..'"));
    }
}
