//! Objects as JSON: how they are decoded, checked, changed and shown.

pub(crate) mod body;
pub(crate) mod decode;
pub(crate) mod member;
pub(crate) mod meta;
pub(crate) mod metavalidate;
pub(crate) mod table;
pub(crate) mod view;
