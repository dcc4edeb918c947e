//! `claviger login` and `claviger logout`: exchange a JWT, a client secret or an API key for an access token, which
//! later commands send.

mod exchange;
mod kept;
mod renewal;
mod secret;

use std::path::{Path, PathBuf};

use clap::ArgGroup;
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

pub(super) use renewal::token;

use super::account::Account;
use super::error::{Error, FileError};
use super::report::Report;
use super::stream::Source;
use super::terminal::typed;
use crate::api::logins::Presented;
use crate::client::Client;
use crate::secret::{Bytes, Password};
use exchange::Way;
use kept::Kept;
use secret::{API_KEY, CLIENT_SECRET};

/// The longest JWT, in bytes.
const MAX_JWT: usize = 16 << 10;

const EXAMPLES: &str = "\
Examples:
  claviger login --issuer ID --jwt-file job.jwt                           # jwt-auth
  claviger login --issuer oidc-auth/ID --jwt-file job.jwt                 # oidc-auth
  claviger login --issuer authn-jwt/gitlab/acme/host/web --jwt-file j.jwt # a host of Conjur
  claviger login --client-id CLIENT-ID --client-secret-file build.secret  # Universal Auth
  claviger login --host apps/web --account acme --api-key-file web.key    # a host of Conjur";

/// Log in as an application: exchange a JWT, a client secret or an API key for an access token, which later commands send
///
/// Give exactly one of --issuer, --client-id and --host. Later commands send the access token to this server, unless
/// another token is given by --access-token or --auth-token.
///
/// The access token is kept in login.json next to the default configuration file, readable only by you. If --issuer
/// names an identity, or with --client-id, later commands renew it when less than a quarter of its lifetime is left.
/// With --client-p12, the access token is bound to that certificate, and later commands need the certificate too.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("way").required(true).args(["issuer", "client_id", "host"]), after_help = EXAMPLES)]
pub(super) struct Login {
    /// Log in by a JWT of this issuer, named as printed by `issuers list`: an identity's ID (jwt-auth), oidc-auth/ID,
    /// or authn-jwt/SERVICE/ACCOUNT[/LOGIN] where LOGIN is host/HOST
    #[arg(long, value_name = "NAME", requires = "jwt_file", value_parser = NonEmptyStringValueParser::new())]
    issuer: Option<String>,
    /// File that holds the JWT; `-` for standard input
    #[arg(long, value_name = "FILE", requires = "issuer", conflicts_with_all = ["client_id", "host"])]
    jwt_file: Option<PathBuf>,
    /// Log in by a client secret (Universal Auth) of this client id, as printed by `identities universal-auth attach`
    #[arg(long, value_name = "CLIENT-ID", value_parser = NonEmptyStringValueParser::new())]
    client_id: Option<String>,
    /// File that holds the client secret; `-` for standard input; CLAVIGER_CLIENT_SECRET may hold the client secret
    /// itself instead [default: you are asked at the terminal]
    #[arg(long, value_name = "FILE", requires = "client_id", conflicts_with_all = ["issuer", "host"])]
    client_secret_file: Option<PathBuf>,
    /// Log in by an API key (Conjur) of this host, without `host/`
    #[arg(long, value_name = "HOST", value_parser = NonEmptyStringValueParser::new())]
    host: Option<String>,
    #[command(flatten)]
    account: Account,
    /// File that holds the API key; `-` for standard input; CLAVIGER_API_KEY may hold the API key itself instead
    /// [default: you are asked at the terminal]
    #[arg(long, value_name = "FILE", requires = "host", conflicts_with_all = ["issuer", "client_id"])]
    api_key_file: Option<PathBuf>,
}

/// Remove the access token of the last login from this machine, and revoke it
///
/// The access token of a Conjur host is removed but not revoked: it expires within eight minutes, or an administrator
/// revokes it with `claviger tokens revoke`.
#[derive(clap::Args)]
pub(super) struct Logout {}

impl Login {
    pub(super) async fn run(self, client: &Client, place: Option<&Path>) -> Result<Report, Error> {
        let place = place.ok_or(Error::NoHome)?;
        client.keeps_credentials()?;
        let kept = self.way().await?.exchange(client).await?;
        kept.write(place).await?;
        let (issuer, expires) = (&kept.issuer, kept.expires);
        Ok(Report::new(
            [format!("logged in: {issuer}, until {expires}")],
            json!({ "issuer": issuer, "expires": expires }),
        ))
    }

    /// Reads the credential, and returns the login method.
    async fn way(self) -> Result<Way, Error> {
        if let Some(client_id) = self.client_id {
            let secret = CLIENT_SECRET.read(self.client_secret_file.as_deref()).await?;
            return Ok(Way::ClientSecret { client_id, secret });
        }
        if let Some(host) = self.host {
            let key = API_KEY.read(self.api_key_file.as_deref()).await?;
            return Ok(Way::ApiKey { account: self.account.name, host, key });
        }
        // Both options are given: each requires the other, and one of the three methods is required.
        let (issuer, file) = (self.issuer.unwrap_or_default(), self.jwt_file.unwrap_or_default());
        Ok(Way::Jwt { issuer, jwt: read(&file).await? })
    }
}

impl Logout {
    pub(super) async fn run(self, client: &Client, place: Option<&Path>) -> Result<Report, Error> {
        let place = place.ok_or(Error::NoHome)?;
        let kept = Kept::read(place)?.ok_or(Error::NotLoggedIn)?;
        // The file is removed first, so that the token is no longer sent even if the server cannot revoke it.
        std::fs::remove_file(place).map_err(|source| FileError::Write { path: place.to_owned(), source })?;
        if kept.is_renewable && kept.is_of(client.url()) {
            let body = Presented { access_token: &*kept.token };
            let _: serde_json::Value = client.post_json("/api/v1/auth/token/revoke", &body).await?;
        }
        Ok(Report::quiet(json!({ "issuer": kept.issuer })))
    }
}

/// Reads the JWT in a file, or typed at a terminal, without surrounding whitespace.
pub(super) async fn read(path: &Path) -> Result<Password, Error> {
    let bytes = match typed(Some(path), "The JWT: ")? {
        Some(typed) => Bytes::from(typed.as_bytes()),
        None => Source::whole(path, MAX_JWT, FileError::large).await?,
    };
    let text = std::str::from_utf8(&bytes).map(str::trim).unwrap_or_default();
    if text.split('.').count() != 3 {
        return Err(Error::NoJwt(path.to_owned()));
    }
    Ok(Password::from(text.to_owned()))
}
