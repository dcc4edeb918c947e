//! The paths of Hanzo KMS and Infisical.

use std::borrow::Cow;

use warp::http::StatusCode;

use super::super::api::{Api, not_implemented};
use super::super::bounds::{MAX_ACCESS, MAX_JSON_SECRET, MAX_KMIP};
use super::super::route::Body::Json;
use super::super::route::Handler::{Caller, Visitor};
use super::super::route::{Route, delete, delete_with, get, patch, post};
use super::shapes::refusal;
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
    post("/api/v1/auth/jwt-auth/login", Json(MAX_ACCESS), Visitor(login::by_jwt_auth)),
    post("/api/v1/auth/jwt-auth/identities/{identity}", Json(MAX_ACCESS), Caller(jwt_auth::attach)),
    patch("/api/v1/auth/jwt-auth/identities/{identity}", Json(MAX_ACCESS), Caller(jwt_auth::change)),
    get("/api/v1/auth/jwt-auth/identities/{identity}", Caller(jwt_auth::get)),
    delete("/api/v1/auth/jwt-auth/identities/{identity}", Caller(jwt_auth::remove)),
    post("/api/v1/auth/oidc-auth/login", Json(MAX_ACCESS), Visitor(login::by_oidc_auth)),
    post("/api/v1/auth/oidc-auth/identities/{identity}", Json(MAX_ACCESS), Caller(oidc_auth::attach)),
    patch("/api/v1/auth/oidc-auth/identities/{identity}", Json(MAX_ACCESS), Caller(oidc_auth::change)),
    get("/api/v1/auth/oidc-auth/identities/{identity}", Caller(oidc_auth::get)),
    delete("/api/v1/auth/oidc-auth/identities/{identity}", Caller(oidc_auth::remove)),
    post("/api/v1/auth/universal-auth/login", Json(MAX_ACCESS), Visitor(client_secrets::log_in)),
    post("/api/v1/auth/universal-auth/identities/{identity}", Json(MAX_ACCESS), Caller(universal_auth::attach)),
    patch("/api/v1/auth/universal-auth/identities/{identity}", Json(MAX_ACCESS), Caller(universal_auth::change)),
    get("/api/v1/auth/universal-auth/identities/{identity}", Caller(universal_auth::get)),
    delete("/api/v1/auth/universal-auth/identities/{identity}", Caller(universal_auth::remove)),
    post(
        "/api/v1/auth/universal-auth/identities/{identity}/client-secrets",
        Json(MAX_ACCESS),
        Caller(client_secrets::create),
    ),
    get("/api/v1/auth/universal-auth/identities/{identity}/client-secrets", Caller(client_secrets::list)),
    get(
        "/api/v1/auth/universal-auth/identities/{identity}/client-secrets/{client_secret}",
        Caller(client_secrets::get),
    ),
    post(
        "/api/v1/auth/universal-auth/identities/{identity}/client-secrets/{client_secret}/revoke",
        Json(MAX_ACCESS),
        Caller(client_secrets::revoke),
    ),
    post(
        "/api/v1/auth/universal-auth/identities/{identity}/clear-lockouts",
        Json(MAX_ACCESS),
        Caller(client_secrets::clear_lockouts),
    ),
    post("/api/v1/auth/token/renew", Json(MAX_ACCESS), Visitor(tokens::renew)),
    post("/api/v1/auth/token/revoke", Json(MAX_ACCESS), Visitor(tokens::revoke)),
    post("/api/v1/identities", Json(MAX_ACCESS), Caller(identities::create)),
    get("/api/v1/identities", Caller(identities::list)).asks(OFFSETS),
    get("/api/v1/identities/details", Caller(identities::details)),
    get("/api/v1/identities/{identity}", Caller(identities::get)),
    patch("/api/v1/identities/{identity}", Json(MAX_ACCESS), Caller(identities::change)),
    delete("/api/v1/identities/{identity}", Caller(identities::remove)),
    post("/api/v2/identities/search", Json(MAX_ACCESS), Caller(search::search)),
    post("/api/v2/workspace", Json(MAX_ACCESS), Caller(projects::create)),
    get("/api/v1/workspace", Caller(projects::list)).asks(OFFSETS),
    get("/api/v1/workspace/{project}", Caller(projects::get)),
    patch("/api/v1/workspace/{project}", Json(MAX_ACCESS), Caller(projects::change)),
    delete("/api/v1/workspace/{project}", Caller(projects::remove)),
    get("/api/v2/workspace/{project}", Caller(projects::get_by_slug)),
    patch("/api/v2/workspace/{project}", Json(MAX_ACCESS), Caller(projects::change_by_slug)),
    delete("/api/v2/workspace/{project}", Caller(projects::remove_by_slug)),
    get("/api/v2/workspace/{project}/identity-memberships", Caller(memberships::list)).asks(OFFSETS),
    get("/api/v2/workspace/{project}/identity-memberships/{identity}", Caller(memberships::get)),
    post("/api/v2/workspace/{project}/identity-memberships/{identity}", Json(MAX_ACCESS), Caller(memberships::put)),
    patch("/api/v2/workspace/{project}/identity-memberships/{identity}", Json(MAX_ACCESS), Caller(memberships::put)),
    delete("/api/v2/workspace/{project}/identity-memberships/{identity}", Caller(memberships::remove)),
    get("/api/v2/workspace/identity-memberships/{membership}", Caller(memberships::get_by_id)).asks(OFFSETS),
    get("/api/v1/workspace/{project}/environments", Caller(environments::list)),
    get("/api/v1/workspace/{project}/environments/{environment}", Caller(environments::get)),
    post("/api/v1/workspace/{project}/environments", Json(MAX_ACCESS), Caller(environments::create)),
    patch("/api/v1/workspace/{project}/environments/{environment}", Json(MAX_ACCESS), Caller(environments::change)),
    delete("/api/v1/workspace/{project}/environments/{environment}", Caller(environments::remove)),
    get("/api/v1/workspace/{project}/tags", Caller(tags::list)),
    post("/api/v1/workspace/{project}/tags", Json(MAX_ACCESS), Caller(tags::create)),
    get("/api/v1/workspace/{project}/tags/{tag}", Caller(tags::get)),
    patch("/api/v1/workspace/{project}/tags/{tag}", Json(MAX_ACCESS), Caller(tags::change)),
    delete("/api/v1/workspace/{project}/tags/{tag}", Caller(tags::remove)),
    get("/api/v1/workspace/{project}/tags/slug/{slug}", Caller(tags::get_by_slug)),
    get("/api/v1/workspace/environments/{environment}", Caller(environments::get_anywhere)),
    get("/api/v1/folders", Caller(folders::list)).asks(folders::LIST),
    post("/api/v1/folders", Json(MAX_ACCESS), Caller(folders::create)),
    get("/api/v1/folders/{folder}", Caller(folders::get)),
    get("/api/v1/folders/{project}/{environment}/{*path}", Caller(folders::get_by_path)),
    patch("/api/v1/folders/{folder}", Json(MAX_ACCESS), Caller(folders::change)),
    delete_with("/api/v1/folders/{folder}", Json(MAX_ACCESS), Caller(folders::remove)),
    get("/api/v2/folders", Caller(folders::list)).asks(folders::LIST),
    post("/api/v2/folders", Json(MAX_ACCESS), Caller(folders::create)),
    get("/api/v2/folders/{folder}", Caller(folders::get)),
    patch("/api/v2/folders/{folder}", Json(MAX_ACCESS), Caller(folders::change)),
    delete_with("/api/v2/folders/{folder}", Json(MAX_ACCESS), Caller(folders::remove)),
    get("/api/v3/secrets/raw", Caller(secrets::list)).asks(secrets::LIST),
    post("/api/v3/secrets/batch/raw", Json(MAX_KMIP), Caller(secrets::batch::create)),
    patch("/api/v3/secrets/batch/raw", Json(MAX_KMIP), Caller(secrets::batch::update)),
    delete_with("/api/v3/secrets/batch/raw", Json(MAX_ACCESS), Caller(secrets::batch::remove)),
    get("/api/v3/secrets/raw/id/{id}", Caller(secrets::get_by_id)).asks(secrets::BY_ID),
    get("/api/v3/secrets/raw/{secret}", Caller(secrets::get)).asks(secrets::ONE),
    post("/api/v3/secrets/raw/{secret}", Json(MAX_JSON_SECRET), Caller(secrets::write::create)).asks(WHERE),
    patch("/api/v3/secrets/raw/{secret}", Json(MAX_JSON_SECRET), Caller(secrets::write::update)).asks(WHERE),
    delete_with("/api/v3/secrets/raw/{secret}", Json(MAX_ACCESS), Caller(secrets::write::remove)).asks(WHERE),
    get("/api/v4/secrets", Caller(secrets::list)).asks(secrets::LIST),
    post("/api/v4/secrets/batch", Json(MAX_KMIP), Caller(secrets::batch::create)),
    patch("/api/v4/secrets/batch", Json(MAX_KMIP), Caller(secrets::batch::update)),
    delete_with("/api/v4/secrets/batch", Json(MAX_ACCESS), Caller(secrets::batch::remove)),
    get("/api/v4/secrets/{secret}", Caller(secrets::get)).asks(secrets::ONE),
    post("/api/v4/secrets/{secret}", Json(MAX_JSON_SECRET), Caller(secrets::write::create)).asks(WHERE),
    patch("/api/v4/secrets/{secret}", Json(MAX_JSON_SECRET), Caller(secrets::write::update)).asks(WHERE),
    delete_with("/api/v4/secrets/{secret}", Json(MAX_ACCESS), Caller(secrets::write::remove)).asks(WHERE),
    post("/api/v1/kms/keys", Json(MAX_ACCESS), Caller(keys::create)),
    get("/api/v1/kms/keys", Caller(keys::list)).asks(&[
        "projectId",
        "offset",
        "limit",
        "search",
        "orderBy",
        "orderDirection",
    ]),
    get("/api/v1/kms/keys/key-name/{name}", Caller(keys::by_name)).asks(&["projectId"]),
    get("/api/v1/kms/keys/{key}", Caller(keys::get)),
    patch("/api/v1/kms/keys/{key}", Json(MAX_ACCESS), Caller(keys::change)),
    delete("/api/v1/kms/keys/{key}", Caller(keys::remove)),
    post("/api/v1/kms/keys/{key}/encrypt", Json(MAX_KMIP), Caller(keys::cipher::encrypt)),
    post("/api/v1/kms/keys/{key}/decrypt", Json(MAX_KMIP), Caller(keys::cipher::decrypt)),
    post("/api/v1/kms/keys/{key}/sign", Json(MAX_KMIP), Caller(keys::signature::sign)),
    post("/api/v1/kms/keys/{key}/verify", Json(MAX_KMIP), Caller(keys::signature::verify)),
    get("/api/v1/kms/keys/{key}/public-key", Caller(keys::signature::public_key)),
    get("/api/v1/kms/keys/{key}/signing-algorithms", Caller(keys::signature::algorithms)),
];
