//! What goes over the wire: requests as they are read, answers as they are written.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod compress;
pub(crate) mod document;
pub(crate) mod duration;
pub(crate) mod fields;
pub(crate) mod gojson;
pub(crate) mod json;
pub(crate) mod negotiate;
pub(crate) mod options;
pub(crate) mod protobuf;
pub(crate) mod request;
pub(crate) mod status;
pub(crate) mod warnings;
pub(crate) mod web_socket;
