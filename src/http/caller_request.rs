//! The parts of a request that a handler receives.

use warp::http::HeaderMap;

use super::fields::Fields;
use crate::kms::Context;
use crate::metrics;
use crate::principal::Username;

/// A request of an authenticated caller.
pub(super) struct CallerRequest<'a> {
    pub(super) context: Context<'a>,
    /// The name that the credential proved.
    pub(super) proved: &'a Username,
    pub(super) measured: &'a metrics::Request,
    pub(super) parameters: &'a Parameters,
    pub(super) headers: &'a HeaderMap,
    /// The query.
    pub(super) query: &'a Fields,
    pub(super) body: &'a [u8],
}

impl<'a> CallerRequest<'a> {
    /// Returns the parameter of the path with this name; an empty text if the route has no such parameter.
    pub(super) fn parameter(&self, name: &str) -> &'a str {
        let value = self.parameters.get(name);
        debug_assert!(value.is_some(), "the row has no {name}");
        value.unwrap_or_default()
    }
}

/// The parameters of a path (the segments for `{name}` of its route), decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// Makes them from names and values in the order of the path.
    pub(super) const fn new(values: Vec<(&'static str, String)>) -> Self {
        Self(values)
    }

    /// Returns the value of a parameter; `None` if the route does not have it.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
    }
}
