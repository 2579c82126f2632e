//! Delete and delete-collection.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::admission::{self, Attributes, Operation, Origin};
use crate::endpoints::read;
use crate::endpoints::select::Selection;
use crate::http::answer::Answer;
use crate::http::negotiate::{self, View};
use crate::http::options::{DeleteOptions, ListOptions, Propagation};
use crate::http::request::Request;
use crate::http::status::{Failure, success};
use crate::kinds::kind::Kind;
use crate::kinds::{deletion, strategy};
use crate::object::meta;
use crate::object::view;
use crate::state::Api;
use crate::store::{Key, Stored};

const TRIES: usize = 32;

pub(crate) async fn delete(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let form = read::form(kind, request)?;
    let options = options(request)?;
    let target = &request.target;
    let key = Key::new(&target.namespace, &target.name);
    deletion::admit_delete(kind, &target.name)?;
    if kind.is("batch", "jobs") && options.propagation.is_none() {
        let warning = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to \
                       remove them or set propagationPolicy=Orphan to suppress this warning";
        request.warnings.add(warning.into());
    }
    let deleted = delete_asked(api, kind, &key, &options, request.origin(), &target.name).await?;
    let code = if !deleted.gone && options.orphan_denied {
        202
    } else {
        200
    };
    if deleted.gone && !deletion::returns_deleted(kind) {
        let value = success(&kind.group, &kind.plural, &target.name, meta::uid(&deleted.value));
        return Ok(Answer::Object {
            code,
            value,
            encoding: form.encoding,
        });
    }
    let value = view::object(api, kind, &deleted.value).await?;
    read::show(kind, request, form, code, value)
}

fn options(request: &Request) -> Result<DeleteOptions, Failure> {
    if request.body.is_empty() {
        return DeleteOptions::parse(&request.query, None);
    }
    let parsed = negotiate::body(request.header("content-type"), false, &request.body)?
        .map_err(Failure::bad_request)?;
    if !parsed.value.is_object() {
        return Err(Failure::bad_request("expected DeleteOptions"));
    }
    let kind = parsed
        .value
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or("DeleteOptions");
    if kind != "DeleteOptions" {
        let version = parsed
            .value
            .get("apiVersion")
            .and_then(Value::as_str)
            .unwrap_or("");
        return Err(Failure::bad_request(format!(
            "decoded object cannot be converted to DeleteOptions: {version}, Kind={kind}"
        )));
    }
    DeleteOptions::parse(&request.query, Some(&parsed.value))
}

/// What a delete left behind.
#[derive(Debug)]
pub(crate) struct Deleted {
    /// The object as it last was.
    pub(crate) value: Arc<Value>,
    /// Whether it is gone, or else marked.
    pub(crate) gone: bool,
}

/// Deletes an object or marks it for deletion, if nobody who is asked objects.
///
/// `name` is what webhooks are told: nothing where a whole collection is deleted.
pub(crate) async fn delete_asked(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    key: &Key,
    options: &DeleteOptions,
    origin: Origin<'_>,
    name: &str,
) -> Result<Deleted, Failure> {
    let attributes = Attributes::new(origin, kind, Operation::Delete, &key.namespace, name)
        .options(options.told(), options.dry_run);
    for _ in 0..TRIES {
        let Some(old) = api.store.get(&kind.table, key) else {
            return Err(Failure::not_found(&kind.group, &kind.plural, &key.name));
        };
        check(kind, key, &old, options)?;
        let shown = view::object(api, kind, &old.value).await?;
        admission::mutate(api, &attributes, None, Some(&shown)).await?;
        admission::validate(api, &attributes, None, Some(&shown)).await?;
        if let Some(deleted) = step(api, kind, key, &old, options)? {
            return Ok(deleted);
        }
    }
    Err(Failure::modified(&kind.group, &kind.plural, &key.name))
}

/// Deletes an object or marks it for deletion, without asking anybody.
pub(crate) fn delete_object(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    key: &Key,
    options: &DeleteOptions,
) -> Result<Deleted, Failure> {
    for _ in 0..TRIES {
        let Some(old) = api.store.get(&kind.table, key) else {
            return Err(Failure::not_found(&kind.group, &kind.plural, &key.name));
        };
        check(kind, key, &old, options)?;
        if let Some(deleted) = step(api, kind, key, &old, options)? {
            return Ok(deleted);
        }
    }
    Err(Failure::modified(&kind.group, &kind.plural, &key.name))
}

/// Whether the object is still the one that was meant.
pub(crate) fn check(kind: &Kind, key: &Key, old: &Stored, options: &DeleteOptions) -> Result<(), Failure> {
    if let Some(uid) = &options.uid {
        let found = meta::uid(&old.value);
        if uid != found {
            let why = format!(
                "the UID in the precondition ({uid}) does not match the UID in record ({found}). The object might have been deleted and then recreated"
            );
            return Err(Failure::conflict("", &kind.kind, &key.name, &why));
        }
    }
    if let Some(version) = &options.resource_version
        && *version != old.revision.to_string()
    {
        let why = format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). The object might have been modified",
            old.revision
        );
        return Err(Failure::conflict("", &kind.kind, &key.name, &why));
    }
    Ok(())
}

/// One attempt; nothing if somebody else was faster.
fn step(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    key: &Key,
    old: &Stored,
    options: &DeleteOptions,
) -> Result<Option<Deleted>, Failure> {
    let mut new = Value::clone(&old.value);
    if !mark(api, kind, &mut new, options) {
        if options.dry_run {
            return Ok(Some(Deleted {
                value: Arc::clone(&old.value),
                gone: true,
            }));
        }
        let mut revision = old.revision;
        if deletion::is_graceful(kind) && new != *old.value {
            // Who watches is told that the object ends, and then that it ended.
            let marked = api.store.update(&kind.table, key.clone(), revision, new.clone());
            let Ok(marked) = marked else { return Ok(None) };
            revision = marked.revision;
        }
        let gone = api.store.delete(&kind.table, key.clone(), revision, Some(new));
        return Ok(gone.ok().map(|stored| {
            strategy::after_write(api, kind, None, Some(&old.value));
            Deleted {
                value: stored.value,
                gone: true,
            }
        }));
    }
    if new == *old.value || options.dry_run {
        return Ok(Some(Deleted {
            value: Arc::new(new),
            gone: false,
        }));
    }
    let marked = api.store.update(&kind.table, key.clone(), old.revision, new);
    Ok(marked.ok().map(|stored| {
        strategy::after_write(api, kind, Some(&stored.value), Some(&old.value));
        // The first write after the mark may remove it already.
        Deleted {
            value: stored.value,
            gone: false,
        }
    }))
}

/// Marks an object for deletion; tells whether something holds it still.
fn mark(api: &Api, kind: &Kind, object: &mut Value, options: &DeleteOptions) -> bool {
    if let Some(held) = deletion::mark_specially(api, kind, object)
        && held
    {
        return true;
    }
    let finalizers = finalizers(kind, object, options);
    let grace = deletion::grace(kind, object, options.grace);
    let pending = !finalizers.is_empty();
    meta::set_finalizers(object, finalizers);
    if grace > 0 && !meta::is_deleting(object) {
        bump(object);
        let after = Duration::from_secs(grace.unsigned_abs());
        meta::set(object, "deletionTimestamp", api.identity.timestamp_after(after));
        meta::set(object, "deletionGracePeriodSeconds", grace);
        return true;
    }
    if grace > 0 {
        // Already being deleted: the time may be shortened, not prolonged.
        let before = meta::get(object, "deletionGracePeriodSeconds")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        if grace < before {
            let after = Duration::from_secs(grace.unsigned_abs());
            meta::set(object, "deletionTimestamp", api.identity.timestamp_after(after));
            meta::set(object, "deletionGracePeriodSeconds", grace);
        }
        return before > 0 || pending;
    }
    if pending || deletion::is_graceful(kind) {
        if !meta::is_deleting(object) {
            bump(object);
            meta::set(object, "deletionTimestamp", api.identity.timestamp());
        }
        meta::set(object, "deletionGracePeriodSeconds", 0);
    }
    pending
}

fn bump(object: &mut Value) {
    let generation = meta::generation(object);
    if generation > 0 {
        meta::set(object, "generation", generation + 1);
    }
}

/// The finalizers that an object has once a delete with these options began.
pub(crate) fn finalizers(kind: &Kind, object: &Value, options: &DeleteOptions) -> Vec<String> {
    let current = meta::finalizers(object);
    let (orphan, foreground) = match options.propagation {
        Some(Propagation::Orphan) => (true, false),
        Some(Propagation::Foreground) => (false, true),
        Some(Propagation::Background) => (false, false),
        None => {
            let foreground = current.contains(&"foregroundDeletion");
            let orphan = current.contains(&"orphan") || !foreground && deletion::leaves_orphans(kind);
            (orphan, foreground)
        }
    };
    let mut finalizers: Vec<String> = current
        .iter()
        .filter(|finalizer| !matches!(**finalizer, "orphan" | "foregroundDeletion"))
        .map(|finalizer| (*finalizer).to_owned())
        .collect();
    if orphan {
        finalizers.push("orphan".into());
    }
    if foreground {
        finalizers.push("foregroundDeletion".into());
    }
    finalizers
}

pub(crate) async fn delete_collection(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    request: &Request,
) -> Result<Answer, Failure> {
    let form = read::form(kind, request)?;
    let options = options(request)?;
    let list = ListOptions::parse(&request.query, false)?;
    let selection = Selection::parse(&request.query, kind, "")?;
    let page = read::page(api, kind, request, &list, &selection).await?;
    let metadata = page.metadata(kind, &selection, View::Object);
    let mut items = Vec::with_capacity(page.items.len());
    for (key, stored) in page.items {
        match delete_asked(api, kind, &key, &options, request.origin(), "").await {
            Ok(_) => items.push(view::object(api, kind, &stored.value).await?),
            Err(failure) if failure.code == 404 => {}
            Err(failure) => return Err(failure),
        }
    }
    let value = view::list(kind, items, metadata);
    Ok(Answer::Object {
        code: 200,
        value,
        encoding: form.encoding,
    })
}
