//! What the labels of a namespace say about pods.

use std::fmt;

use serde_json::Value;

use crate::http::fields::FieldError;

/// How strict a standard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Privileged,
    Baseline,
    Restricted,
}

/// The release whose rules are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// 1 and this minor.
    Minor(u32),
    Latest,
}

/// A level as it was in a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standard {
    pub(super) level: Level,
    pub(super) version: Version,
}

/// What is held against which standard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    /// What pods must meet.
    pub(super) enforce: Standard,
    /// What clients are warned about.
    pub(super) warn: Standard,
}

const PREFIX: &str = "pod-security.kubernetes.io/";

impl Policy {
    /// Reads labels; tells what is wrong with them. A wrong level is enforced as the strictest, and not warned
    /// about; a wrong version is the latest.
    pub(super) fn of(labels: Option<&Value>) -> (Policy, Vec<FieldError>) {
        let mut errors = Vec::new();
        let mut read = |mode: &str| {
            let label = |name: &str| labels.and_then(|labels| labels.get(name)).and_then(Value::as_str);
            let mut note = |name: &str, value: &str, detail: &str| {
                let field = format!("metadata.labels[{name}]");
                errors.push(FieldError::invalid_text(field, value, detail));
            };
            let name = format!("{PREFIX}{mode}");
            let level = label(&name).map(|text| {
                Level::parse(text).ok_or_else(|| {
                    note(&name, text, "must be one of privileged, baseline, restricted");
                })
            });
            let name = format!("{PREFIX}{mode}-version");
            let version = label(&name).map(|text| {
                Version::parse(text).unwrap_or_else(|| {
                    note(&name, text, "must be \"latest\" or \"v1.x\"");
                    Version::Latest
                })
            });
            (level, version)
        };
        let (level, version) = read("enforce");
        let enforce = Standard {
            level: level.map_or(Level::Privileged, |level| level.unwrap_or(Level::Restricted)),
            version: version.unwrap_or(Version::Latest),
        };
        // What would be audited has nowhere to go, but is to be right.
        read("audit");
        let (warn_level, warn_version) = read("warn");
        let mut warn = Standard {
            level: warn_level.map_or(Level::Privileged, |level| level.unwrap_or(Level::Privileged)),
            version: warn_version.unwrap_or(Version::Latest),
        };
        // Templates are warned about what their pods will be refused for.
        if let (None, Some(Ok(enforced))) = (warn_level, level)
            && enforced > warn.level
        {
            warn.level = enforced;
            warn.version = warn_version.unwrap_or(enforce.version);
        }
        (Policy { enforce, warn }, errors)
    }
}

impl Level {
    fn parse(text: &str) -> Option<Level> {
        match text {
            "privileged" => Some(Level::Privileged),
            "baseline" => Some(Level::Baseline),
            "restricted" => Some(Level::Restricted),
            _ => None,
        }
    }
}

impl Version {
    fn parse(text: &str) -> Option<Version> {
        if text == "latest" {
            return Some(Version::Latest);
        }
        let minor = text.strip_prefix("v1.")?;
        let is_number = minor.bytes().all(|byte| byte.is_ascii_digit());
        let is_short = minor.len() == 1 || !minor.starts_with('0');
        (is_number && is_short)
            .then(|| minor.parse().ok().map(Version::Minor))
            .flatten()
    }

    /// Whether the rules of a release of that minor hold.
    pub(super) fn is_since(self, minor: u32) -> bool {
        match self {
            Version::Minor(own) => own >= minor,
            Version::Latest => true,
        }
    }
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        };
        match self.version {
            Version::Latest => write!(f, "{level}:latest"),
            Version::Minor(minor) => write!(f, "{level}:v1.{minor}"),
        }
    }
}
