//! What an object has that expressions cannot see: they compare it all the same.

use std::sync::Arc;

use kube_cel::cel::Value;
use kube_cel::cel::objects::{Key, Opaque};
use serde_json::{Map, Value as Json};

/// The fields of an object that its schema does not name.
#[derive(Debug)]
pub(super) struct Unseen {
    /// How many fields the object has, with those that are seen and those that are null.
    all: usize,
    fields: Map<String, Json>,
}

impl Unseen {
    /// Where it is in an object: no field has such a key.
    pub(super) const KEY: Key = Key::Bool(false);

    pub(super) fn value(all: usize, fields: Map<String, Json>) -> Value {
        Value::Opaque(Arc::new(Unseen { all, fields }))
    }

    pub(super) fn is(value: &Value) -> bool {
        matches!(value, Value::Opaque(opaque) if opaque.downcast_ref::<Unseen>().is_some())
    }
}

/// As upstream compares: what only one of the two has makes no difference, but their number does.
impl PartialEq for Unseen {
    fn eq(&self, other: &Unseen) -> bool {
        let same = |(key, value): (&String, &Json)| other.fields.get(key).is_none_or(|other| other == value);
        self.all == other.all && self.fields.iter().all(same)
    }
}

impl Eq for Unseen {}

impl Opaque for Unseen {
    fn runtime_type_name(&self) -> &'static str {
        "unseen"
    }
}
