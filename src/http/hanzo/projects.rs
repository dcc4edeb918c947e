//! `/api/v2/workspace`: projects, and the identities that have a role there, for those who administer.

use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::ask::Ask;
use super::super::page::Page;
use super::super::problem::Problem;
use super::super::{Answer, App};
use super::{MAX_OFFSET, invalid, number, read};
use crate::kms::{MAX_ENTRIES, Membership, Sheet};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    project_name: String,
    slug: Option<String>,
    #[serde(rename = "projectDescription")]
    description: Option<String>,
}

#[derive(Serialize)]
struct Project<'a> {
    id: &'a str,
    name: &'a str,
    slug: &'a str,
}

#[derive(Serialize)]
struct Made<'a> {
    project: Project<'a>,
}

#[derive(Deserialize)]
struct Role {
    role: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    identity_id: &'a str,
    project_id: &'a str,
    role: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    identity_membership: Shown<'a>,
}

fn one(project: &str, identity: &str, role: &str) -> Answer {
    let identity_membership = Shown { identity_id: identity, project_id: project, role };
    Answer::json(StatusCode::OK, &One { identity_membership })
}

/// `POST /api/v2/workspace`: the slug is what everything else calls the project.
pub(in crate::http) fn create(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let New { project_name, slug, description } = read(ask.body)?;
    let slug = slug.unwrap_or_else(|| project_name.clone());
    let description = description.or_else(|| (slug != project_name).then(|| project_name.clone()));
    app.kms.create_project(&ask.context, &slug, description)?;
    let project = Project { id: &slug, name: &project_name, slug: &slug };
    Ok(Answer::json(StatusCode::OK, &Made { project }))
}

/// `POST` and `PATCH /api/v2/workspace/:projectId/identity-memberships/:identityId`
pub(in crate::http) fn put_member(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let Role { role } = read(ask.body)?;
    let (project, identity) = (ask.parameter(0), ask.parameter(1));
    app.kms.set_identity_role(&ask.context, project, identity, Some(&role))?;
    Ok(one(project, identity, &role))
}

/// `DELETE /api/v2/workspace/:projectId/identity-memberships/:identityId`
pub(in crate::http) fn remove_member(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let (project, identity) = (ask.parameter(0), ask.parameter(1));
    let before = app.kms.set_identity_role(&ask.context, project, identity, None)?;
    let role = before.ok_or_else(|| invalid("the identity has no role in this project"))?;
    Ok(one(project, identity, &role))
}

/// `GET /api/v2/workspace/:projectId/identity-memberships[?offset=N][&limit=N]`
pub(in crate::http) fn members(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let project = ask.parameter(0);
    let offset = number(ask, "offset", 0, MAX_OFFSET)?;
    let limit = number(ask, "limit", MAX_ENTRIES, MAX_ENTRIES)?;
    let mut page = Page::named("identityMemberships");
    let mut write = |Membership { member, role }: Membership| {
        page.put(&Shown { identity_id: &member, project_id: project, role: &role })
    };
    let mut sheet = Sheet::new(&ask.context, limit, &mut write);
    let total = app.kms.identity_members(&ask.context, project, offset, &mut sheet)?;
    Ok(page.end_with("totalCount", &total.into()))
}
