//! Hostile documents.

use super::super::{DEPTH, ITEMS};
use super::*;
use crate::dialect::Dialect;
use crate::error::Fault;
use crate::message::RequestMessage;
use crate::payloads::{OperationRequest as _, Request, Response, get};
use crate::ttlv::Document;

fn refused(json: &str) -> Fault {
    read(json.as_bytes()).unwrap_err().fault().clone()
}

fn nested(depth: usize) -> String {
    format!("{}{}", r#"{"tag":"Attributes","value":["#.repeat(depth), "]}".repeat(depth))
}

fn wide(width: usize) -> String {
    let mut json = String::from(r#"{"tag":"Attributes","value":["#);
    for _ in 0..width {
        json.push_str(r#"{"tag":"Comment","value":null},"#);
    }
    json.push_str(r#"{"tag":"Comment","value":null}]}"#);
    json
}

#[test]
fn depth_is_bounded() {
    assert!(read(nested(DEPTH).as_bytes()).is_ok());
    assert_eq!(refused(&nested(DEPTH + 1)), Fault::TooDeep(DEPTH));
    assert_eq!(refused(&nested(10_000)), Fault::TooDeep(DEPTH));
    assert_eq!(refused(&r#"{"tag":"Attributes","value":["#.repeat(10_000)), Fault::TooDeep(DEPTH));
    assert_eq!(refused(&format!(r#"{{"tag":"Attributes","value":{}"#, "[".repeat(10_000))), Fault::NotAnItem);
    assert_eq!(refused(&"[".repeat(10_000)), Fault::NotAnItem);
    assert_eq!(refused(&r#"{"value":"#.repeat(10_000)), Fault::NotAnItem);
}

#[test]
fn width_is_bounded() {
    assert!(read(wide(ITEMS - 2).as_bytes()).is_ok());
    assert_eq!(refused(&wide(ITEMS - 1)), Fault::TooManyItems(ITEMS));
    assert_eq!(refused(&wide(1_000_000)), Fault::TooManyItems(ITEMS));
}

#[test]
fn a_wide_payload_is_refused_quickly() {
    let document = read(wide(ITEMS - 2).replace("Attributes", "Encrypt").as_bytes()).unwrap();
    assert!(Request::from_document(document).is_err());
}

#[test]
fn the_shape_of_an_item_is_strict() {
    let table = [
        (r#"{"tag":"Get","tag":"Get","value":[]}"#, Fault::RepeatedMember("tag")),
        (r#"{"tag":"Get","value":[],"value":[]}"#, Fault::RepeatedMember("value")),
        (r#"{"tag":"Get","type":"Structure","type":"Structure","value":[]}"#, Fault::RepeatedMember("type")),
        (r#"{"tag":"Get","value":[],"comment":1}"#, Fault::UnknownMember("comment".into())),
        (r#"{"value":[]}"#, Fault::MissingMember("tag")),
        (r#"{"tag":"Get"}"#, Fault::MissingMember("value")),
        (r#"{"tag":"Get","value":{}}"#, Fault::NotAnItem),
        (r#"{"tag":"Get","value":[1]}"#, Fault::NotAnItem),
        (r#"{"tag":"Get","value":[null]}"#, Fault::NotAnItem),
        ("[]", Fault::NotAnItem),
        ("1", Fault::NotAnItem),
        (r#""Get""#, Fault::NotAnItem),
    ];
    for (json, expected) in table {
        assert_eq!(refused(json), expected, "{json}");
    }
    for json in [
        "",
        "{",
        r#"{"tag":1,"value":[]}"#,
        r#"{"tag":"Get","value":[]} {}"#,
        "\u{0}",
        r#"{"tag":"Get","value":1e999}"#,
    ] {
        assert!(matches!(refused(json), Fault::Syntax { .. }), "{json}");
    }
    assert!(matches!(read(b"{\"tag\":\"\xff\",\"value\":[]}").unwrap_err().fault(), Fault::Syntax { .. }));
}

#[test]
fn errors_are_short_and_tell_no_byte_string() {
    let long = "\\u0007".repeat(100_000);
    let table = [
        format!(r#"{{"tag":"{long}","value":[]}}"#),
        format!(r#"{{"tag":"Get","value":[{{"tag":"{long}","value":[]}}]}}"#),
        format!(r#"{{"tag":"Get","{long}":[]}}"#),
        format!(r#"{{"tag":"Get","value":[{{"tag":"KeyFormatType","type":"Enumeration","value":"{long}"}}]}}"#),
        format!(r#"{{"tag":"Get","value":[{{"tag":"Data","type":"{long}","value":"a"}}]}}"#),
    ];
    for json in table {
        let error = read(json.as_bytes()).and_then(Request::from_document).unwrap_err().to_string();
        assert!(error.len() < 700, "{error}");
        assert!(!error.contains('\u{7}'));
    }
    for digits in ["5EC12E75EC12E7", "5EC12E7x"] {
        let json = format!(r#"{{"tag":"Encrypt","value":[{{"tag":"Key","type":"ByteString","value":"{digits}"}}]}}"#);
        let error = read(json.as_bytes()).and_then(Request::from_document).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("5EC12E7"), "{error}");
    }
}

const SEEDS: [&str; 4] = [
    r#"{"tag":"Create","value":[{"tag":"ObjectType","type":"Enumeration","value":"SymmetricKey"},{"tag":"Attributes","value":[{"tag":"CryptographicUsageMask","type":"Integer","value":"Encrypt|Decrypt"},{"tag":"ActivationDate","type":"DateTime","value":"2024-01-01T00:00:00Z"},{"tag":"Attribute","value":[{"tag":"VendorIdentification","type":"TextString","value":"claviger"},{"tag":"AttributeName","type":"TextString","value":"tag"},{"tag":"AttributeValue","type":"TextString","value":"[\"db\"]"}]}]}]}"#,
    r#"{"tag":"Encrypt","value":[{"tag":"UniqueIdentifier","type":"TextString","value":"0f6e"},{"tag":"CryptographicParameters","value":[{"tag":"BlockCipherMode","type":"Enumeration","value":"GCM"},{"tag":"TagLength","type":"Integer","value":16}]},{"tag":"Data","type":"ByteString","value":"68656C6C6F"}]}"#,
    r#"{"tag":"RequestMessage","value":[{"tag":"RequestHeader","value":[{"tag":"ProtocolVersion","value":[{"tag":"ProtocolVersionMajor","type":"Integer","value":"0x00000002"},{"tag":"ProtocolVersionMinor","type":"Integer","value":1}]},{"tag":"BatchCount","type":"Integer","value":1}]},{"tag":"BatchItem","value":[{"tag":"Operation","type":"Enumeration","value":"Query"},{"tag":"RequestPayload","value":[{"tag":"QueryFunction","type":"Enumeration","value":"QueryOperations"}]}]}]}"#,
    r#"{"tag":"GetResponse","value":[{"tag":"ObjectType","type":"Enumeration","value":"SymmetricKey"},{"tag":"UniqueIdentifier","type":"TextString","value":"k"},{"tag":"SymmetricKey","value":[{"tag":"KeyBlock","value":[{"tag":"KeyFormatType","type":"Enumeration","value":"Raw"},{"tag":"KeyValue","value":[{"tag":"KeyMaterial","type":"ByteString","value":"00FF"}]}]}]}]}"#,
];

/// Marsaglia's xorshift: the mutations are the same in every run.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 33).unwrap()
}

fn mutate(seed: &str, state: &mut u64) -> Vec<u8> {
    const PIECES: [&str; 12] =
        ["{", "}", "[", "]", "\"", ",", "null", "-1", "1e9", "99999999999999999999", "\"0x\"", "\\ud800"];
    let mut bytes = seed.as_bytes().to_vec();
    for _ in 0..=next(state) % 4 {
        let at = next(state) % bytes.len();
        match next(state) % 5 {
            0 => bytes[at] = u8::try_from(next(state) % 256).unwrap(),
            1 => bytes.truncate(at.max(1)),
            2 => drop(bytes.splice(at..at, PIECES[next(state) % PIECES.len()].bytes())),
            3 => drop(bytes.drain(at..(at + next(state) % 24).min(bytes.len() - 1).max(at))),
            _ => {
                let end = (at + next(state) % 48).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, copy));
            }
        }
    }
    bytes
}

fn bare(request: Request) -> Document {
    Document { name: request.operation().name(Dialect::Oasis).into(), value: request.into_payload() }
}

#[test]
fn mutated_documents_are_read_or_refused_and_survive_writing() {
    let mut state = 0x9E37_79B9_7F4A_7C15;
    let mut accepted = 0;
    for round in 0..40_000 {
        let json = mutate(SEEDS[round % SEEDS.len()], &mut state);
        let Ok(document) = read(&json) else { continue };
        let _ = get::Request::read_response(document.clone()).map(|read| Response::from(read).into_document());
        if let Ok(message) = RequestMessage::from_document(document.clone()) {
            let _ = message.into_document();
        }
        let Ok(request) = Request::from_document(document) else { continue };
        accepted += 1;
        let mut out = Vec::new();
        write(&bare(request.clone()), Dialect::Bare, &mut out);
        assert_eq!(read(&out).and_then(Request::from_document), Ok(request), "{}", String::from_utf8_lossy(&json));
    }
    assert!(accepted > 100, "{accepted}");
}
