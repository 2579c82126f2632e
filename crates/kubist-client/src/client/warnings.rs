//! What a server warns of.

use std::{collections::HashSet, fmt, sync::Arc};

use http::{HeaderMap, HeaderValue, header::WARNING};
use parking_lot::Mutex;

/// How many texts are remembered, so as not to say them again.
const REMEMBERED: usize = 256;

/// How much of a text is taken.
const TEXT_LIMIT: usize = 4096;

/// What a server says beside an answer: that an API is deprecated, that a field has no effect.
///
/// ```
/// # use http::{Request, Response};
/// # use kubist_client::{Client, client::Body};
/// use kubist_client::client::Warning;
///
/// # fn run(client: Client) {
/// let client = client.with_warnings(|warning: &Warning| {
///     eprintln!("{} ({}): {}", warning.agent, warning.code, warning.text);
/// });
/// # }
/// ```
///
/// Source: [RFC 7234, 5.5](https://www.rfc-editor.org/rfc/rfc7234#section-5.5), and
/// [KEP-1693](https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/1693-warnings).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// What sort of warning it is; servers of Kubernetes send 299 only.
    pub code: u16,
    /// Who warns; mostly `-`.
    pub agent: String,
    /// What it says.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Who is told of warnings.
#[derive(Clone)]
pub(super) struct Warnings(Arc<dyn Fn(&Warning) + Send + Sync>);

impl Default for Warnings {
    /// Says each text once, by `tracing`.
    fn default() -> Self {
        let said = Mutex::new(HashSet::new());
        Self::new(move |warning| {
            let is_new = {
                let mut said = said.lock();
                said.len() < REMEMBERED && said.insert(warning.text.clone())
            };
            if is_new {
                tracing::warn!(agent = warning.agent, "server warns: {}", warning.text);
            }
        })
    }
}

impl Warnings {
    pub(super) fn new(handler: impl Fn(&Warning) + Send + Sync + 'static) -> Self {
        Self(Arc::new(handler))
    }

    /// Tells of the warnings beside an answer; those that are malformed are left out.
    pub(super) fn tell(&self, headers: &HeaderMap) {
        for value in headers.get_all(WARNING) {
            for warning in Parser::new(value) {
                (self.0)(&warning);
            }
        }
    }
}

/// Reads `code agent "text"`, which may be followed by a date and by more, behind commas.
struct Parser<'a>(&'a str);

impl<'a> Parser<'a> {
    fn new(value: &'a HeaderValue) -> Self {
        Self(std::str::from_utf8(value.as_bytes()).unwrap_or_default())
    }

    /// Text in quotes, where a backslash quotes what comes after it.
    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut rest = self.0.strip_prefix('"')?.chars();
        loop {
            match rest.next()? {
                '"' => break,
                '\\' => text.push(rest.next()?),
                character => text.push(character),
            }
        }
        self.0 = rest.as_str();
        let limit = text.floor_char_boundary(TEXT_LIMIT);
        text.truncate(limit);
        Some(text)
    }

    fn word(&mut self) -> Option<&'a str> {
        let (word, rest) = self.0.split_once(' ')?;
        self.0 = rest;
        Some(word)
    }
}

impl Iterator for Parser<'_> {
    type Item = Warning;

    fn next(&mut self) -> Option<Warning> {
        self.0 = self.0.trim_start_matches([' ', '\t', ',']);
        let code = self.word().filter(|code| code.len() == 3)?.parse().ok()?;
        let agent = self.word()?.to_owned();
        let text = self.quoted()?;
        if let Some(dated) = self.0.strip_prefix(' ') {
            self.0 = dated;
            if dated.starts_with('"') {
                self.quoted()?;
            }
        }
        Some(Warning { code, agent, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Vec<String> {
        let value = HeaderValue::from_str(value).expect("valid");
        Parser::new(&value).map(|warning| warning.text).collect()
    }

    #[test]
    fn warnings_are_read() {
        for (value, expected) in [
            (r#"299 - "v1 Foo is deprecated""#, &["v1 Foo is deprecated"][..]),
            (r#"299 - "a, \"b\" \\", 199 host:1 "c""#, &["a, \"b\" \\", "c"]),
            (
                r#"299 - "a" "Sat, 01 Jan 2026 00:00:00 GMT",299 - "b""#,
                &["a", "b"],
            ),
            (r#"299 - """#, &[""]),
            ("299 - a", &[]),
            (r#"299 - "a"#, &[]),
            (r#"2999 - "a""#, &[]),
            ("299", &[]),
            ("", &[]),
        ] {
            assert_eq!(parse(value), expected, "{value}");
        }
        assert_eq!(
            parse(&format!("299 - \"{}\"", "a".repeat(9000)))[0].len(),
            TEXT_LIMIT
        );
    }
}
