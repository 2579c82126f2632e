//! What happens to one request.

use parking_lot::Mutex;

use super::fault::Effect;
use super::watches::Ending;
use crate::http::request::Target;
use crate::http::status::Failure;

/// What happens to one request.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// It grows once the request turns out to be about an object that waits for something.
    effects: Mutex<Vec<Effect>>,
}

impl Plan {
    pub(super) fn new(effects: Vec<Effect>) -> Plan {
        Plan {
            effects: Mutex::new(effects),
        }
    }

    /// Whether nothing happens to it.
    pub(crate) fn is_empty(&self) -> bool {
        self.effects.lock().is_empty()
    }

    /// Waits as long as the delays say.
    pub(crate) async fn wait(&self) {
        let delays = self.all(|effect| match effect {
            Effect::Delay(delay) => Some(*delay),
            _ => None,
        });
        for delay in delays {
            tokio::time::sleep(delay).await;
        }
    }

    /// Adds what is to happen, too.
    pub(crate) fn add(&self, more: Plan) {
        self.effects.lock().extend(more.effects.into_inner());
    }

    /// The answer that takes the place of the real one.
    pub(crate) fn failure(&self, target: &Target) -> Option<Failure> {
        self.all(|effect| effect.failure(target)).into_iter().next()
    }

    /// Whether the connection breaks before the request is handled.
    pub(crate) fn drops(&self) -> bool {
        self.effects.lock().contains(&Effect::Drop)
    }

    /// Whether the connection breaks after the request was handled.
    pub(crate) fn loses_answer(&self) -> bool {
        self.effects.lock().contains(&Effect::LoseAnswer)
    }

    /// How many revisions behind the present a cached read is.
    pub(crate) fn lag(&self) -> u64 {
        let lags = self.all(|effect| match effect {
            Effect::Stale(revisions) => Some(*revisions),
            _ => None,
        });
        lags.into_iter().max().unwrap_or(0)
    }

    /// How a watch ends.
    pub(crate) fn ending(&self) -> Option<(u64, Ending)> {
        let endings = self.all(|effect| match effect {
            Effect::CutAfter(events) => Some((*events, Ending::Clean)),
            Effect::BreakAfter(events) => Some((*events, Ending::Broken)),
            Effect::HalfFrameAfter(events) => Some((*events, Ending::HalfFrame)),
            Effect::Gone => Some((0, Ending::Gone)),
            _ => None,
        });
        endings.into_iter().next()
    }

    fn all<T>(&self, what: impl Fn(&Effect) -> Option<T>) -> Vec<T> {
        self.effects.lock().iter().filter_map(what).collect()
    }
}
