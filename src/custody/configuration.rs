//! The configuration in the form that the PKCS#11 crate takes.

use std::sync::Arc;
use std::time::Duration;

use claviger_pkcs11::{self as pkcs11, WrapMechanisms};

use crate::config::{Hsm, SecretSource};

/// The time for which an operation waits for a session.
pub(super) const SESSION_DEADLINE: Duration = Duration::from_secs(2);

pub(super) fn configuration(hsm: &Hsm) -> pkcs11::Config {
    pkcs11::Config {
        module: hsm.module.clone(),
        label: hsm.token_label.clone(),
        pin: pin(hsm.pin.clone()),
        wrap: wrap_mechanisms(hsm),
        max_sessions: usize::from(hsm.max_sessions),
        session_deadline: SESSION_DEADLINE,
        call_timeout: hsm.call_timeout,
    }
}

/// The PIN, read again for each login.
fn pin(source: Option<Arc<SecretSource>>) -> pkcs11::PinSource {
    pkcs11::PinSource::new(move || {
        let pin = source.as_ref().map(|source| source.read()).transpose()?;
        Ok(pin.map(|pin| pkcs11::Pin::new(pin.as_bytes().to_vec())))
    })
}

/// Returns the mechanism numbers of AES key wrap that the operator gave.
pub(super) fn wrap_mechanisms(hsm: &Hsm) -> WrapMechanisms {
    WrapMechanisms {
        plain: hsm.wrap_mechanism.map(|number| number.0),
        padded: hsm.wrap_pad_mechanism.map(|number| number.0),
    }
}
