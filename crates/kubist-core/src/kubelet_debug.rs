//! Requests to a kubelet's own debug endpoints, by-passing the API server
//! ([source](https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/server/server.go)).

use std::fmt::Debug;

use http::Method;

use crate::{
    params::Query,
    request::{Error, Parts, Request, push_segment, query},
    subresource::{AttachParams, LogParams, validate_ports},
};

/// Which pod on the node.
///
/// ```
/// use kubist_core::kubelet_debug::KubeletDebugParams;
///
/// let pod = KubeletDebugParams { name: "web-0", namespace: "web", ..KubeletDebugParams::default() };
/// ```
#[derive(Default)]
pub struct KubeletDebugParams<'a> {
    /// The pod's name.
    pub name: &'a str,
    /// The pod's namespace.
    pub namespace: &'a str,
    /// The pod's uid, where the name could mean another one by now.
    pub pod_uid: Option<&'a str>,
}

impl KubeletDebugParams<'_> {
    fn query(&self, endpoint: &str, container: Option<&str>) -> Result<Query, Error> {
        let mut path = String::from("/");
        path.push_str(endpoint);
        push_segment(&mut path, "namespace", self.namespace)?;
        push_segment(&mut path, "name", self.name)?;
        if let Some(uid) = self.pod_uid {
            push_segment(&mut path, "uid", uid)?;
        }
        if let Some(container) = container {
            push_segment(&mut path, "container", container)?;
        }
        Ok(query(path))
    }
}

/// Requests to a kubelet.
impl Request {
    /// Attaches to a container.
    ///
    /// ```
    /// use kubist_core::{Request, kubelet_debug::KubeletDebugParams, subresource::AttachParams};
    ///
    /// let pod = KubeletDebugParams { name: "web-0", namespace: "web", ..KubeletDebugParams::default() };
    /// let request = Request::kubelet_node_attach(&pod, "nginx", &AttachParams::default())?;
    /// assert_eq!(request.uri().path(), "/attach/web/web-0/nginx");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn kubelet_node_attach(
        kubelet_debug_params: &KubeletDebugParams<'_>,
        container: &str,
        ap: &AttachParams,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        ap.validate()?;
        let mut query = kubelet_debug_params.query("attach", Some(container))?;
        ap.append_kubelet_to(&mut query);
        Parts::new(Method::GET, query).bare()
    }

    /// Executes a command in a container.
    ///
    /// ```
    /// use kubist_core::{Request, kubelet_debug::KubeletDebugParams, subresource::AttachParams};
    ///
    /// let pod = KubeletDebugParams { name: "web-0", namespace: "web", ..KubeletDebugParams::default() };
    /// let request = Request::kubelet_node_exec(&pod, "nginx", ["date"], &AttachParams::default())?;
    /// assert_eq!(request.uri().path(), "/exec/web/web-0/nginx");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn kubelet_node_exec<I, T>(
        kubelet_debug_params: &KubeletDebugParams<'_>,
        container: &str,
        command: I,
        ap: &AttachParams,
    ) -> Result<http::Request<Vec<u8>>, Error>
    where
        I: IntoIterator<Item = T> + Debug,
        T: Into<String>,
    {
        ap.validate()?;
        let mut query = kubelet_debug_params.query("exec", Some(container))?;
        ap.append_kubelet_to(&mut query);
        for word in command {
            query.append_pair("command", &word.into());
        }
        Parts::new(Method::GET, query).bare()
    }

    /// Forwards to ports of a pod.
    ///
    /// ```
    /// use kubist_core::{Request, kubelet_debug::KubeletDebugParams};
    ///
    /// let pod = KubeletDebugParams { name: "web-0", namespace: "web", ..KubeletDebugParams::default() };
    /// let request = Request::kubelet_node_portforward(&pod, &[80])?;
    /// assert_eq!(request.uri().path(), "/portForward/web/web-0");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn kubelet_node_portforward(
        kubelet_debug_params: &KubeletDebugParams<'_>,
        ports: &[u16],
    ) -> Result<http::Request<Vec<u8>>, Error> {
        validate_ports(ports)?;
        let mut query = kubelet_debug_params.query("portForward", None)?;
        let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
        query.append_pair("port", &ports.join(","));
        Parts::new(Method::GET, query).bare()
    }

    /// Reads a container's log.
    ///
    /// ```
    /// use kubist_core::{Request, kubelet_debug::KubeletDebugParams, subresource::LogParams};
    ///
    /// let pod = KubeletDebugParams { name: "web-0", namespace: "web", ..KubeletDebugParams::default() };
    /// let request = Request::kubelet_node_logs(&pod, "nginx", &LogParams::default())?;
    /// assert_eq!(request.uri().path(), "/containerLogs/web/web-0/nginx");
    /// # Ok::<(), kubist_core::request::Error>(())
    /// ```
    pub fn kubelet_node_logs(
        kubelet_debug_params: &KubeletDebugParams<'_>,
        container: &str,
        lp: &LogParams,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        let mut query = kubelet_debug_params.query("containerLogs", Some(container))?;
        lp.append_to(&mut query);
        Parts::new(Method::GET, query).bare()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: KubeletDebugParams<'_> = KubeletDebugParams {
        name: "a",
        namespace: "ns",
        pod_uid: None,
    };

    #[test]
    fn urls() {
        let with_uid = KubeletDebugParams {
            pod_uid: Some("u"),
            ..POD
        };
        let attach = Request::kubelet_node_attach(&with_uid, "c", &AttachParams::default().stdin(true));
        assert_eq!(
            attach.expect("valid").uri(),
            "/attach/ns/a/u/c?&input=1&output=1&error=1"
        );
        let exec = Request::kubelet_node_exec(&POD, "c", ["ls", "-l"], &AttachParams::interactive_tty());
        assert_eq!(
            exec.expect("valid").uri(),
            "/exec/ns/a/c?&input=1&output=1&tty=1&command=ls&command=-l"
        );
        let lp = LogParams {
            tail_lines: Some(10),
            ..LogParams::default()
        };
        let logs = Request::kubelet_node_logs(&POD, "c", &lp);
        assert_eq!(logs.expect("valid").uri(), "/containerLogs/ns/a/c?&tailLines=10");
        let forward = Request::kubelet_node_portforward(&POD, &[1204]);
        assert_eq!(forward.expect("valid").uri(), "/portForward/ns/a?&port=1204");
        Request::kubelet_node_logs(&POD, "../x", &lp).expect_err("leaves the pod");
    }
}
