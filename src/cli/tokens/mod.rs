//! `claviger tokens`: the access tokens of all identities and hosts, for administrators.

use clap::Subcommand;
use serde_json::json;

use super::access_rights::all;
use super::confirmation::Confirmation;
use super::error::Error;
use super::report::Report;
use crate::api::tokens::{AccessToken, Rotated};
use crate::api::{Nothing, Success};
use crate::client::{Client, segment};

/// Manage access tokens that were issued by logins with JWTs, client secrets and API keys; for administrators
#[derive(Subcommand)]
pub(super) enum Tokens {
    List(List),
    Revoke(Revoke),
    RotateKey(RotateKey),
}

/// Print the access tokens that have not expired, one per line: `ID USER expires SECONDS uses N/LIMIT LOGIN [revoked]`
///
/// SECONDS is the time of expiry in seconds since 1970-01-01 UTC; LOGIN is the login that issued the access token.
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
    Ok(Report::of(all.iter().map(line), &all))
}

fn line(token: &AccessToken) -> String {
    let AccessToken { id, subject, expires, uses, uses_limit, vouched, revoked, .. } = token;
    let limit = if *uses_limit == 0 { "any".to_owned() } else { uses_limit.to_string() };
    let revoked = if *revoked { " revoked" } else { "" };
    format!("{id} {subject} expires {expires} uses {uses}/{limit} {vouched}{revoked}")
}
