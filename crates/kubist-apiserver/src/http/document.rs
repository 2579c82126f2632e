//! Documents that clients may keep: discovery and OpenAPI, known by the hash of their content.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, LOCATION, VARY};
use sha2::{Digest as _, Sha512};

use super::request::Request;

/// What a document says, and the name of that.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    body: Bytes,
    tag: Arc<str>,
}

impl Content {
    pub(crate) fn new(body: Bytes) -> Content {
        let hash: String = Sha512::digest(&body)
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        Content {
            body,
            tag: hash.into(),
        }
    }

    /// The same content in another form.
    pub(crate) fn written(self, body: Bytes) -> Content {
        Content { body, ..self }
    }

    /// The hash of the body.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }
}

/// A document for somebody who may have it already.
#[derive(Debug)]
pub(crate) struct Document {
    content_type: &'static str,
    content: Content,
    cache: &'static str,
    is_known: bool,
    /// Where it is, for somebody who asked for it under the hash of another content.
    moved: Option<String>,
}

impl Document {
    /// A document of discovery, for everybody.
    pub(crate) fn public(request: &Request, content_type: &'static str, content: Content) -> Document {
        Document {
            cache: "public",
            ..Document::of(request, content_type, content)
        }
    }

    /// A document that is also found under its hash, where it never changes.
    pub(crate) fn hashed(request: &Request, content_type: &'static str, content: Content) -> Document {
        let document = Document::of(request, content_type, content);
        match request.query.text("hash") {
            None => document,
            Some(hash) if hash == document.content.tag() => Document {
                cache: "public, immutable",
                ..document
            },
            Some(_) => Document {
                moved: Some(format!("{}?hash={}", request.path, document.content.tag())),
                ..document
            },
        }
    }

    /// A document for one client.
    pub(crate) fn of(request: &Request, content_type: &'static str, content: Content) -> Document {
        let known = request.header("if-none-match");
        let is_known = known
            .split(',')
            .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'))
            .any(|known| known == content.tag() || known == "*");
        Document {
            content_type,
            content,
            cache: "no-cache, private",
            is_known,
            moved: None,
        }
    }

    /// The code, the headers and the body of the answer.
    pub(crate) fn into_parts(self) -> (u16, HeaderMap, Bytes) {
        let (code, body) = match (&self.moved, self.is_known) {
            (Some(_), _) => (301, Bytes::new()),
            (None, true) => (304, Bytes::new()),
            (None, false) => (200, self.content.body),
        };
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(self.cache));
        headers.insert(VARY, HeaderValue::from_static("Accept"));
        if code != 304 {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        let tag = format!("\"{}\"", self.content.tag);
        for (name, value) in [(ETAG, Some(tag)), (LOCATION, self.moved)] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                headers.insert(name, value);
            }
        }
        (code, headers, body)
    }
}
