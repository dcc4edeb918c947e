//! What a token lacks.

use claviger_pkcs11::Failure;

/// What a token lacks.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct Lacking {
    /// In the words of PKCS#11.
    pub name: &'static str,
    /// What happened.
    pub why: Failure,
}
