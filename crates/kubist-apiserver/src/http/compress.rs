//! Answers made smaller for clients that read gzip (RFC 1952).

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, VARY};

/// Up to here an answer is written as it is.
const THRESHOLD: usize = 128 * 1024;

/// Whether a client takes gzip. A real server looks for the bare word, and reads no qualities.
pub(crate) fn is_accepted(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let mut codings = accepted.unwrap_or("").split(',');
    codings.any(|coding| coding.trim() == "gzip")
}

/// Makes a large body smaller, and says so.
pub(crate) fn compress(headers: &mut HeaderMap, body: Bytes) -> Bytes {
    if body.len() <= THRESHOLD {
        return body;
    }
    let Some(small) = gzip(&body) else {
        return body;
    };
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    small
}

fn gzip(body: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok().map(Bytes::from)
}
