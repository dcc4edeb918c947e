//! The token of a database that is being backed up.

use std::collections::HashSet;

use claviger_pkcs11::{Device, OpenError, Token, TokenInfo};

use super::configuration::configuration;
use super::error::{Error, RootError};
use super::root;
use super::state::Custody;
use crate::config::Hsm;
use crate::store::root_key::RootKey;

/// The token, opened for a backup. Nothing in it is changed.
pub struct Original(Token);

impl Original {
    /// Opens the token and compares its root keys with those that the database records.
    ///
    /// # Errors
    /// The module, the token or the PIN is wrong, or the root keys are not those of the database.
    pub fn open(hsm: &Hsm, recorded: &[RootKey]) -> Result<Self, OpenError<RootError>> {
        let (token, _terms) = Token::open(configuration(hsm), |device| root::check(device, recorded, &[]))?;
        Ok(Self(token))
    }

    /// Returns the token's description of itself.
    ///
    /// # Errors
    /// The token does not answer.
    pub fn info(&self) -> Result<TokenInfo, Error> {
        Ok(self.0.info()?)
    }

    /// Whether the token is one of SoftHSM, which keeps objects in files: [`super::softhsm_directory`].
    ///
    /// # Errors
    /// The token does not answer.
    pub fn is_softhsm(&self) -> Result<bool, Error> {
        Ok(self.0.device()?.is_softhsm())
    }

    /// Returns the `CKA_ID`s of the token objects of managed keys. The token is opened again, so that changes by other
    /// processes are seen. The root keys are compared again, with those that a copy of the database records.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn keys(&self, recorded: &[RootKey]) -> Result<HashSet<Vec<u8>>, OpenError<RootError>> {
        self.0.reset(|device: &Device| {
            root::check(device, recorded, &[])?;
            Ok(Custody::scan(device)?.into_keys().collect())
        })
    }
}
