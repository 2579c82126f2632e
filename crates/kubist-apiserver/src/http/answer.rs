//! Answers to requests, before they are bytes.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use serde_json::Value;

use crate::http::body::Body;
use crate::http::compress;
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
    Stream { body: Body, content_type: &'static str },
}

/// How a client wants an answer to be written, beside the encoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// JSON is indented.
    pub(crate) pretty: bool,
    /// What is large may be compressed.
    pub(crate) gzip: bool,
}

impl Answer {
    /// JSON for readers, whatever the client accepts.
    pub(crate) fn indented(value: &Value) -> Answer {
        Answer::Raw {
            code: 200,
            content_type: Encoding::PrettyJson.media_type(),
            body: encode(value, Encoding::PrettyJson),
        }
    }

    pub(crate) fn text(code: u16, text: impl Into<String>) -> Answer {
        Answer::Text {
            code,
            text: text.into(),
        }
    }

    /// The client's time is up. A real server writes this below its own encoding, without a kind.
    pub(crate) fn timeout() -> Answer {
        let body = concat!(
            r#"{"metadata":{},"status":"Failure","message":"Timeout: request did not complete within the "#,
            r#"allotted timeout","reason":"Timeout","details":{},"code":504}"#,
            "\n",
        );
        Answer::Raw {
            code: 504,
            content_type: "text/plain; charset=utf-8",
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    /// The answer as bytes.
    pub(crate) fn into_response(self, style: Style) -> Response<Body> {
        let (code, content_type, body) = match self {
            Answer::Object {
                code,
                value,
                encoding,
            } => return object(code, &value, encoding, style),
            Answer::Text { code, text } => (code, "text/plain; charset=utf-8", Bytes::from(text).into()),
            Answer::Raw {
                code,
                content_type,
                body,
            } => (code, content_type, body.into()),
            Answer::Document(document) => {
                let (code, headers, body) = document.into_parts();
                let mut response = Response::new(body.into());
                *response.status_mut() = StatusCode::from_u16(code).unwrap_or_default();
                *response.headers_mut() = headers;
                return response;
            }
            Answer::Stream { body, content_type } => (200, content_type, body),
        };
        let mut response = response(code, content_type, body);
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
    pub(crate) fn into_response(self, encoding: Encoding, style: Style) -> Response<Body> {
        let mut response = object(self.code, &self.body(), encoding, style);
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

fn object(code: u16, value: &Value, encoding: Encoding, style: Style) -> Response<Body> {
    let mut body = encode(value, encoding.indented(style.pretty));
    let mut headers = HeaderMap::new();
    if style.gzip {
        body = compress::compress(&mut headers, body);
    }
    let mut response = response(code, encoding.media_type(), body.into());
    response.headers_mut().extend(headers);
    response
}

fn response(code: u16, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
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

pub(crate) fn encode(value: &Value, encoding: Encoding) -> Bytes {
    match encoding {
        // Every kind that is offered in protobuf is in the tables.
        Encoding::Protobuf => protobuf::to_vec(value).unwrap_or_default().into(),
        Encoding::Json => {
            let mut bytes = serde_json::to_vec(value).unwrap_or_default();
            bytes.push(b'\n');
            bytes.into()
        }
        Encoding::PrettyJson => serde_json::to_vec_pretty(value).unwrap_or_default().into(),
        Encoding::Yaml => json::write_yaml(value).unwrap_or_default().into(),
    }
}
