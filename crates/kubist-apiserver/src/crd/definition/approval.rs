//! Groups that belong to Kubernetes itself.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::object::member::text;
use crate::object::meta;

const ANNOTATION: &str = "api-approved.kubernetes.io";

/// What the annotation of a definition says.
#[derive(PartialEq, Eq)]
enum Approval {
    Missing,
    Invalid,
    Given,
}

/// Asks for an approval where the group is a protected one.
pub(super) fn validate(crd: &Value, old: Option<&Value>) -> Option<FieldError> {
    let group = text(&crd["spec"], "group");
    let is_protected = ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|domain| group == *domain || group.ends_with(&format!(".{domain}")));
    let (approval, given) = approval(crd);
    if !is_protected || old.is_some_and(|old| self::approval(old).0 == approval) {
        return None;
    }
    let field = format!("metadata.annotations[{ANNOTATION}]");
    match approval {
        Approval::Given => None,
        Approval::Missing => Some(FieldError::required(
            field,
            &format!(
                "protected groups must have approval annotation {ANNOTATION:?}, see \
                 https://github.com/kubernetes/enhancements/pull/1111"
            ),
        )),
        Approval::Invalid => Some(FieldError::invalid_text(
            field,
            given,
            &format!(
                "protected groups must have approval annotation {ANNOTATION:?} with either a URL or a reason starting \
                 with \"unapproved\", see https://github.com/kubernetes/enhancements/pull/1111"
            ),
        )),
    }
}

fn approval(crd: &Value) -> (Approval, &str) {
    let given = meta::get(crd, "annotations").map_or("", |annotations| text(annotations, ANNOTATION));
    let is_url = given
        .parse::<http::Uri>()
        .is_ok_and(|uri| uri.host().is_some() && uri.scheme().is_some());
    let approval = match given {
        "" => Approval::Missing,
        given if given.starts_with("unapproved") || is_url => Approval::Given,
        _ => Approval::Invalid,
    };
    (approval, given)
}
