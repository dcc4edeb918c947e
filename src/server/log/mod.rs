//! Log lines, on standard error.
//!
//! The values of a line may come from callers. Both formats escape and truncate every value with [`crate::text`], so
//! that the callers of the macros need not.

mod human;
mod json;
mod target;

use std::io;
use std::panic::{PanicHookInfo, set_hook};

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;
use human::Human;
use json::Json;

/// The log filter cannot be parsed.
#[derive(Debug, thiserror::Error)]
#[error("--log: {0}")]
pub struct FilterError(#[from] tracing_subscriber::filter::ParseError);

/// Starts logging for the process. Panics are logged too.
///
/// # Errors
/// `filter` cannot be parsed.
pub fn init(format: LogFormat, filter: &str) -> Result<(), FilterError> {
    let filter = EnvFilter::builder().parse(filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A line that cannot be written is lost. Reporting this to standard error would panic, and the request would fail.
    let builder = builder.log_internal_errors(false);
    match format {
        // Escape sequences for colours would be noise in a file.
        LogFormat::Human => builder.with_ansi(false).event_format(Human).fmt_fields(Human).init(),
        LogFormat::Json => builder.event_format(Json).fmt_fields(Json).init(),
    }
    set_hook(Box::new(panicked));
    Ok(())
}

fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let thread = std::thread::current();
    let (thread, says) = (thread.name(), panic.payload_as_str());
    tracing::error!(thread, place, says, "panicked");
}
