//! `claviger access-rights transfer`, `accept`, `decline` and `list --offers`: a transfer, which its receiver must accept.

use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;

use super::pages::list_of;
use super::which::Which;
use crate::api::Success;
use crate::api::access::Transfer as ToTransfer;
use crate::api::ownership::{Offer, Offered};
use crate::cli::confirmation::Confirmation;
use crate::cli::error::Error;
use crate::cli::report::{Report, changed};
use crate::cli::table;
use crate::client::Client;

/// Offer an object of yours to another user, who becomes its owner by accepting the offer
///
/// The offer expires after 7 days, and nothing changes before it is accepted. Then you have no access any longer: the
/// object leaves its project, and all grants on it are revoked.
#[derive(clap::Args)]
pub(in crate::cli) struct Transfer {
    #[command(flatten)]
    which: Which,
    /// New owner
    #[arg(long, value_name = "USER")]
    to: String,
}

/// Accept an object that is offered to you: you become its owner
///
/// The object leaves its project, and all grants on it are revoked.
#[derive(clap::Args)]
pub(in crate::cli) struct Accept {
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Decline an object that is offered to you, or withdraw an offer of yours
#[derive(clap::Args)]
pub(in crate::cli) struct Decline {
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
}

/// Print a table of the objects that are offered to you: the former spelling of `list --offers`
#[derive(clap::Args)]
pub(in crate::cli) struct Offers {
    /// Print the objects that you offer to other users instead
    #[arg(long)]
    pub(super) made: bool,
}

impl Transfer {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let body = ToTransfer { unique_identifier: self.which.id(client).await?, user_id: self.to };
        change(client, "/access/transfer", &body.unique_identifier, &body).await
    }
}

impl Accept {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let question = format!("You will own the object {}, and all grants on it will be revoked.", self.key_id);
        self.confirmation.ask("access-rights accept", &question)?;
        let body = Offered { unique_identifier: self.key_id };
        change(client, "/access/accept", &body.unique_identifier, &body).await
    }
}

impl Decline {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let body = Offered { unique_identifier: self.key_id };
        change(client, "/access/decline", &body.unique_identifier, &body).await
    }
}

/// Sends a request that changes an object.
pub(super) async fn change(client: &Client, path: &str, id: &str, body: &impl Serialize) -> Result<Report, Error> {
    let _: Success = client.post_json(path, body).await?;
    Ok(changed(id))
}

impl Offers {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let path = if self.made { "/access/offers/made?" } else { "/access/offers?" };
        let offers: Vec<Offer> = list_of(client, path, "offers", None).await?;
        let rows: Vec<_> = offers.iter().map(row).collect();
        Ok(Report::of(table::lines(["IDENTIFIER", "STATE", "OWNER", "TO", "UNTIL"], &rows), &offers))
    }
}

fn row(offer: &Offer) -> [String; 5] {
    let Offer { unique_identifier, owner, to, expires, object } = offer;
    let state = object.state.as_deref().unwrap_or_default().to_owned();
    [unique_identifier.clone(), state, owner.clone(), to.clone(), expires.clone()]
}
