//! `clavigerd --check-store`: checks every row against its binding and against the audit log.

use std::collections::HashSet;

use super::error::StartError;
use super::start::token_error;
use crate::audit::verify::{KnownHead, PublicKey, verify};
use crate::audit::{Versions, files, versions};
use crate::config::{AuditSettings, Config, Remake};
use crate::custody::Custody;
use crate::kms::{self, KeptSecret};
use crate::metrics::Metrics;
use crate::store::{
    self, Readers, Store, access_token, api_key, audit_head, client_secret, erasure, gcm_use, object, policy_entry,
    secret_path, secret_version, usage_limit,
};

/// The beginning of the name that the audit log has for an access token.
const TOKEN: &str = "token/";

/// What is not checked without an audit log.
pub(super) const UNRECORDED: &str = "without an audit log, a row that is an older version of itself is not detected";

/// The result of the check.
pub struct StoreReport {
    /// The number of rows that were checked.
    pub rows: usize,
    /// The number of rows that the audit log has a version of.
    pub logged: usize,
    /// The faults, one line each.
    pub findings: Vec<String>,
    /// Differences between database and HSM token that are usual for a copy, one line each.
    pub notes: Vec<String>,
}

/// A row that was checked.
struct Checked {
    /// Its name in the audit log.
    name: String,
    version: i64,
    bound: bool,
}

/// Checks every row. The server must not be running.
///
/// # Errors
/// The database, the HSM token or the audit log cannot be opened.
pub fn check_store(config: &Config) -> Result<StoreReport, StartError> {
    if let Some(file) = config.database.file().filter(|file| !file.exists()) {
        return Err(StartError::NoDatabase(file.to_owned()));
    }
    let metrics = Metrics::new()?;
    let store = Store::open(&config.database, &metrics)?;
    let custody = Custody::open(&config.hsm, config.placement, &store, &Remake::default(), kms::now(), &metrics)
        .map_err(|error| token_error(config, error))?;
    let mut report = examine(config.audit.as_ref(), (&*store, &*store), &custody)?;
    report.findings.extend(config.audit.is_none().then(|| UNRECORDED.to_owned()));
    Ok(report)
}

/// Checks every row of `store`, and the audit log if there is one. `heads` is the database with the ends of the logs of all
/// servers.
///
/// # Errors
/// The database, the HSM token or the audit log cannot be read.
pub(super) fn examine(
    audit: Option<&AuditSettings>,
    (store, heads): (&Readers, &Readers),
    custody: &Custody,
) -> Result<StoreReport, StartError> {
    let mut report = StoreReport { rows: 0, logged: 0, findings: Vec::new(), notes: token_notes(store, custody)? };
    let rows = rows(store, custody, &mut report)?;
    if let Some(settings) = audit {
        compare(settings, (store, heads), custody, &rows, &mut report)?;
    }
    Ok(report)
}

/// Returns every row, and adds rows with an invalid binding to the findings.
fn rows(store: &Readers, custody: &Custody, report: &mut StoreReport) -> Result<Vec<Checked>, StartError> {
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    for id in object::identifiers(store)? {
        match object::find(store, &id) {
            Ok(Some(row)) => {
                let bound = custody.is_bound(&row.bound(), &row.binding).map_err(kms::Error::from)?;
                rows.push(Checked { name: id.clone(), version: row.version, bound });
                if bound && let Some(secret) = kms::kept_secret(row) {
                    kept.push((id, secret));
                }
            }
            Ok(None) => {}
            Err(store::Error::Malformed(id)) => rows.push(Checked { name: id, version: 0, bound: false }),
            Err(error) => return Err(error.into()),
        }
    }
    for row in policy_entry::all(store)? {
        match row {
            Ok(row) => {
                let bound = custody.is_bound(&row.bound(), &row.binding).map_err(kms::Error::from)?;
                rows.push(Checked { name: format!("{}/{}", row.kind, row.name), version: row.version, bound });
            }
            Err(name) => rows.push(Checked { name, version: 0, bound: false }),
        }
    }
    credentials(store, custody, &mut rows)?;
    head(store, custody, report)?;
    values(store, custody, &kept, report)?;
    names(store, &kept, report)?;
    gcm_uses(store, custody, report)?;
    usage_limits(store, custody, report)?;
    erasures(store, custody, report)?;
    report.rows = rows.len();
    let changed = rows.iter().filter(|row| !row.bound);
    report
        .findings
        .extend(changed.map(|row| format!("{}: its binding is wrong: it was changed in the database", row.name)));
    Ok(rows)
}

/// A row's version, the bytes that its binding covers, and the binding; `None` if the row does not exist.
type Found = Result<Option<(i64, Vec<u8>, Vec<u8>)>, store::Error>;

/// Checks the rows of issued credentials.
fn credentials(store: &Readers, custody: &Custody, rows: &mut Vec<Checked>) -> Result<(), StartError> {
    let mut check = |name: String, found: Found| {
        match found {
            Ok(Some((version, bound, binding))) => {
                let bound = custody.is_bound(&bound, &binding).map_err(kms::Error::from)?;
                rows.push(Checked { name, version, bound });
            }
            Ok(None) => {}
            Err(store::Error::Malformed(_)) => rows.push(Checked { name, version: 0, bound: false }),
            Err(error) => return Err(error.into()),
        }
        Ok::<(), StartError>(())
    };
    for id in access_token::identifiers(store)? {
        let found = access_token::find(store, &id);
        check(format!("{TOKEN}{id}"), found.map(|row| row.map(|row| (row.version, row.bound(), row.binding))))?;
    }
    for id in client_secret::identifiers(store)? {
        let found = client_secret::find(store, &id);
        check(client_secret::name(&id), found.map(|row| row.map(|row| (row.version, row.bound(), row.binding))))?;
    }
    for host in api_key::hosts(store)? {
        let found = api_key::find(store, &host);
        check(api_key::name(&host), found.map(|row| row.map(|row| (row.version, row.bound(), row.binding))))?;
    }
    Ok(())
}

/// Returns notes about keys that only the HSM token has, and about keys that only the database has. A copy of the
/// database is older than the token: keys may have been made and destroyed since. So neither is a finding, and no row
/// shows whether its key was destroyed or lost.
fn token_notes(store: &Readers, custody: &Custody) -> Result<Vec<String>, StartError> {
    let live = object::live_in_token(store)?;
    let is_missing = |cka_id: &Vec<u8>| custody.missing(std::slice::from_ref(cka_id)) > 0;
    let missing = live.into_iter().filter(|(_, cka_id)| is_missing(cka_id)).map(|(id, _)| {
        format!(
            "note: {id}: the HSM token does not hold its key: it was destroyed after this database was copied, \
             or the token is an older copy"
        )
    });
    let mut notes: Vec<String> = missing.collect();
    let unknown = custody.unknown(&object::token_objects(store)?.into_iter().collect());
    if unknown > 0 {
        notes.push(format!(
            "note: the HSM token holds {unknown} keys that no row of this database names: they are of another database, \
             or were made after this database was copied"
        ));
    }
    Ok(notes)
}

/// Checks the row of every value of a secret, and that every value that the object's row names has a row.
fn values(
    store: &Readers,
    custody: &Custody,
    kept: &[(String, KeptSecret)],
    report: &mut StoreReport,
) -> Result<(), StartError> {
    let present: HashSet<(String, i64)> = secret_version::all(store)?.into_iter().collect();
    let promised = kept.iter().flat_map(|(id, secret)| secret.values.clone().map(|number| (id.clone(), number)));
    let gone = promised.filter(|value| !present.contains(value));
    report.findings.extend(gone.map(|(object, number)| format!("{object}, value {number}: its row is gone")));
    for (object, number) in secret_version::all(store)? {
        let found = secret_version::find(store, &object, number);
        let bound = match found {
            Ok(Some(row)) => custody.is_bound(&row.bound(), &row.binding).map_err(kms::Error::from)?,
            Ok(None) => continue,
            Err(store::Error::Malformed(_)) => false,
            Err(error) => return Err(error.into()),
        };
        if !bound {
            let finding = format!("{object}, value {number}: its binding is wrong: it was changed in the database");
            report.findings.push(finding);
        }
    }
    Ok(())
}

/// Checks the index of names against the rows of secrets. If they differ, a secret is not found by its name, or another
/// secret is found in its place.
fn names(store: &Readers, kept: &[(String, KeptSecret)], report: &mut StoreReport) -> Result<(), StartError> {
    let indexed = secret_path::all(store)?;
    let own = kept.iter().filter_map(|(id, secret)| Some((secret.name.clone()?, id.clone())));
    let own: HashSet<(String, String)> = own.collect();
    let named: HashSet<&(String, String)> = indexed.iter().collect();
    let wrong = indexed.iter().filter(|entry| !own.contains(entry)).map(|(name, id)| {
        format!("{id}: the index of secrets has it as {name:?}, which it does not hold: it was changed in the database")
    });
    report.findings.extend(wrong);
    let mut missing: Vec<_> = own.iter().filter(|entry| !named.contains(entry)).collect();
    missing.sort();
    report.findings.extend(missing.into_iter().map(|(name, id)| {
        format!("{id}: the index of secrets does not have it as {name:?}: it was changed in the database")
    }));
    Ok(())
}

/// Checks the row with the end of the audit log. It also covers the records of the root keys, and of whether AES-GCM
/// uses are counted.
fn head(store: &Readers, custody: &Custody, report: &mut StoreReport) -> Result<(), StartError> {
    if !super::audit::is_sound(audit_head::covering(store)?.as_ref(), custody)? {
        report.findings.push("audit_head: its row was changed or removed in the database".to_owned());
    }
    for (server, head) in audit_head::of_all(store)?.into_iter().filter(|(server, _)| !server.is_empty()) {
        if !super::audit::is_sound(head.as_ref(), custody)? {
            report
                .findings
                .push(format!("audit_head: the row of the server {server:?} was changed or removed in the database"));
        }
    }
    Ok(())
}

/// Checks every row that counts uses of AES-GCM, and that each key has one.
fn gcm_uses(store: &Readers, custody: &Custody, report: &mut StoreReport) -> Result<(), StartError> {
    let Some(credit) = gcm_use::credit(store)? else {
        // The row of the credit is written at the first start of a version that counts.
        if gcm_use::any(store)? {
            report.findings.push("gcm_credit: its row is gone".to_owned());
        }
        return Ok(());
    };
    if !custody.is_bound(&credit.bound(), &credit.binding).map_err(kms::Error::from)? {
        report.findings.push("gcm_credit: its binding is wrong: it was changed in the database".to_owned());
    }
    for row in gcm_use::all(store)? {
        if !custody.is_bound(&row.bound(), &row.binding).map_err(kms::Error::from)? {
            let finding = "the binding of its count of AES-GCM uses is wrong: it was changed in the database";
            report.findings.push(format!("{}: {finding}", row.object));
        }
    }
    let uncounted = gcm_use::uncounted(store)?.into_iter();
    report.findings.extend(uncounted.map(|id| format!("{id}: the row that counts its AES-GCM uses is gone")));
    Ok(())
}

/// Checks every row that counts units of Usage Limits. A key with limits and without a row is refused when it is used.
fn usage_limits(store: &Readers, custody: &Custody, report: &mut StoreReport) -> Result<(), StartError> {
    for row in usage_limit::all(store)? {
        if !custody.is_bound(&row.bound(), &row.binding).map_err(kms::Error::from)? {
            let finding = "the binding of its count of Usage Limits is wrong: it was changed in the database";
            report.findings.push(format!("{}: {finding}", row.object));
        }
    }
    Ok(())
}

/// Checks every row of a pending erasure.
fn erasures(store: &Readers, custody: &Custody, report: &mut StoreReport) -> Result<(), StartError> {
    for (number, row) in erasure::page(store, i64::MIN, i64::MAX, i64::MAX)? {
        let is_bound = match row {
            Some(row) => custody.is_bound(&row.bound(), &row.binding).map_err(kms::Error::from)?,
            None => false,
        };
        if !is_bound {
            let finding = format!("erasure {number}: its binding is wrong: it was changed in the database");
            report.findings.push(finding);
        }
    }
    Ok(())
}

/// Verifies the audit log, then compares each row's version with the version in the log.
fn compare(
    settings: &AuditSettings,
    (store, heads): (&Readers, &Readers),
    custody: &Custody,
    rows: &[Checked],
    report: &mut StoreReport,
) -> Result<(), StartError> {
    let files = files(settings.present())?;
    let pem = kms::public_key_pem(&custody.audit_public_key());
    let known = audit_head::read(store)?;
    report.findings.extend(log_finding(&files, &pem, known.and_then(|known| known.signed_line)));
    let mut logged: Versions = versions::read(&files)?;
    let others: Vec<_> = settings.others.iter().map(|other| crate::audit::files(other)).collect::<Result<_, _>>()?;
    let own = heads.server_name()?;
    for (server, head) in audit_head::of_all(heads)?.into_iter().filter(|(server, _)| *server != own) {
        let line = head.and_then(|head| head.signed_line);
        if line.is_some() && !others.iter().any(|files| log_finding(files, &pem, line.clone()).is_none()) {
            let finding = "no log of --other-audit-file is intact and has its last checkpoint";
            report.findings.push(format!("audit log of the server {server:?}: {finding}"));
        }
    }
    for (other, files) in settings.others.iter().zip(others) {
        report
            .findings
            .extend(log_finding(&files, &pem, None).map(|finding| format!("{}: {finding}", other.display())));
        for (name, version) in versions::read(&files)? {
            let known = logged.entry(name).or_insert(version);
            *known = version.max(*known);
        }
    }
    report.logged = logged.len();
    for Checked { name, version, .. } in rows.iter().filter(|row| row.bound) {
        let finding = match logged.get(name) {
            None => format!("{name}: version {version} is in no line of the audit log"),
            Some(logged) if logged > version => {
                format!(
                    "{name}: version {version}, but the audit log knows version {logged}: an older row was put back"
                )
            }
            Some(logged) if logged < version => {
                format!("{name}: version {version}, but the audit log ends at version {logged}")
            }
            Some(_) => continue,
        };
        report.findings.push(finding);
    }
    let present: HashSet<&String> = rows.iter().map(|row| &row.name).collect();
    // Access tokens are removed after their end, and a token without a row is refused.
    let mut missing: Vec<&String> =
        logged.keys().filter(|name| !present.contains(name) && !name.starts_with(TOKEN)).collect();
    missing.sort();
    report
        .findings
        .extend(missing.into_iter().map(|name| format!("{name}: the audit log knows it, but its row is gone")));
    Ok(())
}

/// Returns the first fault of the log itself, if any.
fn log_finding(files: &[std::path::PathBuf], pem: &str, head: Option<String>) -> Option<String> {
    let Ok(key) = PublicKey::from_pem(pem.as_bytes()) else {
        return Some("audit log: its key cannot be read".to_owned());
    };
    let head = match head.map(|line| KnownHead::read(line.as_bytes(), &key)).transpose() {
        Ok(head) => head,
        Err(fault) => return Some(format!("audit log: the head in the database is not a checkpoint: {fault}")),
    };
    match verify(files, &key, head.as_ref()) {
        Ok(_) => None,
        Err(error) => Some(format!("audit log: {error}")),
    }
}
