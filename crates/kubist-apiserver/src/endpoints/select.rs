//! Selectors of a list or watch.

use std::borrow::Cow;
use std::sync::Arc;

use kubist_core::fields::{FieldRequirement, FieldSelector, ParseFieldSelectorError};
use kubist_core::labels::{ParseSelectorError, Selector, SelectorExt as _};
use serde_json::Value;

use crate::endpoints::labels;
use crate::http::request::Query;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::object::{meta, view};
use crate::state::Api;

/// Which objects are asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    labels: Option<Selector>,
    numbers: Vec<Comparison>,
    fields: FieldSelector,
}

impl Selection {
    /// Reads the selectors of a query; a name in the path counts as a field selector.
    pub(crate) fn parse(query: &Query, kind: &Kind, name: &str) -> Result<Selection, Failure> {
        let text = query.get("fieldSelector").unwrap_or("");
        let mut fields: FieldSelector = text
            .parse()
            .map_err(|error| Failure::bad_request(unreadable(text, &error)))?;
        for requirement in fields.requirements() {
            let (FieldRequirement::Equal(path, _) | FieldRequirement::NotEqual(path, _)) = requirement;
            if !kind.selectors.iter().any(|known| known == path) {
                return Err(unknown_field(kind, path));
            }
        }
        if !name.is_empty() {
            fields = fields.equal("metadata.name", name);
        }
        let text = query.get("labelSelector").unwrap_or("");
        labels::check(text).map_err(Failure::bad_request)?;
        let (text, numbers) = Comparison::split(text);
        let labels: Selector = text
            .parse()
            .map_err(|error: ParseSelectorError| Failure::bad_request(error.to_string()))?;
        Ok(Selection {
            labels: (!labels.selects_all()).then_some(labels),
            numbers,
            fields,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_none() && self.numbers.is_empty() && self.fields.selects_all()
    }

    /// Whether objects must be in the version of `kind` to be told apart: a webhook may have
    /// moved the fields that they are selected by.
    pub(crate) fn is_by_version(&self, kind: &Kind) -> bool {
        let converted = kind.custom().is_some_and(|custom| custom.conversion.is_some());
        converted
            && self.fields.requirements().iter().any(|requirement| {
                let (FieldRequirement::Equal(path, _) | FieldRequirement::NotEqual(path, _)) = requirement;
                !path.starts_with("metadata.")
            })
    }

    /// Whether a stored object is selected.
    pub(crate) async fn selects(&self, api: &Api, kind: &Kind, stored: &Arc<Value>) -> Result<bool, Failure> {
        if !self.is_by_version(kind) {
            return Ok(self.matches(kind, stored));
        }
        let shown = view::cached(api, kind, [stored]).await?;
        Ok(shown.iter().all(|object| self.matches(kind, object)))
    }

    pub(crate) fn matches(&self, kind: &Kind, object: &Value) -> bool {
        self.fields
            .matches(|path| Some(Cow::Owned(field_value(kind, object, path))))
            && self.numbers.iter().all(|comparison| comparison.matches(object))
            && self.labels.as_ref().is_none_or(|selector| {
                let labels = meta::get(object, "labels").and_then(Value::as_object);
                let labels = labels.into_iter().flatten();
                let labels =
                    labels.map(|(key, value)| (key.clone(), value.as_str().unwrap_or("").to_owned()));
                selector.matches(&labels.collect())
            })
    }
}

/// `key>1` or `key<1`: servers know these, clients' selectors do not.
#[derive(Clone, Debug)]
struct Comparison {
    key: String,
    greater: bool,
    than: i64,
}

impl Comparison {
    /// Takes the comparisons out of a label selector.
    fn split(text: &str) -> (String, Vec<Comparison>) {
        let (mut rest, mut found) = (Vec::new(), Vec::new());
        for term in text.split(',') {
            match Comparison::read(term) {
                Some(comparison) => found.push(comparison),
                None => rest.push(term),
            }
        }
        (rest.join(","), found)
    }

    fn read(term: &str) -> Option<Comparison> {
        let (key, value) = term.split_once(['<', '>'])?;
        Some(Comparison {
            key: key.trim().to_owned(),
            greater: term.contains('>'),
            than: value.trim().parse().ok()?,
        })
    }

    fn matches(&self, object: &Value) -> bool {
        let value = meta::get(object, "labels")
            .and_then(|labels| labels.get(&self.key))
            .and_then(Value::as_str);
        let number = value.and_then(|value| value.parse::<i64>().ok());
        number.is_some_and(|number| {
            if self.greater {
                number > self.than
            } else {
                number < self.than
            }
        })
    }
}

/// What a real server says about a text that is no field selector.
fn unreadable(text: &str, error: &ParseFieldSelectorError) -> String {
    match error {
        ParseFieldSelectorError::NoOperator { index } => {
            let term = text.split(',').nth(*index).unwrap_or("");
            format!("invalid selector: '{text}'; can't understand '{term}'")
        }
        error => error.to_string(),
    }
}

/// The message for a field that a kind cannot be selected by.
fn unknown_field(kind: &Kind, path: &str) -> Failure {
    let only_metadata = kind.selectors.iter().all(|known| known.starts_with("metadata."));
    Failure::bad_request(if kind.custom().is_some() || !only_metadata {
        format!("field label not supported: {path}")
    } else {
        format!("{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
    })
}

/// A field as a selector sees it: text, empty if it isn't there.
fn field_value(kind: &Kind, object: &Value, path: &str) -> String {
    // Some selectors name a field that is elsewhere in the object.
    let value = match (kind.plural.as_str(), path) {
        ("events", "source") => {
            return meta::at(object, "source.component")
                .or_else(|| object.get("reportingComponent"))
                .and_then(Value::as_str)
                .unwrap_or("")
                .into();
        }
        ("jobs", "status.successful") => meta::at(object, "status.succeeded"),
        ("pods", "status.podIPs") => {
            let ips = meta::at(object, "status.podIPs").and_then(Value::as_array);
            let ips = ips.into_iter().flatten().filter_map(|ip| ip.get("ip")?.as_str());
            return ips.collect::<Vec<_>>().join(",");
        }
        ("events", path) => meta::at(object, &crate::kinds::event::stored_path(path)),
        _ => meta::at(object, path),
    };
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => match path {
            "spec.hostNetwork" | "spec.unschedulable" => "false".into(),
            "status.successful" | "status.replicas" => "0".into(),
            _ => String::new(),
        },
        Some(other) => other.to_string(),
    }
}
