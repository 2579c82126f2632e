//! What a namespace that is being deleted says about it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::content::Content;
use crate::object::meta;

/// Sets the conditions; one that stays as it is keeps its time.
pub(super) fn set(namespace: &mut Value, content: &Content, now: &str) {
    let status = meta::child(namespace, "status");
    status.insert("phase".into(), "Terminating".into());
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let Value::Array(conditions) = conditions else {
        return;
    };
    for wanted in all(content) {
        let known = conditions
            .iter_mut()
            .find(|known| known["type"] == wanted["type"]);
        match known {
            Some(known) => {
                if known["status"] != wanted["status"] {
                    known["lastTransitionTime"] = now.into();
                }
                for field in ["status", "reason", "message"] {
                    known[field] = wanted[field].clone();
                }
            }
            None => {
                let mut wanted = wanted;
                wanted["lastTransitionTime"] = now.into();
                conditions.push(wanted);
            }
        }
    }
}

fn all(content: &Content) -> [Value; 5] {
    let failures = content.failures.len();
    let mut failed = content.failures.clone();
    failed.sort_unstable();
    let failed = format!(
        "Failed to delete all resource types, {failures} remaining: {}",
        failed.join(", ")
    );
    let remaining = format!(
        "Some resources are remaining: {}",
        counts(&content.resources, "has")
    );
    let holding = format!(
        "Some content in the namespace has finalizers remaining: {}",
        counts(&content.finalizers, "in")
    );
    [
        // What is served here is always known.
        fine(
            "NamespaceDeletionDiscoveryFailure",
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        fine(
            "NamespaceDeletionGroupVersionParsingFailure",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        if failures == 0 {
            let message = "All content successfully deleted, may be waiting on finalization";
            fine("NamespaceDeletionContentFailure", "ContentDeleted", message)
        } else {
            bad(
                "NamespaceDeletionContentFailure",
                "ContentDeletionFailed",
                &failed,
            )
        },
        if content.resources.is_empty() {
            let message = "All content successfully removed";
            fine("NamespaceContentRemaining", "ContentRemoved", message)
        } else {
            bad("NamespaceContentRemaining", "SomeResourcesRemain", &remaining)
        },
        if content.finalizers.is_empty() {
            let message = "All content-preserving finalizers finished";
            fine("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", message)
        } else {
            bad("NamespaceFinalizersRemaining", "SomeFinalizersRemain", &holding)
        },
    ]
}

fn counts(of: &BTreeMap<String, usize>, verb: &str) -> String {
    let counts: Vec<String> = of
        .iter()
        .map(|(what, count)| format!("{what} {verb} {count} resource instances"))
        .collect();
    counts.join(", ")
}

fn fine(kind: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": "False", "reason": reason, "message": message})
}

fn bad(kind: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": "True", "reason": reason, "message": message})
}
