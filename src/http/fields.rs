//! The fields of queries and forms (application/x-www-form-urlencoded). Values are decoded once, before they are split
//! at commas.

use std::ops::RangeInclusive;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use warp::http::StatusCode;

use super::limiting;
use super::problem::Problem;

/// The largest number of fields in one query or form.
const MAX_FIELDS: usize = 1_000;

/// Errors of a query or form.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FieldError {
    /// There are more than [`MAX_FIELDS`] fields.
    #[error("the query or form has more than {MAX_FIELDS} fields")]
    TooMany,
    /// The percent-encoded bytes are not UTF-8.
    #[error("the query or form is not UTF-8 in percent-encoding")]
    Encoding,
    /// A field is given twice. Different readers would use different values.
    #[error("{0} is given twice: give it once")]
    Repeated(String),
    /// The field is unknown and limits the request. If it were ignored, the caller would get more than the request asks
    /// for.
    #[error("{0} is not supported here, and ignoring it would give more than you ask for: leave it out")]
    Limiting(String),
    /// The value is not of the expected kind.
    #[error("{name}: {given:?} is not {wanted}")]
    Value { name: &'static str, given: String, wanted: String },
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

/// Names and values, in their order.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a query or a form; `+` is a space.
    ///
    /// # Errors
    /// Too many fields, or bytes that are not UTF-8.
    pub(super) fn parse(text: &str) -> Result<Self, FieldError> {
        let pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().take(MAX_FIELDS + 1).collect();
        if pairs.len() > MAX_FIELDS {
            return Err(FieldError::TooMany);
        }
        // The parser replaces bytes that are not UTF-8 by U+FFFD, so two names could become the same.
        percent_decode_str(text).decode_utf8().map_err(|_| FieldError::Encoding)?;
        Ok(Self(pairs))
    }

    /// Refuses a field of `known` that is given twice, and an unknown field that limits the request.
    ///
    /// # Errors
    /// [`FieldError::Repeated`] and [`FieldError::Limiting`], with the field's name.
    pub(super) fn check(&self, known: &[&str]) -> Result<(), FieldError> {
        for (number, (name, value)) in self.0.iter().enumerate() {
            if known.contains(&name.as_str()) {
                if self.0.iter().skip(number + 1).any(|(other, _)| other == name) {
                    return Err(FieldError::Repeated(name.clone()));
                }
            } else if limiting::limits(name, &Value::from(value.as_str())) {
                return Err(FieldError::Limiting(name.clone()));
            }
        }
        Ok(())
    }

    /// Returns the fields as the members of a JSON object, whose values are texts.
    ///
    /// # Errors
    /// [`FieldError::Repeated`].
    pub(super) fn into_members(self) -> Result<Map<String, Value>, FieldError> {
        let mut members = Map::new();
        for (name, value) in self.0 {
            if members.contains_key(&name) {
                return Err(FieldError::Repeated(name));
            }
            members.insert(name, Value::String(value));
        }
        Ok(members)
    }

    /// Returns the value of a field, which may be empty; `None` if the field is absent.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a field; `None` if the field is absent or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }

    /// Returns a truth value, without regard to case; `None` if it is absent, empty, `null`, `None` or `undefined`.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn boolean(&self, name: &'static str) -> Result<Option<bool>, FieldError> {
        let Some(given) = self.text(name).filter(|given| !is_nothing(given)) else { return Ok(None) };
        match given.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(Some(true)),
            "false" | "0" => Ok(Some(false)),
            _ => Err(FieldError::Value { name, given: given.to_owned(), wanted: "true or false".to_owned() }),
        }
    }

    /// Returns an integer within `range`; `None` if it is absent, empty, `null`, `None` or `undefined`.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn number<T>(&self, name: &'static str, range: RangeInclusive<T>) -> Result<Option<T>, FieldError>
    where
        T: std::str::FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(given) = self.text(name).filter(|given| !is_nothing(given)) else { return Ok(None) };
        let number = given.parse().ok().filter(|number| range.contains(number));
        let wanted = || format!("a number from {} to {}", range.start(), range.end());
        number.map(Some).ok_or_else(|| FieldError::Value { name, given: given.to_owned(), wanted: wanted() })
    }
}

/// Whether the text means "no value" in a programming language of the clients.
fn is_nothing(given: &str) -> bool {
    ["null", "none", "undefined"].iter().any(|own| given.eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_once() {
        let fields = Fields::parse("a=b+c%2Bd%2Ce&&x%3Dy=%26%3D&empty=&bare&a%2525=1").unwrap();
        assert_eq!(fields.value("a"), Some("b c+d,e"));
        assert_eq!(fields.value("x=y"), Some("&="));
        assert_eq!((fields.value("empty"), fields.text("empty")), (Some(""), None));
        assert_eq!((fields.value("bare"), fields.value("b")), (Some(""), None));
        assert_eq!(fields.value("a%25"), Some("1"));
        let fields = Fields::parse("%zz=%&b=%4&c=1;d=2&=e&%EF%BF%BD=f&g=a=b").unwrap();
        for (name, value) in [("%zz", "%"), ("b", "%4"), ("c", "1;d=2"), ("", "e"), ("\u{fffd}", "f"), ("g", "a=b")] {
            assert_eq!(fields.value(name), Some(value), "{name}");
        }
        for bad in ["a=%ff", "%c3&%a9", "a=%ed%a0%80", "%ff=1", "a=1&b=%c0%80"] {
            assert_eq!(Fields::parse(bad).unwrap_err(), FieldError::Encoding, "{bad}");
        }
        assert_eq!(Fields::parse(&"a&".repeat(MAX_FIELDS + 1)).unwrap_err(), FieldError::TooMany);
    }

    #[test]
    fn values_are_read_without_case_and_within_bounds() {
        let fields = Fields::parse("a=True&b=FALSE&c=1&d=0&e=&f=yes&n=7&m=null").unwrap();
        let found = ["a", "b", "c", "d", "e", "m", "none"].map(|name| fields.boolean(name).unwrap());
        assert_eq!(found, [Some(true), Some(false), Some(true), Some(false), None, None, None]);
        assert_eq!(fields.boolean("f").unwrap_err().to_string(), "f: \"yes\" is not true or false");
        assert_eq!(fields.number("n", 1..=7), Ok(Some(7)));
        assert_eq!(fields.number("n", 1..=6).unwrap_err().to_string(), "n: \"7\" is not a number from 1 to 6");
        assert_eq!((fields.number("e", 1..=6), fields.number("m", 1..=6)), (Ok(None), Ok(None)));
    }

    #[test]
    fn a_field_is_there_once_and_limits_nothing_unknown() {
        let check = |text: &str| Fields::parse(text).unwrap().check(&["a", "ttl"]).map_err(|error| error.to_string());
        for good in ["a=1&ttl=5&b=1&b=2", "", "cidr=&expires=0&restricted_to=0.0.0.0/0", "isReadOnly=false"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert_eq!(check("a=1&a=1"), Err("a is given twice: give it once".to_owned()));
        for bad in ["expiresAt=2030", "role=x", "trustedIps=10.0.0.0%2F8", "cidr=10.0.0.0%2F8"] {
            assert!(check(bad).unwrap_err().contains("not supported"), "{bad}");
        }
    }
}
