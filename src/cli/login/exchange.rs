//! Login methods: the credentials, and their exchange for an access token.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use time::OffsetDateTime;

use super::kept::Kept;
use crate::api::logins::{Flattened, Given, JwtLogin, SecretLogin};
use crate::base64;
use crate::cli::error::Error;
use crate::client::{self, Client, segment};
use crate::secret::{Bytes, Password};

/// The beginning of the name of a Conjur authenticator.
const AUTHENTICATOR: &str = "authn-jwt/";

/// The beginning of the name of an identity that logs in by JWTs of an OpenID Connect provider.
const OIDC_AUTH: &str = "oidc-auth/";

/// A login method with its credential.
pub(super) enum Way {
    /// A JWT, and the name of its issuer as printed by `issuers list`.
    Jwt { issuer: String, jwt: Password },
    /// Universal Auth of an identity.
    ClientSecret { client_id: String, secret: Password },
    /// An API key of a Conjur host. `host` is without `host/`.
    ApiKey { account: String, host: String, key: Password },
}

#[derive(Deserialize)]
struct Claims {
    exp: i64,
}

/// An access token, its expiry in seconds since 1970-01-01 UTC, and whether its bearer can renew and revoke it.
struct Token {
    token: Password,
    expires: i64,
    is_renewable: bool,
}

impl Way {
    /// Returns its name for the login file and for reports.
    fn name(&self) -> String {
        match self {
            Self::Jwt { issuer, .. } => issuer.clone(),
            Self::ClientSecret { client_id, .. } => format!("universal-auth/{client_id}"),
            Self::ApiKey { account, host, .. } => format!("authn/{account}/host/{host}"),
        }
    }

    /// Returns the name of the credential for messages.
    fn credential(&self) -> &'static str {
        match self {
            Self::Jwt { .. } => "JWT",
            Self::ClientSecret { .. } => "client id and client secret",
            Self::ApiKey { .. } => "account, host and API key",
        }
    }

    /// Exchanges the credential for an access token.
    ///
    /// # Errors
    /// The server refuses the credential, or the name of the issuer is invalid.
    pub(super) async fn exchange(&self, client: &Client) -> Result<Kept, Error> {
        let given = match self {
            Self::Jwt { issuer, jwt } => match issuer.strip_prefix(AUTHENTICATOR) {
                Some(rest) => {
                    let jwt = form_urlencoded::byte_serialize(jwt.as_bytes());
                    let body = Bytes::from(["jwt="].into_iter().chain(jwt).collect::<String>().into_bytes());
                    flattened(client.post_form(&authenticator(rest)?, body).await)
                }
                None => {
                    let (way, identity_id) = match issuer.strip_prefix(OIDC_AUTH) {
                        Some(id) => ("oidc-auth", id),
                        None => ("jwt-auth", &**issuer),
                    };
                    let path = format!("/api/v1/auth/{way}/login");
                    renewable(
                        client.post_json(&path, &JwtLogin { identity_id: identity_id.to_owned(), jwt: &**jwt }).await,
                    )
                }
            },
            Self::ClientSecret { client_id, secret } => {
                let body = SecretLogin { client_id: client_id.clone(), client_secret: &**secret };
                renewable(client.post_json("/api/v1/auth/universal-auth/login", &body).await)
            }
            Self::ApiKey { account, host, key } => {
                let login = segment(&format!("host/{host}"));
                let path = format!("/authn/{}/{login}/authenticate", segment(account));
                flattened(client.post_text(&path, Bytes::from(key.as_bytes())).await)
            }
        };
        let Token { token, expires, is_renewable } = given.map_err(|error| self.refused(error))?;
        Ok(Kept { url: client.url().to_string(), issuer: self.name(), token, since: now(), expires, is_renewable })
    }

    /// Converts a refused credential to an error of the login, and leaves every other error unchanged.
    fn refused(&self, error: Error) -> Error {
        match error {
            Error::Client(client::Error::Refused(refusal)) if refusal.is_unauthenticated() => {
                Error::LoginRefused { credential: self.credential(), refusal }
            }
            other => other,
        }
    }
}

/// Returns the path where an authenticator takes JWTs. `name` is the part of its name after [`AUTHENTICATOR`].
fn authenticator(name: &str) -> Result<String, Error> {
    let mut parts = name.splitn(3, '/');
    let (Some(service), Some(account)) = (parts.next(), parts.next()) else {
        return Err(Error::Issuer(name.to_owned()));
    };
    let login = parts.next().map(|login| format!("/{}", segment(login))).unwrap_or_default();
    Ok(format!("/authn-jwt/{}/{}{login}/authenticate", segment(service), segment(account)))
}

fn renewable(answer: Result<Given<Password>, client::Error>) -> Result<Token, Error> {
    let Given { access_token, expires_in, .. } = answer?;
    Ok(Token { token: access_token, expires: now().saturating_add(expires_in), is_renewable: true })
}

fn flattened(answer: Result<Flattened<Password>, client::Error>) -> Result<Token, Error> {
    let Flattened { protected, payload, signature } = answer?;
    let decoded = |part: &str| base64::decode(part.as_bytes()).ok_or(Error::Incomplete("token"));
    let (protected, payload, signature) = (decoded(&protected)?, decoded(&payload)?, decoded(&signature)?);
    let Claims { exp } = serde_json::from_slice(&payload).map_err(|_| Error::Incomplete("token"))?;
    // The signature covers the parts in base64url without padding.
    let compact = [protected, payload, signature].map(|part| BASE64URL_NOPAD.encode(&part)).join(".");
    Ok(Token { token: Password::from(compact), expires: exp, is_renewable: false })
}

/// Returns the current time in seconds since 1970-01-01 UTC.
pub(super) fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}
