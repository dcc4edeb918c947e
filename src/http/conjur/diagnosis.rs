//! What an authenticator makes of a JWT, for those who administer.

use super::super::App;
use super::authenticate::{Asked, Refused, entitled};
use super::trust::Authenticator;
use crate::auth::{Diagnosis, KeySource, NewToken, TrustedIssuer, Unverified};
use crate::kms;
use crate::policy::{AuthenticatorDocument, authenticator_name};

/// The issuer that an authenticator trusts, or what is wrong with its variables.
pub(in crate::http) fn trusted(document: &AuthenticatorDocument, allow_http: bool) -> Result<TrustedIssuer, String> {
    Authenticator::new(document, allow_http).map(|own| own.issuer).map_err(|fault| fault.to_string())
}

/// Says in the log which keys of an authenticator that was just defined are left out, and why.
pub(in crate::http) fn tell_keys(app: &App, account: &str, service: &str) {
    let Some(document) = app.kms.authenticator(account, service) else { return };
    let name = authenticator_name(account, service);
    match trusted(&document, app.authenticator.exchange().allows_http()) {
        Ok(TrustedIssuer { keys: KeySource::Inline(set), .. }) => set.tell(&name),
        Ok(_) => {}
        Err(fault) => tracing::warn!(authenticator = name, fault, "the authenticator cannot be used"),
    }
}

/// Checks a JWT as a login would, for the host `login` (`host/ID`) or the one that a claim names.
pub(in crate::http) async fn diagnose(
    app: &App,
    document: &AuthenticatorDocument,
    (account, service, login): (&str, &str, Option<&str>),
    (jwt, token): (&str, &Unverified<'_>),
) -> Diagnosis {
    let authenticator = match Authenticator::new(document, app.authenticator.exchange().allows_http()) {
        Ok(authenticator) => authenticator,
        Err(fault) => {
            let mut diagnosis = Diagnosis::default();
            diagnosis.conclude("variables", Err(fault.to_string()));
            return diagnosis;
        }
    };
    let issuer = &authenticator.issuer;
    let (mut diagnosis, verified) = app.authenticator.diagnose_exchange(issuer, jwt, token, kms::now()).await;
    if let Some(verified) = verified {
        let asked = Asked { service, account, login };
        let entitled = match entitled(app, &asked, &authenticator, &verified) {
            Ok(NewToken { subject, .. }) => Ok(format!("{subject}: all its restrictions hold")),
            Err(Refused { fault, .. }) if login.is_none() && !authenticator.names_host() => {
                Err(format!("{fault}: ask for authn-jwt/{service}/{account}/host/ID"))
            }
            Err(Refused { fault, .. }) => Err(fault.to_string()),
        };
        diagnosis.conclude("host", entitled);
    }
    diagnosis
}
