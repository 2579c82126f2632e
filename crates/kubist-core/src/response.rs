//! What a server answers when the answer is not an object.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The outcome of a request: what failed and why, or that it succeeded.
///
/// ([reference](https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/))
///
/// ```
/// use kubist_core::Status;
///
/// let status: Status = serde_json::from_str(
///     r#"{ "status": "Failure", "reason": "NotFound", "code": 404, "message": "no such pod" }"#,
/// )?;
/// assert!(status.is_failure() && status.is_not_found());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Serialize, Deserialize, Debug, Default, Clone, PartialEq, Error)]
#[error("{message}: {reason}")]
pub struct Status {
    /// Whether the request succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusSummary>,

    /// The HTTP status code to go with it; zero where none is given.
    #[serde(default, skip_serializing_if = "is_zero_u16")]
    pub code: u16,

    /// What happened, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,

    /// A continue token to go on with, where a list expired; mostly empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ListMeta>,

    /// What happened, for programs: one of [`reason`], or something newer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,

    /// More of what happened, as the reason has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<StatusDetails>,
}

impl Status {
    /// A success.
    ///
    /// ```
    /// use kubist_core::Status;
    ///
    /// assert!(Status::success().is_success());
    /// ```
    pub fn success() -> Self {
        Status {
            status: Some(StatusSummary::Success),
            ..Status::default()
        }
    }

    /// A failure with a message for people and a [`reason`] for programs.
    ///
    /// ```
    /// use kubist_core::{Status, response::reason};
    ///
    /// let status = Status::failure("there is no such pod", reason::NOT_FOUND);
    /// assert_eq!(status.to_string(), "there is no such pod: NotFound");
    /// ```
    pub fn failure(message: &str, reason: &str) -> Self {
        Status {
            status: Some(StatusSummary::Failure),
            message: message.to_owned(),
            reason: reason.to_owned(),
            ..Status::default()
        }
    }

    /// The same on the heap, as errors carry it.
    ///
    /// ```
    /// use kubist_core::{Status, response::reason};
    ///
    /// fn find() -> Result<(), Box<Status>> {
    ///     Err(Status::failure("there is no such pod", reason::NOT_FOUND).boxed())
    /// }
    /// ```
    pub fn boxed(self) -> Box<Self> {
        Box::new(self)
    }

    /// Sets the HTTP status code.
    ///
    /// ```
    /// use kubist_core::{Status, response::reason};
    ///
    /// let status = Status::failure("not now", reason::TOO_MANY_REQUESTS).with_code(429);
    /// assert_eq!(status.code, 429);
    /// ```
    #[must_use]
    pub fn with_code(mut self, code: u16) -> Self {
        self.code = code;
        self
    }

    /// Sets the details.
    ///
    /// ```
    /// use kubist_core::{Status, response::{StatusDetails, reason}};
    ///
    /// let details = StatusDetails { retry_after_seconds: 5, ..StatusDetails::default() };
    /// let status = Status::failure("not now", reason::TOO_MANY_REQUESTS).with_details(details);
    /// ```
    #[must_use]
    pub fn with_details(mut self, details: StatusDetails) -> Self {
        self.details = Some(details);
        self
    }

    /// Whether it says that the request succeeded.
    ///
    /// ```
    /// use kubist_core::Status;
    ///
    /// assert!(Status::success().is_success());
    /// assert!(!Status::default().is_success());
    /// ```
    pub fn is_success(&self) -> bool {
        self.status == Some(StatusSummary::Success)
    }

    /// Whether it says that the request failed.
    ///
    /// ```
    /// use kubist_core::{Status, response::reason};
    ///
    /// let status = Status::failure("there is no such pod", reason::NOT_FOUND);
    /// assert!(status.is_failure());
    /// ```
    pub fn is_failure(&self) -> bool {
        self.status == Some(StatusSummary::Failure)
    }

    /// Whether an object of that name exists already.
    ///
    /// By the reason alone: code 409 is shared with [conflicts](Status::is_conflict).
    ///
    /// ```
    /// use kubist_core::{Status, response::reason};
    ///
    /// assert!(Status::failure("", reason::ALREADY_EXISTS).is_already_exists());
    /// assert!(!Status::default().with_code(409).is_already_exists());
    /// ```
    pub fn is_already_exists(&self) -> bool {
        self.reason == reason::ALREADY_EXISTS
    }

    /// Whether the object changed since it was read.
    ///
    /// ```
    /// use kubist_core::{Status, response::reason};
    ///
    /// assert!(Status::failure("", reason::CONFLICT).is_conflict());
    /// assert!(Status::default().with_code(409).is_conflict());
    /// ```
    pub fn is_conflict(&self) -> bool {
        self.reason_or_code(reason::CONFLICT, 409)
    }

    /// Whether the client may not do this.
    ///
    /// ```
    /// use kubist_core::{Status, response::reason};
    ///
    /// assert!(Status::failure("", reason::FORBIDDEN).is_forbidden());
    /// assert!(Status::default().with_code(403).is_forbidden());
    /// ```
    pub fn is_forbidden(&self) -> bool {
        self.reason_or_code(reason::FORBIDDEN, 403)
    }

    /// Whether the object did not pass validation.
    ///
    /// ```
    /// use kubist_core::{Status, response::reason};
    ///
    /// assert!(Status::failure("", reason::INVALID).is_invalid());
    /// assert!(Status::default().with_code(422).is_invalid());
    /// ```
    pub fn is_invalid(&self) -> bool {
        self.reason_or_code(reason::INVALID, 422)
    }

    /// Whether there is no such object.
    ///
    /// ```
    /// use kubist_core::{Status, response::reason};
    ///
    /// assert!(Status::failure("", reason::NOT_FOUND).is_not_found());
    /// assert!(Status::default().with_code(404).is_not_found());
    /// ```
    pub fn is_not_found(&self) -> bool {
        self.reason_or_code(reason::NOT_FOUND, 404)
    }

    /// The reason decides; where it is none that we know, the code does.
    fn reason_or_code(&self, reason: &str, code: u16) -> bool {
        self.reason == reason || (!reason::is_known(&self.reason) && self.code == code)
    }
}

/// Whether a request succeeded.
///
/// ```
/// use kubist_core::{Status, response::StatusSummary};
///
/// assert_eq!(Status::success().status, Some(StatusSummary::Success));
/// ```
#[derive(Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
pub enum StatusSummary {
    /// It did.
    Success,
    /// It did not.
    Failure,
}

/// More of what happened: which object, which fields, when to try again.
///
/// ```
/// use kubist_core::{Status, response::StatusDetails};
///
/// fn wait(status: &Status) -> Option<u32> {
///     let StatusDetails { retry_after_seconds, .. } = status.details.as_ref()?;
///     Some(*retry_after_seconds)
/// }
/// ```
#[derive(Serialize, Deserialize, Debug, Default, PartialEq, Eq, Clone)]
#[serde(rename_all = "camelCase")]
pub struct StatusDetails {
    /// The object's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,

    /// The group of the resource.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,

    /// The resource, which is not always a kind: also `pods` occurs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,

    /// The object's uid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,

    /// Every cause, where there may be many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<StatusCause>,

    /// When to try again, in seconds; zero where it says nothing.
    #[serde(default, skip_serializing_if = "is_zero_u32")]
    pub retry_after_seconds: u32,
}

/// One of several causes.
///
/// ```
/// use kubist_core::{Status, response::StatusCause};
///
/// fn fields(status: &Status) -> Vec<&str> {
///     let causes: &[StatusCause] = status.details.as_ref().map_or(&[], |details| &details.causes);
///     causes.iter().map(|cause| cause.field.as_str()).collect()
/// }
/// ```
#[derive(Serialize, Deserialize, Debug, Default, PartialEq, Eq, Clone)]
pub struct StatusCause {
    /// The cause for programs, as `FieldValueInvalid`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,

    /// The cause for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,

    /// The path of the field that caused it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
}

fn is_zero_u16(number: &u16) -> bool {
    *number == 0
}

fn is_zero_u32(number: &u32) -> bool {
    *number == 0
}

/// What [`Status::reason`](super::response::Status::reason) can be.
///
/// ```
/// use kubist_core::{Status, response::reason};
///
/// let status = Status::failure("there is no such pod", reason::NOT_FOUND);
/// assert_eq!(status.reason, reason::NOT_FOUND);
/// ```
pub mod reason {
    /// The server gave none.
    pub const UNKNOWN: &str = "";
    /// The client is not known (401).
    pub const UNAUTHORIZED: &str = "Unauthorized";
    /// The client may not do this (403).
    pub const FORBIDDEN: &str = "Forbidden";
    /// There is no such object (404).
    pub const NOT_FOUND: &str = "NotFound";
    /// An object of that name exists already (409).
    pub const ALREADY_EXISTS: &str = "AlreadyExists";
    /// The object changed since it was read (409).
    pub const CONFLICT: &str = "Conflict";
    /// The object, or the version of it, is gone for good (410).
    pub const GONE: &str = "Gone";
    /// The object did not pass validation (422).
    pub const INVALID: &str = "Invalid";
    /// The server could not finish in time; trying again may help (500).
    pub const SERVER_TIMEOUT: &str = "ServerTimeout";
    /// The server could not read what it stored (500).
    pub const STORAGE_READ_ERROR: &str = "StorageReadError";
    /// The request could not finish in the time it gave (504).
    pub const TIMEOUT: &str = "Timeout";
    /// The client asks too often (429).
    pub const TOO_MANY_REQUESTS: &str = "TooManyRequests";
    /// The request makes no sense (400).
    pub const BAD_REQUEST: &str = "BadRequest";
    /// The resource does not have this verb (405).
    pub const METHOD_NOT_ALLOWED: &str = "MethodNotAllowed";
    /// The server cannot answer in the format asked for (406).
    pub const NOT_ACCEPTABLE: &str = "NotAcceptable";
    /// The request is too large (413).
    pub const REQUEST_ENTITY_TOO_LARGE: &str = "RequestEntityTooLarge";
    /// The server cannot read the format of the request (415).
    pub const UNSUPPORTED_MEDIA_TYPE: &str = "UnsupportedMediaType";
    /// The server met something unexpected (500).
    pub const INTERNAL_ERROR: &str = "InternalError";
    /// The resource version or continue token is too old (410).
    pub const EXPIRED: &str = "Expired";
    /// The server cannot answer for now (503).
    pub const SERVICE_UNAVAILABLE: &str = "ServiceUnavailable";

    /// Whether a reason is one of these, except [`UNKNOWN`].
    ///
    /// ```
    /// use kubist_core::response::reason;
    ///
    /// assert!(reason::is_known("NotFound"));
    /// assert!(!reason::is_known("Tired") && !reason::is_known(reason::UNKNOWN));
    /// ```
    pub fn is_known(reason: &str) -> bool {
        matches!(
            reason,
            UNAUTHORIZED
                | FORBIDDEN
                | NOT_FOUND
                | ALREADY_EXISTS
                | CONFLICT
                | GONE
                | INVALID
                | SERVER_TIMEOUT
                | STORAGE_READ_ERROR
                | TIMEOUT
                | TOO_MANY_REQUESTS
                | BAD_REQUEST
                | METHOD_NOT_ALLOWED
                | NOT_ACCEPTABLE
                | REQUEST_ENTITY_TOO_LARGE
                | UNSUPPORTED_MEDIA_TYPE
                | INTERNAL_ERROR
                | EXPIRED
                | SERVICE_UNAVAILABLE
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_servers_write() {
        let text = r#"{"kind":"Status","apiVersion":"v1","metadata":{"continue":"t"},"status":"Failure",
            "message":"m","reason":"Expired","code":410,"details":{"name":"a","kind":"pods","retryAfterSeconds":3,
            "causes":[{"reason":"FieldValueInvalid","message":"n","field":"spec.x"}]}}"#;
        let status: Status = serde_json::from_str(text).expect("valid");
        assert!(status.is_failure() && !status.is_not_found());
        assert_eq!(
            status.metadata.as_ref().and_then(|m| m.continue_.as_deref()),
            Some("t")
        );
        let details = status.details.expect("has details");
        assert_eq!(
            (details.causes[0].field.as_str(), details.retry_after_seconds),
            ("spec.x", 3)
        );
    }

    #[test]
    fn a_known_reason_outweighs_the_code() {
        let conflict = Status::failure("", reason::ALREADY_EXISTS).with_code(409);
        assert!(conflict.is_already_exists() && !conflict.is_conflict());
        assert!(Status::failure("", "SomethingNew").with_code(409).is_conflict());
        assert!(Status::failure("", "").with_code(404).is_not_found());
        assert!(!Status::failure("", reason::GONE).with_code(404).is_not_found());
    }

    #[test]
    fn writes_no_empty_fields() {
        assert_eq!(
            serde_json::to_string(&Status::success()).expect("serializes"),
            r#"{"status":"Success"}"#
        );
    }
}
