//! Update.

use std::sync::Arc;

use serde_json::Value;

use crate::access::{self, Question};
use crate::endpoints::create::{create_object, place};
use crate::endpoints::read;
use crate::endpoints::replace::{Change, Outcome, replace};
use crate::http::answer::Answer;
use crate::http::options::WriteOptions;
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::kinds::strategy;
use crate::object::body::decode_body;
use crate::object::{meta, view};
use crate::state::Api;
use crate::store::Key;

/// How often a write is tried again when the object moved in between.
pub(crate) const TRIES: usize = 32;

pub(crate) async fn update(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    request: &Request,
    subresource: &str,
) -> Result<Answer, Failure> {
    let form = read::form(kind, request)?;
    let options = WriteOptions::parse(&request.query, "UpdateOptions")?;
    let mut object = decode_body(kind, request, &options)?;
    let target = &request.target;
    check_name(&object, &target.name)?;
    if kind.namespaced {
        place(kind, &target.namespace, &mut object)?;
    }
    strategy::default(kind, &mut object);
    for _ in 0..TRIES {
        let Some(old) = api
            .store
            .get(&kind.table, &Key::new(&target.namespace, &target.name))
        else {
            if !subresource.is_empty() || !strategy::creates_on_update(kind) {
                return Err(Failure::not_found(&kind.group, &kind.plural, &target.name));
            }
            let question = Question::creating(request);
            access::may(api, &request.user, &question)
                .map_err(|denied| question.refusal(&request.user, &denied))?;
            let mut new = object.clone();
            meta::remove(&mut new, "resourceVersion");
            match create_object(api, kind, request, &options, new, &request.manager()).await {
                Err(failure) if failure.reason == "AlreadyExists" => continue,
                Err(failure) => return Err(failure),
                Ok(value) => {
                    let value = view::object(api, kind, &value).await?;
                    return read::show(kind, request, form, 201, value);
                }
            }
        };
        let change = Change {
            request,
            options: &options,
            subresource,
            manager: request.manager(),
            asks: true,
        };
        let before = view::object(api, kind, &old.value).await?;
        match replace(api, kind, &change, &old, before, object.clone()).await? {
            Outcome::Done(value) => {
                let value = view::object(api, kind, &value).await?;
                return read::show(kind, request, form, 200, value);
            }
            Outcome::Moved => {}
        }
    }
    Err(Failure::modified(&kind.group, &kind.plural, &target.name))
}

pub(crate) fn check_name(object: &Value, name: &str) -> Result<(), Failure> {
    let given = meta::name(object);
    if given == name {
        return Ok(());
    }
    Err(Failure::bad_request(if given.is_empty() {
        format!("the name of the object ({name} based on URL) was undeterminable: name must be provided")
    } else {
        format!("the name of the object ({given}) does not match the name on the URL ({name})")
    }))
}
