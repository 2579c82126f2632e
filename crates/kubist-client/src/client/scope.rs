//! Where objects are: for [`Client::get`](super::Client::get), [`list`](super::Client::list) and
//! [`fetch`](super::Client::fetch).

pub use super::client_ext::{Cluster, Namespace, NamespacedRef};
