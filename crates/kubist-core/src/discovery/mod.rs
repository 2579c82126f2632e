//! What a server can be asked about: resources, their scopes and verbs.

pub mod v2;

use serde::{Deserialize, Serialize};

use crate::{gvk::GroupVersionKind, resource::Resource};

/// A resource that is only known at run time: all that requests need to name it.
///
/// ```
/// use kubist_core::{ApiResource, GroupVersionKind};
///
/// let gvk = GroupVersionKind::gvk("example.com", "v1", "Datum");
/// let data = ApiResource::from_gvk_with_plural(&gvk, "data");
/// assert_eq!(data.api_version, "example.com/v1");
/// ```
#[derive(Debug, Clone, Hash, Eq, PartialEq, Serialize, Deserialize)]
pub struct ApiResource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version within the group.
    pub version: String,
    /// What `apiVersion` says.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The plural that URLs use.
    pub plural: String,
}

impl ApiResource {
    /// What is known about `K` at compile time, as a value.
    ///
    /// ```
    /// use k8s_openapi::api::apps::v1::Deployment;
    /// use kubist_core::ApiResource;
    ///
    /// let resource = ApiResource::erase::<Deployment>(&());
    /// assert_eq!(resource.plural, "deployments");
    /// ```
    pub fn erase<K: Resource>(dt: &K::DynamicType) -> Self {
        ApiResource {
            group: K::group(dt).into_owned(),
            version: K::version(dt).into_owned(),
            api_version: K::api_version(dt).into_owned(),
            kind: K::kind(dt).into_owned(),
            plural: K::plural(dt).into_owned(),
        }
    }

    /// The resource of this kind and plural.
    ///
    /// ```
    /// use kubist_core::{ApiResource, GroupVersionKind};
    ///
    /// let gvk = GroupVersionKind::gvk("example.com", "v1", "Datum");
    /// assert_eq!(ApiResource::from_gvk_with_plural(&gvk, "data").plural, "data");
    /// ```
    pub fn from_gvk_with_plural(gvk: &GroupVersionKind, plural: &str) -> Self {
        ApiResource {
            group: gvk.group.clone(),
            version: gvk.version.clone(),
            api_version: gvk.api_version(),
            kind: gvk.kind.clone(),
            plural: plural.to_owned(),
        }
    }

    /// The resource of this kind, with a **guessed** plural.
    ///
    /// The guess follows English and the built-in kinds. A custom resource can choose any
    /// plural: where it may, use [`from_gvk_with_plural`](ApiResource::from_gvk_with_plural)
    /// or ask the server by discovery.
    ///
    /// ```
    /// use kubist_core::{ApiResource, GroupVersionKind};
    ///
    /// let gvk = GroupVersionKind::gvk("example.com", "v1", "Policy");
    /// assert_eq!(ApiResource::from_gvk(&gvk).plural, "policies");
    /// ```
    pub fn from_gvk(gvk: &GroupVersionKind) -> Self {
        Self::from_gvk_with_plural(gvk, &guess_plural(&gvk.kind.to_ascii_lowercase()))
    }
}

/// Whether objects live in a namespace.
///
/// ```
/// use kubist_core::discovery::{ApiCapabilities, Scope};
///
/// fn is_namespaced(capabilities: &ApiCapabilities) -> bool {
///     capabilities.scope == Scope::Namespaced
/// }
/// ```
#[derive(Debug, Clone, Hash, Eq, PartialEq)]
pub enum Scope {
    /// Objects belong to the whole cluster.
    Cluster,
    /// Objects live in a namespace.
    Namespaced,
}

/// The verbs that discovery lists and RBAC rules allow.
///
/// ```
/// use kubist_core::discovery::{ApiCapabilities, verbs};
///
/// fn can_be_watched(capabilities: &ApiCapabilities) -> bool {
///     capabilities.supports_operation(verbs::LIST) && capabilities.supports_operation(verbs::WATCH)
/// }
/// ```
pub mod verbs {
    /// Creates an object.
    pub const CREATE: &str = "create";
    /// Reads an object.
    pub const GET: &str = "get";
    /// Reads a collection.
    pub const LIST: &str = "list";
    /// Follows changes.
    pub const WATCH: &str = "watch";
    /// Deletes an object.
    pub const DELETE: &str = "delete";
    /// Deletes a collection.
    pub const DELETE_COLLECTION: &str = "deletecollection";
    /// Replaces an object.
    pub const UPDATE: &str = "update";
    /// Changes parts of an object.
    pub const PATCH: &str = "patch";
}

/// What a server lets be done with a resource.
///
/// ```
/// use kubist_core::discovery::{ApiCapabilities, Scope, verbs};
///
/// let capabilities = ApiCapabilities {
///     scope: Scope::Namespaced,
///     subresources: Vec::new(),
///     operations: vec![verbs::GET.to_owned()],
/// };
/// assert_eq!(capabilities.scope, Scope::Namespaced);
/// ```
#[derive(Debug, Clone)]
pub struct ApiCapabilities {
    /// Whether objects live in a namespace.
    pub scope: Scope,
    /// The subresources, with what can be done with each.
    ///
    /// A subresource's plural has the form `plural/subresource`.
    pub subresources: Vec<(ApiResource, ApiCapabilities)>,
    /// The verbs; see [`verbs`].
    pub operations: Vec<String>,
}

impl ApiCapabilities {
    /// Whether the resource has this verb; see [`verbs`].
    ///
    /// ```
    /// use kubist_core::discovery::{ApiCapabilities, Scope, verbs};
    ///
    /// let capabilities = ApiCapabilities {
    ///     scope: Scope::Namespaced,
    ///     subresources: Vec::new(),
    ///     operations: vec![verbs::GET.to_owned()],
    /// };
    /// assert!(capabilities.supports_operation(verbs::GET));
    /// assert!(!capabilities.supports_operation(verbs::WATCH));
    /// ```
    pub fn supports_operation(&self, operation: &str) -> bool {
        self.operations.iter().any(|o| o == operation)
    }
}

/// The plural of a lower-case kind, by the rules of English as far as the API uses them.
fn guess_plural(singular: &str) -> String {
    match singular {
        "endpoints" | "endpointslices" => return singular.to_owned(),
        // The metrics API calls its resources by what they measure.
        "nodemetrics" => return "nodes".to_owned(),
        "podmetrics" => return "pods".to_owned(),
        _ => {}
    }
    let sibilant = ["s", "x", "z", "ch", "sh"];
    if sibilant.iter().any(|end| singular.ends_with(end)) {
        return format!("{singular}es");
    }
    if let Some(stem) = singular.strip_suffix('y')
        && !stem.is_empty()
        && !stem.ends_with(['a', 'e', 'i', 'o', 'u'])
    {
        return format!("{stem}ies");
    }
    format!("{singular}s")
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{core::v1::Endpoints, networking::v1::NetworkPolicy};

    use super::*;

    #[test]
    fn guesses_the_plurals_of_built_in_kinds() {
        for (kind, plural) in [
            ("Pod", "pods"),
            ("Ingress", "ingresses"),
            ("NetworkPolicy", "networkpolicies"),
            ("Gateway", "gateways"),
            ("Endpoints", "endpoints"),
            ("PodMetrics", "pods"),
            ("Switch", "switches"),
            ("Straße", "straßes"),
            ("Y", "ys"),
        ] {
            let guessed = ApiResource::from_gvk(&GroupVersionKind::gvk("g", "v1", kind));
            assert_eq!(guessed.plural, plural, "{kind}");
            assert_eq!(guessed.api_version, "g/v1");
        }
    }

    #[test]
    fn erasing_agrees_with_guessing() {
        let erased = [
            ApiResource::erase::<Endpoints>(&()),
            ApiResource::erase::<NetworkPolicy>(&()),
        ];
        for resource in erased {
            let gvk = GroupVersionKind::gvk(&resource.group, &resource.version, &resource.kind);
            assert_eq!(ApiResource::from_gvk(&gvk), resource);
        }
    }
}
