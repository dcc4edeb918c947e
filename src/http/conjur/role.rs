//! Roles: the names `ACCOUNT:KIND:ID` that Conjur's clients have for callers.

use super::super::app::App;
use super::super::caller_request::CallerRequest;
use crate::policy::Subject;
use crate::principal::Caller;

/// The beginning of the user name of a host.
const HOST: &str = "host/";

/// Returns the role of a user in an account.
pub(super) fn role_id(account: &str, username: &str) -> String {
    match username.strip_prefix(HOST) {
        Some(id) => format!("{account}:host:{id}"),
        None => format!("{account}:user:{username}"),
    }
}

/// Returns the caller that `ACCOUNT:KIND:ID` or `KIND:ID` names. Returns `None` if it names no caller: only hosts and
/// users have credentials. A user is named by the name in the certificate, or as `jwt:ISSUER#NAME`.
pub(super) fn caller_of(app: &App, request: &CallerRequest<'_>, account: &str, role: &str) -> Option<Caller> {
    let own = request.context.caller;
    let full = if role.matches(':').count() > 1 && role.starts_with(&format!("{account}:")) {
        role.to_owned()
    } else {
        format!("{account}:{role}")
    };
    if full == role_id(account, own.username.as_str()) {
        return Some(own.clone());
    }
    let mut parts = full.splitn(3, ':');
    let (own_account, kind, id) = (parts.next()?, parts.next()?, parts.next()?);
    let subject = match kind {
        "host" if own_account == account => Subject::parse(&format!("{HOST}{id}")).ok()?,
        "user" if own_account == account => Subject::parse(id).ok()?,
        _ => return None,
    };
    app.authenticator.caller_of(&subject)
}
