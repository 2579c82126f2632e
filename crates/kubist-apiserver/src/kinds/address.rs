//! Addresses of services, from 10.0.0.0/24 as a small cluster has them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kinds::kind;
use crate::object::meta;
use crate::state::Api;

/// The address of the `kubernetes` service.
pub(crate) const FIRST: &str = "10.0.0.1";

/// An address that no service has; the first guess depends on the seed.
pub(crate) fn free(api: &Api, _service: &str) -> String {
    let (services, _) = api.store.list(&kind::table("", "services"), None, None);
    let taken: BTreeSet<String> = services
        .iter()
        .filter_map(|(_, stored)| meta::at(&stored.value, "spec.clusterIP").and_then(Value::as_str))
        .map(str::to_owned)
        .collect();
    let start = api.identity.below(250);
    // Beyond the first 250 services the range grows upwards; nobody routes to it.
    (0..65_000u64)
        .map(|step| {
            let host = if step < 250 {
                2 + (start + step) % 250
            } else {
                step + 6
            };
            format!("10.0.{}.{}", host / 256, host % 256)
        })
        .find(|address| !taken.contains(address))
        .unwrap_or_else(|| "None".into())
}
