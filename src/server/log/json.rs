//! Log lines as JSON objects: `timestamp`, `level`, the fields of the event, `target` and `span`.

use std::fmt::{self, Debug, Display};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::target::Target;
use crate::desk::{self, Name};
use crate::text::{Shown, push_json};

/// Writes lines and fields; each text is escaped and truncated.
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        write!(out, "{{\"timestamp\":\"{time}\",\"level\":\"{}\"", event.metadata().level())?;
        let mut fields = String::new();
        context.field_format().format_fields(Writer::new(&mut fields), event)?;
        if !fields.is_empty() {
            write!(out, ",{fields}")?;
        }
        write!(out, ",\"target\":{}", Quoted(Target::of(event).0))?;
        let name = |name: &Name| {
            let (id, peer) = (Quoted(&name.id), name.peer);
            write!(out, ",\"span\":{{\"id\":{id},\"peer\":\"{peer}\",\"name\":\"request\"}}")
        };
        desk::asking(name).unwrap_or(Ok(()))?;
        writeln!(out, "}}")
    }
}

/// A value that is written as a JSON string.
struct Quoted<T>(T);

impl<T: Display> Display for Quoted<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        push_json(&mut text, &Shown(&self.0).to_string());
        write!(formatter, "\"{text}\"")
    }
}

impl<'w> FormatFields<'w> for Json {
    fn format_fields<R: RecordFields>(&self, out: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = Visitor { out, is_first: true, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }
}

/// Writes members without the surrounding braces.
struct Visitor<'w> {
    out: Writer<'w>,
    is_first: bool,
    result: fmt::Result,
}

impl Visitor<'_> {
    fn push(&mut self, field: &Field, value: impl Display) {
        let name = field.name();
        if self.result.is_err() || name.starts_with("log.") {
            return;
        }
        let comma = if self.is_first { "" } else { "," };
        self.is_first = false;
        let name = name.strip_prefix("r#").unwrap_or(name);
        self.result = write!(self.out, "{comma}{}:{value}", Quoted(name));
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, Quoted(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.push(field, Quoted(format_args!("{value:?}")));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() { self.push(field, value) } else { self.push(field, "null") }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value);
    }
}
