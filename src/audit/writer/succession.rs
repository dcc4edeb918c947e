//! Replaces the file of the log: by size, by age, or because another program moved the old one.

use std::time::{Duration, Instant};

use super::{Place, Writer};
use crate::audit::error::OpenError;
use crate::audit::file::Named;
use crate::audit::line::{hash, now};
use crate::audit::record::Record;

/// The interval between attempts to rotate after a failure.
const ROTATE_AGAIN: Duration = Duration::from_secs(60);

/// The reason why the log does not continue in another file.
#[derive(Debug, thiserror::Error)]
enum ReopenError {
    #[error("{0}")]
    File(#[from] std::io::Error),
    #[error("{0}")]
    Open(#[from] OpenError),
    #[error("the file that is there now does not continue the log")]
    Foreign,
}

impl Writer {
    pub(super) fn rotates_at(&self) -> Option<Instant> {
        if self.max_age.is_zero() || self.log.first.is_none() {
            return None;
        }
        let age = Duration::from_millis(u64::try_from(now() - self.log.begun).unwrap_or_default());
        let due = Instant::now().checked_add(self.max_age.saturating_sub(age))?;
        Some(self.rotate_again.map_or(due, |again| due.max(again)))
    }

    /// Rotates the log if it is due. Returns `false` if the log was closed while it could not be written.
    pub(super) fn rotate_if_due(&mut self) -> bool {
        if self.rotate_again.is_some_and(|again| Instant::now() < again) {
            return true;
        }
        let is_large = self.max_bytes > 0 && self.log.len >= self.max_bytes;
        let is_old = self.rotates_at().is_some_and(|due| due <= Instant::now());
        if !is_large && !is_old {
            return true;
        }
        self.rotate_again = Some(Instant::now() + ROTATE_AGAIN);
        self.sign();
        if let Err(error) = self.flush(true) {
            self.fail(&error);
            return self.recover();
        }
        let first = self.log.first;
        match self.log.rotate(self.at.seq) {
            Ok(old) => {
                self.rotate_again = None;
                let mut record = Record::event("rotated");
                record.name("previous", &old.file_name().unwrap_or_default().to_string_lossy());
                record.number("first", first.unwrap_or_default());
                record.number("last", self.at.seq);
                self.begin_file(record);
                self.write_kept()
            }
            Err(error) => {
                tracing::error!(%error, "the audit log could not be rotated: the present file stays in use");
                true
            }
        }
    }

    /// Makes a record the first line of a file that has just replaced another. The record is kept until it is written.
    fn begin_file(&mut self, record: Record) {
        (self.at.len, self.synced) = (self.log.len, Place { len: self.log.len, ..self.at });
        self.keep(now(), record);
        self.kept.rotate_right(1);
    }

    /// Continues in the file that the path names now, if it is another one. Returns whether it is.
    pub(super) fn reopen(&mut self) -> bool {
        let done = self.try_reopen();
        if let Err(error) = &done {
            tracing::error!(%error, "the audit log was not reopened: the old file stays in use");
        }
        done.unwrap_or(false)
    }

    fn try_reopen(&mut self) -> Result<bool, ReopenError> {
        let named = self.log.named()?;
        let last = match named {
            Named::Same => return Ok(false),
            Named::Other => self.log.last_line_of_named()?,
            Named::Nothing => None,
        };
        // If the file at the path has lines, it may be a copy of this log. A new checkpoint would then be missing in
        // the copy.
        if last.is_none() {
            self.sign();
        }
        if let Err(error) = self.flush(true) {
            tracing::warn!(%error, "the old audit log cannot be written to the end");
            self.back();
        }
        if last.is_some_and(|last| hash(&last) != self.at.hash) {
            return Err(ReopenError::Foreign);
        }
        self.log.succeed(&named)?;
        let mut record = Record::event("reopened");
        record.number("last", self.at.seq);
        self.begin_file(record);
        Ok(true)
    }
}
