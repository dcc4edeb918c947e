//! JSON bodies that clients of other systems send. An unknown member is ignored unless it would limit the request, a
//! member that is null counts as absent, and an error names the member.

use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::{Map, Value};

use super::fields::{FieldError, Fields};
use super::limiting;
use super::names::is_same;
use crate::auth::strict_json;

/// The largest number of values in one body, including nested values. It keeps the parsed body within the memory that
/// is reserved for the body.
const MAX_VALUES: usize = 10_000;

/// Errors of a body.
#[derive(Debug, thiserror::Error)]
pub(super) enum MembersError {
    /// The body is not a JSON object, is nested too deeply, has too many values, or has a member twice.
    #[error("the body must be a JSON object: {0}")]
    Json(serde_json::Error),
    /// The body is a form, and is malformed or has a field twice.
    #[error("{0}")]
    Form(#[from] FieldError),
    /// A member is missing or has an invalid value.
    #[error("{0}")]
    Member(String),
    /// A known member has another spelling.
    #[error("{name} is not known: write {meant}")]
    Misspelled {
        /// The name in the request.
        name: String,
        /// The required spelling.
        meant: &'static str,
    },
    /// The member is unknown and limits the request. If it were ignored, the caller would get more than the request
    /// asks for.
    #[error("{0} is not supported here, and ignoring it would give more than you ask for: leave it out")]
    Limiting(String),
}

/// Reads a body without secrets. An empty body is an object without members.
///
/// # Errors
/// The reason, with the member's name and value.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, MembersError> {
    read_with(parse(body)?, quoting)
}

/// Reads a body as [`read`] does, and refuses another spelling of a member of `known`. If a misspelled grantee were
/// ignored, the grant would go to another grantee.
///
/// # Errors
/// A member in another spelling, or as for [`read`].
pub(super) fn read_spelled<T: DeserializeOwned>(body: &[u8], known: &[&'static str]) -> Result<T, MembersError> {
    let mut given = object(body)?;
    let misspelled = given.keys().find_map(|name| {
        let meant = known.iter().find(|known| is_same(known, name) && *known != name)?;
        Some(MembersError::Misspelled { name: name.clone(), meant })
    });
    drop_nulls(&mut given);
    let read = read_with(Value::Object(given), quoting)?;
    misspelled.map_or(Ok(read), Err)
}

/// Reads a body with a credential or plaintext. Errors do not quote values.
///
/// # Errors
/// The reason, with the member's name.
pub(super) fn read_secret<T: DeserializeOwned>(body: &[u8]) -> Result<T, MembersError> {
    read_with(parse(body)?, not_quoting)
}

/// Reads a form (application/x-www-form-urlencoded) with a credential as [`read_secret`] reads a body whose members are
/// texts.
///
/// # Errors
/// A field is given twice, or as for [`read_secret`].
pub(super) fn read_secret_form<T: DeserializeOwned>(form: &[u8]) -> Result<T, MembersError> {
    let text = std::str::from_utf8(form).map_err(|_| FieldError::Encoding)?;
    read_with(Value::Object(Fields::parse(text)?.into_members()?), not_quoting)
}

/// Reads a body as [`read_secret`] does, which may repeat a parameter of the path: the member `name`, without regard to
/// case, must be `said`.
///
/// # Errors
/// The member has another value, or as for [`read_secret`].
pub(super) fn read_secret_repeating<T: DeserializeOwned>(
    body: &[u8],
    name: &'static str,
    said: &str,
) -> Result<T, MembersError> {
    let mut given = parse(body)?;
    if let Value::Object(members) = &mut given {
        let repeated: Map<String, Value> = std::mem::take(members)
            .into_iter()
            .filter_map(|(own, value)| {
                if own.eq_ignore_ascii_case(name) {
                    return Some((own, value));
                }
                members.insert(own, value);
                None
            })
            .collect();
        if let Some((own, value)) = repeated.into_iter().find(|(_, value)| value.as_str() != Some(said)) {
            return Err(MembersError::Member(format!(
                "{own}: {value} is not {said:?}, which the path names: leave it out"
            )));
        }
    }
    read_with(given, not_quoting)
}

/// Returns the members of a body, including those that are null.
fn object(body: &[u8]) -> Result<Map<String, Value>, MembersError> {
    let body: &[u8] = if body.trim_ascii().is_empty() { b"{}" } else { body };
    strict_json::object_within(body, MAX_VALUES).map_err(MembersError::Json)
}

/// Returns a body without the members that are null.
fn parse(body: &[u8]) -> Result<Value, MembersError> {
    let mut given = object(body)?;
    drop_nulls(&mut given);
    Ok(Value::Object(given))
}

/// The text of an error that may quote the value.
fn quoting(path: &str, fault: &str) -> String {
    format!("{path}: {fault}")
}

/// The text of an error that must not quote the value.
fn not_quoting(path: &str, _: &str) -> String {
    format!("{path}: the value is not of the right kind")
}

fn read_with<T: DeserializeOwned>(given: Value, wrong: fn(&str, &str) -> String) -> Result<T, MembersError> {
    let limits = limiting::found(&given);
    let mut limit = None;
    let mut ignored = |path: Path<'_>| {
        let path = names(&path);
        let within = limits.iter().find(|limit| limit.starts_with(&path)).and_then(|limit| limit.last());
        limit = limit.take().or_else(|| within.cloned());
    };
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(given, &mut track);
    let read = serde_ignored::deserialize(tracked, &mut ignored);
    let read = read.map_err(|error: serde_json::Error| {
        let (path, fault) = (track.path().to_string(), error.to_string());
        let missing = fault.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
        let own = Some(path.as_str()).filter(|path| *path != ".");
        MembersError::Member(match (missing, own) {
            (Some(name), None) => format!("{name} is missing"),
            (Some(name), Some(own)) => format!("{own}.{name} is missing"),
            (None, own) => wrong(own.unwrap_or("the body"), &fault),
        })
    })?;
    match limit {
        Some(name) => Err(MembersError::Limiting(name)),
        None => Ok(read),
    }
}

/// Returns the names and indices of a path, from the body on.
fn names(path: &Path<'_>) -> Vec<String> {
    let (parent, own) = match path {
        Path::Root => return Vec::new(),
        Path::Seq { parent, index } => (parent, Some(index.to_string())),
        Path::Map { parent, key } => (parent, Some(key.clone())),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => (parent, None),
    };
    let mut names = names(parent);
    names.extend(own);
    names
}

/// Removes members that are null, because they count as absent.
fn drop_nulls(members: &mut Map<String, Value>) {
    fn within(value: &mut Value) {
        match value {
            Value::Object(members) => drop_nulls(members),
            Value::Array(items) => items.iter_mut().for_each(within),
            _ => {}
        }
    }
    members.retain(|_, value| !value.is_null());
    members.values_mut().for_each(within);
}

#[cfg(test)]
mod tests {
    use claviger_cases::{Result, Source, check, list, one, perhaps, spoilt, text, text_of};
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        identity_id: String,
        #[serde(default)]
        inner: Vec<Inner>,
        count: Option<u8>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        name: String,
    }

    fn error_of(body: &str) -> String {
        read::<Body>(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_known_is_ignored_unless_it_limits() {
        let body =
            r#"{"identityId":"a","count":null,"x":{"y":[1]},"inner":[{"name":"b","color":1}],"role":null,"ttl":0}"#;
        let expected = Body { identity_id: "a".to_owned(), inner: vec![Inner { name: "b".to_owned() }], count: None };
        assert_eq!(read::<Body>(body.as_bytes()).unwrap(), expected);
        for (body, name) in [
            (r#"{"identityId":"a","accessTokenTTL":5}"#, "accessTokenTTL"),
            (r#"{"identityId":"a","inner":[{"name":"b","expiresAt":"x"}]}"#, "expiresAt"),
            (r#"{"identityId":"a","x":{"y":[{"trustedIps":["10.0.0.0/8"]}]}}"#, "trustedIps"),
        ] {
            assert!(error_of(body).starts_with(&format!("{name} is not supported")), "{body}: {}", error_of(body));
        }
    }

    #[test]
    fn what_repeats_the_path_says_the_same() {
        let read = |body: &str| {
            let read = read_secret_repeating::<Inner>(body.as_bytes(), "keyId", "k1");
            read.map(|inner| inner.name).map_err(|error| error.to_string())
        };
        for own in ["keyId", "KeyId", "KEYID", "keyid"] {
            assert_eq!(read(&format!(r#"{{"name":"a","{own}":"k1"}}"#)), Ok("a".to_owned()));
            let told = read(&format!(r#"{{"name":"a","{own}":"k2"}}"#)).unwrap_err();
            assert_eq!(told, format!(r#"{own}: "k2" is not "k1", which the path names: leave it out"#));
        }
        assert_eq!(read(r#"{"name":"a","keyId":null,"KeyId":"k1"}"#), Ok("a".to_owned()));
        assert!(read(r#"{"name":"a","keyId":"k1","KeyId":"k2"}"#).unwrap_err().starts_with("KeyId: "));
        assert!(read(r#"{"name":"a","keyId":1}"#).unwrap_err().starts_with("keyId: 1 is not"));
    }

    #[test]
    fn a_known_member_has_one_spelling() {
        let read = |body: &str| read_spelled::<Inner>(body.as_bytes(), &["name"]).map_err(|error| error.to_string());
        assert_eq!(read(r#"{"name":"a","color":1}"#), Ok(Inner { name: "a".to_owned() }));
        for other in ["Name", "NAME", "na_me", "n-ame"] {
            for value in ["\"b\"", "null"] {
                let told = read(&format!(r#"{{"name":"a","{other}":{value}}}"#)).unwrap_err();
                assert_eq!(told, format!("{other} is not known: write name"));
            }
        }
        assert_eq!(read(r#"{"Name":"a"}"#).unwrap_err(), "name is missing");
    }

    #[test]
    fn errors_name_the_member() {
        assert_eq!(error_of("{}"), "identityId is missing");
        assert_eq!(error_of(""), "identityId is missing");
        assert_eq!(error_of(r#"{"identityId":null}"#), "identityId is missing");
        assert_eq!(error_of(r#"{"identityId":"a","inner":[{}]}"#), "inner[0].name is missing");
        assert!(error_of(r#"{"identityId":5}"#).starts_with("identityId: invalid type: integer `5`"));
        assert!(error_of(r#"{"identityId":"a","count":256}"#).starts_with("count: "));
        assert!(
            error_of("[]").contains("not an object") && error_of(r#"{"a":1,"a":1}"#).contains("\"a\" occurs twice")
        );
        assert!(error_of("{").starts_with("the body must be a JSON object: EOF"));
        assert!(error_of(&format!("{{\"a\":[{}0]}}", "0,".repeat(MAX_VALUES))).contains("too many values"));
        let secret = read_secret::<Body>(br#"{"identityId":"a","count":"hunter2"}"#).unwrap_err().to_string();
        assert_eq!(secret, "count: the value is not of the right kind");
    }

    /// A body that can be read.
    fn body(source: &mut Source<'_>) -> Result<Map<String, Value>> {
        let mut members = Map::from_iter([("identityId".to_owned(), json!(text(source, 0..=6)?))]);
        let inner = |source: &mut Source<'_>| Ok(json!({ "name": text(source, 0..=4)? }));
        if let Some(inner) = perhaps(source, 5, |source| list(source, 0..=2, inner))? {
            members.insert("inner".to_owned(), json!(inner));
        }
        if let Some(count) = source.arbitrary::<Option<u8>>()? {
            members.insert("count".to_owned(), json!(count));
        }
        Ok(members)
    }

    type Plain = fn(&mut Source<'_>) -> Result<Value>;

    /// Members with unknown names and nested values. No name limits anything.
    fn unknown(source: &mut Source<'_>, most: usize, depth: usize, plain: Plain) -> Result<Map<String, Value>> {
        fn value(source: &mut Source<'_>, depth: usize, plain: Plain) -> Result<Value> {
            if depth == 0 || source.ratio(1, 3)? {
                return plain(source);
            }
            match source.arbitrary()? {
                true => unknown(source, 2, depth - 1, plain).map(Value::Object),
                false => list(source, 0..=2, |source| value(source, depth - 1, plain)).map(Value::Array),
            }
        }
        let member = |source: &mut Source<'_>| {
            Ok((format!("x{}", text_of(source, 1..=1, "0123456789")?), value(source, depth, plain)?))
        };
        list(source, 0..=most, member).map(Map::from_iter)
    }

    fn plain(source: &mut Source<'_>) -> Result<Value> {
        Ok(match source.int_in_range(0..=2)? {
            0 => Value::Null,
            1 => Value::from(source.arbitrary::<bool>()?),
            _ => Value::from(text(source, 0..=4)?),
        })
    }

    fn bytes(members: &Map<String, Value>) -> Vec<u8> {
        serde_json::to_vec(members).unwrap()
    }

    #[test]
    fn what_nobody_knows_and_what_is_null_changes_nothing() {
        check(500, |source| {
            let (own, more) = (body(source)?, unknown(source, 3, 3, plain)?);
            let expected = read::<Body>(&bytes(&own)).unwrap();
            let mut whole = own;
            whole.entry("count").or_insert(Value::Null);
            for item in whole.get_mut("inner").and_then(Value::as_array_mut).into_iter().flatten() {
                item.as_object_mut().unwrap().extend(more.clone());
            }
            whole.extend(more);
            assert_eq!(&read::<Body>(&bytes(&whole)).unwrap(), &expected);
            assert_eq!(read_secret::<Body>(&bytes(&whole)).unwrap(), expected);
            Ok(())
        });
    }

    #[test]
    fn a_limit_is_refused_wherever_it_stands() {
        check(500, |source| {
            let (own, more) = (body(source)?, unknown(source, 3, 3, plain)?);
            let depth = source.int_in_range(0..=3)?;
            let limit = one(source, &["expiresAt", "role", "max_uses", "trustedIps"])?;
            let mut deep = json!({ limit: ["10.0.0.1"] });
            for level in 0..depth {
                deep = if level % 2 == 0 { json!({ "x": deep }) } else { json!([1, deep]) };
            }
            let mut whole = own;
            whole.extend(more);
            if depth == 0 {
                whole.insert(limit.to_owned(), json!("10.0.0.1"));
            } else {
                whole.insert("z".to_owned(), deep);
            }
            let refused = read::<Body>(&bytes(&whole)).unwrap_err();
            assert!(matches!(&refused, MembersError::Limiting(name) if name == limit), "{}", refused);
            Ok(())
        });
    }

    #[test]
    fn no_secret_is_quoted() {
        check(500, |source| {
            let own = body(source)?;
            let more = unknown(source, 3, 3, |_| Ok(json!("hunter2")))?;
            let name = one(source, &["identityId", "inner", "count"])?;
            let wrongs = [json!("hunter2"), json!(4711), json!(["hunter2"]), json!({ "name": "hunter2" })];
            let wrong = one(source, &wrongs)?;
            let mut whole = own;
            whole.extend(more);
            whole.insert(name.to_owned(), wrong);
            let body = bytes(&whole);
            for body in [&body[..], &body[..source.choose_index(body.len())?]] {
                if let Err(error) = read_secret::<Body>(body) {
                    let text = format!("{error} {error:?}");
                    assert!(!text.contains("hunter2") && !text.contains("4711"), "{}", text);
                }
            }
            Ok(())
        });
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        check(500, |source| {
            let own = body(source)?;
            let body = spoilt(source, bytes(&own))?;
            let is_read = read::<Body>(&body).is_ok();
            assert_eq!(read_secret::<Body>(&body).is_ok(), is_read);
            assert!(!is_read || serde_json::from_slice::<Map<String, Value>>(&body).is_ok());
            Ok(())
        });
    }
}
