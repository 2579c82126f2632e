//! Derive macros for Kubernetes resources.
//!
//! [`CustomResource`](macro@CustomResource) turns a spec struct into a whole custom resource: the root
//! type with its metadata, the traits that `Api` and the runtime need, and the CustomResourceDefinition
//! with its schema. [`Resource`](macro@Resource) implements the `Resource` trait for a type that stands
//! for a kind which exists already.
//!
//! The macros find the crate that they write paths to by looking into the caller's `Cargo.toml`, so they
//! work under any dependency name: `kubist`, `kube = { package = "kubist" }`, or any other rename. Where
//! the crate is reached through a re-export, name the path with `#[kube(crates(kube = "::other::kube"))]`.

mod apply;
mod crates;
mod custom_resource;
mod kube_schema;
mod metas;
mod plural;
mod resource;
mod rule;
mod status;
mod upgrade;

use proc_macro::TokenStream;

/// Generates a custom resource from its spec.
///
/// The macro is put on the struct that becomes `.spec`. It writes the root struct (named after `kind`)
/// with `metadata`, `spec` and, where asked for, `status`; a constructor `new(name, spec)`; and the traits
/// `Resource`, `CustomResourceExt`, `HasSpec`, `HasStatus`, `Serialize`, `Deserialize` and `JsonSchema`.
///
/// ```
/// use kubist_core::{CustomResourceExt, Resource};
/// use kubist_derive::CustomResource;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug)]
/// #[kube(group = "docs.example.com", version = "v1", kind = "Document", namespaced)]
/// #[kube(status = "DocumentStatus", shortname = "doc")]
/// #[kube(printcolumn(name = "Title", type_ = "string", json_path = ".spec.title"))]
/// struct DocumentSpec {
///     title: String,
/// }
///
/// #[derive(Serialize, Deserialize, JsonSchema, Clone, Debug)]
/// struct DocumentStatus {
///     published: bool,
/// }
///
/// let document = Document::new("welcome", DocumentSpec { title: "Welcome".into() });
/// assert_eq!(document.metadata.name.as_deref(), Some("welcome"));
/// assert_eq!(Document::kind(&()), "Document");
/// assert_eq!(Document::crd_name(), "documents.docs.example.com");
/// ```
///
/// # Required attributes
///
/// | attribute | meaning |
/// |---|---|
/// | `group = "docs.example.com"` | the API group |
/// | `version = "v1"` | the API version |
/// | `kind = "Document"` | the kind, and the name of the root struct |
///
/// # Optional attributes
///
/// | attribute | meaning |
/// |---|---|
/// | `root = "Doc"` | another name for the root struct |
/// | `singular`, `plural` | default: the lower-case kind, and its English plural |
/// | `namespaced` | objects live in a namespace; without it they are cluster-wide |
/// | `status = "DocumentStatus"` | the type of `.status`; turns the status subresource on |
/// | `derive = "PartialEq"` | a further derive for the root struct (repeatable) |
/// | `attr = "allow(deprecated)"` | a further attribute for the root struct (repeatable) |
/// | `schema = "derived"` | where the schema comes from: `derived`, `manual` (implement `JsonSchema` for the root yourself) or `disabled` |
/// | `scale(spec_replicas_path = "...", status_replicas_path = "...", label_selector_path = "...")` | turns the scale subresource on; also as a JSON string |
/// | `printcolumn(name = "...", type_ = "...", json_path = "...", description, format, priority)` | a column of `kubectl get` (repeatable); also as a JSON string |
/// | `shortname = "doc"`, `category = "all"` | names for `kubectl` (repeatable) |
/// | `selectable = ".spec.title"` | a JSON path that field selectors may use (repeatable) |
/// | `doc = "..."` | the description of the schema's root |
/// | `annotation("key", "value")`, `label("key", "value")` | metadata of the CRD, and of what `new` makes (repeatable) |
/// | `storage = false`, `served = false` | default true |
/// | `deprecated`, `deprecated = "use v2"` | marks the version as deprecated, with a warning of your own |
/// | `validation = "self.spec.x > 0"` | a CEL rule on the root (repeatable): a string, a pair of rule and message, or a `Rule` |
/// | `cel` | also generates `validate_cel` and `validate_cel_update`, which check the rules without a server; needs the feature `cel` |
/// | `apply` | also generates `DocumentApply` and `DocumentSpecApply`, see [`ApplyConfiguration`](macro@ApplyConfiguration) |
/// | `crates(...)` | other paths for `kube`, `kube_core`, `k8s_openapi`, `schemars`, `serde`, `serde_json`, `std` |
///
/// # Errors
///
/// A missing or misspelt attribute is a compile error on that attribute. A name or path that servers refuse
/// in a CRD, such as a plural in capitals, is a warning, which `#[allow(deprecated)]` on the spec silences.
#[proc_macro_derive(CustomResource, attributes(kube))]
pub fn custom_resource(input: TokenStream) -> TokenStream {
    custom_resource::derive(input.into()).into()
}

/// Derives `JsonSchema` with validation rules and merge strategies in it.
///
/// It stands in for `#[derive(JsonSchema)]`, and reads the same attributes of serde and schemars. Beside
/// them, `#[x_kube(...)]` says what a CRD's schema can say and JSON Schema cannot:
///
/// | attribute | on | meaning |
/// |---|---|---|
/// | `validation = "self.min <= self.max"` | type, field | a CEL rule (repeatable): a string, a pair of rule and message, or a `Rule` |
/// | `merge_strategy = ListMerge::Set` | type, field | how server-side apply merges: `ListMerge`, `MapMerge` or `StructMerge` |
/// | `cel` | type | also generates `validate_cel`, which checks the rules without a server; needs the feature `cel` |
/// | `crates(...)` | type | other paths, as in [`CustomResource`](macro@CustomResource) |
///
/// ```
/// use kubist_derive::KubeSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(KubeSchema, Serialize, Deserialize)]
/// #[x_kube(validation = Rule::new("self.min <= self.max").message("min is above max"))]
/// struct Range {
///     #[x_kube(validation = ("self >= 0", "min is negative"))]
///     min: i32,
///     max: i32,
///     #[x_kube(merge_strategy = ListMerge::Set)]
///     names: Vec<String>,
/// }
/// ```
///
/// See [CRD validation rules](https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules)
/// and [merge strategies](https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy).
///
/// # Errors
///
/// A misspelt attribute, or a generic type, is a compile error.
#[proc_macro_derive(KubeSchema, attributes(x_kube, schemars, serde, validate, garde))]
pub fn kube_schema(input: TokenStream) -> TokenStream {
    kube_schema::derive(input.into()).into()
}

/// Generates the apply configuration of a type inside a spec or status.
///
/// `#[kube(apply)]` beside `#[derive(CustomResource)]` generates those of the root and of the spec. This
/// one is for the types of their fields, and for the status: `Foo` gets a `FooApply`, in which each field
/// may be left out, with a method of each field's name that sets it. Only what is set is sent.
///
/// A field is applied as a whole, unless it says `#[kube(nested)]`: then its type has an apply
/// configuration, too. That is what a field needs of which several managers own a part each. A list, map,
/// box or option of such a type can be nested as well.
///
/// ```
/// use kubist_derive::{ApplyConfiguration, CustomResource};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use serde_json::json;
///
/// #[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug)]
/// #[kube(group = "docs.example.com", version = "v1", kind = "Document", namespaced, apply)]
/// struct DocumentSpec {
///     title: String,
///     pages: u32,
///     #[kube(nested)]
///     layout: Layout,
/// }
///
/// #[derive(ApplyConfiguration, Serialize, Deserialize, JsonSchema, Clone, Debug)]
/// struct Layout {
///     columns: u8,
///     font: Option<String>,
/// }
///
/// let mine = DocumentApply::new("welcome")
///     .spec(DocumentSpecApply::default().pages(3).layout(LayoutApply::default().font("serif")));
/// assert_eq!(serde_json::to_value(&mine)?, json!({
///     "apiVersion": "docs.example.com/v1", "kind": "Document", "metadata": {"name": "welcome"},
///     "spec": {"pages": 3, "layout": {"font": "serif"}},
/// }));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// `DocumentApply::extract(&document, manager)` reads back what a manager applied, from `managedFields`, so
/// that a controller can change one thing of it and apply it again;
/// `extract_subresource(&document, manager, "status")` does so for what it applied to the status.
///
/// See [server-side apply](https://kubernetes.io/docs/reference/using-api/server-side-apply/).
///
/// # Errors
///
/// An enum, a generic type, a type that serde writes in another shape than its fields, and a flattened
/// field that is neither `nested` nor a map are compile errors.
#[proc_macro_derive(ApplyConfiguration, attributes(kube))]
pub fn apply_configuration(input: TokenStream) -> TokenStream {
    apply::derive(input.into()).into()
}

/// Implements `Resource` for a struct that stands for a kind defined elsewhere.
///
/// The struct needs a field `metadata` of type `ObjectMeta`. The kind, the scope and the URL are those of
/// the type named by `inherit`.
///
/// ```
/// use std::collections::BTreeMap;
/// use k8s_openapi::api::core::v1::ConfigMap;
/// use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
/// use kubist_core::Resource as _;
/// use kubist_derive::Resource;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Resource, Serialize, Deserialize, Clone, Debug)]
/// #[resource(inherit = ConfigMap)]
/// struct Settings {
///     metadata: ObjectMeta,
///     data: BTreeMap<String, String>,
/// }
///
/// assert_eq!(Settings::kind(&()), "ConfigMap");
/// ```
///
/// # Errors
///
/// A missing `inherit`, or a struct without a `metadata` field, is a compile error.
#[proc_macro_derive(Resource, attributes(resource))]
pub fn resource(input: TokenStream) -> TokenStream {
    resource::derive(input.into()).into()
}

/// Gives a status its conditions and the generation that it is about.
///
/// A field `conditions: Vec<Condition>` makes the struct one that `HasConditions`, with `set_condition`,
/// which keeps the time of the last transition while the status stays the same; a field
/// `observed_generation: Option<i64>` makes it one that `HasObservedGeneration`, with `observe`, and the
/// object one that can be asked whether it `is_observed`. One of the two may be missing.
///
/// ```
/// use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
/// use kubist_core::status::{HasConditions as _, HasObservedGeneration as _, ObservedGenerationExt as _, condition};
/// use kubist_derive::{CustomResource, Status};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug)]
/// #[kube(group = "docs.example.com", version = "v1", kind = "Document", namespaced)]
/// #[kube(status = "DocumentStatus")]
/// struct DocumentSpec {
///     title: String,
/// }
///
/// #[derive(Status, Serialize, Deserialize, JsonSchema, Clone, Debug, Default)]
/// #[serde(rename_all = "camelCase")]
/// struct DocumentStatus {
///     #[serde(default)]
///     conditions: Vec<Condition>,
///     observed_generation: Option<i64>,
/// }
///
/// let mut document = Document::new("welcome", DocumentSpec { title: "Welcome".into() });
/// document.metadata.generation = Some(2);
/// assert!(!document.is_observed());
///
/// let mut status = document.status.clone().unwrap_or_default();
/// let mut changed = status.set_condition(condition("Ready", true, "Published").observed(&document).build());
/// changed |= status.observe(&document);
/// assert!(changed, "otherwise there is nothing to write");
/// document.status = Some(status);
/// assert!(document.is_observed());
/// ```
///
/// See the [conventions for a status](https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties).
///
/// # Errors
///
/// A struct with none of the two fields, or with one of another type, is a compile error.
#[proc_macro_derive(Status, attributes(kube))]
pub fn status(input: TokenStream) -> TokenStream {
    status::derive(input.into()).into()
}

/// Says how a type takes the place of the one of an older version.
///
/// It is put on the newer type, and writes both directions. On the spec of a kind, `from` names the older
/// kind, which then is one that can `Upgrade`: a `Chain` of such versions converts between all of them, and
/// answers what an API server asks of a conversion webhook. On any other type, `from` names the older type.
///
/// A field is that of the same name. A field of another type is converted by that type, also inside of
/// options, lists, maps and boxes. What has changed, attributes say:
///
/// | attribute | on | meaning |
/// |---|---|---|
/// | `from = v1alpha1::Document` | type | the older one |
/// | `dropped(legacy, keep = 3)` | type, variant | fields that only the older type has; going back they get this value, or their default |
/// | `dropped(Tape = Self::Disk)` | enum | variants that only the older type has, and what they become |
/// | `with = module` | type, field | converted by `module::upgrade` and `module::downgrade`, which return a `Result` |
/// | `from = title` | field, variant | it had another name |
/// | `added`, `added = 3` | field | the older type has no such field; going up it gets this value, or its default |
/// | `added = v1alpha1::Level::High` | variant | the older type has no such variant; going back it is this |
/// | `status = added`, `status = dropped` | spec of a kind | only one of the two kinds has a status |
/// | `test` | spec of a kind | also writes the test that nothing is lost, of objects made from the schemas; needs the feature `testing` |
/// | `crates(...)` | type | other paths, as in [`CustomResource`](macro@CustomResource) |
///
/// What one version does not have is not lost: the `Chain` keeps it in an annotation, and puts it back.
///
/// ```
/// use kubist_core::conversion::Chain;
/// use serde_json::json;
///
/// mod v1beta1 {
/// #   use kubist_derive::{CustomResource, KubeSchema};
/// #   use serde::{Deserialize, Serialize};
///     #[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug)]
///     #[kube(group = "docs.example.com", version = "v1beta1", kind = "Document", namespaced)]
///     pub struct DocumentSpec {
///         pub title: String,
///         pub pages: String,
///         pub legacy: Option<String>,
///     }
/// }
///
/// mod v1 {
/// #   use kubist_derive::{CustomResource, KubeSchema, Upgrade};
/// #   use serde::{Deserialize, Serialize};
///     use super::v1beta1;
///
///     #[derive(CustomResource, KubeSchema, Upgrade, Serialize, Deserialize, Clone, Debug)]
///     #[kube(group = "docs.example.com", version = "v1", kind = "Document", namespaced)]
///     #[upgrade(from = v1beta1::Document, dropped(legacy))]
///     pub struct DocumentSpec {
///         #[upgrade(from = title)]
///         pub headline: String,
///         #[upgrade(with = number)]
///         pub pages: u32,
///         #[serde(default)]
///         #[upgrade(added)]
///         pub hidden: bool,
///     }
///
///     mod number {
///         pub(super) fn upgrade(text: String) -> Result<u32, std::num::ParseIntError> {
///             text.parse()
///         }
///         pub(super) fn downgrade(number: u32) -> Result<String, std::convert::Infallible> {
///             Ok(number.to_string())
///         }
///     }
/// }
///
/// # fn main() -> Result<(), kubist_core::conversion::ConvertError> {
/// let chain = Chain::of::<v1beta1::Document>().build();
/// let old = json!({
///     "apiVersion": "docs.example.com/v1beta1", "kind": "Document", "metadata": {"name": "welcome"},
///     "spec": {"title": "Welcome", "pages": "03", "legacy": "kept"},
/// });
/// let new = chain.convert(old.clone(), "docs.example.com/v1")?;
/// assert_eq!(new["spec"], json!({"headline": "Welcome", "pages": 3, "hidden": false}));
/// assert_eq!(chain.convert(new, "docs.example.com/v1beta1")?, old);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// A field or variant that one of the types has and nothing is said about is a compile error, and so is a
/// field whose type does not say how it takes the place of the older one.
#[proc_macro_derive(Upgrade, attributes(upgrade, kube))]
pub fn upgrade(input: TokenStream) -> TokenStream {
    upgrade::derive(input.into()).into()
}
