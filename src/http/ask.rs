//! What a handler is given of a request.

use warp::http::HeaderMap;

use super::fields::Fields;
use crate::kms::Context;
use crate::metrics;

/// What an authenticated caller asks.
pub(super) struct Ask<'a> {
    pub(super) context: Context<'a>,
    pub(super) measured: &'a metrics::Request,
    /// The segments of the path for which its route has `{}`.
    pub(super) parameters: &'a [String],
    pub(super) headers: &'a HeaderMap,
    /// What follows the `?`.
    pub(super) query: &'a Fields,
    pub(super) body: &'a [u8],
}

impl<'a> Ask<'a> {
    /// The segment for which the route has its `number`th `{}`, from 0.
    pub(super) fn parameter(&self, number: usize) -> &'a str {
        self.parameters.get(number).map_or("", String::as_str)
    }
}
