//! The kubeconfig that leads to a server.

use base64::Engine as _;
use serde_json::json;

use crate::server::tls::ClientCertificate;

/// The cluster, its context, and whoever uses that.
const NAME: &str = "kubist";

/// How the user of a kubeconfig says who it is.
pub(crate) enum Credential<'a> {
    None,
    Token(&'a str),
    Certificate(&'a ClientCertificate),
}

/// Writes a kubeconfig; JSON values inside it are YAML, too, and need no escaping of their own.
///
/// `others` are further users with their tokens; each has a context of its name.
pub(crate) fn write<'a>(
    url: &str,
    authority: Option<&str>,
    credential: Credential<'_>,
    others: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
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
    let mut users = vec![(NAME, credential)];
    for (name, token) in others {
        if users.iter().all(|(known, _)| *known != name) {
            users.push((name, Credential::Token(token)));
        }
    }
    text.push_str("contexts:\n");
    for (name, _) in &users {
        let name = json!(name);
        text.push_str(&format!(
            "- name: {name}\n  context:\n    cluster: {NAME}\n    user: {name}\n    namespace: default\n"
        ));
    }
    text.push_str("users:\n");
    for (name, credential) in users {
        text.push_str(&format!("- name: {}\n", json!(name)));
        text.push_str(&match credential {
            Credential::None => "  user: {}\n".to_owned(),
            Credential::Token(token) => format!("  user:\n    token: {}\n", json!(token)),
            Credential::Certificate(certificate) => format!(
                "  user:\n    client-certificate-data: {}\n    client-key-data: {}\n",
                encode(&certificate.certificate),
                encode(&certificate.key)
            ),
        });
    }
    text
}
