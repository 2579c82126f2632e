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
    ///
    /// ```no_run
    /// use kubist_client::core::kubelet_debug::KubeletDebugParams;
    /// use kubist_client::api::AttachParams;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let pod = KubeletDebugParams { name: "web-0", namespace: "web", ..KubeletDebugParams::default() };
    /// let mut process = client.kubelet_node_attach(&pod, "nginx", &AttachParams::default()).await?;
    /// let stdout = process.stdout();
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```no_run
    /// use kubist_client::core::kubelet_debug::KubeletDebugParams;
    /// use kubist_client::api::AttachParams;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let pod = KubeletDebugParams { name: "web-0", namespace: "web", ..KubeletDebugParams::default() };
    /// let ap = AttachParams::default();
    /// let mut process = client.kubelet_node_exec(&pod, "nginx", ["date"], &ap).await?;
    /// let stdout = process.stdout();
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```no_run
    /// use kubist_client::core::kubelet_debug::KubeletDebugParams;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let pod = KubeletDebugParams { name: "web-0", namespace: "web", ..KubeletDebugParams::default() };
    /// let mut forwarder = client.kubelet_node_portforward(&pod, &[80]).await?;
    /// let stream = forwarder.take_stream(80);
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```no_run
    /// use futures::{AsyncBufReadExt, TryStreamExt};
    /// use kubist_client::core::kubelet_debug::KubeletDebugParams;
    /// use kubist_client::api::LogParams;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let pod = KubeletDebugParams { name: "web-0", namespace: "web", ..KubeletDebugParams::default() };
    /// let mut lines = client.kubelet_node_logs(&pod, "nginx", &LogParams::default()).await?.lines();
    /// while let Some(line) = lines.try_next().await? {
    ///     println!("{line}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
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
