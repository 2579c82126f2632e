//! Certificate signing requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{Http, MERGE};

const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const APPLY: &str = "application/apply-patch+yaml";

async fn asked(http: &Http) {
    let request = STANDARD.encode("-----BEGIN CERTIFICATE REQUEST-----\n");
    let spec = json!({"request": request, "signerName": "example.com/signer", "usages": ["client auth"]});
    let (status, created) = http
        .post(
            REQUESTS,
            json!({"metadata": {"name": "a", "labels": {"a": "b"}}, "spec": spec}),
        )
        .await;
    assert_eq!(status, 201, "{created}");
}

/// The managers of an object, each with its subresource and what it owns.
fn managers(object: &Value) -> Vec<(&str, &str, &Value)> {
    let managers = object["metadata"]["managedFields"].as_array().expect("managers");
    let managers = managers.iter().map(|entry| {
        let text = |field: &str| entry[field].as_str().unwrap_or("");
        (text("manager"), text("subresource"), &entry["fieldsV1"])
    });
    managers.collect()
}

#[tokio::test]
async fn each_part_is_owned_through_its_own_path() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    asked(&http).await;
    let identity = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "a"},
    });
    let applied = async |path: &str, manager: &str, status: Value| {
        let mut config = identity.clone();
        config["status"] = status;
        let path = format!("{REQUESTS}/a{path}?fieldManager={manager}");
        http.patch(&path, APPLY, config).await
    };
    let conditions = json!([{"type": "Approved", "status": "True", "reason": "Ok", "message": ""}]);
    let (status, approved) = applied("/approval", "approver", json!({"conditions": conditions})).await;
    assert_eq!(status, 200, "{approved}");
    let owned = json!({"f:status": {"f:conditions": {"k:{\"type\":\"Approved\"}": {
        ".": {}, "f:message": {}, "f:reason": {}, "f:status": {}, "f:type": {},
    }}}});
    let labels = json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}});
    let found = managers(&approved);
    assert!(found.contains(&("approver", "approval", &owned)), "{found:?}");
    assert!(
        found
            .iter()
            .any(|(_, path, fields)| path.is_empty() && **fields == labels),
        "{found:?}"
    );

    let certificate = rcgen::generate_simple_self_signed(["a".to_owned()]).expect("a certificate");
    let certificate = STANDARD.encode(certificate.cert.pem());
    let (status, signed) = applied("/status", "signer", json!({"certificate": certificate})).await;
    assert_eq!(status, 200, "{signed}");
    let owned = json!({"f:status": {"f:certificate": {}}});
    let found = managers(&signed);
    assert!(found.contains(&("signer", "status", &owned)), "{found:?}");
}

#[tokio::test]
async fn certificates_are_given_once() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    asked(&http).await;
    let path = format!("{REQUESTS}/a/status");
    let sign = async |certificate: Value| {
        http.patch(&path, MERGE, json!({"status": {"certificate": certificate}}))
            .await
    };
    let block = |tag: &str| STANDARD.encode(format!("-----BEGIN {tag}-----\neA==\n-----END {tag}-----\n"));
    for (certificate, why) in [
        (
            STANDARD.encode("x"),
            "must contain at least one CERTIFICATE PEM block",
        ),
        (block("CERTIFICATE"), "x509: malformed certificate"),
        (
            block("KEY"),
            "only CERTIFICATE PEM blocks are allowed, found \"KEY\"",
        ),
    ] {
        let (status, refused) = sign(certificate.into()).await;
        assert_eq!(status, 422);
        let message = refused["message"].as_str().expect("a message");
        assert!(
            message.ends_with(&format!("Invalid value: \"<certificate data>\": {why}")),
            "{message}"
        );
    }
    let certificate = || rcgen::generate_simple_self_signed(["a".to_owned()]).expect("a certificate");
    assert_eq!(
        sign(STANDARD.encode(certificate().cert.pem()).into()).await.0,
        200
    );
    for other in [Value::Null, STANDARD.encode(certificate().cert.pem()).into()] {
        let (status, refused) = sign(other).await;
        assert_eq!(status, 422);
        let message = refused["message"].as_str().expect("a message");
        assert!(
            message.ends_with("updates may not modify existing certificate content"),
            "{message}"
        );
    }
}
