//! What only some kinds can do.

use k8s_openapi::api::{
    authentication::v1::TokenRequest,
    certificates::v1::CertificateSigningRequest,
    core::v1::{Binding, Node, Pod, ServiceAccount},
};
use kubist_core::{
    Resource, Status,
    params::{Patch, PatchParams, PostParams},
    util::Restart,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Api, named, to_json};
use crate::Result;

/// Restarting.
impl<K> Api<K>
where
    K: Restart + Resource + DeserializeOwned,
{
    /// Restarts a workload: its pods are replaced one by one.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::apps::v1::Deployment;
    /// # use kubist_client::Api;
    /// # async fn run(deployments: Api<Deployment>) -> Result<(), kubist_client::Error> {
    /// deployments.restart("web").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn restart(&self, name: &str) -> Result<K> {
        self.client
            .request(named("restart", self.request.restart(name))?)
            .await
    }
}

/// Cordoning.
impl Api<Node> {
    /// Keeps new pods from a node.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Node;
    /// # use kubist_client::Api;
    /// # async fn run(nodes: Api<Node>) -> Result<(), kubist_client::Error> {
    /// nodes.cordon("worker-1").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn cordon(&self, name: &str) -> Result<Node> {
        self.client
            .request(named("cordon", self.request.cordon(name))?)
            .await
    }

    /// Lets new pods onto a node again.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Node;
    /// # use kubist_client::Api;
    /// # async fn run(nodes: Api<Node>) -> Result<(), kubist_client::Error> {
    /// nodes.uncordon("worker-1").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn uncordon(&self, name: &str) -> Result<Node> {
        self.client
            .request(named("uncordon", self.request.uncordon(name))?)
            .await
    }
}

/// Binding.
impl Api<Pod> {
    /// Gives a pod its node, as schedulers do
    /// ([reference](https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/binding-v1/)).
    ///
    /// What the binding has of metadata but the name and the namespace, as annotations, the pod gets
    /// as well.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::{Binding, ObjectReference, Pod};
    /// use kubist_client::{Api, Client, api::PostParams};
    ///
    /// # async fn run(client: Client) -> Result<(), kubist_client::Error> {
    /// let pods: Api<Pod> = Api::namespaced(client, "web");
    /// let node = ObjectReference { name: Some("node-1".to_owned()), ..ObjectReference::default() };
    /// let binding = Binding { target: node, ..Binding::default() };
    /// pods.bind("web-0", &PostParams::default(), &binding).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where there is no such pod, or it has a node already.
    pub async fn bind(&self, name: &str, pp: &PostParams, binding: &Binding) -> Result<Status> {
        let mut binding = binding.clone();
        // The server wants it, and it can be no other.
        binding.metadata.name.get_or_insert_with(|| name.to_owned());
        let request = self
            .request
            .create_subresource("binding", name, pp, to_json(&binding)?);
        self.client.request(self.writing("bind", request)?).await
    }
}

/// Tokens.
impl Api<ServiceAccount> {
    /// Creates a token of a service account
    /// ([reference](https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/)).
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::ServiceAccount;
    /// # use kubist_client::Api;
    /// use kubist_client::api::PostParams;
    /// use k8s_openapi::api::authentication::v1::TokenRequest;
    ///
    /// # async fn run(accounts: Api<ServiceAccount>) -> Result<(), kubist_client::Error> {
    /// let asked = TokenRequest::default();
    /// let token = accounts.create_token_request("builder", &PostParams::default(), &asked).await?;
    /// println!("until {:?}", token.status.map(|status| status.expiration_timestamp));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create_token_request(
        &self,
        name: &str,
        pp: &PostParams,
        token_request: &TokenRequest,
    ) -> Result<TokenRequest> {
        let request = self
            .request
            .create_subresource("token", name, pp, to_json(token_request)?);
        self.client.request(named("create_token_request", request)?).await
    }
}

/// Approval.
impl Api<CertificateSigningRequest> {
    /// Reads a request for a certificate by its approval.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
    /// # use kubist_client::Api;
    /// # async fn run(requests: Api<CertificateSigningRequest>) -> Result<(), kubist_client::Error> {
    /// let request = requests.get_approval("worker-1").await?;
    /// println!("{:?}", request.status.and_then(|status| status.conditions));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_approval(&self, name: &str) -> Result<CertificateSigningRequest> {
        let request = self.request.get_subresource("approval", name);
        self.client.request(named("get_approval", request)?).await
    }

    /// Approves or denies a request for a certificate, by a condition.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
    /// # use kubist_client::Api;
    /// use kubist_client::api::{Patch, PatchParams};
    ///
    /// # async fn run(requests: Api<CertificateSigningRequest>) -> Result<(), kubist_client::Error> {
    /// let patch = serde_json::json!({ "status": { "conditions": [
    ///     { "type": "Approved", "status": "True", "reason": "KnownNode", "message": "the node is ours" },
    /// ] } });
    /// requests.patch_approval("worker-1", &PatchParams::default(), &Patch::Merge(patch)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn patch_approval<P: Serialize>(
        &self,
        name: &str,
        pp: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<CertificateSigningRequest> {
        let request = self.request.patch_subresource("approval", name, pp, patch);
        self.client.request(named("approval", request)?).await
    }
}
