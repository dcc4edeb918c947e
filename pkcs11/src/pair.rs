//! Key pairs that sign: RSA and P-256. The private half is made in the token and leaves it only wrapped. The public
//! half is read out, because verification needs no token.

use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::types::Ulong;

use crate::device::Device;
use crate::error::{Error, InvalidInput};
use crate::key::{Key, KeyId};
use crate::secret_key::Placement;
use crate::signing::{PRIME256V1, point};

/// 65537, the public exponent of every RSA key made here (FIPS 186-5, A.1.1 requires more than 65536).
const EXPONENT: [u8; 3] = [1, 0, 1];

/// The kind of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PairKind {
    /// CKK_RSA.
    Rsa {
        /// The length in bits: 2048, 3072 or 4096.
        bits: usize,
    },
    /// CKK_EC on P-256.
    P256,
}

/// Length in bytes of the longest signature, which is that of RSA 4096.
const LONGEST_SIGNATURE: usize = 512;

/// The public half of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicParts {
    /// Big-endian numbers (RFC 8017, 3.1).
    Rsa {
        /// CKA_MODULUS.
        modulus: Vec<u8>,
        /// CKA_PUBLIC_EXPONENT.
        exponent: Vec<u8>,
    },
    /// An uncompressed point (SEC 1, 2.3.3): 0x04, then 32 bytes each of x and y.
    P256([u8; 65]),
}

/// The hash whose digest is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

/// The mechanism that signs a digest. Digests are computed outside the token, because what is signed is not secret, and
/// tokens differ in the hashes that they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureMechanism {
    /// RSASSA-PKCS1-v1_5 (CKM_RSA_PKCS; RFC 8017, 8.2).
    Pkcs1v15(Hash),
    /// RSASSA-PSS (CKM_RSA_PKCS_PSS; RFC 8017, 8.1), with MGF1 and a salt that have the same hash and its length.
    Pss(Hash),
    /// ECDSA (CKM_ECDSA).
    Ecdsa(Hash),
}

impl Hash {
    /// Returns the length of its digests in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Returns the DER of a DigestInfo up to the digest (RFC 8017, 9.2, note 1).
    fn digest_info(self) -> [u8; 19] {
        let (whole, number, bytes) = match self {
            Self::Sha256 => (0x31, 1, 0x20),
            Self::Sha384 => (0x41, 2, 0x30),
            Self::Sha512 => (0x51, 3, 0x40),
        };
        [
            0x30, whole, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, number, 0x05, 0x00,
            0x04, bytes,
        ]
    }

    fn pss(self) -> Result<PkcsPssParams, Error> {
        let (hash_alg, mgf) = match self {
            Self::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
            Self::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
            Self::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
        };
        Ok(PkcsPssParams { hash_alg, mgf, s_len: ulong(self.bytes())? })
    }
}

impl SignatureMechanism {
    /// Returns the hash whose digests this mechanism signs.
    pub fn hash(self) -> Hash {
        match self {
            Self::Pkcs1v15(hash) | Self::Pss(hash) | Self::Ecdsa(hash) => hash,
        }
    }

    /// Returns the mechanism and the data for the token.
    fn signing(self, digest: &[u8]) -> Result<(Mechanism<'static>, Vec<u8>), Error> {
        Ok(match self {
            Self::Pkcs1v15(hash) => (Mechanism::RsaPkcs, [hash.digest_info().as_slice(), digest].concat()),
            Self::Pss(hash) => (Mechanism::RsaPkcsPss(hash.pss()?), digest.to_vec()),
            // The leftmost bits, as many as the order has (FIPS 186-5, 6.4.1). Not every token truncates the digest
            // itself.
            Self::Ecdsa(_) => (Mechanism::Ecdsa, digest.get(..32).unwrap_or(digest).to_vec()),
        })
    }
}

impl PairKind {
    fn validate(self) -> Result<(), Error> {
        match self {
            Self::Rsa { bits: 2048 | 3072 | 4096 } | Self::P256 => Ok(()),
            Self::Rsa { .. } => Err(Error::InvalidInput(InvalidInput::RsaKeyLength)),
        }
    }

    /// Returns the room in bytes for the wrapped PKCS#8 (RFC 5208). For RSA it contains nine numbers, of which two are
    /// as long as the modulus and five half as long.
    fn wrapped_room(self) -> usize {
        match self {
            Self::Rsa { bits } => bits / 16 * 9 + 128,
            Self::P256 => 256,
        }
    }

    fn key_type(self) -> KeyType {
        match self {
            Self::Rsa { .. } => KeyType::RSA,
            Self::P256 => KeyType::EC,
        }
    }

    fn generation(self) -> Mechanism<'static> {
        match self {
            Self::Rsa { .. } => Mechanism::RsaPkcsKeyPairGen,
            Self::P256 => Mechanism::EccKeyPairGen,
        }
    }

    /// Returns the template of the private half. Everything that is not requested is set to false, and never left to
    /// the token.
    fn private(self, may: Private, placement: Placement<'_>) -> Vec<Attribute> {
        let mut template = vec![
            Attribute::Class(ObjectClass::PRIVATE_KEY),
            Attribute::KeyType(self.key_type()),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(may == Private::BeWrapped),
            Attribute::Sign(may == Private::Sign),
            Attribute::SignRecover(false),
            Attribute::Decrypt(false),
            Attribute::Unwrap(false),
            Attribute::Derive(false),
        ];
        template.extend(placement.attributes());
        template
    }

    /// Returns the template of the public half, which is read once and ends with its session.
    fn public(self) -> Result<Vec<Attribute>, Error> {
        let mut template = vec![
            Attribute::Class(ObjectClass::PUBLIC_KEY),
            Attribute::KeyType(self.key_type()),
            Attribute::Token(false),
            Attribute::Private(false),
            Attribute::Verify(false),
            Attribute::VerifyRecover(false),
            Attribute::Encrypt(false),
            Attribute::Wrap(false),
            Attribute::Derive(false),
        ];
        match self {
            Self::Rsa { bits } => {
                template.extend([Attribute::ModulusBits(ulong(bits)?), Attribute::PublicExponent(EXPONENT.to_vec())]);
            }
            Self::P256 => template.push(Attribute::EcParams(PRIME256V1.to_vec())),
        }
        Ok(template)
    }

    fn read(self, session: &Session, public: ObjectHandle) -> Result<Option<PublicParts>, cryptoki::error::Error> {
        let wanted = match self {
            Self::Rsa { .. } => vec![AttributeType::Modulus, AttributeType::PublicExponent],
            Self::P256 => vec![AttributeType::EcPoint],
        };
        let found = session.get_attributes(public, &wanted)?;
        Ok(match (self, found.as_slice()) {
            (Self::Rsa { .. }, [Attribute::Modulus(modulus), Attribute::PublicExponent(exponent)]) => {
                Some(PublicParts::Rsa { modulus: modulus.clone(), exponent: exponent.clone() })
            }
            (Self::P256, [Attribute::EcPoint(encoded)]) => point(encoded).map(PublicParts::P256),
            _ => None,
        })
    }
}

/// The permitted use of a private key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Private {
    /// To sign.
    Sign,
    /// None, until the key is wrapped.
    BeWrapped,
}

impl Device {
    /// Makes a pair in a session of the pool and wraps its private half (AES key wrap with padding, RFC 5649, over its
    /// PKCS#8). Both objects are destroyed before the session returns to the pool. RSA takes seconds, and occupies the
    /// session for that time.
    pub fn generate_wrapped_pair(&self, wrapping: &Key, kind: PairKind) -> Result<(Vec<u8>, PublicParts), Error> {
        kind.validate()?;
        let by = wrapping.handle(self.generation)?;
        let mechanism = self.padded.first()?;
        let (public, private) = (kind.public()?, kind.private(Private::BeWrapped, Placement::Session));
        let made = self.work(|session| {
            let (public, private) = session.generate_key_pair(&kind.generation(), &public, &private)?;
            // An error closes the session, which destroys both objects.
            let parts = kind.read(session, public)?;
            let blob = self.module.functions.wrap(session, mechanism, by, private, kind.wrapped_room())?;
            session.destroy_object(private)?;
            session.destroy_object(public)?;
            Ok(parts.map(|parts| (blob, parts)))
        })?;
        made.ok_or(Error::Binding(cryptoki::error::Error::InvalidValue))
    }

    /// Makes a pair whose private half is a token object. The object is durable after [`crate::sync`], if
    /// [`Device::needs_sync`].
    pub fn generate_token_pair(&self, id: &KeyId, label: &str, kind: PairKind) -> Result<(Key, PublicParts), Error> {
        kind.validate()?;
        let (public, private) = (kind.public()?, kind.private(Private::Sign, Placement::Token(id, label)));
        let make = |session: &Session| {
            let (public, private) = session.generate_key_pair(&kind.generation(), &public, &private)?;
            let parts = kind.read(session, public).and_then(|parts| {
                session.destroy_object(public)?;
                Ok(parts)
            });
            // The public half would be unknown, so the private half is useless.
            if !matches!(parts, Ok(Some(_))) {
                session.destroy_object(private)?;
            }
            Ok((private, parts?))
        };
        let (private, parts) = match kind {
            PairKind::P256 => self.lasting(make)?,
            // No other caller could make a key for seconds.
            PairKind::Rsa { .. } => self.work(make)?,
        };
        let parts = parts.ok_or(Error::Binding(cryptoki::error::Error::InvalidValue))?;
        Ok((self.token_key(private, None), parts))
    }

    /// Unwraps a private half to a session key that signs. The key lives until its last clone is dropped, or the
    /// device.
    ///
    /// [`Error::BlobInvalid`] if the blob is damaged or was wrapped by another key. [`Error::TemplateRefused`] if
    /// CKA_UNWRAP_TEMPLATE of `wrapping` does not keep the key in the token.
    pub fn unwrap_private(&self, wrapping: &Key, blob: &[u8], kind: PairKind) -> Result<Key, Error> {
        let template = kind.private(Private::Sign, Placement::Session);
        let unwrap = |mechanism| self.unwrap_by(mechanism, wrapping, blob, &template, (true, false));
        let mut unwrapped = unwrap(self.padded.first()?);
        // The blob may have been wrapped when the token had only the other mechanism number.
        if let (Err(Error::BlobInvalid(_)), Some(other)) = (&unwrapped, self.padded.second()) {
            unwrapped = unwrap(other);
        }
        Ok(self.private_key(unwrapped?))
    }

    /// Signs a digest. `digest` must have the length of the mechanism's hash. An RSA signature is as long as the
    /// modulus. An ECDSA signature is the numbers r and s, 32 bytes each.
    pub fn sign(&self, key: &Key, mechanism: SignatureMechanism, digest: &[u8]) -> Result<Vec<u8>, Error> {
        let (found, expected) = (digest.len(), mechanism.hash().bytes());
        if found != expected {
            return Err(Error::InvalidInput(InvalidInput::DigestLength { found, expected }));
        }
        let handle = key.handle(self.generation)?;
        let (mechanism, data) = mechanism.signing(digest)?;
        let functions = &self.module.functions;
        self.work(|session| functions.sign(session, &mechanism, handle, &data, LONGEST_SIGNATURE))
    }
}

fn ulong(number: usize) -> Result<Ulong, Error> {
    Ulong::try_from(number).map_err(Error::from_binding)
}
