//! Options of writes, from the query or from a body of `DeleteOptions`.

use serde_json::{Map, Value, json};

use crate::http::fields::FieldError;
use crate::http::request::Query;
use crate::http::status::Failure;

/// Options that every write has.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteOptions {
    pub(crate) dry_run: bool,
    pub(crate) validation: FieldValidation,
    pub(crate) force: bool,
    /// As they were given, for those who are told.
    given: Map<String, Value>,
}

/// What happens to fields that the type doesn't have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Strict,
    #[default]
    Warn,
    Ignore,
}

impl WriteOptions {
    /// The options as an object of `kind`, such as `UpdateOptions`.
    pub(crate) fn told(&self, kind: &str) -> Value {
        told(&self.given, kind)
    }

    /// `kind` is the name that errors give the options, such as `CreateOptions`.
    pub(crate) fn parse(query: &Query, kind: &str) -> Result<WriteOptions, Failure> {
        let mut errors = Vec::new();
        let dry_run = dry_run(query.all("dryRun"), &mut errors);
        let validation = match query.text("fieldValidation") {
            None | Some("Warn") => FieldValidation::Warn,
            Some("Strict") => FieldValidation::Strict,
            Some("Ignore") => FieldValidation::Ignore,
            Some(other) => {
                let supported = ["", "Ignore", "Strict", "Warn"];
                errors.push(FieldError::not_supported(
                    "fieldValidation",
                    &other.into(),
                    &supported,
                ));
                FieldValidation::Warn
            }
        };
        if let Some(manager) = query.get("fieldManager") {
            if manager.len() > 128 {
                errors.push(FieldError::too_long("fieldManager", 128));
            }
            let unprintable = manager.chars().enumerate().find(|(_, c)| c.is_control());
            if let Some((at, c)) = unprintable {
                let detail = format!("invalid character U+{:04X} (at position {at})", c as u32);
                errors.push(FieldError::invalid_text("fieldManager", manager, &detail));
            }
        }
        let force = query.flag("force").unwrap_or(false);
        if errors.is_empty() {
            let mut given = Map::new();
            for field in ["fieldManager", "fieldValidation"] {
                if let Some(value) = query.text(field) {
                    given.insert(field.into(), value.into());
                }
            }
            if dry_run {
                given.insert("dryRun".into(), json!(["All"]));
            }
            Ok(WriteOptions {
                dry_run,
                validation,
                force,
                given,
            })
        } else {
            Err(invalid(kind, &errors))
        }
    }
}

fn invalid(kind: &str, errors: &[FieldError]) -> Failure {
    Failure::invalid("meta.k8s.io", kind, "", errors)
}

fn dry_run(values: Vec<&str>, errors: &mut Vec<FieldError>) -> bool {
    if values.iter().any(|value| *value != "All") {
        let shown: Vec<Value> = values.iter().map(|value| (*value).into()).collect();
        errors.push(FieldError::not_supported(
            "dryRun",
            &Value::Array(shown),
            &["All"],
        ));
    }
    !values.is_empty()
}

fn told(given: &Map<String, Value>, kind: &str) -> Value {
    let mut options = given.clone();
    options.insert("kind".into(), kind.into());
    options.insert("apiVersion".into(), "meta.k8s.io/v1".into());
    Value::Object(options)
}

/// How dependents of a deleted object fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    Orphan,
    Background,
    Foreground,
}

/// Options of a delete.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) dry_run: bool,
    pub(crate) grace: Option<i64>,
    pub(crate) propagation: Option<Propagation>,
    /// Whether the deprecated `orphanDependents` was set to false.
    pub(crate) orphan_denied: bool,
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
}

impl DeleteOptions {
    /// The options as an object, for those who are told.
    pub(crate) fn told(&self) -> Value {
        let policy = self
            .propagation
            .filter(|_| !self.orphan_denied)
            .map(|policy| match policy {
                Propagation::Orphan => "Orphan",
                Propagation::Background => "Background",
                Propagation::Foreground => "Foreground",
            });
        let mut preconditions = Map::new();
        for (field, value) in [("uid", &self.uid), ("resourceVersion", &self.resource_version)] {
            if let Some(value) = value {
                preconditions.insert(field.into(), value.as_str().into());
            }
        }
        let given = [
            ("dryRun", self.dry_run.then(|| json!(["All"]))),
            ("gracePeriodSeconds", self.grace.map(Value::from)),
            ("propagationPolicy", policy.map(Value::from)),
            (
                "orphanDependents",
                self.orphan_denied.then_some(Value::Bool(false)),
            ),
            (
                "preconditions",
                (!preconditions.is_empty()).then_some(Value::Object(preconditions)),
            ),
        ];
        let given = given
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)));
        told(&given.collect(), "DeleteOptions")
    }

    /// The body counts if there is one, else the query.
    pub(crate) fn parse(query: &Query, body: Option<&Value>) -> Result<DeleteOptions, Failure> {
        let mut errors = Vec::new();
        let mut options = DeleteOptions::default();
        let (policy, orphan);
        match body {
            Some(body) => {
                let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
                let list = crate::object::meta::strings(body.get("dryRun"));
                options.dry_run = dry_run(list, &mut errors);
                options.grace = body.get("gracePeriodSeconds").and_then(Value::as_i64);
                policy = text("propagationPolicy");
                orphan = body.get("orphanDependents").and_then(Value::as_bool);
                let precondition =
                    |key: &str| body.get("preconditions")?.get(key)?.as_str().map(str::to_owned);
                options.uid = precondition("uid");
                options.resource_version = precondition("resourceVersion");
            }
            None => {
                options.dry_run = dry_run(query.all("dryRun"), &mut errors);
                options.grace = query.integer("gracePeriodSeconds")?;
                policy = query.text("propagationPolicy").map(str::to_owned);
                orphan = query.flag("orphanDependents");
            }
        }
        if policy.is_some() && orphan.is_some() {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            errors.push(FieldError::invalid(
                "propagationPolicy",
                &policy.clone().into(),
                detail,
            ));
        }
        options.propagation = match policy.as_deref() {
            None => match orphan {
                Some(true) => Some(Propagation::Orphan),
                Some(false) => Some(Propagation::Background),
                None => None,
            },
            Some("Orphan") => Some(Propagation::Orphan),
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some(other) => {
                let supported = ["Foreground", "Background", "Orphan", "nil"];
                errors.push(FieldError::not_supported(
                    "propagationPolicy",
                    &other.into(),
                    &supported,
                ));
                None
            }
        };
        options.orphan_denied = orphan == Some(false);
        if errors.is_empty() {
            Ok(options)
        } else {
            Err(invalid("DeleteOptions", &errors))
        }
    }
}

/// Options of a list or a watch.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListOptions {
    pub(crate) limit: Option<usize>,
    pub(crate) continuation: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) exact: bool,
    pub(crate) timeout: Option<u64>,
    pub(crate) bookmarks: bool,
    pub(crate) send_initial: Option<bool>,
}

impl ListOptions {
    pub(crate) fn parse(query: &Query, watch: bool) -> Result<ListOptions, Failure> {
        let mut errors = Vec::new();
        let version = query.text("resourceVersion");
        let matching = query.text("resourceVersionMatch");
        let continuation = query.text("continue");
        let send_initial = query.flag("sendInitialEvents");
        let limit = query.integer("limit")?;

        if watch {
            match (send_initial, matching) {
                (Some(_), Some("NotOlderThan")) | (None, None) => {}
                (Some(_), None) => errors.push(FieldError::forbidden(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                )),
                (Some(_), Some(_)) => errors.push(FieldError::forbidden(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                )),
                (None, Some(_)) => errors.push(FieldError::forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                )),
            }
        } else {
            if send_initial.is_some() {
                let detail = "sendInitialEvents is forbidden for list";
                errors.push(FieldError::forbidden("sendInitialEvents", detail));
            }
            match matching {
                None => {}
                Some(_) if version.is_none() => errors.push(FieldError::forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                )),
                Some(_) if continuation.is_some() => errors.push(FieldError::forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden when continue is provided",
                )),
                Some("Exact") if version == Some("0") => errors.push(FieldError::forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
                )),
                Some("Exact" | "NotOlderThan") => {}
                Some(other) => errors.push(FieldError::not_supported(
                    "resourceVersionMatch",
                    &other.into(),
                    &["Exact", "NotOlderThan", ""],
                )),
            }
        }
        if !errors.is_empty() {
            return Err(invalid("ListOptions", &errors));
        }
        // A limit together with a version and no rule is the old way to ask for exactly that version.
        let limited = limit.is_some_and(|limit| limit > 0);
        let legacy = limited && matching.is_none() && version.is_some_and(|version| version != "0");
        Ok(ListOptions {
            limit: limit
                .and_then(|limit| usize::try_from(limit).ok())
                .filter(|limit| *limit > 0),
            continuation: continuation.map(str::to_owned),
            resource_version: version.map(str::to_owned),
            exact: matching == Some("Exact") || legacy,
            timeout: query
                .integer("timeoutSeconds")?
                .and_then(|seconds| u64::try_from(seconds).ok())
                .filter(|s| *s > 0),
            bookmarks: query.flag("allowWatchBookmarks").unwrap_or(false),
            send_initial,
        })
    }
}

/// Reads the resource version of a list or a watch, with the words of Go on failure.
pub(crate) fn resource_version(text: &str) -> Result<u64, String> {
    parse_version(text).map_err(|why| format!("resourceVersion: Invalid value: {text:?}: {why}"))
}

/// Reads a resource version as Go does.
pub(crate) fn parse_version(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| {
        let what = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            "value out of range"
        } else {
            "invalid syntax"
        };
        format!("strconv.ParseUint: parsing {text:?}: {what}")
    })
}
