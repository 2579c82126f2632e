//! Ports of nodes, which services are reached at.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::kinds::kind;
use crate::object::member::{list, number};
use crate::state::Api;

const RANGE: RangeInclusive<i64> = 30_000..=32_767;

/// The ports that services have, those that tell their health among them.
pub(super) fn taken(api: &Api) -> BTreeSet<i64> {
    let (services, _) = api.store.list(&kind::table("", "services"), None, None);
    services
        .iter()
        .flat_map(|(_, stored)| of(&stored.value["spec"]))
        .collect()
}

/// The ports of one service.
pub(super) fn of(spec: &Value) -> BTreeSet<i64> {
    let ports = list(spec, "ports").iter().map(|port| number(port, "nodePort"));
    ports
        .chain([number(spec, "healthCheckNodePort")])
        .filter(|port| *port != 0)
        .collect()
}

/// The ports that one service gets.
pub(super) struct Allocation<'a> {
    api: &'a Api,
    /// What cannot be given.
    taken: BTreeSet<i64>,
    pub(super) errors: Vec<FieldError>,
}

impl<'a> Allocation<'a> {
    pub(super) fn new(api: &'a Api, taken: BTreeSet<i64>) -> Self {
        Self {
            api,
            taken,
            errors: Vec::new(),
        }
    }

    /// Gives each port one of the nodes' that has none; those of one number share it, whatever their
    /// protocol.
    ///
    /// `kept` are those that the service had before.
    pub(super) fn fill(&mut self, ports: &mut [Value], kept: &BTreeSet<i64>) {
        let mut wanted: HashMap<i64, i64> = HashMap::new();
        for port in ports.iter() {
            let asked = number(port, "nodePort");
            if asked != 0 {
                wanted.entry(number(port, "port")).or_insert(asked);
            }
        }
        let mut given: HashMap<i64, i64> = HashMap::new();
        for (at, port) in ports.iter_mut().enumerate() {
            let field = format!("spec.ports[{at}].nodePort");
            let (own, asked) = (number(port, "port"), number(port, "nodePort"));
            let known = given.get(&own).copied();
            let node = match (asked, known.or_else(|| wanted.get(&own).copied())) {
                (0, Some(shared)) if known.is_some() => shared,
                (0, None) => self.next(&field),
                (0, Some(shared)) => self.take(shared, &field, kept),
                (asked, _) if known == Some(asked) => asked,
                (asked, _) => self.take(asked, &field, kept),
            };
            given.entry(own).or_insert(node);
            if let Some(port) = port.as_object_mut().filter(|_| node != 0) {
                port.insert("nodePort".into(), node.into());
            }
        }
    }

    /// The port that tells the health.
    pub(super) fn health(&mut self, asked: i64, kept: &BTreeSet<i64>) -> i64 {
        let field = "spec.healthCheckNodePort";
        match asked {
            0 => self.next(field),
            asked => self.take(asked, field, kept),
        }
    }

    /// A port that nobody has; the first guess depends on the seed.
    fn next(&mut self, field: &str) -> i64 {
        let (first, last) = RANGE.into_inner();
        let count = last - first + 1;
        let start = i64::try_from(self.api.identity.below(count.unsigned_abs())).unwrap_or(0);
        let free = (0..count)
            .map(|step| first + (start + step) % count)
            .find(|port| !self.taken.contains(port));
        if let Some(port) = free {
            self.taken.insert(port);
            return port;
        }
        let detail = "failed to allocate a nodePort: range is full";
        self.errors.push(FieldError::invalid(field, &0.into(), detail));
        0
    }

    fn take(&mut self, port: i64, field: &str, kept: &BTreeSet<i64>) -> i64 {
        let detail = if kept.contains(&port) {
            return port;
        } else if !RANGE.contains(&port) {
            let (first, last) = RANGE.into_inner();
            format!("provided port is not in the valid range. The range of valid ports is {first}-{last}")
        } else if !self.taken.insert(port) {
            "provided port is already allocated".to_owned()
        } else {
            return port;
        };
        self.errors
            .push(FieldError::invalid(field, &port.into(), &detail));
        port
    }
}
