//! The module as a library: loading it, C_Initialize and C_Finalize, and finding the token.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::slot::Slot;

use crate::bounds::Bounds;
use crate::cipher::IvRule;
use crate::error::Error;
use crate::raw::Functions;
use crate::token_info::TokenInfo;

/// A loaded module, which may not be initialised.
pub(crate) struct Module {
    pub(crate) context: Pkcs11,
    pub(crate) functions: Functions,
    /// Whether the token takes only zeros as the IV for GCM, and makes an IV in place of them.
    wants_zeros: AtomicBool,
    /// The number of bytes that the token takes in one call.
    pub(crate) bounds: Bounds,
}

impl Module {
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let refuse = |reason| Error::ModuleNotLoaded { path: PathBuf::from(path), reason };
        Ok(Self {
            context: Pkcs11::new(path).map_err(refuse)?,
            functions: Functions::load(path).map_err(refuse)?,
            wants_zeros: AtomicBool::new(false),
            bounds: Bounds::default(),
        })
    }

    pub(crate) fn iv_rule(&self) -> IvRule {
        if self.wants_zeros.load(Ordering::Relaxed) { IvRule::Zeros } else { IvRule::Any }
    }

    pub(crate) fn set_iv_rule(&self, rule: IvRule) {
        self.wants_zeros.store(rule == IvRule::Zeros, Ordering::Relaxed);
    }

    /// Returns the description of the token in the slot.
    pub(crate) fn token_info(&self, slot: Slot) -> Result<TokenInfo, Error> {
        self.functions.token_info(slot).map(|info| TokenInfo::new(&info)).map_err(Error::from_binding)
    }

    /// Finds the only token with this label. Slot numbers are never used, because SoftHSM changes them.
    pub(crate) fn find(&self, label: &str) -> Result<(Slot, TokenInfo), Error> {
        let mut present = Vec::new();
        let mut matching = Vec::new();
        for slot in self.context.get_slots_with_token().map_err(Error::from_binding)? {
            // A slot that cannot be read may belong to another application, so it is not an error.
            let Ok(info) = self.token_info(slot) else {
                continue;
            };
            if !info.is_initialized() {
                continue;
            }
            present.push(info.label.clone());
            if info.label == label {
                matching.push((slot, info));
            }
        }
        let count = matching.len();
        match matching.pop() {
            Some(found) if count == 1 => Ok(found),
            Some(_) => Err(Error::TokenAmbiguous { label: label.to_owned(), count }),
            None => Err(Error::TokenNotFound { label: label.to_owned(), present }),
        }
    }

    /// Calls C_Initialize, and announces calls of many threads (CKF_OS_LOCKING_OK).
    pub(crate) fn initialize(&self) -> Result<Initialized, Error> {
        self.context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).map_err(Error::from_binding)?;
        Ok(Initialized(self.context.clone()))
    }
}

/// An initialised module. Dropping it calls C_Finalize. An owner of sessions must declare it after them in the same
/// struct or scope, so that the sessions are closed first and no call of the old generation can come during the new
/// one.
pub(crate) struct Initialized(Pkcs11);

impl Drop for Initialized {
    fn drop(&mut self) {
        // A module that cannot be finalized reports it at the next C_Initialize.
        let _ = self.0.clone().finalize();
    }
}
