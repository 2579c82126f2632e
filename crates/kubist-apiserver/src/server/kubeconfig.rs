//! The kubeconfig that leads to a server.

use base64::Engine as _;
use serde_json::json;

/// Writes a kubeconfig; JSON values inside it are YAML, too, and need no escaping of their own.
pub(crate) fn write(url: &str, authority: Option<&str>, token: Option<&str>) -> String {
    let mut text = String::from(
        "apiVersion: v1\nkind: Config\ncurrent-context: kubist\nclusters:\n- name: kubist\n  cluster:\n",
    );
    text.push_str(&format!("    server: {}\n", json!(url)));
    if let Some(authority) = authority {
        let data = base64::engine::general_purpose::STANDARD.encode(authority);
        text.push_str(&format!("    certificate-authority-data: {data}\n"));
    }
    text.push_str("contexts:\n- name: kubist\n  context:\n    cluster: kubist\n    user: kubist\n    namespace: default\n");
    text.push_str("users:\n- name: kubist\n");
    match token {
        Some(token) => text.push_str(&format!("  user:\n    token: {}\n", json!(token))),
        None => text.push_str("  user: {}\n"),
    }
    text
}
