//! What is served: built-in resources and those that CRDs define, alike.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use kubist_core::Version;
use kubist_merge::Shape;
use kubist_schema::Message;
use parking_lot::Mutex;

use crate::crd::Custom;
use crate::http::document::Content;
use crate::store::TableName;

/// A resource in one version, as paths name it.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) namespaced: bool,
    pub(crate) verbs: Vec<String>,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) selectors: Vec<String>,
    pub(crate) subresources: Vec<Subresource>,
    pub(crate) columns: Vec<Column>,
    pub(crate) table: TableName,
    pub(crate) schema: Schema,
}

/// Where the facts about an object's fields come from.
#[derive(Debug)]
pub(crate) enum Schema {
    Builtin(&'static Message),
    Custom(Arc<Custom>),
}

/// A part of an object with a path of its own.
#[derive(Clone, Debug)]
pub(crate) struct Subresource {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) verbs: Vec<String>,
}

/// A column of the table form.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: String,
    pub(crate) format: String,
    pub(crate) description: String,
    pub(crate) priority: i32,
    /// For custom resources: where the cell's value is.
    pub(crate) path: Option<String>,
}

impl Kind {
    pub(crate) fn api_version(&self) -> String {
        crate::object::meta::api_version(&self.group, &self.version)
    }

    pub(crate) fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }

    pub(crate) fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|sub| sub.name == name)
    }

    pub(crate) fn custom(&self) -> Option<&Arc<Custom>> {
        match &self.schema {
            Schema::Custom(custom) => Some(custom),
            Schema::Builtin(_) => None,
        }
    }

    /// Whether this is the built-in kind of that group and name.
    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.custom().is_none() && self.group == group && self.plural == plural
    }

    /// The package of its type, as Go prints it.
    pub(crate) fn go_package(&self) -> &str {
        if self.custom().is_some() {
            "unstructured"
        } else {
            go_package(&self.group)
        }
    }

    /// Where the pods are described that its objects make, for built-in kinds that make any.
    pub(crate) fn template_path(&self) -> Option<&'static str> {
        match (self.group.as_str(), self.plural.as_str()) {
            _ if self.custom().is_some() => None,
            ("", "podtemplates") => Some("template"),
            ("", "replicationcontrollers")
            | ("apps", "deployments" | "replicasets" | "statefulsets" | "daemonsets")
            | ("batch", "jobs") => Some("spec.template"),
            ("batch", "cronjobs") => Some("spec.jobTemplate.spec.template"),
            _ => None,
        }
    }

    /// The type of its objects, as structured merges see it.
    pub(crate) fn shape(&self) -> Shape<'_> {
        match &self.schema {
            Schema::Builtin(message) => Shape::message(message),
            Schema::Custom(custom) => Shape::object(&custom.schema),
        }
    }

    fn builtin(resource: &'static kubist_schema::Resource) -> Option<Kind> {
        let message = kubist_schema::kind(resource.group, resource.version, resource.kind)?;
        let owned = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        Some(Kind {
            group: resource.group.into(),
            version: resource.version.into(),
            plural: resource.plural.into(),
            singular: resource.singular.into(),
            kind: resource.kind.into(),
            list_kind: format!("{}List", resource.kind),
            namespaced: resource.namespaced,
            verbs: owned(&resource.verbs),
            short_names: owned(&resource.short_names),
            categories: owned(&resource.categories),
            selectors: owned(&resource.field_selectors),
            subresources: resource
                .subresources
                .iter()
                .map(|sub| Subresource {
                    name: sub.name.into(),
                    group: sub.group.into(),
                    version: sub.version.into(),
                    kind: sub.kind.into(),
                    verbs: owned(&sub.verbs),
                })
                .collect(),
            columns: resource
                .columns
                .iter()
                .map(|column| Column {
                    name: column.name.into(),
                    ty: column.ty.into(),
                    format: column.format.into(),
                    description: column.description.into(),
                    priority: column.priority,
                    path: None,
                })
                .collect(),
            // Two groups serve the same events.
            table: match (resource.group, resource.plural) {
                (crate::kinds::event::GROUP, "events") => table("", "events"),
                (group, plural) => table(group, plural),
            },
            schema: Schema::Builtin(message),
        })
    }
}

/// The package of a group's built-in types, as Go prints it.
pub(crate) fn go_package(group: &str) -> &str {
    match group.split('.').next() {
        None | Some("") => "core",
        Some(first) => first,
    }
}

/// The name of the table that holds a resource.
pub(crate) fn table(group: &str, plural: &str) -> TableName {
    type Names = HashMap<(&'static str, &'static str), TableName>;
    // Every write looks into some of them.
    static BUILTIN: LazyLock<Names> = LazyLock::new(|| {
        let resources = kubist_schema::resources().iter();
        resources
            .map(|resource| (resource.group, resource.plural))
            .map(|(group, plural)| ((group, plural), format!("{group}/{plural}").into()))
            .collect()
    });
    let known = BUILTIN.get(&(group, plural)).cloned();
    known.unwrap_or_else(|| format!("{group}/{plural}").into())
}

/// Everything that is served at the moment.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    kinds: Vec<Arc<Kind>>,
    by_path: HashMap<(String, String, String), usize>,
    /// What is told of the kinds, made when it is asked for.
    documents: Mutex<HashMap<String, Content>>,
}

impl Registry {
    /// The built-in resources, and then those of CRDs.
    pub(crate) fn new(custom: impl IntoIterator<Item = Kind>) -> Registry {
        let mut registry = Registry::default();
        for kind in kubist_schema::resources()
            .iter()
            .filter_map(Kind::builtin)
            .chain(custom)
        {
            let path = (kind.group.clone(), kind.version.clone(), kind.plural.clone());
            registry.by_path.insert(path, registry.kinds.len());
            registry.kinds.push(Arc::new(kind));
        }
        registry
    }

    pub(crate) fn get(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Kind>> {
        let at = self
            .by_path
            .get(&(group.to_owned(), version.to_owned(), plural.to_owned()))?;
        self.kinds.get(*at)
    }

    /// A document about the kinds, which is made once.
    pub(crate) fn document(&self, path: &str, make: impl FnOnce() -> Bytes) -> Content {
        if let Some(known) = self.documents.lock().get(path) {
            return known.clone();
        }
        let made = Content::new(make());
        self.documents.lock().insert(path.to_owned(), made.clone());
        made
    }

    pub(crate) fn kinds(&self) -> &[Arc<Kind>] {
        &self.kinds
    }

    /// Groups with their versions, in order of first appearance; versions by preference.
    pub(crate) fn groups(&self) -> Vec<(&str, Vec<&str>)> {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for kind in &self.kinds {
            match groups.iter_mut().find(|(group, _)| *group == kind.group) {
                Some((_, versions)) if versions.contains(&kind.version.as_str()) => {}
                Some((_, versions)) => versions.push(&kind.version),
                None => groups.push((&kind.group, vec![&kind.version])),
            }
        }
        for (_, versions) in &mut groups {
            versions.sort_by_cached_key(|version| Reverse(Version::parse(version).priority()));
        }
        groups
    }
}
