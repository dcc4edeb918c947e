//! `claviger audit verify`

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::audit::logs::{Duplicate, Files, Grouped, group};
use crate::audit::verify::{Broken, Error as VerifyError, KnownHead, PublicKey, Verified, verify, verify_one};
use crate::cli::error::{AuditError, Error, TAMPERED, UNSIGNED};
use crate::cli::report::Report;
use crate::config::is_server_name;
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
/// first such line is printed, if a log was forked, if one of several logs has no checkpoint, if a --head is in none of
/// them, if a --server has no intact log, or if a file is given twice; 8 if every line is intact, but the last ones of a
/// log are not signed.
#[derive(clap::Args)]
pub(in crate::cli) struct Verify {
    /// PEM file with the public key that signs checkpoints
    #[arg(long, value_name = "KEY.pem")]
    public_key: PathBuf,
    /// File with a checkpoint that must be in the log, or in one of the logs, as printed by `audit head`; may be given
    /// several times
    #[arg(long, value_name = "FILE")]
    head: Vec<PathBuf>,
    /// Name of a server (--server-name) whose log must be among the files; may be given several times
    #[arg(long, value_name = "NAME", value_parser = server)]
    server: Vec<String>,
    /// Files of the logs, including rotated ones, in any order
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

fn server(text: &str) -> Result<String, &'static str> {
    let name = Some(text).filter(|text| is_server_name(text)).map(str::to_owned);
    name.ok_or("the name of a server has at most 64 letters, digits, dots, hyphens and underscores")
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
            [log] => {
                let report = one(log, &key, &heads)?;
                let missing = self.server.iter().find(|name| log.server.as_ref() != Some(name));
                missing.map_or(Ok(report), |name| Err(AuditError::NoLog(name.clone()).into()))
            }
            several => self.several(several, &key, &heads),
        }
    }

    fn several(&self, logs: &[Files], key: &PublicKey, heads: &[KnownHead]) -> Result<Report, Error> {
        let checked = check(logs, key, heads)?;
        let broken = checked.iter().filter(|log| log.result.is_err()).count();
        let unsigned = |log: &&Checked<'_>| log.result.as_ref().is_ok_and(|found| !found.is_signed_to_the_end());
        let unsigned = checked.iter().filter(unsigned).count();
        let home = |place: usize| checked.iter().find(|log| log.result.is_ok() && log.heads.contains(&place));
        let homes: Vec<Option<&Files>> = (0..heads.len()).map(|place| home(place).map(|log| log.files)).collect();
        let missing = homes.iter().filter(|home| home.is_none()).count();
        let mut said: Vec<String> = checked.iter().map(|log| sentence(log.files, &log.result)).collect();
        for (path, home) in self.head.iter().zip(&homes) {
            said.push(match home {
                Some(log) => format!("{}: this checkpoint is in {}", path.display(), titled(log)),
                None => format!("{}: this checkpoint is in none of the intact logs", path.display()),
            });
        }
        let has_log =
            |name: &&String| checked.iter().any(|log| log.result.is_ok() && log.files.server.as_ref() == Some(name));
        let absent: Vec<&String> = self.server.iter().filter(|name| !has_log(name)).collect();
        said.extend(absent.iter().map(|name| AuditError::NoLog((*name).clone()).to_string()));
        said.push(match (broken, missing, unsigned) {
            (0, 0, _) if !absent.is_empty() => format!("logs are missing: those of {} servers", absent.len()),
            (0, 0, 0) => format!("all {} logs are intact, and signed to their ends", logs.len()),
            (0, 0, unsigned) => {
                format!("all {} logs are intact, but the ends of {unsigned} are not signed", logs.len())
            }
            (0, missing, _) => {
                format!("lines are missing: {missing} checkpoints are in none of the {} logs", logs.len())
            }
            (broken, ..) => format!("{broken} of {} logs are not intact", logs.len()),
        });
        let wrong = broken + missing + absent.len();
        let heads = self.head.iter().zip(&homes).map(|(path, home)| {
            json!({ "file": path.to_string_lossy(), "log": home.map(|log| log.name().to_string_lossy()) })
        });
        let json = json!({
            "intact": wrong == 0, "signed_to_the_end": wrong + unsigned == 0,
            "logs": checked.iter().map(|log| described(log.files, &log.result)).collect::<Vec<_>>(),
            "heads": heads.collect::<Vec<_>>(), "servers_without_log": absent,
        });
        let status = match (wrong, unsigned) {
            (0, 0) => 0,
            (0, _) => UNSIGNED,
            _ => TAMPERED,
        };
        Ok(Report::new(said, json).with_status(status))
    }
}

/// A log of several, and what was found in it.
struct Checked<'a> {
    files: &'a Files,
    result: Result<Verified, Broken>,
    /// The places of the heads that it contains.
    heads: Vec<usize>,
}

/// Verifies each of several logs, and that no two of them are the beginning of the log of one server.
fn check<'a>(logs: &'a [Files], key: &PublicKey, heads: &[KnownHead]) -> Result<Vec<Checked<'a>>, Error> {
    let mut checked = Vec::new();
    for files in logs {
        let (result, heads) = match verify_one(files, key, heads) {
            Ok((verified, places)) => (Ok(verified), places),
            Err(VerifyError::Broken(broken)) => (Err(broken), Vec::new()),
            Err(error @ VerifyError::Unreadable(_)) => return Err(AuditError::Verify(error).into()),
        };
        checked.push(Checked { files, result, heads });
    }
    let sound: Vec<&Files> = checked.iter().filter(|log| log.result.is_ok()).map(|log| log.files).collect();
    for log in checked.iter_mut().filter(|log| log.result.is_ok()) {
        if let Some(rival) = sound.iter().find(|other| log.files.is_rival_of(other)) {
            log.result = Err(Broken::rival(log.files, rival));
        }
    }
    Ok(checked)
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
    format!("intact: {}", size(found))
}

fn size(found: &Verified) -> String {
    let Verified { lines, last, checkpoints, .. } = found;
    format!("{lines} lines to sequence {last}, {checkpoints} checkpoints, the last line is signed")
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

/// What was found in a log of several: first the verdict, because the names after it are written by others.
fn sentence(log: &Files, result: &Result<Verified, Broken>) -> String {
    let (title, losses) = (titled(log), result.as_ref().ok().and_then(losses));
    let losses = losses.map(|losses| format!("; {losses}")).unwrap_or_default();
    match result {
        Ok(found) if found.is_signed_to_the_end() => format!("intact: {title}: {}{losses}", size(found)),
        Ok(Verified { last, signed, .. }) => format!(
            "intact, but its end is not signed: {title}: the last line is {last}, the last checkpoint {signed}{losses}"
        ),
        Err(broken) => format!("not intact: {title}: {broken}"),
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
