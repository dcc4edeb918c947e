//! `/api/v2/workspace/:projectId/identity-memberships`: the identities that have a role in a project, for
//! administrators.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::page::Page;
use super::super::problem::Problem;
use super::super::typed::{Gives, Part, Typed, typed};
use super::identities;
use super::shapes::{COUNT, MAX_OFFSET, invalid, number, read};
use crate::kms::{Identity, IdentityMembership, MAX_ENTRIES, PageBuilder};

/// Bodies of requests and answers, for the description of the routes.
pub(super) const TAKES: Typed = typed::<Given>;
pub(super) const ONE: Gives = Gives::One(typed::<One<'static>>);
pub(super) const ALL: Gives = Gives::Object(&[("identityMemberships", Part::Array(typed::<Shown<'static>>)), COUNT]);
pub(super) const EITHER: Gives = Gives::AnyOf(&[ONE, ALL]);

/// The roles of a request. Older clients give one role, newer ones a list.
#[derive(Deserialize, JsonSchema)]
struct Given {
    role: Option<String>,
    roles: Option<Vec<GivenRole>>,
}

/// A role of a list. Some clients always send the members about its time; they are ignored unless the role is
/// temporary.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct GivenRole {
    role: String,
    #[serde(default)]
    is_temporary: bool,
    #[serde(rename = "temporaryMode")]
    _mode: Option<Value>,
    #[serde(rename = "temporaryRange")]
    _range: Option<Value>,
    #[serde(rename = "temporaryAccessStartTime")]
    _start: Option<Value>,
}

impl Given {
    /// Returns the only role.
    fn role(self) -> Result<String, Problem> {
        let listed = self.roles.unwrap_or_default();
        if listed.iter().any(|own| own.is_temporary) {
            return Err(invalid("roles: isTemporary is not supported here: give a permanent role"));
        }
        let mut roles = self.role.into_iter().chain(listed.into_iter().map(|own| own.role));
        match (roles.next(), roles.next()) {
            (Some(role), None) => Ok(role),
            (None, _) => Err(invalid("roles is missing: give one role")),
            (Some(_), Some(_)) => Err(invalid("roles: an identity has one role in a project: give exactly one")),
        }
    }
}

/// A membership in an answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    /// `PROJECT:IDENTITY`. An identity has at most one membership in a project, and neither name has a colon.
    id: &'a str,
    project_id: &'a str,
    identity_id: &'a str,
    role: &'a str,
    roles: &'a [Role<'a>],
    identity: Member<'a>,
    project: Place<'a>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Role<'a> {
    id: &'a str,
    role: &'a str,
    project_membership_id: &'a str,
    custom_role_id: Option<&'a str>,
    custom_role_name: Option<&'a str>,
    custom_role_slug: Option<&'a str>,
    is_temporary: bool,
    temporary_mode: Option<&'a str>,
    temporary_range: Option<&'a str>,
    temporary_access_start_time: Option<&'a str>,
    temporary_access_end_time: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Member<'a> {
    id: &'a str,
    name: &'a str,
    auth_methods: Vec<&'static str>,
}

#[derive(Serialize, JsonSchema)]
struct Place<'a> {
    id: &'a str,
}

/// The answer to a change. Some clients read the membership, others the roles.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    identity_membership: &'a Shown<'a>,
    roles: &'a [Role<'a>],
}

/// Calls `write` with a membership in the form of answers.
fn with_shown<T>(
    project: &str,
    IdentityMembership { identity, role }: &IdentityMembership,
    write: impl FnOnce(&Shown<'_>) -> T,
) -> T {
    let Identity { id: identity_id, document } = identity;
    let id = &*format!("{project}:{identity_id}");
    let roles = &[Role {
        id,
        role,
        project_membership_id: id,
        custom_role_id: None,
        custom_role_name: None,
        custom_role_slug: None,
        is_temporary: false,
        temporary_mode: None,
        temporary_range: None,
        temporary_access_start_time: None,
        temporary_access_end_time: None,
    }];
    let auth_methods = identities::auth_methods(document);
    let identity = Member { id: identity_id, name: &document.name, auth_methods };
    write(&Shown { id, project_id: project, identity_id, role, roles, identity, project: Place { id: project } })
}

fn one(project: &str, membership: &IdentityMembership) -> Answer {
    with_shown(project, membership, |shown| {
        Answer::json(StatusCode::OK, &One { identity_membership: shown, roles: shown.roles })
    })
}

/// `POST` and `PATCH /api/v2/workspace/:projectId/identity-memberships/:identityId`
pub(in crate::http) fn put(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let role = read::<Given>(request.body)?.role()?;
    let (project, identity) = (request.parameter("project"), request.parameter("identity"));
    let (identity, _) = app.kms.set_identity_role(&request.context, project, identity, Some(&role))?;
    Ok(one(project, &IdentityMembership { identity, role }))
}

/// `GET /api/v2/workspace/:projectId/identity-memberships/:identityId`
pub(in crate::http) fn get(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let project = request.parameter("project");
    Ok(one(project, &app.kms.identity_member(&request.context, project, request.parameter("identity"))?))
}

/// `GET /api/v2/workspace/identity-memberships/:membershipId`. The path is also the list of a project with the name
/// `identity-memberships`.
pub(in crate::http) fn get_by_id(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let id = request.parameter("membership");
    if id == "identity-memberships" {
        return list_of(app, request, id);
    }
    let unknown = || Problem::new(StatusCode::NOT_FOUND, format!("there is no membership {id:?}"));
    app.kms.check_administers(&request.context)?;
    let (project, identity) = id.split_once(':').ok_or_else(unknown)?;
    Ok(one(project, &app.kms.identity_member(&request.context, project, identity)?))
}

/// `DELETE /api/v2/workspace/:projectId/identity-memberships/:identityId`
pub(in crate::http) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (project, identity) = (request.parameter("project"), request.parameter("identity"));
    let (identity, before) = app.kms.set_identity_role(&request.context, project, identity, None)?;
    let role = before.ok_or_else(|| invalid("the identity has no role in this project"))?;
    Ok(one(project, &IdentityMembership { identity, role }))
}

/// `GET /api/v2/workspace/:projectId/identity-memberships[?offset=N][&limit=N]`
pub(in crate::http) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    list_of(app, request, request.parameter("project"))
}

fn list_of(app: &App, request: &CallerRequest<'_>, project: &str) -> Result<Answer, Problem> {
    let offset = number(request, "offset", 0, MAX_OFFSET)?;
    let limit = number(request, "limit", MAX_ENTRIES, MAX_ENTRIES)?;
    let mut page = Page::named("identityMemberships");
    let mut write = |membership: IdentityMembership| with_shown(project, &membership, |shown| page.put(shown));
    let mut sheet = PageBuilder::new(&request.context, limit, &mut write);
    let total = app.kms.identity_members(&request.context, project, offset, &mut sheet)?;
    Ok(page.end_with("totalCount", &total.into()))
}
