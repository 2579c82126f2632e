//! Clients that reach a server.

use kubist_client::Client;
use kubist_client::config::Kubeconfig;

use crate::server::Server;
use crate::server::tls::ClientCertificate;

impl Server {
    /// A client that reaches the server over its port, as everybody else does.
    ///
    /// It is what [`kubeconfig`](Server::kubeconfig) makes: the first user, where there are users,
    /// and the namespace `default`. Needs the feature `client`, which is on by default. For a
    /// client that is set up another way, build one from the kubeconfig.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use k8s_openapi::api::core::v1::Namespace;
    /// use kubist_apiserver::Server;
    /// use kubist_client::Api;
    ///
    /// let server = Server::start().await?;
    /// let namespaces: Api<Namespace> = Api::all(server.client());
    /// assert!(namespaces.get_opt("default").await?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn client(&self) -> Client {
        reach(&self.kubeconfig())
    }

    /// A client of the user who has this token, as [`Builder::user`](crate::Builder::user) added it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use k8s_openapi::api::core::v1::Secret;
    /// use kubist_apiserver::Server;
    /// use kubist_client::{Api, Error};
    ///
    /// let server = Server::builder()
    ///     .user("admin-token", "admin", "1", ["system:masters"])
    ///     .user("jane-token", "jane", "2", ["devs"])
    ///     .start()
    ///     .await?;
    /// let secrets: Api<Secret> = Api::default_namespaced(server.client_of_token("jane-token"));
    /// assert!(matches!(secrets.get("a").await, Err(Error::Api(status)) if status.code == 403));
    /// # Ok(())
    /// # }
    /// ```
    pub fn client_of_token(&self, token: &str) -> Client {
        reach(&self.kubeconfig_of_token(token))
    }

    /// A client that shows this certificate, as [`client_certificate`](Server::client_certificate)
    /// made it.
    pub fn client_for(&self, certificate: &ClientCertificate) -> Client {
        reach(&self.kubeconfig_for(certificate))
    }
}

/// Follows one of the server's own kubeconfigs, which lead to it.
fn reach(kubeconfig: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).expect("a kubeconfig of our own can be read");
    Client::try_from(kubeconfig).expect("a kubeconfig of our own leads to a client")
}
