//! Command-line arguments, one struct per concern.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ValueEnum;
use kubist_client::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kubist_client::{Client, Config};
use thiserror::Error;

/// The arguments of an operator, to be flattened into one's own.
///
/// # Example
///
/// ```
/// use clap::Parser;
/// use kubist_operator::Args;
///
/// #[derive(Parser)]
/// struct Command {
///     /// What this operator is about.
///     #[arg(long)]
///     dry_run: bool,
///     #[command(flatten)]
///     operator: Args,
/// }
///
/// let command = Command::parse_from(["documents", "--dry-run", "--log-format", "json"]);
/// assert!(command.dry_run);
/// ```
#[derive(Clone, Debug, Default, clap::Args)]
// An operator's help is about itself, and not about this.
#[command(about = None, long_about = None)]
pub struct Args {
    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogArgs,
    /// Where probes and metrics are served.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// Which cluster.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// What is logged, and how.
#[derive(Clone, Debug, clap::Args)]
#[command(about = None, long_about = None)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// What is logged: a level, or directives such as `warn,documents=debug`
    #[arg(
        long,
        env = "LOG_LEVEL",
        default_value = "info",
        value_name = "FILTER",
        id = "kubist-log-level"
    )]
    pub log_level: String,
    /// How it is logged
    #[arg(
        long,
        env = "LOG_FORMAT",
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        id = "kubist-log-format"
    )]
    pub log_format: LogFormat,
}

impl Default for LogArgs {
    fn default() -> Self {
        LogArgs {
            log_level: "info".to_owned(),
            log_format: LogFormat::default(),
        }
    }
}

/// The format of the log, which goes to the standard error stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Plain,
    /// One JSON object a line.
    Json,
}

/// Where probes and metrics are served.
#[derive(Clone, Debug, clap::Args)]
#[command(about = None, long_about = None)]
#[command(next_help_heading = "Admin server")]
pub struct AdminArgs {
    /// The address of the server with /live, /ready and /metrics; port 0 takes a free one
    #[arg(
        long,
        env = "ADMIN_ADDR",
        default_value = "0.0.0.0:8080",
        value_name = "ADDRESS",
        id = "kubist-admin-addr"
    )]
    pub admin_addr: SocketAddr,
}

impl Default for AdminArgs {
    fn default() -> Self {
        AdminArgs {
            admin_addr: SocketAddr::from(([0, 0, 0, 0], 8080)),
        }
    }
}

/// Which cluster, as whom, and which namespace.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(about = None, long_about = None)]
#[command(next_help_heading = "Cluster")]
pub struct ClientArgs {
    /// A kubeconfig file; default: $KUBECONFIG, ~/.kube/config, or the cluster that this runs in
    #[arg(long, value_name = "FILE", id = "kubist-kubeconfig")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; default: its current context
    #[arg(long, value_name = "NAME", id = "kubist-context")]
    pub context: Option<String>,
    /// The namespace to work in; default: the context's
    #[arg(long, short, value_name = "NAME", id = "kubist-namespace")]
    pub namespace: Option<String>,
}

/// The cluster that was asked for cannot be used.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The kubeconfig cannot be read or used.
    #[error("cannot use the kubeconfig{}: {source}", place(.file, .context))]
    Kubeconfig {
        /// The file, if one was named.
        file: Option<PathBuf>,
        /// The context, if one was named.
        context: Option<String>,
        /// Why.
        source: Box<KubeconfigError>,
    },
    /// No cluster was named, and none was found.
    #[error("no Kubernetes cluster is configured: {0}")]
    Infer(#[source] kubist_client::config::InferConfigError),
    /// The credentials or certificates cannot be used.
    #[error("cannot connect to {host}: {source}")]
    Client {
        /// The host of the API server.
        host: String,
        /// Why.
        source: Box<kubist_client::Error>,
    },
}

fn place(file: &Option<PathBuf>, context: &Option<String>) -> String {
    let mut place = String::new();
    if let Some(file) = file {
        place.push_str(&format!(" {}", file.display()));
    }
    if let Some(context) = context {
        place.push_str(&format!(" with context {context:?}"));
    }
    place
}

impl ClientArgs {
    /// The configuration that the arguments name; without any, whatever
    /// [`Config::infer`](kubist_client::Config::infer) finds.
    ///
    /// # Errors
    ///
    /// See [`ClientError`].
    pub async fn config(&self) -> Result<Config, ClientError> {
        let wrap = |source| ClientError::Kubeconfig {
            file: self.kubeconfig.clone(),
            context: self.context.clone(),
            source: Box::new(source),
        };
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..Default::default()
        };
        let mut config = match (&self.kubeconfig, &self.context) {
            (Some(file), _) => {
                let kubeconfig = Kubeconfig::read_from(file).map_err(wrap)?;
                Config::from_custom_kubeconfig(kubeconfig, &options)
                    .await
                    .map_err(wrap)?
            }
            (None, Some(_)) => Config::from_kubeconfig(&options).await.map_err(wrap)?,
            (None, None) => Config::infer().await.map_err(ClientError::Infer)?,
        };
        if let Some(namespace) = &self.namespace {
            config.default_namespace.clone_from(namespace);
        }
        Ok(config)
    }

    /// A client for the cluster that the arguments name.
    ///
    /// Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// See [`ClientError`].
    pub async fn client(&self) -> Result<Client, ClientError> {
        let config = self.config().await?;
        let host = config
            .cluster_url
            .authority()
            .map(ToString::to_string)
            .unwrap_or_default();
        Client::try_from(config).map_err(|source| ClientError::Client {
            host,
            source: Box::new(source),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        operator: Args,
    }

    #[test]
    fn defaults_are_the_same_with_and_without_a_command_line() {
        let parsed = Command::parse_from(["test"]).operator;
        let default = Args::default();
        assert_eq!(parsed.admin.admin_addr, default.admin.admin_addr);
        assert_eq!(parsed.log.log_level, default.log.log_level);
        assert_eq!(parsed.log.log_format, default.log.log_format);
    }

    #[tokio::test]
    async fn a_missing_kubeconfig_is_named() {
        let args = ClientArgs {
            kubeconfig: Some("/nowhere/kubeconfig".into()),
            context: Some("prod".into()),
            namespace: None,
        };
        let message = args.client().await.err().unwrap().to_string();
        assert!(message.contains("/nowhere/kubeconfig"), "{message}");
        assert!(message.contains("\"prod\""), "{message}");
    }

    #[derive(Parser)]
    struct Undocumented {
        #[command(flatten)]
        _operator: Args,
    }

    /// Makes documents.
    #[derive(Parser)]
    struct Documented {
        #[command(flatten)]
        _operator: Args,
    }

    #[test]
    fn help_is_about_the_operator() {
        let help = Undocumented::command().render_long_help().to_string();
        assert!(help.starts_with("Usage:"), "{help}");
        let help = Documented::command().render_long_help().to_string();
        assert!(help.starts_with("Makes documents\n\nUsage:"), "{help}");
    }
}
