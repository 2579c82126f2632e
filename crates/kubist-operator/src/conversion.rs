//! Conversion of custom resources between their versions, as a service that an API server calls.

mod error;
mod service;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use kubist_core::conversion::{Chain, ConversionReview, answer};
use kubist_core::redact::redact;
use serde_json::Value;

use error::ObjectError;
pub use error::ReviewError;

/// How large a review may be: a page of a list, whose objects come all at once.
const BODY_LIMIT: usize = 64 << 20;

/// Answers the reviews that an API server sends to a conversion webhook.
///
/// It is a tower service, to be mounted in a server of HTTPS at the path which the definitions name
/// ([`by_webhook`](kubist_core::conversion::by_webhook)); one path serves any number of kinds. A webhook
/// converts on every read of an object that is stored in another version, so it has to answer for as long
/// as the definition names it, before any controller starts.
///
/// | of a request | is answered with |
/// |---|---|
/// | a review | 200, and a review of the same type and uid: every object in its order, or a failure that names the object that cannot be converted |
/// | another method than POST | 405 |
/// | another type than JSON | 415 |
/// | a body beyond the limit | 413 |
/// | any other body | 400 |
///
/// Objects are converted on the threads for blocking work. A conversion that panics is a failure of its
/// object.
///
/// ```no_run
/// use kubist_core::conversion::{Chain, Upgrade};
/// use kubist_operator::conversion::Converter;
///
/// # fn router<V1Alpha1: Upgrade<Newer: Upgrade>>() -> axum::Router {
/// let chain = Chain::of::<V1Alpha1>().then_newer().build();
/// axum::Router::new().route_service("/convert", Converter::new(chain))
/// # }
/// ```
///
/// Source: [webhook conversion](https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion).
#[derive(Clone, Debug)]
pub struct Converter {
    chains: Arc<Vec<Chain>>,
    body_limit: usize,
}

impl Converter {
    /// Converts the objects of a kind.
    #[must_use]
    pub fn new(chain: Chain) -> Self {
        Converter {
            chains: Arc::new(vec![chain]),
            body_limit: BODY_LIMIT,
        }
    }

    /// Converts the objects of another kind, too.
    ///
    /// # Panics
    ///
    /// Panics where it is a kind that has a chain already: a mistake in a program, which its first start
    /// shows.
    #[must_use]
    pub fn and(mut self, chain: Chain) -> Self {
        let (group, kind) = chain.group_kind();
        assert!(
            self.chain(group, kind).is_none(),
            "there are two chains for the kind {kind} of {group}"
        );
        Arc::make_mut(&mut self.chains).push(chain);
        self
    }

    /// How many bytes a review may have; 64 MiB unless this is called.
    ///
    /// An API server sends the objects of a list all at once, so this bounds how long a list can be.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// The answer to a review, both as the bytes of a body.
    ///
    /// What cannot be converted is no error, but an answer that says so.
    ///
    /// # Errors
    ///
    /// See [`ReviewError`].
    ///
    /// # Cancellation
    ///
    /// A conversion that was begun goes on to its end when nobody waits for it.
    pub async fn answer(&self, review: Bytes) -> Result<Bytes, ReviewError> {
        let converter = self.clone();
        tokio::task::spawn_blocking(move || {
            let answered = converter.answer_review(decode(&review)?);
            serde_json::to_vec(&answered)
                .map(Bytes::from)
                .map_err(ReviewError::Encode)
        })
        .await
        .unwrap_or_else(|_| Err(ReviewError::Interrupted))
    }

    fn answer_review(&self, review: ConversionReview) -> ConversionReview {
        let uid = review.request.as_ref().map(|request| request.uid.clone());
        let answered = answer(review, |object, api_version| self.convert(object, api_version));
        let result = answered.response.as_ref().map(|response| &response.result);
        if let Some(result) = result.filter(|result| result.is_failure()) {
            tracing::warn!(
                uid,
                error = result.message,
                "an object cannot be converted: whoever asks for it gets an error"
            );
        }
        answered
    }

    fn convert(&self, object: Value, api_version: &str) -> Result<Value, ObjectError> {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
        let Some(chain) = self.chain(group, text("kind")) else {
            return Err(ObjectError::UnknownKind {
                api_version: text("apiVersion").to_owned(),
                kind: text("kind").to_owned(),
            });
        };
        catch_unwind(AssertUnwindSafe(|| chain.convert(object, api_version)))
            .map_err(|_| ObjectError::Panicked {
                api_version: api_version.to_owned(),
            })?
            .map_err(ObjectError::Convert)
    }

    fn chain(&self, group: &str, kind: &str) -> Option<&Chain> {
        self.chains
            .iter()
            .find(|chain| chain.group_kind() == (group, kind))
    }
}

/// Reads a review; what is wrong with it is told without what is in it.
fn decode(body: &[u8]) -> Result<ConversionReview, ReviewError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let review: ConversionReview =
        serde_path_to_error::deserialize(&mut reader).map_err(|error| ReviewError::Decode {
            path: error.path().to_string(),
            reason: redact(&error.inner().to_string()).into_owned(),
        })?;
    let types = &review.types;
    let known = ["apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"];
    if types.kind != "ConversionReview" || !known.contains(&types.api_version.as_str()) {
        return Err(ReviewError::OtherType {
            api_version: types.api_version.clone(),
            kind: types.kind.clone(),
        });
    }
    if review.request.is_none() {
        return Err(ReviewError::NoRequest);
    }
    Ok(review)
}
