use super::super::{DateTime, Document, Interval, Item, Value};
use super::*;
use crate::Bytes;
use crate::dialect::Dialect;
use crate::error::Fault;
use crate::tag::Tag;

/// The value of one item under a structure.
fn one(json: &str) -> Value {
    let document = read(format!(r#"{{"tag":"RequestPayload","value":[{json}]}}"#).as_bytes()).unwrap();
    let Value::Structure(items) = document.value else { panic!("not a structure") };
    items.into_iter().next().unwrap().value
}

fn fault(json: &str) -> Fault {
    match one(json) {
        Value::Invalid(fault) => *fault,
        other => panic!("{json} was read as {other:?}"),
    }
}

fn written(tag: Tag, value: Value, dialect: Dialect) -> String {
    let document = Document { name: "RequestPayload".into(), value: Value::Structure(vec![Item { tag, value }]) };
    let mut out = Vec::new();
    write(&document, dialect, &mut out);
    let text = String::from_utf8(out).unwrap();
    let inner = text.strip_prefix(r#"{"tag":"RequestPayload","value":["#).unwrap().strip_suffix("]}").unwrap();
    inner.to_owned()
}

fn bytes(value: &[u8]) -> Bytes {
    Bytes::from(value)
}

#[test]
fn the_spellings_of_each_type_are_read() {
    let table = [
        (r#"{"tag":"BatchCount","type":"Integer","value":10}"#, Value::Integer(10)),
        (r#"{"tag":"BatchCount","type":"Integer","value":"0x0000000A"}"#, Value::Integer(10)),
        (r#"{"tag":"BatchCount","type":"Integer","value":"0xffffffff"}"#, Value::Integer(-1)),
        (r#"{"tag":"BatchCount","type":"Integer","value":-2147483648}"#, Value::Integer(i32::MIN)),
        (r#"{"tag":"0x540001","type":"LongInteger","value":"0xfffffffffffffffe"}"#, Value::LongInteger(-2)),
        (r#"{"tag":"0x540001","name":"Ours","type":"LongInteger","value":-2}"#, Value::LongInteger(-2)),
        (r#"{"tag":"X","type":"BigInteger","value":1}"#, Value::BigInteger(bytes(&[0, 0, 0, 0, 0, 0, 0, 1]))),
        (r#"{"tag":"X","type":"BigInteger","value":"0x00ff"}"#, Value::BigInteger(bytes(&[0, 255]))),
        (r#"{"tag":"0x420057","type":"Enumeration","value":2}"#, Value::Enumeration(2)),
        (r#"{"tag":"ObjectType","type":"Enumeration","value":"0x00000002"}"#, Value::Enumeration(2)),
        (r#"{"value":"SymmetricKey","type":"Enumeration","tag":"ObjectType"}"#, Value::Enumeration(2)),
        (r#"{"tag":"AttributeReference","type":"Enumeration","value":"State"}"#, Value::Enumeration(0x42_008D)),
        (r#"{"tag":"BatchOrderOption","type":"Boolean","value":true}"#, Value::Boolean(true)),
        (r#"{"tag":"BatchOrderOption","type":"Boolean","value":"0x0000000000000001"}"#, Value::Boolean(true)),
        (r#"{"tag":"NameValue","type":"TextString","value":"a\u00e9\n"}"#, Value::TextString("aé\n".into())),
        (r#"{"tag":"Data","type":"ByteString","value":"c50F77"}"#, Value::ByteString(bytes(&[0xC5, 0x0F, 0x77]))),
        (r#"{"tag":"Data","type":"ByteString","value":""}"#, Value::ByteString(bytes(&[]))),
        (r#"{"tag":"Offset","type":"Interval","value":27}"#, Value::Interval(Interval(27))),
        (r#"{"tag":"Offset","type":"Interval","value":"0xffffffff"}"#, Value::Interval(Interval(u32::MAX))),
        (r#"{"tag":"TimeStamp","type":"DateTimeExtended","value":"0x0000000000000010"}"#, Value::DateTimeExtended(16)),
        (r#"{"tag":"Attributes","type":"Structure","value":null}"#, Value::Structure(Vec::new())),
        (r#"{"tag":"Attributes","value":[]}"#, Value::Structure(Vec::new())),
    ];
    for (json, expected) in table {
        assert_eq!(one(json), expected, "{json}");
    }
}

#[test]
fn the_spellings_of_a_date_are_read() {
    let table = [
        ("0x000000003a505520", 0x3a50_5520),
        ("0xffffffffffffffff", -1),
        ("2001-01-01T10:00:00+10:00", 978_307_200),
        ("2001-01-01T00:00:00Z", 978_307_200),
        ("2001-01-01T00:00:00.9Z", 978_307_200),
        ("2001-01-01T00:00:00", 978_307_200),
        ("1969-12-31T23:59:59Z", -1),
    ];
    for (text, seconds) in table {
        let json = format!(r#"{{"tag":"ArchiveDate","type":"DateTime","value":"{text}"}}"#);
        assert_eq!(one(&json), Value::DateTime(DateTime(seconds)), "{text}");
    }
    for text in ["", "now", "2001-13-01T00:00:00Z", "2001-01-01", "0x", "0x+1", "0x11111111111111111", "1"] {
        let json = format!(r#"{{"tag":"ArchiveDate","type":"DateTime","value":"{text}"}}"#);
        assert!(matches!(fault(&json), Fault::BadValue(_)), "{text}");
    }
}

#[test]
fn masks_are_read_by_number_and_by_name() {
    let table = [
        (r#""0x0000100c""#, 0x100C),
        (r#""Encrypt|Decrypt|CertificateSign""#, 0x100C),
        (r#""CertificateSign|0x00000004|0x0000008""#, 0x100C),
        (r#""Decrypt Encrypt""#, 0xC),
        (r#""""#, 0),
        ("12", 12),
    ];
    for (value, bits) in table {
        let json = format!(r#"{{"tag":"CryptographicUsageMask","type":"Integer","value":{value}}}"#);
        assert_eq!(one(&json), Value::Integer(bits), "{value}");
    }
    let unknown = fault(r#"{"tag":"CryptographicUsageMask","type":"Integer","value":"Encrypt|Fly"}"#);
    assert_eq!(unknown, Fault::UnknownMaskName { mask: "CryptographicUsageMask", name: "Fly".into() });
}

#[test]
fn a_missing_type_is_told_by_the_tag() {
    let table = [
        (r#"{"tag":"UniqueIdentifier","value":"abc"}"#, Value::TextString("abc".into())),
        (r#"{"tag":"Data","value":"00"}"#, Value::ByteString(bytes(&[0]))),
        (r#"{"tag":"CryptographicAlgorithm","value":"AES"}"#, Value::Enumeration(3)),
        (r#"{"tag":"CryptographicLength","value":256}"#, Value::Integer(256)),
        (r#"{"tag":"CryptographicUsageMask","value":"Encrypt"}"#, Value::Integer(4)),
        (r#"{"tag":"Sensitive","value":false}"#, Value::Boolean(false)),
        (r#"{"tag":"ActivationDate","value":"1970-01-01T00:00:01Z"}"#, Value::DateTime(DateTime(1))),
    ];
    for (json, expected) in table {
        assert_eq!(one(json), expected, "{json}");
    }
}

#[test]
fn what_is_wrong_with_an_item_stays_in_it() {
    let enumeration = Fault::UnknownEnumerationName { enumeration: "ObjectType", name: "Spoon".into() };
    let table = [
        (r#"{"tag":"BatchCount","type":"Integer","value":1099511627776}"#, Fault::OutOfRange),
        (r#"{"tag":"BatchCount","type":"Integer","value":18446744073709551615}"#, Fault::OutOfRange),
        (r#"{"tag":"BatchCount","type":"Integer","value":"0x10000000000"}"#, Fault::OutOfRange),
        (r#"{"tag":"ObjectType","type":"Enumeration","value":-1}"#, Fault::OutOfRange),
        (r#"{"tag":"ObjectType","type":"Enumeration","value":"Spoon"}"#, enumeration),
        (
            r#"{"tag":"AttributeValue","type":"Enumeration","value":"Spoon"}"#,
            Fault::EnumerationWithoutNames("Spoon".to_owned()),
        ),
        (r#"{"tag":"Spoon","type":"Integer","value":1}"#, Fault::UnknownTag("Spoon".into())),
        (r#"{"tag":"0x430000","type":"Integer","value":1}"#, Fault::UnknownTag("0x430000".into())),
        (r#"{"tag":"Data","type":"Spoon","value":1}"#, Fault::UnknownType("Spoon".into())),
        (r#"{"tag":"Data","type":"ByteString","value":"abc"}"#, Fault::BadHexadecimal),
        (r#"{"tag":"Data","type":"ByteString","value":"zz"}"#, Fault::BadHexadecimal),
    ];
    for (json, expected) in table {
        assert_eq!(fault(json), expected, "{json}");
    }
    for (kind, value) in [
        ("Integer", "1.5"),
        ("Integer", "1e3"),
        ("Integer", "true"),
        ("Integer", "[]"),
        ("Integer", r#""1""#),
        ("LongInteger", r#""0x""#),
        ("Boolean", "1"),
        ("Boolean", r#""0x2""#),
        ("TextString", "1"),
        ("ByteString", "[]"),
        ("Structure", "1"),
        ("Structure", r#""""#),
        ("DateTime", "1"),
        ("Interval", "null"),
    ] {
        let json = format!(r#"{{"tag":"Data","type":"{kind}","value":{value}}}"#);
        assert!(matches!(fault(&json), Fault::BadValue(_)), "{json}");
    }
}

#[test]
fn values_are_written_as_clients_expect_them() {
    let bare = |tag, value| written(tag, value, Dialect::Bare);
    assert_eq!(bare(Tag::Attributes, Value::Structure(Vec::new())), r#"{"tag":"Attributes","value":[]}"#);
    assert_eq!(
        bare(Tag::Data, Value::ByteString(bytes(&[0xF3, 0xFA, 0]))),
        r#"{"tag":"Data","type":"ByteString","value":"F3FA00"}"#
    );
    assert_eq!(
        bare(Tag::NameValue, Value::TextString("\"\\\n\u{7f}é".into())),
        "{\"tag\":\"NameValue\",\"type\":\"TextString\",\"value\":\"\\\"\\\\\\u000A\u{7f}é\"}"
    );
    assert_eq!(
        bare(Tag::ActivationDate, Value::DateTime(DateTime(1_704_067_200))),
        r#"{"tag":"ActivationDate","type":"DateTime","value":"2024-01-01T00:00:00Z"}"#
    );
    assert_eq!(
        bare(Tag::ActivationDate, Value::DateTime(DateTime(i64::MAX))),
        r#"{"tag":"ActivationDate","type":"DateTime","value":"0x7FFFFFFFFFFFFFFF"}"#
    );
    assert_eq!(
        bare(Tag::UsageLimitsCount, Value::LongInteger(1 << 60)),
        r#"{"tag":"UsageLimitsCount","type":"LongInteger","value":"0x1000000000000000"}"#
    );
    assert_eq!(
        bare(Tag::HashingAlgorithm, Value::Enumeration(6)),
        r#"{"tag":"HashingAlgorithm","type":"Enumeration","value":"SHA256"}"#
    );
    assert_eq!(
        written(Tag::HashingAlgorithm, Value::Enumeration(6), Dialect::Oasis),
        r#"{"tag":"HashingAlgorithm","type":"Enumeration","value":"SHA_256"}"#
    );
    assert_eq!(
        bare(Tag::HashingAlgorithm, Value::Enumeration(0x8000_0001)),
        r#"{"tag":"HashingAlgorithm","type":"Enumeration","value":"0x80000001"}"#
    );
}

#[test]
fn what_is_written_is_read_back() {
    let extension = Tag::from_code(0x54_0001).unwrap();
    let values = [
        (Tag::BatchCount, Value::Integer(i32::MIN)),
        (Tag::UsageLimitsCount, Value::LongInteger(i64::MIN)),
        (Tag::UsageLimitsCount, Value::LongInteger((1 << 52) - 1)),
        (Tag::X, Value::BigInteger(bytes(&[1, 2, 3, 4, 5, 6, 7, 8]))),
        (Tag::CryptographicAlgorithm, Value::Enumeration(2)),
        (Tag::CryptographicAlgorithm, Value::Enumeration(u32::MAX)),
        (Tag::AttributeReference, Value::Enumeration(Tag::State.code())),
        (Tag::Sensitive, Value::Boolean(true)),
        (Tag::NameValue, Value::TextString("\u{0}\u{1f}\"\\/\u{2028}𝄞".into())),
        (Tag::Data, Value::ByteString(bytes(&(0..=255).collect::<Vec<u8>>()))),
        (Tag::ActivationDate, Value::DateTime(DateTime(-1))),
        (Tag::ActivationDate, Value::DateTime(DateTime(i64::MIN))),
        (Tag::LeaseTime, Value::Interval(Interval(u32::MAX))),
        (Tag::TimeStamp, Value::DateTimeExtended(-1)),
        (extension, Value::Structure(vec![Item::new(Tag::Comment, String::from("x"))])),
    ];
    let items = values.into_iter().map(|(tag, value)| Item { tag, value }).collect();
    let document = Document { name: "EncryptResponse".into(), value: Value::Structure(items) };
    for dialect in [Dialect::Oasis, Dialect::Bare] {
        let mut out = Vec::new();
        write(&document, dialect, &mut out);
        assert_eq!(read(&out).as_ref(), Ok(&document), "{}", String::from_utf8_lossy(&out));
    }
}
