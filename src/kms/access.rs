//! Access: what owners grant to other users, and who may ask what is permitted.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::call::Call;
use super::context::Context;
use super::error::{Error, NoEffect};
use super::gate::{Kms, Whose};
use super::list::PageBuilder;
use super::object::Object;
use super::operation::Operation;
use super::operations::{Facts, Touches};
use super::ownership::Access;
use super::secret_object::check_project;
use super::secret_path;
use crate::kmip::Attributes;
use crate::kmip::enumerations::{Operation as Kmip, State};
use crate::policy::{Action, Decision, Grantee, MAX_GRANTEES, Subject};
use crate::principal::{Caller, is_principal};
use crate::store::search::{Order, Search, Start};

/// The position where a list begins.
#[derive(Debug, Clone)]
pub enum From {
    /// After this number of objects.
    Offset(i64),
    /// After the object of this identifier.
    After(String),
}

/// An object that the caller owns.
#[derive(Debug)]
pub struct Held {
    /// Its Unique Identifier.
    pub id: String,
    /// Its attributes, including the state.
    pub attributes: Attributes,
}

/// An object of another owner that the caller may use.
#[derive(Debug)]
pub struct Obtained {
    /// Its Unique Identifier.
    pub id: String,
    /// The owner.
    pub owner: String,
    /// Its state.
    pub state: State,
    /// What is granted to the caller, to their role and to everyone.
    pub actions: BTreeSet<Action>,
}

impl Kms {
    /// Grants operations on an object.
    ///
    /// # Errors
    /// The caller may not manage access, does not have these rights, or the grant would have no effect.
    pub fn grant(
        &self,
        context: &Context<'_>,
        id: &str,
        to: &Grantee,
        actions: &BTreeSet<Action>,
    ) -> Result<(), Error> {
        let call = Call::new(context, Operation::GrantAccess);
        call.describe(described(to, actions));
        self.recorded(&call, || {
            let grant = self.authorize_action(&call, Action::ManageAccess, id)?.undestroyed()?;
            self.check_grantee(to)?;
            let _turn = if *to == Grantee::Everyone { grant.turn_for_everyone(false)? } else { None };
            grant.change_access(|object, access| {
                check_effect(object, to, actions)?;
                self.check_own(&call, object, actions.iter().copied())?;
                if access.grants.of(to).is_none() && access.grants.len() >= MAX_GRANTEES {
                    return Err(NoEffect::Full.into());
                }
                if access.grants.give(to, actions) { Ok(()) } else { Err(granted(to, actions).into()) }
            })
        })
    }

    /// Revokes granted operations.
    ///
    /// # Errors
    /// The caller may not manage access, or none of the operations is granted.
    pub fn take_back(
        &self,
        context: &Context<'_>,
        id: &str,
        to: &Grantee,
        actions: &BTreeSet<Action>,
    ) -> Result<(), Error> {
        let call = Call::new(context, Operation::RevokeAccess);
        call.describe(described(to, actions));
        self.recorded(&call, || {
            let grant = self.authorize_action(&call, Action::ManageAccess, id)?;
            if actions.is_empty() {
                return Err(NoEffect::Empty.into());
            }
            grant.change_access(|_, access| {
                if access.grants.take(to, actions) {
                    return Ok(());
                }
                Err(NoEffect::NotGranted { operations: words(actions), to: to.to_string() }.into())
            })
        })
    }

    /// Moves an object into a project, or out of its project.
    ///
    /// # Errors
    /// The caller may not perform every action on the object, or may not add objects to the project.
    pub fn set_project(&self, context: &Context<'_>, id: &str, project: Option<&str>) -> Result<(), Error> {
        let call = Call::new(context, Operation::SetProject);
        call.describe(project.map_or_else(|| "to no project".to_owned(), |name| format!("to the project {name:?}")));
        self.recorded(&call, || {
            let grant = self.authorize_action(&call, Action::ManageAccess, id)?;
            if let Some(project) = project {
                let mut attributes = grant.object().attributes.clone();
                attributes.set_project(project);
                // Moving a secret into its project adds its name there.
                let action = match secret_path::account(&attributes) {
                    Some(_) => Action::WriteSecret,
                    None => Action::Operation(Kmip::Create),
                };
                self.authorize_new_action(&call, action, &mut attributes)?;
            }
            let is_for_everyone = grant.object().access.grants.of(&Grantee::Everyone).is_some();
            let _turn = if project.is_none() && is_for_everyone { grant.turn_for_everyone(true)? } else { None };
            grant.change_access(|object, access| {
                self.check_leaving(&call, object)?;
                check_project(object, project)?;
                if access.project.as_deref() == project {
                    return Err(NoEffect::Unchanged.into());
                }
                access.project = project.map(str::to_owned);
                Ok(())
            })
        })
    }

    /// Fills a page with the caller's own objects, in the order of their creation, from `from`.
    ///
    /// # Errors
    /// Store or HSM token is unavailable, or the caller may not know of the object after which the list begins.
    pub fn owned(&self, context: &Context<'_>, from: &From, sheet: &mut PageBuilder<'_, Held>) -> Result<(), Error> {
        let call = Call::new(context, Operation::ListOwned);
        self.recorded(&call, || {
            let held = |object: &Object| Held { id: object.id.clone(), attributes: object.shown(call.now) };
            self.list(&call, Whose::Owned, from, sheet, held)
        })
    }

    /// Fills a page with objects of other owners on which the caller has a grant.
    ///
    /// # Errors
    /// As for [`Self::owned`].
    pub fn obtained(
        &self,
        context: &Context<'_>,
        from: &From,
        sheet: &mut PageBuilder<'_, Obtained>,
    ) -> Result<(), Error> {
        let call = Call::new(context, Operation::ListObtained);
        self.recorded(&call, || {
            let obtained = |object: &Object| {
                let may = |action: &Action| self.permitted(&call, *action, object);
                let actions: BTreeSet<Action> = Action::on_objects().filter(may).collect();
                let (id, owner) = (object.id.clone(), object.access.owner.clone());
                Obtained { id, owner, state: object.state(call.now), actions }
            };
            self.list(&call, Whose::Granted, from, sheet, obtained)
        })
    }

    /// Fills a page with the objects of a list that the caller may see.
    fn list<T>(
        &self,
        call: &Call<'_>,
        whose: Whose,
        from: &From,
        sheet: &mut PageBuilder<'_, T>,
        entry: impl Fn(&Object) -> T,
    ) -> Result<(), Error> {
        let grant = self.searching(call)?;
        let search = Search { now: call.now.0, order: Order::OldestFirst, ..Search::default() };
        let start = match from {
            From::After(id) => grant.after(id)?,
            // Each object that the caller owns is part of the list, so the offset can be skipped without reading the
            // objects.
            From::Offset(offset) if whose == Whose::Owned && !grant.is_limited() => {
                Start { after: None, skip: *offset }
            }
            From::Offset(_) => Start::default(),
        };
        let mut left_out = match from {
            From::Offset(offset) => offset - start.skip,
            From::After(_) => 0,
        };
        grant.walk(whose, &search, start, sheet.limit(), |id| {
            let counts = |object: &Arc<Object>| object.is_of(call.caller()) == (whose == Whose::Owned);
            match self.sighted(call, id)?.filter(counts) {
                Some(_) if left_out > 0 => left_out -= 1,
                Some(object) => sheet.put(entry(&object))?,
                None => {}
            }
            Ok(if sheet.look()? { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        Ok(())
    }

    /// The policy's decision about `who` and an operation on an object. Without an object: about adding objects, and
    /// about operations that concern no object.
    ///
    /// # Errors
    /// The operation needs an object, or the caller is not an administrator, may not manage access to the object, and
    /// does not ask about themselves.
    pub fn explain(
        &self,
        context: &Context<'_>,
        who: &Caller,
        action: Action,
        id: Option<&str>,
    ) -> Result<Decision, Error> {
        let call = Call::new(context, Operation::Explain);
        call.describe(format!("{action} by {}", Subject::of(who)));
        self.recorded(&call, || match id {
            Some(id) => self.explain_object(&call, who, action, id),
            None => self.explain_creation(&call, who, action),
        })
    }

    /// Checks that the caller has every right that the caller gives, to themselves or to others.
    pub(super) fn check_own(
        &self,
        call: &Call<'_>,
        object: &Object,
        mut actions: impl Iterator<Item = Action>,
    ) -> Result<(), Error> {
        match actions.find(|action| !self.permitted(call, *action, object)) {
            None => Ok(()),
            Some(action) => self.refuse_to_give(call, action, object),
        }
    }

    /// Refuses to take the object out of its project if the caller would have more rights outside.
    pub(super) fn check_leaving(&self, call: &Call<'_>, object: &Object) -> Result<(), Error> {
        match self.refuses_leaving(call.caller(), object) {
            None => Ok(()),
            Some((action, _)) => self.refuse_to_give(call, action, object),
        }
    }

    fn check_grantee(&self, to: &Grantee) -> Result<(), Error> {
        match to {
            Grantee::User(name) if is_principal(name) => Err(NoEffect::Principal(name.clone()).into()),
            Grantee::Role(role) if !self.has_role(role) => Err(Error::Undefined { kind: "role", name: role.clone() }),
            _ => Ok(()),
        }
    }
}

impl Object {
    pub(super) fn is_of(&self, caller: &Caller) -> bool {
        self.access.owner == caller.username.as_str()
    }
}

/// The grantee and the operations, as text for the audit log.
fn described(to: &Grantee, actions: &BTreeSet<Action>) -> String {
    format!("{to}: {}", words(actions).join(", "))
}

fn words(actions: &BTreeSet<Action>) -> Vec<&'static str> {
    actions.iter().map(|action| action.word()).collect()
}

fn granted(to: &Grantee, actions: &BTreeSet<Action>) -> NoEffect {
    NoEffect::Granted { operations: words(actions), to: to.to_string() }
}

/// Refuses a grant that would add no right.
fn check_effect(object: &Object, to: &Grantee, actions: &BTreeSet<Action>) -> Result<(), NoEffect> {
    if actions.is_empty() {
        return Err(NoEffect::Empty);
    }
    let Access { owner, grants, .. } = &object.access;
    if let Grantee::User(name) = to
        && name == owner
    {
        return Err(NoEffect::Owner(owner.clone()));
    }
    for action in actions {
        check_possible(object, *action)?;
    }
    let everyones = grants.of(&Grantee::Everyone);
    if *to != Grantee::Everyone && everyones.is_some_and(|all| actions.is_subset(all)) {
        return Err(granted(&Grantee::Everyone, actions));
    }
    Ok(())
}

/// Refuses an operation that the key can never perform.
fn check_possible(object: &Object, action: Action) -> Result<(), NoEffect> {
    let impossible = |reason| Err(NoEffect::Impossible { operation: action.word(), reason });
    if !Action::on_objects().any(|own| own == action) {
        return Err(NoEffect::NotOnObjects(action.word()));
    }
    if let Some(reason) = object.kind.refuses(action) {
        return impossible(reason);
    }
    let Action::Operation(operation) = action else { return Ok(()) };
    let Some(Facts { uses, touches, .. }) = Facts::of(operation) else { return Ok(()) };
    if touches == Touches::GivenOut && !object.may_leave() {
        return impossible("the key is not Extractable");
    }
    if uses.is_empty() || uses.iter().any(|purpose| object.permits(purpose.mask)) {
        return Ok(());
    }
    impossible("the key's Cryptographic Usage Mask does not permit it")
}
