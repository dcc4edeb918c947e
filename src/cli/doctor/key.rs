//! The step about a key: what the caller may do with it.

use super::Asked;
use super::step::{Steps, Wrong};
use crate::api::access::{Explanation, Question};
use crate::cli::error::{Error, FAILURE, NOT_FOUND, NOT_PERMITTED};
use crate::cli::named::resolve;
use crate::client;
use crate::text::shell_word;

/// The name of the step.
const NAME: &str = "key";

/// The operations that are asked for if none is named.
const OPERATIONS: [&str; 10] =
    ["encrypt", "decrypt", "sign", "signature_verify", "mac", "mac_verify", "derive_key", "get", "revoke", "destroy"];

/// The key to ask about.
#[derive(clap::Args)]
pub(super) struct Questions {
    /// Also check what you may do with this key: identifier or name
    #[arg(short, long, value_name = "KEY")]
    key: Option<String>,
    /// Operation that must be permitted, such as encrypt; for several, repeat the option [default: any]
    #[arg(long, value_name = "OPERATION", requires = "key")]
    operation: Vec<String>,
}

impl Questions {
    /// Asks what the caller may do with the key, if one is named.
    pub(super) async fn ask(&self, asked: &Asked<'_>, username: &str, steps: &mut Steps) -> Result<(), Wrong> {
        let Some(key) = &self.key else { return Ok(()) };
        let resolved = resolve(asked.client, key, &[]).await;
        let id = resolved.map_err(|error| unusable(key, username, &error))?;
        let (mut permitted, mut others) = (Vec::new(), Vec::new());
        let named: Vec<&str> = self.operation.iter().map(String::as_str).collect();
        for operation in if named.is_empty() { &OPERATIONS[..] } else { &named } {
            let unique_identifier = Some(id.clone());
            let question = Question { user: None, operation: (*operation).to_owned(), unique_identifier };
            let answer: Result<Explanation, client::Error> = asked.client.post_json("/access/explain", &question).await;
            let answer = answer.map_err(|error| unusable(key, username, &error.into()))?;
            let list = if answer.allowed { &mut permitted } else { &mut others };
            list.push((*operation, answer.rule));
        }
        let words = |list: &[(&str, String)]| list.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        let is_wrong = if named.is_empty() { permitted.is_empty() } else { !others.is_empty() };
        match others.first().filter(|_| is_wrong) {
            Some((_, rule)) => Err(Wrong {
                name: NAME,
                fault: "no-permission",
                detail: format!("you may not {} with {id}: {rule}", words(&others)),
                remedy: grant(key, username, &words(&others).replace(", ", " ")),
                status: NOT_PERMITTED,
            }),
            None => {
                steps.good(NAME, format!("{id}: you may {}", words(&permitted)));
                Ok(())
            }
        }
    }
}

/// Returns the fault if the key is not found, or cannot be asked about.
fn unusable(key: &str, username: &str, error: &Error) -> Wrong {
    let status = error.status();
    if status == NOT_FOUND {
        let detail = format!("there is no object {key:?}, or you have no right on it");
        let remedy = format!("correct -k, or {}", grant(key, username, "encrypt decrypt"));
        return Wrong { name: NAME, fault: "no-permission", detail, remedy, status };
    }
    let remedy = "correct -k or --operation; the server's log says more".to_owned();
    Wrong { name: NAME, fault: "request", detail: error.to_string(), remedy, status: status.max(FAILURE) }
}

fn grant(key: &str, username: &str, operations: &str) -> String {
    let (key, username) = (shell_word(key), shell_word(username));
    format!("have the owner run: claviger access-rights grant --user {username} -k {key} {operations}")
}
