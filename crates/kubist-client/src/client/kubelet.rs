//! Requests to a kubelet's own endpoints, past the API server.

use std::fmt::Debug;

use futures::AsyncBufRead;
use kubist_core::{
    Request,
    kubelet_debug::KubeletDebugParams,
    subresource::{AttachParams, LogParams},
};

use super::{Client, named};
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
        let request =
            Request::kubelet_node_attach(kubelet_params, container, ap).map_err(Error::BuildRequest)?;
        let request = named("kubelet_node_attach", request);
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
        let request = Request::kubelet_node_exec(kubelet_params, container, command, ap)
            .map_err(Error::BuildRequest)?;
        let request = named("kubelet_node_exec", request);
        Ok(AttachedProcess::new(self.connect(request).await?, ap))
    }

    /// Forwards to ports of a pod.
    pub async fn kubelet_node_portforward(
        &self,
        kubelet_params: &KubeletDebugParams<'_>,
        ports: &[u16],
    ) -> Result<Portforwarder> {
        let request =
            Request::kubelet_node_portforward(kubelet_params, ports).map_err(Error::BuildRequest)?;
        let request = named("kubelet_node_portforward", request);
        Portforwarder::connect(self, request, ports).await
    }

    /// Reads a container's log as it comes.
    pub async fn kubelet_node_logs(
        &self,
        kubelet_params: &KubeletDebugParams<'_>,
        container: &str,
        lp: &LogParams,
    ) -> Result<impl AsyncBufRead + use<>> {
        let request =
            Request::kubelet_node_logs(kubelet_params, container, lp).map_err(Error::BuildRequest)?;
        let request = named("kubelet_node_log", request);
        self.request_stream(request).await
    }
}
