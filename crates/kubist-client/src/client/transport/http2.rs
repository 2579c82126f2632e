//! Connections of HTTP/2, which many requests share.
//!
//! A request is a call into its connection, and its answer wakes the one who asked: there is one
//! task for each connection, and none for a request, unless its body is sent while it is made.

mod driver;
mod exchange;
mod incoming;
mod lane;

pub(super) use exchange::Failed;
pub(in crate::client) use incoming::Incoming;
pub(super) use lane::{Lane, Stream};
