//! Get and list.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::endpoints::select::Selection;
use crate::http::answer::Answer;
use crate::http::json;
use crate::http::negotiate::{self, Form, View};
use crate::http::options::{ListOptions, resource_version};
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::object::table;
use crate::object::view;
use crate::state::Api;
use crate::store::{Key, Stored};

/// How long a read waits for a revision that is yet to come.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) async fn get(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let form = form(kind, request)?;
    if let Some(version) = request.query.text("resourceVersion") {
        let version = resource_version(version).map_err(Failure::unknown)?;
        wait_for(api, version).await?;
    }
    let lag = match request.query.text("resourceVersion") {
        Some("0") => request.plan.lag(),
        _ => 0,
    };
    let stored = match lag {
        0 => find(api, kind, request)?,
        lag => find_behind(api, kind, request, lag)?,
    };
    let value = view::object(api, kind, &stored.value).await?;
    show(kind, request, form, 200, value)
}

/// The form in which the client wants objects of this kind.
pub(crate) fn form(kind: &Kind, request: &Request) -> Result<Form, Failure> {
    let available = if kind.custom().is_some() {
        negotiate::CUSTOM
    } else {
        negotiate::BUILTIN
    };
    negotiate::accept(request.header("accept"), kind.custom().is_some(), available)
}

/// The object that a request names.
pub(crate) fn find(api: &Api, kind: &Kind, request: &Request) -> Result<Stored, Failure> {
    let target = &request.target;
    api.store
        .get(&kind.table, &Key::new(&target.namespace, &target.name))
        .ok_or_else(|| Failure::not_found(&kind.group, &kind.plural, &target.name))
}

/// The object that a request names, as it was some revisions ago.
fn find_behind(api: &Api, kind: &Kind, request: &Request, lag: u64) -> Result<Stored, Failure> {
    let target = &request.target;
    let key = Key::new(&target.namespace, &target.name);
    let (items, _) = api.store.list_behind(&kind.table, None, lag);
    items
        .into_iter()
        .find(|(known, _)| *known == key)
        .map(|(_, stored)| stored)
        .ok_or_else(|| Failure::not_found(&kind.group, &kind.plural, &target.name))
}

/// One object in the form that was asked for.
pub(crate) fn show(
    kind: &Kind,
    request: &Request,
    form: Form,
    code: u16,
    value: Value,
) -> Result<Answer, Failure> {
    let value = match form.view {
        View::Object => value,
        View::Partial => view::partial(&value),
        View::Table => table::of(kind, &[value], None, table::included(&request.query)?, true),
        View::PartialList => return Err(not_one(kind)),
    };
    Ok(Answer::Object {
        code,
        value,
        encoding: form.encoding,
    })
}

fn not_one(kind: &Kind) -> Failure {
    let name = if kind.custom().is_some() {
        "Unstructured"
    } else {
        &kind.kind
    };
    let found = format!("not a list (*{}.{name})", kind.go_package());
    Failure::not_a_view("PartialObjectMetadataList", &found)
}

fn not_a_list(kind: &Kind) -> Failure {
    let name = if kind.custom().is_some() {
        "UnstructuredList"
    } else {
        &kind.list_kind
    };
    let found = format!("a list (*{}.{name})", kind.go_package());
    Failure::not_a_view("PartialObjectMetadata", &found)
}

/// Waits until the store is at `version`, but not for long.
pub(crate) async fn wait_for(api: &Api, version: u64) -> Result<(), Failure> {
    let mut moved = api.store.subscribe_any();
    let reached = tokio::time::timeout(PATIENCE, moved.wait_for(|revision| *revision >= version)).await;
    match reached {
        Ok(Ok(_)) => Ok(()),
        _ => Err(Failure::too_large_resource_version(version, api.store.revision())),
    }
}

pub(crate) async fn list(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let form = form(kind, request)?;
    let options = ListOptions::parse(&request.query, false)?;
    let selection = Selection::parse(&request.query, kind, "")?;
    let page = page(api, kind, request, &options, &selection).await?;

    let metadata = page.metadata(kind, &selection, form.view);
    let stored = page.items.iter().map(|(_, stored)| &stored.value);
    let items = view::cached(api, kind, stored).await?;
    let value = match form.view {
        View::Object => view::list(kind, items, metadata),
        View::Partial => return Err(not_a_list(kind)),
        View::PartialList => json!({
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "items": items.iter().map(view::partial).collect::<Vec<_>>(),
        }),
        View::Table => table::of(
            kind,
            &items,
            Some(metadata),
            table::included(&request.query)?,
            true,
        ),
    };
    Ok(Answer::Object {
        code: 200,
        value,
        encoding: form.encoding,
    })
}

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) items: Vec<(Key, Stored)>,
    pub(crate) revision: u64,
    continuation: Option<String>,
    remaining: Option<usize>,
}

impl Page {
    /// The metadata of the list that the page is.
    pub(crate) fn metadata(&self, kind: &Kind, selection: &Selection, view: View) -> Value {
        let mut metadata = json!({"resourceVersion": self.revision.to_string()});
        if let Some(token) = &self.continuation {
            metadata["continue"] = token.as_str().into();
            if let (Some(remaining), true) = (self.remaining, selection.is_empty()) {
                metadata["remainingItemCount"] = remaining.into();
            }
        } else if kind.custom().is_some() && view == View::Object {
            // An unstructured list says so when there is no more.
            metadata["continue"] = "".into();
        }
        metadata
    }
}

pub(crate) async fn page(
    api: &Api,
    kind: &Kind,
    request: &Request,
    options: &ListOptions,
    selection: &Selection,
) -> Result<Page, Failure> {
    let target = &request.target;
    let namespace = (!target.namespace.is_empty()).then_some(target.namespace.as_str());
    let token = options.continuation.as_deref().map(Token::read).transpose()?;
    let asked = match options.resource_version.as_deref() {
        Some(text) => Some(
            resource_version(text)
                .map_err(|error| Failure::bad_request(format!("invalid resource version: {error}")))?,
        ),
        None => None,
    };
    if token.is_some() && asked.is_some_and(|version| version > 0) {
        return Err(Failure::bad_request(
            "specifying resource version is not allowed when using continue",
        ));
    }

    let (items, revision) = match (&token, asked) {
        (Some(token), _) => match token.revision {
            Some(revision) => {
                let items = api
                    .store
                    .list_at(&kind.table, namespace, Some(&token.after), revision);
                (items.map_err(|_| expired(&token.after))?, revision)
            }
            // A token from an expired list: the rest as it is now.
            None => api.store.list(&kind.table, namespace, Some(&token.after)),
        },
        (None, Some(version)) if options.exact => {
            wait_for(api, version).await?;
            let items = api
                .store
                .list_at(&kind.table, namespace, None, version)
                .map_err(|compacted| {
                    Failure::expired(format!(
                        "The resourceVersion for the provided list is too old: {version} ({})",
                        compacted.oldest
                    ))
                })?;
            (items, version)
        }
        (None, Some(0)) if request.plan.lag() > 0 => {
            api.store.list_behind(&kind.table, namespace, request.plan.lag())
        }
        (None, version) => {
            if let Some(version) = version {
                wait_for(api, version).await?;
            }
            api.store.list(&kind.table, namespace, None)
        }
    };

    let all = items.len();
    let limit = match asked {
        // Served from the cache, which knows no pages.
        Some(0) => usize::MAX,
        _ => options.limit.unwrap_or(usize::MAX),
    };
    let mut page = Page {
        items: Vec::new(),
        revision,
        continuation: None,
        remaining: None,
    };
    if selection.is_by_version(kind) {
        // One question for all, which the answers to each are then taken from.
        view::remember(api, kind, items.iter().map(|(_, stored)| stored)).await?;
    }
    for (at, (key, stored)) in items.into_iter().enumerate() {
        if !selection.selects(api, kind, &stored.value).await? {
            continue;
        }
        if page.items.len() == limit {
            if let Some((last, _)) = page.items.last() {
                page.continuation = Some(
                    Token {
                        revision: Some(revision),
                        after: last.clone(),
                    }
                    .write(),
                );
            }
            page.remaining = Some(all - at);
            break;
        }
        page.items.push((key, stored));
    }
    Ok(page)
}

fn expired(after: &Key) -> Failure {
    let token = Token {
        revision: None,
        after: after.clone(),
    }
    .write();
    Failure::expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter, or use the continue token in this response to retrieve the remainder of \
         the results. Continuing with the provided token results in an inconsistent list - objects that were \
         created, modified, or deleted between the time the first chunk was returned and now may show up in the \
         list.",
    )
    .continue_with(token)
}

/// Where a list goes on.
struct Token {
    /// The revision of all pages; nothing for the present.
    revision: Option<u64>,
    after: Key,
}

impl Token {
    fn write(&self) -> String {
        let revision = match self.revision {
            Some(revision) => Value::from(revision),
            None => Value::from(-1),
        };
        let start = if self.after.namespace.is_empty() {
            format!("{}\0", self.after.name)
        } else {
            format!("{}/{}\0", self.after.namespace, self.after.name)
        };
        let token = json!({"v": "meta.k8s.io/v1", "rv": revision, "start": start});
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn read(text: &str) -> Result<Token, Failure> {
        let invalid = |why: String| {
            Failure::bad_request(format!(
                "invalid continue token: continue key is not valid: {why}"
            ))
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|error| {
            let at = match error {
                base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
                // Go notices a lone last character where its group begins.
                base64::DecodeError::InvalidLength(_) => text.len() / 4 * 4,
                base64::DecodeError::InvalidPadding => text.len(),
            };
            invalid(format!("illegal base64 data at input byte {at}"))
        })?;
        let token = json::parse(&bytes).map_err(invalid)?.value;
        if token.get("v").and_then(Value::as_str) != Some("meta.k8s.io/v1") {
            return Err(Failure::bad_request(
                "invalid continue token: server does not recognize this encoded version",
            ));
        }
        let start = token.get("start").and_then(Value::as_str).unwrap_or("");
        let start = start.strip_suffix('\0').unwrap_or(start);
        let (namespace, name) = start.split_once('/').unwrap_or(("", start));
        let revision = match token.get("rv").and_then(Value::as_i64) {
            None | Some(0) => {
                return Err(Failure::bad_request(
                    "invalid continue token: incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
                ));
            }
            Some(revision) => u64::try_from(revision).ok(),
        };
        Ok(Token {
            revision,
            after: Key::new(namespace, name),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_as_they_were() {
        for after in [Key::new("n", "a"), Key::new("", "a.b")] {
            let token = Token::read(
                &Token {
                    revision: Some(7),
                    after: after.clone(),
                }
                .write(),
            )
            .unwrap();
            assert_eq!((token.revision, token.after), (Some(7), after));
        }
    }

    #[test]
    fn what_is_no_token_is_refused_in_words() {
        for (text, want) in [
            (
                "abc",
                "invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value",
            ),
            (
                "x",
                "invalid continue token: continue key is not valid: illegal base64 data at input byte 0",
            ),
        ] {
            assert_eq!(Token::read(text).err().unwrap().message, want);
        }
    }
}
