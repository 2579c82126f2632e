//! Paths that are no resources: discovery, health, version, OpenAPI.

pub(crate) mod hash;
mod openapi;

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use crate::http::answer::Answer;
use crate::http::document::{Content, Document};
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Registry};
use crate::state::Api;

/// The version that this server says it is.
const VERSION: &str = "v1.36.2";

pub(crate) fn answer(api: &Arc<Api>, request: &Request) -> Result<Answer, Failure> {
    let segments: Vec<&str> = request
        .path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let registry = api.registry();
    let known = match segments.as_slice() {
        ["api"] | ["apis"] => aggregated(request, &registry, segments[0] == "api").unwrap_or_else(|| {
            if segments[0] == "api" {
                versions(request)
            } else {
                groups(&registry)
            }
        }),
        ["api", version] => match resources(&registry, "", version) {
            Some(list) => Answer::json(list),
            None => return Ok(not_a_path()),
        },
        ["apis", group] => match self::group(&registry, group) {
            Some(group) => Answer::json(group),
            None => return Ok(not_a_path()),
        },
        ["apis", group, version] => match resources(&registry, group, version) {
            Some(list) => Answer::json(list),
            None => return Ok(not_a_path()),
        },
        ["version"] => version(),
        ["healthz" | "livez" | "readyz"] | ["healthz" | "livez" | "readyz", "ping" | "log" | "etcd"] => {
            health(request, segments[0])
        }
        ["openapi", rest @ ..] => crate::discovery::openapi::answer(&registry, request, rest)?,
        [] => Answer::json(json!({"paths": paths(&registry)})),
        _ => return Ok(not_a_path()),
    };
    if matches!(request.method, Method::GET | Method::HEAD) {
        Ok(known)
    } else {
        Err(Failure::method_not_allowed())
    }
}

fn not_a_path() -> Answer {
    Answer::text(404, "404 page not found\n")
}

fn health(request: &Request, which: &str) -> Answer {
    if request.query.get("verbose").is_some() {
        return Answer::text(200, format!("[+]ping ok\n[+]log ok\n{which} check passed\n"));
    }
    Answer::text(200, "ok")
}

fn version() -> Answer {
    Answer::json(json!({
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": VERSION,
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, architecture()),
    }))
}

/// The architecture, by the name that Go has for it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn paths(registry: &Registry) -> Vec<String> {
    let mut paths: Vec<String> = [
        "/api",
        "/api/v1",
        "/apis",
        "/healthz",
        "/livez",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/version",
    ]
    .map(str::to_owned)
    .to_vec();
    for (group, versions) in registry
        .groups()
        .into_iter()
        .filter(|(group, _)| !group.is_empty())
    {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
    }
    paths.sort();
    paths
}

fn versions(request: &Request) -> Answer {
    Answer::json(json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [
            {"clientCIDR": "0.0.0.0/0", "serverAddress": request.header("host")},
        ],
    }))
}

fn groups(registry: &Registry) -> Answer {
    let groups: Vec<Value> = registry
        .groups()
        .iter()
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, versions)| group_of(group, versions))
        .collect();
    Answer::json(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
}

fn group_of(group: &str, versions: &[&str]) -> Value {
    let version = |version: &str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({
        "name": group,
        "versions": versions.iter().map(|v| version(v)).collect::<Vec<_>>(),
        "preferredVersion": versions.first().map(|v| version(v)),
    })
}

fn group(registry: &Registry, group: &str) -> Option<Value> {
    let groups = registry.groups();
    let (name, versions) = groups
        .iter()
        .find(|(name, _)| *name == group && !name.is_empty())?;
    let mut value = group_of(name, versions);
    value["kind"] = "APIGroup".into();
    value["apiVersion"] = "v1".into();
    Some(value)
}

fn kinds_of<'a>(
    registry: &'a Registry,
    group: &'a str,
    version: &'a str,
) -> impl Iterator<Item = &'a Arc<Kind>> {
    registry
        .kinds()
        .iter()
        .filter(move |kind| kind.group == group && kind.version == version)
}

fn resources(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    let mut list: Vec<Value> = Vec::new();
    let mut any = false;
    let mut custom = false;
    for kind in kinds_of(registry, group, version) {
        any = true;
        custom |= kind.custom().is_some();
        let mut entry = json!({
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": kind.verbs,
        });
        if !kind.short_names.is_empty() {
            entry["shortNames"] = kind.short_names.clone().into();
        }
        if !kind.categories.is_empty() {
            entry["categories"] = kind.categories.clone().into();
        }
        if kind.allows("list") && kind.allows("create") {
            entry["storageVersionHash"] = crate::discovery::hash::storage_version(kind).into();
        }
        list.push(entry);
        for sub in &kind.subresources {
            let mut entry = json!({
                "name": format!("{}/{}", kind.plural, sub.name),
                "singularName": "",
                "namespaced": kind.namespaced,
                "kind": sub.kind,
                "verbs": sub.verbs,
            });
            if !sub.version.is_empty() {
                entry["group"] = sub.group.as_str().into();
                entry["version"] = sub.version.as_str().into();
            }
            list.push(entry);
        }
    }
    if !custom {
        list.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    }
    let mut value = json!({
        "kind": "APIResourceList",
        "groupVersion": crate::object::meta::api_version(group, version),
        "resources": list,
    });
    if !group.is_empty() {
        value["apiVersion"] = "v1".into();
    }
    any.then_some(value)
}

/// The aggregated form, if the client prefers it.
fn aggregated(request: &Request, registry: &Registry, core: bool) -> Option<Answer> {
    let accept = request.header("accept");
    let wanted = accept.split(',').find_map(|range| {
        let has = |part: &str| range.split(';').any(|found| found.trim() == part);
        (has("as=APIGroupDiscoveryList") && has("g=apidiscovery.k8s.io")).then(|| {
            if has("v=v2") {
                Some("v2")
            } else if has("v=v2beta1") {
                Some("v2beta1")
            } else {
                None
            }
        })
    });
    let version = wanted.flatten()?;
    let groups: Vec<Value> = registry
        .groups()
        .iter()
        .filter(|(group, _)| group.is_empty() == core)
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    json!({
                        "version": version,
                        "freshness": "Current",
                        "resources": discovered(registry, group, version),
                    })
                })
                .collect();
            let metadata = if group.is_empty() {
                json!({})
            } else {
                json!({"name": group})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let value = json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {},
        "items": groups,
    });
    let content_type = if version == "v2" {
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    } else {
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
    };
    let content = Content::new(value.to_string().into());
    Some(Answer::Document(Document::public(request, content_type, content)))
}

fn discovered(registry: &Registry, group: &str, version: &str) -> Vec<Value> {
    let mut kinds: Vec<&Arc<Kind>> = kinds_of(registry, group, version).collect();
    if kinds.iter().all(|kind| kind.custom().is_none()) {
        kinds.sort_by(|a, b| a.plural.cmp(&b.plural));
    }
    kinds
        .into_iter()
        .map(|kind| {
            let own = kind.custom().is_some();
            let response = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
            let mut entry = json!({
                "resource": kind.plural,
                "responseKind": if own { response(&kind.group, &kind.version, &kind.kind) } else { response("", "", &kind.kind) },
                "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
                "singularResource": kind.singular,
                "verbs": kind.verbs,
            });
            if !kind.short_names.is_empty() {
                entry["shortNames"] = kind.short_names.clone().into();
            }
            if !kind.categories.is_empty() {
                entry["categories"] = kind.categories.clone().into();
            }
            let subs: Vec<Value> = kind
                .subresources
                .iter()
                .map(|sub| {
                    let (group, version) = match (own, sub.version.is_empty()) {
                        (true, true) => (kind.group.as_str(), kind.version.as_str()),
                        _ => (sub.group.as_str(), sub.version.as_str()),
                    };
                    json!({
                        "subresource": sub.name,
                        "responseKind": response(group, version, &sub.kind),
                        "verbs": sub.verbs,
                    })
                })
                .collect();
            if !subs.is_empty() {
                entry["subresources"] = subs.into();
            }
            entry
        })
        .collect()
}
