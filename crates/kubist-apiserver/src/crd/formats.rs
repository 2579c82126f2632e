//! Formats of strings.

use serde_json::Value;

use crate::object::metavalidate::{NameRule, name_problems};

/// The formats that a server knows, whatever it checks of them.
const KNOWN: [&str; 31] = [
    "bsonobjectid",
    "byte",
    "cidr",
    "creditcard",
    "date",
    "date-time",
    "datetime",
    "double",
    "duration",
    "email",
    "float",
    "hexcolor",
    "hostname",
    "int32",
    "int64",
    "ipv4",
    "ipv6",
    "isbn",
    "isbn10",
    "isbn13",
    "k8s-long-name",
    "k8s-short-name",
    "mac",
    "password",
    "rgbcolor",
    "ssn",
    "uri",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
];

/// Adds the formats of a schema, and of all that is in it, that are not known.
pub(super) fn unknown<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
    match schema {
        Value::Object(map) => {
            if let Some(format) = map.get("format").and_then(Value::as_str)
                && !format.is_empty()
                && !KNOWN.contains(&format)
                && !found.contains(&format)
            {
                found.push(format);
            }
            let parts = ["items", "additionalProperties", "not"]
                .into_iter()
                .filter_map(|key| map.get(key));
            parts.for_each(|part| unknown(part, found));
            let properties = map.get("properties").and_then(Value::as_object);
            properties
                .into_iter()
                .flatten()
                .for_each(|(_, part)| unknown(part, found));
            for key in ["allOf", "anyOf", "oneOf"] {
                let parts = map.get(key).and_then(Value::as_array);
                parts.into_iter().flatten().for_each(|part| unknown(part, found));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| unknown(item, found)),
        _ => {}
    }
}

/// Whether a text is of a string format; formats that a server does not know allow everything.
pub(crate) fn fits_format(format: &str, text: &str) -> bool {
    match format {
        "date-time" | "datetime" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10,
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "ip" => text.parse::<std::net::IpAddr>().is_ok(),
        "cidr" => text.split_once('/').is_some_and(|(address, length)| {
            let most = if address.contains(':') { 128 } else { 32 };
            address.parse::<std::net::IpAddr>().is_ok()
                && length.parse::<u8>().is_ok_and(|length| length <= most)
        }),
        "byte" => crate::object::decode::base64(text).is_ok(),
        "uuid" | "uuid3" | "uuid4" | "uuid5" => {
            let hex: Vec<&str> = text.split('-').collect();
            let lengths: Vec<usize> = hex.iter().map(|part| part.len()).collect();
            (lengths == [8, 4, 4, 4, 12] || lengths == [32])
                && hex.iter().all(|part| part.bytes().all(|b| b.is_ascii_hexdigit()))
        }
        "hostname" => name_problems(NameRule::Subdomain, &text.to_lowercase()).is_empty(),
        "email" => text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()),
        "uri" => {
            text.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some())
                || text.contains(':') && !text.contains(' ')
        }
        "duration" => is_duration(text),
        _ => true,
    }
}

/// A duration as Go prints it, such as `1h30m`.
fn is_duration(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut rest = rest;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        if digits == 0 || digits == rest.len() {
            return false;
        }
        rest = &rest[digits..];
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"]
            .into_iter()
            .find_map(|unit| rest.strip_prefix(unit));
        match unit {
            Some(after) => rest = after,
            None => return false,
        }
    }
    !text.is_empty()
}
