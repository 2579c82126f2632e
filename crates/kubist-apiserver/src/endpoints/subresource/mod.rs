//! Parts of objects with paths of their own.

pub(crate) mod connect;
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
    // Behind a part of a custom resource a real server reads no further, either.
    if !target.rest.is_empty() && name != connect::PROXY && kind.custom().is_none() {
        return Err(Failure::no_resource());
    }
    let Some(sub) = kind.subresource(name) else {
        return Err(if kind.custom().is_some() {
            Failure::not_found(&kind.group, &kind.plural, &target.name)
        } else {
            Failure::no_resource()
        });
    };
    // What a proxy lets through is more than discovery tells.
    let is_told = name == connect::PROXY || sub.verbs.iter().any(|verb| verb == target.verb);
    let act = Act::of(name, target.verb).filter(|_| is_told);
    match act.ok_or_else(Failure::method_not_allowed)? {
        Act::Read => read::get(api, kind, request).await,
        Act::Update => update::update(api, kind, request, name).await,
        Act::Patch => patch::patch(api, kind, request, name).await,
        Act::Scale => scale::scale(api, kind, request).await,
        Act::Bind => pods::bind(api, kind, request).await,
        Act::Evict => pods::evict(api, kind, request).await,
        Act::IssueToken => token(api, kind, request).await,
        Act::Connect => connect::connect(api, kind, sub, request).await,
        Act::ReadLog => {
            // Nothing runs here; but what is not there is not there.
            read::find(api, kind, request)?;
            Err(Failure::not_implemented(&format!("{}/{name}", kind.plural)))
        }
    }
}

/// What a request does with a part of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Read,
    Update,
    Patch,
    Scale,
    Bind,
    Evict,
    IssueToken,
    Connect,
    ReadLog,
}

impl Act {
    /// What a verb does with a part. What is not named here is not done: only parts that are
    /// written as their whole object is reach the object's own update and patch.
    fn of(part: &str, verb: &str) -> Option<Act> {
        let act = match part {
            "status" | "ephemeralcontainers" | "resize" | "approval" | "finalize" => match verb {
                "get" => Act::Read,
                "update" => Act::Update,
                "patch" => Act::Patch,
                _ => return None,
            },
            "scale" if matches!(verb, "get" | "update" | "patch") => Act::Scale,
            "binding" if verb == "create" => Act::Bind,
            "eviction" if verb == "create" => Act::Evict,
            "token" if verb == "create" => Act::IssueToken,
            "exec" | "attach" | "portforward" if matches!(verb, "get" | "create") => Act::Connect,
            connect::PROXY => Act::Connect,
            "log" if verb == "get" => Act::ReadLog,
            _ => return None,
        };
        Some(act)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_of_every_part_has_its_act() {
        for resource in kubist_schema::resources() {
            for sub in &resource.subresources {
                for verb in &sub.verbs {
                    let act = Act::of(sub.name, verb);
                    assert!(act.is_some(), "{} {}/{}", verb, resource.plural, sub.name);
                }
            }
        }
    }

    #[test]
    fn what_is_behind_an_object_never_changes_it() {
        for part in [
            "exec",
            "attach",
            "portforward",
            "proxy",
            "log",
            "binding",
            "eviction",
            "token",
            "other",
        ] {
            for verb in ["get", "create", "update", "patch", "delete", "options", ""] {
                let act = Act::of(part, verb);
                assert!(
                    !matches!(act, Some(Act::Update | Act::Patch | Act::Scale)),
                    "{verb} {part}"
                );
            }
        }
    }
}
