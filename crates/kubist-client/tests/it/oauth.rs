//! Google's application default credentials, which the environment names.

use std::process::Command;

use http::Request;
use http_body_util::BodyExt;
use kubist_client::{
    Client, Config,
    config::{AuthInfo, AuthProviderConfig},
};
use openssl::{pkey::PKey, rsa::Rsa};

use crate::server::{TestServer, answer};

/// What a client of the environment is asked to do, in a process of its own.
#[tokio::test]
#[ignore = "is run by the test of the environment"]
async fn in_the_environment() {
    let server = std::env::var("TEST_SERVER").expect("is set");
    let mut config = Config::new(server.parse().expect("valid"));
    config.auth_info = AuthInfo {
        auth_provider: Some(AuthProviderConfig {
            name: "gcp".into(),
            config: [("scopes".to_owned(), "one,two".to_owned())].into(),
            ..AuthProviderConfig::default()
        }),
        ..AuthInfo::default()
    };
    let answer = async {
        let request = Request::get("/").body(Vec::new()).expect("valid");
        Client::try_from(config)?.request_text(request).await
    };
    match answer.await {
        Ok(text) => println!("answer: {text}"),
        Err(error) => println!("error: {error}"),
    }
}

#[tokio::test]
async fn a_service_account() {
    let server = TestServer::http(|request| async move {
        if request.uri().path() != "/token" {
            return answer(200, format!("{:?}", request.headers()["authorization"]));
        }
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        let form: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
        let is_assertion = form
            .iter()
            .any(|(key, value)| key == "assertion" && value.split('.').count() == 3);
        if !is_assertion {
            return answer(400, r#"{"error":"invalid_grant"}"#);
        }
        answer(
            200,
            r#"{"access_token":"of-google","token_type":"Bearer","expires_in":3600}"#,
        )
    })
    .await;
    let key = Rsa::generate(2048).and_then(PKey::from_rsa);
    let key = key.and_then(|key| key.private_key_to_pem_pkcs8()).expect("a key");
    let account = serde_json::json!({
        "type": "service_account",
        "private_key": String::from_utf8(key).expect("text"),
        "client_email": "me@example.com",
        "token_uri": format!("{}token", server.url()),
    });
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("account.json");
    std::fs::write(&path, account.to_string()).expect("writes");

    for (file, expected) in [
        (&path, "answer: \"Bearer of-google\""),
        (&directory.path().join("missing"), "error: "),
    ] {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["oauth::in_the_environment", "--exact", "--ignored", "--nocapture"])
            .env("TEST_SERVER", server.url().to_string())
            .env("GOOGLE_APPLICATION_CREDENTIALS", file);
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        let output = output.expect("runs").expect("starts");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(text.contains(expected), "{text}");
    }
}
