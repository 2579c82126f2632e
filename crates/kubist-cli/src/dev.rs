//! `kubist dev`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use kubist_apiserver::{Fault, Server};

/// The arguments of `kubist dev`.
#[derive(clap::Args)]
pub(crate) struct Dev {
    /// The port; without it a free one
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Where to write the kubeconfig; without it a new file, whose path is printed
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Serve HTTPS, with a certificate of its own
    #[arg(long)]
    tls: bool,
    /// A user with a token (repeatable); with any, requests need one, and RBAC decides who may do what
    #[arg(long = "user", value_name = "TOKEN=NAME,UID,GROUP[,GROUP]", value_parser = User::parse)]
    users: Vec<User>,
    /// Run no controllers: nothing collects garbage or empties a namespace that is deleted
    #[arg(long)]
    no_controllers: bool,
    /// Serve the custom resources whose definitions are in the YAML and JSON files of a directory
    #[arg(long, value_name = "DIR")]
    crds: Option<PathBuf>,
    /// Apply the objects of a YAML or JSON file (repeatable)
    #[arg(long = "load", value_name = "FILE")]
    load: Vec<PathBuf>,
    /// Make uids, generated names and what faults leave to chance the same in every run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Make every request take this long at least: milliseconds, or a duration such as `1.5s`
    #[arg(long, value_name = "MS", default_value = "0", hide_default_value = true, value_parser = latency)]
    latency: Duration,
    /// Let something go wrong (repeatable), such as
    /// `verb=watch,resource=configmaps,cut-after=3,times=2` or
    /// `verb=create+update,status=503,chance=0.1,forever`
    #[arg(long = "fault", value_name = "FAULT")]
    faults: Vec<Fault>,
}

fn latency(text: &str) -> Result<Duration, String> {
    if let Ok(milliseconds) = text.parse() {
        return Ok(Duration::from_millis(milliseconds));
    }
    let duration: kubist_core::Duration = text
        .parse()
        .map_err(|error: kubist_core::duration::ParseError| error.to_string())?;
    if duration.is_negative() {
        return Err("a latency is not negative".into());
    }
    Ok(duration.into())
}

/// A user that is known by a token.
#[derive(Clone)]
struct User {
    token: String,
    name: String,
    uid: String,
    groups: Vec<String>,
}

impl User {
    fn parse(text: &str) -> Result<Self, String> {
        // The text holds a token: no message repeats it.
        let (token, rest) = text
            .split_once('=')
            .ok_or("expected TOKEN=NAME,UID,GROUP[,GROUP]")?;
        let mut parts = rest.split(',').map(str::to_owned);
        match (parts.next(), parts.next(), parts.collect::<Vec<_>>()) {
            (Some(name), Some(uid), groups) if !token.is_empty() && !name.is_empty() => Ok(User {
                token: token.to_owned(),
                name,
                uid,
                groups,
            }),
            _ => Err("expected TOKEN=NAME,UID,GROUP[,GROUP]".to_owned()),
        }
    }
}

impl Dev {
    /// Serves until Ctrl-C or SIGTERM.
    pub(crate) async fn run(self) -> Result<()> {
        let mut builder = Server::builder()
            .port(self.port)
            .tls(self.tls)
            .controllers(!self.no_controllers)
            .latency(self.latency);
        if let Some(seed) = self.seed {
            builder = builder.seed(seed);
        }
        for User {
            token,
            name,
            uid,
            groups,
        } in self.users
        {
            builder = builder.user(token, name, uid, groups);
        }
        let server = builder.start().await.context("the API server cannot start")?;
        for file in manifests(self.crds.as_deref())?.iter().chain(&self.load) {
            let text =
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            let loaded = server.load(&text).await;
            loaded.with_context(|| format!("cannot load {}", file.display()))?;
        }
        // Only now: what is loaded meets no fault.
        for fault in self.faults {
            server.faults().inject(fault);
        }
        let kubeconfig = Written::new(self.kubeconfig, &server.kubeconfig())?;
        println!("an API server at {}; Ctrl-C ends it", server.url());
        let path = std::path::absolute(kubeconfig.path()).unwrap_or_else(|_| kubeconfig.path().to_owned());
        println!("  export KUBECONFIG={}", path.display());

        stopped().await.context("cannot listen for signals")?;
        server.shutdown().await;
        Ok(())
    }
}

/// The manifests in a directory, by name.
fn manifests(directory: Option<&Path>) -> Result<Vec<PathBuf>> {
    let Some(directory) = directory else {
        return Ok(Vec::new());
    };
    let read = || format!("cannot read {}", directory.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(read)? {
        let path = entry.with_context(read)?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A kubeconfig that was written, readable by its owner only: it may hold a token.
enum Written {
    /// Where the user wanted it; it stays.
    Named(PathBuf),
    /// A file of ours, which goes with this process.
    Temporary(tempfile::TempPath),
}

impl Written {
    fn new(file: Option<PathBuf>, text: &str) -> Result<Self> {
        let Some(file) = file else {
            let mut file = tempfile::Builder::new()
                .prefix("kubist-")
                .suffix(".kubeconfig")
                .tempfile()
                .context("cannot make a file for the kubeconfig")?;
            file.write_all(text.as_bytes())
                .context("cannot write the kubeconfig")?;
            return Ok(Written::Temporary(file.into_temp_path()));
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options
            .open(&file)
            .and_then(|mut open| open.write_all(text.as_bytes()));
        written.with_context(|| format!("cannot write the kubeconfig {}", file.display()))?;
        Ok(Written::Named(file))
    }

    fn path(&self) -> &Path {
        match self {
            Written::Named(path) => path,
            Written::Temporary(path) => path,
        }
    }
}

#[cfg(unix)]
async fn stopped() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn stopped() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
