//! Fields that never change, of kinds that have few other rules.

use serde_json::Value;

use super::immutable;
use crate::http::fields::FieldError;
use crate::kinds::kind::Kind;
use crate::object::member::{list, text};
use crate::object::meta;

pub(super) fn validate(kind: &Kind, new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("networking.k8s.io", "ipaddresses") => immutable(new, old, "spec.parentRef", errors),
        ("networking.k8s.io", "servicecidrs") => cidrs(new, old, errors),
        ("resource.k8s.io", "resourceclaims" | "resourceclaimtemplates") => {
            immutable(new, old, "spec", errors)
        }
        ("resource.k8s.io", "resourceslices") => {
            for field in ["spec.driver", "spec.pool.name", "spec.nodeName"] {
                immutable(new, old, field, errors);
            }
        }
        ("storage.k8s.io", "csidrivers") => {
            if meta::at(new, "spec.attachRequired") != meta::at(old, "spec.attachRequired") {
                let now = meta::at(new, "spec.attachRequired").unwrap_or(&Value::Null);
                // The name is upstream's.
                errors.push(FieldError::immutable("spec.attachedRequired", now));
            }
            immutable(new, old, "spec.volumeLifecycleModes", errors);
        }
        ("storage.k8s.io", "csinodes") => node_drivers(new, old, errors),
        ("storage.k8s.io", "csistoragecapacities") => {
            immutable(new, old, "storageClassName", errors);
            immutable(new, old, "nodeTopology", errors);
        }
        ("storage.k8s.io", "volumeattachments") => immutable(new, old, "spec", errors),
        ("storage.k8s.io", "volumeattributesclasses") => {
            for field in ["driverName", "parameters"] {
                if new.get(field) != old.get(field) {
                    let detail = format!("updates to {field} are forbidden.");
                    errors.push(FieldError::forbidden(field, &detail));
                }
            }
        }
        _ => {}
    }
}

/// A second range may be added to one, and nothing else.
fn cidrs(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let (after, before) = (list(&new["spec"], "cidrs"), list(&old["spec"], "cidrs"));
    if after.len() != before.len() && !(before.len() == 1 && after.len() == 2) {
        immutable(new, old, "spec.cidrs", errors);
        return;
    }
    for (at, (now, was)) in after.iter().zip(before).enumerate() {
        if now != was {
            errors.push(FieldError::immutable(format!("spec.cidrs[{at}]"), now));
        }
    }
}

/// A driver comes and goes as a whole; only how much it can take may change.
fn node_drivers(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let identity = |driver: &Value| {
        let keys = list(driver, "topologyKeys").to_vec();
        (text(driver, "nodeID").to_owned(), keys)
    };
    for driver in list(&new["spec"], "drivers") {
        let name = text(driver, "name");
        let mut known = list(&old["spec"], "drivers").iter();
        let was = known.find(|known| text(known, "name") == name);
        if was.is_some_and(|was| identity(was) != identity(driver)) {
            errors.push(FieldError::immutable("spec.drivers", driver));
        }
    }
}
