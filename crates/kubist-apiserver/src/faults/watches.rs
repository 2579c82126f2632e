//! The watches that run, and how they can end.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::http::request::Target;

/// How a watch ends that is made to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As at its deadline.
    Clean,
    /// With its connection.
    Broken,
    /// In the middle of an event.
    HalfFrame,
    /// With the error that makes a client list again.
    Gone,
}

type Watches = Mutex<Vec<(Arc<Target>, CancellationToken)>>;

/// The watches that run.
#[derive(Clone, Default)]
pub(crate) struct Running(Arc<Watches>);

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.0.lock().len()).finish()
    }
}

impl Running {
    /// Enters a watch; the token is cancelled when it is to end, and the guard takes it out.
    pub(crate) fn enter(&self, target: &Target) -> Entered {
        let token = CancellationToken::new();
        let target = Arc::new(target.clone());
        self.0.lock().push((Arc::clone(&target), token.clone()));
        Entered {
            running: self.clone(),
            target,
            token,
        }
    }

    /// Ends watches; tells how many.
    pub(crate) fn cut(&self, which: impl Fn(&Target) -> bool) -> usize {
        let watches = self.0.lock();
        let cut = watches.iter().filter(|(target, _)| which(target));
        cut.map(|(_, token)| token.cancel()).count()
    }
}

/// A watch that runs.
#[derive(Debug)]
pub(crate) struct Entered {
    running: Running,
    target: Arc<Target>,
    pub(crate) token: CancellationToken,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut watches = self.running.0.lock();
        watches.retain(|(target, _)| !Arc::ptr_eq(target, &self.target));
    }
}
