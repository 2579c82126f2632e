//! How connections are opened: TCP or a proxy, TLS around it, and how long that may take.

mod environment;
mod proxy;
mod tcp;
mod tunnel;

use std::sync::Arc;

use http::Uri;
use hyper::rt::{Read, Write};
use hyper_timeout::TimeoutConnector;
use tower::{BoxError, Service};

pub(super) use tcp::http_connector;

use super::transport::Transport;
use crate::{Config, Result};
use proxy::{Protocol, Proxy};
use tcp::{Tcp, ToProxy, to_proxy};

/// The connections that a configuration asks for.
pub(super) fn transport(config: &Config) -> Result<Transport> {
    let tcp = match Proxy::of(config)? {
        None => Tcp::Direct(http_connector(config)),
        Some(proxy) => {
            let to_proxy = match proxy.protocol {
                Protocol::Https => to_proxy_by_tls(config)?,
                Protocol::Http | Protocol::Socks5 => to_proxy(http_connector(config)),
            };
            Tcp::Proxied(Arc::new(proxy), to_proxy)
        }
    };
    if config.cluster_url.scheme_str() == Some("https") {
        return over_tls(config, tcp);
    }
    // Without TLS there is nothing that could agree on HTTP/2; and no cryptography is needed.
    let plain = with_timeouts(config, tcp);
    Ok(Transport::new(plain.clone(), plain))
}

#[cfg(feature = "rustls-tls")]
fn over_tls(config: &Config, tcp: Tcp) -> Result<Transport> {
    use super::tls::rustls;
    let tls = rustls::client_config(config)?;
    let any = rustls::connector(config, tls.clone())?.enable_all_versions();
    let http1 = rustls::connector(config, tls)?.enable_http1();
    Ok(Transport::new(
        with_timeouts(config, any.wrap_connector(tcp.clone())),
        with_timeouts(config, http1.wrap_connector(tcp)),
    ))
}

#[cfg(feature = "rustls-tls")]
fn to_proxy_by_tls(config: &Config) -> Result<ToProxy> {
    let tls = super::tls::rustls::proxy_config(config)?;
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls);
    let https = builder.https_only().enable_http1();
    Ok(to_proxy(https.wrap_connector(http_connector(config))))
}

#[cfg(not(feature = "rustls-tls"))]
fn over_tls(_: &Config, _: Tcp) -> Result<Transport> {
    Err(crate::Error::TlsRequired)
}

#[cfg(not(feature = "rustls-tls"))]
fn to_proxy_by_tls(_: &Config) -> Result<ToProxy> {
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
    connector.set_write_timeout(config.write_timeout);
    connector
}
