//! Parts of objects with paths of their own.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::admission::{self, Attributes, Operation, Origin};
use crate::endpoints::patch::{self, Format};
use crate::endpoints::read;
use crate::endpoints::replace::{self, Change, Outcome};
use crate::endpoints::update;
use crate::http::answer::Answer;
use crate::http::fields::FieldError;
use crate::http::json;
use crate::http::negotiate;
use crate::http::options::{DeleteOptions, WriteOptions};
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::kinds::pod;
use crate::kinds::strategy;
use crate::object::body::decode_body;
use crate::object::meta;
use crate::object::table;
use crate::object::view;
use crate::state::Api;
use crate::store::{Key, Stored};

const TRIES: usize = 32;

pub(crate) async fn answer(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let target = &request.target;
    let name = target.subresource.as_str();
    let Some(sub) = kind.subresource(name) else {
        return Err(if kind.custom().is_some() {
            Failure::not_found(&kind.group, &kind.plural, &target.name)
        } else {
            Failure::no_resource()
        });
    };
    let proxied = matches!(name, "exec" | "attach" | "portforward" | "proxy");
    if !sub.verbs.iter().any(|verb| verb == target.verb) && !proxied {
        return Err(Failure::method_not_allowed());
    }
    match (name, target.verb) {
        ("scale", _) => scale(api, kind, request).await,
        ("status" | "ephemeralcontainers" | "resize" | "approval" | "finalize", "get") => {
            read::get(api, kind, request).await
        }
        ("finalize", _) => finalize(api, kind, request).await,
        (_, "update") => update::update(api, kind, request, name).await,
        (_, "patch") => patch::patch(api, kind, request, name).await,
        ("binding", _) => bind(api, kind, request).await,
        ("token", "create") => token(api, kind, request).await,
        ("eviction", _) => evict(api, kind, request).await,
        _ => {
            // Nothing runs here; but what is not there is not there.
            read::find(api, kind, request)?;
            if proxied {
                ask_connect(api, kind, request).await?;
            }
            Err(Failure::not_implemented(&format!("{}/{name}", kind.plural)))
        }
    }
}

/// Reads a body of another kind than the resource's.
fn body(request: &Request, expected: &str) -> Result<Value, Failure> {
    let parsed = negotiate::body(request.header("content-type"), false, &request.body)?.map_err(|error| {
        Failure::bad_request(format!("couldn't get version/kind; json parse error: {error}"))
    })?;
    let kind = parsed
        .value
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or(expected);
    if kind != expected || !parsed.value.is_object() {
        return Err(Failure::bad_request(format!("expected {expected}, not {kind}")));
    }
    Ok(parsed.value)
}

/// Asks webhooks about an object that is created at a subresource.
async fn ask_create(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    request: &Request,
    subresource: &str,
    options: &WriteOptions,
    object: &mut Value,
) -> Result<(), Failure> {
    let target = &request.target;
    let attributes = Attributes::new(
        request.origin(),
        kind,
        Operation::Create,
        &target.namespace,
        &target.name,
    )
    .subresource(subresource)
    .options(options.told("CreateOptions"), options.dry_run);
    admission::mutate(api, &attributes, Some(object), None).await?;
    admission::validate(api, &attributes, Some(object), None).await
}

/// Asks webhooks about a connection to an object.
async fn ask_connect(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<(), Failure> {
    let target = &request.target;
    let Some(sub) = kind.subresource(&target.subresource) else {
        return Ok(());
    };
    let mut options = json!({"kind": sub.kind, "apiVersion": meta::api_version(&sub.group, &sub.version)});
    for (key, value) in request.query.pairs() {
        options[key] = match value {
            "true" | "1" => true.into(),
            "false" | "0" => false.into(),
            value => value.into(),
        };
    }
    let attributes = Attributes::new(
        request.origin(),
        kind,
        Operation::Connect,
        &target.namespace,
        &target.name,
    )
    .subresource(&target.subresource);
    admission::mutate(api, &attributes, Some(&mut options), None).await?;
    admission::validate(api, &attributes, Some(&options), None).await
}

fn done(code: u16) -> Answer {
    let value =
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code});
    Answer::Object {
        code,
        value,
        encoding: negotiate::Encoding::Json,
        warnings: Vec::new(),
    }
}

async fn bind(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let options = WriteOptions::parse(&request.query, "CreateOptions")?;
    let mut binding = body(request, "Binding")?;
    ask_create(api, kind, request, "binding", &options, &mut binding).await?;
    let node = meta::at(&binding, "target.name")
        .and_then(Value::as_str)
        .unwrap_or("");
    let what = meta::at(&binding, "target.kind")
        .and_then(Value::as_str)
        .unwrap_or("");
    let mut errors = Vec::new();
    if !matches!(what, "" | "Node") {
        errors.push(FieldError::not_supported(
            "target.kind",
            &what.into(),
            &["Node", "<empty>"],
        ));
    }
    if node.is_empty() {
        errors.push(FieldError::required("target.name", ""));
    }
    if !errors.is_empty() {
        return Err(Failure::invalid("", "Binding", &request.target.name, &errors));
    }
    change(api, kind, request, &options, |pod| {
        let conflict = |why: &str| Failure::conflict("", "pods/binding", &request.target.name, why);
        if meta::is_deleting(pod) {
            let why = format!(
                "pod {} is being deleted, cannot be assigned to a host",
                request.target.name
            );
            return Err(conflict(&why));
        }
        let before = meta::at(pod, "spec.nodeName")
            .and_then(Value::as_str)
            .unwrap_or("");
        if !before.is_empty() {
            let why = format!(
                "pod {} is already assigned to node {before:?}",
                request.target.name
            );
            return Err(conflict(&why));
        }
        meta::child(pod, "spec").insert("nodeName".into(), node.into());
        for (from, to) in [("annotations", "annotations"), ("labels", "labels")] {
            if let Some(Value::Object(extra)) = meta::get(&binding, from).cloned() {
                let map = meta::object(meta::metadata(pod).entry(to).or_insert(Value::Null));
                map.extend(extra);
            }
        }
        pod::set_condition(pod, "PodScheduled", &api.identity.timestamp());
        Ok(())
    })?;
    Ok(done(201))
}

/// Changes an object until the change holds, without asking the rules of updates.
fn change(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    request: &Request,
    options: &WriteOptions,
    change: impl Fn(&mut Value) -> Result<(), Failure>,
) -> Result<Arc<Value>, Failure> {
    for _ in 0..TRIES {
        let old = read::find(api, kind, request)?;
        let mut new = Value::clone(&old.value);
        change(&mut new)?;
        if options.dry_run || new == *old.value {
            return Ok(Arc::new(new));
        }
        let key = Key::new(&request.target.namespace, &request.target.name);
        if let Ok(stored) = api.store.update(&kind.table, key, old.revision, new) {
            strategy::after_write(api, kind, Some(&stored.value), Some(&old.value));
            return Ok(stored.value);
        }
    }
    Err(Failure::modified(&kind.group, &kind.plural, &request.target.name))
}

async fn evict(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let mut eviction = body(request, "Eviction")?;
    let create = WriteOptions::parse(&request.query, "CreateOptions")?;
    ask_create(api, kind, request, "eviction", &create, &mut eviction).await?;
    let options = DeleteOptions::parse(&request.query, eviction.get("deleteOptions"))?;
    let stored = read::find(api, kind, request)?;
    disruption_allowed(api, &stored)?;
    let key = Key::new(&request.target.namespace, &request.target.name);
    crate::endpoints::delete::delete_object(api, kind, &key, &options)?;
    Ok(done(201))
}

/// Makes a token for a service account.
async fn token(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let form = read::form(kind, request)?;
    let options = WriteOptions::parse(&request.query, "CreateOptions")?;
    let mut asked = body(request, "TokenRequest")?;
    let account = read::find(api, kind, request)?;
    ask_create(api, kind, request, "token", &options, &mut asked).await?;
    let value = crate::access::tokens::issue(api, &account, asked)?;
    Ok(Answer::Object {
        code: 201,
        value,
        encoding: form.encoding,
        warnings: Vec::new(),
    })
}

/// Asks the disruption budgets that select the pod.
fn disruption_allowed(api: &Api, pod: &Stored) -> Result<(), Failure> {
    let phase = meta::at(&pod.value, "status.phase")
        .and_then(Value::as_str)
        .unwrap_or("");
    if matches!(phase, "Succeeded" | "Failed" | "Pending") || meta::is_deleting(&pod.value) {
        return Ok(());
    }
    let (budgets, _) = api.store.list(
        &crate::kinds::kind::table("policy", "poddisruptionbudgets"),
        Some(meta::text(&pod.value, "namespace")),
        None,
    );
    for (_, budget) in budgets {
        let Some(selector) = meta::at(&budget.value, "spec.selector") else {
            continue;
        };
        if !crate::kinds::rules::selector_matches(selector, meta::get(&pod.value, "labels")) {
            continue;
        }
        let allowed = meta::at(&budget.value, "status.disruptionsAllowed")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        if allowed <= 0 {
            let name = meta::name(&budget.value);
            let healthy = meta::at(&budget.value, "status.currentHealthy")
                .and_then(Value::as_i64)
                .unwrap_or(0);
            let wanted = meta::at(&budget.value, "status.desiredHealthy")
                .and_then(Value::as_i64)
                .unwrap_or(0);
            return Err(Failure::new(
                429,
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
            )
            .cause(
                "DisruptionBudget",
                &format!(
                    "The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently"
                ),
                "",
            ));
        }
    }
    Ok(())
}

/// Lets go of a namespace.
async fn finalize(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let form = read::form(kind, request)?;
    let options = WriteOptions::parse(&request.query, "UpdateOptions")?;
    let (new, _) = decode_body(kind, request, &options)?;
    let origin = request.origin();
    let value = finish_namespace(api, kind, &request.target.name, new, &options, origin).await?;
    read::show(kind, request, form, 200, value, Vec::new())
}

/// Sets a namespace's own finalizers; with the last one it goes.
pub(crate) async fn finish_namespace(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    name: &str,
    wanted: Value,
    options: &WriteOptions,
    origin: Origin<'_>,
) -> Result<Value, Failure> {
    let key = Key::new("", name);
    let attributes = Attributes::new(origin, kind, Operation::Update, "", name)
        .subresource("finalize")
        .options(options.told("UpdateOptions"), options.dry_run);
    for _ in 0..TRIES {
        let Some(old) = api.store.get(&kind.table, &key) else {
            return Err(Failure::not_found("", "namespaces", name));
        };
        let shown = view::object(api, kind, &old.value).await?;
        let mut new = wanted.clone();
        admission::mutate(api, &attributes, Some(&mut new), Some(&shown)).await?;
        admission::validate(api, &attributes, Some(&new), Some(&shown)).await?;
        let version = meta::text(&new, "resourceVersion");
        if !version.is_empty() && version != old.revision.to_string() {
            return Err(Failure::modified("", "namespaces", name));
        }
        let mut value = Value::clone(&old.value);
        let finalizers = meta::at(&new, "spec.finalizers")
            .cloned()
            .filter(|list| list != &json!([]));
        let spec = meta::child(&mut value, "spec");
        match finalizers {
            Some(list) => spec.insert("finalizers".into(), list),
            None => spec.remove("finalizers"),
        };
        if options.dry_run {
            return Ok(value);
        }
        let gone = meta::is_deleting(&value)
            && meta::strings(meta::at(&value, "spec.finalizers")).is_empty()
            && meta::finalizers(&value).is_empty();
        let written = if gone {
            let shown = value.clone();
            api.store
                .delete(&kind.table, key.clone(), old.revision, Some(value))
                .map(|_| shown)
        } else {
            api.store
                .update(&kind.table, key.clone(), old.revision, value)
                .map(|stored| Value::clone(&stored.value))
        };
        if let Ok(value) = written {
            return Ok(value);
        }
    }
    Err(Failure::modified("", "namespaces", name))
}

/// Where the numbers of a scale are in an object.
struct Paths {
    spec: String,
    status: String,
    selector: Option<String>,
}

fn scale_paths(kind: &Kind) -> Paths {
    match kind.custom().and_then(|custom| custom.scale.as_ref()) {
        Some(scale) => Paths {
            spec: scale.spec_replicas.clone(),
            status: scale.status_replicas.clone(),
            selector: scale.selector.clone(),
        },
        None => Paths {
            spec: ".spec.replicas".into(),
            status: ".status.replicas".into(),
            selector: None,
        },
    }
}

/// The `Scale` of an object.
fn scale_of(kind: &Kind, object: &Value) -> Result<Value, Failure> {
    let paths = scale_paths(kind);
    let number = |path: &str| meta::at(object, path).and_then(Value::as_i64);
    let Some(replicas) = number(&paths.spec).or_else(|| kind.custom().is_none().then_some(0)) else {
        return Err(Failure::internal(format!(
            "the spec replicas field {:?} does not exist",
            paths.spec
        )));
    };
    let mut metadata = json!({"name": meta::name(object)});
    for field in ["namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = meta::get(object, field) {
            metadata[field] = value.clone();
        }
    }
    let mut status = json!({"replicas": number(&paths.status).unwrap_or(0)});
    let selector = match &paths.selector {
        Some(path) => meta::at(object, path).and_then(Value::as_str).map(str::to_owned),
        None => meta::at(object, "spec.selector").map(selector_text),
    };
    if let Some(selector) = selector.filter(|selector| !selector.is_empty()) {
        status["selector"] = selector.into();
    }
    let mut spec = json!({});
    if replicas != 0 {
        spec["replicas"] = replicas.into();
    }
    Ok(json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status,
    }))
}

/// A label selector as text.
fn selector_text(selector: &Value) -> String {
    let pairs = selector.get("matchLabels").unwrap_or(selector);
    let mut terms: Vec<String> = pairs
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect();
    for expression in selector
        .get("matchExpressions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let key = expression["key"].as_str().unwrap_or("");
        let values = meta::strings(expression.get("values")).join(",");
        terms.push(match expression["operator"].as_str().unwrap_or("") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    terms.sort();
    terms.join(",")
}

async fn scale(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let target = &request.target;
    let form = read::form(kind, request)?;
    let shown = |value: Value| -> Result<Answer, Failure> {
        let value = match form.view {
            negotiate::View::Object => value,
            negotiate::View::Table => table::of(kind, &[value], None, table::included(&request.query)?, true),
            _ => view::partial(&value),
        };
        Ok(Answer::Object {
            code: 200,
            value,
            encoding: form.encoding,
            warnings: Vec::new(),
        })
    };
    if target.verb == "get" {
        let stored = read::find(api, kind, request)?;
        return shown(scale_of(kind, &view::object(api, kind, &stored.value).await?)?);
    }
    let options_kind = if target.verb == "patch" {
        "PatchOptions"
    } else {
        "UpdateOptions"
    };
    let options = WriteOptions::parse(&request.query, options_kind)?;
    for _ in 0..TRIES {
        let old = read::find(api, kind, request)?;
        let object = view::object(api, kind, &old.value).await?;
        let before = scale_of(kind, &object)?;
        let mut after = if target.verb == "patch" {
            let patch = json::parse_yaml(&request.body)
                .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
            let mut after = before.clone();
            match Format::of(kind, request.header("content-type"))? {
                Format::Json => {
                    kubist_merge::json_patch(&mut after, &patch.value)
                        .map_err(|_| Failure::unprocessable())?;
                }
                // A scale has no lists to merge.
                _ => kubist_merge::json_merge(&mut after, &patch.value),
            }
            after
        } else {
            body(request, "Scale")?
        };
        if meta::name(&after) != target.name {
            return Err(Failure::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                meta::name(&after),
                target.name
            )));
        }
        let attributes = Attributes::new(
            request.origin(),
            kind,
            Operation::Update,
            &target.namespace,
            &target.name,
        )
        .subresource("scale")
        .options(options.told("UpdateOptions"), options.dry_run);
        admission::mutate(api, &attributes, Some(&mut after), Some(&before)).await?;
        let replicas = match meta::at(&after, "spec.replicas") {
            None | Some(Value::Null) => 0,
            Some(value) => value.as_i64().ok_or_else(|| {
                Failure::bad_request(
                    "json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32",
                )
            })?,
        };
        if replicas < 0 {
            let error = FieldError::invalid(
                "spec.replicas",
                &replicas.into(),
                "must be greater than or equal to 0",
            );
            return Err(Failure::invalid("autoscaling", "Scale", &target.name, &[error]));
        }
        admission::validate(api, &attributes, Some(&after), Some(&before)).await?;
        let mut new = object.clone();
        put(&mut new, &scale_paths(kind).spec, replicas.into());
        meta::set(&mut new, "resourceVersion", meta::text(&after, "resourceVersion"));
        if meta::text(&new, "resourceVersion").is_empty() {
            meta::set(&mut new, "resourceVersion", old.revision.to_string());
        }
        let change = Change {
            request,
            options: &options,
            subresource: "scale",
            manager: request.manager(),
            asks: false,
        };
        match replace::replace(api, kind, &change, &old, object, new).await? {
            Outcome::Done(value) => {
                return shown(scale_of(kind, &view::object(api, kind, &value).await?)?);
            }
            Outcome::Moved => {}
        }
    }
    Err(Failure::modified(&kind.group, &kind.plural, &target.name))
}

/// Sets the value at a dotted path.
fn put(object: &mut Value, path: &str, value: Value) {
    let mut steps: Vec<&str> = path.split('.').filter(|step| !step.is_empty()).collect();
    let Some(last) = steps.pop() else { return };
    let mut map = meta::object(object);
    for step in steps {
        map = meta::object(map.entry(step).or_insert(Value::Null));
    }
    map.insert(last.into(), value);
}
