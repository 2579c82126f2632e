//! Failures, as the `Status` objects that clients read them from.
//!
//! Reasons, codes and wording are those of `k8s.io/apimachinery/pkg/api/errors`.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::http::fields::FieldError;

/// A request that failed, and what to answer.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    /// Empty for errors that upstream has no reason for.
    pub(crate) reason: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) details: Option<Value>,
    /// `metadata.continue`, for a list that may go on inconsistently.
    pub(crate) continuation: Option<String>,
}

/// A group and what it qualifies: `deployments.apps`, or `pods` in the core group.
pub(crate) fn qualified(group: &str, name: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

impl Failure {
    pub(crate) fn new(
        code: u16,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Failure {
        Failure {
            code,
            reason: reason.into(),
            message: message.into(),
            details: None,
            continuation: None,
        }
    }

    fn with(mut self, details: Value) -> Failure {
        self.details = Some(details);
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Failure {
        Failure::new(400, "BadRequest", message)
    }

    pub(crate) fn unauthorized() -> Failure {
        Failure::new(401, "Unauthorized", "Unauthorized")
    }

    pub(crate) fn forbidden(group: &str, resource: &str, name: &str, why: &str) -> Failure {
        let qualified = qualified(group, resource);
        let message = match (qualified.is_empty(), name.is_empty()) {
            (true, _) => format!("forbidden: {why}"),
            (false, true) => format!("{qualified} is forbidden: {why}"),
            (false, false) => format!("{qualified} {name:?} is forbidden: {why}"),
        };
        Failure::new(403, "Forbidden", message).with(details(group, resource, name))
    }

    /// An object that does not exist.
    pub(crate) fn not_found(group: &str, resource: &str, name: &str) -> Failure {
        Failure::new(
            404,
            "NotFound",
            format!("{} {name:?} not found", qualified(group, resource)),
        )
        .with(details(group, resource, name))
    }

    /// A path inside a known group that leads nowhere.
    pub(crate) fn no_resource() -> Failure {
        Failure::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
        .with(json!({}))
    }

    pub(crate) fn method_not_allowed() -> Failure {
        Failure::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
        .with(json!({}))
    }

    pub(crate) fn not_acceptable(available: &[&str]) -> Failure {
        let message = format!(
            "406: Not Acceptable\n\nAvailable representations: {}",
            available.join(", ")
        );
        Failure::new(406, "NotAcceptable", message).with(json!({}))
    }

    /// There is no form of it that the client takes.
    pub(crate) fn not_offered(available: &[&str]) -> Failure {
        let message = format!(
            "only the following media types are accepted: {}",
            available.join(", ")
        );
        Failure::new(406, "NotAcceptable", message)
    }

    /// Metadata of a list was asked for, and there is one object; or the other way round.
    pub(crate) fn not_a_view(asked: &str, found: &str) -> Failure {
        let message = format!("you requested {asked}, but the requested object is {found}");
        Failure::new(406, "NotAcceptable", message)
    }

    pub(crate) fn already_exists(group: &str, resource: &str, name: &str) -> Failure {
        Failure::new(
            409,
            "AlreadyExists",
            format!("{} {name:?} already exists", qualified(group, resource)),
        )
        .with(details(group, resource, name))
    }

    /// The name was to be a generated one: the client may try again.
    pub(crate) fn ungenerated(mut self) -> Failure {
        self.message
            .push_str(", the server was not able to generate a unique name for the object");
        if let Some(Value::Object(details)) = &mut self.details {
            details.insert("retryAfterSeconds".into(), 1.into());
        }
        self
    }

    /// Tells the client to come again after so many seconds.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Failure {
        let details = self.details.get_or_insert_with(|| json!({}));
        details["retryAfterSeconds"] = seconds.into();
        self
    }

    /// What is created is there already, and on its way out.
    pub(crate) fn while_deleting(mut self) -> Failure {
        self.message.insert_str(0, "object is being deleted: ");
        self
    }

    pub(crate) fn conflict(group: &str, resource: &str, name: &str, why: &str) -> Failure {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            qualified(group, resource)
        );
        Failure::new(409, "Conflict", message).with(details(group, resource, name))
    }

    /// The object moved on since the writer read it.
    pub(crate) fn modified(group: &str, resource: &str, name: &str) -> Failure {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Failure::conflict(group, resource, name, why)
    }

    pub(crate) fn expired(message: impl Into<String>) -> Failure {
        Failure::new(410, "Expired", message)
    }

    pub(crate) fn too_large(limit: usize) -> Failure {
        Failure::new(
            413,
            "RequestEntityTooLarge",
            format!("Request entity too large: limit is {limit}"),
        )
    }

    pub(crate) fn headers_too_large() -> Failure {
        Failure::new(
            431,
            "RequestHeaderFieldsTooLarge",
            "the headers of the request are too large",
        )
    }

    pub(crate) fn unsupported_media_type(accepted: &[&str]) -> Failure {
        Failure::new(
            415,
            "UnsupportedMediaType",
            format!(
                "the body of the request was in an unknown format - accepted media types include: {}",
                accepted.join(", ")
            ),
        )
    }

    /// An object that breaks the rules of its kind.
    pub(crate) fn invalid(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Failure {
        let texts: Vec<String> = errors.iter().map(FieldError::to_string).collect();
        let texts = match texts.as_slice() {
            [one] => one.clone(),
            all => {
                let mut unique: Vec<&str> = Vec::new();
                for text in all {
                    if !unique.contains(&text.as_str()) {
                        unique.push(text);
                    }
                }
                match unique.as_slice() {
                    [one] => (*one).to_owned(),
                    many => format!("[{}]", many.join(", ")),
                }
            }
        };
        let mut details = details(group, kind, name);
        details["causes"] = errors.iter().map(FieldError::cause).collect();
        Failure::new(
            422,
            "Invalid",
            format!("{} {name:?} is invalid: {texts}", qualified(group, kind)),
        )
        .with(details)
    }

    /// A patch that does not apply.
    pub(crate) fn unprocessable() -> Failure {
        Failure::new(
            422,
            "Invalid",
            "the server rejected our request due to an error in our request",
        )
        .with(json!({}))
    }

    /// An error that upstream answers without a reason.
    pub(crate) fn unknown(message: impl Into<String>) -> Failure {
        Failure::new(500, "", message)
    }

    pub(crate) fn internal(message: impl std::fmt::Display) -> Failure {
        Failure::new(
            500,
            "InternalError",
            format!("Internal error occurred: {message}"),
        )
        .with(json!({"causes": [{"message": message.to_string()}]}))
    }

    /// Something that this server does not do; it says so rather than pretend.
    pub(crate) fn not_implemented(what: &str) -> Failure {
        Failure::new(
            501,
            "NotImplemented",
            format!("this server does not implement {what}"),
        )
    }

    /// What a client is told whose connection was to break, and couldn't.
    pub(crate) fn dropped() -> Failure {
        let message = "the server was told to break the connection";
        Failure::new(503, "ServiceUnavailable", message)
    }

    pub(crate) fn too_large_resource_version(asked: u64, current: u64) -> Failure {
        Failure::new(
            504,
            "Timeout",
            format!("Timeout: Too large resource version: {asked}, current: {current}"),
        )
        .with(json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }))
    }

    pub(crate) fn cause(mut self, reason: &str, message: &str, field: &str) -> Failure {
        let details = self.details.get_or_insert_with(|| json!({}));
        let mut cause = json!({"message": message});
        if !reason.is_empty() {
            cause["reason"] = reason.into();
        }
        if !field.is_empty() {
            cause["field"] = field.into();
        }
        match details.get_mut("causes").and_then(Value::as_array_mut) {
            Some(causes) => causes.push(cause),
            None => details["causes"] = json!([cause]),
        }
        self
    }

    pub(crate) fn continue_with(mut self, token: String) -> Failure {
        self.continuation = Some(token);
        self
    }

    /// The `Status` object.
    pub(crate) fn body(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.as_ref().into();
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        if let Some(token) = &self.continuation {
            status["metadata"]["continue"] = token.as_str().into();
        }
        status
    }
}

/// The `Status` of something that succeeded and left nothing to show.
pub(crate) fn success(group: &str, resource: &str, name: &str, uid: &str) -> Value {
    let mut details = details(group, resource, name);
    if !uid.is_empty() {
        details["uid"] = uid.into();
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

fn details(group: &str, kind: &str, name: &str) -> Value {
    let mut details = serde_json::Map::new();
    for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
        if !value.is_empty() {
            details.insert(key.into(), value.into());
        }
    }
    Value::Object(details)
}
