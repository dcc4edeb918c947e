//! The paths of Hanzo KMS and Infisical.

use std::borrow::Cow;

use warp::http::StatusCode;

use super::super::api::{Api, not_implemented};
use super::super::bounds::{MAX_ACCESS, MAX_JSON_SECRET, MAX_KMIP};
use super::super::route::Body::Json;
use super::super::route::Handler::{Caller, Visitor};
use super::super::route::{Route, delete, delete_with, get, patch, post};
use super::shapes::{NOTHING, refusal};
use super::{
    client_secrets, environments, folders, identities, jwt_auth, keys, login, memberships, oidc_auth, projects, search,
    secrets, tags, tokens, universal_auth,
};

/// The query parameters of a page of a list.
const OFFSETS: &[&str] = &["offset", "limit"];
const WHERE: &[&str] = secrets::WHERE;

/// The API. Its paths begin with `/api/` and a version, or are `/api/status`.
pub(in crate::http) static API: Api = Api {
    dialect: Some("hanzo"),
    has: |first, second| first == "api" && (second == "status" || is_version(second)),
    rows: &ROWS,
    // A resource under two versions of a path has two names.
    labels: &[
        ("/api/v2/workspace/{project}/", "/workspace/id/"),
        ("/api/v2/workspace/{project}", "/workspace-by-slug"),
        ("/api/v2/folders", "/project-folders"),
        ("/api/v4/secrets", "/project-secrets"),
        ("/api/v1", ""),
        ("/api/v2", ""),
        ("/api/v3", ""),
    ],
    spelled,
    fault: StatusCode::UNPROCESSABLE_ENTITY,
    refusal,
    unserved: not_implemented,
};

/// Returns the path without a slash at its end, as Infisical does.
fn spelled(path: &str) -> Cow<'_, str> {
    Cow::Borrowed(path.strip_suffix('/').unwrap_or(path))
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.parse::<u8>().is_ok())
}

static ROWS: [Route; 95] = [
    post("/api/v1/auth/jwt-auth/login", Json(MAX_ACCESS), Visitor(login::by_jwt_auth))
        .takes_a(login::TAKES)
        .gives(login::GIVES),
    post("/api/v1/auth/jwt-auth/identities/{identity}", Json(MAX_ACCESS), Caller(jwt_auth::attach))
        .takes_a(jwt_auth::TAKES)
        .gives(jwt_auth::GIVES),
    patch("/api/v1/auth/jwt-auth/identities/{identity}", Json(MAX_ACCESS), Caller(jwt_auth::change))
        .takes_a(jwt_auth::TAKES)
        .gives(jwt_auth::GIVES),
    get("/api/v1/auth/jwt-auth/identities/{identity}", Caller(jwt_auth::get)).gives(jwt_auth::GIVES),
    delete("/api/v1/auth/jwt-auth/identities/{identity}", Caller(jwt_auth::remove)).gives(jwt_auth::GIVES),
    post("/api/v1/auth/oidc-auth/login", Json(MAX_ACCESS), Visitor(login::by_oidc_auth))
        .takes_a(login::TAKES)
        .gives(login::GIVES),
    post("/api/v1/auth/oidc-auth/identities/{identity}", Json(MAX_ACCESS), Caller(oidc_auth::attach))
        .takes_a(oidc_auth::TAKES)
        .gives(oidc_auth::GIVES),
    patch("/api/v1/auth/oidc-auth/identities/{identity}", Json(MAX_ACCESS), Caller(oidc_auth::change))
        .takes_a(oidc_auth::TAKES)
        .gives(oidc_auth::GIVES),
    get("/api/v1/auth/oidc-auth/identities/{identity}", Caller(oidc_auth::get)).gives(oidc_auth::GIVES),
    delete("/api/v1/auth/oidc-auth/identities/{identity}", Caller(oidc_auth::remove)).gives(oidc_auth::GIVES),
    post("/api/v1/auth/universal-auth/login", Json(MAX_ACCESS), Visitor(client_secrets::log_in))
        .takes_a(client_secrets::LOGIN)
        .gives(login::GIVES),
    post("/api/v1/auth/universal-auth/identities/{identity}", Json(MAX_ACCESS), Caller(universal_auth::attach))
        .takes_a(universal_auth::TAKES)
        .gives(universal_auth::GIVES),
    patch("/api/v1/auth/universal-auth/identities/{identity}", Json(MAX_ACCESS), Caller(universal_auth::change))
        .takes_a(universal_auth::TAKES)
        .gives(universal_auth::GIVES),
    get("/api/v1/auth/universal-auth/identities/{identity}", Caller(universal_auth::get)).gives(universal_auth::GIVES),
    delete("/api/v1/auth/universal-auth/identities/{identity}", Caller(universal_auth::remove))
        .gives(universal_auth::GIVES),
    post(
        "/api/v1/auth/universal-auth/identities/{identity}/client-secrets",
        Json(MAX_ACCESS),
        Caller(client_secrets::create),
    )
    .takes_a(client_secrets::NEW)
    .gives(client_secrets::MADE),
    get("/api/v1/auth/universal-auth/identities/{identity}/client-secrets", Caller(client_secrets::list))
        .gives(client_secrets::ALL),
    get(
        "/api/v1/auth/universal-auth/identities/{identity}/client-secrets/{client_secret}",
        Caller(client_secrets::get),
    )
    .gives(client_secrets::ONE),
    post(
        "/api/v1/auth/universal-auth/identities/{identity}/client-secrets/{client_secret}/revoke",
        Json(MAX_ACCESS),
        Caller(client_secrets::revoke),
    )
    .takes_a(NOTHING)
    .gives(client_secrets::ONE),
    post(
        "/api/v1/auth/universal-auth/identities/{identity}/clear-lockouts",
        Json(MAX_ACCESS),
        Caller(client_secrets::clear_lockouts),
    )
    .takes_a(NOTHING)
    .gives(client_secrets::CLEARED),
    post("/api/v1/auth/token/renew", Json(MAX_ACCESS), Visitor(tokens::renew))
        .takes_a(tokens::TAKES)
        .gives(login::GIVES),
    post("/api/v1/auth/token/revoke", Json(MAX_ACCESS), Visitor(tokens::revoke))
        .takes_a(tokens::TAKES)
        .gives(tokens::REVOKED),
    post("/api/v1/identities", Json(MAX_ACCESS), Caller(identities::create))
        .takes_a(identities::NEW)
        .gives(identities::ONE),
    get("/api/v1/identities", Caller(identities::list)).asks(OFFSETS).gives(identities::ALL),
    get("/api/v1/identities/details", Caller(identities::details)).gives(identities::DETAILS),
    get("/api/v1/identities/{identity}", Caller(identities::get)).gives(identities::ONE),
    patch("/api/v1/identities/{identity}", Json(MAX_ACCESS), Caller(identities::change))
        .takes_a(identities::CHANGE)
        .gives(identities::ONE),
    delete("/api/v1/identities/{identity}", Caller(identities::remove)).gives(identities::ONE),
    post("/api/v2/identities/search", Json(MAX_ACCESS), Caller(search::search))
        .takes_a(search::TAKES)
        .gives(search::GIVES),
    post("/api/v2/workspace", Json(MAX_ACCESS), Caller(projects::create)).takes_a(projects::NEW).gives(projects::MADE),
    get("/api/v1/workspace", Caller(projects::list)).asks(OFFSETS).gives(projects::ALL),
    get("/api/v1/workspace/{project}", Caller(projects::get)).gives(projects::ONE),
    patch("/api/v1/workspace/{project}", Json(MAX_ACCESS), Caller(projects::change))
        .takes_a(projects::CHANGE)
        .gives(projects::ONE),
    delete("/api/v1/workspace/{project}", Caller(projects::remove)).gives(projects::ONE),
    get("/api/v2/workspace/{project}", Caller(projects::get_by_slug)).gives(projects::SHOWN),
    patch("/api/v2/workspace/{project}", Json(MAX_ACCESS), Caller(projects::change_by_slug))
        .takes_a(projects::CHANGE)
        .gives(projects::SHOWN),
    delete("/api/v2/workspace/{project}", Caller(projects::remove_by_slug)).gives(projects::SHOWN),
    get("/api/v2/workspace/{project}/identity-memberships", Caller(memberships::list))
        .asks(OFFSETS)
        .gives(memberships::ALL),
    get("/api/v2/workspace/{project}/identity-memberships/{identity}", Caller(memberships::get))
        .gives(memberships::ONE),
    post("/api/v2/workspace/{project}/identity-memberships/{identity}", Json(MAX_ACCESS), Caller(memberships::put))
        .takes_a(memberships::TAKES)
        .gives(memberships::ONE),
    patch("/api/v2/workspace/{project}/identity-memberships/{identity}", Json(MAX_ACCESS), Caller(memberships::put))
        .takes_a(memberships::TAKES)
        .gives(memberships::ONE),
    delete("/api/v2/workspace/{project}/identity-memberships/{identity}", Caller(memberships::remove))
        .gives(memberships::ONE),
    get("/api/v2/workspace/identity-memberships/{membership}", Caller(memberships::get_by_id))
        .asks(OFFSETS)
        .gives(memberships::EITHER),
    get("/api/v1/workspace/{project}/environments", Caller(environments::list)).gives(environments::ALL),
    get("/api/v1/workspace/{project}/environments/{environment}", Caller(environments::get)).gives(environments::ONE),
    post("/api/v1/workspace/{project}/environments", Json(MAX_ACCESS), Caller(environments::create))
        .takes_a(environments::NEW)
        .gives(environments::CHANGED),
    patch("/api/v1/workspace/{project}/environments/{environment}", Json(MAX_ACCESS), Caller(environments::change))
        .takes_a(environments::CHANGE)
        .gives(environments::CHANGED),
    delete("/api/v1/workspace/{project}/environments/{environment}", Caller(environments::remove))
        .gives(environments::CHANGED),
    get("/api/v1/workspace/{project}/tags", Caller(tags::list)).gives(tags::ALL),
    post("/api/v1/workspace/{project}/tags", Json(MAX_ACCESS), Caller(tags::create))
        .takes_a(tags::NEW)
        .gives(tags::ONE),
    get("/api/v1/workspace/{project}/tags/{tag}", Caller(tags::get)).gives(tags::ONE),
    patch("/api/v1/workspace/{project}/tags/{tag}", Json(MAX_ACCESS), Caller(tags::change))
        .takes_a(tags::CHANGE)
        .gives(tags::ONE),
    delete("/api/v1/workspace/{project}/tags/{tag}", Caller(tags::remove)).gives(tags::ONE),
    get("/api/v1/workspace/{project}/tags/slug/{slug}", Caller(tags::get_by_slug)).gives(tags::ONE),
    get("/api/v1/workspace/environments/{environment}", Caller(environments::get_anywhere)).gives(environments::ANY),
    get("/api/v1/folders", Caller(folders::list)).asks(folders::LIST).gives(folders::ALL),
    post("/api/v1/folders", Json(MAX_ACCESS), Caller(folders::create)).takes_a(folders::TAKES).gives(folders::ONE),
    get("/api/v1/folders/{folder}", Caller(folders::get)).gives(folders::ONE),
    get("/api/v1/folders/{project}/{environment}/{*path}", Caller(folders::get_by_path)).gives(folders::ONE),
    patch("/api/v1/folders/{folder}", Json(MAX_ACCESS), Caller(folders::change))
        .takes_a(folders::TAKES)
        .gives(folders::ONE),
    delete_with("/api/v1/folders/{folder}", Json(MAX_ACCESS), Caller(folders::remove))
        .takes_a(folders::TAKES)
        .gives(folders::ONE),
    get("/api/v2/folders", Caller(folders::list)).asks(folders::LIST).gives(folders::ALL),
    post("/api/v2/folders", Json(MAX_ACCESS), Caller(folders::create)).takes_a(folders::TAKES).gives(folders::ONE),
    get("/api/v2/folders/{folder}", Caller(folders::get)).gives(folders::ONE),
    patch("/api/v2/folders/{folder}", Json(MAX_ACCESS), Caller(folders::change))
        .takes_a(folders::TAKES)
        .gives(folders::ONE),
    delete_with("/api/v2/folders/{folder}", Json(MAX_ACCESS), Caller(folders::remove))
        .takes_a(folders::TAKES)
        .gives(folders::ONE),
    get("/api/v3/secrets/raw", Caller(secrets::list)).asks(secrets::LIST).gives(secrets::ALL),
    post("/api/v3/secrets/batch/raw", Json(MAX_KMIP), Caller(secrets::batch::create))
        .takes_a(secrets::batch::TAKES)
        .gives(secrets::CHANGED),
    patch("/api/v3/secrets/batch/raw", Json(MAX_KMIP), Caller(secrets::batch::update))
        .takes_a(secrets::batch::TAKES)
        .gives(secrets::CHANGED),
    delete_with("/api/v3/secrets/batch/raw", Json(MAX_ACCESS), Caller(secrets::batch::remove))
        .takes_a(secrets::batch::TAKES)
        .gives(secrets::CHANGED),
    get("/api/v3/secrets/raw/id/{id}", Caller(secrets::get_by_id)).asks(secrets::BY_ID).gives(secrets::GIVES),
    get("/api/v3/secrets/raw/{secret}", Caller(secrets::get)).asks(secrets::ONE).gives(secrets::GIVES),
    post("/api/v3/secrets/raw/{secret}", Json(MAX_JSON_SECRET), Caller(secrets::write::create))
        .asks(WHERE)
        .takes_a(secrets::write::TAKES)
        .gives(secrets::GIVES),
    patch("/api/v3/secrets/raw/{secret}", Json(MAX_JSON_SECRET), Caller(secrets::write::update))
        .asks(WHERE)
        .takes_a(secrets::write::TAKES)
        .gives(secrets::GIVES),
    delete_with("/api/v3/secrets/raw/{secret}", Json(MAX_ACCESS), Caller(secrets::write::remove))
        .asks(WHERE)
        .takes_a(secrets::write::TAKES)
        .gives(secrets::GIVES),
    get("/api/v4/secrets", Caller(secrets::list)).asks(secrets::LIST).gives(secrets::ALL),
    post("/api/v4/secrets/batch", Json(MAX_KMIP), Caller(secrets::batch::create))
        .takes_a(secrets::batch::TAKES)
        .gives(secrets::CHANGED),
    patch("/api/v4/secrets/batch", Json(MAX_KMIP), Caller(secrets::batch::update))
        .takes_a(secrets::batch::TAKES)
        .gives(secrets::CHANGED),
    delete_with("/api/v4/secrets/batch", Json(MAX_ACCESS), Caller(secrets::batch::remove))
        .takes_a(secrets::batch::TAKES)
        .gives(secrets::CHANGED),
    get("/api/v4/secrets/{secret}", Caller(secrets::get)).asks(secrets::ONE).gives(secrets::GIVES),
    post("/api/v4/secrets/{secret}", Json(MAX_JSON_SECRET), Caller(secrets::write::create))
        .asks(WHERE)
        .takes_a(secrets::write::TAKES)
        .gives(secrets::GIVES),
    patch("/api/v4/secrets/{secret}", Json(MAX_JSON_SECRET), Caller(secrets::write::update))
        .asks(WHERE)
        .takes_a(secrets::write::TAKES)
        .gives(secrets::GIVES),
    delete_with("/api/v4/secrets/{secret}", Json(MAX_ACCESS), Caller(secrets::write::remove))
        .asks(WHERE)
        .takes_a(secrets::write::TAKES)
        .gives(secrets::GIVES),
    post("/api/v1/kms/keys", Json(MAX_ACCESS), Caller(keys::create)).takes_a(keys::NEW).gives(keys::GIVES),
    get("/api/v1/kms/keys", Caller(keys::list))
        .asks(&["projectId", "offset", "limit", "search", "orderBy", "orderDirection"])
        .gives(keys::ALL),
    get("/api/v1/kms/keys/key-name/{name}", Caller(keys::by_name)).asks(&["projectId"]).gives(keys::GIVES),
    get("/api/v1/kms/keys/{key}", Caller(keys::get)).gives(keys::GIVES),
    patch("/api/v1/kms/keys/{key}", Json(MAX_ACCESS), Caller(keys::change)).takes_a(keys::CHANGE).gives(keys::GIVES),
    delete("/api/v1/kms/keys/{key}", Caller(keys::remove)).gives(keys::GIVES),
    post("/api/v1/kms/keys/{key}/encrypt", Json(MAX_KMIP), Caller(keys::cipher::encrypt))
        .takes_a(keys::cipher::PLAIN)
        .gives(keys::cipher::ENCRYPTED),
    post("/api/v1/kms/keys/{key}/decrypt", Json(MAX_KMIP), Caller(keys::cipher::decrypt))
        .takes_a(keys::cipher::CIPHERED)
        .gives(keys::cipher::DECRYPTED),
    post("/api/v1/kms/keys/{key}/sign", Json(MAX_KMIP), Caller(keys::signature::sign))
        .takes_a(keys::signature::TO_SIGN)
        .gives(keys::signature::SIGNED),
    post("/api/v1/kms/keys/{key}/verify", Json(MAX_KMIP), Caller(keys::signature::verify))
        .takes_a(keys::signature::TO_VERIFY)
        .gives(keys::signature::VERIFIED),
    get("/api/v1/kms/keys/{key}/public-key", Caller(keys::signature::public_key)).gives(keys::signature::PUBLIC_KEY),
    get("/api/v1/kms/keys/{key}/signing-algorithms", Caller(keys::signature::algorithms))
        .gives(keys::signature::ALGORITHMS_OF_KEY),
];
