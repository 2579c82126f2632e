//! Connections through the server to what an object stands for: a process, a port, a web server.
//!
//! Nothing runs here, so they end with 501, after everything that a real server does before it
//! connects.

use std::sync::Arc;

use kubist_schema::{Field, Type};
use serde_json::{Value, json};

use crate::admission::{self, Attributes, Operation};
use crate::http::answer::Answer;
use crate::http::options::parse_version;
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Subresource};
use crate::object::meta;
use crate::state::Api;
use crate::store::Key;

/// The part that takes any method, and any path behind it.
pub(crate) const PROXY: &str = "proxy";

pub(super) async fn connect(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    sub: &Subresource,
    request: &Request,
) -> Result<Answer, Failure> {
    if request.query.get("dryRun").is_some() {
        return Err(Failure::bad_request("dryRun is not supported"));
    }
    let options = options(kind, sub, request)?;
    ask(api, kind, request, options).await?;
    let name = match sub.name.as_str() {
        PROXY => proxied(kind, &request.target.name)?,
        _ => &request.target.name,
    };
    let key = Key::new(&request.target.namespace, name);
    if api.store.get(&kind.table, &key).is_none() {
        return Err(Failure::not_found(&kind.group, &kind.plural, name));
    }
    Err(Failure::not_implemented(&format!("{}/{}", kind.plural, sub.name)))
}

/// Asks webhooks about a connection.
async fn ask(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request, mut options: Value) -> Result<(), Failure> {
    let target = &request.target;
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

/// The object that a proxy's name leads to: `name`, `name:port` or `scheme:name:port`.
fn proxied<'a>(kind: &Kind, text: &'a str) -> Result<&'a str, Failure> {
    let parts: Vec<&str> = text.split(':').collect();
    let (scheme, name) = match parts.as_slice() {
        [name] | [name, _] => ("", *name),
        [scheme, name, _] => (*scheme, *name),
        _ => ("", ""),
    };
    if name.is_empty() || !matches!(scheme, "" | "http" | "https") {
        let what = &kind.singular;
        return Err(Failure::bad_request(format!("invalid {what} request {text:?}")));
    }
    Ok(name)
}

/// The options of a connection, such as `PodExecOptions`, read from the query and the path.
fn options(kind: &Kind, sub: &Subresource, request: &Request) -> Result<Value, Failure> {
    // Discovery leaves out a version that is the kind's own.
    let (group, version) = match sub.version.as_str() {
        "" => (kind.group.as_str(), kind.version.as_str()),
        version => (sub.group.as_str(), version),
    };
    let mut options = json!({"kind": sub.kind, "apiVersion": meta::api_version(group, version)});
    let fields = kubist_schema::kind(group, version, &sub.kind)
        .into_iter()
        .flat_map(|message| message.json_fields());
    for field in fields {
        let given = match (sub.name.as_str(), field.json) {
            (_, "kind" | "apiVersion" | "") => continue,
            (PROXY, "path") => path(request).map(Value::from),
            _ => option(field, &request.query.all(field.json))?,
        };
        match given {
            Some(value) => options[field.json] = value,
            None if !field.omit_empty => options[field.json] = Value::Null,
            None => {}
        }
    }
    Ok(options)
}

/// What a parameter says; nothing where it is absent or empty.
fn option(field: &Field, given: &[&str]) -> Result<Option<Value>, Failure> {
    let Some(first) = given.first() else {
        return Ok(None);
    };
    let number = |text: &&str| {
        let list = if field.repeated { "[]" } else { "" };
        let ty = if field.ty == Type::Int32 { "int32" } else { "int64" };
        let refused = |why| Failure::bad_request(format!("cannot convert to {list}{ty}: {why}"));
        parse_version(text).map(Value::from).map_err(refused)
    };
    Ok(match (field.ty, field.repeated) {
        (Type::Bool, _) => (!matches!(*first, "0" | "false")).then_some(true.into()),
        (Type::Int32 | Type::Int64, true) => Some(given.iter().map(number).collect::<Result<_, _>>()?),
        (Type::Int32 | Type::Int64, false) => Some(number(first)?),
        (_, true) => Some(given.into()),
        (_, false) => (!first.is_empty()).then(|| (*first).into()),
    })
}

/// The path behind a proxy, with the slash that it ends with.
fn path(request: &Request) -> Option<String> {
    let mut path: String = request
        .target
        .rest
        .iter()
        .map(|part| format!("/{part}"))
        .collect();
    if request.path.ends_with('/') {
        path.push('/');
    }
    (!path.is_empty()).then_some(path)
}
