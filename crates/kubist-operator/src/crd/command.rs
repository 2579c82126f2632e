//! The subcommand that an operator's binary has for its definitions.

use std::io::Write;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kubist_core::ResourceExt;

use super::{Error, check, install, refuse_to_drop_any, to_yaml};
use crate::args::ClientArgs;

/// What an operator's binary can do with its CustomResourceDefinitions, as a subcommand of clap.
///
/// What is installed thus never differs from what the binary was built with.
///
/// # Example
///
/// ```no_run
/// use clap::Parser;
/// use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
/// use kubist_operator::crd;
///
/// #[derive(Parser)]
/// enum Command {
///     /// Run the operator
///     Run(kubist_operator::Args),
///     /// Print or install the custom resources
///     #[command(subcommand)]
///     Crd(crd::Command),
/// }
///
/// # fn definitions() -> Vec<CustomResourceDefinition> { Vec::new() }
/// # async fn serve(_: kubist_operator::Args) -> Result<(), kubist_operator::Error> { Ok(()) }
/// #[tokio::main]
/// async fn main() -> Result<(), kubist_operator::Error> {
///     match Command::parse() {
///         Command::Run(args) => serve(args).await,
///         Command::Crd(command) => command.run(&definitions(), std::io::stdout()).await,
///     }
/// }
/// ```
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Print the CustomResourceDefinitions as YAML
    Print,
    /// Install the CustomResourceDefinitions, and wait until their kinds are served
    Apply {
        /// Which cluster.
        #[command(flatten)]
        client: ClientArgs,
        /// Only tell whether the server would take them
        #[arg(long)]
        dry_run: bool,
    },
}

impl Command {
    /// Does it, and writes what it prints to `out`.
    ///
    /// # Errors
    ///
    /// Those of [`install`], no cluster, and an output that cannot be written to.
    pub async fn run(
        self,
        crds: &[CustomResourceDefinition],
        mut out: impl Write,
    ) -> Result<(), crate::Error> {
        match self {
            Command::Print => {
                let text = to_yaml(crds)?;
                out.write_all(text.as_bytes()).map_err(Error::Write)?;
            }
            Command::Apply { client, dry_run } => {
                let client = client.client().await?;
                // All or none, as far as this can be told.
                refuse_to_drop_any(&client, crds).await?;
                for crd in crds {
                    let done = if dry_run {
                        check(client.clone(), crd.clone()).await?;
                        "would be applied"
                    } else {
                        install(client.clone(), crd.clone()).await?;
                        "established"
                    };
                    writeln!(out, "{}: {done}", crd.name_any()).map_err(Error::Write)?;
                }
            }
        }
        out.flush().map_err(Error::Write)?;
        Ok(())
    }
}
