//! Parts of objects with paths of their own.

mod pods;
mod scale;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::admission::{self, Attributes, Operation};
use crate::endpoints::create::place;
use crate::endpoints::patch::{self};
use crate::endpoints::read;
use crate::endpoints::update;
use crate::http::answer::Answer;
use crate::http::negotiate;
use crate::http::options::WriteOptions;
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::kinds::strategy;
use crate::object::body::{no_object, refuse_other, unrecognized};
use crate::object::meta;
use crate::state::Api;
use crate::store::Key;

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
        ("scale", _) => scale::scale(api, kind, request).await,
        ("status" | "ephemeralcontainers" | "resize" | "approval" | "finalize", "get") => {
            read::get(api, kind, request).await
        }
        (_, "update") => update::update(api, kind, request, name).await,
        (_, "patch") => patch::patch(api, kind, request, name).await,
        ("binding", _) => pods::bind(api, kind, request).await,
        ("token", "create") => token(api, kind, request).await,
        ("eviction", _) => pods::evict(api, kind, request).await,
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

/// Turns the request that creates a binding into one about the pod that is bound.
pub(crate) fn redirect_binding(request: &mut Request) {
    let target = &mut request.target;
    if target.verb != "create" || !target.group.is_empty() || target.resource != "bindings" {
        return;
    }
    let parsed = negotiate::body(
        request
            .headers
            .get("content-type")
            .and_then(|ty| ty.to_str().ok())
            .unwrap_or(""),
        false,
        &request.body,
    );
    if let Ok(Ok(parsed)) = parsed {
        target.resource = "pods".into();
        target.name = meta::name(&parsed.value).to_owned();
        target.subresource = "binding".into();
    }
}

/// Refuses an object that names another one than the path.
fn same_name(request: &Request, object: &Value, kind: &str) -> Result<(), Failure> {
    let name = meta::name(object);
    if name.is_empty() || name == request.target.name {
        return Ok(());
    }
    Err(Failure::bad_request(format!(
        "name in URL does not match name in {kind} object"
    )))
}

/// Reads a body of another kind than the resource's.
fn body(request: &Request, expected: &str) -> Result<Value, Failure> {
    let parsed = negotiate::body(request.header("content-type"), false, &request.body)?
        .map_err(|why| unrecognized(expected, &why, request))?;
    let (group, version) = match expected {
        "Eviction" => ("policy", "v1"),
        "TokenRequest" => ("authentication.k8s.io", "v1"),
        "Scale" => ("autoscaling", "v1"),
        _ => ("", "v1"),
    };
    if !parsed.value.is_object() {
        return Err(unrecognized(expected, &no_object(&parsed.value), request));
    }
    let mut value = parsed.value;
    if expected == "Eviction"
        && value
            .get("apiVersion")
            .is_some_and(|given| given == "policy/v1beta1")
    {
        // The version in which evictions began, and which clients still use.
        value["apiVersion"] = "policy/v1".into();
    }
    refuse_other(group, version, expected, &value)?;
    if let Some(message) = kubist_schema::kind(group, version, expected) {
        crate::object::decode::decode(message, value.clone()).map_err(|why| {
            Failure::bad_request(format!(
                "{expected} in version {version:?} cannot be handled as a {expected}: {why}"
            ))
        })?;
    }
    Ok(value)
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
    place(kind, &target.namespace, object)?;
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
    }
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
    })
}
