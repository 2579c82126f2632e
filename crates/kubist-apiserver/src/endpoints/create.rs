//! Create.

use std::sync::Arc;

use serde_json::Value;

use crate::access::escalation;
use crate::admission::{self, Attributes, Operation};
use crate::crd::check_rules;
use crate::endpoints::read;
use crate::http::answer::Answer;
use crate::http::fields::FieldError;
use crate::http::options::WriteOptions;
use crate::http::request::{Request, Target};
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::kinds::plugins::{self, Charge, Write};
use crate::kinds::{event, ownership, strategy};
use crate::object::body::decode_body;
use crate::object::{meta, metavalidate, view};
use crate::state::Api;
use crate::store::Key;

/// How often a name is generated before giving up.
const NAMES: usize = 8;

pub(crate) async fn create(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let form = read::form(kind, request)?;
    let options = WriteOptions::parse(&request.query, "CreateOptions")?;
    let object = decode_body(kind, request, &options)?;
    let manager = request.manager();
    let stored = create_object(api, kind, request, &options, object, &manager).await?;
    let value = view::object(api, kind, &stored).await?;
    read::show(kind, request, form, 201, value)
}

/// Creates a decoded object. An empty `manager` leaves `managedFields` as they are.
pub(crate) async fn create_object(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    request: &Request,
    options: &WriteOptions,
    mut object: Value,
    manager: &str,
) -> Result<Arc<Value>, Failure> {
    place(kind, &request.target.namespace, &mut object)?;
    strategy::default(kind, &mut object);
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
        meta::remove(&mut object, field);
    }
    if !manager.is_empty() {
        ownership::manage(api, kind, &strategy::empty(kind), &mut object, manager, "");
    }
    strategy::admit_create(api, kind, &mut object)?;
    let namespace = meta::text(&object, "namespace").to_owned();
    let named = meta::name(&object).to_owned();
    if !named.is_empty() {
        meet_faults(api, request, &named).await?;
    }
    let mut attributes = Attributes::new(request.origin(), kind, Operation::Create, &namespace, &named)
        .options(options.told("CreateOptions"), options.dry_run);
    let was_changed = admission::mutate(api, &attributes, Some(&mut object), None).await?;
    if was_changed && strategy::is_completed(kind) {
        // What webhooks added is completed, too.
        strategy::admit_create(api, kind, &mut object)?;
    }
    escalation::check(api, kind, &object, None, &request.user)?;
    let _reserved = strategy::allocate(api, kind, &mut object, None, "")?;
    if let Some(warning) = metavalidate::drop_duplicate_owners(meta::metadata(&mut object)) {
        request.warnings.add(warning);
    }
    let told = strategy::prepare_create(api, kind, &mut object, &request.user);
    request.warnings.extend(told);
    if kind.custom().is_some() {
        for warning in metavalidate::finalizer_warnings(&object, None) {
            request.warnings.add(warning);
        }
    }

    let generate = meta::name(&object).is_empty() && !meta::text(&object, "generateName").is_empty();
    let base = meta::text(&object, "generateName").to_owned();
    for _ in 0..NAMES {
        if generate {
            meta::set(&mut object, "name", api.identity.name(&base));
            strategy::named(kind, &mut object);
            meet_faults(api, request, meta::name(&object)).await?;
        }
        validate_create(kind, &object, request).await?;
        request.warnings.extend(strategy::warnings(kind, &object, None));
        let write = Write {
            kind,
            new: &object,
            old: None,
            subresource: "",
            dry_run: options.dry_run,
            warnings: &request.warnings,
        };
        plugins::check(api, write)?;
        if named.is_empty() {
            // Who validates knows the name that was chosen meanwhile; who changes does not.
            meta::name(&object).clone_into(&mut attributes.name);
        }
        admission::validate(api, &attributes, Some(&object), None).await?;
        let charge = plugins::charge(api, write)?;
        if !meta::text(&object, "resourceVersion").is_empty() {
            return Err(Failure::unknown(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        let name = meta::name(&object).to_owned();
        let key = Key::new(meta::text(&object, "namespace"), &name);
        let exists = || {
            let mut failure = Failure::already_exists(&kind.group, &kind.plural, &name);
            if !base.is_empty() {
                failure = failure.ungenerated();
            }
            match api.store.get(&kind.table, &key) {
                Some(there) if meta::is_deleting(&there.value) => failure.while_deleting(),
                _ => failure,
            }
        };
        let stored = view::stored(api, kind, object.clone()).await?;
        if options.dry_run {
            return match api.store.get(&kind.table, &key) {
                Some(_) if generate => continue,
                Some(_) => Err(exists()),
                None => Ok(Arc::new(stored)),
            };
        }
        match api.store.create(&kind.table, key.clone(), stored) {
            Ok(stored) => {
                charge.into_iter().for_each(Charge::keep);
                strategy::after_write(api, kind, Some(&stored.value), None);
                view::settled(api, kind).await;
                return Ok(stored.value);
            }
            Err(_) if generate => {}
            Err(_) => return Err(exists()),
        }
    }
    Err(Failure::already_exists(&kind.group, &kind.plural, meta::name(&object)).ungenerated())
}

/// Lets happen what waits for an object of this name.
async fn meet_faults(api: &Api, request: &Request, name: &str) -> Result<(), Failure> {
    if !request.target.name.is_empty() {
        // The name was in the path, and known from the beginning.
        return Ok(());
    }
    let agent = request.header("user-agent");
    let met = api.faults.meet_created(&request.target, name, agent);
    if met.is_empty() {
        return Ok(());
    }
    let target = Target {
        name: name.to_owned(),
        ..request.target.clone()
    };
    met.wait().await;
    let failure = met
        .drops()
        .then(Failure::dropped)
        .or_else(|| met.failure(&target));
    request.plan.add(met);
    failure.map_or(Ok(()), Err)
}

async fn validate_create(kind: &Kind, object: &Value, request: &Request) -> Result<(), Failure> {
    let errors = strategy::validate(kind, object, None, "");
    let mut errors = check_rules(kind, object, None, errors, &request.warnings).await;
    let metadata = metavalidate::validate(
        object,
        kind.namespaced,
        strategy::name_rule(kind),
        kind.custom().is_some(),
    );
    metadata.into_iter().for_each(|error| {
        if !errors.contains(&error) {
            errors.push(error);
        }
    });
    refuse(kind, object, errors)
}

pub(crate) fn refuse(kind: &Kind, object: &Value, errors: Vec<FieldError>) -> Result<(), Failure> {
    if errors.is_empty() {
        Ok(())
    } else {
        // Upstream has one type for the events of both groups.
        let group = if event::is_translated(kind) {
            ""
        } else {
            &kind.group
        };
        Err(Failure::invalid(group, &kind.kind, meta::name(object), &errors))
    }
}

/// Puts an object into the namespace of the path.
pub(crate) fn place(kind: &Kind, namespace: &str, object: &mut Value) -> Result<(), Failure> {
    if !kind.namespaced {
        meta::remove(object, "namespace");
        return Ok(());
    }
    if namespace.is_empty() {
        return Err(Failure::bad_request(
            "an empty namespace may not be set during creation",
        ));
    }
    let given = meta::text(object, "namespace");
    if given.is_empty() {
        meta::set(object, "namespace", namespace);
    } else if given != namespace {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}
