//! Runs the programs that give credentials.

use std::{
    io,
    process::{Output, Stdio},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
};

use super::AuthError;

/// How much of an answer is read.
const LIMIT: u64 = 1 << 20;

/// Runs a program to its end, and gives what it wrote.
///
/// It is started away from the runtime's threads, and ends if nobody waits for it any more.
pub(super) async fn output(
    name: &str,
    mut command: Command,
    install_hint: Option<&str>,
) -> Result<Output, AuthError> {
    let failed = |error: io::Error| start_error(name, install_hint, &error);
    command.stdout(Stdio::piped()).kill_on_drop(true);
    // A program with a console of its own would open a window.
    #[cfg(windows)]
    if std::env::var_os("KUBE_RS_UNSTABLE_CREATE_NO_WINDOW").is_some() {
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        command.creation_flags(CREATE_NO_WINDOW);
    }
    tracing::debug!(command = name, "running credential plugin");
    let spawned = tokio::task::spawn_blocking(move || command.spawn()).await;
    let spawned = spawned.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
    let mut child = spawned.map_err(failed)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = futures::try_join!(read(out), read(err)).map_err(failed)?;
    let status = child.wait().await.map_err(failed)?;
    if !status.success() {
        // What it wrote for the client may hold a secret.
        let stdout = Vec::new();
        return Err(AuthError::AuthExecRun {
            cmd: name.to_owned(),
            status,
            out: Output {
                status,
                stdout,
                stderr,
            },
        });
    }
    Ok(Output {
        status,
        stdout,
        stderr,
    })
}

async fn read(from: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(LIMIT + 1).read_to_end(&mut bytes).await?;
    }
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::other("it wrote more than 1 MiB"));
    }
    Ok(bytes)
}

fn start_error(name: &str, install_hint: Option<&str>, error: &io::Error) -> AuthError {
    let hint = install_hint.map(str::trim).filter(|hint| !hint.is_empty());
    let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    AuthError::AuthExecStart(io::Error::new(error.kind(), format!("{name}: {error}{hint}")))
}
