//! Requests as values: URL, method, headers and body, without a connection.

use std::{borrow::Cow, fmt::Write as _};

use http::{Method, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use thiserror::Error;

use crate::params::{
    DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, Query, WatchParams,
};

pub(crate) const JSON_MIME: &str = "application/json";

/// Asks for one object's metadata only
/// ([media types](https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables)).
pub(crate) const JSON_METADATA_MIME: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// Asks for a list of objects' metadata only.
pub(crate) const JSON_METADATA_LIST_MIME: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// A request that cannot be built.
///
/// ```
/// # use k8s_openapi::api::core::v1::Pod;
/// use kubist_core::{Request, Resource, params::GetParams, request::Error};
///
/// let pods = Request::new(Pod::url_path(&(), Some("web")));
/// let result = pods.get("../secrets", &GetParams::default());
/// assert!(matches!(result, Err(Error::Validation(_))));
/// ```
#[derive(Debug, Error)]
pub enum Error {
    /// The parts do not make an HTTP request.
    #[error("failed to build request: {0}")]
    BuildRequest(#[source] http::Error),

    /// The body does not serialize.
    #[error("failed to serialize body: {0}")]
    SerializeBody(#[source] serde_json::Error),

    /// A server would refuse it.
    #[error("failed to validate request: {0}")]
    Validation(String),
}

/// Builds the requests about one collection of objects.
///
/// Names are checked and percent-encoded: whatever they hold, a request stays within its
/// collection.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_core::{Request, Resource, params::GetParams};
///
/// let pods = Request::new(Pod::url_path(&(), Some("default")));
/// let request = pods.get("web-0", &GetParams::default())?;
/// assert_eq!(request.uri(), "/api/v1/namespaces/default/pods/web-0");
/// # Ok::<(), kubist_core::request::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    /// The path of the collection; see [`Resource::url_path`](crate::Resource::url_path).
    pub url_path: String,
}

impl Request {
    /// Requests about the collection at this path.
    ///
    /// ```
    /// use kubist_core::Request;
    ///
    /// let widgets = Request::new("/apis/example.com/v1/namespaces/web/widgets");
    /// ```
    pub fn new<S: Into<String>>(url_path: S) -> Self {
        Self {
            url_path: url_path.into(),
        }
    }
}

/// The verbs.
impl Request {
    /// Lists the collection.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::ListParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.list(&ListParams::default().limit(50))?;
    /// assert_eq!(request.uri(), "/api/v1/namespaces/web/pods?&limit=50");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn list(&self, lp: &ListParams) -> Result<http::Request<Vec<u8>>, Error> {
        self.list_as(lp, None)
    }

    /// Watches the collection from a version on.
    ///
    /// An empty version starts with the objects that there are.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::WatchParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.watch(&WatchParams::default(), "4711")?;
    /// assert!(request.uri().query().is_some_and(|query| query.contains("resourceVersion=4711")));
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn watch(&self, wp: &WatchParams, ver: &str) -> Result<http::Request<Vec<u8>>, Error> {
        self.watch_as(wp, ver, None)
    }

    /// Reads an object.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::GetParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.get("web-0", &GetParams::default())?;
    /// assert_eq!(request.uri(), "/api/v1/namespaces/web/pods/web-0");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn get(&self, name: &str, gp: &GetParams) -> Result<http::Request<Vec<u8>>, Error> {
        self.get_as(name, gp, None)
    }

    /// Creates an object.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::PostParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let data = br#"{"metadata":{"name":"web-0"}}"#.to_vec();
    /// let request = pods.create(&PostParams::default(), data)?;
    /// assert_eq!(request.method(), "POST");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn create(&self, pp: &PostParams, data: Vec<u8>) -> Result<http::Request<Vec<u8>>, Error> {
        pp.validate()?;
        let mut query = self.collection()?;
        pp.append_to(&mut query);
        Parts::new(Method::POST, query).with(JSON_MIME, data)
    }

    /// Deletes an object.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::DeleteParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.delete("web-0", &DeleteParams::foreground())?;
    /// assert_eq!(request.method(), "DELETE");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn delete(&self, name: &str, dp: &DeleteParams) -> Result<http::Request<Vec<u8>>, Error> {
        Parts::new(Method::DELETE, self.object(name, &[])?).with_json(dp)
    }

    /// Deletes the objects of the collection that a list with these options would have.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::{DeleteParams, ListParams}};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let of_web = ListParams::default().labels("app=web");
    /// let request = pods.delete_collection(&DeleteParams::default(), &of_web)?;
    /// assert_eq!(request.method(), "DELETE");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn delete_collection(
        &self,
        dp: &DeleteParams,
        lp: &ListParams,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        lp.validate()?;
        let mut query = self.collection()?;
        lp.append_to(&mut query);
        Parts::new(Method::DELETE, query).with_json(dp)
    }

    /// Changes an object; creates it if the change is an apply.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::{Patch, PatchParams}};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let patch = Patch::Merge(serde_json::json!({ "metadata": { "labels": { "seen": "yes" } } }));
    /// let request = pods.patch("web-0", &PatchParams::default(), &patch)?;
    /// assert_eq!(request.headers()["content-type"], "application/merge-patch+json");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn patch<P: Serialize>(
        &self,
        name: &str,
        pp: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        self.patch_at(self.object(name, &[])?, pp, patch, None)
    }

    /// Replaces an object.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::PostParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let data = br#"{"metadata":{"name":"web-0"}}"#.to_vec();
    /// let request = pods.replace("web-0", &PostParams::default(), data)?;
    /// assert_eq!(request.method(), "PUT");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn replace(
        &self,
        name: &str,
        pp: &PostParams,
        data: Vec<u8>,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        pp.validate()?;
        let mut query = self.object(name, &[])?;
        pp.append_to(&mut query);
        Parts::new(Method::PUT, query).with(JSON_MIME, data)
    }
}

/// Subresources.
impl Request {
    /// Reads a subresource.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.get_subresource("status", "web-0")?;
    /// assert_eq!(request.uri(), "/api/v1/namespaces/web/pods/web-0/status");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn get_subresource(
        &self,
        subresource_name: &str,
        name: &str,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        Parts::new(Method::GET, self.object(name, &[subresource_name])?)
            .without_empty_query()
            .with(JSON_MIME, Vec::new())
    }

    /// Creates a subresource.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::PostParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.create_subresource("eviction", "web-0", &PostParams::default(), b"{}".to_vec())?;
    /// assert_eq!(request.uri().path(), "/api/v1/namespaces/web/pods/web-0/eviction");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn create_subresource(
        &self,
        subresource_name: &str,
        name: &str,
        pp: &PostParams,
        data: Vec<u8>,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        pp.validate()?;
        let mut query = self.object(name, &[subresource_name])?;
        pp.append_to(&mut query);
        Parts::new(Method::POST, query).with(JSON_MIME, data)
    }

    /// Changes a subresource.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::{Patch, PatchParams}};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let patch = Patch::Merge(serde_json::json!({ "status": { "reason": "Seen" } }));
    /// let request = pods.patch_subresource("status", "web-0", &PatchParams::default(), &patch)?;
    /// assert_eq!(request.uri().path(), "/api/v1/namespaces/web/pods/web-0/status");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn patch_subresource<P: Serialize>(
        &self,
        subresource_name: &str,
        name: &str,
        pp: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        self.patch_at(self.object(name, &[subresource_name])?, pp, patch, None)
    }

    /// Replaces a subresource.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::PostParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let data = br#"{"metadata":{"name":"web-0"}}"#.to_vec();
    /// let request = pods.replace_subresource("status", "web-0", &PostParams::default(), data)?;
    /// assert_eq!(request.method(), "PUT");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn replace_subresource(
        &self,
        subresource_name: &str,
        name: &str,
        pp: &PostParams,
        data: Vec<u8>,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        pp.validate()?;
        let mut query = self.object(name, &[subresource_name])?;
        pp.append_to(&mut query);
        Parts::new(Method::PUT, query).with(JSON_MIME, data)
    }
}

/// The verbs, answered with metadata only.
impl Request {
    /// Reads an object's metadata.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::GetParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.get_metadata("web-0", &GetParams::default())?;
    /// let accept = request.headers()["accept"].to_str().unwrap_or_default();
    /// assert!(accept.contains("as=PartialObjectMetadata;"));
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn get_metadata(&self, name: &str, gp: &GetParams) -> Result<http::Request<Vec<u8>>, Error> {
        self.get_as(name, gp, Some(JSON_METADATA_MIME))
    }

    /// Lists the metadata of the collection.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::ListParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.list_metadata(&ListParams::default())?;
    /// let accept = request.headers()["accept"].to_str().unwrap_or_default();
    /// assert!(accept.contains("as=PartialObjectMetadataList;"));
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn list_metadata(&self, lp: &ListParams) -> Result<http::Request<Vec<u8>>, Error> {
        self.list_as(lp, Some(JSON_METADATA_LIST_MIME))
    }

    /// Watches the metadata of the collection from a version on.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::WatchParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.watch_metadata(&WatchParams::default(), "0")?;
    /// let accept = request.headers()["accept"].to_str().unwrap_or_default();
    /// assert!(accept.contains("as=PartialObjectMetadata;"));
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn watch_metadata(&self, wp: &WatchParams, ver: &str) -> Result<http::Request<Vec<u8>>, Error> {
        self.watch_as(wp, ver, Some(JSON_METADATA_MIME))
    }

    /// Changes an object; answered with its metadata.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, params::{Patch, PatchParams}};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let patch = Patch::Merge(serde_json::json!({ "metadata": { "labels": { "seen": "yes" } } }));
    /// let request = pods.patch_metadata("web-0", &PatchParams::default(), &patch)?;
    /// let accept = request.headers()["accept"].to_str().unwrap_or_default();
    /// assert!(accept.contains("as=PartialObjectMetadata;"));
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn patch_metadata<P: Serialize>(
        &self,
        name: &str,
        pp: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        self.patch_at(self.object(name, &[])?, pp, patch, Some(JSON_METADATA_MIME))
    }
}

impl Request {
    fn list_as(
        &self,
        lp: &ListParams,
        accept: Option<&'static str>,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        lp.validate()?;
        let mut query = self.collection()?;
        lp.append_to(&mut query);
        Parts::new(Method::GET, query).accept(accept).get()
    }

    fn watch_as(
        &self,
        wp: &WatchParams,
        version: &str,
        accept: Option<&'static str>,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        wp.validate()?;
        let mut query = self.collection()?;
        wp.append_to(&mut query);
        query.append_pair("resourceVersion", version);
        Parts::new(Method::GET, query).accept(accept).get()
    }

    fn get_as(
        &self,
        name: &str,
        gp: &GetParams,
        accept: Option<&'static str>,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        let mut query = self.object(name, &[])?;
        gp.append_to(&mut query);
        Parts::new(Method::GET, query)
            .without_empty_query()
            .accept(accept)
            .get()
    }

    fn patch_at<P: Serialize>(
        &self,
        mut query: Query,
        pp: &PatchParams,
        patch: &Patch<P>,
        accept: Option<&'static str>,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        pp.validate(patch)?;
        pp.append_to(&mut query);
        let body = patch.serialize().map_err(Error::SerializeBody)?;
        let accept = Some(accept.unwrap_or(JSON_MIME));
        Parts::new(Method::PATCH, query)
            .accept(accept)
            .with(patch.content_type(), body)
    }

    /// The query of a request to the collection.
    pub(crate) fn collection(&self) -> Result<Query, Error> {
        validate_path(&self.url_path)?;
        Ok(query(self.url_path.clone()))
    }

    /// The query of a request to an object, or something beneath it.
    pub(crate) fn object(&self, name: &str, beneath: &[&str]) -> Result<Query, Error> {
        validate_path(&self.url_path)?;
        let mut path = String::with_capacity(self.url_path.len() + name.len() + 64);
        path.push_str(&self.url_path);
        push_segment(&mut path, "name", name)?;
        for segment in beneath {
            // A subresource may have segments of its own, as a proxy's path.
            for segment in segment.split('/') {
                push_segment(&mut path, "subresource", segment)?;
            }
        }
        Ok(query(path))
    }
}

/// A request before it has a body.
pub(crate) struct Parts {
    method: Method,
    uri: String,
    accept: Option<&'static str>,
}

impl Parts {
    pub(crate) fn new(method: Method, mut query: Query) -> Self {
        Self {
            method,
            uri: query.finish(),
            accept: None,
        }
    }

    /// The path alone, where nothing was asked.
    fn without_empty_query(mut self) -> Self {
        if self.uri.ends_with('?') {
            self.uri.pop();
        }
        self
    }

    pub(crate) fn accept(mut self, accept: Option<&'static str>) -> Self {
        self.accept = accept;
        self
    }

    /// A request to read, which says no more than that; metadata requests say it in full.
    fn get(self) -> Result<http::Request<Vec<u8>>, Error> {
        if self.accept.is_some() {
            self.with(JSON_MIME, Vec::new())
        } else {
            self.bare()
        }
    }

    /// Without a body, and without headers of its own.
    pub(crate) fn bare(self) -> Result<http::Request<Vec<u8>>, Error> {
        http::Request::builder()
            .method(self.method)
            .uri(self.uri)
            .body(Vec::new())
            .map_err(Error::BuildRequest)
    }

    pub(crate) fn with(self, content_type: &str, body: Vec<u8>) -> Result<http::Request<Vec<u8>>, Error> {
        let mut builder = http::Request::builder()
            .method(self.method)
            .uri(self.uri)
            .header(header::CONTENT_TYPE, content_type);
        if let Some(accept) = self.accept {
            builder = builder.header(header::ACCEPT, accept);
        }
        builder.body(body).map_err(Error::BuildRequest)
    }

    pub(crate) fn with_json<T: Serialize>(self, body: &T) -> Result<http::Request<Vec<u8>>, Error> {
        let body = serde_json::to_vec(body).map_err(Error::SerializeBody)?;
        self.with(JSON_MIME, body)
    }
}

/// Starts the query of a path.
pub(crate) fn query(mut path: String) -> Query {
    path.push('?');
    form_urlencoded::Serializer::new(path)
}

/// Appends a segment to a path.
///
/// The names that a server refuses as segments of a path are refused here: it would never see
/// them as what they are
/// ([source](https://github.com/kubernetes/apimachinery/blob/master/pkg/api/validation/path/name.go)).
pub(crate) fn push_segment(path: &mut String, what: &str, segment: &str) -> Result<(), Error> {
    if segment.is_empty() {
        return Err(Error::Validation(format!("A non-empty {what} is required")));
    }
    if segment == "." || segment == ".." || segment.contains('/') {
        return Err(Error::Validation(format!(
            "a {what} must not be '.' or '..' nor contain '/': {segment:?}"
        )));
    }
    // Writing into a String does not fail.
    let _ = write!(path, "/{}", encode_segment(segment));
    Ok(())
}

/// A path with an empty segment, `.` or `..` is not the path that one thinks.
fn validate_path(path: &str) -> Result<(), Error> {
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
    if path.is_empty() || segments.any(|s| s.is_empty() || s == "." || s == "..") {
        return Err(Error::Validation(format!(
            "a path must not have segments that are empty, '.' or '..': {path:?}"
        )));
    }
    Ok(())
}

/// What may stand in a segment of a path as it is
/// ([RFC 3986](https://www.rfc-editor.org/rfc/rfc3986#section-3.3)).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// Percent-encodes a segment of a path.
pub(crate) fn encode_segment(segment: &str) -> Cow<'_, str> {
    utf8_percent_encode(segment, SEGMENT).into()
}

#[cfg(test)]
mod tests;
