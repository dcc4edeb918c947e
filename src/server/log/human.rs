//! Log lines for people: `TIME LEVEL request{id="..." peer=...}: target: message name=value name="text"`.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::target::Target;
use crate::desk;
use crate::text::{Shown, Whole};

/// Writes lines and fields; each field is escaped and truncated.
pub(super) struct Human;

impl<S, N> FormatEvent<S, N> for Human
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        SystemTime.format_time(&mut out)?;
        write!(out, " {:>5} ", event.metadata().level())?;
        desk::asking(|name| write!(out, "request{{id={:?} peer={}}}: ", name.id, name.peer)).unwrap_or(Ok(()))?;
        write!(out, "{}: ", Target::of(event).0)?;
        context.field_format().format_fields(out.by_ref(), event)?;
        writeln!(out)
    }
}

impl<'w> FormatFields<'w> for Human {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = Visitor { writer, is_first: true, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct Visitor<'w> {
    writer: Writer<'w>,
    is_first: bool,
    result: fmt::Result,
}

impl Visitor<'_> {
    fn write(&mut self, field: &Field, value: fmt::Arguments<'_>) -> fmt::Result {
        let name = field.name();
        if !self.is_first {
            self.writer.write_char(' ')?;
        }
        self.is_first = false;
        match name {
            "message" => self.writer.write_fmt(value),
            name => write!(self.writer, "{}={value}", name.strip_prefix("r#").unwrap_or(name)),
        }
    }

    fn push(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if self.result.is_ok() {
            self.result = self.write(field, value);
        }
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.push(field, format_args!("{}", Shown(value))),
            // These fields repeat the target of the line.
            name if name.starts_with("log.") => {}
            // The text is truncated before it is quoted, so that the closing quotation mark remains.
            _ => self.push(field, format_args!("{}", Whole(format_args!("{:?}", Shown(value).to_string())))),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if !field.name().starts_with("log.") {
            self.push(field, format_args!("{}", Shown(format_args!("{value:?}"))));
        }
    }
}
