//! Locks on changes of access that are counted for each user, so that no two requests pass a bound together.

use super::super::bounds::{MAX_FOR_EVERYONE, MAX_OFFERS, MAX_OFFERS_OF_ONE};
use super::super::error::{Error, NoEffect};
use super::super::handover::{offered_by, offered_to};
use super::super::handover_fault::HandoverFault;
use super::service::Grant;
use crate::policy::Grantee;
use crate::store::inventory;
use crate::turns::Turn;

impl Grant<'_> {
    /// Takes the lock to offer this object to a user: no other offer to the same user is made at the same time.
    ///
    /// # Errors
    /// The user already has the maximum number of offers of other objects, or of those of the same owner.
    pub(in crate::kms) fn turn_of_receiver(&self, user: &str) -> Result<Turn, Error> {
        let (subject, sender) = (offered_to(user), offered_by(&self.object.access.owner));
        // No identifier of an object contains a space, so this name is unique.
        let turn = self.kms.turns.take(&format!("offers {subject}"))?;
        let (now, id) = (self.call.now.0, &self.object.id);
        let count = |also, most| {
            let found = inventory::count_pending(&self.kms.store, (&subject, also), now, id, most);
            Ok::<bool, Error>(found? >= most)
        };
        if count(Some(&sender), MAX_OFFERS_OF_ONE)? {
            return Err(HandoverFault::TooManyOffersOfOne(user.to_owned()).into());
        }
        if count(None, MAX_OFFERS)? {
            return Err(HandoverFault::TooManyOffers(user.to_owned()).into());
        }
        Ok(turn)
    }

    /// Takes the lock to grant this object, which will be outside of projects, to everyone. `None` if it is not counted: it is
    /// in a project and stays there, or the caller is an administrator.
    ///
    /// # Errors
    /// The owner already has the maximum number of such objects.
    pub(in crate::kms) fn turn_for_everyone(&self, leaves_project: bool) -> Result<Option<Turn>, Error> {
        let access = &self.object.access;
        let is_free = self.kms.policy.load().decide_administer(self.call.caller()).is_ok();
        if is_free || access.project.is_some() && !leaves_project {
            return Ok(None);
        }
        let key = Grantee::everyone_by(&access.owner);
        // No identifier of an object contains a space, so this name is unique.
        let turn = self.kms.turns.take(&format!("grants {key}"))?;
        let count = inventory::count_granted(&self.kms.store, &key, &self.object.id, MAX_FOR_EVERYONE)?;
        if count >= MAX_FOR_EVERYONE {
            return Err(NoEffect::Everyones(access.owner.clone()).into());
        }
        Ok(Some(turn))
    }
}
