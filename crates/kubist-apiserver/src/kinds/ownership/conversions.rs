//! Objects in the versions in which their managers wrote.
//!
//! Merging waits for nothing, and a webhook that converts is waited for. So a merge says what it
//! would have to have, and is done again once it is there.

use std::cell::RefCell;
use std::sync::Arc;

use kubist_merge::Shape;
use kubist_merge::managed::{ConversionError, Versions};
use serde_json::Value;

use crate::crd::convert;
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Registry};
use crate::object::{meta, view};
use crate::state::Api;

/// Does `step` until it has had all the conversions that it asked for.
pub(super) async fn with_conversions<T>(
    api: &Api,
    kind: &Kind,
    mut step: impl FnMut(&dyn Versions) -> T,
) -> T {
    let registry = api.registry();
    let mut known = Vec::new();
    loop {
        let (result, wanted) = {
            let conversions = Conversions {
                registry: &registry,
                kind,
                known: &known,
                wanted: RefCell::default(),
            };
            let result = step(&conversions);
            (result, conversions.wanted.into_inner())
        };
        let Some(wanted) = wanted else {
            return result;
        };
        drop(result);
        let converted = wanted.convert(api).await;
        known.push((wanted, converted));
    }
}

/// What was converted so far, and what would have to be.
#[derive(Debug)]
struct Conversions<'a> {
    registry: &'a Registry,
    kind: &'a Kind,
    known: &'a [(Wanted, Result<Value, Failure>)],
    wanted: RefCell<Option<Wanted>>,
}

/// An object that is to be converted.
#[derive(Debug)]
struct Wanted {
    object: Value,
    from: Arc<Kind>,
    to: Arc<Kind>,
}

impl Conversions<'_> {
    /// The kind in another version.
    fn version(&self, api_version: &str) -> Option<&Arc<Kind>> {
        let (group, version) = meta::group_version(api_version);
        let found = self.registry.get(group, version, &self.kind.plural);
        found.filter(|_| group == self.kind.group)
    }
}

impl Versions for Conversions<'_> {
    fn shape(&self, api_version: &str) -> Option<Shape<'_>> {
        self.version(api_version).map(|kind| kind.shape())
    }

    fn convert(&self, object: &Value, from: &str, to: &str) -> Result<Value, ConversionError> {
        let failed = |why: &str| ConversionError {
            api_version: to.to_owned(),
            why: why.to_owned(),
        };
        let known = self.known.iter().find(|(wanted, _)| {
            wanted.from.api_version() == from && wanted.to.api_version() == to && wanted.object == *object
        });
        if let Some((_, converted)) = known {
            return converted.clone().map_err(|failure| failed(&failure.message));
        }
        if let (Some(from), Some(to)) = (self.version(from), self.version(to)) {
            *self.wanted.borrow_mut() = Some(Wanted {
                object: object.clone(),
                from: from.clone(),
                to: to.clone(),
            });
        }
        Err(failed("there is no such version"))
    }
}

impl Wanted {
    async fn convert(&self, api: &Api) -> Result<Value, Failure> {
        let (from, to, object) = (&self.from, &self.to, self.object.clone());
        let Some(custom) = to.custom() else {
            return view::convert(api, from, to, object).await;
        };
        let config = custom.conversion.as_ref();
        let mut converted = convert::convert(api, config, &to.api_version(), vec![object]).await?;
        converted
            .pop()
            .ok_or_else(|| Failure::internal("a conversion lost an object"))
    }
}
