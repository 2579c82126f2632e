//! The server's state, and the way of a request through it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::Response;
use http::request::Parts;
use http_body_util::BodyExt as _;
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::Answer;
use crate::audit::{Record, Trail};
use crate::auth::Users;
use crate::body::Body;
use crate::identity::Identity;
use crate::kind::{Kind, Registry};
use crate::negotiate::{self, Encoding, Form};
use crate::request::{Query, Request, Target};
use crate::status::Failure;
use crate::storage::Store;

/// The largest body that is read.
pub(crate) const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// Everything that handlers share.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) users: Users,
    pub(crate) trail: Trail,
    registry: RwLock<Arc<Registry>>,
    /// Ends watches.
    pub(crate) closing: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Api {
    pub(crate) fn new(store: Store, identity: Identity, users: Users) -> Api {
        Api {
            store,
            identity,
            users,
            trail: Trail::default(),
            registry: RwLock::new(Arc::new(Registry::new([]))),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.read())
    }

    pub(crate) fn set_registry(&self, registry: Registry) {
        *self.registry.write() = Arc::new(registry);
    }

    /// Answers one request. Failures become answers, too.
    pub(crate) async fn handle<B>(self: Arc<Self>, parts: Parts, body: B) -> Response<Body>
    where
        B: http_body::Body,
        B::Error: std::fmt::Display,
    {
        let query = Query::parse(parts.uri.query().unwrap_or(""));
        let target = Target::parse(&parts.method, parts.uri.path(), &query);
        let mut request = Request {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query,
            headers: parts.headers,
            body: Bytes::new(),
            user: crate::auth::User::default(),
            target,
        };
        let encoding = negotiate::accept(request.header("accept"), false, &[])
            .map_or(Encoding::Json, |form| form.encoding);
        let result = match self.authenticate(&mut request) {
            Ok(()) => match read(body).await {
                Ok(bytes) => {
                    request.body = bytes;
                    self.answer(&request).await
                }
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        };
        let mut response = match result {
            Ok(answer) => answer.into_response(),
            Err(failure) => failure.into_response(encoding),
        };
        if let Some(warning) = self.deprecation(&request.target) {
            crate::answer::warn(response.headers_mut(), &warning);
        }
        let path = parts
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string);
        self.record(&request, path, response.status().as_u16());
        response
    }

    fn authenticate(&self, request: &mut Request) -> Result<(), Failure> {
        request.user = self.users.authenticate(request.header("authorization"))?;
        if let Some(user) = crate::access::impersonated(self, request)? {
            request.user = user;
        }
        crate::access::authorize(self, request)
    }

    async fn answer(self: &Arc<Self>, request: &Request) -> Result<Answer, Failure> {
        let target = &request.target;
        if !target.is_resource {
            return crate::discovery::answer(self, request);
        }
        let registry = self.registry();
        let Some(kind) = registry.get(&target.group, &target.version, &target.resource) else {
            let known = registry.groups().iter().any(|(group, versions)| {
                *group == target.group && versions.contains(&target.version.as_str())
            });
            return if known {
                Err(Failure::no_resource())
            } else {
                Ok(Answer::text(404, "404 page not found\n"))
            };
        };
        if kind.namespaced
            && target.namespace.is_empty()
            && !matches!(target.verb, "list" | "watch" | "create")
        {
            return Err(if target.name.is_empty() {
                Failure::method_not_allowed()
            } else {
                Failure::no_resource()
            });
        }
        if !kind.namespaced && !target.namespace.is_empty() {
            return Err(Failure::no_resource());
        }
        if !target.subresource.is_empty() {
            return crate::subresource::answer(self, kind, request).await;
        }
        self.verb(kind, request).await
    }

    async fn verb(self: &Arc<Self>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
        let target = &request.target;
        if crate::review::is_review(kind) && target.verb == "create" {
            return crate::review::answer(self, kind, request);
        }
        if !kind.allows(target.verb) || (target.verb == "create" && !target.name.is_empty()) {
            return Err(Failure::method_not_allowed());
        }
        if matches!(target.verb, "update" | "patch") && target.name.is_empty() {
            return Err(Failure::method_not_allowed());
        }
        match target.verb {
            "get" => crate::read::get(self, kind, request).await,
            "list" => crate::read::list(self, kind, request).await,
            "watch" => crate::watch::watch(self, kind, request).await,
            "create" => crate::write::create(self, kind, request).await,
            "update" => crate::write::update(self, kind, request, "").await,
            "patch" => crate::write::patch(self, kind, request, "").await,
            "delete" => crate::delete::delete(self, kind, request).await,
            "deletecollection" => crate::delete::delete_collection(self, kind, request).await,
            _ => Err(Failure::method_not_allowed()),
        }
    }

    /// What the definition of a custom resource says about a version that is to go.
    fn deprecation(&self, target: &Target) -> Option<String> {
        let registry = self.registry();
        let kind = registry.get(&target.group, &target.version, &target.resource)?;
        kind.custom()?.deprecation.clone()
    }

    /// The form in which the client wants objects of this kind.
    pub(crate) fn form(kind: &Kind, request: &Request) -> Result<Form, Failure> {
        let available = if kind.custom().is_some() {
            negotiate::CUSTOM
        } else {
            negotiate::BUILTIN
        };
        negotiate::accept(request.header("accept"), kind.custom().is_some(), available)
    }

    fn record(&self, request: &Request, path: String, status: u16) {
        let target = &request.target;
        let mut resource = target.resource.clone();
        if !target.subresource.is_empty() {
            resource.push('/');
            resource.push_str(&target.subresource);
        }
        self.trail.push(Record {
            verb: target.verb.into(),
            path,
            group: target.group.clone(),
            resource,
            namespace: target.namespace.clone(),
            name: target.name.clone(),
            user: request.user.name.clone(),
            user_agent: request.header("user-agent").into(),
            status,
        });
    }
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
