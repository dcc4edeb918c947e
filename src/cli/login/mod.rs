//! `claviger login` and `claviger logout`: a JWT for an access token, which later commands send.

mod exchange;
mod kept;
mod renewal;

use std::path::{Path, PathBuf};

use serde_json::json;

pub(super) use renewal::token;

use super::error::{Error, FileError};
use super::report::Report;
use super::stream::Source;
use crate::client::Client;
use crate::secret::Password;
use kept::Kept;

/// The longest JWT, in bytes.
const MAX_JWT: usize = 16 << 10;

/// Exchange a JWT of a trusted issuer for an access token, which later commands send to this server when no token is given
///
/// The token is kept in login.json beside the configuration file, readable only by you, and renewed when its end is near. With
/// --client-p12 it is bound to that certificate, and later commands need it too.
#[derive(clap::Args)]
pub(super) struct Login {
    /// Who the JWT vouches for: the identifier of an identity, or authn-jwt/SERVICE/ACCOUNT[/LOGIN] where LOGIN is host/ID
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    issuer: String,
    /// File that holds the JWT; `-` for standard input
    #[arg(long, value_name = "FILE")]
    jwt_file: PathBuf,
}

/// End the access token of the last login, and forget it
#[derive(clap::Args)]
pub(super) struct Logout {}

impl Login {
    pub(super) async fn run(self, client: &Client, place: Option<&Path>) -> Result<Report, Error> {
        let place = place.ok_or(Error::NoHome)?;
        let jwt = read(&self.jwt_file).await?;
        let kept = exchange::exchange(client, &self.issuer, &jwt).await?;
        kept.write(place).await?;
        let (issuer, expires) = (&self.issuer, kept.expires);
        Ok(Report::new(
            [format!("logged in: {issuer}, until {expires}")],
            json!({ "issuer": issuer, "expires": expires }),
        ))
    }
}

impl Logout {
    pub(super) async fn run(self, client: &Client, place: Option<&Path>) -> Result<Report, Error> {
        let place = place.ok_or(Error::NoHome)?;
        let kept = Kept::read(place)?.ok_or(Error::NotLoggedIn)?;
        // Forgotten first: whatever the server says, it is not sent any more.
        std::fs::remove_file(place).map_err(|source| FileError::Write { path: place.to_owned(), source })?;
        if kept.is_renewable && kept.is_of(client.url()) {
            let body = json!({ "accessToken": &*kept.token });
            let _: serde_json::Value = client.post_json("/api/v1/auth/token/revoke", &body).await?;
        }
        Ok(Report::quiet(json!({ "issuer": kept.issuer })))
    }
}

/// The JWT in a file, without what is around it.
pub(super) async fn read(path: &Path) -> Result<Password, Error> {
    let bytes = Source::open(path)?.read(MAX_JWT + 1).await?;
    if bytes.len() > MAX_JWT {
        return Err(FileError::Large { path: path.to_owned(), limit: MAX_JWT }.into());
    }
    let text = std::str::from_utf8(&bytes).map(str::trim).unwrap_or_default();
    if text.split('.').count() != 3 {
        return Err(Error::NoJwt(path.to_owned()));
    }
    Ok(Password::from(text.to_owned()))
}
