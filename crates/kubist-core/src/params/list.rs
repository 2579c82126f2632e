//! Options of reading.

use super::Query;
use crate::{labels::Selector, request::Error};

/// How exactly a resource version has to be met
/// ([semantics](https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list)).
///
/// ```
/// use kubist_core::params::{ListParams, VersionMatch};
///
/// let lp = ListParams::default().at("4711").matching(VersionMatch::Exact);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum VersionMatch {
    /// Data at least as new as the version; newer is preferred.
    NotOlderThan,
    /// Data at exactly the version.
    Exact,
}

impl VersionMatch {
    fn as_str(&self) -> &'static str {
        match self {
            VersionMatch::NotOlderThan => "NotOlderThan",
            VersionMatch::Exact => "Exact",
        }
    }
}

/// Options of listing.
///
/// ```
/// use kubist_core::params::ListParams;
/// let lp = ListParams::default().labels("app=web").match_any().limit(500);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListParams {
    /// Only objects with these labels.
    pub label_selector: Option<String>,
    /// Only objects with these fields; servers know only a few of them.
    pub field_selector: Option<String>,
    /// How many seconds the server may take; the client's own limit may be shorter.
    pub timeout: Option<u32>,
    /// How many objects a page may have.
    pub limit: Option<u32>,
    /// Where to go on, from the metadata of the page before.
    pub continue_token: Option<String>,
    /// How exactly [`resource_version`](Self::resource_version) has to be met.
    pub version_match: Option<VersionMatch>,
    /// Of which version; the newest where it says nothing, any that is at hand for `"0"`.
    pub resource_version: Option<String>,
}

impl ListParams {
    /// How many seconds the server may take.
    ///
    /// ```
    /// use kubist_core::params::ListParams;
    ///
    /// let lp = ListParams::default().timeout(30);
    /// assert_eq!(lp.timeout, Some(30));
    /// ```
    #[must_use]
    pub fn timeout(mut self, seconds: u32) -> Self {
        self.timeout = Some(seconds);
        self
    }

    /// Only objects with these fields.
    ///
    /// For one written by hand or by [`FieldSelector`](crate::FieldSelector).
    ///
    /// ```
    /// use kubist_core::params::ListParams;
    ///
    /// let lp = ListParams::default().fields("spec.nodeName=node-1");
    /// ```
    #[must_use]
    pub fn fields(mut self, selector: &str) -> Self {
        self.field_selector = Some(selector.to_owned());
        self
    }

    /// Only objects with these labels.
    ///
    /// ```
    /// use kubist_core::params::ListParams;
    ///
    /// let lp = ListParams::default().labels("app=web,tier!=test");
    /// ```
    #[must_use]
    pub fn labels(mut self, selector: &str) -> Self {
        self.label_selector = Some(selector.to_owned());
        self
    }

    /// Only objects with the labels of a [`Selector`].
    ///
    /// ```
    /// use kubist_core::{Selector, params::ListParams};
    ///
    /// let selector = Selector::from_iter([("app", "web")]);
    /// let lp = ListParams::default().labels_from(&selector);
    /// assert_eq!(lp.label_selector.as_deref(), Some("app=web"));
    /// ```
    #[must_use]
    pub fn labels_from(mut self, selector: &Selector) -> Self {
        self.label_selector = Some(selector.to_string());
        self
    }

    /// How many objects a page may have.
    ///
    /// ```
    /// use kubist_core::params::ListParams;
    ///
    /// let lp = ListParams::default().limit(500);
    /// assert_eq!(lp.limit, Some(500));
    /// ```
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Where to go on.
    ///
    /// ```
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{ObjectList, params::ListParams};
    ///
    /// fn next(page: &ObjectList<Pod>) -> Option<ListParams> {
    ///     let token = page.metadata.continue_.as_deref().filter(|token| !token.is_empty())?;
    ///     Some(ListParams::default().limit(500).continue_token(token))
    /// }
    /// ```
    #[must_use]
    pub fn continue_token(mut self, token: &str) -> Self {
        self.continue_token = Some(token.to_owned());
        self
    }

    /// Of which version.
    ///
    /// ```
    /// use kubist_core::params::ListParams;
    ///
    /// let lp = ListParams::default().at("4711");
    /// assert_eq!(lp.resource_version.as_deref(), Some("4711"));
    /// ```
    #[must_use]
    pub fn at(mut self, resource_version: &str) -> Self {
        self.resource_version = Some(resource_version.to_owned());
        self
    }

    /// How exactly the version has to be met.
    ///
    /// ```
    /// use kubist_core::params::{ListParams, VersionMatch};
    ///
    /// let lp = ListParams::default().at("4711").matching(VersionMatch::NotOlderThan);
    /// ```
    #[must_use]
    pub fn matching(mut self, version_match: VersionMatch) -> Self {
        self.version_match = Some(version_match);
        self
    }

    /// Any version that is at hand, however old: the cheapest read, from a server's cache.
    ///
    /// ```
    /// use kubist_core::params::ListParams;
    ///
    /// let lp = ListParams::default().match_any();
    /// assert_eq!(lp.resource_version.as_deref(), Some("0"));
    /// ```
    #[must_use]
    pub fn match_any(self) -> Self {
        self.matching(VersionMatch::NotOlderThan).at("0")
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let invalid = |message: &str| Err(Error::Validation(message.to_owned()));
        match (&self.version_match, self.resource_version.as_deref()) {
            (Some(VersionMatch::Exact), Some("0")) => {
                invalid("A non-zero resource_version is required when using an Exact match")
            }
            (Some(_), None) => invalid("A resource_version is required when using an explicit match"),
            _ => Ok(()),
        }
    }

    pub(crate) fn append_to(&self, query: &mut Query) {
        self.append_selectors(query);
        if let Some(seconds) = self.timeout {
            query.append_pair("timeoutSeconds", &seconds.to_string());
        }
        if let Some(limit) = self.limit {
            query.append_pair("limit", &limit.to_string());
        }
        if let Some(token) = &self.continue_token {
            // The token holds the version; a server takes no other beside it.
            query.append_pair("continue", token);
        } else if let Some(version) = &self.resource_version {
            query.append_pair("resourceVersion", version);
            if let Some(version_match) = &self.version_match {
                query.append_pair("resourceVersionMatch", version_match.as_str());
            }
        }
    }

    fn append_selectors(&self, query: &mut Query) {
        if let Some(fields) = &self.field_selector {
            query.append_pair("fieldSelector", fields);
        }
        if let Some(labels) = &self.label_selector {
            query.append_pair("labelSelector", labels);
        }
    }
}

/// Options of reading one object.
///
/// ```
/// use kubist_core::params::GetParams;
///
/// let gp = GetParams::at("4711");
/// assert_eq!(gp.resource_version.as_deref(), Some("4711"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GetParams {
    /// Data at least as new as this version; the newest where it says nothing, any that is at
    /// hand for `"0"`.
    pub resource_version: Option<String>,
}

impl GetParams {
    /// Data at least as new as a version.
    ///
    /// ```
    /// use kubist_core::params::GetParams;
    ///
    /// let gp = GetParams::at("4711");
    /// ```
    pub fn at(resource_version: &str) -> Self {
        GetParams {
            resource_version: Some(resource_version.to_owned()),
        }
    }

    /// Any version that is at hand, however old.
    ///
    /// ```
    /// use kubist_core::params::GetParams;
    ///
    /// let gp = GetParams::any();
    /// assert_eq!(gp.resource_version.as_deref(), Some("0"));
    /// ```
    pub fn any() -> Self {
        Self::at("0")
    }

    pub(crate) fn append_to(&self, query: &mut Query) {
        if let Some(version) = &self.resource_version {
            query.append_pair("resourceVersion", version);
        }
    }
}
