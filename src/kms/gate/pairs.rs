//! RSA pairs are made one at a time, because each holds a session of the HSM token and a processor for seconds.

use super::super::call::Call;
use super::super::error::Error;
use super::fair::FairPlaces;
use super::service::Kms;
use crate::custody::{PairKind, Uses};
use crate::store::object::{Class, Material};

/// Maximum number of requests that wait until another RSA pair is made; of one caller half of them. SoftHSM needs some
/// seconds for a pair of 4096 bits.
const MAX_WAITING: usize = 8;

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
            PairKind::Rsa { .. } if self.custody.makes(kind) => Some(self.pairs.take_for(call).map_err(Error::Pairs)?),
            _ => None,
        };
        Ok(self.custody.generate_pair(class, kind, uses)?)
    }
}
