//! Objects that a command line names: by their identifier, or by a name that only one of them has.

use super::error::Error;
use crate::client::{self, Client};
use crate::kmip::Attributes;
use crate::kmip::attributes::Name;
use crate::kmip::enumerations::ObjectType;
use crate::kmip::payloads::locate::{Criteria, Request};

/// The types of keys.
pub(super) const KEYS: [ObjectType; 3] = [ObjectType::SymmetricKey, ObjectType::PrivateKey, ObjectType::PublicKey];

/// The types of what is exported: keys and secret data.
pub(super) const EXPORTED: [ObjectType; 4] =
    [ObjectType::SymmetricKey, ObjectType::PrivateKey, ObjectType::PublicKey, ObjectType::SecretData];

/// The type of symmetric keys.
pub(super) const SYMMETRIC: [ObjectType; 1] = [ObjectType::SymmetricKey];

/// The prefixes by which a text is only an identifier, or only a name.
pub(super) const IDENTIFIER: &str = "id:";
const NAME: &str = "name:";

/// The number of candidates that an error lists.
const MOST: i32 = 10;

/// Returns the identifier of the object that `text` names: the only one of these types with this name, or the one with
/// this identifier. No types stand for all. If there is no such object, `text` is returned, so that the server's answer
/// to the operation says so.
///
/// Any user may grant the caller an object with any name or identifier. So an identifier does not take precedence over
/// a name: this would let another user put a key of theirs in the place of the caller's. Identifiers that the server
/// chose are not looked up.
///
/// # Errors
/// Several objects match, or the server cannot be asked.
pub(super) async fn resolve(client: &Client, text: &str, types: &[ObjectType]) -> Result<String, Error> {
    if let Some(id) = text.strip_prefix(IDENTIFIER) {
        return Ok(id.to_owned());
    }
    if is_uuid(text) {
        return Ok(text.to_owned());
    }
    let only_name = text.strip_prefix(NAME);
    let name = only_name.unwrap_or(text);
    let by_type = |object_type| Attributes { names: vec![Name::text(name)], object_type, ..Attributes::default() };
    let mut criteria: Vec<Attributes> = types.iter().map(|own| by_type(Some(*own))).collect();
    if types.is_empty() {
        criteria.push(by_type(None));
    }
    if only_name.is_none() {
        criteria.push(Attributes { unique_identifier: Some(text.into()), ..Attributes::default() });
    }
    let mut found: Vec<(String, Option<ObjectType>)> = Vec::new();
    for own in criteria {
        let object_type = own.object_type;
        for id in located(client, own).await? {
            if found.iter().all(|(known, _)| *known != id) {
                found.push((id, object_type));
            }
        }
    }
    match found.as_slice() {
        [] if only_name.is_some() => Err(Error::NoSuchName(name.to_owned())),
        [] => Ok(text.to_owned()),
        [(only, _)] => Ok(only.clone()),
        _ => Err(Error::Ambiguous { name: name.to_owned(), candidates: found.iter().map(candidate).collect() }),
    }
}

/// Returns the argument of [`resolve`] that is only a name.
pub(super) fn named(name: &str) -> String {
    format!("{NAME}{name}")
}

/// Returns the identifiers of the first matches.
async fn located(client: &Client, attributes: Attributes) -> Result<Vec<String>, Error> {
    let request = Request {
        maximum_items: Some(MOST),
        offset_items: None,
        storage_status_mask: None,
        object_group_member: None,
        criteria: Some(Box::new(Criteria { attributes, ranges: Vec::new() })),
    };
    match client.execute(request).await {
        Ok(answer) => Ok(answer.unique_identifiers),
        // A caller who may not search still uses identifiers, and the answer to the operation says more about them.
        Err(client::Error::Refused(refusal)) if matches!(refusal.status.as_u16(), 400 | 403 | 404 | 422) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns a candidate as an argument that names only this object.
fn candidate((id, object_type): &(String, Option<ObjectType>)) -> String {
    let id = if is_uuid(id) { id.clone() } else { format!("{IDENTIFIER}{id}") };
    object_type.map_or_else(|| id.clone(), |object_type| format!("{id} ({object_type})"))
}

/// Whether the text has the form of an identifier that the server chooses (RFC 9562 section 4).
pub(super) fn is_uuid(text: &str) -> bool {
    let is_hyphen = |place| matches!(place, 8 | 13 | 18 | 23);
    text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if is_hyphen(at) { byte == b'-' } else { byte.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_of_the_server_are_recognised() {
        assert!(is_uuid("018f6e2a-7b1c-7d3e-8f00-0123456789ab"));
        for text in ["", "payroll", "018f6e2a-7b1c-7d3e-8f00-0123456789a", "018f6e2a-7b1c-7d3e-8f00_0123456789ab"] {
            assert!(!is_uuid(text), "{text}");
        }
        assert_eq!(candidate(&("a".to_owned(), Some(ObjectType::PublicKey))), "id:a (PublicKey)");
    }
}
