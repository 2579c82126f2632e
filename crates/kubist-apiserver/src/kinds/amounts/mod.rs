//! Amounts of resources by name, as requests, limits and quotas have them.

pub(crate) mod pods;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use kubist_core::quantity::Quantity;
use serde_json::{Map, Value};

/// Amounts by the names of resources.
pub(crate) type Amounts = BTreeMap<String, Quantity>;

/// Reads amounts; what is none is left out.
pub(crate) fn read(value: Option<&Value>) -> Amounts {
    let amounts = value.and_then(Value::as_object).into_iter().flatten();
    amounts
        .filter_map(|(name, amount)| Some((name.clone(), amount.as_str()?.parse().ok()?)))
        .collect()
}

/// Amounts as JSON.
pub(crate) fn write(amounts: &Amounts) -> Value {
    amounts
        .iter()
        .map(|(name, amount)| (name.clone(), Value::from(amount.to_string())))
        .collect::<Map<_, _>>()
        .into()
}

/// Adds each of `more`.
pub(crate) fn add(amounts: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        *amounts.entry(name.clone()).or_default() += *amount;
    }
}

/// Raises each to that of `other`.
pub(crate) fn raise(amounts: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        match amounts.entry(name.clone()) {
            Entry::Vacant(slot) => {
                slot.insert(*amount);
            }
            Entry::Occupied(mut slot) if *slot.get() < *amount => {
                slot.insert(*amount);
            }
            Entry::Occupied(_) => {}
        }
    }
}

/// Rounds amounts up to thousandths; smaller parts can't be measured.
pub(crate) fn round(amounts: &mut Map<String, Value>) {
    for amount in amounts.values_mut() {
        let Some(exact) = amount.as_str().and_then(|text| text.parse::<Quantity>().ok()) else {
            continue;
        };
        let millis = exact.millis();
        let rounded = Quantity::from_millis(millis).with_suffix(exact.suffix());
        if rounded != exact && millis != i64::MAX {
            *amount = rounded.to_string().into();
        }
    }
}
