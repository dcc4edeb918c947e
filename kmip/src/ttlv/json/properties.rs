//! Properties of every tree and of every sequence of bytes. The cases are the same in each run.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use super::super::{DEPTH, DateTime, Document, Field, ITEMS, Interval, Item, Value};
use super::*;
use crate::attributes::{
    AttributeReference, Attributes, Link, Name, RevocationReason, TAG_BYTES, TAGS, UsageLimits, VendorAttribute,
};
use crate::bare;
use crate::enumerations::{
    CryptographicAlgorithm, LinkType, NameType, ObjectType, RevocationReasonCode, State, UsageLimitsUnit,
};
use crate::message::{RequestMessage, ResponseMessage};
use crate::payloads::{OPERATIONS, Request, Response};
use crate::tag::Tag;
use crate::{Bytes, Dialect, UniqueIdentifier, UsageMask};

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() }
}

fn tag() -> impl Strategy<Value = Tag> {
    // The first extension tags have names in the bare dialect, so they are left out.
    let extension = (0x54_0100_u32..=0x54_FFFF).prop_map(|code| Tag::from_code(code).unwrap());
    prop_oneof![8 => select(Tag::ALL).prop_map(|(tag, _)| tag), 1 => extension]
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i32>().prop_map(Value::Integer),
        any::<i64>().prop_map(Value::LongInteger),
        bytes().prop_map(Value::BigInteger),
        any::<u32>().prop_map(Value::Enumeration),
        // Most enumerations have names for the lowest codes.
        (0_u32..0x40).prop_map(Value::Enumeration),
        any::<bool>().prop_map(Value::Boolean),
        any::<String>().prop_map(Value::TextString),
        bytes().prop_map(Value::ByteString),
        any::<i64>().prop_map(|seconds| Value::DateTime(DateTime(seconds))),
        (-70_000_000_000_i64..260_000_000_000).prop_map(|seconds| Value::DateTime(DateTime(seconds))),
        any::<u32>().prop_map(|seconds| Value::Interval(Interval(seconds))),
        any::<i64>().prop_map(Value::DateTimeExtended),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let item = |inner| (tag(), inner).prop_map(|(tag, value)| Item { tag, value });
    scalar().prop_recursive(6, 48, 6, move |inner| vec(item(inner), 0..6).prop_map(Value::Structure))
}

fn document() -> impl Strategy<Value = Document> {
    let operation = select(OPERATIONS).prop_map(|operation| operation.name(Dialect::Oasis).to_owned());
    let name = prop_oneof![
        operation.clone(),
        operation.prop_map(|name| format!("{name}Response")),
        select(vec!["RequestMessage".to_owned(), "ResponseMessage".to_owned()]),
    ];
    (name, value()).prop_map(|(name, value)| Document { name: name.into(), value })
}

fn written(document: &Document, dialect: Dialect) -> Vec<u8> {
    let mut out = Vec::new();
    write(document, dialect, &mut out);
    out
}

/// A tree of attributes. Single values have valid values; vendor attributes have any value.
fn attributes() -> impl Strategy<Value = Attributes> {
    let name = || (".{0,12}", option::of(select(NameType::ALL))).prop_map(|(value, kind)| Name { value, kind });
    let id = || ".{1,12}".prop_map(|text| UniqueIdentifier::from(text.as_str()));
    let link = (option::of(select(LinkType::ALL)), id())
        .prop_map(|(link_type, linked_object_identifier)| Link { link_type, linked_object_identifier });
    let reason = (select(RevocationReasonCode::ALL), option::of(".{0,12}"))
        .prop_map(|(code, message)| RevocationReason { code, message });
    let limits = (any::<i64>(), option::of(any::<i64>()), select(UsageLimitsUnit::ALL))
        .prop_map(|(total, count, unit)| UsageLimits { total, count, unit });
    let vendor = ("[a-c]{1,2}", "[a-c]{1,2}", value());
    let vendor =
        vendor.prop_map(|(vendor_identification, name, value)| VendorAttribute { vendor_identification, name, value });
    let mask = any::<i32>().prop_map(|bits| UsageMask::from_bits(bits & 0xF0_3BBF).unwrap());
    let one = (
        option::of(id()),
        option::of(select(ObjectType::ALL)),
        option::of(select(CryptographicAlgorithm::ALL)),
        option::of(any::<i32>()),
        option::of(mask),
        option::of(select(State::ALL)),
        option::of(any::<i64>().prop_map(DateTime)),
        option::of(reason),
        option::of(limits),
        option::of(any::<bool>()),
    );
    let several = (vec(name(), 0..4), vec(link, 0..4), vec(".{0,12}", 0..4), vec(vendor, 0..4));
    (one, several).prop_map(|(one, several)| {
        let (unique_identifier, object_type, cryptographic_algorithm, cryptographic_length, mask, ..) = one;
        let (.., state, activation_date, revocation_reason, usage_limits, sensitive) = one;
        let (names, links, object_groups, vendor_attributes) = several;
        Attributes {
            unique_identifier,
            object_type,
            cryptographic_algorithm,
            cryptographic_length,
            cryptographic_usage_mask: mask,
            state,
            activation_date,
            revocation_reason,
            usage_limits,
            sensitive,
            names,
            links,
            object_groups,
            vendor_attributes,
            ..Attributes::default()
        }
    })
}

/// Texts that are similar to documents: the members of items, in any order and number, with values of any kind.
fn nearly() -> impl Strategy<Value = String> {
    let names = ["Encrypt", "Attributes", "Data", "ObjectType", "0x54FFFF", "0x420057", "Spoon", "ActivationDate"];
    let types =
        ["Integer", "Structure", "ByteString", "Enumeration", "DateTime", "BigInteger", "Spoon", "long_integer"];
    let texts = ["0x", "0x1", "AES", "Encrypt|Sign", "00FF", "abc", "2024-01-01T00:00:00Z", "", "\\u0000", "\\ud800"];
    let text = move || select(texts.to_vec()).prop_map(|text| format!("\"{text}\""));
    let leaf = prop_oneof![
        text(),
        select(vec!["null", "true", "-1", "1.5", "1e400", "18446744073709551616", "{}", "[]"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        let member = prop_oneof![
            4 => select(names.to_vec()).prop_map(|name| format!("\"tag\":\"{name}\"")),
            2 => select(types.to_vec()).prop_map(|kind| format!("\"type\":\"{kind}\"")),
            4 => inner.clone().prop_map(|value| format!("\"value\":{value}")),
            1 => inner.clone().prop_map(|value| format!("\"name\":{value}")),
        ];
        let wrong = vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(",")));
        let right = (select(names.to_vec()), inner.clone())
            .prop_map(|(name, value)| format!("{{\"tag\":\"{name}\",\"value\":{value}}}"));
        prop_oneof![
            1 => wrong,
            4 => right,
            4 => vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
        ]
    })
}

/// A second implementation of the binary encoding of KMIP 2.1, section 10.1, to check the computed lengths.
fn binary(value: &Value) -> Vec<u8> {
    match value {
        Value::Structure(items) => items.iter().flat_map(|item| framed(item.tag.code(), &item.value)).collect(),
        Value::Integer(number) => number.to_be_bytes().to_vec(),
        Value::LongInteger(number) | Value::DateTimeExtended(number) => number.to_be_bytes().to_vec(),
        Value::BigInteger(bytes) | Value::ByteString(bytes) => bytes.to_vec(),
        Value::Enumeration(code) => code.to_be_bytes().to_vec(),
        Value::Boolean(value) => u64::from(*value).to_be_bytes().to_vec(),
        Value::TextString(text) => text.clone().into_bytes(),
        Value::DateTime(seconds) => seconds.0.to_be_bytes().to_vec(),
        Value::Interval(seconds) => seconds.0.to_be_bytes().to_vec(),
        Value::Invalid(_) => panic!("it was written by hand"),
    }
}

fn framed(tag: u32, value: &Value) -> Vec<u8> {
    let mut content = binary(value);
    let mut item = tag.to_be_bytes()[1..].to_vec();
    item.push(0);
    item.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
    while !content.len().is_multiple_of(8) {
        content.push(0);
    }
    item.extend(content);
    item
}

/// The number of items in a value, and their depth.
fn measure(value: &Value) -> (usize, usize) {
    let Value::Structure(items) = value else { return (0, 0) };
    let inner = items.iter().map(|item| measure(&item.value));
    inner.fold((items.len(), usize::from(!items.is_empty())), |(count, depth), inner| {
        (count + inner.0, depth.max(inner.1 + 1))
    })
}

/// Checks that a document stays within the bounds, and that every further reading of it ends.
fn check_read(document: Document) -> Result<(), TestCaseError> {
    let (count, depth) = measure(&document.value);
    prop_assert!(count < ITEMS && depth < DEPTH);
    let (_, marks) = (document.ttlv_length(), Marks::default());
    let _ = bare::Operation::read(document.clone(), marks);
    let _ = RequestMessage::from_document(document.clone()).map(RequestMessage::into_document);
    let _ = ResponseMessage::from_document(document.clone()).map(ResponseMessage::into_document);
    if let Ok(response) = Response::from_document(document.clone()) {
        prop_assert_eq!(Response::from_document(response.clone().into_document()), Ok(response));
    }
    if let Ok(request) = Request::from_document(document.clone()) {
        prop_assert_eq!(Request::from_document(request.clone().into_document()), Ok(request));
    }
    if document.value.check().is_ok() {
        prop_assert_eq!(read(&written(&document, Dialect::Oasis)), Ok(document.clone()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn every_tree_is_read_as_it_was_written(document in document()) {
        for dialect in [Dialect::Oasis, Dialect::Bare] {
            let json = written(&document, dialect);
            prop_assert_eq!(read(&json), Ok(document.clone()), "{}", String::from_utf8_lossy(&json));
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
        }
        check_read(document)?;
    }

    #[test]
    fn the_binary_length_is_that_of_the_binary_encoding(value in value()) {
        let length = framed(0, &value).len();
        prop_assert_eq!(Item { tag: Tag::Data, value: value.clone() }.ttlv_length(), length);
        prop_assert_eq!(Document { name: "Data".into(), value }.ttlv_length(), length);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(document) = read(&bytes) {
            check_read(document)?;
        }
    }

    #[test]
    fn bytes_amid_a_document_are_read_or_refused(
        document in document(), at in any::<prop::sample::Index>(), length in 0..16_usize, bytes in vec(any::<u8>(), 0..6),
    ) {
        let mut json = written(&document, Dialect::Bare);
        let at = at.index(json.len());
        let end = json.len().min(at + length);
        json.splice(at..end, bytes);
        if let Ok(document) = read(&json) {
            check_read(document)?;
        }
    }

    #[test]
    fn what_is_nearly_a_document_is_read_or_refused(json in nearly()) {
        if let Ok(document) = read(json.as_bytes()) {
            check_read(document)?;
        }
    }

    #[test]
    fn attributes_are_read_as_they_were_written(attributes in attributes()) {
        prop_assert_eq!(Attributes::read(attributes.clone().write()), Ok(attributes.clone()));
        let document = Document { name: "Attributes".into(), value: attributes.clone().write() };
        let read = read(&written(&document, Dialect::Oasis)).and_then(|document| Attributes::read(document.value));
        prop_assert_eq!(read, Ok(attributes.clone()));
        prop_assert_eq!(&attributes.select(&attributes.references()), &attributes);
        prop_assert_eq!(attributes.select(&[]), Attributes::default());
    }

    #[test]
    fn attributes_take_the_place_of_others(own in attributes(), by in attributes()) {
        prop_assert_eq!(own.overridden(None), Ok(own.clone()));
        prop_assert_eq!(own.replaced(&Attributes::default()), Ok(own.clone()));
        prop_assert_eq!(Attributes::default().replaced(&by), Ok(by.clone()));
        let replaced = own.replaced(&by).unwrap();
        prop_assert_eq!(&replaced.select(&by.references()), &by);
        let others: Vec<AttributeReference> =
            own.references().into_iter().filter(|own| !by.references().contains(own)).collect();
        prop_assert_eq!(replaced.select(&others), own.select(&others));
        let overridden = own.overridden(Some(&by)).unwrap();
        prop_assert_eq!(overridden.select(&others), own.select(&others));
        for item in by.to_items() {
            prop_assert!(overridden.to_items().contains(&item));
        }
    }

    #[test]
    fn tags_are_read_as_they_were_set(
        mut attributes in attributes(), tags in vec(prop_oneof![30 => ".{1,40}", 1 => "[a-z]{250,260}"], 0..=TAGS),
    ) {
        let mut each_once: Vec<String> = Vec::new();
        for tag in &tags {
            if !each_once.contains(tag) {
                each_once.push(tag.clone());
            }
        }
        attributes.set_tags(&tags);
        prop_assert_eq!(attributes.tags(), each_once);
        let is_short = tags.iter().all(|tag| tag.len() <= TAG_BYTES);
        prop_assert_eq!(Attributes::read(attributes.write()).is_ok(), is_short);
    }
}
