//! The answer to a review, object by object.

use std::fmt::Display;

use serde_json::Value;

use super::{ConversionRequest, ConversionResponse, ConversionReview};
use crate::Status;

/// Answers a review with what a function makes of each object and the version that is wanted.
///
/// The answer has the type and the uid of the review, and the objects in their order. Where one of them
/// cannot be converted it has none, and says which one and why.
/// [`Chain::answer`](super::Chain::answer) is this for one kind.
///
/// ```
/// use kubist_core::conversion::{ConversionReview, answer};
/// use serde_json::json;
///
/// let review: ConversionReview = serde_json::from_value(json!({
///     "apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
///     "request": {"uid": "1", "desiredAPIVersion": "example.com/v2", "objects": [
///         {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}},
///     ]},
/// }))?;
/// let answer = answer(review, |mut object, api_version| {
///     object["apiVersion"] = api_version.into();
///     Ok::<_, &str>(object)
/// });
/// let response = answer.response.expect("an answer has one");
/// assert_eq!(response.converted_objects[0]["apiVersion"], "example.com/v2");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn answer<E: Display>(
    review: ConversionReview,
    mut convert: impl FnMut(Value, &str) -> Result<Value, E>,
) -> ConversionReview {
    let types = review.types.clone();
    let mut request = match ConversionRequest::from_review(review) {
        Ok(request) => request,
        Err(error) => {
            let mut response = ConversionResponse::invalid(Status::failure(&error.to_string(), "BadRequest"));
            response.types = Some(types);
            return response.into_review();
        }
    };
    let objects = std::mem::take(&mut request.objects);
    let mut converted = Vec::with_capacity(objects.len());
    for (index, object) in objects.into_iter().enumerate() {
        let shown = shown(&object);
        match convert(object, &request.desired_api_version) {
            Ok(object) => converted.push(object),
            Err(error) => {
                let message = format!("objects[{index}] ({shown}): {error}");
                return ConversionResponse::for_request(request)
                    .failure(Status::failure(&message, "Invalid"))
                    .into_review();
            }
        }
    }
    ConversionResponse::for_request(request)
        .success(converted)
        .into_review()
}

/// An object by its kind and name.
fn shown(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let kind = text("/kind").unwrap_or("no kind");
    match (text("/metadata/namespace"), text("/metadata/name")) {
        (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
        (None, Some(name)) => format!("{kind} {name}"),
        (_, None) => format!("{kind} without a name"),
    }
}
