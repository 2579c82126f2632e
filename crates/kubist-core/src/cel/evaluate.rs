//! Evaluates a schema's rules in the process.

mod old_self;
mod walk;

use kube_cel::{RootContext, ValidationError, ValidationErrors};
use schemars::{
    JsonSchema,
    generate::{SchemaGenerator, SchemaSettings},
    transform::AddNullable,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    crd::CustomResourceExt,
    schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter},
};

/// Checks a new custom resource against the rules of its definition, as a server would.
///
/// Rules that use `oldSelf` do not apply to what is new. Of CEL, `type(...)` cannot be evaluated here.
///
/// ```
/// use kubist_core::{CustomResourceExt, cel::validate_cel};
///
/// fn is_valid<K: CustomResourceExt + serde::Serialize>(object: &K) -> bool {
///     validate_cel(object).is_ok()
/// }
/// ```
///
/// # Errors
///
/// Fails with every rule that does not hold, or that cannot be evaluated here.
pub fn validate_cel<T>(obj: &T) -> Result<(), ValidationErrors>
where
    T: CustomResourceExt + Serialize,
{
    validate_resource(obj, None)
}

/// Checks a change of a custom resource against the rules of its definition, as a server would.
///
/// ```
/// use kubist_core::{CustomResourceExt, cel::validate_cel_update};
///
/// fn may_become<K: CustomResourceExt + serde::Serialize>(old: &K, new: &K) -> bool {
///     validate_cel_update(new, old).is_ok()
/// }
/// ```
///
/// # Errors
///
/// Fails with every rule that does not hold, or that cannot be evaluated here.
pub fn validate_cel_update<T>(obj: &T, old: &T) -> Result<(), ValidationErrors>
where
    T: CustomResourceExt + Serialize,
{
    validate_resource(obj, Some(old))
}

/// Checks a value against the rules of a type's schema.
///
/// ```
/// use kubist_core::cel::validate_cel_schema;
/// use schemars::JsonSchema;
/// use serde_json::json;
///
/// #[derive(JsonSchema)]
/// #[schemars(extend("x-kubernetes-validations" = [{ "rule": "self.min <= self.max" }]))]
/// struct Range {
///     min: i32,
///     max: i32,
/// }
/// assert!(validate_cel_schema::<Range>(&json!({ "min": 1, "max": 2 }), None).is_ok());
/// assert!(validate_cel_schema::<Range>(&json!({ "min": 2, "max": 1 }), None).is_err());
/// ```
///
/// # Errors
///
/// Fails with every rule that does not hold, or that cannot be evaluated here.
pub fn validate_cel_schema<T>(value: &Value, old: Option<&Value>) -> Result<(), ValidationErrors>
where
    T: JsonSchema,
{
    let schema = to_value(&structural_generator().into_root_schema_for::<T>())?;
    verdict(walk::check(&schema, value, old, None))
}

fn validate_resource<T>(obj: &T, old: Option<&T>) -> Result<(), ValidationErrors>
where
    T: CustomResourceExt + Serialize,
{
    let resource = T::api_resource();
    let versions = T::crd().spec.versions;
    let version = versions.into_iter().find(|v| v.name == resource.version);
    let Some(schema) = version.and_then(|v| v.schema).and_then(|s| s.open_api_v3_schema) else {
        return Ok(());
    };
    let context = RootContext {
        api_version: resource.api_version,
        api_group: resource.group,
        kind: resource.kind,
    };
    let schema = to_value(&schema)?;
    let old = old.map(to_value).transpose()?;
    verdict(walk::check(
        &schema,
        &to_value(obj)?,
        old.as_ref(),
        Some(&context),
    ))
}

fn verdict(errors: Vec<ValidationError>) -> Result<(), ValidationErrors> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors.into())
    }
}

/// The generator that definitions of custom resources use.
fn structural_generator() -> SchemaGenerator {
    SchemaSettings::openapi3()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .with_transform(AddNullable::default())
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(OptionalIntOrString)
        .into_generator()
}

/// What does not serialize is not valid.
fn to_value<T: Serialize>(value: &T) -> Result<Value, ValidationErrors> {
    serde_json::to_value(value).map_err(|error| {
        let failure = json!({
            "rule": "", "field_path": "", "reason": null, "kind": "InvalidResult",
            "message": format!("failed to serialize: {error}"),
        });
        // The error type has no constructor but its own format.
        ValidationErrors::from(Vec::from_iter(serde_json::from_value(failure).ok()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate;

    struct Port;

    impl JsonSchema for Port {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Port".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
            let mut schema =
                schemars::json_schema!({ "type": "object", "properties": { "n": { "type": "integer" } } });
            validate(&mut schema, ("self.n > 0", "must be positive")).expect("applies");
            validate(&mut schema, ("self.n >= oldSelf.n", "must not shrink")).expect("applies");
            schema
        }
    }

    #[test]
    fn rules_are_evaluated() {
        let check = |value: Value, old: Option<Value>| validate_cel_schema::<Port>(&value, old.as_ref());
        check(json!({"n": 1}), None).expect("holds");
        let errors = check(json!({"n": 0}), None).expect_err("does not hold");
        assert_eq!(errors.as_slice()[0].message, "must be positive");
        let errors = check(json!({"n": 1}), Some(json!({"n": 2}))).expect_err("does not hold");
        assert_eq!(errors.as_slice()[0].message, "must not shrink");
    }
}
