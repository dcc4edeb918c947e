//! The ways to exchange a JWT.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;

use super::kept::Kept;
use crate::base64;
use crate::cli::error::Error;
use crate::client::{Client, segment};
use crate::secret::{Bytes, Password};

/// Begins the name of one of Conjur's authenticators.
const AUTHENTICATOR: &str = "authn-jwt/";

/// As Infisical's clients get a token.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Given {
    pub(super) access_token: Password,
    pub(super) expires_in: i64,
}

/// As Conjur's clients get one: a flattened JWS (RFC 7515 section 7.2.2), whose parts have padding.
#[derive(Deserialize)]
struct Flattened {
    protected: String,
    payload: Password,
    signature: Password,
}

#[derive(Deserialize)]
struct Claims {
    exp: i64,
}

/// Exchanges the JWT with whoever the issuer's name says.
pub(super) async fn exchange(client: &Client, issuer: &str, jwt: &str) -> Result<Kept, Error> {
    let (token, expires, is_renewable) = match issuer.strip_prefix(AUTHENTICATOR) {
        Some(rest) => {
            let (token, expires) = by_authenticator(client, rest, jwt).await?;
            (token, expires, false)
        }
        None => {
            let body = json!({ "identityId": issuer, "jwt": jwt });
            let given: Given = client.post_json("/api/v1/auth/jwt-auth/login", &body).await?;
            (given.access_token, now().saturating_add(given.expires_in), true)
        }
    };
    let (url, since) = (client.url().to_string(), now());
    Ok(Kept { url, issuer: issuer.to_owned(), token, since, expires, is_renewable })
}

async fn by_authenticator(client: &Client, name: &str, jwt: &str) -> Result<(Password, i64), Error> {
    let mut parts = name.splitn(3, '/');
    let (Some(service), Some(account)) = (parts.next(), parts.next()) else {
        return Err(Error::Issuer(name.to_owned()));
    };
    let login = parts.next().map(|login| format!("/{}", segment(login))).unwrap_or_default();
    let path = format!("/authn-jwt/{}/{}{login}/authenticate", segment(service), segment(account));
    // A JWT has no character that a form would have to escape.
    let body = Bytes::from(format!("jwt={jwt}").into_bytes());
    let Flattened { protected, payload, signature } = client.post_form(&path, body).await?;
    let decoded = |part: &str| base64::decode(part.as_bytes()).ok_or(Error::Incomplete("token"));
    let (protected, payload, signature) = (decoded(&protected)?, decoded(&payload)?, decoded(&signature)?);
    let Claims { exp } = serde_json::from_slice(&payload).map_err(|_| Error::Incomplete("token"))?;
    // Signed are the parts in base64url without padding.
    let compact = [protected, payload, signature].map(|part| BASE64URL_NOPAD.encode(&part)).join(".");
    Ok((Password::from(compact), exp))
}

/// Seconds since 1970-01-01 UTC.
pub(super) fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}
