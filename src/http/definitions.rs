//! Routes by which administrators define roles, policies, users, projects, identities, authenticators and hosts.

use warp::http::StatusCode;

use super::answer::Answer;
use super::app::App;
use super::caller_request::CallerRequest;
use super::page::{Page, after, limit};
use super::problem::Problem;
use crate::api::definitions::{Defined, Entry};
use crate::kms::{Kind, PageBuilder};

/// `GET /access/definitions/{roles|policies|users|projects|...}[?after=NAME][&limit=N]`
pub(super) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let mut page = Page::array();
    let mut write = |entry: Entry| page.put(&entry);
    let mut sheet = PageBuilder::new(&request.context, limit(request)?, &mut write);
    app.kms.definitions(&request.context, kind(request)?, &after(request).unwrap_or_default(), &mut sheet)?;
    Ok(page.end())
}

/// `PUT /access/definitions/{kind}/{name}`: makes or replaces a definition. The body has the keys of the table in the
/// policy file.
pub(super) fn put(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (kind, name) = (kind(request)?, name(request));
    let version = app.kms.define(&request.context, kind, name, request.body)?;
    if let (Kind::Authenticator, Some((account, service))) = (kind, name.split_once('/')) {
        app.logins.log_authenticator(account, service);
    }
    Ok(Answer::json(StatusCode::OK, &Defined { name: name.to_owned(), version }))
}

/// `DELETE /access/definitions/{kind}/{name}`
pub(super) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (kind, name) = (kind(request)?, name(request));
    let version = app.kms.undefine(&request.context, kind, name)?;
    Ok(Answer::json(StatusCode::OK, &Defined { name: name.to_owned(), version }))
}

fn kind(request: &CallerRequest<'_>) -> Result<Kind, Problem> {
    request.parameters.get("kind").and_then(Kind::from_table).ok_or_else(|| {
        let mut tables: Vec<&str> = Kind::ALL.iter().map(|kind| kind.table()).collect();
        let last = tables.pop().unwrap_or_default();
        Problem::new(StatusCode::NOT_FOUND, format!("definitions are {} and {last}", tables.join(", ")))
    })
}

fn name<'a>(request: &'a CallerRequest<'_>) -> &'a str {
    request.parameter("name")
}
