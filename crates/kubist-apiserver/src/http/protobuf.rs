//! Protobuf as requests and answers have it; `kubist-wire` reads and writes it.
//!
//! Custom resources have no protobuf form.

use kubist_wire::protobuf::{self, Error};
use serde_json::Value;

pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";
pub(crate) const STREAM: &str = "application/vnd.kubernetes.protobuf;stream=watch";

pub(crate) use protobuf::{to_event, to_vec};

/// Reads an object in its envelope; errors are in the words of a kube-apiserver.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, String> {
    protobuf::from_slice(bytes).map_err(|error| match error {
        Error::NoEnvelope => {
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
                .to_owned()
        }
        Error::UnknownKind { api_version, kind } => {
            format!("no kind {kind:?} is registered for version {api_version:?}")
        }
        error => error.to_string(),
    })
}
