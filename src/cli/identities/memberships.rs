//! `claviger identities memberships`

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use super::{HEADER, pages, text};
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::table;
use crate::client::{Client, segment};

const EXAMPLE: &str = "\
Example:
  claviger identities memberships put \"$id\" --project apollo --role operator
  claviger identities memberships list --project apollo";

/// Manage the roles of identities in projects
///
/// An identity has at most one role in a project. The role determines what the identity may do with the project's
/// objects.
#[derive(Subcommand)]
#[command(after_help = EXAMPLE)]
pub(in crate::cli) enum Memberships {
    List(List),
    Show(Show),
    Put(Put),
    #[command(alias = "remove")]
    Delete(Delete),
}

#[derive(clap::Args)]
struct Project {
    /// Name of the project
    #[arg(long, value_name = "PROJECT", value_parser = NonEmptyStringValueParser::new())]
    project: String,
}

#[derive(clap::Args)]
struct Member {
    /// Identifier of the identity
    #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    id: String,
    #[command(flatten)]
    project: Project,
}

/// Print a table of the identities that have a role in a project
#[derive(clap::Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    project: Project,
}

/// Print the role that an identity has in a project
#[derive(clap::Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    member: Member,
}

/// Give an identity a role in a project; this replaces its present role there
#[derive(clap::Args)]
pub(in crate::cli) struct Put {
    #[command(flatten)]
    member: Member,
    /// Name of the role, as printed by `access-rights definitions list roles`
    #[arg(long, value_name = "ROLE", value_parser = NonEmptyStringValueParser::new())]
    role: String,
}

/// Delete the role of an identity in a project
#[derive(clap::Args)]
pub(in crate::cli) struct Delete {
    #[command(flatten)]
    member: Member,
}

impl Project {
    fn path(&self) -> String {
        format!("/api/v2/workspace/{}/identity-memberships", segment(&self.project))
    }
}

impl Member {
    fn path(&self) -> String {
        format!("{}/{}", self.project.path(), segment(&self.id))
    }
}

impl Memberships {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::List(List { project }) => {
                let list = pages(client, &project.path(), "identityMemberships").await?;
                let all = list.get("identityMemberships").and_then(Value::as_array).map(Vec::as_slice);
                let rows: Vec<_> = all.unwrap_or_default().iter().filter_map(row).collect();
                Ok(Report::new(table::lines(HEADER, &rows), list))
            }
            Self::Show(Show { member }) => {
                let shown: Value = client.get_json(&member.path()).await?;
                let row = shown.get("identityMembership").and_then(row).ok_or(Error::Incomplete("membership"))?;
                Ok(Report::new(table::lines(HEADER, &[row]), shown))
            }
            Self::Put(Put { member, role }) => {
                Ok(Report::quiet(client.post_json(&member.path(), &json!({ "role": role })).await?))
            }
            Self::Delete(Delete { member }) => Ok(Report::quiet(client.delete_json(&member.path()).await?)),
        }
    }
}

fn row(membership: &Value) -> Option<[String; 3]> {
    Some([text(membership, "/identityId")?, text(membership, "/identity/name")?, text(membership, "/role")?])
}
