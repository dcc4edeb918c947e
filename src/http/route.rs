//! The route table: every way in by HTTP, on one screen.

use percent_encoding::percent_decode_str;
use warp::http::{HeaderMap, Method};

use super::visit::{Answering, Visit};
use super::{
    Answer, App, about, access, audit, conjur, definitions, hanzo, issuers, kmip,
    problem::{Problem, Words},
    tokens, vault,
};
use crate::kms::{Context, MAX_SECRET};
use crate::metrics;

/// The largest KMIP request, in bytes of JSON; hexadecimal doubles what it carries.
pub const MAX_KMIP: usize = 8 << 20;

/// The largest request about access or definitions, in bytes of JSON.
const MAX_ACCESS: usize = 256 << 10;

/// What a route lets in and who answers.
pub(super) struct Route {
    /// `{}` stands for one segment, which the handler gets; `{*}` at the end for all that are left, slashes among them.
    pub(super) path: &'static str,
    pub(super) method: Method,
    pub(super) body: Body,
    pub(super) handler: Handler,
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
}

/// What an authenticated caller asks.
pub(super) struct Ask<'a> {
    pub(super) context: Context<'a>,
    pub(super) measured: &'a metrics::Request<'a>,
    /// The segments of the path for which its route has `{}`.
    pub(super) parameters: &'a [String],
    pub(super) headers: &'a HeaderMap,
    /// What follows the `?`.
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
}

use Body::{Bytes, Form, Json, None as Nothing};
use Handler::{Anyone, Caller, Visitor};

/// The table.
pub(super) static ROUTES: [Route; 64] = [
    get("/version", Anyone(about::version)),
    get("/health", Anyone(about::health)),
    get("/.well-known/jwks.json", Anyone(tokens::key_set)),
    get("/whoami", Caller(about::whoami)),
    get("/api/pvlt/1.0/system/info/version", Caller(vault::version)),
    post("/kmip/2_1", Json(MAX_KMIP), Caller(kmip::bare)),
    post("/kmip_2_1", Json(MAX_KMIP), Caller(kmip::bare)),
    post("/access/grant", Json(MAX_ACCESS), Caller(access::grant)),
    post("/access/revoke", Json(MAX_ACCESS), Caller(access::revoke)),
    post("/access/transfer", Json(MAX_ACCESS), Caller(access::transfer)),
    post("/access/project", Json(MAX_ACCESS), Caller(access::project)),
    post("/access/explain", Json(MAX_ACCESS), Caller(access::explain)),
    get("/access/list/{}", Caller(access::list)),
    get("/access/owned", Caller(access::owned)),
    get("/access/obtained", Caller(access::obtained)),
    get("/access/create", Caller(access::create)),
    get("/access/privileged", Caller(access::privileged)),
    get("/audit/public-key", Caller(audit::public_key)),
    get("/audit/head", Caller(audit::head)),
    post("/audit/search", Json(MAX_ACCESS), Caller(audit::search)),
    post("/authn-jwt/{}/{}/authenticate", Form(MAX_ACCESS), Visitor(conjur::authenticate::authenticate)),
    post("/authn-jwt/{}/{}/{}/authenticate", Form(MAX_ACCESS), Visitor(conjur::authenticate::authenticate)),
    get("/authn-jwt/{}/{}/status", Caller(conjur::status::status)),
    get("/secrets", Caller(conjur::secrets::batch)),
    get("/secrets/{}/variable/{*}", Caller(conjur::secrets::read)),
    post("/secrets/{}/variable/{*}", Bytes(MAX_SECRET), Caller(conjur::secrets::write)),
    delete("/secrets/{}/variable/{*}", Caller(conjur::secrets::remove)),
    post("/api/v1/auth/jwt-auth/login", Json(MAX_ACCESS), Visitor(hanzo::login::login)),
    post("/api/v1/auth/jwt-auth/identities/{}", Json(MAX_ACCESS), Caller(hanzo::jwt_auth::attach)),
    patch("/api/v1/auth/jwt-auth/identities/{}", Json(MAX_ACCESS), Caller(hanzo::jwt_auth::change)),
    get("/api/v1/auth/jwt-auth/identities/{}", Caller(hanzo::jwt_auth::get)),
    delete("/api/v1/auth/jwt-auth/identities/{}", Caller(hanzo::jwt_auth::remove)),
    post("/api/v1/auth/token/renew", Json(MAX_ACCESS), Visitor(hanzo::tokens::renew)),
    post("/api/v1/auth/token/revoke", Json(MAX_ACCESS), Visitor(hanzo::tokens::revoke)),
    post("/api/v1/identities", Json(MAX_ACCESS), Caller(hanzo::identities::create)),
    get("/api/v1/identities", Caller(hanzo::identities::list)),
    get("/api/v1/identities/{}", Caller(hanzo::identities::get)),
    patch("/api/v1/identities/{}", Json(MAX_ACCESS), Caller(hanzo::identities::change)),
    delete("/api/v1/identities/{}", Caller(hanzo::identities::remove)),
    post("/api/v2/workspace", Json(MAX_ACCESS), Caller(hanzo::projects::create)),
    get("/api/v2/workspace/{}/identity-memberships", Caller(hanzo::projects::members)),
    post("/api/v2/workspace/{}/identity-memberships/{}", Json(MAX_ACCESS), Caller(hanzo::projects::put_member)),
    patch("/api/v2/workspace/{}/identity-memberships/{}", Json(MAX_ACCESS), Caller(hanzo::projects::put_member)),
    delete("/api/v2/workspace/{}/identity-memberships/{}", Caller(hanzo::projects::remove_member)),
    post("/api/v1/kms/keys", Json(MAX_ACCESS), Caller(hanzo::keys::create)),
    get("/api/v1/kms/keys", Caller(hanzo::keys::list)),
    get("/api/v1/kms/keys/key-name/{}", Caller(hanzo::keys::by_name)),
    get("/api/v1/kms/keys/{}", Caller(hanzo::keys::get)),
    patch("/api/v1/kms/keys/{}", Json(MAX_ACCESS), Caller(hanzo::keys::change)),
    delete("/api/v1/kms/keys/{}", Caller(hanzo::keys::remove)),
    post("/api/v1/kms/keys/{}/encrypt", Json(MAX_KMIP), Caller(hanzo::keys::cipher::encrypt)),
    post("/api/v1/kms/keys/{}/decrypt", Json(MAX_KMIP), Caller(hanzo::keys::cipher::decrypt)),
    post("/api/v1/kms/keys/{}/sign", Json(MAX_KMIP), Caller(hanzo::keys::signature::sign)),
    post("/api/v1/kms/keys/{}/verify", Json(MAX_KMIP), Caller(hanzo::keys::signature::verify)),
    get("/api/v1/kms/keys/{}/public-key", Caller(hanzo::keys::signature::public_key)),
    get("/api/v1/kms/keys/{}/signing-algorithms", Caller(hanzo::keys::signature::algorithms)),
    get("/access/tokens", Caller(tokens::list)),
    delete("/access/tokens/{}", Caller(tokens::end)),
    post("/access/token-key", Json(MAX_ACCESS), Caller(tokens::rotate)),
    get("/issuers", Caller(issuers::list)),
    post("/issuers/test", Json(MAX_ACCESS), Caller(issuers::test)),
    get("/access/definitions/{}", Caller(definitions::list)),
    put("/access/definitions/{}/{}", Json(MAX_ACCESS), Caller(definitions::put)),
    delete("/access/definitions/{}/{}", Caller(definitions::remove)),
];

const fn get(path: &'static str, handler: Handler) -> Route {
    Route { path, method: Method::GET, body: Nothing, handler }
}

const fn post(path: &'static str, body: Body, handler: Handler) -> Route {
    Route { path, method: Method::POST, body, handler }
}

const fn put(path: &'static str, body: Body, handler: Handler) -> Route {
    Route { path, method: Method::PUT, body, handler }
}

const fn patch(path: &'static str, body: Body, handler: Handler) -> Route {
    Route { path, method: Method::PATCH, body, handler }
}

const fn delete(path: &'static str, handler: Handler) -> Route {
    Route { path, method: Method::DELETE, body: Nothing, handler }
}

impl Route {
    /// The family of routes, and what is asked of it, in words of the table: what the request's path holds instead of `{}` is
    /// not among them.
    pub(super) fn tell(&self, measured: &metrics::Request<'_>) {
        let mut words = self.path.split('/').skip(1);
        match words.next() {
            // What it asks for is in its body.
            Some("kmip" | "kmip_2_1") => measured.way("kmip"),
            Some(family) => {
                measured.way(family);
                if let Some(action) = words.next() {
                    measured.action(action);
                }
            }
            None => {}
        }
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

/// Whose clients come by a path, whether or not there is a route.
pub(super) fn words(path: &str) -> Words {
    let families = [
        ("/api/v1/", Words::Hanzo),
        ("/api/v2/", Words::Hanzo),
        ("/authn-jwt/", Words::Conjur),
        ("/secrets", Words::Conjur),
    ];
    families.iter().find(|(begins, _)| path.starts_with(begins)).map_or(Words::Problem, |(_, words)| *words)
}

/// The value of a name in a query.
pub(super) fn value(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(own, _)| *own == name)?;
    percent_decode_str(value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

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
