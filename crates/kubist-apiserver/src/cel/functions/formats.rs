//! Named formats: `format.named("uuid")`, `format.uuid()` and their `validate`.
//!
//! <https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-format-library>

use std::sync::Arc;

use kube_cel::cel::extractors::This;
use kube_cel::cel::objects::Opaque;
use kube_cel::cel::{Context, ExecutionError, Value};

use super::no_such;
use crate::cel::optional;
use crate::crd::formats::fits_format;
use crate::object::metavalidate::{NameRule, label_value_problems, name_problems, qualified_name_problems};

const NAMES: [&str; 13] = [
    "byte",
    "date",
    "datetime",
    "dns1035Label",
    "dns1035LabelPrefix",
    "dns1123Label",
    "dns1123LabelPrefix",
    "dns1123Subdomain",
    "dns1123SubdomainPrefix",
    "labelValue",
    "qualifiedName",
    "uri",
    "uuid",
];

#[derive(Debug, PartialEq, Eq)]
struct Format(&'static str);

impl Opaque for Format {
    fn runtime_type_name(&self) -> &str {
        "kubernetes.NamedFormat"
    }
}

pub(super) fn register(context: &mut Context<'_>) {
    let value = |name: &'static str| Value::Opaque(Arc::new(Format(name)));
    for name in NAMES {
        context.add_function(
            &format!("format.{name}"),
            move || -> Result<Value, ExecutionError> { Ok(value(name)) },
        );
    }
    context.add_function(
        "format.named",
        move |name: Arc<String>| -> Result<Value, ExecutionError> {
            let known = NAMES.into_iter().find(|known| *known == name.as_str());
            Ok(optional(known.map(value)))
        },
    );
    context.add_function(
        "validate",
        |This(of): This<Value>, text: Arc<String>| -> Result<Value, ExecutionError> {
            let Some(name) = format_name(&of) else {
                return Err(no_such("validate"));
            };
            let problems = problems(name, &text);
            let texts = problems
                .into_iter()
                .map(|problem| Value::String(Arc::new(problem)));
            let texts: Vec<Value> = texts.collect();
            Ok(optional(
                (!texts.is_empty()).then(|| Value::List(Arc::new(texts))),
            ))
        },
    );
}

/// The name of a format.
pub(in crate::cel) fn format_name(of: &Value) -> Option<&'static str> {
    match of {
        Value::Opaque(opaque) => opaque.downcast_ref::<Format>().map(|Format(name)| *name),
        _ => None,
    }
}

fn problems(format: &str, text: &str) -> Vec<String> {
    let unless = |fits: bool, problem: &str| {
        if fits {
            Vec::new()
        } else {
            vec![problem.to_owned()]
        }
    };
    match format {
        "dns1123Label" => name_problems(NameRule::Label, text),
        "dns1123LabelPrefix" => name_problems(NameRule::Label, &prefix(text)),
        "dns1123Subdomain" => name_problems(NameRule::Subdomain, text),
        "dns1123SubdomainPrefix" => name_problems(NameRule::Subdomain, &prefix(text)),
        "dns1035Label" => name_problems(NameRule::Label1035, text),
        "dns1035LabelPrefix" => name_problems(NameRule::Label1035, &prefix(text)),
        "qualifiedName" => qualified_name_problems(text),
        "labelValue" => label_value_problems(text),
        "uri" => uri(text).into_iter().collect(),
        "uuid" => unless(fits_format("uuid", text), "does not match the UUID format"),
        "byte" => unless(fits_format("byte", text), "invalid base64"),
        "date" => unless(fits_format("date", text), "invalid date"),
        _ => unless(fits_format("datetime", text), "invalid datetime"),
    }
}

/// What a generated name could look like that begins so.
fn prefix(text: &str) -> String {
    match text.strip_suffix('-') {
        Some(start) if start.len() > 1 => format!("{}a", start.get(..start.len() - 1).unwrap_or(start)),
        Some(_) if text.len() > 1 => "a".into(),
        _ => text.to_owned(),
    }
}

/// Why a text is not what a request can be about, in the words of Go.
pub(super) fn uri(text: &str) -> Option<String> {
    let failed = |why: &str| Some(format!("parse {text:?}: {why}"));
    if text.chars().any(|c| c.is_ascii_control()) {
        return failed("net/url: invalid control character in URL");
    }
    if text.is_empty() {
        return failed("empty url");
    }
    if text.starts_with('/') || text == "*" {
        return None;
    }
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if text.starts_with(':') {
        return failed("missing protocol scheme");
    }
    if !is_scheme || rest.is_empty() {
        return failed("invalid URI for request");
    }
    let host = rest.strip_prefix("//").unwrap_or("");
    let host = host.split(['/', '?', '#']).next().unwrap_or("");
    match host
        .chars()
        .find(|c| c.is_whitespace() || "<>\"\\^`{}|".contains(*c))
    {
        Some(c) => failed(&format!("invalid character {:?} in host name", c.to_string())),
        None => None,
    }
}
