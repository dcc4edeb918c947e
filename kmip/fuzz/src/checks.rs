//! What holds for every sequence of bytes. The fuzz targets and a test of the crate call these functions.
#![allow(dead_code, unreachable_pub, reason = "each target uses one of them")]

use claviger_kmip::Dialect;
use claviger_kmip::message::{RequestMessage, ResponseMessage};
use claviger_kmip::ttlv::{Document, Item, Value, binary, json, xml};
use claviger_kmip::versions::{self, Version};

/// A document is performed as far as this crate can: converted from its version, and read as a message. Nothing panics,
/// and what is a message is one again after it was written.
fn use_of(document: &Document) {
    if let Ok((_, upgraded)) = versions::upgrade(document.clone()) {
        let _ = RequestMessage::from_document(upgraded);
    }
    if let Ok(answer) = ResponseMessage::from_document(document.clone()) {
        for version in Version::ALL {
            let _ = versions::downgrade(version, answer.clone());
        }
    }
    if let Ok(message) = RequestMessage::from_document(document.clone()) {
        let is_whole = message.items.iter().all(|item| item.request.is_ok());
        let written = message.clone().into_document();
        if is_whole {
            let again = RequestMessage::from_document(written).map(|again| again.items.len());
            assert_eq!(again.ok(), Some(message.items.len()));
        }
    }
}

/// Whether every part of the document could be read.
fn is_whole(value: &Value) -> bool {
    match value {
        Value::Structure(items) => items.iter().all(|item| is_whole(&item.value)),
        Value::Invalid(_) => false,
        _ => true,
    }
}

/// Whether XML can hold every text of the document: it has no way to write most control characters.
fn is_of_xml(value: &Value) -> bool {
    match value {
        Value::Structure(items) => items.iter().all(|Item { value, .. }| is_of_xml(value)),
        Value::TextString(text) => text
            .chars()
            .all(|own| matches!(own, '\t' | '\n' | '\r') || (own >= ' ' && !matches!(own, '\u{fffe}' | '\u{ffff}'))),
        _ => true,
    }
}

/// The binary encoding of a document is unique: what was read is written as it was.
pub fn binary(bytes: &[u8]) {
    let Ok(document) = binary::read(bytes) else { return };
    use_of(&document);
    let mut written = Vec::new();
    if is_whole(&document.value) && binary::write(&document, &mut written) {
        assert_eq!(written, bytes);
        assert_eq!(document.ttlv_length(), bytes.len());
    }
}

/// A document in JSON is the same after it was written, in both dialects.
pub fn json(bytes: &[u8]) {
    let Ok(document) = json::read(bytes) else { return };
    use_of(&document);
    for dialect in [Dialect::Oasis, Dialect::Bare] {
        again_by_json(&document, dialect);
    }
}

/// A document in XML is the same after it was written.
pub fn xml(bytes: &[u8]) {
    let Ok(document) = xml::read(bytes) else { return };
    use_of(&document);
    again_by_xml(&document);
}

/// A document in the binary encoding is the same after it was JSON or XML.
pub fn round_trip(bytes: &[u8]) {
    let Ok(document) = binary::read(bytes) else { return };
    again_by_json(&document, Dialect::Oasis);
    again_by_xml(&document);
}

fn again_by_json(document: &Document, dialect: Dialect) {
    if is_whole(&document.value) {
        let mut written = Vec::new();
        json::write(document, dialect, &mut written);
        let again = json::read(&written).map(|again| again.value);
        assert_eq!(again.as_ref(), Ok(&document.value), "{}", String::from_utf8_lossy(&written));
    }
}

fn again_by_xml(document: &Document) {
    if is_whole(&document.value) && is_of_xml(&document.value) {
        let mut written = Vec::new();
        xml::write(document, Dialect::Oasis, &mut written);
        let again = xml::read(&written).map(|again| again.value);
        assert_eq!(again.as_ref(), Ok(&document.value), "{}", String::from_utf8_lossy(&written));
    }
}
