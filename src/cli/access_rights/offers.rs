//! `claviger access-rights offers`

use serde_json::Value;

use super::pages::{list_of, text};
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Print the objects that are offered to you, one per line: `ID STATE from OWNER to USER until TIME`
#[derive(clap::Args)]
pub(in crate::cli) struct Offers {
    /// Print the objects that you offer to other users instead
    #[arg(long)]
    made: bool,
}

impl Offers {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let path = if self.made { "/access/offers/made?" } else { "/access/offers?" };
        let offers = list_of(client, path, "offers", None).await?;
        let lines: Vec<String> = offers.iter().map(line).collect();
        Ok(Report::new(lines, Value::Array(offers)))
    }
}

fn line(offer: &Value) -> String {
    let part = |name| text(offer, name);
    let (id, state, owner) = (part("unique_identifier"), part("state"), part("owner"));
    format!("{id} {state} from {owner} to {} until {}", part("to"), part("expires"))
}
