//! What the token can do, tried on keys that end with their session.

use std::time::Instant;

use claviger_pkcs11::{Capability, Device, Extent, Failure, Need, Token, TokenInfo, WrapMechanisms};

use super::{Custody, Errors, OpenError, RootError, configuration};
use crate::config::Hsm;

/// What a token is, and what it did.
#[derive(Debug)]
pub struct Tried {
    /// How it presents itself.
    pub info: TokenInfo,
    /// Everything that was tried.
    pub capabilities: Vec<Capability>,
    /// The longest text of those tried that AES-GCM takes in one call, in bytes; 0 if it takes none.
    pub longest_gcm: usize,
}

impl Custody {
    /// Opens the token and tries everything that the server can make use of. Nothing stays in the token, and no root keys are
    /// needed.
    ///
    /// # Errors
    /// The module, the token or the PIN is wrong.
    pub fn try_token(hsm: &Hsm) -> Result<Tried, OpenError<RootError>> {
        let _errors = Errors;
        let (_token, tried) = Token::open(configuration(hsm), |device| {
            know_wrap_mechanisms(device, hsm)?;
            let capabilities = device.capabilities(Extent::Everything);
            let longest_gcm = device.longest_gcm().unwrap_or_default();
            Ok::<_, RootError>(Tried { info: device.info()?, capabilities, longest_gcm })
        })?;
        Ok(tried)
    }
}

/// The numbers of AES key wrap that the operator has given.
pub(super) fn wrap_mechanisms(hsm: &Hsm) -> WrapMechanisms {
    WrapMechanisms {
        plain: hsm.wrap_mechanism.map(|number| number.0),
        padded: hsm.wrap_pad_mechanism.map(|number| number.0),
    }
}

/// That the token knows them. What it does by them is tried with everything else.
///
/// # Errors
/// [`RootError::WrapMechanism`]: it does not know one; the token failed.
pub(super) fn know_wrap_mechanisms(device: &Device, hsm: &Hsm) -> Result<(), RootError> {
    match device.unknown_wrap_mechanism(wrap_mechanisms(hsm))? {
        Some((number, answer)) => Err(RootError::WrapMechanism { option: hsm.option_of(number), number, answer }),
        None => Ok(()),
    }
}

/// What a token lacks.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct Lacking {
    /// In the words of PKCS#11.
    pub name: &'static str,
    /// What happened.
    pub why: Failure,
}

/// Tries what the token can do, and says in one line of the log what it cannot. Returns what it lacks.
///
/// # Errors
/// [`RootError::Lacks`]: something without which there is no server.
pub(super) fn at_start(device: &Device, extent: Extent) -> Result<Vec<(Need, Lacking)>, RootError> {
    let began = Instant::now();
    let info = device.info()?;
    let tried = device.capabilities(extent);
    let lacking = |capability: &&Capability| capability.found.is_err();
    let without: Vec<&str> = tried.iter().filter(lacking).map(|capability| capability.name).collect();
    tracing::info!(
        label = info.label,
        model = info.model,
        manufacturer = info.manufacturer,
        tried = tried.len(),
        lacking = without.join(", "),
        seconds = began.elapsed().as_secs_f32(),
        "the token was tried"
    );
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
