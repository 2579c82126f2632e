//! What a service gets: addresses and ports of nodes.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::spec::{is_headless, needs_address, needs_health_port, needs_node_ports};
use super::{addresses, carry, families, node_ports};
use crate::http::fields::FieldError;
use crate::object::member::{list, number, text};
use crate::object::meta;
use crate::state::Api;

/// What writes that are under way have been given.
#[derive(Debug, Default)]
pub(crate) struct Reservations(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    addresses: BTreeSet<String>,
    ports: BTreeSet<i64>,
}

/// What one write was given; free again for others when it is dropped, unless a service has it then.
pub(crate) struct Reservation<'a> {
    api: &'a Api,
    given: Taken,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut taken = self.api.reservations.0.lock();
        for address in &self.given.addresses {
            taken.addresses.remove(address);
        }
        for port in &self.given.ports {
            taken.ports.remove(port);
        }
    }
}

/// Gives a service what its type needs; `old` is there for an update, which keeps what it had.
pub(crate) fn allocate<'a>(
    api: &'a Api,
    new: &mut Value,
    old: Option<&Value>,
) -> Result<Reservation<'a>, Vec<FieldError>> {
    carry::normalize(new, old);
    let errors = families::fill(new);
    if !errors.is_empty() {
        return Err(errors);
    }
    let none = Value::Null;
    let before = old.map_or(&none, |old| &old["spec"]);
    // Held until what is given is noted, so that nobody else is given the same.
    let mut reserved = api.reservations.0.lock();
    let mut given = Taken::default();
    let mut errors = Vec::new();
    if needs_address(&new["spec"]) && !is_headless(&new["spec"]) && !has_address(before) {
        let mut taken = addresses::taken(api);
        taken.extend(reserved.addresses.iter().cloned());
        allocate_address(api, new, &taken, &mut given, &mut errors);
    }
    if errors.is_empty() && (needs_node_ports(&new["spec"]) || needs_health_port(&new["spec"])) {
        let kept = node_ports::of(before);
        let mut taken = node_ports::taken(api);
        taken.extend(&reserved.ports);
        let mut ports = node_ports::Allocation::new(api, taken);
        allocate_ports(new, &kept, &mut ports);
        errors = ports.errors;
        given.ports = node_ports::of(&new["spec"]);
        given.ports.retain(|port| !kept.contains(port));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    reserved.addresses.extend(given.addresses.iter().cloned());
    reserved.ports.extend(&given.ports);
    drop(reserved);
    Ok(Reservation { api, given })
}

fn has_address(spec: &Value) -> bool {
    needs_address(spec) && !text(spec, "clusterIP").is_empty()
}

fn allocate_address(
    api: &Api,
    service: &mut Value,
    taken: &BTreeSet<String>,
    given: &mut Taken,
    errors: &mut Vec<FieldError>,
) {
    let asked = list(&service["spec"], "clusterIPs").to_vec();
    let mut addresses: Vec<String> = Vec::new();
    for address in asked.iter().filter_map(Value::as_str) {
        if let Some(why) = addresses::refusal(taken, address) {
            let detail = format!("failed to allocate IP {address}: {why}");
            errors.push(FieldError::invalid(
                "spec.clusterIPs",
                &asked.clone().into(),
                &detail,
            ));
        }
        addresses.push(address.to_owned());
    }
    if addresses.is_empty() {
        addresses.extend(addresses::free(api, taken));
    }
    let spec = meta::child(service, "spec");
    match addresses.first() {
        Some(first) => spec.insert("clusterIP".into(), first.as_str().into()),
        None => {
            let detail = "failed to allocate a serviceIP: range is full";
            errors.push(FieldError::invalid("spec.clusterIPs", &json!([]), detail));
            return;
        }
    };
    spec.insert("clusterIPs".into(), json!(addresses));
    given.addresses.extend(addresses);
}

fn allocate_ports(service: &mut Value, kept: &BTreeSet<i64>, ports: &mut node_ports::Allocation<'_>) {
    let needs_health_port = needs_health_port(&service["spec"]);
    let health = number(&service["spec"], "healthCheckNodePort");
    let fills = needs_node_ports(&service["spec"]);
    let spec = meta::child(service, "spec");
    if let (true, Some(list)) = (fills, spec.get_mut("ports").and_then(Value::as_array_mut)) {
        ports.fill(list, kept);
    }
    if needs_health_port {
        let port = ports.health(health, kept);
        if port != 0 {
            spec.insert("healthCheckNodePort".into(), port.into());
        }
    }
}
