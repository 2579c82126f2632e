//! Letting go of a namespace.

use std::sync::Arc;

use serde_json::{Value, json};

use super::TRIES;
use crate::admission::{self, Attributes, Operation, Origin};
use crate::endpoints::read;
use crate::http::answer::Answer;
use crate::http::options::WriteOptions;
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::object::body::decode_body;
use crate::object::meta;
use crate::object::view;
use crate::state::Api;
use crate::store::Key;

/// Lets go of a namespace.
pub(super) async fn finalize(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let form = read::form(kind, request)?;
    let options = WriteOptions::parse(&request.query, "UpdateOptions")?;
    let (new, _) = decode_body(kind, request, &options)?;
    let origin = request.origin();
    let value = finish_namespace(api, kind, &request.target.name, new, &options, origin).await?;
    read::show(kind, request, form, 200, value, Vec::new())
}

/// Sets a namespace's own finalizers; with the last one it goes.
pub(crate) async fn finish_namespace(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    name: &str,
    wanted: Value,
    options: &WriteOptions,
    origin: Origin<'_>,
) -> Result<Value, Failure> {
    let key = Key::new("", name);
    let attributes = Attributes::new(origin, kind, Operation::Update, "", name)
        .subresource("finalize")
        .options(options.told("UpdateOptions"), options.dry_run);
    for _ in 0..TRIES {
        let Some(old) = api.store.get(&kind.table, &key) else {
            return Err(Failure::not_found("", "namespaces", name));
        };
        let shown = view::object(api, kind, &old.value).await?;
        let mut new = wanted.clone();
        admission::mutate(api, &attributes, Some(&mut new), Some(&shown)).await?;
        admission::validate(api, &attributes, Some(&new), Some(&shown)).await?;
        let version = meta::text(&new, "resourceVersion");
        if !version.is_empty() && version != old.revision.to_string() {
            return Err(Failure::modified("", "namespaces", name));
        }
        let mut value = Value::clone(&old.value);
        let finalizers = meta::at(&new, "spec.finalizers")
            .cloned()
            .filter(|list| list != &json!([]));
        let spec = meta::child(&mut value, "spec");
        match finalizers {
            Some(list) => spec.insert("finalizers".into(), list),
            None => spec.remove("finalizers"),
        };
        if options.dry_run {
            return Ok(value);
        }
        let gone = meta::is_deleting(&value)
            && meta::strings(meta::at(&value, "spec.finalizers")).is_empty()
            && meta::finalizers(&value).is_empty();
        let written = if gone {
            let shown = value.clone();
            api.store
                .delete(&kind.table, key.clone(), old.revision, Some(value))
                .map(|_| shown)
        } else {
            api.store
                .update(&kind.table, key.clone(), old.revision, value)
                .map(|stored| Value::clone(&stored.value))
        };
        if let Ok(value) = written {
            return Ok(value);
        }
    }
    Err(Failure::modified("", "namespaces", name))
}
