//! `metadata.managedFields`: who owns which field, and what an update or apply does to that.
//!
//! The rules are those of KEP-555 (server-side apply) and
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/>.

mod entries;
mod prune;
mod versions;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::merge::nothing;
use crate::{FieldSet, Path, Shape, TypeError, field_set, merge};

use versions::Changes;
pub use versions::{ConversionError, Versions};

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
    /// Somebody owns fields in another version, in which the object can't be had.
    #[error(transparent)]
    Conversion(#[from] ConversionError),
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
    /// The versions of the type, if they differ; else what is owned in any version is compared as it is.
    pub versions: Option<&'a dyn Versions>,
}

impl Managers {
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

    /// Notes that `manager` changed `live` into `new`: what it changed is its own now.
    ///
    /// # Errors
    ///
    /// Fails where somebody owns fields in another version, in which the object can't be had; then
    /// nobody's fields have changed.
    pub fn update(
        &mut self,
        context: Context<'_>,
        live: &Value,
        new: &Value,
        manager: &Manager,
    ) -> Result<(), ConversionError> {
        let mut changes = Changes::between(context, live, new);
        // All that can fail comes first.
        for owned in self.0.values() {
            changes.within(&owned.api_version)?;
        }
        changes.within(context.api_version)?;
        for owned in self.0.values_mut() {
            match changes.within(&owned.api_version)? {
                Some(change) => {
                    owned.fields.remove_all(&change.touched);
                    owned.fields.remove_all(&change.removed);
                }
                // Nobody can say any more what was owned.
                None => owned.fields = FieldSet::default(),
            }
        }
        let mut touched = changes.into_touched()?;
        touched.remove_all(&NOBODYS);
        if !touched.is_empty() {
            let owned = self.0.entry(manager.clone()).or_insert_with(|| Owned {
                fields: FieldSet::default(),
                api_version: String::new(),
                time: None,
            });
            owned.fields.add_all(touched);
            owned.api_version = context.api_version.into();
            owned.time = Some(context.now.into());
        }
        self.tidy();
        self.merge_ancient();
        Ok(())
    }

    /// Applies `config` to `live`; gives the object that results, without `managedFields`.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Type`] if the configuration doesn't fit its type,
    /// [`ApplyError::Conflicts`] if it would change what others own, unless `force`, and
    /// [`ApplyError::Conversion`] if somebody owns fields in a version in which the object can't be
    /// had. After an error the managers are of no use.
    pub fn apply(
        &mut self,
        context: Context<'_>,
        live: &Value,
        config: &Value,
        manager: &Manager,
        force: bool,
    ) -> Result<Value, ApplyError> {
        let shape = context.shape;
        let mut set = field_set(shape, config)?;
        set.remove_below(context.reset);
        set.remove_all(&NOBODYS);
        let merged = merge(shape, Some(live), Some(config)).unwrap_or_else(nothing);

        let before = self.0.get(manager).cloned();
        let owned = Owned {
            fields: set,
            api_version: context.api_version.into(),
            time: before.as_ref().and_then(|before| before.time.clone()),
        };
        self.0.insert(manager.clone(), owned);
        let result = match before.filter(|before| !before.fields.is_empty()) {
            Some(before) => self.prune(context, merged, &before)?,
            None => merged,
        };

        let mut changes = Changes::between(context, live, &result);
        let mut conflicts = Vec::new();
        for (other, owned) in self.0.iter_mut().filter(|(other, _)| *other != manager) {
            let Some(change) = changes.within(&owned.api_version)? else {
                owned.fields = FieldSet::default();
                continue;
            };
            let lost = owned.fields.intersection(&change.touched);
            conflicts.extend(lost.paths().into_iter().map(|path| Conflict {
                manager: other.clone(),
                api_version: owned.api_version.clone(),
                path,
            }));
            owned.fields.remove_all(&lost);
            owned.fields.remove_all(&change.removed);
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

    fn tidy(&mut self) {
        self.0.retain(|_, owned| {
            owned.fields.remove_all(&NOBODYS);
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
                    known.fields.add_all(owned.fields);
                    known.time = known.time.clone().max(owned.time);
                }
                None => {
                    self.0.insert(ancient, owned);
                }
            }
        }
    }
}

/// The fields that nobody owns: what names an object, and what the server keeps.
static NOBODYS: LazyLock<FieldSet> = LazyLock::new(|| {
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
    FieldSet::of(
        ["apiVersion", "kind", "metadata"]
            .into_iter()
            .map(|field| Path::of(&[field]))
            .chain(metadata.into_iter().map(|field| Path::of(&["metadata", field]))),
    )
});

#[cfg(test)]
mod tests;
