//! Managers that wrote in another version than the one that is written now.
//!
//! What a manager owns is said in the words of its version, so what a write changed is compared in
//! that version, too.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::Context;
use crate::{FieldSet, Shape, compare};

/// The versions in which an object can be had.
pub trait Versions: fmt::Debug {
    /// The type in a version; nothing if there is no such version.
    fn shape(&self, api_version: &str) -> Option<Shape<'_>>;

    /// An object of one version in another one that has a [`shape`](Versions::shape).
    ///
    /// # Errors
    ///
    /// Fails where the object can't be converted. What was asked for then fails, too.
    fn convert(&self, object: &Value, from: &str, to: &str) -> Result<Value, ConversionError>;
}

/// An object can't be had in another version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot convert the object to {api_version}: {why}")]
pub struct ConversionError {
    /// The version.
    pub api_version: String,
    /// What went wrong.
    pub why: String,
}

impl<'a> Context<'a> {
    /// The type in a version.
    pub(super) fn shape_in(self, version: &str) -> Option<Shape<'a>> {
        match self.versions {
            Some(versions) if version != self.api_version => versions.shape(version),
            _ => Some(self.shape),
        }
    }

    /// An object of one version in another.
    pub(super) fn convert<'v>(
        self,
        object: &'v Value,
        from: &str,
        to: &str,
    ) -> Result<Cow<'v, Value>, ConversionError> {
        match self.versions {
            Some(versions) if from != to => versions.convert(object, from, to).map(Cow::Owned),
            _ => Ok(Cow::Borrowed(object)),
        }
    }
}

/// What a write changed, in each version that somebody asks for.
pub(super) struct Changes<'a> {
    context: Context<'a>,
    old: &'a Value,
    new: &'a Value,
    known: BTreeMap<String, Option<Change>>,
}

/// What a write changed, in one version.
pub(super) struct Change {
    /// Fields that are new or have another value.
    pub(super) touched: FieldSet,
    /// Fields that are gone.
    pub(super) removed: FieldSet,
}

impl<'a> Changes<'a> {
    pub(super) fn between(context: Context<'a>, old: &'a Value, new: &'a Value) -> Self {
        Self {
            context,
            old,
            new,
            known: BTreeMap::new(),
        }
    }

    /// What changed in a version; nothing if there is no such version.
    pub(super) fn within(&mut self, version: &str) -> Result<Option<&Change>, ConversionError> {
        // Without versions all of them are one.
        let version = if self.context.versions.is_some() {
            version
        } else {
            self.context.api_version
        };
        if !self.known.contains_key(version) {
            let change = self.compare(version)?;
            self.known.insert(version.to_owned(), change);
        }
        Ok(self.known.get(version).and_then(Option::as_ref))
    }

    /// What is new or has another value in the version that is written.
    pub(super) fn into_touched(mut self) -> Result<FieldSet, ConversionError> {
        let version = self.context.api_version;
        self.within(version)?;
        let change = self.known.remove(version).flatten();
        Ok(change.map(|change| change.touched).unwrap_or_default())
    }

    fn compare(&self, version: &str) -> Result<Option<Change>, ConversionError> {
        let Some(shape) = self.context.shape_in(version) else {
            return Ok(None);
        };
        let here = self.context.api_version;
        let old = self.context.convert(self.old, here, version)?;
        let new = self.context.convert(self.new, here, version)?;
        let changes = compare(shape, &old, &new);
        let (mut touched, mut removed) = (changes.modified, changes.removed);
        touched.add_all(changes.added);
        touched.remove_below(self.context.reset);
        removed.remove_below(self.context.reset);
        Ok(Some(Change { touched, removed }))
    }
}
