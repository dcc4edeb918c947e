//! The number of bytes that a token takes in one call. It is found at the start by trials on keys that end with their
//! session. The data of callers never changes it.
//!
//! The bound of AES-GCM is tried with the longest text that may come, because a longer text can only be refused. The
//! bounds of what can be split are tried with one part; longer data is split.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::capability::{Capability, Failure, Need};
use crate::cipher::Cipher;
use crate::device::Device;
use crate::error::{Error, Loss};
use crate::key::Key;
use crate::mac::MacMechanism;
use crate::parts::BLOCK;
use crate::secret_key::{SecretKeyKind, SecretKeySpec, Uses};

/// The least that a token must take in one call, in bytes. It applies to AES-GCM, so that secrets fit, and to
/// HMAC-SHA256, so that rows need few parts.
const LEAST_IN_ONE_CALL: usize = 1024;

/// The least that a token must take for HMAC-SHA256 in one call if it does not make MACs of parts, in bytes. Rows have
/// about 1,000 bytes, plus their grants.
const LEAST_WHOLE: usize = 8192;

/// A length in bytes that every token takes that has the mechanism.
const SHORT: usize = 16;

/// The additional data of a trial. The additional data of a secret is not longer. Some tokens may count it.
const AAD: &[u8] = &[7; 192];

/// The operations that have a bound of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bounded {
    /// The text of AES-GCM, for encryption and decryption. It cannot be split.
    Gcm,
    /// The data of AES in another mode. It is tried with CBC, and can be split between blocks.
    Blocks,
    /// The data of HMAC. It is tried with HMAC-SHA256, and can be passed in parts if the token has C_SignUpdate.
    Hmac,
    /// The data of AES-CMAC, which can be passed in parts in the same way.
    Cmac,
}

impl Bounded {
    /// All values.
    pub const ALL: [Self; 4] = [Self::Gcm, Self::Blocks, Self::Hmac, Self::Cmac];
}

/// A bound, in bytes; `usize::MAX` if there is none.
struct Bound {
    most: AtomicUsize,
    /// Whether longer data cannot be passed in parts.
    is_whole: AtomicBool,
}

impl Default for Bound {
    fn default() -> Self {
        Self { most: AtomicUsize::new(usize::MAX), is_whole: AtomicBool::new(false) }
    }
}

/// The bounds of the token. They change only while no caller uses the token.
#[derive(Default)]
pub(crate) struct Bounds {
    gcm: Bound,
    blocks: Bound,
    hmac: Bound,
    cmac: Bound,
}

impl Bounds {
    fn of(&self, bounded: Bounded) -> &Bound {
        match bounded {
            Bounded::Gcm => &self.gcm,
            Bounded::Blocks => &self.blocks,
            Bounded::Hmac => &self.hmac,
            Bounded::Cmac => &self.cmac,
        }
    }

    pub(crate) fn most(&self, bounded: Bounded) -> usize {
        self.of(bounded).most.load(Ordering::Acquire)
    }

    /// Whether the token refused MACs of parts (C_SignUpdate) or made wrong ones.
    pub(crate) fn is_whole(&self, bounded: Bounded) -> bool {
        self.of(bounded).is_whole.load(Ordering::Acquire)
    }

    /// Returns [`Error::TooLong`] if `length` is above the bound.
    pub(crate) fn refuse(&self, bounded: Bounded, length: usize) -> Result<(), Error> {
        let most = self.most(bounded);
        if length > most { Err(Error::TooLong { length, most }) } else { Ok(()) }
    }

    fn set(&self, bounded: Bounded, most: usize, is_whole: bool) {
        let bound = self.of(bounded);
        bound.is_whole.store(is_whole, Ordering::Release);
        bound.most.store(most, Ordering::Release);
    }
}

/// One mechanism with a key of its own, for trials with several lengths.
struct Sample<'a> {
    device: &'a Device,
    key: Key,
    what: What,
}

enum What {
    Cipher(Cipher<'static>),
    Mac(MacMechanism),
}

impl<'a> Sample<'a> {
    /// Makes a sample of AES-GCM, with an IV that follows the known IV rule.
    fn of_gcm(device: &'a Device) -> Result<Self, Error> {
        Self::of_cipher(device, Cipher::AesGcm { iv: device.only_iv(), aad: AAD, tag_bits: 128 })
    }

    /// Makes a sample of AES-CBC, which represents all modes that work on blocks.
    fn of_blocks(device: &'a Device) -> Result<Self, Error> {
        Self::of_cipher(device, Cipher::AesCbc { iv: &[1; BLOCK] })
    }

    fn of_cipher(device: &'a Device, cipher: Cipher<'static>) -> Result<Self, Error> {
        let kind = SecretKeyKind::Aes { bytes: 32 };
        Ok(Self { device, key: throwaway(device, kind, Uses::CIPHER)?, what: What::Cipher(cipher) })
    }

    fn of_mac(device: &'a Device, mechanism: MacMechanism) -> Result<Self, Error> {
        let kind = match mechanism {
            MacMechanism::AesCmac => SecretKeyKind::Aes { bytes: 32 },
            // Long enough for every HMAC.
            _ => SecretKeyKind::Generic { bytes: 64 },
        };
        Ok(Self { device, key: throwaway(device, kind, Uses::MAC)?, what: What::Mac(mechanism) })
    }

    fn bounded(&self) -> Bounded {
        match &self.what {
            What::Cipher(cipher) => cipher.bounded(),
            What::Mac(mechanism) => mechanism.bounded(),
        }
    }

    /// Returns the step between lengths that make a difference to the token.
    fn step(&self) -> usize {
        if self.bounded() == Bounded::Blocks { BLOCK } else { 1 }
    }

    /// Tries the operation with `length` bytes. If `back` is true, the ciphertext is also decrypted again.
    fn take(&self, length: usize, back: bool) -> Result<(), Error> {
        let differs = || Error::Binding(cryptoki::error::Error::InvalidValue);
        match &self.what {
            What::Mac(mechanism) => self.device.sign_whole(&self.key, *mechanism, &vec![0; length]).map(drop),
            What::Cipher(cipher) => {
                let text = vec![0; length];
                let sealed = self.device.seal_by(&self.key, cipher, &text)?;
                if !back {
                    return Ok(());
                }
                let opener = match (cipher, &sealed.own_iv) {
                    (Cipher::AesGcm { aad, tag_bits, .. }, Some(iv)) => Cipher::AesGcm { iv, aad, tag_bits: *tag_bits },
                    (cipher, _) => *cipher,
                };
                let opened = self.device.decipher(&self.key, &opener, &sealed.data)?;
                if opened.as_slice() == text { Ok(()) } else { Err(differs()) }
            }
        }
    }

    /// Whether the token takes `length` bytes. An error proves nothing about the length.
    fn takes(&self, length: usize, back: bool) -> Result<bool, Error> {
        match self.take(length, back) {
            Ok(()) => Ok(true),
            Err(error) if is_of_a_moment(&error) => Err(error),
            Err(_) => {
                // A device that fails also fails with few bytes.
                self.take(SHORT, back)?;
                match self.take(length, back) {
                    Ok(()) => Ok(true),
                    Err(error) if is_of_a_moment(&error) => Err(error),
                    Err(_) => Ok(false),
                }
            }
        }
    }

    /// Returns the most that the token takes, given that it does not take `refused` bytes.
    fn below(&self, refused: usize) -> Result<usize, Error> {
        let step = self.step();
        let (mut taken, mut refused) = (0, refused.div_ceil(step));
        while refused - taken > 1 {
            let middle = taken + (refused - taken) / 2;
            if self.takes(middle * step, true)? {
                taken = middle;
            } else {
                refused = middle;
            }
        }
        Ok(taken * step)
    }

    /// Finds the bound and stores it. `None`: the token takes `most` bytes. The token is assumed to decrypt as much as
    /// it encrypts.
    fn learn(&self, most: usize) -> Result<Option<usize>, Error> {
        let longest = if self.takes(most, false)? { None } else { Some(self.below(most)?) };
        let (bounded, bounds) = (self.bounded(), &self.device.module.bounds);
        match (&self.what, longest) {
            (What::Mac(mechanism), longest) => {
                let joins = self.joins(*mechanism, longest.unwrap_or(most))?;
                // Data that is longer than the trial is passed in parts, if parts work.
                bounds.set(bounded, longest.unwrap_or(if joins { most } else { usize::MAX }), !joins);
            }
            (What::Cipher(_), longest) => {
                let none = if bounded == Bounded::Gcm { usize::MAX } else { most };
                bounds.set(bounded, longest.unwrap_or(none), bounded == Bounded::Gcm);
            }
        }
        Ok(longest)
    }

    /// Whether the MAC of parts equals the MAC of the whole. An error proves nothing.
    fn joins(&self, mechanism: MacMechanism, longest: usize) -> Result<bool, Error> {
        let text = vec![5; longest + 1];
        let in_parts = |text: &[u8], most| match self.device.sign_in_parts(&self.key, mechanism, text, most) {
            Err(error) if is_of_a_moment(&error) => Err(error),
            made => Ok(made.ok()),
        };
        let Some((_, short)) = text.split_first().filter(|(_, short)| !short.is_empty()) else { return Ok(false) };
        let whole = self.device.sign_whole(&self.key, mechanism, short)?;
        let joined = in_parts(short, longest.div_ceil(2))?;
        Ok(joined == Some(whole) && in_parts(&text, longest)?.is_some())
    }
}

/// Whether a call failed for a reason that proves nothing about its length. A lack of memory, or a session or operation
/// that ended, may have to do with the length, because no other caller uses the token during the trial.
fn is_of_a_moment(error: &Error) -> bool {
    matches!(error, Error::Busy | Error::Hangs | Error::Away | Error::Stale)
        || matches!(error.loss(), Some(Loss::Handle | Loss::Login))
}

fn throwaway(device: &Device, kind: SecretKeyKind, uses: Uses) -> Result<Key, Error> {
    device.generate(&SecretKeySpec { kind, sensitive: true, extractable: false, uses })
}

/// The lengths of the first trial of a token, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstTry {
    /// For AES-GCM: at least the longest text that may come.
    pub gcm: usize,
    /// For data that can be split.
    pub others: usize,
}

impl FirstTry {
    fn of(self, bounded: Bounded) -> usize {
        match bounded {
            Bounded::Gcm => self.gcm,
            Bounded::Blocks | Bounded::Hmac | Bounded::Cmac => self.others,
        }
    }
}

impl Device {
    /// Finds how many bytes the token takes in one call. The IV rule for AES-GCM must be known. Mechanisms that the
    /// token does not have are left out.
    pub fn try_bounds(&self, first: FirstTry) -> Vec<Capability> {
        let rows = [
            ("AES-GCM in one call", Need::Start, Sample::of_gcm(self)),
            ("AES-CBC in one call", Need::For("this mode"), Sample::of_blocks(self)),
            ("HMAC-SHA256 in one call", Need::Start, Sample::of_mac(self, MacMechanism::HmacSha256)),
            ("AES-CMAC in one call", Need::For("this MAC"), Sample::of_mac(self, MacMechanism::AesCmac)),
        ];
        let rows = rows.into_iter().filter_map(|(name, need, sample)| {
            let found = match sample.and_then(|sample| sample.take(SHORT, true).map(|()| sample)) {
                Ok(sample) => self.describe_bound(&sample, first),
                Err(error) if is_of_a_moment(&error) => Err(error.into()),
                Err(_) => return None,
            };
            Some(Capability { name, said: String::new(), found, need })
        });
        rows.collect()
    }

    /// Finds the bound of a sample and describes it for [`Capability::found`].
    fn describe_bound(&self, sample: &Sample<'_>, first: FirstTry) -> Result<String, Failure> {
        let (bounded, most) = (sample.bounded(), first.of(sample.bounded()));
        let Some(longest) = sample.learn(most)? else { return Ok(format!("{most} bytes and more")) };
        let too_little = |least: usize| Err(Failure::Differs(format!("{longest} bytes: the server needs {least}")));
        let is_whole = self.module.bounds.is_whole(bounded);
        match bounded {
            Bounded::Gcm | Bounded::Hmac if longest < LEAST_IN_ONE_CALL => too_little(LEAST_IN_ONE_CALL),
            Bounded::Blocks if longest < BLOCK => too_little(BLOCK),
            Bounded::Gcm => Ok(format!("{longest} bytes: longer texts are refused")),
            Bounded::Hmac if is_whole && longest < LEAST_WHOLE => Err(Failure::Differs(format!(
                "{longest} bytes, and C_SignUpdate does not work: the server needs {LEAST_WHOLE} then"
            ))),
            Bounded::Hmac | Bounded::Cmac if is_whole => {
                Ok(format!("{longest} bytes, and C_SignUpdate does not work: longer data is refused"))
            }
            Bounded::Blocks | Bounded::Hmac | Bounded::Cmac => Ok(format!("{longest} bytes: longer data is split")),
        }
    }

    /// Returns how many bytes the token takes in one call, as far as it is known; `usize::MAX` if no bound was found.
    pub fn most(&self, bounded: Bounded) -> usize {
        self.module.bounds.most(bounded)
    }

    /// Finds the bounds again, because the token may be another one. A failure of one bound does not prevent the
    /// others.
    pub fn learn_bounds(&self, first: FirstTry) -> Result<(), Error> {
        let learn = |sample: Result<Sample<'_>, Error>, most| sample.and_then(|sample| sample.learn(most).map(drop));
        let gcm = learn(Sample::of_gcm(self), first.gcm);
        let hmac = learn(Sample::of_mac(self, MacMechanism::HmacSha256), first.others);
        // Not every token has these mechanisms.
        let _ = learn(Sample::of_blocks(self), first.others);
        let _ = learn(Sample::of_mac(self, MacMechanism::AesCmac), first.others);
        gcm.and(hmac)
    }
}
