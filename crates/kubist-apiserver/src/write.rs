//! Create, update and patch.

use std::sync::Arc;

use kubist_merge::PatchError;
use serde_json::Value;

use crate::answer::Answer;
use crate::api::Api;
use crate::fields::FieldError;
use crate::kind::{Kind, Schema};
use crate::options::{FieldValidation, WriteOptions};
use crate::request::Request;
use crate::status::Failure;
use crate::storage::{Key, Miss, Stored};
use crate::{decode, json, meta, metavalidate, negotiate, read, strategy, view};

/// How often a name is generated before giving up.
const NAMES: usize = 8;
/// How often a write is tried again when the object moved in between.
const TRIES: usize = 32;

pub(crate) async fn create(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let form = Api::form(kind, request)?;
    let options = WriteOptions::parse(&request.query, "CreateOptions")?;
    let (object, warnings) = decode_body(kind, request, &options)?;
    let manager = request.manager();
    let stored = create_object(api, kind, request, &options, object, &manager)?;
    let value = view::object(api, kind, &stored)?;
    read::show(kind, request, form, 201, value, warnings)
}

/// Creates a decoded object. An empty `manager` leaves `managedFields` as they are.
pub(crate) fn create_object(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    request: &Request,
    options: &WriteOptions,
    mut object: Value,
    manager: &str,
) -> Result<Arc<Value>, Failure> {
    place(kind, &request.target.namespace, &mut object)?;
    strategy::default(kind, &mut object);
    if !manager.is_empty() {
        strategy::manage(api, kind, &strategy::empty(kind), &mut object, manager, "");
    }
    strategy::admit_create(api, kind, &mut object)?;
    strategy::prepare_create(api, kind, &mut object);

    let generate = meta::name(&object).is_empty() && !meta::text(&object, "generateName").is_empty();
    let base = meta::text(&object, "generateName").to_owned();
    for _ in 0..NAMES {
        if generate {
            meta::set(&mut object, "name", api.identity.name(&base));
        }
        validate_create(kind, &object)?;
        if !meta::text(&object, "resourceVersion").is_empty() {
            return Err(Failure::unknown(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        let name = meta::name(&object).to_owned();
        let key = Key::new(meta::text(&object, "namespace"), &name);
        let exists = || Failure::already_exists(&kind.group, &kind.plural, &name);
        let mut stored = object.clone();
        strategy::storage_form(kind, &mut stored);
        if options.dry_run {
            return match api.store.get(&kind.table, &key) {
                Some(_) if generate => continue,
                Some(_) => Err(exists()),
                None => Ok(Arc::new(stored)),
            };
        }
        match api.store.create(&kind.table, key, stored) {
            Ok(stored) => {
                strategy::after_write(api, kind, Some(&stored.value), None);
                return Ok(stored.value);
            }
            Err(_) if generate => {}
            Err(_) => return Err(exists()),
        }
    }
    Err(Failure::already_exists(&kind.group, &kind.plural, &base))
}

fn validate_create(kind: &Kind, object: &Value) -> Result<(), Failure> {
    let mut errors = strategy::validate(kind, object, None, "");
    let metadata = metavalidate::validate(object, kind.namespaced, strategy::name_rule(kind));
    metadata.into_iter().for_each(|error| {
        if !errors.contains(&error) {
            errors.push(error);
        }
    });
    refuse(kind, object, errors)
}

fn refuse(kind: &Kind, object: &Value, errors: Vec<FieldError>) -> Result<(), Failure> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Failure::invalid(
            &kind.group,
            &kind.kind,
            meta::name(object),
            &errors,
        ))
    }
}

/// Puts an object into the namespace of the path.
pub(crate) fn place(kind: &Kind, namespace: &str, object: &mut Value) -> Result<(), Failure> {
    if !kind.namespaced {
        return Ok(());
    }
    if namespace.is_empty() {
        return Err(Failure::bad_request(
            "an empty namespace may not be set during creation",
        ));
    }
    let given = meta::text(object, "namespace");
    if given.is_empty() {
        meta::set(object, "namespace", namespace);
    } else if given != namespace {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

pub(crate) async fn update(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    request: &Request,
    subresource: &str,
) -> Result<Answer, Failure> {
    let form = Api::form(kind, request)?;
    let options = WriteOptions::parse(&request.query, "UpdateOptions")?;
    let (mut object, warnings) = decode_body(kind, request, &options)?;
    let target = &request.target;
    check_name(&object, &target.name)?;
    if kind.namespaced {
        place(kind, &target.namespace, &mut object)?;
    }
    strategy::default(kind, &mut object);
    for _ in 0..TRIES {
        let Some(old) = api
            .store
            .get(&kind.table, &Key::new(&target.namespace, &target.name))
        else {
            return Err(Failure::not_found(&kind.group, &kind.plural, &target.name));
        };
        let change = Change {
            request,
            options: &options,
            subresource,
            manager: request.manager(),
        };
        match replace(api, kind, &change, &old, object.clone())? {
            Outcome::Done(value) => {
                let value = view::object(api, kind, &value)?;
                return read::show(kind, request, form, 200, value, warnings);
            }
            Outcome::Moved => {}
        }
    }
    Err(Failure::modified(&kind.group, &kind.plural, &target.name))
}

pub(crate) fn check_name(object: &Value, name: &str) -> Result<(), Failure> {
    let given = meta::name(object);
    if given == name {
        return Ok(());
    }
    Err(Failure::bad_request(if given.is_empty() {
        "name must be provided".into()
    } else {
        format!("the name of the object ({given}) does not match the name on the URL ({name})")
    }))
}

/// What changes an object, and how.
pub(crate) struct Change<'a> {
    pub(crate) request: &'a Request,
    pub(crate) options: &'a WriteOptions,
    /// Empty for the object itself.
    pub(crate) subresource: &'a str,
    /// Empty to leave `managedFields` as they are.
    pub(crate) manager: String,
}

/// How a replacement went.
pub(crate) enum Outcome {
    Done(Arc<Value>),
    /// Somebody else was faster; look again.
    Moved,
}

/// Replaces `old` by `new`, obeying the rules of the kind.
pub(crate) fn replace(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    change: &Change<'_>,
    old: &Stored,
    mut new: Value,
) -> Result<Outcome, Failure> {
    let name = meta::name(&old.value).to_owned();
    let uid = meta::uid(&new);
    if !uid.is_empty() && change.request.target.verb == "update" && uid != meta::uid(&old.value) {
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            kind.plural,
            meta::name(&old.value),
            meta::uid(&old.value)
        );
        return Err(Failure::conflict(&kind.group, &kind.plural, &name, &why));
    }
    let before = view::object(api, kind, &old.value)?;
    if change.manager_known() {
        strategy::manage(api, kind, &before, &mut new, &change.manager, change.subresource);
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
    metavalidate::drop_duplicate_owners(meta::metadata(&mut new));
    strategy::prepare_update(api, kind, &mut new, &before, change.subresource);

    let common = metavalidate::validate_update(&new, &before);
    let mut errors = common.clone();
    errors.extend(common);
    errors.extend(strategy::validate(kind, &new, Some(&before), change.subresource));
    refuse(kind, &new, errors)?;

    strategy::storage_form(kind, &mut new);
    if *old.value == new {
        return Ok(Outcome::Done(Arc::clone(&old.value)));
    }
    if change.options.dry_run {
        return Ok(Outcome::Done(Arc::new(new)));
    }
    let key = Key::new(meta::text(&before, "namespace"), &name);
    let finished = strategy::is_finished(kind, &new);
    let written = if finished {
        // What is answered keeps its version; watchers see the deletion at a new one.
        let answer = new.clone();
        api.store
            .delete(&kind.table, key, old.revision, Some(new))
            .map(|_| Arc::new(answer))
    } else {
        api.store
            .update(&kind.table, key, old.revision, new)
            .map(|stored| stored.value)
    };
    match written {
        Ok(value) => {
            strategy::after_write(api, kind, (!finished).then_some(&value), Some(&old.value));
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

pub(crate) async fn patch(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    request: &Request,
    subresource: &str,
) -> Result<Answer, Failure> {
    let format = Format::of(kind, request.header("content-type"))?;
    let form = Api::form(kind, request)?;
    let options = WriteOptions::parse(&request.query, "PatchOptions")?;
    if format == Format::Apply {
        return crate::apply::apply(api, kind, request, &options, form, subresource).await;
    }
    let target = &request.target;
    let key = Key::new(&target.namespace, &target.name);
    for _ in 0..TRIES {
        let Some(old) = api.store.get(&kind.table, &key) else {
            return Err(Failure::not_found(&kind.group, &kind.plural, &target.name));
        };
        let before = view::object(api, kind, &old.value)?;
        let patch = json::parse(&request.body)
            .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
        let patched = format.apply(kind, &before, &patch.value)?;
        let (mut new, mut warnings) = decode_patched(kind, &options, &before, patched)?;
        check_name(&new, &target.name)?;
        duplicates(&options, &patch.duplicates, &mut warnings).map_err(Failure::bad_request)?;
        strategy::default(kind, &mut new);
        let change = Change {
            request,
            options: &options,
            subresource,
            manager: request.manager(),
        };
        match replace(api, kind, &change, &old, new)? {
            Outcome::Done(value) => {
                let value = view::object(api, kind, &value)?;
                return read::show(kind, request, form, 200, value, warnings);
            }
            Outcome::Moved => {}
        }
    }
    Err(Failure::modified(&kind.group, &kind.plural, &target.name))
}

/// The formats of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl Format {
    pub(crate) fn of(kind: &Kind, content_type: &str) -> Result<Format, Failure> {
        let media_type = content_type.split(';').next().unwrap_or("").trim();
        match media_type {
            "application/json-patch+json" => Ok(Format::Json),
            "application/merge-patch+json" => Ok(Format::Merge),
            "application/strategic-merge-patch+json" if kind.custom().is_none() => Ok(Format::Strategic),
            "application/apply-patch+yaml" | "application/apply-patch+json" => Ok(Format::Apply),
            "application/strategic-merge-patch+json" => Err(Failure::unsupported_media_type(&[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/apply-patch+yaml",
            ])),
            _ => Err(Failure {
                details: Some(serde_json::json!({})),
                ..Failure::new(415, "UnsupportedMediaType", "415: Unsupported Media Type")
            }),
        }
    }

    pub(crate) fn apply(self, kind: &Kind, before: &Value, patch: &Value) -> Result<Value, Failure> {
        let mut object = before.clone();
        match self {
            Format::Json => kubist_merge::json_patch(&mut object, patch).map_err(|error| match error {
                PatchError::NotAPatch(error) if !patch.is_array() => {
                    Failure::bad_request(format!("error decoding patch: {error}"))
                }
                _ => Failure::unprocessable(),
            })?,
            Format::Merge => {
                if !patch.is_object() {
                    return Err(Failure::bad_request("Invalid JSON Patch"));
                }
                kubist_merge::json_merge(&mut object, patch);
            }
            Format::Strategic => {
                let Schema::Builtin(message) = &kind.schema else {
                    return Err(Failure::unprocessable());
                };
                kubist_merge::strategic_merge(&mut object, patch, message).map_err(|error| match error {
                    PatchError::WrongType { .. } => Failure::bad_request(error.to_string()),
                    _ => Failure::unknown(error.to_string()),
                })?;
            }
            Format::Apply => {}
        }
        Ok(object)
    }
}

/// Reads the body of a create or an update.
pub(crate) fn decode_body(
    kind: &Kind,
    request: &Request,
    options: &WriteOptions,
) -> Result<(Value, Vec<String>), Failure> {
    let custom = kind.custom().is_some();
    let parsed = match negotiate::body(request.header("content-type"), custom, &request.body)? {
        Ok(parsed) => parsed,
        Err(error) => return Err(Failure::bad_request(unreadable(kind, request, &error))),
    };
    let mut warnings = Vec::new();
    let (object, mut problems) = decode_object(kind, parsed.value, custom)?;
    let mut all: Vec<String> = parsed
        .duplicates
        .iter()
        .map(|path| format!("duplicate field {path:?}"))
        .collect();
    all.append(&mut problems);
    if !all.is_empty() {
        match options.validation {
            FieldValidation::Strict => {
                let message = all.join(", ");
                return Err(Failure::bad_request(format!(
                    "{} in version {:?} cannot be handled as a {}: strict decoding error: {message}",
                    kind.kind, kind.version, kind.kind
                )));
            }
            FieldValidation::Warn => warnings.append(&mut all),
            FieldValidation::Ignore => {}
        }
    }
    Ok((object, warnings))
}

fn unreadable(kind: &Kind, request: &Request, error: &str) -> String {
    let text = String::from_utf8_lossy(&request.body);
    let shown: String = if text.len() > 1024 {
        text.chars().take(1024).collect()
    } else {
        text.into_owned()
    };
    format!(
        "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {error} ({shown})",
        kind.kind
    )
}

/// Decodes an object of `kind`; gives it with what is strictly wrong with it.
fn decode_object(kind: &Kind, mut value: Value, custom: bool) -> Result<(Value, Vec<String>), Failure> {
    let cannot = |why: String| {
        Failure::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: {why}",
            kind.kind, kind.version, kind.kind
        ))
    };
    if !value.is_object() {
        return Err(cannot(format!(
            "json: cannot unmarshal {} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            match value {
                Value::Array(_) => "array",
                Value::String(_) => "string",
                Value::Number(_) => "number",
                Value::Bool(_) => "bool",
                _ => "null",
            }
        )));
    }
    check_type(kind, &value, custom)?;
    if let Value::Object(map) = &mut value {
        map.insert("apiVersion".into(), kind.api_version().into());
        map.insert("kind".into(), kind.kind.as_str().into());
    }
    let (object, unknown) = match &kind.schema {
        Schema::Builtin(message) => decode::decode(message, value).map_err(cannot)?,
        Schema::Custom(schema) => crate::crd::structure::decode(&schema.schema, value).map_err(cannot)?,
    };
    Ok((
        object,
        unknown
            .into_iter()
            .map(|path| format!("unknown field {path:?}"))
            .collect(),
    ))
}

/// Refuses an object that says that it is something else.
fn check_type(kind: &Kind, value: &Value, custom: bool) -> Result<(), Failure> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("");
    let (given_version, given_kind) = (text("apiVersion"), text("kind"));
    if custom {
        for (key, given) in [("kind", given_kind), ("apiVersion", given_version)] {
            if given.is_empty() && key == "kind" {
                return Err(Failure::bad_request(
                    "Object 'Kind' is missing in the request body",
                ));
            }
        }
    }
    if given_version.is_empty() && given_kind.is_empty() {
        return Ok(());
    }
    let given_version = if given_version.is_empty() {
        kind.api_version()
    } else {
        given_version.to_owned()
    };
    let given_kind = if given_kind.is_empty() {
        kind.kind.as_str()
    } else {
        given_kind
    };
    if given_version == kind.api_version() && given_kind == kind.kind {
        return Ok(());
    }
    let (group, version) = meta::group_version(&given_version);
    if custom {
        return Err(Failure::bad_request(format!(
            "the API version in the data ({given_version}) does not match the expected API version ({})",
            kind.api_version()
        )));
    }
    let why = if kubist_schema::kind(group, version, given_kind).is_some() {
        let go_package = |group: &str| {
            if group.is_empty() {
                "core".to_owned()
            } else {
                group.split('.').next().unwrap_or("").to_owned()
            }
        };
        format!(
            "converting ({version}.{given_kind}) to ({}.{}): unknown conversion",
            go_package(&kind.group),
            kind.kind
        )
    } else {
        format!(
            "no kind {given_kind:?} is registered for version {given_version:?} in scheme \
             \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\""
        )
    };
    Err(Failure::bad_request(format!(
        "{given_kind} in version {version:?} cannot be handled as a {}: {why}",
        kind.kind
    )))
}

/// Decodes what a patch made of an object.
pub(crate) fn decode_patched(
    kind: &Kind,
    options: &WriteOptions,
    before: &Value,
    patched: Value,
) -> Result<(Value, Vec<String>), Failure> {
    let text = patched.clone();
    let not_valid = |why: &str| {
        let shown = crate::gojson::patched(kind, before, &text);
        let error = FieldError::invalid_text("patch", &shown, why);
        Failure::invalid("", "", "", &[error])
    };
    let decoded = match &kind.schema {
        Schema::Builtin(message) => decode::decode(message, patched),
        Schema::Custom(custom) => crate::crd::structure::decode(&custom.schema, patched),
    };
    let (object, unknown) = decoded.map_err(|why| not_valid(&why))?;
    let mut warnings: Vec<String> = unknown
        .into_iter()
        .map(|path| format!("unknown field {path:?}"))
        .collect();
    if !warnings.is_empty() {
        match options.validation {
            FieldValidation::Strict => {
                return Err(not_valid(&format!(
                    "strict decoding error: {}",
                    warnings.join(", ")
                )));
            }
            FieldValidation::Warn => {}
            FieldValidation::Ignore => warnings.clear(),
        }
    }
    Ok((object, warnings))
}

/// What becomes of keys that came twice.
fn duplicates(options: &WriteOptions, paths: &[String], warnings: &mut Vec<String>) -> Result<(), String> {
    let found: Vec<String> = paths
        .iter()
        .map(|path| format!("duplicate field {path:?}"))
        .collect();
    match options.validation {
        FieldValidation::Strict if !found.is_empty() => Err(format!(
            "error decoding patch: strict decoding error: {}",
            found.join(", ")
        )),
        FieldValidation::Warn => {
            warnings.extend(found);
            Ok(())
        }
        _ => Ok(()),
    }
}
