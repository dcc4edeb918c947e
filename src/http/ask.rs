//! What a handler is given of a request.

use warp::http::HeaderMap;

use super::fields::Fields;
use crate::kms::Context;
use crate::metrics;

/// What an authenticated caller asks.
pub(super) struct Ask<'a> {
    pub(super) context: Context<'a>,
    pub(super) measured: &'a metrics::Request,
    pub(super) parameters: &'a Parameters,
    pub(super) headers: &'a HeaderMap,
    /// What follows the `?`.
    pub(super) query: &'a Fields,
    pub(super) body: &'a [u8],
}

impl<'a> Ask<'a> {
    /// What the path holds for a name of its row's; nothing if the row has no such name.
    pub(super) fn parameter(&self, name: &str) -> &'a str {
        let value = self.parameters.get(name);
        debug_assert!(value.is_some(), "the row has no {name}");
        value.unwrap_or_default()
    }
}

/// What a path holds where its row has names in braces, decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// By name, in the order of the path.
    pub(super) const fn new(values: Vec<(&'static str, String)>) -> Self {
        Self(values)
    }

    /// The value of a name, if the row has it.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
    }
}
