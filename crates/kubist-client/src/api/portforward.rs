//! Connections to ports of pods.
//!
//! Each port has a channel for data and one for an error, whose numbers follow from its place; the
//! first message of either repeats the port, in little endian
//! ([source](https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go)).

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{
    FutureExt, SinkExt, Stream, StreamExt, TryStreamExt,
    future::{self, Either},
    stream,
};
use http::{HeaderValue, Request, header::SEC_WEBSOCKET_PROTOCOL};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    sync::oneshot,
    task::JoinHandle,
    time::{MissedTickBehavior, interval_at},
};
use tokio_tungstenite::tungstenite::{self as ws, Message, protocol::frame::coding::CloseCode};

use super::{
    channels::{BUFFER, Channels, Outgoing, Reader, State, outgoing},
    remote_command::PING,
};
use crate::{
    Client,
    client::{Connection, V4},
};

/// Why forwarding ended early.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::Pod;
/// # use kubist_client::Api;
/// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
/// let forwarder = pods.portforward("web-0", &[80]).await?;
/// if let Err(error) = forwarder.join().await {
///     eprintln!("forwarding ended early: {error}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Error)]
pub enum Error {
    /// The server sent for a channel that does not exist.
    #[error("received invalid channel {0}")]
    InvalidChannel(usize),

    /// The first message of a channel is no port.
    #[error("received initial frame with invalid size")]
    InvalidInitialFrameSize,

    /// The first message of a channel is another port.
    #[error("invalid port mapping in initial frame, got {actual}, expected {expected}")]
    InvalidPortMapping {
        /// What the server says.
        actual: u16,
        /// What was asked for.
        expected: u16,
    },

    /// What was written cannot be had.
    #[error("failed to read bytes to send to Pod: {0}")]
    ReadBytesToSend(#[source] io::Error),

    /// The server sent an error that is no text.
    #[error("received invalid error message from Pod: {0}")]
    InvalidErrorMessage(#[source] std::string::FromUtf8Error),

    /// The connection failed while something was sent.
    #[error("failed to send a WebSocket message: {0}")]
    SendWebSocketMessage(#[source] ws::Error),

    /// The connection failed.
    #[error("failed to receive a WebSocket message: {0}")]
    ReceiveWebSocketMessage(#[source] ws::Error),

    /// The server closed the connection because of an error of its own.
    #[error("the server closed the connection with code {code}: {reason}")]
    Closed {
        /// The code ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455#section-7.4)).
        code: u16,
        /// What the server says.
        reason: String,
    },

    /// The task that has the connection was aborted, or panicked.
    #[error("failed to complete the background task: {0}")]
    Spawn(#[source] tokio::task::JoinError),
}

/// Connections to ports of a pod, one to each.
///
/// Streams live on when this is dropped; the connection is closed once all of them are dropped.
/// Shutting a stream down leaves what comes from the pod open; the protocol has no way to tell the
/// pod. A slow reader of one port holds up the others only once a MiB waits for it.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::Pod;
/// # use kubist_client::Api;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # async fn run(pods: Api<Pod>) -> Result<(), Box<dyn std::error::Error>> {
/// let mut forwarder = pods.portforward("web-0", &[80]).await?;
/// if let Some(mut stream) = forwarder.take_stream(80) {
///     stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
///     let mut answer = String::new();
///     stream.read_to_string(&mut answer).await?;
/// }
/// # Ok(())
/// # }
/// ```
pub struct Portforwarder {
    ports: HashMap<u16, Port>,
    task: JoinHandle<Result<(), Error>>,
}

struct Port {
    stream: Option<PortStream>,
    error: Option<oneshot::Receiver<String>>,
}

impl Portforwarder {
    pub(crate) async fn connect(
        client: &Client,
        mut request: Request<Vec<u8>>,
        ports: &[u16],
    ) -> crate::Result<Self> {
        // No server forwards ports by the protocol after this one.
        let protocol = HeaderValue::from_static(V4);
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        Ok(Self::new(client.connect(request).await?, ports))
    }

    fn new(connection: Connection, ports: &[u16]) -> Self {
        let mut session = Session {
            channels: Channels::default(),
            ports: Vec::with_capacity(ports.len()),
        };
        let mut handles = HashMap::with_capacity(ports.len());
        let mut pipes = Vec::with_capacity(ports.len());
        // There are at most 128 ports, so that the numbers of their channels are bytes.
        for (number, port) in (0..=u8::MAX).step_by(2).zip(ports) {
            let (writer, pipe) = tokio::io::duplex(BUFFER);
            let (sender, error) = oneshot::channel();
            let reader = session.channels.open(number, BUFFER);
            pipes.push((number, pipe));
            session.ports.push(Remote {
                port: *port,
                opened: [false; 2],
                error: Some(sender),
            });
            let stream = Some(PortStream { reader, writer });
            let error = Some(error);
            handles.insert(*port, Port { stream, error });
        }
        Self {
            ports: handles,
            task: tokio::spawn(session.run(connection, pipes)),
        }
    }

    /// The connection to a port; once.
    ///
    /// Reading it fails, and does not end, where the pod reports an error for the port or the
    /// connection is cut.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let mut forwarder = pods.portforward("web-0", &[80]).await?;
    /// let stream = forwarder.take_stream(80);
    /// assert!(stream.is_some() && forwarder.take_stream(80).is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_stream(&mut self, port: u16) -> Option<impl AsyncRead + AsyncWrite + Unpin + use<>> {
        self.ports.get_mut(&port)?.stream.take()
    }

    /// The error that the pod reports for a port, as that nobody listens there; once.
    ///
    /// Nothing, if the connection ends without one.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let mut forwarder = pods.portforward("web-0", &[80]).await?;
    /// if let Some(error) = forwarder.take_error(80)
    ///     && let Some(message) = error.await
    /// {
    ///     eprintln!("the pod says: {message}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&mut self, port: u16) -> Option<impl Future<Output = Option<String>> + use<>> {
        let error = self.ports.get_mut(&port)?.error.take()?;
        Some(async move { error.await.ok() })
    }

    /// Closes the connection at once.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let forwarder = pods.portforward("web-0", &[80]).await?;
    /// forwarder.abort();
    /// # Ok(())
    /// # }
    /// ```
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Waits until the server closes the connection, or all streams are dropped.
    ///
    /// Streams that were not taken are dropped. The error of a port is no error here: see
    /// [`take_error`](Self::take_error).
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// # async fn run(pods: Api<Pod>) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut forwarder = pods.portforward("web-0", &[80]).await?;
    /// drop(forwarder.take_stream(80));
    /// forwarder.join().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the connection does, or the server does not keep to the protocol.
    pub async fn join(self) -> Result<(), Error> {
        drop(self.ports);
        self.task.await.map_err(Error::Spawn)?
    }
}

/// A connection to a port.
struct PortStream {
    reader: Reader,
    writer: DuplexStream,
}

impl AsyncRead for PortStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(cx, buf)
    }
}

impl AsyncWrite for PortStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }
}

/// What the task that has the connection works with.
struct Session {
    channels: Channels,
    ports: Vec<Remote>,
}

/// What is known about a port.
struct Remote {
    port: u16,
    /// Whether the first message has come, for data and for the error.
    opened: [bool; 2],
    error: Option<oneshot::Sender<String>>,
}

impl Session {
    async fn run(mut self, connection: Connection, pipes: Vec<(u8, DuplexStream)>) -> Result<(), Error> {
        let channels = self.channels.clone();
        let (mut sink, mut incoming) = connection.into_stream().split();
        let result = {
            let sending = std::pin::pin!(send(&mut sink, &channels, pipes));
            let receiving = std::pin::pin!(self.receive(&mut incoming));
            let working = future::select(receiving, sending);
            let working = async {
                match working.await {
                    Either::Left((result, _)) => result,
                    // What the server has sent already is worth reading.
                    Either::Right((error, receiving)) => receiving.await.map_err(|_| error),
                }
            };
            tokio::select! {
                result = working => result,
                () = channels.until(State::is_abandoned) => Ok(()),
            }
        };
        // Says goodbye, or answers the server's, if there is room for it; nobody waits for it.
        let _ = sink.close().now_or_never();
        match &result {
            Ok(()) => self.channels.close_all(),
            Err(error) => self.channels.fail_all(&error.to_string()),
        }
        result
    }

    /// Takes what comes, until the server closes the connection.
    async fn receive<S>(&mut self, incoming: &mut S) -> Result<(), Error>
    where
        S: Stream<Item = Result<Message, ws::Error>> + Unpin,
    {
        loop {
            self.channels.until(State::has_room).await;
            match incoming.next().await {
                Some(Ok(Message::Binary(data))) => self.take(data)?,
                Some(Ok(Message::Text(text))) => self.take(text.into())?,
                Some(Ok(Message::Close(frame))) => {
                    return match frame.filter(|frame| frame.code != CloseCode::Normal) {
                        Some(frame) => Err(Error::Closed {
                            code: frame.code.into(),
                            reason: frame.reason.to_string(),
                        }),
                        None => Ok(()),
                    };
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => return Err(Error::ReceiveWebSocketMessage(error)),
                None => {
                    let error = ws::error::ProtocolError::ResetWithoutClosingHandshake;
                    return Err(Error::ReceiveWebSocketMessage(error.into()));
                }
            }
        }
    }

    fn take(&mut self, mut data: Bytes) -> Result<(), Error> {
        if data.len() < 2 {
            return Ok(());
        }
        let number = data.split_to(1)[0];
        let is_error = number % 2 == 1;
        let Some(remote) = self.ports.get_mut(usize::from(number / 2)) else {
            return Err(Error::InvalidChannel(number.into()));
        };
        let opened = &mut remote.opened[usize::from(is_error)];
        if !*opened {
            let bytes = <[u8; 2]>::try_from(&*data).map_err(|_| Error::InvalidInitialFrameSize)?;
            let (actual, expected) = (u16::from_le_bytes(bytes), remote.port);
            if actual != expected {
                return Err(Error::InvalidPortMapping { actual, expected });
            }
            *opened = true;
        } else if is_error {
            let message = String::from_utf8(data.into()).map_err(Error::InvalidErrorMessage)?;
            self.channels.fail(number - 1, &message);
            if let Some(error) = remote.error.take() {
                // Nobody has to want it.
                let _ = error.send(message);
            }
        } else {
            self.channels.push(number, &data);
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Says nothing where the end is known already.
        self.channels.fail_all("the connection was aborted");
    }
}

/// Sends what is written, until that fails.
async fn send<S>(sink: &mut S, channels: &Channels, pipes: Vec<(u8, DuplexStream)>) -> Error
where
    S: futures::Sink<Message, Error = ws::Error> + Unpin,
{
    let pipes = pipes
        .into_iter()
        .map(|(number, pipe)| Box::pin(outgoing(number, pipe)));
    // The protocol has no end of a single channel.
    let parts = stream::select_all(pipes).try_filter_map(async |part| match part {
        Outgoing::Message(message) => Ok(Some(message)),
        Outgoing::End(_) => Ok(None),
    });
    let mut parts = std::pin::pin!(parts.fuse());
    let mut pings = interval_at(tokio::time::Instant::now() + PING, PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut written = false;
    loop {
        let message = tokio::select! {
            part = parts.next(), if !written => match part {
                Some(Ok(message)) => Message::Binary(message),
                Some(Err(error)) => return Error::ReadBytesToSend(error),
                None => {
                    written = true;
                    channels.written();
                    continue;
                }
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        if let Err(error) = sink.send(message).await {
            return Error::SendWebSocketMessage(error);
        }
    }
}
