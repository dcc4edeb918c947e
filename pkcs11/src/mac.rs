//! Message authentication codes: HMAC and AES-CMAC.

use std::ops::RangeInclusive;
use std::sync::PoisonError;

use cryptoki_sys::{
    CK_MECHANISM_TYPE, CKM_AES_CMAC, CKM_MD5_HMAC, CKM_SHA_1_HMAC, CKM_SHA3_224_HMAC, CKM_SHA3_256_HMAC,
    CKM_SHA3_384_HMAC, CKM_SHA3_512_HMAC, CKM_SHA224_HMAC, CKM_SHA256_HMAC, CKM_SHA384_HMAC, CKM_SHA512_224_HMAC,
    CKM_SHA512_256_HMAC, CKM_SHA512_HMAC,
};

use crate::bounds::Bounded;
use crate::device::Device;
use crate::error::{Error, Loss};
use crate::key::Key;
use crate::parts::few_parts;
use crate::secret_key::{SecretKeyKind, SecretKeySpec, Uses};

/// A MAC mechanism. HMAC needs a generic secret key, AES-CMAC an AES key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacMechanism {
    /// CKM_SHA_1_HMAC, 20 bytes.
    HmacSha1,
    /// CKM_SHA224_HMAC, 28 bytes.
    HmacSha224,
    /// CKM_SHA256_HMAC, 32 bytes.
    HmacSha256,
    /// CKM_SHA384_HMAC, 48 bytes.
    HmacSha384,
    /// CKM_SHA512_HMAC, 64 bytes.
    HmacSha512,
    /// CKM_SHA512_224_HMAC, 28 bytes.
    HmacSha512_224,
    /// CKM_SHA512_256_HMAC, 32 bytes.
    HmacSha512_256,
    /// CKM_SHA3_224_HMAC, 28 bytes.
    HmacSha3_224,
    /// CKM_SHA3_256_HMAC, 32 bytes.
    HmacSha3_256,
    /// CKM_SHA3_384_HMAC, 48 bytes.
    HmacSha3_384,
    /// CKM_SHA3_512_HMAC, 64 bytes.
    HmacSha3_512,
    /// CKM_MD5_HMAC, 16 bytes.
    HmacMd5,
    /// CKM_AES_CMAC, 16 bytes.
    AesCmac,
}

/// Length in bytes of the longest MAC.
const LONGEST: usize = 64;

/// The lengths of keys, in bytes and in order, that are tried as the longest one. The last is as long as any secret of
/// a service.
const GENERIC: [usize; 5] = [64, 128, 256, 512, 65_536];

/// Lengths in bytes of AES keys, in order.
const AES: [usize; 3] = [16, 24, 32];

/// A key length in bytes that every token takes for every HMAC if it takes any, and one for AES-CMAC.
const USUAL: usize = 64;
const USUAL_AES: usize = 32;

impl MacMechanism {
    /// Returns the bound that applies to this mechanism.
    pub(crate) fn bounded(self) -> Bounded {
        if self == Self::AesCmac { Bounded::Cmac } else { Bounded::Hmac }
    }

    /// The number of the mechanism.
    pub(crate) fn mechanism(self) -> CK_MECHANISM_TYPE {
        match self {
            Self::HmacSha1 => CKM_SHA_1_HMAC,
            Self::HmacSha224 => CKM_SHA224_HMAC,
            Self::HmacSha256 => CKM_SHA256_HMAC,
            Self::HmacSha384 => CKM_SHA384_HMAC,
            Self::HmacSha512 => CKM_SHA512_HMAC,
            Self::HmacSha512_224 => CKM_SHA512_224_HMAC,
            Self::HmacSha512_256 => CKM_SHA512_256_HMAC,
            Self::HmacSha3_224 => CKM_SHA3_224_HMAC,
            Self::HmacSha3_256 => CKM_SHA3_256_HMAC,
            Self::HmacSha3_384 => CKM_SHA3_384_HMAC,
            Self::HmacSha3_512 => CKM_SHA3_512_HMAC,
            Self::HmacMd5 => CKM_MD5_HMAC,
            Self::AesCmac => CKM_AES_CMAC,
        }
    }

    /// Returns the name of the algorithm.
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha1 => "HMAC-SHA1",
            Self::HmacSha224 => "HMAC-SHA224",
            Self::HmacSha256 => "HMAC-SHA256",
            Self::HmacSha384 => "HMAC-SHA384",
            Self::HmacSha512 => "HMAC-SHA512",
            Self::HmacSha512_224 => "HMAC-SHA512/224",
            Self::HmacSha512_256 => "HMAC-SHA512/256",
            Self::HmacSha3_224 => "HMAC-SHA3-224",
            Self::HmacSha3_256 => "HMAC-SHA3-256",
            Self::HmacSha3_384 => "HMAC-SHA3-384",
            Self::HmacSha3_512 => "HMAC-SHA3-512",
            Self::HmacMd5 => "HMAC-MD5",
            Self::AesCmac => "AES-CMAC",
        }
    }
}

impl Device {
    /// Returns the full-length MAC of `data`. Callers must compare MACs in constant time. Makes two calls, C_SignInit
    /// and C_Sign. If the token does not take that much in one call, calls C_SignUpdate for each part.
    /// [`Error::TooLong`] if the token does not take parts either.
    pub fn mac(&self, key: &Key, mechanism: MacMechanism, data: &[u8]) -> Result<Vec<u8>, Error> {
        let (bounds, bounded) = (&self.module.bounds, mechanism.bounded());
        match bounds.refuse(bounded, data.len()) {
            Ok(()) => self.sign_whole(key, mechanism, data),
            Err(too_long) if bounds.is_whole(bounded) => Err(too_long),
            Err(_) => {
                let most = bounds.most(bounded);
                few_parts(data.len(), most)?;
                self.sign_in_parts(key, mechanism, data, most)
            }
        }
    }

    /// Makes the MAC by one C_Sign.
    pub(crate) fn sign_whole(&self, key: &Key, mechanism: MacMechanism, data: &[u8]) -> Result<Vec<u8>, Error> {
        let key = key.handle(self.generation)?;
        let functions = &self.module.functions;
        self.work(|session| functions.mac(session, mechanism.mechanism(), key, data, LONGEST))
    }

    /// Makes the MAC by one operation with a C_SignUpdate for each `most` bytes. If a call fails, the session is
    /// closed, which ends the operation.
    pub(crate) fn sign_in_parts(
        &self,
        key: &Key,
        mechanism: MacMechanism,
        data: &[u8],
        most: usize,
    ) -> Result<Vec<u8>, Error> {
        let key = key.handle(self.generation)?;
        let (functions, parts) = (&self.module.functions, data.chunks(most.max(1)));
        self.work(|session| functions.sign_in_parts(session, mechanism.mechanism(), key, parts, LONGEST))
    }

    /// Returns the lengths in bytes of keys that sign by `mechanism`. They are tried once in the life of the device.
    /// The token may accept a key of another length at creation, but it fails at its first use.
    ///
    /// The values of C_GetMechanismInfo are only the start of the trial. Kryoptic and opencryptoki report 0 to 0,
    /// others report bits, and SoftHSM reports at most 512 bytes and takes 65,536.
    pub fn mac_key_size(&self, mechanism: MacMechanism) -> Result<RangeInclusive<usize>, Error> {
        let known = self.mac_key_sizes.lock().unwrap_or_else(PoisonError::into_inner).get(&mechanism).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let said = self.work(|_| self.module.functions.mechanism_info(self.slot, mechanism.mechanism()))?;
        let [least, most] =
            [said.ulMinKeySize, said.ulMaxKeySize].map(|size| usize::try_from(size).unwrap_or_default());
        let found = self.find_key_size(mechanism, least, most)?;
        self.mac_key_sizes.lock().unwrap_or_else(PoisonError::into_inner).insert(mechanism, found.clone());
        Ok(found)
    }

    fn find_key_size(
        &self,
        mechanism: MacMechanism,
        least_said: usize,
        most_said: usize,
    ) -> Result<RangeInclusive<usize>, Error> {
        let lengths: &[usize] = if mechanism == MacMechanism::AesCmac { &AES } else { &GENERIC };
        // Find the longest key that signs, starting with the longest length.
        let mut most = None;
        for &bytes in lengths.iter().rev() {
            if self.signs(mechanism, bytes)? {
                most = Some(bytes);
                break;
            }
        }
        // The caller that uses such a key gets the error.
        let Some(most) = most else { return Ok(least_said..=most_said) };
        let least = match mechanism {
            MacMechanism::AesCmac => self.least_of(mechanism, lengths)?,
            _ if self.signs(mechanism, 1)? => 1,
            _ => self.least_above(mechanism, least_said, most)?,
        };
        Ok(least..=most)
    }

    /// Returns the first of these lengths that signs.
    fn least_of(&self, mechanism: MacMechanism, lengths: &[usize]) -> Result<usize, Error> {
        for &bytes in lengths {
            if self.signs(mechanism, bytes)? {
                return Ok(bytes);
            }
        }
        Ok(usize::MAX)
    }

    /// Returns the shortest length that signs, given that one byte does not and `most` does.
    fn least_above(&self, mechanism: MacMechanism, said: usize, most: usize) -> Result<usize, Error> {
        let (mut too_short, mut least) = (1, most);
        // If the token's values are right, this takes two steps.
        let mut next = [said.saturating_sub(1), said].into_iter().filter(|bytes| (2..most).contains(bytes));
        while least - too_short > 1 {
            let within = |bytes: &usize| (too_short + 1..least).contains(bytes);
            let bytes = next.find(within).unwrap_or(too_short + (least - too_short) / 2);
            if self.signs(mechanism, bytes)? {
                least = bytes;
            } else {
                too_short = bytes;
            }
        }
        Ok(least)
    }

    /// Whether a key of this length signs. Makes such a key for the trial.
    fn signs(&self, mechanism: MacMechanism, bytes: usize) -> Result<bool, Error> {
        let sign = |bytes: usize| {
            let kind = match mechanism {
                MacMechanism::AesCmac => SecretKeyKind::Aes { bytes },
                _ => SecretKeyKind::Generic { bytes },
            };
            let key = self.generate(&SecretKeySpec { kind, sensitive: true, extractable: false, uses: Uses::MAC })?;
            self.mac(&key, mechanism, b"text").map(drop)
        };
        match sign(bytes) {
            Ok(()) => Ok(true),
            // A failing device proves nothing about the length, unless it fails only with this length.
            Err(error @ Error::Device(_)) if matches!(error.loss(), None | Some(Loss::Device | Loss::Room)) => {
                let usual = if mechanism == MacMechanism::AesCmac { USUAL_AES } else { USUAL };
                if bytes != usual && sign(usual).is_ok() { Ok(false) } else { Err(error) }
            }
            Err(error) if error.loss().is_some() || matches!(error, Error::Busy | Error::Hangs | Error::Binding(_)) => {
                Err(error)
            }
            Err(_) => Ok(false),
        }
    }
}
