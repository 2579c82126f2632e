//! Watches: the log, told to whoever listens.
//!
//! A watch keeps nothing but its position. It sleeps until its table moves, reads a little of
//! what came after its position and writes that, so a slow client costs next to no memory; one
//! that did not see what the log has forgotten is told 410 and must list again.

mod frames;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::endpoints::read;
use crate::endpoints::select::Selection;
use crate::faults::{Ending, Entered};
use crate::http::answer::Answer;
use crate::http::body::Body;
use crate::http::negotiate::{self, Encoding, Form, View};
use crate::http::options::{ListOptions, resource_version};
use crate::http::protobuf;
use crate::http::request::{Connection, Request};
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::object::meta;
use crate::object::table::{self, Include};
use crate::object::view;
use crate::state::Api;
use crate::store::Event;
use frames::Frames;

/// How often a watch that wants bookmarks gets one.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// How long before its end it gets the last.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);
/// A watch ends after this and up to as much again, so that not all end at once.
const SHORTEST: u64 = 1800;
/// More than a clock can count is as good as this: a year.
const LONGEST: u64 = 365 * 24 * 60 * 60;

pub(crate) async fn watch(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let form = negotiate::accept_stream(request.header("accept"), kind.custom().is_some())?;
    let options = ListOptions::parse(&request.query, true)?;
    let selection = Selection::parse(&request.query, kind, &request.target.name)?;
    let include = table::included(&request.query)?;
    let version = match options.resource_version.as_deref() {
        Some(text) => resource_version(text).map_err(Failure::unknown)?,
        None => 0,
    };
    let seconds = match options.timeout {
        Some(seconds) => seconds.min(LONGEST),
        None => SHORTEST + api.identity.below(SHORTEST),
    };
    let (sender, frames) = frames::channel();
    let watch = Watch {
        api: Arc::clone(api),
        kind: Arc::clone(kind),
        namespace: request.target.namespace.clone(),
        selection,
        form,
        include,
        bookmarks: options.bookmarks,
        first_table: true,
        frames: sender,
        entered: api.faults.running().enter(&request.target),
        ending: request.plan.ending(),
        connection: request.connection.clone(),
        lag: request.plan.lag(),
    };
    let start = match (options.send_initial, version) {
        (Some(true), version) => Start::Initial {
            at_least: version,
            announce: true,
        },
        (Some(false), 0) => Start::Now,
        (None, 0) => Start::Initial {
            at_least: 0,
            announce: false,
        },
        (_, version) => Start::After(version),
    };
    let deadline = Instant::now() + Duration::from_secs(seconds);
    api.tasks.spawn(watch.run(start, deadline));
    Ok(Answer::Stream {
        body: Body::stream(frames),
        content_type: form.encoding.stream_type(),
    })
}

/// When a watch tells a bookmark next: once a minute, and shortly before its end.
fn bookmark_after(now: Instant, deadline: Instant) -> Option<Instant> {
    let last = deadline.checked_sub(LAST_BOOKMARK)?;
    let next = last.min(now + BOOKMARK_EVERY);
    (next > now).then_some(next)
}

/// Waits for a time, or for ever.
async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Where a watch begins.
enum Start {
    /// With the state, as if it had just been created.
    Initial {
        at_least: u64,
        announce: bool,
    },
    Now,
    After(u64),
}

struct Watch {
    api: Arc<Api>,
    kind: Arc<Kind>,
    namespace: String,
    selection: Selection,
    form: Form,
    include: Include,
    bookmarks: bool,
    /// A table says its columns once.
    first_table: bool,
    frames: Frames,
    /// Ends it when it is to be cut.
    entered: Entered,
    /// How it is to end, and after how many events.
    ending: Option<(u64, Ending)>,
    connection: Option<Connection>,
    /// How many revisions behind the present its first state is.
    lag: u64,
}

/// The client is gone, or was told to go.
struct Over;

impl Watch {
    async fn run(mut self, start: Start, deadline: Instant) {
        let closing = self.api.closing.clone();
        let client = self.frames.client();
        let cut = self.entered.token.clone();
        tokio::select! {
            biased;
            () = closing.cancelled() => {}
            () = client.closed() => {}
            () = cut.cancelled() => {}
            _ = self.tell(start, deadline) => {}
            () = tokio::time::sleep_until(deadline) => {}
        }
    }

    /// Counts an event that was sent, and ends where that was the last one.
    async fn count(&mut self) -> Result<(), Over> {
        match &mut self.ending {
            None => Ok(()),
            Some((0, Ending::HalfFrame)) => Err(Over),
            Some((left, ending)) => {
                *left = left.saturating_sub(1);
                match (*left, *ending) {
                    (0, Ending::Clean) => Err(Over),
                    (0, Ending::Broken) => {
                        self.flushed().await;
                        if let Some(connection) = &self.connection {
                            connection.cut();
                        }
                        Err(Over)
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// Waits until what was sent left for the connection.
    async fn flushed(&self) {
        while !self.frames.is_flushed() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    async fn tell(&mut self, start: Start, deadline: Instant) -> Result<(), Over> {
        match self.ending {
            Some((_, Ending::Gone)) => {
                self.ending = None;
                let failure = Failure::expired("too old resource version: the server was told to forget it");
                return self
                    .send(&json!({"type": "ERROR", "object": failure.body()}))
                    .await;
            }
            Some((0, Ending::Clean | Ending::Broken)) => {
                if let (Some((_, Ending::Broken)), Some(connection)) = (self.ending, &self.connection) {
                    connection.cut();
                }
                return Err(Over);
            }
            _ => {}
        }
        let mut moved = self.api.store.subscribe(&self.kind.table);
        let mut position = match start {
            Start::Now => self.api.store.revision(),
            Start::After(revision) => match self.api.store.remembers(&self.kind.table, revision) {
                Ok(()) => revision,
                Err(_) => return self.too_old(revision).await,
            },
            Start::Initial { at_least, announce } => self.initial(at_least, announce).await?,
        };
        let mut bookmark_at = self.next_bookmark(deadline);
        loop {
            moved.mark_unchanged();
            // Due or not is known before the log is read: a bookmark stands behind what was read.
            let due = bookmark_at.is_some_and(|at| at <= Instant::now());
            let Ok(chunk) = self.api.store.events_after(&self.kind.table, position) else {
                return self.too_old(position).await;
            };
            for event in chunk.events {
                self.event(&event).await?;
            }
            position = position.max(chunk.upto);
            if chunk.more {
                continue;
            }
            if due {
                self.bookmark(position, false).await?;
                bookmark_at = self.next_bookmark(deadline);
            }
            tokio::select! {
                biased;
                changed = moved.changed() => {
                    if changed.is_err() {
                        return Err(Over);
                    }
                }
                () = reached(bookmark_at) => {}
            }
        }
    }

    /// When a bookmark is to be told next.
    fn next_bookmark(&self, deadline: Instant) -> Option<Instant> {
        self.bookmarks
            .then(|| bookmark_after(Instant::now(), deadline))
            .flatten()
    }

    /// Tells that what comes next is forgotten.
    async fn too_old(&mut self, position: u64) -> Result<(), Over> {
        let oldest = match self.api.store.remembers(&self.kind.table, position) {
            Ok(()) => position,
            Err(compacted) => compacted.oldest,
        };
        let failure = Failure::expired(format!("too old resource version: {position} ({oldest})"));
        self.send(&json!({"type": "ERROR", "object": failure.body()}))
            .await
    }

    /// Tells the state; gives the revision that it is of.
    async fn initial(&mut self, at_least: u64, announce: bool) -> Result<u64, Over> {
        if let Err(failure) = read::wait_for(&self.api, at_least).await {
            self.send(&json!({"type": "ERROR", "object": failure.body()}))
                .await?;
            return Err(Over);
        }
        let namespace = (!self.namespace.is_empty()).then_some(self.namespace.as_str());
        let (items, revision) = if self.lag > 0 && at_least == 0 && !announce {
            self.api.store.list_behind(&self.kind.table, namespace, self.lag)
        } else {
            self.api.store.list(&self.kind.table, namespace, None)
        };
        let items: Vec<Arc<Value>> = items.into_iter().map(|(_, stored)| stored.value).collect();
        for value in items {
            if self.selects(&value).await? {
                self.object("ADDED", &value).await?;
            }
        }
        if announce && self.bookmarks {
            self.bookmark(revision, true).await?;
        }
        Ok(revision)
    }

    async fn selects(&mut self, stored: &Arc<Value>) -> Result<bool, Over> {
        match self.selection.selects(&self.api, &self.kind, stored).await {
            Ok(selected) => Ok(selected),
            Err(failure) => {
                self.send(&json!({"type": "ERROR", "object": failure.body()}))
                    .await?;
                Err(Over)
            }
        }
    }

    async fn event(&mut self, event: &Event) -> Result<(), Over> {
        if !self.namespace.is_empty() && event.key.namespace != self.namespace {
            return Ok(());
        }
        let matched = match &event.before {
            Some(before) => self.selects(&before.value).await?,
            None => false,
        };
        let matches = !event.deleted && self.selects(&event.object.value).await?;
        match (matched, matches) {
            (false, false) => Ok(()),
            (false, true) => self.object("ADDED", &event.object.value).await,
            (true, true) => self.object("MODIFIED", &event.object.value).await,
            (true, false) => match &event.before {
                // It left the selection: the watcher sees it as it was, at the new revision.
                Some(before) => {
                    let last = if event.deleted { &event.object } else { before };
                    self.object_at("DELETED", &last.value, event.revision).await
                }
                None => Ok(()),
            },
        }
    }

    async fn object(&mut self, kind_of_event: &str, value: &Arc<Value>) -> Result<(), Over> {
        self.object_at(kind_of_event, value, 0).await
    }

    /// Tells of an object; a revision other than 0 takes the place of its own.
    async fn object_at(
        &mut self,
        kind_of_event: &str,
        value: &Arc<Value>,
        revision: u64,
    ) -> Result<(), Over> {
        let shown = view::cached(&self.api, &self.kind, [value]).await;
        let frame = match shown.map(|mut shown| shown.pop().unwrap_or_default()) {
            Ok(mut value) => {
                if revision > 0 {
                    meta::set(&mut value, "resourceVersion", revision.to_string());
                }
                let object = match self.form.view {
                    View::Object => value,
                    View::Partial | View::PartialList => view::partial(&value),
                    View::Table => {
                        let columns = std::mem::take(&mut self.first_table);
                        table::of(&self.kind, &[value], None, self.include, columns)
                    }
                };
                json!({"type": kind_of_event, "object": object})
            }
            Err(failure) => {
                self.send(&json!({"type": "ERROR", "object": failure.body()}))
                    .await?;
                return Err(Over);
            }
        };
        self.send(&frame).await
    }

    async fn bookmark(&mut self, revision: u64, initial_end: bool) -> Result<(), Over> {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.form.view {
            View::Partial | View::PartialList => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
            View::Object | View::Table => {
                let mut object = match &self.kind.schema {
                    crate::kinds::kind::Schema::Builtin(message) => crate::object::decode::zero(message),
                    crate::kinds::kind::Schema::Custom(_) => json!({}),
                };
                object["kind"] = self.kind.kind.as_str().into();
                object["apiVersion"] = self.kind.api_version().into();
                object["metadata"] = metadata;
                if self.form.view == View::Table {
                    let columns = std::mem::take(&mut self.first_table);
                    table::of(&self.kind, &[object], None, self.include, columns)
                } else {
                    object
                }
            }
        };
        self.send(&json!({"type": "BOOKMARK", "object": object})).await
    }

    async fn send(&mut self, frame: &Value) -> Result<(), Over> {
        let mut bytes = match self.form.encoding {
            Encoding::Protobuf => {
                let kind_of_event = frame["type"].as_str().unwrap_or("");
                protobuf::to_event(kind_of_event, &frame["object"]).ok_or(Over)?
            }
            _ => {
                let mut line = serde_json::to_vec(frame).unwrap_or_default();
                line.push(b'\n');
                line
            }
        };
        if let Some((left, Ending::HalfFrame)) = self.ending
            && left == 0
        {
            bytes.truncate(bytes.len() / 2);
        }
        self.frames.send(bytes.into()).await.map_err(|_| Over)?;
        self.count().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bookmarks_come_once_a_minute_and_before_the_end() {
        let start = Instant::now();
        let times = |length: u64| {
            let deadline = start + Duration::from_secs(length);
            let following = |at: &Instant| bookmark_after(*at, deadline);
            let times = std::iter::successors(bookmark_after(start, deadline), following);
            times.map(|at| (at - start).as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(times(200), [60, 120, 180, 198]);
        assert_eq!(times(62), [60]);
        assert_eq!(times(30), [28]);
        assert_eq!(times(3), [1]);
        assert_eq!(times(2), [] as [u64; 0]);
    }
}
