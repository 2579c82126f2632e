//! Admission: what policies and webhooks change and refuse before anything is written.
//!
//! The order is upstream's. Mutating policies and then mutating webhooks see what the client sent
//! with its defaults, one after the other; validating policies and then validating webhooks see
//! what would be stored, these all at once. Nothing is locked meanwhile: a write that was
//! overtaken asks again.

mod authority;
mod conditions;
mod dispatch;
mod expressions;
mod hook;
mod matching;
mod policy;
mod review;
mod rounds;

use serde_json::Value;

use crate::access::users::User;
use crate::http::status::Failure;
use crate::http::warnings::Warnings;
use crate::kinds::kind::Kind;
use crate::object::meta;

pub(crate) use conditions::check as check_condition;
pub(crate) use dispatch::{mutate, validate};
pub(crate) use policy::{Policies, type_warnings, uncompiled, validate_policy};

/// On whose behalf something is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) user: &'a User,
    /// Where warnings for the client go.
    pub(crate) warnings: &'a Warnings,
}

/// What is to be done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Create => "CREATE",
            Operation::Update => "UPDATE",
            Operation::Delete => "DELETE",
            Operation::Connect => "CONNECT",
        }
    }
}

/// What a write is, for those who decide about it.
#[derive(Debug)]
pub(crate) struct Attributes<'a> {
    pub(crate) origin: Origin<'a>,
    pub(crate) kind: &'a Kind,
    /// Empty for the object itself.
    pub(crate) subresource: &'a str,
    /// For the object of a namespace its own name.
    pub(crate) namespace: String,
    /// Empty where the server is to choose it, and where many are deleted.
    pub(crate) name: String,
    pub(crate) operation: Operation,
    /// The options with their type, such as `CreateOptions`.
    pub(crate) options: Value,
    pub(crate) dry_run: bool,
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(
        origin: Origin<'a>,
        kind: &'a Kind,
        operation: Operation,
        namespace: &str,
        name: &str,
    ) -> Attributes<'a> {
        let namespace = if kind.is("", "namespaces") {
            name
        } else {
            namespace
        };
        Attributes {
            origin,
            kind,
            subresource: "",
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            operation,
            options: Value::Null,
            dry_run: false,
        }
    }

    pub(crate) fn subresource(mut self, subresource: &'a str) -> Attributes<'a> {
        self.subresource = subresource;
        self
    }

    pub(crate) fn options(mut self, options: Value, dry_run: bool) -> Attributes<'a> {
        self.options = options;
        self.dry_run = dry_run;
        self
    }

    /// A refusal, in the words of upstream's plugins.
    fn forbidden(&self, object: Option<&Value>, why: &str) -> Failure {
        let named = |field: &str| object.map_or("", |object| meta::text(object, field));
        let names = [
            self.name.as_str(),
            named("name"),
            named("generateName"),
            "Unknown",
        ];
        let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or("");
        Failure::forbidden(&self.kind.group, &self.kind.plural, name, why)
    }
}
