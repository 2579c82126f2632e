//! Why an object cannot be converted.

use thiserror::Error;

use super::BoxError;

/// An object cannot be converted.
///
/// ```
/// use kubist_core::conversion::ConvertError;
///
/// let error = ConvertError::UnknownVersion { api_version: "docs.example.com/v9".into() };
/// assert_eq!(error.to_string(), "there is no conversion for docs.example.com/v9");
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// It is no object, or has no `apiVersion`.
    #[error("what is to be converted has no apiVersion")]
    NoObject,
    /// The chain has no such version.
    #[error("there is no conversion for {api_version}")]
    UnknownVersion {
        /// The version that is asked for, or that the object has.
        api_version: String,
    },
    /// The object is of another kind than the chain.
    #[error("there is no conversion for the kind {kind:?}: this one is for {expected}")]
    OtherKind {
        /// The kind of the object.
        kind: String,
        /// The kind of the chain.
        expected: String,
    },
    /// The object is not what its version says that it is.
    #[error("{name} is no {api_version} at {path}: {reason}")]
    Decode {
        /// The object's name.
        name: String,
        /// The version.
        api_version: String,
        /// The path of the field.
        path: String,
        /// Why, without the value.
        reason: String,
    },
    /// The conversion itself failed.
    #[error("cannot convert {name} from {from} to {to}: {source}")]
    Convert {
        /// The object's name.
        name: String,
        /// The version that it has.
        from: String,
        /// The version that it was to have.
        to: String,
        /// Why.
        source: BoxError,
    },
}
