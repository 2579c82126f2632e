//! Server-side apply.

use std::sync::Arc;

use kubist_merge::managed::{ApplyError, Conflict, Manager};
use serde_json::{Map, Value};

use crate::endpoints::create::create_object;
use crate::endpoints::last_applied::{self, KUBECTL};
use crate::endpoints::read;
use crate::endpoints::replace::{Change, Outcome, replace};
use crate::endpoints::update::check_name;
use crate::http::answer::Answer;
use crate::http::fields::FieldError;
use crate::http::json::{self, Parsed};
use crate::http::negotiate::Form;
use crate::http::options::{FieldValidation, WriteOptions};
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::kinds::{ownership, strategy};
use crate::object::body::decode_applied;
use crate::object::meta;
use crate::object::view;
use crate::state::Api;
use crate::store::{Key, Stored};

const TRIES: usize = 32;

pub(crate) async fn apply(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    request: &Request,
    options: &WriteOptions,
    form: Form,
    subresource: &str,
) -> Result<Answer, Failure> {
    let manager = applier(request, subresource)?;
    let config = read_config(kind, request)?;
    let target = &request.target;
    let key = Key::new(&target.namespace, &target.name);
    for _ in 0..TRIES {
        let Some(old) = api.store.get(&kind.table, &key) else {
            if !subresource.is_empty() {
                return Err(Failure::not_found(&kind.group, &kind.plural, &target.name));
            }
            match create(api, kind, request, options, &config, &manager).await {
                Err(failure) if failure.reason == "AlreadyExists" => continue,
                Err(failure) => return Err(failure),
                Ok(value) => {
                    let value = view::object(api, kind, &value).await?;
                    return read::show(kind, request, form, 201, value);
                }
            }
        };
        let outcome = update(api, kind, request, options, &config, &manager, &old).await?;
        if let Outcome::Done(value) = outcome {
            let value = view::object(api, kind, &value).await?;
            return read::show(kind, request, form, 200, value);
        }
    }
    Err(Failure::modified(&kind.group, &kind.plural, &target.name))
}

/// Who applies.
pub(crate) fn applier(request: &Request, subresource: &str) -> Result<Manager, Failure> {
    let Some(manager) = request.query.text("fieldManager") else {
        let error = FieldError::required("fieldManager", "is required for apply patch");
        return Err(Failure::invalid("meta.k8s.io", "PatchOptions", "", &[error]));
    };
    Ok(Manager::applier(manager, subresource))
}

/// Reads the configuration and checks that it can be one.
fn read_config(kind: &Kind, request: &Request) -> Result<Parsed, Failure> {
    let undecodable = |why: String| Failure::bad_request(format!("error decoding YAML: {why}"));
    let mut parsed = json::parse_yaml(&request.body)
        .map_err(|error| undecodable(format!("error converting YAML to JSON: {error}")))?;
    let config = &mut parsed.value;
    if config.is_null() {
        *config = Value::Object(Map::new());
    }
    if !config.is_object() {
        let found = json::noun(config);
        return Err(undecodable(format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type \
             map[string]interface {{}}"
        )));
    }
    let text = |key: &str| config.get(key).and_then(Value::as_str).unwrap_or("");
    let (api_version, given) = (text("apiVersion"), text("kind"));
    if api_version != kind.api_version() || given != kind.kind {
        let (group, version) = meta::group_version(api_version);
        return Err(Failure::bad_request(format!(
            "invalid object type: {group}/{version}, Kind={given}"
        )));
    }
    if meta::get(config, "managedFields").is_some() {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    let target = &request.target;
    if !meta::name(config).is_empty() {
        check_name(config, &target.name)?;
    }
    let namespace = meta::text(config, "namespace").to_owned();
    if kind.namespaced && !namespace.is_empty() && namespace != target.namespace {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if let Some(metadata) = config.get("metadata")
        && !metadata.is_object()
        && !metadata.is_null()
    {
        return Err(Failure::bad_request("metadata must be an object"));
    }
    meta::remove(config, "creationTimestamp");
    Ok(parsed)
}

/// Tells of keys that the configuration has twice, once it is clear that it can be applied.
fn refuse_repetition(config: &Parsed, request: &Request, options: &WriteOptions) -> Result<(), Failure> {
    match (options.validation, config.repetition()) {
        (FieldValidation::Strict, Some(why)) => Err(Failure::bad_request(format!(
            "error strict decoding YAML: error converting YAML to JSON: {why}"
        ))),
        (FieldValidation::Warn, _) => {
            request.warnings.extend(config.repeated.iter().cloned());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Applies to nothing: what results is created.
async fn create(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    request: &Request,
    options: &WriteOptions,
    config: &Parsed,
    manager: &Manager,
) -> Result<Arc<Value>, Failure> {
    let mut live = strategy::empty(kind);
    meta::set(&mut live, "name", request.target.name.as_str());
    let mut object = merged(api, kind, request, options, (&live, &config.value), manager).await?;
    refuse_repetition(config, request, options)?;
    meta::remove(&mut object, "resourceVersion");
    if !meta::uid(&object).is_empty() {
        let uid = meta::uid(&object);
        let why = format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        );
        return Err(Failure::conflict(
            &kind.group,
            &kind.plural,
            &request.target.name,
            &why,
        ));
    }
    create_object(api, kind, request, options, object, "").await
}

async fn update(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    request: &Request,
    options: &WriteOptions,
    config: &Parsed,
    manager: &Manager,
    old: &Stored,
) -> Result<Outcome, Failure> {
    let live = view::object(api, kind, &old.value).await?;
    let new = merged(api, kind, request, options, (&live, &config.value), manager).await?;
    refuse_repetition(config, request, options)?;
    let change = Change {
        request,
        options,
        subresource: &manager.subresource,
        manager: String::new(),
        asks: true,
    };
    replace(api, kind, &change, old, live, new).await
}

/// The live object with the configuration applied, its managers up to date.
pub(crate) async fn merged(
    api: &Api,
    kind: &Kind,
    request: &Request,
    options: &WriteOptions,
    (live, config): (&Value, &Value),
    manager: &Manager,
) -> Result<Value, Failure> {
    let known = ownership::applied_to(api, kind, live, &manager.subresource);
    let mut bare = live.clone();
    meta::remove(&mut bare, "managedFields");
    let before = (&bare, &known);
    let (mut result, mut managers) =
        ownership::apply(api, kind, before, config, manager, options.force).await;
    if let (Err(ApplyError::Conflicts(conflicts)), KUBECTL) = (&mut result, manager.name.as_str()) {
        let allowed = last_applied::allowed(kind, &bare, conflicts).paths();
        conflicts.retain(|conflict| !allowed.contains(&conflict.path));
        if conflicts.is_empty() {
            (result, managers) = ownership::apply(api, kind, before, config, manager, true).await;
        }
    }
    let mut result = result.map_err(|error| match error {
        ApplyError::Type(error) => Failure::unknown(format!(
            "failed to create typed patch object ({}/{}; {}): {error}",
            meta::text(config, "namespace"),
            meta::name(config),
            type_name(kind),
        )),
        ApplyError::Conflicts(conflicts) => refusal(&conflicts),
        ApplyError::Conversion(error) => Failure::unknown(error.why),
        error => Failure::internal(error),
    })?;
    // What identifies an object does not go with the last field of somebody's metadata.
    for field in ["name", "namespace", "uid", "resourceVersion"] {
        if let (None, Some(value)) = (meta::get(&result, field), meta::get(&bare, field)) {
            meta::set(&mut result, field, value.clone());
        }
    }
    if manager.name == KUBECTL {
        last_applied::note(&mut result, config);
    }
    let mut object = decode_applied(kind, options, live, result, &request.warnings)?;
    strategy::default(kind, &mut object);
    ownership::write(&mut object, &managers);
    Ok(object)
}

fn type_name(kind: &Kind) -> String {
    format!("{}/{}, Kind={}", kind.group, kind.version, kind.kind)
}

fn refusal(conflicts: &[Conflict]) -> Failure {
    let message = match conflicts {
        [one] => format!(
            "Apply failed with 1 conflict: conflict with {}: {}",
            named(one),
            one.path
        ),
        many => {
            let mut lines: Vec<String> = Vec::new();
            let mut managers: Vec<String> = many.iter().map(named).collect();
            managers.sort();
            managers.dedup();
            for manager in managers {
                lines.push(format!("conflicts with {manager}:"));
                let fields = many.iter().filter(|conflict| named(conflict) == manager);
                lines.extend(fields.map(|conflict| format!("- {}", conflict.path)));
            }
            format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
        }
    };
    conflicts
        .iter()
        .fold(Failure::new(409, "Conflict", message), |failure, conflict| {
            failure.cause(
                "FieldManagerConflict",
                &format!("conflict with {}", named(conflict)),
                &conflict.path.to_string(),
            )
        })
}

/// A manager as messages name it.
fn named(conflict: &Conflict) -> String {
    let manager = &conflict.manager;
    let mut text = format!("{:?}", manager.name);
    if !manager.subresource.is_empty() {
        text.push_str(&format!(" with subresource {:?}", manager.subresource));
    }
    if !manager.applies {
        text.push_str(&format!(" using {}", conflict.api_version));
    }
    text
}
