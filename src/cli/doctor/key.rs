//! The step about a key: what the caller may do with it.

use super::Asked;
use super::hindrance::{Hindrance, hindrance, purpose};
use super::step::{Steps, Wrong};
use crate::api::access::{Explanation, Question};
use crate::cli::error::{Error, FAILURE, NOT_FOUND, NOT_PERMITTED};
use crate::cli::labels::now;
use crate::cli::named::{IDENTIFIER, is_uuid, resolve};
use crate::client::{self, Client};
use crate::kmip::Attributes;
use crate::kmip::payloads::get_attributes::Request;
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
        let named: Vec<&str> = self.operation.iter().map(String::as_str).collect();
        let (mut permitted, mut others) = (Vec::new(), Vec::new());
        for operation in if named.is_empty() { &OPERATIONS[..] } else { &named } {
            let unique_identifier = Some(id.clone());
            let question = Question { user: None, operation: (*operation).to_owned(), unique_identifier };
            let answer: Result<Explanation, client::Error> = asked.client.post_json("/access/explain", &question).await;
            let answer = answer.map_err(|error| unusable(key, username, &error.into()))?;
            if answer.allowed { permitted.push(*operation) } else { others.push((*operation, answer.rule)) }
        }
        let is_wrong = if named.is_empty() { permitted.is_empty() } else { !others.is_empty() };
        if let Some((_, rule)) = others.first().filter(|_| is_wrong) {
            let words: Vec<&str> = others.iter().map(|(word, _)| *word).collect();
            return Err(Wrong {
                name: NAME,
                fault: "no-permission",
                detail: format!("you may not {} with {id}: {rule}", words.join(", ")),
                remedy: grant(&id, username, &words.join(" ")),
                status: NOT_PERMITTED,
            });
        }
        let Some(attributes) = attributes(asked.client, key, username, &id).await? else {
            let words = permitted.join(", ");
            let why = "by your rights; you may not read the key's attributes (get_attributes), so that its state and its \
                       usage are not checked";
            steps.good(NAME, format!("{id}: you may {words}: {why}"));
            return Ok(());
        };
        compared(&id, &attributes, &permitted, !named.is_empty(), steps)
    }
}

/// Returns the attributes of the key; `None` if the caller may not read them.
async fn attributes(client: &Client, key: &str, username: &str, id: &str) -> Result<Option<Box<Attributes>>, Wrong> {
    let request = Request { unique_identifier: Some(id.into()), attribute_references: Vec::new() };
    match client.execute(request).await {
        Ok(answer) => Ok(Some(answer.attributes)),
        Err(client::Error::Refused(refusal)) if matches!(refusal.status.as_u16(), 403 | 404) => Ok(None),
        Err(error) => Err(unusable(key, username, &error.into())),
    }
}

/// Compares the permitted operations with what the key is for, and with its state. All must be possible if they were
/// named; otherwise one of its uses.
fn compared(
    id: &str,
    attributes: &Attributes,
    permitted: &[&str],
    is_named: bool,
    steps: &mut Steps,
) -> Result<(), Wrong> {
    let at = now();
    let (mut usable, mut never, mut lapsed) = (Vec::new(), Vec::new(), Vec::new());
    for operation in permitted {
        match hindrance(operation, id, attributes, at) {
            None => usable.push(*operation),
            Some(found) if found.is_of_kind => never.push((*operation, found)),
            Some(found) => lapsed.push((*operation, found)),
        }
    }
    let is_used = usable.iter().any(|operation| purpose(operation).is_some());
    // A key must have one of the uses that it is for, and another object some operation.
    let is_wrong = match is_named {
        true => !never.is_empty() || !lapsed.is_empty(),
        false => usable.is_empty() || (!lapsed.is_empty() && !is_used),
    };
    if let Some((words, found)) = told(&lapsed).or_else(|| told(&never)).filter(|_| is_wrong) {
        let (why, remedy) = (&found.why, found.remedy.clone());
        let detail = format!("you have the right to {words} with {id}, but {why}");
        return Err(Wrong { name: NAME, fault: "unusable-key", detail, remedy, status: FAILURE });
    }
    let never = told(&never).map_or_else(String::new, |(words, found)| format!("; not {words}: {}", found.why));
    steps.good(NAME, format!("{id}: you may {}{never}", usable.join(", ")));
    if let Some((words, Hindrance { why, remedy, .. })) = told(&lapsed) {
        steps.warning(NAME, format!("{id}: not {words}, because {why}: {remedy}"));
    }
    Ok(())
}

/// Returns the operations that have the first reason of a list, and this reason.
fn told<'a>(list: &'a [(&str, Hindrance)]) -> Option<(String, &'a Hindrance)> {
    let (_, first) = list.first()?;
    let words: Vec<&str> = list.iter().filter(|(_, own)| own.why == first.why).map(|(word, _)| *word).collect();
    Some((words.join(", "), first))
}

/// Returns the fault if the key is not found, or cannot be asked about.
fn unusable(key: &str, username: &str, error: &Error) -> Wrong {
    let status = error.status();
    if status == NOT_FOUND {
        let detail = format!("no object {key:?} is visible to you: it does not exist, or you have no right on it");
        let remedy = match key.strip_prefix(IDENTIFIER).or_else(|| is_uuid(key).then_some(key)) {
            Some(id) => format!("correct -k, or {}", grant(id, username, "encrypt decrypt")),
            // Grants name the identifier, and only the owner can find it.
            None => format!(
                "correct -k, or {}, with the identifier that `claviger keys list` shows the owner",
                grant("IDENTIFIER", username, "encrypt decrypt")
            ),
        };
        return Wrong { name: NAME, fault: "no-permission", detail, remedy, status };
    }
    let remedy = "correct -k or --operation; the server's log says more".to_owned();
    Wrong { name: NAME, fault: "request", detail: error.to_string(), remedy, status: status.max(FAILURE) }
}

fn grant(id: &str, username: &str, operations: &str) -> String {
    let (id, username) = (shell_word(id), shell_word(username));
    format!("have the owner run: claviger access-rights grant --user {username} -k {id} {operations}")
}
