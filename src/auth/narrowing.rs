//! The private claim `claviger` of a JWT (RFC 7519 section 4.3), which takes rights away from the bearer. It can only
//! narrow rights, so every trusted issuer may set it. A claim that is not understood is refused, because it is unknown
//! which rights it takes away.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::claims_error::ClaimsError;
use crate::kmip::Dialect;
use crate::kmip::enumerations::Operation;
use crate::principal::Narrowing;

/// The claim's name.
pub(super) const CLAIM: &str = "claviger";

/// The separator between namespace and property in the name of a claim that narrows by a property.
const PROPERTY: &str = "/prop/";

/// The maximum number of entries of one list, and of values of one property.
const MAX_ENTRIES: usize = 64;

/// The maximum length of a text in the claim, in bytes.
const MAX_TEXT: usize = 255;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    role: Option<String>,
    projects: Option<Vec<String>>,
    operations: Option<Vec<String>>,
    #[serde(default)]
    properties: serde_json::Map<String, Value>,
}

/// Reads the claim, if it exists.
pub(super) fn read(claim: Option<&Value>) -> Result<Option<Arc<Narrowing>>, ClaimsError> {
    let Some(claim) = claim else { return Ok(None) };
    let wrong = || ClaimsError::Claim(CLAIM.to_owned());
    // A part that is null would take nothing away, although the issuer may mean that it takes everything away.
    if claim.as_object().is_some_and(|parts| parts.values().any(Value::is_null)) {
        return Err(wrong());
    }
    let claim: Claim = Claim::deserialize(claim).map_err(|_| wrong())?;
    let operations = claim
        .operations
        .as_ref()
        .map(|words| words.iter().map(|word| Operation::from_name(word)).collect::<Option<Vec<_>>>().ok_or_else(wrong));
    let properties = claim.properties.into_iter().map(|(name, values)| Some((name, texts(values)?)));
    let narrowing = Narrowing {
        role: claim.role,
        projects: claim.projects,
        operations: operations.transpose()?,
        properties: properties.collect::<Option<_>>().ok_or_else(wrong)?,
    };
    if is_bounded(&narrowing) { Ok(Some(Arc::new(narrowing))) } else { Err(wrong()) }
}

/// The form in which an access token stores a narrowing.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    role: Option<String>,
    projects: Option<Vec<String>>,
    operations: Option<Vec<String>>,
    properties: Vec<(String, Vec<String>)>,
}

/// Returns the narrowing as text, for [`from_text`].
#[must_use]
pub fn to_text(narrowing: &Narrowing) -> String {
    let Narrowing { role, projects, operations, properties } = narrowing.clone();
    let names =
        |operations: Vec<Operation>| operations.into_iter().map(|one| one.name(Dialect::Oasis).to_owned()).collect();
    let kept = Kept { role, projects, operations: operations.map(names), properties };
    serde_json::to_string(&kept).unwrap_or_default()
}

/// Reads the text of [`to_text`].
///
/// # Errors
/// The text is not one of [`to_text`].
pub fn from_text(text: &str) -> Result<Narrowing, ClaimsError> {
    let wrong = || ClaimsError::Claim(CLAIM.to_owned());
    let Kept { role, projects, operations, properties } = serde_json::from_str(text).map_err(|_| wrong())?;
    let operations = operations
        .map(|names| names.iter().map(|name| Operation::from_name(name)).collect::<Option<Vec<_>>>().ok_or_else(wrong));
    Ok(Narrowing { role, projects, operations: operations.transpose()?, properties })
}

/// Adds the restrictions of the claims `<namespace>/prop/<property>`. All of them must hold.
pub(super) fn with_properties(
    narrowing: Option<Arc<Narrowing>>,
    claims: &Map<String, Value>,
) -> Result<Option<Arc<Narrowing>>, ClaimsError> {
    let properties: Vec<(&str, &Value)> =
        claims.iter().filter_map(|(name, value)| Some((name.rsplit_once(PROPERTY)?.1, value))).collect();
    if properties.is_empty() {
        return Ok(narrowing);
    }
    // The name comes from the sender, so it is not logged.
    let wrong = || ClaimsError::Claim(format!("...{PROPERTY}..."));
    let mut narrowing = narrowing.map(|own| (*own).clone()).unwrap_or_default();
    for (property, value) in properties {
        let values = texts(value.clone()).filter(|_| !property.is_empty()).ok_or_else(wrong)?;
        narrowing.properties.push((property.to_owned(), values));
    }
    if is_bounded(&narrowing) { Ok(Some(Arc::new(narrowing))) } else { Err(wrong()) }
}

/// Returns the texts of a string, or of an array of strings, any of which is sufficient.
fn texts(values: Value) -> Option<Vec<String>> {
    match values {
        Value::String(one) => Some(vec![one]),
        Value::Array(several) => several
            .into_iter()
            .map(|value| match value {
                Value::String(text) => Some(text),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

fn is_bounded(narrowing: &Narrowing) -> bool {
    let bounded = |texts: &Vec<String>| texts.len() <= MAX_ENTRIES && texts.iter().all(|text| text.len() <= MAX_TEXT);
    narrowing.role.as_ref().is_none_or(|role| role.len() <= MAX_TEXT)
        && narrowing.projects.as_ref().is_none_or(bounded)
        && narrowing.operations.as_ref().is_none_or(|operations| operations.len() <= MAX_ENTRIES)
        && narrowing.properties.len() <= MAX_ENTRIES
        && narrowing.properties.iter().all(|(name, values)| name.len() <= MAX_TEXT && bounded(values))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn properties_narrow_each_by_itself() {
        let read = |claims: Value| with_properties(None, claims.as_object().unwrap());
        assert_eq!(read(json!({"sub": "a", "https://x/proper/y": "z", "prop": 1})), Ok(None));
        let claims = json!({"https://x/prop/owner": "a", "https://y/prop/owner": ["b", "c"], "/prop/tag": []});
        let narrowing = read(claims).unwrap().unwrap();
        assert_eq!(narrowing.properties.len(), 3);
        for claims in [
            json!({"https://x/prop/": "a"}),
            json!({"https://x/prop/owner": 1}),
            json!({"https://x/prop/owner": null}),
            json!({"https://x/prop/owner": {"a": "b"}}),
            json!({"https://x/prop/owner": ["a", false]}),
            json!({"https://x/prop/owner": vec!["a"; 65]}),
        ] {
            assert!(read(claims.clone()).is_err(), "{claims}");
        }
    }

    #[test]
    fn it_is_understood_whole_or_refused() {
        assert_eq!(read(None), Ok(None));
        let claim = json!({
            "role": "reader", "projects": ["p"], "operations": ["encrypt", "GetAttributes", "mac_verify"],
            "properties": {"tag": "a", "name": ["b", "c"]}
        });
        let narrowing = read(Some(&claim)).unwrap().unwrap();
        assert_eq!(
            narrowing.operations.as_deref(),
            Some(&[Operation::Encrypt, Operation::GetAttributes, Operation::MACVerify][..])
        );
        assert_eq!(narrowing.properties.len(), 2);
        assert_eq!(from_text(&to_text(&narrowing)), Ok((*narrowing).clone()));
        // An empty claim takes nothing away, and an empty list takes everything away.
        assert_eq!(read(Some(&json!({}))).unwrap().as_deref(), Some(&Narrowing::default()));
        for claim in [
            json!(null),
            json!("reader"),
            json!([]),
            json!({"role": 1}),
            json!({"role": null}),
            json!({"projects": null, "role": "reader"}),
            json!({"operations": null}),
            json!({"properties": null}),
            json!({"rôle": "reader"}),
            json!({"operations": ["everything"]}),
            json!({"operations": "encrypt"}),
            json!({"projects": [1]}),
            json!({"properties": {"tag": 1}}),
            json!({"properties": {"tag": [null]}}),
            json!({"projects": vec!["p"; 65]}),
            json!({"role": "x".repeat(256)}),
        ] {
            assert!(read(Some(&claim)).is_err(), "{claim}");
        }
    }
}
