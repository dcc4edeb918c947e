//! Private keys as objects: importing, unwrapping, and reading their values.

use std::fmt;

use cryptoki::object::{Attribute, ObjectClass};
use cryptoki_sys::{
    CK_ATTRIBUTE_TYPE, CKA_COEFFICIENT, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_MODULUS, CKA_PRIME_1, CKA_PRIME_2,
    CKA_PRIVATE_EXPONENT, CKA_PUBLIC_EXPONENT, CKA_VALUE,
};
use zeroize::{Zeroize, Zeroizing};

use crate::device::Device;
use crate::error::Error;
use crate::key::{Key, KeyId};
use crate::pair::PairKind;
use crate::secret_key::{Placement, Uses};

/// The attributes of a private key that the caller chooses. Everything that is not requested is set to false, and never
/// left to the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivateKeySpec {
    /// Type and length.
    pub kind: PairKind,
    /// CKA_SENSITIVE: the values are never returned in clear.
    pub sensitive: bool,
    /// CKA_EXTRACTABLE: the key may be wrapped, or returned in clear if it is not sensitive.
    pub extractable: bool,
    /// The usage attributes. A private key only signs, decrypts, unwraps and derives.
    pub uses: Uses,
}

/// The numbers of a private key, big-endian. They are overwritten when dropped. `Debug` shows only their lengths.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateParts(Vec<(Part, Zeroizing<Vec<u8>>)>);

/// A number of a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The modulus of RSA.
    Modulus,
    /// The public exponent of RSA.
    PublicExponent,
    /// The private exponent of RSA.
    PrivateExponent,
    /// The first prime of RSA.
    Prime1,
    /// The second prime of RSA.
    Prime2,
    /// The private exponent modulo the first prime less one.
    Exponent1,
    /// The private exponent modulo the second prime less one.
    Exponent2,
    /// The inverse of the second prime modulo the first.
    Coefficient,
    /// The number of a key of a curve, the seed of Ed25519, or the 32 bytes of a key of X25519.
    Value,
}

impl Part {
    /// The numbers of an RSA key, in the order of RFC 8017, A.1.2.
    pub const RSA: [Self; 8] = [
        Self::Modulus,
        Self::PublicExponent,
        Self::PrivateExponent,
        Self::Prime1,
        Self::Prime2,
        Self::Exponent1,
        Self::Exponent2,
        Self::Coefficient,
    ];

    fn type_(self) -> CK_ATTRIBUTE_TYPE {
        match self {
            Self::Modulus => CKA_MODULUS,
            Self::PublicExponent => CKA_PUBLIC_EXPONENT,
            Self::PrivateExponent => CKA_PRIVATE_EXPONENT,
            Self::Prime1 => CKA_PRIME_1,
            Self::Prime2 => CKA_PRIME_2,
            Self::Exponent1 => CKA_EXPONENT_1,
            Self::Exponent2 => CKA_EXPONENT_2,
            Self::Coefficient => CKA_COEFFICIENT,
            Self::Value => CKA_VALUE,
        }
    }

    fn attribute(self, value: Vec<u8>) -> Attribute {
        match self {
            Self::Modulus => Attribute::Modulus(value),
            Self::PublicExponent => Attribute::PublicExponent(value),
            Self::PrivateExponent => Attribute::PrivateExponent(value),
            Self::Prime1 => Attribute::Prime1(value),
            Self::Prime2 => Attribute::Prime2(value),
            Self::Exponent1 => Attribute::Exponent1(value),
            Self::Exponent2 => Attribute::Exponent2(value),
            Self::Coefficient => Attribute::Coefficient(value),
            Self::Value => Attribute::Value(value),
        }
    }
}

impl PrivateParts {
    /// Makes the parts of a key. They must be those of [`PairKind`]: [`Part::RSA`], or [`Part::Value`].
    pub fn new(parts: impl IntoIterator<Item = (Part, Zeroizing<Vec<u8>>)>) -> Self {
        Self(parts.into_iter().collect())
    }

    /// Returns a number.
    pub fn get(&self, part: Part) -> Option<&[u8]> {
        self.0.iter().find(|(own, _)| *own == part).map(|(_, value)| value.as_slice())
    }
}

impl fmt::Debug for PrivateParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(part, value)| (part, value.len()))).finish()
    }
}

impl PrivateKeySpec {
    /// A key that is only wrapped, by the key that keeps it.
    pub(crate) fn to_be_wrapped(kind: PairKind) -> Self {
        Self { kind, sensitive: true, extractable: true, uses: Uses::default() }
    }

    /// A key that signs and stays in the token.
    pub const fn signing(kind: PairKind) -> Self {
        let uses = Uses { sign: true, ..Uses::NONE };
        Self { kind, sensitive: true, extractable: false, uses }
    }

    /// A key from which keys are derived, and which stays in the token.
    pub const fn deriving(kind: PairKind) -> Self {
        let uses = Uses { derive: true, ..Uses::NONE };
        Self { kind, sensitive: true, extractable: false, uses }
    }

    pub(crate) fn template(&self, placement: Placement<'_>) -> Vec<Attribute> {
        let mut template = vec![
            Attribute::Class(ObjectClass::PRIVATE_KEY),
            Attribute::KeyType(self.kind.key_type()),
            Attribute::Private(true),
            Attribute::Sensitive(self.sensitive),
            Attribute::Extractable(self.extractable),
            Attribute::Sign(self.uses.sign),
            Attribute::SignRecover(false),
            Attribute::Decrypt(self.uses.decrypt),
            Attribute::Unwrap(self.uses.unwrap),
            Attribute::Derive(self.uses.derive),
        ];
        template.extend(placement.attributes());
        template
    }

    fn import(&self, parts: &PrivateParts, placement: Placement<'_>) -> Import {
        let mut template = self.template(placement);
        template.extend(self.kind.params());
        template.extend(parts.0.iter().map(|(part, value)| part.attribute(value.to_vec())));
        Import(template)
    }
}

/// A template that holds the values of a key, which are overwritten when it is dropped.
struct Import(Vec<Attribute>);

impl Drop for Import {
    fn drop(&mut self) {
        for attribute in &mut self.0 {
            if let Attribute::Value(value)
            | Attribute::PrivateExponent(value)
            | Attribute::Prime1(value)
            | Attribute::Prime2(value)
            | Attribute::Exponent1(value)
            | Attribute::Exponent2(value)
            | Attribute::Coefficient(value) = attribute
            {
                value.zeroize();
            }
        }
    }
}

impl Device {
    /// Imports a private key (C_CreateObject) and wraps it, as [`Device::generate_wrapped_pair`] does.
    pub fn import_wrapped_private(
        &self,
        wrapping: &Key,
        kind: PairKind,
        parts: &PrivateParts,
    ) -> Result<Vec<u8>, Error> {
        kind.validate_import()?;
        let by = wrapping.handle(self.generation)?;
        let mechanism = self.padded.first()?;
        let template = PrivateKeySpec::to_be_wrapped(kind).import(parts, Placement::Session);
        self.work(|session| {
            let private = session.create_object(&template.0)?;
            // An error closes the session, which destroys the object.
            let blob = self.module.functions.wrap(session, mechanism, by, private, kind.wrapped_room())?;
            session.destroy_object(private)?;
            Ok(blob)
        })
    }

    /// Imports a private key as a token object. It is durable after [`crate::sync`], if [`Device::needs_sync`].
    pub fn import_token_private(
        &self,
        id: &KeyId,
        label: &str,
        spec: &PrivateKeySpec,
        parts: &PrivateParts,
    ) -> Result<Key, Error> {
        spec.kind.validate_import()?;
        let template = spec.import(parts, Placement::Token(id, label));
        let handle = self.lasting(|session| session.create_object(&template.0))?;
        Ok(self.token_key(handle, None))
    }

    /// Imports a private key for a trial, as an object of the anchor session.
    pub(crate) fn import_session_private(&self, spec: &PrivateKeySpec, parts: &PrivateParts) -> Result<Key, Error> {
        let template = spec.import(parts, Placement::Session);
        let handle = self.own(|session| session.create_object(&template.0))?;
        Ok(self.private_key(handle))
    }

    /// Unwraps a private key to a session key. The key lives until its last clone is dropped, or the device.
    ///
    /// [`Error::BlobInvalid`] if the blob is damaged or was wrapped by another key. [`Error::TemplateRefused`] if
    /// CKA_UNWRAP_TEMPLATE of `wrapping` does not allow what `spec` requests.
    pub fn unwrap_private(&self, wrapping: &Key, blob: &[u8], spec: &PrivateKeySpec) -> Result<Key, Error> {
        let template = spec.template(Placement::Session);
        let protection = (spec.sensitive, spec.extractable);
        let unwrap = |mechanism| self.unwrap_by(mechanism, wrapping, blob, &template, protection);
        let mut unwrapped = unwrap(self.padded.first()?);
        // The blob may have been wrapped when the token had only the other mechanism number.
        if let (Err(Error::BlobInvalid(_)), Some(other)) = (&unwrapped, self.padded.second()) {
            unwrapped = unwrap(other);
        }
        Ok(self.private_key(unwrapped?))
    }

    /// Returns the values of a private key. [`Error::NotExtractable`] if the token does not return them.
    pub fn private_parts(&self, key: &Key, kind: PairKind) -> Result<PrivateParts, Error> {
        let handle = key.handle(self.generation)?;
        let wanted = match kind {
            PairKind::Rsa { .. } => &Part::RSA[..],
            PairKind::Ec(_) | PairKind::Ed25519 | PairKind::X25519 => &[Part::Value],
        };
        let read = self.work(|session| {
            let read = wanted.iter().map(|part| {
                let value = self.module.functions.bytes(session, handle, part.type_())?;
                Ok((*part, value))
            });
            read.collect::<Result<Vec<_>, _>>()
        })?;
        Ok(PrivateParts(read))
    }

    /// Wraps a private key under `wrapping` by AES key wrap with padding (RFC 5649), over its PKCS#8.
    pub fn wrap_private(&self, wrapping: &Key, key: &Key, kind: PairKind) -> Result<Vec<u8>, Error> {
        let (by, of) = (wrapping.handle(self.generation)?, key.handle(self.generation)?);
        let mechanism = self.padded.first()?;
        self.work(|session| self.module.functions.wrap(session, mechanism, by, of, kind.wrapped_room()))
    }
}
