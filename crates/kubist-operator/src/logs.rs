//! Setting up the log.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{LogArgs, LogFormat};
use crate::error::Error;

/// Logs to the standard error stream from here on, unless something else already takes the log.
pub(crate) fn init(args: &LogArgs) -> Result<(), Error> {
    let filter = EnvFilter::try_new(&args.log_level).map_err(|source| Error::LogFilter {
        filter: args.log_level.clone(),
        source,
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let initialized = match args.log_format {
        LogFormat::Plain => builder
            .with_ansi(std::io::stderr().is_terminal())
            .finish()
            .try_init(),
        LogFormat::Json => builder.json().finish().try_init(),
    };
    if initialized.is_err() {
        tracing::debug!("the log was already set up");
    }
    Ok(())
}
