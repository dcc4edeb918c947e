//! Tests of TTLV: the examples of the standard, round trips, and hostile input.

use super::*;
use crate::Bytes;
use crate::error::{Error, Fault};
use crate::hexadecimal;
use crate::tag::Tag;
use crate::ttlv::{DEPTH, DateTime, Document, ITEMS, Interval, Item, Value};

fn bytes(hex: &str) -> Vec<u8> {
    hexadecimal::decode(hex.replace([' ', '|'], "").as_bytes()).unwrap()
}

fn read_hex(hex: &str) -> Result<Document, Error> {
    read(&bytes(hex))
}

/// The examples of section 10.1.5, whose tag is Compromise Date's.
#[test]
fn the_examples_of_the_standard_are_read_and_written() {
    let examples = [
        ("420020 | 02 | 00000004 | 0000000800000000", Value::Integer(8)),
        ("420020 | 03 | 00000008 | 01B69B4BA5749200", Value::LongInteger(123_456_789_000_000_000)),
        (
            "420020 | 04 | 00000010 | 0000000003FD35EB6BC2DF4618080000",
            Value::BigInteger(Bytes::from(bytes("0000000003FD35EB6BC2DF4618080000"))),
        ),
        ("420020 | 05 | 00000004 | 000000FF00000000", Value::Enumeration(255)),
        ("420020 | 06 | 00000008 | 0000000000000001", Value::Boolean(true)),
        ("420020 | 07 | 0000000B | 48656C6C6F20576F726C640000000000", Value::TextString("Hello World".to_owned())),
        ("420020 | 08 | 00000003 | 0102030000000000", Value::ByteString(Bytes::from(vec![1, 2, 3]))),
        ("420020 | 09 | 00000008 | 0000000047DA67F8", Value::DateTime(DateTime(1_205_495_800))),
        ("420020 | 0A | 00000004 | 000D2F0000000000", Value::Interval(Interval(864_000))),
        ("420020 | 0B | 00000008 | 00044853EB6F6000", Value::DateTimeExtended(0x0004_4853_EB6F_6000)),
        (
            "420020 | 01 | 00000020 | 420004 | 05 | 00000004 | 000000FE00000000 | 420005 | 02 | 00000004 | 000000FF00000000",
            Value::Structure(vec![
                Item { tag: Tag::ApplicationSpecificInformation, value: Value::Enumeration(254) },
                Item { tag: Tag::ArchiveDate, value: Value::Integer(255) },
            ]),
        ),
    ];
    for (hex, value) in examples {
        let document = Document { name: "CompromiseDate".into(), value };
        assert_eq!(read_hex(hex).unwrap(), document, "{hex}");
        let mut written = Vec::new();
        assert!(write(&document, &mut written));
        assert_eq!(written, bytes(hex));
        assert_eq!(written.len(), document.ttlv_length());
    }
}

#[test]
fn numbers_of_other_lengths_are_extended_by_their_sign() {
    for (number, expected) in
        [(vec![0x80], "FFFFFFFFFFFFFF80"), (vec![0x7F], "000000000000007F"), (vec![], "0000000000000000")]
    {
        let document = Document { name: "P".into(), value: Value::BigInteger(Bytes::from(number)) };
        let mut written = Vec::new();
        assert!(write(&document, &mut written));
        assert_eq!(written.get(8..).unwrap(), bytes(expected));
        assert_eq!(written.len(), document.ttlv_length());
    }
}

#[test]
fn a_fault_of_one_item_stays_in_the_item() {
    let document = read_hex(concat!(
        "420078 01 00000040",
        "123456 02 00000004 0000000100000000",
        "420094 07 00000002 FFFE000000000000",
        "420020 06 00000008 0000000000000002",
        "42000D 02 00000004 0000000100000000"
    ))
    .unwrap();
    let Value::Structure(items) = document.value else { panic!("a structure was written") };
    let is_invalid: Vec<bool> = items.iter().map(|item| matches!(item.value, Value::Invalid(_))).collect();
    assert_eq!(is_invalid, [true, true, true, false]);
}

#[test]
fn what_is_not_ttlv_is_refused_at_its_byte() {
    let faults = [
        ("", 0),
        ("42007801", 0),
        ("420078 0C 00000000", 3),
        ("420078 00 00000000", 3),
        ("420078 01 00000008", 4),
        ("420078 01 FFFFFFFF 0000000000000000", 4),
        ("420078 01 80000000", 4),
        ("420078 02 00000008 0000000000000001", 4),
        ("420078 02 00000000", 4),
        ("420078 06 00000004 0000000100000000", 4),
        ("420078 02 00000004 0000000100000001", 12),
        ("420078 07 00000003 6162630000000001", 11),
        ("420078 07 00000003 616263", 11),
        ("420078 07 80000000 616263", 8),
        ("420078 01 00000000 00", 8),
        ("420078 01 00000008 42000D 02 00000004 0000000100000000", 16),
        ("420078 01 00000004 42000D02", 8),
    ];
    for (hex, expected) in faults {
        match read_hex(hex).map_err(|error| error.fault().clone()) {
            Err(Fault::Malformed { offset, .. }) => assert_eq!(offset, expected, "{hex}"),
            other => panic!("{hex}: {other:?}"),
        }
    }
}

#[test]
fn depth_and_count_are_bounded() {
    let nested = |depth: usize| {
        let mut value = Value::Structure(Vec::new());
        for _ in 1..depth {
            value = Value::Structure(vec![Item { tag: Tag::Attribute, value }]);
        }
        let mut written = Vec::new();
        assert!(write(&Document { name: "Attribute".into(), value }, &mut written));
        read(&written)
    };
    assert!(nested(DEPTH).is_ok());
    assert_eq!(*nested(DEPTH + 1).unwrap_err().fault(), Fault::TooDeep(DEPTH));
    let many = |count: usize| {
        let item = Item { tag: Tag::Attribute, value: Value::Structure(Vec::new()) };
        let value = Value::Structure(vec![item; count - 1]);
        let mut written = Vec::new();
        assert!(write(&Document { name: "Attribute".into(), value }, &mut written));
        read(&written)
    };
    assert!(many(ITEMS).is_ok());
    assert_eq!(*many(ITEMS + 1).unwrap_err().fault(), Fault::TooManyItems(ITEMS));
}

#[test]
fn each_part_of_a_message_is_refused_and_never_read_past() {
    let whole = bytes(concat!(
        "420078 01 00000030",
        "420077 01 00000010 42000D 02 00000004 0000000100000000",
        "420094 07 00000005 68656C6C6F000000",
        "54FFFF 08 00000000"
    ));
    assert!(read(&whole).is_ok());
    for end in 0..whole.len() {
        assert!(read(whole.get(..end).unwrap()).is_err(), "{end}");
    }
    for at in 0..whole.len() {
        for value in [0, 1, 0x7F, 0x80, 0xFF] {
            let mut changed = whole.clone();
            *changed.get_mut(at).unwrap() = value;
            let _ = read(&changed);
        }
    }
}

#[test]
fn the_length_of_a_message_is_in_its_head() {
    let head = |hex: &str| message_length(bytes(hex).try_into().unwrap());
    assert_eq!(head("420078 01 00000038").unwrap(), 64);
    assert!(head("420078 02 00000004").is_err());
    assert!(head("474554202F204854").is_err());
}
