//! The server: a port that the API listens on.

pub(crate) mod audit;
pub(crate) mod builder;
#[cfg(feature = "client")]
mod client;
mod connection;
mod kubeconfig;
mod listener;
pub(crate) mod load;
mod refusal;
pub(crate) mod service;
pub(crate) mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::access::users::User;
use crate::faults::Faults;
use crate::server::audit::Record;
use crate::server::builder::Builder;
use crate::server::connection::Transport;
use crate::server::kubeconfig::Credential;
use crate::server::listener::Listener;
use crate::server::load::LoadError;
use crate::server::service::Service;
use crate::server::tls::{Authority, ClientCertificate};
use crate::state::Api;
use crate::store::Snapshot;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address can't be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Client certificates need a server with TLS.
    #[error("the server has no TLS")]
    NoTls,
    /// No certificate could be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The certificate can't be served.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
}

/// An API server that runs in this process; dropping it stops it.
///
/// See the [crate's documentation](crate) for an example.
#[derive(Debug)]
pub struct Server {
    api: Arc<Api>,
    address: SocketAddr,
    url: String,
    authority: Option<Authority>,
    /// Stops accepting, and ends connections once they are idle.
    drain: CancellationToken,
    /// Ends connections at once.
    abort: CancellationToken,
    listening: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    /// Starts a server with HTTP on 127.0.0.1 and a free port.
    ///
    /// # Errors
    ///
    /// [`Error::Bind`] if there is no free port.
    pub async fn start() -> Result<Server, Error> {
        Server::builder().start().await
    }

    /// Sets up a server.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) async fn listen(api: Arc<Api>, address: SocketAddr, tls: bool) -> Result<Server, Error> {
        // Clients of the Go family send a kubeconfig's token over TLS only.
        let authority = if tls || api.users.first_token().is_some() {
            Some(Authority::new(address.ip())?)
        } else {
            None
        };
        let transport = match &authority {
            None => Transport::Plain,
            Some(authority) if tls => Transport::Tls(authority.acceptor()?),
            Some(authority) => Transport::Either(authority.acceptor()?),
        };
        let bound = TcpListener::bind(address).await.and_then(|listener| {
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        let (listener, address) = bound.map_err(|source| Error::Bind { address, source })?;
        let scheme = if tls { "https" } else { "http" };
        let (drain, abort) = (CancellationToken::new(), CancellationToken::new());
        let listener = Listener {
            listener,
            transport,
            service: Service::new(Arc::clone(&api)),
            drain: drain.clone(),
            abort: abort.clone(),
        };
        let listening = Mutex::new(Some(tokio::spawn(listener.run())));
        Ok(Server {
            api,
            address,
            url: format!("{scheme}://{address}"),
            authority,
            drain,
            abort,
            listening,
        })
    }

    /// The base URL, such as `http://127.0.0.1:39121`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig as YAML, with the context `kubist`.
    ///
    /// It trusts the server's certificate and holds the token of the first user. With users it
    /// leads to HTTPS, whatever [`url`](Server::url) says: a server that has users speaks both
    /// HTTP and HTTPS on its port, because kubectl sends a token over TLS only. Every further user
    /// has a context of their name.
    pub fn kubeconfig(&self) -> String {
        let credential = self
            .api
            .users
            .first_token()
            .map_or(Credential::None, Credential::Token);
        let others = self
            .api
            .users
            .others()
            .map(|(token, user)| (user.name.as_str(), token));
        self.kubeconfig_with(credential, others)
    }

    /// The certificate that the server's own is signed with, as PEM; none without TLS
    /// and without users.
    pub fn certificate_authority(&self) -> Option<&str> {
        self.authority.as_ref().map(Authority::certificate_pem)
    }

    /// Makes a certificate for a client, who then is the user `name` in these groups.
    ///
    /// Only a server with TLS asks its clients for certificates.
    ///
    /// # Errors
    ///
    /// [`Error::NoTls`] without TLS and without users, [`Error::Certificate`] if none can be made.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), kubist_apiserver::Error> {
    /// use kubist_apiserver::Server;
    ///
    /// let server = Server::builder().tls(true).rbac(true).start().await?;
    /// let admin = server.client_certificate("jane", ["system:masters"])?;
    /// assert!(server.kubeconfig_for(&admin).contains("client-certificate-data"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn client_certificate<G: Into<String>>(
        &self,
        name: &str,
        groups: impl IntoIterator<Item = G>,
    ) -> Result<ClientCertificate, Error> {
        let authority = self.authority.as_ref().ok_or(Error::NoTls)?;
        let mut groups: Vec<String> = groups.into_iter().map(Into::into).collect();
        let certificate = authority.issue(name, &groups)?;
        groups.push("system:authenticated".into());
        let user = User {
            name: name.into(),
            groups,
            ..User::default()
        };
        self.api
            .certificates
            .lock()
            .insert(certificate.der.to_vec(), user);
        Ok(certificate)
    }

    /// A kubeconfig whose user has a certificate rather than a token.
    pub fn kubeconfig_for(&self, certificate: &ClientCertificate) -> String {
        self.kubeconfig_with(Credential::Certificate(certificate), [])
    }

    /// A kubeconfig whose user has this token, as [`Builder::user`] added it.
    ///
    /// A token that nobody has is not refused here: the server answers whoever sends it with 401.
    pub fn kubeconfig_of_token(&self, token: &str) -> String {
        self.kubeconfig_with(Credential::Token(token), [])
    }

    fn kubeconfig_with<'a>(
        &self,
        credential: Credential<'_>,
        others: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> String {
        let authority = self.certificate_authority();
        let scheme = if authority.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", self.address);
        crate::server::kubeconfig::write(&url, authority, credential, others)
    }

    /// The server's API as a service: the same answers without a socket.
    pub fn service(&self) -> Service {
        Service::new(Arc::clone(&self.api))
    }

    /// The whole state at this moment; it costs a few pointers.
    pub fn snapshot(&self) -> Snapshot {
        self.api.store.snapshot(self.api.identity.seed())
    }

    /// Applies the objects of a manifest, YAML with any number of documents; tells how many.
    ///
    /// They are applied as the server's administrator, with their status, in their order; `List`
    /// objects are taken apart. What names no namespace goes to `default`.
    ///
    /// # Errors
    ///
    /// [`LoadError`] for the first object that cannot be loaded; those before it are.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = kubist_apiserver::Server::start().await?;
    /// let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {key: value}";
    /// assert_eq!(server.load(manifest).await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn load(&self, manifest: &str) -> Result<usize, LoadError> {
        crate::server::load::load(&self.api, manifest).await
    }

    /// What goes wrong on demand.
    pub fn faults(&self) -> Faults {
        self.api.faults.clone()
    }

    /// The requests that were answered, oldest first; the last 100,000 of them.
    pub fn audit(&self) -> Vec<Record> {
        self.api.trail.records()
    }

    /// Waits until nothing was written for as long as `idle`; gives the revision of the last write.
    ///
    /// A controller that converges stops writing: a test that ends here has seen that it does.
    /// Give it a limit with [`tokio::time::timeout`]; cancelling it has no effect on the server.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), kubist_apiserver::Error> {
    /// use std::time::Duration;
    ///
    /// let server = kubist_apiserver::Server::start().await?;
    /// let revision = server.until_quiet(Duration::from_millis(5)).await;
    /// assert_eq!(revision, server.snapshot().revision());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn until_quiet(&self, idle: Duration) -> u64 {
        let mut moved = self.api.store.subscribe_any();
        loop {
            moved.mark_unchanged();
            if tokio::time::timeout(idle, moved.changed()).await.is_err() {
                return self.api.store.revision();
            }
        }
    }

    /// Forgets the history up to now, as etcd's compaction does.
    ///
    /// Watches and lists that ask for an older state are then answered by 410 Expired.
    pub fn compact(&self) {
        self.api.store.compact(self.api.store.revision());
    }

    /// Stops: ends watches, lets requests finish, closes connections.
    ///
    /// The port is free when it returns. Cancelling it stops the server less gently.
    pub async fn shutdown(self) {
        self.api.closing.cancel();
        self.drain.cancel();
        self.join().await;
    }

    /// Stops at once: connections break, requests stay unanswered.
    ///
    /// The port is free when it returns.
    pub async fn kill(self) {
        self.abort.cancel();
        self.api.closing.cancel();
        self.join().await;
    }

    async fn join(&self) {
        let listening = self.listening.lock().take();
        if let Some(listening) = listening {
            // A panic in there was reported where it happened.
            let _ = listening.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.abort.cancel();
        self.api.closing.cancel();
    }
}
