//! `metadata.managedFields`: who owns which field, and what an update or apply does to that.
//!
//! The rules are those of KEP-555 (server-side apply) and
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::merge::nothing;
use crate::{FieldSet, Path, Shape, TypeError, compare, field_set, merge, remove_items};

/// How many managers of updates an object keeps before the oldest are merged.
const MOST_UPDATERS: usize = 10;
/// Under which name they are merged.
const ANCIENT: &str = "ancient-changes";

/// A manager of fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager {
    /// Whether it applies, or else updates.
    pub applies: bool,
    /// The name.
    pub name: String,
    /// Through which subresource, empty for the object itself.
    pub subresource: String,
    /// In which version it updates; managers that apply are the same in every version.
    api_version: String,
}

impl Manager {
    /// Somebody who applies.
    pub fn applier(name: &str, subresource: &str) -> Manager {
        Manager {
            applies: true,
            name: name.into(),
            subresource: subresource.into(),
            api_version: String::new(),
        }
    }

    /// Somebody who updates.
    pub fn updater(name: &str, subresource: &str, api_version: &str) -> Manager {
        Manager {
            applies: false,
            name: name.into(),
            subresource: subresource.into(),
            api_version: api_version.into(),
        }
    }
}

/// What a manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned {
    fields: FieldSet,
    api_version: String,
    time: Option<String>,
}

/// The managers of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Managers(BTreeMap<Manager, Owned>);

/// A field that somebody else owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who owns it.
    pub manager: Manager,
    /// In which version.
    pub api_version: String,
    /// The field.
    pub path: Path,
}

/// Why a configuration can't be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The configuration doesn't fit the type.
    #[error("the configuration does not fit its type: {0}")]
    Type(#[from] TypeError),
    /// Others own fields that it would change.
    #[error("apply conflicts over {} fields", .0.len())]
    Conflicts(Vec<Conflict>),
}

/// What an update or apply happens to.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The type of the object.
    pub shape: Shape<'a>,
    /// The version in which it is written.
    pub api_version: &'a str,
    /// Fields that the server sets back, whatever is written to them.
    pub reset: &'a FieldSet,
    /// The present, as `managedFields` writes it.
    pub now: &'a str,
}

impl Managers {
    /// Reads `metadata.managedFields`; nothing if it is malformed.
    pub fn read(entries: Option<&Value>) -> Option<Managers> {
        let mut managers = BTreeMap::new();
        let Some(entries) = entries.filter(|entries| !entries.is_null()) else {
            return Some(Managers(managers));
        };
        for entry in entries.as_array()? {
            let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or("");
            let applies = match text("operation") {
                "Apply" => true,
                "Update" => false,
                _ => return None,
            };
            let api_version = text("apiVersion").to_owned();
            if api_version.is_empty() || !matches!(text("fieldsType"), "" | "FieldsV1") {
                return None;
            }
            let manager = Manager {
                applies,
                name: text("manager").to_owned(),
                subresource: text("subresource").to_owned(),
                api_version: if applies {
                    String::new()
                } else {
                    api_version.clone()
                },
            };
            let fields = match entry.get("fieldsV1") {
                Some(fields) => FieldSet::from_json(fields)?,
                None => FieldSet::default(),
            };
            let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
            managers.insert(
                manager,
                Owned {
                    fields,
                    api_version,
                    time,
                },
            );
        }
        Some(Managers(managers))
    }

    /// Forgets when a manager last wrote.
    pub fn forget_time(&mut self, manager: &Manager) {
        if let Some(owned) = self.0.get_mut(manager) {
            owned.time = None;
        }
    }

    /// Whether nobody manages anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes `metadata.managedFields`, nothing if it is empty.
    pub fn write(&self) -> Option<Value> {
        let mut entries: Vec<(&Manager, &Owned)> = self.0.iter().collect();
        entries.sort_by(|(a, x), (b, y)| {
            b.applies
                .cmp(&a.applies)
                .then_with(|| x.time.cmp(&y.time))
                .then_with(|| a.name.cmp(&b.name))
                .then_with(|| x.api_version.cmp(&y.api_version))
                .then_with(|| a.subresource.cmp(&b.subresource))
        });
        let entries: Vec<Value> = entries
            .into_iter()
            .map(|(manager, owned)| {
                let mut entry = json!({
                    "manager": manager.name,
                    "operation": if manager.applies { "Apply" } else { "Update" },
                    "apiVersion": owned.api_version,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": owned.fields.to_json(),
                });
                if let Some(time) = &owned.time {
                    entry["time"] = time.as_str().into();
                }
                if !manager.subresource.is_empty() {
                    entry["subresource"] = manager.subresource.as_str().into();
                }
                entry
            })
            .collect();
        (!entries.is_empty()).then_some(Value::Array(entries))
    }

    /// Notes that `manager` changed `live` into `new`: what it changed is its own now.
    pub fn update(&mut self, context: Context<'_>, live: &Value, new: &Value, manager: &Manager) {
        let changes = compare(context.shape, live, new);
        let touched = changes
            .modified
            .union(&changes.added)
            .recursive_difference(context.reset);
        let removed = changes.removed.recursive_difference(context.reset);
        for owned in self.0.values_mut() {
            owned.fields = owned.fields.difference(&touched).difference(&removed);
        }
        let touched = stripped(&touched);
        if !touched.is_empty() {
            let owned = self.0.entry(manager.clone()).or_insert_with(|| Owned {
                fields: FieldSet::default(),
                api_version: String::new(),
                time: None,
            });
            owned.fields = owned.fields.union(&touched);
            owned.api_version = context.api_version.into();
            owned.time = Some(context.now.into());
        }
        self.tidy();
        self.merge_ancient();
    }

    /// Applies `config` to `live`; gives the object that results, without `managedFields`.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Type`] if the configuration doesn't fit its type, and
    /// [`ApplyError::Conflicts`] if it would change what others own, unless `force`.
    pub fn apply(
        &mut self,
        context: Context<'_>,
        live: &Value,
        config: &Value,
        manager: &Manager,
        force: bool,
    ) -> Result<Value, ApplyError> {
        let shape = context.shape;
        let set = stripped(&field_set(shape, config)?.recursive_difference(context.reset));
        let merged = merge(shape, Some(live), Some(config)).unwrap_or_else(nothing);

        let before = self.0.get(manager).map(|owned| owned.fields.clone());
        let time = self.0.get(manager).and_then(|owned| owned.time.clone());
        let owned = Owned {
            fields: set,
            api_version: context.api_version.into(),
            time,
        };
        self.0.insert(manager.clone(), owned);
        let result = match before.filter(|before| !before.is_empty()) {
            Some(before) => self.prune(shape, &merged, &before),
            None => merged,
        };

        let changes = compare(shape, live, &result);
        let touched = changes
            .modified
            .union(&changes.added)
            .recursive_difference(context.reset);
        let removed = changes.removed.recursive_difference(context.reset);
        let mut conflicts = Vec::new();
        for (other, owned) in self.0.iter_mut().filter(|(other, _)| *other != manager) {
            let lost = owned.fields.intersection(&touched);
            conflicts.extend(lost.paths().into_iter().map(|path| Conflict {
                manager: other.clone(),
                api_version: owned.api_version.clone(),
                path,
            }));
            owned.fields = owned.fields.difference(&lost).difference(&removed);
        }
        if !conflicts.is_empty() && !force {
            return Err(ApplyError::Conflicts(conflicts));
        }
        // Who applies what is there already is noted without a time.
        if result != *live
            && let Some(owned) = self.0.get_mut(manager)
        {
            owned.time = Some(context.now.into());
        }
        self.tidy();
        Ok(result)
    }

    /// Removes what the manager owned before, no longer sets, and nobody else owns.
    fn prune(&self, shape: Shape<'_>, merged: &Value, before: &FieldSet) -> Value {
        let fields = |value: &Value| {
            field_set(shape, value)
                .unwrap_or_default()
                .with_named_fields(shape)
        };
        let without = |set: &FieldSet| remove_items(shape, merged, set).unwrap_or_else(nothing);
        let all = fields(merged);
        let before = before.with_named_fields(shape);
        let mut pruned = without(&before);

        // What others, or the manager itself, own comes back, with what it is in.
        let owned = self
            .0
            .values()
            .fold(FieldSet::default(), |all, owned| all.union(&owned.fields))
            .with_named_fields(shape);
        pruned = without(&all.difference(&fields(&pruned).union(&owned)));

        // And so does what the manager never owned but lost with something around it.
        without(&all.difference(&fields(&pruned)).intersection(&before))
    }

    fn tidy(&mut self) {
        self.0.retain(|_, owned| {
            owned.fields = stripped(&owned.fields);
            !owned.fields.is_empty()
        });
    }

    /// Merges the oldest managers of updates, so that they don't pile up.
    fn merge_ancient(&mut self) {
        let mut updaters: Vec<(Option<String>, Manager)> = self
            .0
            .iter()
            .filter(|(manager, _)| !manager.applies)
            .map(|(manager, owned)| (owned.time.clone(), manager.clone()))
            .collect();
        if updaters.len() <= MOST_UPDATERS {
            return;
        }
        updaters.sort();
        let excess = updaters.len() - MOST_UPDATERS;
        for (_, manager) in updaters.into_iter().take(excess + 1) {
            let Some(owned) = self.0.remove(&manager) else {
                continue;
            };
            let ancient = Manager::updater(ANCIENT, "", &owned.api_version);
            match self.0.get_mut(&ancient) {
                Some(known) => {
                    known.fields = known.fields.union(&owned.fields);
                    known.time = known.time.clone().max(owned.time);
                }
                None => {
                    self.0.insert(ancient, owned);
                }
            }
        }
    }
}

/// Without the fields that nobody owns: what names an object, and what the server keeps.
fn stripped(set: &FieldSet) -> FieldSet {
    let metadata = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let nobody = FieldSet::of(
        ["apiVersion", "kind", "metadata"]
            .into_iter()
            .map(|field| Path::of(&[field]))
            .chain(metadata.into_iter().map(|field| Path::of(&["metadata", field]))),
    );
    set.difference(&nobody)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape() -> Shape<'static> {
        Shape::message(kubist_schema::kind("", "v1", "ConfigMap").expect("ConfigMap"))
    }

    fn context<'a>(reset: &'a FieldSet) -> Context<'a> {
        Context {
            shape: shape(),
            api_version: "v1",
            reset,
            now: "2026-01-01T00:00:00Z",
        }
    }

    fn config(data: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
    }

    #[test]
    fn an_applier_owns_what_it_sets_and_loses_what_it_drops() {
        let reset = FieldSet::default();
        let mut managers = Managers::default();
        let one = Manager::applier("one", "");
        let live = config(json!({}));
        let live = managers
            .apply(
                context(&reset),
                &live,
                &config(json!({"x": "1", "y": "1"})),
                &one,
                false,
            )
            .unwrap();
        assert_eq!(live["data"], json!({"x": "1", "y": "1"}));
        let live = managers
            .apply(context(&reset), &live, &config(json!({"y": "1"})), &one, false)
            .unwrap();
        assert_eq!(live["data"], json!({"y": "1"}));
        assert_eq!(
            managers.write().unwrap()[0]["fieldsV1"],
            json!({"f:data": {"f:y": {}}})
        );
    }

    #[test]
    fn another_value_conflicts_unless_forced_and_an_equal_one_is_shared() {
        let reset = FieldSet::default();
        let mut managers = Managers::default();
        let (one, two) = (Manager::applier("one", ""), Manager::applier("two", ""));
        let live = managers
            .apply(
                context(&reset),
                &config(json!({})),
                &config(json!({"x": "1"})),
                &one,
                false,
            )
            .unwrap();
        let mut attempt = managers.clone();
        match attempt.apply(context(&reset), &live, &config(json!({"x": "2"})), &two, false) {
            Err(ApplyError::Conflicts(conflicts)) => {
                assert_eq!(conflicts[0].path.to_string(), ".data.x");
                assert_eq!(conflicts[0].manager, one);
            }
            other => panic!("{other:?}"),
        }
        let mut shared = managers.clone();
        shared
            .apply(context(&reset), &live, &config(json!({"x": "1"})), &two, false)
            .unwrap();
        // One leaves, and the field stays for the other.
        let left = shared
            .apply(context(&reset), &live, &config(json!({"z": "1"})), &one, false)
            .unwrap();
        assert_eq!(left["data"], json!({"x": "1", "z": "1"}));
        let forced = managers
            .apply(context(&reset), &live, &config(json!({"x": "2"})), &two, true)
            .unwrap();
        assert_eq!(forced["data"], json!({"x": "2"}));
    }

    #[test]
    fn an_update_takes_what_it_changes() {
        let reset = FieldSet::default();
        let mut managers = Managers::default();
        let one = Manager::applier("one", "");
        let live = managers
            .apply(
                context(&reset),
                &config(json!({})),
                &config(json!({"x": "1"})),
                &one,
                false,
            )
            .unwrap();
        managers.update(
            context(&reset),
            &live,
            &config(json!({"x": "2"})),
            &Manager::updater("edit", "", "v1"),
        );
        let entries = managers.write().unwrap();
        assert_eq!(entries.as_array().map(Vec::len), Some(1));
        assert_eq!(entries[0]["manager"], "edit");
    }

    #[test]
    fn old_updaters_are_merged() {
        let reset = FieldSet::default();
        let mut managers = Managers::default();
        let mut live = config(json!({}));
        for at in 0..20 {
            let mut new = live.clone();
            new["data"][format!("k{at}")] = "v".into();
            managers.update(
                context(&reset),
                &live,
                &new,
                &Manager::updater(&format!("m{at}"), "", "v1"),
            );
            live = new;
        }
        let entries = managers.write().unwrap();
        assert_eq!(entries.as_array().map(Vec::len), Some(MOST_UPDATERS));
        assert!(
            entries
                .as_array()
                .unwrap()
                .iter()
                .any(|entry| entry["manager"] == ANCIENT)
        );
    }
}
