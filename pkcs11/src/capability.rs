//! The capabilities of a token, found by trials on keys that end with their session. The token's list of mechanisms is
//! shown too, but nothing is concluded from it.

use cryptoki::mechanism::MechanismType;
use cryptoki::object::Attribute;
use cryptoki_sys::CKM_AES_KEY_WRAP;

use crate::cipher::Cipher;
use crate::device::Device;
use crate::error::Error;
use crate::key::Key;
use crate::mac::MacMechanism;
use crate::pair::PairKind;
use crate::root::{RootKind, UnwrapTemplate, Weakness, Weaknesses};
use crate::secret_key::{SecretKeyKind, SecretKeySpec, Uses};
use crate::{pair_trials, protection};

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
    pub(crate) mechanism: Option<MechanismType>,
    pub(crate) need: Need,
    pub(crate) extent: Extent,
    pub(crate) run: fn(&Device) -> Result<String, Failure>,
}

/// Returns a trial that every start makes.
pub(crate) const fn trial(
    name: &'static str,
    mechanism: Option<MechanismType>,
    need: Need,
    run: fn(&Device) -> Result<String, Failure>,
) -> Trial {
    Trial { name, mechanism, need, extent: Extent::Start, run }
}

const IN_CLEAR: Need = Need::Extractable(Extractable::InClear);

/// All trials, in an order in which each failure explains later ones.
const TRIALS: &[Trial] = &[
    trial("random numbers", None, Need::Start, random),
    trial("AES keys", Some(MechanismType::AES_KEY_GEN), Need::Start, aes_keys),
    trial("generic secret keys", Some(MechanismType::GENERIC_SECRET_KEY_GEN), Need::Start, generic_keys),
    trial("values of sensitive keys are not shown", None, Need::Start, protection::sensitive_keys_are_not_shown),
    trial("keys that may not leave are not wrapped", None, Need::Start, protection::sealed_keys_are_not_wrapped),
    trial("AES key wrap", Some(MechanismType::AES_KEY_WRAP), Need::Wrapping, key_wrap),
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
    trial("AES-GCM", Some(MechanismType::AES_GCM), Need::Start, gcm),
    trial("AES-CBC, AES-CBC-PAD", Some(MechanismType::AES_CBC_PAD), Need::For("these modes"), cbc),
    trial("AES-CTR", Some(MechanismType::AES_CTR), Need::For("this mode"), |device| {
        mode(device, &Cipher::AesCtr { counter: &[7; 16] })
    }),
    trial("AES-ECB", Some(MechanismType::AES_ECB), Need::For("this mode"), |device| mode(device, &Cipher::AesEcb)),
    trial("AES-CMAC", Some(MechanismType::AES_CMAC), Need::For("this MAC, and the API token"), cmac),
    trial("HMAC-SHA1", Some(MechanismType::SHA1_HMAC), Need::For("this MAC"), |device| {
        hmac(device, MacMechanism::HmacSha1)
    }),
    trial("HMAC-SHA224", Some(MechanismType::SHA224_HMAC), Need::For("this MAC"), |device| {
        hmac(device, MacMechanism::HmacSha224)
    }),
    trial("HMAC-SHA256", Some(MechanismType::SHA256_HMAC), Need::Start, |device| {
        hmac(device, MacMechanism::HmacSha256)
    }),
    trial("HMAC-SHA384", Some(MechanismType::SHA384_HMAC), Need::For("this MAC"), |device| {
        hmac(device, MacMechanism::HmacSha384)
    }),
    trial("HMAC-SHA512", Some(MechanismType::SHA512_HMAC), Need::For("this MAC"), |device| {
        hmac(device, MacMechanism::HmacSha512)
    }),
    trial("P-256 pairs and ECDSA", Some(MechanismType::ECDSA), Need::Start, ecdsa),
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
        let wanted = TRIALS.iter().chain(pair_trials::TRIALS).filter(|trial| trial.extent <= extent);
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
    fn said(&self, mechanism: MechanismType) -> String {
        let number = match mechanism {
            MechanismType::AES_KEY_WRAP => self.plain_wrap,
            other => other.into(),
        };
        match self.module.functions.mechanism_info(self.slot, number) {
            Ok(info) if info.ulMaxKeySize == 0 => "yes".to_owned(),
            Ok(info) => format!("{} to {}", info.ulMinKeySize, info.ulMaxKeySize),
            Err(_) => "no".to_owned(),
        }
    }
}

fn aes(bytes: usize, uses: Uses) -> SecretKeySpec {
    SecretKeySpec { kind: SecretKeyKind::Aes { bytes }, sensitive: true, extractable: false, uses }
}

fn generic(bytes: usize) -> SecretKeySpec {
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

/// Finds whose IV is used, and checks that the tag is at the end and covers the additional data and every bit of the
/// text.
fn gcm(device: &Device) -> Result<String, Failure> {
    let (key, text) = (device.generate(&aes(32, Uses::CIPHER))?, b"sixteen bytes of");
    let (sealed, given) = device.find_iv_rule(&key, b"additional", text)?;
    let iv = sealed.own_iv.as_deref().unwrap_or(&given);
    let open = |aad: &[u8], data: &[u8]| device.decrypt(&key, &Cipher::AesGcm { iv, aad, tag_bits: 128 }, data);
    if open(b"additional", &sealed.data)?.as_ref() != text {
        return differs("it does not decrypt what it encrypted");
    }
    let mut damaged = sealed.data.clone();
    if let Some(last) = damaged.last_mut() {
        *last ^= 1;
    }
    if open(b"other", &sealed.data).is_ok() || open(b"additional", &damaged).is_ok() {
        return differs("it decrypts a ciphertext that is not authentic");
    }
    let whose = match (&sealed.own_iv, given) {
        (None, _) => "the caller's IV",
        (Some(_), [0, ..]) => "an IV that the token makes in place of zeros",
        (Some(_), _) => "an IV that the token makes",
    };
    Ok(format!("with {whose}, the tag at the end"))
}

fn mode(device: &Device, cipher: &Cipher<'_>) -> Result<String, Failure> {
    let key = device.generate(&aes(32, Uses::CIPHER))?;
    let text = [3; 32];
    let sealed = device.encrypt(&key, cipher, &text)?;
    if sealed == text || device.decrypt(&key, cipher, &sealed)?.as_ref() != text {
        return differs("it does not decrypt what it encrypted");
    }
    works()
}

fn cbc(device: &Device) -> Result<String, Failure> {
    mode(device, &Cipher::AesCbc { iv: &[1; 16] })?;
    mode(device, &Cipher::AesCbcPad { iv: &[1; 16] })
}

fn cmac(device: &Device) -> Result<String, Failure> {
    let key = device.generate(&aes(32, Uses::MAC))?;
    repeats(device, &key, MacMechanism::AesCmac)
}

/// Finds the shortest and the longest key that sign.
fn hmac(device: &Device, mechanism: MacMechanism) -> Result<String, Failure> {
    let sizes = device.mac_key_size(mechanism)?;
    repeats(device, &device.generate(&generic(64.min(*sizes.end()).max(1)))?, mechanism)?;
    Ok(format!("keys of {} to {} bytes", sizes.start(), sizes.end()))
}

fn repeats(device: &Device, key: &Key, mechanism: MacMechanism) -> Result<String, Failure> {
    let [one, same, other] = [b"one", b"one", b"two"].map(|text| device.mac(key, mechanism, text));
    let (one, same, other) = (one?, same?, other?);
    if one != same || one == other {
        differs("the MACs of equal texts differ, or the MACs of different texts do not")
    } else {
        works()
    }
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
