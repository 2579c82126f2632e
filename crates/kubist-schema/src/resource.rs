//! Resources: what a server serves, and under which names.

use std::sync::OnceLock;

static RESOURCES: &str = include_str!("../data/resources.tsv");

/// A resource that every server serves.
#[derive(Debug)]
pub struct Resource {
    /// The API group, empty for the core group.
    pub group: &'static str,
    /// The API version.
    pub version: &'static str,
    /// The plural name, as in paths.
    pub plural: &'static str,
    /// The kind of its objects.
    pub kind: &'static str,
    /// The singular name.
    pub singular: &'static str,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// The verbs, sorted.
    pub verbs: Vec<&'static str>,
    /// Short names for the command line.
    pub short_names: Vec<&'static str>,
    /// Groups of resources that it belongs to, such as `all`.
    pub categories: Vec<&'static str>,
    /// The fields that a field selector may name.
    pub field_selectors: Vec<&'static str>,
    /// What else can be asked for under an object's name.
    pub subresources: Vec<Subresource>,
    /// The columns of its table form.
    pub columns: Vec<Column>,
}

impl Resource {
    /// Whether the resource answers this verb.
    pub fn allows(&self, verb: &str) -> bool {
        self.verbs.contains(&verb)
    }

    /// The subresource with this name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|sub| sub.name == name)
    }
}

/// A part of an object with a path of its own.
#[derive(Debug)]
pub struct Subresource {
    /// The name, such as `status`.
    pub name: &'static str,
    /// The group of its kind, empty where it is the resource's own.
    pub group: &'static str,
    /// The version of its kind, empty where it is the resource's own.
    pub version: &'static str,
    /// The kind of what is sent and answered.
    pub kind: &'static str,
    /// The verbs, sorted.
    pub verbs: Vec<&'static str>,
}

/// A column of the table form.
#[derive(Debug)]
pub struct Column {
    /// The title.
    pub name: &'static str,
    /// The OpenAPI type.
    pub ty: &'static str,
    /// The OpenAPI format.
    pub format: &'static str,
    /// 0 for a column that is always shown.
    pub priority: i32,
    /// What it tells.
    pub description: &'static str,
}

/// The resource with this group, version and plural name.
pub fn resource(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    resources()
        .iter()
        .find(|known| known.plural == plural && known.group == group && known.version == version)
}

/// All resources, in the order in which a server's discovery names them.
pub fn resources() -> &'static [Resource] {
    static PARSED: OnceLock<Vec<Resource>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let mut all: Vec<Resource> = Vec::new();
        for line in RESOURCES.lines() {
            let mut parts = line.split('\t');
            let mut next = || parts.next().unwrap_or("");
            match (next(), all.last_mut()) {
                ("R", _) => all.push(Resource {
                    group: next(),
                    version: next(),
                    plural: next(),
                    kind: next(),
                    singular: next(),
                    namespaced: next() == "namespaced",
                    verbs: list(next()),
                    short_names: list(next()),
                    categories: list(next()),
                    field_selectors: list(next()),
                    subresources: Vec::new(),
                    columns: Vec::new(),
                }),
                ("S", Some(resource)) => resource.subresources.push(Subresource {
                    name: next(),
                    group: next(),
                    version: next(),
                    kind: next(),
                    verbs: list(next()),
                }),
                ("C", Some(resource)) => resource.columns.push(Column {
                    name: next(),
                    ty: next(),
                    format: next(),
                    priority: next().parse().unwrap_or(0),
                    description: next(),
                }),
                _ => {}
            }
        }
        all
    })
}

fn list(text: &'static str) -> Vec<&'static str> {
    text.split(',').filter(|item| !item.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_has_a_kind_with_a_message() {
        assert!(resources().len() > 60);
        for resource in resources() {
            assert!(
                crate::kind(resource.group, resource.version, resource.kind).is_some(),
                "{} {} {}",
                resource.group,
                resource.version,
                resource.kind
            );
        }
    }

    #[test]
    fn subresources_and_columns_belong_to_their_resource() {
        let pods = resource("", "v1", "pods").expect("pods");
        assert_eq!(
            pods.subresource("eviction").map(|sub| (sub.group, sub.kind)),
            Some(("policy", "Eviction"))
        );
        assert_eq!(
            pods.columns.iter().filter(|column| column.priority == 0).count(),
            5
        );
        assert!(pods.field_selectors.contains(&"spec.nodeName"));
    }
}
