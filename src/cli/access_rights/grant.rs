//! `claviger access-rights grant` and `revoke`

use clap::builder::NonEmptyStringValueParser;

use super::ownership::change;
use crate::api::access as api;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Allow another user, or every user with a role, to perform operations on an object
#[derive(clap::Args)]
pub(in crate::cli) struct Grant {
    #[command(flatten)]
    change: Change,
}

/// Revoke grants on an object
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
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
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
        self.change.send(client, "/access/grant").await
    }
}

impl Revoke {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        self.change.send(client, "/access/revoke").await
    }
}

impl Change {
    /// Sends the request. Exactly one of user and role is given, which clap checks.
    async fn send(self, client: &Client, path: &str) -> Result<Report, Error> {
        let Self { grantee: Grantee { user: user_id, role }, key_id: unique_identifier, operations } = self;
        let body = api::Change { unique_identifier, user_id, role, operation_types: operations };
        change(client, path, &body.unique_identifier, &body).await
    }
}
