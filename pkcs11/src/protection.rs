//! Trials of what must not work: operations on root keys by an application that is logged in.

use cryptoki::error::RvError;
use cryptoki::object::{Attribute, ObjectHandle};

use crate::capability::{Failure, differs, leaving};
use crate::cipher::Cipher;
use crate::device::Device;
use crate::error::Error;
use crate::key::Key;
use crate::mac::MacMechanism;
use crate::root::{RootKind, UnwrapTemplate, Weakness, Weaknesses};
use crate::secret_key::{SecretKeyKind, SecretKeySpec, Uses};
use crate::signing::SigningKey;

/// Makes a wrapping key without a check of its template and its protection, which are trials of their own.
pub(crate) fn kek(device: &Device) -> Result<Key, Error> {
    device.session_root(RootKind::Kek(UnwrapTemplate::Sealing), Weaknesses::ALL)
}

/// Checks that wrapping keys do not decrypt. With CKA_DECRYPT, a blob could be decrypted block by block.
pub(crate) fn wrapping_keys_do_not_decrypt(device: &Device) -> Result<String, Failure> {
    let kek = kek(device)?;
    if !refuses(device.decrypt(&kek, &Cipher::AesEcb, &[0; 16]))? {
        return differs("a key without CKA_DECRYPT decrypts");
    }
    if !refuses(device.encrypt(&kek, &Cipher::AesEcb, &[0; 16]))? {
        return differs("a key without CKA_ENCRYPT encrypts");
    }
    still_wraps(device, &kek)
}

/// Checks that a wrapping key has this protection.
pub(crate) fn wrapping_keys_are_not(device: &Device, weakness: Weakness) -> Result<String, Failure> {
    let kek = device.session_root(RootKind::Kek(UnwrapTemplate::Sealing), all_but(weakness))?;
    try_on(device, &kek, weakness)?;
    still_wraps(device, &kek)
}

/// Checks that the keys that bind and sign have this protection.
pub(crate) fn root_keys_are_not(device: &Device, weakness: Weakness) -> Result<String, Failure> {
    let key = device.session_root(RootKind::Mac, all_but(weakness))?;
    let pair = device.session_signing_root(all_but(weakness))?;
    for key in [&key, &pair.private, &pair.public] {
        try_on(device, key, weakness)?;
    }
    still_bind(device, &key, &pair)
}

/// Checks that no root key can be destroyed.
pub(crate) fn root_keys_are_not_destroyed(device: &Device) -> Result<String, Failure> {
    let weak = all_but(Weakness::Destroyable);
    let wraps = kek(device).is_ok();
    // Closing the session at the end removes the objects, which cannot be destroyed otherwise.
    let session = device.pool.open()?;
    let key = device.root_of(&session, RootKind::Mac, weak)?;
    let pair = device.signing_root_of(&session, weak)?;
    let kek = wraps.then(|| device.root_of(&session, RootKind::Kek(UnwrapTemplate::Sealing), weak)).transpose()?;
    for key in [&key, &pair.private, &pair.public].into_iter().chain(&kek) {
        try_on(device, key, Weakness::Destroyable)?;
    }
    still_bind(device, &key, &pair)
}

/// Checks that the earlier refusals were not caused by a failing device or a lost key.
fn still_bind(device: &Device, key: &Key, pair: &SigningKey) -> Result<String, Failure> {
    device.mac(key, MacMechanism::HmacSha256, b"text")?;
    device.sign_digest(pair, &[6; 32])?;
    Ok("refused".to_owned())
}

/// Checks that the value of a sensitive key is hidden, whether the key may leave wrapped or not.
pub(crate) fn sensitive_keys_are_not_shown(device: &Device) -> Result<String, Failure> {
    let spec = SecretKeySpec { extractable: false, ..leaving() };
    // Some tokens have no keys that may leave.
    for key in [device.generate(&spec)?].into_iter().chain(device.generate(&leaving()).ok()) {
        let is_hidden = match device.value(&key) {
            Ok(value) => value.is_empty(),
            // The length is CK_UNAVAILABLE_INFORMATION.
            Err(Error::Binding(_)) => true,
            refused => refuses(refused)?,
        };
        if !is_hidden {
            return differs("the value of a sensitive key is shown");
        }
        device.mac(&key, MacMechanism::HmacSha256, b"text")?;
    }
    Ok("refused".to_owned())
}

/// Checks that the token respects CKA_EXTRACTABLE.
pub(crate) fn sealed_keys_are_not_wrapped(device: &Device) -> Result<String, Failure> {
    let uses = Uses { wrap: true, unwrap: true, ..Uses::default() };
    let kind = SecretKeyKind::Aes { bytes: 32 };
    let wrapping = SecretKeySpec { kind, sensitive: true, extractable: false, uses };
    let Ok(wrapping) = device.generate(&wrapping) else { return Ok("it has no keys that wrap".to_owned()) };
    let sealed = device.generate(&SecretKeySpec { extractable: false, ..leaving() })?;
    if !refuses(device.wrap(&wrapping, &sealed))? {
        return differs("a key is wrapped although CKA_EXTRACTABLE is false");
    }
    device.mac(&sealed, MacMechanism::HmacSha256, b"text")?;
    Ok("refused".to_owned())
}

/// Returns all weaknesses except this one.
fn all_but(weakness: Weakness) -> Weaknesses {
    Weaknesses::ALL.without(Weaknesses::from_iter([weakness]))
}

fn try_on(device: &Device, key: &Key, weakness: Weakness) -> Result<(), Failure> {
    let handle = key.handle(device.generation)?;
    match weakness {
        Weakness::Modifiable => change(device, handle),
        Weakness::Copyable => copy(device, handle),
        Weakness::Destroyable => remove(device, handle),
    }
}

/// Tries to change attributes. The specification allows no one to change some of them, which proves little, so others
/// are tried too.
fn change(device: &Device, handle: ObjectHandle) -> Result<(), Failure> {
    device.check_attribute(handle, &Attribute::Modifiable(false))?;
    for change in [
        Attribute::Label(b"another".to_vec()),
        Attribute::Derive(true),
        Attribute::Decrypt(true),
        Attribute::Extractable(true),
        Attribute::Sensitive(false),
    ] {
        let changed = device.work(|session| session.update_attributes(handle, std::slice::from_ref(&change)));
        // Some tokens answer CKR_OK and change nothing.
        if !refuses(changed)? && device.check_attribute(handle, &change).is_ok() {
            return differs(format!("{} can be changed although CKA_MODIFIABLE is false", change.attribute_type()));
        }
    }
    Ok(())
}

fn copy(device: &Device, handle: ObjectHandle) -> Result<(), Failure> {
    device.check_attribute(handle, &Attribute::Copyable(false))?;
    for template in [vec![], vec![Attribute::Decrypt(true)]] {
        let copied = device.work(|session| session.copy_object(handle, &template));
        if let Ok(copy) = &copied {
            let _ = device.work(|session| session.destroy_object(*copy));
        }
        if !refuses(copied)? {
            return differs("a copy is made although CKA_COPYABLE is false");
        }
    }
    Ok(())
}

fn remove(device: &Device, handle: ObjectHandle) -> Result<(), Failure> {
    device.check_attribute(handle, &Attribute::Destroyable(false))?;
    if refuses(device.work(|session| session.destroy_object(handle)))? {
        Ok(())
    } else {
        differs("it can be destroyed although CKA_DESTROYABLE is false")
    }
}

/// The same for a wrapping key.
fn still_wraps(device: &Device, kek: &Key) -> Result<String, Failure> {
    device.wrap(kek, &device.generate(&leaving())?)?;
    Ok("refused".to_owned())
}

/// Whether the token refused. Any answer may be a refusal, except those that show a temporary failure of the device.
/// The proof is that the key still works afterwards.
fn refuses<T>(result: Result<T, Error>) -> Result<bool, Error> {
    let Err(error) = result else { return Ok(false) };
    if matches!(error, Error::DecryptionFailed) {
        return Ok(true);
    }
    match error.answer().map(|answer| answer.value) {
        None
        | Some(
            RvError::DeviceError
            | RvError::DeviceMemory
            | RvError::DeviceRemoved
            | RvError::HostMemory
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::SessionClosed
            | RvError::SessionCount
            | RvError::SessionHandleInvalid
            | RvError::UserNotLoggedIn
            | RvError::CryptokiNotInitialized,
        ) => Err(error),
        Some(_) => Ok(true),
    }
}
