//! Patch.

use std::sync::Arc;

use kubist_merge::PatchError;
use serde_json::Value;

use crate::endpoints::read;
use crate::endpoints::replace::{Change, Outcome, replace};
use crate::endpoints::update::{TRIES, check_name};
use crate::http::answer::Answer;
use crate::http::fields::FieldError;
use crate::http::json;
use crate::http::options::WriteOptions;
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Schema};
use crate::kinds::strategy;
use crate::object::body::decode_patched;
use crate::object::view;
use crate::state::Api;
use crate::store::Key;

pub(crate) async fn patch(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    request: &Request,
    subresource: &str,
) -> Result<Answer, Failure> {
    let format = Format::of(kind, request.header("content-type"))?;
    let form = read::form(kind, request)?;
    let options = WriteOptions::parse(&request.query, "PatchOptions")?;
    if format != Format::Apply && request.query.get("force").is_some() {
        let error = FieldError::forbidden("force", "may not be specified for non-apply patch");
        return Err(Failure::invalid("meta.k8s.io", "PatchOptions", "", &[error]));
    }
    if format == Format::Apply {
        return crate::endpoints::apply::apply(api, kind, request, &options, form, subresource).await;
    }
    let target = &request.target;
    let key = Key::new(&target.namespace, &target.name);
    for _ in 0..TRIES {
        let Some(old) = api.store.get(&kind.table, &key) else {
            return Err(Failure::not_found(&kind.group, &kind.plural, &target.name));
        };
        let before = view::object(api, kind, &old.value).await?;
        let patch = json::parse(&request.body)
            .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
        let patched = format.apply(kind, &before, &patch.value)?;
        let told = &request.warnings;
        let mut new = decode_patched(kind, &options, &before, patched, format.surplus(&patch), told)?;
        check_name(&new, &target.name)?;
        strategy::default(kind, &mut new);
        let change = Change {
            request,
            options: &options,
            subresource,
            manager: request.manager(),
            asks: true,
        };
        match replace(api, kind, &change, &old, before, new).await? {
            Outcome::Done(value) => {
                let value = view::object(api, kind, &value).await?;
                return read::show(kind, request, form, 200, value);
            }
            Outcome::Moved => {}
        }
    }
    Err(Failure::modified(&kind.group, &kind.plural, &target.name))
}

/// How many operations a JSON patch may have.
const MOST_OPERATIONS: usize = 10_000;

/// The formats of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl Format {
    pub(crate) fn of(kind: &Kind, content_type: &str) -> Result<Format, Failure> {
        let media_type = content_type.split(';').next().unwrap_or("").trim();
        match media_type {
            "application/json-patch+json" => Ok(Format::Json),
            "application/merge-patch+json" => Ok(Format::Merge),
            "application/strategic-merge-patch+json" if kind.custom().is_none() => Ok(Format::Strategic),
            "application/apply-patch+yaml" | "application/apply-patch+json" => Ok(Format::Apply),
            "application/strategic-merge-patch+json" => Err(Failure::unsupported_media_type(&[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/apply-patch+yaml",
            ])),
            _ => Err(Failure {
                details: Some(serde_json::json!({})),
                ..Failure::new(415, "UnsupportedMediaType", "415: Unsupported Media Type")
            }),
        }
    }

    /// What a patch has that it should not have.
    fn surplus(self, patch: &json::Parsed) -> Vec<String> {
        let of = if self == Format::Json { "json patch " } else { "" };
        let doubled = patch.duplicates.iter();
        let doubled = doubled.map(|path| format!("{of}duplicate field {path:?}"));
        let operations = patch.value.as_array().filter(|_| self == Format::Json);
        let operations = operations.into_iter().flatten().enumerate();
        let unknown = operations.flat_map(|(at, operation)| {
            let fields = operation
                .as_object()
                .into_iter()
                .flat_map(|operation| operation.keys());
            let unknown = fields.filter(|field| !matches!(field.as_str(), "op" | "path" | "from" | "value"));
            unknown.map(move |field| format!("{of}unknown field {:?}", format!("[{at}].{field}")))
        });
        doubled.chain(unknown).collect()
    }

    pub(crate) fn apply(self, kind: &Kind, before: &Value, patch: &Value) -> Result<Value, Failure> {
        let mut object = before.clone();
        match self {
            Format::Json => json_patch(&mut object, patch)?,
            Format::Merge => {
                if !patch.is_object() {
                    let found = json::noun(patch);
                    return Err(Failure::bad_request(format!(
                        "error decoding patch: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
                    )));
                }
                kubist_merge::json_merge(&mut object, patch);
            }
            Format::Strategic => {
                let Schema::Builtin(message) = &kind.schema else {
                    return Err(Failure::unprocessable());
                };
                if !patch.is_object() {
                    let found = json::noun(patch);
                    return Err(Failure::bad_request(format!(
                        "json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
                    )));
                }
                kubist_merge::strategic_merge(&mut object, patch, message).map_err(|error| match error {
                    PatchError::WrongType { .. } => Failure::bad_request(error.to_string()),
                    _ => Failure::unknown(error.to_string()),
                })?;
            }
            Format::Apply => {}
        }
        Ok(object)
    }
}

/// Applies a JSON patch, if it is not too long.
pub(crate) fn json_patch(object: &mut Value, patch: &Value) -> Result<(), Failure> {
    let Some(operations) = patch.as_array() else {
        let found = json::noun(patch);
        return Err(Failure::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {found} into Go value of type []handlers.jsonPatchOp"
        )));
    };
    if operations.len() > MOST_OPERATIONS {
        return Err(Failure::new(
            413,
            "RequestEntityTooLarge",
            format!(
                "Request entity too large: The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {}",
                operations.len()
            ),
        ));
    }
    kubist_merge::json_patch(object, patch).map_err(|_| Failure::unprocessable())
}
