//! The object that a caller provides to Register or Import: what its key block says about it, and whether the HSM uses
//! it.

use super::error::Error;
use super::gate::NewGrant;
use super::halves::{BroughtHalf, propose_brought};
use super::key_formats::{kind_of, read_private, read_public};
use super::object_kind::{ObjectKind, SEALING_KEY};
use super::proposal::{MAX_SECRET, Origin, Proposal, propose, propose_kept};
use super::{Call, kept, mechanism, private_numbers};
use crate::custody::{Error as CustodyError, PairKind, PrivateParts};
use crate::kmip::enumerations::{CryptographicAlgorithm, KeyFormatType, ObjectType};
use crate::kmip::key_block::{KeyBlock, KeyMaterial, KeyValue, KeyWrappingData};
use crate::kmip::objects::SymmetricKey;
use crate::kmip::{Attributes, ManagedObject, Tag};
use crate::public_key::{RSA_BITS, check_private, check_usable};
use crate::secret::Bytes;
use crate::store::object::{Class, Material};

/// An object that a caller provides.
pub(super) struct Brought {
    object: ManagedObject,
}

/// What is stored of an object that a caller provides.
pub(super) struct Terms<'a> {
    pub(super) proposal: Proposal,
    pub(super) value: Value<'a>,
}

/// The value of an object that a caller provides.
pub(super) enum Value<'a> {
    /// The bytes of a key that the HSM uses.
    Key(&'a Bytes),
    /// A private key that the HSM uses.
    Private(PairKind, PrivateParts),
    /// A public key that OpenSSL uses, as a SubjectPublicKeyInfo.
    Public(Vec<u8>),
    /// The whole object, which is kept encrypted.
    Kept(Bytes),
}

impl Brought {
    /// Checks the object, and adds the algorithm, the length and the attributes of its key block to those of the request.
    ///
    /// # Errors
    /// The object is of another type, lacks its value, or contradicts the attributes.
    pub(super) fn read(kind: ObjectType, object: ManagedObject, attributes: &mut Attributes) -> Result<Self, Error> {
        if kind != object.object_type() {
            return Err(Error::Invalid { tag: Tag::ObjectType, fault: "it is not that of the object" });
        }
        let brought = Self { object };
        if let Some(block) = brought.object.key_block() {
            brought.describe(block, attributes)?;
        }
        Ok(brought)
    }

    fn describe(&self, block: &KeyBlock, attributes: &mut Attributes) -> Result<(), Error> {
        match &block.key_value {
            None => return Err(Error::Missing(Tag::KeyValue)),
            Some(KeyValue::Plain { attributes: Some(inner), .. }) => {
                *attributes = beside(Attributes::clone(inner), attributes)?;
            }
            Some(_) => {}
        }
        if kept::material(block).and_then(KeyMaterial::bytes).is_some_and(|bytes| bytes.is_empty()) {
            return Err(Error::Invalid { tag: Tag::KeyMaterial, fault: "it is empty" });
        }
        if let (Some(one), Some(other)) = (block.cryptographic_algorithm, attributes.cryptographic_algorithm)
            && one != other
        {
            return Err(Error::Invalid { tag: Tag::CryptographicAlgorithm, fault: "key block and attributes differ" });
        }
        attributes.cryptographic_algorithm = attributes.cryptographic_algorithm.or(block.cryptographic_algorithm);
        // A key is given back in the format in which it came, unless the request names another one.
        attributes.key_format_type.get_or_insert(block.key_format_type);
        // Some clients send a length of 0 for a length that they do not know.
        let stated = [block.cryptographic_length, attributes.cryptographic_length].map(|own| own.filter(|it| *it != 0));
        let known = self.secret().map(|bytes| i32::try_from(bytes.len().saturating_mul(8)).unwrap_or(i32::MAX));
        for stated in stated.into_iter().flatten() {
            let fits = known.is_none_or(|bits| stated == bits || with_parity(attributes, stated) == Some(bits));
            if !fits {
                let fault = "it is not that of the key material";
                return Err(Error::Invalid { tag: Tag::CryptographicLength, fault });
            }
            if stated < 0 {
                return Err(Error::Invalid { tag: Tag::CryptographicLength, fault: "it is negative" });
            }
        }
        let [in_block, in_attributes] = stated;
        if let (Some(one), Some(other)) = (in_block, in_attributes)
            && one != other
        {
            return Err(Error::Invalid { tag: Tag::CryptographicLength, fault: "key block and attributes differ" });
        }
        attributes.cryptographic_length = in_attributes.or(in_block).or(known);
        Ok(())
    }

    /// The type of the object.
    pub(super) fn object_type(&self) -> ObjectType {
        self.object.object_type()
    }

    /// Whether its key block is wrapped.
    pub(super) fn is_wrapped(&self) -> bool {
        self.object.key_block().is_some_and(|block| block.key_wrapping_data.is_some())
    }

    /// How a key that can be unwrapped is wrapped, and its wrapped bytes.
    ///
    /// # Errors
    /// It is not wrapped, is another object, or has another format.
    pub(super) fn wrapped(&self) -> Result<(&KeyWrappingData, &Bytes), Error> {
        // Of a private key, the HSM's module would compute with numbers that nobody has checked, and not every module survives
        // that.
        let fault = Error::KeyWrap(
            "symmetric keys in KeyFormatType Raw are unwrapped: import others AsRegistered, or register them in clear",
        );
        let ManagedObject::SymmetricKey(SymmetricKey { key_block }) = &self.object else { return Err(fault) };
        let bytes = match &key_block.key_value {
            Some(KeyValue::Wrapped(bytes)) => Some(bytes),
            Some(KeyValue::Plain { material, .. }) => material.bytes(),
            None => None,
        };
        match (&key_block.key_wrapping_data, bytes) {
            (Some(data), Some(bytes)) if key_block.key_format_type == KeyFormatType::Raw => Ok((data, bytes)),
            _ => Err(fault),
        }
    }

    /// The bytes of a symmetric key or of secret data in clear.
    fn secret(&self) -> Option<&Bytes> {
        match &self.object {
            ManagedObject::SymmetricKey(key) => kept::clear(&key.key_block),
            ManagedObject::SecretData(secret) => kept::clear(&secret.key_block),
            _ => None,
        }
    }

    /// The bytes of a key that the HSM uses; `None` if the object is kept and given back only.
    fn key(&self, grant: &NewGrant<'_>, attributes: &Attributes) -> Result<Option<&Bytes>, Error> {
        let (ManagedObject::SymmetricKey(key), Some(bytes)) = (&self.object, self.secret()) else { return Ok(None) };
        let is_readable =
            matches!(key.key_block.key_format_type, KeyFormatType::Raw | KeyFormatType::TransparentSymmetricKey);
        let is_used = match attributes.cryptographic_algorithm {
            _ if !is_readable || !grant.imports() => false,
            Some(algorithm) if grant.check_algorithm(algorithm).is_err() => false,
            Some(CryptographicAlgorithm::ChaCha20 | CryptographicAlgorithm::ChaCha20Poly1305) => bytes.len() == 32,
            Some(CryptographicAlgorithm::DES3) => matches!(bytes.len(), 16 | 24),
            Some(CryptographicAlgorithm::AES) => matches!(bytes.len(), 16 | 24 | 32),
            algorithm => match algorithm.and_then(mechanism::hmac).map(|mac| grant.mac_key_size(mac)) {
                Some(Ok(sizes)) if sizes.contains(&bytes.len()) => bytes.len() <= MAX_SECRET,
                Some(Ok(_)) => algorithm
                    .and_then(mechanism::hmac)
                    .is_some_and(|mac| grant.padded(mac, bytes.len()).is_ok_and(|padded| padded.is_some())),
                // The HSM does not make such MACs.
                None | Some(Err(Error::UnsupportedParameters(_) | Error::Cipher(_))) => false,
                Some(Err(error)) => return Err(error),
            },
        };
        Ok(is_used.then_some(bytes))
    }

    /// A private or public key that is used, with its value; `None` if the object is kept and given back only. Keys that
    /// cannot be read, and those of other algorithms, lengths and curves, are kept.
    fn half(
        &self,
        grant: &NewGrant<'_>,
        attributes: &Attributes,
    ) -> Result<Option<(BroughtHalf<'_>, Value<'_>)>, Error> {
        let Some(block) = self.object.key_block().filter(|block| block.key_wrapping_data.is_none()) else {
            return Ok(None);
        };
        let half = |kind, facts, is_private| BroughtHalf { object: &self.object, kind, facts, is_private };
        match &self.object {
            ManagedObject::PrivateKey(_) => {
                let Some(key) = read_private(block, attributes)? else { return Ok(None) };
                let is_used = |kind: &PairKind| is_served(*kind) && grant.imports_private(*kind);
                let Some(kind) = kind_of(&key).filter(is_used) else { return Ok(None) };
                check_private(&key)?;
                let parts = private_numbers::parts(&key, kind).map_err(CustodyError::PublicKey)?;
                Ok(Some((half(Some(kind), BroughtHalf::facts(kind), true), Value::Private(kind, parts))))
            }
            ManagedObject::PublicKey(_) => {
                let Some(key) = read_public(block, attributes)? else { return Ok(None) };
                let (kind, facts) = match kind_of(&key) {
                    Some(PairKind::Rsa { bits }) if !public_rsa_bits().contains(&bits) => return Ok(None),
                    Some(kind @ PairKind::Rsa { .. }) if !is_served(kind) => (None, BroughtHalf::facts(kind)),
                    Some(kind) => (Some(kind), BroughtHalf::facts(kind)),
                    None => return Ok(None),
                };
                check_usable(&key)?;
                let info = key.public_key_to_der().map_err(CustodyError::PublicKey)?;
                Ok(Some((half(kind, facts, false), Value::Public(info))))
            }
            _ => Ok(None),
        }
    }

    /// The attributes and the value to store.
    ///
    /// # Errors
    /// The attributes cannot be set, the key is not sound, or the object is too large.
    pub(super) fn terms(
        &self,
        grant: &NewGrant<'_>,
        call: &Call<'_>,
        mut attributes: Attributes,
        origin: Origin,
    ) -> Result<Terms<'_>, Error> {
        if let Some(bytes) = self.key(grant, &attributes)? {
            kept::set_own(&self.object, &mut attributes)?;
            let mut proposal = propose(grant, call, attributes, origin)?;
            kept::set_digest(&mut proposal.attributes, &self.object);
            return Ok(Terms { proposal, value: Value::Key(bytes) });
        }
        if let Some((half, value)) = self.half(grant, &attributes)? {
            let proposal = propose_brought(grant, call, attributes, origin, &half)?;
            return Ok(Terms { proposal, value });
        }
        let proposal = propose_kept(call, attributes, origin, &self.object)?;
        let value = kept::encode(self.object.clone())?;
        grant.expect_fits(&value)?;
        Ok(Terms { proposal, value: Value::Kept(value) })
    }

    /// Adds the object and returns its identifier.
    pub(super) fn add(
        &self,
        grant: &NewGrant<'_>,
        call: &Call<'_>,
        attributes: Attributes,
        origin: Origin,
    ) -> Result<String, Error> {
        let Terms { proposal, value } = self.terms(grant, call, attributes, origin)?;
        if let Value::Kept(value) = value {
            let Proposal { id, attributes, .. } = proposal;
            grant.insert_kept(&id, attributes, &value)?;
            return Ok(id);
        }
        let material = value.material(grant, &proposal)?;
        let Proposal { id, attributes, class, .. } = proposal;
        grant.insert(&id, attributes, class, material)?;
        Ok(id)
    }
}

impl Value<'_> {
    /// Puts the key where it is used, or makes the key that encrypts a kept value.
    pub(super) fn material(&self, grant: &NewGrant<'_>, proposal: &Proposal) -> Result<Material, Error> {
        let Proposal { attributes, kind, class, .. } = proposal;
        match self {
            Self::Key(bytes) => grant.import(*class, *kind, proposal.mask(), bytes),
            Self::Private(kind, parts) => {
                grant.import_private(*class, *kind, ObjectKind::BroughtPrivateKey.uses(attributes), parts)
            }
            Self::Public(info) => Ok(Material::Public { info: info.clone() }),
            Self::Kept(_) => grant.sealing_key(attributes),
        }
    }
}

/// Whether private keys of this kind are used.
fn is_served(kind: PairKind) -> bool {
    !matches!(kind, PairKind::Rsa { bits } if !(2048..=4096).contains(&bits) || !bits.is_multiple_of(8))
}

/// The lengths of public RSA keys that are used, in bits.
fn public_rsa_bits() -> std::ops::RangeInclusive<usize> {
    let [least, most] = [RSA_BITS.start(), RSA_BITS.end()].map(|bits| usize::try_from(*bits).unwrap_or_default());
    least..=most
}

impl Proposal {
    /// An object whose value is encrypted by a key of its own.
    pub(super) fn kept(id: String, attributes: Attributes) -> Self {
        Self { id, attributes, kind: SEALING_KEY, class: Class::Sealing }
    }

    /// The permitted uses of the key in the HSM token.
    pub(super) fn mask(&self) -> crate::kmip::UsageMask {
        let kind = ObjectKind::of(&self.attributes).unwrap_or(ObjectKind::SymmetricKey);
        kind.key_mask(&self.attributes)
    }
}

/// The length in bits of a DES key with its parity bits, of which clients state the length without them.
fn with_parity(attributes: &Attributes, stated: i32) -> Option<i32> {
    let is_des =
        matches!(attributes.cryptographic_algorithm, Some(CryptographicAlgorithm::DES | CryptographicAlgorithm::DES3));
    matches!(stated, 56 | 112 | 168).then_some(stated / 7 * 8).filter(|_| is_des)
}

/// Joins the attributes of the request with those in the key value; those of the request take precedence. The
/// identifier in the key value is that of the former server and is ignored.
fn beside(mut inner: Attributes, own: &Attributes) -> Result<Attributes, Error> {
    inner.unique_identifier = None;
    Ok(inner.replaced(own)?)
}
