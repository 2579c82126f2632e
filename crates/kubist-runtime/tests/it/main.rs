//! Watchers, caches and controllers, over real HTTP against the embedded API server.
#![allow(clippy::unwrap_used)]

mod controller;
mod events;
mod finalizer;
mod restart;
mod support;
mod wait;
mod watcher;
