//! Behaviour through the public API, over real HTTP.

mod client;
mod conformance;
mod conversions;
mod crds;
mod deletion;
mod expressions;
mod faults;
mod forms;
mod guarantees;
mod hooks;
mod hostile;
mod kubectl;
mod lists;
mod objects;
mod ownership;
mod patches;
mod policies;
mod python;
mod requests;
mod rules;
mod servers;
mod services;
mod subresources;
mod watches;
mod webhooks;
mod workloads;
