//! The admission plugins of a server that look at what others wrote: limit ranges, quotas, pod security.
//!
//! Those that change objects come before webhooks, [`complete`]; those that refuse come after the rules of the
//! kind, [`check`]; what a write costs is charged when nobody else objects, [`charge`].

mod limits;
mod quota;
mod security;

use serde_json::Value;

use crate::http::status::Failure;
use crate::http::warnings::Warnings;
use crate::kinds::kind::Kind;
use crate::object::meta;
use crate::state::Api;

pub(crate) use quota::{Charge, Ledger, recount};

/// A write as it would be stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write<'a> {
    pub(crate) kind: &'a Kind,
    pub(crate) new: &'a Value,
    /// What an update replaces.
    pub(crate) old: Option<&'a Value>,
    /// Empty for the object itself.
    pub(crate) subresource: &'a str,
    pub(crate) dry_run: bool,
    /// Where warnings for the client go.
    pub(crate) warnings: &'a Warnings,
}

impl Write<'_> {
    fn namespace(&self) -> &str {
        meta::text(self.new, "namespace")
    }

    fn forbidden(&self, why: &str) -> Failure {
        Failure::forbidden(&self.kind.group, &self.kind.plural, meta::name(self.new), why)
    }
}

/// Adds to a new object, or to one that is resized, what its namespace has for it.
pub(crate) fn complete(api: &Api, kind: &Kind, object: &mut Value) {
    if kind.is("", "pods") {
        limits::complete(api, object);
    }
}

/// Says why an object may not be written.
pub(crate) fn check(api: &Api, write: Write<'_>) -> Result<(), Failure> {
    if write.kind.is("", "resourcequotas") && write.old.is_none() {
        write.warnings.extend(quota::warnings(write.new));
    }
    limits::check(api, write)?;
    security::check(api, write)
}

/// Charges a write to the quotas of its namespace, or says why it may not be; to be kept until it is done.
pub(crate) fn charge<'a>(api: &'a Api, write: Write<'_>) -> Result<Option<Charge<'a>>, Failure> {
    quota::charge(api, write)
}
