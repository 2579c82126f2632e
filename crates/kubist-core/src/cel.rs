//! Rules that a custom resource's schema carries: CEL validation and merge strategies.
//!
//! With feature `cel`, also their evaluation in the process, before anything is sent.

#[cfg(feature = "cel")]
mod evaluate;
#[cfg(feature = "schema")]
mod schema;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[cfg(feature = "cel")]
pub use evaluate::{validate_cel, validate_cel_schema, validate_cel_update};
#[cfg(feature = "cel")]
pub use kube_cel::*;
#[cfg(feature = "schema")]
pub use schema::{merge_properties, merge_strategy, merge_strategy_property, validate, validate_property};

/// A validation rule in [CEL](https://kubernetes.io/docs/reference/using-api/cel/), as
/// [`x-kubernetes-validations`](https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules)
/// has it.
///
/// ```
/// use kubist_core::{Reason, Rule};
/// let rule = Rule::new("self == oldSelf")
///     .message("is immutable")
///     .reason(Reason::FieldValueForbidden);
/// ```
#[derive(Default, Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The expression; true accepts the value.
    pub rule: String,
    /// What to say if it does not hold.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// The field to blame, from where the rule is; e.g. `.spec.host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_path: Option<String>,
    /// What to say to programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Whether `oldSelf` is optional: then the rule holds on create too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optional_old_self: Option<bool>,
}

impl Rule {
    /// A rule with this expression.
    ///
    /// ```
    /// use kubist_core::Rule;
    ///
    /// assert_eq!(Rule::new("self > 0").rule, "self > 0");
    /// ```
    pub fn new(rule: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            ..Self::default()
        }
    }

    /// What to say if it does not hold.
    ///
    /// ```
    /// use kubist_core::{Message, Rule};
    ///
    /// let rule = Rule::new("self > 0").message("must be positive");
    /// assert_eq!(rule.message, Some(Message::Message("must be positive".to_owned())));
    /// ```
    #[must_use]
    pub fn message(mut self, message: impl Into<Message>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// What to say to programs.
    ///
    /// ```
    /// use kubist_core::{Reason, Rule};
    ///
    /// let rule = Rule::new("self == oldSelf").reason(Reason::FieldValueForbidden);
    /// ```
    #[must_use]
    pub fn reason(mut self, reason: impl Into<Reason>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The field to blame.
    ///
    /// ```
    /// use kubist_core::Rule;
    ///
    /// let rule = Rule::new("self.min <= self.max").field_path(".min");
    /// ```
    #[must_use]
    pub fn field_path(mut self, field_path: impl Into<String>) -> Self {
        self.field_path = Some(field_path.into());
        self
    }

    /// Whether `oldSelf` is optional.
    ///
    /// ```
    /// use kubist_core::Rule;
    ///
    /// let rule = Rule::new("!oldSelf.hasValue() || self >= oldSelf.value()").optional_old_self(true);
    /// ```
    #[must_use]
    pub fn optional_old_self(mut self, optional: bool) -> Self {
        self.optional_old_self = Some(optional);
        self
    }
}

impl From<&str> for Rule {
    fn from(rule: &str) -> Self {
        Rule::new(rule)
    }
}

/// A rule and its message.
impl From<(&str, &str)> for Rule {
    fn from((rule, message): (&str, &str)) -> Self {
        Rule::new(rule).message(message)
    }
}

/// What to say if a rule does not hold.
///
/// ```
/// use kubist_core::{Message, Rule};
///
/// let message = Message::Expression("'got ' + string(self)".to_owned());
/// let rule = Rule::new("self > 0").message(message);
/// ```
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Message {
    /// A text.
    Message(String),
    /// An expression in CEL that gives a text.
    #[serde(rename = "messageExpression")]
    Expression(String),
}

impl From<&str> for Message {
    fn from(message: &str) -> Self {
        Message::Message(message.to_owned())
    }
}

/// What to say to programs if a rule does not hold
/// ([reference](https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-reason)).
///
/// ```
/// use kubist_core::Reason;
///
/// assert_eq!("FieldValueRequired".parse::<Reason>()?, Reason::FieldValueRequired);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Serialize, Deserialize, Clone, Default, Debug, PartialEq)]
pub enum Reason {
    /// The value is not one that the field can have.
    #[default]
    FieldValueInvalid,
    /// The value may not be set, here or by this user.
    FieldValueForbidden,
    /// The value is missing.
    FieldValueRequired,
    /// The value is there already.
    FieldValueDuplicate,
}

/// Reads the API's own names.
impl FromStr for Reason {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_value(serde_json::Value::String(text.to_owned()))
    }
}

/// How server-side apply merges a list
/// ([reference](https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy)).
///
/// ```
/// use kubist_core::{ListMerge, cel::MergeStrategy};
///
/// let strategy = MergeStrategy::from(ListMerge::Set);
/// assert_eq!(serde_json::to_value(strategy)?["x-kubernetes-list-type"], "set");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum ListMerge {
    /// It is replaced as a whole.
    Atomic,
    /// Its items are objects, told apart by these fields.
    Map(Vec<String>),
    /// Its items are scalars, told apart by their value.
    Set,
}

/// How server-side apply merges a map.
///
/// ```
/// use kubist_core::{MapMerge, cel::MergeStrategy};
///
/// let strategy = MergeStrategy::from(MapMerge::Atomic);
/// assert_eq!(serde_json::to_value(strategy)?["x-kubernetes-map-type"], "atomic");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum MapMerge {
    /// It is replaced as a whole.
    Atomic,
    /// Each key is merged.
    Granular,
}

/// How server-side apply merges a struct.
///
/// ```
/// use kubist_core::{StructMerge, cel::MergeStrategy};
///
/// let strategy = MergeStrategy::from(StructMerge::Granular);
/// assert_eq!(serde_json::to_value(strategy)?["x-kubernetes-struct-type"], "granular");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum StructMerge {
    /// It is replaced as a whole.
    Atomic,
    /// Each field is merged.
    Granular,
}

/// How server-side apply merges a field.
///
/// ```
/// use kubist_core::{ListMerge, cel::MergeStrategy};
///
/// assert_eq!(MergeStrategy::from(ListMerge::Set), MergeStrategy::ListType(ListMerge::Set));
/// ```
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum MergeStrategy {
    /// A list.
    #[serde(rename = "x-kubernetes-list-type")]
    ListType(ListMerge),
    /// A map.
    #[serde(rename = "x-kubernetes-map-type")]
    MapType(MapMerge),
    /// A struct; a schema says so in the words of a map.
    #[serde(rename = "x-kubernetes-struct-type")]
    StructType(StructMerge),
}

impl From<ListMerge> for MergeStrategy {
    fn from(merge: ListMerge) -> Self {
        MergeStrategy::ListType(merge)
    }
}

impl From<MapMerge> for MergeStrategy {
    fn from(merge: MapMerge) -> Self {
        MergeStrategy::MapType(merge)
    }
}

impl From<StructMerge> for MergeStrategy {
    fn from(merge: StructMerge) -> Self {
        MergeStrategy::StructType(merge)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_written_as_the_api_has_them() {
        let rule = Rule::new("a")
            .message("m")
            .reason(Reason::FieldValueRequired)
            .field_path(".b")
            .optional_old_self(true);
        let json = serde_json::to_value(rule).expect("serializes");
        assert_eq!(
            json,
            json!({"rule": "a", "message": "m", "reason": "FieldValueRequired", "fieldPath": ".b", "optionalOldSelf": true})
        );
        let read: Rule =
            serde_json::from_value(json!({"rule": "a", "messageExpression": "'b'"})).expect("valid");
        assert_eq!(read.message, Some(Message::Expression("'b'".into())));
        assert_eq!(Rule::from(("a", "m")).message, Some(Message::from("m")));
    }

    #[test]
    fn reasons_have_names() {
        assert_eq!(
            "FieldValueDuplicate".parse::<Reason>().ok(),
            Some(Reason::FieldValueDuplicate)
        );
        assert!("Other".parse::<Reason>().is_err());
    }
}
