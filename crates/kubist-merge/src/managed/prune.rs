//! Removing what somebody who applies no longer sets.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::{Context, ConversionError, Managers, Owned};
use crate::merge::nothing;
use crate::{FieldSet, Shape, field_set, remove_items};

impl Managers {
    /// Removes what a manager owned before, no longer sets, and nobody else owns.
    ///
    /// The managers are those after the apply. What was owned in a version that is gone stays.
    pub(super) fn prune(
        &self,
        context: Context<'_>,
        merged: Value,
        before: &Owned,
    ) -> Result<Value, ConversionError> {
        let here = context.api_version;
        let Some(shape) = context.shape_in(&before.api_version) else {
            return Ok(merged);
        };
        let whole = context.convert(&merged, here, &before.api_version)?;
        let lost = before.fields.with_named_fields(shape);
        let mut version = before.api_version.as_str();
        let mut pruned = without(shape, &whole, &lost);

        // What others, or the manager itself, own comes back, with what it is in; first that of the
        // same version, as a conversion may need it.
        let mut owned: BTreeMap<&str, FieldSet> = BTreeMap::new();
        for other in self.0.values() {
            // Without versions all of them are one.
            let of = context.versions.map_or(version, |_| other.api_version.as_str());
            let fields = owned.entry(of).or_default();
            *fields = fields.union(&other.fields);
        }
        let same = owned.remove(version).map(|fields| (version, fields));
        for (of, fields) in same.into_iter().chain(owned) {
            let Some(shape) = context.shape_in(of) else {
                continue;
            };
            let whole = context.convert(&merged, here, of)?;
            let left = context.convert(&pruned, version, of)?;
            let kept = members(shape, &left).union(&fields.with_named_fields(shape));
            pruned = without(shape, &whole, &members(shape, &whole).difference(&kept));
            version = of;
        }

        // And so does what the manager never owned but lost with something around it.
        let left = context.convert(&pruned, version, &before.api_version)?;
        let gone = members(shape, &whole).difference(&members(shape, &left));
        let pruned = without(shape, &whole, &gone.intersection(&lost));
        context
            .convert(&pruned, &before.api_version, here)
            .map(Cow::into_owned)
    }
}

/// The fields of a value, each map and list that has a name among them.
fn members(shape: Shape<'_>, value: &Value) -> FieldSet {
    field_set(shape, value)
        .unwrap_or_default()
        .with_named_fields(shape)
}

fn without(shape: Shape<'_>, value: &Value, set: &FieldSet) -> Value {
    remove_items(shape, value, set).unwrap_or_else(nothing)
}
