//! Calling webhooks: mutating ones in turn, validating ones together.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Attributes;
use super::hook::{self, Hook, Invocation, hooks};
use super::matching::Subject;
use super::policy;
use super::review::{self, Verdict};
use super::rounds::Rounds;
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Schema};
use crate::kinds::strategy;
use crate::object::{decode, view};
use crate::state::Api;
use crate::webhook;

/// Lets policies and mutating webhooks change `object`; there is none for a deletion. Tells whether one did.
pub(crate) async fn mutate(
    api: &Arc<Api>,
    attributes: &Attributes<'_>,
    mut object: Option<&mut Value>,
    old: Option<&Value>,
) -> Result<bool, Failure> {
    let hooks = hooks(api, "mutatingwebhookconfigurations");
    let mut rounds = Rounds::default();
    let mut policies = Rounds::default();
    let mut has_changed = false;
    for again in [false, true] {
        if again && !has_changed {
            break;
        }
        if let Some(object) = object.as_deref_mut() {
            has_changed |= policy::mutate(api, attributes, object, old, &mut policies).await?;
        }
        has_changed |= call_all(api, attributes, &hooks, object.as_deref_mut(), old, &mut rounds).await?;
    }
    Ok(has_changed)
}

/// Lets mutating webhooks change `object`, one after the other; tells whether one did.
async fn call_all(
    api: &Arc<Api>,
    attributes: &Attributes<'_>,
    hooks: &[Hook],
    mut object: Option<&mut Value>,
    old: Option<&Value>,
    rounds: &mut Rounds<hook::Id>,
) -> Result<bool, Failure> {
    if hooks.is_empty() {
        return Ok(false);
    }
    let mut has_changed = false;
    let registry = api.registry();
    rounds.begin(object.as_deref());
    for hook in hooks {
        let subject = Subject {
            object: object.as_deref(),
            old,
        };
        let Some(invocation) = hook.invocation(api, &registry, attributes, subject).await? else {
            continue;
        };
        if !rounds.asks(&hook.id) {
            continue;
        }
        let answered = call(api, attributes, hook, &invocation, subject, true).await;
        let changed = match answered.and_then(|verdict| Ok((operations(hook, &verdict)?, verdict))) {
            Ok((patch, verdict)) => {
                warn(attributes, &verdict);
                if let Some(refusal) = verdict.refusal {
                    return Err(refusal);
                }
                let object = object.as_deref_mut();
                change(api, attributes, hook, &invocation, patch, object).await?
            }
            Err(error) => {
                if !hook.ignores_failures() {
                    return Err(Failure::internal(error));
                }
                tracing::warn!(webhook = hook.name, %error, "a webhook failed, and that is ignored");
                false
            }
        };
        if changed {
            rounds.changed();
            has_changed = true;
        }
        if hook.text("reinvocationPolicy") == "IfNeeded" {
            rounds.saw(hook.id.clone());
        }
    }
    rounds.end(object.as_deref());
    Ok(has_changed)
}

/// What a webhook that does not refuse wants to change.
fn operations(hook: &Hook, verdict: &Verdict) -> Result<Value, String> {
    match &verdict.patch {
        Some(patch) if verdict.refusal.is_none() => patch
            .operations()
            .map_err(|why| format!("failed calling webhook {:?}: {why}", hook.name)),
        _ => Ok(Value::Null),
    }
}

/// Applies a webhook's patch; tells whether it changed anything.
async fn change(
    api: &Arc<Api>,
    attributes: &Attributes<'_>,
    hook: &Hook,
    invocation: &Invocation,
    patch: Value,
    object: Option<&mut Value>,
) -> Result<bool, Failure> {
    if patch.as_array().is_none_or(Vec::is_empty) {
        return Ok(false);
    }
    let Some(object) = object else {
        return Err(Failure::internal(format!(
            "admission webhook {:?} attempted to modify the object, which is not supported for this operation",
            hook.name
        )));
    };
    let seen = as_seen(api, attributes, &invocation.resource, Some(object)).await?;
    let mut patched = seen.clone().map_or(Value::Null, Cow::into_owned);
    kubist_merge::json_patch(&mut patched, &patch).map_err(|error| Failure::internal(patch_words(&error)))?;
    let foreign = is_foreign(attributes);
    if !foreign {
        patched = read_again(&invocation.resource, patched)?;
    }
    let changed = seen.is_none_or(|seen| *seen != patched);
    if changed {
        *object = if foreign || same(attributes.kind, &invocation.resource) {
            patched
        } else {
            view::convert(api, &invocation.resource, attributes.kind, patched).await?
        };
    }
    Ok(changed)
}

/// Decodes and defaults what a patch left, as a body would be.
fn read_again(kind: &Kind, patched: Value) -> Result<Value, Failure> {
    decoded(kind, patched).map(|(object, _)| object)
}

/// As [`read_again`], refusing what a built-in kind does not have.
pub(super) fn read_strictly(kind: &Kind, patched: Value) -> Result<Value, Failure> {
    let (object, unknown) = decoded(kind, patched)?;
    if kind.custom().is_none() && !unknown.is_empty() {
        let unknown: Vec<String> = unknown
            .iter()
            .map(|path| format!("unknown field {path:?}"))
            .collect();
        let why = format!("strict decoding error: {}", unknown.join(", "));
        return Err(Failure::internal(why));
    }
    Ok(object)
}

fn decoded(kind: &Kind, patched: Value) -> Result<(Value, Vec<String>), Failure> {
    let decoded = match &kind.schema {
        Schema::Builtin(message) => decode::decode(message, patched),
        Schema::Custom(custom) => crate::crd::structure::decode(&custom.schema, patched),
    };
    let (mut object, unknown) = decoded.map_err(Failure::internal)?;
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = kind.kind.as_str().into();
    strategy::default(kind, &mut object);
    Ok((object, unknown))
}

/// A failed patch in the words of the library that upstream uses.
pub(super) fn patch_words(error: &kubist_merge::PatchError) -> String {
    use kubist_merge::PatchError;
    match error {
        PatchError::Operation { path, source, op, .. } => {
            let key = path.rsplit('/').next().unwrap_or("");
            match op.as_str() {
                "test" => format!("testing path {path} failed: test failed"),
                "remove" => format!(
                    "error in remove for path: '{path}': Unable to remove nonexistent key: {key}: missing value"
                ),
                "replace" => {
                    format!("replace operation does not apply: doc is missing key: {path}: missing value")
                }
                "add" => {
                    format!("add operation does not apply: doc is missing path: {path:?}: missing value")
                }
                op => format!("{op} operation does not apply: {source}"),
            }
        }
        error => error.to_string(),
    }
}

/// Asks policies and validating webhooks whether `object` may become what `old` was.
pub(crate) async fn validate(
    api: &Arc<Api>,
    attributes: &Attributes<'_>,
    object: Option<&Value>,
    old: Option<&Value>,
) -> Result<(), Failure> {
    policy::validate(api, attributes, object, old).await?;
    let hooks = hooks(api, "validatingwebhookconfigurations");
    if hooks.is_empty() {
        return Ok(());
    }
    let registry = api.registry();
    let subject = Subject { object, old };
    let mut wanted = Vec::new();
    for hook in &hooks {
        if let Some(invocation) = hook.invocation(api, &registry, attributes, subject).await? {
            wanted.push((hook, invocation));
        }
    }
    let calls = wanted
        .iter()
        .map(|(hook, invocation)| call(api, attributes, hook, invocation, subject, false));
    let verdicts = futures::future::join_all(calls).await;
    let mut first = None;
    for ((hook, _), verdict) in wanted.iter().zip(verdicts) {
        let failure = match verdict {
            Ok(verdict) => {
                warn(attributes, &verdict);
                verdict.refusal
            }
            Err(error) if hook.ignores_failures() => {
                tracing::warn!(webhook = hook.name, %error, "a webhook failed, and that is ignored");
                None
            }
            Err(error) => Some(Failure::internal(error)),
        };
        first = first.or(failure);
    }
    first.map_or(Ok(()), Err)
}

fn warn(attributes: &Attributes<'_>, verdict: &Verdict) {
    for warning in &verdict.warnings {
        attributes.origin.warnings.add(warning.clone());
    }
}

/// Asks one webhook.
///
/// # Errors
///
/// Why there is no answer that counts: the failure policy says what then.
async fn call(
    api: &Arc<Api>,
    attributes: &Attributes<'_>,
    hook: &Hook,
    invocation: &Invocation,
    subject: Subject<'_>,
    mutating: bool,
) -> Result<Verdict, String> {
    let failed = |why: String| format!("failed calling webhook {:?}: {why}", hook.name);
    let versions = crate::object::meta::strings(hook.spec.get("admissionReviewVersions"));
    let Some(version) = versions
        .into_iter()
        .find(|version| matches!(*version, "v1" | "v1beta1"))
    else {
        return Err(failed(
            "webhook does not accept known AdmissionReview versions (v1, v1beta1)".into(),
        ));
    };
    let resource = &invocation.resource;
    let convert = |failure: Failure| failed(format!("could not convert the object: {}", failure.message));
    let object = as_seen(api, attributes, resource, subject.object)
        .await
        .map_err(convert)?;
    let old = as_seen(api, attributes, resource, subject.old)
        .await
        .map_err(convert)?;
    let seen = Subject {
        object: object.as_deref(),
        old: old.as_deref(),
    };
    let uid = api.identity.uid();
    let review = json!({
        "kind": "AdmissionReview",
        "apiVersion": format!("admission.k8s.io/{version}"),
        "request": review::request(attributes, resource, &uid, seen),
    });
    let config = hook.spec.get("clientConfig").unwrap_or(&Value::Null);
    let answer = async {
        let endpoint = webhook::endpoint(api, config, hook.timeout())?;
        let slow = api.faults.before_webhook(&hook.name);
        match tokio::time::timeout(hook.timeout(), slow).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return Err(webhook::CallError::Unusable(why)),
            Err(_) => return Err(endpoint.timed_out(hook.timeout())),
        }
        api.webhooks.post(&endpoint, &review, hook.timeout()).await
    };
    let answer = answer
        .await
        .map_err(|error| failed(format!("failed to call webhook: {error}")))?;
    review::verdict(&hook.name, version, &uid, mutating, &answer)
        .map_err(|error| failed(format!("received invalid webhook response: {error}")))
}

pub(super) fn same(one: &Kind, other: &Kind) -> bool {
    one.group == other.group && one.version == other.version
}

/// Whether the object is not of the resource's kind, as a `Scale` is not.
pub(super) fn is_foreign(attributes: &Attributes<'_>) -> bool {
    let own = attributes.kind.subresource(attributes.subresource);
    own.is_some_and(|sub| !sub.version.is_empty())
}

/// The object in the version that a webhook asked for.
pub(super) async fn as_seen<'a>(
    api: &Arc<Api>,
    attributes: &Attributes<'_>,
    resource: &Kind,
    object: Option<&'a Value>,
) -> Result<Option<Cow<'a, Value>>, Failure> {
    Ok(match object {
        None => None,
        Some(object) if same(attributes.kind, resource) || is_foreign(attributes) => {
            Some(Cow::Borrowed(object))
        }
        Some(object) => Some(Cow::Owned(
            view::convert(api, attributes.kind, resource, object.clone()).await?,
        )),
    })
}
