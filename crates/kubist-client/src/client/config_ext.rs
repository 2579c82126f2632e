//! The parts of a client's stack, for stacks of one's own.

#[cfg(feature = "openssl-tls")]
use http::Uri;
use http::{HeaderName, HeaderValue};
#[cfg(feature = "openssl-tls")]
use hyper::rt::{Read, Write};
#[cfg(feature = "openssl-tls")]
use hyper_util::client::legacy::connect::Connection;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
#[cfg(feature = "openssl-tls")]
use tower::{BoxError, Service};

use super::{
    auth,
    middleware::{AuthLayer, BaseUriLayer, ExtraHeadersLayer},
};
use crate::{Config, Error, Result, config::AuthInfo};

mod private {
    pub trait Sealed {}
    impl Sealed for super::Config {}
}

/// Makes the parts of a client's stack of a [`Config`].
///
/// ```no_run
/// use hyper_util::{client::legacy::Client as HyperClient, rt::TokioExecutor};
/// use kubist_client::{Client, Config, client::ConfigExt};
/// use tower::{BoxError, ServiceBuilder};
///
/// # #[cfg(feature = "rustls-tls")]
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::infer().await?;
/// let https = config.rustls_https_connector()?;
/// let service = ServiceBuilder::new()
///     .layer(config.base_uri_layer())
///     .option_layer(config.auth_layer()?)
///     .map_err(BoxError::from)
///     .service(HyperClient::builder(TokioExecutor::new()).build(https));
/// let client = Client::new(service, config.default_namespace);
/// # Ok(())
/// # }
/// ```
pub trait ConfigExt: private::Sealed {
    /// Sends requests to the configuration's server.
    fn base_uri_layer(&self) -> BaseUriLayer;

    /// Gives requests the configuration's credentials, if it has any but a client certificate.
    fn auth_layer(&self) -> Result<Option<AuthLayer>>;

    /// Gives requests the configuration's headers, those to act as somebody else among them.
    fn extra_headers_layer(&self) -> Result<ExtraHeadersLayer>;

    /// Connects by TLS as the configuration says.
    ///
    /// Speaks HTTP/1.1, so that connections can be upgraded.
    #[cfg(feature = "rustls-tls")]
    fn rustls_https_connector(
        &self,
    ) -> Result<hyper_rustls::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>>;

    /// Connects by TLS, over the connections of another connector.
    ///
    /// Speaks HTTP/1.1, so that connections can be upgraded.
    #[cfg(feature = "rustls-tls")]
    fn rustls_https_connector_with_connector<H>(
        &self,
        connector: H,
    ) -> Result<hyper_rustls::HttpsConnector<H>>;

    /// The configuration of TLS itself.
    #[cfg(feature = "rustls-tls")]
    fn rustls_client_config(&self) -> Result<rustls::ClientConfig>;

    /// A connector for HTTPS by OpenSSL.
    ///
    /// Speaks HTTP/1.1, so that connections can be upgraded.
    #[cfg(feature = "openssl-tls")]
    fn openssl_https_connector(
        &self,
    ) -> Result<
        hyper_openssl::client::legacy::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>,
    >;

    /// The same over the connections of another connector.
    #[cfg(feature = "openssl-tls")]
    fn openssl_https_connector_with_connector<H>(
        &self,
        connector: H,
    ) -> Result<hyper_openssl::client::legacy::HttpsConnector<H>>
    where
        H: Service<Uri> + Send,
        H::Error: Into<BoxError>,
        H::Future: Send + 'static,
        H::Response: Read + Write + Connection + Unpin;

    /// The configuration of OpenSSL itself.
    ///
    /// Certificates of files and plugins are those of the moment.
    #[cfg(feature = "openssl-tls")]
    fn openssl_ssl_connector_builder(&self) -> Result<openssl::ssl::SslConnectorBuilder>;
}

impl ConfigExt for Config {
    fn base_uri_layer(&self) -> BaseUriLayer {
        BaseUriLayer::new(self.cluster_url.clone())
    }

    fn auth_layer(&self) -> Result<Option<AuthLayer>> {
        auth::layer(&self.auth_info).map_err(Error::Auth)
    }

    fn extra_headers_layer(&self) -> Result<ExtraHeadersLayer> {
        let mut headers = self.headers.clone();
        headers.extend(impersonation(&self.auth_info)?);
        Ok(ExtraHeadersLayer::new(headers))
    }

    #[cfg(feature = "rustls-tls")]
    fn rustls_https_connector(
        &self,
    ) -> Result<hyper_rustls::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>> {
        self.rustls_https_connector_with_connector(super::connector::http_connector(self))
    }

    #[cfg(feature = "rustls-tls")]
    fn rustls_https_connector_with_connector<H>(
        &self,
        connector: H,
    ) -> Result<hyper_rustls::HttpsConnector<H>> {
        let tls = self.rustls_client_config()?;
        Ok(super::tls::rustls::connector(self, tls)?
            .enable_http1()
            .wrap_connector(connector))
    }

    #[cfg(feature = "rustls-tls")]
    fn rustls_client_config(&self) -> Result<rustls::ClientConfig> {
        super::tls::rustls::client_config(self)
    }

    #[cfg(feature = "openssl-tls")]
    fn openssl_https_connector(
        &self,
    ) -> Result<
        hyper_openssl::client::legacy::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>,
    > {
        self.openssl_https_connector_with_connector(super::connector::http_connector(self))
    }

    #[cfg(feature = "openssl-tls")]
    fn openssl_https_connector_with_connector<H>(
        &self,
        connector: H,
    ) -> Result<hyper_openssl::client::legacy::HttpsConnector<H>>
    where
        H: Service<Uri> + Send,
        H::Error: Into<BoxError>,
        H::Future: Send + 'static,
        H::Response: Read + Write + Connection + Unpin,
    {
        super::tls::openssl::connector(self, self.openssl_ssl_connector_builder()?, connector)
    }

    #[cfg(feature = "openssl-tls")]
    fn openssl_ssl_connector_builder(&self) -> Result<openssl::ssl::SslConnectorBuilder> {
        let loaded = self.clone().with_loaded_certificates();
        super::tls::openssl::connector_builder(&loaded.map_err(Error::InferKubeconfig)?)
    }
}

/// What may stand in the name of a header as it is
/// ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#name-tokens)), except `%`.
const TOKEN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'*')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The headers to act as somebody else
/// ([reference](https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation)).
fn impersonation(user: &AuthInfo) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let mut headers = Vec::new();
    let mut add = |name: HeaderName, value: &str| match HeaderValue::try_from(value) {
        Ok(value) => {
            headers.push((name, value));
            Ok(())
        }
        Err(error) => Err(Error::HttpError(error.into())),
    };
    if let Some(name) = &user.impersonate {
        add(HeaderName::from_static("impersonate-user"), name)?;
    }
    if let Some(uid) = &user.impersonate_uid {
        add(HeaderName::from_static("impersonate-uid"), uid)?;
    }
    for group in user.impersonate_groups.iter().flatten() {
        add(HeaderName::from_static("impersonate-group"), group)?;
    }
    for (key, values) in user.impersonate_user_extra.iter().flatten() {
        let name = format!("impersonate-extra-{}", utf8_percent_encode(key, TOKEN));
        let name = HeaderName::try_from(name).map_err(|error| Error::HttpError(error.into()))?;
        for value in values {
            add(name.clone(), value)?;
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acting_as_somebody_else_takes_all_headers() {
        let user = AuthInfo {
            impersonate: Some("jane".into()),
            impersonate_uid: Some("7".into()),
            impersonate_groups: Some(vec!["a".into(), "b".into()]),
            impersonate_user_extra: Some([("acme.com/p%q".to_owned(), vec!["x".to_owned()])].into()),
            ..AuthInfo::default()
        };
        let headers = impersonation(&user).expect("valid");
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        assert_eq!(
            headers,
            [
                r#"impersonate-user: "jane""#,
                r#"impersonate-uid: "7""#,
                r#"impersonate-group: "a""#,
                r#"impersonate-group: "b""#,
                r#"impersonate-extra-acme.com%2fp%25q: "x""#,
            ]
        );
        let invalid = AuthInfo {
            impersonate: Some("a\nb".into()),
            ..AuthInfo::default()
        };
        assert!(matches!(impersonation(&invalid), Err(Error::HttpError(_))));
    }
}
