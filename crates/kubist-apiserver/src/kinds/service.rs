//! Services: their addresses and ports, and what depends on their type.
//!
//! The order is upstream's: what was allocated is kept or allocated, which may fail, then what a
//! change of the type leaves behind is dropped, then the rules are checked.

mod addresses;
mod allocation;
mod carry;
mod families;
pub(crate) mod ip;
mod node_ports;
mod rules;
mod spec;
mod warnings;

pub(crate) use addresses::{FIRST, RANGE};
pub(crate) use allocation::{Reservation, Reservations, allocate};
pub(crate) use carry::prepare_update;
pub(crate) use ip::{is_range, parse as parse_address};
pub(crate) use rules::{validate, validate_status};
pub(crate) use warnings::warnings;
