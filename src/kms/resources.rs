//! Variables, hosts and authenticators, as Conjur's clients list them and ask about them.

use std::ops::{ControlFlow, RangeInclusive};

use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::{End, Kms, Whose};
use super::list::PageBuilder;
use super::object::{Object, is_destroyed};
use super::object_kind::ObjectKind;
use super::operation::Operation;
use super::secret_path::{SecretPath, name_of};
use crate::kmip::enumerations::Operation as Kmip;
use crate::policy::{Action, AuthenticatorDocument, Kind, authenticator_name};
use crate::principal::Caller;
use crate::store::search::{Order, Search, Start};

/// Maximum number of resources that one request counts.
pub const MAX_COUNTED: usize = 10_000;

/// Number of objects that are read from the search tables at once.
const PAGE: usize = 1_000;

/// A privilege on a variable, in Conjur's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// To see the variable: every caller with some access to it may.
    Read,
    /// To read its values.
    Execute,
    /// To write its value.
    Update,
}

impl Privilege {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Execute, Self::Update];

    /// Conjur's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Execute => "execute",
            Self::Update => "update",
        }
    }

    const fn action(self) -> Action {
        match self {
            Self::Read => Action::Operation(Kmip::Locate),
            Self::Execute => Action::ReadSecret,
            Self::Update => Action::WriteSecret,
        }
    }
}

/// A variable as callers see it who may know of it.
#[derive(Debug)]
pub struct Variable {
    /// The name: `ACCOUNT:variable:ID`.
    pub name: String,
    /// The user name of its owner.
    pub owner: String,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created: Option<i64>,
    /// The privileges of the caller.
    pub permitted: Vec<Privilege>,
    /// The numbers of the values that exist.
    pub values: RangeInclusive<i64>,
}

/// A resource in a list.
#[derive(Debug)]
pub enum Resource {
    /// A variable.
    Variable(Variable),
    /// A host, by its identifier.
    Host(String),
    /// An authenticator, by its service.
    Authenticator(String),
}

/// The resources of an account to list.
#[derive(Debug, Clone, Default)]
pub struct ResourceFilter {
    /// The account.
    pub account: String,
    /// Whether variables, hosts and authenticators are included.
    pub kinds: [bool; 3],
    /// Words in lower case that the identifier must contain, without regard to upper and lower case.
    pub words: Vec<String>,
}

impl ResourceFilter {
    fn admits(&self, id: &str) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let id = id.to_lowercase();
        self.words.iter().all(|word| id.contains(word.as_str()))
    }
}

/// A resource that was found, before it is returned.
enum Seen<'a> {
    Variable(&'a Object, &'a str),
    Host(&'a str),
    Authenticator(&'a str),
}

impl Kms {
    /// Returns a variable to which the caller has some access.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for callers without access.
    pub fn variable(&self, context: &Context<'_>, path: &SecretPath) -> Result<Variable, Error> {
        let call = Call::new(context, Operation::ShowResource);
        call.describe(path.described());
        self.recorded(&call, || {
            let grant = self.authorize_secret(&call, Action::Operation(Kmip::Locate), path)?;
            let grant = grant.ok_or_else(|| Error::NotFound(path.name()))?;
            Ok(self.variable_of(&call, grant.object(), &path.name()))
        })
    }

    /// Whether `who` has a privilege on a variable. A caller may always ask about themselves.
    ///
    /// # Errors
    /// [`Error::NotFound`]: the caller may not know of the variable, or may not ask about other callers.
    pub fn may_with_variable(
        &self,
        context: &Context<'_>,
        path: &SecretPath,
        privilege: Privilege,
        who: &Caller,
    ) -> Result<bool, Error> {
        let call = Call::new(context, Operation::Explain);
        call.describe(format!("{} by {}: {}", privilege.word(), who.username, path.described()));
        self.recorded(&call, || self.may_with_secret(&call, who, privilege.action(), path))
    }

    /// Whether `who` may see a host.
    ///
    /// # Errors
    /// The caller asks about another caller and is not an administrator.
    pub fn sees_host(&self, context: &Context<'_>, account: &str, id: &str, who: &Caller) -> Result<bool, Error> {
        let call = Call::new(context, Operation::ShowResource);
        call.describe(format!("host {:?} of {account:?} for {}", id, who.username));
        self.recorded(&call, || {
            self.expect_own_or_administrator(&call, who)?;
            Ok(self.hosts_seen(who, account).iter().any(|own| own == id))
        })
    }

    /// Whether `who` may see an authenticator, and whether they may log in by it.
    ///
    /// # Errors
    /// The caller asks about another caller and is not an administrator.
    pub fn sees_authenticator(
        &self,
        context: &Context<'_>,
        (account, service): (&str, &str),
        who: &Caller,
    ) -> Result<(bool, bool), Error> {
        let call = Call::new(context, Operation::ShowResource);
        call.describe(format!("authenticator {:?} for {}", authenticator_name(account, service), who.username));
        self.recorded(&call, || {
            self.expect_own_or_administrator(&call, who)?;
            let seen = self.authenticators_seen(who);
            let is_seen = seen.iter().any(|(own, name, _)| own == account && name == service);
            Ok((is_seen, self.may_authenticate(who, account, service)))
        })
    }

    /// The services of the authenticators that the caller may see, and whether each one is enabled.
    ///
    /// # Errors
    /// The audit log cannot be written.
    pub fn authenticators(&self, context: &Context<'_>) -> Result<Vec<(String, bool)>, Error> {
        let call = Call::new(context, Operation::ListResources);
        call.describe("authenticators".to_owned());
        self.recorded(&call, || {
            self.expect_own_or_administrator(&call, call.caller())?;
            let seen = self.authenticators_seen(call.caller()).into_iter();
            Ok(seen.map(|(_, service, document)| (service, !document.disabled)).collect())
        })
    }

    /// Enables or disables an authenticator. While it is disabled, no host can log in by it; access tokens that it
    /// issued stay valid until they expire.
    ///
    /// # Errors
    /// The caller is not an administrator, there is no such authenticator, or the policy file defines it.
    pub fn switch_authenticator(
        &self,
        context: &Context<'_>,
        account: &str,
        service: &str,
        enabled: bool,
    ) -> Result<(), Error> {
        let call = Call::new(context, Operation::Define);
        let name = authenticator_name(account, service);
        call.describe(format!("{} {name:?}: enabled={enabled}", Kind::Authenticator.word()));
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let (_, present) = grant.authenticator(&name)?;
            // If nothing changes, the policy file may define it.
            if present.disabled != enabled {
                return Ok(());
            }
            grant.revise(Kind::Authenticator, &name, |document: &mut AuthenticatorDocument| {
                document.disabled = !enabled;
                Ok(())
            })
        })
    }

    /// Fills a page with the resources of an account that the caller may see, after the first `offset` of them:
    /// variables in the order of their creation, then hosts, then authenticators by name. Variables from before
    /// accounts were projects are included only if the account has no project.
    ///
    /// # Errors
    /// There are too many resources to search in one request.
    pub fn resources(
        &self,
        context: &Context<'_>,
        filter: &ResourceFilter,
        offset: usize,
        sheet: &mut PageBuilder<'_, Resource>,
    ) -> Result<(), Error> {
        let call = Call::new(context, Operation::ListResources);
        call.describe(format!("of {:?}", filter.account));
        self.recorded(&call, || {
            let (mut passed, mut taken) = (0, 0);
            let first = offset.saturating_add(sheet.limit()).saturating_add(1);
            let end = self.each_resource(&call, filter, first, &mut |seen| {
                if passed < offset {
                    passed += 1;
                    return Ok(ControlFlow::Continue(()));
                }
                if !sheet.look()? {
                    return Ok(ControlFlow::Break(()));
                }
                sheet.put(match seen {
                    Seen::Variable(object, name) => Resource::Variable(self.variable_of(&call, object, name)),
                    Seen::Host(id) => Resource::Host(id.to_owned()),
                    Seen::Authenticator(service) => Resource::Authenticator(service.to_owned()),
                })?;
                taken += 1;
                Ok(if taken < sheet.limit() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })?;
            match end {
                End::Broken if taken < sheet.limit() => {
                    Err(Error::Feature("the page takes too long: ask for fewer resources by limit and offset"))
                }
                End::Bound => {
                    Err(Error::Feature("there are too many resources to search: give kind, and leave search out"))
                }
                End::Broken | End::Last => Ok(()),
            }
        })
    }

    /// Counts the resources that [`Self::resources`] lists.
    ///
    /// # Errors
    /// There are more than [`MAX_COUNTED`].
    pub fn count_resources(&self, context: &Context<'_>, filter: &ResourceFilter) -> Result<usize, Error> {
        let call = Call::new(context, Operation::ListResources);
        call.describe(format!("count of {:?}", filter.account));
        self.recorded(&call, || {
            let mut counted = 0;
            let end = self.each_resource(&call, filter, PAGE, &mut |_| {
                counted += 1;
                Ok(if counted <= MAX_COUNTED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })?;
            match end {
                End::Last => Ok(counted),
                End::Broken | End::Bound => {
                    Err(Error::Feature("more than 10000 resources are not counted: list them by limit and offset"))
                }
            }
        })
    }

    /// Calls `visit` with each resource that the caller may see. The first `first` objects need no place among the long
    /// searches.
    fn each_resource(
        &self,
        call: &Call<'_>,
        filter: &ResourceFilter,
        first: usize,
        visit: &mut dyn FnMut(Seen<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<End, Error> {
        let [variables, hosts, authenticators] = filter.kinds;
        let account = filter.account.as_str();
        let grant = self.searching(call)?;
        if variables {
            let (held_by, begins) = (self.project_with(account), format!("{account}:variable:"));
            // For other callers the search is the same if there is no such project, so that its time does not reveal it.
            let project = held_by.clone().filter(|project| self.may_know_project(call, project));
            let object_type = Some(ObjectKind::type_of_secrets());
            let search =
                Search { now: call.now.0, order: Order::OldestFirst, project, object_type, ..Search::default() };
            let walked = grant.walk(Whose::Reachable, &search, Start::default(), first, |id| {
                let Some(object) = self.sighted(call, id)? else { return Ok(ControlFlow::Continue(())) };
                // The search tables are not bound; the object is.
                let held = held_by.is_none() || object.access.project == held_by;
                let is_there = held && !is_destroyed(object.attributes.state);
                match name_of(&object.attributes).filter(|_| is_there) {
                    Some(name) if name.strip_prefix(&begins).is_some_and(|id| filter.admits(id)) => {
                        visit(Seen::Variable(&object, name))
                    }
                    _ => Ok(ControlFlow::Continue(())),
                }
            })?;
            if walked.end != End::Last {
                return Ok(walked.end);
            }
        }
        let hosts = if hosts { self.hosts_seen(call.caller(), account) } else { Vec::new() };
        for id in hosts.iter().filter(|id| filter.admits(id)) {
            if visit(Seen::Host(id))?.is_break() {
                return Ok(End::Broken);
            }
        }
        let all = if authenticators { self.authenticators_seen(call.caller()) } else { Vec::new() };
        for (own, service, _) in &all {
            if own == account && filter.admits(service) && visit(Seen::Authenticator(service))?.is_break() {
                return Ok(End::Broken);
            }
        }
        Ok(End::Last)
    }

    fn variable_of(&self, call: &Call<'_>, object: &Object, name: &str) -> Variable {
        let permitted = |privilege: &Privilege| self.permitted(call, privilege.action(), object);
        Variable {
            name: name.to_owned(),
            owner: object.access.owner.clone(),
            created: object.attributes.initial_date.map(|date| date.0),
            permitted: Privilege::ALL.into_iter().filter(permitted).collect(),
            values: object.kind.values().unwrap_or(RangeInclusive::new(1, 0)),
        }
    }
}
