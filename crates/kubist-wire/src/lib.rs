//! Bytes to Kubernetes objects.
//!
//! A watch is a stream of JSON documents, one a line, cut by the network wherever it likes.
//! [`frame::Deframer`] turns chunks of bytes into frames, without a copy where a frame lies within
//! one chunk. [`watch::decode`] turns a frame into an event in one pass. [`watch::Decoder`] does
//! both. [`list::ListDecoder`] decodes a list while it arrives.
//!
//! ```
//! use bytes::Bytes;
//! use k8s_openapi::api::core::v1::Pod;
//! use kubist_core::WatchEvent;
//! use kubist_wire::watch::Decoder;
//!
//! let mut decoder = Decoder::<Pod>::new();
//! decoder.push(Bytes::from_static(br#"{"type":"ADDED","object":{"metadata":{"name":"a"#));
//! assert!(decoder.next_event()?.is_none());
//! decoder.push(Bytes::from_static(b"\"}}}\n"));
//! let event = decoder.next_event()?;
//! assert!(matches!(event, Some(WatchEvent::Added(pod)) if pod.metadata.name.as_deref() == Some("a")));
//! assert!(decoder.finish()?.is_none());
//! # Ok::<(), kubist_wire::watch::Error>(())
//! ```
//!
//! [`wake::SelfWakes`] is for those who drive a connection themselves.
//!
//! Errors name the type, the path inside the document and the position, but never what the
//! document holds: it may be a secret.

pub mod frame;
pub mod json;
pub mod list;
#[cfg(feature = "protobuf")]
pub mod protobuf;
pub mod wake;
pub mod watch;
