//! A bearer token in a file, which the kubelet or somebody else renews.

use std::{io, path::PathBuf, time::Duration};

use http::HeaderValue;
use parking_lot::RwLock;
use tokio::{sync::Mutex, time::Instant};

use super::{AuthError, bearer_header};

/// How long a token is taken for fresh; a kubelet renews tokens at least 10 minutes before they
/// expire.
const FRESH: Duration = Duration::from_secs(55);

/// A token that is read again about once a minute, if it is used.
///
/// Reading does not block the runtime. Where it fails, the last token stays: it may be good yet.
pub(crate) struct TokenFile {
    path: PathBuf,
    current: RwLock<Current>,
    /// Held by the one who reads.
    reading: Mutex<()>,
}

struct Current {
    header: HeaderValue,
    read_at: Instant,
    refused: bool,
}

impl TokenFile {
    /// Reads the token for the first time.
    pub(super) fn open(path: PathBuf) -> Result<Self, AuthError> {
        let header = match read(&path) {
            Ok(token) => bearer_header(&token)?,
            Err(error) => return Err(AuthError::ReadTokenFile(error, path)),
        };
        Ok(Self {
            path,
            current: RwLock::new(Current {
                header,
                read_at: Instant::now(),
                refused: false,
            }),
            reading: Mutex::new(()),
        })
    }

    pub(super) async fn header(&self) -> Result<HeaderValue, AuthError> {
        if let Some(header) = self.fresh() {
            return Ok(header);
        }
        let _reading = self.reading.lock().await;
        // Somebody else may have read it meanwhile.
        if let Some(header) = self.fresh() {
            return Ok(header);
        }
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || read(&path)).await;
        let token = read.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
        let renewed = token
            .map_err(|error| AuthError::ReadTokenFile(error, self.path.clone()))
            .and_then(|token| bearer_header(&token));
        let mut current = self.current.write();
        match renewed {
            Ok(header) => current.header = header,
            Err(error) => tracing::warn!(%error, "keeping the token that was read before"),
        }
        current.read_at = Instant::now();
        current.refused = false;
        Ok(current.header.clone())
    }

    /// A token that is refused is not fresh, whatever its age; reading a file is cheap.
    pub(super) fn refused(&self) {
        self.current.write().refused = true;
    }

    fn fresh(&self) -> Option<HeaderValue> {
        let current = self.current.read();
        (current.read_at.elapsed() < FRESH && !current.refused).then(|| current.header.clone())
    }
}

fn read(path: &PathBuf) -> io::Result<String> {
    let token = std::fs::read_to_string(path)?.trim().to_owned();
    if token.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is empty"));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_token_is_read_again_and_a_stale_one_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("token");
        assert!(matches!(
            TokenFile::open(path.clone()),
            Err(AuthError::ReadTokenFile(..))
        ));

        fs::write(&path, "one\n").expect("writes");
        let file = TokenFile::open(path.clone()).expect("is there");
        fs::write(&path, "two\n").expect("writes");
        assert_eq!(file.header().await.expect("has one"), "Bearer one");
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(file.header().await.expect("has one"), "Bearer two");

        for broken in [Some(""), Some("a\u{1}b"), None] {
            match broken {
                Some(text) => fs::write(&path, text).expect("writes"),
                None => fs::remove_file(&path).expect("removes"),
            }
            tokio::time::advance(Duration::from_secs(60)).await;
            assert_eq!(file.header().await.expect("keeps it"), "Bearer two");
        }
        fs::write(&path, "three").expect("writes");
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(file.header().await.expect("has one"), "Bearer three");
        fs::write(&path, "four").expect("writes");
        assert_eq!(file.header().await.expect("has one"), "Bearer three");
        file.refused();
        assert_eq!(file.header().await.expect("has one"), "Bearer four");
    }
}
