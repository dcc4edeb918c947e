//! Transfers: an owner offers an object, and the receiver becomes its owner by accepting it.

use std::sync::Arc;

use super::call::Call;
use super::context::Context;
use super::error::{Error, NoEffect};
use super::gate::Kms;
use super::handover::{Offer, offered_by, offered_to};
use super::handover_fault::HandoverFault;
use super::list::{PageBuilder, Summary};
use super::object::Object;
use super::operation::Operation;
use super::ownership::Access;
use crate::policy::Action;
use crate::principal::Username;

/// Which offers to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Those made to the caller.
    Received,
    /// Those made by the caller.
    Made,
}

/// A pending offer.
#[derive(Debug)]
pub struct OfferEntry {
    /// The object's Unique Identifier.
    pub id: String,
    /// Its owner, who offers it.
    pub owner: String,
    /// The user to whom it is offered.
    pub to: String,
    /// When the offer ends, in seconds since 1970-01-01 UTC.
    pub expires: i64,
    /// A summary of its attributes.
    pub summary: Summary,
}

impl Kms {
    /// Offers an object to another user for 7 days, in place of an earlier offer. Nothing changes until the user
    /// accepts.
    ///
    /// # Errors
    /// The caller does not own it, may not transfer it, or offers it to its owner, or that user has too many pending
    /// offers.
    pub fn transfer(&self, context: &Context<'_>, id: &str, to: &Username) -> Result<i64, Error> {
        let call = Call::new(context, Operation::Transfer);
        call.describe(format!("to the user {to:?}"));
        self.recorded(&call, || {
            let grant = self.authorize_action(&call, Action::Transfer, id)?;
            let offer = Offer::new(to, call.caller(), call.now);
            let expires = offer.expires;
            let _receiver = grant.turn_of_receiver(to.as_str())?;
            grant.change_access(|object, access| {
                self.check_may_part(&call, object)?;
                if access.owner == to.as_str() {
                    return Err(NoEffect::Owner(access.owner.clone()).into());
                }
                access.pending.offer = Some(offer);
                Ok(())
            })?;
            Ok(expires)
        })
    }

    /// Makes the caller the owner of an object that is offered to them. The server decides again whether the present
    /// owner may transfer it.
    ///
    /// # Errors
    /// The object is not offered to the caller, or the offer is not valid any more.
    pub fn accept(&self, context: &Context<'_>, id: &str) -> Result<(), Error> {
        let call = Call::new(context, Operation::Accept);
        self.recorded(&call, || {
            let grant = self.authorize_action(&call, Action::Accept, id)?;
            grant.change_access(|object, access| {
                call.describe(format!("from the user {:?}", access.owner));
                object.check_undestroyed(call.now)?;
                let offer = access.pending.offer.as_ref().ok_or_else(|| HandoverFault::NoOffer(id.to_owned()))?;
                if !offer.is_open(call.now) {
                    return Err(HandoverFault::OfferExpired(id.to_owned()).into());
                }
                self.check_offerer(offer, object)?;
                self.check_reach(&call, object)?;
                access.pass_to(call.caller().username.as_str(), object.leaves_project());
                Ok(())
            })
        })
    }

    /// Declines an offer to the caller, or withdraws an offer by the caller.
    ///
    /// # Errors
    /// There is no such offer, or it is neither to nor by the caller.
    pub fn end_offer(&self, context: &Context<'_>, id: &str) -> Result<(), Error> {
        let call = Call::new(context, Operation::EndOffer);
        self.recorded(&call, || {
            let action = if self.receives(&call, id)? { Action::Accept } else { Action::Transfer };
            let grant = self.authorize_action(&call, action, id)?;
            grant.change_access(|_, access| {
                let offer = access.pending.offer.take().ok_or_else(|| HandoverFault::NoOffer(id.to_owned()))?;
                call.describe(format!("to the user {:?}", offer.to));
                Ok(())
            })
        })
    }

    /// Fills a page with offers to the caller or by the caller, sorted by object identifier, after `after`. Returns the
    /// identifier after which the next page begins, if there may be one.
    ///
    /// # Errors
    /// Store or HSM token is unavailable.
    pub fn offers(
        &self,
        context: &Context<'_>,
        direction: Direction,
        after: &str,
        sheet: &mut PageBuilder<'_, OfferEntry>,
    ) -> Result<Option<String>, Error> {
        let call = Call::new(context, Operation::ListOffers);
        self.recorded(&call, || {
            let user = call.caller().username.as_str();
            let subject = match direction {
                Direction::Received => offered_to(user),
                Direction::Made => offered_by(user),
            };
            let grant = self.searching(&call)?;
            let read = |last: Option<&String>| grant.pending(&subject, last.map_or(after, String::as_str));
            sheet.fill(read, |id| {
                // The index is not bound; the object is.
                let is_theirs = |object: &Arc<Object>| match direction {
                    Direction::Received => self.is_offered(&call, object),
                    Direction::Made => object.is_of(call.caller()) && self.permitted(&call, Action::Transfer, object),
                };
                Ok(self.found(id)?.filter(is_theirs).and_then(|object| entry(&object, &call)))
            })
        })
    }

    /// Whether the object is offered to the caller.
    fn receives(&self, call: &Call<'_>, id: &str) -> Result<bool, Error> {
        Ok(self.found(id)?.is_some_and(|object| self.is_offered(call, &object)))
    }

    /// Taking an object out of its project needs every permission on it, with or without a change of owner.
    fn check_may_part(&self, call: &Call<'_>, object: &Object) -> Result<(), Error> {
        object.check_undestroyed(call.now)?;
        if object.leaves_project() { self.check_leaving(call, object) } else { Ok(()) }
    }

    /// Decides again whether the caller who made the offer may transfer the object.
    fn check_offerer(&self, offer: &Offer, object: &Object) -> Result<(), Error> {
        let void = || HandoverFault::OfferVoid(object.id.clone());
        let owner = offer.by.caller(&object.access.owner).ok_or_else(void)?;
        match self.refuses_to_part(&owner, object) {
            None => Ok(()),
            Some(refusal) => {
                tracing::info!(id = object.id, owner = %owner.username, reason = %refusal, "an offer is void");
                Err(void().into())
            }
        }
    }
}

/// The pending offer of an object, if it has one.
fn entry(object: &Arc<Object>, call: &Call<'_>) -> Option<OfferEntry> {
    let Access { owner, pending, .. } = &object.access;
    let offer = pending.offer.as_ref().filter(|offer| offer.is_open(call.now))?;
    object.check_undestroyed(call.now).ok()?;
    let (id, to, expires) = (object.id.clone(), offer.to.clone(), offer.expires);
    Some(OfferEntry { id, owner: owner.clone(), to, expires, summary: Summary::of(object, call.now) })
}
