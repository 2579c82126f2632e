//! Which form of an answer a client accepts, and in which form it sends bodies.

use crate::http::json::{self, Parsed};
use crate::http::protobuf;
use crate::http::status::Failure;

pub(crate) const JSON: &str = "application/json";
pub(crate) const YAML: &str = "application/yaml";

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) encoding: Encoding,
    pub(crate) view: View,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    /// Indented, for readers.
    PrettyJson,
    Yaml,
    Protobuf,
}

impl Encoding {
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Encoding::Json | Encoding::PrettyJson => JSON,
            Encoding::Yaml => YAML,
            Encoding::Protobuf => protobuf::MEDIA_TYPE,
        }
    }

    /// JSON indented, if that is wanted.
    pub(crate) fn indented(self, pretty: bool) -> Encoding {
        match self {
            Encoding::Json if pretty => Encoding::PrettyJson,
            other => other,
        }
    }

    /// The media type of a watch.
    pub(crate) fn stream_type(self) -> &'static str {
        match self {
            Encoding::Protobuf => protobuf::STREAM,
            _ => JSON,
        }
    }
}

/// What of the objects is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Object,
    Table,
    Partial,
    PartialList,
}

impl Form {
    pub(crate) const JSON: Form = Form {
        encoding: Encoding::Json,
        view: View::Object,
    };
}

/// Chooses the form that an `Accept` header asks for.
///
/// `custom` says that whole objects have no protobuf form.
pub(crate) fn accept(header: &str, custom: bool, available: &[&str]) -> Result<Form, Failure> {
    if header.trim().is_empty() {
        return Ok(Form::JSON);
    }
    ranges(header)
        .iter()
        .find_map(|range| range.form(custom))
        .ok_or_else(|| Failure::not_acceptable(available))
}

/// How a document of discovery is served, which decides what may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// By a route that knows its media types by name.
    Route,
    /// By a handler that takes a wildcard for the subtype, too.
    Document,
}

/// Chooses how a document of discovery is written.
pub(crate) fn accept_document(header: &str, offer: Offer) -> Result<Encoding, Failure> {
    if header.trim().is_empty() {
        return Ok(Encoding::Json);
    }
    let ranges = ranges(header);
    let any = |range: &&Range<'_>| offer == Offer::Document && range.media_type == "application/*";
    let found = ranges.iter().find_map(|range| match range.encoding() {
        _ if !range.view.is_empty() || !matches!(range.stream, "" | "watch") => None,
        None => any(&range).then_some(Encoding::Json),
        known => known,
    });
    found.ok_or_else(|| {
        let is_routed = offer == Offer::Document || ranges.iter().any(|range| range.encoding().is_some());
        if is_routed {
            Failure::not_offered(BODIES)
        } else {
            Failure::not_acceptable(BODIES)
        }
    })
}

/// Looks whether a client takes what there is in JSON only.
pub(crate) fn accept_json(header: &str) -> Result<(), Failure> {
    let known = |range: &Range<'_>| matches!(range.encoding(), Some(Encoding::Json | Encoding::PrettyJson));
    if header.trim().is_empty() || header.split(',').map(Range::read).any(|range| known(&range)) {
        return Ok(());
    }
    Err(Failure::not_acceptable(&[JSON]))
}

/// How a client takes aggregated discovery, which has no protobuf form here; nothing if it doesn't.
pub(crate) fn accept_aggregated(header: &str) -> Option<Encoding> {
    let ranges = ranges(header);
    let mut wanted = ranges.iter().filter(|range| {
        range.view == "APIGroupDiscoveryList" && range.group == "apidiscovery.k8s.io" && range.version == "v2"
    });
    wanted.find_map(|range| {
        range
            .encoding()
            .filter(|encoding| *encoding != Encoding::Protobuf)
    })
}

/// Chooses the form of a watch, which is written frame by frame: there are none of YAML.
pub(crate) fn accept_stream(header: &str, custom: bool) -> Result<Form, Failure> {
    let streams: Vec<&str> = header.split(',').filter(|range| !is_yaml(range)).collect();
    if streams.is_empty() {
        let available = if custom { CUSTOM } else { BUILTIN };
        let available: Vec<&str> = available
            .iter()
            .copied()
            .filter(|form| form.ends_with("stream=watch"))
            .collect();
        return Err(Failure::not_offered(&available));
    }
    accept(&streams.join(","), custom, if custom { CUSTOM } else { BUILTIN })
}

fn is_yaml(range: &str) -> bool {
    Range::read(range).media_type == YAML
}

/// One media range of an `Accept` header.
struct Range<'a> {
    media_type: &'a str,
    /// In thousandths.
    quality: u32,
    view: &'a str,
    group: &'a str,
    version: &'a str,
    stream: &'a str,
    pretty: bool,
}

/// The ranges that are wanted at all, the dearest first. Among equals it is what comes first.
fn ranges(header: &str) -> Vec<Range<'_>> {
    let mut ranges: Vec<Range<'_>> = header.split(',').map(Range::read).collect();
    ranges.retain(|range| range.quality > 0);
    ranges.sort_by_key(|range| std::cmp::Reverse(range.quality));
    ranges
}

impl<'a> Range<'a> {
    fn read(text: &'a str) -> Range<'a> {
        let mut parts = text.split(';').map(str::trim);
        let mut range = Range {
            media_type: parts.next().unwrap_or(""),
            quality: 1000,
            view: "",
            group: "",
            version: "",
            stream: "",
            pretty: false,
        };
        for part in parts {
            match part
                .split_once('=')
                .map(|(key, value)| (key.trim(), value.trim()))
            {
                Some(("q", value)) => {
                    range.quality = value
                        .parse::<f32>()
                        .map_or(1000, |q| (q.clamp(0.0, 1.0) * 1000.0) as u32);
                }
                Some(("as", value)) => range.view = value,
                Some(("g", value)) => range.group = value,
                Some(("v", value)) => range.version = value,
                Some(("stream", value)) => range.stream = value,
                Some(("pretty", value)) => range.pretty = value == "1",
                _ => {}
            }
        }
        range
    }

    fn encoding(&self) -> Option<Encoding> {
        match self.media_type {
            JSON | "*/*" => Some(Encoding::Json.indented(self.pretty)),
            YAML => Some(Encoding::Yaml),
            protobuf::MEDIA_TYPE => Some(Encoding::Protobuf),
            _ => None,
        }
    }

    /// The form of an object, if we have it.
    fn form(&self, custom: bool) -> Option<Form> {
        let meta = self.group == "meta.k8s.io" && matches!(self.version, "v1" | "v1beta1");
        let view = match self.view {
            "" => View::Object,
            "Table" if meta => View::Table,
            "PartialObjectMetadata" if meta => View::Partial,
            "PartialObjectMetadataList" if meta => View::PartialList,
            _ => return None,
        };
        let encoding = self.encoding()?;
        match (encoding, view) {
            (Encoding::Protobuf, View::Table) => None,
            (Encoding::Protobuf, View::Object) if custom => None,
            _ => matches!(self.stream, "" | "watch").then_some(Form { encoding, view }),
        }
    }
}

/// What a built-in kind can be had as.
pub(crate) const BUILTIN: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
];

/// What a custom resource can be had as.
pub(crate) const CUSTOM: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/json;stream=watch",
];

/// What bodies a built-in kind takes.
const BODIES: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
];
/// What bodies a custom resource takes.
const CUSTOM_BODIES: &[&str] = &["application/json", "application/yaml"];

/// Reads the body of a create or an update; or says what is wrong with it.
pub(crate) fn body(
    content_type: &str,
    custom: bool,
    bytes: &[u8],
) -> Result<Result<Parsed, String>, Failure> {
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    match media_type.as_str() {
        "" | JSON => Ok(json::parse(bytes)
            .map_err(|error| format!("couldn't get version/kind; json parse error: {error}"))),
        YAML | "text/yaml" | "application/x-yaml" => Ok(json::parse_yaml(bytes)),
        protobuf::MEDIA_TYPE if !custom => Ok(protobuf::read(bytes).map(Parsed::plain)),
        _ => Err(Failure::unsupported_media_type(if custom {
            CUSTOM_BODIES
        } else {
            BODIES
        })),
    }
}

/// What is shown of a body that can't be read.
pub(crate) fn summary(bytes: &[u8]) -> String {
    const SHOWN: usize = 30;
    let (shown, more) = match bytes.get(..SHOWN) {
        Some(first) if bytes.len() > SHOWN => (first, " ..."),
        _ => (bytes, ""),
    };
    match shown {
        [] => "<empty>".to_owned(),
        [b'{', ..] => format!("{}{more}", String::from_utf8_lossy(shown)),
        _ => {
            let mut hex: String = shown.iter().map(|byte| format!("{byte:02x}")).collect();
            hex.push_str(more);
            hex
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_summed_up() {
        assert_eq!(summary(b""), "<empty>");
        assert_eq!(summary(b"[]"), "5b5d");
        assert_eq!(summary(b"{\"kind\":1}"), "{\"kind\":1}");
        assert_eq!(summary(&[b'{'; 31]), format!("{} ...", "{".repeat(30)));
        assert_eq!(summary(&[0xff; 31]), format!("{} ...", "ff".repeat(30)));
    }

    fn form(header: &str) -> Option<(Encoding, View)> {
        accept(header, false, BUILTIN)
            .ok()
            .map(|form| (form.encoding, form.view))
    }

    #[test]
    fn the_first_known_range_wins_unless_quality_says_otherwise() {
        assert_eq!(form("application/json"), Some((Encoding::Json, View::Object)));
        assert_eq!(form("*/*"), Some((Encoding::Json, View::Object)));
        assert_eq!(form("text/html"), None);
        assert_eq!(
            form("text/html, application/yaml"),
            Some((Encoding::Yaml, View::Object))
        );
        assert_eq!(
            form("application/yaml;q=0.5, application/json"),
            Some((Encoding::Json, View::Object))
        );
        assert_eq!(
            form("application/json;as=Table;v=v1;g=meta.k8s.io,application/json"),
            Some((Encoding::Json, View::Table))
        );
        assert_eq!(
            form("application/vnd.kubernetes.protobuf,application/json"),
            Some((Encoding::Protobuf, View::Object))
        );
        let custom = accept(
            "application/vnd.kubernetes.protobuf,application/json",
            true,
            CUSTOM,
        );
        assert_eq!(custom.ok(), Some(Form::JSON));
        assert_eq!(form("application/json;as=Nope;v=v1;g=meta.k8s.io"), None);
    }
}
