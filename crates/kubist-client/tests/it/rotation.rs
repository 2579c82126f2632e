//! Certificates that change while a client lives.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, header::CONNECTION};
use hyper::body::Incoming;
use kubist_client::{
    Client, Config, Error,
    config::{ExecConfig, ExecInteractiveMode, Kubeconfig},
};
use rustls::{
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::server::{Authority, Identity, Peer, TestServer, answer};

fn get() -> Request<Vec<u8>> {
    Request::get("/").body(Vec::new()).expect("valid")
}

/// A server that tells clients by their certificates, and refuses those that are revoked.
struct Gate {
    server: TestServer,
    authority: Authority,
    revoked: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Gate {
    /// Knows these clients by their positions.
    async fn start(authority: Authority, clients: &[&Identity]) -> Self {
        let known: Vec<_> = clients.iter().map(|client| client.certificate_der()).collect();
        let revoked = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let refused = revoked.clone();
        let tls = authority.server_for_clients_of("127.0.0.1", &authority);
        let server = TestServer::https(tls, move |request: Request<Incoming>| {
            let peer = request.extensions().get::<Peer>().and_then(|peer| peer.0.clone());
            let peer = peer.expect("has a certificate");
            let is_revoked = refused.lock().expect("not poisoned").contains(&peer);
            let position = known.iter().position(|known| *known == peer);
            async move {
                match position {
                    Some(position) if !is_revoked => answer(200, position.to_string()),
                    _ => answer(401, "{}"),
                }
            }
        })
        .await;
        Self {
            server,
            authority,
            revoked,
        }
    }

    fn config(&self) -> Config {
        let mut config = self.server.config();
        config.root_cert = Some(vec![self.authority.der()]);
        config
    }

    fn revoke(&self, client: &Identity) {
        let mut revoked = self.revoked.lock().expect("not poisoned");
        revoked.push(client.certificate_der());
    }
}

async fn ask(client: &Client) -> String {
    client.request_text(get()).await.expect("is let in")
}

async fn refused(client: &Client) {
    let error = client.request_text(get()).await.expect_err("is refused");
    assert!(
        matches!(&error, Error::Api(status) if status.code == 401),
        "{error}"
    );
}

struct Files {
    _directory: tempfile::TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self {
            certificate: directory.path().join("tls.crt"),
            key: directory.path().join("tls.key"),
            _directory: directory,
        }
    }

    fn write(&self, identity: &Identity) {
        fs::write(&self.certificate, identity.certificate_pem()).expect("writes");
        fs::write(&self.key, identity.key_pem()).expect("writes");
    }
}

fn text(path: &Path) -> Option<String> {
    Some(path.display().to_string())
}

#[tokio::test]
async fn client_certificates_in_files() {
    let authority = Authority::new();
    let [old, new] = [authority.identity("old"), authority.identity("new")];
    let gate = Gate::start(authority, &[&old, &new]).await;
    let files = Files::new();
    files.write(&old);
    let mut config = gate.config();
    config.auth_info.client_certificate = text(&files.certificate);
    config.auth_info.client_key = text(&files.key);
    let client = Client::try_from(config).expect("valid");
    assert_eq!(ask(&client).await, "0");
    assert_eq!(ask(&client).await, "0");
    assert_eq!(gate.server.connections(), 1);

    // Half of it is written: the old one stays.
    gate.revoke(&old);
    fs::write(&files.certificate, new.certificate_pem()).expect("writes");
    refused(&client).await;
    refused(&client).await;
    fs::remove_file(&files.key).expect("removes");
    refused(&client).await;
    files.write(&new);
    assert_eq!(ask(&client).await, "1");
    assert_eq!(ask(&client).await, "1");
    assert_eq!(gate.server.connections(), 2);
}

/// Nothing failed, and nobody said so: it is looked for.
#[tokio::test]
async fn client_certificates_are_looked_for() {
    let authority = Authority::new();
    let [old, new] = [authority.identity("old"), authority.identity("new")];
    let gate = Gate::start(authority, &[&old, &new]).await;
    let files = Files::new();
    files.write(&old);
    let mut config = gate.config();
    config.auth_info.client_certificate = text(&files.certificate);
    config.auth_info.client_key = text(&files.key);
    let client = Client::try_from(config).expect("valid");
    assert_eq!(ask(&client).await, "0");
    files.write(&new);
    assert_eq!(ask(&client).await, "0");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    assert_eq!(ask(&client).await, "1");
}

/// A plugin that gives what a file holds.
#[cfg(unix)]
struct Plugin {
    _directory: tempfile::TempDir,
    credential: PathBuf,
}

#[cfg(unix)]
impl Plugin {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self {
            credential: directory.path().join("credential"),
            _directory: directory,
        }
    }

    fn write(&self, identity: &Identity) {
        // It has expired already, so that the plugin runs for each request.
        let soon = jiff::Timestamp::now() - Duration::from_secs(1);
        let credential = serde_json::json!({"kind": "ExecCredential", "status": {
            "clientCertificateData": identity.certificate_pem(),
            "clientKeyData": identity.key_pem(),
            "expirationTimestamp": soon,
        }});
        fs::write(&self.credential, credential.to_string()).expect("writes");
    }

    fn config(&self) -> ExecConfig {
        ExecConfig {
            command: Some("/bin/cat".into()),
            args: text(&self.credential).map(|path| vec![path]),
            interactive_mode: Some(ExecInteractiveMode::Never),
            ..ExecConfig::default()
        }
    }
}

/// What could not be used because of something else is used when that is mended.
#[cfg(unix)]
#[tokio::test]
async fn a_plugin_beside_a_broken_authority() {
    let authority = Authority::new();
    let [old, new] = [authority.identity("old"), authority.identity("new")];
    let gate = Gate::start(authority, &[&old, &new]).await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("ca.crt");
    fs::write(&file, gate.authority.pem()).expect("writes");
    let plugin = Plugin::new();
    plugin.write(&old);
    let mut config = gate.server.config();
    config.root_cert_file = Some(file.clone());
    config.auth_info.exec = Some(plugin.config());
    let client = Client::try_from(config).expect("valid");
    assert_eq!(ask(&client).await, "0");

    fs::write(&file, "-----BEGIN CERTIFICATE-----\nhunter2").expect("writes");
    plugin.write(&new);
    assert_eq!(ask(&client).await, "0");
    fs::write(&file, gate.authority.pem()).expect("writes");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    assert_eq!(ask(&client).await, "1");
}

#[cfg(unix)]
#[tokio::test]
async fn client_certificates_of_a_plugin() {
    let authority = Authority::new();
    let [old, new] = [authority.identity("old"), authority.identity("new")];
    let gate = Gate::start(authority, &[&old, &new]).await;
    let plugin = Plugin::new();
    plugin.write(&old);
    let mut config = gate.config();
    config.auth_info.exec = Some(plugin.config());
    let client = Client::try_from(config).expect("valid");
    assert_eq!(ask(&client).await, "0");
    assert_eq!(ask(&client).await, "0");
    let connections = gate.server.connections();
    plugin.write(&new);
    gate.revoke(&old);
    assert_eq!(ask(&client).await, "1");
    assert_eq!(ask(&client).await, "1");
    assert_eq!(gate.server.connections(), connections + 1);
}

/// Every form of key that people have.
#[cfg(feature = "openssl-tls")]
#[tokio::test]
async fn forms_of_keys() {
    use openssl::{pkey::PKey, rsa::Rsa};
    use rcgen::KeyPair;

    let rsa = Rsa::generate(2048).expect("a key");
    let pkcs1 = String::from_utf8(rsa.private_key_to_pem().expect("PEM")).expect("text");
    let pkcs8 = PKey::from_rsa(rsa).and_then(|key| key.private_key_to_pem_pkcs8());
    let pkcs8 = String::from_utf8(pkcs8.expect("PEM")).expect("text");
    let ec = KeyPair::generate().expect("a key");
    let sec1 = PKey::private_key_from_pem(ec.serialize_pem().as_bytes()).and_then(|key| key.ec_key());
    let sec1 = sec1.and_then(|key| key.private_key_to_pem()).expect("PEM");
    let sec1 = String::from_utf8(sec1).expect("text");
    assert!(pkcs1.contains("BEGIN RSA") && pkcs8.contains("BEGIN PRIVATE") && sec1.contains("BEGIN EC"));

    let authority = Authority::new();
    let rsa = authority.identity_of("rsa", KeyPair::from_pem(&pkcs8).expect("a key"));
    let ec = authority.identity_of("ec", ec);
    let gate = Gate::start(authority, &[&rsa, &ec]).await;
    for (identity, key, expected) in [(&rsa, pkcs1, "0"), (&rsa, pkcs8, "0"), (&ec, sec1, "1")] {
        let files = Files::new();
        files.write(identity);
        fs::write(&files.key, key).expect("writes");
        let mut config = gate.config();
        config.auth_info.client_certificate = text(&files.certificate);
        config.auth_info.client_key = text(&files.key);
        let client = Client::try_from(config).expect("valid");
        assert_eq!(ask(&client).await, expected);
    }
}

/// A server's certificate that can be changed.
#[derive(Debug, Clone)]
struct Changing(Arc<Mutex<Arc<CertifiedKey>>>);

impl ResolvesServerCert for Changing {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.lock().expect("not poisoned").clone())
    }
}

/// How the client is told of the file.
async fn authorities_change(configure: impl FnOnce(&TestServer, &Path) -> Config) {
    let [old, new] = [Authority::new(), Authority::new()];
    let certified = |authority: &Authority| Arc::new(authority.identity("127.0.0.1").certified());
    let identity = Changing(Arc::new(Mutex::new(certified(&old))));
    let mut tls = old.server_as(Arc::new(identity.clone()), None);
    tls.alpn_protocols.clear();
    // A session that is resumed is not looked at again.
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    tls.send_tls13_tickets = 0;
    let server = TestServer::https(tls, |_| async {
        let mut answer = answer(200, "hello");
        answer
            .headers_mut()
            .insert(CONNECTION, "close".parse().expect("valid"));
        answer
    })
    .await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("ca.crt");
    fs::write(&file, old.pem()).expect("writes");
    let mut config = configure(&server, &file);
    config.default_retry = false;
    let client = Client::try_from(config).expect("valid");
    assert_eq!(ask(&client).await, "hello");

    *identity.0.lock().expect("not poisoned") = certified(&new);
    let error = client.request_text(get()).await.expect_err("is not trusted");
    assert!(error.to_string().contains("ertificate"), "{error}");
    for broken in ["", "-----BEGIN CERTIFICATE-----\nhunter2"] {
        fs::write(&file, broken).expect("writes");
        client.request_text(get()).await.expect_err("is not trusted");
    }
    fs::write(&file, new.pem()).expect("writes");
    assert_eq!(ask(&client).await, "hello");
}

#[tokio::test]
async fn authorities_of_a_config() {
    authorities_change(|server, file| {
        let mut config = server.config();
        config.root_cert_file = Some(file.to_owned());
        config
    })
    .await;
}

#[tokio::test]
async fn authorities_of_a_kubeconfig() {
    authorities_change(|server, file| {
        let yaml = format!(
            "current-context: a
contexts: [{{name: a, context: {{cluster: a}}}}]
clusters: [{{name: a, cluster: {{server: '{}', certificate-authority: '{}'}}}}]",
            server.url(),
            file.display(),
        );
        Config::try_from(Kubeconfig::from_yaml(&yaml).expect("valid")).expect("complete")
    })
    .await;
}

/// What a program puts in place of the kubeconfig's authorities is not read over.
#[tokio::test]
async fn authorities_that_were_replaced_stay() {
    let [of_file, own] = [Authority::new(), Authority::new()];
    let server = TestServer::https(own.server("127.0.0.1"), |_| async { answer(200, "hello") }).await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("ca.crt");
    fs::write(&file, of_file.pem()).expect("writes");
    let yaml = format!(
        "current-context: a
contexts: [{{name: a, context: {{cluster: a}}}}]
clusters: [{{name: a, cluster: {{server: '{}', certificate-authority: '{}'}}}}]",
        server.url(),
        file.display(),
    );
    let kubeconfig = Kubeconfig::from_yaml(&yaml).expect("valid");
    let mut config = Config::try_from(kubeconfig).expect("complete");
    config.root_cert = Some(vec![own.der()]);
    let client = Client::try_from(config).expect("valid");
    assert_eq!(ask(&client).await, "hello");
}
