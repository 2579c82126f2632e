//! Get, change and save: one object, like the entry of a map.

use std::fmt::Debug;

use kubist_core::{Resource, params::PostParams};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use super::Api;
use crate::{Error, Result};

/// Entries.
impl<K: Resource + Clone + DeserializeOwned + Debug> Api<K> {
    /// Reads an object to change it, or to create it if there is none.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::ConfigMap;
    /// use kubist_client::{Api, Client, api::PostParams};
    ///
    /// # async fn run(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let config_maps: Api<ConfigMap> = Api::default_namespaced(client);
    /// config_maps
    ///     .entry("colors")
    ///     .await?
    ///     .or_insert(ConfigMap::default)
    ///     .and_modify(|config_map| {
    ///         config_map.data.get_or_insert_default().insert("sky".to_owned(), "blue".to_owned());
    ///     })
    ///     .commit(&PostParams::default())
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn entry<'a>(&'a self, name: &'a str) -> Result<Entry<'a, K>> {
        Ok(match self.get_opt(name).await? {
            Some(object) => Entry::Occupied(OccupiedEntry {
                api: self,
                name,
                object,
                state: State::Clean,
            }),
            None => Entry::Vacant(VacantEntry { api: self, name }),
        })
    }
}

/// An object, or the place of one.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::ConfigMap;
/// # use kubist_client::Api;
/// use kubist_client::api::entry::Entry;
///
/// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), kubist_client::Error> {
/// match config_maps.entry("colors").await? {
///     Entry::Occupied(entry) => println!("{:?}", entry.get().data),
///     Entry::Vacant(_) => println!("there is none"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub enum Entry<'a, K> {
    /// The object is there.
    Occupied(OccupiedEntry<'a, K>),
    /// There is none.
    Vacant(VacantEntry<'a, K>),
}

impl<'a, K> Entry<'a, K> {
    /// The object, if it is there.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::ConfigMap;
    /// # use kubist_client::Api;
    /// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), kubist_client::Error> {
    /// let entry = config_maps.entry("colors").await?;
    /// println!("{:?}", entry.get().and_then(|colors| colors.data.as_ref()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self) -> Option<&K> {
        match self {
            Entry::Occupied(entry) => Some(entry.get()),
            Entry::Vacant(_) => None,
        }
    }

    /// The object, to change it, if it is there.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::ConfigMap;
    /// # use kubist_client::Api;
    /// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), kubist_client::Error> {
    /// let mut entry = config_maps.entry("colors").await?;
    /// if let Some(colors) = entry.get_mut() {
    ///     colors.data = None;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_mut(&mut self) -> Option<&mut K> {
        match self {
            Entry::Occupied(entry) => Some(entry.get_mut()),
            Entry::Vacant(_) => None,
        }
    }

    /// Changes the object, if it is there.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::ConfigMap;
    /// # use kubist_client::Api;
    /// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), kubist_client::Error> {
    /// let entry = config_maps.entry("colors").await?.and_modify(|colors| colors.data = None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn and_modify(self, f: impl FnOnce(&mut K)) -> Self {
        match self {
            Entry::Occupied(entry) => Entry::Occupied(entry.and_modify(f)),
            vacant @ Entry::Vacant(_) => vacant,
        }
    }

    /// The object, or a new one.
    ///
    /// It needs no name and no namespace: [`commit`](OccupiedEntry::commit) knows them.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::ConfigMap;
    /// # use kubist_client::Api;
    /// use kubist_client::api::PostParams;
    ///
    /// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut colors = config_maps.entry("colors").await?.or_insert(ConfigMap::default);
    /// colors.commit(&PostParams::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn or_insert(self, default: impl FnOnce() -> K) -> OccupiedEntry<'a, K>
    where
        K: Resource,
    {
        match self {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert(default()),
        }
    }
}

/// An object that is there, on the server or to be created.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::ConfigMap;
/// # use kubist_client::Api;
/// use kubist_client::api::PostParams;
///
/// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), Box<dyn std::error::Error>> {
/// let mut colors = config_maps.entry("colors").await?.or_insert(ConfigMap::default);
/// colors.get_mut().immutable = Some(true);
/// colors.commit(&PostParams::default()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OccupiedEntry<'a, K> {
    api: &'a Api<K>,
    name: &'a str,
    object: K,
    state: State,
}

#[derive(Debug)]
enum State {
    /// As it is on the server.
    Clean,
    /// Changed, perhaps.
    Dirty,
    /// Not on the server.
    New,
}

impl<K> OccupiedEntry<'_, K> {
    /// The object.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::ConfigMap;
    /// # use kubist_client::Api;
    /// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), kubist_client::Error> {
    /// let colors = config_maps.entry("colors").await?.or_insert(ConfigMap::default);
    /// println!("{:?}", colors.get().data);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self) -> &K {
        &self.object
    }

    /// The object, to change it.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::ConfigMap;
    /// # use kubist_client::Api;
    /// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), kubist_client::Error> {
    /// let mut colors = config_maps.entry("colors").await?.or_insert(ConfigMap::default);
    /// colors.get_mut().data.get_or_insert_default().insert("sky".to_owned(), "blue".to_owned());
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_mut(&mut self) -> &mut K {
        if let State::Clean = self.state {
            self.state = State::Dirty;
        }
        &mut self.object
    }

    /// Changes the object.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::ConfigMap;
    /// # use kubist_client::Api;
    /// use kubist_client::api::PostParams;
    ///
    /// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), Box<dyn std::error::Error>> {
    /// let entry = config_maps.entry("colors").await?.or_insert(ConfigMap::default);
    /// let mut entry = entry.and_modify(|colors| colors.immutable = Some(true));
    /// entry.commit(&PostParams::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn and_modify(mut self, f: impl FnOnce(&mut K)) -> Self {
        f(self.get_mut());
        self
    }

    /// The object alone; what was not saved is not.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::ConfigMap;
    /// # use kubist_client::Api;
    /// use kubist_client::api::PostParams;
    ///
    /// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut colors = config_maps.entry("colors").await?.or_insert(ConfigMap::default);
    /// colors.commit(&PostParams::default()).await?;
    /// let saved: ConfigMap = colors.into_object();
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_object(self) -> K {
        self.object
    }

    /// Saves the object: creates it, replaces it, or does nothing if nothing was changed.
    ///
    /// Afterwards, the entry has what the server made of it.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::ConfigMap;
    /// # use kubist_client::Api;
    /// use kubist_client::api::PostParams;
    ///
    /// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut colors = config_maps.entry("colors").await?.or_insert(ConfigMap::default);
    /// colors.get_mut().immutable = Some(true);
    /// colors.commit(&PostParams::default()).await?;
    /// println!("{:?}", colors.get().metadata.resource_version);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the object is not the one of this entry, or the server does not take it: with a
    /// conflict, if somebody else wrote meanwhile.
    pub async fn commit(&mut self, pp: &PostParams) -> Result<(), CommitError>
    where
        K: Resource + DeserializeOwned + Serialize + Clone + Debug,
    {
        self.complete()?;
        let saved = match self.state {
            State::Clean => return Ok(()),
            State::Dirty => self.api.replace(self.name, pp, &self.object).await,
            State::New => self.api.create(pp, &self.object).await,
        };
        self.object = saved.map_err(CommitError::Save)?;
        if !pp.dry_run {
            self.state = State::Clean;
        }
        Ok(())
    }

    /// Gives the object the name and namespace of the entry, unless it has others.
    fn complete(&mut self) -> Result<(), CommitValidationError>
    where
        K: Resource,
    {
        let meta = self.object.meta_mut();
        if let Some(prefix) = &meta.generate_name
            && meta.name.is_none()
        {
            return Err(CommitValidationError::GenerateName {
                object_generate_name: prefix.clone(),
            });
        }
        match &meta.name {
            None => meta.name = Some(self.name.to_owned()),
            Some(name) if name == self.name => {}
            Some(name) => {
                return Err(CommitValidationError::NameMismatch {
                    object_name: name.clone(),
                    expected: self.name.to_owned(),
                });
            }
        }
        match (&meta.namespace, &self.api.namespace) {
            (None, expected) => meta.namespace.clone_from(expected),
            (found, expected) if found == expected => {}
            (found, expected) => {
                return Err(CommitValidationError::NamespaceMismatch {
                    object_namespace: found.clone(),
                    expected: expected.clone(),
                });
            }
        }
        Ok(())
    }
}

/// The place of an object that is not there.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::ConfigMap;
/// # use kubist_client::Api;
/// use kubist_client::api::{PostParams, entry::Entry};
///
/// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), Box<dyn std::error::Error>> {
/// if let Entry::Vacant(entry) = config_maps.entry("colors").await? {
///     entry.insert(ConfigMap::default()).commit(&PostParams::default()).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct VacantEntry<'a, K> {
    api: &'a Api<K>,
    name: &'a str,
}

impl<'a, K> VacantEntry<'a, K> {
    /// Puts an object there; [`commit`](OccupiedEntry::commit) creates it.
    ///
    /// It needs no name and no namespace: they are known.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::ConfigMap;
    /// # use kubist_client::Api;
    /// use kubist_client::api::{PostParams, entry::Entry};
    ///
    /// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), Box<dyn std::error::Error>> {
    /// if let Entry::Vacant(entry) = config_maps.entry("colors").await? {
    ///     let mut colors = entry.insert(ConfigMap::default());
    ///     colors.commit(&PostParams::default()).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert(self, object: K) -> OccupiedEntry<'a, K>
    where
        K: Resource,
    {
        OccupiedEntry {
            api: self.api,
            name: self.name,
            object,
            state: State::New,
        }
    }
}

/// Why an entry was not saved.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::ConfigMap;
/// # use kubist_client::Api;
/// use kubist_client::{Error, api::{PostParams, entry::CommitError}};
///
/// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), Box<dyn std::error::Error>> {
/// let mut colors = config_maps.entry("colors").await?.or_insert(ConfigMap::default);
/// match colors.commit(&PostParams::default()).await {
///     Err(CommitError::Save(Error::Api(status))) if status.is_conflict() => println!("once more"),
///     result => result?,
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Error)]
pub enum CommitError {
    /// The object is not the one of the entry.
    #[error("failed to validate object for saving: {0}")]
    Validate(#[from] CommitValidationError),
    /// The server did not take it.
    #[error("failed to save object: {0}")]
    Save(#[source] Error),
}

/// Why an object is not the one of an entry.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::ConfigMap;
/// # use kubist_client::Api;
/// use kubist_client::api::{PostParams, entry::{CommitError, CommitValidationError}};
///
/// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), kubist_client::Error> {
/// let mut colors = config_maps.entry("colors").await?.or_insert(ConfigMap::default);
/// colors.get_mut().metadata.name = Some("sounds".to_owned());
/// let result = colors.commit(&PostParams::default()).await;
/// assert!(matches!(
///     result,
///     Err(CommitError::Validate(CommitValidationError::NameMismatch { .. }))
/// ));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Error)]
pub enum CommitValidationError {
    /// It has another name.
    #[error(
        ".metadata.name does not match the name of the entry (got: {object_name:?}, expected: {expected:?})"
    )]
    NameMismatch {
        /// The object's.
        object_name: String,
        /// The entry's.
        expected: String,
    },
    /// It has another namespace.
    #[error(
        ".metadata.namespace does not match the namespace of the Api (got: {object_namespace:?}, expected: {expected:?})"
    )]
    NamespaceMismatch {
        /// The object's.
        object_namespace: Option<String>,
        /// The entry's.
        expected: Option<String>,
    },
    /// It wants a generated name.
    #[error(".metadata.generate_name must not be set (got: {object_generate_name:?})")]
    GenerateName {
        /// The prefix that it wants.
        object_generate_name: String,
    },
}
