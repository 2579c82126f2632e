//! Credentials from a program
//! ([protocol](https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins)).

use std::{
    io::{self, IsTerminal},
    process::Stdio,
    sync::{Arc, LazyLock, Weak},
    time::Duration,
};

use http::HeaderValue;
use jiff::Timestamp;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio::{process::Command, sync::Mutex};

use super::{AuthError, bearer_header};
use crate::config::{ExecAuthCluster, ExecConfig, ExecInteractiveMode};

/// How long before they expire credentials are renewed.
const MARGIN: Duration = Duration::from_secs(60);

/// How long credentials are kept at least, even if they are refused.
const RERUN_AFTER: Duration = Duration::from_secs(10);

const INFO: &str = "KUBERNETES_EXEC_INFO";

/// What a program gave, until it expires; then the program runs again.
///
/// All requests that wait for it share one run, over all clients with the same configuration.
pub(crate) struct ExecCredentials {
    key: String,
    config: ExecConfig,
    current: RwLock<Option<Arc<Credentials>>>,
    /// Held by the one who runs it.
    running: Mutex<()>,
}

/// What a program gave.
pub(crate) struct Credentials {
    header: Option<HeaderValue>,
    /// A key and a certificate, as one PEM.
    #[cfg_attr(not(feature = "rustls-tls"), allow(dead_code))]
    pub(crate) identity: Option<Vec<u8>>,
    expires: Option<Timestamp>,
    given_at: Timestamp,
}

impl Credentials {
    fn is_fresh(&self) -> bool {
        self.expires
            .is_none_or(|expires| Timestamp::now() + MARGIN < expires)
    }
}

static SHARED: LazyLock<RwLock<Vec<Weak<ExecCredentials>>>> = LazyLock::new(RwLock::default);

impl ExecCredentials {
    /// The credentials of this configuration, which others may have already.
    pub(crate) fn shared(config: &ExecConfig) -> Result<Arc<Self>, AuthError> {
        if config.command.as_ref().is_none_or(String::is_empty) {
            return Err(AuthError::MissingCommand);
        }
        if config.provide_cluster_info && config.cluster.is_none() {
            return Err(AuthError::ExecMissingClusterInfo);
        }
        // A value of its own: map order is the same for equal values.
        let key = serde_json::to_value(config)
            .and_then(|value| serde_json::to_string(&(value, &config.cluster, &config.drop_env)));
        let key = key.map_err(AuthError::AuthExecSerialize)?;
        let mut shared = SHARED.write();
        shared.retain(|known| known.strong_count() > 0);
        if let Some(known) = shared
            .iter()
            .filter_map(Weak::upgrade)
            .find(|known| known.key == key)
        {
            return Ok(known);
        }
        let new = Arc::new(Self {
            key,
            config: config.clone(),
            current: RwLock::new(None),
            running: Mutex::new(()),
        });
        shared.push(Arc::downgrade(&new));
        Ok(new)
    }

    /// What was given last, fresh or not.
    #[cfg(feature = "rustls-tls")]
    pub(crate) fn current(&self) -> Option<Arc<Credentials>> {
        self.current.read().clone()
    }

    pub(super) async fn header(&self) -> Result<Option<HeaderValue>, AuthError> {
        Ok(self.fresh().await?.header.clone())
    }

    /// Forgets credentials that were refused, so that the program runs again; not more than once
    /// in a while, as its answer may be refused again.
    pub(super) fn refused(&self, header: Option<&HeaderValue>) {
        let mut current = self.current.write();
        let is_refused = |credentials: &Arc<Credentials>| {
            credentials.header.as_ref() == header && credentials.given_at + RERUN_AFTER < Timestamp::now()
        };
        if current.as_ref().is_some_and(is_refused) {
            *current = None;
        }
    }

    async fn fresh(&self) -> Result<Arc<Credentials>, AuthError> {
        let fresh = || {
            self.current
                .read()
                .clone()
                .filter(|credentials| credentials.is_fresh())
        };
        if let Some(credentials) = fresh() {
            return Ok(credentials);
        }
        let _running = self.running.lock().await;
        // Somebody else may have run it meanwhile.
        if let Some(credentials) = fresh() {
            return Ok(credentials);
        }
        let credentials = Arc::new(run(&self.config).await?);
        *self.current.write() = Some(credentials.clone());
        Ok(credentials)
    }
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

async fn run(config: &ExecConfig) -> Result<Credentials, AuthError> {
    let name = config.command.as_deref().ok_or(AuthError::MissingCommand)?;
    let interactive = is_interactive(config)?;
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
    command.env(INFO, info).stdout(Stdio::piped()).kill_on_drop(true);
    // What it says to the user must reach the user; otherwise, it is in the error.
    match config.interactive_mode {
        Some(ExecInteractiveMode::Never) => command.stdin(Stdio::null()).stderr(Stdio::piped()),
        _ if interactive => command.stdin(Stdio::inherit()).stderr(Stdio::inherit()),
        _ => command.stdin(Stdio::null()).stderr(Stdio::inherit()),
    };
    tracing::debug!(command = name, "running credential plugin");
    let child = command
        .spawn()
        .map_err(|error| start_error(name, config, &error))?;
    let out = child
        .wait_with_output()
        .await
        .map_err(|error| start_error(name, config, &error))?;
    if !out.status.success() {
        return Err(AuthError::AuthExecRun {
            cmd: name.to_owned(),
            status: out.status,
            out,
        });
    }
    credentials(config, &out.stdout)
}

fn start_error(name: &str, config: &ExecConfig, error: &io::Error) -> AuthError {
    let hint = config
        .install_hint
        .as_deref()
        .map(str::trim)
        .filter(|hint| !hint.is_empty());
    let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    AuthError::AuthExecStart(io::Error::new(error.kind(), format!("{name}: {error}{hint}")))
}

/// Whether the program may read from the user's terminal.
fn is_interactive(config: &ExecConfig) -> Result<bool, AuthError> {
    match config.interactive_mode {
        Some(ExecInteractiveMode::Never) => Ok(false),
        Some(ExecInteractiveMode::IfAvailable) | None => Ok(io::stdin().is_terminal()),
        Some(ExecInteractiveMode::Always) if io::stdin().is_terminal() => Ok(true),
        Some(ExecInteractiveMode::Always) => Err(AuthError::AuthExec(
            "the plugin's interactiveMode is Always, and standard input is no terminal".to_owned(),
        )),
    }
}

/// Reads a program's answer, in JSON or YAML.
fn credentials(config: &ExecConfig, stdout: &[u8]) -> Result<Credentials, AuthError> {
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
        (Some(certificate), Some(key)) => Some(format!("{}\n{certificate}", key.trim_end()).into_bytes()),
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
    let expires = status.expiration_timestamp.map(|time| time.parse());
    Ok(Credentials {
        header: token.map(|token| bearer_header(token.trim())).transpose()?,
        identity,
        expires: expires
            .transpose()
            .map_err(AuthError::MalformedTokenExpirationDate)?,
        given_at: Timestamp::now(),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;

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
        let exec = ExecCredentials::shared(&plugin(&directory, script)).expect("has a command");
        exec.header().await.expect_err("must fail").to_string()
    }

    #[tokio::test]
    async fn concurrent_requests_share_a_run() {
        let directory = tempfile::tempdir().expect("a directory");
        let config = plugin(&directory, &format!("sleep 0.05; {}", answer(r#""token":"one""#)));
        let (first, second) = (ExecCredentials::shared(&config), ExecCredentials::shared(&config));
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
        let soon = Timestamp::now() + Duration::from_secs(30);
        let status = format!(r#""token":"one","expirationTimestamp":"{soon}""#);
        let exec = ExecCredentials::shared(&plugin(&directory, &answer(&status))).expect("valid");
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
            ExecCredentials::shared(&config),
            Err(AuthError::ExecMissingClusterInfo)
        ));
        config.cluster = Some(ExecAuthCluster {
            server: Some("https://a".into()),
            certificate_authority_data: Some(b"pem".to_vec()),
            ..ExecAuthCluster::default()
        });
        let exec = ExecCredentials::shared(&config).expect("valid");
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
        let exec = ExecCredentials::shared(&config).expect("has a command");
        let error = exec.header().await.expect_err("not there").to_string();
        assert!(
            error.contains("/no/such/plugin") && error.contains("example.com"),
            "{error}"
        );
        assert!(matches!(
            ExecCredentials::shared(&ExecConfig::default()),
            Err(AuthError::MissingCommand)
        ));
    }
}
