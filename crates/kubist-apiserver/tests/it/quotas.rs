//! Quotas: what is charged, refused and given back.

use futures::future::join_all;
use kubist_apiserver::Server;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{
    CONFIG_MAPS, CRDS, Events, Http, JSON, MERGE, config_map, crd, why_forbidden, without_controllers,
};

const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";
const PODS: &str = "/api/v1/namespaces/default/pods";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";

async fn start() -> (Server, Http) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    (server, http)
}

/// Makes a quota and waits until it counts; gives what happens to it.
async fn quota(http: &Http, name: &str, spec: Value) -> Events {
    let hard = spec["hard"].clone();
    let path = format!("{QUOTAS}?watch=1&fieldSelector=metadata.name%3D{name}");
    let mut events = http.watch(&path).await;
    let (status, answer) = http
        .post(QUOTAS, json!({"metadata": {"name": name}, "spec": spec}))
        .await;
    assert_eq!((status, &answer["status"]), (201, &json!({})), "{answer}");
    loop {
        let event = events.next().await.expect("an event");
        if event["object"]["status"]["hard"] == hard {
            return events;
        }
    }
}

/// Waits until this is used.
async fn used(events: &mut Events, wanted: Value) {
    let mut found = Value::Null;
    while found != wanted {
        let event = events.next().await.expect("an event");
        found = event["object"]["status"]["used"].clone();
    }
}

fn container(resources: Value) -> Value {
    json!({"name": "c", "image": "i", "resources": resources})
}

fn pod(name: &str, resources: Value) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [container(resources)]}})
}

async fn created(http: &Http, path: &str, object: Value) {
    let (status, answer) = http.post(path, object).await;
    assert_eq!(status, 201, "{answer}");
}

async fn refused(http: &Http, path: &str, object: Value) -> String {
    why_forbidden(http.post(path, object).await)
}

#[tokio::test]
async fn what_is_there_counts_and_what_goes_is_given_back() {
    let (_server, http) = start().await;
    created(&http, CONFIG_MAPS, config_map("a")).await;
    let mut events = quota(
        &http,
        "q",
        json!({"hard": {"configmaps": "2", "count/secrets": "1"}}),
    )
    .await;
    created(&http, CONFIG_MAPS, config_map("b")).await;
    used(&mut events, json!({"configmaps": "2", "count/secrets": "0"})).await;
    assert_eq!(
        refused(&http, CONFIG_MAPS, config_map("c")).await,
        "exceeded quota: q, requested: configmaps=1, used: configmaps=2, limited: configmaps=2"
    );
    let apply = "application/apply-patch+yaml";
    let path = format!("{CONFIG_MAPS}/c?fieldManager=m");
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}});
    why_forbidden(http.patch(&path, apply, object).await);
    http.delete(&format!("{CONFIG_MAPS}/a")).await;
    used(&mut events, json!({"configmaps": "1", "count/secrets": "0"})).await;
    created(&http, CONFIG_MAPS, config_map("c")).await;
    // A limit that moves is told and held.
    let more = json!({"spec": {"hard": {"configmaps": "3"}}});
    http.patch(&format!("{QUOTAS}/q"), MERGE, more).await;
    loop {
        let event = events.next().await.expect("an event");
        if event["object"]["status"]["hard"]["configmaps"] == "3" {
            break;
        }
    }
    created(&http, CONFIG_MAPS, config_map("d")).await;
    why_forbidden(http.post(CONFIG_MAPS, config_map("e")).await);
}

#[tokio::test]
async fn a_dry_run_is_checked_and_not_charged() {
    let (_server, http) = start().await;
    let mut events = quota(&http, "q", json!({"hard": {"configmaps": "1"}})).await;
    let dry = format!("{CONFIG_MAPS}?dryRun=All");
    for _ in 0..3 {
        created(&http, &dry, config_map("a")).await;
    }
    created(&http, CONFIG_MAPS, config_map("a")).await;
    used(&mut events, json!({"configmaps": "1"})).await;
    why_forbidden(http.post(&dry, config_map("b")).await);
}

/// The write failed after it was charged.
#[tokio::test]
async fn what_was_not_written_is_given_back() {
    let (_server, http) = start().await;
    created(&http, CONFIG_MAPS, config_map("a")).await;
    let mut events = quota(&http, "q", json!({"hard": {"configmaps": "3"}})).await;
    for _ in 0..8 {
        assert_eq!(http.post(CONFIG_MAPS, config_map("a")).await.0, 409);
    }
    used(&mut events, json!({"configmaps": "1"})).await;
}

#[tokio::test]
async fn containers_must_ask_for_what_is_counted() {
    let (_server, http) = start().await;
    let hard = json!({"requests.cpu": "1", "limits.cpu": "2", "memory": "1Gi"});
    let mut events = quota(&http, "q", json!({"hard": hard})).await;
    let mut object = pod("p", json!({"requests": {"cpu": "500m"}}));
    object["spec"]["initContainers"] = json!([{"name": "a", "image": "i"}]);
    assert_eq!(
        refused(&http, PODS, object).await,
        "failed quota: q: must specify limits.cpu for: a,c; memory for: a,c; requests.cpu for: a"
    );
    let asking = |cpu: &str| json!({"requests": {"cpu": cpu, "memory": "100Mi"}, "limits": {"cpu": cpu, "memory": "100Mi"}});
    created(&http, PODS, pod("p", asking("600m"))).await;
    assert_eq!(
        refused(&http, PODS, pod("r", asking("0.5"))).await,
        "exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1"
    );
    // What starts first counts if it is more than what runs.
    let mut object = pod("r", asking("100m"));
    let mut first = container(asking("500m"));
    first["name"] = json!("first");
    object["spec"]["initContainers"] = json!([first]);
    why_forbidden(http.post(PODS, object).await);
    // One that is over uses nothing.
    let over = json!({"status": {"phase": "Succeeded"}});
    http.patch(&format!("{PODS}/p/status"), MERGE, over).await;
    used(
        &mut events,
        json!({"requests.cpu": "0", "limits.cpu": "0", "memory": "0"}),
    )
    .await;
    created(&http, PODS, pod("r", asking("1"))).await;
}

#[tokio::test]
async fn other_resources_count_where_they_are_asked_for() {
    let (_server, http) = start().await;
    let hard = json!({"requests.example.com/gpu": "2", "pods": "5", "requests.ephemeral-storage": "1Gi"});
    let mut events = quota(&http, "q", json!({"hard": hard})).await;
    let gpus = |count: &str| json!({"limits": {"example.com/gpu": count}});
    created(&http, PODS, pod("none", json!({}))).await;
    created(&http, PODS, pod("one", gpus("1"))).await;
    let wanted = json!({"requests.example.com/gpu": "1", "pods": "2", "requests.ephemeral-storage": "0"});
    used(&mut events, wanted).await;
    assert_eq!(
        refused(&http, PODS, pod("two", gpus("2"))).await,
        "exceeded quota: q, requested: requests.example.com/gpu=2, used: requests.example.com/gpu=1, limited: \
         requests.example.com/gpu=2"
    );
    assert_eq!(
        refused(
            &http,
            PODS,
            pod("much", json!({"requests": {"ephemeral-storage": "2Gi"}}))
        )
        .await,
        "exceeded quota: q, requested: requests.ephemeral-storage=2Gi, used: requests.ephemeral-storage=0, limited: \
         requests.ephemeral-storage=1Gi"
    );
}

#[tokio::test]
async fn services_count_by_their_type() {
    let (_server, http) = start().await;
    let hard = json!({"services": "5", "services.nodeports": "2", "services.loadbalancers": "1"});
    let mut events = quota(&http, "q", json!({"hard": hard})).await;
    let service = |name: &str, kind: &str| {
        json!({"metadata": {"name": name}, "spec": {
            "type": kind, "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}],
        }})
    };
    // That of the server itself is in this namespace.
    let status = |nodes: &str, services: &str| json!({"services": services, "services.nodeports": nodes, "services.loadbalancers": "0"});
    created(&http, SERVICES, service("plain", "ClusterIP")).await;
    created(&http, SERVICES, service("nodes", "NodePort")).await;
    used(&mut events, status("2", "3")).await;
    let kind = |kind: &str| json!({"spec": {"type": kind}});
    assert_eq!(
        why_forbidden(
            http.patch(&format!("{SERVICES}/plain"), MERGE, kind("LoadBalancer"))
                .await
        ),
        "exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=2, limited: services.nodeports=2"
    );
    let (answer, _) = http
        .patch(&format!("{SERVICES}/nodes"), MERGE, kind("ClusterIP"))
        .await;
    assert_eq!(answer, 200);
    used(&mut events, status("0", "3")).await;
    let (answer, _) = http
        .patch(&format!("{SERVICES}/plain"), MERGE, kind("NodePort"))
        .await;
    assert_eq!(answer, 200);
}

#[tokio::test]
async fn claims_count_by_class() {
    let (_server, http) = start().await;
    let hard = json!({
        "requests.storage": "3Gi", "gold.storageclass.storage.k8s.io/requests.storage": "1Gi",
        "silver.storageclass.storage.k8s.io/persistentvolumeclaims": "0",
    });
    let _events = quota(&http, "q", json!({"hard": hard})).await;
    let claim = |name: &str, size: &str, class: &str| {
        json!({"metadata": {"name": name}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, "storageClassName": class,
        }})
    };
    assert_eq!(
        refused(&http, CLAIMS, claim("c", "2Gi", "gold")).await,
        "exceeded quota: q, requested: gold.storageclass.storage.k8s.io/requests.storage=2Gi, used: \
         gold.storageclass.storage.k8s.io/requests.storage=0, limited: \
         gold.storageclass.storage.k8s.io/requests.storage=1Gi"
    );
    why_forbidden(http.post(CLAIMS, claim("c", "1", "silver")).await);
    created(&http, CLAIMS, claim("c", "2Gi", "bronze")).await;
    assert_eq!(
        refused(&http, CLAIMS, claim("d", "2Gi", "bronze")).await,
        "exceeded quota: q, requested: requests.storage=2Gi, used: requests.storage=2Gi, limited: requests.storage=3Gi"
    );
}

#[tokio::test]
async fn scopes_choose_pods() {
    let (_server, http) = start().await;
    let _best = quota(
        &http,
        "best",
        json!({"hard": {"pods": "1"}, "scopes": ["BestEffort"]}),
    )
    .await;
    let _ending = quota(
        &http,
        "ending",
        json!({"hard": {"pods": "0"}, "scopes": ["Terminating"]}),
    )
    .await;
    let selector = json!({"matchExpressions": [
        {"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]},
    ]});
    let _urgent = quota(
        &http,
        "urgent",
        json!({"hard": {"pods": "0"}, "scopeSelector": selector}),
    )
    .await;
    let some = json!({"requests": {"cpu": "1m"}});
    created(&http, PODS, pod("a", json!({}))).await;
    assert!(
        refused(&http, PODS, pod("b", json!({})))
            .await
            .starts_with("exceeded quota: best,")
    );
    created(&http, PODS, pod("b", some.clone())).await;
    let mut object = pod("c", some.clone());
    object["spec"]["priorityClassName"] = json!("system-node-critical");
    assert!(
        refused(&http, PODS, object)
            .await
            .starts_with("exceeded quota: urgent,")
    );
    let mut object = pod("c", some);
    object["spec"]["activeDeadlineSeconds"] = json!(5);
    assert!(
        refused(&http, PODS, object)
            .await
            .starts_with("exceeded quota: ending,")
    );
    // One that comes into a scope is charged there.
    let deadline = json!({"spec": {"activeDeadlineSeconds": 5}});
    let answer = http.patch(&format!("{PODS}/b"), MERGE, deadline).await;
    assert!(why_forbidden(answer).starts_with("exceeded quota: ending,"));
}

#[tokio::test]
async fn custom_resources_count() {
    let (_server, http) = start().await;
    created(&http, CRDS, crd("Thing", json!({"type": "object"}))).await;
    let things = "/apis/example.com/v1/namespaces/default/things";
    let thing =
        |name: &str| json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": name}});
    created(&http, things, thing("a")).await;
    let mut events = quota(&http, "q", json!({"hard": {"count/things.example.com": "2"}})).await;
    created(&http, things, thing("b")).await;
    used(&mut events, json!({"count/things.example.com": "2"})).await;
    assert_eq!(
        refused(&http, things, thing("c")).await,
        "exceeded quota: q, requested: count/things.example.com=1, used: count/things.example.com=2, limited: \
         count/things.example.com=2"
    );
}

#[tokio::test]
async fn quotas_are_checked_themselves() {
    let (_server, http) = start().await;
    for (spec, why) in [
        (
            json!({"hard": {"nope": "1"}}),
            "[spec.hard[nope]: Invalid value: \"nope\": must be a standard resource type or fully qualified, \
             spec.hard[nope]: Invalid value: \"nope\": must be a standard resource for quota]",
        ),
        (
            json!({"hard": {"pods": "1500m"}}),
            "spec.hard[pods]: Invalid value: \"1500m\": must be an integer",
        ),
        (
            json!({"hard": {"pods": "-1"}}),
            "spec.hard[pods]: Invalid value: \"-1\": must be greater than or equal to 0",
        ),
        (
            json!({"scopes": ["BestEffort", "NotBestEffort"]}),
            "spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\"]: conflicting scopes",
        ),
        (
            json!({"hard": {"configmaps": "1"}, "scopes": ["Terminating"]}),
            "spec.scopes: Invalid value: [\"Terminating\"]: unsupported scope applied to resource",
        ),
        (
            json!({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In"}]}}),
            "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is \
             'In' or 'NotIn' for scope selector",
        ),
    ] {
        let (status, answer) = http
            .post(QUOTAS, json!({"metadata": {"name": "q"}, "spec": spec}))
            .await;
        let told = format!("ResourceQuota \"q\" is invalid: {why}");
        assert_eq!((status, &answer["message"]), (422, &json!(told)));
    }
    let odd =
        json!({"metadata": {"name": "odd"}, "spec": {"hard": {"requests.cpu": "2", "limits.cpu": "1"}}});
    let headers = [("content-type", JSON)];
    let response = http
        .send(http::Method::POST, QUOTAS, &headers, odd.to_string().into_bytes())
        .await;
    assert_eq!(
        response.headers()["warning"],
        "299 - \"ResourceQuota requests.cpu (2) should be less than limits.cpu (1)\""
    );
    let scopes = json!({"spec": {"scopes": ["Terminating"]}});
    assert_eq!(http.patch(&format!("{QUOTAS}/odd"), MERGE, scopes).await.0, 422);
}

/// Nobody says how much of it is used.
#[tokio::test]
async fn a_write_that_fails_gives_back_what_it_was_charged_at_once() {
    let (_server, http) = without_controllers().await;
    let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "2"}}});
    created(&http, QUOTAS, quota).await;
    let status = json!({"status": {"hard": {"configmaps": "2"}, "used": {"configmaps": "0"}}});
    let path = format!("{QUOTAS}/q/status");
    assert_eq!(http.patch(&path, MERGE, status).await.0, 200);

    created(&http, CONFIG_MAPS, config_map("a")).await;
    for _ in 0..3 {
        assert_eq!(http.post(CONFIG_MAPS, config_map("a")).await.0, 409);
    }
    let (_, quota) = http.get(&format!("{QUOTAS}/q")).await;
    assert_eq!(quota["status"]["used"]["configmaps"], "1");
    created(&http, CONFIG_MAPS, config_map("b")).await;
    assert_eq!(http.post(CONFIG_MAPS, config_map("c")).await.0, 403);
}

#[tokio::test]
async fn without_controllers_a_quota_limits_nothing_by_itself() {
    let (_server, http) = without_controllers().await;
    let path = format!("{QUOTAS}/q");
    let spec = json!({"hard": {"configmaps": "0"}});
    created(&http, QUOTAS, json!({"metadata": {"name": "q"}, "spec": spec})).await;
    created(&http, CONFIG_MAPS, config_map("a")).await;
    let hard = json!({"status": {"hard": {"configmaps": "1"}}});
    http.patch(&format!("{path}/status"), MERGE, hard).await;
    assert_eq!(
        refused(&http, CONFIG_MAPS, config_map("b")).await,
        "status unknown for quota: q, resources: configmaps"
    );
    let used = json!({"status": {"used": {"configmaps": "0"}}});
    http.patch(&format!("{path}/status"), MERGE, used).await;
    created(&http, CONFIG_MAPS, config_map("b")).await;
    assert_eq!(
        refused(&http, CONFIG_MAPS, config_map("c")).await,
        "exceeded quota: q, requested: configmaps=1, used: configmaps=1, limited: configmaps=1"
    );
    let (_, quota) = http.get(&path).await;
    let managers = quota["metadata"]["managedFields"].as_array().expect("managers");
    assert!(managers.iter().any(|entry| entry["manager"] == "kube-apiserver"));
}

/// Creates and deletes at once; gives the most objects that were there together, and how many are left.
async fn race(limit: usize, writers: usize, rounds: usize) -> (usize, usize) {
    let (_server, http) = start().await;
    let limits =
        json!({"hard": {"configmaps": limit.to_string(), "count/configmaps": (limit + 1).to_string()}});
    let mut events = quota(&http, "q", limits).await;
    let seen = http
        .watch(&format!("{CONFIG_MAPS}?watch=1&timeoutSeconds=60"))
        .await;
    join_all((0..writers).map(|writer| {
        let http = &http;
        async move {
            for round in 0..rounds {
                let name = format!("m-{writer}-{round}");
                let (status, answer) = http.post(CONFIG_MAPS, config_map(&name)).await;
                assert!(matches!(status, 201 | 403), "{answer}");
                if status == 201 && (writer + round) % 2 == 0 {
                    http.delete(&format!("{CONFIG_MAPS}/{name}")).await;
                }
            }
        }
    }))
    .await;
    let (_, list) = http.get(CONFIG_MAPS).await;
    let left = list["items"].as_array().map_or(0, Vec::len);
    if limit > 0 {
        let count = left.to_string();
        used(
            &mut events,
            json!({"configmaps": count, "count/configmaps": count}),
        )
        .await;
    }
    // The last object that the watch is to tell of.
    http.delete(&format!("{QUOTAS}/q")).await;
    created(&http, CONFIG_MAPS, config_map("end")).await;
    (most(seen).await, left)
}

/// The most objects that were there together before the one called `end`.
async fn most(mut events: Events) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    while let Some((kind, name)) = events.told().await {
        match kind.as_str() {
            "ADDED" if name == "end" => break,
            "ADDED" => now += 1,
            "DELETED" => now -= 1,
            _ => {}
        }
        most = most.max(now);
    }
    most
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn writers_at_once_never_exceed_a_quota(limit in 0_usize..6, writers in 1_usize..12, rounds in 1_usize..5) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .expect("a runtime");
        let (most, left) = runtime.block_on(race(limit, writers, rounds));
        prop_assert!(most <= limit, "{most} of {limit}");
        prop_assert!(left <= limit);
        // Nobody is refused for want of counting.
        prop_assert!(most > 0 || limit == 0);
    }
}
