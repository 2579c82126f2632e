//! Reviews: questions that are asked by creating an object.

mod problems;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::access::tokens;
use crate::access::users::User;
use crate::admission::{self, Attributes, Operation};
use crate::endpoints::create::place;
use crate::endpoints::read;
use crate::http::answer::Answer;
use crate::http::options::WriteOptions;
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::kinds::{ownership, strategy};
use crate::object::body::decode_body;
use crate::object::member::text;
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
    let mut object = decode_body(kind, request, &options)?;
    for field in SYSTEM_FIELDS {
        meta::remove(&mut object, field);
    }
    place(kind, &request.target.namespace, &mut object)?;
    ownership::manage(
        api,
        kind,
        &strategy::empty(kind),
        &mut object,
        &request.manager(),
        "",
    );
    let attributes = Attributes::new(
        request.origin(),
        kind,
        Operation::Create,
        &request.target.namespace,
        meta::name(&object),
    )
    .options(options.told("CreateOptions"), options.dry_run);
    admission::mutate(api, &attributes, Some(&mut object), None).await?;
    let errors = problems::problems(kind, &object);
    if !errors.is_empty() {
        // The object says no kind where upstream takes it from.
        return Err(Failure::invalid(&kind.group, "", "", &errors));
    }
    let spec = &object["spec"];
    if kind.plural == "tokenreviews" && text(spec, "token").is_empty() {
        let why = "token is required for TokenReview in authentication";
        return Err(Failure::bad_request(why));
    }
    if kind.plural == "selfsubjectrulesreviews" && text(spec, "namespace").is_empty() {
        return Err(Failure::bad_request("no namespace on request"));
    }
    admission::validate(api, &attributes, Some(&object), None).await?;
    let answered = answered(api, kind, request, object)?;
    read::show(kind, request, form, 201, answered)
}

/// What clients cannot say of an object.
const SYSTEM_FIELDS: [&str; 4] = [
    "creationTimestamp",
    "uid",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// The review with its answer. Those about the asker alone keep nothing of the question.
fn answered(api: &Api, kind: &Kind, request: &Request, mut review: Value) -> Result<Value, Failure> {
    let user = &request.user;
    let spec = &review["spec"];
    match kind.plural.as_str() {
        "selfsubjectreviews" => {
            let mut review = strategy::empty(kind);
            meta::set(&mut review, "creationTimestamp", api.identity.timestamp());
            review["status"] = json!({"userInfo": user_info(user)});
            return Ok(review);
        }
        "selfsubjectrulesreviews" => {
            let (rules, problem) = crate::access::rules_of(api, user, text(spec, "namespace"));
            let mut status = rules_status(&rules);
            if !problem.is_empty() {
                status["evaluationError"] = problem.into();
            }
            let mut review = strategy::empty(kind);
            review["metadata"] = json!({});
            review["spec"] = json!({});
            review["status"] = status;
            return Ok(review);
        }
        "selfsubjectaccessreviews" => review["status"] = access(api, user, spec),
        "subjectaccessreviews" | "localsubjectaccessreviews" => {
            let groups = meta::strings(spec.get("groups")).into_iter();
            let user = User {
                name: text(spec, "user").into(),
                uid: text(spec, "uid").into(),
                groups: groups.map(str::to_owned).collect(),
                extra: BTreeMap::new(),
            };
            review["status"] = access(api, &user, spec);
        }
        "tokenreviews" => review["status"] = holder(api, spec),
        other => return Err(Failure::not_implemented(other)),
    }
    Ok(review)
}

/// Whether somebody may do something, as access reviews tell it.
fn access(api: &Api, user: &User, spec: &Value) -> Value {
    let allowed = crate::access::allowed_by(api, user, &crate::access::Question::of(spec));
    let mut status = json!({"allowed": allowed.is_ok()});
    let reason = allowed.unwrap_or_else(|denied| denied.reason);
    if !reason.is_empty() {
        status["reason"] = reason.into();
    }
    let ignored = problems::ignored(spec);
    if !ignored.is_empty() {
        status["evaluationError"] = ignored.join("; ").into();
    }
    status
}

/// Who holds a token, as token reviews tell it.
fn holder(api: &Api, spec: &Value) -> Value {
    let mut audiences = meta::strings(spec.get("audiences"));
    if audiences.is_empty() {
        audiences.push(tokens::ISSUER);
    }
    let token = text(spec, "token");
    let account = tokens::recognise_for(api, token, &audiences);
    let known = account.or_else(|unknown| {
        // Tokens of users are for this server.
        audiences.retain(|audience| *audience == tokens::ISSUER);
        match api.users.by_token(token) {
            Some(user) if !audiences.is_empty() => {
                let audiences = audiences.into_iter().map(str::to_owned).collect();
                Ok((user.clone(), audiences))
            }
            _ => Err(unknown.to_string()),
        }
    });
    match known {
        Ok((user, audiences)) => {
            json!({"authenticated": true, "user": user_info(&user), "audiences": audiences})
        }
        Err(why) => json!({"user": {}, "error": why}),
    }
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
