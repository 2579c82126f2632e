//! All groups with all of their resources in one document (KEP-3352).

use std::sync::Arc;

use serde_json::{Value, json};

use super::kinds_of;
use crate::http::answer::{Answer, encode};
use crate::http::document::Document;
use crate::http::negotiate::{self, Encoding};
use crate::http::request::Request;
use crate::kinds::kind::{Kind, Registry};

/// The document for a client that takes it.
pub(super) fn answer(request: &Request, registry: &Registry, core: bool) -> Option<Answer> {
    let encoding = negotiate::accept_aggregated(request.header("accept"))?;
    let name = if core { "aggregated/api" } else { "aggregated/apis" };
    let content = registry.document(name, || document(registry, core).to_string().into());
    let (content_type, content) = match encoding {
        Encoding::Yaml => (
            "application/yaml;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
            // The hash is that of the content, however it is written.
            content.written(encode(&document(registry, core), encoding)),
        ),
        _ => (
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
            content,
        ),
    };
    Some(Answer::Document(Document::public(request, content_type, content)))
}

fn document(registry: &Registry, core: bool) -> Value {
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
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": groups,
    })
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
