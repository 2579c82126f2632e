//! Paths that are no resources: discovery, health, version, OpenAPI.

mod aggregated;
pub(crate) mod hash;
mod health;
mod openapi;

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use crate::http::answer::Answer;
use crate::http::negotiate::{self, Encoding, Offer};
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Registry};
use crate::state::Api;

/// The version that this server says it is.
const VERSION: &str = "v1.36.2";

/// What a real server tells about itself, and this one does not.
const NOT_TOLD: [&str; 6] = [
    "/.well-known/openid-configuration",
    "/flagz",
    "/metrics",
    "/metrics/slis",
    "/openid/v1/jwks",
    "/statusz",
];

pub(crate) fn answer(api: &Arc<Api>, request: &Request) -> Result<Answer, Failure> {
    if let Some(answer) = health::answer(request) {
        return Ok(answer);
    }
    let path = request.path.as_str();
    if NOT_TOLD.contains(&path) || path.starts_with("/debug/") {
        return Err(Failure::not_implemented(path));
    }
    let registry = api.registry();
    let Some(told) = find(&registry, request)? else {
        return Ok(Answer::text(404, "404 page not found\n"));
    };
    let is_read = match path {
        "/version" | "/version/" => request.method == Method::GET,
        _ => matches!(request.method, Method::GET | Method::HEAD),
    };
    if is_read {
        Ok(told)
    } else {
        Err(Failure::method_not_allowed())
    }
}

/// What there is at a path.
fn find(registry: &Registry, request: &Request) -> Result<Option<Answer>, Failure> {
    let segments: Vec<&str> = request
        .path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let accept = request.header("accept");
    let custom = |group: &str| {
        let mut kinds = registry.kinds().iter().filter(|kind| kind.group == group);
        kinds.any(|kind| kind.custom().is_some())
    };
    let (value, offer) = match segments.as_slice() {
        ["api"] => match aggregated::answer(request, registry, true) {
            Some(answer) => return Ok(Some(answer)),
            None => (Some(versions(request)), Offer::Route),
        },
        ["apis"] => match aggregated::answer(request, registry, false) {
            Some(answer) => return Ok(Some(answer)),
            None => (Some(groups(registry)), Offer::Document),
        },
        ["api", version] => (resources(registry, "", version), Offer::Route),
        ["apis", group] => (self::group(registry, group), Offer::Document),
        ["apis", group, version] => {
            let offer = if custom(group) {
                Offer::Document
            } else {
                Offer::Route
            };
            (resources(registry, group, version), offer)
        }
        ["version"] => {
            negotiate::accept_json(accept)?;
            return Ok(Some(Answer::indented(&version())));
        }
        ["openapi", rest @ ..] => return openapi::answer(registry, request, rest).map(Some),
        [] => return Ok(Some(Answer::indented(&json!({"paths": paths(registry)})))),
        _ => return Ok(None),
    };
    let Some(mut value) = value else {
        return Ok(None);
    };
    let encoding = negotiate::accept_document(accept, offer)?;
    if encoding == Encoding::Protobuf && value.get("apiVersion").is_none() {
        // What the oldest documents do without in JSON, an envelope has.
        value["apiVersion"] = "v1".into();
    }
    Ok(Some(Answer::Object {
        code: 200,
        value,
        encoding,
    }))
}

fn version() -> Value {
    json!({
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
    })
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
        "/openapi/v2",
        "/openapi/v3",
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
    paths.extend(health::paths());
    paths.sort();
    paths
}

fn versions(request: &Request) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [
            {"clientCIDR": "0.0.0.0/0", "serverAddress": request.header("host")},
        ],
    })
}

fn groups(registry: &Registry) -> Value {
    let groups: Vec<Value> = registry
        .groups()
        .iter()
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, versions)| group_of(group, versions))
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
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
