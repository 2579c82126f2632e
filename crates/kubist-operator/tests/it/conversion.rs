//! Objects of one version, read as another through an API server.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kubist_apiserver::Server;
use kubist_client::{Api, Client, Error};
use kubist_core::conversion::{BoxError, Chain, Upgrade, by_webhook};
use kubist_core::crd::merge_crds;
use kubist_core::params::{ListParams, Patch, PatchParams, PostParams};
use kubist_core::{CustomResourceExt, Resource};
use kubist_operator::conversion::Converter;
use kubist_operator::crd::install;
use serde_json::{Value, json};
use tower::Service;

use crate::https::Https;
use crate::support::cluster;

mod v1alpha1 {
    use kubist_derive::{CustomResource, KubeSchema};
    use serde::{Deserialize, Serialize};

    #[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[kube(
        group = "conversion.example.com",
        version = "v1alpha1",
        kind = "Backup",
        namespaced
    )]
    pub(super) struct BackupSpec {
        pub(super) target: String,
        pub(super) keep: String,
        pub(super) legacy: Option<String>,
    }
}

mod v1beta1 {
    use super::v1alpha1;
    use kubist_derive::{CustomResource, KubeSchema, Upgrade};
    use serde::{Deserialize, Serialize};

    #[derive(CustomResource, KubeSchema, Upgrade, Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[kube(
        group = "conversion.example.com",
        version = "v1beta1",
        kind = "Backup",
        namespaced
    )]
    #[upgrade(from = v1alpha1::Backup, dropped(legacy))]
    pub(super) struct BackupSpec {
        pub(super) target: String,
        #[upgrade(with = number)]
        pub(super) keep: u32,
    }

    mod number {
        use std::{convert::Infallible, num::ParseIntError};

        pub(in super::super) fn upgrade(text: String) -> Result<u32, ParseIntError> {
            text.parse()
        }

        pub(in super::super) fn downgrade(number: u32) -> Result<String, Infallible> {
            Ok(number.to_string())
        }
    }
}

mod v1 {
    use super::v1beta1;
    use kubist_derive::{CustomResource, KubeSchema, Upgrade};
    use serde::{Deserialize, Serialize};

    #[derive(CustomResource, KubeSchema, Upgrade, Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[kube(group = "conversion.example.com", version = "v1", kind = "Backup", namespaced)]
    #[kube(status = "BackupStatus")]
    #[upgrade(from = v1beta1::Backup, status = added, test)]
    pub(super) struct BackupSpec {
        #[upgrade(from = target)]
        pub(super) source: String,
        pub(super) keep: u32,
        #[serde(default)]
        #[upgrade(added)]
        pub(super) encrypted: bool,
    }

    #[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub(super) struct BackupStatus {
        pub(super) done: bool,
    }
}

fn converter() -> Converter {
    Converter::new(Chain::of::<v1alpha1::Backup>().then_newer().build())
}

fn definition(https: &Https) -> CustomResourceDefinition {
    let versions = vec![v1alpha1::Backup::crd(), v1beta1::Backup::crd(), v1::Backup::crd()];
    let mut crd = merge_crds(versions, "v1").unwrap();
    crd.spec.conversion = Some(by_webhook(https.client_config()));
    crd
}

/// A cluster whose backups are converted by the service.
async fn backups() -> (Server, Client) {
    let (server, client) = cluster().await;
    let https = Https::serve(converter()).await;
    install(client.clone(), definition(&https)).await.unwrap();
    (server, client)
}

fn old(name: &str, keep: &str) -> v1alpha1::Backup {
    let spec = v1alpha1::BackupSpec {
        target: "/srv".into(),
        keep: keep.into(),
        legacy: Some("tape".into()),
    };
    v1alpha1::Backup::new(name, spec)
}

#[tokio::test]
async fn every_version_is_read_as_every_other() {
    let (_server, client) = backups().await;
    let alpha: Api<v1alpha1::Backup> = Api::default_namespaced(client.clone());
    let beta: Api<v1beta1::Backup> = Api::default_namespaced(client.clone());
    let stable: Api<v1::Backup> = Api::default_namespaced(client);

    let written = alpha
        .create(&PostParams::default(), &old("one", "007"))
        .await
        .unwrap();
    assert_eq!(written.spec, old("one", "007").spec);
    assert_eq!(beta.get("one").await.unwrap().spec.keep, 7);
    let mut newest = stable.get("one").await.unwrap();
    assert_eq!(
        newest.spec,
        v1::BackupSpec {
            source: "/srv".into(),
            keep: 7,
            encrypted: false
        }
    );
    assert_eq!(newest.metadata.uid, written.metadata.uid);

    // A change in the newest version, and what only the others have survives it.
    newest.spec.encrypted = true;
    stable
        .replace("one", &PostParams::default(), &newest)
        .await
        .unwrap();
    let done = Patch::Merge(json!({"status": {"done": true}}));
    stable
        .patch_status("one", &PatchParams::default(), &done)
        .await
        .unwrap();
    assert_eq!(alpha.get("one").await.unwrap().spec, old("one", "007").spec);

    // A change in the oldest, and what only the newest has survives it.
    let target = Patch::Merge(json!({"spec": {"target": "/home"}}));
    alpha
        .patch("one", &PatchParams::default(), &target)
        .await
        .unwrap();
    let newest = stable.get("one").await.unwrap();
    assert_eq!(
        (newest.spec.source.as_str(), newest.spec.encrypted),
        ("/home", true)
    );
    assert_eq!(newest.status, Some(v1::BackupStatus { done: true }));
    assert_eq!(
        alpha.get("one").await.unwrap().spec.legacy.as_deref(),
        Some("tape")
    );

    // Those of a list, all at once and in order.
    for (name, keep) in [("three", "3"), ("two", "2")] {
        alpha
            .create(&PostParams::default(), &old(name, keep))
            .await
            .unwrap();
    }
    let list = beta.list(&ListParams::default()).await.unwrap();
    let kept: Vec<_> = list.iter().map(|backup| backup.spec.keep).collect();
    assert_eq!(kept, [7, 3, 2]);
}

#[tokio::test]
async fn a_user_learns_which_object_cannot_be_converted_and_why() {
    let (_server, client) = backups().await;
    let alpha: Api<v1alpha1::Backup> = Api::default_namespaced(client);
    let error = alpha
        .create(&PostParams::default(), &old("one", "many"))
        .await
        .unwrap_err();
    let Error::Api(status) = &error else {
        panic!("{error}")
    };
    for part in [
        "objects[0] (Backup default/one): cannot convert one",
        "spec.keep: invalid digit found in string",
    ] {
        assert!(status.message.contains(part), "{status}");
    }
}

fn review(api_version: &str, desired: &str, objects: &Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": "ConversionReview",
        "request": {"uid": "u", "desiredAPIVersion": desired, "objects": objects},
    })
}

async fn answer(converter: &Converter, review: &Value) -> Value {
    let answer = converter.answer(Bytes::from(review.to_string())).await.unwrap();
    serde_json::from_slice(&answer).unwrap()
}

/// An object of the version which knows most.
fn newest(name: &str) -> Value {
    json!({
        "apiVersion": "conversion.example.com/v1", "kind": "Backup", "metadata": {"name": name},
        "spec": {"source": "/", "keep": 3, "encrypted": false},
    })
}

#[tokio::test]
async fn an_answer_has_the_type_and_the_uid_of_its_review() {
    for version in ["apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"] {
        let objects = json!([newest("a"), old("b", "4"), newest("c")]);
        let answer = answer(
            &converter(),
            &review(version, "conversion.example.com/v1beta1", &objects),
        )
        .await;
        assert_eq!(
            (&answer["apiVersion"], &answer["kind"], answer.get("request")),
            (&json!(version), &json!("ConversionReview"), None)
        );
        let response = &answer["response"];
        assert_eq!(
            (&response["uid"], &response["result"]),
            (&json!("u"), &json!({"status": "Success"}))
        );
        let converted = response["convertedObjects"].as_array().unwrap();
        let found: Vec<_> = converted
            .iter()
            .map(|object| {
                (
                    &object["apiVersion"],
                    &object["metadata"]["name"],
                    &object["spec"]["keep"],
                )
            })
            .collect();
        let version = json!("conversion.example.com/v1beta1");
        let (three, four) = (json!(3), json!(4));
        assert_eq!(
            found,
            [
                (&version, &json!("a"), &three),
                (&version, &json!("b"), &four),
                (&version, &json!("c"), &three)
            ]
        );
    }
}

/// A kind whose conversion is a mistake.
mod broken {
    use kubist_derive::{CustomResource, KubeSchema};
    use serde::{Deserialize, Serialize};

    #[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
    #[kube(group = "conversion.example.com", version = "v1", kind = "Broken")]
    pub(super) struct BrokenSpec {}

    #[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
    #[kube(
        group = "conversion.example.com",
        version = "v2",
        kind = "Broken",
        root = "Broken2"
    )]
    pub(super) struct Broken2Spec {}
}

impl Upgrade for broken::Broken {
    type Newer = broken::Broken2;

    fn upgrade(self) -> Result<broken::Broken2, BoxError> {
        panic!("a mistake")
    }

    fn downgrade(_: broken::Broken2) -> Result<Self, BoxError> {
        Err("there is no way back".into())
    }
}

#[tokio::test]
async fn failures_name_the_object() {
    let converter = converter().and(Chain::of::<broken::Broken>().build());
    let failure = async |desired: &str, second: Value| {
        let review = review("apiextensions.k8s.io/v1", desired, &json!([newest("a"), second]));
        let answer = answer(&converter, &review).await;
        assert_eq!(answer["response"]["uid"], "u");
        assert_eq!(answer["response"]["convertedObjects"], json!([]));
        let result = &answer["response"]["result"];
        assert_eq!(result["status"], "Failure");
        result["message"].as_str().unwrap().to_owned()
    };
    let beta = "conversion.example.com/v1beta1";
    let mut wrong = newest("b");
    wrong["spec"]["keep"] = json!("secret");
    let message = failure(beta, wrong).await;
    assert_eq!(
        message,
        "objects[1] (Backup b): b is no conversion.example.com/v1 at spec.keep: invalid type: string, expected u32"
    );
    let message = failure(beta, json!({"apiVersion": "v1", "kind": "Pod"})).await;
    assert_eq!(
        message,
        "objects[1] (Pod without a name): there is no conversion for the kind \"Pod\" of \"v1\""
    );
    let message = failure(beta, json!(7)).await;
    assert_eq!(
        message,
        "objects[1] (no kind without a name): there is no conversion for the kind \"\" of \"\""
    );
    // Nothing of the panic's own text: it may hold anything.
    let other = json!([{
        "apiVersion": "conversion.example.com/v1", "kind": "Broken", "metadata": {"name": "x"}, "spec": {},
    }]);
    let review = review("apiextensions.k8s.io/v1", "conversion.example.com/v2", &other);
    assert_eq!(
        answer(&converter, &review).await["response"]["result"]["message"],
        "objects[0] (Broken x): its conversion to conversion.example.com/v2 panicked"
    );
}

#[test]
#[should_panic = "there are two chains for the kind Backup of conversion.example.com"]
fn a_kind_has_one_chain() {
    let _ = converter().and(Chain::of::<v1beta1::Backup>().build());
}

/// What the service answers, as a status code and a body.
async fn send(request: Request<Full<Bytes>>) -> (StatusCode, String) {
    let response = converter().body_limit(2000).call(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn whatever_is_posted_is_answered() {
    let post = |body: &str| {
        Request::post("/convert")
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap()
    };
    let ask = review(
        "apiextensions.k8s.io/v1",
        v1::Backup::api_version(&()).as_ref(),
        &json!([]),
    )
    .to_string();
    let mut with_charset = post(&ask);
    let value = "application/json; charset=utf-8".parse().unwrap();
    with_charset.headers_mut().insert("content-type", value);
    let (status, body) = send(with_charset).await;
    assert_eq!(status, StatusCode::OK, "{body}");

    for (body, status, says) in [
        ("", StatusCode::BAD_REQUEST, "is no ConversionReview"),
        ("{\"kind\": 1}", StatusCode::BAD_REQUEST, "is no ConversionReview"),
        ("[\"hunter2\"]", StatusCode::BAD_REQUEST, "is no ConversionReview"),
        (
            &ask.replace("/v1\"", "/v2\""),
            StatusCode::BAD_REQUEST,
            "found kind \"ConversionReview\"",
        ),
        (
            &ask.replace("\"request\"", "\"response\""),
            StatusCode::BAD_REQUEST,
            "no ConversionReview",
        ),
        (
            r#"{"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview"}"#,
            StatusCode::BAD_REQUEST,
            "has no request",
        ),
        (
            &"[".repeat(1000),
            StatusCode::BAD_REQUEST,
            "is no ConversionReview",
        ),
        (
            &"1".repeat(2001),
            StatusCode::PAYLOAD_TOO_LARGE,
            "larger than 2000 bytes",
        ),
    ] {
        let (found, message) = send(post(body)).await;
        assert!(found == status && message.contains(says), "{found}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    let mut get = post(&ask);
    *get.method_mut() = Method::GET;
    assert_eq!(send(get).await.0, StatusCode::METHOD_NOT_ALLOWED);
    let mut text = post(&ask);
    text.headers_mut()
        .insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(send(text).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}
