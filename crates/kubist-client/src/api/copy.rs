//! Copying files to and from containers.

mod archive;
mod progress;

use std::{
    future::{Future, ready},
    path::{Path, PathBuf},
    pin::pin,
};

use futures::future::{Either, OptionFuture, select};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kubist_core::subresource::AttachParams;
use thiserror::Error as ThisError;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    task::{JoinHandle, spawn_blocking},
};
use tokio_util::io::SyncIoBridge;

pub use progress::{CopyParams, CopyProgress};

use super::{Api, AttachedProcess, Execute, remote_command};
use crate::Error;

/// How much of what tar complains of is kept.
const COMPLAINT_LIMIT: u64 = 4 * 1024;

/// Copying, by a `tar` that the container has to have, as for `kubectl cp`.
impl<K> Api<K>
where
    K: Clone + serde::de::DeserializeOwned + Execute,
{
    /// Copies a file or a directory into a container.
    ///
    /// `remote` is what the copy is called, not where it is put: `upload("web-0", "site", "/srv/www",
    /// ..)` makes `/srv/www` of `site`. The directory around it has to be there. What is in a
    /// directory already stays, unless the copy has something of the same name. Symbolic links stay
    /// links; what is neither a file, a directory nor a link is left out.
    ///
    /// Gives what was copied. A copy that is dropped or that fails may have been made in part.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Api, api::CopyParams};
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::api::CopyError> {
    /// let params = CopyParams::default().container("nginx").on_progress(|progress| {
    ///     println!("{} {} bytes", progress.path.display(), progress.bytes);
    /// });
    /// let copied = pods.upload("web-0", "site", "/srv/www", &params).await?;
    /// println!("{} files", copied.files);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where a local file cannot be read, or changes its size meanwhile; where the command
    /// cannot be run, as without `tar` in the container; where `tar` fails; and where the server is
    /// older than Kubernetes 1.30, and cannot be told where the input ends.
    pub async fn upload(
        &self,
        name: &str,
        local: impl AsRef<Path>,
        remote: &str,
        params: &CopyParams,
    ) -> Result<CopyProgress, CopyError> {
        let (directory, base) = split(remote)?;
        let attach = params.attach(AttachParams::default().stdin(true).stdout(false));
        let mut process = self
            .exec(name, ["tar", "-xmf", "-", "-C", &directory], &attach)
            .await?;
        if !process.ends_input() {
            return Err(CopyError::Unsupported);
        }
        let (Some(stdin), Some(stderr)) = (process.stdin(), process.stderr()) else {
            return Err(CopyError::Interrupted);
        };
        let (local, base, reporter) = (local.as_ref().to_owned(), base.to_owned(), params.reporter());
        let packing = spawn_blocking(move || {
            let mut output = SyncIoBridge::new(stdin);
            let packed = archive::pack(&local, &base, &mut output, reporter);
            // Without an end tar would wait for more.
            let _ = output.shutdown();
            packed
        });
        finish(packing, complaint(stderr), process).await
    }

    /// Copies a file or a directory out of a container.
    ///
    /// `local` is what the copy is called, not where it is put. Its parents are made if they are
    /// missing. What is in a directory already stays, unless the copy has something of the same
    /// name. Symbolic links are left out: whoever runs in the container may have made them, and
    /// would say where the files behind them go.
    ///
    /// Gives what was copied. A copy that is dropped or that fails may have been made in part.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Api, api::CopyParams};
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::api::CopyError> {
    /// pods.download("web-0", "/var/log/nginx", "logs/web-0", &CopyParams::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where a local file cannot be written; where the command cannot be run, as without `tar`
    /// in the container; where `tar` fails; and where a name in the archive leads elsewhere.
    pub async fn download(
        &self,
        name: &str,
        remote: &str,
        local: impl AsRef<Path>,
        params: &CopyParams,
    ) -> Result<CopyProgress, CopyError> {
        let (directory, base) = split(remote)?;
        let attach = params.attach(AttachParams::default());
        // A name may begin with a dash.
        let path = format!("./{base}");
        let mut process = self
            .exec(name, ["tar", "-cf", "-", "-C", &directory, &path], &attach)
            .await?;
        let (Some(stdout), Some(stderr)) = (process.stdout(), process.stderr()) else {
            return Err(CopyError::Interrupted);
        };
        let (local, base, reporter) = (local.as_ref().to_owned(), base.to_owned(), params.reporter());
        let unpacking =
            spawn_blocking(move || archive::unpack(&local, &base, SyncIoBridge::new(stdout), reporter));
        finish(unpacking, complaint(stderr), process).await
    }
}

/// A copy that was not made, or not all of it.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::Pod;
/// # use kubist_client::Api;
/// use kubist_client::api::{CopyError, CopyParams};
///
/// # async fn run(pods: Api<Pod>) -> Result<(), CopyError> {
/// match pods.upload("web-0", "site", "/srv/site", &CopyParams::default()).await {
///     Err(CopyError::Remote { complaint, .. }) => eprintln!("tar says: {complaint}"),
///     result => drop(result?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum CopyError {
    /// The command was not run.
    #[error("failed to run tar in the container: {0}")]
    Run(#[from] Error),
    /// The command failed.
    #[error("tar failed in the container: {}: {complaint}", status.message.as_deref().unwrap_or_default())]
    Remote {
        /// What it wrote to its standard error, up to 4 KiB.
        complaint: String,
        /// How it ended, its exit code among the causes.
        status: Box<Status>,
    },
    /// The connection failed before the command ended.
    #[error("failed to follow tar in the container to its end: {0}")]
    Connection(#[source] remote_command::Error),
    /// A local file or directory could not be read or written.
    #[error("{}: {source}", path.display())]
    Local {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What came is no archive.
    #[error("failed to read the archive from the container: {0}")]
    Archive(#[source] std::io::Error),
    /// The archive has a name that leads out of the copy.
    #[error("{} leads out of the copy", path.display())]
    Unsafe {
        /// The name.
        path: PathBuf,
    },
    /// A path in the container that does not end in a name.
    #[error("{0:?} does not name a file or a directory")]
    Nameless(String),
    /// The server cannot be told where the input of a command ends.
    #[error("the server does not speak v5.channel.k8s.io, which copying into containers needs")]
    Unsupported,
    /// The copy was interrupted.
    #[error("the copy was interrupted")]
    Interrupted,
}

/// The directory of a path in a container, and what it has there.
fn split(remote: &str) -> Result<(String, &str), CopyError> {
    let trimmed = remote.trim_end_matches('/');
    let (directory, base) = match trimmed.rsplit_once('/') {
        Some(("", base)) => ("/".to_owned(), base),
        // One that begins with a dash would be an option.
        Some((directory, base)) if directory.starts_with('-') => (format!("./{directory}"), base),
        Some((directory, base)) => (directory.to_owned(), base),
        None => (".".to_owned(), trimmed),
    };
    if matches!(base, "" | "." | "..") {
        return Err(CopyError::Nameless(remote.to_owned()));
    }
    Ok((directory, base))
}

/// Reads what tar complains of, to its end.
async fn complaint(mut stderr: impl AsyncRead + Unpin) -> String {
    let mut text = Vec::new();
    // A connection that breaks shows in the end of the process.
    let _ = (&mut stderr).take(COMPLAINT_LIMIT).read_to_end(&mut text).await;
    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// What became of the copy: a failure here is said first, unless the other end caused it.
async fn finish(
    here: JoinHandle<Result<CopyProgress, CopyError>>,
    complaint: impl Future<Output = String>,
    mut process: AttachedProcess,
) -> Result<CopyProgress, CopyError> {
    // Both have to be read, or tar stands still; but after a failure here it need not end.
    let complaint = pin!(complaint);
    let (here, complaint) = match select(here, complaint).await {
        Either::Left((here, complaint)) => (here, Either::Left(complaint)),
        Either::Right((complaint, here)) => (here.await, Either::Right(ready(complaint))),
    };
    let here = here.map_err(|_| CopyError::Interrupted)?;
    if let Err(error @ (CopyError::Local { .. } | CopyError::Unsafe { .. })) = here {
        process.abort();
        return Err(error);
    }
    let complaint = complaint.await;
    let status = process.take_status();
    let (status, ended) = tokio::join!(OptionFuture::from(status), process.join());
    ended.map_err(CopyError::Connection)?;
    match status.flatten() {
        Some(status) if status.status.as_deref() == Some("Failure") => Err(CopyError::Remote {
            complaint,
            status: Box::new(status),
        }),
        Some(_) => here,
        None => Err(CopyError::Interrupted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split() {
        for (path, directory, base) in [
            ("/a", "/", "a"),
            ("/a/b/", "/a", "b"),
            ("a", ".", "a"),
            ("a/b", "a", "b"),
            ("-a/-b", "./-a", "-b"),
        ] {
            assert_eq!(
                split(path).expect("has a name"),
                (directory.to_owned(), base),
                "{path}"
            );
        }
        for path in ["", "/", ".", "..", "/a/..", "a/."] {
            assert!(matches!(split(path), Err(CopyError::Nameless(_))), "{path}");
        }
    }
}
