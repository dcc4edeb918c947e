//! The reasons why an object does not get another owner.

use super::bounds::{MAX_OFFERS, MAX_OFFERS_OF_ONE};

/// The reason why an offer cannot be accepted, or a recovery not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandoverFault {
    /// The offer has expired.
    #[error("the offer of {0:?} has expired: ask its owner to offer it again")]
    OfferExpired(String),
    /// The owner may not transfer the object any more.
    #[error(
        "the owner of {0:?} may no longer transfer it: the owner can find out why by explaining the operation transfer"
    )]
    OfferVoid(String),
    /// The receiver has the maximum number of pending offers.
    #[error(
        "the user {0:?} has {MAX_OFFERS} pending offers: ask them to accept or decline some (GET /access/offers lists them)"
    )]
    TooManyOffers(String),
    /// The sender has the maximum number of pending offers to the receiver.
    #[error(
        "you have {MAX_OFFERS_OF_ONE} pending offers to the user {0:?}: ask them to accept or decline some, or withdraw some \
         (GET /access/offers/made lists them)"
    )]
    TooManyOffersOfOne(String),
    /// There is no offer to withdraw or decline.
    #[error("{0:?} is not offered now")]
    NoOffer(String),
    /// Another proposal is pending.
    #[error("a recovery of {object:?} to the user {to:?} is pending as {id}: approve it, or withdraw it first")]
    RecoveryWaits {
        /// The object.
        object: String,
        /// The new owner in the pending proposal.
        to: String,
        /// Its identifier.
        id: String,
    },
    /// There is no pending recovery with this identifier.
    #[error("no recovery {recovery:?} of {object:?} is pending: GET /access/recoveries lists the pending ones")]
    NoRecovery {
        /// The object.
        object: String,
        /// The identifier that was given.
        recovery: String,
    },
    /// The recovery has expired.
    #[error("the recovery {0} has expired: propose it again")]
    RecoveryExpired(String),
    /// The same user has approved it already.
    #[error("you have already approved the recovery {0}: another recoverer must approve it")]
    Approved(String),
}
