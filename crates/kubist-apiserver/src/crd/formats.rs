//! Formats of strings.

use crate::object::metavalidate::{NameRule, name_problems};

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
