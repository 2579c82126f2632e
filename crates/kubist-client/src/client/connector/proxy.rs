//! The proxy that a server is reached through.

use std::fmt;

use http::{HeaderValue, Uri, uri::Scheme};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

use super::environment;
use crate::{
    Config, Error, Result,
    client::{auth::basic_header, transport::server_of},
    config::without_credentials,
};

/// A proxy, and how to be let in there.
///
/// What shows of it, in errors too, is its URL without credentials.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    pub(super) url: Uri,
    pub(super) protocol: Protocol,
    pub(super) credentials: Option<Credentials>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Protocol {
    /// HTTP's `CONNECT`.
    Http,
    /// The same, within TLS.
    Https,
    /// [SOCKS 5](https://www.rfc-editor.org/rfc/rfc1928); the proxy resolves names.
    Socks5,
}

#[derive(Clone, Debug)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: SecretString,
}

impl Proxy {
    /// The proxy of a configuration: its own, or else the one that the environment names for the
    /// server.
    ///
    /// What the environment says to all programs a program without proxies cannot follow; in a
    /// cluster, where variables are often set for what is outside, it must not fail for it.
    pub(super) fn of(config: &Config) -> Result<Option<Self>> {
        if let Some(url) = &config.proxy_url {
            return Self::parse(url).map(Some);
        }
        let named = environment::proxy_for(&config.cluster_url, |name| std::env::var(name).ok());
        match named.map(|url| Self::parse_variable(&url)).transpose() {
            Err(Error::ProxyProtocolDisabled {
                proxy_url,
                protocol_feature,
            }) => {
                tracing::warn!(
                    %proxy_url, server = %config.cluster_url,
                    "connecting directly: the environment names a proxy, and the feature {protocol_feature} is off"
                );
                Ok(None)
            }
            proxy => proxy,
        }
    }

    fn parse(url: &Uri) -> Result<Self> {
        let shown = without_credentials(url);
        let unsupported = || Error::ProxyProtocolUnsupported {
            proxy_url: shown.clone(),
        };
        let (protocol, feature, is_on) = match url.scheme_str() {
            Some("http") => (Protocol::Http, "http-proxy", cfg!(feature = "http-proxy")),
            Some("https") => (Protocol::Https, "http-proxy", cfg!(feature = "http-proxy")),
            Some("socks5" | "socks5h") => (Protocol::Socks5, "socks5", cfg!(feature = "socks5")),
            _ => return Err(unsupported()),
        };
        // Better no connection than one around the proxy.
        if !is_on {
            return Err(Error::ProxyProtocolDisabled {
                proxy_url: shown,
                protocol_feature: feature,
            });
        }
        if url.host().is_none_or(str::is_empty) {
            return Err(unsupported());
        }
        let port = url.port_u16().unwrap_or(match protocol {
            Protocol::Http => 80,
            Protocol::Https => 443,
            Protocol::Socks5 => 1080,
        });
        Ok(Self {
            url: with_port(&shown, port).unwrap_or(shown),
            protocol,
            credentials: Credentials::of(url),
        })
    }

    /// A variable may leave the scheme out.
    fn parse_variable(text: &str) -> Result<Self> {
        let url = if text.contains("://") {
            text.parse()
        } else {
            format!("http://{text}").parse()
        };
        // The text may hold a password: it does not show.
        let url: Uri = url.map_err(|_| Error::ProxyProtocolUnsupported {
            proxy_url: Uri::default(),
        })?;
        Self::parse(&url)
    }
}

impl Credentials {
    fn of(url: &Uri) -> Option<Self> {
        let (said, _) = url.authority()?.as_str().rsplit_once('@')?;
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = said.split_once(':').unwrap_or((said, ""));
        Some(Self {
            user: decode(user),
            password: decode(password).into(),
        })
    }

    /// [Basic authentication](https://www.rfc-editor.org/rfc/rfc7617).
    pub(super) fn header(&self) -> Result<HeaderValue> {
        basic_header(&self.user, &self.password).map_err(Error::Auth)
    }

    pub(super) fn pair(&self) -> (String, String) {
        (self.user.clone(), self.password.expose_secret().to_owned())
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&server_of(&self.url))
    }
}

/// The same server, with a port whatever the scheme's default is.
pub(super) fn with_port(url: &Uri, port: u16) -> Option<Uri> {
    let scheme = url.scheme().cloned().unwrap_or(Scheme::HTTP);
    let builder = Uri::builder().scheme(scheme).path_and_query("/");
    builder.authority(format!("{}:{port}", url.host()?)).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(feature = "http-proxy", feature = "socks5"))]
    #[test]
    fn credentials_are_decoded_and_do_not_show() {
        let parse = |url: &str| Proxy::parse_variable(url).expect("supported");
        let proxy = parse("http://me%40corp:hunter%3A2@proxy.example:3128/path");
        assert_eq!(proxy.to_string(), "http://proxy.example:3128");
        let credentials = proxy.credentials.as_ref().expect("has some");
        assert_eq!(credentials.pair(), ("me@corp".to_owned(), "hunter:2".to_owned()));
        assert_eq!(
            credentials.header().expect("valid"),
            "Basic bWVAY29ycDpodW50ZXI6Mg=="
        );
        assert!(!format!("{proxy:?}").contains("hunter"));

        assert_eq!(parse("proxy.example").to_string(), "http://proxy.example:80");
        assert_eq!(
            parse("https://proxy.example").to_string(),
            "https://proxy.example:443"
        );
        let socks = parse("socks5h://me@proxy.example");
        assert_eq!(
            (socks.protocol, socks.to_string().as_str()),
            (Protocol::Socks5, "socks5h://proxy.example:1080")
        );
    }

    #[test]
    fn what_is_no_proxy_is_an_error_without_credentials() {
        for url in [
            "ftp://me:hunter2@proxy",
            "me:hunter2@",
            "http://me:hunter2@:80",
            "http://me:hunter2@a b",
            "proxy:me:hunter2:1",
        ] {
            let error = Proxy::parse_variable(url).expect_err(url);
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2") && shown.contains("roxy"), "{shown}");
        }
    }

    #[cfg(not(feature = "http-proxy"))]
    #[test]
    fn a_feature_that_is_off_is_named() {
        let error = Proxy::parse_variable("http://me:hunter2@proxy").expect_err("is off");
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains("http-proxy") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
