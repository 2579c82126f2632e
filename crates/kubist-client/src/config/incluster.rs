//! The cluster around this process, by its pod's service account
//! ([how](https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/)).

use std::{env, path::Path};

use http::Uri;

use super::{AuthInfo, Config, InClusterError, certificates};

const HOST: &str = "KUBERNETES_SERVICE_HOST";
const PORT: &str = "KUBERNETES_SERVICE_PORT";
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

pub(super) fn config(cluster_url: Uri) -> Result<Config, InClusterError> {
    config_at(Path::new(SERVICE_ACCOUNT), cluster_url)
}

fn config_at(directory: &Path, cluster_url: Uri) -> Result<Config, InClusterError> {
    let bundle = directory.join("ca.crt");
    let pem = std::fs::read(&bundle).map_err(InClusterError::ReadCertificateBundle)?;
    let roots = certificates(&pem).map_err(InClusterError::ParseCertificates)?;
    let namespace =
        std::fs::read(directory.join("namespace")).map_err(InClusterError::ReadDefaultNamespace)?;
    Ok(Config {
        default_namespace: String::from_utf8_lossy(&namespace).trim().to_owned(),
        root_cert: Some(roots),
        root_cert_file: Some(bundle),
        auth_info: AuthInfo {
            token_file: Some(directory.join("token").to_string_lossy().into_owned()),
            ..AuthInfo::default()
        },
        ..Config::new(cluster_url)
    })
}

pub(super) fn url_of_dns() -> Uri {
    Uri::from_static("https://kubernetes.default.svc/")
}

pub(super) fn url_from_env() -> Result<Uri, InClusterError> {
    let variable = |name| match env::var(name) {
        Ok(value) => Ok(value),
        Err(error) => {
            tracing::debug!(name, %error, "not within a cluster");
            Err(InClusterError::ReadEnvironmentVariable(error))
        }
    };
    url(&variable(HOST)?, &variable(PORT)?)
}

fn url(host: &str, port: &str) -> Result<Uri, InClusterError> {
    let port: u16 = port.parse().map_err(InClusterError::ParseClusterPort)?;
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let url = if port == 443 {
        format!("https://{host}/")
    } else {
        format!("https://{host}:{port}/")
    };
    url.parse().map_err(InClusterError::ParseClusterUrl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_every_form_of_host() {
        let text = |host, port| url(host, port).expect("valid").to_string();
        assert_eq!(text("10.0.0.1", "443"), "https://10.0.0.1/");
        assert_eq!(text("fd00::1", "6443"), "https://[fd00::1]:6443/");
        assert_eq!(text("api.example.com", "8443"), "https://api.example.com:8443/");
        assert!(matches!(url("a", "x"), Err(InClusterError::ParseClusterPort(_))));
        assert!(matches!(url("a b", "1"), Err(InClusterError::ParseClusterUrl(_))));
        assert_eq!(url_of_dns().host(), Some("kubernetes.default.svc"));
    }

    #[test]
    fn reads_the_service_account() {
        let directory = tempfile::tempdir().expect("a directory");
        let error = config_at(directory.path(), url_of_dns()).expect_err("no files");
        assert!(error.to_string().contains("ca.crt"), "{error}");

        let certificate = pem::encode(&pem::Pem::new("CERTIFICATE", [1, 2, 3]));
        std::fs::write(directory.path().join("ca.crt"), certificate).expect("writes");
        let error = config_at(directory.path(), url_of_dns()).expect_err("no namespace");
        assert!(
            matches!(error, InClusterError::ReadDefaultNamespace(_)),
            "{error}"
        );

        std::fs::write(directory.path().join("namespace"), "ns\n").expect("writes");
        let config = config_at(directory.path(), url_of_dns()).expect("complete");
        assert_eq!(config.default_namespace, "ns");
        assert_eq!(config.root_cert, Some(vec![vec![1, 2, 3]]));
        assert!(
            config
                .auth_info
                .token_file
                .is_some_and(|path| path.ends_with("/token"))
        );
    }
}
