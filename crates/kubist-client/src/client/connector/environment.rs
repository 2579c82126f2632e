//! Which proxy the environment names, read as
//! [Go's `httpproxy`](https://pkg.go.dev/golang.org/x/net/http/httpproxy) reads it, so that this
//! client goes where `kubectl` goes; and `ALL_PROXY`, as `curl` has it.

use std::net::IpAddr;

use http::Uri;
use ipnet::IpNet;

/// The proxy for a server, as the variable has it; `None` where it is reached directly.
///
/// This machine itself is never reached through a proxy.
pub(super) fn proxy_for(server: &Uri, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let first = |names: &[&str]| {
        let values = names.iter().filter_map(|name| variable(name));
        values
            .map(|value| value.trim().to_owned())
            .find(|value| !value.is_empty())
    };
    let of_scheme: &[&str] = match server.scheme_str()? {
        "https" => &["HTTPS_PROXY", "https_proxy"],
        // In a CGI program, this variable is what a client says in its header `Proxy`.
        "http" if variable("REQUEST_METHOD").is_some() => &["http_proxy"],
        "http" => &["HTTP_PROXY", "http_proxy"],
        _ => return None,
    };
    let proxy = first(of_scheme).or_else(|| first(&["ALL_PROXY", "all_proxy"]))?;
    let target = Target::of(server)?;
    let exceptions = first(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
    let is_direct = target.is_this_machine() || rules(&exceptions).any(|rule| rule.matches(&target));
    (!is_direct).then_some(proxy)
}

/// The server that is to be reached.
struct Target {
    host: String,
    address: Option<IpAddr>,
    port: u16,
}

impl Target {
    fn of(server: &Uri) -> Option<Self> {
        let host = server.host()?.to_ascii_lowercase();
        let default = if server.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        Some(Self {
            address: address(&host),
            host,
            port: server.port_u16().unwrap_or(default),
        })
    }

    fn is_this_machine(&self) -> bool {
        self.host == "localhost" || self.address.is_some_and(|address| address.is_loopback())
    }
}

/// An address, in brackets or not.
fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address: IpAddr = bare.unwrap_or(host).parse().ok()?;
    Some(address.to_canonical())
}

/// What a part of `NO_PROXY` excepts.
enum Rule {
    All,
    Network(IpNet),
    Address(IpAddr, Option<u16>),
    /// Names with this ending, and the name without its dot if it was written so.
    Domain {
        ending: String,
        itself: bool,
        port: Option<u16>,
    },
}

fn rules(exceptions: &str) -> impl Iterator<Item = Rule> {
    exceptions
        .split(',')
        .filter_map(|part| Rule::parse(&part.trim().to_ascii_lowercase()))
}

impl Rule {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Rule::All);
        }
        if let Ok(network) = text.parse() {
            return Some(Rule::Network(network));
        }
        if let Some(address) = address(text) {
            return Some(Rule::Address(address, None));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text, None),
        };
        if let Some(address) = address(host) {
            return Some(Rule::Address(address, port));
        }
        let host = host
            .strip_prefix('*')
            .filter(|rest| rest.starts_with('.'))
            .unwrap_or(host);
        let itself = !host.starts_with('.');
        let name = host.strip_prefix('.').unwrap_or(host);
        (!name.is_empty()).then(|| Rule::Domain {
            ending: format!(".{name}"),
            itself,
            port,
        })
    }

    fn matches(&self, target: &Target) -> bool {
        let has_port = |port: &Option<u16>| port.is_none_or(|port| port == target.port);
        match self {
            Rule::All => true,
            Rule::Network(network) => target.address.is_some_and(|address| network.contains(&address)),
            Rule::Address(address, port) => target.address == Some(*address) && has_port(port),
            Rule::Domain { ending, itself, port } => {
                let is_named = *itself && ending.get(1..) == Some(&target.host);
                (is_named || target.host.ends_with(ending)) && has_port(port)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(server: &str, variables: &[(&str, &str)]) -> Option<String> {
        let server = server.parse().expect("valid");
        proxy_for(&server, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn each_scheme_has_its_variables() {
        let all = [
            ("HTTPS_PROXY", "s"),
            ("HTTP_PROXY", "h"),
            ("ALL_PROXY", "a"),
            ("https_proxy", "l"),
        ];
        assert_eq!(proxy("https://a.example", &all).as_deref(), Some("s"));
        assert_eq!(proxy("http://a.example", &all).as_deref(), Some("h"));
        assert_eq!(
            proxy("https://a.example", &[("HTTPS_PROXY", " "), ("https_proxy", "l")]).as_deref(),
            Some("l")
        );
        assert_eq!(
            proxy("http://a.example", &[("http_proxy", "l")]).as_deref(),
            Some("l")
        );
        for name in ["ALL_PROXY", "all_proxy"] {
            assert_eq!(proxy("https://a.example", &[(name, "a")]).as_deref(), Some("a"));
        }
        assert_eq!(proxy("https://a.example", &[("HTTP_PROXY", "h")]), None);
        // Whoever calls a CGI program does not choose its proxy.
        let cgi = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil")];
        assert_eq!(proxy("http://a.example", &cgi), None);
    }

    #[test]
    fn this_machine_is_reached_directly() {
        for server in [
            "https://localhost:6443",
            "https://LOCALHOST",
            "https://127.0.0.1",
            "https://127.8.8.8",
            "https://[::1]:1",
            "https://[::ffff:127.0.0.1]:1",
        ] {
            assert_eq!(proxy(server, &[("HTTPS_PROXY", "p")]), None, "{server}");
        }
    }

    #[test]
    fn exceptions() {
        let direct = |exceptions: &str, server: &str| {
            proxy(server, &[("HTTPS_PROXY", "p"), ("NO_PROXY", exceptions)]).is_none()
        };
        for (exceptions, servers) in [
            ("*", &["https://a.example", "https://10.0.0.1"][..]),
            (
                "x, A.example ",
                &["https://a.example", "https://b.a.example:6443"],
            ),
            (".a.example", &["https://b.a.example"]),
            ("*.a.example", &["https://b.a.example"]),
            ("a.example:443", &["https://a.example"]),
            (
                "10.0.0.0/8,fd00::/8",
                &["https://10.96.0.1", "https://[fd00::1]:6443"],
            ),
            (
                "10.0.0.1",
                &["https://10.0.0.1:6443", "https://[::ffff:10.0.0.1]"],
            ),
            ("10.0.0.1:6443", &["https://10.0.0.1:6443"]),
            ("fd00::1", &["https://[fd00::1]"]),
            ("[fd00::1]", &["https://[fd00::1]"]),
            ("[fd00::1]:6443", &["https://[fd00::1]:6443"]),
        ] {
            for server in servers {
                assert!(direct(exceptions, server), "{exceptions} {server}");
            }
        }
        for (exceptions, server) in [
            ("", "https://a.example"),
            (",,:80,.", "https://a.example"),
            ("a.example", "https://ba.example"),
            (".a.example", "https://a.example"),
            ("a.example:6443", "https://a.example"),
            ("a.example:x", "https://a.example"),
            ("10.0.0.0/8", "https://11.0.0.1"),
            ("10.0.0.0/99", "https://10.0.0.1"),
            ("10.0.0.1:1", "https://10.0.0.1"),
            ("10.0.0.1", "https://10.0.0.10"),
        ] {
            assert!(!direct(exceptions, server), "{exceptions} {server}");
        }
        assert_eq!(
            proxy("https://a.example", &[("HTTPS_PROXY", "p"), ("no_proxy", "*")]),
            None
        );
    }
}
