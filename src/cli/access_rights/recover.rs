//! `claviger access-rights recover`

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use super::list;
use super::pages::{list_of, text};
use crate::cli::error::Error;
use crate::cli::report::{Report, changed};
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
}

/// Withdraw a pending recovery
#[derive(clap::Args)]
pub(in crate::cli) struct Withdraw {
    #[command(flatten)]
    which: Which,
}

/// Print the pending recoveries, one per line: `RECOVERY ID from OWNER to USER approved by N of M until TIME: REASON`
///
/// A recovery that keeps the access of other users is followed by a line for each part that it keeps:
/// `  keeps project NAME`, `  keeps user NAME: OPERATIONS`, `  keeps role NAME: OPERATIONS`, `  keeps everyone: OPERATIONS`.
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
    fn body(&self) -> Value {
        json!({ "unique_identifier": self.key_id, "recovery": self.recovery })
    }
}

impl Recover {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Propose(Propose { key_id, to, reason, keep_access }) => {
                let body = json!({
                    "unique_identifier": key_id, "user_id": to, "reason": reason, "keep_access": keep_access
                });
                let made: Value = client.post_json("/access/recoveries", &body).await?;
                Ok(Report::new([text(&made, "recovery").to_owned()], made))
            }
            Self::Approve(Approve { which }) => {
                let made: Value = client.post_json("/access/recoveries/approve", &which.body()).await?;
                let line = match made.get("done") {
                    Some(Value::Bool(true)) => format!("{} belongs to {} now", which.key_id, text(&made, "to")),
                    _ => return Ok(Report::new(lines(&made), made)),
                };
                Ok(Report::new([line], made))
            }
            Self::Withdraw(Withdraw { which }) => {
                let _: Value = client.post_json("/access/recoveries/withdraw", &which.body()).await?;
                Ok(changed(&which.key_id))
            }
            Self::List(List {}) => {
                let waiting = list_of(client, "/access/recoveries?", "recoveries", None).await?;
                Ok(Report::new(waiting.iter().flat_map(lines).collect::<Vec<_>>(), Value::Array(waiting)))
            }
        }
    }
}

/// Returns the lines of a recovery, with the access that it keeps.
fn lines(recovery: &Value) -> Vec<String> {
    let mut lines = vec![line(recovery)];
    let kept = |name: &str| recovery.get("kept")?.get(name);
    lines.extend(kept("project").and_then(Value::as_str).map(|project| format!("  keeps project {project}")));
    let grants = kept("grants").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    lines.extend(grants.iter().map(|grant| format!("  keeps {}", list::line(grant))));
    lines
}

fn line(recovery: &Value) -> String {
    let part = |name| text(recovery, name);
    let given = recovery.get("approvals").and_then(Value::as_array).map_or(0, Vec::len);
    let needed = recovery.get("approvals_needed").and_then(Value::as_u64).unwrap_or_default();
    format!(
        "{} {} from {} to {} approved by {given} of {needed} until {}: {}",
        part("recovery"),
        part("unique_identifier"),
        part("owner"),
        part("to"),
        part("expires"),
        part("reason")
    )
}
