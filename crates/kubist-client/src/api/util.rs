//! What only some kinds can do.

use k8s_openapi::api::{
    authentication::v1::TokenRequest,
    certificates::v1::CertificateSigningRequest,
    core::v1::{Node, ServiceAccount},
};
use kubist_core::{
    Resource,
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
    pub async fn restart(&self, name: &str) -> Result<K> {
        self.client
            .request(named("restart", self.request.restart(name))?)
            .await
    }
}

/// Cordoning.
impl Api<Node> {
    /// Keeps new pods from a node.
    pub async fn cordon(&self, name: &str) -> Result<Node> {
        self.client
            .request(named("cordon", self.request.cordon(name))?)
            .await
    }

    /// Lets new pods onto a node again.
    pub async fn uncordon(&self, name: &str) -> Result<Node> {
        self.client
            .request(named("uncordon", self.request.uncordon(name))?)
            .await
    }
}

/// Tokens.
impl Api<ServiceAccount> {
    /// Creates a token of a service account
    /// ([reference](https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/)).
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
    pub async fn get_approval(&self, name: &str) -> Result<CertificateSigningRequest> {
        let request = self.request.get_subresource("approval", name);
        self.client.request(named("get_approval", request)?).await
    }

    /// Approves or denies a request for a certificate, by a condition.
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
