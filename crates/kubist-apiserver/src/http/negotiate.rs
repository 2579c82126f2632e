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
    Yaml,
    Protobuf,
}

impl Encoding {
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Encoding::Json => JSON,
            Encoding::Yaml => YAML,
            Encoding::Protobuf => protobuf::MEDIA_TYPE,
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
    let mut ranges: Vec<(u32, Option<Form>)> = header.split(',').map(|range| read(range, custom)).collect();
    // The sort is stable: what comes first wins among equals.
    ranges.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    ranges
        .into_iter()
        .filter(|(quality, _)| *quality > 0)
        .find_map(|(_, form)| form)
        .ok_or_else(|| Failure::not_acceptable(available))
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
        return Err(Failure::not_streamable(&available));
    }
    accept(&streams.join(","), custom, if custom { CUSTOM } else { BUILTIN })
}

fn is_yaml(range: &str) -> bool {
    range.split(';').next().unwrap_or("").trim() == YAML
}

/// One media range: its quality in thousandths, and the form if we have it.
fn read(range: &str, custom: bool) -> (u32, Option<Form>) {
    let mut parts = range.split(';').map(str::trim);
    let encoding = match parts.next().unwrap_or("") {
        JSON | "*/*" => Some(Encoding::Json),
        YAML => Some(Encoding::Yaml),
        protobuf::MEDIA_TYPE => Some(Encoding::Protobuf),
        _ => None,
    };
    let (mut quality, mut view, mut group, mut version, mut stream) = (1000, "", "", "", "");
    for part in parts {
        match part
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
        {
            Some(("q", value)) => {
                quality = value
                    .parse::<f32>()
                    .map_or(1000, |q| (q.clamp(0.0, 1.0) * 1000.0) as u32);
            }
            Some(("as", value)) => view = value,
            Some(("g", value)) => group = value,
            Some(("v", value)) => version = value,
            Some(("stream", value)) => stream = value,
            _ => {}
        }
    }
    let meta = group == "meta.k8s.io" && matches!(version, "v1" | "v1beta1");
    let view = match view {
        "" => Some(View::Object),
        "Table" if meta => Some(View::Table),
        "PartialObjectMetadata" if meta => Some(View::Partial),
        "PartialObjectMetadataList" if meta => Some(View::PartialList),
        _ => None,
    };
    let known_stream = matches!(stream, "" | "watch");
    let form = match (encoding, view) {
        (Some(Encoding::Protobuf), Some(View::Table)) => None,
        (Some(Encoding::Protobuf), Some(View::Object)) if custom => None,
        (Some(encoding), Some(view)) if known_stream => Some(Form { encoding, view }),
        _ => None,
    };
    (quality, form)
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
