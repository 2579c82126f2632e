//! How connections are opened: TCP or a proxy, TLS around it, and how long that may take.

mod environment;
mod proxy;
mod tcp;
mod tunnel;

use std::{sync::Arc, time::Duration};

use http::Uri;
use hyper::rt::{Read, Write};
use hyper_timeout::TimeoutConnector;
use tower::{BoxError, Service};

pub(super) use tcp::http_connector;

use super::transport::{Limits, Transport};
use crate::{Config, Result};
use proxy::{Protocol, Proxy};
use tcp::Tcp;

/// The connections that a configuration asks for.
pub(super) fn transport(config: &Config) -> Result<Transport> {
    let tcp = tcp(config)?;
    if config.cluster_url.scheme_str() == Some("https") {
        let any = with_timeouts(config, over_tls(config, tcp.clone(), Http::Any)?);
        let http1 = with_timeouts(config, over_tls(config, tcp, Http::One)?);
        return Ok(Transport::new(any, http1, limits(config)));
    }
    // Without TLS there is nothing that could agree on HTTP/2; and no cryptography is needed.
    let plain = with_timeouts(config, tcp);
    Ok(Transport::new(plain.clone(), plain, limits(config)))
}

/// Opens connections for HTTP/1.1, as a configuration asks for them.
#[cfg(any(feature = "oauth", feature = "oidc"))]
pub(super) fn opener(config: &Config) -> Result<tcp::Opener> {
    let tcp = tcp(config)?;
    if config.cluster_url.scheme_str() == Some("https") {
        let https = over_tls(config, tcp, Http::One)?;
        return Ok(tcp::opener(with_timeouts(config, https)));
    }
    Ok(tcp::opener(with_timeouts(config, tcp)))
}

fn limits(config: &Config) -> Limits {
    // Longer than any process runs, and short enough to count with.
    const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
    // Pings are not there to keep a connection busy.
    const SHORTEST: Duration = Duration::from_millis(100);
    Limits {
        idle: config.idle_timeout.unwrap_or(FOREVER),
        patience: config
            .dead_connection_timeout
            .map_or(FOREVER, |within| (within / 3).max(SHORTEST)),
    }
}

fn tcp(config: &Config) -> Result<Tcp> {
    let Some(proxy) = Proxy::of(config)? else {
        return Ok(Tcp::Direct(http_connector(config)));
    };
    let to_proxy = match proxy.protocol {
        Protocol::Https => to_proxy_by_tls(config)?,
        Protocol::Http | Protocol::Socks5 => tcp::opener(http_connector(config)),
    };
    Ok(Tcp::Proxied(Arc::new(proxy), to_proxy))
}

/// Which versions of HTTP are offered to a server.
#[derive(Clone, Copy)]
enum Http {
    /// HTTP/1.1, the only one whose connections can be upgraded.
    One,
    /// HTTP/2 too.
    Any,
}

#[cfg(feature = "rustls-tls")]
fn over_tls(config: &Config, tcp: Tcp, http: Http) -> Result<hyper_rustls::HttpsConnector<Tcp>> {
    use super::tls::rustls;
    let builder = rustls::connector(config, rustls::client_config(config)?)?;
    Ok(match http {
        Http::One => builder.enable_http1().wrap_connector(tcp),
        Http::Any => builder.enable_all_versions().wrap_connector(tcp),
    })
}

#[cfg(feature = "rustls-tls")]
fn to_proxy_by_tls(config: &Config) -> Result<tcp::Opener> {
    let tls = super::tls::rustls::proxy_config(config)?;
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls);
    let https = builder.https_only().enable_http1();
    Ok(tcp::opener(https.wrap_connector(http_connector(config))))
}

#[cfg(all(feature = "openssl-tls", not(feature = "rustls-tls")))]
fn over_tls(
    config: &Config,
    tcp: Tcp,
    http: Http,
) -> Result<hyper_openssl::client::legacy::HttpsConnector<Tcp>> {
    use super::tls::openssl::{self, OpensslTlsError};
    let mut builder = openssl::connector_builder(config)?;
    let protocols: &[u8] = match http {
        Http::One => b"\x08http/1.1",
        Http::Any => b"\x02h2\x08http/1.1",
    };
    builder
        .set_alpn_protos(protocols)
        .map_err(|error| crate::Error::OpensslTls(OpensslTlsError::CreateHttpsConnector(error)))?;
    openssl::connector(config, builder, tcp)
}

#[cfg(all(feature = "openssl-tls", not(feature = "rustls-tls")))]
fn to_proxy_by_tls(config: &Config) -> Result<tcp::Opener> {
    use super::tls::openssl;
    let builder = openssl::proxy_builder(config)?;
    let https = openssl::proxy_connector(builder, http_connector(config))?;
    Ok(tcp::opener(https))
}

#[cfg(not(any(feature = "rustls-tls", feature = "openssl-tls")))]
fn over_tls(_: &Config, _: Tcp, _: Http) -> Result<Tcp> {
    Err(crate::Error::TlsRequired)
}

#[cfg(not(any(feature = "rustls-tls", feature = "openssl-tls")))]
fn to_proxy_by_tls(_: &Config) -> Result<tcp::Opener> {
    Err(crate::Error::TlsRequired)
}

fn with_timeouts<C>(config: &Config, connector: C) -> TimeoutConnector<C>
where
    TimeoutConnector<C>: Clone,
    C: Service<Uri> + Send,
    C::Response: Read + Write + Send + Unpin,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let mut connector = TimeoutConnector::new(connector);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    // A connection that waits for its next request is not late.
    connector.set_reset_reader_on_write(true);
    connector.set_write_timeout(config.write_timeout);
    connector
}
