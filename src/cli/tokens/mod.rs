//! `claviger tokens`: the access tokens of all identities and hosts, for administrators.

use clap::Subcommand;
use serde_json::json;

use super::access_rights::all;
use super::confirmation::Confirmation;
use super::error::Error;
use super::report::Report;
use super::table;
use crate::api::tokens::{AccessToken, Rotated};
use crate::api::{Nothing, Success};
use crate::client::{Client, segment};
use crate::x509;

/// Manage access tokens that were issued by logins with JWTs, client secrets and API keys; for administrators
#[derive(Subcommand)]
pub(super) enum Tokens {
    List(List),
    Revoke(Revoke),
    RotateKey(RotateKey),
}

/// Print a table of the access tokens that have not expired, with the login that issued each
#[derive(clap::Args)]
pub(super) struct List {
    /// Print only the access tokens of this user: identity:ID or host/ID
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
}

/// Revoke an access token
#[derive(clap::Args)]
pub(super) struct Revoke {
    /// Identifier of the access token, as printed by `tokens list`
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Sign new access tokens with a new key, and print its identifier; access tokens that were issued before stay valid
#[derive(clap::Args)]
pub(super) struct RotateKey {}

impl Tokens {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::List(List { subject }) => list(client, subject.as_deref()).await,
            Self::Revoke(Revoke { id, confirmation }) => {
                confirmation.ask("tokens revoke", &format!("The access token {id} will be revoked."))?;
                let _: Success = client.delete_json(&format!("/access/tokens/{}", segment(&id))).await?;
                Ok(Report::quiet(json!({ "id": id })))
            }
            Self::RotateKey(RotateKey {}) => {
                let rotated: Rotated = client.post_json("/access/token-key", &Nothing {}).await?;
                Ok(Report::of([rotated.kid.clone()], &rotated))
            }
        }
    }
}

async fn list(client: &Client, subject: Option<&str>) -> Result<Report, Error> {
    let subject = subject.map(|subject| format!("subject={}", segment(subject))).unwrap_or_default();
    let all = all(client, &format!("/access/tokens?{subject}"), |token: &AccessToken| &token.id).await?;
    let rows: Vec<_> = all.iter().map(row).collect();
    Ok(Report::of(table::lines(["IDENTIFIER", "USER", "LOGIN", "UNTIL", "USES", "STATE"], &rows), &all))
}

fn row(token: &AccessToken) -> [String; 6] {
    let AccessToken { id, subject, expires, uses, uses_limit, vouched, revoked, .. } = token;
    let limit = if *uses_limit == 0 { "any".to_owned() } else { uses_limit.to_string() };
    let state = if *revoked { "revoked" } else { "valid" };
    let uses = format!("{uses}/{limit}");
    [id.clone(), subject.clone(), vouched.clone(), x509::date(*expires), uses, state.to_owned()]
}
