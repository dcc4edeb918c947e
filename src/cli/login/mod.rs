//! `claviger login` and `claviger logout`: a JWT, a client secret or an API key for an access token, which later commands send.

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
use crate::api::logins::Presented;
use crate::client::Client;
use crate::secret::Password;
use exchange::Way;
use kept::Kept;
use secret::{API_KEY, CLIENT_SECRET};

/// The longest JWT, in bytes.
const MAX_JWT: usize = 16 << 10;

const EXAMPLES: &str = "\
Examples:
  claviger login --issuer ID --jwt-file job.jwt                                   # an identity with jwt-auth
  claviger login --issuer oidc-auth/ID --jwt-file job.jwt                         # an identity with oidc-auth
  claviger login --issuer authn-jwt/gitlab/acme/host/apps/web --jwt-file job.jwt  # a host of Conjur
  claviger login --client-id CLIENT-ID --client-secret-file build.secret          # an identity with Universal Auth
  claviger login --host apps/web --account acme --api-key-file web.key            # a host of Conjur";

/// Log in as an application: exchange a JWT, a client secret or an API key for an access token, which later commands send
///
/// Exactly one of --issuer, --client-id and --host says by what. Later commands send the access token to this server when no
/// other token is given by --access-token or --auth-token.
///
/// The access token is kept in login.json beside the usual configuration file, readable only by you. If --issuer names an
/// identity, or with --client-id, it is renewed when a quarter of its time is left. With --client-p12 it is bound to that
/// certificate, and later commands need the certificate too.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("way").required(true).args(["issuer", "client_id", "host"]), after_help = EXAMPLES)]
pub(super) struct Login {
    /// Log in by a JWT of this issuer, by the name that `issuers list` prints: an identity's ID (jwt-auth), oidc-auth/ID, or
    /// authn-jwt/SERVICE/ACCOUNT[/LOGIN] where LOGIN is host/HOST
    #[arg(long, value_name = "NAME", requires = "jwt_file", value_parser = NonEmptyStringValueParser::new())]
    issuer: Option<String>,
    /// File that holds the JWT; `-` for standard input
    #[arg(long, value_name = "FILE", requires = "issuer", conflicts_with_all = ["client_id", "host"])]
    jwt_file: Option<PathBuf>,
    /// Log in by a client secret (Universal Auth): the client id that `identities universal-auth attach` printed
    #[arg(long, value_name = "CLIENT-ID", value_parser = NonEmptyStringValueParser::new())]
    client_id: Option<String>,
    /// File that holds the client secret; `-` for standard input; or the client secret itself in CLAVIGER_CLIENT_SECRET
    #[arg(long, value_name = "FILE", requires = "client_id", conflicts_with_all = ["issuer", "host"])]
    client_secret_file: Option<PathBuf>,
    /// Log in by an API key (Conjur): the host that has it, without `host/`
    #[arg(long, value_name = "HOST", value_parser = NonEmptyStringValueParser::new())]
    host: Option<String>,
    #[command(flatten)]
    account: Account,
    /// File that holds the API key; `-` for standard input; or the API key itself in CLAVIGER_API_KEY
    #[arg(long, value_name = "FILE", requires = "host", conflicts_with_all = ["issuer", "client_id"])]
    api_key_file: Option<PathBuf>,
}

/// Forget the access token of the last login, and end it
///
/// The access token of a host of Conjur is forgotten and not ended: it expires within eight minutes, or an administrator ends it
/// with `claviger tokens revoke`.
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

    /// What is presented, read from where it is.
    async fn way(self) -> Result<Way, Error> {
        if let Some(client_id) = self.client_id {
            let secret = CLIENT_SECRET.read(self.client_secret_file.as_deref()).await?;
            return Ok(Way::ClientSecret { client_id, secret });
        }
        if let Some(host) = self.host {
            let key = API_KEY.read(self.api_key_file.as_deref()).await?;
            return Ok(Way::ApiKey { account: self.account.name, host, key });
        }
        // Both are there: the options need each other, and one of the three ways is required.
        let (issuer, file) = (self.issuer.unwrap_or_default(), self.jwt_file.unwrap_or_default());
        Ok(Way::Jwt { issuer, jwt: read(&file).await? })
    }
}

impl Logout {
    pub(super) async fn run(self, client: &Client, place: Option<&Path>) -> Result<Report, Error> {
        let place = place.ok_or(Error::NoHome)?;
        let kept = Kept::read(place)?.ok_or(Error::NotLoggedIn)?;
        // Forgotten first: whatever the server says, it is not sent any more.
        std::fs::remove_file(place).map_err(|source| FileError::Write { path: place.to_owned(), source })?;
        if kept.is_renewable && kept.is_of(client.url()) {
            let body = Presented { access_token: &*kept.token };
            let _: serde_json::Value = client.post_json("/api/v1/auth/token/revoke", &body).await?;
        }
        Ok(Report::quiet(json!({ "issuer": kept.issuer })))
    }
}

/// The JWT in a file, without what is around it.
pub(super) async fn read(path: &Path) -> Result<Password, Error> {
    let bytes = Source::whole(path, MAX_JWT, FileError::large).await?;
    let text = std::str::from_utf8(&bytes).map(str::trim).unwrap_or_default();
    if text.split('.').count() != 3 {
        return Err(Error::NoJwt(path.to_owned()));
    }
    Ok(Password::from(text.to_owned()))
}
