//! Trying again what failed for a passing reason.

use std::time::{Duration, SystemTime};

use http::{Method, Request, Response, StatusCode, header};
use tokio::time::{Instant, Sleep, sleep};
pub use tower::retry::backoff::InvalidBackoff;
use tower::{
    BoxError,
    retry::{
        Policy,
        backoff::{ExponentialBackoffMaker, MakeBackoff},
    },
    util::rng::HasherRng,
};

use super::{Body, transport::TransportError};

/// How long all waits for one request may take.
const TOTAL_LIMIT: Duration = Duration::from_secs(60);

/// How often a connection may break: one that breaks again was no accident.
const BREAKS_LIMIT: u32 = 2;

/// Tries requests again that failed for a passing reason, and that may be repeated.
///
/// | failure | is tried again |
/// |---|---|
/// | 429 with `Retry-After` | whatever the request: the server did not begin with it |
/// | 429 without, 503, 504, a connection that broke | if the request is idempotent |
///
/// Idempotent are `GET`, `HEAD`, `OPTIONS`, `PUT`, `DELETE`, and server-side apply. An eviction that
/// is answered with 429 is not tried again: there it means that a disruption budget forbids it for
/// now, which the caller wants to know. A server that cannot be reached is an error at once.
///
/// Waits grow exponentially, with jitter; a server's `Retry-After` is honoured if the policy is
/// made so. All waits for one request take a minute at most, and after two broken connections the
/// third is an error.
///
/// ```
/// use kubist_client::client::retry::RetryPolicy;
/// use std::time::Duration;
///
/// let policy = RetryPolicy::new(Duration::from_millis(100), Duration::from_secs(5), 4, true)?;
/// # Ok::<(), kubist_client::client::retry::InvalidBackoff>(())
/// ```
#[derive(Clone)]
pub struct RetryPolicy {
    min: Duration,
    max: Duration,
    max_retries: u32,
    honour_server: bool,
    /// What became of this request so far; a policy is cloned for each request.
    attempts: u32,
    breaks: u32,
    started: Option<Instant>,
}

impl RetryPolicy {
    /// A policy that waits between `min` and `max`, at most so many times.
    ///
    /// ```
    /// use kubist_client::client::retry::RetryPolicy;
    /// use std::time::Duration;
    ///
    /// let second = Duration::from_secs(1);
    /// assert!(RetryPolicy::new(second, second * 8, 4, true).is_ok());
    /// assert!(RetryPolicy::new(second * 8, second, 4, true).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where `min` is more than `max`, or `max` is zero.
    pub fn new(
        min: Duration,
        max: Duration,
        max_retries: u32,
        server_retry: bool,
    ) -> Result<Self, InvalidBackoff> {
        // Checked by those who define what is invalid.
        ExponentialBackoffMaker::new(min, max, 0.5, HasherRng::default())?.make_backoff();
        Ok(Self {
            min,
            max,
            max_retries,
            honour_server: server_retry,
            attempts: 0,
            breaks: 0,
            started: None,
        })
    }

    /// The policy that clients have by default: waits from 5 milliseconds to 10 seconds, 15 times
    /// at most, or as long as the server says.
    ///
    /// ```
    /// use kubist_client::client::retry::RetryPolicy;
    /// use tower::retry::RetryLayer;
    ///
    /// let layer = RetryLayer::new(RetryPolicy::server_retry());
    /// ```
    pub fn server_retry() -> Self {
        Self {
            min: Duration::from_millis(5),
            max: Duration::from_secs(10),
            max_retries: 15,
            honour_server: true,
            attempts: 0,
            breaks: 0,
            started: None,
        }
    }

    /// How long to wait before the next try, if there is to be one.
    fn next_delay(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        if self.attempts >= self.max_retries {
            return None;
        }
        let grown = self.min.saturating_mul(1 << self.attempts.min(20)).min(self.max);
        // Between a half and the whole, so that clients that failed together come back apart.
        let jittered = grown.mul_f64(0.5 + fastrand::f64() / 2.0);
        let delay = match retry_after {
            Some(asked) => asked.saturating_add(jittered.min(Duration::from_secs(1))),
            None => jittered,
        };
        let waited = self.started.get_or_insert_with(Instant::now).elapsed();
        if waited.saturating_add(delay) > TOTAL_LIMIT {
            return None;
        }
        self.attempts += 1;
        Some(delay)
    }
}

/// Waits from half a second to 5 seconds, 3 times at most; what the server says is not honoured.
impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            min: Duration::from_millis(500),
            max: Duration::from_secs(5),
            max_retries: 3,
            honour_server: false,
            attempts: 0,
            breaks: 0,
            started: None,
        }
    }
}

impl<Res> Policy<Request<Body>, Response<Res>, BoxError> for RetryPolicy {
    type Future = Sleep;

    fn retry(
        &mut self,
        request: &mut Request<Body>,
        result: &mut Result<Response<Res>, BoxError>,
    ) -> Option<Sleep> {
        let retry_after = match result {
            Ok(response) => {
                let asked = retry_after(response);
                let repeatable = match response.status() {
                    StatusCode::TOO_MANY_REQUESTS if is_eviction(request) => false,
                    StatusCode::TOO_MANY_REQUESTS => asked.is_some() || is_idempotent(request),
                    StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => is_idempotent(request),
                    _ => false,
                };
                if !repeatable {
                    return None;
                }
                asked.filter(|_| self.honour_server)
            }
            Err(error) => {
                let repeatable = error
                    .downcast_ref::<TransportError>()
                    .is_some_and(|error| error.is_refused() || error.is_broken() && is_idempotent(request));
                if !repeatable || self.breaks == BREAKS_LIMIT {
                    return None;
                }
                self.breaks += 1;
                None
            }
        };
        let delay = self.next_delay(retry_after)?;
        tracing::debug!(method = %request.method(), attempt = self.attempts, ?delay, "trying again");
        Some(sleep(delay))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        let body = request.body().try_clone()?;
        let mut copy = Request::new(body);
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        *copy.extensions_mut() = request.extensions().clone();
        Some(copy)
    }
}

fn is_idempotent(request: &Request<Body>) -> bool {
    let is_apply = || {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/apply-patch"))
    };
    request.method().is_idempotent() || (request.method() == Method::PATCH && is_apply())
}

fn is_eviction(request: &Request<Body>) -> bool {
    request.method() == Method::POST && request.uri().path().ends_with("/eviction")
}

/// Whether a policy waits for what a response says; for fuzzing.
#[cfg(any(fuzzing, test))]
pub(crate) fn would_wait<B>(response: &Response<B>) -> bool {
    let asked = retry_after(response);
    RetryPolicy::server_retry().next_delay(asked).is_some()
}

/// Servers of Kubernetes say it in seconds, what stands before them may name a time (RFC 9110,
/// 10.2.3); a time that has passed is now.
fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = httpdate::parse_http_date(value).ok()?;
    Some(time.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use tower::{Layer, ServiceExt, retry::RetryLayer, service_fn};

    use super::*;

    fn request(method: &str, path: &str) -> Request<Body> {
        let request = Request::builder().method(method).uri(path);
        request.body(Body::from(b"{}".to_vec())).expect("valid")
    }

    fn answer(status: u16, retry_after: Option<&str>) -> Response<()> {
        let mut builder = Response::builder().status(status);
        if let Some(value) = retry_after {
            builder = builder.header(header::RETRY_AFTER, value);
        }
        builder.body(()).expect("valid")
    }

    /// How often a service is called that always answers the same.
    async fn calls(
        policy: RetryPolicy,
        request: Request<Body>,
        status: u16,
        after: Option<&'static str>,
    ) -> u32 {
        let calls = Arc::new(AtomicU32::new(0));
        let counter = calls.clone();
        let service = service_fn(move |_: Request<Body>| {
            counter.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok::<_, BoxError>(answer(status, after)))
        });
        RetryLayer::new(policy)
            .layer(service)
            .oneshot(request)
            .await
            .expect("answers");
        calls.load(Ordering::Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn retries_know_the_method() {
        let policy =
            || RetryPolicy::new(Duration::from_millis(1), Duration::from_millis(2), 2, true).expect("valid");
        let apply = || {
            let mut request = request("PATCH", "/a");
            let value = header::HeaderValue::from_static("application/apply-patch+yaml");
            request.headers_mut().insert(header::CONTENT_TYPE, value);
            request
        };
        for (request, status, after, expected) in [
            (request("GET", "/a"), 503, None, 3),
            (request("PUT", "/a"), 504, None, 3),
            (request("DELETE", "/a"), 429, None, 3),
            (apply(), 503, None, 3),
            (request("POST", "/a"), 503, None, 1),
            (request("POST", "/a"), 503, Some("1"), 1),
            (request("PATCH", "/a"), 504, None, 1),
            (request("POST", "/a"), 429, None, 1),
            (request("POST", "/a"), 429, Some("1"), 3),
            (
                request("POST", "/api/v1/namespaces/a/pods/b/eviction"),
                429,
                Some("1"),
                1,
            ),
            (request("GET", "/a"), 500, None, 1),
            (request("GET", "/a"), 404, None, 1),
        ] {
            let what = format!("{} {status} {after:?}", request.method());
            assert_eq!(calls(policy(), request, status, after).await, expected, "{what}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_is_honoured_up_to_a_minute() {
        let started = Instant::now();
        assert_eq!(
            calls(RetryPolicy::server_retry(), request("GET", "/"), 429, Some("25")).await,
            3
        );
        let waited = started.elapsed();
        assert!(
            (Duration::from_secs(50)..Duration::from_secs(60)).contains(&waited),
            "{waited:?}"
        );
        assert_eq!(
            calls(
                RetryPolicy::server_retry(),
                request("GET", "/"),
                429,
                Some("3600")
            )
            .await,
            1
        );
        assert_eq!(
            calls(RetryPolicy::default(), request("GET", "/"), 429, Some("3600")).await,
            4
        );
    }

    #[test]
    fn times_to_come_back_are_read() {
        let after = |value: &str| retry_after(&answer(429, Some(value)));
        assert_eq!(after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(after("Sat, 01 Jan 2000 00:00:00 GMT"), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        let wait = after(&soon).expect("is a time");
        assert!(
            (Duration::from_secs(90)..=Duration::from_secs(100)).contains(&wait),
            "{wait:?}"
        );
        let mut policy = RetryPolicy::server_retry();
        assert_eq!(policy.next_delay(after("18446744073709551615")), None);
        for nonsense in [
            "",
            "soon",
            "-1",
            "1.5",
            "99999999999999999999",
            "Sat, 99 Jan 2000",
        ] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn waits_grow_with_jitter_and_are_bounded() {
        let mut policy =
            RetryPolicy::new(Duration::from_secs(1), Duration::from_secs(4), 5, false).expect("valid");
        let seconds: Vec<f64> = std::iter::from_fn(|| policy.next_delay(None))
            .map(|d| d.as_secs_f64())
            .collect();
        assert_eq!(seconds.len(), 5);
        for (wait, longest) in seconds.iter().zip([1.0, 2.0, 4.0, 4.0, 4.0]) {
            assert!((longest / 2.0..=longest).contains(wait), "{seconds:?}");
        }
        assert!(RetryPolicy::new(Duration::from_secs(2), Duration::from_secs(1), 1, false).is_err());
    }

    #[test]
    fn streams_are_not_repeated() {
        let body = Body::wrap(http_body_util::Full::new(bytes::Bytes::new()));
        let mut policy = RetryPolicy::default();
        let copy = Policy::<_, Response<()>, BoxError>::clone_request(&mut policy, &Request::new(body));
        assert!(copy.is_none());
    }
}
