//! What is configured of the HSM.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::error::Error;
use super::mechanism_number::MechanismNumber;
use super::options::WeakerCustody;
use super::secret_file::SecretSource;

/// The token that holds the keys.
#[derive(Debug)]
pub struct Hsm {
    /// The PKCS#11 module.
    pub module: PathBuf,
    /// The token's label.
    pub token_label: String,
    /// Where the user PIN comes from.
    pub pin: Option<Arc<SecretSource>>,
    /// The token's own number for AES key wrap without padding.
    pub wrap_mechanism: Option<MechanismNumber>,
    /// The token's own number for AES key wrap with padding.
    pub wrap_pad_mechanism: Option<MechanismNumber>,
    /// Sessions to open at most.
    pub max_sessions: u16,
    /// Session objects to keep at most, if there is a bound.
    pub max_objects: Option<usize>,
    /// How long a call may take.
    pub call_timeout: Duration,
    /// Protections that root keys may lack.
    pub weaker_custody: Vec<WeakerCustody>,
}

impl Hsm {
    /// The option that gave this number for AES key wrap.
    #[must_use]
    pub fn option_of(&self, number: u32) -> &'static str {
        if self.wrap_mechanism.is_some_and(|plain| plain.0 == number) {
            "--hsm-wrap-mechanism"
        } else {
            "--hsm-wrap-pad-mechanism"
        }
    }
}

/// The two numbers of AES key wrap.
///
/// # Errors
/// They are equal: the two kinds of it are two mechanisms.
pub(super) fn distinct(plain: Option<MechanismNumber>, padded: Option<MechanismNumber>) -> Result<(), Error> {
    match (plain, padded) {
        (Some(plain), Some(padded)) if plain == padded => Err(Error::SameMechanism(plain)),
        _ => Ok(()),
    }
}
