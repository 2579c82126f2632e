//! What a copy is told, and what it tells.

use std::{fmt, io, path::PathBuf, sync::Arc};

use kubist_core::subresource::AttachParams;

/// How a copy is made.
///
/// ```
/// use kubist_client::api::CopyParams;
///
/// let params = CopyParams::default().container("nginx");
/// ```
#[derive(Clone, Default)]
pub struct CopyParams {
    container: Option<String>,
    on_progress: Option<OnProgress>,
}

type OnProgress = Arc<dyn Fn(&CopyProgress) + Send + Sync>;

/// How far a copy has come.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::Pod;
/// # use kubist_client::Api;
/// use kubist_client::api::CopyParams;
///
/// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::api::CopyError> {
/// let copied = pods.download("web-0", "/var/log/nginx", "logs", &CopyParams::default()).await?;
/// println!("{} files, {} bytes", copied.files, copied.bytes);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyProgress {
    /// The local path of what is being copied; at the end, of the last file.
    pub path: PathBuf,
    /// How many files were copied.
    pub files: u64,
    /// How many bytes of files were copied.
    pub bytes: u64,
}

impl CopyParams {
    /// Copies to or from a container of this name; without it, the one that the pod says is its
    /// default, or its first.
    ///
    /// ```
    /// # use kubist_client::api::CopyParams;
    /// let params = CopyParams::default().container("nginx");
    /// ```
    #[must_use]
    pub fn container(self, name: impl Into<String>) -> Self {
        Self {
            container: Some(name.into()),
            ..self
        }
    }

    /// Tells a function how far the copy has come, after every piece of a file and after every file.
    ///
    /// It is called from a thread that may block.
    ///
    /// ```
    /// # use kubist_client::api::CopyParams;
    /// let params = CopyParams::default()
    ///     .on_progress(|progress| eprintln!("{}: {} bytes", progress.path.display(), progress.bytes));
    /// ```
    #[must_use]
    pub fn on_progress(self, handler: impl Fn(&CopyProgress) + Send + Sync + 'static) -> Self {
        Self {
            on_progress: Some(Arc::new(handler)),
            ..self
        }
    }

    pub(super) fn attach(&self, attach: AttachParams) -> AttachParams {
        AttachParams {
            container: self.container.clone(),
            ..attach
        }
    }

    pub(super) fn reporter(&self) -> Reporter {
        Reporter {
            progress: CopyProgress::default(),
            on_progress: self.on_progress.clone(),
        }
    }
}

impl fmt::Debug for CopyParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyParams")
            .field("container", &self.container)
            .field("on_progress", &self.on_progress.as_ref().map(|_| "..."))
            .finish()
    }
}

/// Counts, and tells who wants to know.
pub(super) struct Reporter {
    progress: CopyProgress,
    on_progress: Option<OnProgress>,
}

impl Reporter {
    pub(super) fn begin(&mut self, path: PathBuf) {
        self.progress.path = path;
    }

    pub(super) fn end(&mut self) {
        self.progress.files += 1;
        self.tell();
    }

    /// Counts what passes.
    pub(super) fn count<R: io::Read>(&mut self, reader: R) -> Counted<'_, R> {
        Counted {
            reader,
            reporter: self,
        }
    }

    pub(super) fn into_progress(self) -> CopyProgress {
        self.progress
    }

    fn tell(&self) {
        if let Some(on_progress) = &self.on_progress {
            on_progress(&self.progress);
        }
    }
}

/// A reader whose bytes are counted.
pub(super) struct Counted<'a, R> {
    reader: R,
    reporter: &'a mut Reporter,
}

impl<R: io::Read> io::Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        if length > 0 {
            self.reporter.progress.bytes += length as u64;
            self.reporter.tell();
        }
        Ok(length)
    }
}
