//! Why a type has no structural schema.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

use super::place::Place;

/// A type that no structural schema describes, so that it cannot be in a custom resource.
///
/// ```
/// use kubist_core::schema::structural;
///
/// #[derive(schemars::JsonSchema)]
/// struct Spec {
///     source: Source,
/// }
/// #[derive(schemars::JsonSchema)]
/// enum Source {
///     Nothing,
///     Git { url: String },
/// }
///
/// let error = structural::<Spec>().unwrap_err();
/// assert_eq!(error.field(), "source");
/// assert!(error.to_string().contains("give the unit variants braces"));
/// ```
#[derive(Clone, Debug, Error)]
#[error("{} of {type_name} has no structural schema. {}", misfit.place, misfit.problem)]
pub struct NotStructural {
    type_name: &'static str,
    misfit: Box<Misfit>,
}

impl NotStructural {
    pub(super) fn new(type_name: &'static str, misfit: Misfit) -> Self {
        NotStructural {
            type_name,
            misfit: Box::new(misfit),
        }
    }

    /// The type whose schema was asked for.
    ///
    /// ```
    /// use kubist_core::schema::NotStructural;
    ///
    /// fn told(error: &NotStructural) -> String {
    ///     format!("{} of {}", error.field(), error.type_name())
    /// }
    /// ```
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The field of it, by the names that it is written with: `spec.steps[].run`; empty for the type
    /// itself.
    ///
    /// ```
    /// use kubist_core::schema::NotStructural;
    ///
    /// fn told(error: &NotStructural) -> String {
    ///     format!("{} of {}", error.field(), error.type_name())
    /// }
    /// ```
    #[must_use]
    pub fn field(&self) -> String {
        self.misfit.place.path()
    }
}

/// What is wrong somewhere in a schema.
#[derive(Clone, Debug)]
pub(super) struct Misfit {
    pub(super) place: Place,
    pub(super) problem: Problem,
}

impl Misfit {
    /// Where there is nobody to give an error to.
    ///
    /// # Panics
    ///
    /// Panics with the error.
    pub(super) fn panic(&self) -> ! {
        panic!("{} has no structural schema. {}", self.place, self.problem)
    }
}

/// What no structural schema can say, and what to do about it.
#[derive(Clone, Debug)]
pub(super) enum Problem {
    /// A string or an object.
    UnitsBesideObjects {
        units: Vec<Value>,
        unit_type: String,
        other_type: String,
    },
    /// One name, two schemas.
    OneNameOfTwoTypes {
        property: String,
        defined: Value,
        other: Value,
    },
    /// A type within itself.
    Recursive { of: String },
    /// A null, and nothing else.
    AlwaysNull,
    /// What `JsonSchema` gives is not what a definition can hold.
    NoSchema { reason: String },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::UnitsBesideObjects {
                units,
                unit_type,
                other_type,
            } => write!(
                f,
                "Enum variant set {units:?} has type Single({unit_type}) but was already defined as \
                 Some(Single({other_type})). The instance type must be equal for all subschema variants. \
                 A value is a string or an object, not either: give the unit variants braces (`A {{}}`), or \
                 tag the enum with `#[serde(tag = \"type\")]`."
            ),
            Problem::OneNameOfTwoTypes {
                property,
                defined,
                other,
            } => write!(
                f,
                "Property {property:?} has the schema {other} but was already defined as {defined} in another \
                 subschema. The schemas for a property used in multiple subschemas must be identical: rename \
                 one of them, give both the same type, or tag the enum from outside."
            ),
            Problem::Recursive { of } => write!(
                f,
                "It is of a type within itself ({of}), and the schema of a CRD cannot be recursive: bound the \
                 depth with a type per level, or keep the field unchecked with \
                 `#[schemars(schema_with = \"kubist::core::schema::unchecked\")]`."
            ),
            Problem::AlwaysNull => f.write_str(
                "Its value is always null, which a server drops: give the unit struct or variant braces (`A {}`), or \
                 leave the field out with `#[serde(skip)]`.",
            ),
            Problem::NoSchema { reason } => write!(
                f,
                "Its `JsonSchema` gives something that a definition cannot hold: {reason}."
            ),
        }
    }
}
