//! Reviews: questions that are asked by creating an object.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::access::tokens;
use crate::access::users::User;
use crate::admission::{self, Attributes, Operation};
use crate::endpoints::read;
use crate::http::answer::Answer;
use crate::http::fields::FieldError;
use crate::http::options::WriteOptions;
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::kinds::{ownership, strategy};
use crate::object::body::decode_body;
use crate::object::meta;
use crate::state::Api;

/// Whether objects of this kind are only ever asked, never kept.
pub(crate) fn is_review(kind: &Kind) -> bool {
    matches!(
        kind.group.as_str(),
        "authentication.k8s.io" | "authorization.k8s.io"
    ) && kind.custom().is_none()
}

pub(crate) async fn answer(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let form = read::form(kind, request)?;
    let options = WriteOptions::parse(&request.query, "CreateOptions")?;
    let (mut object, warnings) = decode_body(kind, request, &options)?;
    if kind.plural != "selfsubjectreviews" {
        ownership::manage(
            api,
            kind,
            &strategy::empty(kind),
            &mut object,
            &request.manager(),
            "",
        );
    }
    let attributes = Attributes::new(
        request.origin(),
        kind,
        Operation::Create,
        &request.target.namespace,
        meta::name(&object),
    )
    .options(options.told("CreateOptions"), options.dry_run);
    admission::mutate(api, &attributes, Some(&mut object), None).await?;
    admission::validate(api, &attributes, Some(&object), None).await?;
    let errors = problems(kind, &object, &request.target.namespace);
    if !errors.is_empty() {
        return Err(Failure::invalid(
            &kind.group,
            &kind.kind,
            meta::name(&object),
            &errors,
        ));
    }
    match kind.plural.as_str() {
        "selfsubjectreviews" => {
            let user = &request.user;
            object["status"] = json!({"userInfo": user_info(user)});
            meta::set(&mut object, "creationTimestamp", api.identity.timestamp());
        }
        "selfsubjectaccessreviews" => {
            let allowed =
                crate::access::allowed_by(api, &request.user, &crate::access::Question::of(&object["spec"]));
            object["status"] = answered(allowed);
        }
        "subjectaccessreviews" | "localsubjectaccessreviews" => {
            let spec = &object["spec"];
            let user = User {
                name: spec["user"].as_str().unwrap_or("").into(),
                uid: spec["uid"].as_str().unwrap_or("").into(),
                groups: meta::strings(spec.get("groups"))
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
                extra: BTreeMap::new(),
            };
            let allowed = crate::access::allowed_by(api, &user, &crate::access::Question::of(spec));
            object["status"] = answered(allowed);
        }
        "selfsubjectrulesreviews" => {
            let namespace = object["spec"]["namespace"].as_str().unwrap_or("").to_owned();
            if namespace.is_empty() {
                return Err(Failure::bad_request("no namespace on request"));
            }
            object["status"] = rules_status(&crate::access::rules_of(api, &request.user, &namespace));
        }
        "tokenreviews" => {
            let token = object["spec"]["token"].as_str().unwrap_or("").to_owned();
            object["status"] = match known(api, &token) {
                Some(user) => json!({
                    "authenticated": true,
                    "user": user_info(&user),
                    "audiences": [tokens::ISSUER],
                }),
                None => json!({"user": {}, "error": "invalid bearer token"}),
            };
        }
        other => return Err(Failure::not_implemented(other)),
    }
    if kind.namespaced {
        meta::set(&mut object, "namespace", request.target.namespace.as_str());
    }
    if let Value::Object(object) = &mut object {
        object.entry("metadata").or_insert_with(|| json!({}));
    }
    read::show(kind, request, form, 201, object, warnings)
}

fn answered(allowed: Result<String, crate::access::Denied>) -> Value {
    match allowed {
        Ok(reason) if !reason.is_empty() => json!({"allowed": true, "reason": reason}),
        allowed => json!({"allowed": allowed.is_ok()}),
    }
}

/// What is wrong with what a review asks.
fn problems(kind: &Kind, object: &Value, namespace: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if kind.group != "authorization.k8s.io" || kind.plural == "selfsubjectrulesreviews" {
        return errors;
    }
    let spec = &object["spec"];
    let given = |key: &str| spec.get(key).filter(|value| !value.is_null());
    match (given("resourceAttributes"), given("nonResourceAttributes")) {
        (Some(_), Some(path)) => errors.push(FieldError::invalid_json(
            "spec.nonResourceAttributes",
            &format!("{{\"Path\":{},\"Verb\":{}}}", path["path"], path["verb"]),
            "cannot be specified in combination with resourceAttributes",
        )),
        (None, None) => errors.push(FieldError::invalid(
            "spec.resourceAttributes",
            &Value::Null,
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
        (resource, _) if kind.plural == "localsubjectaccessreviews" => {
            let asked = resource.and_then(|resource| resource.get("namespace"));
            let asked = asked.and_then(Value::as_str).unwrap_or("");
            if asked != namespace {
                let detail = "must match metadata.namespace";
                errors.push(FieldError::invalid_text(
                    "spec.resourceAttributes.namespace",
                    asked,
                    detail,
                ));
            }
        }
        _ => {}
    }
    let is_somebody = spec["user"].as_str().is_some_and(|user| !user.is_empty())
        || spec["groups"].as_array().is_some_and(|groups| !groups.is_empty());
    if kind.plural != "selfsubjectaccessreviews" && !is_somebody {
        let detail = "at least one of user or group must be specified";
        errors.push(FieldError::invalid_text("spec.user", "", detail));
    }
    errors
}

/// Who holds a token.
fn known(api: &Api, token: &str) -> Option<User> {
    tokens::recognise(api, token).or_else(|| api.users.by_token(token).cloned())
}

fn user_info(user: &User) -> Value {
    let mut info = json!({"username": user.name, "groups": user.groups});
    if !user.uid.is_empty() {
        info["uid"] = user.uid.as_str().into();
    }
    if !user.extra.is_empty() {
        info["extra"] = json!(user.extra);
    }
    info
}

/// Rules as a `SelfSubjectRulesReview` tells them.
fn rules_status(rules: &[Value]) -> Value {
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    for rule in rules {
        let list = |field: &str| {
            rule.get(field)
                .filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))
        };
        let mut out = json!({"verbs": list("verbs")});
        if let Some(urls) = list("nonResourceURLs") {
            out["nonResourceURLs"] = urls.clone();
            paths.push(out);
            continue;
        }
        for field in ["apiGroups", "resources", "resourceNames"] {
            if let Some(value) = list(field) {
                out[field] = value.clone();
            }
        }
        resources.push(out);
    }
    json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
}
