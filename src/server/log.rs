//! Log lines, on standard error.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// The filter text is not one.
#[derive(Debug, thiserror::Error)]
#[error("--log: {0}")]
pub struct FilterError(#[from] tracing_subscriber::filter::ParseError);

/// Starts logging for the process.
///
/// # Errors
/// `filter` cannot be parsed.
pub fn init(format: LogFormat, filter: &str) -> Result<(), FilterError> {
    let filter = EnvFilter::builder().parse(filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A line that cannot be written is lost; to say so in the same place would panic, and take the request with it.
    let builder = builder.log_internal_errors(false);
    match format {
        // Colours in a file are noise, and a terminal escape in a log line is an attack.
        LogFormat::Human => builder.with_ansi(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).init(),
    }
    Ok(())
}
