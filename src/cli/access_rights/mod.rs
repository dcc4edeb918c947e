//! `claviger access-rights`: who may do what.

mod accept;
mod decline;
mod definitions;
mod explain;
mod grant;
mod grantee;
mod list;
mod obtained;
mod offers;
mod owned;
mod project;
mod recover;
mod revoke;
mod transfer;

use serde_json::{Value, json};

use super::error::Error;
use super::report::Report;
use crate::client::{Client, segment};

/// Who may do what: grants on objects, their owners and projects, and the definitions of roles, policies and applications
#[derive(clap::Subcommand)]
pub(super) enum AccessRights {
    Grant(grant::Grant),
    Revoke(revoke::Revoke),
    List(list::List),
    Owned(owned::Owned),
    Obtained(obtained::Obtained),
    Transfer(transfer::Transfer),
    Accept(accept::Accept),
    Decline(decline::Decline),
    Offers(offers::Offers),
    #[command(subcommand)]
    Recover(recover::Recover),
    Project(project::Project),
    Explain(explain::Explain),
    #[command(subcommand)]
    Definitions(definitions::Definitions),
}

impl AccessRights {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Grant(command) => command.run(client).await,
            Self::Revoke(command) => command.run(client).await,
            Self::List(command) => command.run(client).await,
            Self::Owned(command) => command.run(client).await,
            Self::Obtained(command) => command.run(client).await,
            Self::Transfer(command) => command.run(client).await,
            Self::Accept(command) => command.run(client).await,
            Self::Decline(command) => command.run(client).await,
            Self::Offers(command) => command.run(client).await,
            Self::Recover(command) => command.run(client).await,
            Self::Project(command) => command.run(client).await,
            Self::Explain(command) => command.run(client).await,
            Self::Definitions(command) => command.run(client).await,
        }
    }
}

/// What is said of an object whose access was changed.
fn changed(unique_identifier: &str) -> Report {
    Report::quiet(json!({ "unique_identifier": unique_identifier }))
}

/// A list that the server gives in pages, as bare arrays: the next page begins after the last entry, by its member `name`, and an
/// empty page is the end. `path` ends with `?` or with a parameter.
pub(in crate::cli) async fn all(client: &Client, path: &str, name: &str) -> Result<Vec<Value>, Error> {
    let mut all: Vec<Value> = Vec::new();
    let mut after = None;
    loop {
        let place = after.as_deref().map(|after| format!("&after={}", segment(after))).unwrap_or_default();
        let page: Vec<Value> = client.get_json(&format!("{path}{place}")).await?;
        let last = page.last().map(|last| text(last, name).to_owned());
        // A server that knows no pages of this list gives all of it each time.
        if last.is_none() || last == after {
            return Ok(all);
        }
        all.extend(page);
        after = last;
    }
}

/// A list that the server gives in pages, as `{NAME: [...], "next": ...}`; `path` ends with `?` or with a parameter. At most
/// `limit` entries, if that is given.
pub(in crate::cli) async fn list_of(
    client: &Client,
    path: &str,
    name: &str,
    limit: Option<usize>,
) -> Result<Vec<Value>, Error> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut all: Vec<Value> = Vec::new();
    let mut next = Some(String::new());
    while let Some(after) = next.filter(|_| all.len() < limit) {
        let place = if after.is_empty() { String::new() } else { format!("&after={}", segment(&after)) };
        let mut page: Value = client.get_json(&format!("{path}{place}")).await?;
        if let Some(Value::Array(entries)) = page.get_mut(name) {
            all.append(entries);
        }
        next = page.get("next").and_then(Value::as_str).map(str::to_owned);
    }
    all.truncate(limit);
    Ok(all)
}

/// A text of a server's object.
pub(in crate::cli) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("?")
}

/// A list of words of a server's object.
fn words(value: &Value, name: &str) -> String {
    let words = value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}
