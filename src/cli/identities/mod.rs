//! `claviger identities`: applications that authenticate by an issuer's JWTs or by client secrets, for administrators.

mod attach;
mod bounds;
mod memberships;
mod oidc_auth;
mod tokens;
mod universal_auth;

use clap::{ArgGroup, Subcommand};
use serde_json::{Map, Value, json};

use super::confirmation::Confirmation;
use super::error::Error;
use super::report::Report;
use super::table;
use crate::client::{Client, segment};

/// Manage applications that log in by an issuer's JWTs or by client secrets; for administrators
///
/// An identity is an application that logs in to get access tokens: by JWTs of an issuer (`attach`), by JWTs of an
/// OpenID Connect provider (`oidc-auth`), or by a client id and a client secret (`universal-auth`). It may use all
/// three.
#[derive(Subcommand)]
pub(super) enum Identities {
    Create(Create),
    List(List),
    Show(Show),
    Update(Update),
    Delete(Delete),
    Attach(attach::Attach),
    Detach(Detach),
    #[command(subcommand)]
    OidcAuth(oidc_auth::OidcAuth),
    #[command(subcommand)]
    UniversalAuth(universal_auth::UniversalAuth),
    #[command(subcommand)]
    ClientSecrets(universal_auth::ClientSecrets),
    #[command(subcommand)]
    Memberships(memberships::Memberships),
}

/// The organization role of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Role {
    /// Is an administrator
    Admin,
    /// May create its own objects, like other users
    Member,
    /// Has only its roles in projects and its grants
    NoAccess,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::NoAccess => "no-access",
        }
    }
}

/// Create an identity, and print its identifier
#[derive(clap::Args)]
pub(super) struct Create {
    /// Its name, for people
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Organization role: what it may do in addition to its roles in projects
    #[arg(long, value_enum, default_value_t = Role::NoAccess)]
    role: Role,
}

/// Print a table of the identities
#[derive(clap::Args)]
pub(super) struct List {}

/// Print an identity and its login methods as JSON
#[derive(clap::Args)]
pub(super) struct Show {
    /// Its identifier
    #[arg(value_name = "ID")]
    id: String,
}

/// Change the name or the role of an identity, or end its access tokens
#[derive(clap::Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(["name", "role", "end_tokens"]))]
pub(super) struct Update {
    /// Its identifier
    #[arg(value_name = "ID")]
    id: String,
    /// Its name, for people
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Organization role: what it may do in addition to its roles in projects
    #[arg(long, value_enum)]
    role: Option<Role>,
    /// Revoke all its access tokens, of every login method: a change of keys, issuer, subject, audiences or claims does
    /// not revoke them
    #[arg(long)]
    end_tokens: bool,
}

/// Remove an identity, and revoke its access tokens
#[derive(clap::Args)]
pub(super) struct Delete {
    /// Its identifier
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Remove the login by JWTs that `attach` set up, and revoke the access tokens that were obtained by it
#[derive(clap::Args)]
pub(super) struct Detach {
    /// Its identifier
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// The columns of a list of identities.
const HEADER: [&str; 3] = ["IDENTIFIER", "NAME", "ROLE"];

fn at(id: &str) -> String {
    format!("/api/v1/identities/{}", segment(id))
}

fn jwt_auth_at(id: &str) -> String {
    format!("/api/v1/auth/jwt-auth/identities/{}", segment(id))
}

impl Identities {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Create(Create { name, role }) => {
                let body = json!({ "name": name, "role": role.word() });
                let made: Value = client.post_json("/api/v1/identities", &body).await?;
                let id = text(&made, "/identity/id").ok_or(Error::Incomplete("identity"))?;
                Ok(Report::new([id], made))
            }
            Self::List(List {}) => {
                let list = pages(client, "/api/v1/identities", "identities").await?;
                let all = list.get("identities").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                let rows: Vec<_> = all.iter().filter_map(row).collect();
                Ok(Report::new(table::lines(HEADER, &rows), list))
            }
            Self::Show(Show { id }) => show(client, &id).await,
            Self::Update(Update { id, name, role, end_tokens }) => {
                let mut body = Map::new();
                body.extend(name.map(|name| ("name".to_owned(), name.into())));
                body.extend(role.map(|role| ("role".to_owned(), role.word().into())));
                body.extend(end_tokens.then(|| ("endTokens".to_owned(), true.into())));
                Ok(Report::quiet(client.patch_json(&at(&id), &body).await?))
            }
            Self::Delete(Delete { id, confirmation }) => {
                confirmation.ask("identities delete", &format!("The identity {id} will be removed."))?;
                Ok(Report::quiet(client.delete_json(&at(&id)).await?))
            }
            Self::Attach(command) => command.run(client).await,
            Self::Detach(Detach { id, confirmation }) => {
                detach(client, "identities detach", &id, &jwt_auth_at(&id), &confirmation).await
            }
            Self::OidcAuth(command) => command.run(client).await,
            Self::UniversalAuth(command) => command.run(client).await,
            Self::ClientSecrets(command) => command.run(client).await,
            Self::Memberships(command) => command.run(client).await,
        }
    }
}

/// Fetches all pages of a list. Returns the server's answer with the entries of every page in its member `name`.
async fn pages(client: &Client, path: &str, name: &'static str) -> Result<Value, Error> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let mut page: Value = client.get_json(&format!("{path}?offset={}", all.len())).await?;
        let total = page.get("totalCount").and_then(Value::as_u64).and_then(|total| usize::try_from(total).ok());
        let Some(Value::Array(entries)) = page.get_mut(name) else {
            return Err(Error::Incomplete(name));
        };
        let is_empty = entries.is_empty();
        all.append(entries);
        if is_empty || total.is_none_or(|total| all.len() >= total) {
            *entries = all;
            return Ok(page);
        }
    }
}

/// Removes a login method of an identity, which is at this path of the server. `command` is the name of the command.
async fn detach(
    client: &Client,
    command: &'static str,
    id: &str,
    path: &str,
    confirmation: &Confirmation,
) -> Result<Report, Error> {
    let question =
        format!("The identity {id} will lose this login, its settings, and the access tokens obtained by it.");
    confirmation.ask(command, &question)?;
    Ok(Report::quiet(client.delete_json(path).await?))
}

/// Revokes the access tokens of an identity, after a change of one of its login methods.
async fn end_tokens(client: &Client, id: &str) -> Result<(), Error> {
    let ended = client.patch_json::<Value>(&at(id), &json!({ "endTokens": true })).await;
    ended.map(drop).map_err(|source| Error::TokensNotEnded { id: id.to_owned(), source: Box::new(source.into()) })
}

/// Returns the identity and its login methods.
async fn show(client: &Client, id: &str) -> Result<Report, Error> {
    let mut shown: Value = client.get_json(&at(id)).await?;
    let methods = shown.pointer("/identity/authMethods").and_then(Value::as_array).cloned().unwrap_or_default();
    for method in methods.iter().filter_map(Value::as_str) {
        let path = format!("/api/v1/auth/{}/identities/{}", segment(method), segment(id));
        let auth: Map<String, Value> = client.get_json(&path).await?;
        if let Some(members) = shown.as_object_mut() {
            members.extend(auth);
        }
    }
    Ok(pretty(shown))
}

/// Returns a report of the server's unchanged answer. For people it is formatted on several lines.
fn pretty(shown: Value) -> Report {
    let text = crate::text::json(&serde_json::to_string_pretty(&shown).unwrap_or_default());
    Report::new(text.lines().map(str::to_owned), shown)
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

fn row(identity: &Value) -> Option<[String; 3]> {
    Some([text(identity, "/id")?, text(identity, "/name")?, text(identity, "/role")?])
}
