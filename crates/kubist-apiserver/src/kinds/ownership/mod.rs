//! Who owns which field of an object.

mod conversions;

use kubist_merge::managed::{ApplyError, Context, Manager, Managers, Versions};
use kubist_merge::{FieldSet, Path};
use serde_json::{Value, json};

use crate::kinds::kind::Kind;
use crate::kinds::strategy;
use crate::object::meta;
use crate::state::Api;

/// Who owns what an object had before anybody was noted.
const BEFORE: &str = "before-first-apply";

/// The fields that the server sets back, whatever is written to them.
pub(crate) fn reset_fields(kind: &Kind, subresource: &str) -> FieldSet {
    let of = |paths: &[&[&str]]| FieldSet::of(paths.iter().map(|path| Path::of(path)));
    if kind.is("certificates.k8s.io", "certificatesigningrequests") {
        // Nobody changes what is asked for, and each part of the answer has its own way.
        return match subresource {
            "status" => of(&[&["spec"], &["status", "conditions"]]),
            "approval" => of(&[&["spec"], &["status", "certificate"]]),
            _ => of(&[&["spec"], &["status"]]),
        };
    }
    match subresource {
        "status" if kind.custom().is_some() => of(&[&["spec"], &["metadata"]]),
        "status" => {
            let kept = strategy::status_keeps(kind)
                .iter()
                .map(|field| Path::of(&["metadata", field]));
            FieldSet::of(kept.chain([Path::of(&["spec"])]))
        }
        _ if strategy::has_status(kind) => of(&[&["status"]]),
        _ => FieldSet::default(),
    }
}

/// Who manages which field: as the client says, or else as it was.
fn managers(live: &Value, new: &Value, subresource: &str) -> Managers {
    let of = |object: &Value| Managers::read(meta::get(object, "managedFields"));
    if subresource.is_empty() {
        let given = meta::get(new, "managedFields");
        if given.is_some_and(|given| *given == json!([]) || *given == json!([{}])) {
            // The ways to forget everything.
            return Managers::default();
        }
        if let Some(managers) = of(new).filter(|managers| !managers.is_empty()) {
            return managers;
        }
    }
    of(live).unwrap_or_default()
}

/// The managers of an object that is applied to.
pub(crate) fn applied_to(api: &Api, kind: &Kind, live: &Value, subresource: &str) -> Managers {
    let mut managers = managers(live, &Value::Null, subresource);
    if managers.is_empty() {
        let api_version = kind.api_version();
        let nothing = FieldSet::default();
        let context = Context {
            shape: kind.shape(),
            api_version: &api_version,
            reset: &nothing,
            now: &api.identity.timestamp(),
            versions: None,
        };
        let before = Manager::updater(BEFORE, subresource, &api_version);
        let mut bare = live.clone();
        meta::remove(&mut bare, "managedFields");
        if managers
            .update(context, &strategy::empty(kind), &bare, &before)
            .is_err()
        {
            managers = Managers::default();
        }
    }
    managers
}

/// Applies a configuration to an object without managers; gives what results, and what manages it.
///
/// What others own in other versions is compared in theirs.
pub(crate) async fn apply(
    api: &Api,
    kind: &Kind,
    (live, known): (&Value, &Managers),
    config: &Value,
    manager: &Manager,
    force: bool,
) -> (Result<Value, ApplyError>, Managers) {
    let api_version = kind.api_version();
    let reset = reset_fields(kind, &manager.subresource);
    let now = api.identity.timestamp();
    conversions::with_conversions(api, kind, |versions| {
        let context = Context {
            shape: kind.shape(),
            api_version: &api_version,
            reset: &reset,
            now: &now,
            versions: Some(versions),
        };
        let mut managers = known.clone();
        let result = managers.apply(context, live, config, manager, force);
        (result, managers)
    })
    .await
}

/// Keeps `managedFields` true to what a write changed.
pub(crate) async fn manage_versions(
    api: &Api,
    kind: &Kind,
    live: &Value,
    new: &mut Value,
    manager: &str,
    subresource: &str,
) {
    let changed = &*new;
    let managers = conversions::with_conversions(api, kind, |versions| {
        managed(api, kind, (live, changed), manager, subresource, Some(versions))
    })
    .await;
    write(new, &managers);
}

/// Keeps `managedFields` true to what a write changed, of a kind that has one version or an object
/// that has no managers yet.
pub(crate) fn manage(
    api: &Api,
    kind: &Kind,
    live: &Value,
    new: &mut Value,
    manager: &str,
    subresource: &str,
) {
    let managers = managed(api, kind, (live, new), manager, subresource, None);
    write(new, &managers);
}

/// Who manages what after a write.
fn managed(
    api: &Api,
    kind: &Kind,
    (live, new): (&Value, &Value),
    manager: &str,
    subresource: &str,
    versions: Option<&dyn Versions>,
) -> Managers {
    let mut managers = managers(live, new, subresource);
    // Nobody is noted in an object that forgot them, until somebody applies.
    if managers.is_empty() && !meta::uid(live).is_empty() {
        return managers;
    }
    let api_version = kind.api_version();
    let context = Context {
        shape: kind.shape(),
        api_version: &api_version,
        reset: &reset_fields(kind, subresource),
        now: &api.identity.timestamp(),
        versions,
    };
    let manager = Manager::updater(manager, subresource, &api_version);
    if managers.update(context, live, new, &manager).is_err() {
        // An update does not fail for this; what can't be kept true is left out.
        return Managers::default();
    }
    if subresource == "scale" {
        // A scale is converted to its parent, and that loses the time.
        managers.forget_time(&manager);
    }
    managers
}

pub(crate) fn write(object: &mut Value, managers: &Managers) {
    match managers.write() {
        Some(entries) => meta::set(object, "managedFields", entries),
        None => meta::remove(object, "managedFields"),
    }
}
