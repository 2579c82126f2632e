//! Server-side apply.

use std::sync::Arc;

use crate::answer::Answer;
use crate::api::Api;
use crate::kind::Kind;
use crate::negotiate::Form;
use crate::options::WriteOptions;
use crate::request::Request;
use crate::status::Failure;

pub(crate) async fn apply(
    _api: &Arc<Api>,
    _kind: &Arc<Kind>,
    _request: &Request,
    _options: &WriteOptions,
    _form: Form,
    _subresource: &str,
) -> Result<Answer, Failure> {
    Err(Failure::not_implemented("server-side apply"))
}
