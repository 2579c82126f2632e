//! Versions of a kind, converted through their neighbours.

use std::{any::type_name, collections::BTreeSet, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{BoxError, ConversionReview, ConvertError, Upgrade, answer, kept};
use crate::{Resource, redact::redact};

/// The versions of a kind, from the oldest to the newest, each convertible to each.
///
/// An object goes from neighbour to neighbour. After each step the chain converts back and compares: what
/// did not survive is kept in an annotation of the object, and put back when the object returns to the
/// version that knows it, unless somebody has changed that field meanwhile. So no conversion loses
/// anything that the types know. The items of a list are told apart by their `name`, `key`, `id` or `type`;
/// a list whose items are not is kept as a whole: once changed, what its items had lost is gone.
///
#[cfg_attr(feature = "schema", doc = "```")]
#[cfg_attr(not(feature = "schema"), doc = "```ignore")]
/// use kubist_core::conversion::Chain;
/// use serde_json::json;
///
/// mod v1beta1 {
/// #   use kubist_derive::CustomResource;
/// #   use schemars::JsonSchema;
/// #   use serde::{Deserialize, Serialize};
///     #[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug)]
///     #[kube(group = "docs.example.com", version = "v1beta1", kind = "Document")]
///     pub struct DocumentSpec { pub title: String }
/// }
/// mod v1 {
/// #   use kubist_derive::{CustomResource, Upgrade};
/// #   use schemars::JsonSchema;
/// #   use serde::{Deserialize, Serialize};
///     #[derive(CustomResource, Upgrade, Serialize, Deserialize, JsonSchema, Clone, Debug)]
///     #[kube(group = "docs.example.com", version = "v1", kind = "Document")]
///     #[upgrade(from = super::v1beta1::Document)]
///     pub struct DocumentSpec {
///         #[upgrade(from = title)]
///         pub headline: String,
///         #[serde(default)]
///         #[upgrade(added)]
///         pub hidden: bool,
///     }
/// }
///
/// # fn main() -> Result<(), kubist_core::conversion::ConvertError> {
/// let chain = Chain::of::<v1beta1::Document>().build();
/// let document = json!({
///     "apiVersion": "docs.example.com/v1", "kind": "Document", "metadata": {"name": "welcome"},
///     "spec": {"headline": "Welcome", "hidden": true},
/// });
/// let old = chain.convert(document.clone(), "docs.example.com/v1beta1")?;
/// assert_eq!(old["spec"], json!({"title": "Welcome"}));
/// assert_eq!(chain.convert(old, "docs.example.com/v1")?, document);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Chain {
    kind: String,
    versions: Vec<Version>,
    steps: Vec<Step>,
}

/// A version as the chain knows it.
#[derive(Clone, Debug)]
struct Version {
    api_version: String,
    canonical: fn(Value) -> Result<Value, StepError>,
}

/// The way between a version and the next.
#[derive(Clone, Copy, Debug)]
struct Step {
    up: fn(Value) -> Result<Value, StepError>,
    down: fn(Value) -> Result<Value, StepError>,
}

/// What can go wrong within a step.
enum StepError {
    Decode { path: String, reason: String },
    Convert(BoxError),
}

/// A chain in the making, which ends in a version so far.
///
/// ```
/// use kubist_core::conversion::{Chain, ChainBuilder, Upgrade};
///
/// fn of_two<Oldest: Upgrade>() -> Chain {
///     let builder: ChainBuilder<Oldest::Newer> = Chain::of::<Oldest>();
///     builder.build()
/// }
/// ```
#[derive(Debug)]
#[must_use = "a chain is made by `build`"]
pub struct ChainBuilder<Last> {
    chain: Chain,
    last: PhantomData<fn() -> Last>,
}

impl<Last> ChainBuilder<Last> {
    /// Adds the version after the last.
    ///
    /// ```
    /// use kubist_core::conversion::{Chain, Upgrade};
    ///
    /// /// v1alpha1, v1beta1 and v1.
    /// fn of_three<Oldest>() -> Chain
    /// where
    ///     Oldest: Upgrade<Newer: Upgrade>,
    /// {
    ///     Chain::of::<Oldest>().then_newer().build()
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics where that is of another group or kind, or a version that is in the chain already: these are
    /// mistakes in a program, which its first start shows.
    pub fn then_newer(self) -> ChainBuilder<Last::Newer>
    where
        Last: Upgrade,
    {
        let ChainBuilder { mut chain, .. } = self;
        chain.push::<Last>();
        ChainBuilder {
            chain,
            last: PhantomData,
        }
    }

    /// The chain.
    ///
    /// ```
    /// # use kubist_core::conversion::{Chain, Upgrade};
    /// fn of_two<Oldest: Upgrade>() -> Chain {
    ///     Chain::of::<Oldest>().build()
    /// }
    /// ```
    #[must_use]
    pub fn build(self) -> Chain {
        self.chain
    }
}

impl Chain {
    /// Begins with the oldest version and the one after it.
    ///
    /// ```
    /// # use kubist_core::conversion::{Chain, Upgrade};
    /// fn of_two<Oldest: Upgrade>() -> Chain {
    ///     Chain::of::<Oldest>().build()
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// As [`ChainBuilder::then_newer`].
    pub fn of<Oldest: Upgrade>() -> ChainBuilder<Oldest::Newer> {
        let chain = Chain {
            kind: Oldest::kind(&()).into_owned(),
            versions: vec![Version::of::<Oldest>()],
            steps: Vec::new(),
        };
        let begin = ChainBuilder::<Oldest> {
            chain,
            last: PhantomData,
        };
        begin.then_newer()
    }

    fn push<K: Upgrade>(&mut self) {
        let newer = Version::of::<K::Newer>();
        assert!(
            K::Newer::kind(&()) == self.kind.as_str() && K::Newer::group(&()) == K::group(&()),
            "{} and {} are not versions of one kind",
            type_name::<K>(),
            type_name::<K::Newer>(),
        );
        assert!(
            self.versions
                .iter()
                .all(|known| known.api_version != newer.api_version),
            "{} is in the chain twice",
            newer.api_version,
        );
        self.versions.push(newer);
        self.steps.push(Step {
            up: up::<K>,
            down: down::<K>,
        });
    }

    /// Every version, as `apiVersion` says it, from the oldest to the newest.
    ///
    /// ```
    /// use kubist_core::conversion::Chain;
    ///
    /// fn newest(chain: &Chain) -> Option<&str> {
    ///     chain.api_versions().last()
    /// }
    /// ```
    pub fn api_versions(&self) -> impl Iterator<Item = &str> {
        self.versions.iter().map(|version| version.api_version.as_str())
    }

    /// An object as another version has it.
    ///
    /// ```
    /// use kubist_core::conversion::{Chain, ConvertError};
    /// use serde_json::Value;
    ///
    /// fn as_v1(chain: &Chain, object: Value) -> Result<Value, ConvertError> {
    ///     chain.convert(object, "docs.example.com/v1")
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`ConvertError`].
    pub fn convert(&self, object: Value, api_version: &str) -> Result<Value, ConvertError> {
        let Value::Object(mut object) = object else {
            return Err(ConvertError::NoObject);
        };
        let has = object
            .get("apiVersion")
            .and_then(Value::as_str)
            .ok_or(ConvertError::NoObject)?;
        let (mut at, to) = (self.position(has)?, self.position(api_version)?);
        let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
        if kind != self.kind {
            return Err(ConvertError::OtherKind {
                kind: kind.to_owned(),
                expected: self.kind.clone(),
            });
        }
        while at != to {
            let next = if at < to { at + 1 } else { at - 1 };
            object = self.step(object, at, next)?;
            at = next;
        }
        Ok(Value::Object(object))
    }

    /// The group and the kind that it converts.
    ///
    /// ```
    /// use kubist_core::conversion::Chain;
    ///
    /// fn converts_documents(chain: &Chain) -> bool {
    ///     chain.group_kind() == ("docs.example.com", "Document")
    /// }
    /// ```
    #[must_use]
    pub fn group_kind(&self) -> (&str, &str) {
        let api_version = self.api_versions().next().unwrap_or_default();
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        (group, &self.kind)
    }

    /// The answer to what a server asks of a conversion webhook.
    ///
    /// What cannot be converted is a failure that says which object and why; the user sees it.
    ///
    /// ```
    /// use kubist_core::conversion::{Chain, ConversionReview};
    ///
    /// /// What a webhook does between reading a body and writing one.
    /// fn serve(chain: &Chain, body: &[u8]) -> serde_json::Result<Vec<u8>> {
    ///     let review: ConversionReview = serde_json::from_slice(body)?;
    ///     serde_json::to_vec(&chain.answer(review))
    /// }
    /// ```
    #[must_use]
    pub fn answer(&self, review: ConversionReview) -> ConversionReview {
        answer(review, |object, api_version| self.convert(object, api_version))
    }

    fn position(&self, api_version: &str) -> Result<usize, ConvertError> {
        self.versions
            .iter()
            .position(|version| version.api_version == api_version)
            .ok_or_else(|| ConvertError::UnknownVersion {
                api_version: api_version.to_owned(),
            })
    }

    /// One step, from a version to a neighbour.
    fn step(
        &self,
        mut object: Map<String, Value>,
        from: usize,
        to: usize,
    ) -> Result<Map<String, Value>, ConvertError> {
        let (Some(from_version), Some(to_version), Some(step)) = (
            self.versions.get(from),
            self.versions.get(to),
            self.steps.get(from.min(to)),
        ) else {
            return Err(ConvertError::NoObject);
        };
        let (there, back) = if from < to {
            (step.up, step.down)
        } else {
            (step.down, step.up)
        };
        let metadata = object.remove("metadata");
        let mut annotations = kept::Annotations::of(metadata);
        let name = annotations.name();
        // The name alone, since a message may want it; the rest is carried over.
        object.insert("metadata".to_owned(), json!({ "name": name }));
        let wrap = |error| error_of(error, &name, from_version, to_version);

        let before = (from_version.canonical)(Value::Object(object)).map_err(wrap)?;
        let mut after = there(before.clone()).map_err(wrap)?;
        if let Some(lost) = annotations.take(&to_version.api_version) {
            kept::restore(&mut after, lost);
            after = (to_version.canonical)(after).map_err(wrap)?;
        }
        let returned = back(after.clone()).map_err(wrap)?;
        annotations.keep(&from_version.api_version, kept::lost(&returned, &before));

        let Value::Object(mut after) = after else {
            return Err(ConvertError::NoObject);
        };
        after.insert("apiVersion".to_owned(), json!(to_version.api_version));
        after.insert("kind".to_owned(), json!(self.kind));
        match annotations.into_metadata() {
            Some(metadata) => after.insert("metadata".to_owned(), metadata),
            None => after.remove("metadata"),
        };
        Ok(after)
    }
}

impl Version {
    fn of<K: Resource<DynamicType = ()> + Serialize + DeserializeOwned>() -> Self {
        Version {
            api_version: K::api_version(&()).into_owned(),
            canonical: |value| encode(&decode::<K>(value)?),
        }
    }
}

fn up<K: Upgrade>(value: Value) -> Result<Value, StepError> {
    encode(&decode::<K>(value)?.upgrade().map_err(StepError::Convert)?)
}

fn down<K: Upgrade>(value: Value) -> Result<Value, StepError> {
    encode(&K::downgrade(decode(value)?).map_err(StepError::Convert)?)
}

fn decode<K: DeserializeOwned>(value: Value) -> Result<K, StepError> {
    serde_path_to_error::deserialize(value).map_err(|error| StepError::Decode {
        path: error.path().to_string(),
        reason: redact(&error.inner().to_string()).into_owned(),
    })
}

fn encode<K: Serialize>(object: &K) -> Result<Value, StepError> {
    serde_json::to_value(object).map_err(|error| StepError::Convert(error.into()))
}

fn error_of(error: StepError, name: &str, from: &Version, to: &Version) -> ConvertError {
    match error {
        StepError::Decode { path, reason } => ConvertError::Decode {
            name: name.to_owned(),
            api_version: from.api_version.clone(),
            path,
            reason,
        },
        StepError::Convert(source) => ConvertError::Convert {
            name: name.to_owned(),
            from: from.api_version.clone(),
            to: to.api_version.clone(),
            source,
        },
    }
}

/// The parts of an object that a conversion changes.
pub(super) fn parts<'a>(before: &'a Map<String, Value>, after: &'a Map<String, Value>) -> BTreeSet<&'a str> {
    before
        .keys()
        .chain(after.keys())
        .map(String::as_str)
        .filter(|key| !["apiVersion", "kind", "metadata"].contains(key))
        .collect()
}
