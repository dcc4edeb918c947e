//! Trials of what the token can do, on keys that end with their session.

use std::time::Instant;

use claviger_pkcs11::{Bounded, Capability, Device, Extent, FirstTry, Need, OpenError, Token, TokenInfo};

use super::configuration::{configuration, wrap_mechanisms};
use super::error::RootError;
use super::error_queue::Errors;
use super::lacking::Lacking;
use super::state::Custody;
use crate::config::Hsm;

/// A token and the results of its trials.
#[derive(Debug)]
pub struct Tried {
    /// The token's description of itself.
    pub info: TokenInfo,
    /// The result of each trial.
    pub capabilities: Vec<Capability>,
}

/// The largest amount of data, in bytes, that a trial passes in one call. No request has more to encrypt or decrypt.
pub const MOST_IN_ONE_CALL: usize = 6 << 20;

/// The amount of data of the first trial at a start, in bytes, which must not take long.
pub(super) const FIRST_TRY: FirstTry = FirstTry { gcm: MOST_IN_ONE_CALL, others: 64 << 10 };

impl Custody {
    /// Opens the token and tries everything that the server can use. Nothing stays in the token, and no root keys are
    /// needed.
    ///
    /// # Errors
    /// The module, the token or the PIN is wrong.
    pub fn try_token(hsm: &Hsm) -> Result<Tried, OpenError<RootError>> {
        let _errors = Errors;
        let (_token, tried) = Token::open(configuration(hsm), |device| {
            know_wrap_mechanisms(device, hsm)?;
            Ok::<_, RootError>(Tried { info: device.info()?, capabilities: tried(device, Extent::Everything) })
        })?;
        Ok(tried)
    }
}

/// Checks that the token knows the mechanism numbers of AES key wrap that the operator gave. Other trials show whether
/// they work.
///
/// # Errors
/// [`RootError::WrapMechanism`]: the token does not know one of them; or the token failed.
pub(super) fn know_wrap_mechanisms(device: &Device, hsm: &Hsm) -> Result<(), RootError> {
    match device.unknown_wrap_mechanism(wrap_mechanisms(hsm))? {
        Some((number, answer)) => Err(RootError::WrapMechanism { option: hsm.option_of(number), number, answer }),
        None => Ok(()),
    }
}

fn tried(device: &Device, extent: Extent) -> Vec<Capability> {
    let mut tried = device.capabilities(extent);
    tried.extend(device.try_derivations());
    let whole = FirstTry { gcm: MOST_IN_ONE_CALL, others: MOST_IN_ONE_CALL };
    tried.extend(device.try_bounds(if extent == Extent::Everything { whole } else { FIRST_TRY }));
    // Destroys the keys of the trials, so that they take no room from others.
    let _ = device.reap();
    tried
}

/// The number of bytes that a token takes in one call, by kind; `usize::MAX` where no bound was found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Most([usize; 4]);

impl Most {
    /// Returns the bounds that were found last.
    pub(super) fn of(device: &Device) -> Self {
        Self(Bounded::ALL.map(|bounded| device.most(bounded)))
    }

    /// Writes the bounds to the log if one of them is lower than what a start tries.
    pub(super) fn log(self) {
        let Self([gcm, blocks, hmac, cmac]) = self;
        let is_usual = gcm == usize::MAX && [blocks, hmac, cmac].iter().all(|most| *most >= FIRST_TRY.others);
        if is_usual {
            return;
        }
        let bytes = |most: usize| if most == usize::MAX { "no bound".to_owned() } else { format!("{most} bytes") };
        tracing::warn!(
            aes_gcm = bytes(gcm),
            aes_cbc = bytes(blocks),
            hmac = bytes(hmac),
            aes_cmac = bytes(cmac),
            "the HSM takes little in one call: longer texts for AES-GCM are refused, other data is split"
        );
    }
}

/// Tries what the token can do and logs what it cannot, in one line. Returns what it lacks.
///
/// # Errors
/// [`RootError::Lacks`]: the token lacks something that every server needs.
pub(super) fn at_start(device: &Device, extent: Extent) -> Result<Vec<(Need, Lacking)>, RootError> {
    let began = Instant::now();
    let info = device.info()?;
    let tried = tried(device, extent);
    let lacking = |capability: &&Capability| capability.found.is_err();
    let without: Vec<&str> = tried.iter().filter(lacking).map(|capability| capability.name).collect();
    tracing::info!(
        label = info.label,
        model = info.model,
        manufacturer = info.manufacturer,
        tried = tried.len(),
        lacking = without.join(", "),
        seconds = began.elapsed().as_secs_f32(),
        "tried the abilities of the token"
    );
    Most::of(device).log();
    let mut lacks = Vec::new();
    for Capability { name, found, need, .. } in tried {
        match (found, need) {
            (Ok(_), _) => {}
            (Err(why), Need::Start) => return Err(RootError::Lacks(Lacking { name, why })),
            (Err(why), need) => lacks.push((need, Lacking { name, why })),
        }
    }
    Ok(lacks)
}
