//! The users who may recover objects of users who left.

use std::collections::BTreeSet;

use super::definition::Documents;
use super::fault::Fault;
use super::subject::{Subject, subjects};

/// The number of approvals of a recovery if the policy file does not set it.
const APPROVALS: u32 = 2;

/// The smallest number of approvals. With fewer there is no dual control.
pub(super) const MIN_APPROVALS: u32 = 2;

/// The largest number of approvals.
const MAX_APPROVALS: u32 = 16;

/// The recoverers, and the number of approvals that a recovery needs.
#[derive(Debug, Default, Clone)]
pub(super) struct Recovery {
    pub(super) recoverers: Vec<Subject>,
    pub(super) approvals: u32,
}

/// Reads and checks the recoverers. A recoverer must be one person whom the policy file names. Roles, identities and
/// hosts are refused, because administrators could change them and so choose the recoverers.
pub(super) fn recovery(documents: &Documents) -> Result<Recovery, Fault> {
    let approvals = documents.recovery_approvals.unwrap_or(APPROVALS);
    if !(MIN_APPROVALS..=MAX_APPROVALS).contains(&approvals) {
        let problem = format!("{approvals}: it is {MIN_APPROVALS} to {MAX_APPROVALS}");
        return Err(Fault::at(&["recovery_approvals"], problem));
    }
    let found = subjects("recoverers", documents.recoverers.as_deref())?;
    if found.is_none() && documents.recovery_approvals.is_none() {
        return Ok(Recovery::default());
    }
    let key = if found.is_some() { "recoverers" } else { "recovery_approvals" };
    let recoverers = found.unwrap_or_default();
    let is_person = |subject: &&Subject| matches!(subject, Subject::Certificate(_) | Subject::Jwt { .. });
    if let Some(other) = recoverers.iter().find(|subject| !is_person(subject)) {
        let problem =
            format!("{:?}: a recoverer is one person: NAME, certificate:NAME or jwt:ISSUER#NAME", other.to_string());
        return Err(Fault::at(&[key], problem));
    }
    // One name is one user, whatever the authentication method.
    let names: BTreeSet<&str> = recoverers.iter().filter_map(Subject::name).collect();
    let (count, needed) = (names.len(), usize::try_from(approvals).unwrap_or(usize::MAX));
    if count < needed {
        let problem = format!(
            "{count} users are named as recoverers, and a recovery takes the approvals of {approvals} (recovery_approvals): \
             name more recoverers"
        );
        return Err(Fault::at(&[key], problem));
    }
    Ok(Recovery { recoverers, approvals })
}
