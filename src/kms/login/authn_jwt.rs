//! Hosts that log in by a JWT from an issuer that an authenticator trusts (Conjur's `authn-jwt`).

use std::sync::Arc;

use serde_json::Value;

use super::authenticator::HostAuthenticator;
use super::fault::Fault;
use super::{Failure, Logins, NotLoggedIn, Visitor};
use crate::auth::{Diagnosis, Issued, KeySource, NewToken, Unauthenticated, Unverified, Verified};
use crate::kms::clock::now;
use crate::policy::{AuthenticatorDocument, HostDocument, authenticator_name, host_username};
use crate::principal::Username;

/// The name of the login method in the log and the metrics.
const METHOD: &str = "authn-jwt";

/// Maximum number of refused hosts that are listed for an authenticator.
const MAX_TOLD: usize = 100;

/// The content of a login request.
#[derive(Debug, Clone, Copy)]
pub struct HostLogin<'a> {
    /// The service of the authenticator.
    pub service: &'a str,
    /// The account of authenticator and host.
    pub account: &'a str,
    /// `host/ID`; `None` if a claim names the host.
    pub login: Option<&'a str>,
}

/// The reason why a host gets no access token.
#[derive(Debug)]
pub enum NoHostToken {
    /// The request holds no JWT.
    NoToken(Fault),
    /// The connection's client certificate is not valid.
    Connection(Unauthenticated),
    /// The host could not be authenticated.
    Unauthenticated(Fault),
    /// The host may not use the authenticator.
    NotPermitted(Fault),
    /// The keys of the issuer cannot be fetched again yet.
    TryLater(Fault),
}

impl From<Fault> for NoHostToken {
    fn from(fault: Fault) -> Self {
        Self::Unauthenticated(fault)
    }
}

impl From<Unauthenticated> for NoHostToken {
    fn from(reason: Unauthenticated) -> Self {
        let fault = Fault::from(&reason);
        match reason {
            Unauthenticated::TooManyFetches => Self::TryLater(fault),
            _ => Self::Unauthenticated(fault),
        }
    }
}

impl std::fmt::Display for NoHostToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connection(reason) => reason.fmt(f),
            Self::NoToken(fault) | Self::Unauthenticated(fault) | Self::NotPermitted(fault) | Self::TryLater(fault) => {
                fault.fmt(f)
            }
        }
    }
}

impl NoHostToken {
    /// The kind of the refused credential, and the reason, for the log.
    fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Connection(reason) => (reason.method(), reason.word()),
            Self::NoToken(fault) | Self::Unauthenticated(fault) | Self::NotPermitted(fault) | Self::TryLater(fault) => {
                (METHOD, fault.code)
            }
        }
    }
}

impl Logins {
    /// Issues an access token to a host for the JWT of a request.
    ///
    /// # Errors
    /// The JWT is refused or missing, or the access token could not be issued.
    pub async fn log_in_by_authn_jwt(
        &self,
        visitor: &Visitor<'_>,
        asked: &HostLogin<'_>,
        jwt: Option<&str>,
    ) -> Result<Issued, NotLoggedIn<NoHostToken>> {
        match self.vouched_host(visitor, asked, jwt).await {
            Ok(new) => Ok(self.kms.issue_token(visitor.origin(), &new)?),
            Err(reason) => {
                let (method, word) = reason.words();
                let failure = Failure { method, word, idps: None, reason: &reason };
                let limited = self.failed(visitor.address(), &failure);
                Err(NotLoggedIn::Refused { reason, limited })
            }
        }
    }

    /// Checks the signature first, then the claims, then the host. Returns the access token to issue.
    async fn vouched_host(
        &self,
        visitor: &Visitor<'_>,
        asked: &HostLogin<'_>,
        jwt: Option<&str>,
    ) -> Result<NewToken, NoHostToken> {
        let jwt = jwt.ok_or_else(|| NoHostToken::NoToken(Fault::no_token()))?;
        let bearer = self.bearer(visitor).map_err(NoHostToken::Connection)?;
        let document = self.kms.authenticator(asked.account, asked.service).ok_or_else(Fault::no_authenticator)?;
        let authenticator = self.host_authenticator(asked.account, asked.service, &document)?;
        let verified = self.authenticator.verify_for_exchange(&authenticator.issuer, jwt, now()).await?;
        let new = self.entitled(asked, (&document, &authenticator), &verified)?;
        if !new.terms.admit(visitor.address()) {
            return Err(Fault::new("CONJ00003E", "restricted_to of the host does not have this address").into());
        }
        Ok(NewToken { thumbprint: bearer.thumbprint, ..new })
    }

    /// Returns the parsed authenticator; each definition is parsed once.
    ///
    /// # Errors
    /// A variable is faulty; the error names it.
    pub fn host_authenticator(
        &self,
        account: &str,
        service: &str,
        document: &Arc<AuthenticatorDocument>,
    ) -> Result<Arc<HostAuthenticator>, Fault> {
        let name = authenticator_name(account, service);
        self.authenticators.get(&name, document, |document| HostAuthenticator::new(document, self.allows_http()))
    }

    /// The access token for the host that a verified JWT or the URL names.
    fn entitled(
        &self,
        asked: &HostLogin<'_>,
        (document, authenticator): (&AuthenticatorDocument, &HostAuthenticator),
        verified: &Verified,
    ) -> Result<NewToken, NoHostToken> {
        let id = host_id(authenticator, asked.login, verified)?;
        let host = self.kms.host(&id).filter(|host| host.account == asked.account).ok_or_else(Fault::no_host)?;
        if !host.may_use(asked.service) {
            return Err(NoHostToken::NotPermitted(Fault::no_privilege()));
        }
        let restrictions = authenticator.restrictions(&host, asked.service)?;
        verified.check(&restrictions)?;
        let subject = Username::exchanged(&host_username(&id)).map_err(|_| Fault::no_host())?;
        let basis = host.authenticator_basis(asked.service, document);
        let terms = self.kms.terms_of(subject.as_str(), &basis).ok_or_else(Fault::no_host)?;
        Ok(NewToken {
            subject,
            basis,
            vouched: format!("authn-jwt/{}/{}", asked.service, asked.account),
            terms,
            uses_limit: 0,
            thumbprint: None,
            narrowing: verified.narrowing.clone(),
            role: None,
        })
    }

    /// Checks a JWT as a login would, for the host of `asked` or the one that a claim names.
    pub async fn diagnose_host(
        &self,
        document: &Arc<AuthenticatorDocument>,
        asked: &HostLogin<'_>,
        (jwt, token): (&str, &Unverified<'_>),
    ) -> Diagnosis {
        let HostLogin { service, account, login } = *asked;
        let authenticator = match self.host_authenticator(account, service, document) {
            Ok(authenticator) => authenticator,
            Err(fault) => {
                let mut diagnosis = Diagnosis::default();
                diagnosis.conclude("variables", Err(fault.to_string()));
                return diagnosis;
            }
        };
        let issuer = &authenticator.issuer;
        let (mut diagnosis, verified) = self.authenticator.diagnose_exchange(issuer, jwt, token, now()).await;
        if let Some(verified) = verified {
            let entitled = match self.entitled(asked, (document, &authenticator), &verified) {
                Ok(NewToken { subject, .. }) => Ok(format!("{subject}: all its restrictions hold")),
                Err(refused) if login.is_none() && !authenticator.names_host() => {
                    Err(format!("{refused}: ask for authn-jwt/{service}/{account}/host/ID"))
                }
                Err(refused) => Err(refused.to_string()),
            };
            diagnosis.conclude("host", entitled);
        }
        if document.disabled {
            diagnosis.conclude("enabled", Err("the authenticator is switched off".to_owned()));
        }
        diagnosis
    }

    /// The hosts that the authenticator refuses at present although they have annotations for the service and may use
    /// it, each with the reason. Returns the first 100, sorted by name, and their total number.
    #[must_use]
    pub fn kept_out(
        &self,
        account: &str,
        service: &str,
        authenticator: &HostAuthenticator,
    ) -> (Vec<(String, Fault)>, usize) {
        let hosts = self.kms.annotated_hosts(account, service);
        let concerned = hosts.iter().filter(|(_, host)| host.may_use(service));
        let concerned = concerned.filter(|(_, host)| host.restrictions(service).next().is_some());
        let fault = |(id, host): &(String, Arc<HostDocument>)| {
            Some((id.clone(), authenticator.restrictions(host, service).err()?))
        };
        let mut kept_out: Vec<(String, Fault)> = concerned.filter_map(fault).collect();
        let count = kept_out.len();
        kept_out.sort_by(|(one, _), (other, _)| one.cmp(other));
        kept_out.truncate(MAX_TOLD);
        (kept_out, count)
    }

    /// Logs the problems of an authenticator that was just defined: keys that are left out, a missing audience, and
    /// hosts that it refuses.
    pub fn log_authenticator(&self, account: &str, service: &str) {
        let Some(document) = self.kms.authenticator(account, service) else { return };
        let name = authenticator_name(account, service);
        let authenticator = match self.host_authenticator(account, service, &document) {
            Ok(authenticator) => authenticator,
            Err(fault) => {
                tracing::warn!(authenticator = name, %fault, "the authenticator cannot be used");
                return;
            }
        };
        if let KeySource::Inline(set) = &authenticator.issuer.keys {
            set.log_findings(&name);
        }
        if authenticator.issuer.audiences.is_empty() {
            tracing::warn!(
                authenticator = name,
                "the authenticator has no audience: it takes tokens that its issuer made for other services; set the variable audience"
            );
        }
        let (kept_out, count) = self.kept_out(account, service, &authenticator);
        for (host, fault) in kept_out {
            tracing::warn!(authenticator = name, host, %fault, "the authenticator keeps the host out");
        }
        if count > MAX_TOLD {
            tracing::warn!(authenticator = name, count, "and other hosts");
        }
    }

    /// Logs the problems of all authenticators. Called at the start.
    pub fn log_authenticators(&self) {
        let (_, authenticators) = self.kms.vouching();
        for (account, service, _) in authenticators {
            self.log_authenticator(&account, &service);
        }
    }
}

/// The identifier of the host, which either the URL or a claim names.
fn host_id(authenticator: &HostAuthenticator, login: Option<&str>, verified: &Verified) -> Result<String, Fault> {
    match (login, authenticator.names_host()) {
        (Some(login), false) => {
            let id = login.strip_prefix("host/").ok_or_else(Fault::no_host)?;
            Ok(id.to_owned())
        }
        (None, true) => match verified.claim(&authenticator.issuer.username_claim) {
            Some(Value::String(name)) if !name.is_empty() => {
                Ok(format!("{}{name}", authenticator.issuer.username_prefix))
            }
            _ => Err(Fault::new("CONJ00084E", "the claim that names the host is missing, or not a string")),
        },
        (Some(_), true) => Err(Fault::new("CONJ00098E", "the host is named by the URL and by token-app-property")),
        (None, false) => {
            Err(Fault::new("CONJ00098E", "the host is named neither by the URL nor by token-app-property"))
        }
    }
}
