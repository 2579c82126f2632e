//! Options of writing.

use serde::Serialize;

use super::Query;
use crate::request::Error;

/// The longest name of a field manager
/// ([source](https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1/validation/validation.go)).
const FIELD_MANAGER_LIMIT: usize = 128;

/// Options of creating and replacing.
///
/// ```
/// use kubist_core::params::PostParams;
///
/// let pp = PostParams {
///     field_manager: Some("my-controller".to_owned()),
///     ..PostParams::default()
/// };
/// ```
#[derive(Default, Clone, Debug, PartialEq)]
pub struct PostParams {
    /// Whether to do everything but store the result.
    pub dry_run: bool,
    /// Who writes, as `managedFields` will have it.
    pub field_manager: Option<String>,
}

impl PostParams {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        validate_field_manager("PostParams", self.field_manager.as_deref())
    }

    pub(crate) fn append_to(&self, query: &mut Query) {
        if self.dry_run {
            query.append_pair("dryRun", "All");
        }
        if let Some(manager) = &self.field_manager {
            query.append_pair("fieldManager", manager);
        }
    }
}

/// What a server does about fields that it does not know or that come twice.
///
/// ```
/// use kubist_core::params::{PatchParams, ValidationDirective};
///
/// let pp = PatchParams::apply("my-controller").validation(ValidationDirective::Strict);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValidationDirective {
    /// The request fails.
    Strict,
    /// It warns, in a header.
    Warn,
    /// It drops them silently.
    Ignore,
}

impl ValidationDirective {
    /// As the API writes it.
    ///
    /// ```
    /// use kubist_core::params::ValidationDirective;
    ///
    /// assert_eq!(ValidationDirective::Strict.as_str(), "Strict");
    /// ```
    pub fn as_str(&self) -> &str {
        match self {
            ValidationDirective::Strict => "Strict",
            ValidationDirective::Warn => "Warn",
            ValidationDirective::Ignore => "Ignore",
        }
    }
}

/// Options of patching.
///
/// ```
/// use kubist_core::params::PatchParams;
/// let pp = PatchParams::apply("my-controller").force();
/// ```
#[derive(Default, Clone, Debug)]
pub struct PatchParams {
    /// Whether to do everything but store the result.
    pub dry_run: bool,
    /// Whether to take over fields that others own; only for [`Patch::Apply`].
    pub force: bool,
    /// Who writes; an apply needs it.
    pub field_manager: Option<String>,
    /// What the server does about unknown fields; [`Warn`](ValidationDirective::Warn) where it
    /// says nothing.
    pub field_validation: Option<ValidationDirective>,
}

impl PatchParams {
    /// For server-side apply by this field manager.
    ///
    /// ```
    /// use kubist_core::params::PatchParams;
    ///
    /// let pp = PatchParams::apply("my-controller");
    /// assert_eq!(pp.field_manager.as_deref(), Some("my-controller"));
    /// ```
    pub fn apply(manager: &str) -> Self {
        Self {
            field_manager: Some(manager.to_owned()),
            ..Self::default()
        }
    }

    /// Takes over fields that others own.
    ///
    /// ```
    /// use kubist_core::params::PatchParams;
    ///
    /// assert!(PatchParams::apply("my-controller").force().force);
    /// ```
    #[must_use]
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }

    /// Does everything but store the result.
    ///
    /// ```
    /// use kubist_core::params::PatchParams;
    ///
    /// assert!(PatchParams::default().dry_run().dry_run);
    /// ```
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// What the server does about unknown fields.
    ///
    /// ```
    /// use kubist_core::params::{PatchParams, ValidationDirective};
    ///
    /// let pp = PatchParams::default().validation(ValidationDirective::Warn);
    /// ```
    #[must_use]
    pub fn validation(mut self, directive: ValidationDirective) -> Self {
        self.field_validation = Some(directive);
        self
    }

    /// Unknown fields are dropped silently.
    ///
    /// ```
    /// use kubist_core::params::{PatchParams, ValidationDirective};
    ///
    /// let pp = PatchParams::default().validation_ignore();
    /// assert!(matches!(pp.field_validation, Some(ValidationDirective::Ignore)));
    /// ```
    #[must_use]
    pub fn validation_ignore(self) -> Self {
        self.validation(ValidationDirective::Ignore)
    }

    /// Unknown fields are warned of.
    ///
    /// ```
    /// use kubist_core::params::{PatchParams, ValidationDirective};
    ///
    /// let pp = PatchParams::default().validation_warn();
    /// assert!(matches!(pp.field_validation, Some(ValidationDirective::Warn)));
    /// ```
    #[must_use]
    pub fn validation_warn(self) -> Self {
        self.validation(ValidationDirective::Warn)
    }

    /// Unknown fields make the request fail.
    ///
    /// ```
    /// use kubist_core::params::{PatchParams, ValidationDirective};
    ///
    /// let pp = PatchParams::default().validation_strict();
    /// assert!(matches!(pp.field_validation, Some(ValidationDirective::Strict)));
    /// ```
    #[must_use]
    pub fn validation_strict(self) -> Self {
        self.validation(ValidationDirective::Strict)
    }

    pub(crate) fn validate<P: Serialize>(&self, patch: &Patch<P>) -> Result<(), Error> {
        validate_field_manager("PatchParams", self.field_manager.as_deref())?;
        if self.force && !patch.is_apply() {
            return Err(Error::Validation(
                "PatchParams::force only works with Patch::Apply".into(),
            ));
        }
        Ok(())
    }

    pub(crate) fn append_to(&self, query: &mut Query) {
        if self.dry_run {
            query.append_pair("dryRun", "All");
        }
        if self.force {
            query.append_pair("force", "true");
        }
        if let Some(manager) = &self.field_manager {
            query.append_pair("fieldManager", manager);
        }
        if let Some(directive) = &self.field_validation {
            query.append_pair("fieldValidation", directive.as_str());
        }
    }
}

fn validate_field_manager(of: &str, manager: Option<&str>) -> Result<(), Error> {
    match manager {
        Some(manager) if manager.len() > FIELD_MANAGER_LIMIT => Err(Error::Validation(format!(
            "{of}::field_manager has {} bytes, more than {FIELD_MANAGER_LIMIT}",
            manager.len()
        ))),
        _ => Ok(()),
    }
}

/// A change to an object, in one of the four ways that servers understand
/// ([comparison](https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/)).
///
/// ```
/// use kubist_core::params::Patch;
/// use serde_json::json;
///
/// let merge = Patch::Merge(json!({ "spec": { "replicas": 3 } }));
/// let apply = Patch::Apply(json!({
///     "apiVersion": "apps/v1",
///     "kind": "Deployment",
///     "spec": { "replicas": 3 },
/// }));
/// ```
#[non_exhaustive]
#[derive(Debug, PartialEq, Clone)]
pub enum Patch<T: Serialize> {
    /// [Server-side apply](https://kubernetes.io/docs/reference/using-api/server-side-apply/): the
    /// fields that one wants, with `apiVersion` and `kind`; creates what is not there.
    ///
    /// Needs [`PatchParams::field_manager`].
    Apply(T),

    /// [JSON patch](https://www.rfc-editor.org/rfc/rfc6902): a list of operations.
    ///
    /// ```
    /// use kubist_core::params::Patch;
    /// let patch: json_patch::Patch = serde_json::from_value(serde_json::json!([
    ///     { "op": "replace", "path": "/spec/replicas", "value": 3 },
    /// ]))?;
    /// let patch = Patch::Json::<()>(patch);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[cfg(feature = "jsonpatch")]
    Json(json_patch::Patch),

    /// [JSON merge patch](https://www.rfc-editor.org/rfc/rfc7386): the fields to change; null
    /// deletes one, a list replaces the list.
    Merge(T),

    /// Strategic merge patch: a merge patch that merges lists as the type defines.
    ///
    /// Servers understand it for built-in kinds, not for custom resources.
    Strategic(T),
}

impl<T: Serialize> Patch<T> {
    pub(crate) fn is_apply(&self) -> bool {
        matches!(self, Patch::Apply(_))
    }

    pub(crate) fn content_type(&self) -> &'static str {
        match self {
            // JSON is YAML.
            Patch::Apply(_) => "application/apply-patch+yaml",
            #[cfg(feature = "jsonpatch")]
            Patch::Json(_) => "application/json-patch+json",
            Patch::Merge(_) => "application/merge-patch+json",
            Patch::Strategic(_) => "application/strategic-merge-patch+json",
        }
    }

    pub(crate) fn serialize(&self) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            #[cfg(feature = "jsonpatch")]
            Patch::Json(patch) => serde_json::to_vec(patch),
            Patch::Apply(patch) | Patch::Merge(patch) | Patch::Strategic(patch) => serde_json::to_vec(patch),
        }
    }
}
