//! RSA pairs are made one at a time, because each holds a session of the HSM token and a processor for seconds.

use std::time::{Duration, Instant};

use super::super::call::Call;
use super::super::error::Error;
use super::fair::{FairPlaces, Place};
use super::service::Kms;
use crate::custody::{PairKind, Uses};
use crate::store::object::{Class, Material};

/// Maximum number of requests that wait until another RSA pair is made; of one caller half of them. SoftHSM needs some seconds for a pair of 4096 bits.
const MAX_WAITING: usize = 8;

/// The longest wait. It is shorter than that for the turn of an object ([`crate::turns`]), which a replacement of a pair holds
/// while it waits: a revocation of the pair comes after it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The place of the pair that is being made.
pub(super) fn places() -> FairPlaces {
    FairPlaces::new("RSA key pairs", 1, 1, MAX_WAITING)
}

impl Kms {
    /// Makes a pair for a call, or for the clock. Returns the place of its private half, and its public half.
    pub(super) fn generate_pair(
        &self,
        call: Option<&Call<'_>>,
        class: Class,
        kind: PairKind,
        uses: Uses,
    ) -> Result<(Material, Vec<u8>), Error> {
        let _place = match kind {
            PairKind::Rsa { .. } if self.custody.makes(kind) => Some(self.place_of_pair(call)?),
            _ => None,
        };
        Ok(self.custody.generate_pair(class, kind, uses)?)
    }

    fn place_of_pair(&self, call: Option<&Call<'_>>) -> Result<Place<'_>, Error> {
        let now = Instant::now();
        let (who, until) = call.map_or((None, now + PATIENCE), |call| {
            let ticket = call.context.ticket;
            (ticket.who(), ticket.deadline().into_std().min(now + PATIENCE))
        });
        let is_over = || call.is_some_and(|call| call.go_on().is_err());
        self.pairs.take(&who, until, &is_over).map_err(Error::Pairs)
    }
}
