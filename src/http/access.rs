//! Routes for access to objects: grants, owners, projects, and queries about them.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value;
use warp::http::StatusCode;

use super::answer::Answer;
use super::app::App;
use super::caller_request::CallerRequest;
use super::hanzo::iso;
use super::members;
use super::page::{Page, after, limit, offset};
use super::problem::Problem;
use crate::api::access::{
    self as api, Change, Explanation, InProject, IsPrivileged, Listed, MayCreate, Member, Obtained, Question, Transfer,
};
use crate::api::{Success, Word};
use crate::kmip::Dialect;
use crate::kmip::ttlv::{Document, Field as _, json};
use crate::kms::{self, Error, Held, Membership, PageBuilder};
use crate::policy::{Action, Grant, Grantee, Subject};
use crate::principal::Username;

/// The maximum number of operations in one request.
const MAX_OPERATIONS: usize = 64;

/// `POST /access/grant`
pub(super) fn grant(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let change = change(request)?;
    let (to, actions) = (grantee(&change)?, actions(&change.operation_types)?);
    let id = &change.unique_identifier;
    app.kms.grant(&request.context, id, &to, &actions)?;
    Ok(success(format!("Access for {to} on {id} successfully added")))
}

/// `POST /access/revoke`
pub(super) fn revoke(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let change = change(request)?;
    let (to, actions) = (grantee(&change)?, actions(&change.operation_types)?);
    let id = &change.unique_identifier;
    app.kms.take_back(&request.context, id, &to, &actions)?;
    Ok(success(format!("Access for {to} on {id} successfully removed")))
}

/// `POST /access/transfer`: makes an offer, which the receiver accepts by [`super::ownership::accept`].
pub(super) fn transfer(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let Transfer { unique_identifier: id, user_id } = read(request.body)?;
    let to = username(&user_id)?;
    let expires = iso(app.kms.transfer(&request.context, &id, &to)?);
    Ok(success(format!("{id} is offered to {to}, who becomes its owner by accepting it before {expires}")))
}

/// `POST /access/project`
pub(super) fn project(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let InProject { unique_identifier: id, project } = read(request.body)?;
    app.kms.set_project(&request.context, &id, project.as_deref())?;
    Ok(success(match project {
        Some(project) => format!("{id} is in the project {project} now"),
        None => format!("{id} is in no project now"),
    }))
}

/// `GET /access/list/{id}`: lists the grants, with `?all=true` also the owner, the project and its members.
pub(super) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let id = request.parameter("id");
    let is_whole = request.query.boolean("all")?.unwrap_or(false);
    let kms::AccessList { owner, project, members, grants } = app.kms.access_list(&request.context, id)?;
    let grants: Vec<api::Grant> = grants.into_iter().map(listed).collect();
    if !is_whole {
        return Ok(Answer::json(StatusCode::OK, &Listed::Grants(grants)));
    }
    let members = members.into_iter().map(|Membership { member, role }| Member { member, role }).collect();
    Ok(Answer::json(StatusCode::OK, &Listed::All(api::AccessList { owner, project, members, grants })))
}

pub(super) fn listed(grant: Grant) -> api::Grant {
    let operations = words(&grant.actions);
    match grant.to {
        Grantee::User(name) => api::Grant { user_id: Some(name), role: None, operations },
        Grantee::Everyone => api::Grant { user_id: Some("*".to_owned()), role: None, operations },
        Grantee::Role(role) => api::Grant { user_id: None, role: Some(role), operations },
    }
}

fn words(actions: &BTreeSet<Action>) -> Vec<Word> {
    actions.iter().map(|action| action.word().into()).collect()
}

/// `GET /access/owned[?after=ID|?offset=N][&limit=N]`
pub(super) fn owned(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let mut page = Page::array();
    let mut write = |held: Held| page.put_with(|body| write_owned(held, body));
    app.kms.owned(
        &request.context,
        &from(request)?,
        &mut PageBuilder::new(&request.context, limit(request)?, &mut write),
    )?;
    Ok(page.end())
}

/// Writes an object that the caller owns, with its attributes as bare KMIP JSON.
fn write_owned(held: Held, body: &mut Vec<u8>) {
    let Held { id, attributes } = held;
    let state = attributes.state.map_or("", |state| state.name(Dialect::Oasis));
    let (id, state) = (Value::from(id.as_str()), Value::from(state));
    body.extend_from_slice(format!("{{\"object_id\":{id},\"state\":{state},\"attributes\":").as_bytes());
    json::write(&Document { name: "Attributes".into(), value: attributes.write() }, Dialect::Bare, body);
    body.extend_from_slice(b",\"is_wrapped\":false}");
}

/// `GET /access/obtained[?after=ID|?offset=N][&limit=N]`
pub(super) fn obtained(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let mut page = Page::array();
    let mut write = |object: kms::Obtained| {
        page.put(&Obtained {
            object_id: object.id,
            owner_id: object.owner,
            state: object.state.name(Dialect::Oasis).into(),
            operations: words(&object.actions),
            is_wrapped: false,
        })
    };
    app.kms.obtained(
        &request.context,
        &from(request)?,
        &mut PageBuilder::new(&request.context, limit(request)?, &mut write),
    )?;
    Ok(page.end())
}

/// `GET /access/create`: whether the caller may add objects.
pub(super) fn create(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (has_create_permission, _) = app.kms.general_rights(request.context.caller);
    Ok(Answer::json(StatusCode::OK, &MayCreate { has_create_permission }))
}

/// `GET /access/privileged`: whether the caller is an administrator.
pub(super) fn privileged(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (_, has_privileged_access) = app.kms.general_rights(request.context.caller);
    Ok(Answer::json(StatusCode::OK, &IsPrivileged { has_privileged_access }))
}

/// `POST /access/explain`: says whether a user may do an operation. It changes nothing.
pub(super) fn explain(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let Question { user, operation, unique_identifier } = read(request.body)?;
    let parse = |user: &String| Subject::parse(user).map_err(|error| bad(format!("user {user:?}: {error}")));
    let subject = user.as_ref().map_or_else(|| Ok(Subject::of(request.context.caller)), parse)?;
    // A question about the caller takes the caller's credential and its narrowing into account. The credential of
    // another user is not known.
    let own = Some(request.context.caller).filter(|own| Subject::of(own) == subject);
    let who = own.cloned().or_else(|| app.authenticator.caller_of(&subject));
    let who = who.ok_or_else(|| {
        bad(format!("user must name one user, as NAME, certificate:NAME or jwt:ISSUER#NAME; {subject} names several"))
    })?;
    let decision = app.kms.explain(&request.context, &who, action(&operation)?, unique_identifier.as_deref())?;
    let (allowed, rule) = match decision {
        Ok(rule) => (true, rule.to_string()),
        Err(refusal) => (false, refusal.to_string()),
    };
    let is_own = Subject::of(request.context.caller) == subject;
    let (_, administers) = app.kms.general_rights(request.context.caller);
    let role = if is_own || administers { app.kms.role_of(&who) } else { None };
    Ok(Answer::json(StatusCode::OK, &Explanation { allowed, rule, user: subject.to_string(), role }))
}

/// Reads the body of a request that clients of Cosmian KMS also make.
fn change(request: &CallerRequest<'_>) -> Result<Change, Problem> {
    members::read_spelled(request.body, &Change::MEMBERS).map_err(|error| bad(error.to_string()))
}

/// Reads the body of a request that only clients of this server make. An unknown member is refused.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| bad(format!("the body is not as expected: {error}")))
}

pub(super) fn bad(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

pub(super) fn success(text: impl Into<Word>) -> Answer {
    Answer::json(StatusCode::OK, &Success { success: text.into() })
}

/// Parses the user name of a request.
pub(super) fn username(user_id: &str) -> Result<Username, Problem> {
    Username::new(user_id).map_err(|error| bad(format!("user_id {user_id:?} is not a user name: {error}")))
}

fn grantee(change: &Change) -> Result<Grantee, Problem> {
    match (&change.user_id, &change.role) {
        (Some(user), None) => {
            Grantee::user(user).map_err(|error| bad(format!("user_id {user:?} is not a user name: {error}")))
        }
        (None, Some(role)) => Ok(Grantee::Role(role.clone())),
        _ => Err(bad("give exactly one of user_id and role".to_owned())),
    }
}

fn actions(words: &[String]) -> Result<BTreeSet<Action>, Problem> {
    if words.len() > MAX_OPERATIONS {
        return Err(bad(format!("operation_types has at most {MAX_OPERATIONS} entries")));
    }
    words.iter().map(|word| action(word)).collect()
}

fn action(word: &str) -> Result<Action, Problem> {
    let unknown = || bad(format!("{word:?} is not an operation: give one of {}", Action::words()));
    Action::from_word(word).ok_or_else(unknown)
}

fn from(request: &CallerRequest<'_>) -> Result<kms::From, Problem> {
    match (after(request), offset(request)?) {
        (None, offset) => Ok(kms::From::Offset(offset)),
        (Some(after), 0) => Ok(kms::From::After(after)),
        (Some(_), _) => Err(bad("give one of after and offset, not both".to_owned())),
    }
}

impl From<crate::policy::Fault> for Problem {
    fn from(fault: crate::policy::Fault) -> Self {
        Error::from(fault).into()
    }
}
