//! What a row of the route table says, and whose clients come by a path.

use std::borrow::Cow;
use std::sync::OnceLock;

use percent_encoding::percent_decode_str;
use warp::http::{HeaderMap, Method, StatusCode};

use super::ask::Ask;
use super::problem::{Problem, Words};
use super::routes::ROUTES;
use super::visit::{Answering, Visit};
use super::{Answer, App, conjur};
use crate::auth::Basic;
use crate::custody::MOST_IN_ONE_CALL;
use crate::metrics;

/// The largest KMIP request, in bytes of JSON; hexadecimal doubles what it carries.
pub const MAX_KMIP: usize = 8 << 20;

// In base64, which is the shortest that data of a request may be in.
const _: () = assert!(MAX_KMIP / 4 * 3 <= MOST_IN_ONE_CALL);

/// What a route lets in and who answers.
pub(super) struct Route {
    /// `{}` stands for one segment, which the handler gets; `{*}` at the end for all that are left, slashes among them.
    pub(super) path: &'static str,
    pub(super) method: Method,
    /// The fields of its query that it knows; others are ignored unless they limit something.
    pub(super) query: &'static [&'static str],
    pub(super) body: Body,
    pub(super) handler: Handler,
    /// What metrics call it, once they have asked.
    name: OnceLock<String>,
}

/// What a request may bring.
#[derive(Clone, Copy)]
pub(super) enum Body {
    /// Nothing; a body is not read.
    None,
    /// JSON of at most so many bytes as the clients of other systems send it: the Content-Type is not asked for, and
    /// [`super::members`] reads it. KMIP's JSON is read by its own rules.
    Json(usize),
    /// JSON of at most so many bytes that only clients of this server send: the Content-Type must say so, and a member that is not
    /// known is refused.
    Strict(usize),
    /// At most so many bytes of any kind.
    Bytes(usize),
    /// The fields of a form (application/x-www-form-urlencoded) of at most so many bytes.
    Form(usize),
}

/// Who answers, and what has to be known of the caller first.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// Anyone whose connection was accepted; tells nothing about keys or callers.
    Anyone(fn(&App) -> Result<Answer, Problem>),
    /// Anyone, who brings a credential to be exchanged for an access token.
    Visitor(for<'a> fn(&'a App, Visit<'a>) -> Answering<'a>),
    /// Authenticated callers; the service decides what they may do.
    Caller(fn(&App, &Ask<'_>) -> Result<Answer, Problem>),
    /// Anyone who brings Basic credentials, as [`Handler::Visitor`]; whoever brings none, as [`Handler::Caller`].
    BasicOrCaller(for<'a> fn(&'a App, Visit<'a>) -> Answering<'a>, fn(&App, &Ask<'_>) -> Result<Answer, Problem>),
}

impl Handler {
    /// The one that answers a request with these headers.
    pub(super) fn for_request(self, headers: &HeaderMap) -> Self {
        match self {
            Self::BasicOrCaller(visitor, _) if Basic::is_in(headers) => Self::Visitor(visitor),
            Self::BasicOrCaller(_, caller) => Self::Caller(caller),
            own => own,
        }
    }
}

pub(super) const fn get(path: &'static str, handler: Handler) -> Route {
    route(path, Method::GET, Body::None, handler)
}

pub(super) const fn post(path: &'static str, body: Body, handler: Handler) -> Route {
    route(path, Method::POST, body, handler)
}

pub(super) const fn put(path: &'static str, body: Body, handler: Handler) -> Route {
    route(path, Method::PUT, body, handler)
}

pub(super) const fn patch(path: &'static str, body: Body, handler: Handler) -> Route {
    route(path, Method::PATCH, body, handler)
}

pub(super) const fn delete(path: &'static str, handler: Handler) -> Route {
    route(path, Method::DELETE, Body::None, handler)
}

/// For clients that say in a body what is to be removed.
pub(super) const fn delete_with(path: &'static str, body: Body, handler: Handler) -> Route {
    route(path, Method::DELETE, body, handler)
}

const fn route(path: &'static str, method: Method, body: Body, handler: Handler) -> Route {
    Route { path, method, query: &[], body, handler, name: OnceLock::new() }
}

impl Route {
    /// The same with fields in its query.
    pub(super) const fn asks(mut self, query: &'static [&'static str]) -> Self {
        self.query = query;
        self
    }

    /// The status of a request that its clients could have written otherwise.
    pub(super) fn fault_status(&self) -> StatusCode {
        match words(self.path) {
            Words::Hanzo => StatusCode::UNPROCESSABLE_ENTITY,
            Words::Problem | Words::Piiano | Words::Conjur => StatusCode::BAD_REQUEST,
        }
    }

    /// The family of routes, and what is asked of it, in words of the table: what the request's path holds instead of `{}` is
    /// not among them. In a dialect the path by itself does not say what is asked: it is named with its
    /// method, as in `post-kms-keys-id-encrypt`.
    pub(super) fn tell(&'static self, measured: &metrics::Request) {
        if let Some(dialect) = words(self.path).dialect() {
            measured.way(dialect);
            return measured.action(self.name.get_or_init(|| self.label()));
        }
        let mut words = self.path.split('/').skip(1);
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

    /// Method and path as one word, without what all paths of the dialect begin with.
    fn label(&self) -> String {
        // What is served by two versions of a path has two names.
        let begins = [
            ("/api/pvlt/1.0", ""),
            ("/api/v2/workspace/{}/", "/workspace/id/"),
            ("/api/v2/workspace/{}", "/workspace-by-slug"),
            ("/api/v2/folders", "/project-folders"),
            ("/api/v4/secrets", "/project-secrets"),
            ("/api/v1", ""),
            ("/api/v2", ""),
            ("/api/v3", ""),
        ];
        let rest = |(begin, name): &(&str, &str)| Some(format!("{name}{}", self.path.strip_prefix(begin)?));
        let path = begins.iter().find_map(rest).unwrap_or_else(|| self.path.to_owned());
        let path = path.replace("{}", "id").replace("{*}", "id").replace(['/', '_'], "-");
        format!("{}{path}", self.method.as_str().to_ascii_lowercase())
    }

    /// The segments for which its path has `{}`, decoded; `None` if the path is another.
    pub(super) fn parameters(&self, path: &str) -> Option<Vec<String>> {
        let (mut own, mut given) = (self.path.split('/'), path.split('/'));
        let mut parameters = Vec::new();
        let decoded = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        loop {
            match (own.next(), given.next()) {
                (None, None) => return Some(parameters),
                (Some("{*}"), Some(segment)) if !segment.is_empty() => {
                    let rest: Vec<&str> = std::iter::once(segment).chain(given).collect();
                    parameters.push(decoded(&rest.join("/"))?);
                    return Some(parameters);
                }
                (Some("{}"), Some(segment)) if !segment.is_empty() => parameters.push(decoded(segment)?),
                (Some(own), Some(segment)) if own == segment => {}
                _ => return None,
            }
        }
    }
}

/// First segments of the paths of Conjur's API, whether or not they are served; those of its authenticators begin with `authn`.
const CONJUR: [&str; 14] = [
    "authenticators",
    "branches",
    "ca",
    "groups",
    "host_factories",
    "host_factory_tokens",
    "info",
    "policies",
    "public_keys",
    "remote_health",
    "resources",
    "roles",
    "secrets",
    "workloads",
];

/// The path with the slash between `authn-jwt` and what follows as a slash: some of Conjur's clients write the name of an authenticator
/// as one segment, in which it is encoded.
pub(super) fn spelled(path: &str) -> Cow<'_, str> {
    let first = path.strip_prefix('/').and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let encoded = ["%2F", "%2f"].into_iter().filter_map(|slash| Some((first.find(slash)?, slash))).min();
    match encoded.filter(|_| first.starts_with("authn-")) {
        Some((_, slash)) => Cow::Owned(path.replacen(slash, "/", 1)),
        None => Cow::Borrowed(path),
    }
}

/// The answer to a request that no route serves. On the paths of a dialect it is 501: some clients read a 404 as an answer about the
/// object that they named, and a 405 as one about the method.
pub(super) fn not_served(method: &Method, path: &str) -> Problem {
    let words = words(path);
    if words == Words::Problem {
        return Problem::new(StatusCode::NOT_FOUND, "no such path");
    }
    let is_known = ROUTES.iter().any(|route| route.parameters(path).is_some());
    let what = match words {
        Words::Conjur => conjur::not_served(method, path),
        _ if is_known => format!("this server does not serve {method} on this path"),
        _ => "this server does not serve this path".to_owned(),
    };
    Problem::new(StatusCode::NOT_IMPLEMENTED, what)
}

/// Whose clients come by a path, whether or not there is a route.
pub(super) fn words(path: &str) -> Words {
    let mut segments = path.split('/').skip(1).map(|segment| percent_decode_str(segment).decode_utf8_lossy());
    let (first, second) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    let is_version = |text: &str| text.strip_prefix('v').is_some_and(|rest| rest.parse::<u8>().is_ok());
    match (&*first, &*second) {
        ("api", "pvlt") => Words::Piiano,
        ("api", "status") => Words::Hanzo,
        ("api", second) if is_version(second) => Words::Hanzo,
        // Ours has no account.
        ("issuers", second) if !matches!(second, "" | "test") => Words::Conjur,
        (first, _) if first.starts_with("authn") || CONJUR.contains(&first) => Words::Conjur,
        _ => Words::Problem,
    }
}

#[cfg(test)]
mod tests {
    use super::Handler::{Anyone, BasicOrCaller, Caller, Visitor};
    use super::*;
    use crate::http::about;
    use crate::kmip::Dialect;
    use crate::kmip::payloads::OPERATIONS;

    #[test]
    fn a_path_has_the_words_of_its_clients() {
        for path in
            ["/api/v1", "/api/v2/workspace", "/api/v3/secrets/raw", "/api/v1/", "/api/%76%31/kms/keys", "/api/status"]
        {
            assert_eq!(words(path), Words::Hanzo, "{path}");
        }
        for path in [
            "/secrets",
            "/secrets/a/variable/b",
            "/authn/a/login",
            "/authn-jwt%2Fa/b",
            "/resources/a",
            "/info",
            "/ca/a/b/sign",
            "/branches/acme/data",
            "/issuers/acme/aws",
        ] {
            assert_eq!(words(path), Words::Conjur, "{path}");
        }
        assert_eq!(words("/api/pvlt/1.0/ctl/info/health"), Words::Piiano);
        for path in [
            "/",
            "",
            "/api",
            "/api/v",
            "/issuers",
            "/issuers/test",
            "/api/vault/x",
            "/secretsx",
            "/kmip/2_1",
            "/access/list/authn",
            "/health",
        ] {
            assert_eq!(words(path), Words::Problem, "{path}");
        }
    }

    #[test]
    fn an_authenticator_is_one_segment_or_two() {
        for (given, expected) in [
            ("/authn-jwt%2Fa/b", "/authn-jwt/a/b"),
            ("/authn-jwt%2fa/b%2Fc", "/authn-jwt/a/b%2Fc"),
            ("/authn-jwt%2Fa%2fb/c", "/authn-jwt/a%2fb/c"),
            ("/authn-jwt%2fa%2Fb/c", "/authn-jwt/a%2Fb/c"),
            ("/authn-jwt/a%2Fb/c", "/authn-jwt/a%2Fb/c"),
            ("/authn%2Fa", "/authn%2Fa"),
            ("/secrets%2Fa/b", "/secrets%2Fa/b"),
            ("authn-jwt%2Fa", "authn-jwt%2Fa"),
            ("", ""),
        ] {
            assert_eq!(spelled(given), expected);
        }
    }

    #[test]
    fn no_route_of_a_dialect_is_strict() {
        for route in ROUTES.iter().filter(|route| words(route.path).dialect().is_some()) {
            assert!(!matches!(route.body, Body::Strict(_)), "{} {}", route.method, route.path);
        }
    }

    #[test]
    fn no_two_routes_of_a_dialect_are_one_to_metrics() {
        let of_dialects = ROUTES.iter().filter(|route| words(route.path).dialect().is_some());
        let labels: Vec<String> = of_dialects.map(Route::label).collect();
        let distinct: std::collections::HashSet<&String> = labels.iter().collect();
        assert_eq!(distinct.len(), labels.len(), "{labels:?}");
        let is_word = |label: &String| label.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
        assert!(labels.iter().all(is_word), "{labels:?}");
    }

    #[test]
    fn the_table_of_rights_has_every_request_and_no_other() {
        let table = include_str!("../../docs/rights.md");
        let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        // What follows a comma is a case of the same request.
        let named: std::collections::BTreeSet<&str> = rows.filter_map(|row| row.split(',').next()).collect();
        let operations = OPERATIONS.iter().map(|operation| operation.name(Dialect::Oasis).to_owned());
        let routes = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path));
        let served: std::collections::BTreeSet<String> = operations.chain(routes).collect();
        let missing: Vec<_> = served.iter().filter(|own| !named.contains(own.as_str())).collect();
        let unknown: Vec<_> = named.iter().filter(|own| !served.contains(**own)).collect();
        assert!(missing.is_empty(), "docs/rights.md has no row for {missing:?}");
        assert_eq!(unknown, [&"any", &"request"], "docs/rights.md names what is not served");
        for route in &ROUTES {
            let request = format!("| {} {} |", route.method, route.path);
            let row = table.lines().find(|line| line.starts_with(&request)).unwrap_or_default();
            let expected = match route.handler {
                Anyone(_) => "| anyone |",
                Visitor(_) => "| anyone with a credential |",
                BasicOrCaller(..) => {
                    let request = format!("| {} {}, with Basic credentials |", route.method, route.path);
                    let row = table.lines().find(|line| line.starts_with(&request)).unwrap_or_default();
                    assert!(row.ends_with("| anyone with a credential |"), "{request}: {row}");
                    "|"
                }
                Caller(_) => {
                    assert!(!row.contains("| anyone"), "{row}");
                    "|"
                }
            };
            assert!(row.ends_with(expected), "{row}");
        }
    }

    #[test]
    fn a_path_is_a_routes_or_it_is_not() {
        let route = get("/access/definitions/{}/{}", Anyone(about::version));
        let found = |path| route.parameters(path);
        assert_eq!(found("/access/definitions/users/jwt:i%23a%2Fb"), Some(vec!["users".into(), "jwt:i#a/b".into()]));
        for path in
            ["/access/definitions", "/access/definitions/a", "/access/definitions/a/", "/access/definitions/a/b/c", "/"]
        {
            assert_eq!(found(path), None, "{path}");
        }
        assert_eq!(found("/access/definitions/a/%ff"), None);
        let route = get("/secrets/{}/variable/{*}", Anyone(about::version));
        let found = |path| route.parameters(path);
        assert_eq!(found("/secrets/a/variable/b%2Fc/d"), Some(vec!["a".into(), "b/c/d".into()]));
        for path in ["/secrets/a/variable", "/secrets/a/variable/", "/secrets//variable/b", "/secrets/a/host/b"] {
            assert_eq!(found(path), None, "{path}");
        }
    }
}
