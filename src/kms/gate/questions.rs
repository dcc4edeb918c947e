//! Questions about permission. They change nothing.

use std::sync::Arc;

use super::super::call::Call;
use super::super::error::Error;
use super::super::object::Object;
use super::super::operations::{Touches, touched_by};
use super::service::Kms;
use crate::auth::AccessTokens;
use crate::kmip::Attributes;
use crate::kmip::enumerations::Operation;
use crate::policy::{
    Action, AuthenticatorDocument, Decision, Grants, HostDocument, IdentityDocument, Policy, Refusal, Resource, Rule,
    Subject, Terms,
};
use crate::principal::Caller;

/// The account and service of an authenticator, and its definition.
pub(in crate::kms) type Authenticated = (String, String, Arc<AuthenticatorDocument>);

impl Kms {
    /// Whether the policy permits an action on an object that the caller may know of. Nothing is recorded.
    pub(in crate::kms) fn permitted(&self, call: &Call<'_>, action: Action, object: &Object) -> bool {
        self.policy.load().decide(call.caller(), action, &object.resource()).is_ok()
    }

    /// The refusal if the owner may not transfer the object; `None` if the owner may.
    pub(in crate::kms) fn refuses_to_part(&self, owner: &Caller, object: &Object) -> Option<Refusal> {
        let decided = self.policy.load().decide(owner, Action::Transfer, &object.resource());
        let leaving = || object.leaves_project().then(|| self.refuses_leaving(owner, object)).flatten();
        decided.err().or_else(|| leaving().map(|(_, refusal)| refusal))
    }

    /// The first action that is missing for the caller to take the object out of its project. Outside, other roles
    /// apply, and a caller must not gain rights there that the caller does not have here. So the caller needs the
    /// permission for every action on the object, including manage access, and for a transfer too if the caller could
    /// make one outside.
    pub(in crate::kms) fn refuses_leaving(&self, caller: &Caller, object: &Object) -> Option<(Action, Refusal)> {
        let (policy, resource) = (self.policy.load(), object.resource());
        let refused = |action| policy.decide(caller, action, &resource).err().map(|refusal| (action, refusal));
        let mut all = Action::on_objects().chain([Action::ManageAccess]);
        all.find_map(refused).or_else(|| {
            let counts = |refusal: &Refusal| object.is_of(caller) || matches!(refusal, Refusal::Policy { .. });
            refused(Action::Transfer).filter(|(_, refusal)| counts(refusal))
        })
    }

    /// Refuses to give the caller an object that stays in a project where the caller has no access to it.
    pub(in crate::kms) fn check_reach(&self, call: &Call<'_>, object: &Object) -> Result<(), Error> {
        if object.access.project.is_none() || object.leaves_project() {
            return Ok(());
        }
        let (grants, owner) = (Grants::default(), call.caller().username.as_str());
        let owned = Resource { owner, grants: &grants, ..object.resource() };
        match self.policy.load().decide(call.caller(), Action::Operation(Operation::Locate), &owned) {
            Ok(_) => Ok(()),
            Err(refusal) => {
                self.refused(call, Action::Accept, Some(&object.id), &refusal)?;
                Err(Error::NotPermitted { action: Action::Accept.word(), refusal })
            }
        }
    }

    /// Whether the object is offered to the caller and the caller could accept it.
    pub(in crate::kms) fn is_offered(&self, call: &Call<'_>, object: &Object) -> bool {
        let receiver = object.access.pending.receiver();
        self.policy.load().decide_accept(call.caller(), receiver, &object.resource()).is_ok()
    }

    /// The members of a project with their roles in it, sorted by name.
    pub(in crate::kms) fn members_of(&self, project: &str) -> Vec<(String, String)> {
        self.policy.load().members_of(project)
    }

    /// Returns the object if the caller may perform the call's operation on it. Records a refusal, but no permission.
    pub(in crate::kms) fn foresee(&self, call: &Call<'_>, id: &str) -> Result<Arc<Object>, Error> {
        let object = self.load(id)?.ok_or_else(|| Error::NotFound(id.to_owned()))?;
        self.decide(call, call.operation.action(), &object)?;
        Ok(object)
    }

    /// Whether a role of this name is defined.
    pub(in crate::kms) fn has_role(&self, role: &str) -> bool {
        self.policy.load().has_role(role)
    }

    /// The present terms of an access token of `subject` that was issued on `basis`; `None` if such a token is not
    /// valid.
    pub(in crate::kms) fn terms_of(&self, subject: &str, basis: &str) -> Option<Arc<Terms>> {
        self.policy.load().terms(subject, basis)
    }

    /// An exchanged identity, if it is defined without faults.
    pub(in crate::kms) fn known_identity(&self, id: &str) -> Option<Arc<IdentityDocument>> {
        self.policy.load().identity(id)
    }

    /// An authenticator, if it is defined without faults and enabled. Called by a login, before the caller is
    /// authenticated.
    #[must_use]
    pub fn authenticator(&self, account: &str, service: &str) -> Option<Arc<AuthenticatorDocument>> {
        self.policy.load().authenticator(account, service).filter(|own| !own.disabled)
    }

    /// All issuers of exchanged callers: the identities with JWT or OIDC authentication, and the authenticators with
    /// account and service. Both are sorted by name.
    pub(in crate::kms) fn vouching(&self) -> (Vec<(String, Arc<IdentityDocument>)>, Vec<Authenticated>) {
        let policy = self.policy.load();
        let known = policy.identities().filter(|(_, own)| own.jwt_auth.is_some() || own.oidc_auth.is_some());
        let mut identities: Vec<_> = known.map(|(id, document)| (id.to_owned(), Arc::clone(document))).collect();
        identities.sort_by(|(one, _), (other, _)| one.cmp(other));
        let all = policy.authenticators();
        let mut authenticators: Vec<_> = all
            .map(|(account, service, document)| (account.to_owned(), service.to_owned(), Arc::clone(document)))
            .collect();
        authenticators.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
        (identities, authenticators)
    }

    /// A host, if it is defined without faults. Called by a login, before the caller is authenticated.
    #[must_use]
    pub fn host(&self, id: &str) -> Option<Arc<HostDocument>> {
        self.policy.load().host(id)
    }

    /// The hosts of an account that have annotations for a service, with their identifiers.
    pub(in crate::kms) fn annotated_hosts(&self, account: &str, service: &str) -> Vec<(String, Arc<HostDocument>)> {
        let policy = self.policy.load();
        policy.annotated_hosts(account, service).map(|(id, host)| (id.to_owned(), Arc::clone(host))).collect()
    }

    /// The access tokens.
    #[must_use]
    pub fn access_tokens(&self) -> &Arc<AccessTokens> {
        &self.tokens
    }

    /// The role that the configuration gives a caller.
    #[must_use]
    pub fn role_of(&self, caller: &Caller) -> Option<String> {
        self.policy.load().role_of(caller).map(str::to_owned)
    }

    /// Whether a caller may add objects outside of projects, and whether the caller is an administrator.
    #[must_use]
    pub fn general_rights(&self, caller: &Caller) -> (bool, bool) {
        let policy = self.policy.load();
        let may_create = decide_creation(&policy, caller, Action::Operation(Operation::Create)).is_ok();
        (may_create, policy.decide_administer(caller).is_ok())
    }

    /// The policy's decision about `who` and the object, for callers who may see it.
    pub(in crate::kms) fn explain_object(
        &self,
        call: &Call<'_>,
        who: &Caller,
        action: Action,
        id: &str,
    ) -> Result<Decision, Error> {
        let asked = call.operation.action();
        let not_found = || Error::NotFound(id.to_owned());
        let Some(object) = self.load(id)? else {
            // The same answer as for an object that exists and to which the caller has no access.
            self.refused(call, asked, Some(id), &Refusal::Nothing)?;
            return Err(not_found());
        };
        let policy = self.policy.load();
        let resource = object.resource();
        let is_own = is_same(call.caller(), who);
        let leave = policy
            .decide_administer(call.caller())
            .or_else(|_| policy.decide(call.caller(), Action::ManageAccess, &resource))
            .or_else(|refusal| if is_own { policy.decide(call.caller(), asked, &resource) } else { Err(refusal) });
        match leave {
            Ok(rule) => call.trail.permitted(asked, Some(id), rule),
            Err(refusal) => {
                self.refused(call, asked, Some(id), &refusal)?;
                return Err(not_found());
            }
        }
        // A caller who asks about themselves gets the decision with the limits of their credential.
        Ok(policy.decide(if is_own { call.caller() } else { who }, action, &resource))
    }

    /// The policy's decision about `who` and an operation without an existing object, for callers who may see it.
    pub(in crate::kms) fn explain_creation(
        &self,
        call: &Call<'_>,
        who: &Caller,
        action: Action,
    ) -> Result<Decision, Error> {
        let is_own = is_same(call.caller(), who);
        let who = if is_own { call.caller() } else { who };
        if is_own {
            call.trail.permitted(call.operation.action(), None, Rule::Everyone);
        } else {
            self.authorize_administration(call)?;
        }
        let policy = self.policy.load();
        match (action, touched_by(action)) {
            (_, Some(Touches::New | Touches::NewOrNamed)) => Ok(decide_creation(&policy, who, action)),
            (Action::Operation(operation), Some(Touches::Nothing | Touches::Found)) => {
                Ok(policy.decide_server(who, operation))
            }
            _ => Err(Error::NoIdentifier),
        }
    }
}

/// Whether two callers are the same user by the same authentication method.
fn is_same(one: &Caller, other: &Caller) -> bool {
    Subject::of(one) == Subject::of(other)
}

/// The decision about adding an object without tags outside of projects.
fn decide_creation(policy: &Policy, caller: &Caller, action: Action) -> Decision {
    let (grants, properties) = (Grants::default(), Attributes::default());
    let owner = caller.username.as_str();
    let resource = Resource { id: "", owner, project: None, grants: &grants, properties: &properties };
    policy.decide_create(caller, action, &resource)
}
