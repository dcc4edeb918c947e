use super::super::payloads::{encrypt, get};
use super::super::ttlv::json;
use super::super::{Dialect, Tag};
use super::*;

fn read(text: &str) -> Result<Operation, Error> {
    let (document, marks) = json::read_marked(text.as_bytes())?;
    Operation::read(document, marks)
}

fn written(spelling: Spelling, response: Response) -> String {
    let mut out = Vec::new();
    json::write(&spelling.write(response), Dialect::Bare, &mut out);
    String::from_utf8(out).unwrap()
}

const VENDOR: &str = r#"{"tag":"VendorIdentification","type":"TextString","value":"cosmian"},
    {"tag":"AttributeName","type":"TextString","value":"tag"}"#;

fn create(attributes: &str) -> String {
    format!(
        r#"{{"tag":"Create","value":[{{"tag":"ObjectType","type":"Enumeration","value":"SymmetricKey"}},
        {{"tag":"Attributes","value":[{attributes}]}}]}}"#
    )
}

#[test]
fn vendor_attributes_are_read_in_each_spelling() {
    let bytes = r#"{"tag":"AttributeValue","type":"ByteString","value":"5B226122 5D"}"#.replace(' ', "");
    let text = r#"{"tag":"AttributeValue","type":"TextString","value":"[\"a\"]"}"#;
    let one = format!(r#"{{"tag":"VendorAttributes","value":[{VENDOR},{bytes}]}}"#);
    let list = format!(r#"{{"tag":"VendorAttributes","value":[{one}]}}"#);
    let standard = format!(r#"{{"tag":"Attribute","value":[{VENDOR},{text}]}}"#);
    let in_bytes = format!(r#"{{"tag":"Attribute","value":[{VENDOR},{bytes}]}}"#);
    let expected = read(&create(&standard)).unwrap();
    assert_eq!(expected.spelling, Spelling::Standard);
    for (spelled, spelling) in [(one, Spelling::Older), (list, Spelling::Older), (in_bytes, Spelling::Standard)] {
        let found = read(&create(&spelled)).unwrap();
        assert_eq!((&found.request, found.spelling), (&expected.request, spelling), "{spelled}");
    }
    let Request::Create(request) = expected.request else { panic!() };
    assert_eq!(request.attributes.tags(), ["a"]);
    let none = read(&create(r#"{"tag":"VendorAttributes","value":[]}"#)).unwrap();
    assert_eq!(none.spelling, Spelling::Older);
}

#[test]
fn the_answer_follows_the_request() {
    let response = |iv: &[u8]| {
        Response::from(encrypt::Response {
            unique_identifier: "id".to_owned(),
            data: Some(Bytes::from(vec![1])),
            iv_counter_nonce: Some(Bytes::from(iv.to_vec())),
            correlation_value: None,
            authenticated_encryption_tag: None,
        })
    };
    let rest = r#"{"tag":"UniqueIdentifier","type":"TextString","value":"id"}"#;
    let data = r#"{"tag":"Data","type":"ByteString","value":"01"}"#;
    for (typed, own, spelling, standard, older) in [
        ("", "", Spelling::Standard, true, false),
        (r#""type":"Structure","#, "", Spelling::Both, true, true),
        ("", r#",{"tag":"IvCounterNonce","type":"ByteString","value":"02"}"#, Spelling::Older, false, true),
        ("", r#",{"tag":"IVCounterNonce","type":"ByteString","value":"02"}"#, Spelling::Standard, true, false),
    ] {
        let operation = read(&format!(r#"{{"tag":"Encrypt",{typed}"value":[{rest},{data}{own}]}}"#)).unwrap();
        assert_eq!(operation.spelling, spelling);
        let Request::Encrypt(request) = operation.request else { panic!() };
        assert_eq!(request.iv_counter_nonce.is_some(), !own.is_empty());
        let answer = written(spelling, response(&[2]));
        assert_eq!(answer.contains("IVCounterNonce"), standard, "{answer}");
        assert_eq!(answer.contains("IvCounterNonce"), older, "{answer}");
    }
}

#[test]
fn keys_are_read_and_written_as_objects() {
    let text = r#"{"tag":"Import","type":"Structure","value":[{"tag":"UniqueIdentifier","type":"TextString","value":""},
        {"tag":"ObjectType","type":"Enumeration","value":"SymmetricKey"},{"tag":"Attributes","value":[]},
        {"tag":"Object","value":[{"tag":"KeyBlock","value":[{"tag":"KeyFormatType","type":"Enumeration","value":"Raw"},
        {"tag":"KeyValue","value":[{"tag":"KeyMaterial","value":[{"tag":"ByteString","type":"ByteString","value":"0102"}]}]}]}]}]}"#;
    let operation = read(text).unwrap();
    let Request::Import(request) = operation.request else { panic!() };
    assert_eq!((request.unique_identifier, operation.spelling), (None, Spelling::Older));
    let response = Response::from(get::Response {
        object_type: ObjectType::SymmetricKey,
        unique_identifier: "id".to_owned(),
        object: request.object,
    });
    let answer = written(Spelling::Older, response);
    let material = r#""tag":"KeyMaterial","value":[{"tag":"ByteString","type":"ByteString","value":"0102"}]"#;
    assert!(answer.contains(r#"{"tag":"Object","value":[{"tag":"KeyBlock","#) && answer.contains(material), "{answer}");
}

#[test]
fn what_the_standard_lacks_is_taken_out_or_refused() {
    let id = r#"{"tag":"UniqueIdentifier","type":"TextString","value":"id"}"#;
    let cascade = r#"{"tag":"Cascade","type":"Boolean","value":true}"#;
    let kind = r#"{"tag":"ExpectedObjectType","type":"Enumeration","value":"PublicKey"}"#;
    let destroy = read(&format!(r#"{{"tag":"Destroy","value":[{id},{cascade},{kind}]}}"#)).unwrap();
    assert_eq!((destroy.cascades, destroy.expected_type), (true, Some(ObjectType::PublicKey)));
    let reason = r#"{"tag":"RevocationReason","type":"TextString","value":"gone"}"#;
    let Request::Revoke(revoke) = read(&format!(r#"{{"tag":"Revoke","value":[{id},{reason}]}}"#)).unwrap().request
    else {
        panic!()
    };
    assert_eq!(revoke.revocation_reason.message.as_deref(), Some("gone"));
    assert_eq!(revoke.revocation_reason.code, RevocationReasonCode::Unspecified);
    for refused in [
        format!(r#"{{"tag":"Revoke","value":[{id},{reason},{kind}]}}"#),
        format!(r#"{{"tag":"Destroy","value":[{id},{cascade},{cascade}]}}"#),
        format!(r#"{{"tag":"Get","value":[{id},{cascade}]}}"#),
        r#"{"tag":"Get","value":[{"tag":"UniqueIdentifier","type":"TextString","value":""}]}"#.to_owned(),
    ] {
        assert!(read(&refused).is_err(), "{refused}");
    }
    let scheme = create(r#"{"tag":"CryptographicAlgorithm","type":"Enumeration","value":"CoverCrypt"}"#);
    assert_eq!(read(&scheme).unwrap_err().fault(), &Fault::NotServed("CoverCrypt"));
    assert_eq!(Tag::OBJECT.to_string(), "Object");
}
