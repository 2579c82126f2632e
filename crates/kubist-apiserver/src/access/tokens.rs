//! Tokens of service accounts (`serviceaccounts/token`): made, and recognised again.
//!
//! They are JSON web tokens. The key is the server's own, and part of its snapshots.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::access::users::User;
use crate::http::fields::{FieldError, go_quote};
use crate::http::status::Failure;
use crate::kinds::kind::table;
use crate::object::meta;
use crate::state::Api;
use crate::store::{Key, Stored};

/// Who issues tokens, and whom they are for unless the request says otherwise.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const SHORTEST: i64 = 600;
const LONGEST: i64 = 1 << 32;

/// Answers a `TokenRequest`: the same object with a token in its status.
pub(crate) fn issue(api: &Api, account: &Stored, mut request: Value) -> Result<Value, Failure> {
    let (namespace, name) = (
        meta::text(&account.value, "namespace"),
        meta::name(&account.value),
    );
    let given = request.get("metadata").cloned().unwrap_or_default();
    for (field, expected) in [("name", name), ("namespace", namespace)] {
        let found = given.get(field).and_then(Value::as_str).unwrap_or("");
        if !found.is_empty() && found != expected {
            let detail = format!("must match the service account {field} if specified");
            let error = FieldError::invalid_text(format!("metadata.{field}"), found, &detail);
            return Err(Failure::invalid(
                "authentication.k8s.io",
                "TokenRequest",
                name,
                &[error],
            ));
        }
    }
    let seconds = meta::at(&request, "spec.expirationSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(3600);
    let problem = if seconds < SHORTEST {
        Some("may not specify a duration less than 10 minutes")
    } else if seconds > LONGEST {
        Some("may not specify a duration larger than 2^32 seconds")
    } else {
        None
    };
    if let Some(detail) = problem {
        let error = FieldError::invalid("spec.expirationSeconds", &seconds.into(), detail);
        return Err(Failure::invalid(
            "authentication.k8s.io",
            "TokenRequest",
            "",
            &[error],
        ));
    }
    let mut audiences = meta::strings(meta::at(&request, "spec.audiences"));
    if audiences.is_empty() {
        audiences.push(ISSUER);
    }
    let now = api.identity.now().as_second();
    let mut bound = json!({
        "namespace": namespace, "serviceaccount": {"name": name, "uid": meta::uid(&account.value)},
    });
    if let Some(reference) =
        meta::at(&request, "spec.boundObjectRef").filter(|reference| reference.is_object())
    {
        let (kind, uid_and_name) = bound_object(api, namespace, reference)?;
        bound[kind] = uid_and_name;
    }
    let claims = json!({
        "aud": audiences, "exp": now + seconds, "iat": now, "nbf": now, "iss": ISSUER, "jti": api.identity.uid(),
        "kubernetes.io": bound, "sub": format!("system:serviceaccount:{namespace}:{name}"),
    });
    let token = sign(api, &claims);
    let expires = jiff::Timestamp::from_second(now + seconds).unwrap_or(jiff::Timestamp::MAX);
    request["spec"] = json!({
        "audiences": audiences, "expirationSeconds": seconds,
        "boundObjectRef": meta::at(&request, "spec.boundObjectRef"),
    });
    request["status"] = json!({"token": token, "expirationTimestamp": crate::identity::seconds(expires)});
    request["kind"] = "TokenRequest".into();
    request["apiVersion"] = "authentication.k8s.io/v1".into();
    meta::set(&mut request, "name", name);
    meta::set(&mut request, "namespace", namespace);
    meta::set(&mut request, "creationTimestamp", api.identity.timestamp());
    meta::set(&mut request, "uid", api.identity.uid());
    Ok(request)
}

/// The object that a token lives and dies with.
fn bound_object(api: &Api, namespace: &str, reference: &Value) -> Result<(&'static str, Value), Failure> {
    let text = |field: &str| reference.get(field).and_then(Value::as_str).unwrap_or("");
    let (group, version) = meta::group_version(text("apiVersion"));
    let (kind, plural, namespace) = match (group, text("kind")) {
        ("", "Pod") => ("pod", "pods", namespace),
        ("", "Secret") => ("secret", "secrets", namespace),
        ("", "Node") => ("node", "nodes", ""),
        (group, kind) => {
            return Err(Failure::bad_request(format!(
                "cannot bind token to object of type {group}/{version}, Kind={kind}"
            )));
        }
    };
    let name = text("name");
    let Some(found) = api.store.get(&table("", plural), &Key::new(namespace, name)) else {
        return Err(Failure::not_found("", plural, name));
    };
    let uid = meta::uid(&found.value);
    if !text("uid").is_empty() && text("uid") != uid {
        let why = format!(
            "the UID in the bound object reference ({}) does not match the UID in record. The object might have been \
             deleted and then recreated",
            text("uid")
        );
        return Err(Failure::conflict("", plural, name, &why));
    }
    Ok((kind, json!({"name": name, "uid": uid})))
}

/// Who sends this token to this server.
pub(crate) fn recognise(api: &Api, token: &str) -> Option<User> {
    let known = recognise_for(api, token, &[ISSUER]);
    known.ok().map(|(user, _)| user)
}

/// A token that says nothing here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It is not one of ours, ran out, or what it is bound to is gone.
    Token,
    /// It is meant for others.
    Audience { meant: Vec<String>, asked: Vec<String> },
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const INVALID: &str = "invalid bearer token";
        let list = |texts: &[String]| {
            let quoted: Vec<String> = texts.iter().map(|text| go_quote(text)).collect();
            quoted.join(" ")
        };
        match self {
            Unknown::Token => f.write_str(INVALID),
            Unknown::Audience { meant, asked } => write!(
                f,
                "[{INVALID}, token audiences [{}] is invalid for the target audiences [{}]]",
                list(meant),
                list(asked)
            ),
        }
    }
}

/// Whose token it is, and for whom of `audiences`.
pub(crate) fn recognise_for(
    api: &Api,
    token: &str,
    audiences: &[&str],
) -> Result<(User, Vec<String>), Unknown> {
    let claims = claims(api, token).ok_or(Unknown::Token)?;
    let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    let meant = meta::strings(claims.get("aud"));
    let common = audiences.iter().filter(|audience| meant.contains(audience));
    let common: Vec<String> = common.map(ToString::to_string).collect();
    if common.is_empty() {
        return Err(Unknown::Audience {
            meant: owned(&meant),
            asked: owned(audiences),
        });
    }
    let user = holder(api, &claims).ok_or(Unknown::Token)?;
    Ok((user, common))
}

/// What a token of ours says that has not run out.
fn claims(api: &Api, token: &str) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    if signature != signature_of(api, signed) {
        return None;
    }
    let (_, payload) = signed.split_once('.')?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    (claims.get("exp")?.as_i64()? > api.identity.now().as_second()).then_some(claims)
}

/// The service account that a token is for, while what it is bound to lives.
fn holder(api: &Api, claims: &Value) -> Option<User> {
    let bound = claims.get("kubernetes.io")?;
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or("").to_owned();
    let namespace = text(bound, "namespace");
    let account = bound.get("serviceaccount")?;
    let lives = |plural: &str, namespace: &str, object: &Value| {
        let key = Key::new(namespace, &text(object, "name"));
        let found = api.store.get(&table("", plural), &key);
        found.is_some_and(|found| meta::uid(&found.value) == text(object, "uid"))
    };
    if !lives("serviceaccounts", &namespace, account) {
        return None;
    }
    let mut extra = BTreeMap::new();
    let id = format!("JTI={}", text(claims, "jti"));
    extra.insert("authentication.kubernetes.io/credential-id".to_owned(), vec![id]);
    for (kind, plural, within) in [
        ("pod", "pods", namespace.as_str()),
        ("secret", "secrets", namespace.as_str()),
        ("node", "nodes", ""),
    ] {
        let Some(object) = bound.get(kind) else { continue };
        if !lives(plural, within, object) {
            return None;
        }
        for field in ["name", "uid"] {
            let key = format!("authentication.kubernetes.io/{kind}-{field}");
            extra.insert(key, vec![text(object, field)]);
        }
    }
    Some(User {
        name: text(claims, "sub"),
        uid: text(account, "uid"),
        groups: vec![
            "system:serviceaccounts".into(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".into(),
        ],
        extra,
    })
}

fn sign(api: &Api, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = encode(&json!({"alg": "HS256", "kid": "kubist"}));
    let signed = format!("{header}.{}", encode(claims));
    let signature = signature_of(api, &signed);
    format!("{signed}.{signature}")
}

/// HMAC-SHA-256 (RFC 2104) with the server's key.
fn signature_of(api: &Api, text: &str) -> String {
    let key = api.identity.key().to_be_bytes();
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(key).for_each(|(slot, key)| *slot ^= key);
        block
    };
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(text)
        .finalize();
    let outer = Sha256::new()
        .chain_update(pad(0x5C))
        .chain_update(inner)
        .finalize();
    URL_SAFE_NO_PAD.encode(outer)
}
