//! Keys that leave wrapped under another key.

use super::super::disabled;
use super::super::error::Error;
use super::service::{Grant, Usable};
use crate::custody::{AesWrap, KeyWrap};
use crate::store::object::Class;

impl Grant<'_> {
    /// The key wrapped under another, inside the HSM token. A sensitive key is wrapped only under a key by which no
    /// caller can unwrap it, here or elsewhere.
    pub(in crate::kms) fn wrapped_under(&self, wrapping: &Usable<'_>, how: AesWrap) -> Result<Vec<u8>, Error> {
        self.check_wrappable(wrapping, how.into())?;
        let (under, kms) = (&wrapping.0.object, self.kms);
        let lacking = |error| kms.lacking(name_of(how.into()), error);
        if self.object.padded_from().is_some() {
            return match self.object.class {
                Class::Exporting => {
                    let value = self.value()?;
                    wrapping.note_wrapping(&self.object)?;
                    kms.custody.wrap_value(&under.key, &value, how).map_err(lacking)
                }
                _ => Err(Error::KeyWrap("the HSM holds the secret padded with zeros, so that it cannot leave wrapped")),
            };
        }
        self.note_use();
        wrapping.note_wrapping(&self.object)?;
        kms.custody.wrap(&under.key, &self.object.key, how).map_err(lacking)
    }

    /// Refuses a key that may not leave wrapped under this one, or not in this way.
    pub(super) fn check_wrappable(&self, wrapping: &Usable<'_>, how: KeyWrap<'_>) -> Result<(), Error> {
        disabled::check(&self.object)?;
        let under = &wrapping.0.object;
        match self.object.class {
            Class::Sealing => Err(Error::NotExtractable),
            Class::Guarding if !under.keeps_what_it_wraps() => Err(Error::WrappingKey(under.id.clone())),
            Class::Guarding => check_guards(how),
            Class::Exporting => Ok(()),
        }
    }
}

/// Refuses a way in which no sensitive key leaves. A blob of AES-CBC can be changed without notice, and the holder of a public
/// key is not known.
pub(super) fn check_guards(how: KeyWrap<'_>) -> Result<(), Error> {
    match how {
        KeyWrap::Aes(AesWrap::Plain | AesWrap::Padded) => Ok(()),
        KeyWrap::Aes(AesWrap::Cbc { .. }) | KeyWrap::Oaep(_) => {
            Err(Error::KeyWrap("a Sensitive key leaves wrapped by NISTKeyWrap or AESKeyWrapPadding only"))
        }
    }
}

/// The name of a way, for errors about an HSM token that lacks it.
pub(super) fn name_of(how: KeyWrap<'_>) -> &'static str {
    match how {
        KeyWrap::Aes(AesWrap::Plain) => "AES key wrap (CKM_AES_KEY_WRAP)",
        KeyWrap::Aes(AesWrap::Padded) => "AES key wrap with padding (CKM_AES_KEY_WRAP_KWP)",
        KeyWrap::Aes(AesWrap::Cbc { .. }) => "key wrap by AES-CBC (CKM_AES_CBC_PAD)",
        KeyWrap::Oaep(_) => "unwrapping by RSA-OAEP (CKM_RSA_PKCS_OAEP) with this hash or label",
    }
}
