//! Answers to requests, before they are bytes.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WARNING};
use http::{HeaderMap, Response, StatusCode};
use serde_json::Value;

use crate::http::body::Body;
use crate::http::document::Document;
use crate::http::json;
use crate::http::negotiate::Encoding;
use crate::http::protobuf;
use crate::http::status::Failure;

/// What a handler answers.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An object of some kind.
    Object {
        code: u16,
        value: Value,
        encoding: Encoding,
        warnings: Vec<String>,
    },
    /// Text.
    Text { code: u16, text: String },
    /// What clients may keep.
    Document(Document),
    /// JSON that is no object of a kind, or was encoded before.
    Raw {
        code: u16,
        content_type: &'static str,
        body: Bytes,
    },
    /// A watch.
    Stream {
        body: Body,
        content_type: &'static str,
        warnings: Vec<String>,
    },
}

impl Answer {
    pub(crate) fn json(value: Value) -> Answer {
        Answer::Object {
            code: 200,
            value,
            encoding: Encoding::Json,
            warnings: Vec::new(),
        }
    }

    pub(crate) fn text(code: u16, text: impl Into<String>) -> Answer {
        Answer::Text {
            code,
            text: text.into(),
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let (code, content_type, body, warnings) = match self {
            Answer::Object {
                code,
                value,
                encoding,
                warnings,
            } => (
                code,
                encoding.media_type(),
                encode(&value, encoding).into(),
                warnings,
            ),
            Answer::Text { code, text } => (
                code,
                "text/plain; charset=utf-8",
                Bytes::from(text).into(),
                Vec::new(),
            ),
            Answer::Raw {
                code,
                content_type,
                body,
            } => (code, content_type, body.into(), Vec::new()),
            Answer::Document(document) => {
                let (code, headers, body) = document.into_parts();
                let mut response = Response::new(body.into());
                *response.status_mut() = StatusCode::from_u16(code).unwrap_or_default();
                *response.headers_mut() = headers;
                return response;
            }
            Answer::Stream {
                body,
                content_type,
                warnings,
            } => (200, content_type, body, warnings),
        };
        let mut response = response(code, content_type, body, &warnings);
        if content_type.starts_with("text/plain") {
            let nosniff = http::HeaderValue::from_static("nosniff");
            response
                .headers_mut()
                .insert(http::header::X_CONTENT_TYPE_OPTIONS, nosniff);
        }
        response
    }
}

impl Failure {
    pub(crate) fn into_response(self, encoding: Encoding) -> Response<Body> {
        let mut response = response(
            self.code,
            encoding.media_type(),
            encode(&self.body(), encoding).into(),
            &[],
        );
        if let Some(after) = self
            .details
            .as_ref()
            .and_then(|details| details.get("retryAfterSeconds"))
            && let Ok(value) = HeaderValue::from_str(&after.to_string())
        {
            response.headers_mut().insert(http::header::RETRY_AFTER, value);
        }
        response
    }
}

fn response(code: u16, content_type: &'static str, body: Body, warnings: &[String]) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    for warning in warnings {
        warn(headers, warning);
    }
    response
}

/// The header by which a request and its answer find each other in logs.
pub(crate) const AUDIT_ID: &str = "audit-id";

/// Says what a request is called.
pub(crate) fn name(headers: &mut http::HeaderMap, name: &str) {
    if let Ok(value) = HeaderValue::from_str(name) {
        headers.insert(AUDIT_ID, value);
    }
}

/// Adds a warning to an answer, unless it is there, or is none that a header can hold.
pub(crate) fn warn(headers: &mut HeaderMap, warning: &str) {
    if warning.is_empty() || warning.contains(char::is_control) {
        return;
    }
    let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
    if let Ok(value) = HeaderValue::from_bytes(format!("299 - \"{quoted}\"").as_bytes())
        && !headers.get_all(WARNING).iter().any(|known| *known == value)
    {
        headers.append(WARNING, value);
    }
}

fn encode(value: &Value, encoding: Encoding) -> Bytes {
    match encoding {
        // Every kind that is offered in protobuf is in the tables.
        Encoding::Protobuf => protobuf::to_vec(value).unwrap_or_default().into(),
        Encoding::Json => {
            let mut bytes = serde_json::to_vec(value).unwrap_or_default();
            bytes.push(b'\n');
            bytes.into()
        }
        Encoding::Yaml => json::write_yaml(value).unwrap_or_default().into(),
    }
}
