//! What the paths of one system have in common: their rows, and how their clients are answered.

use std::borrow::Cow;

use warp::http::{Method, StatusCode};

use super::answer::Answer;
use super::problem::Problem;
use super::route::Route;
use crate::metrics;

/// The paths of one system.
pub(super) struct Api {
    /// What metrics call the dialect; `None` for the server's own paths.
    pub(super) dialect: Option<&'static str>,
    /// Whether a path is one of them, served or not, by its first two segments, which are decoded.
    pub(super) has: fn(&str, &str) -> bool,
    /// What is served of them.
    pub(super) rows: &'static [Route],
    /// What the label of a row has in place of what its path begins with; the first that fits.
    pub(super) labels: &'static [(&'static str, &'static str)],
    /// A path as the rows have it: some clients encode what separates its segments.
    pub(super) spelled: fn(&str) -> Cow<'_, str>,
    /// The status of a request that its client could have written otherwise.
    pub(super) fault: StatusCode,
    /// A failure as these clients read it, with the request's id.
    pub(super) refusal: fn(&Problem, &str) -> Answer,
    /// What is said of a method and a path without a row; whether the path has one for another method.
    pub(super) unserved: fn(&Method, &str, bool) -> Problem,
}

impl Api {
    /// Counts a request by the family of routes, and by what is asked of it, in words of the table: what the request's path holds instead
    /// of a name in braces is not among them. In a dialect the path by itself does not say what is asked: it is named with its method,
    /// as in `post-kms-keys-id-encrypt`.
    pub(super) fn count(&self, route: &'static Route, measured: &metrics::Request) {
        if let Some(dialect) = self.dialect {
            measured.way(dialect);
            return measured.action(route.name.get_or_init(|| self.label(route)));
        }
        let mut words = route.path.split('/').skip(1);
        match words.next() {
            // What it asks for is in its body.
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

    /// How metrics name what a row does: method and path as one word, without what all paths of the dialect begin with.
    pub(super) fn label(&self, route: &Route) -> String {
        let rest = |(begin, name): &(&str, &str)| Some(format!("{name}{}", route.path.strip_prefix(begin)?));
        let path = self.labels.iter().find_map(rest).unwrap_or_else(|| route.path.to_owned());
        let segments = path.split('/').map(|segment| if segment.starts_with('{') { "id" } else { segment });
        let path = segments.collect::<Vec<_>>().join("-").replace('_', "-");
        format!("{}{path}", route.method.as_str().to_ascii_lowercase())
    }
}

/// A path as it is.
pub(super) fn as_it_is(path: &str) -> Cow<'_, str> {
    Cow::Borrowed(path)
}

/// What is said of a path of a dialect that has no row. Some clients read a 404 as an answer about the object that they named, and a
/// 405 as one about the method.
pub(super) fn not_implemented(method: &Method, _: &str, is_known: bool) -> Problem {
    let what = if is_known {
        format!("this server does not serve {method} on this path")
    } else {
        "this server does not serve this path".to_owned()
    };
    Problem::new(StatusCode::NOT_IMPLEMENTED, what)
}
