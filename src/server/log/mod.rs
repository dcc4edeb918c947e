//! Log lines, on standard error.
//!
//! What a line says may have come from outside. Both formats escape and cut every value by [`crate::text`], so that no call can
//! forget it.

mod human;
mod json;
mod target;

use std::io;
use std::panic::{PanicHookInfo, set_hook};

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;
use human::Human;
use json::Json;

/// The filter text is not one.
#[derive(Debug, thiserror::Error)]
#[error("--log: {0}")]
pub struct FilterError(#[from] tracing_subscriber::filter::ParseError);

/// Starts logging for the process. A panic becomes a line of the log, too.
///
/// # Errors
/// `filter` cannot be parsed.
pub fn init(format: LogFormat, filter: &str) -> Result<(), FilterError> {
    let filter = EnvFilter::builder().parse(filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A line that cannot be written is lost; to say so in the same place would panic, and take the request with it.
    let builder = builder.log_internal_errors(false);
    match format {
        // Colours in a file are noise.
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
