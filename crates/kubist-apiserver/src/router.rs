//! The way of a request through the server.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{Method, Response};
use http_body_util::BodyExt as _;
use hyper::upgrade::OnUpgrade;

use crate::access::users::User;
use crate::access::{self, review};
use crate::endpoints::{create, delete, patch, read, subresource, update, watch};
use crate::faults::Plan;
use crate::http::answer::{self, Answer, Style};
use crate::http::body::Body;
use crate::http::compress;
use crate::http::negotiate::{self, Encoding};
use crate::http::request::{Connection, Query, Request, Target};
use crate::http::status::Failure;
use crate::http::warnings::Warnings;
use crate::http::web_socket;
use crate::kinds::kind::{Kind, Registry, table};
use crate::server::audit::Record;
use crate::state::Api;
use crate::store::Key;

/// The largest body that is read.
const BODY_LIMIT: usize = 3 * 1024 * 1024;
/// How much of a path, a name or a header is kept for those who ask afterwards.
const LONGEST_RECORDED: usize = 2_048;
/// How long a connection may take to break.
const BREAKING: Duration = Duration::from_secs(1);

/// Answers one request. Failures become answers, too.
pub(crate) async fn handle<B>(api: Arc<Api>, mut parts: Parts, body: B) -> Response<Body>
where
    B: http_body::Body,
    B::Error: std::fmt::Display,
{
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let query = Query::parse(parts.uri.query().unwrap_or(""));
    let target = Target::parse(&parts.method, parts.uri.path(), &query);
    let mut request = Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query,
        headers: parts.headers,
        body: Bytes::new(),
        user: User::default(),
        certificate: parts.extensions.get::<User>().cloned(),
        target,
        warnings: Warnings::default(),
        connection: parts.extensions.get::<Connection>().cloned(),
        plan: Plan::default(),
    };
    request.plan = api.faults.meet(&request.target, request.header("user-agent"));
    let style = Style {
        pretty: request.is_for_readers(),
        gzip: compress::is_accepted(&request.headers),
    };
    // Who takes nothing that there is may be somebody who reads.
    let encoding = negotiate::accept(request.header("accept"), false, &[])
        .map_or(Encoding::PrettyJson, |form| form.encoding);
    let path = parts
        .uri
        .path_and_query()
        .map_or_else(String::new, ToString::to_string);
    let result = in_time(&api, &mut request, body).await;
    let is_broken = request.plan.drops() || result.is_ok() && request.plan.loses_answer();
    let result = if is_broken {
        Err(broken(&api, &request, &path).await)
    } else {
        result
    };
    let mut response = match result {
        Ok(Answer::Stream { body, content_type }) if request.is_web_socket() => match upgrade {
            Some(upgrade) => {
                web_socket::switch(&api, &request, upgrade, body, content_type == negotiate::JSON)
            }
            None => Failure::not_implemented("WebSocket without a connection").into_response(encoding, style),
        },
        Ok(answer) => answer.into_response(style),
        Err(failure) => failure.into_response(encoding, style),
    };
    for warning in request.warnings.take() {
        response.headers_mut().append(http::header::WARNING, warning);
    }
    answer::name(response.headers_mut(), &request_name(&api, &request));
    record(&api, &request, path, response.status().as_u16());
    response
}

/// What the client, or else the server, calls a request.
fn request_name(api: &Api, request: &Request) -> String {
    match request.header(answer::AUDIT_ID) {
        "" => api.identity.request(),
        name => name.to_owned(),
    }
}

/// Answers a request in the time that the client gives it.
async fn in_time<B>(api: &Arc<Api>, request: &mut Request, body: B) -> Result<Answer, Failure>
where
    B: http_body::Body,
    B::Error: std::fmt::Display,
{
    if request.target.is_long_running() {
        return attempt(api, request, body).await;
    }
    match request.query.timeout()? {
        None => attempt(api, request, body).await,
        Some(limit) => {
            let answer = tokio::time::timeout(limit, attempt(api, request, body)).await;
            answer.unwrap_or_else(|_| Ok(Answer::timeout()))
        }
    }
}

/// Answers a request, unless a fault does.
async fn attempt<B>(api: &Arc<Api>, request: &mut Request, body: B) -> Result<Answer, Failure>
where
    B: http_body::Body,
    B::Error: std::fmt::Display,
{
    if !api.latency.is_zero() {
        tokio::time::sleep(api.latency).await;
    }
    request.plan.wait().await;
    if request.plan.drops() {
        return Err(Failure::dropped());
    }
    request.bound_headers()?;
    authenticate(api, request)?;
    if let Some(failure) = request.plan.failure(&request.target) {
        return Err(failure);
    }
    request.body = read(body).await?;
    subresource::redirect_binding(request);
    answer(api, request).await
}

/// Breaks a request's connection. Where there is none to break, the client is told so.
async fn broken(api: &Api, request: &Request, path: &str) -> Failure {
    if let Some(connection) = &request.connection {
        record(api, request, path.to_owned(), 0);
        connection.cut();
        // The connection takes this future with it; a stream of HTTP/2 may outlive it a little.
        tokio::time::sleep(BREAKING).await;
    }
    Failure::dropped()
}

/// Who sends a request: the holder of a certificate, of a token, or nobody in particular.
fn authenticated(api: &Api, request: &Request) -> Result<User, Failure> {
    let authorization = request.header("authorization");
    if let Some(certificate) = &request.certificate {
        return Ok(certificate.clone());
    }
    let token = authorization
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map_or("", |(_, token)| token.trim());
    match crate::access::tokens::recognise(api, token) {
        Some(user) => Ok(user),
        None => api.users.authenticate(authorization),
    }
}

fn authenticate(api: &Api, request: &mut Request) -> Result<(), Failure> {
    request.user = authenticated(api, request)?;
    if let Some(user) = access::impersonation::impersonated(api, request)? {
        request.user = user;
    }
    access::authorize(api, request)
}

async fn answer(api: &Arc<Api>, request: &Request) -> Result<Answer, Failure> {
    let target = &request.target;
    let is_api = target.is_resource || request.path.starts_with("/api");
    if request.method == Method::HEAD && is_api && target.subresource != subresource::connect::PROXY {
        return Err(Failure::method_not_allowed());
    }
    let registry = api.registry();
    let elsewhere = || {
        let name = aggregated(api, &registry, &request.path)?;
        Some(Failure::not_implemented(&format!("the aggregated API {name}")))
    };
    if !target.is_resource {
        return match elsewhere() {
            Some(failure) => Err(failure),
            None => crate::discovery::answer(api, request),
        };
    }
    let Some(kind) = registry.get(&target.group, &target.version, &target.resource) else {
        if let Some(failure) = elsewhere() {
            return Err(failure);
        }
        // The groups of definitions are behind all others, and say less.
        let is_builtin = registry
            .kinds()
            .iter()
            .any(|kind| kind.group == target.group && kind.custom().is_none());
        return if is_builtin {
            Err(Failure::no_resource())
        } else {
            Ok(Answer::text(404, "404 page not found\n"))
        };
    };
    if kind.namespaced && target.namespace.is_empty() && !matches!(target.verb, "list" | "watch") {
        return Err(if target.name.is_empty() {
            Failure::method_not_allowed()
        } else {
            Failure::no_resource()
        });
    }
    if !kind.namespaced && !target.namespace.is_empty() {
        return Err(Failure::no_resource());
    }
    if target.watch_path {
        refuse_watch_path(kind, request)?;
    }
    request.warnings.extend(deprecation(kind));
    if !target.subresource.is_empty() {
        return subresource::answer(api, kind, request).await;
    }
    verb(api, kind, request).await
}

/// Refuses what no deprecated path of a watch leads to.
fn refuse_watch_path(kind: &Kind, request: &Request) -> Result<(), Failure> {
    let target = &request.target;
    let is_lost = kind.namespaced && target.namespace.is_empty() && !target.name.is_empty();
    if !kind.allows("watch") || !target.subresource.is_empty() || is_lost {
        return Err(Failure::no_resource());
    }
    // For custom resources a real server watches whatever the method is.
    if request.method != Method::GET && kind.custom().is_none() {
        return Err(Failure::method_not_allowed());
    }
    Ok(())
}

/// The name of the `APIService` that says that another server answers a path.
fn aggregated(api: &Api, registry: &Registry, path: &str) -> Option<String> {
    let mut segments = path.strip_prefix("/apis/")?.split('/');
    let (group, version) = (segments.next()?, segments.next()?);
    let is_ours = |kind: &Arc<Kind>| kind.group == group && kind.version == version;
    if registry.kinds().iter().any(is_ours) {
        return None;
    }
    let name = format!("{version}.{group}");
    let services = table("apiregistration.k8s.io", "apiservices");
    let service = api.store.get(&services, &Key::new("", &name))?;
    service.value["spec"]["service"].is_object().then_some(name)
}

async fn verb(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let target = &request.target;
    if review::is_review(kind) && target.verb == "create" {
        return review::answer(api, kind, request).await;
    }
    if review::is_review(kind) && !target.name.is_empty() {
        return Err(Failure::no_resource());
    }
    if !kind.allows(target.verb) || (target.verb == "create" && !target.name.is_empty()) {
        return Err(Failure::method_not_allowed());
    }
    if matches!(target.verb, "update" | "patch") && target.name.is_empty() {
        return Err(Failure::method_not_allowed());
    }
    match target.verb {
        "get" => read::get(api, kind, request).await,
        "list" => read::list(api, kind, request).await,
        "watch" => watch::watch(api, kind, request).await,
        "create" => create::create(api, kind, request).await,
        "update" => update::update(api, kind, request, "").await,
        "patch" => patch::patch(api, kind, request, "").await,
        "delete" => delete::delete(api, kind, request).await,
        "deletecollection" => delete::delete_collection(api, kind, request).await,
        _ => Err(Failure::method_not_allowed()),
    }
}

/// What is said about a version that is to go, by upstream or by the definition of a custom resource.
fn deprecation(kind: &Kind) -> Option<String> {
    if kind.is("", "componentstatuses") {
        return Some("v1 ComponentStatus is deprecated in v1.19+".to_owned());
    }
    if kind.is("", "endpoints") {
        let instead = "discovery.k8s.io/v1 EndpointSlice";
        return Some(format!("v1 Endpoints is deprecated in v1.33+; use {instead}"));
    }
    kind.custom()?.deprecation.clone()
}

fn record(api: &Api, request: &Request, path: String, status: u16) {
    let target = &request.target;
    let mut resource = target.resource.clone();
    if !target.subresource.is_empty() {
        resource.push('/');
        resource.push_str(&target.subresource);
    }
    let cut = |text: &str| text.chars().take(LONGEST_RECORDED).collect::<String>();
    api.trail.push(Record {
        verb: target.verb.into(),
        path: cut(&path),
        group: cut(&target.group),
        resource: cut(&resource),
        namespace: cut(&target.namespace),
        name: cut(&target.name),
        user: cut(&request.user.name),
        user_agent: cut(request.header("user-agent")),
        status,
    });
}

/// Reads a body up to the limit.
async fn read<B>(body: B) -> Result<Bytes, Failure>
where
    B: http_body::Body,
    B::Error: std::fmt::Display,
{
    use bytes::Buf as _;
    let mut body = std::pin::pin!(body);
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Failure::bad_request(format!("unable to read the body: {error}")))?;
        if let Ok(mut data) = frame.into_data() {
            if whole.len() + data.remaining() > BODY_LIMIT {
                return Err(Failure::too_large(BODY_LIMIT));
            }
            while data.has_remaining() {
                let length = {
                    let chunk = data.chunk();
                    whole.extend_from_slice(chunk);
                    chunk.len()
                };
                data.advance(length);
            }
        }
    }
    Ok(whole.freeze())
}
