//! What the token wrote becomes durable before the database says that it is there, or gone. Most tokens see to it themselves.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use claviger_pkcs11::{self as pkcs11, Device};

use super::softhsm::softhsm_directory;

/// The log names a disk that takes longer.
const SLOW: Duration = Duration::from_secs(5);

/// Who makes what the token wrote durable.
pub(super) enum Durability {
    /// The token.
    Token,
    /// This process: the file system that holds this directory, or all of them if it is not known.
    Disk(Option<PathBuf>),
}

/// What is written from here on, until it is durable.
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
    /// The directory is gone.
    pub(super) fn begin(&self) -> io::Result<Unsettled> {
        Ok(match self {
            Self::Token => Unsettled::Nothing,
            Self::Disk(Some(directory)) => Unsettled::On(File::open(directory)?),
            Self::Disk(None) => Unsettled::Anywhere,
        })
    }
}

impl Unsettled {
    /// Blocks until the disk is done. Callers must not hold the device meanwhile: a slow disk would look like a token that hangs.
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
