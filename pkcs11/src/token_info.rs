//! A token's description of itself (CK_TOKEN_INFO). It is read without the binding, which refuses the whole structure
//! if the clock's time is invalid: opencryptoki 3.8.1 leaves it empty.

use cryptoki_sys::{
    CK_EFFECTIVELY_INFINITE, CK_FLAGS, CK_TOKEN_INFO, CK_ULONG, CK_UNAVAILABLE_INFORMATION,
    CKF_PROTECTED_AUTHENTICATION_PATH, CKF_TOKEN_INITIALIZED, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED,
};

use crate::error::PinState;

/// A token's description of itself, without the padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// The label that was given when the token was initialised.
    pub label: String,
    /// The manufacturer of the device.
    pub manufacturer: String,
    /// Model of the device.
    pub model: String,
    /// Serial number of the device.
    pub serial: String,
    flags: CK_FLAGS,
    /// The maximum number of sessions at one time, including read-only ones, if the token reports it.
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

    /// Whether the token asks for the PIN itself, at its own reader.
    pub(crate) fn asks_for_pin(&self) -> bool {
        self.has(CKF_PROTECTED_AUTHENTICATION_PATH)
    }

    /// Returns the reason for which no PIN should be tried.
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

/// Removes the padding, which is blanks in the specification and zeros on some tokens.
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
