//! Objects that are kept and given back only: their encoding, and the attributes that the server sets from their value.

use openssl::nid::Nid;
use openssl::rsa::Rsa;
use openssl::sha::sha256;
use openssl::x509::X509;

use super::certificate_identity::{identity, signature_algorithm};
use super::error::Error;
use super::kept_fault::KeptFault;
use super::key_pair::bits;
use crate::custody::PairKind;
use crate::kmip::attributes::{CertificateIdentity, CertificateNames, Digest, INSTANCES, Link, TEXT_BYTES};
use crate::kmip::enumerations::{
    CertificateType, CryptographicAlgorithm, DigitalSignatureAlgorithm, HashingAlgorithm, KeyFormatType, LinkType,
    ObjectType, OpaqueDataType,
};
use crate::kmip::key_block::{KeyBlock, KeyMaterial, KeyValue};
use crate::kmip::objects::Certificate;
use crate::kmip::ttlv::{Document, Field as _, binary};
use crate::kmip::{Attributes, ManagedObject, Tag, UniqueIdentifier};
use crate::secret::Bytes;

/// Maximum length of a kept object in the binary encoding, in bytes.
pub(super) const MAX_KEPT: usize = 1 << 20;

/// Minimum length of a key whose digest is an attribute, in bytes. The digest of a shorter one would tell the key to
/// those who read the database.
pub(super) const MIN_DIGESTED: usize = 16;

/// Encodes the object for storage: the binary encoding, which gives everything back as it was.
///
/// # Errors
/// The object is too large, or has an item that the standard does not have.
pub(super) fn encode(object: ManagedObject) -> Result<Bytes, Error> {
    let document = object.into_document();
    let length = document.ttlv_length();
    if length > MAX_KEPT {
        return Err(KeptFault::TooLong { length, most: MAX_KEPT }.into());
    }
    let mut encoded = Vec::with_capacity(length);
    let is_written = binary::write(&document, &mut encoded);
    let encoded = Bytes::from(encoded);
    if is_written { Ok(encoded) } else { Err(unknown_item()) }
}

/// Writes wrapped key material in place of the Key Value, as its bytes (section 3.2). No attributes are wrapped with it.
pub(super) fn unstructure(object: &mut ManagedObject) {
    let Some(block) = key_block(object) else { return };
    if let Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), attributes: None }) = &block.key_value {
        block.key_value = Some(KeyValue::Wrapped(bytes.clone()));
    }
}

/// Encodes a key value, to be wrapped as a whole (section 7.18: the encoding without an Encoding Option).
///
/// # Errors
/// It has an item that the standard does not have.
pub(super) fn key_value(value: KeyValue) -> Result<Bytes, Error> {
    let document = Document { name: "KeyValue".into(), value: value.write() };
    let mut encoded = Vec::with_capacity(document.ttlv_length());
    let is_written = binary::write(&document, &mut encoded);
    let encoded = Bytes::from(encoded);
    if is_written { Ok(encoded) } else { Err(unknown_item()) }
}

fn unknown_item() -> Error {
    Error::Invalid { tag: Tag::KeyMaterial, fault: "it has an item that the standard does not have" }
}

/// Decodes a stored object; `None` if the bytes are not one.
pub(super) fn decode(encoded: &[u8]) -> Option<ManagedObject> {
    binary::read(encoded).and_then(ManagedObject::from_document).ok()
}

/// The attributes that only objects of one type have, and that follow from the object.
struct Own {
    certificate_type: Option<CertificateType>,
    certificate_length: Option<i32>,
    certificate_names: CertificateNames,
    certificate_identity: CertificateIdentity,
    signature_algorithm: Option<DigitalSignatureAlgorithm>,
    opaque_data_type: Option<OpaqueDataType>,
}

impl Own {
    fn of(object: &ManagedObject) -> Self {
        let none = Self {
            certificate_type: None,
            certificate_length: None,
            certificate_names: CertificateNames::default(),
            certificate_identity: CertificateIdentity::default(),
            signature_algorithm: None,
            opaque_data_type: None,
        };
        match object {
            ManagedObject::Certificate(own) => Self {
                certificate_type: Some(own.certificate_type),
                certificate_length: i32::try_from(own.certificate_value.len()).ok(),
                certificate_names: names(own),
                certificate_identity: identity(own),
                signature_algorithm: signature_algorithm(own),
                ..none
            },
            ManagedObject::OpaqueObject(own) => Self { opaque_data_type: Some(own.opaque_data_type), ..none },
            _ => none,
        }
    }
}

/// The names of subject and issuer of an X.509 certificate. What is above the bounds of attributes is left out.
fn names(certificate: &Certificate) -> CertificateNames {
    let Ok(parsed) = X509::from_der(&certificate.certificate_value) else { return CertificateNames::default() };
    if certificate.certificate_type != CertificateType::X_509 {
        return CertificateNames::default();
    }
    let mut names = Vec::new();
    let tags = [CertificateNames::SUBJECT, CertificateNames::ISSUER];
    for (name, tags) in [parsed.subject_name(), parsed.issuer_name()].into_iter().zip(tags) {
        for (nid, tag) in NAMES.into_iter().zip(tags) {
            let texts = name.entries_by_nid(nid).filter_map(|entry| entry.data().to_string().ok());
            let texts = texts.filter(|text| text.len() <= TEXT_BYTES);
            names.extend(texts.take(INSTANCES).map(|text| (tag, text)));
        }
    }
    CertificateNames(names)
}

/// The types of names in the order of [`CertificateNames::SUBJECT`].
const NAMES: [Nid; 12] = [
    Nid::COMMONNAME,
    Nid::ORGANIZATIONNAME,
    Nid::ORGANIZATIONALUNITNAME,
    Nid::PKCS9_EMAILADDRESS,
    Nid::COUNTRYNAME,
    Nid::STATEORPROVINCENAME,
    Nid::LOCALITYNAME,
    Nid::USERID,
    Nid::SERIALNUMBER,
    Nid::TITLE,
    Nid::DOMAINCOMPONENT,
    Nid::DNQUALIFIER,
];

/// Sets the attributes that follow from the object, and refuses given ones that contradict it.
pub(super) fn describe(object: &ManagedObject, attributes: &mut Attributes) -> Result<(), Error> {
    set_own(object, attributes)?;
    let own = format(object);
    let wanted = *attributes.key_format_type.get_or_insert(own);
    if wanted != own && !is_converted(object, wanted) {
        return Err(KeptFault::Format { wanted, own }.into());
    }
    if let Some((algorithm, bits)) = public_facts(object) {
        attributes.cryptographic_algorithm = attributes.cryptographic_algorithm.or(algorithm);
        attributes.cryptographic_length = attributes.cryptographic_length.or(bits);
    }
    if let Some(id) = object.key_block().and_then(wrapping_key) {
        let link = Link { link_type: Some(LinkType::WrappingKeyLink), linked_object_identifier: id };
        if !attributes.links.contains(&link) {
            attributes.links.push(link);
        }
    }
    set_digest(attributes, object);
    Ok(())
}

/// Sets the attributes that only objects of one type have.
///
/// # Errors
/// A given one is not that of the object.
pub(super) fn set_own(object: &ManagedObject, attributes: &mut Attributes) -> Result<(), Error> {
    let contradiction = |tag| Err(Error::Invalid { tag, fault: "it is not that of the object" });
    let own = Own::of(object);
    if attributes.certificate_type.is_some_and(|given| own.certificate_type != Some(given)) {
        return contradiction(Tag::CertificateType);
    }
    if attributes.certificate_length.is_some_and(|given| own.certificate_length != Some(given)) {
        return contradiction(Tag::CertificateLength);
    }
    if attributes.opaque_data_type.is_some_and(|given| own.opaque_data_type != Some(given)) {
        return contradiction(Tag::OpaqueDataType);
    }
    if let Some((tag, _)) = attributes.certificate_names.0.iter().find(|given| !own.certificate_names.0.contains(given))
    {
        return contradiction(*tag);
    }
    let given = &attributes.certificate_identity;
    if given.identifier.is_some() && given.identifier != own.certificate_identity.identifier {
        return contradiction(Tag::X_509CertificateIdentifier);
    }
    if given.issuer.is_some() && given.issuer != own.certificate_identity.issuer {
        return contradiction(Tag::X_509CertificateIssuer);
    }
    if given.subject.is_some() && given.subject != own.certificate_identity.subject {
        return contradiction(Tag::X_509CertificateSubject);
    }
    // Of a certificate whose algorithm the server does not know, the client may name it.
    let is_certificate = own.certificate_type.is_some();
    if let Some(given) = attributes.digital_signature_algorithm
        && (!is_certificate || own.signature_algorithm.is_some_and(|own| own != given))
    {
        return contradiction(Tag::DigitalSignatureAlgorithm);
    }
    attributes.digital_signature_algorithm = own.signature_algorithm.or(attributes.digital_signature_algorithm);
    attributes.certificate_identity = own.certificate_identity;
    (attributes.certificate_type, attributes.certificate_length) = (own.certificate_type, own.certificate_length);
    (attributes.certificate_names, attributes.opaque_data_type) = (own.certificate_names, own.opaque_data_type);
    Ok(())
}

/// The format in which the object was registered; for objects without a key block the default of section 4.26.
pub(super) fn format(object: &ManagedObject) -> KeyFormatType {
    match (object.key_block(), object.object_type()) {
        (Some(block), _) => block.key_format_type,
        (None, ObjectType::Certificate) => KeyFormatType::X_509,
        (None, ObjectType::CertificateRequest) => KeyFormatType::PKCS_10,
        (None, _) => KeyFormatType::Opaque,
    }
}

/// Whether Get converts the object to this format: the bytes of a symmetric key have two.
pub(super) fn is_converted(object: &ManagedObject, wanted: KeyFormatType) -> bool {
    let is_either = |format| matches!(format, KeyFormatType::Raw | KeyFormatType::TransparentSymmetricKey);
    let ManagedObject::SymmetricKey(key) = object else { return false };
    is_either(wanted)
        && is_either(key.key_block.key_format_type)
        && key.key_block.key_wrapping_data.is_none()
        && matches!(&key.key_block.key_value, Some(KeyValue::Plain { material, .. }) if material.bytes().is_some())
}

/// Converts a symmetric key to a format for which [`is_converted`] is true.
pub(super) fn convert(object: &mut ManagedObject, wanted: KeyFormatType) {
    let Some(block) = key_block(object) else { return };
    let Some(KeyValue::Plain { material, .. }) = &mut block.key_value else { return };
    if let Some(bytes) = material.bytes().cloned() {
        *material = match wanted {
            KeyFormatType::TransparentSymmetricKey => KeyMaterial::TransparentSymmetricKey(bytes),
            _ => KeyMaterial::Bytes(bytes),
        };
        block.key_format_type = wanted;
    }
}

/// The key block of an object whose key is secret: a symmetric key, a private key or secret data.
pub(super) fn key_block(object: &mut ManagedObject) -> Option<&mut KeyBlock> {
    match object {
        ManagedObject::SymmetricKey(key) => Some(&mut key.key_block),
        ManagedObject::PrivateKey(key) => Some(&mut key.key_block),
        ManagedObject::SecretData(secret) => Some(&mut secret.key_block),
        _ => None,
    }
}

/// Algorithm and length, as far as they are known from a public object.
fn public_facts(object: &ManagedObject) -> Option<(Option<CryptographicAlgorithm>, Option<i32>)> {
    use openssl::pkey::{Id, PKey};
    let key = match object {
        ManagedObject::Certificate(own) if own.certificate_type == CertificateType::X_509 => {
            X509::from_der(&own.certificate_value).and_then(|own| own.public_key()).ok()?
        }
        ManagedObject::PublicKey(own) => {
            let bytes = clear(&own.key_block)?;
            match own.key_block.key_format_type {
                KeyFormatType::X_509 => PKey::public_key_from_der(bytes).ok()?,
                KeyFormatType::PKCS_1 => Rsa::public_key_from_der_pkcs1(bytes).and_then(PKey::from_rsa).ok()?,
                _ => return None,
            }
        }
        _ => return None,
    };
    let algorithm = match key.id() {
        Id::RSA | Id::RSA_PSS => Some(CryptographicAlgorithm::RSA),
        Id::DSA => Some(CryptographicAlgorithm::DSA),
        Id::DH => Some(CryptographicAlgorithm::DH),
        // OpenSSL counts 253 bits of X25519.
        Id::X25519 => return Some((Some(CryptographicAlgorithm::EC), Some(bits(PairKind::X25519)))),
        Id::EC => Some(CryptographicAlgorithm::EC),
        Id::ED25519 => Some(CryptographicAlgorithm::Ed25519),
        Id::ED448 => Some(CryptographicAlgorithm::Ed448),
        _ => None,
    };
    Some((algorithm, i32::try_from(key.bits()).ok()))
}

/// The key by which a key block was wrapped.
fn wrapping_key(block: &KeyBlock) -> Option<UniqueIdentifier> {
    let data = block.key_wrapping_data.as_ref()?;
    let key = data.encryption_key_information.as_ref().or(data.mac_signature_key_information.as_ref())?;
    Some(key.unique_identifier.clone()).filter(|id| id.as_text().is_some())
}

/// Sets the digest of the key material or of the certificate (section 4.21). Secret data, opaque objects, HMAC secrets, short
/// keys and keys without an algorithm may be what a person chose: their digest would tell them to those who try words. They have none.
pub(super) fn set_digest(attributes: &mut Attributes, object: &ManagedObject) {
    attributes.digests.clear();
    let value = match object {
        ManagedObject::Certificate(_) | ManagedObject::CertificateRequest(_) => object.value().cloned(),
        ManagedObject::SecretData(_) | ManagedObject::OpaqueObject(_) => None,
        _ => object.key_block().filter(|block| is_long(block)).and_then(digested),
    };
    let is_chosen = match attributes.cryptographic_algorithm {
        Some(algorithm) => super::mechanism::hmac(algorithm).is_some(),
        None => object.object_type() == ObjectType::SymmetricKey,
    };
    let Some(value) = value.filter(|_| !is_chosen) else { return };
    attributes.digests.push(Digest {
        hashing_algorithm: HashingAlgorithm::SHA_256,
        digest_value: Some(Bytes::from(sha256(&value).to_vec())),
        key_format_type: object.key_block().map(|block| block.key_format_type),
    });
}

/// Whether the key has at least [`MIN_DIGESTED`] bytes, in whatever format.
fn is_long(block: &KeyBlock) -> bool {
    material(block).and_then(KeyMaterial::bytes).is_none_or(|bytes| bytes.len() >= MIN_DIGESTED)
}

/// The bytes over which the digest of a key is made: the material, or the encoding of its structure.
fn digested(block: &KeyBlock) -> Option<Bytes> {
    if block.key_wrapping_data.is_some() {
        return None;
    }
    match &block.key_value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => Some(bytes.clone()),
        Some(KeyValue::Plain { material, .. }) => {
            let document = Document { name: "KeyMaterial".into(), value: material.clone().write() };
            let mut encoded = Vec::with_capacity(document.ttlv_length());
            binary::write(&document, &mut encoded).then(|| Bytes::from(encoded))
        }
        _ => None,
    }
}

/// The key material, unless it is wrapped as a whole.
pub(super) fn material(block: &KeyBlock) -> Option<&KeyMaterial> {
    match &block.key_value {
        Some(KeyValue::Plain { material, .. }) => Some(material),
        Some(KeyValue::Wrapped(_)) | None => None,
    }
}

/// The bytes of a key block in clear.
pub(super) fn clear(block: &KeyBlock) -> Option<&Bytes> {
    material(block).filter(|_| block.key_wrapping_data.is_none()).and_then(KeyMaterial::bytes)
}
