//! Kubeconfigs as people have them.

use std::fs;

use secrecy::ExposeSecret;
use serde_json::json;

use super::*;

const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
current-context: one
unknown-at-top: kept
clusters:
- name: one
  cluster:
    server: https://one.example.com:6443/base
    insecure-skip-tls-verify: true
    tls-server-name: other.example.com
    unknown-in-cluster: kept
    extensions:
    - name: client.authentication.k8s.io/exec
      extension: {audience: foo}
- name: two
  cluster:
    server: two.example.com
contexts:
- name: one
  context: {cluster: one, user: one, namespace: ns, unknown-in-context: kept}
- name: two
  context: {cluster: two}
- name: lost
  context: {cluster: lost, user: one}
- name: nobody
  context: {cluster: one, user: nobody}
users:
- name: one
  user:
    as: admin
    as-uid: '12345'
    as-groups: [a, b]
    as-user-extra: {scopes: [read, write]}
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: plugin
      env: null
      provideClusterInfo: true
      interactiveMode: IfAvailable
      unknown-in-exec: kept
- name: two
  user: {username: me, password: hunter2, token: hunter3, client-key-data: aHVudGVyNA==}
"#;

fn kubeconfig() -> Kubeconfig {
    Kubeconfig::from_yaml(KUBECONFIG).expect("valid")
}

async fn config(options: KubeConfigOptions) -> Result<Config, KubeconfigError> {
    Config::from_custom_kubeconfig(kubeconfig(), &options).await
}

fn context(name: &str) -> KubeConfigOptions {
    KubeConfigOptions {
        context: Some(name.to_owned()),
        ..KubeConfigOptions::default()
    }
}

#[tokio::test]
async fn the_current_context_makes_a_config() {
    let config = config(KubeConfigOptions::default()).await.expect("complete");
    assert_eq!(config.cluster_url, "https://one.example.com:6443/base");
    assert_eq!(config.default_namespace, "ns");
    assert!(config.accept_invalid_certs && config.default_retry && config.root_cert.is_none());
    assert_eq!(config.tls_server_name.as_deref(), Some("other.example.com"));
    let user = config.auth_info;
    assert_eq!(user.impersonate.as_deref(), Some("admin"));
    assert_eq!(user.impersonate_uid.as_deref(), Some("12345"));
    assert_eq!(
        user.impersonate_user_extra.expect("has extra")["scopes"],
        ["read", "write"]
    );
    let exec = user.exec.expect("has exec");
    assert_eq!(exec.interactive_mode, Some(ExecInteractiveMode::IfAvailable));
    assert_eq!(
        exec.cluster.expect("is told").config,
        Some(json!({"audience": "foo"}))
    );
}

#[tokio::test]
async fn options_choose_other_parts() {
    let two = config(context("two")).await.expect("complete");
    assert_eq!(
        (two.cluster_url.scheme_str(), two.default_namespace.as_str()),
        (Some("http"), "default")
    );
    let options = KubeConfigOptions {
        user: Some("two".into()),
        ..context("one")
    };
    let mixed = config(options).await.expect("complete");
    assert_eq!(mixed.auth_info.username.as_deref(), Some("me"));

    let mut without = kubeconfig();
    without.current_context = None;
    assert!(matches!(
        Config::try_from(without.clone()),
        Err(KubeconfigError::CurrentContextNotSet)
    ));
    let options = KubeConfigOptions {
        cluster: Some("one".into()),
        user: Some("two".into()),
        context: None,
    };
    Config::from_custom_kubeconfig(without, &options)
        .await
        .expect("needs no context");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    for (name, message) in [
        ("three", "failed to load current context: three"),
        ("lost", "failed to load the cluster of context: lost"),
        ("nobody", "failed to load the user of context: nobody"),
    ] {
        let error = config(context(name)).await.expect_err("is missing");
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn unknown_fields_survive_a_round_trip() {
    let written = serde_saphyr::to_string(&kubeconfig()).expect("serializes");
    for kept in [
        "unknown-at-top",
        "unknown-in-cluster",
        "unknown-in-context",
        "unknown-in-exec",
        "hunter3",
    ] {
        assert!(written.contains(kept), "{kept} is lost:\n{written}");
    }
    let read = Kubeconfig::from_yaml(&written).expect("valid");
    assert_eq!(serde_saphyr::to_string(&read).expect("serializes"), written);
}

#[test]
fn debug_hides_secrets() {
    let mut kubeconfig = kubeconfig();
    let provider = AuthProviderConfig {
        name: "oidc".into(),
        config: [("id-token".to_owned(), "hunter5".to_owned())].into(),
        ..AuthProviderConfig::default()
    };
    kubeconfig.auth_infos[0]
        .auth_info
        .as_mut()
        .expect("has a user")
        .auth_provider = Some(provider);
    let exec = kubeconfig.auth_infos[0]
        .auth_info
        .as_mut()
        .and_then(|user| user.exec.as_mut());
    let exec = exec.expect("has exec");
    exec.args = Some(vec!["--secret=hunter6".into()]);
    exec.env = Some(vec![
        [
            ("name".to_owned(), "SECRET".to_owned()),
            ("value".to_owned(), "hunter7".to_owned()),
        ]
        .into(),
    ]);
    let cluster = kubeconfig.clusters[0].cluster.as_mut().expect("has a cluster");
    cluster.proxy_url = Some("http://me:hunter8@proxy:3128".to_owned());
    let config = Config::try_from(kubeconfig.clone()).expect("complete");
    let shown = format!("{kubeconfig:?} {config:?}");
    assert!(
        shown.contains("http://proxy:3128") && shown.contains("SECRET"),
        "{shown}"
    );
    assert!(
        !shown.contains("hunter") && !shown.contains("aHVudGVy"),
        "{shown}"
    );
    assert!(shown.contains("id-token"), "{shown}");
}

#[test]
fn the_first_file_wins() {
    let other = Kubeconfig::from_yaml(
        "current-context: other\nusers: [{name: two, user: {token: later}}, {name: three}]\nclusters: null\nx: kept",
    )
    .expect("valid");
    let merged = kubeconfig().merge(other).expect("merges");
    assert_eq!(merged.current_context.as_deref(), Some("one"));
    let names: Vec<_> = merged.auth_infos.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["one", "two", "three"]);
    let token = merged.auth_infos[1]
        .auth_info
        .as_ref()
        .and_then(|user| user.token.as_ref());
    assert_eq!(token.map(ExposeSecret::expose_secret), Some("hunter3"));
    assert_eq!(merged.other["x"], "kept");

    let v2 = Kubeconfig::from_yaml("apiVersion: v2").expect("valid");
    assert!(matches!(
        kubeconfig().merge(v2),
        Err(KubeconfigError::ApiVersionMismatch)
    ));
    let list = Kubeconfig::from_yaml("kind: List").expect("valid");
    assert!(matches!(
        kubeconfig().merge(list),
        Err(KubeconfigError::KindMismatch)
    ));
}

#[test]
fn documents_of_one_text_merge() {
    let text = "current-context: a\nclusters: [{name: a}]\n---\ncurrent-context: b\nclusters: [{name: b}]\n";
    let merged = Kubeconfig::from_yaml(text).expect("valid");
    assert_eq!(merged.current_context.as_deref(), Some("a"));
    assert_eq!(merged.clusters.len(), 2);
    let empty = Kubeconfig::from_yaml("").expect("valid");
    assert!(empty.clusters.is_empty() && empty.current_context.is_none());
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("config");
    let text = "clusters: [{name: a, cluster: {certificate-authority: ca.crt}}]
users:
- {name: a, user: {client-certificate: ../a.crt, client-key: /abs/a.key, exec: {command: bin/plugin}}}
- {name: b, user: {tokenFile: token, exec: {command: plugin}}}
";
    fs::write(&path, text).expect("writes");
    let read = Kubeconfig::read_from(&path).expect("valid");
    let directory = fs::canonicalize(directory.path()).expect("is there");
    let absolute = |relative: &str| Some(directory.join(relative).to_string_lossy().into_owned());
    let cluster = read.clusters[0].cluster.as_ref().expect("has a cluster");
    assert_eq!(cluster.certificate_authority, absolute("ca.crt"));
    let user = |index: usize| read.auth_infos[index].auth_info.as_ref().expect("has a user");
    let command = |index: usize| user(index).exec.as_ref().and_then(|exec| exec.command.clone());
    assert_eq!(user(0).client_certificate, absolute("../a.crt"));
    assert_eq!(user(0).client_key.as_deref(), Some("/abs/a.key"));
    assert_eq!(command(0), absolute("bin/plugin"));
    assert_eq!(user(1).token_file, absolute("token"));
    assert_eq!(command(1).as_deref(), Some("plugin"));
}

#[test]
fn a_malformed_file_names_itself_and_the_position() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("broken");
    fs::write(
        &path,
        "kind: Config\nusers:\n- name: a\n  user: {token: [hunter2]}\n",
    )
    .expect("writes");
    let error = Kubeconfig::read_from(&path)
        .expect_err("is malformed")
        .to_string();
    assert!(error.contains("broken") && error.contains("line 4"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn certificates_are_loaded_from_data_or_file() {
    let pem = pem::encode(&pem::Pem::new("CERTIFICATE", [1]));
    let key = pem::encode(&pem::Pem::new("PRIVATE KEY", [2]));
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("ca.crt");
    fs::write(&path, format!("{pem}{key}{pem}")).expect("writes");
    let mut kubeconfig = kubeconfig();
    let cluster = kubeconfig.clusters[0].cluster.as_mut().expect("has a cluster");
    cluster.certificate_authority = Some(path.to_string_lossy().into_owned());
    let config = Config::try_from(kubeconfig.clone()).expect("complete");
    assert_eq!(config.root_cert, Some(vec![vec![1], vec![1]]));

    let cluster = kubeconfig.clusters[0].cluster.as_mut().expect("has a cluster");
    cluster.certificate_authority_data = Some("%".into());
    let error = Config::try_from(kubeconfig.clone())
        .expect_err("no base64")
        .to_string();
    assert!(error.contains("base64"), "{error}");
    let cluster = kubeconfig.clusters[0].cluster.as_mut().expect("has a cluster");
    cluster.certificate_authority_data = None;
    cluster.certificate_authority = Some("/no/such/file".into());
    let error = Config::try_from(kubeconfig).expect_err("no file").to_string();
    assert!(error.contains("/no/such/file"), "{error}");
}

#[test]
fn the_environment_overrides() {
    let mut config = Config::new(Uri::from_static("https://a/"));
    config.apply_overrides_of(|name| match name {
        "KUBE_RS_DEBUG_IMPERSONATE_USER" => Some("me".into()),
        "KUBE_RS_DEBUG_IMPERSONATE_GROUP" => Some("a,b".into()),
        "KUBE_RS_DEBUG_OVERRIDE_URL" => Some("http://b:1/".into()),
        _ => None,
    });
    assert_eq!(config.auth_info.impersonate.as_deref(), Some("me"));
    assert_eq!(
        config.auth_info.impersonate_groups,
        Some(vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!(config.cluster_url, "http://b:1/");
}

/// Ten to the tenth of a word, in half a kilobyte.
#[test]
fn a_text_that_would_grow_without_bound_is_an_error() {
    let mut text = "x0: &x0 word\n".to_owned();
    for level in 1..=10 {
        let below = format!("*x{}, ", level - 1).repeat(10);
        text += &format!("x{level}: &x{level} [{below}]\n");
    }
    let error = Kubeconfig::from_yaml(&text).expect_err("is too much");
    assert!(matches!(error, KubeconfigError::Parse(_)), "{error}");
    let deep = format!("x: {}", "[".repeat(100_000));
    Kubeconfig::from_yaml(&deep).expect_err("is too deep");
}
