//! Key pairs: RSA, ECDSA, Ed25519 and X25519. The private half is made in the token. The public half is read out, because
//! verification and encryption need no token.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::types::Ulong;

use crate::curve::{Curve, ED25519, ED25519_BYTES, X25519, X25519_BYTES, octets};
use crate::device::Device;
use crate::error::{Error, InvalidInput};
use crate::key::{Key, KeyId};
use crate::private_key::PrivateKeySpec;
use crate::secret_key::Placement;

/// 65537, the public exponent of every RSA key made here (FIPS 186-5, A.1.1 requires more than 65536).
const EXPONENT: [u8; 3] = [1, 0, 1];

/// The kind of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PairKind {
    /// CKK_RSA.
    Rsa {
        /// The length in bits: 2048, 3072 or 4096; of an imported key, any number of whole bytes in between.
        bits: usize,
    },
    /// CKK_EC.
    Ec(Curve),
    /// CKK_EC_EDWARDS on edwards25519.
    Ed25519,
    /// CKK_EC_MONTGOMERY on curve25519. Its keys agree on secrets, and nothing else.
    X25519,
}

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
    /// An uncompressed point (SEC 1, 2.3.3): 0x04, then x and y.
    Ec(Curve, Vec<u8>),
    /// The 32 bytes of a point (RFC 8032, 5.1.2).
    Ed25519(Vec<u8>),
    /// The 32 bytes of a u-coordinate (RFC 7748, 5).
    X25519(Vec<u8>),
}

impl PairKind {
    /// P-256.
    pub const P256: Self = Self::Ec(Curve::P256);

    /// Refuses kinds of which no key is made here.
    fn validate(self) -> Result<(), Error> {
        match self {
            Self::Rsa { bits: 2048 | 3072 | 4096 } | Self::Ec(_) | Self::Ed25519 | Self::X25519 => Ok(()),
            Self::Rsa { .. } => Err(Error::InvalidInput(InvalidInput::RsaKeyLength)),
        }
    }

    /// Refuses kinds of which no key is imported.
    pub(crate) fn validate_import(self) -> Result<(), Error> {
        match self {
            Self::Rsa { bits } if !(2048..=4096).contains(&bits) || !bits.is_multiple_of(8) => {
                Err(Error::InvalidInput(InvalidInput::RsaKeyLength))
            }
            _ => Ok(()),
        }
    }

    /// Returns the room in bytes for the wrapped PKCS#8 (RFC 5208). For RSA it contains nine numbers, of which two are
    /// as long as the modulus and five half as long.
    pub(crate) fn wrapped_room(self) -> usize {
        match self {
            Self::Rsa { bits } => bits / 16 * 9 + 128,
            Self::Ec(_) | Self::Ed25519 | Self::X25519 => 384,
        }
    }

    /// Returns the length in bytes of the secret on which two keys of this kind agree ([`crate::Derivation::Ecdh`]); `None`
    /// for a kind that does not.
    pub fn secret_bytes(self) -> Option<usize> {
        match self {
            Self::Rsa { .. } | Self::Ed25519 => None,
            Self::Ec(curve) => Some(curve.bytes()),
            Self::X25519 => Some(X25519_BYTES),
        }
    }

    pub(crate) fn key_type(self) -> KeyType {
        match self {
            Self::Rsa { .. } => KeyType::RSA,
            Self::Ec(_) => KeyType::EC,
            Self::Ed25519 => KeyType::EC_EDWARDS,
            Self::X25519 => KeyType::EC_MONTGOMERY,
        }
    }

    /// Returns CKA_EC_PARAMS; `None` for RSA.
    pub(crate) fn params(self) -> Option<Attribute> {
        match self {
            Self::Rsa { .. } => None,
            Self::Ec(curve) => Some(Attribute::EcParams(curve.params().to_vec())),
            Self::Ed25519 => Some(Attribute::EcParams(ED25519.to_vec())),
            Self::X25519 => Some(Attribute::EcParams(X25519.to_vec())),
        }
    }

    fn generation(self) -> Mechanism<'static> {
        match self {
            Self::Rsa { .. } => Mechanism::RsaPkcsKeyPairGen,
            Self::Ec(_) => Mechanism::EccKeyPairGen,
            Self::Ed25519 => Mechanism::EccEdwardsKeyPairGen,
            Self::X25519 => Mechanism::EccMontgomeryKeyPairGen,
        }
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
        if let Self::Rsa { bits } = self {
            let bits = Ulong::try_from(bits).map_err(Error::from_binding)?;
            template.extend([Attribute::ModulusBits(bits), Attribute::PublicExponent(EXPONENT.to_vec())]);
        }
        template.extend(self.params());
        Ok(template)
    }

    fn read(self, session: &Session, public: ObjectHandle) -> Result<Option<PublicParts>, cryptoki::error::Error> {
        let wanted = match self {
            Self::Rsa { .. } => vec![AttributeType::Modulus, AttributeType::PublicExponent],
            Self::Ec(_) | Self::Ed25519 | Self::X25519 => vec![AttributeType::EcPoint],
        };
        let found = session.get_attributes(public, &wanted)?;
        Ok(match (self, found.as_slice()) {
            (Self::Rsa { .. }, [Attribute::Modulus(modulus), Attribute::PublicExponent(exponent)]) => {
                Some(PublicParts::Rsa { modulus: modulus.clone(), exponent: exponent.clone() })
            }
            (Self::Ec(curve), [Attribute::EcPoint(encoded)]) => {
                curve.point(encoded).map(|point| PublicParts::Ec(curve, point))
            }
            (Self::Ed25519, [Attribute::EcPoint(encoded)]) => {
                octets(encoded, ED25519_BYTES).map(|point| PublicParts::Ed25519(point.to_vec()))
            }
            (Self::X25519, [Attribute::EcPoint(encoded)]) => {
                octets(encoded, X25519_BYTES).map(|point| PublicParts::X25519(point.to_vec()))
            }
            _ => None,
        })
    }
}

impl Device {
    /// Makes a pair in a session of the pool and wraps its private half (AES key wrap with padding, RFC 5649, over its
    /// PKCS#8). Both objects are destroyed before the session returns to the pool. RSA takes seconds, and occupies the
    /// session for that time.
    pub fn generate_wrapped_pair(&self, wrapping: &Key, kind: PairKind) -> Result<(Vec<u8>, PublicParts), Error> {
        kind.validate()?;
        let by = wrapping.handle(self.generation)?;
        let mechanism = self.padded.first()?;
        let (public, private) = (kind.public()?, PrivateKeySpec::to_be_wrapped(kind).template(Placement::Session));
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
    pub fn generate_token_pair(
        &self,
        id: &KeyId,
        label: &str,
        spec: &PrivateKeySpec,
    ) -> Result<(Key, PublicParts), Error> {
        let kind = spec.kind;
        kind.validate()?;
        let (public, private) = (kind.public()?, spec.template(Placement::Token(id, label)));
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
            // No other caller could make a key for seconds.
            PairKind::Rsa { .. } => self.work(make)?,
            PairKind::Ec(_) | PairKind::Ed25519 | PairKind::X25519 => self.lasting(make)?,
        };
        let parts = parts.ok_or(Error::Binding(cryptoki::error::Error::InvalidValue))?;
        Ok((self.token_key(private, None), parts))
    }

    /// Makes a pair for a trial, as objects of the anchor session.
    pub(crate) fn generate_session_pair(&self, spec: &PrivateKeySpec) -> Result<(Key, PublicParts), Error> {
        let kind = spec.kind;
        let (public, private) = (kind.public()?, spec.template(Placement::Session));
        let (private, parts) = self.own(|session| {
            let (public, private) = session.generate_key_pair(&kind.generation(), &public, &private)?;
            let parts = kind.read(session, public)?;
            session.destroy_object(public)?;
            Ok((private, parts))
        })?;
        let parts = parts.ok_or(Error::Binding(cryptoki::error::Error::InvalidValue))?;
        Ok((self.private_key(private), parts))
    }
}
