//! Roles, as Conjur's clients name callers: `ACCOUNT:KIND:ID`.

use super::super::app::App;
use super::super::ask::Ask;
use crate::policy::Subject;
use crate::principal::Caller;

/// Begins the user name of a host.
const HOST: &str = "host/";

/// The name of the role that a user is in an account.
pub(super) fn role_id(account: &str, username: &str) -> String {
    match username.strip_prefix(HOST) {
        Some(id) => format!("{account}:host:{id}"),
        None => format!("{account}:user:{username}"),
    }
}

/// The caller whom `ACCOUNT:KIND:ID` or `KIND:ID` names; `None` if it names nobody: kinds other than host and user have no credentials.
/// A user is named as everywhere, by the name in their certificate or as `jwt:ISSUER#NAME`.
pub(super) fn caller_of(app: &App, ask: &Ask<'_>, account: &str, role: &str) -> Option<Caller> {
    let own = ask.context.caller;
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
