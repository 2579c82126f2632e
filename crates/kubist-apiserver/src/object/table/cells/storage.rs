//! Volumes, claims to them, and classes of them.

use serde_json::Value;

use super::row::{Row, or};
use crate::object::meta;

pub(super) fn cell(plural: &str, column: &str, row: &Row<'_>) -> Option<Value> {
    Some(match (plural, column) {
        ("persistentvolumeclaims", _) => return claim(column, row),
        ("persistentvolumes", _) => return volume(column, row),
        ("storageclasses", "Name") => {
            let annotations = meta::get(row.object, "annotations");
            let default = annotations.and_then(|annotations| annotations.get(DEFAULT));
            let mark = if default.is_some_and(|default| default == "true") {
                " (default)"
            } else {
                ""
            };
            format!("{}{mark}", meta::name(row.object)).into()
        }
        ("storageclasses", "Provisioner") => row.text("provisioner").into(),
        ("storageclasses", "ReclaimPolicy") => or(row.text("reclaimPolicy"), "Delete").into(),
        ("storageclasses", "VolumeBindingMode") => or(row.text("volumeBindingMode"), "Immediate").into(),
        ("storageclasses", "AllowVolumeExpansion") => row.flag("allowVolumeExpansion").into(),
        ("volumeattachments", "Attacher") => row.text("spec.attacher").into(),
        ("volumeattachments", "PV") => row.text("spec.source.persistentVolumeName").into(),
        ("volumeattachments", "Node") => row.text("spec.nodeName").into(),
        ("volumeattachments", "Attached") => row.flag("status.attached").into(),
        ("volumeattributesclasses", "DriverName") => row.text("driverName").into(),
        ("csinodes", "Drivers") => row.count("spec.drivers").into(),
        ("csidrivers", "AttachRequired") => {
            (row.at("spec.attachRequired") != Some(&Value::Bool(false))).into()
        }
        ("csidrivers", "PodInfoOnMount") => row.flag("spec.podInfoOnMount").into(),
        ("csidrivers", "StorageCapacity") => row.flag("spec.storageCapacity").into(),
        ("csidrivers", "RequiresRepublish") => row.flag("spec.requiresRepublish").into(),
        ("csidrivers", "TokenRequests") => {
            let requests = row.list("spec.tokenRequests").iter();
            let audiences: Vec<&str> = requests
                .filter_map(|request| request["audience"].as_str())
                .collect();
            or(&audiences.join(","), "<unset>").into()
        }
        ("csidrivers", "Modes") => or(&row.strings("spec.volumeLifecycleModes").join(","), "<none>").into(),
        _ => return None,
    })
}

/// Marks the class of claims that ask for none.
const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";

fn claim(column: &str, row: &Row<'_>) -> Option<Value> {
    let is_bound = !row.text("spec.volumeName").is_empty();
    Some(match column {
        "Status" => phase(row).into(),
        "Volume" => row.text("spec.volumeName").into(),
        "Capacity" if is_bound => row.text("status.capacity.storage").into(),
        "Access Modes" if is_bound => modes(row, "status.accessModes").into(),
        "Capacity" | "Access Modes" => "".into(),
        "StorageClass" => row.text("spec.storageClassName").into(),
        "VolumeAttributesClass" => or(row.text("spec.volumeAttributesClassName"), "<unset>").into(),
        "VolumeMode" => or(row.text("spec.volumeMode"), "<unset>").into(),
        _ => return None,
    })
}

fn volume(column: &str, row: &Row<'_>) -> Option<Value> {
    Some(match column {
        "Capacity" => row.text("spec.capacity.storage").into(),
        "Access Modes" => modes(row, "spec.accessModes").into(),
        "Reclaim Policy" => row.text("spec.persistentVolumeReclaimPolicy").into(),
        "Status" => phase(row).into(),
        "Claim" => match row.text("spec.claimRef.name") {
            "" => "".into(),
            name => format!("{}/{name}", row.text("spec.claimRef.namespace")).into(),
        },
        "StorageClass" => row.text("spec.storageClassName").into(),
        "VolumeAttributesClass" => or(row.text("spec.volumeAttributesClassName"), "<unset>").into(),
        "Reason" => row.text("status.reason").into(),
        "VolumeMode" => or(row.text("spec.volumeMode"), "<unset>").into(),
        _ => return None,
    })
}

fn phase(row: &Row<'_>) -> String {
    match meta::is_deleting(row.object) {
        true => "Terminating".into(),
        false => row.text("status.phase").to_owned(),
    }
}

/// Access modes as people abbreviate them.
fn modes(row: &Row<'_>, path: &str) -> String {
    let modes = row.strings(path);
    let known = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let shown: Vec<&str> = known
        .into_iter()
        .filter(|(mode, _)| modes.contains(mode))
        .map(|(_, short)| short)
        .collect();
    shown.join(",")
}
