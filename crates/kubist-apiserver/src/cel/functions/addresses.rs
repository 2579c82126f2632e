//! What is said of texts that are no addresses.

use std::sync::Arc;

use kube_cel::cel::extractors::{Arguments, This};
use kube_cel::cel::{Context, ExecutionError, Value};

use super::formats::uri;
use super::library;

pub(super) fn register(context: &mut Context<'_>) {
    for (name, words) in [
        ("ip", ip as fn(&str, &str) -> String),
        ("ip.isCanonical", ip),
        ("cidr", cidr),
        ("url", url),
        ("semver", semver),
    ] {
        context.add_function(
            name,
            move |This(of): This<Value>, Arguments(rest): Arguments| -> Result<Value, ExecutionError> {
                let Value::String(text) = &of else {
                    return library::method(name, of, &rest);
                };
                let text = Arc::clone(text);
                let mut arguments = vec![of];
                // What has a namespace has no target, and all arguments are in the rest.
                if !name.contains('.') {
                    arguments.extend(rest.iter().cloned());
                }
                library::function(name, &arguments).map_err(|error| {
                    let told = match &error {
                        ExecutionError::FunctionError { message, .. } => message.as_str(),
                        _ => "",
                    };
                    ExecutionError::function_error("", words(&text, told))
                })
            },
        );
    }
}

fn ip(text: &str, told: &str) -> String {
    if told.contains("mapped") {
        return format!("IPv4-mapped IPv6 address {text:?} is not allowed");
    }
    format!(
        "IP Address {text:?} parse error during conversion from string: ParseAddr({text:?}): {}",
        unparsable(text)
    )
}

/// Why a text is no address, in the words of Go.
fn unparsable(text: &str) -> &'static str {
    match text
        .find(['.', ':', '%'])
        .and_then(|at| text.get(at..)?.chars().next())
    {
        Some('.') => {}
        _ => return "unable to parse IP",
    }
    let fields: Vec<&str> = text.split('.').collect();
    for field in &fields {
        if field.len() > 1 && field.starts_with('0') {
            return "IPv4 field has octet with leading zero";
        }
        if field.parse::<u32>().is_ok_and(|number| number > 255) {
            return "IPv4 field has value >255";
        }
    }
    if fields.len() < 4 {
        "IPv4 address too short"
    } else {
        "unexpected character"
    }
}

fn cidr(text: &str, _: &str) -> String {
    let why = match text.rsplit_once('/') {
        None => "no '/'".to_owned(),
        Some((address, _)) if address.parse::<std::net::IpAddr>().is_ok() => {
            "prefix length out of range".to_owned()
        }
        Some((address, _)) => format!("ParseAddr({address:?}): {}", unparsable(address)),
    };
    let said = "network address parse error during conversion from string: ";
    format!("{said}{said}netip.ParsePrefix({text:?}): {why}")
}

fn url(text: &str, _: &str) -> String {
    let why = uri(text).unwrap_or_else(|| format!("parse {text:?}: invalid URI for request"));
    format!("URL parse error during conversion from string: {why}")
}

fn semver(text: &str, told: &str) -> String {
    if text.split(['-', '+']).next().unwrap_or("").split('.').count() < 3 {
        return "No Major.Minor.Patch elements found".into();
    }
    told.to_owned()
}
