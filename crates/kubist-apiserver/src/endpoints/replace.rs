//! What updates, patches and applies have in common: an object takes the place of another.

use std::sync::Arc;

use serde_json::Value;

use crate::access::escalation;
use crate::admission::{self, Attributes, Operation};
use crate::crd::check_rules;
use crate::endpoints::create::{place, refuse};
use crate::http::fields::FieldError;
use crate::http::options::{WriteOptions, parse_version};
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::kinds::plugins::{self, Charge, Write};
use crate::kinds::{deletion, ownership, strategy};
use crate::object::{meta, metavalidate, view};
use crate::state::Api;
use crate::store::{Key, Miss, Stored};

/// What changes an object, and how.
pub(crate) struct Change<'a> {
    pub(crate) request: &'a Request,
    pub(crate) options: &'a WriteOptions,
    /// Empty for the object itself.
    pub(crate) subresource: &'a str,
    /// Empty to leave `managedFields` as they are.
    pub(crate) manager: String,
    /// Whether webhooks are asked; a subresource with an object of its own asks about that.
    pub(crate) asks: bool,
}

/// Where a real server keeps an object, which its messages show.
fn registry_key(kind: &Kind, object: &Value) -> String {
    let folder = match (kind.group.as_str(), kind.plural.as_str()) {
        (group, plural) if kind.custom().is_some() => format!("{group}/{plural}"),
        ("", "services") => "services/specs".into(),
        ("", "endpoints") => "services/endpoints".into(),
        ("", "replicationcontrollers") => "controllers".into(),
        ("", "nodes") => "minions".into(),
        ("networking.k8s.io", "ingresses") => "ingress".into(),
        (group @ ("apiextensions.k8s.io" | "apiregistration.k8s.io"), plural) => format!("{group}/{plural}"),
        (_, plural) => plural.to_owned(),
    };
    let namespace = match meta::text(object, "namespace") {
        "" => String::new(),
        namespace => format!("{namespace}/"),
    };
    format!("/registry/{folder}/{namespace}{}", meta::name(object))
}

/// How a replacement went.
pub(crate) enum Outcome {
    Done(Arc<Value>),
    /// Somebody else was faster; look again.
    Moved,
}

/// Replaces `old`, which is shown as `before`, by `new`, obeying the rules of the kind.
pub(crate) async fn replace(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    change: &Change<'_>,
    old: &Stored,
    before: Value,
    mut new: Value,
) -> Result<Outcome, Failure> {
    let name = meta::name(&old.value).to_owned();
    let uid = meta::uid(&new);
    if !uid.is_empty() && change.request.target.verb == "update" && uid != meta::uid(&old.value) {
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            registry_key(kind, &old.value),
            meta::uid(&old.value)
        );
        return Err(Failure::conflict(&kind.group, &kind.plural, &name, &why));
    }
    if kind.namespaced {
        place(kind, meta::text(&before, "namespace"), &mut new)?;
    }
    meta::remove(&mut new, "selfLink");
    if change.manager_known() {
        ownership::manage_versions(api, kind, &before, &mut new, &change.manager, change.subresource).await;
    }
    let namespace = meta::text(&before, "namespace").to_owned();
    let attributes = Attributes::new(
        change.request.origin(),
        kind,
        Operation::Update,
        &namespace,
        &name,
    )
    .subresource(change.subresource)
    .options(change.options.told("UpdateOptions"), change.options.dry_run);
    if change.asks {
        if change.subresource == "resize" {
            plugins::complete(api, kind, &mut new);
        }
        admission::mutate(api, &attributes, Some(&mut new), Some(&before)).await?;
    }
    match meta::text(&new, "resourceVersion") {
        "" | "0" if !strategy::allows_unconditional_update(kind) => {
            let error = FieldError::invalid(
                "metadata.resourceVersion",
                &0.into(),
                "must be specified for an update",
            );
            return Err(Failure::invalid(&kind.group, &kind.plural, &name, &[error]));
        }
        "" | "0" => {}
        version if version != old.revision.to_string() => {
            parse_version(version).map_err(Failure::unknown)?;
            return Err(Failure::modified(&kind.group, &kind.plural, &name));
        }
        _ => {}
    }
    meta::set(&mut new, "resourceVersion", old.revision.to_string());

    if meta::is_deleting(&before) {
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
            if let Some(value) = meta::get(&before, field) {
                meta::set(&mut new, field, value.clone());
            }
        }
    }
    if let Some(created) = meta::get(&before, "creationTimestamp") {
        meta::set(&mut new, "creationTimestamp", created.clone());
    }
    if meta::uid(&new).is_empty() {
        meta::set(&mut new, "uid", meta::uid(&before));
    }
    match meta::get(&before, "generation") {
        Some(generation) => meta::set(&mut new, "generation", generation.clone()),
        None => meta::remove(&mut new, "generation"),
    }
    if let Some(warning) = metavalidate::drop_duplicate_owners(meta::metadata(&mut new)) {
        change.request.warnings.add(warning);
    }
    escalation::check(api, kind, &new, Some(&before), &change.request.user)?;
    let _reserved = strategy::allocate(api, kind, &mut new, Some(&before), change.subresource)?;
    strategy::prepare_update(api, kind, &mut new, &before, change.subresource);

    if kind.custom().is_some() {
        for warning in metavalidate::finalizer_warnings(&new, Some(&before)) {
            change.request.warnings.add(warning);
        }
    }
    let common = metavalidate::validate_update(&new, &before);
    let mut errors = common.clone();
    errors.extend(common);
    let found = strategy::validate(kind, &new, Some(&before), change.subresource);
    errors.extend(check_rules(kind, &new, Some(&before), found, &change.request.warnings).await);
    refuse(kind, &new, errors)?;
    let warnings = strategy::warnings(kind, &new, Some(&before));
    change.request.warnings.extend(warnings);

    let write = Write {
        kind,
        new: &new,
        old: Some(&before),
        subresource: change.subresource,
        dry_run: change.options.dry_run,
        warnings: &change.request.warnings,
    };
    let charge = if change.asks {
        plugins::check(api, write)?;
        admission::validate(api, &attributes, Some(&new), Some(&before)).await?;
        plugins::charge(api, write)?
    } else {
        None
    };
    let new = view::stored(api, kind, new).await?;
    if *old.value == new {
        return Ok(Outcome::Done(Arc::clone(&old.value)));
    }
    if change.options.dry_run {
        return Ok(Outcome::Done(Arc::new(new)));
    }
    let key = Key::new(&namespace, &name);
    let finished = deletion::is_finished(kind, &new);
    let written = if finished {
        // The write is answered as if it had been; what is deleted is what was stored.
        api.store
            .delete(&kind.table, key, old.revision, None)
            .map(|_| Arc::new(new))
    } else {
        api.store
            .update(&kind.table, key, old.revision, new)
            .map(|stored| stored.value)
    };
    match written {
        Ok(value) => {
            charge.into_iter().for_each(Charge::keep);
            strategy::after_write(api, kind, (!finished).then_some(&value), Some(&old.value));
            view::settled(api, kind).await;
            Ok(Outcome::Done(value))
        }
        Err(Miss::Changed | Miss::Exists) => Ok(Outcome::Moved),
    }
}

impl Change<'_> {
    fn manager_known(&self) -> bool {
        !self.manager.is_empty()
    }
}
