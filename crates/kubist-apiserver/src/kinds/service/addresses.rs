//! Addresses of services, from 10.0.0.0/24 as a small cluster has them.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde_json::Value;

use crate::kinds::kind;
use crate::object::meta;
use crate::state::Api;

/// Where the addresses of services are.
pub(crate) const RANGE: &str = "10.0.0.0/24";

/// The address of the `kubernetes` service.
pub(crate) const FIRST: &str = "10.0.0.1";

/// How many services have addresses before the range grows.
const HOSTS: u64 = 250;

/// The addresses that services have.
pub(super) fn taken(api: &Api) -> BTreeSet<String> {
    let (services, _) = api.store.list(&kind::table("", "services"), None, None);
    let addresses = services.iter().flat_map(|(_, stored)| {
        let list =
            meta::at(&stored.value, "spec.clusterIPs").or_else(|| meta::at(&stored.value, "spec.clusterIP"));
        match list {
            Some(Value::Array(_)) => meta::strings(list).into_iter().map(str::to_owned).collect(),
            Some(Value::String(one)) => vec![one.clone()],
            _ => Vec::new(),
        }
    });
    addresses.filter(|address| address != "None").collect()
}

/// An address that nobody has; the first guess depends on the seed.
pub(super) fn free(api: &Api, taken: &BTreeSet<String>) -> Option<String> {
    let start = api.identity.below(HOSTS);
    // Beyond the first services the range grows upwards; nobody routes to it.
    (0..65_000)
        .map(|step| {
            let host = if step < HOSTS {
                2 + (start + step) % HOSTS
            } else {
                step + 6
            };
            format!("10.0.{}.{}", host / 256, host % 256)
        })
        .find(|address| !taken.contains(address))
}

/// Why an address that was asked for cannot be given.
pub(super) fn refusal(taken: &BTreeSet<String>, address: &str) -> Option<&'static str> {
    let is_inside = address.parse::<Ipv4Addr>().is_ok_and(|address| {
        let [a, b, c, host] = address.octets();
        [a, b, c] == [10, 0, 0] && (1..255).contains(&host)
    });
    if !is_inside {
        Some("the provided network does not match the current range")
    } else if taken.contains(address) {
        Some("provided IP is already allocated")
    } else {
        None
    }
}
