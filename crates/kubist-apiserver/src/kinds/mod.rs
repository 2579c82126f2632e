//! What is served, and the rules that differ from kind to kind.

pub(crate) mod amounts;
pub(crate) mod app_armor;
pub(crate) mod autoscaler;
pub(crate) mod default_classes;
pub(crate) mod defaults;
pub(crate) mod deletion;
pub(crate) mod event;
pub(crate) mod kind;
pub(crate) mod ownership;
pub(crate) mod plugins;
pub(crate) mod pod;
pub(crate) mod pod_admission;
pub(crate) mod ports;
pub(crate) mod prepare;
pub(crate) mod rules;
pub(crate) mod service;
pub(crate) mod signing;
pub(crate) mod strategy;
