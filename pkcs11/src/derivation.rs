//! Derivation of secret keys from others, inside the token.

use cryptoki_sys::{
    CK_MECHANISM_TYPE, CKM_AES_CBC_ENCRYPT_DATA, CKM_AES_ECB_ENCRYPT_DATA, CKM_HKDF_DERIVE, CKM_SHA_1, CKM_SHA224,
    CKM_SHA256, CKM_SHA384, CKM_SHA512, CKM_SP800_108_COUNTER_KDF,
};

use crate::capability::{Capability, Failure, Need, differs};
use crate::device::Device;
use crate::error::{Error, InvalidInput};
use crate::key::Key;
use crate::mac::MacMechanism;
use crate::protection;
use crate::secret_key::{Placement, SecretKeyKind, SecretKeySpec, Uses};

/// The ways of derivation that are tried separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DerivationKind {
    /// Encryption of data by AES in ECB mode (CKM_AES_ECB_ENCRYPT_DATA).
    AesEcb,
    /// Encryption of data by AES in CBC mode (CKM_AES_CBC_ENCRYPT_DATA).
    AesCbc,
    /// HKDF (CKM_HKDF_DERIVE).
    Hkdf,
    /// NIST SP 800-108 in counter mode (CKM_SP800_108_COUNTER_KDF).
    Counter,
}

/// A derivation with its parameters.
#[derive(Debug, Clone, Copy)]
pub enum Derivation<'a> {
    /// The beginning of the encrypted data is the key.
    AesEcb {
        /// Whole blocks, at least as long as the key.
        data: &'a [u8],
    },
    /// The same in CBC mode.
    AesCbc {
        /// The IV.
        iv: &'a [u8; 16],
        /// Whole blocks, at least as long as the key.
        data: &'a [u8],
    },
    /// RFC 5869, both steps.
    Hkdf {
        /// The HMAC whose hash is used.
        hmac: MacMechanism,
        /// The salt; the hash's length of zeros if it is empty.
        salt: &'a [u8],
        /// The context.
        info: &'a [u8],
    },
    /// NIST SP 800-108r1 section 4.1, with a counter of 32 bits before the fixed input.
    Counter {
        /// The pseudorandom function.
        prf: MacMechanism,
        /// The fixed input: label, zero byte and context.
        input: &'a [u8],
    },
}

impl Derivation<'_> {
    /// The way of derivation.
    pub fn kind(&self) -> DerivationKind {
        match self {
            Self::AesEcb { .. } => DerivationKind::AesEcb,
            Self::AesCbc { .. } => DerivationKind::AesCbc,
            Self::Hkdf { .. } => DerivationKind::Hkdf,
            Self::Counter { .. } => DerivationKind::Counter,
        }
    }
}

impl DerivationKind {
    /// All ways.
    pub const ALL: [Self; 4] = [Self::AesEcb, Self::AesCbc, Self::Hkdf, Self::Counter];

    /// The use of the capability.
    pub fn need(self) -> Need {
        Need::For(match self {
            Self::AesEcb => "keys derived by encryption with AES-ECB",
            Self::AesCbc => "keys derived by encryption with AES-CBC",
            Self::Hkdf => "keys derived by HKDF",
            Self::Counter => "keys derived as in NIST SP 800-108",
        })
    }

    fn mechanism(self) -> (&'static str, CK_MECHANISM_TYPE) {
        match self {
            Self::AesEcb => ("CKM_AES_ECB_ENCRYPT_DATA", CKM_AES_ECB_ENCRYPT_DATA),
            Self::AesCbc => ("CKM_AES_CBC_ENCRYPT_DATA", CKM_AES_CBC_ENCRYPT_DATA),
            Self::Hkdf => ("CKM_HKDF_DERIVE", CKM_HKDF_DERIVE),
            Self::Counter => ("CKM_SP800_108_COUNTER_KDF", CKM_SP800_108_COUNTER_KDF),
        }
    }
}

/// The hash of an HMAC.
fn hash(hmac: MacMechanism) -> Result<CK_MECHANISM_TYPE, Error> {
    Ok(match hmac {
        MacMechanism::HmacSha1 => CKM_SHA_1,
        MacMechanism::HmacSha224 => CKM_SHA224,
        MacMechanism::HmacSha256 => CKM_SHA256,
        MacMechanism::HmacSha384 => CKM_SHA384,
        MacMechanism::HmacSha512 => CKM_SHA512,
        _ => return Err(Error::InvalidInput(InvalidInput::ValueLength)),
    })
}

/// Data for trials: two blocks.
const DATA: [[u8; 32]; 2] = [[1; 32], [2; 32]];

fn secret(kind: SecretKeyKind, uses: Uses) -> SecretKeySpec {
    SecretKeySpec { kind, sensitive: true, extractable: true, uses }
}

impl Device {
    /// Tries each way of derivation.
    pub fn try_derivations(&self) -> Vec<Capability> {
        let tried = DerivationKind::ALL.into_iter().map(|kind| {
            let (name, mechanism) = kind.mechanism();
            let said = match self.module.functions.mechanism_info(self.slot, mechanism) {
                Ok(_) => "yes".to_owned(),
                Err(_) => "no".to_owned(),
            };
            Capability { name, said, found: self.try_derivation(kind), need: kind.need() }
        });
        tried.collect()
    }

    /// Derives two keys from different data, and one of them twice, and compares their MACs. The keys can be wrapped.
    fn try_derivation(&self, kind: DerivationKind) -> Result<String, Failure> {
        let base = match kind {
            DerivationKind::AesEcb | DerivationKind::AesCbc => SecretKeyKind::Aes { bytes: 32 },
            DerivationKind::Hkdf | DerivationKind::Counter => SecretKeyKind::Generic { bytes: 32 },
        };
        let base = self.generate(&SecretKeySpec {
            extractable: false,
            ..secret(base, Uses { derive: true, ..Uses::default() })
        })?;
        let spec = secret(SecretKeyKind::Generic { bytes: 32 }, Uses::MAC);
        let (kek, [data, other]) = (protection::kek(self)?, &DATA);
        let mac = |data: &[u8]| -> Result<Vec<u8>, Failure> {
            let derivation = match kind {
                DerivationKind::AesEcb => Derivation::AesEcb { data },
                DerivationKind::AesCbc => Derivation::AesCbc { iv: &[7; 16], data },
                DerivationKind::Hkdf => Derivation::Hkdf { hmac: MacMechanism::HmacSha256, salt: data, info: data },
                DerivationKind::Counter => Derivation::Counter { prf: MacMechanism::HmacSha256, input: data },
            };
            let key = self.derive(&base, &derivation, &spec)?;
            self.wrap(&kek, &key)?;
            Ok(self.mac(&key, MacMechanism::HmacSha256, b"text")?)
        };
        let (one, same, different) = (mac(data)?, mac(data)?, mac(other)?);
        if one != same || one == different {
            return differs("equal data derive different keys, or different data equal ones");
        }
        Ok("works".to_owned())
    }

    /// Derives a session key, which lives until its last clone is dropped, or the device.
    pub fn derive(&self, base: &Key, derivation: &Derivation<'_>, spec: &SecretKeySpec) -> Result<Key, Error> {
        spec.kind.validate()?;
        let mut template = spec.template(Placement::Session);
        template.extend(spec.kind.length()?);
        let (by, functions) = (base.handle(self.generation)?, &self.module.functions);
        let handle = match *derivation {
            Derivation::AesEcb { data } => {
                self.try_own(|session| functions.derive_by_ecb(session, by, data, &template))
            }
            Derivation::AesCbc { iv, data } => {
                self.try_own(|session| functions.derive_by_cbc(session, by, (iv, data), &template))
            }
            Derivation::Hkdf { hmac, salt, info } => {
                let hash = hash(hmac)?;
                self.try_own(|session| functions.derive_by_hkdf(session, by, (hash, salt, info), &template))
            }
            Derivation::Counter { prf: mac, input } => {
                self.try_own(|session| functions.derive_by_counter(session, by, (mac.mechanism(), input), &template))
            }
        };
        Ok(self.session_key(handle?, spec.kind.bytes()))
    }
}
