//! What a token says of itself (CK_TOKEN_INFO), read without the binding, which refuses the whole of it where the clock's time is
//! not one: opencryptoki 3.8.1 leaves it empty.

use cryptoki_sys::{
    CK_EFFECTIVELY_INFINITE, CK_FLAGS, CK_TOKEN_INFO, CK_ULONG, CK_UNAVAILABLE_INFORMATION,
    CKF_PROTECTED_AUTHENTICATION_PATH, CKF_TOKEN_INITIALIZED, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED,
};

use crate::error::PinState;

/// How a token presents itself, without the padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Given when the token was initialised.
    pub label: String,
    /// Who made the device.
    pub manufacturer: String,
    /// Model of the device.
    pub model: String,
    /// Serial number of the device.
    pub serial: String,
    flags: CK_FLAGS,
    /// The most sessions at one time, read-only ones among them, if the token says so.
    sessions: Option<usize>,
}

impl TokenInfo {
    pub(crate) fn new(info: &CK_TOKEN_INFO) -> Self {
        let sessions = [info.ulMaxSessionCount, info.ulMaxRwSessionCount].into_iter().filter_map(limit).min();
        Self {
            label: text(&info.label),
            manufacturer: text(&info.manufacturerID),
            model: text(&info.model),
            serial: text(&info.serialNumber),
            flags: info.flags,
            sessions,
        }
    }

    pub(crate) fn is_initialized(&self) -> bool {
        self.has(CKF_TOKEN_INITIALIZED)
    }

    /// Whether the token asks for the PIN by itself, at a reader of its own.
    pub(crate) fn asks_for_pin(&self) -> bool {
        self.has(CKF_PROTECTED_AUTHENTICATION_PATH)
    }

    /// Why no PIN should be tried.
    pub(crate) fn withheld(&self) -> Option<PinState> {
        if self.has(CKF_USER_PIN_LOCKED) {
            return Some(PinState::Locked);
        }
        self.has(CKF_USER_PIN_FINAL_TRY).then_some(PinState::FinalTry)
    }

    pub(crate) fn most_sessions(&self) -> Option<usize> {
        self.sessions
    }

    fn has(&self, flag: CK_FLAGS) -> bool {
        self.flags & flag != 0
    }
}

/// Padded with blanks by the specification, by some with zeros.
fn text(padded: &[u8]) -> String {
    String::from_utf8_lossy(padded).trim_end_matches([' ', '\0']).to_owned()
}

fn limit(count: CK_ULONG) -> Option<usize> {
    let is_number = count != CK_EFFECTIVELY_INFINITE && count != CK_UNAVAILABLE_INFORMATION;
    is_number.then(|| usize::try_from(count).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_limits_are_understood() {
        let mut info = CK_TOKEN_INFO { label: [b' '; 32], ..CK_TOKEN_INFO::default() };
        info.label[..8].copy_from_slice(b"claviger");
        info.flags = CKF_USER_PIN_FINAL_TRY | CKF_TOKEN_INITIALIZED;
        info.ulMaxRwSessionCount = CK_UNAVAILABLE_INFORMATION;
        info.ulMaxSessionCount = 3;
        let read = TokenInfo::new(&info);
        assert_eq!((read.label.as_str(), read.serial.as_str()), ("claviger", ""));
        assert_eq!((read.most_sessions(), read.withheld()), (Some(3), Some(PinState::FinalTry)));
        assert!(read.is_initialized() && !read.asks_for_pin());
        info.ulMaxSessionCount = CK_EFFECTIVELY_INFINITE;
        assert_eq!(TokenInfo::new(&info).most_sessions(), None);
    }
}
