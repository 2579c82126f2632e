//! Requests to a kubelet's own endpoints, past the API server.

use std::fmt::Debug;

use futures::AsyncBufRead;
use kubist_core::{
    Request,
    kubelet_debug::KubeletDebugParams,
    subresource::{AttachParams, LogParams},
};

use super::Client;
use crate::{
    Error, Result,
    api::{AttachedProcess, Portforwarder},
};

/// Requests to a kubelet; the client's server has to be one, as `https://node:10250`.
impl Client {
    /// Attaches to a container.
    pub async fn kubelet_node_attach(
        &self,
        kubelet_params: &KubeletDebugParams<'_>,
        container: &str,
        ap: &AttachParams,
    ) -> Result<AttachedProcess> {
        let mut request =
            Request::kubelet_node_attach(kubelet_params, container, ap).map_err(Error::BuildRequest)?;
        request.extensions_mut().insert("kubelet_node_attach");
        Ok(AttachedProcess::new(self.connect(request).await?, ap))
    }

    /// Executes a command in a container.
    pub async fn kubelet_node_exec<I, T>(
        &self,
        kubelet_params: &KubeletDebugParams<'_>,
        container: &str,
        command: I,
        ap: &AttachParams,
    ) -> Result<AttachedProcess>
    where
        I: IntoIterator<Item = T> + Debug,
        T: Into<String>,
    {
        let mut request = Request::kubelet_node_exec(kubelet_params, container, command, ap)
            .map_err(Error::BuildRequest)?;
        request.extensions_mut().insert("kubelet_node_exec");
        Ok(AttachedProcess::new(self.connect(request).await?, ap))
    }

    /// Forwards to ports of a pod.
    pub async fn kubelet_node_portforward(
        &self,
        kubelet_params: &KubeletDebugParams<'_>,
        ports: &[u16],
    ) -> Result<Portforwarder> {
        let mut request =
            Request::kubelet_node_portforward(kubelet_params, ports).map_err(Error::BuildRequest)?;
        request.extensions_mut().insert("kubelet_node_portforward");
        Portforwarder::connect(self, request, ports).await
    }

    /// Reads a container's log as it comes.
    pub async fn kubelet_node_logs(
        &self,
        kubelet_params: &KubeletDebugParams<'_>,
        container: &str,
        lp: &LogParams,
    ) -> Result<impl AsyncBufRead + use<>> {
        let mut request =
            Request::kubelet_node_logs(kubelet_params, container, lp).map_err(Error::BuildRequest)?;
        request.extensions_mut().insert("kubelet_node_log");
        self.request_stream(request).await
    }
}
