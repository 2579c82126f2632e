//! What to watch, and how.

use kubist_core::labels::Selector;
use kubist_core::params::{ListParams, VersionMatch, WatchParams};

/// How fresh the initial list has to be.
///
/// See [resource versions](https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ListSemantic {
    /// The newest state: a consistent read.
    #[default]
    MostRecent,
    /// Any state that the server has at hand; cheaper, and possibly older than one seen before.
    Any,
}

/// How the initial state is fetched.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum InitialListStrategy {
    /// A list in pages, then a watch from its version.
    #[default]
    ListWatch,
    /// One watch that sends the initial state first ([KEP-3157]). It costs the server much less memory;
    /// where the server refuses it, the watcher falls back to a list.
    ///
    /// [KEP-3157]: https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/3157-watch-list
    StreamingList,
}

/// The options of a watch.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which objects, by their labels. Default: all.
    pub label_selector: Option<String>,
    /// Which objects, by their fields. Default: all.
    pub field_selector: Option<String>,
    /// How long the server keeps a watch open before it is renewed, in seconds, below 295. Default: 290.
    pub timeout: Option<u32>,
    /// How fresh the initial list has to be.
    pub list_semantic: ListSemantic,
    /// How the initial state is fetched.
    pub initial_list_strategy: InitialListStrategy,
    /// How many objects a page of the initial list holds at most; `None` fetches it whole. Default: 500.
    pub page_size: Option<u32>,
    /// Whether the server may send bookmarks, so that a quiet watch stays resumable. Default: true.
    pub bookmarks: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            label_selector: None,
            field_selector: None,
            timeout: None,
            list_semantic: ListSemantic::default(),
            initial_list_strategy: InitialListStrategy::default(),
            // What client-go's pager asks for.
            page_size: Some(500),
            bookmarks: true,
        }
    }
}

impl Config {
    /// How long the server keeps a watch open before it is renewed, in seconds, below 295.
    #[must_use]
    pub fn timeout(mut self, timeout_secs: u32) -> Self {
        self.timeout = Some(timeout_secs);
        self
    }

    /// Only objects whose fields match, for example `metadata.name=web`.
    #[must_use]
    pub fn fields(mut self, field_selector: &str) -> Self {
        self.field_selector = Some(field_selector.to_owned());
        self
    }

    /// Only objects whose labels match, for example `app=web,tier!=test`.
    #[must_use]
    pub fn labels(mut self, label_selector: &str) -> Self {
        self.label_selector = Some(label_selector.to_owned());
        self
    }

    /// Only objects whose labels match a typed selector.
    ///
    /// # Example
    ///
    /// ```
    /// use kubist_core::labels::{Expression, Selector};
    /// use kubist_runtime::watcher;
    ///
    /// let selector: Selector = Expression::Equal("app".into(), "web".into()).into();
    /// let config = watcher::Config::default().labels_from(&selector);
    /// assert_eq!(config.label_selector.as_deref(), Some("app=web"));
    /// ```
    #[must_use]
    pub fn labels_from(mut self, selector: &Selector) -> Self {
        self.label_selector = Some(selector.to_string());
        self
    }

    /// How fresh the initial list has to be.
    #[must_use]
    pub fn list_semantic(mut self, semantic: ListSemantic) -> Self {
        self.list_semantic = semantic;
        self
    }

    /// The initial list may be any state that the server has at hand.
    #[must_use]
    pub fn any_semantic(self) -> Self {
        self.list_semantic(ListSemantic::Any)
    }

    /// The server sends no bookmarks; a quiet watch may have to begin again with a list.
    #[must_use]
    pub fn disable_bookmarks(mut self) -> Self {
        self.bookmarks = false;
        self
    }

    /// How many objects a page of the initial list holds at most.
    #[must_use]
    pub fn page_size(mut self, page_size: u32) -> Self {
        self.page_size = Some(page_size);
        self
    }

    /// The initial state comes through the watch itself.
    #[must_use]
    pub fn streaming_lists(mut self) -> Self {
        self.initial_list_strategy = InitialListStrategy::StreamingList;
        self
    }

    /// The request for one page of the initial list; later pages are bound to the first one's version.
    pub(crate) fn list_params(&self, continue_token: Option<String>, limit: Option<u32>) -> ListParams {
        let any = self.list_semantic == ListSemantic::Any && continue_token.is_none();
        ListParams {
            label_selector: self.label_selector.clone(),
            field_selector: self.field_selector.clone(),
            timeout: None,
            limit,
            version_match: any.then_some(VersionMatch::NotOlderThan),
            resource_version: any.then(|| "0".to_owned()),
            continue_token,
        }
    }

    /// The request for a watch.
    pub(crate) fn watch_params(&self, initial_events: bool) -> WatchParams {
        WatchParams {
            label_selector: self.label_selector.clone(),
            field_selector: self.field_selector.clone(),
            timeout: self.timeout,
            // The end of the initial events is told by a bookmark.
            bookmarks: self.bookmarks || initial_events,
            send_initial_events: initial_events,
        }
    }

    /// How long a watch may be silent before it counts as dead: past the server's own timeout.
    pub(crate) fn idle_timeout(&self) -> std::time::Duration {
        std::time::Duration::from_secs(u64::from(self.timeout.unwrap_or(290)) + 5)
    }
}
