//! The `scale` of objects that have one.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{TRIES, body};
use crate::admission::{self, Attributes, Operation};
use crate::endpoints::apply::{applier, merged};
use crate::endpoints::patch::{Format, json_patch};
use crate::endpoints::read;
use crate::endpoints::replace::{self, Change, Outcome};
use crate::http::answer::Answer;
use crate::http::fields::FieldError;
use crate::http::json;
use crate::http::negotiate;
use crate::http::options::WriteOptions;
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::object::meta;
use crate::object::table;
use crate::object::view;
use crate::state::Api;

/// Where the numbers of a scale are in an object.
struct Paths {
    spec: String,
    status: String,
    selector: Option<String>,
}

fn scale_paths(kind: &Kind) -> Paths {
    match kind.custom().and_then(|custom| custom.scale.as_ref()) {
        Some(scale) => Paths {
            spec: scale.spec_replicas.clone(),
            status: scale.status_replicas.clone(),
            selector: scale.selector.clone(),
        },
        None => Paths {
            spec: ".spec.replicas".into(),
            status: ".status.replicas".into(),
            selector: None,
        },
    }
}

/// The `Scale` of an object.
///
/// A custom object without a number has none to show, but may get one.
fn scale_of(kind: &Kind, object: &Value, for_write: bool) -> Result<Value, Failure> {
    let lenient = for_write || kind.custom().is_none();
    let paths = scale_paths(kind);
    let number = |path: &str| meta::at(object, path).and_then(Value::as_i64);
    let Some(replicas) = number(&paths.spec).or_else(|| lenient.then_some(0)) else {
        return Err(Failure::internal(format!(
            "the spec replicas field {:?} does not exist",
            paths.spec
        )));
    };
    let mut metadata = json!({"name": meta::name(object)});
    for field in ["namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = meta::get(object, field) {
            metadata[field] = value.clone();
        }
    }
    let mut status = json!({"replicas": number(&paths.status).unwrap_or(0)});
    let selector = match &paths.selector {
        Some(path) => meta::at(object, path).and_then(Value::as_str).map(str::to_owned),
        None => meta::at(object, "spec.selector").map(selector_text),
    };
    if let Some(selector) = selector.filter(|selector| !selector.is_empty()) {
        status["selector"] = selector.into();
    }
    let mut spec = json!({});
    if replicas != 0 {
        spec["replicas"] = replicas.into();
    }
    Ok(json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status,
    }))
}

/// A label selector as text.
fn selector_text(selector: &Value) -> String {
    let pairs = selector.get("matchLabels").unwrap_or(selector);
    let mut terms: Vec<String> = pairs
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect();
    for expression in selector
        .get("matchExpressions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let key = expression["key"].as_str().unwrap_or("");
        let values = meta::strings(expression.get("values")).join(",");
        terms.push(match expression["operator"].as_str().unwrap_or("") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    terms.sort();
    terms.join(",")
}

pub(super) async fn scale(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let target = &request.target;
    let form = read::form(kind, request)?;
    let shown = |value: Value| -> Result<Answer, Failure> {
        let value = match form.view {
            negotiate::View::Object => value,
            negotiate::View::Table => {
                let include = table::included(&request.query)?;
                table::of_scale(&value, kind.custom().is_some(), include)
            }
            negotiate::View::Partial => view::partial(&value),
            negotiate::View::PartialList => {
                let package = if kind.custom().is_some() {
                    "v1"
                } else {
                    "autoscaling"
                };
                let found = format!("not a list (*{package}.Scale)");
                return Err(Failure::not_a_view("PartialObjectMetadataList", &found));
            }
        };
        Ok(Answer::Object {
            code: 200,
            value,
            encoding: form.encoding,
        })
    };
    if target.verb == "get" {
        let stored = read::find(api, kind, request)?;
        return shown(scale_of(
            kind,
            &view::object(api, kind, &stored.value).await?,
            false,
        )?);
    }
    let options_kind = if target.verb == "patch" {
        "PatchOptions"
    } else {
        "UpdateOptions"
    };
    let options = WriteOptions::parse(&request.query, options_kind)?;
    for _ in 0..TRIES {
        let old = read::find(api, kind, request)?;
        let object = view::object(api, kind, &old.value).await?;
        let before = scale_of(kind, &object, true)?;
        let mut applied = false;
        let mut after = if target.verb == "patch" {
            let format = Format::of(kind, request.header("content-type"))?;
            let patch = json::parse_yaml(&request.body)
                .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
            let mut after = before.clone();
            applied = format == Format::Apply;
            match format {
                Format::Json => {
                    json_patch(&mut after, &patch.value)?;
                }
                // A scale has no lists to merge.
                _ => kubist_merge::json_merge(&mut after, &patch.value),
            }
            after
        } else {
            body(request, "Scale")?
        };
        if meta::name(&after) != target.name {
            return Err(Failure::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                meta::name(&after),
                target.name
            )));
        }
        let attributes = Attributes::new(
            request.origin(),
            kind,
            Operation::Update,
            &target.namespace,
            &target.name,
        )
        .subresource("scale")
        .options(options.told("UpdateOptions"), options.dry_run);
        admission::mutate(api, &attributes, Some(&mut after), Some(&before)).await?;
        let replicas = match meta::at(&after, "spec.replicas") {
            None | Some(Value::Null) => 0,
            Some(value) => value.as_i64().ok_or_else(|| {
                Failure::bad_request(
                    "json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32",
                )
            })?,
        };
        if let (Some(_), true) = (kind.custom(), replicas < 0) {
            let field = scale_paths(kind).spec;
            let detail = "should be a non-negative integer";
            let error = FieldError::invalid(field, &replicas.into(), detail);
            return Err(Failure::invalid(&kind.group, &kind.kind, &target.name, &[error]));
        }
        if replicas < 0 {
            let error = FieldError::invalid(
                "spec.replicas",
                &replicas.into(),
                "must be greater than or equal to 0",
            );
            return Err(Failure::invalid("autoscaling", "Scale", &target.name, &[error]));
        }
        admission::validate(api, &attributes, Some(&after), Some(&before)).await?;
        let mut new = object.clone();
        if applied {
            // Whoever applies a scale applies the number of its object.
            let mut config = json!({
                "apiVersion": kind.api_version(), "kind": kind.kind, "metadata": {"name": target.name},
            });
            put(&mut config, &scale_paths(kind).spec, replicas.into());
            let manager = applier(request, "scale")?;
            new = merged(api, kind, request, &options, (&object, &config), &manager).await?;
        } else {
            put(&mut new, &scale_paths(kind).spec, replicas.into());
        }
        meta::set(&mut new, "resourceVersion", meta::text(&after, "resourceVersion"));
        if meta::text(&new, "resourceVersion").is_empty() {
            meta::set(&mut new, "resourceVersion", old.revision.to_string());
        }
        let change = Change {
            request,
            options: &options,
            subresource: "scale",
            manager: if applied { String::new() } else { request.manager() },
            asks: false,
        };
        match replace::replace(api, kind, &change, &old, object, new).await? {
            Outcome::Done(value) => {
                return shown(scale_of(kind, &view::object(api, kind, &value).await?, true)?);
            }
            Outcome::Moved => {}
        }
    }
    Err(Failure::modified(&kind.group, &kind.plural, &target.name))
}

/// Sets the value at a dotted path.
fn put(object: &mut Value, path: &str, value: Value) {
    let mut steps: Vec<&str> = path.split('.').filter(|step| !step.is_empty()).collect();
    let Some(last) = steps.pop() else { return };
    let mut map = meta::object(object);
    for step in steps {
        map = meta::object(map.entry(step).or_insert(Value::Null));
    }
    map.insert(last.into(), value);
}
