//! `claviger access-rights definitions delete`

use clap::builder::NonEmptyStringValueParser;

use super::kind::{kind, path};
use crate::api::definitions::Defined;
use crate::cli::confirmation::Confirmation;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::{Client, segment};
use crate::policy::Kind;

/// Delete a definition that nothing refers to
#[derive(clap::Args)]
pub(in crate::cli) struct Delete {
    /// Kind of the definition
    #[arg(value_name = "KIND", value_parser = kind())]
    kind: Kind,
    /// Name of the definition
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl Delete {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let question = format!("{:?} will be deleted from {}.", self.name, self.kind.table());
        self.confirmation.ask("definitions delete", &question)?;
        let path = format!("{}/{}", path(self.kind), segment(&self.name));
        let deleted: Defined = client.delete_json(&path).await?;
        Ok(Report::of([], &deleted))
    }
}
