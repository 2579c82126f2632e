//! The kubeconfig that leads to a server.

use base64::Engine as _;
use serde_json::json;

use crate::server::tls::ClientCertificate;

/// How the user of a kubeconfig says who it is.
pub(crate) enum Credential<'a> {
    None,
    Token(&'a str),
    Certificate(&'a ClientCertificate),
}

/// Writes a kubeconfig; JSON values inside it are YAML, too, and need no escaping of their own.
pub(crate) fn write(url: &str, authority: Option<&str>, credential: Credential<'_>) -> String {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let mut text = String::from(
        "apiVersion: v1\nkind: Config\ncurrent-context: kubist\nclusters:\n- name: kubist\n  cluster:\n",
    );
    text.push_str(&format!("    server: {}\n", json!(url)));
    if let Some(authority) = authority {
        text.push_str(&format!(
            "    certificate-authority-data: {}\n",
            encode(authority)
        ));
    }
    text.push_str("contexts:\n- name: kubist\n  context:\n    cluster: kubist\n    user: kubist\n    namespace: default\n");
    text.push_str("users:\n- name: kubist\n");
    text.push_str(&match credential {
        Credential::None => "  user: {}\n".to_owned(),
        Credential::Token(token) => format!("  user:\n    token: {}\n", json!(token)),
        Credential::Certificate(certificate) => format!(
            "  user:\n    client-certificate-data: {}\n    client-key-data: {}\n",
            encode(&certificate.certificate),
            encode(&certificate.key)
        ),
    });
    text
}
