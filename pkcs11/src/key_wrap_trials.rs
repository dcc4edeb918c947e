//! Trials of the ways in which callers' keys are wrapped.

use cryptoki_sys::{CKM_AES_CBC_PAD, CKM_AES_KEY_WRAP_KWP};

use crate::capability::{Failure, Need, Trial, aes, differs, leaving, trial, works};
use crate::device::Device;
use crate::key_wrap::{AesWrap, KeyWrap};
use crate::mac::MacMechanism;
use crate::secret_key::Uses;

/// The trials, in an order in which each failure explains later ones.
pub(crate) const TRIALS: &[Trial] = &[
    trial(
        "AES key wrap with padding",
        Some(CKM_AES_KEY_WRAP_KWP),
        Need::For("keys that are wrapped with padding"),
        |device| wraps(device, AesWrap::Padded),
    ),
    trial("AES-CBC-PAD key wrap", Some(CKM_AES_CBC_PAD), Need::For("keys that are wrapped by AES-CBC"), |device| {
        wraps(device, AesWrap::Cbc { iv: [5; 16] })
    }),
];

/// Checks that a key is the same after unwrapping, by its MAC.
fn wraps(device: &Device, how: AesWrap) -> Result<String, Failure> {
    let kek = device.generate(&aes(32, Uses { wrap: true, unwrap: true, ..Uses::default() }))?;
    let spec = leaving();
    let key = device.generate(&spec)?;
    let blob = device.wrap_given(&kek, &key, how)?;
    let again = device.unwrap_given(&kek, &blob, &spec, KeyWrap::Aes(how))?;
    let [before, after] = [&key, &again].map(|key| device.mac(key, MacMechanism::HmacSha256, b"text"));
    if before? != after? {
        return differs("the unwrapped key is not the wrapped one");
    }
    works()
}
