//! What a status tells: conditions, and the generation of the spec that they are about.
//!
//! ```
//! use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
//! use kubist_core::status::{ConditionStatus, HasConditions, condition};
//!
//! #[derive(Default)]
//! struct DocumentStatus {
//!     conditions: Vec<Condition>,
//! }
//!
//! // `#[derive(Status)]` writes this.
//! impl HasConditions for DocumentStatus {
//!     fn conditions(&self) -> &[Condition] {
//!         &self.conditions
//!     }
//!     fn conditions_mut(&mut self) -> &mut Vec<Condition> {
//!         &mut self.conditions
//!     }
//! }
//!
//! let mut status = DocumentStatus::default();
//! let ready = || condition("Ready", ConditionStatus::True, "Published").message("it can be read");
//! assert!(status.set_condition(ready().build()));
//! assert!(!status.set_condition(ready().build()), "nothing has changed: there is nothing to write");
//! assert!(status.is_condition_true("Ready"));
//! ```

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{Resource, object::HasStatus};

/// Whether what a condition says is so.
///
/// ```
/// use kubist_core::status::ConditionStatus;
///
/// assert_eq!(ConditionStatus::from(false), ConditionStatus::False);
/// assert_eq!(ConditionStatus::Unknown.to_string(), "Unknown");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionStatus {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// Nobody can tell.
    Unknown,
}

impl ConditionStatus {
    /// The word for it in a condition.
    ///
    /// ```
    /// use kubist_core::status::ConditionStatus;
    ///
    /// assert_eq!(ConditionStatus::True.as_str(), "True");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ConditionStatus::True => "True",
            ConditionStatus::False => "False",
            ConditionStatus::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for ConditionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<bool> for ConditionStatus {
    fn from(is: bool) -> Self {
        if is {
            ConditionStatus::True
        } else {
            ConditionStatus::False
        }
    }
}

/// A condition: its type, whether it holds, and why, as one word in CamelCase.
///
/// Servers refuse a condition without a reason.
/// ([convention](https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties))
///
/// ```
/// use kubist_core::status::condition;
///
/// let ready = condition("Ready", false, "NotScheduled").build();
/// assert_eq!((&*ready.type_, &*ready.status), ("Ready", "False"));
/// ```
pub fn condition(
    type_: impl Into<String>,
    status: impl Into<ConditionStatus>,
    reason: impl Into<String>,
) -> ConditionBuilder {
    ConditionBuilder {
        type_: type_.into(),
        status: status.into(),
        reason: reason.into(),
        message: String::new(),
        observed_generation: None,
        last_transition_time: None,
    }
}

/// A condition in the making; see [`condition`].
///
/// ```
/// use kubist_core::status::{ConditionBuilder, condition};
///
/// fn ready(is: bool) -> ConditionBuilder {
///     condition("Ready", is, if is { "Published" } else { "Waiting" })
/// }
/// assert_eq!(ready(true).build().reason, "Published");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a condition is made by `build`"]
pub struct ConditionBuilder {
    type_: String,
    status: ConditionStatus,
    reason: String,
    message: String,
    observed_generation: Option<i64>,
    last_transition_time: Option<Time>,
}

impl ConditionBuilder {
    /// Says more, in words for people.
    ///
    /// ```
    /// # use kubist_core::status::condition;
    /// let ready = condition("Ready", false, "NotScheduled").message("no node has room").build();
    /// assert_eq!(ready.message, "no node has room");
    /// ```
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Says that the condition is about the spec that this object has.
    ///
    /// ```
    /// use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_core::status::condition;
    ///
    /// let mut pod = Pod::default();
    /// pod.metadata.generation = Some(3);
    /// let ready = condition("Ready", true, "Running").observed(&pod).build();
    /// assert_eq!(ready.observed_generation, Some(3));
    /// ```
    pub fn observed(mut self, object: &impl Resource) -> Self {
        self.observed_generation = object.meta().generation;
        self
    }

    /// Sets when the status became what it is, which is else when it is built.
    ///
    /// ```
    /// use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
    /// # use kubist_core::status::condition;
    ///
    /// let ready = condition("Ready", true, "Running").since(Time(Timestamp::UNIX_EPOCH)).build();
    /// assert_eq!(ready.last_transition_time.0, Timestamp::UNIX_EPOCH);
    /// ```
    pub fn since(mut self, time: Time) -> Self {
        self.last_transition_time = Some(time);
        self
    }

    /// The condition.
    ///
    /// ```
    /// # use kubist_core::status::condition;
    /// let ready = condition("Ready", true, "Running").build();
    /// assert!(ready.message.is_empty());
    /// ```
    #[must_use]
    pub fn build(self) -> Condition {
        Condition {
            type_: self.type_,
            status: self.status.as_str().to_owned(),
            reason: self.reason,
            message: self.message,
            observed_generation: self.observed_generation,
            last_transition_time: self
                .last_transition_time
                .unwrap_or_else(|| Time(k8s_openapi::jiff::Timestamp::now())),
        }
    }
}

/// A status that has conditions: `#[derive(Status)]` implements it for a struct with a field `conditions`.
///
/// ```
/// use kubist_core::status::{HasConditions, condition};
///
/// fn is_served(status: &mut impl HasConditions) -> bool {
///     status.set_condition(condition("Served", true, "Asked").build());
///     status.is_condition_true("Served")
/// }
/// ```
pub trait HasConditions {
    /// The conditions.
    fn conditions(&self) -> &[Condition];

    /// The conditions, to be changed.
    fn conditions_mut(&mut self) -> &mut Vec<Condition>;

    /// The condition of a type.
    fn condition(&self, type_: &str) -> Option<&Condition> {
        self.conditions()
            .iter()
            .find(|condition| condition.type_ == type_)
    }

    /// Whether there is a condition of a type, and it holds.
    fn is_condition_true(&self, type_: &str) -> bool {
        self.condition(type_)
            .is_some_and(|condition| condition.status == ConditionStatus::True.as_str())
    }

    /// Sets the condition of a type, and tells whether that changed anything.
    ///
    /// The time of the last transition stays what it is while the status stays what it is, so that a status
    /// which says the same again is the same, and a controller that writes what changed comes to rest. An
    /// observed generation does not go back: what was concluded from an older spec does not replace what
    /// was concluded from a newer one.
    fn set_condition(&mut self, mut new: Condition) -> bool {
        let conditions = self.conditions_mut();
        let Some(present) = conditions.iter_mut().find(|present| present.type_ == new.type_) else {
            conditions.push(new);
            return true;
        };
        if new.observed_generation.is_some() && new.observed_generation < present.observed_generation {
            return false;
        }
        if new.status == present.status {
            new.last_transition_time = present.last_transition_time.clone();
        }
        let changed = *present != new;
        *present = new;
        changed
    }

    /// Takes the condition of a type out, and tells whether there was one.
    fn remove_condition(&mut self, type_: &str) -> bool {
        let conditions = self.conditions_mut();
        let before = conditions.len();
        conditions.retain(|condition| condition.type_ != type_);
        conditions.len() < before
    }
}

/// A status that says which generation of the spec it is about: `#[derive(Status)]` implements it for a
/// struct with a field `observed_generation`.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_core::status::HasObservedGeneration;
///
/// #[derive(Default)]
/// struct Status {
///     observed_generation: Option<i64>,
/// }
///
/// // `#[derive(Status)]` writes this.
/// impl HasObservedGeneration for Status {
///     fn observed_generation(&self) -> Option<i64> {
///         self.observed_generation
///     }
///     fn set_observed_generation(&mut self, generation: Option<i64>) {
///         self.observed_generation = generation;
///     }
/// }
///
/// let mut pod = Pod::default();
/// pod.metadata.generation = Some(2);
/// let mut status = Status::default();
/// assert!(status.observe(&pod));
/// assert!(!status.observe(&pod), "that is known");
/// ```
pub trait HasObservedGeneration {
    /// The generation that the status is about.
    fn observed_generation(&self) -> Option<i64>;

    /// Sets the generation that the status is about.
    fn set_observed_generation(&mut self, generation: Option<i64>);

    /// Sets the generation to that of an object's spec, and tells whether that changed anything.
    ///
    /// Call it at the end of a reconcile, with the object that was reconciled: the one on the server may
    /// have changed since.
    fn observe(&mut self, object: &impl Resource) -> bool
    where
        Self: Sized,
    {
        let generation = object.meta().generation;
        let changed = self.observed_generation() != generation;
        self.set_observed_generation(generation);
        changed
    }
}

/// Whether an object's status is about the spec that it has now.
///
/// False until a controller has seen the object; false again from each change of the spec, which is what
/// makes the generation grow, until the controller has seen that. A change of labels, annotations or
/// status is none.
///
/// ```
/// use kubist_core::status::ObservedGenerationExt;
///
/// /// Waits for a controller before it believes a status.
/// fn is_done<K: ObservedGenerationExt>(object: &K, is_ready: bool) -> bool {
///     object.is_observed() && is_ready
/// }
/// ```
pub trait ObservedGenerationExt {
    /// Whether the status is about the present spec.
    fn is_observed(&self) -> bool;
}

impl<K> ObservedGenerationExt for K
where
    K: Resource + HasStatus,
    K::Status: HasObservedGeneration,
{
    fn is_observed(&self) -> bool {
        let observed = self.status().and_then(HasObservedGeneration::observed_generation);
        observed.is_some() && observed == self.meta().generation
    }
}
