//! Subresources that are more than a part of their object.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CRDS, Http, MERGE, crd};

const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

#[tokio::test]
async fn a_service_account_gets_tokens_that_are_known_while_it_lives() {
    let now = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(1_700_000_000));
    let clock = std::sync::Arc::clone(&now);
    let server = Server::builder()
        .user("root", "root", "", ["system:masters"])
        .clock(move || {
            let seconds = clock.load(std::sync::atomic::Ordering::Relaxed);
            jiff::Timestamp::from_second(seconds).expect("a time")
        })
        .start()
        .await
        .expect("a server");
    let http = Http::new(&server).with_token("root");
    http.post(ACCOUNTS, json!({"metadata": {"name": "bot"}})).await;
    let path = format!("{ACCOUNTS}/bot/token");
    let (status, failure) = http.post(&path, json!({"spec": {"expirationSeconds": 1}})).await;
    assert_eq!(
        (status, failure["details"]["causes"][0]["field"].as_str()),
        (422, Some("spec.expirationSeconds"))
    );
    let (status, answer) = http
        .post(&path, json!({"spec": {"expirationSeconds": 600}}))
        .await;
    assert_eq!((status, answer["kind"].as_str()), (201, Some("TokenRequest")));
    assert_eq!(answer["status"]["expirationTimestamp"], "2023-11-14T22:23:20Z");
    let token = answer["status"]["token"].as_str().expect("a token").to_owned();

    let bot = Http::new(&server).with_token(&token);
    let (_, me) = bot
        .post(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}),
        )
        .await;
    assert_eq!(
        me["status"]["userInfo"]["username"],
        "system:serviceaccount:default:bot"
    );
    let maps = "/api/v1/namespaces/default/configmaps";
    assert_eq!(bot.get(maps).await.0, 403);
    let binding = json!({
        "metadata": {"name": "bot"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "bot", "namespace": "default"}],
    });
    let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
    assert_eq!(http.post(bindings, binding).await.0, 201);
    assert_eq!(bot.get(maps).await.0, 200, "the role `view` is aggregated");
    assert_eq!(bot.get("/api/v1/namespaces/default/secrets").await.0, 403);

    let review = json!({"spec": {"token": token}});
    let (_, known) = http.post(REVIEWS, review.clone()).await;
    assert_eq!(known["status"]["authenticated"], true);
    let forged = format!("{}x", &token[..token.len() - 1]);
    assert_eq!(Http::new(&server).with_token(&forged).get(maps).await.0, 401);
    now.fetch_add(601, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(bot.get(maps).await.0, 401, "it ran out");
    now.fetch_sub(601, std::sync::atomic::Ordering::Relaxed);
    http.delete(&format!("{ACCOUNTS}/bot")).await;
    assert_eq!(bot.get(maps).await.0, 401, "its account is gone");
}

#[tokio::test]
async fn a_signing_request_is_decided_by_approval_alone() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let pem = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";
    let spec = json!({"request": pem, "signerName": "example.com/signer", "usages": ["client auth"], "username": "eve"});
    let (status, created) = http
        .post(requests, json!({"metadata": {"name": "a"}, "spec": spec}))
        .await;
    assert_eq!(status, 201, "{created}");
    assert_eq!(
        created["spec"]["username"], "kubist:admin",
        "nobody asks for another"
    );
    let approved =
        json!({"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "Ok"}]}});
    let (_, through_status) = http
        .patch(&format!("{requests}/a/status"), MERGE, approved.clone())
        .await;
    assert!(
        through_status["status"]
            .get("conditions")
            .is_none_or(|list| list == &json!([])),
        "{through_status}"
    );
    let (status, decided) = http
        .patch(&format!("{requests}/a/approval"), MERGE, approved)
        .await;
    assert_eq!(
        (status, &decided["status"]["conditions"][0]["type"]),
        (200, &json!("Approved"))
    );
    assert!(decided["status"]["conditions"][0]["lastUpdateTime"].is_string());
    let both = json!({"status": {"conditions": [
        {"type": "Approved", "status": "True"}, {"type": "Denied", "status": "True"},
    ]}});
    assert_eq!(
        http.patch(&format!("{requests}/a/approval"), MERGE, both).await.0,
        422
    );
    let none = json!({"status": {"conditions": []}});
    assert_eq!(
        http.patch(&format!("{requests}/a/approval"), MERGE, none).await.0,
        422
    );
}

#[tokio::test]
async fn a_pod_is_resized_under_its_own_path() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let pods = "/api/v1/namespaces/default/pods";
    let container = json!({"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}});
    http.post(
        pods,
        json!({"metadata": {"name": "p"}, "spec": {"containers": [container]}}),
    )
    .await;
    let resources = |resources: Value| json!({"spec": {"containers": [{"name": "c", "image": "other", "resources": resources}]}});
    let strategic = "application/strategic-merge-patch+json";
    let more = resources(json!({"requests": {"cpu": "2"}}));
    assert_eq!(
        http.patch(&format!("{pods}/p"), strategic, more.clone()).await.0,
        422
    );
    let (status, resized) = http.patch(&format!("{pods}/p/resize"), strategic, more).await;
    assert_eq!(
        (
            status,
            &resized["spec"]["containers"][0]["resources"]["requests"]["cpu"]
        ),
        (200, &json!("2"))
    );
    assert_eq!(
        resized["spec"]["containers"][0]["image"], "i",
        "nothing else changes"
    );
    assert_eq!(resized["metadata"]["generation"], 2);
    let guaranteed = resources(
        json!({"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}),
    );
    let (status, failure) = http
        .patch(&format!("{pods}/p/resize"), strategic, guaranteed)
        .await;
    let message = failure["message"].as_str().unwrap_or("");
    assert_eq!(
        (status, message.contains("Pod QOS Class may not change")),
        (422, true),
        "{message}"
    );
}

#[tokio::test]
async fn autoscalers_are_the_same_in_both_versions() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let (v1, v2) = (
        "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
        "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
    );
    let target = json!({"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"});
    let spec = json!({"scaleTargetRef": target, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50});
    let (status, created) = http
        .post(v1, json!({"metadata": {"name": "a"}, "spec": spec}))
        .await;
    assert_eq!(status, 201, "{created}");
    let (_, found) = http.get(&format!("{v2}/a")).await;
    assert_eq!(found["apiVersion"], "autoscaling/v2");
    // In the first version nothing is left out where it is 0.
    assert_eq!(
        created["status"],
        json!({"currentReplicas": 0, "desiredReplicas": 0})
    );
    assert_eq!(found["status"]["currentReplicas"], Value::Null);
    assert_eq!(
        found["spec"]["metrics"],
        json!([{"type": "Resource", "resource": {
            "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50},
        }}])
    );
    let (status, patched) = http
        .patch(&format!("{v1}/a"), MERGE, json!({"spec": {"maxReplicas": 5}}))
        .await;
    assert_eq!(
        (status, &patched["spec"]["targetCPUUtilizationPercentage"]),
        (200, &json!(50))
    );
    let body = json!({"spec": {"maxReplicas": 5}}).to_string().into_bytes();
    let before = http.get(&format!("{v2}/a")).await.1["metadata"]["resourceVersion"].clone();
    let again = http
        .send(
            http::Method::PATCH,
            &format!("{v1}/a"),
            &[("content-type", MERGE)],
            body,
        )
        .await;
    assert_eq!(again.status(), 200);
    let after = http.get(&format!("{v2}/a")).await.1["metadata"]["resourceVersion"].clone();
    assert_eq!(before, after, "nothing changed");
}

#[tokio::test]
async fn evictions_spend_the_budget_and_bindings_have_a_path_of_their_own() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let pods = "/api/v1/namespaces/default/pods";
    for name in ["a", "b"] {
        let pod = json!({
            "metadata": {"name": name, "labels": {"app": "x"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        });
        assert_eq!(http.post(pods, pod).await.0, 201);
        let binding =
            json!({"kind": "Binding", "metadata": {"name": name}, "target": {"kind": "Node", "name": "n"}});
        assert_eq!(
            http.post("/api/v1/namespaces/default/bindings", binding).await.0,
            201
        );
        let (_, pod) = http.get(&format!("{pods}/{name}")).await;
        assert_eq!(pod["spec"]["nodeName"], "n");
        let running = json!({"status": {"phase": "Running"}});
        http.patch(&format!("{pods}/{name}/status"), MERGE, running).await;
    }
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    let budget = json!({
        "metadata": {"name": "b"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}},
    });
    assert_eq!(http.post(budgets, budget.clone()).await.0, 201);
    let evict = async |pod: &str, named: &str| {
        let eviction = json!({"kind": "Eviction", "metadata": {"name": named}});
        http.post(&format!("{pods}/{pod}/eviction"), eviction).await
    };
    assert_eq!(evict("a", "b").await.0, 400, "it names another pod");
    let (code, failure) = evict("a", "a").await;
    assert_eq!(
        (code, &failure["details"]["retryAfterSeconds"]),
        (429, &json!(10))
    );
    let status = json!({"status": {
        "observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2,
    }});
    http.patch(&format!("{budgets}/b/status"), MERGE, status).await;
    let older = json!({"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": "a"}});
    assert_eq!(http.post(&format!("{pods}/a/eviction"), older).await.0, 201);
    let (_, spent) = http.get(&format!("{budgets}/b")).await;
    assert_eq!(spent["status"]["disruptionsAllowed"], 0);
    assert!(spent["status"]["disruptedPods"]["a"].is_string());
    assert_eq!(spent["status"]["conditions"][0]["reason"], "InsufficientPods");
    assert_eq!(evict("b", "b").await.0, 429);
    let mut second = budget;
    second["metadata"]["name"] = "c".into();
    http.post(budgets, second).await;
    assert_eq!(evict("b", "b").await.0, 500);
}

#[tokio::test]
async fn a_pod_that_is_evicted_says_so_and_keeps_what_was_added_to_it() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({
        "metadata": {"name": "a"},
        "spec": {"nodeName": "n", "activeDeadlineSeconds": 20, "containers": [{"name": "c", "image": "i"}]},
    });
    let (status, pod) = http.post(pods, pod).await;
    assert_eq!(status, 201, "{pod}");
    let a = format!("{pods}/a");

    let added = |image: &str| json!({"spec": {"ephemeralContainers": [{"name": "d", "image": image}]}});
    let path = format!("{a}/ephemeralcontainers");
    assert_eq!(http.patch(&path, MERGE, added("busy")).await.0, 200);
    for (patch, what) in [
        (added("other"), "changed"),
        (json!({"spec": {"ephemeralContainers": []}}), "removed"),
    ] {
        let (status, refused) = http.patch(&path, MERGE, patch).await;
        let message = refused["message"].as_str().unwrap_or("");
        assert_eq!(status, 422, "{refused}");
        let told = format!("existing ephemeral containers \"d\" may not be {what}");
        assert!(message.contains(&told), "{message}");
    }

    let deadline = |seconds: Value| json!({"spec": {"activeDeadlineSeconds": seconds}});
    for (seconds, code) in [(json!(10), 200), (json!(30), 422), (Value::Null, 422)] {
        assert_eq!(http.patch(&a, MERGE, deadline(seconds)).await.0, code);
    }
    let nominated = json!({"status": {"nominatedNodeName": "m"}});
    assert_eq!(http.patch(&format!("{a}/status"), MERGE, nominated).await.0, 422);

    let evict = async |preconditions: Value| {
        let options = json!({"preconditions": preconditions});
        let eviction = json!({"metadata": {"name": "a"}, "deleteOptions": options});
        http.post(&format!("{a}/eviction"), eviction).await.0
    };
    assert_eq!(evict(json!({"uid": "other"})).await, 409);
    let (_, kept) = http.get(&a).await;
    assert_eq!(kept["status"].get("conditions"), None);
    let version = kept["metadata"]["resourceVersion"].clone();
    assert_eq!(evict(json!({"resourceVersion": version})).await, 201);
    let (_, evicted) = http.get(&a).await;
    let condition = &evicted["status"]["conditions"][0];
    assert_eq!(
        (&condition["type"], &condition["reason"]),
        (&json!("DisruptionTarget"), &json!("EvictionByEvictionAPI"))
    );
    assert!(evicted["metadata"]["deletionTimestamp"].is_string());
}

#[tokio::test]
async fn a_scale_has_a_table_of_its_own() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let mut definition = crd(
        "Widget",
        json!({"type": "object", "properties": {"replicas": {"type": "integer"}}}),
    );
    definition["spec"]["versions"][0]["subresources"]["scale"] =
        json!({"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"});
    http.post(CRDS, definition).await;
    let template = json!({
        "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]},
    });
    for (path, object, name, age, package) in [
        (
            "/apis/apps/v1/namespaces/default/deployments",
            json!({"metadata": {"name": "d"}, "spec": {
                "replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": template,
            }}),
            "",
            "string",
            "autoscaling",
        ),
        (
            "/apis/example.com/v1/namespaces/default/widgets",
            json!({
                "apiVersion": "example.com/v1", "kind": "Widget",
                "metadata": {"name": "d"}, "spec": {"replicas": 2},
            }),
            "name",
            "date",
            "v1",
        ),
    ] {
        assert_eq!(http.post(path, object).await.0, 201, "{path}");
        let scale = format!("{path}/d/scale");
        let asked = async |view: &str, more: &str| {
            let accept = format!("application/json;as={view};v=v1;g=meta.k8s.io");
            http.get_as(&format!("{scale}{more}"), &accept).await
        };
        let (status, table) = asked("Table", "").await;
        assert_eq!((status, &table["kind"]), (200, &json!("Table")));
        let columns = table["columnDefinitions"].as_array().expect("columns").iter();
        let columns: Vec<Value> = columns
            .map(|c| json!([c["name"], c["type"], c["format"]]))
            .collect();
        let expected = json!([
            ["Name", "string", name],
            ["Desired", "integer", ""],
            ["Available", "integer", ""],
            ["Age", age, ""],
        ]);
        assert_eq!(Value::from(columns), expected);
        let row = &table["rows"][0];
        assert_eq!(
            row["cells"].as_array().map(|cells| cells[..3].to_vec()),
            json!(["d", 2, 0]).as_array().cloned()
        );
        assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
        let (_, table) = asked("Table", "?includeObject=Object").await;
        assert_eq!(table["rows"][0]["object"]["kind"], "Scale");
        let (status, failure) = asked("PartialObjectMetadataList", "").await;
        let told = format!(
            "you requested PartialObjectMetadataList, but the requested object is not a list (*{package}.Scale)"
        );
        assert_eq!((status, failure["message"].as_str()), (406, Some(told.as_str())));
    }
}
