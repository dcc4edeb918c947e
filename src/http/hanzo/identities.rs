//! `/api/v1/identities`, for administrators.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::page::Page;
use super::super::problem::Problem;
use super::super::typed::{Gives, Part, Typed, typed};
use super::shapes::{COUNT, MAX_OFFSET, invalid, iso, number, organization, read};
use crate::kms::{Identity, MAX_ENTRIES, PageBuilder, end_identity_tokens};
use crate::policy::{IdentityDocument, OrganizationRole};

/// Bodies of requests and answers, for the description of the routes.
pub(super) const NEW: Typed = typed::<New>;
pub(super) const CHANGE: Typed = typed::<Change>;
pub(super) const ONE: Gives = Gives::One(typed::<One>);
pub(super) const ALL: Gives = Gives::Object(&[("identities", Part::Array(typed::<Shown>)), COUNT]);
pub(super) const DETAILS: Gives = Gives::One(typed::<Details<'static>>);

/// The name of the only organization.
const ORGANIZATION: &str = "claviger";

/// An entry of an identity's metadata.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Metadata {
    key: String,
    value: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct New {
    name: String,
    organization_id: Option<String>,
    #[serde(default)]
    role: OrganizationRole,
    #[serde(default)]
    metadata: Vec<Metadata>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Change {
    name: Option<String>,
    role: Option<OrganizationRole>,
    metadata: Option<Vec<Metadata>>,
    /// Whether the identity's present access tokens are revoked.
    #[serde(default)]
    end_tokens: bool,
}

/// An identity in an answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    id: String,
    /// The same as `id`: some clients read an identity as the member of an organization.
    identity_id: String,
    name: String,
    role: OrganizationRole,
    /// The organization given at its creation, or the only organization of the server.
    organization_id: String,
    org_id: String,
    has_delete_protection: bool,
    identity: Named,
    metadata: Vec<Metadata>,
    /// The authentication methods of the identity.
    auth_methods: Vec<&'static str>,
    created_at: String,
    updated_at: String,
}

/// The identity as clients of organization members read it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Named {
    id: String,
    name: String,
    auth_methods: Vec<&'static str>,
    has_delete_protection: bool,
}

#[derive(Serialize, JsonSchema)]
struct One {
    identity: Shown,
}

/// The organization of a caller.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    identity_details: OfOrganization<'a>,
}

#[derive(Serialize, JsonSchema)]
struct OfOrganization<'a> {
    organization: Organization<'a>,
}

#[derive(Serialize, JsonSchema)]
struct Organization<'a> {
    id: &'a str,
    name: &'a str,
    slug: &'a str,
}

/// Returns the authentication methods of an identity.
pub(super) fn auth_methods(document: &IdentityDocument) -> Vec<&'static str> {
    let by_jwt = document.jwt_auth.iter().map(|_| "jwt-auth");
    let by_jwt = by_jwt.chain(document.oidc_auth.iter().map(|_| "oidc-auth"));
    by_jwt.chain(document.universal_auth.iter().map(|_| "universal-auth")).collect()
}

pub(super) fn shown(Identity { id, document }: Identity, organization: &str) -> Shown {
    let auth_methods = auth_methods(&document);
    let IdentityDocument { name, role, organization_id, metadata, created_at, updated_at, .. } = document;
    let org_id = organization_id.unwrap_or_else(|| organization.to_owned());
    Shown {
        id: id.clone(),
        identity_id: id.clone(),
        role,
        organization_id: org_id.clone(),
        org_id,
        has_delete_protection: false,
        identity: Named { id, name: name.clone(), auth_methods: auth_methods.clone(), has_delete_protection: false },
        name,
        metadata: metadata.into_iter().map(|(key, value)| Metadata { key, value }).collect(),
        auth_methods,
        created_at: iso(created_at),
        updated_at: iso(updated_at),
    }
}

fn one(identity: Identity, organization: &str) -> Answer {
    Answer::json(StatusCode::OK, &One { identity: shown(identity, organization) })
}

fn id<'a>(request: &'a CallerRequest<'_>) -> &'a str {
    request.parameter("identity")
}

fn map(metadata: Vec<Metadata>) -> Result<std::collections::BTreeMap<String, String>, Problem> {
    let mut map = std::collections::BTreeMap::new();
    for Metadata { key, value } in metadata {
        if let Some(twice) = map.insert(key, value) {
            return Err(invalid(format!("metadata: a key is given twice, once with the value {twice:?}")));
        }
    }
    Ok(map)
}

/// `POST /api/v1/identities`
pub(in crate::http) fn create(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let New { name, organization_id, role, metadata } = read(request.body)?;
    let metadata = map(metadata)?;
    let document = IdentityDocument { name, role, organization_id, metadata, ..IdentityDocument::default() };
    let organization = organization(app)?;
    Ok(one(app.kms.create_identity(&request.context, document)?, &organization))
}

/// `GET /api/v1/identities[?offset=N][&limit=N]`
pub(in crate::http) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let offset = number(request, "offset", 0, MAX_OFFSET)?;
    let limit = number(request, "limit", MAX_ENTRIES, MAX_ENTRIES)?;
    let mut page = Page::named("identities");
    let organization = organization(app)?;
    let mut write = |identity: Identity| page.put(&shown(identity, &organization));
    let mut sheet = PageBuilder::new(&request.context, limit, &mut write);
    let total = app.kms.identities(&request.context, offset, &mut sheet)?;
    Ok(page.end_with("totalCount", &total.into()))
}

/// `GET /api/v1/identities/:id`
pub(in crate::http) fn get(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    Ok(one(app.kms.identity(&request.context, id(request))?, &organization(app)?))
}

/// `GET /api/v1/identities/details`: the organization of the caller. All callers have the same one.
pub(in crate::http) fn details(app: &App, _: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let id = organization(app)?;
    let organization = Organization { id: &id, name: ORGANIZATION, slug: ORGANIZATION };
    Ok(Answer::json(StatusCode::OK, &Details { identity_details: OfOrganization { organization } }))
}

/// `PATCH /api/v1/identities/:id`
pub(in crate::http) fn change(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let Change { name, role, metadata, end_tokens } = read(request.body)?;
    let metadata = metadata.map(map).transpose()?;
    let change = |document: &mut IdentityDocument| {
        document.name = name.clone().unwrap_or_else(|| document.name.clone());
        document.role = role.unwrap_or(document.role);
        document.metadata = metadata.clone().unwrap_or_else(|| document.metadata.clone());
        if end_tokens { end_identity_tokens(document) } else { Ok(()) }
    };
    let organization = organization(app)?;
    Ok(one(app.kms.change_identity(&request.context, id(request), change)?, &organization))
}

/// `DELETE /api/v1/identities/:id`: the identity's access tokens become invalid.
pub(in crate::http) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let organization = organization(app)?;
    Ok(one(app.kms.remove_identity(&request.context, id(request))?, &organization))
}
