//! Routes by which an object gets another owner.

use warp::http::StatusCode;

use super::access::{listed, read, success, username};
use super::answer::Answer;
use super::app::App;
use super::caller_request::CallerRequest;
use super::hanzo::iso;
use super::page::{Page, after, limit};
use super::problem::Problem;
use crate::api::objects::About;
use crate::api::ownership::{Kept, NewRecovery, Offer, Offered, OneRecovery, Recovery};
use crate::kmip::Dialect;
use crate::kms::{Direction, KeptAccess, OfferEntry, PageBuilder, Proposal, RecoveryEntry, Summary};

impl From<Summary> for About {
    fn from(summary: Summary) -> Self {
        let Summary { names, object_type, algorithm, length, state } = summary;
        Self {
            names,
            object_type: object_type.map(|kind| kind.name(Dialect::Oasis).into()),
            cryptographic_algorithm: algorithm.map(|name| name.name(Dialect::Oasis).into()),
            cryptographic_length: length,
            state: Some(state.name(Dialect::Oasis).into()),
        }
    }
}

/// `POST /access/accept`
pub(super) fn accept(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let Offered { unique_identifier: id } = read(request.body)?;
    app.kms.accept(&request.context, &id)?;
    Ok(success(format!("{id} belongs to {} now, and has no grants", request.context.caller.username)))
}

/// `POST /access/decline`: ends an offer to the caller or by the caller.
pub(super) fn decline(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let Offered { unique_identifier: id } = read(request.body)?;
    app.kms.end_offer(&request.context, &id)?;
    Ok(success(format!("the offer of {id} has ended")))
}

/// `GET /access/offers[?after=ID][&limit=N]`
pub(super) fn received(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    list(app, request, Direction::Received)
}

/// `GET /access/offers/made[?after=ID][&limit=N]`
pub(super) fn made(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    list(app, request, Direction::Made)
}

fn list(app: &App, request: &CallerRequest<'_>, direction: Direction) -> Result<Answer, Problem> {
    let mut page = Page::named("offers");
    let mut write = |entry: OfferEntry| page.put(&Offer::from(entry));
    let mut sheet = PageBuilder::new(&request.context, limit(request)?, &mut write);
    let next = app.kms.offers(&request.context, direction, &after(request).unwrap_or_default(), &mut sheet)?;
    Ok(page.end_next(next))
}

impl From<OfferEntry> for Offer {
    fn from(entry: OfferEntry) -> Self {
        let OfferEntry { id, owner, to, expires, summary } = entry;
        Self { unique_identifier: id, owner, to, expires: iso(expires), object: About::from(summary) }
    }
}

/// `POST /access/recoveries`
pub(super) fn propose(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let NewRecovery { unique_identifier: id, user_id, reason, keep_access } = read(request.body)?;
    let to = username(&user_id)?;
    let proposal = Proposal { to, reason, keep_access };
    let entry = app.kms.propose_recovery(&request.context, &id, &proposal)?;
    Ok(Answer::json(StatusCode::OK, &Recovery::from(entry)))
}

/// `POST /access/recoveries/approve`
pub(super) fn approve(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let OneRecovery { unique_identifier: id, recovery } = read(request.body)?;
    let entry = app.kms.approve_recovery(&request.context, &id, &recovery)?;
    Ok(Answer::json(StatusCode::OK, &Recovery::from(entry)))
}

/// `POST /access/recoveries/withdraw`
pub(super) fn withdraw(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let OneRecovery { unique_identifier: id, recovery } = read(request.body)?;
    app.kms.withdraw_recovery(&request.context, &id, &recovery)?;
    Ok(success(format!("the recovery {recovery} of {id} is withdrawn")))
}

/// `GET /access/recoveries[?after=ID][&limit=N]`
pub(super) fn recoveries(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let mut page = Page::named("recoveries");
    let mut write = |entry: RecoveryEntry| page.put(&Recovery::from(entry));
    let mut sheet = PageBuilder::new(&request.context, limit(request)?, &mut write);
    let next = app.kms.recoveries(&request.context, &after(request).unwrap_or_default(), &mut sheet)?;
    Ok(page.end_next(next))
}

impl From<RecoveryEntry> for Recovery {
    fn from(entry: RecoveryEntry) -> Self {
        let KeptAccess { project, grants } = entry.kept;
        let kept = Kept { project, grants: grants.into_iter().map(listed).collect() };
        Self {
            unique_identifier: entry.object,
            recovery: entry.id,
            owner: entry.owner,
            to: entry.to,
            reason: entry.reason,
            keep_access: entry.keep_access,
            kept: entry.keep_access.then_some(kept),
            approvals: entry.approvals,
            approvals_needed: entry.needed,
            done: entry.done,
            expires: iso(entry.expires),
            object: About::from(entry.summary),
        }
    }
}
