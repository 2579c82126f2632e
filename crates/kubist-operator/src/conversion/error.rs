//! What can be wrong with a review, and with an object in it.

use kubist_core::conversion::ConvertError;
use thiserror::Error;

/// A body that cannot be answered as a review.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// It does not read as one.
    #[error("the body is no ConversionReview at {path}: {reason}")]
    Decode {
        /// The path of the field.
        path: String,
        /// Why, without the value.
        reason: String,
    },
    /// It is of another type, or of a version that is not known.
    #[error(
        "expected a ConversionReview of apiextensions.k8s.io/v1, found kind {kind:?} of apiVersion {api_version:?}"
    )]
    OtherType {
        /// The version.
        api_version: String,
        /// The kind.
        kind: String,
    },
    /// It asks nothing.
    #[error("the ConversionReview has no request")]
    NoRequest,
    /// The answer cannot be written.
    #[error("the answer to a ConversionReview cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The process is stopping.
    #[error("the conversion was interrupted")]
    Interrupted,
}

/// An object that cannot be converted.
#[derive(Debug, Error)]
pub(super) enum ObjectError {
    #[error("there is no conversion for the kind {kind:?} of {api_version:?}")]
    UnknownKind { api_version: String, kind: String },
    #[error("its conversion to {api_version} panicked")]
    Panicked { api_version: String },
    #[error(transparent)]
    Convert(ConvertError),
}
