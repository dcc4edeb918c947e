//! `claviger access-rights offers`

use super::pages::list_of;
use crate::api::ownership::Offer;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Print the objects that are offered to you, one on a line: `ID STATE from OWNER to USER until TIME`
#[derive(clap::Args)]
pub(in crate::cli) struct Offers {
    /// Those that you offer to others
    #[arg(long)]
    made: bool,
}

impl Offers {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let path = if self.made { "/access/offers/made?" } else { "/access/offers?" };
        let offers: Vec<Offer> = list_of(client, path, "offers", None).await?;
        Ok(Report::of(offers.iter().map(line), &offers))
    }
}

fn line(offer: &Offer) -> String {
    let Offer { unique_identifier, owner, to, expires, object } = offer;
    let state = object.state.as_deref().unwrap_or("?");
    format!("{unique_identifier} {state} from {owner} to {to} until {expires}")
}
