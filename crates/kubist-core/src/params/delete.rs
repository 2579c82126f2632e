//! Options of deleting.

use serde::{Serialize, Serializer};

/// Options of deleting.
///
/// ```
/// use kubist_core::params::DeleteParams;
/// let dp = DeleteParams::foreground().grace_period(0);
/// ```
#[derive(Default, Clone, Serialize, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct DeleteParams {
    /// Whether to do everything but delete.
    #[serde(skip_serializing_if = "is_false", serialize_with = "dry_run_all")]
    pub dry_run: bool,

    /// How many seconds the object has to stop; at once for zero; the object's own choice where
    /// it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_period_seconds: Option<u32>,

    /// What becomes of the objects that it owns; the resource's own choice where it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagation_policy: Option<PropagationPolicy>,

    /// What must hold, or else nothing is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preconditions: Option<Preconditions>,
}

impl DeleteParams {
    /// Deletes the object, and then those it owns.
    ///
    /// ```
    /// use kubist_core::params::{DeleteParams, PropagationPolicy};
    ///
    /// let dp = DeleteParams::background();
    /// assert_eq!(dp.propagation_policy, Some(PropagationPolicy::Background));
    /// ```
    pub fn background() -> Self {
        Self::with(PropagationPolicy::Background)
    }

    /// Deletes those it owns, and then the object.
    ///
    /// ```
    /// use kubist_core::params::{DeleteParams, PropagationPolicy};
    ///
    /// let dp = DeleteParams::foreground();
    /// assert_eq!(dp.propagation_policy, Some(PropagationPolicy::Foreground));
    /// ```
    pub fn foreground() -> Self {
        Self::with(PropagationPolicy::Foreground)
    }

    /// Deletes the object and leaves those it owns.
    ///
    /// ```
    /// use kubist_core::params::{DeleteParams, PropagationPolicy};
    ///
    /// let dp = DeleteParams::orphan();
    /// assert_eq!(dp.propagation_policy, Some(PropagationPolicy::Orphan));
    /// ```
    pub fn orphan() -> Self {
        Self::with(PropagationPolicy::Orphan)
    }

    fn with(policy: PropagationPolicy) -> Self {
        Self {
            propagation_policy: Some(policy),
            ..Self::default()
        }
    }

    /// Does everything but delete.
    ///
    /// ```
    /// use kubist_core::params::DeleteParams;
    ///
    /// assert!(DeleteParams::default().dry_run().dry_run);
    /// ```
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// How many seconds the object has to stop.
    ///
    /// ```
    /// use kubist_core::params::DeleteParams;
    ///
    /// let dp = DeleteParams::default().grace_period(30);
    /// assert_eq!(dp.grace_period_seconds, Some(30));
    /// ```
    #[must_use]
    pub fn grace_period(mut self, seconds: u32) -> Self {
        self.grace_period_seconds = Some(seconds);
        self
    }

    /// What must hold, or else nothing is deleted.
    ///
    /// ```
    /// use kubist_core::params::{DeleteParams, Preconditions};
    ///
    /// let of_this_version = Preconditions {
    ///     resource_version: Some("4711".to_owned()),
    ///     ..Preconditions::default()
    /// };
    /// let dp = DeleteParams::default().preconditions(of_this_version);
    /// ```
    #[must_use]
    pub fn preconditions(mut self, preconditions: Preconditions) -> Self {
        self.preconditions = Some(preconditions);
        self
    }
}

/// What must hold, or else nothing is deleted.
///
/// ```
/// use kubist_core::params::{DeleteParams, Preconditions};
///
/// let of_this_version = Preconditions {
///     resource_version: Some("4711".to_owned()),
///     ..Preconditions::default()
/// };
/// let dp = DeleteParams::default().preconditions(of_this_version);
/// ```
#[derive(Default, Clone, Serialize, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Preconditions {
    /// The object has this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// The object has this uid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// What becomes of the objects that a deleted object owns.
///
/// ```
/// use kubist_core::params::{DeleteParams, PropagationPolicy};
///
/// let dp = DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
/// ```
#[derive(Clone, Debug, Serialize, PartialEq)]
pub enum PropagationPolicy {
    /// They stay.
    Orphan,
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The API takes a list of stages, of which there is one.
fn dry_run_all<S: Serializer>(_: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(["All"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(params: &DeleteParams) -> String {
        serde_json::to_string(params).expect("serializes")
    }

    #[test]
    fn says_only_what_was_asked() {
        assert_eq!(json(&DeleteParams::default()), "{}");
        assert_eq!(json(&DeleteParams::default().dry_run()), r#"{"dryRun":["All"]}"#);
        assert_eq!(
            json(&DeleteParams::foreground().grace_period(0)),
            r#"{"gracePeriodSeconds":0,"propagationPolicy":"Foreground"}"#
        );
        let preconditions = Preconditions {
            uid: Some("u".into()),
            ..Preconditions::default()
        };
        assert_eq!(
            json(&DeleteParams::default().preconditions(preconditions)),
            r#"{"preconditions":{"uid":"u"}}"#
        );
    }
}
