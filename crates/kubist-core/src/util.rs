//! What `kubectl` does with a patch: restart, cordon, uncordon.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use serde_json::json;

use crate::{
    params::{Patch, PatchParams},
    request::{self, Request},
};

/// A workload whose pods can be replaced one by one.
///
/// ```
/// use kubist_core::{Request, Resource, util::Restart};
///
/// fn restart<K: Restart + Resource<DynamicType = ()>>(
///     namespace: &str,
///     name: &str,
/// ) -> Result<http::Request<Vec<u8>>, kubist_core::request::Error> {
///     Request::new(K::url_path(&(), Some(namespace))).restart(name)
/// }
/// ```
pub trait Restart {}

impl Restart for Deployment {}
impl Restart for DaemonSet {}
impl Restart for StatefulSet {}
impl Restart for ReplicaSet {}

/// Restarting.
impl Request {
    /// Restarts a workload, by a time in its pods' annotations.
    ///
    /// ```
    /// # use k8s_openapi::api::apps::v1::Deployment;
    /// use kubist_core::{Request, Resource};
    ///
    /// let deployments = Request::new(Deployment::url_path(&(), Some("web")));
    /// let request = deployments.restart("web")?;
    /// assert_eq!(request.method(), "PATCH");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn restart(&self, name: &str) -> Result<http::Request<Vec<u8>>, request::Error> {
        let now = jiff::Timestamp::now().to_string();
        let annotations = json!({ "kube.kubernetes.io/restartedAt": now });
        let patch = json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } });
        self.patch(name, &PatchParams::default(), &Patch::Merge(patch))
    }
}

/// Cordoning.
impl Request {
    /// Keeps new pods from a node.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Node;
    /// use kubist_core::{Request, Resource};
    ///
    /// let nodes = Request::new(Node::url_path(&(), None));
    /// let request = nodes.cordon("worker-1")?;
    /// assert_eq!(request.body(), br#"{"spec":{"unschedulable":true}}"#);
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn cordon(&self, name: &str) -> Result<http::Request<Vec<u8>>, request::Error> {
        self.set_unschedulable(name, true)
    }

    /// Lets new pods onto a node again.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Node;
    /// use kubist_core::{Request, Resource};
    ///
    /// let nodes = Request::new(Node::url_path(&(), None));
    /// let request = nodes.uncordon("worker-1")?;
    /// assert_eq!(request.body(), br#"{"spec":{"unschedulable":false}}"#);
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn uncordon(&self, name: &str) -> Result<http::Request<Vec<u8>>, request::Error> {
        self.set_unschedulable(name, false)
    }

    fn set_unschedulable(&self, name: &str, to: bool) -> Result<http::Request<Vec<u8>>, request::Error> {
        let patch = json!({ "spec": { "unschedulable": to } });
        self.patch(name, &PatchParams::default(), &Patch::Strategic(patch))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Node;

    use super::*;
    use crate::Resource;

    #[test]
    fn restart_sets_a_time() {
        let request = Request::new(Deployment::url_path(&(), Some("ns")))
            .restart("a")
            .expect("valid");
        assert_eq!(request.uri(), "/apis/apps/v1/namespaces/ns/deployments/a?");
        assert_eq!(request.headers()["content-type"], "application/merge-patch+json");
        let patch: serde_json::Value = serde_json::from_slice(request.body()).expect("json");
        let time = &patch["spec"]["template"]["metadata"]["annotations"]["kube.kubernetes.io/restartedAt"];
        time.as_str()
            .and_then(|t| t.parse::<jiff::Timestamp>().ok())
            .expect("a time");
    }

    #[test]
    fn cordon_and_uncordon() {
        let nodes = Request::new(Node::url_path(&(), None));
        for (request, body) in [(nodes.cordon("a"), "true"), (nodes.uncordon("a"), "false")] {
            let request = request.expect("valid");
            assert_eq!(request.uri(), "/api/v1/nodes/a?");
            let expected = format!(r#"{{"spec":{{"unschedulable":{body}}}}}"#);
            assert_eq!(request.body(), expected.as_bytes());
        }
    }
}
