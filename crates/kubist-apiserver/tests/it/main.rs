//! Behaviour through the public API, over real HTTP.

mod client;
mod conformance;
mod crds;
mod deletion;
mod forms;
mod kubectl;
mod lists;
mod objects;
mod patches;
mod servers;
mod watches;
