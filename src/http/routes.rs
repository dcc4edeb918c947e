//! The HTTP routes: the server's own paths, those of the dialects, and the lookup of the route of a request.

use std::sync::LazyLock;

use percent_encoding::percent_decode_str;
use warp::http::{Method, StatusCode};

use super::answer::Answer;
use super::api::{Api, as_it_is};
use super::app::App;
use super::bounds::{MAX_ACCESS, MAX_KMIP};
use super::caller_request::Parameters;
use super::problem::Problem;
use super::route::Body::{Bytes, Json, Strict};
use super::route::Handler::{Anyone, AtOnce, Caller};
use super::route::{PAGE, Route, delete, get, post, put};
use super::typed::{Gives, typed};
use super::{
    about, access, audit, conjur, definitions, hanzo, issuers, kmip, objects, openapi, ownership, piiano, tokens,
};
use crate::api::about::{DatabaseHealth, Health, ServerInfo, WhoAmI};
use crate::api::access::{
    Change, Explanation, InProject, IsPrivileged, Listed, MayCreate, Obtained, Owned, Question, Transfer,
};
use crate::api::audit::{Found, Search};
use crate::api::definitions::{Defined, Entry};
use crate::api::issuers::{Issuer, ToTest, Verdicts};
use crate::api::objects::Object;
use crate::api::ownership::{NewRecovery, Offer, Offered, OneRecovery, Recovery};
use crate::api::tokens::{AccessToken, Rotated};
use crate::api::{Nothing, Success};

/// The systems that have paths. The last one has all paths that belong to no other system.
static APIS: [&Api; 4] = [&piiano::API, &hanzo::API, &conjur::API, &OWN];

/// The server's own paths, including those that Cosmian's clients use.
static OWN: Api = Api {
    dialect: None,
    has: |_, _| true,
    rows: &ROWS,
    labels: &[],
    spelled: as_it_is,
    fault: StatusCode::BAD_REQUEST,
    refusal,
    unserved,
};

static ROWS: [Route; 41] = [
    get("/version", AtOnce(about::version)).does("Version of the server, as a text", Gives::One(typed::<String>)),
    get("/server-info", AtOnce(about::server_info)).does("Version of the server", Gives::One(typed::<ServerInfo>)),
    get("/health", Anyone(about::health)).does("Health of the parts of the server", Gives::One(typed::<Health>)),
    get("/health/database", Caller(about::database))
        .does("State of the database, for administrators and auditors", Gives::One(typed::<DatabaseHealth>)),
    get("/openapi.json", Anyone(openapi_document)).does("This document", Gives::Json),
    get("/", Anyone(conjur::root)).does("Version and name of the server", conjur::ROOT),
    get("/.well-known/jwks.json", Anyone(tokens::key_set)).does("Public keys of access tokens (RFC 7517)", Gives::Json),
    get("/whoami", Caller(about::whoami)).does("The caller", Gives::One(typed::<WhoAmI>)),
    post("/kmip", Bytes(MAX_KMIP), Caller(kmip::message)).does("A KMIP message", Gives::Message),
    post("/kmip/2_1", Json(MAX_KMIP), Caller(kmip::bare)).does("An operation or a message of KMIP 2.1", Gives::Item),
    post("/kmip_2_1", Json(MAX_KMIP), Caller(kmip::bare)).does("The same as /kmip/2_1", Gives::Item),
    post("/access/grant", Json(MAX_ACCESS), Caller(access::grant))
        .takes::<Change>()
        .does("Grant operations on an object", DONE),
    post("/access/revoke", Json(MAX_ACCESS), Caller(access::revoke)).takes::<Change>().does("Take back a grant", DONE),
    post("/access/transfer", Strict(MAX_ACCESS), Caller(access::transfer))
        .takes::<Transfer>()
        .does("Offer an object to a new owner", DONE),
    post("/access/accept", Strict(MAX_ACCESS), Caller(ownership::accept))
        .takes::<Offered>()
        .does("Accept an offered object", DONE),
    post("/access/decline", Strict(MAX_ACCESS), Caller(ownership::decline))
        .takes::<Offered>()
        .does("Decline an offered object, or withdraw an offer", DONE),
    get("/access/offers", Caller(ownership::received))
        .asks(PAGE)
        .does("Objects that are offered to the caller", Gives::Page("offers", typed::<Offer>)),
    get("/access/offers/made", Caller(ownership::made))
        .asks(PAGE)
        .does("Objects that the caller offers", Gives::Page("offers", typed::<Offer>)),
    post("/access/recoveries", Strict(MAX_ACCESS), Caller(ownership::propose))
        .takes::<NewRecovery>()
        .does("Propose a new owner for an object", Gives::One(typed::<Recovery>)),
    post("/access/recoveries/approve", Strict(MAX_ACCESS), Caller(ownership::approve))
        .takes::<OneRecovery>()
        .does("Approve a recovery", Gives::One(typed::<Recovery>)),
    post("/access/recoveries/withdraw", Strict(MAX_ACCESS), Caller(ownership::withdraw))
        .takes::<OneRecovery>()
        .does("Withdraw a recovery", DONE),
    get("/access/recoveries", Caller(ownership::recoveries))
        .asks(PAGE)
        .does("Open recoveries", Gives::Page("recoveries", typed::<Recovery>)),
    post("/access/project", Strict(MAX_ACCESS), Caller(access::project))
        .takes::<InProject>()
        .does("Put an object into a project, or take it out", DONE),
    post("/access/explain", Strict(MAX_ACCESS), Caller(access::explain))
        .takes::<Question>()
        .does("Whether a user may do an operation, and the rule that decides", Gives::One(typed::<Explanation>)),
    get("/access/list/{id}", Caller(access::list))
        .asks(&["all"])
        .does("Grants on an object; with all=true also its owner and members", Gives::One(typed::<Listed>)),
    get("/access/owned", Caller(access::owned))
        .asks(&["after", "limit", "offset"])
        .does("Objects that the caller owns", Gives::Array(typed::<Owned>)),
    get("/access/obtained", Caller(access::obtained))
        .asks(&["after", "limit", "offset"])
        .does("Objects of others on which the caller has grants", Gives::Array(typed::<Obtained>)),
    get("/access/create", Caller(access::create))
        .does("Whether the caller may add objects", Gives::One(typed::<MayCreate>)),
    get("/access/privileged", Caller(access::privileged))
        .does("Whether the caller is an administrator", Gives::One(typed::<IsPrivileged>)),
    get("/objects", Caller(objects::list))
        .asks(&["after", "limit", "owner", "project"])
        .does("Inventory, for administrators and auditors", Gives::Page("objects", typed::<Object>)),
    get("/audit/public-key", Caller(audit::public_key))
        .does("Public key of the audit log, as PEM", Gives::Text(&["application/x-pem-file"])),
    get("/audit/head", Caller(audit::head)).does("Last checkpoint of the audit log", Gives::Json),
    post("/audit/search", Strict(MAX_ACCESS), Caller(audit::search))
        .takes::<Search>()
        .does("Lines of the audit log", Gives::One(typed::<Found>)),
    get("/access/tokens", Caller(tokens::list))
        .asks(&["subject", "after", "limit"])
        .does("Access tokens", Gives::Array(typed::<AccessToken>)),
    delete("/access/tokens/{id}", Caller(tokens::end)).does("Revoke an access token", DONE),
    post("/access/token-key", Strict(MAX_ACCESS), Caller(tokens::rotate))
        .takes::<Nothing>()
        .does("Make a new key for access tokens", Gives::One(typed::<Rotated>)),
    get("/issuers", Caller(issuers::list)).asks(PAGE).does("Trusted issuers", Gives::Array(typed::<Issuer>)),
    post("/issuers/test", Strict(MAX_ACCESS), Caller(issuers::test))
        .takes::<ToTest<'static>>()
        .does("Test a JWT against the trusted issuers", Gives::One(typed::<Verdicts>)),
    get("/access/definitions/{kind}", Caller(definitions::list))
        .asks(PAGE)
        .does("Definitions of one kind", Gives::Array(typed::<Entry>)),
    put("/access/definitions/{kind}/{name}", Strict(MAX_ACCESS), Caller(definitions::put))
        .does("Add or replace a definition", Gives::One(typed::<Defined>)),
    delete("/access/definitions/{kind}/{name}", Caller(definitions::remove))
        .does("Remove a definition", Gives::One(typed::<Defined>)),
];

/// The answer to a change.
const DONE: Gives = Gives::One(typed::<Success>);

/// The description of the routes, made at the first request.
static OPENAPI: LazyLock<Vec<u8>> = LazyLock::new(|| openapi::document(&APIS).to_string().into_bytes());

/// `GET /openapi.json`
fn openapi_document(_: &App) -> Result<Answer, Problem> {
    Ok(Answer::new(StatusCode::OK, "application/json", OPENAPI.clone()))
}

/// Renders a problem document. Callers of an idps table get Piiano's format here too.
fn refusal(problem: &Problem, request_id: &str) -> Answer {
    if problem.is_of_table {
        piiano::refusal(problem, request_id)
    } else {
        problem.answer(&problem.document(request_id))
    }
}

fn unserved(_: &Method, _: &str, is_known: bool) -> Problem {
    if is_known {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path takes another method")
    } else {
        Problem::new(StatusCode::NOT_FOUND, "no such path")
    }
}

/// The methods of the routes.
static METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// The routes of one method by their paths.
type Rows = matchit::Router<&'static Route>;

static ROUTERS: LazyLock<[Rows; METHODS.len()]> = LazyLock::new(|| {
    METHODS.each_ref().map(|method| {
        let mut rows = Rows::new();
        for route in all().filter(|route| route.method == *method) {
            // A test finds each row by its path, and so fails if two rows match one request.
            let _ = rows.insert(route.path, route);
        }
        rows
    })
});

fn all() -> impl Iterator<Item = &'static Route> {
    APIS.iter().flat_map(|api| api.rows)
}

/// Returns the system that a path belongs to, whether or not the path is served.
pub(super) fn api(path: &str) -> &'static Api {
    let mut segments = path.split('/').skip(1).map(|segment| percent_decode_str(segment).decode_utf8_lossy());
    let (first, second) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    APIS.iter().find(|api| (api.has)(&first, &second)).copied().unwrap_or(&OWN)
}

/// Returns the route of a request, and the parameters of its path.
///
/// # Errors
/// There is no such route.
pub(super) fn find(api: &Api, method: &Method, path: &str) -> Result<(&'static Route, Parameters), Problem> {
    let path = (api.spelled)(path);
    // HEAD is served wherever GET is.
    let wanted = if *method == Method::HEAD { &Method::GET } else { method };
    let found = METHODS.iter().zip(&*ROUTERS).find(|(own, _)| *own == wanted).and_then(|(_, rows)| row(rows, &path));
    found.ok_or_else(|| (api.unserved)(method, &path, served(&path).next().is_some()))
}

/// Returns the methods of a path, for the header Allow (RFC 9110 section 10.2.1).
pub(super) fn allowed(api: &Api, path: &str) -> String {
    let path = (api.spelled)(path);
    let methods = served(&path).map(|method| match *method {
        Method::GET => "GET, HEAD",
        ref method => method.as_str(),
    });
    methods.collect::<Vec<_>>().join(", ")
}

fn served(path: &str) -> impl Iterator<Item = &'static Method> {
    METHODS.iter().zip(&*ROUTERS).filter(move |(_, rows)| row(rows, path).is_some()).map(|(method, _)| method)
}

/// Returns the route with this path; also `None` if a parameter is not UTF-8.
fn row(rows: &'static Rows, path: &str) -> Option<(&'static Route, Parameters)> {
    let found = rows.at(path).ok()?;
    // The rest of a path must not begin with an empty segment, because other programs would merge the two slashes.
    let decoded = |value: &str| {
        let is_whole = !value.starts_with('/');
        Some(percent_decode_str(value).decode_utf8().ok().filter(|_| is_whole)?.into_owned())
    };
    let parameters = found.params.iter().map(|(name, value)| Some((name, decoded(value)?)));
    Some((*found.value, Parameters::new(parameters.collect::<Option<Vec<_>>>()?)))
}

#[cfg(test)]
mod tests {
    use super::super::route::Body;
    use super::super::route::Handler::{BasicOrCaller, Visitor};
    use super::*;
    use crate::kmip::Dialect;
    use crate::kmip::payloads::OPERATIONS;

    #[test]
    fn a_path_is_of_one_api() {
        let dialect = |path| api(path).dialect;
        for path in
            ["/api/v1", "/api/v2/workspace", "/api/v3/secrets/raw", "/api/v1/", "/api/%76%31/kms/keys", "/api/status"]
        {
            assert_eq!(dialect(path), Some("hanzo"), "{path}");
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
            assert_eq!(dialect(path), Some("conjur"), "{path}");
        }
        assert_eq!(dialect("/api/pvlt/1.0/ctl/info/health"), Some("piiano"));
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
            assert_eq!(dialect(path), None, "{path}");
        }
    }

    #[test]
    fn each_row_is_found_by_its_path() {
        for own in APIS {
            for route in own.rows {
                let path = route.path.replace(['{', '}', '*'], "");
                let is_its = std::ptr::eq(api(&path), own);
                assert!(is_its, "{path} is a row of {:?}", own.dialect);
                let (found, parameters) = find(own, &route.method, &path).unwrap();
                assert!(std::ptr::eq(found, route), "{} {path}", route.method);
                let names = route.path.split(['{', '}']).skip(1).step_by(2).map(|name| name.trim_start_matches('*'));
                for name in names {
                    assert_eq!(parameters.get(name), Some(name), "{path}");
                }
            }
        }
    }

    #[test]
    fn no_row_of_a_dialect_is_strict() {
        for route in APIS.iter().filter(|api| api.dialect.is_some()).flat_map(|api| api.rows) {
            assert!(!matches!(route.body, Body::Strict(_)), "{} {}", route.method, route.path);
        }
    }

    #[test]
    fn no_two_routes_of_a_dialect_are_one_to_metrics() {
        let of_dialects = APIS.iter().filter(|api| api.dialect.is_some());
        let labels: Vec<String> = of_dialects.flat_map(|api| api.rows.iter().map(|route| api.label(route))).collect();
        let distinct: std::collections::HashSet<&String> = labels.iter().collect();
        assert_eq!(distinct.len(), labels.len(), "{labels:?}");
        let is_word = |label: &String| label.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
        assert!(labels.iter().all(is_word), "{labels:?}");
        assert!(labels.iter().any(|label| label == "post-kms-keys-id-encrypt"), "{labels:?}");
    }

    #[test]
    fn the_table_of_rights_has_every_request_and_no_other() {
        let table = include_str!("../../docs/rights.md");
        let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        // The text after a comma is a case of the same request.
        let named: std::collections::BTreeSet<&str> = rows.filter_map(|row| row.split(',').next()).collect();
        let operations = OPERATIONS.iter().map(|operation| operation.name(Dialect::Oasis).to_owned());
        let routes = all().map(|route| format!("{} {}", route.method, route.path));
        let served: std::collections::BTreeSet<String> = operations.chain(routes).collect();
        let missing: Vec<_> = served.iter().filter(|own| !named.contains(own.as_str())).collect();
        let unknown: Vec<_> = named.iter().filter(|own| !served.contains(**own)).collect();
        assert!(missing.is_empty(), "docs/rights.md has no row for {missing:?}");
        assert_eq!(unknown, [&"any", &"request"], "docs/rights.md names what is not served");
        for route in all() {
            let request = format!("| {} {} |", route.method, route.path);
            let row = table.lines().find(|line| line.starts_with(&request)).unwrap_or_default();
            let expected = match route.handler {
                AtOnce(_) | Anyone(_) => "| anyone |",
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
    fn a_path_is_a_rows_or_it_is_not() {
        let found = |path: &str| Some(find(api(path), &Method::PUT, path).ok()?.1);
        let one = |kind: &str, name: &str| Some(Parameters::new(vec![("kind", kind.into()), ("name", name.into())]));
        assert_eq!(found("/access/definitions/users/jwt:i%23a%2Fb"), one("users", "jwt:i#a/b"));
        for path in [
            "/access/definitions",
            "/access/definitions/a",
            "/access/definitions/a/",
            "/access/definitions//a",
            "/access/definitions/a/b/",
            "/access/definitions/a/b/c",
            "/access/definitions/a/%ff",
            "/access/Definitions/a/b",
            "//access/definitions/a/b",
            "/",
            "",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
        let found = |path: &str| Some(find(api(path), &Method::HEAD, path).ok()?.1);
        let one = |account: &str, id: &str| Some(Parameters::new(vec![("account", account.into()), ("id", id.into())]));
        assert_eq!(found("/secrets/a/variable/b%2Fc/d"), one("a", "b/c/d"));
        assert_eq!(found("/secrets/a/variable/b/"), one("a", "b/"));
        for path in [
            "/secrets/a/variable",
            "/secrets/a/variable/",
            "/secrets/a/variable//b",
            "/secrets//variable/b",
            "/secrets/a/host/b",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn a_name_that_is_a_word_of_another_row_is_a_name() {
        let served = |method, path: &str| find(api(path), &method, path).map(|(route, _)| route.path).ok();
        assert_eq!(served(Method::POST, "/api/v4/secrets/batch"), Some("/api/v4/secrets/batch"));
        assert_eq!(served(Method::GET, "/api/v4/secrets/batch"), Some("/api/v4/secrets/{secret}"));
        assert_eq!(served(Method::POST, "/api/v1/kms/keys/key-name/encrypt"), Some("/api/v1/kms/keys/{key}/encrypt"));
        assert_eq!(served(Method::GET, "/api/v1/kms/keys/key-name/encrypt"), Some("/api/v1/kms/keys/key-name/{name}"));
        assert_eq!(allowed(&OWN, "/access/definitions/roles/a"), "PUT, DELETE");
        assert_eq!(allowed(&OWN, "/version"), "GET, HEAD");
    }
}
