//! What is read of files, and read again when they may have changed.

use std::{fmt, sync::Arc, time::Duration};

use parking_lot::RwLock;
use tokio::time::Instant;

use crate::Result;

/// How long what was read is taken for fresh.
const FRESH: Duration = Duration::from_secs(60);

/// What is read of files, and read again when they may have changed; where that fails, what was
/// read before stays.
///
/// It is for TLS configurations that others make their stacks of. It is read within a handshake:
/// that is rare, and the files are small. A client's own stack does not come to that: it makes new
/// connections of what it reads beside.
pub(super) struct Reloaded<T> {
    read: Box<Read<T>>,
    current: RwLock<(Arc<T>, Instant)>,
}

type Read<T> = dyn Fn() -> Result<Arc<T>> + Send + Sync;

impl<T> Reloaded<T> {
    pub(super) fn new(read: impl Fn() -> Result<Arc<T>> + Send + Sync + 'static) -> Result<Self> {
        let current = read()?;
        Ok(Self {
            read: Box::new(read),
            current: RwLock::new((current, Instant::now())),
        })
    }

    pub(super) fn get(&self) -> Arc<T> {
        let (known, read_at) = self.current.read().clone();
        if read_at.elapsed() < FRESH {
            return known;
        }
        let fresh = (self.read)().unwrap_or_else(|error| {
            tracing::warn!(%error, "keeping the certificates that were read before");
            known
        });
        *self.current.write() = (fresh.clone(), Instant::now());
        fresh
    }
}

impl<T> fmt::Debug for Reloaded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reloaded")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;
    use crate::Error;

    #[tokio::test(start_paused = true)]
    async fn what_was_read_stays_where_reading_fails() {
        let there = Arc::new(AtomicU8::new(0));
        let file = there.clone();
        let read = move || match file.load(Ordering::Relaxed) {
            0 => Err(Error::TlsRequired),
            number => Ok(Arc::new(number)),
        };
        assert!(Reloaded::new(read.clone()).is_err());
        there.store(1, Ordering::Relaxed);
        let reloaded = Reloaded::new(read).expect("is there");
        there.store(2, Ordering::Relaxed);
        assert_eq!(*reloaded.get(), 1);
        tokio::time::advance(FRESH).await;
        assert_eq!(*reloaded.get(), 2);
        there.store(0, Ordering::Relaxed);
        tokio::time::advance(FRESH).await;
        assert_eq!(*reloaded.get(), 2);
    }
}
