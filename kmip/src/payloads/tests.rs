use super::super::attributes::AttributeReference;
use super::super::enumerations::{
    BlockCipherMode, CryptographicAlgorithm, KeyFormatType, ObjectType, ResultReason, RevocationReasonCode,
};
use super::super::key_block::{KeyBlock, KeyMaterial, KeyValue};
use super::super::mask::UsageMask;
use super::super::objects::{ManagedObject, SymmetricKey};
use super::super::tag::Tag;
use super::super::ttlv::{DateTime, json};
use super::super::{Dialect, UniqueIdentifier};
use super::*;
use crate::Bytes;

fn request(json: &str) -> Result<Request, Error> {
    json::read(json.as_bytes()).and_then(Request::from_document)
}

fn answer(response: impl Into<Response>) -> String {
    let mut out = Vec::new();
    json::write(&response.into().into_document(), Dialect::Bare, &mut out);
    String::from_utf8(out).unwrap()
}

fn failure(json: &str) -> String {
    request(json).unwrap_err().to_string()
}

#[test]
fn create_is_read_as_clients_send_it() {
    let read = request(
        r#"{"tag":"Create","value":[{"tag":"ObjectType","type":"Enumeration","value":"SymmetricKey"},
        {"tag":"Attributes","value":[
          {"tag":"CryptographicAlgorithm","type":"Enumeration","value":"AES"},
          {"tag":"CryptographicLength","type":"Integer","value":256},
          {"tag":"CryptographicUsageMask","type":"Integer","value":12},
          {"tag":"ActivationDate","type":"DateTime","value":"2024-01-01T00:00:00Z"}]}]}"#,
    );
    let Ok(Request::Create(create)) = read else { panic!("{read:?}") };
    assert_eq!(create.object_type, ObjectType::SymmetricKey);
    assert_eq!(create.attributes.cryptographic_algorithm, Some(CryptographicAlgorithm::AES));
    assert_eq!(create.attributes.cryptographic_length, Some(256));
    assert_eq!(create.attributes.cryptographic_usage_mask, Some(UsageMask::ENCRYPT | UsageMask::DECRYPT));
    assert_eq!(create.attributes.activation_date, Some(DateTime(1_704_067_200)));
    assert_eq!(
        answer(create::Response { object_type: ObjectType::SymmetricKey, unique_identifier: String::from("0f6e") }),
        concat!(
            r#"{"tag":"CreateResponse","value":[{"tag":"ObjectType","type":"Enumeration","value":"SymmetricKey"},"#,
            r#"{"tag":"UniqueIdentifier","type":"TextString","value":"0f6e"}]}"#
        )
    );
}

#[test]
fn encrypt_is_read_and_answered_as_clients_expect() {
    let read = request(
        r#"{"tag":"Encrypt","type":"Structure","value":[{"tag":"UniqueIdentifier","type":"TextString","value":"0f6e"},
        {"tag":"CryptographicParameters","value":[
          {"tag":"BlockCipherMode","type":"Enumeration","value":"GCM"},
          {"tag":"CryptographicAlgorithm","type":"Enumeration","value":"AES"}]},
        {"tag":"Data","type":"ByteString","value":"68656C6C6F"}]}"#,
    );
    let Ok(Request::Encrypt(encrypt)) = read else { panic!("{read:?}") };
    assert_eq!(encrypt.unique_identifier, Some(UniqueIdentifier::from("0f6e")));
    assert_eq!(encrypt.data.as_deref(), Some(&b"hello"[..]));
    assert_eq!(encrypt.cryptographic_parameters.unwrap().block_cipher_mode, Some(BlockCipherMode::GCM));
    assert!(!encrypt.multi_part.is_partial());
    let response = encrypt::Response {
        unique_identifier: String::from("0f6e"),
        data: Bytes::from(vec![0xF3, 0xFA]),
        iv_counter_nonce: Some(Bytes::from(vec![0x45])),
        authenticated_encryption_tag: Some(Bytes::from(vec![0x6D])),
    };
    assert_eq!(
        answer(response),
        concat!(
            r#"{"tag":"EncryptResponse","value":[{"tag":"UniqueIdentifier","type":"TextString","value":"0f6e"},"#,
            r#"{"tag":"Data","type":"ByteString","value":"F3FA"},"#,
            r#"{"tag":"IVCounterNonce","type":"ByteString","value":"45"},"#,
            r#"{"tag":"AuthenticatedEncryptionTag","type":"ByteString","value":"6D"}]}"#
        )
    );
}

#[test]
fn get_answers_a_raw_key() {
    let key = SymmetricKey { key_block: KeyBlock::raw(Bytes::from(vec![1, 2])) };
    let response = get::Response {
        object_type: ObjectType::SymmetricKey,
        unique_identifier: String::from("k"),
        object: ManagedObject::SymmetricKey(key),
    };
    let text = answer(response.clone());
    let expected = concat!(
        r#"{"tag":"SymmetricKey","value":[{"tag":"KeyBlock","value":["#,
        r#"{"tag":"KeyFormatType","type":"Enumeration","value":"Raw"},"#,
        r#"{"tag":"KeyValue","value":[{"tag":"KeyMaterial","type":"ByteString","value":"0102"}]}]}]}"#
    );
    assert!(text.contains(expected), "{text}");
    let document = json::read(text.as_bytes()).unwrap();
    assert_eq!(get::Request::read_response(document.clone()), Ok(response.clone()));
    let error = export::Request::read_response(document).unwrap_err().to_string();
    assert_eq!(error, "asked for Export, answered `GetResponse`");
    assert!(!format!("{response:?}").contains("[1, 2]"));
}

#[test]
fn several_parts_and_the_placeholder_are_told() {
    let read = request(
        r#"{"tag":"MAC","value":[{"tag":"UniqueIdentifier","type":"Enumeration","value":"IDPlaceholder"},
        {"tag":"Data","type":"ByteString","value":""},{"tag":"InitIndicator","type":"Boolean","value":true}]}"#,
    );
    let Ok(Request::MAC(mac)) = read else { panic!("{read:?}") };
    assert_eq!(mac.unique_identifier, Some(UniqueIdentifier::IdPlaceholder));
    assert!(mac.multi_part.is_partial());
}

#[test]
fn locate_takes_two_dates_as_a_range() {
    let date = |seconds| format!(r#"{{"tag":"InitialDate","type":"DateTime","value":"0x{seconds:016x}"}}"#);
    let locate = |dates: &[String]| {
        request(&format!(r#"{{"tag":"Locate","value":[{{"tag":"Attributes","value":[{}]}}]}}"#, dates.join(",")))
    };
    let Ok(Request::Locate(found)) = locate(&[date(9), date(4)]) else { panic!("not read") };
    let range = locate::DateRange { tag: Tag::InitialDate, from: DateTime(4), to: DateTime(9) };
    let criteria = found.criteria.unwrap();
    assert_eq!((criteria.attributes.initial_date, criteria.ranges), (None, vec![range]));
    let Ok(Request::Locate(found)) = locate(&[date(4)]) else { panic!("not read") };
    assert_eq!(found.criteria.unwrap().attributes.initial_date, Some(DateTime(4)));
    assert!(locate(&[date(1), date(2), date(3)]).is_err());
}

#[test]
fn attribute_references_are_tags_or_vendor_names() {
    let read = request(
        r#"{"tag":"GetAttributes","value":[{"tag":"AttributeReference","type":"Enumeration","value":"State"},
        {"tag":"AttributeReference","value":[{"tag":"VendorIdentification","type":"TextString","value":"x"},
          {"tag":"AttributeName","type":"TextString","value":"y"}]}]}"#,
    );
    let Ok(Request::GetAttributes(get)) = read else { panic!("{read:?}") };
    assert_eq!(get.attribute_references.first(), Some(&AttributeReference::Tag(Tag::State)));
    assert!(matches!(get.attribute_references.get(1), Some(AttributeReference::Vendor(_))));
}

#[test]
fn revoke_is_read() {
    let read = request(
        r#"{"tag":"Revoke","value":[{"tag":"UniqueIdentifier","type":"TextString","value":"k"},
        {"tag":"RevocationReason","value":[
          {"tag":"RevocationReasonCode","type":"Enumeration","value":"Key_Compromise"}]}]}"#,
    );
    let Ok(Request::Revoke(revoke)) = read else { panic!("{read:?}") };
    assert_eq!(revoke.revocation_reason.code, RevocationReasonCode::KeyCompromise);
}

#[test]
fn registered_objects_must_make_sense() {
    let register = |object: &str| {
        request(&format!(
            r#"{{"tag":"Register","value":[{{"tag":"ObjectType","type":"Enumeration","value":"SymmetricKey"}},
            {{"tag":"Attributes","value":[]}},{object}]}}"#
        ))
    };
    let block = |format: &str, value: &str| {
        register(&format!(
            r#"{{"tag":"SymmetricKey","value":[{{"tag":"KeyBlock","value":[
            {{"tag":"KeyFormatType","type":"Enumeration","value":"{format}"}},{{"tag":"KeyValue",{value}}}]}}]}}"#
        ))
    };
    let raw = r#""value":[{"tag":"KeyMaterial","type":"ByteString","value":"0102"}]"#;
    let transparent = r#""value":[{"tag":"KeyMaterial","value":[{"tag":"Key","type":"ByteString","value":"0102"}]}]"#;
    for (format, value) in [("Raw", raw), ("TransparentSymmetricKey", transparent)] {
        let Ok(Request::Register(read)) = block(format, value) else { panic!("{format}") };
        let Some(KeyValue::Plain { material, .. }) = &read.object.key_block().unwrap().key_value else {
            panic!("{format}")
        };
        assert_eq!(material.bytes().unwrap().as_slice(), [1, 2]);
        assert_eq!(
            matches!(material, KeyMaterial::Bytes(_)),
            read.object.key_block().unwrap().key_format_type == KeyFormatType::Raw
        );
    }
    assert!(block("Raw", transparent).is_err());
    assert!(block("TransparentSymmetricKey", raw).is_err());
    assert!(block("Raw", r#""type":"ByteString","value":"00""#).is_err());
    let error = register(r#"{"tag":"Certificate","value":[]}"#).unwrap_err();
    assert_eq!(error.to_string(), "Register/Certificate: `CertificateType` is missing");
    assert_eq!(error.result_reason(), ResultReason::MissingData);
}

#[test]
fn errors_name_the_path() {
    assert_eq!(
        failure(
            r#"{"tag":"Create","value":[{"tag":"ObjectType","type":"Enumeration","value":"SymmetricKey"},
            {"tag":"Attributes","value":[{"tag":"CryptographicLength","type":"TextString","value":"256"}]}]}"#
        ),
        "Create/Attributes/CryptographicLength: expected an Integer, found a TextString"
    );
    assert_eq!(failure(r#"{"tag":"Create","value":[]}"#), "Create: `ObjectType` is missing");
    assert_eq!(
        failure(r#"{"tag":"Get","value":[{"tag":"Data","type":"ByteString","value":"00"}]}"#),
        "Get: unexpected item `Data`"
    );
    assert_eq!(failure(r#"{"tag":"Get","value":[{"tag":"Spoon","value":[]}]}"#), "Get: unknown tag `Spoon`");
    assert_eq!(failure(r#"{"tag":"Certify","value":[]}"#), "Certify: operation Certify is not supported");
    assert_eq!(failure(r#"{"tag":"Spoon","value":[]}"#), "`Spoon` is neither a message nor an operation");
    assert_eq!(
        failure(r#"{"tag":"Get","value":[{"tag":"UniqueIdentifier","type":"Integer","value":0}]}"#),
        "Get/UniqueIdentifier: a unique identifier must be a text or the ID placeholder"
    );
}
