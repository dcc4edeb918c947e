//! Values of attributes, for people and for programs.

use serde_json::{Map, Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::hexadecimal;
use crate::kmip::ttlv::{DateTime, Item, Value};
use crate::kmip::{Dialect, ProtectionStorageMask, Tag, UsageMask, enumerations};

/// Converts the value of an item to plain JSON: names for enumerations and masks, RFC 3339 for dates, hexadecimal for
/// bytes.
pub(super) fn json(item: &Item) -> Json {
    match &item.value {
        Value::Structure(items) => Json::Object(object(items)),
        Value::Integer(number) => mask(item.tag, *number).unwrap_or_else(|| json!(number)),
        Value::LongInteger(number) | Value::DateTimeExtended(number) => json!(number),
        Value::Enumeration(code) => {
            let name = enumerations::carried_by(item.tag).and_then(|table| table.name_of(*code, Dialect::Oasis));
            name.map_or_else(|| json!(code), |name| json!(name))
        }
        Value::Boolean(value) => json!(value),
        Value::TextString(text) => json!(text),
        Value::ByteString(bytes) | Value::BigInteger(bytes) => json!(hexadecimal::upper(bytes)),
        Value::DateTime(date) => date_time(*date),
        Value::Interval(interval) => json!(interval.0),
        Value::Invalid(_) => Json::Null,
    }
}

/// Converts the items of a structure. Items with the same tag become an array.
fn object(items: &[Item]) -> Map<String, Json> {
    let mut object = Map::new();
    for item in items {
        let value = json(item);
        match object.get_mut(&item.tag.to_string()) {
            Some(Json::Array(values)) => values.push(value),
            Some(first) => *first = Json::Array(vec![first.take(), value]),
            None => drop(object.insert(item.tag.to_string(), value)),
        }
    }
    object
}

fn mask(tag: Tag, bits: i32) -> Option<Json> {
    match tag {
        Tag::CryptographicUsageMask => Some(UsageMask::from_bits(bits)?.names().collect()),
        Tag::ProtectionStorageMask => Some(ProtectionStorageMask::from_bits(bits)?.names().collect()),
        _ => None,
    }
}

fn date_time(date: DateTime) -> Json {
    let text = OffsetDateTime::from_unix_timestamp(date.0).ok().and_then(|time| time.format(&Rfc3339).ok());
    text.map_or_else(|| json!(date.0), Json::String)
}

/// Formats such a value on one line.
pub(super) fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(values) => values.iter().map(text_within).collect::<Vec<_>>().join(", "),
        Json::Object(parts) => {
            let parts: Vec<_> = parts.iter().map(|(name, value)| format!("{name}={}", text_within(value))).collect();
            parts.join(", ")
        }
        other => other.to_string(),
    }
}

fn text_within(value: &Json) -> String {
    match value {
        Json::Object(_) => format!("({})", text(value)),
        other => text(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kmip::attributes::{Digest, Name};
    use crate::kmip::enumerations::{HashingAlgorithm, State};
    use crate::secret::Bytes;

    #[test]
    fn values_are_shown() {
        let shown = |item: Item| {
            let value = json(&item);
            (text(&value), value)
        };
        let mask = UsageMask::ENCRYPT | UsageMask::MAC_VERIFY;
        let digest = Digest {
            hashing_algorithm: HashingAlgorithm::SHA_256,
            digest_value: Some(Bytes::from(vec![0xAB])),
            key_format_type: None,
        };
        for (item, expected, value) in [
            (Item::new(Tag::State, State::PreActive), "PreActive", json!("PreActive")),
            (Item::new(Tag::CryptographicUsageMask, mask), "Encrypt, MACVerify", json!(["Encrypt", "MACVerify"])),
            (Item::new(Tag::InitialDate, DateTime(0)), "1970-01-01T00:00:00Z", json!("1970-01-01T00:00:00Z")),
            (Item::new(Tag::CryptographicLength, 256), "256", json!(256)),
            (Item::new(Tag::Sensitive, false), "false", json!(false)),
            (
                Item::new(Tag::Digest, digest),
                "DigestValue=AB, HashingAlgorithm=SHA_256",
                json!({ "HashingAlgorithm": "SHA_256", "DigestValue": "AB" }),
            ),
            (
                Item::new(Tag::Name, Name::text("a")),
                "NameType=UninterpretedTextString, NameValue=a",
                json!({ "NameValue": "a", "NameType": "UninterpretedTextString" }),
            ),
        ] {
            assert_eq!(shown(item), (expected.to_owned(), value));
        }
    }
}
