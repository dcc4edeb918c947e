//! `claviger random`

use super::output::{Form, Place};
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;
use crate::kmip::payloads::rng_retrieve::Request;

/// Print random bytes of the HSM
#[derive(clap::Args)]
pub(in crate::cli) struct Random {
    /// Number of bytes, 1 to 65536
    #[arg(value_name = "BYTES", value_parser = clap::value_parser!(i32).range(1..=65_536))]
    bytes: i32,
    #[command(flatten)]
    place: Place,
    /// Form of the bytes
    #[arg(short, long, value_name = "FORM", value_enum, default_value = "hex")]
    format: Form,
}

impl Random {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let answer = client.execute(Request { data_length: self.bytes }).await?;
        self.place.put(answer.data, self.format, "random", None).await
    }
}
