//! Subresources that are connections: exec, attach and port-forward.

use std::fmt::Debug;

use k8s_openapi::api::core::v1::Pod;
use kubist_core::subresource::AttachParams;
use serde::de::DeserializeOwned;

use super::{Api, AttachedProcess, Portforwarder, named};
use crate::Result;

/// Kinds in which commands can be executed.
///
/// ```no_run
/// use kubist_client::{Api, api::{AttachParams, AttachedProcess, Execute}};
/// use serde::de::DeserializeOwned;
///
/// async fn run<K: Execute + Clone + DeserializeOwned>(
///     api: &Api<K>,
///     name: &str,
/// ) -> Result<AttachedProcess, kubist_client::Error> {
///     api.exec(name, ["date"], &AttachParams::default()).await
/// }
/// ```
pub trait Execute {}

/// Kinds to whose main process one can attach.
///
/// ```no_run
/// use kubist_client::{Api, api::{AttachParams, AttachedProcess, Attach}};
/// use serde::de::DeserializeOwned;
///
/// async fn run<K: Attach + Clone + DeserializeOwned>(
///     api: &Api<K>,
///     name: &str,
/// ) -> Result<AttachedProcess, kubist_client::Error> {
///     api.attach(name, &AttachParams::default()).await
/// }
/// ```
pub trait Attach {}

/// Kinds to whose ports connections can be forwarded.
///
/// ```no_run
/// use kubist_client::{Api, api::{Portforward, Portforwarder}};
/// use serde::de::DeserializeOwned;
///
/// async fn forward<K: Portforward + Clone + DeserializeOwned>(
///     api: &Api<K>,
///     name: &str,
/// ) -> Result<Portforwarder, kubist_client::Error> {
///     api.portforward(name, &[80]).await
/// }
/// ```
pub trait Portforward {}

impl Execute for Pod {}
impl Attach for Pod {}
impl Portforward for Pod {}

/// Commands.
impl<K> Api<K>
where
    K: Clone + DeserializeOwned + Execute,
{
    /// Executes a command.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Api, Client, api::AttachParams};
    /// use tokio::io::AsyncReadExt;
    ///
    /// # async fn run(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let pods: Api<Pod> = Api::default_namespaced(client);
    /// let params = AttachParams::default().stderr(false);
    /// let mut process = pods.exec("web-0", ["cat", "/etc/hostname"], &params).await?;
    /// let mut output = String::new();
    /// if let Some(mut stdout) = process.stdout() {
    ///     stdout.read_to_string(&mut output).await?;
    /// }
    /// process.join().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with [`Error::UpgradeConnection`](crate::Error::UpgradeConnection) where the server
    /// refuses, as for a pod that does not exist.
    pub async fn exec<I, T>(&self, name: &str, command: I, ap: &AttachParams) -> Result<AttachedProcess>
    where
        I: IntoIterator<Item = T> + Debug,
        T: Into<String>,
    {
        let request = named("exec", self.request.exec(name, command, ap))?;
        Ok(AttachedProcess::new(self.client.connect(request).await?, ap))
    }
}

/// The main process.
impl<K> Api<K>
where
    K: Clone + DeserializeOwned + Attach,
{
    /// Attaches to the main process of a container.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::AttachParams;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let mut process = pods.attach("web-0", &AttachParams::default()).await?;
    /// let stdout = process.stdout();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    pub async fn attach(&self, name: &str, ap: &AttachParams) -> Result<AttachedProcess> {
        let request = named("attach", self.request.attach(name, ap))?;
        Ok(AttachedProcess::new(self.client.connect(request).await?, ap))
    }
}

/// Ports.
impl<K> Api<K>
where
    K: Clone + DeserializeOwned + Portforward,
{
    /// Connects to ports, once to each.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Api, Client};
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// # async fn run(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let pods: Api<Pod> = Api::default_namespaced(client);
    /// let mut forwarder = pods.portforward("web-0", &[80]).await?;
    /// let mut stream = forwarder.take_stream(80).ok_or("taken already")?;
    /// stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    /// let mut answer = Vec::new();
    /// stream.read_to_end(&mut answer).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for exec; what happens at a port later, [`Portforwarder::take_error`] tells.
    pub async fn portforward(&self, name: &str, ports: &[u16]) -> Result<Portforwarder> {
        let request = named("portforward", self.request.portforward(name, ports))?;
        Portforwarder::connect(&self.client, request, ports).await
    }
}
