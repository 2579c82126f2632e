//! `AdmissionReview`: what webhooks are asked, and what their answers may be.

use base64::Engine as _;
use serde_json::{Value, json};

use super::Attributes;
use super::matching::Subject;
use crate::http::json;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;

/// The request of a review, about objects as the webhook wants to see them.
pub(super) fn request(attributes: &Attributes<'_>, resource: &Kind, uid: &str, seen: Subject<'_>) -> Value {
    let user = attributes.origin.user;
    let mut info = json!({"username": user.name, "groups": user.groups});
    if !user.uid.is_empty() {
        info["uid"] = user.uid.as_str().into();
    }
    if !user.extra.is_empty() {
        info["extra"] = json!(user.extra);
    }
    let mut request = json!({
        "uid": uid,
        "kind": object_kind(resource, attributes.subresource),
        "resource": group_resource(resource),
        "requestKind": object_kind(attributes.kind, attributes.subresource),
        "requestResource": group_resource(attributes.kind),
        "operation": attributes.operation.name(),
        "userInfo": info,
        "object": seen.object,
        "oldObject": seen.old,
        "dryRun": attributes.dry_run,
        "options": attributes.options,
    });
    for (field, value) in [
        ("name", attributes.name.as_str()),
        ("namespace", &attributes.namespace),
        ("subResource", attributes.subresource),
        ("requestSubResource", attributes.subresource),
    ] {
        if !value.is_empty() {
            request[field] = value.into();
        }
    }
    request
}

fn group_resource(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": kind.version, "resource": kind.plural})
}

/// The kind of the object in a request: that of the subresource where it has one of its own.
fn object_kind(kind: &Kind, subresource: &str) -> Value {
    let sub = kind
        .subresource(subresource)
        .filter(|sub| !sub.version.is_empty());
    match sub {
        Some(sub) => json!({"group": sub.group, "version": sub.version, "kind": sub.kind}),
        None => {
            let name = kind.subresource(subresource).map_or(&kind.kind, |sub| &sub.kind);
            json!({"group": kind.group, "version": kind.version, "kind": name})
        }
    }
}

/// What a webhook answered.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) refusal: Option<Failure>,
    pub(super) warnings: Vec<String>,
    /// A patch, if there is one.
    pub(super) patch: Option<Patch>,
}

/// What a webhook wants to change.
#[derive(Debug)]
pub(super) struct Patch {
    bytes: Vec<u8>,
    ty: String,
}

impl Patch {
    /// The operations of a JSON patch.
    ///
    /// # Errors
    ///
    /// What is wrong with the patch.
    pub(super) fn operations(&self) -> Result<Value, String> {
        let undecodable = |why: String| format!("received undecodable patch in webhook response: {why}");
        let parsed = json::parse(&self.bytes).map_err(undecodable)?;
        if !parsed.value.is_array() && !parsed.value.is_null() {
            let found = json::noun(&parsed.value);
            let why = format!("json: cannot unmarshal {found} into Go value of type jsonpatch.Patch");
            return Err(undecodable(why));
        }
        if self.ty != "JSONPatch" {
            return Err(format!("unsupported patch type {:?}", self.ty));
        }
        Ok(parsed.value)
    }
}

/// Reads an answer, by the rules of `k8s.io/apiserver/pkg/admission/plugin/webhook/request`.
///
/// # Errors
///
/// What is wrong with the answer.
pub(super) fn verdict(
    hook: &str,
    version: &str,
    uid: &str,
    mutating: bool,
    answer: &Value,
) -> Result<Verdict, String> {
    let Some(response) = answer.get("response").filter(|response| response.is_object()) else {
        return Err("webhook response was absent".into());
    };
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or("").to_owned();
    let strict = version == "v1";
    if strict {
        let got = text(response, "uid");
        if got != uid {
            return Err(format!("expected response.uid={uid:?}, got {got:?}"));
        }
        let (api_version, kind) = (text(answer, "apiVersion"), text(answer, "kind"));
        if api_version != "admission.k8s.io/v1" || kind != "AdmissionReview" {
            let got = if api_version.contains('/') {
                format!("{api_version}, Kind={kind}")
            } else {
                format!("/{api_version}, Kind={kind}")
            };
            return Err(format!(
                "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got {got}"
            ));
        }
    }
    let patch = match response.get("patch").and_then(Value::as_str) {
        None | Some("") => None,
        Some(patch) => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(patch);
            Some(bytes.map_err(|_| "webhook returned response.patch that is not base64".to_owned())?)
        }
    };
    let patch_type = response.get("patchType").and_then(Value::as_str);
    if strict && mutating {
        match (&patch, patch_type) {
            (Some(_), None) => {
                return Err("webhook returned response.patch but not response.patchType".into());
            }
            (None, Some(_)) => {
                return Err("webhook returned response.patchType but not response.patch".into());
            }
            (Some(_), Some("")) => {
                return Err("webhook returned invalid response.patchType of \"\"".into());
            }
            _ => {}
        }
    } else if strict {
        if patch.is_some() {
            return Err("validating webhook may not return response.patch".into());
        }
        if patch_type.is_some() {
            return Err("validating webhook may not return response.patchType".into());
        }
    }
    let allowed = response.get("allowed") == Some(&Value::Bool(true));
    Ok(Verdict {
        refusal: (!allowed).then(|| refusal(hook, response.get("status").unwrap_or(&Value::Null))),
        warnings: crate::object::meta::strings(response.get("warnings"))
            .into_iter()
            .map(str::to_owned)
            .collect(),
        patch: patch.map(|bytes| Patch {
            bytes,
            // The first version of reviews knew no other type.
            ty: patch_type.unwrap_or("JSONPatch").to_owned(),
        }),
    })
}

/// The failure that a client sees when a webhook refuses.
fn refusal(hook: &str, status: &Value) -> Failure {
    let text = |field: &str| status.get(field).and_then(Value::as_str).unwrap_or("");
    let by = format!("admission webhook {hook:?} denied the request");
    let message = match (text("message"), text("reason")) {
        ("", "") => format!("{by} without explanation"),
        ("", reason) => format!("{by}: {reason}"),
        (message, _) => format!("{by}: {message}"),
    };
    let code = status.get("code").and_then(Value::as_u64);
    let code = code
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| (400..600).contains(code));
    Failure {
        details: status
            .get("details")
            .filter(|details| details.is_object())
            .cloned(),
        ..Failure::new(code.unwrap_or(400), text("reason").to_owned(), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(response: Value) -> Value {
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
    }

    #[test]
    fn a_refusal_has_a_code_and_says_who() {
        let verdict = verdict(
            "a.b",
            "v1",
            "u",
            true,
            &answer(json!({"uid": "u", "allowed": false})),
        )
        .unwrap();
        let refusal = verdict.refusal.unwrap();
        assert_eq!(refusal.code, 400);
        assert_eq!(
            refusal.message,
            "admission webhook \"a.b\" denied the request without explanation"
        );
    }

    #[test]
    fn answers_that_break_the_rules_are_told_apart() {
        for (mutating, response, why) in [
            (
                true,
                json!({"uid": "u", "allowed": true, "patch": "W10="}),
                "webhook returned response.patch but not response.patchType",
            ),
            (
                true,
                json!({"uid": "u", "allowed": true, "patchType": "JSONPatch"}),
                "webhook returned response.patchType but not response.patch",
            ),
            (
                false,
                json!({"uid": "u", "allowed": true, "patch": "W10="}),
                "validating webhook may not return response.patch",
            ),
            (
                false,
                json!({"uid": "v", "allowed": true}),
                "expected response.uid=\"u\", got \"v\"",
            ),
        ] {
            let error = verdict("a.b", "v1", "u", mutating, &answer(response)).unwrap_err();
            assert_eq!(error, why);
        }
        let absent = verdict("a.b", "v1", "u", false, &json!({"hello": "world"})).unwrap_err();
        assert_eq!(absent, "webhook response was absent");
    }
}
