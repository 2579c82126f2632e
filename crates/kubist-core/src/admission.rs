//! The messages between an API server and an admission webhook.
//!
//! A webhook reads an [`AdmissionReview`], judges its [`AdmissionRequest`], and answers with the
//! review of an [`AdmissionResponse`]
//! ([protocol](https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response)).
//!
//! ```
//! use kubist_core::{
//!     DynamicObject,
//!     admission::{AdmissionRequest, AdmissionResponse, AdmissionReview},
//! };
//!
//! fn handle(review: AdmissionReview<DynamicObject>) -> AdmissionReview<DynamicObject> {
//!     let request: AdmissionRequest<DynamicObject> = match review.try_into() {
//!         Ok(request) => request,
//!         Err(error) => return AdmissionResponse::invalid(error).into_review(),
//!     };
//!     let response = AdmissionResponse::from(&request);
//!     match request.name.as_str() {
//!         "forbidden" => response.deny("not this one").into_review(),
//!         _ => response.into_review(),
//!     }
//! }
//! ```

use std::collections::HashMap;

use k8s_openapi::{ByteString, api::authentication::v1::UserInfo, apimachinery::pkg::runtime::RawExtension};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::{
    Status,
    dynamic::DynamicObject,
    gvk::{GroupVersionKind, GroupVersionResource},
    metadata::TypeMeta,
    resource::Resource,
};

/// The kind of a review.
pub const META_KIND: &str = "AdmissionReview";
/// The `apiVersion` of a review.
pub const META_API_VERSION_V1: &str = "admission.k8s.io/v1";

/// A patch that does not serialize.
///
/// ```
/// use kubist_core::admission::{AdmissionResponse, SerializePatchError};
///
/// fn patched(
///     response: AdmissionResponse,
///     patch: json_patch::Patch,
/// ) -> Result<AdmissionResponse, SerializePatchError> {
///     response.with_patch(patch)
/// }
/// ```
#[derive(Debug, Error)]
#[error("failed to serialize patch: {0}")]
pub struct SerializePatchError(#[source] serde_json::Error);

/// A review without a request.
///
/// ```
/// use kubist_core::{DynamicObject, admission::{AdmissionRequest, AdmissionResponse, ConvertAdmissionReviewError}};
///
/// let review = AdmissionResponse::invalid("no request").into_review();
/// let request: Result<AdmissionRequest<DynamicObject>, _> = review.try_into();
/// assert!(matches!(request, Err(ConvertAdmissionReviewError)));
/// ```
#[derive(Debug, Error)]
#[error("failed to convert AdmissionReview into AdmissionRequest")]
pub struct ConvertAdmissionReviewError;

/// What both sides send: a request one way, a response the other.
///
/// ```
/// use kubist_core::{DynamicObject, admission::{AdmissionRequest, AdmissionReview}};
///
/// fn uid(review: AdmissionReview<DynamicObject>) -> Option<String> {
///     let request: AdmissionRequest<DynamicObject> = review.try_into().ok()?;
///     Some(request.uid)
/// }
/// ```
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionReview<T: Resource> {
    /// What the document says it is.
    #[serde(flatten)]
    pub types: TypeMeta,
    /// What the server asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<AdmissionRequest<T>>,
    /// What the webhook answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<AdmissionResponse>,
}

impl<T: Resource> TryInto<AdmissionRequest<T>> for AdmissionReview<T> {
    type Error = ConvertAdmissionReviewError;

    fn try_into(self) -> Result<AdmissionRequest<T>, Self::Error> {
        let mut request = self.request.ok_or(ConvertAdmissionReviewError)?;
        request.types = self.types;
        Ok(request)
    }
}

/// What the server asks: whether an operation on an object may go on.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_core::admission::AdmissionRequest;
///
/// fn service_account(request: &AdmissionRequest<Pod>) -> Option<&str> {
///     request.object.as_ref()?.spec.as_ref()?.service_account_name.as_deref()
/// }
/// ```
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionRequest<T: Resource> {
    /// The type of the review it came in; the answer repeats it.
    #[serde(skip)]
    pub types: TypeMeta,
    /// The request's own uid; the answer repeats it.
    pub uid: String,
    /// The kind of the object, in the version that the webhook asked for.
    pub kind: GroupVersionKind,
    /// The resource, in the version that the webhook asked for.
    pub resource: GroupVersionResource,
    /// The subresource, as `status` or `scale`, if one is written to.
    #[serde(default)]
    pub sub_resource: Option<String>,
    /// The kind that the user sent, which the server may have converted.
    #[serde(default)]
    pub request_kind: Option<GroupVersionKind>,
    /// The resource that the user wrote to.
    #[serde(default)]
    pub request_resource: Option<GroupVersionResource>,
    /// The subresource that the user wrote to.
    #[serde(default)]
    pub request_sub_resource: Option<String>,
    /// The object's name; empty where the server is to generate it, or for a collection.
    #[serde(default)]
    pub name: String,
    /// The object's namespace, if it has one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The operation.
    pub operation: Operation,
    /// Who asks.
    pub user_info: UserInfo,
    /// The object as it shall become; none on delete.
    #[serde(default = "none")]
    pub object: Option<T>,
    /// The object as it is; none on create and connect.
    #[serde(default = "none")]
    pub old_object: Option<T>,
    /// Whether nothing will be stored: then a webhook must have no side effects.
    #[serde(default)]
    pub dry_run: bool,
    /// The options of the operation, as `CreateOptions`.
    #[serde(default)]
    pub options: Option<RawExtension>,
}

fn none<T>() -> Option<T> {
    None
}

#[cfg(feature = "cel")]
impl<T: Resource> AdmissionRequest<T> {
    /// The request as CEL expressions of admission policies see it.
    ///
    /// ```
    /// use kubist_core::{DynamicObject, admission::AdmissionRequest};
    ///
    /// fn user(request: &AdmissionRequest<DynamicObject>) -> String {
    ///     request.to_cel_request().username
    /// }
    /// ```
    pub fn to_cel_request(&self) -> kube_cel::AdmissionRequest {
        kube_cel::AdmissionRequest {
            operation: self.operation.as_str().to_owned(),
            username: self.user_info.username.clone().unwrap_or_default(),
            uid: self.user_info.uid.clone().unwrap_or_default(),
            groups: self.user_info.groups.clone().unwrap_or_default(),
            name: self.name.clone(),
            namespace: self.namespace.clone().unwrap_or_default(),
            dry_run: self.dry_run,
            kind: kube_cel::GroupVersionKind {
                group: self.kind.group.clone(),
                version: self.kind.version.clone(),
                kind: self.kind.kind.clone(),
            },
            resource: kube_cel::GroupVersionResource {
                group: self.resource.group.clone(),
                version: self.resource.version.clone(),
                resource: self.resource.resource.clone(),
            },
        }
    }
}

/// What is done to an object.
///
/// ```
/// use kubist_core::{DynamicObject, admission::{AdmissionRequest, Operation}};
///
/// fn is_write(request: &AdmissionRequest<DynamicObject>) -> bool {
///     matches!(request.operation, Operation::Create | Operation::Update)
/// }
/// ```
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Operation {
    /// It is created.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// Something connects to it, as exec does to a pod.
    Connect,
}

#[cfg(feature = "cel")]
impl Operation {
    fn as_str(&self) -> &'static str {
        match self {
            Operation::Create => "CREATE",
            Operation::Update => "UPDATE",
            Operation::Delete => "DELETE",
            Operation::Connect => "CONNECT",
        }
    }
}

/// What the webhook answers: whether the operation may go on, and with which changes.
///
/// ```
/// use kubist_core::{DynamicObject, admission::{AdmissionRequest, AdmissionResponse}};
///
/// fn answer(request: &AdmissionRequest<DynamicObject>) -> AdmissionResponse {
///     let mut response = AdmissionResponse::from(request);
///     response.warnings = Some(vec!["spec.size is deprecated".to_owned()]);
///     response
/// }
/// ```
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AdmissionResponse {
    /// The type of the review it goes in.
    #[serde(skip)]
    pub types: TypeMeta,
    /// The uid of the request.
    pub uid: String,
    /// Whether the operation may go on.
    pub allowed: bool,
    /// Why it may not; the message reaches the user.
    #[serde(rename = "status")]
    pub result: Status,
    /// A JSON patch of the object, as bytes of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "base64_patch")]
    pub patch: Option<Vec<u8>>,
    /// What kind of patch; there is one kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    patch_type: Option<PatchType>,
    /// What the audit log shall have of it.
    #[serde(default, skip_serializing_if = "HashMap::is_empty")]
    pub audit_annotations: HashMap<String, String>,
    /// What to warn the user of; short, without newlines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
}

/// Allows the operation, unless [`deny`](AdmissionResponse::deny) follows.
impl<T: Resource> From<&AdmissionRequest<T>> for AdmissionResponse {
    fn from(request: &AdmissionRequest<T>) -> Self {
        AdmissionResponse {
            types: request.types.clone(),
            uid: request.uid.clone(),
            allowed: true,
            ..Self::empty()
        }
    }
}

impl AdmissionResponse {
    /// An answer to what was no request.
    ///
    /// ```
    /// use kubist_core::admission::AdmissionResponse;
    ///
    /// let response = AdmissionResponse::invalid("no request");
    /// assert!(!response.allowed);
    /// ```
    pub fn invalid<T: ToString>(reason: T) -> Self {
        AdmissionResponse {
            types: TypeMeta {
                kind: META_KIND.to_owned(),
                api_version: META_API_VERSION_V1.to_owned(),
            },
            result: Status::failure(&reason.to_string(), "InvalidRequest"),
            ..Self::empty()
        }
    }

    /// Denies the operation and says why.
    ///
    /// ```
    /// use kubist_core::{DynamicObject, admission::{AdmissionRequest, AdmissionResponse}};
    ///
    /// fn answer(request: &AdmissionRequest<DynamicObject>) -> AdmissionResponse {
    ///     AdmissionResponse::from(request).deny("the size must not shrink")
    /// }
    /// ```
    #[must_use]
    pub fn deny<T: ToString>(mut self, reason: T) -> Self {
        self.allowed = false;
        self.result.message = reason.to_string();
        self
    }

    /// Changes the object; an operation that is denied changes nothing.
    ///
    /// ```
    /// use kubist_core::admission::AdmissionResponse;
    /// use serde_json::json;
    ///
    /// let response = AdmissionResponse::invalid("no request");
    /// let patch = serde_json::from_value(json!([{ "op": "add", "path": "/spec/size", "value": 3 }]))?;
    /// assert!(response.with_patch(patch)?.patch.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where a value of the patch does not serialize.
    pub fn with_patch(mut self, patch: json_patch::Patch) -> Result<Self, SerializePatchError> {
        self.patch = Some(serde_json::to_vec(&patch).map_err(SerializePatchError)?);
        self.patch_type = Some(PatchType::JsonPatch);
        Ok(self)
    }

    /// The review that carries it.
    ///
    /// ```
    /// use kubist_core::admission::AdmissionResponse;
    ///
    /// let review = AdmissionResponse::invalid("no request").into_review();
    /// assert_eq!(review.types.kind, "AdmissionReview");
    /// ```
    pub fn into_review(self) -> AdmissionReview<DynamicObject> {
        AdmissionReview {
            types: self.types.clone(),
            request: None,
            response: Some(self),
        }
    }

    fn empty() -> Self {
        AdmissionResponse {
            types: TypeMeta::default(),
            uid: String::new(),
            allowed: false,
            result: Status::default(),
            patch: None,
            patch_type: None,
            audit_annotations: HashMap::new(),
            warnings: None,
        }
    }
}

/// The kind of a patch.
///
/// ```
/// use kubist_core::admission::PatchType;
///
/// assert_eq!(serde_json::to_value(PatchType::JsonPatch)?, "JSONPatch");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// [RFC 6902](https://www.rfc-editor.org/rfc/rfc6902).
    #[serde(rename = "JSONPatch")]
    JsonPatch,
}

/// Bytes are base64 in JSON.
mod base64_patch {
    use super::{ByteString, Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        patch: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        patch
            .as_ref()
            .map(|bytes| ByteString(bytes.clone()))
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<ByteString>::deserialize(deserializer)?.map(|bytes| bytes.0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn review() -> AdmissionReview<DynamicObject> {
        serde_json::from_value(json!({
            "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "request": {
                "uid": "request-uid",
                "kind": {"group": "", "version": "v1", "kind": "Pod"},
                "resource": {"group": "", "version": "v1", "resource": "pods"},
                "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
                "namespace": "ns", "operation": "CREATE",
                "userInfo": {"username": "me", "groups": ["a"]},
                "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "a-"}},
                "oldObject": null, "dryRun": true,
                "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
            },
        }))
        .expect("valid")
    }

    fn request() -> AdmissionRequest<DynamicObject> {
        review().try_into().expect("has a request")
    }

    #[test]
    fn reads_requests() {
        let request = request();
        assert_eq!(
            (request.name.as_str(), request.operation.clone()),
            ("", Operation::Create)
        );
        assert!(request.dry_run && request.old_object.is_none() && request.object.is_some());
        assert_eq!(request.types.api_version, META_API_VERSION_V1);
    }

    #[test]
    fn answers_repeat_uid_and_type() {
        let answer = AdmissionResponse::from(&request()).deny("no").into_review();
        assert_eq!(
            serde_json::to_value(&answer).expect("serializes"),
            json!({
                "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
                "response": {"uid": "request-uid", "allowed": false, "status": {"message": "no"}},
            })
        );
        TryInto::<AdmissionRequest<_>>::try_into(answer).expect_err("has no request");
        assert!(AdmissionResponse::invalid("no").into_review().types.kind == META_KIND);
    }

    #[test]
    fn patches_are_base64() {
        let patch: json_patch::Patch =
            serde_json::from_value(json!([{"op": "remove", "path": "/a"}])).expect("valid");
        let response = AdmissionResponse::from(&request())
            .with_patch(patch)
            .expect("serializes");
        let json = serde_json::to_value(&response).expect("serializes");
        assert_eq!(json["patch"], "W3sib3AiOiJyZW1vdmUiLCJwYXRoIjoiL2EifV0=");
        assert_eq!(json["patchType"], "JSONPatch");
        let read: AdmissionResponse = serde_json::from_value(json).expect("valid");
        assert_eq!(read.patch, response.patch);
    }

    #[cfg(feature = "cel")]
    #[test]
    fn policies_see_the_user_not_the_request() {
        let mut request = request();
        let cel = request.to_cel_request();
        assert_eq!(
            (cel.operation.as_str(), cel.username.as_str(), cel.uid.as_str()),
            ("CREATE", "me", "")
        );
        assert_eq!(
            (
                cel.kind.kind.as_str(),
                cel.resource.resource.as_str(),
                cel.dry_run
            ),
            ("Pod", "pods", true)
        );
        request.user_info.uid = Some("user-uid".into());
        assert_eq!(request.to_cel_request().uid, "user-uid");
    }
}
