//! JSON in which no member of an object occurs twice, so that two readers of a token cannot understand it differently
//! (RFC 7515 section 4, RFC 7519 section 4).

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads a JSON object. serde_json limits the depth (128). The caller must limit the length of the text.
pub(super) fn object(json: &[u8]) -> Option<Map<String, Value>> {
    object_within(json, usize::MAX).ok()
}

/// Reads a JSON object with at most `most` values, including nested ones. serde_json limits the depth (128).
///
/// # Errors
/// The text is not a JSON object, a member occurs twice, or there are more values.
pub fn object_within(json: &[u8], most: usize) -> Result<Map<String, Value>, serde_json::Error> {
    let left = Cell::new(most);
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = Strict(&left).deserialize(&mut deserializer)?;
    deserializer.end()?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(serde_json::Error::custom("it is not an object")),
    }
}

/// Returns every value of a member of an object, even if the member occurs several times. Empty if the text is not a
/// JSON object.
pub(super) fn every(json: &[u8], name: &str) -> Vec<Value> {
    struct Every<'a>(&'a str);
    impl<'de> Visitor<'de> for Every<'_> {
        type Value = Vec<Value>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Vec<Value>, A::Error> {
            let mut values = Vec::new();
            while let Some(name) = members.next_key::<String>()? {
                if name == self.0 {
                    values.push(members.next_value()?);
                } else {
                    members.next_value::<IgnoredAny>()?;
                }
            }
            Ok(values)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    deserializer.deserialize_map(Every(name)).unwrap_or_default()
}

/// Reads one value, and counts it.
#[derive(Clone, Copy)]
struct Strict<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.0.get().checked_sub(1).ok_or_else(|| D::Error::custom("it has too many values"))?;
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON without repeated members")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the member {name:?} occurs twice")));
            }
            object.insert(name, members.next_value_seed(self)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use claviger_cases::{Result, Source, check, list, one, spoilt, text};

    use super::*;

    #[test]
    fn every_value_of_a_repeated_member_is_found() {
        let found = every(br#"{"iss":"a","x":{"iss":"b"},"\u0069ss":1,"iss":null}"#, "iss");
        assert_eq!(found, [Value::from("a"), Value::from(1), Value::Null]);
        for json in [&b"[]"[..], b"", br#"{"iss""#] {
            assert!(every(json, "iss").is_empty());
        }
    }

    #[test]
    fn values_are_counted() {
        assert!(object_within(br#"{"a":[1,2],"b":{}}"#, 5).is_ok());
        let error = object_within(br#"{"a":[1,2],"b":{}}"#, 4).unwrap_err().to_string();
        assert!(error.starts_with("it has too many values"), "{error}");
    }

    #[test]
    fn repeated_members_are_refused_at_any_depth() {
        assert!(object(br#"{"a":1,"b":{"c":[{"d":null}]}}"#).is_some());
        for json in [&br#"{"a":1,"a":1}"#[..], br#"{"b":{"c":[{"d":1,"d":2}]}}"#, b"[]", b"1", b"", b"{} {}"] {
            assert!(object(json).is_none(), "{}", String::from_utf8_lossy(json));
        }
    }

    /// JSON as it is written, members that occur twice among it.
    #[derive(Debug, Clone)]
    enum Json {
        Plain(String),
        List(Vec<Json>),
        Object(Vec<(String, Json)>),
    }

    impl Json {
        fn text(&self) -> String {
            match self {
                Self::Plain(text) => text.clone(),
                Self::List(items) => format!("[{}]", items.iter().map(Self::text).collect::<Vec<_>>().join(" ,")),
                Self::Object(members) => {
                    let members = members.iter().map(|(name, value)| format!("{} : {}", escaped(name), value.text()));
                    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
                }
            }
        }

        /// How many values there are, and whether no name occurs twice in an object.
        fn measure(&self) -> (usize, bool) {
            let sum = |parts: &mut dyn Iterator<Item = &Self>, is_strict| {
                let add = |(sum, all): (usize, bool), (own, is): (usize, bool)| (sum + own, all && is);
                parts.map(Self::measure).fold((1, is_strict), add)
            };
            match self {
                Self::Plain(_) => (1, true),
                Self::List(items) => sum(&mut items.iter(), true),
                Self::Object(members) => {
                    let names: BTreeSet<&String> = members.iter().map(|(name, _)| name).collect();
                    sum(&mut members.iter().map(|(_, value)| value), names.len() == members.len())
                }
            }
        }
    }

    /// Some names are written in another way: they are the same names.
    fn escaped(name: &str) -> String {
        if name == "iss" { "\"\\u0069ss\"".to_owned() } else { Value::from(name).to_string() }
    }

    /// JSON that is at most so deep.
    fn json_within(source: &mut Source<'_>, depth: usize) -> Result<Json> {
        const PLAIN: &[&str] = &["null", "true", "-1", "0.5", "1e300", "18446744073709551615"];
        if depth == 0 || source.ratio(1, 4)? {
            let plain = match source.arbitrary()? {
                true => one(source, PLAIN)?.to_owned(),
                false => Value::from(text(source, 0..=4)?).to_string(),
            };
            return Ok(Json::Plain(plain));
        }
        let member = |source: &mut Source<'_>| {
            let name = match source.arbitrary()? {
                true => one(source, &["a", "b", "iss", ""])?.to_owned(),
                false => text(source, 0..=3)?,
            };
            Ok((name, json_within(source, depth - 1)?))
        };
        match source.ratio(2, 3)? {
            true => list(source, 0..=4, member).map(Json::Object),
            false => list(source, 0..=3, |source| json_within(source, depth - 1)).map(Json::List),
        }
    }

    fn json(source: &mut Source<'_>) -> Result<Json> {
        json_within(source, 4)
    }

    #[test]
    fn what_is_read_is_what_another_reader_reads() {
        check(1_000, |source| {
            let json = json(source)?;
            let (text, (count, is_strict)) = (json.text(), json.measure());
            let theirs = serde_json::from_str::<Value>(&text).unwrap();
            let is_taken = theirs.is_object() && is_strict;
            assert_eq!(object(text.as_bytes()), theirs.as_object().cloned().filter(|_| is_taken), "{}", text);
            assert_eq!(object_within(text.as_bytes(), count).is_ok(), is_taken, "{}", text);
            assert!(object_within(text.as_bytes(), count - 1).is_err(), "{}", text);
            Ok(())
        });
    }

    #[test]
    fn every_member_of_a_name_is_found() {
        check(1_000, |source| {
            let json = json(source)?;
            let members = if let Json::Object(members) = &json { members.as_slice() } else { &[] };
            let own = members.iter().filter(|(name, _)| name == "iss");
            let expected: Vec<Value> = own.map(|(_, value)| serde_json::from_str(&value.text()).unwrap()).collect();
            assert_eq!(every(json.text().as_bytes(), "iss"), expected, "{}", json.text());
            Ok(())
        });
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        check(1_000, |source| {
            let json = json(source)?;
            let text = spoilt(source, json.text().into_bytes())?;
            if let Some(read) = object(&text) {
                assert_eq!(serde_json::from_slice::<Value>(&text).ok(), Some(Value::Object(read)));
            }
            let _ = every(&text, "iss");
            Ok(())
        });
    }
}
