//! Questions of Conjur's clients about variables, hosts and authenticators: which ones a caller may see, and what is
//! permitted.

use std::sync::Arc;

use super::super::call::Call;
use super::super::error::Error;
use super::super::secret_path::SecretPath;
use super::service::Kms;
use crate::kmip::Attributes;
use crate::policy::{Action, AuthenticatorDocument, HostDocument, Refusal, Rule, Subject, host_username};
use crate::principal::Caller;

impl Kms {
    /// Whether the policy permits `who` an action on the secret of a path. Only for callers who may ask this about the
    /// object ([`Self::explain_object`]); for other callers the secret does not exist.
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

    /// The project that holds the variables of an account: the project with the account's name, if it exists.
    pub(in crate::kms) fn project_with(&self, account: &str) -> Option<String> {
        self.policy.load().has_project(account).then(|| account.to_owned())
    }

    /// Whether the caller may see secrets of other users in a project, and so may know that it exists.
    pub(in crate::kms) fn may_know_project(&self, call: &Call<'_>, project: &str) -> bool {
        self.decide_seeing(call, Some(project), &Attributes::default()).is_ok()
    }

    /// Refuses questions about other callers, except by administrators.
    pub(in crate::kms) fn expect_own_or_administrator(&self, call: &Call<'_>, who: &Caller) -> Result<(), Error> {
        if Subject::of(who) == Subject::of(call.caller()) {
            call.trail.permitted(call.operation.action(), None, Rule::Everyone);
            return Ok(());
        }
        self.authorize_administration(call).map(drop)
    }

    /// The hosts of an account that `who` may see, sorted by identifier: all for administrators, and for a host only
    /// itself.
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

    /// The authenticators that `who` may see, sorted by account and service: all for administrators, and for a host
    /// those that it may use. Disabled authenticators are included.
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

/// Whether a host may use a service and has restrictions for it. A login without restrictions is always refused.
fn uses(host: &HostDocument, service: &str) -> bool {
    host.may_use(service) && host.restrictions(service).next().is_some()
}
