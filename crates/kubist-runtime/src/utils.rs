//! Adapters for the streams of watches, and what they are made of.

mod backoff;
mod event_flatten;
mod event_modify;
pub mod predicate;
mod reflect;
mod stream_backoff;
mod watch_ext;

pub use backoff::{Backoff, ResetTimerBackoff};
pub use event_flatten::EventFlatten;
/// The name that kube has for [`EventFlatten`].
pub use event_flatten::EventFlatten as EventDecode;
pub use event_modify::EventModify;
pub use predicate::{Config as PredicateConfig, Predicate, PredicateFilter, predicates};
pub use reflect::Reflect;
pub use stream_backoff::StreamBackoff;
pub use watch_ext::WatchStreamExt;
