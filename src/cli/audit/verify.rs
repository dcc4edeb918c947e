//! `claviger audit verify`

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::audit::logs::{Duplicate, Files, Grouped, group};
use crate::audit::verify::{Broken, Error as VerifyError, KnownHead, PublicKey, Verified, verify, verify_one};
use crate::cli::error::{AuditError, Error, TAMPERED, UNSIGNED};
use crate::cli::report::Report;
use crate::file;

/// The largest file with a key or a checkpoint, in bytes.
const MAX_FILE: u64 = 64 << 10;

/// Verify audit logs; this needs only the public key, and no server
///
/// The files may be of one log or of the logs of several servers over one database: what is in them says which belong
/// together, and each log is verified. Which changes of the database have a line in none of the logs is a question for
/// `clavigerd --check-store --other-audit-file`, which reads the database.
///
/// Exit status: 0 if every line is intact and the last one of each log is signed; 7 if a line is not intact, and the
/// first such line is printed, or if a file is given twice; 8 if every line is intact, but the last ones of a log are
/// not signed.
#[derive(clap::Args)]
pub(in crate::cli) struct Verify {
    /// PEM file with the public key that signs checkpoints
    #[arg(long, value_name = "KEY.pem")]
    public_key: PathBuf,
    /// File with a checkpoint that must be in the log, or in one of the logs, as printed by `audit head`; may be given
    /// several times
    #[arg(long, value_name = "FILE")]
    head: Vec<PathBuf>,
    /// Files of the logs, including rotated ones, in any order
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl Verify {
    pub(super) fn run(&self) -> Result<Report, Error> {
        let unusable = |source| AuditError::Key { path: self.public_key.clone(), source };
        let key = PublicKey::from_pem(&file::bytes("", &self.public_key, MAX_FILE)?).map_err(unusable)?;
        let heads = self.head.iter().map(|path| -> Result<KnownHead, Error> {
            let faulty = |source| AuditError::Head { path: path.clone(), source };
            Ok(KnownHead::read(&file::bytes("", path, MAX_FILE)?, &key).map_err(faulty)?)
        });
        let heads: Vec<KnownHead> = heads.collect::<Result<_, _>>()?;
        let Grouped { logs, duplicates } = group(&self.files)?;
        if let Some(Duplicate { file, of }) = duplicates.into_iter().next() {
            let is_same = file == of;
            return Err(if is_same { AuditError::Twice(file) } else { AuditError::Duplicate { file, of } }.into());
        }
        match logs.as_slice() {
            [log] => one(log, &key, &heads),
            several => self.several(several, &key, &heads),
        }
    }

    fn several(&self, logs: &[Files], key: &PublicKey, heads: &[KnownHead]) -> Result<Report, Error> {
        let (mut said, mut shown) = (Vec::new(), Vec::new());
        let (mut broken, mut unsigned) = (0, 0);
        let mut homes: Vec<Option<&Files>> = vec![None; heads.len()];
        for log in logs {
            let result = match verify_one(log, key, heads) {
                Ok((verified, places)) => {
                    homes.iter_mut().enumerate().filter(|(place, _)| places.contains(place)).for_each(|(_, home)| {
                        home.get_or_insert(log);
                    });
                    Ok(verified)
                }
                Err(VerifyError::Broken(broken)) => Err(broken),
                Err(error @ VerifyError::Unreadable(_)) => return Err(AuditError::Verify(error).into()),
            };
            broken += usize::from(result.is_err());
            unsigned += usize::from(result.as_ref().is_ok_and(|verified| !verified.is_signed_to_the_end()));
            said.push(format!("{}: {}", titled(log), sentence(&result)));
            shown.push(described(log, &result));
        }
        let missing = homes.iter().filter(|home| home.is_none()).count();
        for (path, home) in self.head.iter().zip(&homes) {
            said.push(match home {
                Some(log) => format!("{}: this checkpoint is in {}", path.display(), titled(log)),
                None => format!("{}: this checkpoint is in none of the intact logs", path.display()),
            });
        }
        said.push(match (broken, missing, unsigned) {
            (0, 0, 0) => format!("all {} logs are intact, and signed to their ends", logs.len()),
            (0, 0, unsigned) => {
                format!("all {} logs are intact, but the ends of {unsigned} are not signed", logs.len())
            }
            (0, missing, _) => {
                format!("lines are missing: {missing} checkpoints are in none of the {} logs", logs.len())
            }
            (broken, ..) => format!("{broken} of {} logs are not intact", logs.len()),
        });
        let heads = self.head.iter().zip(&homes).map(|(path, home)| {
            json!({ "file": path.to_string_lossy(), "log": home.map(|log| log.name().to_string_lossy()) })
        });
        let json = json!({
            "intact": broken + missing == 0, "signed_to_the_end": broken + missing + unsigned == 0,
            "logs": shown, "heads": heads.collect::<Vec<_>>(),
        });
        let status = match (broken + missing, unsigned) {
            (0, 0) => 0,
            (0, _) => UNSIGNED,
            _ => TAMPERED,
        };
        Ok(Report::new(said, json).with_status(status))
    }
}

/// Verifies the only log.
fn one(log: &Files, key: &PublicKey, heads: &[KnownHead]) -> Result<Report, Error> {
    if let Some(fork) = &log.fork {
        return Err(AuditError::Verify(Broken::from(fork).into()).into());
    }
    let found = verify(&log.paths, key, heads).map_err(AuditError::Verify)?;
    if !found.is_signed_to_the_end() {
        return Err(unsigned(&found).into());
    }
    let mut said = vec![good(&found)];
    said.extend(losses(&found));
    let mut json = json!({ "intact": true });
    if let Some(json) = json.as_object_mut() {
        json.extend(figures(&found));
    }
    Ok(Report::new(said, json))
}

fn unsigned(found: &Verified) -> AuditError {
    AuditError::Unsigned { last: found.last, signed: found.signed }
}

fn good(found: &Verified) -> String {
    format!(
        "intact: {} lines to sequence {}, {} checkpoints, the last line is signed",
        found.lines, found.last, found.checkpoints
    )
}

fn losses(found: &Verified) -> Option<String> {
    let losses = found.losses;
    (losses > 0).then(|| format!("lost lines that --audit-accept-loss accepted: at {losses} places"))
}

fn figures(found: &Verified) -> Map<String, Value> {
    let Verified { lines, last, checkpoints, signed, losses } = *found;
    let figures =
        [("lines", lines), ("last", last), ("signed", signed), ("checkpoints", checkpoints), ("losses", losses)];
    figures.into_iter().map(|(name, number)| (name.to_owned(), number.into())).collect()
}

/// A log of several: its newest file, and its server if that is known.
fn titled(log: &Files) -> String {
    let file = log.name().display();
    let files = if log.paths.len() > 1 { format!(" and {} older files", log.paths.len() - 1) } else { String::new() };
    match &log.server {
        Some(server) => format!("{file}{files} (server {server})"),
        None => format!("{file}{files}"),
    }
}

/// What was found in a log of several.
fn sentence(result: &Result<Verified, Broken>) -> String {
    match result {
        Ok(found) => {
            let is_signed = found.is_signed_to_the_end();
            let said = if is_signed { good(found) } else { unsigned(found).to_string() };
            losses(found).map_or(said.clone(), |losses| format!("{said}; {losses}"))
        }
        Err(broken) => format!("not intact: {broken}"),
    }
}

/// What was found in a log of several, for programs.
fn described(log: &Files, result: &Result<Verified, Broken>) -> Value {
    let mut json = json!({
        "file": log.name().to_string_lossy(), "files": log.paths.len(), "server": log.server, "intact": result.is_ok(),
    });
    if let Some(json) = json.as_object_mut() {
        match result {
            Ok(found) => json.extend(figures(found)),
            Err(broken) => drop(json.insert("error".to_owned(), broken.to_string().into())),
        }
    }
    json
}
