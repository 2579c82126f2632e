//! Credentials from a plugin
//! ([protocol](https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins)).

use std::{
    io::{self, IsTerminal},
    process::Stdio,
};

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::{AuthError, Credentials, bearer_header, program};
use crate::config::{ExecAuthCluster, ExecConfig, ExecInteractiveMode};

const INFO: &str = "KUBERNETES_EXEC_INFO";

/// Says what is wrong with a configuration, before it is run.
pub(super) fn check(config: &ExecConfig) -> Result<(), AuthError> {
    if config.command.as_ref().is_none_or(String::is_empty) {
        return Err(AuthError::MissingCommand);
    }
    if config.provide_cluster_info && config.cluster.is_none() {
        return Err(AuthError::ExecMissingClusterInfo);
    }
    Ok(())
}

/// What tells one configuration from another.
pub(super) fn key(config: &ExecConfig) -> Result<String, AuthError> {
    // A value of its own: map order is the same for equal values.
    serde_json::to_value(config)
        .and_then(|value| serde_json::to_string(&(value, &config.cluster, &config.drop_env)))
        .map_err(AuthError::AuthExecSerialize)
}

/// Runs the plugin.
pub(super) async fn run(config: &ExecConfig) -> Result<Credentials, AuthError> {
    let name = config.command.as_deref().ok_or(AuthError::MissingCommand)?;
    let interactive = is_interactive(config, io::stdin().is_terminal())?;
    let info = ExecCredential {
        api_version: config.api_version.clone(),
        kind: Some("ExecCredential".to_owned()),
        spec: ExecCredentialSpec {
            interactive,
            cluster: config.cluster.clone().filter(|_| config.provide_cluster_info),
        },
        status: None,
    };
    let info = serde_json::to_string(&info).map_err(AuthError::AuthExecSerialize)?;

    let mut command = Command::new(name);
    command.args(config.args.iter().flatten());
    for dropped in config.drop_env.iter().flatten() {
        command.env_remove(dropped);
    }
    for variable in config.env.iter().flatten() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.env(name, value);
        }
    }
    command.env(INFO, info);
    // What it says to the user must reach the user; otherwise, it is in the error.
    match config.interactive_mode {
        Some(ExecInteractiveMode::Never) => command.stdin(Stdio::null()).stderr(Stdio::piped()),
        _ if interactive => command.stdin(Stdio::inherit()).stderr(Stdio::inherit()),
        _ => command.stdin(Stdio::null()).stderr(Stdio::inherit()),
    };
    let out = program::output(name, command, config.install_hint.as_deref()).await?;
    credentials(config, &out.stdout)
}

/// What a program is told, and what it answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<String>,
    kind: Option<String>,
    #[serde(default, skip_deserializing)]
    spec: ExecCredentialSpec,
    #[serde(default, skip_serializing)]
    status: Option<ExecCredentialStatus>,
}

#[derive(Serialize, Default)]
struct ExecCredentialSpec {
    interactive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<ExecAuthCluster>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredentialStatus {
    token: Option<String>,
    expiration_timestamp: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Whether the program may read from the user's terminal.
fn is_interactive(config: &ExecConfig, has_terminal: bool) -> Result<bool, AuthError> {
    match config.interactive_mode {
        Some(ExecInteractiveMode::Never) => Ok(false),
        Some(ExecInteractiveMode::IfAvailable) | None => Ok(has_terminal),
        Some(ExecInteractiveMode::Always) if has_terminal => Ok(true),
        Some(ExecInteractiveMode::Always) => Err(AuthError::AuthExec(
            "the plugin's interactiveMode is Always, and standard input is no terminal".to_owned(),
        )),
    }
}

/// Reads a program's answer, in JSON or YAML.
pub(crate) fn credentials(config: &ExecConfig, stdout: &[u8]) -> Result<Credentials, AuthError> {
    // A snippet of the answer in a message would hold a secret.
    let options = serde_saphyr::options! { with_snippet: false };
    let answer: ExecCredential =
        serde_saphyr::from_slice_with_options(stdout, options).map_err(AuthError::AuthExecParse)?;
    if let (Some(asked), Some(answered)) = (&config.api_version, &answer.api_version)
        && asked != answered
    {
        return Err(AuthError::AuthExec(format!(
            "the plugin was asked for {asked} and answered {answered}"
        )));
    }
    let status = answer.status.ok_or(AuthError::ExecPluginFailed)?;
    let identity = match (status.client_certificate_data, status.client_key_data) {
        (Some(certificate), Some(key)) => Some(identity(&certificate, &key)?),
        (None, None) => None,
        _ => {
            return Err(AuthError::AuthExec(
                "the plugin answered half of a certificate and its key".to_owned(),
            ));
        }
    };
    let token = status.token.filter(|token| !token.is_empty());
    if token.is_none() && identity.is_none() {
        return Err(AuthError::AuthExec(
            "the plugin answered neither token nor certificate".to_owned(),
        ));
    }
    let header = token.map(|token| bearer_header(token.trim())).transpose()?;
    let expires = status.expiration_timestamp.map(|time| time.parse());
    let expires = expires
        .transpose()
        .map_err(AuthError::MalformedTokenExpirationDate)?;
    Ok(Credentials::new(header, identity, expires))
}

/// A key and a certificate as one PEM.
fn identity(certificate: &str, key: &str) -> Result<Vec<u8>, AuthError> {
    let has = |text: &str, tag: &str| {
        let blocks = pem::parse_many(text).unwrap_or_default();
        blocks.iter().any(|block| block.tag().ends_with(tag))
    };
    if !has(certificate, "CERTIFICATE") || !has(key, "PRIVATE KEY") {
        return Err(AuthError::AuthExec(
            "the plugin answered a certificate or a key that is no PEM".to_owned(),
        ));
    }
    Ok(format!("{}\n{certificate}", key.trim_end()).into_bytes())
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, time::Duration};

    use jiff::Timestamp;

    use super::*;
    use crate::client::auth::Renewed;

    /// A shell script that counts its runs in a file.
    fn plugin(directory: &tempfile::TempDir, script: &str) -> ExecConfig {
        let script = format!("echo run >> {}/runs; {script}", directory.path().display());
        ExecConfig {
            command: Some("/bin/sh".into()),
            args: Some(vec!["-c".into(), script]),
            api_version: Some("client.authentication.k8s.io/v1".into()),
            interactive_mode: Some(ExecInteractiveMode::Never),
            ..ExecConfig::default()
        }
    }

    fn runs(directory: &tempfile::TempDir) -> usize {
        fs::read_to_string(directory.path().join("runs"))
            .unwrap_or_default()
            .lines()
            .count()
    }

    fn answer(status: &str) -> String {
        format!(
            r#"echo '{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{{status}}}}}'"#
        )
    }

    async fn failure(script: &str) -> String {
        let directory = tempfile::tempdir().expect("a directory");
        let exec = Renewed::of_plugin(&plugin(&directory, script)).expect("has a command");
        exec.header().await.expect_err("must fail").to_string()
    }

    #[tokio::test]
    async fn concurrent_requests_share_a_run() {
        let directory = tempfile::tempdir().expect("a directory");
        let config = plugin(&directory, &format!("sleep 0.05; {}", answer(r#""token":"one""#)));
        let (first, second) = (Renewed::of_plugin(&config), Renewed::of_plugin(&config));
        let (first, second) = (first.expect("valid"), second.expect("valid"));
        let headers = futures::future::try_join_all([first.header(), second.header(), first.header()]).await;
        for header in headers.expect("has a token") {
            assert_eq!(header.expect("has a token"), "Bearer one");
        }
        assert_eq!(runs(&directory), 1);
        // Without an expiry, it is good for ever.
        first.header().await.expect("has a token");
        assert_eq!(runs(&directory), 1);
    }

    #[tokio::test]
    async fn what_expires_is_renewed() {
        let directory = tempfile::tempdir().expect("a directory");
        let soon = Timestamp::now() - Duration::from_secs(1);
        let status = format!(r#""token":"one","expirationTimestamp":"{soon}""#);
        let exec = Renewed::of_plugin(&plugin(&directory, &answer(&status))).expect("valid");
        exec.header().await.expect("has a token");
        exec.header().await.expect("has a token");
        assert_eq!(runs(&directory), 2);
    }

    #[tokio::test]
    async fn it_is_told_about_the_cluster_and_may_answer_yaml() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut config = plugin(
            &directory,
            "echo \"$KUBERNETES_EXEC_INFO\" > \"$OUT\"; printf 'kind: ExecCredential\\nstatus:\\n  token: two\\n'",
        );
        let out = directory.path().join("info");
        let variable = [("name", "OUT".to_owned()), ("value", out.display().to_string())];
        config.env = Some(vec![variable.map(|(key, value)| (key.to_owned(), value)).into()]);
        config.provide_cluster_info = true;
        assert!(matches!(
            Renewed::of_plugin(&config),
            Err(AuthError::ExecMissingClusterInfo)
        ));
        config.cluster = Some(ExecAuthCluster {
            server: Some("https://a".into()),
            certificate_authority_data: Some(b"pem".to_vec()),
            ..ExecAuthCluster::default()
        });
        let exec = Renewed::of_plugin(&config).expect("valid");
        assert_eq!(
            exec.header().await.expect("runs").expect("has a token"),
            "Bearer two"
        );
        let info: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(out).expect("was told")).expect("json");
        assert_eq!(
            info["spec"],
            serde_json::json!({"interactive": false,
                "cluster": {"server": "https://a", "certificate-authority-data": "cGVt"}})
        );
    }

    #[tokio::test]
    async fn failures_say_what_happened_and_no_secret() {
        let failed = failure("echo hunter2; echo oops >&2; exit 3").await;
        assert!(
            failed.contains("oops") && failed.contains('3') && !failed.contains("hunter2"),
            "{failed}"
        );
        let garbage = failure("echo '{\"status\":{\"token\":[\"hunter2\"]}}'").await;
        assert!(
            garbage.contains("parse") && !garbage.contains("hunter2"),
            "{garbage}"
        );
        let other =
            failure("echo '{\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"status\":{}}'").await;
        assert!(other.contains("v1beta1"), "{other}");
        assert!(
            failure(&answer(""))
                .await
                .contains("neither token nor certificate")
        );
        assert!(failure("echo '{}'").await.contains("status"));
        let half = failure(&answer(r#""clientKeyData":"hunter2""#)).await;
        assert!(half.contains("half") && !half.contains("hunter2"), "{half}");
        let no_pem = failure(&answer(
            r#""clientKeyData":"hunter2","clientCertificateData":"hunter2""#,
        ))
        .await;
        assert!(
            no_pem.contains("no PEM") && !no_pem.contains("hunter2"),
            "{no_pem}"
        );
        assert!(
            failure(&answer(r#""token":"a","expirationTimestamp":"soon""#))
                .await
                .contains("expiration")
        );

        let config = ExecConfig {
            command: Some("/no/such/plugin".into()),
            install_hint: Some("get it at example.com".into()),
            ..ExecConfig::default()
        };
        let exec = Renewed::of_plugin(&config).expect("has a command");
        let error = exec.header().await.expect_err("not there").to_string();
        assert!(
            error.contains("/no/such/plugin") && error.contains("example.com"),
            "{error}"
        );
        assert!(matches!(
            Renewed::of_plugin(&ExecConfig::default()),
            Err(AuthError::MissingCommand)
        ));
    }

    #[tokio::test]
    async fn concurrent_requests_share_a_failure() {
        let directory = tempfile::tempdir().expect("a directory");
        let config = plugin(&directory, "sleep 0.05; echo hunter2; echo oops >&2; exit 1");
        let exec = Renewed::of_plugin(&config).expect("valid");
        let results = futures::future::join_all((0..20).map(|_| exec.header())).await;
        for result in results {
            let error = result.expect_err("fails");
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("oops") && !shown.contains("hunter2"), "{shown}");
        }
        assert_eq!(runs(&directory), 1);
        exec.header().await.expect_err("fails again");
        assert_eq!(runs(&directory), 2);
    }

    #[tokio::test]
    async fn a_run_goes_on_without_the_one_who_asked_first() {
        let directory = tempfile::tempdir().expect("a directory");
        let config = plugin(&directory, &format!("sleep 0.05; {}", answer(r#""token":"one""#)));
        let exec = Renewed::of_plugin(&config).expect("valid");
        let mut first = Box::pin(exec.header());
        assert!(futures::poll!(&mut first).is_pending());
        drop(first);
        assert_eq!(exec.header().await.expect("runs").expect("a token"), "Bearer one");
        assert_eq!(runs(&directory), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_is_renewed_but_not_at_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let exec = Renewed::of_plugin(&plugin(&directory, &answer(r#""token":"one""#))).expect("valid");
        let header = exec.header().await.expect("runs");
        exec.refused(header.as_ref());
        exec.header().await.expect("has one");
        assert_eq!(runs(&directory), 1);
        tokio::time::advance(Duration::from_secs(11)).await;
        // Another one's was refused.
        exec.refused(None);
        exec.header().await.expect("has one");
        assert_eq!(runs(&directory), 1);
        exec.refused(header.as_ref());
        exec.header().await.expect("runs");
        assert_eq!(runs(&directory), 2);
    }

    #[tokio::test]
    async fn an_answer_without_end_is_an_error() {
        let failed = failure("yes hunter2").await;
        assert!(
            failed.contains("1 MiB") && !failed.contains("hunter2"),
            "{failed}"
        );
    }

    #[test]
    fn who_may_talk_to_the_user() {
        let asked = |mode: Option<ExecInteractiveMode>, has_terminal| {
            let config = ExecConfig {
                interactive_mode: mode,
                ..ExecConfig::default()
            };
            is_interactive(&config, has_terminal).ok()
        };
        use ExecInteractiveMode::{Always, IfAvailable, Never};
        for (mode, with, without) in [
            (Some(Never), Some(false), Some(false)),
            (Some(IfAvailable), Some(true), Some(false)),
            (None, Some(true), Some(false)),
            (Some(Always), Some(true), None),
        ] {
            assert_eq!((asked(mode.clone(), true), asked(mode, false)), (with, without));
        }
    }
}
