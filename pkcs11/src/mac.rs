//! Message authentication codes: HMAC and AES-CMAC.

use std::ops::RangeInclusive;

use cryptoki::mechanism::Mechanism;

use crate::device::Device;
use crate::error::Error;
use crate::key::Key;

/// A MAC. HMAC wants a generic secret, AES-CMAC an AES key.
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
    /// CKM_AES_CMAC, 16 bytes.
    AesCmac,
}

/// Bytes of the longest one.
const LONGEST: usize = 64;

impl MacMechanism {
    fn mechanism(self) -> Mechanism<'static> {
        match self {
            Self::HmacSha1 => Mechanism::Sha1Hmac,
            Self::HmacSha224 => Mechanism::Sha224Hmac,
            Self::HmacSha256 => Mechanism::Sha256Hmac,
            Self::HmacSha384 => Mechanism::Sha384Hmac,
            Self::HmacSha512 => Mechanism::Sha512Hmac,
            Self::AesCmac => Mechanism::AesCMac,
        }
    }
}

impl Device {
    /// The full-length MAC of `data` (C_Sign). Compare MACs in constant time.
    pub fn mac(&self, key: &Key, mechanism: MacMechanism, data: &[u8]) -> Result<Vec<u8>, Error> {
        let key = key.handle(self.generation)?;
        let functions = &self.module.functions;
        self.work(|session| functions.sign(session, &mechanism.mechanism(), key, data, LONGEST))
    }

    /// The lengths in bytes that a key for `mechanism` may have on this token (C_GetMechanismInfo, corrected for tokens known to
    /// misreport). A key outside is accepted at creation and fails at its first use.
    pub fn mac_key_size(&self, mechanism: MacMechanism) -> Result<RangeInclusive<usize>, Error> {
        let kind = mechanism.mechanism().mechanism_type();
        let info = self.work(|_| self.module.context.get_mechanism_info(self.slot, kind))?;
        let reported = info.min_key_size()..=info.max_key_size();
        Ok(self.maker.mac_key_size(mechanism, reported))
    }
}
