//! The properties that all paths of one system share: their routes, and the form of answers to their clients.

use std::borrow::Cow;

use warp::http::{Method, StatusCode};

use super::answer::Answer;
use super::problem::Problem;
use super::route::Route;
use crate::metrics;

/// The paths of one system.
pub(super) struct Api {
    /// The name of the dialect in metrics; `None` for the server's own paths.
    pub(super) dialect: Option<&'static str>,
    /// Whether a path belongs to the system, served or not. The arguments are the first two segments, decoded.
    pub(super) has: fn(&str, &str) -> bool,
    /// The routes that are served.
    pub(super) rows: &'static [Route],
    /// Beginnings of paths, each with its replacement in the label of a route. The first that matches is used.
    pub(super) labels: &'static [(&'static str, &'static str)],
    /// Returns a path as the routes spell it, because some clients percent-encode the slashes.
    pub(super) spelled: fn(&str) -> Cow<'_, str>,
    /// The status for an error of the client in a request.
    pub(super) fault: StatusCode,
    /// Renders a failure for these clients. The text is the request's id.
    pub(super) refusal: fn(&Problem, &str) -> Answer,
    /// Returns the problem for a method and a path without a route. The flag says whether the path has a route for
    /// another method.
    pub(super) unserved: fn(&Method, &str, bool) -> Problem,
}

impl Api {
    /// Counts a request by the family of its route and by its action. Both are words of the route table, never a
    /// parameter of the path. The path of a dialect does not identify the action, so its label has the method too, as
    /// in `post-kms-keys-id-encrypt`.
    pub(super) fn count(&self, route: &'static Route, measured: &metrics::Request) {
        if let Some(dialect) = self.dialect {
            measured.way(dialect);
            return measured.action(route.name.get_or_init(|| self.label(route)));
        }
        let mut words = route.path.split('/').skip(1);
        match words.next() {
            // The body names the operation.
            Some("kmip" | "kmip_2_1") => measured.way("kmip"),
            Some("") => measured.way("root"),
            Some(family) => {
                measured.way(family);
                if let Some(action) = words.next() {
                    measured.action(action);
                }
            }
            None => {}
        }
    }

    /// Returns the label of a route in metrics: method and path as one word, without the common beginning of the
    /// dialect's paths.
    pub(super) fn label(&self, route: &Route) -> String {
        let rest = |(begin, name): &(&str, &str)| Some(format!("{name}{}", route.path.strip_prefix(begin)?));
        let path = self.labels.iter().find_map(rest).unwrap_or_else(|| route.path.to_owned());
        let segments = path.split('/').map(|segment| if segment.starts_with('{') { "id" } else { segment });
        let path = segments.collect::<Vec<_>>().join("-").replace('_', "-");
        format!("{}{path}", route.method.as_str().to_ascii_lowercase())
    }
}

/// Returns a path unchanged.
pub(super) fn as_it_is(path: &str) -> Cow<'_, str> {
    Cow::Borrowed(path)
}

/// Returns the problem for a path of a dialect without a route: 501, because some clients read 404 as an answer about
/// the object that they named.
pub(super) fn not_implemented(method: &Method, _: &str, is_known: bool) -> Problem {
    let what = if is_known {
        format!("this server does not serve {method} on this path")
    } else {
        "this server does not serve this path".to_owned()
    };
    Problem::new(StatusCode::NOT_IMPLEMENTED, what)
}
