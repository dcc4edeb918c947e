//! `claviger identities universal-auth` and `claviger identities client-secrets`

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::tokens::{Tokens, put_networks};
use super::{detach, text};
use crate::cli::confirmation::Confirmation;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::table;
use crate::client::{Client, segment};

const EXAMPLE: &str = "\
Example:
  id=$(claviger identities create --name build --role member)
  claviger identities universal-auth attach \"$id\" --ttl 3600          # prints the client id
  claviger identities client-secrets create \"$id\" --uses 100         # prints a client secret
  claviger login --client-id CLIENT-ID --client-secret-file FILE      # as the application";

/// Let an identity log in by a client id and a client secret (Infisical's Universal Auth)
///
/// The server generates both, and an application exchanges them for an access token. `attach` prints the client id,
/// which is not a secret; `identities client-secrets create` prints a client secret.
#[derive(Subcommand)]
#[command(after_help = EXAMPLE)]
pub(in crate::cli) enum UniversalAuth {
    Attach(Attach),
    Detach(Detach),
    ClearLockouts(ClearLockouts),
}

/// Let an identity log in by a client id and client secrets, and print the client id
///
/// The identity has no client secret yet: create one with `identities client-secrets create`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(in crate::cli) struct Attach {
    /// Identifier of the identity
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    tokens: Tokens,
    /// Network from which client secrets may be used, such as 10.0.0.0/8; for several, repeat the option [default: all]
    #[arg(long, value_name = "NETWORK")]
    secret_trusted_ip: Vec<String>,
    /// Number of wrong client secrets from one network after which the client is locked out there, 1 to 30 [default: 3]
    #[arg(long, value_name = "N", conflicts_with = "no_lockout")]
    lockout_threshold: Option<u32>,
    /// Seconds for which the client is locked out, 30 to 86400 [default: 300]
    #[arg(long, value_name = "SECONDS", conflicts_with = "no_lockout")]
    lockout_duration: Option<u32>,
    /// Seconds after which failures are forgotten, 5 to 3600 [default: 30]
    #[arg(long, value_name = "SECONDS", conflicts_with = "no_lockout")]
    lockout_reset: Option<u32>,
    /// Turn the lockout off
    #[arg(long)]
    no_lockout: bool,
}

/// Remove the login by client secrets, and revoke the access tokens that were obtained by it
#[derive(clap::Args)]
pub(in crate::cli) struct Detach {
    /// Identifier of the identity
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Unlock an identity that presented too many wrong client secrets, and print the number of networks where it was
/// locked out
#[derive(clap::Args)]
pub(in crate::cli) struct ClearLockouts {
    /// Identifier of the identity
    #[arg(value_name = "ID")]
    id: String,
}

/// Manage the client secrets of identities with Universal Auth
#[derive(Subcommand)]
#[command(after_help = EXAMPLE)]
pub(in crate::cli) enum ClientSecrets {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Create a client secret, and print it: it cannot be shown again
#[derive(clap::Args)]
pub(in crate::cli) struct Create {
    /// Identifier of the identity
    #[arg(value_name = "ID")]
    id: String,
    /// Purpose of the client secret
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// Seconds for which it is valid; 0 = without limit
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    ttl: u32,
    /// Number of times that it may be used; 0 = any number
    #[arg(long, value_name = "N", default_value_t = 0)]
    uses: u32,
}

/// Print a table of the client secrets that are not revoked: their first characters, uses and lifetimes in seconds
#[derive(clap::Args)]
pub(in crate::cli) struct List {
    /// Identifier of the identity
    #[arg(value_name = "ID")]
    id: String,
}

/// Revoke a client secret; access tokens that were obtained with it stay valid: `tokens revoke` revokes them
#[derive(clap::Args)]
pub(in crate::cli) struct Revoke {
    /// Identifier of the identity
    #[arg(value_name = "ID")]
    id: String,
    /// Identifier of the client secret, as printed by `client-secrets list`
    #[arg(value_name = "SECRET-ID")]
    secret: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

pub(super) fn at(id: &str) -> String {
    format!("/api/v1/auth/universal-auth/identities/{}", segment(id))
}

impl UniversalAuth {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Attach(command) => command.run(client).await,
            Self::Detach(Detach { id, confirmation }) => {
                detach(client, "universal-auth detach", &id, &at(&id), &confirmation).await
            }
            Self::ClearLockouts(ClearLockouts { id }) => {
                let cleared: Value = client.post_json(&format!("{}/clear-lockouts", at(&id)), &json!({})).await?;
                let count = cleared.get("deleted").and_then(Value::as_u64).ok_or(Error::Incomplete("deleted"))?;
                Ok(Report::new([count.to_string()], cleared))
            }
        }
    }
}

impl Attach {
    async fn run(self, client: &Client) -> Result<Report, Error> {
        let mut body = Map::new();
        self.tokens.put(&mut body);
        put_networks(&mut body, "clientSecretTrustedIps", &self.secret_trusted_ip);
        for (name, number) in [
            ("lockoutThreshold", self.lockout_threshold),
            ("lockoutDurationSeconds", self.lockout_duration),
            ("lockoutCounterResetSeconds", self.lockout_reset),
        ] {
            body.extend(number.map(|number| (name.to_owned(), number.into())));
        }
        if self.no_lockout {
            body.insert("lockoutEnabled".to_owned(), false.into());
        }
        let made: Value = client.post_json(&at(&self.id), &body).await?;
        let client_id = text(&made, "/identityUniversalAuth/clientId").ok_or(Error::Incomplete("clientId"))?;
        Ok(Report::new([client_id], made))
    }
}

impl ClientSecrets {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Create(Create { id, description, ttl, uses }) => {
                let body = json!({ "description": description, "ttl": ttl, "numUsesLimit": uses });
                let made: Value = client.post_json(&format!("{}/client-secrets", at(&id)), &body).await?;
                let secret = text(&made, "/clientSecret").ok_or(Error::Incomplete("clientSecret"))?;
                Ok(Report::new([secret], made))
            }
            Self::List(List { id }) => {
                let list: Value = client.get_json(&format!("{}/client-secrets", at(&id))).await?;
                let all = list.get("clientSecretData").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                let rows: Vec<_> = all.iter().filter_map(row).collect();
                let header = ["IDENTIFIER", "BEGINS WITH", "USES", "LIFETIME", "DESCRIPTION"];
                Ok(Report::new(table::lines(header, &rows), list))
            }
            Self::Revoke(Revoke { id, secret, confirmation }) => {
                confirmation.ask("client-secrets revoke", &format!("The client secret {secret} will be revoked."))?;
                let path = format!("{}/client-secrets/{}/revoke", at(&id), segment(&secret));
                Ok(Report::quiet(client.post_json(&path, &json!({})).await?))
            }
        }
    }
}

fn row(secret: &Value) -> Option<[String; 5]> {
    let number = |name: &str| secret.get(name)?.as_i64();
    let any = |number: i64, word: &str| if number == 0 { word.to_owned() } else { number.to_string() };
    let uses = format!("{}/{}", number("clientSecretNumUses")?, any(number("clientSecretNumUsesLimit")?, "any"));
    let lifetime = any(number("clientSecretTTL")?, "unlimited");
    Some([text(secret, "/id")?, text(secret, "/clientSecretPrefix")?, uses, lifetime, text(secret, "/description")?])
}
