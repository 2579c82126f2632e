//! The life of one watch, step by step.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use kubist_client::Api;
use kubist_core::Resource;
use kubist_core::metadata::PartialObjectMeta;
use kubist_core::object::ObjectList;
use kubist_core::params::{ListParams, WatchParams};
use kubist_core::watch::WatchEvent;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, Sleep};

use super::{Config, Error, Event, InitialListStrategy, ListSemantic, Result};

/// The annotation of the bookmark that ends the initial events of a streaming list (KEP-3157).
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// A watch that ended sooner than this without an event is not renewed at once.
const SHORTEST_QUIET_WATCH: Duration = Duration::from_secs(1);

type ClientResult<T> = kubist_client::Result<T>;
type EventStream<K> = BoxStream<'static, ClientResult<WatchEvent<K>>>;

/// What a watch reads: whole objects, or their metadata.
pub(crate) trait Source: Send + Sync + 'static {
    type Object: Resource + Clone + DeserializeOwned + Send + 'static;

    fn list(
        &self,
        params: &ListParams,
    ) -> impl Future<Output = ClientResult<ObjectList<Self::Object>>> + Send;

    fn watch(
        &self,
        params: &WatchParams,
        version: &str,
    ) -> impl Future<Output = ClientResult<EventStream<Self::Object>>> + Send;
}

/// Whole objects.
pub(crate) struct FullObjects<K>(pub(crate) Api<K>);

impl<K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static> Source for FullObjects<K> {
    type Object = K;

    async fn list(&self, params: &ListParams) -> ClientResult<ObjectList<K>> {
        self.0.list(params).await
    }

    async fn watch(&self, params: &WatchParams, version: &str) -> ClientResult<EventStream<K>> {
        self.0.watch(params, version).await.map(StreamExt::boxed)
    }
}

/// The metadata of objects.
pub(crate) struct ObjectMetas<K>(pub(crate) Api<K>);

impl<K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static> Source for ObjectMetas<K> {
    type Object = PartialObjectMeta<K>;

    async fn list(&self, params: &ListParams) -> ClientResult<ObjectList<PartialObjectMeta<K>>> {
        self.0.list_metadata(params).await
    }

    async fn watch(
        &self,
        params: &WatchParams,
        version: &str,
    ) -> ClientResult<EventStream<PartialObjectMeta<K>>> {
        self.0.watch_metadata(params, version).await.map(StreamExt::boxed)
    }
}

/// One watch and where it stands.
pub(crate) struct Session<S: Source> {
    source: S,
    config: Config,
    state: State<S::Object>,
    /// The server refused a streaming list, or never ended one: lists from now on.
    streaming_refused: bool,
    /// A continue token expired under way: the next list is fetched whole.
    list_whole: bool,
}

enum State<K> {
    /// Nothing is known.
    Start,
    /// A list is under way: what is left of a page, and what comes after it.
    Listing { page: std::vec::IntoIter<K>, next: Next },
    /// A streaming list is to be asked for.
    StartStreaming,
    /// The initial events of a streaming list are under way.
    Streaming(Connection<K>),
    /// Everything up to this version is told; no watch is open.
    Listed { version: String },
    /// A watch is open; everything up to this version is told.
    Watching {
        version: String,
        connection: Connection<K>,
    },
}

enum Next {
    Page(Option<String>),
    Done { version: String },
}

impl<S: Source> Session<S> {
    pub(crate) fn new(source: S, config: Config) -> Self {
        Session {
            source,
            config,
            state: State::Start,
            streaming_refused: false,
            list_whole: false,
        }
    }

    /// The session as an endless stream.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Event<S::Object>>> + Send {
        stream::unfold(self, |mut session| async move {
            let event = session.next().await;
            Some((event, session))
        })
    }

    /// The next thing to tell.
    ///
    /// After an error the session goes on where it can; waiting in between is the caller's. Not cancel
    /// safe: a dropped call makes the session start over with [`Event::Init`].
    pub(crate) async fn next(&mut self) -> Result<Event<S::Object>> {
        loop {
            let state = std::mem::replace(&mut self.state, State::Start);
            let (state, told) = self.step(state).await;
            self.state = state;
            if let Some(told) = told {
                return told;
            }
        }
    }

    async fn step(
        &mut self,
        state: State<S::Object>,
    ) -> (State<S::Object>, Option<Result<Event<S::Object>>>) {
        match state {
            State::Start => (self.begin(), Some(Ok(Event::Init))),
            State::Listing { page, next } => self.list(page, next).await,
            State::StartStreaming => self.start_streaming().await,
            State::Streaming(connection) => self.stream_initial(connection).await,
            State::Listed { version } => self.start_watching(version).await,
            State::Watching { version, connection } => watch(version, connection).await,
        }
    }

    fn begin(&self) -> State<S::Object> {
        match self.config.initial_list_strategy {
            InitialListStrategy::StreamingList if !self.streaming_refused => State::StartStreaming,
            _ => first_page(),
        }
    }

    async fn list(
        &mut self,
        mut page: std::vec::IntoIter<S::Object>,
        next: Next,
    ) -> (State<S::Object>, Option<Result<Event<S::Object>>>) {
        if let Some(object) = page.next() {
            return (State::Listing { page, next }, Some(Ok(Event::InitApply(object))));
        }
        let token = match next {
            Next::Done { version } => return (State::Listed { version }, Some(Ok(Event::InitDone))),
            Next::Page(token) => token,
        };
        let later_page = token.is_some();
        let limit = if self.list_whole {
            None
        } else {
            self.config.page_size
        };
        match self.source.list(&self.config.list_params(token, limit)).await {
            Ok(list) => {
                let next = match list.metadata.continue_.filter(|token| !token.is_empty()) {
                    Some(token) => Next::Page(Some(token)),
                    None => {
                        self.list_whole = false;
                        match list
                            .metadata
                            .resource_version
                            .filter(|version| !version.is_empty())
                        {
                            Some(version) => Next::Done { version },
                            None => return (State::Start, Some(Err(Error::NoResourceVersion))),
                        }
                    }
                };
                (
                    State::Listing {
                        page: list.items.into_iter(),
                        next,
                    },
                    None,
                )
            }
            Err(error) => {
                // The rest of the list is no longer to be had; paging again might not be faster.
                self.list_whole = later_page && is_gone(&error);
                (State::Start, Some(Err(Error::InitialListFailed(error))))
            }
        }
    }

    async fn start_streaming(&mut self) -> (State<S::Object>, Option<Result<Event<S::Object>>>) {
        let version = match self.config.list_semantic {
            ListSemantic::MostRecent => "",
            ListSemantic::Any => "0",
        };
        match self.source.watch(&self.config.watch_params(true), version).await {
            Ok(events) => (
                State::Streaming(Connection::new(events, self.config.idle_timeout())),
                None,
            ),
            Err(error) if refuses_streaming(&error) => {
                tracing::debug!(%error, "the server has no streaming lists; falling back to a list");
                self.streaming_refused = true;
                (first_page(), None)
            }
            Err(error) => (State::Start, Some(Err(Error::WatchStartFailed(error)))),
        }
    }

    async fn stream_initial(
        &mut self,
        mut connection: Connection<S::Object>,
    ) -> (State<S::Object>, Option<Result<Event<S::Object>>>) {
        match connection.next().await {
            Received::Event(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                (State::Streaming(connection), Some(Ok(Event::InitApply(object))))
            }
            Received::Event(WatchEvent::Deleted(object)) => {
                (State::Streaming(connection), Some(Ok(Event::Delete(object))))
            }
            Received::Event(WatchEvent::Bookmark(bookmark)) => {
                if bookmark.metadata.annotations.contains_key(INITIAL_EVENTS_END) {
                    let version = bookmark.metadata.resource_version;
                    (State::Watching { version, connection }, Some(Ok(Event::InitDone)))
                } else {
                    (State::Streaming(connection), None)
                }
            }
            Received::Event(WatchEvent::Error(status)) => {
                (State::Start, Some(Err(Error::WatchError(status))))
            }
            Received::Failed(error) => (State::Start, Some(Err(Error::WatchFailed(error)))),
            Received::Ended { .. } | Received::Silent => {
                // A server that does not know the parameter ignores it, and never ends the initial events.
                tracing::debug!("a streaming list ended before it was complete; falling back to a list");
                self.streaming_refused = true;
                (State::Start, None)
            }
        }
    }

    async fn start_watching(
        &mut self,
        version: String,
    ) -> (State<S::Object>, Option<Result<Event<S::Object>>>) {
        match self
            .source
            .watch(&self.config.watch_params(false), &version)
            .await
        {
            Ok(events) => {
                let connection = Connection::new(events, self.config.idle_timeout());
                (State::Watching { version, connection }, None)
            }
            Err(error) => {
                let state = if is_gone(&error) {
                    State::Start
                } else {
                    State::Listed { version }
                };
                (state, Some(Err(Error::WatchStartFailed(error))))
            }
        }
    }
}

async fn watch<K: Resource>(
    mut version: String,
    mut connection: Connection<K>,
) -> (State<K>, Option<Result<Event<K>>>) {
    let event = match connection.next().await {
        Received::Event(WatchEvent::Added(object) | WatchEvent::Modified(object)) => Event::Apply(object),
        Received::Event(WatchEvent::Deleted(object)) => Event::Delete(object),
        Received::Event(WatchEvent::Bookmark(bookmark)) => {
            return (
                State::Watching {
                    version: bookmark.metadata.resource_version,
                    connection,
                },
                None,
            );
        }
        Received::Event(WatchEvent::Error(status)) => {
            let state = if status.code == 410 {
                State::Start
            } else {
                State::Listed { version }
            };
            return (state, Some(Err(Error::WatchError(status))));
        }
        Received::Failed(error @ kubist_client::Error::SerdeError(_)) => {
            // One object that does not fit its type; the stream itself is sound.
            return (
                State::Watching { version, connection },
                Some(Err(Error::WatchFailed(error))),
            );
        }
        Received::Failed(error) => {
            return (State::Listed { version }, Some(Err(Error::WatchFailed(error))));
        }
        Received::Ended { hastily } => {
            if hastily {
                tokio::time::sleep(SHORTEST_QUIET_WATCH).await;
            }
            return (State::Listed { version }, None);
        }
        Received::Silent => {
            tracing::debug!("a watch was silent beyond its timeout; renewing it");
            return (State::Listed { version }, None);
        }
    };
    let object = match &event {
        Event::Apply(object) | Event::Delete(object) => object,
        _ => return (State::Start, None),
    };
    match object
        .meta()
        .resource_version
        .as_deref()
        .filter(|version| !version.is_empty())
    {
        Some(newer) => {
            version.clear();
            version.push_str(newer);
            (State::Watching { version, connection }, Some(Ok(event)))
        }
        None => (State::Start, Some(Err(Error::NoResourceVersion))),
    }
}

fn first_page<K>() -> State<K> {
    State::Listing {
        page: Vec::new().into_iter(),
        next: Next::Page(None),
    }
}

fn is_gone(error: &kubist_client::Error) -> bool {
    matches!(error, kubist_client::Error::Api(status) if status.code == 410)
}

/// Whether a server says that it cannot do a streaming list, rather than that it cannot do it now.
fn refuses_streaming(error: &kubist_client::Error) -> bool {
    matches!(error, kubist_client::Error::Api(status) if matches!(status.code, 400 | 405 | 406 | 422 | 501))
}

/// An open stream of events, with an eye on how long it has been silent.
struct Connection<K> {
    events: EventStream<K>,
    idle_timeout: Duration,
    /// One timer for the life of the connection: it is moved on when it fires, not with every event.
    timer: Pin<Box<Sleep>>,
    opened: Instant,
    last_event: Option<Instant>,
}

enum Received<K> {
    Event(WatchEvent<K>),
    Failed(kubist_client::Error),
    /// The server closed the stream; hastily: right after it was opened, without one event.
    Ended {
        hastily: bool,
    },
    /// Nothing came for longer than the server would have kept the watch open.
    Silent,
}

impl<K> Connection<K> {
    fn new(events: EventStream<K>, idle_timeout: Duration) -> Self {
        Connection {
            events,
            idle_timeout,
            timer: Box::pin(tokio::time::sleep(idle_timeout)),
            opened: Instant::now(),
            last_event: None,
        }
    }

    async fn next(&mut self) -> Received<K> {
        loop {
            tokio::select! {
                biased;
                event = self.events.next() => {
                    return match event {
                        Some(Ok(event)) => {
                            self.last_event = Some(Instant::now());
                            Received::Event(event)
                        }
                        Some(Err(error)) => Received::Failed(error),
                        None => Received::Ended {
                            hastily: self.last_event.is_none() && self.opened.elapsed() < SHORTEST_QUIET_WATCH,
                        },
                    };
                }
                () = self.timer.as_mut() => {
                    let deadline = self.last_event.unwrap_or(self.opened) + self.idle_timeout;
                    if deadline <= Instant::now() {
                        return Received::Silent;
                    }
                    self.timer.as_mut().reset(deadline);
                }
            }
        }
    }
}
