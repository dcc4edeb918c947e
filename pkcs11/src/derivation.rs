//! Derivation of secret keys from others, inside the token.

use cryptoki_sys::{
    CK_MECHANISM_TYPE, CKM_AES_CBC_ENCRYPT_DATA, CKM_AES_ECB_ENCRYPT_DATA, CKM_ECDH1_DERIVE, CKM_HKDF_DERIVE,
    CKM_SHA_1, CKM_SHA1_KEY_DERIVATION, CKM_SHA224, CKM_SHA224_KEY_DERIVATION, CKM_SHA256, CKM_SHA256_KEY_DERIVATION,
    CKM_SHA384, CKM_SHA384_KEY_DERIVATION, CKM_SHA512, CKM_SHA512_KEY_DERIVATION, CKM_SP800_108_COUNTER_KDF,
    CKM_SP800_108_FEEDBACK_KDF,
};

use crate::capability::{Capability, Failure, Need, differs};
use crate::device::Device;
use crate::error::{Error, InvalidInput};
use crate::key::Key;
use crate::mac::MacMechanism;
use crate::pair::{PairKind, PublicParts};
use crate::private_key::PrivateKeySpec;
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
    /// NIST SP 800-108 in feedback mode (CKM_SP800_108_FEEDBACK_KDF).
    Feedback,
    /// The hash of a key (CKM_SHA256_KEY_DERIVATION and others).
    Hash,
    /// ECDH (CKM_ECDH1_DERIVE).
    Ecdh,
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
    /// NIST SP 800-108r1 section 4.2, with a counter of 32 bits between the result of the step before and the fixed input.
    Feedback {
        /// The pseudorandom function.
        prf: MacMechanism,
        /// What stands for the result before the first step; may be empty.
        iv: &'a [u8],
        /// The fixed input: label, zero byte and context.
        input: &'a [u8],
    },
    /// The beginning of the hash of the key.
    Hash {
        /// The HMAC whose hash is used.
        hmac: MacMechanism,
    },
    /// The shared x coordinate of ECDH (SEC 1, 3.3.1), or the shared secret of X25519 (RFC 7748, 6.1). Of a shorter key it
    /// is the end.
    Ecdh {
        /// The other party's point, uncompressed, on the curve of the key, or the 32 bytes of its key of X25519. The caller
        /// has checked that it is, and that the point has no small order.
        point: &'a [u8],
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
            Self::Feedback { .. } => DerivationKind::Feedback,
            Self::Hash { .. } => DerivationKind::Hash,
            Self::Ecdh { .. } => DerivationKind::Ecdh,
        }
    }
}

impl DerivationKind {
    /// All ways.
    pub const ALL: [Self; 7] =
        [Self::AesEcb, Self::AesCbc, Self::Hkdf, Self::Counter, Self::Feedback, Self::Hash, Self::Ecdh];

    /// The use of the capability.
    pub fn need(self) -> Need {
        Need::For(match self {
            Self::AesEcb => "keys derived by encryption with AES-ECB",
            Self::AesCbc => "keys derived by encryption with AES-CBC",
            Self::Hkdf => "keys derived by HKDF",
            Self::Counter => "keys derived as in NIST SP 800-108",
            Self::Feedback => "keys derived as in NIST SP 800-108 with feedback",
            Self::Hash => "keys that are the hash of a key",
            Self::Ecdh => "keys derived by ECDH",
        })
    }

    fn mechanism(self) -> (&'static str, CK_MECHANISM_TYPE) {
        match self {
            Self::AesEcb => ("CKM_AES_ECB_ENCRYPT_DATA", CKM_AES_ECB_ENCRYPT_DATA),
            Self::AesCbc => ("CKM_AES_CBC_ENCRYPT_DATA", CKM_AES_CBC_ENCRYPT_DATA),
            Self::Hkdf => ("CKM_HKDF_DERIVE", CKM_HKDF_DERIVE),
            Self::Counter => ("CKM_SP800_108_COUNTER_KDF", CKM_SP800_108_COUNTER_KDF),
            Self::Feedback => ("CKM_SP800_108_FEEDBACK_KDF", CKM_SP800_108_FEEDBACK_KDF),
            Self::Hash => ("CKM_SHA256_KEY_DERIVATION", CKM_SHA256_KEY_DERIVATION),
            Self::Ecdh => ("CKM_ECDH1_DERIVE", CKM_ECDH1_DERIVE),
        }
    }
}

/// The hash of an HMAC, and the mechanism that derives by it.
fn hash(hmac: MacMechanism) -> Result<[CK_MECHANISM_TYPE; 2], Error> {
    Ok(match hmac {
        MacMechanism::HmacSha1 => [CKM_SHA_1, CKM_SHA1_KEY_DERIVATION],
        MacMechanism::HmacSha224 => [CKM_SHA224, CKM_SHA224_KEY_DERIVATION],
        MacMechanism::HmacSha256 => [CKM_SHA256, CKM_SHA256_KEY_DERIVATION],
        MacMechanism::HmacSha384 => [CKM_SHA384, CKM_SHA384_KEY_DERIVATION],
        MacMechanism::HmacSha512 => [CKM_SHA512, CKM_SHA512_KEY_DERIVATION],
        _ => return Err(Error::InvalidInput(InvalidInput::ValueLength)),
    })
}

/// Data for trials: two blocks.
const DATA: [[u8; 32]; 2] = [[1; 32], [2; 32]];

/// The use of a key from which keys are derived.
const DERIVING: Uses = Uses { derive: true, ..Uses::NONE };

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
        let hmac = MacMechanism::HmacSha256;
        let base = match kind {
            DerivationKind::AesEcb | DerivationKind::AesCbc => SecretKeyKind::Aes { bytes: 32 },
            DerivationKind::Hkdf | DerivationKind::Counter | DerivationKind::Feedback | DerivationKind::Hash => {
                SecretKeyKind::Generic { bytes: 32 }
            }
            DerivationKind::Ecdh => {
                return self.try_ecdh(|| self.generate_session_pair(&PrivateKeySpec::deriving(PairKind::P256)));
            }
        };
        let make = || self.generate(&SecretKeySpec { extractable: false, ..secret(base, DERIVING) });
        let (base, other_base) = (make()?, make()?);
        let (kek, [data, other]) = (protection::kek(self)?, &DATA);
        let mac = |base: &Key, data: &[u8]| -> Result<Vec<u8>, Failure> {
            self.try_to_derive(
                &kek,
                base,
                &match kind {
                    DerivationKind::AesEcb => Derivation::AesEcb { data },
                    DerivationKind::AesCbc => Derivation::AesCbc { iv: &[7; 16], data },
                    DerivationKind::Hkdf => Derivation::Hkdf { hmac, salt: data, info: data },
                    DerivationKind::Counter => Derivation::Counter { prf: hmac, input: data },
                    DerivationKind::Feedback => Derivation::Feedback { prf: hmac, iv: data, input: data },
                    DerivationKind::Hash | DerivationKind::Ecdh => Derivation::Hash { hmac },
                },
            )
        };
        let different = match kind {
            DerivationKind::Hash => mac(&other_base, data)?,
            _ => mac(&base, other)?,
        };
        let (one, same) = (mac(&base, data)?, mac(&base, data)?);
        if one != same || one == different {
            return differs("equal data derive different keys, or different data equal ones");
        }
        Ok("works".to_owned())
    }

    /// Derives the same key by the private key of each of two pairs and the other's public one, and another key by a third.
    pub(crate) fn try_ecdh(&self, make: impl Fn() -> Result<(Key, PublicParts), Error>) -> Result<String, Failure> {
        let make = || match make()? {
            (key, PublicParts::Ec(_, point) | PublicParts::X25519(point)) => Ok((key, point)),
            _ => differs("a pair is of another kind"),
        };
        let ([(own, own_point), (other, other_point), (_, third)], kek) =
            ([make()?, make()?, make()?], protection::kek(self)?);
        let mac = |key: &Key, point: &[u8]| self.try_to_derive(&kek, key, &Derivation::Ecdh { point });
        let (one, same, different) = (mac(&own, &other_point)?, mac(&other, &own_point)?, mac(&own, &third)?);
        if one != same || one == different {
            return differs("two parties derive different keys, or three the same one");
        }
        Ok("works".to_owned())
    }

    /// The MAC by a derived key. The key can be wrapped.
    fn try_to_derive(&self, kek: &Key, base: &Key, derivation: &Derivation<'_>) -> Result<Vec<u8>, Failure> {
        let key = self.derive(base, derivation, &secret(SecretKeyKind::Generic { bytes: 32 }, Uses::MAC))?;
        self.wrap(kek, &key)?;
        Ok(self.mac(&key, MacMechanism::HmacSha256, b"text")?)
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
                let [hash, _] = hash(hmac)?;
                self.try_own(|session| functions.derive_by_hkdf(session, by, (hash, salt, info), &template))
            }
            Derivation::Counter { prf: mac, input } => {
                self.try_own(|session| functions.derive_by_counter(session, by, (mac.mechanism(), input), &template))
            }
            Derivation::Feedback { prf: mac, iv, input } => self
                .try_own(|session| functions.derive_by_feedback(session, by, (mac.mechanism(), iv, input), &template)),
            Derivation::Hash { hmac } => {
                let [_, by_hash] = hash(hmac)?;
                self.try_own(|session| functions.derive_by_hash(session, by, by_hash, &template))
            }
            Derivation::Ecdh { point } => {
                self.try_own(|session| functions.derive_by_ecdh(session, by, point, &template))
            }
        };
        Ok(self.session_key(handle?, spec.kind.bytes()))
    }
}
