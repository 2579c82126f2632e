//! Names to resources, and when the server is asked.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use http::{Request, Response, header::ACCEPT};
use kubist_apiserver::Server;
use kubist_client::{
    Client, Error,
    api::GroupVersionKind,
    client::Body,
    discovery::{RestMapper, Scope, verbs},
    error::DiscoveryError,
};
use serde_json::{Value, json};

/// `name` to `plural.version.group`.
async fn resolved(mapper: &RestMapper, name: &str) -> Option<String> {
    match mapper.resolve(name).await {
        Ok((resource, _)) => Some(format!(
            "{}.{}.{}",
            resource.plural, resource.version, resource.group
        )),
        Err(Error::Discovery(DiscoveryError::MissingResource(missing))) => {
            assert_eq!(missing, name);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn resources_have_many_names() {
    let server = Server::start().await.expect("starts");
    let mapper = RestMapper::new(Client::new(server.service(), "default"));
    for (names, expected) in [
        (
            &[
                "deploy",
                "deployment",
                "deployments",
                "Deployment",
                "deployments.apps",
                "deploy.app",
                "deploy.v1.apps",
            ][..],
            "deployments.v1.apps",
        ),
        (&["po", "pods", "Pod", "pods.v1", "pods.v1."], "pods.v1."),
        (
            &[
                "hpa",
                "hpa.v2.autoscaling",
                "horizontalpodautoscalers.autoscaling",
            ],
            "horizontalpodautoscalers.v2.autoscaling",
        ),
        (&["hpa.v1.autoscaling"], "horizontalpodautoscalers.v1.autoscaling"),
        (&["events"], "events.v1."),
        (&["events.events.k8s.io"], "events.v1.events.k8s.io"),
    ] {
        for name in names {
            assert_eq!(resolved(&mapper, name).await.as_deref(), Some(expected), "{name}");
        }
    }
    for name in [
        "",
        ".",
        "nothing",
        "deploy.ap.ps",
        "deployments.v2.apps",
        "deployments.batch",
        "pods.v2",
        "deploy.apps.v1",
    ] {
        assert_eq!(resolved(&mapper, name).await, None, "{name}");
    }
    let (resource, capabilities) = mapper
        .resolve_kind(&GroupVersionKind::gvk("apps", "v1", "Deployment"))
        .await
        .expect("is known");
    assert_eq!(
        (&*resource.plural, &*resource.api_version),
        ("deployments", "apps/v1")
    );
    assert!(capabilities.scope == Scope::Namespaced && capabilities.supports_operation(verbs::LIST));
    let unversioned = GroupVersionKind::gvk("autoscaling", "", "HorizontalPodAutoscaler");
    let any_version = mapper.resolve_kind(&unversioned);
    assert_eq!(any_version.await.expect("is known").0.version, "v2");
    let missing = mapper
        .resolve_kind(&GroupVersionKind::gvk("a.b", "v1", "Nothing"))
        .await;
    assert!(
        matches!(missing, Err(Error::Discovery(DiscoveryError::MissingKind(kind))) if kind == "Nothing.v1.a.b")
    );
}

/// A server of one group, which has a second resource after a while.
struct Small {
    aggregated: bool,
    questions: AtomicUsize,
    has_more: AtomicBool,
}

impl Small {
    fn mapper(aggregated: bool) -> (Arc<Self>, RestMapper) {
        let small = Arc::new(Self {
            aggregated,
            questions: AtomicUsize::new(0),
            has_more: AtomicBool::new(false),
        });
        let server = small.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            server.questions.fetch_add(1, Ordering::Relaxed);
            let accept = request
                .headers()
                .get(ACCEPT)
                .is_some_and(|accept| accept.as_bytes().contains(&b'='));
            let answer = server.answer(request.uri().path(), accept);
            async move { Ok::<_, Infallible>(Response::new(Body::from(answer.to_string().into_bytes()))) }
        });
        (small, RestMapper::new(Client::new(service, "default")))
    }

    fn answer(&self, path: &str, wants_aggregated: bool) -> Value {
        let mut resources = vec![("apples", "Apple", "ap")];
        if self.has_more.load(Ordering::Relaxed) {
            resources.push(("pears", "Pear", "pe"));
        }
        let version = |version: &str| -> Value {
            let resources: Vec<Value> = resources.iter().map(|(plural, kind, short)| json!({
                "resource": plural, "responseKind": {"kind": kind}, "scope": "Cluster", "verbs": ["get"], "shortNames": [short],
            })).collect();
            json!({"version": version, "resources": resources})
        };
        match path {
            "/api" if self.aggregated && wants_aggregated => {
                json!({"kind": "APIGroupDiscoveryList", "items": [{"versions": [{"version": "v1", "resources": []}]}]})
            }
            "/apis" if self.aggregated && wants_aggregated => {
                json!({"kind": "APIGroupDiscoveryList", "items": [
                    {"metadata": {"name": "fruit"}, "versions": [version("v1"), version("v2alpha1"), version("v1beta1")]},
                ]})
            }
            "/api" => json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
            "/apis" => json!({"kind": "APIGroupList", "groups": [{"name": "fruit",
                "versions": (["v2alpha1", "v1beta1", "v1"].map(|v| json!({"groupVersion": format!("fruit/{v}"), "version": v}))),
                "preferredVersion": {"groupVersion": "fruit/v1", "version": "v1"}}]}),
            "/api/v1" => json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": []}),
            _ => {
                let resources: Vec<Value> = resources.iter().map(|(plural, kind, short)| json!({
                    "name": plural, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind,
                    "verbs": ["get"], "shortNames": [short],
                })).collect();
                json!({"kind": "APIResourceList", "groupVersion": path.trim_start_matches("/apis/"), "resources": resources})
            }
        }
    }

    fn questions(&self) -> usize {
        self.questions.swap(0, Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_known_is_not_asked_for() {
    for (aggregated, requests) in [(true, 2), (false, 2 + 2 + 4)] {
        let (server, mapper) = Small::mapper(aggregated);
        let all =
            join_all(["apples", "ap", "Apple", "apples.fruit"].map(|name| resolved(&mapper, name))).await;
        assert!(
            all.iter()
                .all(|found| found.as_deref() == Some("apples.v1.fruit")),
            "{all:?}"
        );
        assert_eq!(
            resolved(&mapper, "ap.v1beta1.fruit").await.as_deref(),
            Some("apples.v1beta1.fruit")
        );
        assert_eq!(server.questions(), requests, "those who come together ask once");

        server.has_more.store(true, Ordering::Relaxed);
        assert_eq!(
            resolved(&mapper, "pears").await,
            None,
            "it was asked a moment ago"
        );
        assert_eq!(server.questions(), 0);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(
            resolved(&mapper, "pears").await.as_deref(),
            Some("pears.v1.fruit")
        );
        assert_eq!(server.questions(), requests);

        mapper.invalidate();
        assert_eq!(
            resolved(&mapper.clone(), "pe").await.as_deref(),
            Some("pears.v1.fruit")
        );
        assert_eq!(server.questions(), requests);
    }
}
