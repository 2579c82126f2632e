//! Reviews: what may be asked, and what is answered.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::Http;

const AUTHORIZATION: &str = "/apis/authorization.k8s.io/v1";
const AUTHENTICATION: &str = "/apis/authentication.k8s.io/v1";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";

async fn server() -> Server {
    let builder = Server::builder().user("root", "root", "", ["system:masters"]);
    builder
        .user("alice", "alice", "", ["devs"])
        .start()
        .await
        .expect("a server")
}

fn causes(failure: &Value) -> Vec<(&str, &str)> {
    let causes = failure["details"]["causes"].as_array().expect("causes").iter();
    let told = causes.map(|cause| (cause["field"].as_str(), cause["message"].as_str()));
    told.map(|(field, message)| (field.expect("a field"), message.expect("a message")))
        .collect()
}

#[tokio::test]
async fn access_reviews_have_no_metadata() {
    let server = server().await;
    let http = Http::new(&server).with_token("alice");
    let reviews = format!("{AUTHORIZATION}/selfsubjectaccessreviews");
    let spec = json!({"resourceAttributes": {"verb": "get", "resource": "pods"}});
    let named = json!({"metadata": {"name": "x"}, "spec": spec});
    let (status, failure) = http.post(&reviews, named).await;
    assert_eq!(
        (status, failure["details"]["kind"].as_str()),
        (422, None),
        "{failure}"
    );
    let [("metadata", message)] = causes(&failure)[..] else {
        panic!("{failure}");
    };
    assert!(
        message.starts_with(r#"Invalid value: {"name":"x","managedFields":[{"manager":"#),
        "{message}"
    );
    assert!(message.ends_with(": must be empty"), "{message}");
    // What clients cannot say is no metadata of theirs.
    let odd = json!({"metadata": {"namespace": "q", "uid": "u", "creationTimestamp": "2020-01-01T00:00:00Z"}, "spec": spec});
    let (status, answer) = http.post(&reviews, odd).await;
    assert_eq!((status, &answer["status"]), (201, &json!({"allowed": false})));
    let fields = answer["metadata"].as_object().expect("metadata");
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["managedFields"]);
    // Nobody keeps them.
    assert_eq!(http.get(&format!("{reviews}/x")).await.0, 403);
    let root = Http::new(&server).with_token("root");
    assert_eq!(root.get(&format!("{reviews}/x")).await.0, 404);
}

#[tokio::test]
async fn local_reviews_are_about_their_namespace() {
    let server = server().await;
    let http = Http::new(&server).with_token("root");
    let path = format!("{AUTHORIZATION}/namespaces/default/localsubjectaccessreviews");
    let elsewhere =
        json!({"spec": {"user": "a", "resourceAttributes": {"verb": "get", "namespace": "other"}}});
    let (_, failure) = http.post(&path, elsewhere).await;
    assert_eq!(
        causes(&failure),
        [(
            "spec.resourceAttributes.namespace",
            "Invalid value: \"other\": must match metadata.namespace"
        )]
    );
    let no_resource = json!({"spec": {"user": "a", "nonResourceAttributes": {"path": "/x", "verb": "get"}}});
    let (_, failure) = http.post(&path, no_resource).await;
    assert_eq!(
        causes(&failure),
        [(
            "spec.nonResourceAttributes",
            "Invalid value: {\"Path\":\"/x\",\"Verb\":\"get\"}: disallowed on this kind of request"
        )]
    );
    let misplaced = json!({"metadata": {"namespace": "other"}, "spec": {}});
    assert_eq!(http.post(&path, misplaced).await.0, 400);
}

#[tokio::test]
async fn selectors_of_access_reviews_are_looked_at() {
    let server = server().await;
    let http = Http::new(&server).with_token("root");
    let reviews = format!("{AUTHORIZATION}/selfsubjectaccessreviews");
    let ask = async |selectors: Value| {
        let mut asked = json!({"verb": "list", "resource": "pods"});
        for (key, value) in selectors.as_object().expect("an object") {
            asked[key] = value.clone();
        }
        http.post(&reviews, json!({"spec": {"resourceAttributes": asked}}))
            .await
    };
    let (status, failure) = ask(json!({
        "fieldSelector": {"requirements": [{"key": "", "operator": "New"}]},
        "labelSelector": {"rawSelector": "a", "requirements": [{"key": "a", "operator": "In"}]},
    }))
    .await;
    assert_eq!(status, 422);
    let labels = "spec.resourceAttributes.labelSelector";
    assert_eq!(
        causes(&failure),
        [
            (
                "spec.resourceAttributes.fieldSelector.requirements[0].key",
                "Required value: must be specified"
            ),
            (
                format!("{labels}.rawSelector").as_str(),
                "Invalid value: \"a\": may not specified at the same time as requirements"
            ),
            (
                format!("{labels}.requirements[0].values").as_str(),
                "Required value: must be specified when `operator` is 'In' or 'NotIn'"
            ),
        ]
    );
    let (status, answer) = ask(json!({
        "fieldSelector": {"requirements": [
            {"key": "a", "operator": "In", "values": ["b"]}, {"key": "a", "operator": "Exists"},
        ]},
        "labelSelector": {"rawSelector": "a in (b"},
    }))
    .await;
    let ignored = "spec.resourceAttributes.fieldSelector partially ignored due to parse error; \
                   spec.resourceAttributes.labelSelector ignored due to parse error";
    assert_eq!(
        (status, &answer["status"]),
        (201, &json!({"allowed": true, "evaluationError": ignored}))
    );
}

#[tokio::test]
async fn tokens_are_for_somebody() {
    let server = server().await;
    let http = Http::new(&server).with_token("root");
    let reviews = format!("{AUTHENTICATION}/tokenreviews");
    let (status, failure) = http.post(&reviews, json!({"spec": {"token": ""}})).await;
    assert_eq!(
        (status, failure["message"].as_str()),
        (400, Some("token is required for TokenReview in authentication"))
    );
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    http.post(accounts, json!({"metadata": {"name": "bot"}})).await;
    let request = json!({"spec": {"audiences": ["a", "b"]}});
    let (_, issued) = http.post(&format!("{accounts}/bot/token"), request).await;
    let token = &issued["status"]["token"];
    let review = async |token: &Value, audiences: &[&str]| {
        let body = json!({"spec": {"token": token, "audiences": audiences}});
        http.post(&reviews, body).await.1["status"].clone()
    };
    let known = review(token, &["b", "c", "a"]).await;
    assert_eq!(
        (&known["authenticated"], &known["audiences"]),
        (&json!(true), &json!(["b", "a"]))
    );
    assert_eq!(
        review(token, &["c"]).await,
        json!({
            "user": {},
            "error": "[invalid bearer token, token audiences [\"a\" \"b\"] is invalid for the target audiences [\"c\"]]",
        })
    );
    // The tokens of users are for the server.
    assert_eq!(review(&json!("alice"), &[]).await["authenticated"], true);
    let unknown = json!({"user": {}, "error": "invalid bearer token"});
    assert_eq!(review(&json!("alice"), &["a"]).await, unknown);
}

#[tokio::test]
async fn who_asks_about_himself_gets_nothing_back_but_the_answer() {
    let server = server().await;
    let http = Http::new(&server).with_token("alice");
    let metadata = json!({"name": "x", "labels": {"a": "b"}});
    let reviews = format!("{AUTHENTICATION}/selfsubjectreviews");
    let (_, answer) = http.post(&reviews, json!({"metadata": metadata})).await;
    let fields = answer["metadata"].as_object().expect("metadata");
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["creationTimestamp"]);
    let reviews = format!("{AUTHORIZATION}/selfsubjectrulesreviews");
    let body = json!({"metadata": metadata, "spec": {"namespace": "default"}});
    let (status, answer) = http.post(&reviews, body).await;
    assert_eq!(
        (status, &answer["metadata"], &answer["spec"]),
        (201, &json!({}), &json!({}))
    );
}

#[tokio::test]
async fn a_binding_without_its_role_is_told_of() {
    let server = server().await;
    let root = Http::new(&server).with_token("root");
    let binding = json!({
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "gone"},
        "subjects": [{"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}],
    });
    assert_eq!(root.post(&format!("{RBAC}/rolebindings"), binding).await.0, 201);
    let alice = Http::new(&server).with_token("alice");
    let (status, failure) = alice.get("/api/v1/namespaces/default/pods").await;
    assert_eq!(
        (status, failure["message"].as_str()),
        (
            403,
            Some(
                "pods is forbidden: User \"alice\" cannot list resource \"pods\" in API group \"\" in the namespace \
                 \"default\": RBAC: role.rbac.authorization.k8s.io \"gone\" not found"
            )
        )
    );
    let reviews = format!("{AUTHORIZATION}/selfsubjectrulesreviews");
    let (_, answer) = alice
        .post(&reviews, json!({"spec": {"namespace": "default"}}))
        .await;
    assert_eq!(
        answer["status"]["evaluationError"],
        "role.rbac.authorization.k8s.io \"gone\" not found"
    );
}
