//! Why an object does not get another owner.

use super::bounds::MAX_OFFERS;

/// Why an offer cannot be accepted, or a recovery not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandoverFault {
    /// It waited too long.
    #[error("the offer of {0:?} has expired: ask its owner to offer it again")]
    OfferExpired(String),
    /// The owner has lost the right since.
    #[error("the owner of {0:?} may no longer transfer it: ask the owner why, who can explain the operation transfer")]
    OfferVoid(String),
    /// The receiver has as many offers as may wait.
    #[error(
        "{MAX_OFFERS} offers to the user {0:?} wait already: ask them to accept or decline some (GET /access/offers lists them)"
    )]
    TooManyOffers(String),
    /// There is nothing to withdraw or decline.
    #[error("{0:?} is not offered now")]
    NoOffer(String),
    /// Another proposal waits.
    #[error("a recovery of {object:?} to the user {to:?} waits as {id}: approve it, or withdraw it first")]
    RecoveryWaits {
        /// The object.
        object: String,
        /// The new owner of the proposal that waits.
        to: String,
        /// Its identifier.
        id: String,
    },
    /// The proposal is another by now, or none.
    #[error("no recovery {recovery:?} of {object:?} waits: see the list of those that do")]
    NoRecovery {
        /// The object.
        object: String,
        /// The identifier that was given.
        recovery: String,
    },
    /// It waited too long.
    #[error("the recovery {0} has expired: propose it again")]
    RecoveryExpired(String),
    /// The same user has approved it.
    #[error("you have already approved the recovery {0}: another recoverer must approve it")]
    Approved(String),
}
