//! Settings of the HSM.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::error::Error;
use super::mechanism_number::MechanismNumber;
use super::options::{Options, WeakerCustody};
use super::secret_file::{self, SecretSource};
use super::within::within;
use crate::secret::Password;

/// The paths where distributions install SoftHSM's module.
const MODULE_PATHS: [&str; 7] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/// The bounds of `--hsm-max-sessions`.
const MAX_SESSIONS: RangeInclusive<u16> = 2..=1024;

/// The bounds of `--hsm-max-objects`.
const MAX_OBJECTS: RangeInclusive<u32> = 1..=10_000_000;

/// The bounds of `--hsm-call-timeout`, in seconds.
const CALL_TIMEOUT: RangeInclusive<u16> = 1..=600;

/// Settings of the HSM token that holds the keys.
#[derive(Debug)]
pub struct Hsm {
    /// The PKCS#11 module.
    pub module: PathBuf,
    /// The HSM token's label.
    pub token_label: String,
    /// The source of the user PIN; `None` if none is configured.
    pub pin: Option<Arc<SecretSource>>,
    /// The HSM token's own number for AES key wrap without padding (RFC 3394).
    pub wrap_mechanism: Option<MechanismNumber>,
    /// The HSM token's own number for AES key wrap with padding (RFC 5649).
    pub wrap_pad_mechanism: Option<MechanismNumber>,
    /// The maximum number of open sessions.
    pub max_sessions: u16,
    /// The maximum number of session objects; `None` if only the size of the object cache limits them.
    pub max_objects: Option<usize>,
    /// The longest time that a call may take.
    pub call_timeout: Duration,
    /// The protections that root keys may lack.
    pub weaker_custody: Vec<WeakerCustody>,
}

impl Hsm {
    /// Checks the options of the HSM and fills in defaults. `pin` is the PIN of the environment.
    ///
    /// # Errors
    /// A value is out of bounds, the PIN cannot be read, or there is no module.
    pub(super) fn checked(options: &Options, pin: Option<Password>) -> Result<Self, Error> {
        let token_label = options.hsm_token_label.clone().unwrap_or_else(|| "claviger".to_owned());
        if token_label.is_empty() || token_label.len() > 32 {
            return Err(Error::Value { option: "hsm-token-label", fault: "a PKCS#11 token label has 1 to 32 bytes" });
        }
        let max_sessions = options.hsm_max_sessions.unwrap_or(16);
        let max_sessions = within("hsm-max-sessions", max_sessions, &MAX_SESSIONS, "")?;
        let max_objects = options.hsm_max_objects;
        let max_objects = max_objects.map(|most| within("hsm-max-objects", most, &MAX_OBJECTS, ""));
        let max_objects = max_objects.transpose()?.map(usize::try_from).transpose().unwrap_or_default();
        let call_timeout = options.hsm_call_timeout.unwrap_or(10);
        let call_timeout = within("hsm-call-timeout", call_timeout, &CALL_TIMEOUT, " seconds")?;
        distinct(options.hsm_wrap_mechanism, options.hsm_wrap_pad_mechanism)?;
        Ok(Self {
            module: options.hsm_module.clone().map_or_else(usual_module, Ok)?,
            token_label,
            pin: secret_file::pin(options.hsm_pin_file.as_deref(), pin)?.map(Arc::new),
            wrap_mechanism: options.hsm_wrap_mechanism,
            wrap_pad_mechanism: options.hsm_wrap_pad_mechanism,
            max_sessions,
            max_objects,
            call_timeout: Duration::from_secs(call_timeout.into()),
            weaker_custody: options.accept_weaker_custody.clone().unwrap_or_default(),
        })
    }

    /// Returns the option that gave this number for AES key wrap.
    #[must_use]
    pub fn option_of(&self, number: u32) -> &'static str {
        if self.wrap_mechanism.is_some_and(|plain| plain.0 == number) {
            "--hsm-wrap-mechanism"
        } else {
            "--hsm-wrap-pad-mechanism"
        }
    }
}

/// Checks that the two numbers for AES key wrap differ.
///
/// # Errors
/// The numbers are equal: with and without padding are two different mechanisms.
fn distinct(plain: Option<MechanismNumber>, padded: Option<MechanismNumber>) -> Result<(), Error> {
    match (plain, padded) {
        (Some(plain), Some(padded)) if plain == padded => Err(Error::SameMechanism(plain)),
        _ => Ok(()),
    }
}

/// Returns SoftHSM's module at the first of the usual paths that exists.
fn usual_module() -> Result<PathBuf, Error> {
    MODULE_PATHS.iter().map(PathBuf::from).find(|path| path.exists()).ok_or(Error::NoModule)
}
