//! A need that a token does not fulfil.

use claviger_pkcs11::Failure;

/// A need that a token does not fulfil.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct Lacking {
    /// Name of the need, in the words of PKCS#11.
    pub name: &'static str,
    /// The failure of its trial.
    pub why: Failure,
}
