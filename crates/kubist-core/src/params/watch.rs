//! Options of watching.

use super::Query;
use crate::{labels::Selector, request::Error};

/// The longest timeout that a watch may ask for: clients and load balancers cut at 295 seconds
/// ([issue](https://github.com/kubernetes/kubernetes/issues/6513)).
const TIMEOUT_LIMIT: u32 = 295;

/// Options of watching.
///
/// ```
/// use kubist_core::params::WatchParams;
/// let wp = WatchParams::default().timeout(60).labels("app=web");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct WatchParams {
    /// Only objects with these labels.
    pub label_selector: Option<String>,
    /// Only objects with these fields; servers know only a few of them.
    pub field_selector: Option<String>,
    /// After how many seconds the server ends the watch: 290 where it says nothing, less than
    /// 295 where it does.
    pub timeout: Option<u32>,
    /// Whether the server sends bookmarks; on by default.
    pub bookmarks: bool,
    /// Whether the watch starts with all objects as `ADDED` events and then a bookmark
    /// ([streaming lists](https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists)).
    pub send_initial_events: bool,
}

impl Default for WatchParams {
    fn default() -> Self {
        Self {
            label_selector: None,
            field_selector: None,
            timeout: None,
            bookmarks: true,
            send_initial_events: false,
        }
    }
}

impl WatchParams {
    /// A watch that starts with all objects, in place of a list before it.
    ///
    /// ```
    /// use kubist_core::params::WatchParams;
    ///
    /// let wp = WatchParams::streaming_lists();
    /// assert!(wp.send_initial_events && wp.bookmarks);
    /// ```
    pub fn streaming_lists() -> Self {
        Self::default().initial_events()
    }

    /// After how many seconds the server ends the watch; less than 295.
    ///
    /// ```
    /// use kubist_core::params::WatchParams;
    ///
    /// let wp = WatchParams::default().timeout(60);
    /// assert_eq!(wp.timeout, Some(60));
    /// ```
    #[must_use]
    pub fn timeout(mut self, seconds: u32) -> Self {
        self.timeout = Some(seconds);
        self
    }

    /// Only objects with these fields.
    ///
    /// ```
    /// use kubist_core::params::WatchParams;
    ///
    /// let wp = WatchParams::default().fields("metadata.name=web-0");
    /// ```
    #[must_use]
    pub fn fields(mut self, selector: &str) -> Self {
        self.field_selector = Some(selector.to_owned());
        self
    }

    /// Only objects with these labels.
    ///
    /// ```
    /// use kubist_core::params::WatchParams;
    ///
    /// let wp = WatchParams::default().labels("app in (web, api)");
    /// ```
    #[must_use]
    pub fn labels(mut self, selector: &str) -> Self {
        self.label_selector = Some(selector.to_owned());
        self
    }

    /// Only objects with the labels of a [`Selector`].
    ///
    /// ```
    /// use kubist_core::{Selector, params::WatchParams};
    ///
    /// let selector = Selector::from_iter([("app", "web")]);
    /// let wp = WatchParams::default().labels_from(&selector);
    /// assert_eq!(wp.label_selector.as_deref(), Some("app=web"));
    /// ```
    #[must_use]
    pub fn labels_from(mut self, selector: &Selector) -> Self {
        self.label_selector = Some(selector.to_string());
        self
    }

    /// Without bookmarks.
    ///
    /// ```
    /// use kubist_core::params::WatchParams;
    ///
    /// assert!(!WatchParams::default().disable_bookmarks().bookmarks);
    /// ```
    #[must_use]
    pub fn disable_bookmarks(mut self) -> Self {
        self.bookmarks = false;
        self
    }

    /// Starting with all objects.
    ///
    /// ```
    /// use kubist_core::params::WatchParams;
    ///
    /// assert!(WatchParams::default().initial_events().send_initial_events);
    /// ```
    #[must_use]
    pub fn initial_events(mut self) -> Self {
        self.send_initial_events = true;
        self
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        if self.timeout.is_some_and(|seconds| seconds >= TIMEOUT_LIMIT) {
            return Err(Error::Validation(format!(
                "WatchParams::timeout must be < {TIMEOUT_LIMIT}s"
            )));
        }
        if self.send_initial_events && !self.bookmarks {
            return Err(Error::Validation(
                "WatchParams::bookmarks must be set when using send_initial_events".into(),
            ));
        }
        Ok(())
    }

    pub(crate) fn append_to(&self, query: &mut Query) {
        query.append_pair("watch", "true");
        query.append_pair("timeoutSeconds", &self.timeout.unwrap_or(290).to_string());
        if let Some(fields) = &self.field_selector {
            query.append_pair("fieldSelector", fields);
        }
        if let Some(labels) = &self.label_selector {
            query.append_pair("labelSelector", labels);
        }
        if self.bookmarks {
            query.append_pair("allowWatchBookmarks", "true");
        }
        if self.send_initial_events {
            query.append_pair("sendInitialEvents", "true");
            query.append_pair("resourceVersionMatch", "NotOlderThan");
        }
    }
}
