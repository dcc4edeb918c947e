//! Tests of XML: the examples of the standard, round trips, and hostile input.

use super::*;
use crate::Bytes;
use crate::dialect::Dialect;
use crate::error::{Error, Fault};
use crate::tag::Tag;
use crate::ttlv::{DEPTH, DateTime, Document, ITEMS, Interval, Item, Value};

fn read_value(xml: &str) -> Value {
    read(xml.as_bytes()).unwrap().value
}

fn fault(xml: &str) -> Fault {
    match read(xml.as_bytes()) {
        Err(error) => Error::fault(&error).clone(),
        Ok(document) => panic!("{xml}: {document:?}"),
    }
}

#[test]
fn the_spellings_of_each_type_are_read() {
    let spellings = [
        (r#"<BatchCount type="Integer" value="10"/>"#, Value::Integer(10)),
        (r#"<BatchCount type="Integer" value="-1"></BatchCount>"#, Value::Integer(-1)),
        (r#"<BatchCount type="Integer" value="0xffffffff"/>"#, Value::Integer(-1)),
        (r#"<CryptographicUsageMask type="Integer" value="0x0000100c"/>"#, Value::Integer(0x100C)),
        (r#"<CryptographicUsageMask type="Integer" value="Encrypt Decrypt CertificateSign"/>"#, Value::Integer(0x100C)),
        (r#"<UsageLimitsCount type="LongInteger" value="-2"/>"#, Value::LongInteger(-2)),
        (r#"<UsageLimitsCount type="LongInteger" value="1152921504606846976"/>"#, Value::LongInteger(1 << 60)),
        (
            r#"<X type="BigInteger" value="0000000000000001"/>"#,
            Value::BigInteger(Bytes::from(vec![0, 0, 0, 0, 0, 0, 0, 1])),
        ),
        (r#"<ObjectType type="Enumeration" value="0x00000002"/>"#, Value::Enumeration(2)),
        (r#"<ObjectType type="Enumeration" value="SymmetricKey"/>"#, Value::Enumeration(2)),
        (r#"<BatchOrderOption type="Boolean" value="true"/>"#, Value::Boolean(true)),
        (r#"<NameValue type="TextString" value="&lt;a &amp; &#x62;&gt;"/>"#, Value::TextString("<a & b>".to_owned())),
        (r#"<NameValue type="TextString" value=""/>"#, Value::TextString(String::new())),
        (r#"<Data type="ByteString" value="0aFF"/>"#, Value::ByteString(Bytes::from(vec![10, 255]))),
        (r#"<Data type="ByteString"/>"#, Value::ByteString(Bytes::default())),
        (
            r#"<ActivationDate type="DateTime" value="2001-01-01T10:00:00+10:00"/>"#,
            Value::DateTime(DateTime(978_307_200)),
        ),
        (r#"<LeaseTime type="Interval" value="27"/>"#, Value::Interval(Interval(27))),
        (r#"<TimeStamp type="DateTimeExtended" value="0x0000000000000010"/>"#, Value::DateTimeExtended(16)),
        (r#"<TTLV tag="0x420001" name="ActivationDate" type="DateTime" value="0x10"/>"#, Value::DateTime(DateTime(16))),
        (r#"<kmip:Attributes xmlns:kmip="urn:oasis:tc:kmip:xmlns"/>"#, Value::Structure(Vec::new())),
    ];
    for (xml, expected) in spellings {
        assert_eq!(read_value(xml), expected, "{xml}");
    }
}

#[test]
fn a_document_is_written_and_read_back() {
    let scalars = [
        (Tag::BatchCount, Value::Integer(-5)),
        (Tag::UsageLimitsCount, Value::LongInteger(i64::MIN)),
        (Tag::P, Value::BigInteger(Bytes::from(vec![0x80; 16]))),
        (Tag::ObjectType, Value::Enumeration(2)),
        (Tag::ObjectType, Value::Enumeration(0x8000_0001)),
        (Tag::AttributeReference, Value::Enumeration(0x42_0001)),
        (Tag::BatchOrderOption, Value::Boolean(false)),
        (Tag::NameValue, Value::TextString("a\"<b>&'c'\n\t\r\u{10348}".to_owned())),
        (Tag::Data, Value::ByteString(Bytes::from(vec![0, 1, 0xFE]))),
        (Tag::ActivationDate, Value::DateTime(DateTime(1))),
        (Tag::LeaseTime, Value::Interval(Interval(u32::MAX))),
        (Tag::TimeStamp, Value::DateTimeExtended(-1)),
        (Tag::from_code(0x54_1234).unwrap(), Value::TextString("extension".to_owned())),
        (Tag::TemplateAttribute, Value::Structure(Vec::new())),
    ];
    let items: Vec<Item> = scalars.into_iter().map(|(tag, value)| Item { tag, value }).collect();
    let inner = Item { tag: Tag::Attributes, value: Value::Structure(items.clone()) };
    let document = Document { name: "RequestMessage".into(), value: Value::Structure([items, vec![inner]].concat()) };
    let mut written = Vec::new();
    write(&document, Dialect::Oasis, &mut written);
    assert_eq!(read(&written).unwrap(), document);
}

#[test]
fn a_fault_of_one_item_stays_in_the_item() {
    let value = read_value(
        r#"<RequestMessage><Nothing type="Integer" value="1"/><BatchCount type="Integer" value="x"/>
           <ObjectType type="Enumeration" value="Spoon"/><BatchCount type="Number" value="1"/>
           <Attributes type="Structure" value="1"/><BatchCount type="Integer" value="99999999999999999999"/></RequestMessage>"#,
    );
    let Value::Structure(items) = value else { panic!("a structure was written") };
    assert_eq!(items.len(), 6);
    assert!(items.iter().all(|item| matches!(item.value, Value::Invalid(_))), "{items:?}");
}

#[test]
fn what_is_not_the_spelling_is_refused() {
    for xml in [
        "",
        " ",
        "text",
        "<RequestMessage>",
        "<RequestMessage></ResponseMessage>",
        "</RequestMessage>",
        "<RequestMessage/><RequestMessage/>",
        "<RequestMessage>text</RequestMessage>",
        "<RequestMessage>&amp;</RequestMessage>",
        "<RequestMessage><![CDATA[x]]></RequestMessage>",
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?><RequestMessage/>",
        "<?php x ?><RequestMessage/>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><RequestMessage/>",
        "<NameValue type=\"TextString\" value=\"&b;\"/>",
        "<NameValue type=\"TextString\" value=\"&#0;&\"/>",
        "<NameValue type=TextString value=\"a\"/>",
        "<NameValue type=\"TextString\" value=\"a/>",
        "<RequestMessage=\"0\0:\" />",
        "<Request\u{e9}/>",
        "< />",
        "<TTLV tag=\"\"/>",
        "<TTLV tag=\"a b\"/>",
    ] {
        assert!(matches!(fault(xml), Fault::Malformed { encoding: "XML", .. }), "{xml}");
    }
    assert_eq!(fault(r#"<TTLV type="Integer" value="1"/>"#), Fault::MissingMember("tag"));
    assert_eq!(fault(r#"<BatchCount type="Integer"/>"#), Fault::MissingMember("value"));
    assert_eq!(fault(r#"<BatchCount value="1" value="2"/>"#), Fault::RepeatedMember("value"));
    assert_eq!(fault(r#"<BatchCount other="1"/>"#), Fault::UnknownMember("other".to_owned()));
    assert_eq!(fault(r#"<BatchCount tag="0x420001"/>"#), Fault::UnknownMember("tag".to_owned()));
    assert_eq!(fault(r#"<Name value="1"><NameValue/></Name>"#), Fault::UnknownMember("value".to_owned()));
    assert!(read(b"\xFF<RequestMessage/>").is_err());
}

#[test]
fn depth_count_and_attributes_are_bounded() {
    let nested = |depth: usize| "<Attribute>".repeat(depth) + &"</Attribute>".repeat(depth);
    assert!(read(nested(DEPTH).as_bytes()).is_ok());
    assert_eq!(fault(&nested(DEPTH + 1)), Fault::TooDeep(DEPTH));
    let many = |count: usize| format!("<Attribute>{}</Attribute>", "<Attribute/>".repeat(count - 1));
    assert!(read(many(ITEMS).as_bytes()).is_ok());
    assert_eq!(fault(&many(ITEMS + 1)), Fault::TooManyItems(ITEMS));
    let attributes: String = (0..100_000).map(|number| format!(" xmlns:a{number}=\"\"")).collect();
    assert!(matches!(fault(&format!("<Attribute{attributes}/>")), Fault::Malformed { .. }));
}
