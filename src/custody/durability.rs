//! What the token wrote becomes durable before the database says that it is there. Most tokens see to it themselves.

use std::fs::File;
use std::io;

use claviger_pkcs11::{self as pkcs11, Device};

use super::softhsm_directory;

/// Who makes what the token wrote durable.
pub(super) enum Durability {
    /// The token.
    Token,
    /// This process: the file system that holds this directory, or all of them if it is not known.
    Disk(Option<File>),
}

impl Durability {
    pub(super) fn of(device: &Device) -> Self {
        if !device.needs_sync() {
            return Self::Token;
        }
        let directory = device.info().ok().and_then(|info| softhsm_directory(&info.serial).ok());
        Self::Disk(directory.and_then(|directory| File::open(directory).ok()))
    }

    /// Blocks for as long as the disk does, so the device must not be held meanwhile: a slow disk is no token that hangs.
    ///
    /// # Errors
    /// The disk failed.
    pub(super) fn settle(&self) -> io::Result<()> {
        match self {
            Self::Token => Ok(()),
            Self::Disk(file) => pkcs11::sync(file.as_ref()),
        }
    }
}
