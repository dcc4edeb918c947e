//! The capabilities of a token, found by trials on keys that end with their session. The token's list of mechanisms is
//! shown too, but nothing is concluded from it.

use cryptoki::object::Attribute;
use cryptoki_sys::{CK_MECHANISM_TYPE, CKM_AES_KEY_GEN, CKM_AES_KEY_WRAP, CKM_ECDSA, CKM_GENERIC_SECRET_KEY_GEN};

use crate::cipher_trials::{CIPHERS, MACS};
use crate::device::Device;
use crate::error::Error;
use crate::mac::MacMechanism;
use crate::pair::PairKind;
use crate::root::{RootKind, UnwrapTemplate, Weakness, Weaknesses};
use crate::secret_key::{SecretKeyKind, SecretKeySpec, Uses};
use crate::{key_wrap_trials, pair_trials, protection};

/// The result of one trial.
#[derive(Debug)]
pub struct Capability {
    /// The name of the capability, in the words of PKCS#11.
    pub name: &'static str,
    /// The answer of C_GetMechanismInfo. Empty if no mechanism belongs to it.
    pub said: String,
    /// The outcome: how it works, or why it does not.
    pub found: Result<String, Failure>,
    /// The use of the capability.
    pub need: Need,
}

/// The use of a capability, which shows what the server does without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Every server needs it, and does not start without it.
    Start,
    /// Keeping keys wrapped in the database. Without it each key is a token object.
    Wrapping,
    /// Wrapped keys that may leave in clear. Without it no key leaves in clear.
    Exporting,
    /// A protection of root keys. Without it the operator has to accept this weakness by name.
    Protection(Weakness),
    /// Keys that may leave in this form. Without it new keys leave only wrapped, or never.
    Extractable(Extractable),
    /// Key pairs whose private half is kept wrapped.
    Pairs,
    /// Pairs of this kind.
    Pair(PairKind),
    /// Pairs of this kind whose private half is kept wrapped. Without it each private half is a token object.
    WrappedPair(PairKind),
    /// Import of private keys.
    PrivateImport,
    /// Import of keys.
    Import,
    /// Something optional, which this text names.
    For(&'static str),
}

/// The forms in which a key may leave the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extractable {
    /// Not at all.
    No,
    /// Wrapped by another key (CKA_EXTRACTABLE).
    Wrapped,
    /// In clear (CKA_EXTRACTABLE, and not CKA_SENSITIVE).
    InClear,
}

/// The reason for which a capability is missing.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The token refused.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The token did something unexpected.
    #[error("{0}")]
    Differs(String),
}

impl Failure {
    /// Whether the token would fail in the same way at another time.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Differs(_) => true,
            Self::Refused(error) => matches!(
                error,
                Error::MechanismUnsupported(_)
                    | Error::TemplateRefused(_)
                    | Error::ActionProhibited(_)
                    | Error::KeyFunctionNotPermitted(_)
                    | Error::RootMismatch(_)
                    | Error::NotExtractable(_)
                    | Error::WrapFormat { .. }
            ),
        }
    }

    /// Whether the failure proves nothing about the token: something was lost, or other calls had all sessions.
    pub fn is_of_a_moment(&self) -> bool {
        match self {
            Self::Differs(_) => false,
            Self::Refused(error) => error.loss().is_some() || matches!(error, Error::Busy | Error::Hangs),
        }
    }
}

/// The extent of the trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// The trials of every start.
    Start,
    /// Also the trials that make session objects which only the end of their session removes.
    FirstStart,
    /// Also the trials that take seconds on some tokens.
    Everything,
}

/// One trial.
pub(crate) struct Trial {
    pub(crate) name: &'static str,
    pub(crate) mechanism: Option<CK_MECHANISM_TYPE>,
    pub(crate) need: Need,
    pub(crate) extent: Extent,
    pub(crate) run: fn(&Device) -> Result<String, Failure>,
}

/// Returns a trial that every start makes.
pub(crate) const fn trial(
    name: &'static str,
    mechanism: Option<CK_MECHANISM_TYPE>,
    need: Need,
    run: fn(&Device) -> Result<String, Failure>,
) -> Trial {
    Trial { name, mechanism, need, extent: Extent::Start, run }
}

const IN_CLEAR: Need = Need::Extractable(Extractable::InClear);

/// The trials of keys and their protection, in an order in which each failure explains later ones.
const KEYS: &[Trial] = &[
    trial("random numbers", None, Need::Start, random),
    trial("AES keys", Some(CKM_AES_KEY_GEN), Need::Start, aes_keys),
    trial("generic secret keys", Some(CKM_GENERIC_SECRET_KEY_GEN), Need::Start, generic_keys),
    trial("values of sensitive keys are not shown", None, Need::Start, protection::sensitive_keys_are_not_shown),
    trial("keys that may not leave are not wrapped", None, Need::Start, protection::sealed_keys_are_not_wrapped),
    trial("AES key wrap", Some(CKM_AES_KEY_WRAP), Need::Wrapping, key_wrap),
    trial("unwrap template: may never leave", None, Need::Wrapping, |device| {
        unwraps_only(device, UnwrapTemplate::Sealing)
    }),
    trial("unwrap template: leaves wrapped", None, Need::Wrapping, |device| {
        unwraps_only(device, UnwrapTemplate::Guarding)
    }),
    trial("unwrap template: may leave", None, Need::Exporting, |device| {
        unwraps_only(device, UnwrapTemplate::Exporting)
    }),
    trial("wrapping keys do not decrypt", None, Need::Wrapping, protection::wrapping_keys_do_not_decrypt),
    trial("wrapping keys cannot be changed", None, Need::Wrapping, |device| {
        protection::wrapping_keys_are_not(device, Weakness::Modifiable)
    }),
    trial("wrapping keys cannot be copied", None, Need::Wrapping, |device| {
        protection::wrapping_keys_are_not(device, Weakness::Copyable)
    }),
    trial("root keys cannot be changed", None, Need::Protection(Weakness::Modifiable), |device| {
        protection::root_keys_are_not(device, Weakness::Modifiable)
    }),
    trial("root keys cannot be copied", None, Need::Protection(Weakness::Copyable), |device| {
        protection::root_keys_are_not(device, Weakness::Copyable)
    }),
    Trial {
        name: "root keys cannot be destroyed",
        mechanism: None,
        need: Need::Protection(Weakness::Destroyable),
        extent: Extent::FirstStart,
        run: protection::root_keys_are_not_destroyed,
    },
];

/// The trials of keys that come or go.
const OTHERS: &[Trial] = &[
    trial("P-256 pairs and ECDSA", Some(CKM_ECDSA), Need::Start, ecdsa),
    trial("C_CreateObject of a key's value", None, Need::Import, import),
    trial("CKA_EXTRACTABLE of a sensitive key", None, Need::Extractable(Extractable::Wrapped), |device| {
        let key = device.generate(&leaving())?;
        device.check_attribute(key.handle(device.generation)?, &Attribute::Extractable(true))?;
        works()
    }),
    trial("CKA_VALUE of a key that may leave", None, IN_CLEAR, export),
];

impl Device {
    /// Tries everything that the server needs or can use. Makes no token object.
    pub fn capabilities(&self, extent: Extent) -> Vec<Capability> {
        let trials = [KEYS, CIPHERS, MACS, OTHERS, key_wrap_trials::TRIALS, pair_trials::TRIALS].into_iter().flatten();
        let wanted = trials.filter(|trial| trial.extent <= extent);
        wanted
            .map(|trial| Capability {
                name: trial.name,
                said: trial.mechanism.map(|mechanism| self.said(mechanism)).unwrap_or_default(),
                found: (trial.run)(self),
                need: trial.need,
            })
            .collect()
    }

    /// Returns the token's description of a mechanism (C_GetMechanismInfo): its key sizes, in the unit of the
    /// mechanism.
    fn said(&self, mechanism: CK_MECHANISM_TYPE) -> String {
        let number = if mechanism == CKM_AES_KEY_WRAP { self.plain_wrap } else { mechanism };
        match self.module.functions.mechanism_info(self.slot, number) {
            Ok(info) if info.ulMaxKeySize == 0 => "yes".to_owned(),
            Ok(info) => format!("{} to {}", info.ulMinKeySize, info.ulMaxKeySize),
            Err(_) => "no".to_owned(),
        }
    }
}

pub(crate) fn aes(bytes: usize, uses: Uses) -> SecretKeySpec {
    SecretKeySpec { kind: SecretKeyKind::Aes { bytes }, sensitive: true, extractable: false, uses }
}

pub(crate) fn generic(bytes: usize) -> SecretKeySpec {
    SecretKeySpec { kind: SecretKeyKind::Generic { bytes }, sensitive: true, extractable: false, uses: Uses::MAC }
}

/// Returns the specification of a key that may leave wrapped.
pub(crate) fn leaving() -> SecretKeySpec {
    SecretKeySpec { extractable: true, ..generic(32) }
}

pub(crate) fn works() -> Result<String, Failure> {
    Ok("works".to_owned())
}

pub(crate) fn differs<T>(what: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Differs(what.into()))
}

fn random(device: &Device) -> Result<String, Failure> {
    let (one, other) = (device.random(32)?, device.random(32)?);
    if *one == *other { differs("the same bytes twice") } else { works() }
}

fn aes_keys(device: &Device) -> Result<String, Failure> {
    for bytes in [16, 24, 32] {
        device.generate(&aes(bytes, Uses::CIPHER))?;
    }
    Ok("16, 24 and 32 bytes".to_owned())
}

fn generic_keys(device: &Device) -> Result<String, Failure> {
    device.generate(&generic(32))?;
    works()
}

/// Checks that a key is the same after unwrapping, by its MAC. The wrapping key has no unwrap template, which is a
/// trial of its own.
fn key_wrap(device: &Device) -> Result<String, Failure> {
    let uses = Uses { wrap: true, unwrap: true, ..Uses::default() };
    let kek = device.generate(&aes(32, uses))?;
    let spec = leaving();
    let key = device.generate(&spec)?;
    let blob = device.wrap(&kek, &key)?;
    let again = device.unwrap(&kek, &blob, &spec)?;
    if device.plain_wrap != CKM_AES_KEY_WRAP && device.wraps_by_rfc_3394()? == Some(false) {
        return differs(format!("mechanism {:#010x} does not wrap as RFC 3394 requires", device.plain_wrap));
    }
    let [before, after] = [&key, &again].map(|key| device.mac(key, MacMechanism::HmacSha256, b"text"));
    if before? != after? {
        return differs("the unwrapped key is not the wrapped one");
    }
    let damaged: Vec<u8> = blob.iter().map(|byte| byte ^ 1).collect();
    match device.unwrap(&kek, &damaged, &spec) {
        Ok(_) => differs("it unwraps a damaged blob"),
        Err(_) => works(),
    }
}

fn unwraps_only(device: &Device, template: UnwrapTemplate) -> Result<String, Failure> {
    device.try_root(RootKind::Kek(template), Weaknesses::ALL)?;
    Ok("enforced".to_owned())
}

fn ecdsa(device: &Device) -> Result<String, Failure> {
    let key = device.try_signing_root(Weaknesses::ALL)?;
    device.sign_digest(&key, &[6; 32])?;
    device.public_point(&key)?;
    works()
}

fn import(device: &Device) -> Result<String, Failure> {
    device.create(&aes(32, Uses::CIPHER), &[4; 32])?;
    works()
}

fn export(device: &Device) -> Result<String, Failure> {
    let open = SecretKeySpec { sensitive: false, extractable: true, ..aes(32, Uses::CIPHER) };
    let (one, other) = (device.value(&device.generate(&open)?)?, device.value(&device.generate(&open)?)?);
    if one.len() != 32 || *one == *other {
        return differs("the values of two keys are equal, or not as long as the keys");
    }
    works()
}
