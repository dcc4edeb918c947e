//! Durability of what the token writes. It must be on the disk before the database records that a key exists or is
//! gone. Most tokens ensure this themselves.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use claviger_pkcs11::{self as pkcs11, Device};

use super::softhsm::softhsm_directory;

/// The log reports a disk that takes longer than this.
const SLOW: Duration = Duration::from_secs(5);

/// The party that makes the token's writes durable.
pub(super) enum Durability {
    /// The token.
    Token,
    /// This process, by syncing the file system that holds this directory, or all file systems if the directory is not
    /// known.
    Disk(Option<PathBuf>),
}

/// The writes of the token from here on, until they are durable.
pub(super) enum Unsettled {
    Nothing,
    /// Linux reports a failure of the disk once to each open file description, so each write gets one of its own.
    On(File),
    Anywhere,
}

impl Durability {
    pub(super) fn of(device: &Device) -> Self {
        if !device.needs_sync() {
            return Self::Token;
        }
        let directory = device.info().map(|info| softhsm_directory(&info.serial));
        let directory = directory.ok().and_then(Result::ok);
        if directory.is_none() {
            tracing::warn!(
                "the directory of the token is not known: all file systems are synced, and a failure of a disk is not noticed"
            );
        }
        Self::Disk(directory)
    }

    /// # Errors
    /// The directory cannot be opened.
    pub(super) fn begin(&self) -> io::Result<Unsettled> {
        Ok(match self {
            Self::Token => Unsettled::Nothing,
            Self::Disk(Some(directory)) => Unsettled::On(File::open(directory)?),
            Self::Disk(None) => Unsettled::Anywhere,
        })
    }
}

impl Unsettled {
    /// Blocks until the disk has the writes. Callers must not hold the device in the meantime, because a slow disk
    /// would look like a hanging token.
    ///
    /// # Errors
    /// The disk failed.
    pub(super) fn settle(self) -> io::Result<()> {
        let began = Instant::now();
        let settled = match self {
            Self::Nothing => Ok(()),
            Self::On(file) => pkcs11::sync(Some(&file)),
            Self::Anywhere => pkcs11::sync(None),
        };
        let took = began.elapsed();
        if took > SLOW {
            tracing::warn!(seconds = took.as_secs_f32(), "the disk of the token is slow");
        }
        settled
    }
}
