//! Keys that a caller provides wrapped, and that are unwrapped inside the HSM, which decrypts by the wrapping key. No key that
//! unwraps wraps Sensitive keys, so that nobody gets more of a key than it was exported for.

use super::brought::Brought;
use super::error::Error;
use super::gate::{Grant, Usable};
use super::key_wrapping::{IV, way};
use super::operations::Purpose;
use super::proposal::{Origin, Proposal, propose};
use super::{Call, Kms};
use crate::custody::{AesWrap, KeyWrap, SecretKeyKind};
use crate::kmip::enumerations::{EncodingOption, Operation, WrappingMethod};
use crate::kmip::key_block::KeyWrappingData;
use crate::kmip::{Attributes, Tag};
use crate::secret::Bytes;

/// The bytes that AES key wrap adds to a key (RFC 3394 section 2.2.1).
const INTEGRITY: usize = 8;

/// A wrapped key, and the key under which it is wrapped.
struct Wrapped<'a> {
    data: &'a KeyWrappingData,
    blob: &'a Bytes,
    by: Usable<'a>,
}

/// Unwraps the key of an import that asks for it, and adds it. Returns its identifier.
///
/// # Errors
/// The key is not wrapped in a way that is unwrapped, or the caller may not unwrap by the wrapping key.
pub(super) fn import(kms: &Kms, call: &Call<'_>, object: &Brought, attributes: Attributes) -> Result<String, Error> {
    let wrapped = object.wrapped()?;
    let by = wrapping_key(kms, call, wrapped.0)?;
    add(kms, call, wrapped, attributes, by, Origin::Imported)
}

/// Unwraps the key of a registration and adds it, if it is wrapped as bytes (NoEncoding) under a key of this server whose mask
/// has Unwrap Key. `None` if it is not, so that it is kept as it is. Register has no Key Wrap Type, by which Import says what
/// is meant.
///
/// # Errors
/// The caller may not unwrap by the wrapping key, or the key is damaged.
pub(super) fn register(
    kms: &Kms,
    call: &Call<'_>,
    object: &Brought,
    attributes: &Attributes,
) -> Result<Option<String>, Error> {
    let Ok((data, blob)) = object.wrapped() else { return Ok(None) };
    let Some(information) = &data.encryption_key_information else { return Ok(None) };
    let is_bare = data.encoding_option == Some(EncodingOption::NoEncoding);
    if !is_bare || !kms.has_unwrapping_key(&information.unique_identifier)? {
        return Ok(None);
    }
    let by = match wrapping_key(kms, call, data) {
        Ok(by) => by,
        // It is a key that the caller does not see.
        Err(Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    add(kms, call, (data, blob), attributes.clone(), by, Origin::Registered).map(Some)
}

/// The wrapping key. Its use is decided as every use of a key; it needs the permission to decrypt.
fn wrapping_key<'a>(kms: &'a Kms, call: &'a Call<'a>, data: &KeyWrappingData) -> Result<Grant<'a>, Error> {
    let information = data.encryption_key_information.as_ref().ok_or(Error::Missing(Tag::EncryptionKeyInformation))?;
    kms.authorize_beside(call, Operation::Decrypt, Some(&information.unique_identifier))
}

fn add(
    kms: &Kms,
    call: &Call<'_>,
    (data, blob): (&KeyWrappingData, &Bytes),
    attributes: Attributes,
    by: Grant<'_>,
    origin: Origin,
) -> Result<String, Error> {
    let is_plain = data.wrapping_method == WrappingMethod::Encrypt
        && data.mac_signature_key_information.is_none()
        && data.mac_signature.is_none()
        && data.encoding_option == Some(EncodingOption::NoEncoding);
    if !is_plain {
        return Err(Error::KeyWrap(
            "keys are unwrapped that WrappingMethod Encrypt wrapped with EncodingOption NoEncoding",
        ));
    }
    let by = by.usable_for(Purpose::UNWRAP_KEY)?;
    if by.object().may_have_wrapped_sensitive_keys() {
        return Err(Error::UsageMask(
            "Unwrap Key: a symmetric key that Create made, that stays in the HSM and does not decrypt, does not unwrap, because \
             Sensitive keys may have been wrapped under it: use a key from outside, or an RSA pair",
        ));
    }
    Wrapped { data, blob, by }.secret(kms, call, attributes, origin)
}

impl Wrapped<'_> {
    /// The way in which the key is wrapped.
    fn way(&self) -> Result<KeyWrap<'_>, Error> {
        let information = self.data.encryption_key_information.as_ref();
        way(self.by.object(), information.and_then(|own| own.cryptographic_parameters.as_ref()), || {
            let iv = self.data.iv_counter_nonce.as_ref().ok_or(Error::Missing(Tag::IVCounterNonce))?;
            <[u8; IV]>::try_from(iv.as_slice())
                .map_err(|_| Error::BadParameters("the IVCounterNonce of AES-CBC has 16 bytes"))
        })
    }

    fn secret(&self, kms: &Kms, call: &Call<'_>, mut attributes: Attributes, origin: Origin) -> Result<String, Error> {
        let how = self.way()?;
        let bytes = self.length(how, &mut attributes)?;
        let grant = kms.authorize_new(call, &mut attributes)?;
        grant.check_unwraps()?;
        let Proposal { id, attributes, kind, class } = propose(&grant, call, attributes, origin)?;
        match kind {
            SecretKeyKind::Generic { bytes: padded } if padded > bytes => {
                return Err(Error::KeyWrap(
                    "this HSM takes no HMAC key as short as this one, and does not pad it inside: unwrap a longer one, or \
                     register it in clear, which pads it with zeros",
                ));
            }
            SecretKeyKind::Aes { .. } | SecretKeyKind::Generic { .. } if kind.bytes() == bytes => {}
            _ => return Err(Error::UnsupportedParameters("keys for AES and HMAC are unwrapped")),
        }
        let material = grant.unwrap(&self.by, self.blob, class, kind, how)?;
        grant.insert(&id, attributes, class, material)?;
        Ok(id)
    }

    /// The length of the key in bytes: by AES key wrap it is known from the blob, otherwise the caller says it, and the HSM finds
    /// out whether it is right.
    fn length(&self, how: KeyWrap<'_>, attributes: &mut Attributes) -> Result<usize, Error> {
        let stated = attributes.cryptographic_length.filter(|bits| *bits != 0);
        let (length, known) = (self.blob.len(), self.blob.len().checked_sub(INTEGRITY));
        let bits = match (how, stated) {
            (KeyWrap::Aes(AesWrap::Plain | AesWrap::Padded), None) => {
                let bits = known.ok_or(Error::Decryption)?.saturating_mul(8);
                i32::try_from(bits).unwrap_or(i32::MAX)
            }
            (_, Some(bits)) => bits,
            (_, None) => return Err(Error::Missing(Tag::CryptographicLength)),
        };
        attributes.cryptographic_length = Some(bits);
        let bytes = usize::try_from(bits / 8).unwrap_or_default();
        let is_length = match how {
            KeyWrap::Aes(how) => length == how.blob(bytes),
            KeyWrap::Oaep(_) if length != self.by.object().bytes() => return Err(Error::Decryption),
            KeyWrap::Oaep(_) => true,
        };
        if is_length && bits > 0 && bits % 8 == 0 {
            return Ok(bytes);
        }
        Err(Error::Invalid { tag: Tag::CryptographicLength, fault: "it is not that of the wrapped key" })
    }
}
