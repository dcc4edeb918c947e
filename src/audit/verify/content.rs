//! Checks the content of lines: the JSON, and the signatures of checkpoints.

use serde::de::IgnoredAny;

use super::fault::{Broken, Fault};
use super::key::PublicKey;
use super::reader::Batch;
use crate::audit::line::{CHECKPOINT, Checkpoint, Header};

pub(super) struct Content<'a> {
    key: &'a PublicKey,
    number: u64,
    pub(super) checkpoints: u64,
    pub(super) signed: u64,
}

impl<'a> Content<'a> {
    pub(super) fn new(key: &'a PublicKey) -> Self {
        Self { key, number: 0, checkpoints: 0, signed: 0 }
    }

    pub(super) fn look(&mut self, batch: &Batch) -> Result<(), Broken> {
        for (line, number) in batch.lines() {
            self.number += 1;
            // A line without the strict form is reported by the check of the chain.
            let Some(header) = Header::read(line) else { continue };
            self.line(line, &header).map_err(|fault| Broken {
                file: batch.path().to_owned(),
                line: number,
                number: self.number,
                seq: Some(header.seq),
                fault,
            })?;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], header: &Header<'_>) -> Result<(), Fault> {
        if header.event == CHECKPOINT.as_bytes() {
            check_checkpoint(line, header, self.key)?;
            self.checkpoints += 1;
            self.signed = header.seq;
            return Ok(());
        }
        let text = std::str::from_utf8(line).map_err(|_| Fault::Json)?;
        serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|_| Fault::Json)
    }
}

/// Checks the form, the key and the signature of a checkpoint.
pub(super) fn check_checkpoint(line: &[u8], header: &Header<'_>, key: &PublicKey) -> Result<(), Fault> {
    let checkpoint = Checkpoint::read(line, header).ok_or(Fault::Checkpoint)?;
    if !key.is_named(checkpoint.key) {
        return Err(Fault::OtherKey);
    }
    if !key.verifies(checkpoint.signed, &checkpoint.signature) {
        return Err(Fault::Signature);
    }
    Ok(())
}
