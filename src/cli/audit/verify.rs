//! `claviger audit verify`

use std::path::PathBuf;

use serde_json::json;

use crate::audit::verify::{KnownHead, PublicKey, verify};
use crate::cli::error::{AuditError, Error};
use crate::cli::report::Report;
use crate::file;

/// The largest file with a key or a checkpoint, in bytes.
const MAX_FILE: u64 = 64 << 10;

/// Verify the audit log; this needs only the public key, and no server
///
/// Exit status: 0 if every line is intact and the last one is signed; 7 if a line is not intact, and the first such
/// line is printed; 8 if every line is intact, but the last ones are not signed.
#[derive(clap::Args)]
pub(in crate::cli) struct Verify {
    /// PEM file with the public key that signs checkpoints
    #[arg(long, value_name = "KEY.pem")]
    public_key: PathBuf,
    /// File with a checkpoint that must be in the log, as printed by `audit head`
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
    /// Files of the log, including rotated ones, in any order
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl Verify {
    pub(super) fn run(&self) -> Result<Report, Error> {
        let unusable = |source| AuditError::Key { path: self.public_key.clone(), source };
        let key = PublicKey::from_pem(&file::bytes("", &self.public_key, MAX_FILE)?).map_err(unusable)?;
        let head = self.head.as_ref().map(|path| -> Result<KnownHead, Error> {
            let faulty = |source| AuditError::Head { path: path.clone(), source };
            Ok(KnownHead::read(&file::bytes("", path, MAX_FILE)?, &key).map_err(faulty)?)
        });
        let head = head.transpose()?;
        let found = verify(&self.files, &key, head.as_ref()).map_err(AuditError::Verify)?;
        if !found.is_signed_to_the_end() {
            return Err(AuditError::Unsigned { last: found.last, signed: found.signed }.into());
        }
        let mut said = vec![format!(
            "intact: {} lines to sequence {}, {} checkpoints, the last line is signed",
            found.lines, found.last, found.checkpoints
        )];
        if found.losses > 0 {
            said.push(format!("lost lines that --audit-accept-loss accepted: at {} places", found.losses));
        }
        let json = json!({
            "intact": true, "lines": found.lines, "last": found.last, "signed": found.signed,
            "checkpoints": found.checkpoints, "losses": found.losses,
        });
        Ok(Report::new(said, json))
    }
}
