//! The target of a log line: the module that it comes from.

use std::fmt::Debug;

use tracing::Event;
use tracing::field::{Field, Visit};

/// The target of an event. Events of the crate `log` have it in a field.
pub(super) struct Target(pub(super) String);

impl Target {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut target = Self(event.metadata().target().to_owned());
        event.record(&mut target);
        target
    }
}

impl Visit for Target {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}
