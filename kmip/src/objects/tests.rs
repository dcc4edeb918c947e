use super::super::enumerations::{CryptographicAlgorithm, KeyFormatType, RecommendedCurve, WrappingMethod};
use super::super::error::Fault;
use super::super::key_block::{KeyInformation, KeyMaterial, KeyValue, KeyWrappingData};
use super::super::ttlv::{binary, json, xml};
use super::super::{Attributes, Dialect, UniqueIdentifier};
use super::*;

/// A Big Integer of the length that the binary encoding has.
fn number(last: u8) -> Value {
    Value::BigInteger(Bytes::from(vec![0, 0, 0, 0, 0, 0x5A, 1, last]))
}

fn plain(material: KeyMaterial) -> Option<KeyValue> {
    Some(KeyValue::Plain { material, attributes: None })
}

fn numbers(tags: &[Tag]) -> KeyMaterial {
    let item = |(at, tag): (usize, &Tag)| Item { tag: *tag, value: number(u8::try_from(at).unwrap()) };
    KeyMaterial::Structure(tags.iter().enumerate().map(item).collect())
}

fn block(format: KeyFormatType, material: KeyMaterial) -> KeyBlock {
    KeyBlock {
        key_format_type: format,
        key_value: plain(material),
        cryptographic_algorithm: Some(CryptographicAlgorithm::Vendor(0x8000_0007)),
        cryptographic_length: Some(2048),
        ..KeyBlock::raw(Bytes::from(Vec::new()))
    }
}

/// The object after each encoding and back.
fn survives(object: &ManagedObject) {
    let document = || object.clone().into_document();
    let mut out = Vec::new();
    assert!(binary::write(&document(), &mut out));
    assert_eq!(ManagedObject::from_document(binary::read(&out).unwrap()).unwrap(), *object);
    for dialect in [Dialect::Oasis, Dialect::Bare] {
        let mut out = Vec::new();
        json::write(&document(), dialect, &mut out);
        assert_eq!(ManagedObject::from_document(json::read(&out).unwrap()).unwrap(), *object);
    }
    let mut out = Vec::new();
    xml::write(&document(), Dialect::Oasis, &mut out);
    assert_eq!(ManagedObject::from_document(xml::read(&out).unwrap()).unwrap(), *object);
}

#[test]
fn an_object_of_each_type_survives_each_encoding() {
    let key_block = KeyBlock::raw(Bytes::from(vec![1, 2, 3]));
    let split = |method, prime_field_size| SplitKey {
        split_key_parts: 5,
        key_part_identifier: 2,
        split_key_threshold: 3,
        split_key_method: method,
        prime_field_size,
        key_block: key_block.clone(),
    };
    let prime = Some(BigInteger(Bytes::from(vec![0, 0, 0, 0, 0, 0, 1, 1])));
    let objects = [
        ManagedObject::Certificate(Certificate {
            certificate_type: CertificateType::X_509,
            certificate_value: Bytes::from(vec![0x30, 0]),
        }),
        ManagedObject::CertificateRequest(CertificateRequest {
            certificate_request_type: CertificateRequestType::PKCS_10,
            certificate_request_value: Bytes::from(vec![0x30, 0]),
        }),
        ManagedObject::OpaqueObject(OpaqueObject {
            opaque_data_type: OpaqueDataType::Vendor(0x8000_0001),
            opaque_data_value: Bytes::from(Vec::new()),
        }),
        ManagedObject::PGPKey(PGPKey { pgp_key_version: 4, key_block: key_block.clone() }),
        ManagedObject::PrivateKey(PrivateKey { key_block: key_block.clone() }),
        ManagedObject::PublicKey(PublicKey { key_block: key_block.clone() }),
        ManagedObject::SecretData(SecretData {
            secret_data_type: SecretDataType::Vendor(0x8FFF_FFFF),
            key_block: key_block.clone(),
        }),
        ManagedObject::SplitKey(split(SplitKeyMethod::XOR, None)),
        ManagedObject::SplitKey(split(SplitKeyMethod::PolynomialSharingPrimeField, prime)),
        ManagedObject::SymmetricKey(SymmetricKey { key_block: key_block.clone() }),
    ];
    for object in &objects {
        survives(object);
        let name = object.object_type().name(Dialect::Oasis);
        assert_eq!(object.clone().into_document().name, name, "tag and object type have the same name");
        assert_ne!(object.key_block().is_some(), object.value().is_some(), "{name}");
    }
    let types: Vec<ObjectType> = objects.iter().map(ManagedObject::object_type).collect();
    let all = ObjectType::ALL.iter().filter(|kind| **kind != ObjectType::Reserved);
    assert!(all.clone().all(|kind| types.contains(kind)));
}

#[test]
fn a_key_in_each_format_survives_each_encoding() {
    use KeyFormatType as F;
    let curve = |tag, value| {
        KeyMaterial::Structure(vec![Item::new(Tag::RecommendedCurve, RecommendedCurve::P_256), Item { tag, value }])
    };
    let rsa = [
        Tag::Modulus,
        Tag::PrivateExponent,
        Tag::PublicExponent,
        Tag::P,
        Tag::Q,
        Tag::PrimeExponentP,
        Tag::PrimeExponentQ,
        Tag::CRTCoefficient,
    ];
    let bytes = || KeyMaterial::Bytes(Bytes::from(vec![0, 255]));
    let blocks = [
        block(F::Raw, bytes()),
        block(F::Opaque, bytes()),
        block(F::PKCS_1, bytes()),
        block(F::PKCS_8, bytes()),
        block(F::X_509, bytes()),
        block(F::ECPrivateKey, bytes()),
        block(F::PKCS_12, bytes()),
        block(F::TransparentSymmetricKey, KeyMaterial::TransparentSymmetricKey(Bytes::from(vec![7; 24]))),
        block(F::TransparentDSAPrivateKey, numbers(&[Tag::P, Tag::Q, Tag::G, Tag::X])),
        block(F::TransparentDSAPublicKey, numbers(&[Tag::P, Tag::Q, Tag::G, Tag::Y])),
        block(F::TransparentRSAPrivateKey, numbers(&rsa)),
        block(F::TransparentRSAPublicKey, numbers(&[Tag::Modulus, Tag::PublicExponent])),
        block(F::TransparentDHPrivateKey, numbers(&[Tag::P, Tag::Q, Tag::G, Tag::J, Tag::X])),
        block(F::TransparentDHPublicKey, numbers(&[Tag::P, Tag::G, Tag::Y])),
        block(F::TransparentECPrivateKey, curve(Tag::D, number(1))),
        block(F::TransparentECPublicKey, curve(Tag::QString, Value::ByteString(Bytes::from(vec![4, 1, 2])))),
        block(F::Vendor(0x8000_0001), bytes()),
        block(F::Vendor(0x8000_0001), numbers(&[Tag::P])),
    ];
    for key_block in blocks {
        survives(&ManagedObject::PrivateKey(PrivateKey { key_block }));
    }
}

#[test]
fn a_wrapped_key_and_attributes_in_a_key_value_survive_each_encoding() {
    let key = KeyInformation { unique_identifier: UniqueIdentifier::from("k"), cryptographic_parameters: None };
    let data = KeyWrappingData {
        wrapping_method: WrappingMethod::EncryptThenMACSign,
        encryption_key_information: Some(key.clone()),
        mac_signature_key_information: Some(key),
        mac_signature: Some(Bytes::from(vec![1])),
        iv_counter_nonce: Some(Bytes::from(vec![2])),
        encoding_option: None,
    };
    let wrapped = KeyBlock {
        key_value: Some(KeyValue::Wrapped(Bytes::from(vec![9; 24]))),
        key_wrapping_data: Some(data),
        ..block(KeyFormatType::Raw, KeyMaterial::Bytes(Bytes::from(Vec::new())))
    };
    survives(&ManagedObject::SymmetricKey(SymmetricKey { key_block: wrapped }));
    let attributes = Attributes { comment: Some("from elsewhere".to_owned()), ..Attributes::default() };
    let material = KeyMaterial::Bytes(Bytes::from(vec![1]));
    let value = KeyValue::Plain { material, attributes: Some(Box::new(attributes)) };
    let key_block = KeyBlock { key_value: Some(value), ..KeyBlock::raw(Bytes::from(Vec::new())) };
    survives(&ManagedObject::SecretData(SecretData { secret_data_type: SecretDataType::Password, key_block }));
}

#[test]
fn material_of_another_format_and_impossible_parts_are_refused() {
    let fault = |object: ManagedObject| {
        ManagedObject::from_document(object.into_document()).map_err(|error| error.fault().clone()).unwrap_err()
    };
    let private = |format, material| ManagedObject::PrivateKey(PrivateKey { key_block: block(format, material) });
    let differs = Fault::Contradiction(Tag::KeyFormatType, Tag::KeyMaterial);
    let bytes = || KeyMaterial::Bytes(Bytes::from(vec![1]));
    assert_eq!(fault(private(KeyFormatType::TransparentRSAPrivateKey, bytes())), differs);
    assert_eq!(fault(private(KeyFormatType::TransparentSymmetricKey, bytes())), differs);
    assert_eq!(fault(private(KeyFormatType::PKCS_8, numbers(&[Tag::Modulus]))), differs);
    let symmetric = KeyMaterial::TransparentSymmetricKey(Bytes::from(vec![1]));
    assert_eq!(fault(private(KeyFormatType::TransparentECPrivateKey, symmetric)), differs);
    let lacking = numbers(&[Tag::P, Tag::Q, Tag::X]);
    assert_eq!(fault(private(KeyFormatType::TransparentDSAPrivateKey, lacking)), Fault::Missing(Tag::G));
    let split = |parts, part, threshold, split_key_method| {
        fault(ManagedObject::SplitKey(SplitKey {
            split_key_parts: parts,
            key_part_identifier: part,
            split_key_threshold: threshold,
            split_key_method,
            prime_field_size: None,
            key_block: KeyBlock::raw(Bytes::from(vec![1])),
        }))
    };
    let part = Fault::Contradiction(Tag::KeyPartIdentifier, Tag::SplitKeyParts);
    assert_eq!(split(3, 4, 2, SplitKeyMethod::XOR), part);
    assert_eq!(split(3, 0, 2, SplitKeyMethod::XOR), part);
    let threshold = Fault::Contradiction(Tag::SplitKeyThreshold, Tag::SplitKeyParts);
    assert_eq!(split(3, 1, 4, SplitKeyMethod::XOR), threshold);
    let missing = Fault::Missing(Tag::PrimeFieldSize);
    assert_eq!(split(3, 1, 2, SplitKeyMethod::PolynomialSharingPrimeField), missing);
}

#[test]
fn one_object_is_read_and_no_other_document() {
    let item = |tag| Item { tag, value: KeyBlock::raw(Bytes::from(vec![1])).write() };
    let two = Value::Structure(vec![
        Item { tag: Tag::PrivateKey, value: Value::Structure(vec![item(Tag::KeyBlock)]) },
        Item { tag: Tag::PublicKey, value: Value::Structure(vec![item(Tag::KeyBlock)]) },
    ]);
    let mut fields = Fields::of(two).unwrap();
    let fault = <Option<ManagedObject> as Group>::take(&mut fields).unwrap_err().fault().clone();
    assert_eq!(fault, Fault::Contradiction(Tag::PrivateKey, Tag::PublicKey));
    let other = Document { name: "Attributes".into(), value: Value::Structure(Vec::new()) };
    assert_eq!(*ManagedObject::from_document(other).unwrap_err().fault(), Fault::MissingObject);
}
