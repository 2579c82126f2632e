//! The messages between an API server and a conversion webhook.
//!
//! A webhook reads a [`ConversionReview`], converts the objects of its [`ConversionRequest`], and
//! answers with the review of a [`ConversionResponse`]
//! ([protocol](https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-request-and-response)).
//!
//! ```
//! use kubist_core::conversion::{ConversionRequest, ConversionResponse, ConversionReview};
//!
//! fn handle(review: ConversionReview) -> ConversionReview {
//!     let request = match ConversionRequest::from_review(review) {
//!         Ok(request) => request,
//!         Err(error) => {
//!             let status = kubist_core::Status::failure(&error.to_string(), "BadRequest");
//!             return ConversionResponse::invalid(status).into_review();
//!         }
//!     };
//!     let objects = request.objects.clone(); // convert here
//!     ConversionResponse::for_request(request).success(objects).into_review()
//! }
//! ```
//!
//! [`Chain`] converts between all versions of a kind and answers reviews.

mod answer;
mod chain;
mod definition;
mod error;
mod kept;
#[cfg(feature = "testing")]
mod round_trip;
mod upgrade;

use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use crate::{Status, metadata::TypeMeta};

pub use answer::answer;
pub use chain::{Chain, ChainBuilder};
pub use definition::by_webhook;
pub use error::ConvertError;
#[cfg(feature = "testing")]
pub use round_trip::assert_round_trips;
pub use upgrade::{BoxError, Upgrade, UpgradeFrom};
#[doc(hidden)]
pub use upgrade::{downgraded, in_field, upgraded};

const KIND: &str = "ConversionReview";
const API_VERSION: &str = "apiextensions.k8s.io/v1";

/// A review without a request.
///
/// ```
/// use kubist_core::{Status, conversion::{ConversionRequest, ConversionResponse, ConvertConversionReviewError}};
///
/// let answer = ConversionResponse::invalid(Status::default()).into_review();
/// let result = ConversionRequest::from_review(answer);
/// assert!(matches!(result, Err(ConvertConversionReviewError)));
/// ```
#[derive(Debug, Error)]
#[error("request missing in ConversionReview")]
pub struct ConvertConversionReviewError;

/// What both sides send: a request one way, a response the other.
///
/// ```
/// use kubist_core::conversion::ConversionReview;
///
/// let review: ConversionReview = serde_json::from_str(
///     r#"{ "apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
///          "request": { "uid": "1", "desiredAPIVersion": "example.com/v2", "objects": [] } }"#,
/// )?;
/// assert!(review.request.is_some() && review.response.is_none());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ConversionReview {
    /// What the document says it is.
    #[serde(flatten)]
    pub types: TypeMeta,
    /// What the server asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<ConversionRequest>,
    /// What the webhook answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ConversionResponse>,
}

/// What the server asks.
///
/// ```
/// use kubist_core::conversion::{ConversionRequest, ConversionReview};
///
/// let review: ConversionReview = serde_json::from_str(
///     r#"{ "apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
///          "request": { "uid": "1", "desiredAPIVersion": "example.com/v2", "objects": [] } }"#,
/// )?;
/// let request = ConversionRequest::from_review(review)?;
/// assert_eq!(request.desired_api_version, "example.com/v2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ConversionRequest {
    /// The type of the review it came in; the answer repeats it.
    #[serde(skip)]
    pub types: Option<TypeMeta>,
    /// The request's own uid; the answer repeats it.
    pub uid: String,
    /// The version that is wanted, as `apiVersion` says it.
    #[serde(rename = "desiredAPIVersion")]
    pub desired_api_version: String,
    /// The objects, maybe of several versions.
    pub objects: Vec<serde_json::Value>,
}

impl ConversionRequest {
    /// Takes the request out of a review.
    ///
    /// ```
    /// use kubist_core::conversion::{ConversionRequest, ConversionReview};
    ///
    /// let review: ConversionReview = serde_json::from_str(
    ///     r#"{ "apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
    ///          "request": { "uid": "1", "desiredAPIVersion": "example.com/v2", "objects": [] } }"#,
    /// )?;
    /// let request = ConversionRequest::from_review(review)?;
    /// assert_eq!(request.uid, "1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_review(review: ConversionReview) -> Result<Self, ConvertConversionReviewError> {
        let request = review.request.ok_or(ConvertConversionReviewError)?;
        Ok(Self {
            types: Some(review.types),
            ..request
        })
    }
}

impl TryFrom<ConversionReview> for ConversionRequest {
    type Error = ConvertConversionReviewError;

    fn try_from(review: ConversionReview) -> Result<Self, Self::Error> {
        Self::from_review(review)
    }
}

/// What the webhook answers.
///
/// ```
/// use kubist_core::conversion::{ConversionRequest, ConversionResponse};
///
/// fn answer(request: ConversionRequest) -> ConversionResponse {
///     let objects = request.objects.clone(); // convert here
///     ConversionResponse::for_request(request).success(objects)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ConversionResponse {
    /// The type of the review it goes in.
    #[serde(skip)]
    pub types: Option<TypeMeta>,
    /// The uid of the request.
    pub uid: String,
    /// Whether it worked; if not, the message reaches the user.
    pub result: Status,
    /// The objects in the order of the request; none if it did not work.
    #[serde(default, rename = "convertedObjects", deserialize_with = "null_as_empty")]
    pub converted_objects: Vec<serde_json::Value>,
}

/// Go writes null for a nil slice.
fn null_as_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<serde_json::Value>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl ConversionResponse {
    /// An answer to a request that is a failure until [`success`](Self::success) or
    /// [`failure`](Self::failure) says what it is.
    ///
    /// ```
    /// use kubist_core::conversion::{ConversionRequest, ConversionResponse};
    ///
    /// fn answer(request: ConversionRequest) -> ConversionResponse {
    ///     let response = ConversionResponse::for_request(request);
    ///     assert!(response.result.is_failure());
    ///     response
    /// }
    /// ```
    pub fn for_request(request: ConversionRequest) -> Self {
        request.into()
    }

    /// It worked.
    ///
    /// ```
    /// use kubist_core::conversion::{ConversionRequest, ConversionResponse};
    /// use serde_json::Value;
    ///
    /// fn answer(request: ConversionRequest, converted: Vec<Value>) -> ConversionResponse {
    ///     ConversionResponse::for_request(request).success(converted)
    /// }
    /// ```
    #[must_use]
    pub fn success(mut self, converted_objects: Vec<serde_json::Value>) -> Self {
        self.result = Status::success();
        self.converted_objects = converted_objects;
        self
    }

    /// It did not work.
    ///
    /// ```
    /// use kubist_core::{Status, conversion::{ConversionRequest, ConversionResponse}};
    ///
    /// fn answer(request: ConversionRequest) -> ConversionResponse {
    ///     let status = Status::failure("the size is no number", "Invalid");
    ///     ConversionResponse::for_request(request).failure(status)
    /// }
    /// ```
    #[must_use]
    pub fn failure(mut self, status: Status) -> Self {
        self.result = status;
        self
    }

    /// An answer to what was no request; the server takes it as an error.
    ///
    /// ```
    /// use kubist_core::{Status, conversion::ConversionResponse};
    ///
    /// let status = Status::failure("no request", "BadRequest");
    /// let review = ConversionResponse::invalid(status).into_review();
    /// assert!(review.response.is_some_and(|response| response.result.is_failure()));
    /// ```
    pub fn invalid(status: Status) -> Self {
        ConversionResponse {
            types: None,
            uid: String::new(),
            result: status,
            converted_objects: Vec::new(),
        }
    }

    /// The review that carries it.
    ///
    /// ```
    /// use kubist_core::{Status, conversion::ConversionResponse};
    ///
    /// let status = Status::failure("no request", "BadRequest");
    /// let review = ConversionResponse::invalid(status).into_review();
    /// assert_eq!(review.types.kind, "ConversionReview");
    /// ```
    pub fn into_review(self) -> ConversionReview {
        self.into()
    }
}

impl From<ConversionRequest> for ConversionResponse {
    fn from(request: ConversionRequest) -> Self {
        ConversionResponse {
            types: request.types,
            uid: request.uid,
            result: Status::failure(
                "the webhook did not say whether it converted the objects",
                "InternalError",
            ),
            converted_objects: Vec::new(),
        }
    }
}

impl From<ConversionResponse> for ConversionReview {
    fn from(mut response: ConversionResponse) -> Self {
        let types = response.types.take().unwrap_or_else(|| TypeMeta {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
        });
        ConversionReview {
            types,
            request: None,
            response: Some(response),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn review() -> ConversionReview {
        serde_json::from_value(json!({
            "kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1",
            "request": {"uid": "u", "desiredAPIVersion": "example.com/v2", "objects": [{"kind": "A"}]},
        }))
        .expect("valid")
    }

    #[test]
    fn answers_repeat_uid_and_type() {
        let request = ConversionRequest::from_review(review()).expect("has a request");
        assert_eq!(request.desired_api_version, "example.com/v2");
        let objects = request.objects.clone();
        let answer = ConversionResponse::for_request(request)
            .success(objects)
            .into_review();
        assert_eq!(
            serde_json::to_value(answer).expect("serializes"),
            json!({
                "kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1",
                "response": {"uid": "u", "result": {"status": "Success"}, "convertedObjects": [{"kind": "A"}]},
            })
        );
    }

    #[test]
    fn an_unfinished_answer_is_a_failure() {
        let request = ConversionRequest::try_from(review()).expect("has a request");
        assert!(ConversionResponse::for_request(request).result.is_failure());
    }

    #[test]
    fn reviews_without_request() {
        let answer = ConversionResponse::invalid(Status::failure("no", "BadRequest")).into_review();
        assert_eq!(answer.types.kind, KIND);
        ConversionRequest::from_review(answer).expect_err("has no request");
        let null: ConversionResponse =
            serde_json::from_value(json!({"uid": "u", "result": {}, "convertedObjects": null}))
                .expect("valid");
        assert!(null.converted_objects.is_empty());
    }
}
