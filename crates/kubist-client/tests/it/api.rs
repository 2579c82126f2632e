//! What `Api` asks for, and what it makes of the answers.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use futures::TryStreamExt;
use http::{Request, Response};
use k8s_openapi::api::core::v1::{Binding, ConfigMap, ObjectReference, Pod};
use kubist_client::{
    Api, Client, Error, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams, ValidationDirective},
    client::Body,
};
use serde_json::{Value, json};

/// What was asked, line by line.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

/// A client whose server answers one after the other, with 200 where nothing else is said.
fn client(answers: Vec<Value>) -> (Client, Asked) {
    let asked = Asked::default();
    let seen = asked.clone();
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (seen, answers) = (seen.clone(), answers.clone());
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            let content_type = request.headers().get("content-type").cloned();
            let body = request.into_body().collect_bytes().await.expect("is there");
            let line = match content_type.filter(|_| !body.is_empty()) {
                Some(kind) => format!(
                    "{line} {} {}",
                    kind.to_str().expect("is text"),
                    String::from_utf8_lossy(&body)
                ),
                None => line,
            };
            seen.0.lock().expect("no panic").push(line);
            let answer = answers
                .lock()
                .expect("no panic")
                .next()
                .expect("an answer is left");
            let code = answer["code"]
                .as_u64()
                .and_then(|code| u16::try_from(code).ok())
                .unwrap_or(200);
            let mut response = Response::new(Body::from(answer.to_string().into_bytes()));
            *response.status_mut() = code.try_into().expect("is a status");
            Ok::<_, Infallible>(response)
        }
    });
    (Client::new(service, "default"), asked)
}

fn page(names: &[&str], next: &str) -> Value {
    let items: Vec<Value> = names
        .iter()
        .map(|name| json!({"metadata": {"name": name}}))
        .collect();
    json!({"metadata": {"resourceVersion": "5", "continue": next}, "items": items})
}

fn expired(next: Option<&str>) -> Value {
    json!({"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old",
        "metadata": next.map(|next| json!({"continue": next}))})
}

async fn names(client: Client, params: &ListParams) -> Result<Vec<String>, Error> {
    let pods: Api<Pod> = Api::default_namespaced(client);
    pods.list_stream(params)
        .map_ok(|pod| pod.name_any())
        .try_collect()
        .await
}

#[tokio::test]
async fn lists_of_many_pages_are_one_stream() {
    let (client, asked) = client(vec![page(&["a", "b"], "one"), page(&[], "two"), page(&["c"], "")]);
    let params = ListParams::default().labels("app=web").at("3");
    assert_eq!(names(client, &params).await.expect("lists"), ["a", "b", "c"]);
    let path = "GET /api/v1/namespaces/default/pods?&";
    assert_eq!(
        asked.take(),
        [
            format!("{path}labelSelector=app%3Dweb&limit=500&resourceVersion=3"),
            format!("{path}labelSelector=app%3Dweb&limit=500&continue=one"),
            format!("{path}labelSelector=app%3Dweb&limit=500&continue=two"),
        ]
    );
}

#[tokio::test]
async fn a_list_that_expires_goes_on() {
    let (client, asked) = client(vec![
        page(&["a"], "one"),
        expired(Some("fresh")),
        page(&["b"], ""),
    ]);
    let params = ListParams::default().limit(1);
    assert_eq!(names(client, &params).await.expect("lists"), ["a", "b"]);
    assert!(
        asked
            .take()
            .last()
            .expect("asked")
            .ends_with("limit=1&continue=fresh")
    );
}

#[tokio::test]
async fn a_list_that_cannot_go_on_is_an_error() {
    for answers in [
        vec![page(&["a"], "one"), expired(None)],
        vec![expired(Some("fresh"))],
    ] {
        let (client, _) = client(answers);
        let error = names(client, &ListParams::default()).await.expect_err("expired");
        assert!(matches!(error, Error::Api(status) if status.code == 410));
    }
}

#[tokio::test]
async fn applying() {
    let (client, asked) = client(vec![json!({}), json!({})]);
    let config_maps: Api<ConfigMap> = Api::default_namespaced(client);
    let wanted = json!({"apiVersion": "v1", "kind": "ConfigMap"});
    let params = PatchParams::apply("me").force();
    config_maps.apply("a", &params, &wanted).await.expect("applies");
    config_maps
        .apply_status("a", &params, &wanted)
        .await
        .expect("applies");
    let path = "PATCH /api/v1/namespaces/default/configmaps/a";
    let rest =
        r#"?&force=true&fieldManager=me application/apply-patch+yaml {"apiVersion":"v1","kind":"ConfigMap"}"#;
    assert_eq!(
        asked.take(),
        [format!("{path}{rest}"), format!("{path}/status{rest}")]
    );
    // Without a manager it is not asked for.
    let error = config_maps.apply("a", &PatchParams::default(), &wanted).await;
    assert!(matches!(error, Err(Error::BuildRequest(_))) && asked.take().is_empty());
}

#[tokio::test]
async fn writing_says_what_becomes_of_unknown_fields() {
    let (client, asked) = client(vec![json!({}); 5]);
    let pods: Api<Pod> = Api::default_namespaced(client).with_field_validation(ValidationDirective::Strict);
    let (pp, pod) = (PostParams::default(), Pod::default());
    pods.create(&pp, &pod).await.expect("answers");
    pods.replace("a", &pp, &pod).await.expect("answers");
    let mut patch = PatchParams::default();
    pods.patch_status("a", &patch, &Patch::Merge(json!({})))
        .await
        .expect("answers");
    patch.field_validation = Some(ValidationDirective::Ignore);
    pods.patch("a", &patch, &Patch::Merge(json!({})))
        .await
        .expect("answers");
    pods.get("a").await.expect("answers");
    let queries: Vec<String> = asked
        .take()
        .iter()
        .map(|line| {
            line.split([' ', '?'])
                .nth(2)
                .unwrap_or_default()
                .trim_start_matches('&')
                .to_owned()
        })
        .collect();
    let strict = "fieldValidation=Strict";
    assert_eq!(queries, [strict, strict, strict, "fieldValidation=Ignore", ""]);
}

#[tokio::test]
async fn binding() {
    let (client, asked) = client(vec![json!({"kind": "Status", "status": "Success"})]);
    let pods: Api<Pod> = Api::default_namespaced(client);
    let binding = Binding {
        target: ObjectReference {
            name: Some("node-1".to_owned()),
            ..ObjectReference::default()
        },
        ..Binding::default()
    };
    assert!(
        pods.bind("a", &PostParams::default(), &binding)
            .await
            .expect("binds")
            .is_success()
    );
    let asked = asked.take().remove(0);
    assert!(
        asked.starts_with("POST /api/v1/namespaces/default/pods/a/binding?"),
        "{asked}"
    );
    assert!(
        asked.contains(r#""metadata":{"name":"a"},"target":{"name":"node-1"}"#),
        "{asked}"
    );
}

#[tokio::test]
async fn warnings_reach_the_caller() {
    let service = tower::service_fn(|_: Request<Body>| async {
        let response = Response::builder()
            .header("Warning", r#"299 - "first", 299 - "second""#)
            .header("Warning", "nonsense")
            .header("Warning", r#"299 - "third""#);
        response.body(Body::from(b"{}".to_vec()))
    });
    let heard = Arc::new(Mutex::new(Vec::new()));
    let client = {
        let heard = heard.clone();
        Client::new(service, "default")
            .with_warnings(move |warning| heard.lock().expect("no panic").push(warning.text.clone()))
    };
    Api::<Pod>::default_namespaced(client)
        .get("a")
        .await
        .expect("answers");
    assert_eq!(*heard.lock().expect("no panic"), ["first", "second", "third"]);
}

#[tokio::test]
async fn a_service_of_the_callers_own_never_answers_at_once() {
    // As with kube: tests with mocks look once, and expect to see nothing yet.
    let service =
        tower::service_fn(|_: Request<Body>| async { Err::<Response<Body>, _>("the mock is over") });
    let api = Api::<Pod>::default_namespaced(Client::new(service, "default"));
    let mut answer = std::pin::pin!(api.get("a"));
    assert!(futures::poll!(&mut answer).is_pending());
    let error = answer.await.expect_err("it is over");
    assert!(matches!(error, Error::Service(_)), "{error}");
}
