//! `claviger access-rights recover`

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

use super::list;
use super::ownership::change;
use super::pages::list_of;
use crate::api::ownership::{Kept, NewRecovery, OneRecovery, Recovery};
use crate::cli::confirmation::Confirmation;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::table;
use crate::client::Client;

/// Give an object to another user when its owner has left, with the approval of other recoverers; for the recoverers of
/// the policy file
#[derive(Subcommand)]
pub(in crate::cli) enum Recover {
    Propose(Propose),
    Approve(Approve),
    Withdraw(Withdraw),
    List(List),
}

/// Propose a new owner, and print the identifier that other recoverers need for their approval; the proposal expires in
/// 7 days
#[derive(clap::Args)]
pub(in crate::cli) struct Propose {
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
    /// New owner
    #[arg(long, value_name = "USER")]
    to: String,
    /// Reason, for the approving recoverers and for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Keep the grants on the object, and keep the object in its project
    #[arg(long)]
    keep_access: bool,
}

/// Approve a recovery that another recoverer proposed, within 7 days; after the last required approval, the object has
/// the new owner
#[derive(clap::Args)]
pub(in crate::cli) struct Approve {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Withdraw a pending recovery
#[derive(clap::Args)]
pub(in crate::cli) struct Withdraw {
    #[command(flatten)]
    which: Which,
}

/// Print a table of the pending recoveries, with the project and the grants that each keeps
#[derive(clap::Args)]
pub(in crate::cli) struct List {}

#[derive(clap::Args)]
struct Which {
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
    /// Identifier of the recovery
    #[arg(value_name = "RECOVERY")]
    recovery: String,
}

impl Which {
    fn body(self) -> OneRecovery {
        OneRecovery { unique_identifier: self.key_id, recovery: self.recovery }
    }
}

impl Recover {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Propose(Propose { key_id, to, reason, keep_access }) => {
                let body = NewRecovery { unique_identifier: key_id, user_id: to, reason, keep_access };
                let made: Recovery = client.post_json("/access/recoveries", &body).await?;
                Ok(Report::of([made.recovery.clone()], &made))
            }
            Self::Approve(Approve { which, confirmation }) => {
                let question = format!("The object {} will have another owner.", which.key_id);
                confirmation.ask("recover approve", &question)?;
                let made: Recovery = client.post_json("/access/recoveries/approve", &which.body()).await?;
                let lines = if made.done {
                    vec![format!("{} belongs to {} now", made.unique_identifier, made.to)]
                } else {
                    lines(&[&made])
                };
                Ok(Report::of(lines, &made))
            }
            Self::Withdraw(Withdraw { which }) => {
                let body = which.body();
                change(client, "/access/recoveries/withdraw", &body.unique_identifier, &body).await
            }
            Self::List(List {}) => {
                let waiting: Vec<Recovery> = list_of(client, "/access/recoveries?", "recoveries", None).await?;
                Ok(Report::of(lines(&waiting.iter().collect::<Vec<_>>()), &waiting))
            }
        }
    }
}

/// Returns the table of recoveries, with the access that each keeps.
fn lines(recoveries: &[&Recovery]) -> Vec<String> {
    let rows: Vec<_> = recoveries.iter().map(|recovery| row(recovery)).collect();
    table::lines(["RECOVERY", "IDENTIFIER", "OWNER", "TO", "APPROVALS", "UNTIL", "KEEPS", "REASON"], &rows)
}

fn row(recovery: &Recovery) -> [String; 8] {
    let Recovery { unique_identifier, recovery: id, owner, to, approvals, approvals_needed, expires, reason, .. } =
        recovery;
    let kept = recovery.kept.iter().flat_map(|Kept { project, grants }| {
        let project = project.iter().map(|project| format!("project {project}"));
        project.chain(grants.iter().map(list::granted)).collect::<Vec<_>>()
    });
    let [id, object, owner, to] = [id, unique_identifier, owner, to].map(Clone::clone);
    let given = format!("{} of {approvals_needed}", approvals.len());
    let kept = kept.collect::<Vec<_>>().join("; ");
    [id, object, owner, to, given, expires.clone(), kept, reason.clone()]
}
