//! What Conjur's clients ask about variables, hosts and authenticators: who may know of them, and who may do what.

use std::sync::Arc;

use super::super::call::Call;
use super::super::error::Error;
use super::super::secret_path::SecretPath;
use super::service::Kms;
use crate::policy::{Action, AuthenticatorDocument, HostDocument, Refusal, Rule, Subject, host_username};
use crate::principal::Caller;

impl Kms {
    /// What the policy says of `who` and the secret of a path, for callers who may ask that of any object
    /// ([`Self::explain_object`]); for other callers the secret does not exist.
    pub(in crate::kms) fn may_with_secret(
        &self,
        call: &Call<'_>,
        who: &Caller,
        action: Action,
        path: &SecretPath,
    ) -> Result<bool, Error> {
        match self.secret_at(path)? {
            Some(object) => Ok(self.explain_object(call, who, action, &object.id)?.is_ok()),
            None => {
                self.refused(call, call.operation.action(), None, &Refusal::Nothing)?;
                Err(Error::NotFound(path.name()))
            }
        }
    }

    /// The project by which the variables of an account are found, if there is one of its name.
    pub(in crate::kms) fn project_with(&self, account: &str) -> Option<String> {
        self.policy.load().has_project(account).then(|| account.to_owned())
    }

    /// Refuses questions about other callers, but of those who administer.
    pub(in crate::kms) fn expect_own_or_administrator(&self, call: &Call<'_>, who: &Caller) -> Result<(), Error> {
        if Subject::of(who) == Subject::of(call.caller()) {
            call.trail.permitted(call.operation.action(), None, Rule::Everyone);
            return Ok(());
        }
        self.authorize_administration(call).map(drop)
    }

    /// The hosts of an account that `who` may know of, in the order of their identifiers: all for those who administer, themselves
    /// for hosts.
    pub(in crate::kms) fn hosts_seen(&self, who: &Caller, account: &str) -> Vec<String> {
        let policy = self.policy.load();
        let is_seen = if policy.decide_administer(who).is_ok() {
            |_: &str, _: &Caller| true
        } else {
            |id: &str, who: &Caller| host_username(id) == who.username.as_str()
        };
        let of_account = policy.hosts().filter(|(id, host)| host.account == account && is_seen(id, who));
        let mut found: Vec<String> = of_account.map(|(id, _)| id.to_owned()).collect();
        found.sort();
        found
    }

    /// The authenticators, by account and service and in that order, that `who` may know of: all for those who administer, those that
    /// they may use for hosts. Those that are switched off are among them.
    pub(in crate::kms) fn authenticators_seen(
        &self,
        who: &Caller,
    ) -> Vec<(String, String, Arc<AuthenticatorDocument>)> {
        let policy = self.policy.load();
        let administers = policy.decide_administer(who).is_ok();
        let own = who.username.as_str().strip_prefix("host/").and_then(|id| policy.host(id));
        let is_usable = |account: &str, service: &str| {
            own.as_ref().is_some_and(|host: &Arc<HostDocument>| host.account == account && uses(host, service))
        };
        let seen = policy.authenticators().filter(|(account, service, _)| administers || is_usable(account, service));
        let mut found: Vec<_> =
            seen.map(|(account, service, own)| (account.to_owned(), service.to_owned(), Arc::clone(own))).collect();
        found.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
        found
    }

    /// Whether a host may log in by an authenticator of its account.
    pub(in crate::kms) fn may_authenticate(&self, who: &Caller, account: &str, service: &str) -> bool {
        let policy = self.policy.load();
        let host = who.username.as_str().strip_prefix("host/").and_then(|id| policy.host(id));
        host.is_some_and(|host| host.account == account && uses(&host, service))
            && policy.authenticator(account, service).is_some_and(|own| !own.disabled)
    }
}

/// Whether a host may use a service and is restricted there, without which no login succeeds.
fn uses(host: &HostDocument, service: &str) -> bool {
    host.may_use(service) && host.restrictions(service).next().is_some()
}
