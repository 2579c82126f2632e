//! Requests as Kubernetes reads them: what a path and a query ask for.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use kubist_core::FieldSelector;
use tokio_util::sync::CancellationToken;

use crate::access::users::User;
use crate::admission::Origin;
use crate::faults::Plan;
use crate::http::duration;
use crate::http::status::Failure;
use crate::http::warnings::Warnings;

/// How much room the headers of a request may take, as Go's server has it.
pub(crate) const MAX_HEADER_BYTES: usize = 1024 * 1024;

/// A request with its body.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) user: User,
    /// Whose certificate the connection was opened with.
    pub(crate) certificate: Option<User>,
    pub(crate) target: Target,
    /// What the client is warned of, beside the answer.
    pub(crate) warnings: Warnings,
    /// What it came through, if that can be broken.
    pub(crate) connection: Option<Connection>,
    /// What is to go wrong with it.
    pub(crate) plan: Plan,
}

/// A connection that can be broken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection(CancellationToken);

impl Connection {
    pub(crate) fn cut(&self) {
        self.0.cancel();
    }

    /// Waits until it is to break.
    pub(crate) async fn broken(&self) {
        self.0.cancelled().await;
    }
}

impl Request {
    /// On whose behalf it writes.
    pub(crate) fn origin(&self) -> Origin<'_> {
        Origin {
            user: &self.user,
            warnings: &self.warnings,
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    /// Whether the client wants to go on in WebSocket (RFC 6455).
    pub(crate) fn is_web_socket(&self) -> bool {
        let mut upgrades = self.header("connection").split(',');
        self.header("upgrade").eq_ignore_ascii_case("websocket")
            && upgrades.any(|option| option.trim().eq_ignore_ascii_case("upgrade"))
    }

    /// Whether somebody reads the answer: who says so, and who comes with a tool for that.
    pub(crate) fn is_for_readers(&self) -> bool {
        match self.query.text("pretty") {
            Some(text) => matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True"),
            None => {
                let agent = self.header("user-agent");
                ["curl", "Wget", "Mozilla/5.0"]
                    .iter()
                    .any(|tool| agent.starts_with(tool))
            }
        }
    }

    /// Refuses headers that take too much room.
    pub(crate) fn bound_headers(&self) -> Result<(), Failure> {
        let sizes = self
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len());
        if sizes.sum::<usize>() > MAX_HEADER_BYTES {
            return Err(Failure::headers_too_large());
        }
        Ok(())
    }

    /// Who writes, for `managedFields`: the parameter, or the name of the client.
    pub(crate) fn manager(&self) -> String {
        if let Some(manager) = self
            .query
            .get("fieldManager")
            .filter(|manager| !manager.is_empty())
        {
            return manager.to_owned();
        }
        let agent = self.header("user-agent").split('/').next().unwrap_or("");
        let printable: String = agent.chars().filter(|c| !c.is_control()).take(128).collect();
        if printable.is_empty() {
            "unknown".into()
        } else {
            printable
        }
    }
}

/// Query parameters in the order given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(query: &str) -> Query {
        Query(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// How long the client gives a request that ends by itself.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>, Failure> {
        let text = self.text("timeout").unwrap_or("0");
        duration::parse(text).map_err(|why| {
            Failure::bad_request(format!(
                "invalid timeout specified in the request URL - time: {why}"
            ))
        })
    }

    /// A text parameter, absent if it is empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// A boolean parameter: only `0` and `false` say no, as upstream reads them.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|value| !matches!(value, "0" | "false"))
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        value.parse().map(Some).map_err(|_| {
            let range = value.trim_start_matches(['-', '+']);
            let what = if !range.is_empty() && range.bytes().all(|b| b.is_ascii_digit()) {
                "value out of range"
            } else {
                "invalid syntax"
            };
            Failure::bad_request(format!("strconv.ParseInt: parsing {value:?}: {what}"))
        })
    }
}

/// What a path leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// Whether it is a resource, or else a path like `/version`.
    pub(crate) is_resource: bool,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) subresource: String,
    /// What comes behind the subresource, for proxies.
    pub(crate) rest: Vec<String>,
    /// What is asked for: `get`, `list`, `watch`, `create` …
    pub(crate) verb: &'static str,
    /// Whether the deprecated `/watch/` was in the path.
    pub(crate) watch_path: bool,
    /// The name that a field selector leaves, for a request about many objects.
    pub(crate) selected: String,
}

impl Target {
    pub(crate) fn parse(method: &Method, path: &str, query: &Query) -> Target {
        let segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| {
                percent_encoding::percent_decode_str(segment)
                    .decode_utf8_lossy()
                    .into_owned()
            })
            .collect();
        let mut segments = segments.into_iter();
        let mut target = Target {
            verb: match *method {
                Method::POST => "post",
                Method::PUT => "put",
                Method::PATCH => "patch",
                Method::DELETE => "delete",
                Method::HEAD => "head",
                Method::GET => "get",
                Method::OPTIONS => "options",
                _ => "",
            },
            ..Target::default()
        };
        match (segments.next().as_deref(), segments.next(), segments.len()) {
            (Some("api"), Some(version), rest) if rest > 0 => target.version = version,
            (Some("apis"), Some(group), rest) if rest > 1 => {
                target.group = group;
                target.version = segments.next().unwrap_or_default();
            }
            _ => return target,
        }
        target.is_resource = true;

        let mut rest: Vec<String> = segments.collect();
        if rest.first().is_some_and(|first| first == "watch") && rest.len() > 1 {
            target.watch_path = true;
            rest.remove(0);
        }
        if rest.first().is_some_and(|first| first == "namespaces") && rest.len() > 1 {
            let is_part = rest.len() == 3
                && target.group.is_empty()
                && matches!(rest[2].as_str(), "status" | "finalize");
            if rest.len() > 2 && !is_part {
                target.namespace = rest[1].clone();
                rest.drain(..2);
            }
        }
        let mut rest = rest.into_iter();
        target.resource = rest.next().unwrap_or_default();
        target.name = rest.next().unwrap_or_default();
        target.subresource = rest.next().unwrap_or_default();
        target.rest = rest.collect();

        // An object in the path is got, whatever the query says.
        let watching = query.flag("watch").unwrap_or(false) && target.name.is_empty();
        target.verb = match (target.verb, target.name.is_empty()) {
            // There it is the path that says what is asked for, and not the method.
            _ if target.watch_path => "watch",
            ("post", _) => "create",
            ("put", _) => "update",
            ("patch", _) => "patch",
            ("delete", true) => "deletecollection",
            ("delete", false) => "delete",
            ("get" | "head", _) if watching => "watch",
            ("get" | "head", true) => "list",
            ("get" | "head", false) => "get",
            (other, _) => other,
        };
        if matches!(target.verb, "list" | "watch" | "deletecollection") {
            target.selected = selected_name(query).unwrap_or_default();
        }
        target
    }

    /// The name of the one object that this is about, in the path or by a field selector.
    pub(crate) fn named(&self) -> &str {
        if self.name.is_empty() {
            &self.selected
        } else {
            &self.name
        }
    }

    /// Whether it takes as long as the client likes: a watch, or a stream.
    pub(crate) fn is_long_running(&self) -> bool {
        let streams = ["log", "exec", "attach", "portforward", "proxy"];
        self.verb == "watch" || streams.contains(&self.subresource.as_str())
    }
}

/// The one name that a field selector leaves, if it could be in a path.
fn selected_name(query: &Query) -> Option<String> {
    let fields: FieldSelector = query.text("fieldSelector")?.parse().ok()?;
    let name = fields.exact("metadata.name")?;
    let is_segment = !matches!(name, "" | "." | "..") && !name.contains(['/', '%']);
    is_segment.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(method: Method, path: &str, query: &str) -> Target {
        Target::parse(&method, path, &Query::parse(query))
    }

    #[test]
    fn paths_are_read_as_upstream_reads_them() {
        let pods = parsed(Method::GET, "/api/v1/namespaces/n/pods", "");
        assert_eq!(
            (pods.verb, pods.namespace.as_str(), pods.resource.as_str()),
            ("list", "n", "pods")
        );
        let log = parsed(Method::GET, "/api/v1/namespaces/n/pods/p/log", "");
        assert_eq!(
            (log.verb, log.name.as_str(), log.subresource.as_str()),
            ("get", "p", "log")
        );
        let namespace = parsed(Method::GET, "/api/v1/namespaces/n", "");
        assert_eq!(
            (namespace.resource.as_str(), namespace.name.as_str()),
            ("namespaces", "n")
        );
        let finalize = parsed(Method::PUT, "/api/v1/namespaces/n/finalize", "");
        assert_eq!(
            (finalize.resource.as_str(), finalize.subresource.as_str()),
            ("namespaces", "finalize")
        );
        let watch = parsed(Method::GET, "/apis/apps/v1/deployments", "watch=1");
        assert_eq!(
            (watch.verb, watch.group.as_str(), watch.version.as_str()),
            ("watch", "apps", "v1")
        );
        let legacy = parsed(Method::GET, "/api/v1/watch/namespaces/n/pods", "");
        assert_eq!(
            (legacy.verb, legacy.namespace.as_str(), legacy.resource.as_str()),
            ("watch", "n", "pods")
        );
        let legacy = parsed(Method::DELETE, "/api/v1/watch/namespaces/n/pods/p", "");
        assert_eq!((legacy.verb, legacy.name.as_str()), ("watch", "p"));
        let one = parsed(
            Method::GET,
            "/api/v1/pods",
            "fieldSelector=metadata.name%3Dp,spec.nodeName%3Dn",
        );
        assert_eq!((one.verb, one.name.as_str(), one.named()), ("list", "", "p"));
        let all = parsed(Method::DELETE, "/api/v1/namespaces/n/pods", "");
        assert_eq!(all.verb, "deletecollection");
        assert!(!parsed(Method::GET, "/version", "").is_resource);
        assert!(!parsed(Method::GET, "/apis/apps/v1", "").is_resource);
    }
}
