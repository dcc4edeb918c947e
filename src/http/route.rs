//! The route table: every way in by HTTP, on one screen.

use std::borrow::Cow;
use std::sync::OnceLock;

use percent_encoding::percent_decode_str;
use warp::http::{HeaderMap, Method, StatusCode};

use super::ask::Ask;
use super::visit::{Answering, Visit};
use super::{
    Answer, App, about, access, audit, conjur, definitions, hanzo, issuers, kmip, objects, ownership,
    problem::{Problem, Words},
    tokens, vault,
};
use crate::auth::Basic;
use crate::custody::MOST_IN_ONE_CALL;
use crate::kms::MAX_SECRET;
use crate::metrics;

/// The largest KMIP request, in bytes of JSON; hexadecimal doubles what it carries.
pub const MAX_KMIP: usize = 8 << 20;

// In base64, which is the shortest that data of a request may be in.
const _: () = assert!(MAX_KMIP / 4 * 3 <= MOST_IN_ONE_CALL);

/// The largest request with one secret, in bytes of JSON: a byte of the value takes up to six.
const MAX_JSON_SECRET: usize = MAX_SECRET * 6 + (32 << 10);

/// The largest request about access or definitions, in bytes of JSON.
const MAX_ACCESS: usize = 256 << 10;

/// The largest body in which an API key is looked for, in bytes.
const MAX_API_KEY: usize = 4 << 10;

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
    /// JSON of at most so many bytes.
    Json(usize),
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

use Body::{Bytes, Form, Json, None as Nothing};
use Handler::{Anyone, BasicOrCaller, Caller, Visitor};

/// How a request asks for a page of a list: by the entry before it, or in the dialects by their number.
const PAGE: &[&str] = &["after", "limit"];
const OFFSETS: &[&str] = &["offset", "limit"];
const WHERE: &[&str] = hanzo::secrets::WHERE;

/// How Conjur's clients ask for a list.
const RESOURCES: &[&str] = &["kind", "search", "limit", "offset", "count", "role", "acting_as", "owner"];

/// What they ask of a role, all of which is answered.
const ROLES: &[&str] =
    &["all", "memberships", "members", "graph", "kind", "search", "limit", "offset", "count", "role", "filter"];

/// The table.
pub(super) static ROUTES: [Route; 145] = [
    get("/version", Anyone(about::version)),
    get("/server-info", Anyone(about::server_info)),
    get("/health", Anyone(about::health)),
    get("/", Anyone(conjur::info::root)),
    get("/info", Anyone(conjur::info::info)),
    get("/.well-known/jwks.json", Anyone(tokens::key_set)),
    get("/whoami", Caller(about::whoami)),
    get("/api/pvlt/1.0/system/info/version", Caller(vault::version)),
    get("/api/pvlt/1.0/data/info/health", Anyone(vault::health)),
    get("/api/pvlt/1.0/ctl/info/health", Anyone(vault::health)),
    get("/api/pvlt/1.0/ctl/iam/conf", Caller(vault::iam_file)),
    post("/kmip/2_1", Json(MAX_KMIP), Caller(kmip::bare)),
    post("/kmip_2_1", Json(MAX_KMIP), Caller(kmip::bare)),
    post("/access/grant", Json(MAX_ACCESS), Caller(access::grant)),
    post("/access/revoke", Json(MAX_ACCESS), Caller(access::revoke)),
    post("/access/transfer", Json(MAX_ACCESS), Caller(access::transfer)),
    post("/access/accept", Json(MAX_ACCESS), Caller(ownership::accept)),
    post("/access/decline", Json(MAX_ACCESS), Caller(ownership::decline)),
    get("/access/offers", Caller(ownership::received)).asks(PAGE),
    get("/access/offers/made", Caller(ownership::made)).asks(PAGE),
    post("/access/recoveries", Json(MAX_ACCESS), Caller(ownership::propose)),
    post("/access/recoveries/approve", Json(MAX_ACCESS), Caller(ownership::approve)),
    post("/access/recoveries/withdraw", Json(MAX_ACCESS), Caller(ownership::withdraw)),
    get("/access/recoveries", Caller(ownership::recoveries)).asks(PAGE),
    post("/access/project", Json(MAX_ACCESS), Caller(access::project)),
    post("/access/explain", Json(MAX_ACCESS), Caller(access::explain)),
    get("/access/list/{}", Caller(access::list)).asks(&["all"]),
    get("/access/owned", Caller(access::owned)).asks(&["after", "limit", "offset"]),
    get("/access/obtained", Caller(access::obtained)).asks(&["after", "limit", "offset"]),
    get("/access/create", Caller(access::create)),
    get("/access/privileged", Caller(access::privileged)),
    get("/objects", Caller(objects::list)).asks(&["after", "limit", "owner", "project"]),
    get("/audit/public-key", Caller(audit::public_key)),
    get("/audit/head", Caller(audit::head)),
    post("/audit/search", Json(MAX_ACCESS), Caller(audit::search)),
    post("/authn-jwt/{}/{}/authenticate", Form(MAX_ACCESS), Visitor(conjur::authenticate::authenticate)),
    post("/authn-jwt/{}/{}/{}/authenticate", Form(MAX_ACCESS), Visitor(conjur::authenticate::authenticate)),
    get("/authn-jwt/{}/{}/status", Caller(conjur::status::status)),
    post("/authn/{}/{}/authenticate", Bytes(MAX_API_KEY), Visitor(conjur::api_key::authenticate)),
    get("/authn/{}/login", Visitor(conjur::api_key::log_in)),
    put("/authn/{}/api_key", Nothing, BasicOrCaller(conjur::api_key::rotate_own, conjur::api_key::issue))
        .asks(&["role"]),
    delete("/authn/{}/api_key", Caller(conjur::api_key::remove)).asks(&["role"]),
    patch("/authn-jwt/{}/{}", Form(MAX_ACCESS), Caller(conjur::authenticators::switch)),
    get("/authenticators", Caller(conjur::authenticators::list)),
    get("/resources/{}", Caller(conjur::resources::list)).asks(RESOURCES),
    get("/resources/{}/{}", Caller(conjur::resources::list)).asks(RESOURCES),
    get("/resources/{}/{}/{*}", Caller(conjur::resources::show)).asks(&[
        "check",
        "privilege",
        "role",
        "permitted_roles",
    ]),
    get("/roles/{}/{}/{*}", Caller(conjur::roles::show)).asks(ROLES),
    get("/secrets", Caller(conjur::secrets::batch)).asks(&["variable_ids"]),
    get("/secrets/{}/variable/{*}", Caller(conjur::secrets::read)).asks(&["version"]),
    post("/secrets/{}/variable/{*}", Bytes(MAX_SECRET), Caller(conjur::secrets::write)).asks(&["expirations"]),
    delete("/secrets/{}/variable/{*}", Caller(conjur::secrets::remove)),
    post("/api/v1/auth/jwt-auth/login", Json(MAX_ACCESS), Visitor(hanzo::login::by_jwt_auth)),
    post("/api/v1/auth/jwt-auth/identities/{}", Json(MAX_ACCESS), Caller(hanzo::jwt_auth::attach)),
    patch("/api/v1/auth/jwt-auth/identities/{}", Json(MAX_ACCESS), Caller(hanzo::jwt_auth::change)),
    get("/api/v1/auth/jwt-auth/identities/{}", Caller(hanzo::jwt_auth::get)),
    delete("/api/v1/auth/jwt-auth/identities/{}", Caller(hanzo::jwt_auth::remove)),
    post("/api/v1/auth/oidc-auth/login", Json(MAX_ACCESS), Visitor(hanzo::login::by_oidc_auth)),
    post("/api/v1/auth/oidc-auth/identities/{}", Json(MAX_ACCESS), Caller(hanzo::oidc_auth::attach)),
    patch("/api/v1/auth/oidc-auth/identities/{}", Json(MAX_ACCESS), Caller(hanzo::oidc_auth::change)),
    get("/api/v1/auth/oidc-auth/identities/{}", Caller(hanzo::oidc_auth::get)),
    delete("/api/v1/auth/oidc-auth/identities/{}", Caller(hanzo::oidc_auth::remove)),
    post("/api/v1/auth/universal-auth/login", Json(MAX_ACCESS), Visitor(hanzo::client_secrets::log_in)),
    post("/api/v1/auth/universal-auth/identities/{}", Json(MAX_ACCESS), Caller(hanzo::universal_auth::attach)),
    patch("/api/v1/auth/universal-auth/identities/{}", Json(MAX_ACCESS), Caller(hanzo::universal_auth::change)),
    get("/api/v1/auth/universal-auth/identities/{}", Caller(hanzo::universal_auth::get)),
    delete("/api/v1/auth/universal-auth/identities/{}", Caller(hanzo::universal_auth::remove)),
    post(
        "/api/v1/auth/universal-auth/identities/{}/client-secrets",
        Json(MAX_ACCESS),
        Caller(hanzo::client_secrets::create),
    ),
    get("/api/v1/auth/universal-auth/identities/{}/client-secrets", Caller(hanzo::client_secrets::list)),
    get("/api/v1/auth/universal-auth/identities/{}/client-secrets/{}", Caller(hanzo::client_secrets::get)),
    post(
        "/api/v1/auth/universal-auth/identities/{}/client-secrets/{}/revoke",
        Json(MAX_ACCESS),
        Caller(hanzo::client_secrets::revoke),
    ),
    post(
        "/api/v1/auth/universal-auth/identities/{}/clear-lockouts",
        Json(MAX_ACCESS),
        Caller(hanzo::client_secrets::clear_lockouts),
    ),
    post("/api/v1/auth/token/renew", Json(MAX_ACCESS), Visitor(hanzo::tokens::renew)),
    post("/api/v1/auth/token/revoke", Json(MAX_ACCESS), Visitor(hanzo::tokens::revoke)),
    post("/api/v1/identities", Json(MAX_ACCESS), Caller(hanzo::identities::create)),
    get("/api/v1/identities", Caller(hanzo::identities::list)).asks(OFFSETS),
    get("/api/v1/identities/{}", Caller(hanzo::identities::get)),
    patch("/api/v1/identities/{}", Json(MAX_ACCESS), Caller(hanzo::identities::change)),
    delete("/api/v1/identities/{}", Caller(hanzo::identities::remove)),
    post("/api/v2/workspace", Json(MAX_ACCESS), Caller(hanzo::projects::create)),
    get("/api/v1/workspace", Caller(hanzo::projects::list)).asks(OFFSETS),
    get("/api/v1/workspace/{}", Caller(hanzo::projects::get)),
    patch("/api/v1/workspace/{}", Json(MAX_ACCESS), Caller(hanzo::projects::change)),
    delete("/api/v1/workspace/{}", Caller(hanzo::projects::remove)),
    get("/api/v2/workspace/{}", Caller(hanzo::projects::get_by_slug)),
    patch("/api/v2/workspace/{}", Json(MAX_ACCESS), Caller(hanzo::projects::change_by_slug)),
    delete("/api/v2/workspace/{}", Caller(hanzo::projects::remove_by_slug)),
    get("/api/v2/workspace/{}/identity-memberships", Caller(hanzo::memberships::list)).asks(OFFSETS),
    get("/api/v2/workspace/{}/identity-memberships/{}", Caller(hanzo::memberships::get)),
    post("/api/v2/workspace/{}/identity-memberships/{}", Json(MAX_ACCESS), Caller(hanzo::memberships::put)),
    patch("/api/v2/workspace/{}/identity-memberships/{}", Json(MAX_ACCESS), Caller(hanzo::memberships::put)),
    delete("/api/v2/workspace/{}/identity-memberships/{}", Caller(hanzo::memberships::remove)),
    get("/api/v1/workspace/{}/environments", Caller(hanzo::environments::list)),
    post("/api/v1/workspace/{}/environments", Json(MAX_ACCESS), Caller(hanzo::environments::create)),
    patch("/api/v1/workspace/{}/environments/{}", Json(MAX_ACCESS), Caller(hanzo::environments::change)),
    delete("/api/v1/workspace/{}/environments/{}", Caller(hanzo::environments::remove)),
    get("/api/v1/workspace/{}/tags", Caller(hanzo::environments::list_tags)),
    post("/api/v1/workspace/{}/tags", Json(MAX_ACCESS), Caller(hanzo::environments::create_tag)),
    delete("/api/v1/workspace/{}/tags/{}", Caller(hanzo::environments::remove_tag)),
    get("/api/v1/folders", Caller(hanzo::folders::list)).asks(hanzo::folders::LIST),
    post("/api/v1/folders", Json(MAX_ACCESS), Caller(hanzo::folders::create)),
    get("/api/v1/folders/{}", Caller(hanzo::folders::get)),
    patch("/api/v1/folders/{}", Json(MAX_ACCESS), Caller(hanzo::folders::change)),
    delete_with("/api/v1/folders/{}", Json(MAX_ACCESS), Caller(hanzo::folders::remove)),
    get("/api/v2/folders", Caller(hanzo::folders::list)).asks(hanzo::folders::LIST),
    post("/api/v2/folders", Json(MAX_ACCESS), Caller(hanzo::folders::create)),
    get("/api/v2/folders/{}", Caller(hanzo::folders::get)),
    patch("/api/v2/folders/{}", Json(MAX_ACCESS), Caller(hanzo::folders::change)),
    delete_with("/api/v2/folders/{}", Json(MAX_ACCESS), Caller(hanzo::folders::remove)),
    get("/api/v3/secrets/raw", Caller(hanzo::secrets::list)).asks(hanzo::secrets::LIST),
    post("/api/v3/secrets/batch/raw", Json(MAX_KMIP), Caller(hanzo::secrets::batch::create)),
    patch("/api/v3/secrets/batch/raw", Json(MAX_KMIP), Caller(hanzo::secrets::batch::update)),
    delete_with("/api/v3/secrets/batch/raw", Json(MAX_ACCESS), Caller(hanzo::secrets::batch::remove)),
    get("/api/v3/secrets/raw/{}", Caller(hanzo::secrets::get)).asks(hanzo::secrets::ONE),
    post("/api/v3/secrets/raw/{}", Json(MAX_JSON_SECRET), Caller(hanzo::secrets::write::create)).asks(WHERE),
    patch("/api/v3/secrets/raw/{}", Json(MAX_JSON_SECRET), Caller(hanzo::secrets::write::update)).asks(WHERE),
    delete_with("/api/v3/secrets/raw/{}", Json(MAX_ACCESS), Caller(hanzo::secrets::write::remove)).asks(WHERE),
    get("/api/v4/secrets", Caller(hanzo::secrets::list)).asks(hanzo::secrets::LIST),
    post("/api/v4/secrets/batch", Json(MAX_KMIP), Caller(hanzo::secrets::batch::create)),
    patch("/api/v4/secrets/batch", Json(MAX_KMIP), Caller(hanzo::secrets::batch::update)),
    delete_with("/api/v4/secrets/batch", Json(MAX_ACCESS), Caller(hanzo::secrets::batch::remove)),
    get("/api/v4/secrets/{}", Caller(hanzo::secrets::get)).asks(hanzo::secrets::ONE),
    post("/api/v4/secrets/{}", Json(MAX_JSON_SECRET), Caller(hanzo::secrets::write::create)).asks(WHERE),
    patch("/api/v4/secrets/{}", Json(MAX_JSON_SECRET), Caller(hanzo::secrets::write::update)).asks(WHERE),
    delete_with("/api/v4/secrets/{}", Json(MAX_ACCESS), Caller(hanzo::secrets::write::remove)).asks(WHERE),
    post("/api/v1/kms/keys", Json(MAX_ACCESS), Caller(hanzo::keys::create)),
    get("/api/v1/kms/keys", Caller(hanzo::keys::list)).asks(&[
        "projectId",
        "offset",
        "limit",
        "search",
        "orderBy",
        "orderDirection",
    ]),
    get("/api/v1/kms/keys/key-name/{}", Caller(hanzo::keys::by_name)).asks(&["projectId"]),
    get("/api/v1/kms/keys/{}", Caller(hanzo::keys::get)),
    patch("/api/v1/kms/keys/{}", Json(MAX_ACCESS), Caller(hanzo::keys::change)),
    delete("/api/v1/kms/keys/{}", Caller(hanzo::keys::remove)),
    post("/api/v1/kms/keys/{}/encrypt", Json(MAX_KMIP), Caller(hanzo::keys::cipher::encrypt)),
    post("/api/v1/kms/keys/{}/decrypt", Json(MAX_KMIP), Caller(hanzo::keys::cipher::decrypt)),
    post("/api/v1/kms/keys/{}/sign", Json(MAX_KMIP), Caller(hanzo::keys::signature::sign)),
    post("/api/v1/kms/keys/{}/verify", Json(MAX_KMIP), Caller(hanzo::keys::signature::verify)),
    get("/api/v1/kms/keys/{}/public-key", Caller(hanzo::keys::signature::public_key)),
    get("/api/v1/kms/keys/{}/signing-algorithms", Caller(hanzo::keys::signature::algorithms)),
    get("/access/tokens", Caller(tokens::list)).asks(&["subject", "after", "limit"]),
    delete("/access/tokens/{}", Caller(tokens::end)),
    post("/access/token-key", Json(MAX_ACCESS), Caller(tokens::rotate)),
    get("/issuers", Caller(issuers::list)).asks(PAGE),
    post("/issuers/test", Json(MAX_ACCESS), Caller(issuers::test)),
    get("/access/definitions/{}", Caller(definitions::list)).asks(PAGE),
    put("/access/definitions/{}/{}", Json(MAX_ACCESS), Caller(definitions::put)),
    delete("/access/definitions/{}/{}", Caller(definitions::remove)),
];

const fn get(path: &'static str, handler: Handler) -> Route {
    route(path, Method::GET, Nothing, handler)
}

const fn post(path: &'static str, body: Body, handler: Handler) -> Route {
    route(path, Method::POST, body, handler)
}

const fn put(path: &'static str, body: Body, handler: Handler) -> Route {
    route(path, Method::PUT, body, handler)
}

const fn patch(path: &'static str, body: Body, handler: Handler) -> Route {
    route(path, Method::PATCH, body, handler)
}

const fn delete(path: &'static str, handler: Handler) -> Route {
    route(path, Method::DELETE, Nothing, handler)
}

/// For clients that say in a body what is to be removed.
const fn delete_with(path: &'static str, body: Body, handler: Handler) -> Route {
    route(path, Method::DELETE, body, handler)
}

const fn route(path: &'static str, method: Method, body: Body, handler: Handler) -> Route {
    Route { path, method, query: &[], body, handler, name: OnceLock::new() }
}

impl Route {
    /// The same with fields in its query.
    const fn asks(mut self, query: &'static [&'static str]) -> Self {
        self.query = query;
        self
    }

    /// Whether the clients of another system come by it.
    pub(super) fn is_of_dialect(&self) -> bool {
        words(self.path).dialect().is_some()
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
const CONJUR: [&str; 11] = [
    "authenticators",
    "ca",
    "host_factories",
    "host_factory_tokens",
    "info",
    "policies",
    "public_keys",
    "remote_health",
    "resources",
    "roles",
    "secrets",
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

/// The answer to what no route serves: on the paths of a dialect its clients are told that the server does not serve it, because
/// some of them take a 404 for an answer about what they asked for, and a 405 for one about how.
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
        (first, _) if first.starts_with("authn") || CONJUR.contains(&first) => Words::Conjur,
        _ => Words::Problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        ] {
            assert_eq!(words(path), Words::Conjur, "{path}");
        }
        assert_eq!(words("/api/pvlt/1.0/ctl/info/health"), Words::Piiano);
        for path in
            ["/", "", "/api", "/api/v", "/api/vault/x", "/secretsx", "/kmip/2_1", "/access/list/authn", "/health"]
        {
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
