//! Credentials as a server sees them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::Request;
use kubist_client::{
    Client, Config, Error,
    config::{AuthInfo, AuthProviderConfig, ExecConfig, ExecInteractiveMode},
};

use crate::server::{TestServer, answer};

fn get() -> Request<Vec<u8>> {
    Request::get("/").body(Vec::new()).expect("valid")
}

/// A server that answers with what a client says of itself.
async fn echo() -> TestServer {
    TestServer::http(|request| async move {
        let said = request.headers().iter().filter(|(name, _)| {
            let name = name.as_str();
            name == "authorization" || name.starts_with("impersonate") || name == "x-extra"
        });
        let said: Vec<_> = said
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
            .collect();
        answer(200, said.join("\n"))
    })
    .await
}

async fn said(server: &TestServer, user: AuthInfo) -> String {
    let mut config = server.config();
    config.auth_info = user;
    let client = Client::try_from(config).expect("valid");
    client.request_text(get()).await.expect("answers")
}

#[tokio::test]
async fn each_way_to_say_who_one_is() {
    let server = echo().await;
    assert_eq!(said(&server, AuthInfo::default()).await, "");
    let token = AuthInfo {
        token: Some("t".to_owned().into()),
        ..AuthInfo::default()
    };
    assert_eq!(said(&server, token).await, "authorization: Bearer t");
    let basic = AuthInfo {
        username: Some("me".into()),
        password: Some("pw".to_owned().into()),
        ..AuthInfo::default()
    };
    assert_eq!(said(&server, basic).await, "authorization: Basic bWU6cHc=");
    let other = AuthInfo {
        impersonate: Some("jane".into()),
        impersonate_groups: Some(vec!["a".into(), "b".into()]),
        impersonate_uid: Some("7".into()),
        ..AuthInfo::default()
    };
    assert_eq!(
        said(&server, other).await,
        "impersonate-user: jane\nimpersonate-uid: 7\nimpersonate-group: a\nimpersonate-group: b"
    );
}

#[tokio::test]
async fn extra_headers() {
    let server = echo().await;
    let mut config = server.config();
    config.headers = vec![("x-extra".parse().expect("valid"), "1".parse().expect("valid"))];
    let client = Client::try_from(config).expect("valid");
    assert_eq!(client.request_text(get()).await.expect("answers"), "x-extra: 1");
}

/// A server that takes one token, and counts the requests.
async fn strict(token: &'static str) -> (TestServer, Arc<AtomicUsize>) {
    let requests = Arc::<AtomicUsize>::default();
    let counter = requests.clone();
    let server = TestServer::http(move |request| {
        counter.fetch_add(1, Ordering::Relaxed);
        async move {
            let known = request.headers().get("authorization").is_some_and(|value| value == token);
            let refused = r#"{"kind":"Status","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#;
            if known { answer(200, "hello") } else { answer(401, refused) }
        }
    })
    .await;
    (server, requests)
}

fn with_token_file(server: &TestServer, path: &std::path::Path) -> Config {
    let mut config = server.config();
    config.auth_info.token_file = Some(path.display().to_string());
    config
}

#[tokio::test]
async fn a_wrong_token_is_the_servers_status() {
    let (server, requests) = strict("Bearer right").await;
    let mut config = server.config();
    config.auth_info.token = Some("wrong".to_owned().into());
    let client = Client::try_from(config).expect("valid");
    let error = client.request_text(get()).await.expect_err("is refused");
    let Error::Api(status) = &error else {
        panic!("no status: {error:?}")
    };
    assert_eq!((status.code, status.reason.as_str()), (401, "Unauthorized"));
    assert!(!format!("{error} {error:?}").contains("wrong"));
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_token_that_is_refused_is_read_again() {
    let (server, _) = strict("Bearer new").await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("token");
    let missing = Client::try_from(with_token_file(&server, &path))
        .err()
        .expect("is not there");
    assert!(missing.to_string().contains("token"), "{missing}");
    std::fs::write(&path, "old").expect("writes");
    let client = Client::try_from(with_token_file(&server, &path)).expect("valid");
    client.request_text(get()).await.expect_err("is refused");
    std::fs::write(&path, "new").expect("writes");
    assert_eq!(client.request_text(get()).await.expect("is let in"), "hello");
}

#[tokio::test]
async fn what_is_not_supported_sends_nothing() {
    let (server, requests) = strict("").await;
    let mut config = server.config();
    config.auth_info.auth_provider = Some(AuthProviderConfig {
        name: "azure".into(),
        ..AuthProviderConfig::default()
    });
    let error = Client::try_from(config).err().expect("is not supported");
    assert!(
        matches!(error, Error::Auth(_)) && error.to_string().contains("kubelogin"),
        "{error}"
    );

    #[cfg(not(feature = "http-proxy"))]
    {
        let mut config = server.config();
        config.proxy_url = Some("http://proxy:3128".parse().expect("valid"));
        let error = Client::try_from(config).err().expect("is not supported");
        assert!(matches!(error, Error::ProxyProtocolDisabled { .. }), "{error}");
    }
    assert_eq!(requests.load(Ordering::Relaxed), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn a_plugin_gives_a_token_or_says_why_not() {
    let server = echo().await;
    let plugin = |script: &str| AuthInfo {
        exec: Some(ExecConfig {
            command: Some("/bin/sh".into()),
            args: Some(vec!["-c".into(), script.into()]),
            interactive_mode: Some(ExecInteractiveMode::Never),
            ..ExecConfig::default()
        }),
        ..AuthInfo::default()
    };
    let token = plugin(r#"echo '{"kind":"ExecCredential","status":{"token":"from-plugin"}}'"#);
    assert_eq!(said(&server, token).await, "authorization: Bearer from-plugin");

    let mut config = server.config();
    config.auth_info = plugin("echo no luck >&2; exit 1");
    let client = Client::try_from(config).expect("valid");
    let error = client.request_text(get()).await.expect_err("fails");
    assert!(
        matches!(error, Error::Auth(_)) && error.to_string().contains("no luck"),
        "{error}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_of_the_provider_gcp() {
    let server = echo().await;
    let provider = |entries: &[(&str, &str)]| AuthInfo {
        auth_provider: Some(AuthProviderConfig {
            name: "gcp".into(),
            config: entries
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..AuthProviderConfig::default()
        }),
        ..AuthInfo::default()
    };
    let answer = r#"{"credential":{"access_token":"from-program","token_expiry":"2999-01-01T00:00:00Z"}}"#;
    let keys = [
        ("cmd-path", "/bin/echo"),
        ("cmd-args", answer),
        ("token-key", "{.credential.access_token}"),
        ("expiry-key", "{.credential.token_expiry}"),
    ];
    assert_eq!(
        said(&server, provider(&keys)).await,
        "authorization: Bearer from-program"
    );
    let plain = [("cmd-path", "/bin/echo"), ("cmd-args", "plain  ")];
    assert_eq!(
        said(&server, provider(&plain)).await,
        "authorization: Bearer plain"
    );
    let kept = [
        ("cmd-path", "/no/such/program"),
        ("access-token", "kept"),
        ("expiry", "2999-01-01T00:00:00Z"),
    ];
    assert_eq!(said(&server, provider(&kept)).await, "authorization: Bearer kept");
    let of_file = [("id-token", "id")];
    assert_eq!(
        said(&server, provider(&of_file)).await,
        "authorization: Bearer id"
    );

    for (entries, expected) in [
        (
            [
                ("cmd-path", "/bin/echo"),
                ("cmd-args", "hunter2"),
                ("token-key", "{.a}"),
            ],
            "token-key",
        ),
        (
            [
                ("cmd-path", "/bin/echo"),
                ("cmd-args", r#"{"b":"hunter2"}"#),
                ("token-key", "{.a}"),
            ],
            "{.a}",
        ),
        (
            [("cmd-path", "/no/such/program"), ("cmd-args", "x"), ("x", "x")],
            "/no/such/program",
        ),
    ] {
        let mut config = server.config();
        config.auth_info = provider(&entries);
        let client = Client::try_from(config).expect("valid");
        let error = client.request_text(get()).await.expect_err("has no token");
        let message = error.to_string();
        assert!(
            message.contains(expected) && !message.contains("hunter2"),
            "{message}"
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_plugin_whose_token_is_refused_runs_again() {
    let (server, _) = strict("Bearer new").await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("credential");
    let write = |token: &str| {
        let credential = format!(r#"{{"kind":"ExecCredential","status":{{"token":"{token}"}}}}"#);
        std::fs::write(&path, credential).expect("writes");
    };
    write("old");
    let mut config = server.config();
    config.auth_info.exec = Some(ExecConfig {
        command: Some("/bin/cat".into()),
        args: Some(vec![path.display().to_string()]),
        interactive_mode: Some(ExecInteractiveMode::Never),
        ..ExecConfig::default()
    });
    let client = Client::try_from(config).expect("valid");
    client.request_text(get()).await.expect_err("is refused");
    write("new");
    // It has run just now: it would say the same.
    client.request_text(get()).await.expect_err("is refused");
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(11)).await;
    tokio::time::resume();
    client.request_text(get()).await.expect_err("is refused");
    assert_eq!(client.request_text(get()).await.expect("is let in"), "hello");
}
