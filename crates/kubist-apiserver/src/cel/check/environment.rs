//! What an expression can name.

use std::collections::HashMap;
use std::sync::Arc;

use super::types::{DYN, STRING, Type};
use crate::cel::lower::VARIABLES;

/// The names that an expression can use beside what it binds itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    variables: Vec<(String, Type)>,
    /// Whether `Object{...}` and `JSONPatch{...}` can be written.
    has_patches: bool,
    /// What a policy declares, as `variables.name`.
    composed: Option<Arc<HashMap<String, Type>>>,
}

impl Environment {
    pub(crate) fn new(variables: impl IntoIterator<Item = (&'static str, Type)>) -> Environment {
        let variables = variables.into_iter().map(|(name, ty)| (name.to_owned(), ty));
        Environment {
            variables: variables.collect(),
            has_patches: false,
            composed: None,
        }
    }

    pub(crate) fn with(mut self, name: &str, ty: Type) -> Environment {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), ty));
        self
    }

    /// With `variables`, in which [`Environment::compose`] declares names.
    pub(crate) fn composing(mut self) -> Environment {
        self.composed = Some(Arc::default());
        self.with(VARIABLES, Type::composed())
    }

    pub(crate) fn compose(&mut self, name: &str, ty: Type) {
        if let Some(composed) = &mut self.composed {
            Arc::make_mut(composed).insert(name.to_owned(), ty);
        }
    }

    pub(super) fn composed(&self, name: &str) -> Option<&Type> {
        self.composed.as_ref()?.get(name)
    }

    pub(crate) fn with_patches(mut self) -> Environment {
        self.has_patches = true;
        self
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&Type> {
        self.variables
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, ty)| ty)
    }

    pub(super) fn has_patches(&self) -> bool {
        self.has_patches
    }

    /// The type of `Object{...}`, by its name.
    pub(super) fn structure(&self, name: &str) -> Option<Type> {
        if !self.has_patches {
            return None;
        }
        match name {
            "JSONPatch" => Some(Type::object(
                name,
                [("op", STRING), ("path", STRING), ("from", STRING), ("value", DYN)],
            )),
            "Object" => Some(Type::open_object(name)),
            name if name.starts_with("Object.") => Some(Type::open_object(name)),
            _ => None,
        }
    }
}
