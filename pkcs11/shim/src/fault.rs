//! The misbehaviour of the module, and its text format: a file has a line for each field, with a word and its value.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use cryptoki_sys::{CK_ATTRIBUTE_TYPE, CK_RV, CK_ULONG};

/// One kind of misbehaviour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// The call answers this value (CKR_...) and does nothing.
    Answer(CK_RV),
    /// The key that the call uses is lost before the call. A session object is destroyed. A token object stays, but its
    /// handle is invalid until the object is found again (C_FindObjects).
    LoseObject,
    /// The session of the call is closed before the call.
    LoseSession,
    /// The login ends before the call (C_Logout).
    LoseLogin,
    /// The token has room for this many session objects. A call that would make one more answers the value.
    MostObjects(usize, CK_RV),
    /// The token has room for this many sessions. C_OpenSession answers the value if that many are open.
    MostSessions(usize, CK_RV),
    /// C_EncryptInit for AES-GCM: the device makes the IV itself.
    OwnIv(OwnIv),
    /// C_Encrypt, C_Decrypt, C_Sign and C_SignUpdate take at most this many bytes. For more they answer
    /// CKR_DATA_LEN_RANGE, or CKR_ENCRYPTED_DATA_LEN_RANGE.
    MostBytes(usize),
    /// A template with this attribute is refused: CKR_ATTRIBUTE_TYPE_INVALID.
    RefuseAttribute(CK_ATTRIBUTE_TYPE),
    /// A template in which this attribute has this value is refused: CKR_ATTRIBUTE_VALUE_INVALID.
    RefuseValue(CK_ATTRIBUTE_TYPE, bool),
    /// C_WrapKey, C_UnwrapKey and C_GetMechanismInfo know AES key wrap only under the numbers of PKCS#11 combined with
    /// CKM_VENDOR_DEFINED. To the numbers without it they answer CKR_MECHANISM_INVALID.
    VendorWrap,
    /// C_Decrypt and C_UnwrapKey answer this value (CKR_...) if the other module answers that the data is damaged.
    TellDamage(CK_RV),
    /// C_GetMechanismInfo reports these key sizes for every HMAC.
    HmacSizes(CK_ULONG, CK_ULONG),
    /// C_GetMechanismInfo reports the key sizes of every HMAC in bits.
    HmacBits,
    /// CKA_EC_POINT has no OCTET STRING around the point.
    BarePoints,
    /// C_GetAttributeValue does not return CKA_VALUE, and answers this value (CKR_...).
    HideValue(CK_RV),
    /// The other module gets key values and plaintext in another form than the caller, see [`crate::scrambled`].
    Scramble,
    /// C_Initialize: the module crashes when the process runs exit handlers, when the module is unloaded, and when a
    /// thread that has called it ends after that.
    CrashAtEnd,
    /// The call takes this much longer.
    Wait(Duration),
    /// The call never returns.
    Hang,
}

/// How a device returns the IV that it has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnIv {
    /// It writes the IV over the given one.
    Written,
    /// It writes the IV behind the tag. The length in bytes is 12 to 16.
    Appended(usize),
    /// It takes only zeros, and writes the IV over them.
    Zeros,
}

/// The keys that a fault applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Only {
    /// Every key, and calls without a key.
    #[default]
    All,
    /// The first key that the fault meets. It also applies to the handles that this key gets later if it is unwrapped
    /// again.
    FirstKey,
}

/// A [`Deed`], and the calls in which it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The misbehaviour.
    pub deed: Deed,
    /// The functions that it applies to. If the list is empty, it applies to all.
    pub at: Vec<String>,
    /// The number of calls before the first misbehaviour.
    pub after: u64,
    /// The number of calls that misbehave. `None`: no limit.
    pub times: Option<u64>,
    /// From then on, one call in this many misbehaves. 1: each call.
    pub every: NonZeroU64,
    /// The keys that it applies to.
    pub only: Only,
}

impl Fault {
    /// Makes a fault that does the deed at each call of the functions.
    pub fn new(deed: Deed, at: &[&str]) -> Self {
        let at = at.iter().map(|&name| name.to_owned()).collect();
        Self { deed, at, after: 0, times: None, every: NonZeroU64::MIN, only: Only::All }
    }

    /// Leaves out the first `after` calls.
    #[must_use]
    pub fn after(self, after: u64) -> Self {
        Self { after, ..self }
    }

    /// Limits the fault to this many calls.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Limits the fault to one in this many calls. 0 counts as 1.
    #[must_use]
    pub fn every(self, calls: u64) -> Self {
        Self { every: NonZeroU64::new(calls).unwrap_or(NonZeroU64::MIN), ..self }
    }

    /// Limits the fault to the first key that it meets.
    #[must_use]
    pub fn first_key(self) -> Self {
        Self { only: Only::FirstKey, ..self }
    }

    /// Whether the fault applies to this function.
    pub(crate) fn is_at(&self, function: &str) -> bool {
        self.at.is_empty() || self.at.iter().any(|name| name == function)
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(value) => write!(f, "answer {value:#x}"),
            Self::LoseObject => write!(f, "lose-object"),
            Self::LoseSession => write!(f, "lose-session"),
            Self::LoseLogin => write!(f, "lose-login"),
            Self::MostObjects(most, value) => write!(f, "most-objects {most} {value:#x}"),
            Self::MostSessions(most, value) => write!(f, "most-sessions {most} {value:#x}"),
            Self::OwnIv(OwnIv::Written) => write!(f, "own-iv written"),
            Self::OwnIv(OwnIv::Appended(length)) => write!(f, "own-iv appended {length}"),
            Self::OwnIv(OwnIv::Zeros) => write!(f, "own-iv zeros"),
            Self::MostBytes(most) => write!(f, "most-bytes {most}"),
            Self::RefuseAttribute(attribute) => write!(f, "refuse-attribute {attribute:#x}"),
            Self::RefuseValue(attribute, value) => write!(f, "refuse-value {attribute:#x} {value}"),
            Self::VendorWrap => write!(f, "vendor-wrap"),
            Self::TellDamage(value) => write!(f, "tell-damage {value:#x}"),
            Self::HmacSizes(least, most) => write!(f, "hmac-sizes {least} {most}"),
            Self::HmacBits => write!(f, "hmac-bits"),
            Self::BarePoints => write!(f, "bare-points"),
            Self::HideValue(value) => write!(f, "hide-value {value:#x}"),
            Self::Scramble => write!(f, "scramble"),
            Self::CrashAtEnd => write!(f, "crash-at-end"),
            Self::Wait(time) => write!(f, "wait {}", time.as_millis()),
            Self::Hang => write!(f, "hang"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "do {}", self.deed)?;
        if !self.at.is_empty() {
            writeln!(f, "at {}", self.at.join(" "))?;
        }
        if self.after > 0 {
            writeln!(f, "after {}", self.after)?;
        }
        if let Some(times) = self.times {
            writeln!(f, "times {times}")?;
        }
        if self.every > NonZeroU64::MIN {
            writeln!(f, "every {}", self.every)?;
        }
        match self.only {
            Only::All => Ok(()),
            Only::FirstKey => writeln!(f, "only first-key"),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut fault = None;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let refuse = || format!("{line:?} is not a line of a fault");
            match (&mut fault, words.as_slice()) {
                (_, []) => {}
                (none @ None, ["do", deed @ ..]) => *none = Some(Self::new(parse_deed(deed).ok_or_else(refuse)?, &[])),
                (Some(fault), ["at", names @ ..]) => fault.at = names.iter().map(|&name| name.to_owned()).collect(),
                (Some(fault), ["after", number]) => fault.after = number.parse().map_err(|_| refuse())?,
                (Some(fault), ["times", number]) => fault.times = Some(number.parse().map_err(|_| refuse())?),
                (Some(fault), ["every", number]) => fault.every = number.parse().map_err(|_| refuse())?,
                (Some(fault), ["only", "first-key"]) => fault.only = Only::FirstKey,
                _ => return Err(refuse()),
            }
        }
        fault.ok_or_else(|| "no line begins with `do`".to_owned())
    }
}

fn parse_deed(words: &[&str]) -> Option<Deed> {
    Some(match words {
        ["answer", value] => Deed::Answer(number(value)?),
        ["lose-object"] => Deed::LoseObject,
        ["lose-session"] => Deed::LoseSession,
        ["lose-login"] => Deed::LoseLogin,
        ["most-objects", most, value] => Deed::MostObjects(most.parse().ok()?, number(value)?),
        ["most-sessions", most, value] => Deed::MostSessions(most.parse().ok()?, number(value)?),
        ["own-iv", "written"] => Deed::OwnIv(OwnIv::Written),
        ["own-iv", "appended", length] => Deed::OwnIv(OwnIv::Appended(length.parse().ok().filter(|own| *own <= 16)?)),
        ["own-iv", "zeros"] => Deed::OwnIv(OwnIv::Zeros),
        ["most-bytes", most] => Deed::MostBytes(most.parse().ok()?),
        ["refuse-attribute", attribute] => Deed::RefuseAttribute(number(attribute)?),
        ["refuse-value", attribute, value] => Deed::RefuseValue(number(attribute)?, value.parse().ok()?),
        ["vendor-wrap"] => Deed::VendorWrap,
        ["tell-damage", value] => Deed::TellDamage(number(value)?),
        ["hmac-sizes", least, most] => Deed::HmacSizes(least.parse().ok()?, most.parse().ok()?),
        ["hmac-bits"] => Deed::HmacBits,
        ["bare-points"] => Deed::BarePoints,
        ["hide-value", value] => Deed::HideValue(number(value)?),
        ["scramble"] => Deed::Scramble,
        ["crash-at-end"] => Deed::CrashAtEnd,
        ["wait", time] => Deed::Wait(milliseconds(time)?),
        ["hang"] => Deed::Hang,
        _ => return None,
    })
}

fn number(text: &str) -> Option<CK_RV> {
    CK_RV::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

fn milliseconds(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "allowed in tests")]

    use super::*;

    #[test]
    fn a_fault_is_read_as_it_was_written() {
        let deeds = [
            Deed::Answer(0x8000_0001),
            Deed::LoseObject,
            Deed::LoseSession,
            Deed::LoseLogin,
            Deed::MostObjects(7, 0x31),
            Deed::MostSessions(3, 0xb1),
            Deed::OwnIv(OwnIv::Written),
            Deed::OwnIv(OwnIv::Appended(16)),
            Deed::OwnIv(OwnIv::Zeros),
            Deed::MostBytes(16 << 10),
            Deed::RefuseAttribute(0x4000_0212),
            Deed::RefuseValue(0x103, false),
            Deed::VendorWrap,
            Deed::TellDamage(0x42),
            Deed::HmacSizes(0, 4096),
            Deed::HmacBits,
            Deed::BarePoints,
            Deed::HideValue(0x11),
            Deed::Scramble,
            Deed::CrashAtEnd,
            Deed::Wait(Duration::from_millis(20)),
            Deed::Hang,
        ];
        for deed in deeds {
            let plain = Fault::new(deed.clone(), &[]);
            assert_eq!(plain.to_string().parse(), Ok(plain));
            let full = Fault::new(deed, &["C_Sign", "C_Encrypt"]).after(3).times(2).every(7).first_key();
            assert_eq!(full.to_string().parse(), Ok(full));
        }
    }

    #[test]
    fn what_is_not_a_fault_is_refused() {
        for text in
            ["", "at C_Sign", "do something", "do answer 12", "do hang\nnow", "do hang\nevery 0", "do hang\ndo hang"]
        {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }
}
