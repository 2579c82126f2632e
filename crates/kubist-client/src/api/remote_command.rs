//! Processes in containers: what was executed there, or attached to.
//!
//! The protocol is that of the
//! [kubelet](https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go):
//! channels for input, output, errors, the status at the end and the terminal's size.

use std::{io, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use futures::{
    FutureExt, SinkExt, Stream, StreamExt,
    channel::mpsc,
    future::{self, Either},
    stream,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kubist_core::subresource::AttachParams;
use serde::Serialize;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    sync::oneshot,
    task::JoinHandle,
    time::{MissedTickBehavior, interval_at},
};
use tokio_tungstenite::tungstenite::{self as ws, Message, protocol::frame::coding::CloseCode};

use super::channels::{BUFFER, Channels, Outgoing, Reader, State, outgoing};
use crate::client::Connection;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const RESIZE: u8 = 4;
/// Closes the channel that its payload names; since `v5.channel.k8s.io`.
const CLOSE: u8 = 255;

/// How often the connection is shown to be alive, against proxies that close idle ones.
pub(super) const PING: Duration = Duration::from_secs(60);

/// Why a process could not be followed to its end.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::Pod;
/// # use kubist_client::Api;
/// use kubist_client::api::AttachParams;
///
/// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
/// let process = pods.exec("web-0", ["true"], &AttachParams::default()).await?;
/// if let Err(error) = process.join().await {
///     eprintln!("the connection failed before the process ended: {error}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Error)]
pub enum Error {
    /// What was written to stdin cannot be had.
    #[error("failed to read from stdin: {0}")]
    ReadStdin(#[source] io::Error),

    /// What was written to stdin cannot be sent.
    #[error("failed to send a stdin data: {0}")]
    SendStdin(#[source] ws::Error),

    /// The connection failed, or ended before the process did.
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

    /// The connection cannot be kept alive.
    #[error("failed to send a WebSocket ping message: {0}")]
    SendPing(#[source] ws::Error),

    /// The server sent a status that is none.
    #[error("failed to deserialize status object: {0}")]
    DeserializeStatus(#[source] serde_json::Error),

    /// A size of the terminal cannot be encoded.
    #[error("failed to serialize TerminalSize object: {0}")]
    SerializeTerminalSize(#[source] serde_json::Error),

    /// A size of the terminal cannot be sent.
    #[error("failed to send terminal size message: {0}")]
    SendTerminalSize(#[source] ws::Error),
}

/// The size of a terminal, in characters.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::Pod;
/// # use kubist_client::Api;
/// use futures::SinkExt;
/// use kubist_client::api::{AttachParams, TerminalSize};
///
/// # async fn run(pods: Api<Pod>) -> Result<(), Box<dyn std::error::Error>> {
/// let ap = AttachParams::interactive_tty();
/// let mut process = pods.exec("web-0", ["sh"], &ap).await?;
/// if let Some(mut sizes) = process.terminal_size() {
///     sizes.send(TerminalSize { width: 80, height: 24 }).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TerminalSize {
    /// How many columns.
    pub width: u16,
    /// How many rows.
    pub height: u16,
}

/// A process in a container.
///
/// Its output is buffered until it is read; a reader that is slow holds up the process, and the
/// other stream only once a MiB waits for the slow one. What is for a reader that was dropped, and
/// after [`join`](Self::join) for one that was not taken, is thrown away. Readers fail, and do not
/// end, where the connection is cut.
///
/// Dropping it closes the connection, and so the streams that were taken.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::Pod;
/// # use kubist_client::Api;
/// use kubist_client::api::AttachParams;
/// use tokio::io::AsyncReadExt;
///
/// # async fn run(pods: Api<Pod>) -> Result<(), Box<dyn std::error::Error>> {
/// let ap = AttachParams::default();
/// let mut process = pods.exec("web-0", ["date"], &ap).await?;
/// if let Some(mut stdout) = process.stdout() {
///     let mut date = String::new();
///     stdout.read_to_string(&mut date).await?;
/// }
/// process.join().await?;
/// # Ok(())
/// # }
/// ```
pub struct AttachedProcess {
    stdin: Option<DuplexStream>,
    stdout: Option<Reader>,
    stderr: Option<Reader>,
    terminal_size: Option<mpsc::Sender<TerminalSize>>,
    status: Option<oneshot::Receiver<Status>>,
    channels: Channels,
    task: JoinHandle<Result<(), Error>>,
    /// Whether the server can be told that the input ends.
    #[cfg(feature = "copy")]
    ends_input: bool,
}

impl AttachedProcess {
    pub(crate) fn new(connection: Connection, ap: &AttachParams) -> Self {
        let channels = Channels::default();
        let limit = |size: Option<usize>| size.unwrap_or(BUFFER).max(1);
        let stdout = ap
            .stdout
            .then(|| channels.open(STDOUT, limit(ap.max_stdout_buf_size)));
        let stderr = ap
            .stderr
            .then(|| channels.open(STDERR, limit(ap.max_stderr_buf_size)));
        let (stdin, input) = match ap.stdin {
            true => {
                let (stdin, input) = tokio::io::duplex(limit(ap.max_stdin_buf_size));
                (Some(stdin), Some(input))
            }
            false => (None, None),
        };
        let (terminal_size, sizes) = match ap.tty {
            true => {
                let (sender, sizes) = mpsc::channel(10);
                (Some(sender), Some(sizes))
            }
            false => (None, None),
        };
        let (sender, status) = oneshot::channel();
        let session = Session {
            channels: channels.clone(),
            status: Some(sender),
            ended: false,
        };
        Self {
            #[cfg(feature = "copy")]
            ends_input: connection.supports_stream_close(),
            stdin,
            stdout,
            stderr,
            terminal_size,
            status: Some(status),
            channels,
            task: tokio::spawn(session.run(connection, input, sizes)),
        }
    }

    /// Whether the server can be told that the input ends.
    #[cfg(feature = "copy")]
    pub(super) fn ends_input(&self) -> bool {
        self.ends_input
    }

    /// Where to write its input; once, and only if it was asked for.
    ///
    /// Shutting it down, or dropping it, ends the input, unless the server only speaks
    /// `v4.channel.k8s.io`, which cannot say so.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::AttachParams;
    /// use tokio::io::AsyncWriteExt;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), Box<dyn std::error::Error>> {
    /// let ap = AttachParams::default().stdin(true);
    /// let mut process = pods.exec("web-0", ["tee", "/tmp/note"], &ap).await?;
    /// if let Some(mut stdin) = process.stdin() {
    ///     stdin.write_all(b"hello").await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stdin(&mut self) -> Option<impl AsyncWrite + Unpin + use<>> {
        self.stdin.take()
    }

    /// Where to read its output; once, and only if it was asked for.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::AttachParams;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), Box<dyn std::error::Error>> {
    /// let ap = AttachParams::default();
    /// let mut process = pods.exec("web-0", ["date"], &ap).await?;
    /// if let Some(mut stdout) = process.stdout() {
    ///     tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stdout(&mut self) -> Option<impl AsyncRead + Unpin + use<>> {
        self.stdout.take()
    }

    /// Where to read its errors; once, and only if they were asked for.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::AttachParams;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), Box<dyn std::error::Error>> {
    /// let ap = AttachParams::default();
    /// let mut process = pods.exec("web-0", ["date"], &ap).await?;
    /// if let Some(mut stderr) = process.stderr() {
    ///     tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stderr(&mut self) -> Option<impl AsyncRead + Unpin + use<>> {
        self.stderr.take()
    }

    /// Where to say that the terminal's size changed; once, and only if it has one.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use futures::SinkExt;
    /// use kubist_client::api::{AttachParams, TerminalSize};
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), Box<dyn std::error::Error>> {
    /// let ap = AttachParams::interactive_tty();
    /// let mut process = pods.exec("web-0", ["sh"], &ap).await?;
    /// if let Some(mut sizes) = process.terminal_size() {
    ///     sizes.send(TerminalSize { width: 80, height: 24 }).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn terminal_size(&mut self) -> Option<mpsc::Sender<TerminalSize>> {
        self.terminal_size.take()
    }

    /// How the process ended; once.
    ///
    /// Nothing, if the connection ends before the process does. A process that fails has the status
    /// `Failure`, with its exit code among the causes.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::AttachParams;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let ap = AttachParams::default();
    /// let mut process = pods.exec("web-0", ["date"], &ap).await?;
    /// if let Some(status) = process.take_status()
    ///     && let Some(status) = status.await
    /// {
    ///     println!("{:?}", status.status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_status(&mut self) -> Option<impl Future<Output = Option<Status>> + use<>> {
        let status = self.status.take()?;
        let channels = self.channels.clone();
        Some(async move {
            channels.awaited();
            status.await.ok()
        })
    }

    /// Closes the connection at once.
    ///
    /// Whether the process goes on is the container runtime's business.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::AttachParams;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let process = pods.exec("web-0", ["sleep", "60"], &AttachParams::default()).await?;
    /// process.abort();
    /// # Ok(())
    /// # }
    /// ```
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Waits for the end.
    ///
    /// Streams that were not taken are closed. A process that fails is no error here: see
    /// [`take_status`](Self::take_status). Cancelling this closes the connection.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::AttachParams;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), Box<dyn std::error::Error>> {
    /// let process = pods.exec("web-0", ["true"], &AttachParams::default()).await?;
    /// process.join().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the connection does before the process has ended.
    pub async fn join(mut self) -> Result<(), Error> {
        self.stdin = None;
        self.stdout = None;
        self.stderr = None;
        (&mut self.task).await.map_err(Error::Spawn)?
    }
}

impl Drop for AttachedProcess {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the task that has the connection works with.
struct Session {
    channels: Channels,
    status: Option<oneshot::Sender<Status>>,
    /// Whether the status has come.
    ended: bool,
}

impl Session {
    async fn run(
        mut self,
        connection: Connection,
        stdin: Option<DuplexStream>,
        sizes: Option<mpsc::Receiver<TerminalSize>>,
    ) -> Result<(), Error> {
        let stream_close = connection.supports_stream_close();
        let (mut sink, mut incoming) = connection.into_stream().split();
        let result = {
            let sending = std::pin::pin!(send(&mut sink, stdin, sizes, stream_close));
            let receiving = std::pin::pin!(self.receive(&mut incoming, stream_close));
            match future::select(receiving, sending).await {
                Either::Left((result, _)) => result,
                // What the server has said already counts for more.
                Either::Right((error, receiving)) => receiving.await.map_err(|_| error),
            }
        };
        // The answer to the server's close, if there is room for it; nobody waits for it.
        let _ = sink.flush().now_or_never();
        match &result {
            Ok(()) => self.channels.close_all(),
            Err(error) => self.channels.fail_all(&error.to_string()),
        }
        result
    }

    /// Takes what comes, until the server closes the connection.
    async fn receive<S>(&mut self, incoming: &mut S, stream_close: bool) -> Result<(), Error>
    where
        S: Stream<Item = Result<Message, ws::Error>> + Unpin,
    {
        loop {
            self.channels.until(State::has_room).await;
            let mut data = match incoming.next().await {
                Some(Ok(Message::Binary(data))) => data,
                Some(Ok(Message::Text(text))) => text.into(),
                Some(Ok(Message::Close(frame))) => {
                    return match frame.filter(|frame| frame.code != CloseCode::Normal) {
                        Some(frame) if !self.ended => Err(Error::Closed {
                            code: frame.code.into(),
                            reason: frame.reason.to_string(),
                        }),
                        _ => Ok(()),
                    };
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                // Servers that go away after the status have said everything.
                Some(Err(_)) | None if self.ended => return Ok(()),
                Some(Err(error)) => return Err(Error::ReceiveWebSocketMessage(error)),
                None => {
                    let error = ws::error::ProtocolError::ResetWithoutClosingHandshake;
                    return Err(Error::ReceiveWebSocketMessage(error.into()));
                }
            };
            if data.is_empty() {
                continue;
            }
            match data.split_to(1)[0] {
                STATUS if !data.is_empty() => self.end(&data)?,
                CLOSE if stream_close => data.iter().for_each(|number| self.channels.close(*number)),
                number => self.channels.push(number, &data),
            }
        }
    }

    fn end(&mut self, status: &[u8]) -> Result<(), Error> {
        let status = serde_json::from_slice(status).map_err(Error::DeserializeStatus)?;
        self.ended = true;
        if let Some(sender) = self.status.take() {
            // Nobody has to want it.
            let _ = sender.send(status);
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
async fn send<S>(
    sink: &mut S,
    stdin: Option<DuplexStream>,
    sizes: Option<mpsc::Receiver<TerminalSize>>,
    stream_close: bool,
) -> Error
where
    S: futures::Sink<Message, Error = ws::Error> + Unpin,
{
    let mut input = std::pin::pin!(optional(stdin.map(|pipe| outgoing(STDIN, pipe))));
    let mut sizes = std::pin::pin!(optional(sizes));
    let mut pings = interval_at(tokio::time::Instant::now() + PING, PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (message, wrap): (_, fn(ws::Error) -> Error) = tokio::select! {
            Some(part) = input.next() => match part {
                Ok(Outgoing::Message(message)) => (message, Error::SendStdin),
                Ok(Outgoing::End(number)) if stream_close => (vec![CLOSE, number].into(), Error::SendStdin),
                Ok(Outgoing::End(_)) => continue,
                Err(error) => return Error::ReadStdin(error),
            },
            Some(size) = sizes.next() => match resize(&size) {
                Ok(message) => (message, Error::SendTerminalSize),
                Err(error) => return Error::SerializeTerminalSize(error),
            },
            _ = pings.tick() => {
                if let Err(error) = sink.send(Message::Ping(Bytes::new())).await {
                    return Error::SendPing(error);
                }
                continue;
            }
        };
        if let Err(error) = sink.send(Message::Binary(message)).await {
            return wrap(error);
        }
    }
}

/// A stream that may not be there.
fn optional<S: Stream>(stream: Option<S>) -> impl Stream<Item = S::Item> {
    stream::iter(stream).flatten()
}

fn resize(size: &TerminalSize) -> Result<Bytes, serde_json::Error> {
    let mut message = BytesMut::new();
    message.put_u8(RESIZE);
    message.extend_from_slice(&serde_json::to_vec(size)?);
    Ok(message.freeze())
}
