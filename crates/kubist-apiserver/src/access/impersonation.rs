//! Requests that somebody makes in the name of somebody else.

use std::collections::BTreeMap;

use crate::access::users::User;
use crate::access::{Question, may};
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::state::Api;

/// The user that a request is to be treated as, if it says so.
pub(crate) fn impersonated(api: &Api, request: &Request) -> Result<Option<User>, Failure> {
    let name = request.header("impersonate-user");
    let values = |header: &str| -> Vec<String> {
        request
            .headers
            .get_all(header)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .map(str::to_owned)
            .collect()
    };
    let (groups, uid) = (values("impersonate-group"), request.header("impersonate-uid"));
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (header, value) in &request.headers {
        if let Some(key) = header.as_str().strip_prefix("impersonate-extra-") {
            let key = percent_encoding::percent_decode_str(key).decode_utf8_lossy();
            let value = value.to_str().unwrap_or("").to_owned();
            extra.entry(key.into_owned()).or_default().push(value);
        }
    }
    if name.is_empty() {
        if groups.is_empty() && uid.is_empty() && extra.is_empty() {
            return Ok(None);
        }
        return Err(nameless(uid, &groups, &extra));
    }
    let account = name
        .strip_prefix("system:serviceaccount:")
        .and_then(|rest| rest.split_once(':'));
    let (group, resource, named) = match account {
        Some((_, account)) => ("", "serviceaccounts", account),
        None => ("", "users", name),
    };
    let mut questions = vec![Question::impersonate(group, resource, named)];
    questions.extend(
        groups
            .iter()
            .map(|group| Question::impersonate("", "groups", group)),
    );
    if !uid.is_empty() {
        questions.push(Question::impersonate("authentication.k8s.io", "uids", uid));
    }
    for (key, values) in &extra {
        for value in values {
            let mut question = Question::impersonate("authentication.k8s.io", "userextras", value);
            question.subresource.clone_from(key);
            questions.push(question);
        }
    }
    for question in questions {
        if may(api, &request.user, &question).is_err() {
            return Err(refuse_impersonation(request));
        }
    }
    let mut groups = groups;
    if let (true, Some((namespace, _))) = (groups.is_empty(), account) {
        groups.push("system:serviceaccounts".into());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    let implied = if name == "system:anonymous" {
        "system:unauthenticated"
    } else {
        "system:authenticated"
    };
    if !groups.iter().any(|group| group == implied) {
        groups.push(implied.into());
    }
    Ok(Some(User {
        name: name.into(),
        uid: uid.into(),
        groups,
        extra,
    }))
}

/// The refusal names what the request was for, and a verb that says why.
fn refuse_impersonation(request: &Request) -> Failure {
    let target = &request.target;
    let verb = format!("impersonate-on:user-info:{}", target.verb);
    let place = if target.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {:?}", target.namespace)
    };
    let why = format!(
        "User {:?} cannot {verb} resource {:?} in API group {:?} {place}",
        request.user.name, target.resource, target.group
    );
    Failure::forbidden(&target.group, &target.resource, &target.name, &why)
}

/// The refusal of parts of a user without a name, which Go prints.
fn nameless(uid: &str, groups: &[String], extra: &BTreeMap<String, Vec<String>>) -> Failure {
    let list = |values: &[String]| {
        let quoted: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        format!("[]string{{{}}}", quoted.join(", "))
    };
    let groups = if groups.is_empty() {
        "[]string(nil)".to_owned()
    } else {
        list(groups)
    };
    let entries: Vec<String> = extra
        .iter()
        .map(|(key, values)| format!("{key:?}:{}", list(values)))
        .collect();
    let extra = if entries.is_empty() {
        "(nil)".to_owned()
    } else {
        format!("{{{}}}", entries.join(", "))
    };
    Failure::bad_request(format!(
        "requested &user.DefaultInfo{{Name:\"\", UID:{uid:?}, Groups:{groups}, Extra:map[string][]string{extra}}} without \
         impersonating a user name"
    ))
}
