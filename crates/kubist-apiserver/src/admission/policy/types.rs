//! Whether the expressions of a policy fit the types of what it is about (`status.typeChecking`).
//!
//! The rules and the words are those of `k8s.io/apiserver/pkg/admission/plugin/policy/validating`.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubist_schema::{Field, Message, Special, Type as FieldType};
use serde_json::{Value, json};

use super::super::conditions::compile;
use super::super::expressions::Names;
use super::compiled::Composed;
use crate::cel::{BOOL, DYN, Declared, Deep, INT, STRING, Simple, Type, resource};
use crate::kinds::kind::{Kind, Registry, Schema};
use crate::object::member::{list, text};
use crate::object::meta;

/// For how many types a policy is checked.
const MOST: usize = 10;

/// What a policy's validations name that the objects cannot have.
pub(crate) fn warnings(deep: Deep, registry: &Registry, policy: &Value) -> Vec<Value> {
    let spec = &policy["spec"];
    let params = params(registry, spec);
    let objects: Vec<(String, Type)> = kinds(registry, spec)
        .into_iter()
        .filter_map(|kind| Some((shown(kind), type_of(kind)?)))
        .collect();
    let mut found = Vec::new();
    for (at, validation) in list(spec, "validations").iter().enumerate() {
        for part in ["expression", "messageExpression"] {
            let expression = text(validation, part);
            if expression.is_empty() {
                continue;
            }
            let complaints: Vec<String> = objects
                .iter()
                .filter_map(|(kind, object)| {
                    let why = problem(deep, spec, expression, object, params.as_ref())?;
                    Some(format!("{kind}: {why}\n"))
                })
                .collect();
            if !complaints.is_empty() {
                found.push(json!({
                    "fieldRef": format!("spec.validations[{at}].{part}"),
                    "warning": complaints.join("\n"),
                }));
            }
        }
    }
    found
}

/// Why an expression does not fit.
fn problem(
    deep: Deep,
    spec: &Value,
    expression: &str,
    object: &Type,
    params: Option<&Type>,
) -> Option<String> {
    let has_params = spec.get("paramKind").is_some_and(Value::is_object);
    let mut composed = Composed::new(has_params, true).about(object.clone(), params.cloned());
    for variable in list(spec, "variables") {
        // What is wrong with it is told where it is used.
        let _ = composed.variable(deep, text(variable, "name"), text(variable, "expression"));
    }
    let compiled = compile(deep, expression, composed.environment(Names::Authorizer), &[]);
    let why = compiled.err()?.message;
    Some(match why.strip_prefix("compilation failed: ") {
        Some(why) => why.to_owned(),
        None => why,
    })
}

/// The kinds that a policy names without wildcards, in order.
fn kinds<'r>(registry: &'r Registry, spec: &Value) -> Vec<&'r Kind> {
    let mut found: BTreeMap<[&str; 3], &Kind> = BTreeMap::new();
    'rules: for rule in list(&spec["matchConstraints"], "resourceRules") {
        let exact = |field: &str| {
            let mut names = meta::strings(rule.get(field));
            names.sort_unstable();
            (!names.iter().any(|name| name.contains('*'))).then_some(names)
        };
        let (Some(groups), Some(versions)) = (exact("apiGroups"), exact("apiVersions")) else {
            continue;
        };
        let mut resources = meta::strings(rule.get("resources"));
        resources.retain(|resource| !resource.contains(['*', '/']));
        resources.sort_unstable();
        let mut count = 0;
        for (group, version) in groups
            .iter()
            .flat_map(|group| versions.iter().map(move |version| (group, version)))
        {
            // To upstream's mapper the group without a name is any.
            let is_it = |kind: &&Arc<Kind>, plural: &str| {
                (group.is_empty() || kind.group == *group)
                    && kind.version == *version
                    && kind.plural == plural
            };
            let known = resources
                .iter()
                .flat_map(|plural| registry.kinds().iter().filter(move |kind| is_it(kind, plural)));
            for kind in known {
                found.insert([&kind.group, &kind.version, &kind.kind], kind);
                count += 1;
                if count == MOST {
                    break 'rules;
                }
            }
        }
    }
    found.into_values().collect()
}

fn shown(kind: &Kind) -> String {
    format!("{}/{}, Kind={}", kind.group, kind.version, kind.kind)
}

/// The type of a policy's parameters, if it is known.
fn params(registry: &Registry, spec: &Value) -> Option<Type> {
    let kind = spec.get("paramKind")?;
    let (group, version) = meta::group_version(text(kind, "apiVersion"));
    let is_it = |known: &&Arc<Kind>| {
        known.group == group && known.version == version && known.kind == text(kind, "kind")
    };
    type_of(registry.kinds().iter().find(is_it)?)
}

fn type_of(kind: &Kind) -> Option<Type> {
    match &kind.schema {
        Schema::Builtin(message) => of_message(message, &kind.kind, &mut Vec::new()),
        Schema::Custom(custom) => {
            let mut schema = custom.schema.clone();
            meta::child(&mut schema, "properties").extend(resource());
            let Type::Object(object) = Type::of_declared(&Declared::of(&schema)?, &kind.kind) else {
                return None;
            };
            let mut fields = object.fields.clone()?;
            let metadata = kubist_schema::message(METADATA);
            let name = format!("{}.metadata", kind.kind);
            let metadata = metadata.and_then(|message| of_message(message, &name, &mut Vec::new()));
            fields.extend(metadata.map(|metadata| ("metadata".to_owned(), metadata)));
            let fields: Vec<(String, Type)> = fields.into_iter().collect();
            Some(Type::fields(&kind.kind, &fields))
        }
    }
}

const METADATA: &str = "k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The type of a struct; `within` are those that it is in, as some hold themselves.
///
/// Nothing where OpenAPI has no type for it: upstream's checker does not see such fields.
fn of_message(message: &'static Message, name: &str, within: &mut Vec<&'static str>) -> Option<Type> {
    match message.special {
        None if within.contains(&message.name) => return Some(Type::fields(name, &[])),
        None => {}
        Some(Special::Time | Special::MicroTime) => return Some(Type::Simple(Simple::Timestamp)),
        Some(Special::Duration) => return Some(STRING),
        Some(Special::FieldsV1 | Special::RawExtension) => return Some(Type::fields(name, &[])),
        Some(Special::IntOrString) => return Some(DYN),
        Some(_) => return None,
    }
    within.push(message.name);
    let fields: Vec<(String, Type)> = message
        .json_fields()
        .filter_map(|field| {
            let ty = of_field(field, &format!("{name}.{}", field.json), within)?;
            Some((crate::cel::escape(field.json).into_owned(), ty))
        })
        .collect();
    within.pop();
    Some(Type::fields(name, &fields))
}

fn of_field(field: &'static Field, name: &str, within: &mut Vec<&'static str>) -> Option<Type> {
    let part = match (field.repeated, field.map) {
        (true, _) => format!("{name}.@idx"),
        (_, true) => format!("{name}.@elem"),
        _ => name.to_owned(),
    };
    let one = match (field.message(), field.ty) {
        (Some(message), _) => of_message(message, &part, within)?,
        (None, FieldType::String) => STRING,
        (None, FieldType::Int32 | FieldType::Int64) => INT,
        (None, FieldType::Bool) => BOOL,
        (None, FieldType::Bytes) => Type::Simple(Simple::Bytes),
        (None, FieldType::Double) => Type::Simple(Simple::Double),
        (None, FieldType::StringList) => Type::list(STRING),
        (None, _) => return None,
    };
    Some(match (field.repeated, field.map) {
        (true, _) => Type::list(one),
        (_, true) => Type::map(STRING, one),
        _ => one,
    })
}
