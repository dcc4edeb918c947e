//! Replacement of the configuration of permission.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use super::super::clock::now;
use super::super::error::Error;
use super::super::operation::Operation;
use super::super::uuid;
use super::definitions::documents_record;
use super::service::Kms;
use crate::audit::{Decision, Outcome, Record};
use crate::policy::{AuthenticatorDocument, Documents, HostDocument};
use crate::store::Command;
use crate::store::api_key::ApiKey;

impl Kms {
    /// Replaces the configured documents. A host that is added or removed by this loses its API key, and the access
    /// tokens of a removed host are not valid for a later host of the same name.
    ///
    /// # Errors
    /// The change cannot be recorded, or an API key cannot be removed; then nothing is changed.
    pub fn configure_policy(&self, mut documents: Documents) -> Result<(), Error> {
        let configured = documents_record(&documents);
        let mut definitions = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        let former = &definitions.configured;
        mark(&former.hosts, &mut documents.hosts, is_same_host, |host| &mut host.since)?;
        mark(&former.authenticators, &mut documents.authenticators, is_same, |own| &mut own.since)?;
        let (mut turns, mut rows, mut records) = (Vec::new(), Vec::new(), vec![configured]);
        let gone = others(&former.hosts, &documents.hosts);
        // Each host once: taking the same lock twice would block.
        let hosts: BTreeSet<&str> = gone.chain(others(&documents.hosts, &former.hosts)).collect();
        for host in hosts {
            let turn = self.key_turn(host)?;
            if let Some((row, record)) = self.without_api_key(&turn, now(), taken_away)? {
                rows.push(row);
                records.push(record);
            }
            // No API key can be issued until the host is removed.
            turns.push(turn);
        }
        if rows.is_empty() {
            self.record_all(records)?;
        } else {
            self.store.write(Command::all(rows.into_iter().map(ApiKey::write)).recorded(records))?;
        }
        definitions.configured = documents;
        self.policy.store(Arc::new(definitions.policy()));
        self.forget_places(&definitions);
        drop(turns);
        Ok(())
    }
}

/// Gives a new identifier to each document that was not there before, and keeps the identifier of one that was.
fn mark<T>(
    former: &BTreeMap<String, T>,
    next: &mut BTreeMap<String, T>,
    is_same: impl Fn(&T, &T) -> bool,
    since: impl Fn(&mut T) -> &mut Option<String>,
) -> Result<(), Error>
where
    T: Clone,
{
    for (name, document) in next {
        *since(document) = match former.get(name).filter(|former| is_same(former, document)) {
            Some(former) => since(&mut former.clone()).take(),
            None => Some(uuid::random()?),
        };
    }
    Ok(())
}

fn is_same_host(one: &HostDocument, other: &HostDocument) -> bool {
    one.account == other.account
}

fn is_same(_: &AuthenticatorDocument, _: &AuthenticatorDocument) -> bool {
    true
}

/// The hosts that are in `all`, and not in `some` with the same account.
fn others<'a>(
    all: &'a BTreeMap<String, HostDocument>,
    some: &'a BTreeMap<String, HostDocument>,
) -> impl Iterator<Item = &'a str> {
    let is_other = |name: &str, host: &HostDocument| some.get(name).is_none_or(|same| !is_same_host(host, same));
    all.iter().filter(move |(name, host)| is_other(name, host)).map(|(name, _)| name.as_str())
}

/// The record of the removal of a host's API key.
fn taken_away(object: &str, version: i64) -> Record {
    Record::decision(&Decision {
        request_id: "reload",
        user: "policy file",
        method: "configuration",
        proof: None,
        peer: None,
        is_socket: false,
        kmip_version: None,
        operation: Operation::RevokeApiKey.name(),
        object: Some(object),
        version: Some(version),
        outcome: Outcome::Success,
        rule: None,
        reason: None,
        detail: Some("the host came into the policy file or left it"),
        concerns_caller: false,
    })
}
