//! The paths of Conjur.

use std::borrow::Cow;

use schemars::JsonSchema;
use warp::http::{Method, StatusCode};

use super::super::api::Api;
use super::super::bounds::MAX_ACCESS;
use super::super::problem::Problem;
use super::super::route::Body::{Bytes, Form, None as Nothing};
use super::super::route::Handler::{Anyone, BasicOrCaller, Caller, Visitor};
use super::super::route::{Route, delete, get, patch, post, put};
use super::super::typed::Gives;
use super::shapes::{TEXT, refusal};
use super::token::TOKEN;
use super::unserved::not_served;
use super::{api_key, authenticate, authenticators, info, resources, roles, secrets, status};
use crate::kms::MAX_SECRET;

/// The largest body with an API key, in bytes.
const MAX_API_KEY: usize = 4 << 10;

/// The query parameters of a list of resources.
const RESOURCES: &[&str] = &["kind", "search", "limit", "offset", "count", "role", "acting_as", "owner"];

/// The query parameters of a role. Each of them is known, but those that are not supported are refused.
const ROLES: &[&str] =
    &["all", "memberships", "members", "graph", "kind", "search", "limit", "offset", "count", "role", "filter"];

/// The first segments of Conjur's paths, served or not. Those of authenticators begin with `authn`, and are not in this
/// list.
const FIRST: [&str; 14] = [
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

/// The forms of requests.
#[derive(JsonSchema)]
struct Login {
    /// The JWT.
    #[schemars(rename = "jwt")]
    _jwt: String,
}

#[derive(JsonSchema)]
struct Switch {
    /// Whether the authenticator accepts logins: `true` or `false`.
    #[schemars(rename = "enabled")]
    _enabled: String,
}

/// An API key as a text.
const KEY: Gives = Gives::Text(&["text/plain"]);

/// The API. Its paths have no common prefix.
pub(in crate::http) static API: Api = Api {
    dialect: Some("conjur"),
    has: |first, second| match first {
        // `/issuers` and `/issuers/test` are paths of the server itself.
        "issuers" => !matches!(second, "" | "test"),
        first => first.starts_with("authn") || FIRST.contains(&first),
    },
    rows: &ROWS,
    labels: &[],
    spelled,
    fault: StatusCode::BAD_REQUEST,
    refusal,
    unserved,
};

fn unserved(method: &Method, path: &str, _: bool) -> Problem {
    Problem::new(StatusCode::NOT_IMPLEMENTED, not_served(method, path))
}

/// Returns the path with the encoded slash after `authn-jwt` decoded. Some clients write the name of an authenticator
/// as one segment, in which the slash is encoded.
fn spelled(path: &str) -> Cow<'_, str> {
    let first = path.strip_prefix('/').and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let encoded = ["%2F", "%2f"].into_iter().filter_map(|slash| Some((first.find(slash)?, slash))).min();
    match encoded.filter(|_| first.starts_with("authn-")) {
        Some((_, slash)) => Cow::Owned(path.replacen(slash, "/", 1)),
        None => Cow::Borrowed(path),
    }
}

static ROWS: [Route; 18] = [
    get("/info", Anyone(info::info)).gives(info::INFO),
    post("/authn-jwt/{service}/{account}/authenticate", Form(MAX_ACCESS), Visitor(authenticate::authenticate))
        .takes::<Login>()
        .gives(TOKEN),
    post("/authn-jwt/{service}/{account}/{login}/authenticate", Form(MAX_ACCESS), Visitor(authenticate::authenticate))
        .takes::<Login>()
        .gives(TOKEN),
    get("/authn-jwt/{service}/{account}/status", Caller(status::status)).gives(Gives::Object(&[("status", TEXT)])),
    post("/authn/{account}/{login}/authenticate", Bytes(MAX_API_KEY), Visitor(api_key::authenticate)).gives(TOKEN),
    get("/authn/{account}/login", Visitor(api_key::log_in)).gives(KEY),
    put("/authn/{account}/api_key", Nothing, BasicOrCaller(api_key::rotate_own, api_key::issue))
        .asks(&["role"])
        .gives(KEY),
    delete("/authn/{account}/api_key", Caller(api_key::remove)).asks(&["role"]),
    patch("/authn-jwt/{service}/{account}", Form(MAX_ACCESS), Caller(authenticators::switch)).takes::<Switch>(),
    get("/authenticators", Caller(authenticators::list)).gives(authenticators::ALL),
    get("/resources/{account}", Caller(resources::list)).asks(RESOURCES).gives(resources::ALL),
    get("/resources/{account}/{kind}", Caller(resources::list)).asks(RESOURCES).gives(resources::ALL),
    get("/resources/{account}/{kind}/{*id}", Caller(resources::show))
        .asks(&["check", "privilege", "role", "permitted_roles"])
        .gives(resources::ONE),
    get("/roles/{account}/{kind}/{*id}", Caller(roles::show)).asks(ROLES).gives(roles::ROLE),
    get("/secrets", Caller(secrets::batch)).asks(&["variable_ids"]).gives(secrets::BATCH),
    get("/secrets/{account}/variable/{*id}", Caller(secrets::read))
        .asks(&["version"])
        .gives(Gives::Bytes("application/octet-stream")),
    post("/secrets/{account}/variable/{*id}", Bytes(MAX_SECRET), Caller(secrets::write)).asks(&["expirations"]),
    delete("/secrets/{account}/variable/{*id}", Caller(secrets::remove)),
];

#[cfg(test)]
mod tests {
    use super::*;

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
}
