//! `claviger access-rights grant` and `revoke`

use serde_json::json;

use super::list::access_of;
use super::ownership::change;
use super::which::Which;
use crate::api::access as api;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;
use crate::policy::Action;

/// Allow another user, or every user with a role, to perform operations on an object
///
/// If all of them are granted already, the command says so and succeeds.
#[derive(clap::Args)]
pub(in crate::cli) struct Grant {
    #[command(flatten)]
    change: Change,
}

/// Revoke grants on an object
///
/// If none of them is granted, the command says so and succeeds.
#[derive(clap::Args)]
pub(in crate::cli) struct Revoke {
    #[command(flatten)]
    change: Change,
}

/// The grantee, the object and the operations.
#[derive(clap::Args)]
struct Change {
    #[command(flatten)]
    grantee: Grantee,
    #[command(flatten)]
    which: Which,
    /// One or more operations, separated by blanks: get_attributes, encrypt, decrypt, mac, mac_verify, sign,
    /// signature_verify, get, export, activate, revoke, destroy, modify_attribute, import, read_secret, write_secret
    #[arg(value_name = "OPERATION", required = true)]
    operations: Vec<String>,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Grantee {
    /// User with this name, with any credential; `*` for every user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Every user with this role
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
}

impl Grant {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        self.change.send(client, "/access/grant", true).await
    }
}

impl Revoke {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        self.change.send(client, "/access/revoke", false).await
    }
}

impl Change {
    /// Sends the request. Exactly one of user and role is given, which clap checks. `is_to_be` says whether the
    /// operations are granted afterwards.
    async fn send(self, client: &Client, path: &str, is_to_be: bool) -> Result<Report, Error> {
        let unique_identifier = self.which.id(client).await?;
        let Self { grantee: Grantee { user: user_id, role }, operations, .. } = self;
        let body = api::Change { unique_identifier, user_id, role, operation_types: operations };
        let error = match change(client, path, &body.unique_identifier, &body).await {
            Err(error) if error.refusal().is_some_and(|refusal| refusal.status.as_u16() == 422) => error,
            done => return done,
        };
        // The server refuses a change without effect. It is an error only if the access is not as it should be.
        match access_of(client, &body.unique_identifier).await {
            Ok(all) if is_as_wanted(&all.grants, &body, is_to_be) => {
                let said = error.refusal().and_then(|refusal| refusal.detail.clone()).unwrap_or_default();
                let json = json!({ "unique_identifier": body.unique_identifier, "unchanged": true });
                Ok(Report::new([format!("nothing to change: {said}")], json))
            }
            _ => Err(error),
        }
    }
}

/// Returns whether all operations are granted to the grantee, or none of them if they are not to be.
fn is_as_wanted(grants: &[api::Grant], wanted: &api::Change, is_to_be: bool) -> bool {
    let own = |grant: &&api::Grant| match &wanted.role {
        Some(role) => grant.role.as_ref() == Some(role),
        None => grant.role.is_none() && grant.user_id == wanted.user_id,
    };
    let words = grants.iter().filter(own).flat_map(|grant| &grant.operations);
    let held: Vec<Action> = words.filter_map(|word| Action::from_word(word)).collect();
    let is_held = |word: &String| Action::from_word(word).is_some_and(|action| held.contains(&action));
    !wanted.operation_types.is_empty() && wanted.operation_types.iter().all(|word| is_held(word) == is_to_be)
}
