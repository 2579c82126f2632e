//! Subresources that have a meaning of their own: logs, eviction, exec, attach, port-forward.

use http::Method;
pub use k8s_openapi::api::autoscaling::v1::{Scale, ScaleSpec, ScaleStatus};
use serde_json::json;

use crate::{
    params::{DeleteParams, PostParams, Query},
    request::{Error, Parts, Request},
};

/// Options of reading a container's log.
///
/// ```
/// use kubist_core::subresource::LogParams;
///
/// let lp = LogParams { follow: true, tail_lines: Some(100), ..LogParams::default() };
/// ```
#[derive(Default, Clone, Debug)]
pub struct LogParams {
    /// Which container; may be left out where there is only one.
    pub container: Option<String>,
    /// Whether to wait for more at the end.
    pub follow: bool,
    /// How many bytes at most; the last line may be cut.
    pub limit_bytes: Option<i64>,
    /// Whether to format for people.
    pub pretty: bool,
    /// Whether to read the log of the container before it restarted.
    pub previous: bool,
    /// Only lines of the last so many seconds; not together with
    /// [`since_time`](Self::since_time).
    pub since_seconds: Option<i64>,
    /// Only lines since then.
    pub since_time: Option<jiff::Timestamp>,
    /// Only the last so many lines.
    pub tail_lines: Option<i64>,
    /// Whether each line starts with its time.
    pub timestamps: bool,
}

impl LogParams {
    pub(crate) fn append_to(&self, query: &mut Query) {
        if let Some(container) = &self.container {
            query.append_pair("container", container);
        }
        if self.follow {
            query.append_pair("follow", "true");
        }
        if let Some(bytes) = self.limit_bytes {
            query.append_pair("limitBytes", &bytes.to_string());
        }
        if self.pretty {
            query.append_pair("pretty", "true");
        }
        if self.previous {
            query.append_pair("previous", "true");
        }
        if let Some(seconds) = self.since_seconds {
            query.append_pair("sinceSeconds", &seconds.to_string());
        } else if let Some(time) = self.since_time {
            query.append_pair("sinceTime", &time.to_string());
        }
        if let Some(lines) = self.tail_lines {
            query.append_pair("tailLines", &lines.to_string());
        }
        if self.timestamps {
            query.append_pair("timestamps", "true");
        }
    }
}

/// Logs.
impl Request {
    /// Reads a pod's log.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, subresource::LogParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.logs("web-0", &LogParams::default())?;
    /// assert_eq!(request.uri().path(), "/api/v1/namespaces/web/pods/web-0/log");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn logs(&self, name: &str, lp: &LogParams) -> Result<http::Request<Vec<u8>>, Error> {
        let mut query = self.object(name, &["log"])?;
        lp.append_to(&mut query);
        Parts::new(Method::GET, query).bare()
    }
}

/// Options of evicting a pod.
///
/// ```
/// use kubist_core::{params::DeleteParams, subresource::EvictParams};
///
/// let ep = EvictParams {
///     delete_options: Some(DeleteParams::default().grace_period(10)),
///     ..EvictParams::default()
/// };
/// ```
#[derive(Default, Clone)]
pub struct EvictParams {
    /// How the pod is deleted.
    pub delete_options: Option<DeleteParams>,
    /// How the eviction is created.
    pub post_options: PostParams,
}

/// Eviction.
impl Request {
    /// Evicts a pod: deletes it, if its disruption budget allows.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, subresource::EvictParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.evict("web-0", &EvictParams::default())?;
    /// assert_eq!(request.uri().path(), "/api/v1/namespaces/web/pods/web-0/eviction");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn evict(&self, name: &str, ep: &EvictParams) -> Result<http::Request<Vec<u8>>, Error> {
        ep.post_options.validate()?;
        let mut query = self.object(name, &["eviction"])?;
        ep.post_options.append_to(&mut query);
        let mut eviction = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": { "name": name },
        });
        if let Some(options) = &ep.delete_options {
            eviction["deleteOptions"] = serde_json::to_value(options).map_err(Error::SerializeBody)?;
        }
        Parts::new(Method::POST, query).with_json(&eviction)
    }
}

/// Options of attaching to a container, and of executing a command in it.
///
/// A terminal has no stderr of its own: with `tty`, `stderr` must be off.
///
/// ```
/// use kubist_core::subresource::AttachParams;
///
/// let ap = AttachParams::default().container("nginx").stdin(true);
/// assert!(ap.stdin && ap.stdout && ap.stderr && !ap.tty);
/// ```
#[cfg(feature = "ws")]
#[derive(Debug)]
pub struct AttachParams {
    /// Which container; may be left out where there is only one.
    pub container: Option<String>,
    /// Whether to write to its input; off by default.
    pub stdin: bool,
    /// Whether to read its output; on by default.
    pub stdout: bool,
    /// Whether to read its errors; on by default.
    pub stderr: bool,
    /// Whether it runs in a terminal; off by default.
    pub tty: bool,
    /// How many bytes of input are buffered; 64 KiB where it says nothing.
    pub max_stdin_buf_size: Option<usize>,
    /// How many bytes of output are buffered; 64 KiB where it says nothing.
    pub max_stdout_buf_size: Option<usize>,
    /// How many bytes of errors are buffered; 64 KiB where it says nothing.
    pub max_stderr_buf_size: Option<usize>,
}

#[cfg(feature = "ws")]
impl Default for AttachParams {
    fn default() -> Self {
        Self {
            container: None,
            stdin: false,
            stdout: true,
            stderr: true,
            tty: false,
            max_stdin_buf_size: None,
            max_stdout_buf_size: None,
            max_stderr_buf_size: None,
        }
    }
}

#[cfg(feature = "ws")]
impl AttachParams {
    /// A terminal with input and output, as for a shell.
    ///
    /// ```
    /// use kubist_core::subresource::AttachParams;
    ///
    /// let ap = AttachParams::interactive_tty();
    /// assert!(ap.tty && ap.stdin && ap.stdout && !ap.stderr);
    /// ```
    #[must_use]
    pub fn interactive_tty() -> Self {
        Self {
            stdin: true,
            stderr: false,
            tty: true,
            ..Self::default()
        }
    }

    /// Which container.
    ///
    /// ```
    /// use kubist_core::subresource::AttachParams;
    ///
    /// let ap = AttachParams::default().container("nginx");
    /// assert_eq!(ap.container.as_deref(), Some("nginx"));
    /// ```
    #[must_use]
    pub fn container<T: Into<String>>(mut self, container: T) -> Self {
        self.container = Some(container.into());
        self
    }

    /// Whether it runs in a terminal.
    ///
    /// ```
    /// use kubist_core::subresource::AttachParams;
    ///
    /// assert!(AttachParams::default().stderr(false).tty(true).tty);
    /// ```
    #[must_use]
    pub fn tty(mut self, enable: bool) -> Self {
        self.tty = enable;
        self
    }

    /// Whether to read its errors.
    ///
    /// ```
    /// use kubist_core::subresource::AttachParams;
    ///
    /// assert!(!AttachParams::default().stderr(false).stderr);
    /// ```
    #[must_use]
    pub fn stderr(mut self, enable: bool) -> Self {
        self.stderr = enable;
        self
    }

    /// Whether to read its output.
    ///
    /// ```
    /// use kubist_core::subresource::AttachParams;
    ///
    /// assert!(!AttachParams::default().stdout(false).stdout);
    /// ```
    #[must_use]
    pub fn stdout(mut self, enable: bool) -> Self {
        self.stdout = enable;
        self
    }

    /// Whether to write to its input.
    ///
    /// ```
    /// use kubist_core::subresource::AttachParams;
    ///
    /// assert!(AttachParams::default().stdin(true).stdin);
    /// ```
    #[must_use]
    pub fn stdin(mut self, enable: bool) -> Self {
        self.stdin = enable;
        self
    }

    /// How many bytes of input are buffered.
    ///
    /// ```
    /// use kubist_core::subresource::AttachParams;
    ///
    /// let ap = AttachParams::default().max_stdin_buf_size(1 << 20);
    /// assert_eq!(ap.max_stdin_buf_size, Some(1 << 20));
    /// ```
    #[must_use]
    pub fn max_stdin_buf_size(mut self, size: usize) -> Self {
        self.max_stdin_buf_size = Some(size);
        self
    }

    /// How many bytes of output are buffered.
    ///
    /// ```
    /// use kubist_core::subresource::AttachParams;
    ///
    /// let ap = AttachParams::default().max_stdout_buf_size(1 << 20);
    /// assert_eq!(ap.max_stdout_buf_size, Some(1 << 20));
    /// ```
    #[must_use]
    pub fn max_stdout_buf_size(mut self, size: usize) -> Self {
        self.max_stdout_buf_size = Some(size);
        self
    }

    /// How many bytes of errors are buffered.
    ///
    /// ```
    /// use kubist_core::subresource::AttachParams;
    ///
    /// let ap = AttachParams::default().max_stderr_buf_size(1 << 20);
    /// assert_eq!(ap.max_stderr_buf_size, Some(1 << 20));
    /// ```
    #[must_use]
    pub fn max_stderr_buf_size(mut self, size: usize) -> Self {
        self.max_stderr_buf_size = Some(size);
        self
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let invalid = |why: &str| Err(Error::Validation(format!("AttachParams: {why}")));
        if !self.stdin && !self.stdout && !self.stderr {
            return invalid("one of stdin, stdout, or stderr must be true");
        }
        if self.tty && self.stderr {
            return invalid("tty and stderr cannot both be true");
        }
        Ok(())
    }

    fn append_to(&self, query: &mut Query) {
        for (key, enabled) in [
            ("stdin", self.stdin),
            ("stdout", self.stdout),
            ("stderr", self.stderr),
            ("tty", self.tty),
        ] {
            if enabled {
                query.append_pair(key, "true");
            }
        }
        if let Some(container) = &self.container {
            query.append_pair("container", container);
        }
    }

    /// As the kubelet's own endpoints call them.
    #[cfg(feature = "kubelet-debug")]
    pub(crate) fn append_kubelet_to(&self, query: &mut Query) {
        for (key, enabled) in [
            ("input", self.stdin),
            ("output", self.stdout),
            ("error", self.stderr),
            ("tty", self.tty),
        ] {
            if enabled {
                query.append_pair(key, "1");
            }
        }
    }
}

/// Requests whose connection is upgraded.
#[cfg(feature = "ws")]
impl Request {
    /// Attaches to what runs in a pod.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, subresource::AttachParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.attach("web-0", &AttachParams::default())?;
    /// assert_eq!(request.uri().path(), "/api/v1/namespaces/web/pods/web-0/attach");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn attach(&self, name: &str, ap: &AttachParams) -> Result<http::Request<Vec<u8>>, Error> {
        ap.validate()?;
        let mut query = self.object(name, &["attach"])?;
        ap.append_to(&mut query);
        Parts::new(Method::GET, query).bare()
    }

    /// Executes a command in a pod.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource, subresource::AttachParams};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.exec("web-0", ["date"], &AttachParams::default())?;
    /// assert_eq!(request.uri().path(), "/api/v1/namespaces/web/pods/web-0/exec");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn exec<I, T>(
        &self,
        name: &str,
        command: I,
        ap: &AttachParams,
    ) -> Result<http::Request<Vec<u8>>, Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<String>,
    {
        ap.validate()?;
        let mut query = self.object(name, &["exec"])?;
        ap.append_to(&mut query);
        for word in command {
            query.append_pair("command", &word.into());
        }
        Parts::new(Method::GET, query).bare()
    }

    /// Forwards to ports of a pod.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{Request, Resource};
    ///
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.portforward("web-0", &[80, 443])?;
    /// assert_eq!(request.uri().path(), "/api/v1/namespaces/web/pods/web-0/portforward");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn portforward(&self, name: &str, ports: &[u16]) -> Result<http::Request<Vec<u8>>, Error> {
        validate_ports(ports)?;
        let mut query = self.object(name, &["portforward"])?;
        let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
        query.append_pair("ports", &ports.join(","));
        Parts::new(Method::GET, query).bare()
    }
}

/// Each port has two channels, whose numbers are bytes.
#[cfg(feature = "ws")]
pub(crate) fn validate_ports(ports: &[u16]) -> Result<(), Error> {
    if ports.is_empty() {
        return Err(Error::Validation("ports cannot be empty".into()));
    }
    if ports.len() > 128 {
        return Err(Error::Validation(
            "the number of ports cannot be more than 128".into(),
        ));
    }
    let mut seen = std::collections::HashSet::with_capacity(ports.len());
    match ports.iter().find(|port| !seen.insert(**port)) {
        Some(port) => Err(Error::Validation(format!(
            "ports must be unique, found multiple {port}"
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;

    use super::*;
    use crate::Resource;

    fn pods() -> Request {
        Request::new(Pod::url_path(&(), Some("ns")))
    }

    const POD: &str = "/api/v1/namespaces/ns/pods/a";

    #[test]
    fn logs_with_all_options() {
        let lp = LogParams {
            container: Some("c".into()),
            follow: true,
            limit_bytes: Some(1024),
            pretty: true,
            previous: true,
            since_seconds: Some(3600),
            since_time: None,
            tail_lines: Some(9),
            timestamps: true,
        };
        assert_eq!(
            pods().logs("a", &lp).expect("valid").uri(),
            &*format!(
                "{POD}/log?&container=c&follow=true&limitBytes=1024&pretty=true&previous=true&sinceSeconds=3600&tailLines=9&timestamps=true"
            )
        );
        let lp = LogParams {
            since_time: Some("2023-10-19T13:14:26Z".parse().expect("a time")),
            ..LogParams::default()
        };
        assert_eq!(
            pods().logs("a", &lp).expect("valid").uri(),
            &*format!("{POD}/log?&sinceTime=2023-10-19T13%3A14%3A26Z")
        );
    }

    #[test]
    fn evictions_carry_their_delete_options() {
        let ep = EvictParams {
            delete_options: Some(DeleteParams::default().grace_period(3)),
            post_options: PostParams {
                dry_run: true,
                ..PostParams::default()
            },
        };
        let request = pods().evict("a", &ep).expect("valid");
        assert_eq!(request.uri(), &*format!("{POD}/eviction?&dryRun=All"));
        let body: serde_json::Value = serde_json::from_slice(request.body()).expect("json");
        assert_eq!(
            body,
            json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a"},
                "deleteOptions": {"gracePeriodSeconds": 3}})
        );
    }

    #[cfg(feature = "ws")]
    #[test]
    fn streams() {
        let request = pods().exec(
            "a",
            ["sh", "-c", "a b"],
            &AttachParams::interactive_tty().container("c"),
        );
        assert_eq!(
            request.expect("valid").uri(),
            &*format!(
                "{POD}/exec?&stdin=true&stdout=true&tty=true&container=c&command=sh&command=-c&command=a+b"
            )
        );
        let request = pods().attach("a", &AttachParams::default());
        assert_eq!(
            request.expect("valid").uri(),
            &*format!("{POD}/attach?&stdout=true&stderr=true")
        );
        let request = pods().portforward("a", &[80, 443]);
        assert_eq!(
            request.expect("valid").uri(),
            &*format!("{POD}/portforward?&ports=80%2C443")
        );

        let silent = AttachParams::default().stdout(false).stderr(false);
        for refused in [
            pods().attach("a", &silent),
            pods().attach("a", &AttachParams::default().tty(true)),
            pods().portforward("a", &[]),
            pods().portforward("a", &[80, 80]),
            pods().portforward("a", &(0..129).collect::<Vec<_>>()),
        ] {
            assert!(matches!(refused, Err(Error::Validation(_))), "{refused:?}");
        }
    }
}
