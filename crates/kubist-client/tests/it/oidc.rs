//! ID tokens of an OpenID Connect issuer, over TLS.

use std::sync::{Arc, Mutex};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{Request, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use jiff::Timestamp;
use kubist_client::{
    Client, Error,
    client::{AuthError, oidc_errors},
    config::{AuthInfo, AuthProviderConfig},
};

use crate::{
    logs::Captured,
    server::{self, Authority, TestServer, answer},
};

fn get() -> Request<Vec<u8>> {
    Request::get("/").body(Vec::new()).expect("valid")
}

/// A token that expires so many seconds from now.
fn id_token(name: &str, seconds: i64) -> String {
    let expires = Timestamp::now().as_second() + seconds;
    let payload = URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{expires},"name":"{name}"}}"#));
    format!("e30.{payload}.c2ln")
}

/// What an issuer knows.
#[derive(Default)]
struct State {
    /// Where it is.
    url: Option<Uri>,
    /// Whether it takes the client's secret in the header, or else in the body.
    takes_header: bool,
    /// How often it gave tokens; only the last refresh token is taken.
    given: usize,
    /// For how long its tokens are good.
    seconds: i64,
}

/// An issuer whose tokens are `id-1`, `id-2` and so on, and whose refresh tokens rotate.
async fn issuer(authority: &Authority, takes_header: bool, seconds: i64) -> (TestServer, Arc<Mutex<State>>) {
    let state = Arc::new(Mutex::new(State {
        takes_header,
        seconds,
        ..State::default()
    }));
    let shared = state.clone();
    let server = TestServer::https(authority.server("127.0.0.1"), move |request| {
        let state = shared.clone();
        async move { respond(request, &state).await }
    })
    .await;
    state.lock().expect("not poisoned").url = Some(server.url());
    (server, state)
}

async fn respond(request: Request<Incoming>, state: &Mutex<State>) -> http::Response<server::Body> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let mut state = state.lock().expect("not poisoned");
    let url = state.url.clone().expect("is known");
    match (head.method.as_str(), head.uri.path()) {
        ("GET", "/.well-known/openid-configuration") => answer(
            200,
            format!(r#"{{"issuer":"{url}","token_endpoint":"{url}token"}}"#),
        ),
        ("POST", "/token") => {
            let form: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
            let field = |name: &str| {
                let found = form.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.as_str())
            };
            let header = head.headers.get("authorization");
            // RFC 6749 has both encoded before they are put together.
            let basic = format!("Basic {}", STANDARD.encode("me:s%26cret"));
            let is_known = if state.takes_header {
                header.is_some_and(|value| *value == basic)
            } else {
                header.is_none()
                    && field("client_id") == Some("me")
                    && field("client_secret") == Some("s&cret")
            };
            let expected = format!("refresh-{}", state.given);
            let is_fresh = field("refresh_token") == Some(&expected);
            if !is_known || !is_fresh || field("grant_type") != Some("refresh_token") {
                return answer(401, r#"{"error":"hunter2"}"#);
            }
            state.given += 1;
            let given = state.given;
            let id_token = id_token(&format!("id-{given}"), state.seconds);
            answer(
                200,
                format!(r#"{{"id_token":"{id_token}","refresh_token":"refresh-{given}"}}"#),
            )
        }
        _ => answer(404, ""),
    }
}

/// A server that answers with the payload of the token.
async fn api() -> TestServer {
    TestServer::http(|request| async move {
        let token = request.headers()["authorization"].to_str().expect("text");
        let payload = token.split('.').nth(1).expect("a payload");
        answer(200, URL_SAFE_NO_PAD.decode(payload).expect("base64"))
    })
    .await
}

fn user(issuer: &TestServer, entries: &[(&str, String)]) -> AuthInfo {
    let common = [
        ("idp-issuer-url", issuer.url().to_string()),
        ("client-id", "me".to_owned()),
        ("client-secret", "s&cret".to_owned()),
    ];
    let config = common.iter().chain(entries);
    AuthInfo {
        auth_provider: Some(AuthProviderConfig {
            name: "oidc".into(),
            config: config
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
            ..AuthProviderConfig::default()
        }),
        ..AuthInfo::default()
    }
}

fn client(api: &TestServer, user: AuthInfo) -> Result<Client, Error> {
    let mut config = api.config();
    config.auth_info = user;
    Client::try_from(config)
}

async fn name(client: &Client) -> String {
    let payload = client.request_text(get()).await.expect("is let in");
    let payload: serde_json::Value = serde_json::from_str(&payload).expect("JSON");
    payload["name"].as_str().expect("text").to_owned()
}

#[tokio::test]
async fn tokens_are_refreshed_and_refresh_tokens_rotate() {
    let authority = Authority::new();
    let api = api().await;
    let data = || ("idp-certificate-authority-data", STANDARD.encode(authority.pem()));
    let refresh = || ("refresh-token", "refresh-0".to_owned());
    for takes_header in [true, false] {
        // They have expired already, so that there is a new one for each request.
        let (issuer, _) = issuer(&authority, takes_header, -1).await;
        let old = ("id-token", id_token("old", -1));
        let one = client(&api, user(&issuer, &[data(), refresh(), old])).expect("valid");
        assert_eq!(name(&one).await, "id-1");
        assert_eq!(name(&one).await, "id-2");
        assert_eq!(name(&one).await, "id-3");
    }
    let (issuer, state) = issuer(&authority, true, 3600).await;
    let first = ("id-token", id_token("first", 3600));
    let client = client(&api, user(&issuer, &[data(), refresh(), first])).expect("valid");
    assert_eq!(name(&client).await, "first");
    assert_eq!(state.lock().expect("not poisoned").given, 0);
}

#[tokio::test]
async fn many_requests_share_a_refresh() {
    let authority = Authority::new();
    let api = api().await;
    let (issuer, state) = issuer(&authority, true, 3600).await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("ca.crt");
    std::fs::write(&file, authority.pem()).expect("writes");
    let entries = [
        ("idp-certificate-authority", file.display().to_string()),
        ("refresh-token", "refresh-0".to_owned()),
    ];
    let user = user(&issuer, &entries);
    let clients = [client(&api, user.clone()), client(&api, user)].map(|client| client.expect("valid"));
    let requests = (0..20).map(|number| name(&clients[number % 2]));
    for name in futures::future::join_all(requests).await {
        assert_eq!(name, "id-1");
    }
    assert_eq!(state.lock().expect("not poisoned").given, 1);
}

#[tokio::test]
async fn what_goes_wrong_is_said_without_secrets() {
    let authority = Authority::new();
    let api = api().await;
    let (issuer, _) = issuer(&authority, true, 3600).await;
    let data = ("idp-certificate-authority-data", STANDARD.encode(authority.pem()));
    let refused = ("refresh-token", "hunter2".to_owned());
    let old = || ("id-token", id_token("old", -1));
    for (entries, expected) in [
        (vec![data.clone(), refused.clone()], "did not accept"),
        (vec![refused.clone()], "request failed"),
        (vec![data.clone(), old()], "missing field refresh-token"),
    ] {
        let client = client(&api, user(&issuer, &entries)).expect("valid");
        let error = client.request_text(get()).await.expect_err("has no token");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(expected) && !shown.contains("hunter2"), "{shown}");
        assert!(matches!(error, Error::Auth(AuthError::Oidc(_))), "{error:?}");
    }
    let error = client(&api, user(&issuer, std::slice::from_ref(&data)))
        .err()
        .expect("has nothing");
    assert!(
        matches!(
            error,
            Error::Auth(AuthError::Oidc(oidc_errors::Error::IdTokenMissing))
        ),
        "{error:?}"
    );
    let garbage = ("id-token", "hunter2".to_owned());
    let error = client(&api, user(&issuer, &[garbage]))
        .err()
        .expect("is no token");
    assert!(error.to_string().contains("malformed"), "{error}");
    let broken = ("idp-certificate-authority-data", "%".to_owned());
    let error = client(&api, user(&issuer, &[broken, refused]))
        .err()
        .expect("is no base64");
    assert!(error.to_string().contains("certificate authority"), "{error}");
}

#[tokio::test]
async fn nothing_of_it_is_logged() {
    let captured = Captured::default();
    let _another = tracing::Dispatch::new(tracing_subscriber::registry());
    // On this thread, which is the only one of the runtime.
    let _listening = tracing::subscriber::set_default(captured.subscriber());
    let authority = Authority::new();
    let api = api().await;
    let (issuer, _) = issuer(&authority, false, 3600).await;
    let entries = [
        ("idp-certificate-authority-data", STANDARD.encode(authority.pem())),
        ("refresh-token", "refresh-0".to_owned()),
    ];
    let client = client(&api, user(&issuer, &entries)).expect("valid");
    assert_eq!(name(&client).await, "id-1");
    let log = captured.text();
    let payload = URL_SAFE_NO_PAD.encode(r#"{"exp":"#);
    assert!(log.contains("http.status_code=200"), "{log}");
    for secret in [
        "refresh-",
        "s&cret",
        "s%26cret",
        &STANDARD.encode("me:s%26cret"),
        &payload[..8],
    ] {
        assert!(!log.contains(secret), "{secret} is logged:\n{log}");
    }
}
