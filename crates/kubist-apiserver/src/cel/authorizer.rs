//! The variable `authorizer`: who may do what, asked from inside of an expression.
//!
//! <https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library>

use std::fmt;
use std::sync::Arc;

use kube_cel::cel::extractors::This;
use kube_cel::cel::objects::Opaque;
use kube_cel::cel::{Context, ExecutionError, Value};
use serde_json::{Value as Json, json};

use super::functions::no_such;
use super::meter::Budget;
use crate::object::metavalidate::{NameRule, name_problems};

/// What a check costs: two fit into what one expression may cost.
const COST: u64 = 350_000;

/// Who decides what the client, or a service account, may do.
pub(crate) trait Authority: fmt::Debug + Send + Sync {
    /// Decides about the spec of an access review; gives the reason where it is allowed.
    fn decide(&self, account: Option<&Account>, spec: &Json) -> Option<String>;
}

/// A service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// The value of `authorizer`.
pub(crate) fn authorizer(authority: &Arc<dyn Authority>) -> Value {
    Asker {
        authority: Arc::clone(authority),
        account: None,
    }
    .value(Step::Authorizer)
}

/// The value of `authorizer.requestResource`, with the attributes of the request.
pub(crate) fn request_resource(authority: &Arc<dyn Authority>, attributes: Json) -> Value {
    Asker {
        authority: Arc::clone(authority),
        account: None,
    }
    .value(Step::Resource(attributes))
}

#[derive(Clone, Debug)]
struct Asker {
    authority: Arc<dyn Authority>,
    account: Option<Account>,
}

impl Asker {
    fn value(&self, step: Step) -> Value {
        Value::Opaque(Arc::new(Check {
            asker: self.clone(),
            step,
        }))
    }
}

/// How far a question is put together.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Authorizer,
    Path(String),
    Group(String),
    /// The attributes, as a review has them.
    Resource(Json),
    /// The reason, where it is allowed.
    Decision(Option<String>),
}

#[derive(Clone, Debug)]
struct Check {
    asker: Asker,
    step: Step,
}

impl PartialEq for Check {
    fn eq(&self, other: &Check) -> bool {
        self.asker.account == other.asker.account && self.step == other.step
    }
}

impl Eq for Check {}

impl Opaque for Check {
    fn runtime_type_name(&self) -> &str {
        match self.step {
            Step::Authorizer => "kubernetes.authorization.Authorizer",
            Step::Path(_) => "kubernetes.authorization.PathCheck",
            Step::Group(_) => "kubernetes.authorization.GroupCheck",
            Step::Resource(_) => "kubernetes.authorization.ResourceCheck",
            Step::Decision(_) => "kubernetes.authorization.Decision",
        }
    }
}

type Result = std::result::Result<Value, ExecutionError>;

pub(super) fn register(context: &mut Context<'_>, budget: &Budget) {
    context.add_function("path", |This(of): This<Value>, path: Arc<String>| {
        let check = check("path", &of)?;
        match check.step {
            Step::Authorizer if path.trim().is_empty() => Err(error("path must not be empty")),
            Step::Authorizer => Ok(check.asker.value(Step::Path(path.to_string()))),
            _ => Err(no_such("path")),
        }
    });
    context.add_function("group", |This(of): This<Value>, group: Arc<String>| {
        let check = check("group", &of)?;
        match check.step {
            Step::Authorizer => Ok(check.asker.value(Step::Group(group.to_string()))),
            _ => Err(no_such("group")),
        }
    });
    context.add_function(
        "serviceAccount",
        |This(of): This<Value>, namespace: Arc<String>, name: Arc<String>| {
            service_account(&of, &namespace, &name)
        },
    );
    context.add_function("resource", |This(of): This<Value>, resource: Arc<String>| {
        let check = check("resource", &of)?;
        match &check.step {
            Step::Group(_) if resource.trim().is_empty() => Err(error("resource must not be empty")),
            Step::Group(group) => {
                let attributes = json!({"group": group, "resource": resource.as_str()});
                Ok(check.asker.value(Step::Resource(attributes)))
            }
            _ => Err(no_such("resource")),
        }
    });
    for attribute in [
        "subresource",
        "namespace",
        "name",
        "fieldSelector",
        "labelSelector",
    ] {
        context.add_function(attribute, move |This(of): This<Value>, value: Arc<String>| {
            let check = check(attribute, &of)?;
            let Step::Resource(attributes) = &check.step else {
                return Err(no_such(attribute));
            };
            let mut attributes = attributes.clone();
            attributes[attribute] = value.as_str().into();
            Ok(check.asker.value(Step::Resource(attributes)))
        });
    }
    let budget = budget.clone();
    context.add_function("check", move |This(of): This<Value>, verb: Arc<String>| {
        let check = check("check", &of)?;
        if !budget.spend(COST) {
            return Err(error("budget exceeded"));
        }
        decide(check, &verb)
    });
    for name in ["allowed", "errored", "reason", "error"] {
        context.add_function(name, move |This(of): This<Value>| {
            let Step::Decision(reason) = &check(name, &of)?.step else {
                return Err(no_such(name));
            };
            let text = |text: &str| Value::String(Arc::new(text.to_owned()));
            Ok::<Value, ExecutionError>(match name {
                "allowed" => Value::Bool(reason.is_some()),
                "errored" => Value::Bool(false),
                "reason" => text(reason.as_deref().unwrap_or("")),
                _ => text(""),
            })
        });
    }
}

fn service_account(of: &Value, namespace: &str, name: &str) -> Result {
    let check = check("serviceAccount", of)?;
    if check.step != Step::Authorizer {
        return Err(no_such("serviceAccount"));
    }
    if !name_problems(NameRule::Subdomain, name).is_empty() {
        return Err(error("Invalid service account name"));
    }
    if !name_problems(NameRule::Label, namespace).is_empty() {
        return Err(error("Invalid service account namespace"));
    }
    let asker = Asker {
        account: Some(Account {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }),
        ..check.asker.clone()
    };
    Ok(asker.value(Step::Authorizer))
}

fn decide(check: &Check, verb: &str) -> Result {
    let spec = match &check.step {
        Step::Path(path) => json!({"nonResourceAttributes": {"path": path, "verb": verb}}),
        Step::Resource(attributes) => {
            let mut attributes = attributes.clone();
            attributes["verb"] = verb.into();
            json!({"resourceAttributes": attributes})
        }
        _ => return Err(no_such("check")),
    };
    let asker = &check.asker;
    let decision = asker.authority.decide(asker.account.as_ref(), &spec);
    Ok(asker.value(Step::Decision(decision)))
}

fn check<'v>(function: &str, value: &'v Value) -> std::result::Result<&'v Check, ExecutionError> {
    match value {
        Value::Opaque(opaque) => opaque.downcast_ref::<Check>().ok_or_else(|| no_such(function)),
        _ => Err(no_such(function)),
    }
}

/// An error that is told without the function's name.
fn error(why: &str) -> ExecutionError {
    ExecutionError::function_error("", why)
}
