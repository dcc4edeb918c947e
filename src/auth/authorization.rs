//! The credentials in a request's Authorization headers (RFC 9110 section 11.6.2).

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use super::jws::MAX_TOKEN;
use super::refusal::Unauthenticated;
use super::strict_json;
use crate::base64;
use crate::secret::{Bytes, Password};

/// The beginnings of credentials, in lower case.
const SCHEMES: [&[u8]; 2] = [b"bearer ", b"token "];

/// The values of a request's Authorization headers.
#[derive(Clone, Copy)]
pub enum Authorization<'a> {
    /// The request has no such header.
    Absent,
    /// The request has one such header, which is not checked yet.
    One(&'a [u8]),
    /// The request has several such headers. It is refused, because two readers could choose different ones.
    Several,
}

impl<'a> FromIterator<&'a [u8]> for Authorization<'a> {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(values: I) -> Self {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::One(value),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

impl<'a> Authorization<'a> {
    /// Returns the one value, if there is any.
    fn one(self) -> Result<Option<&'a [u8]>, Unauthenticated> {
        match self {
            Self::Absent => Ok(None),
            Self::One(value) => Ok(Some(value)),
            Self::Several => Err(Unauthenticated::Authorization),
        }
    }

    /// Whether the request has several credentials: in headers of their own, or in one header that was joined by commas
    /// (RFC 9110 section 5.3).
    pub(super) fn has_several(self) -> bool {
        let has_scheme = |part: &[u8]| {
            let part = part.trim_ascii_start();
            SCHEMES.iter().any(|scheme| begins(part, scheme))
        };
        match self {
            Self::Absent => false,
            Self::One(value) => value.split(|byte| *byte == b',').skip(1).any(has_scheme),
            Self::Several => true,
        }
    }

    /// Returns the token of `Bearer TOKEN` (RFC 6750 section 2.1), or of the form in which Conjur's clients send a JWS:
    /// `Token token="..."` with the base64 of its flattened JSON form. The schemes are not case-sensitive (RFC 9110).
    pub(super) fn bearer(self) -> Result<Option<Cow<'a, str>>, Unauthenticated> {
        let Some(value) = self.one()? else { return Ok(None) };
        let is_text = value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
        let text = std::str::from_utf8(value).ok().filter(|_| is_text).ok_or(Unauthenticated::Authorization)?;
        let (scheme, token) = text.split_once(' ').ok_or(Unauthenticated::Authorization)?;
        if scheme.eq_ignore_ascii_case("token") {
            return compact(token).map(|token| Some(Cow::Owned(token))).ok_or(Unauthenticated::Authorization);
        }
        if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains([' ', '\t', ',']) {
            return Err(Unauthenticated::Authorization);
        }
        Ok(Some(Cow::Borrowed(token)))
    }
}

/// Whether a value begins with a scheme, which is given in lower case and with its space.
fn begins(value: &[u8], scheme: &[u8]) -> bool {
    value.get(..scheme.len()).is_some_and(|own| own.eq_ignore_ascii_case(scheme))
}

/// Basic credentials (RFC 7617): user and password.
pub struct Basic {
    /// The text before the first colon.
    pub user: String,
    /// The text after the first colon.
    pub password: Password,
}

impl Basic {
    /// The maximum length of the credentials, in bytes as received.
    const MAX: usize = 2048;

    /// The beginning of the credentials, in lower case.
    const SCHEME: &[u8] = b"basic ";

    /// Whether a request has Basic credentials, valid or not.
    #[must_use]
    pub fn is_in(authorization: Authorization<'_>) -> bool {
        matches!(authorization, Authorization::One(value) if begins(value, Self::SCHEME))
    }

    /// Reads the credentials of a request. `None` if it has no Authorization header.
    ///
    /// # Errors
    /// There are several such headers, or another scheme, or the value is not USER:PASSWORD in base64.
    pub fn read(authorization: Authorization<'_>) -> Result<Option<Self>, Unauthenticated> {
        let Some(value) = authorization.one()? else { return Ok(None) };
        let is_basic = Self::is_in(authorization) && value.len() <= Self::MAX;
        let encoded = value.get(Self::SCHEME.len()..).filter(|_| is_basic).ok_or(Unauthenticated::Authorization)?;
        let decoded = Bytes::from(base64::decode(encoded.trim_ascii()).ok_or(Unauthenticated::Authorization)?);
        let text = std::str::from_utf8(&decoded).map_err(|_| Unauthenticated::Authorization)?;
        let (user, password) = text.split_once(':').ok_or(Unauthenticated::Authorization)?;
        Ok(Some(Self { user: user.to_owned(), password: Password::from(password.to_owned()) }))
    }
}

/// Returns the compact form of a JWS in the flattened form (RFC 7515 section 7.2.2).
fn compact(parameter: &str) -> Option<String> {
    let encoded = parameter.trim().strip_prefix("token=")?.strip_prefix('"')?.strip_suffix('"')?;
    if encoded.len() > 2 * MAX_TOKEN {
        return None;
    }
    let members = strict_json::object(&base64::decode(encoded.as_bytes())?)?;
    // Clients keep the parts as they were written, or add padding, or encode them again. The signature covers the form
    // of RFC 7515.
    let part = |name: &str| {
        let part = members.get(name).and_then(Value::as_str)?;
        Some(BASE64URL_NOPAD.encode(&base64::decode(part.as_bytes())?))
    };
    Some(format!("{}.{}.{}", part("protected")?, part("payload")?, part("signature")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers<'a>(values: &[&'a str]) -> Authorization<'a> {
        values.iter().map(|value| value.as_bytes()).collect()
    }

    #[test]
    fn basic_credentials_are_read_once_and_whole() {
        // host/a:b:c
        for value in ["Basic aG9zdC9hOmI6Yw==", "basic aG9zdC9hOmI6Yw", "BASIC  aG9zdC9hOmI6Yw=="] {
            let read = Basic::read(headers(&[value])).unwrap().unwrap();
            assert_eq!((&*read.user, &*read.password), ("host/a", "b:c"), "{value}");
        }
        assert!(Basic::read(headers(&[])).unwrap().is_none());
        let long = format!("Basic {}", "YTph".repeat(600));
        for values in [
            &["Bearer aG9zdC9hOmI6Yw=="][..],
            &["Basic aG9zdC9hOmI6Yw==", "Basic aG9zdC9hOmI6Yw=="],
            &["Basic"],
            &["Basic !"],
            &["Basic YWJj"],
            &["Basic /w=="],
            &[&long],
        ] {
            assert!(Basic::read(headers(values)).is_err(), "{values:?}");
        }
        assert!(Basic::is_in(headers(&["bAsIc x"])) && !Basic::is_in(headers(&["Bearer Basic "])));
    }
}
