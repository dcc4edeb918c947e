//! Keys that come wrapped under a key of a caller, and are unwrapped inside the token.

use claviger_pkcs11::{
    AesWrap, Cipher, Device, Error as TokenError, Hash, InvalidInput, Key, KeyWrap, PairKind, PrivateKeySpec,
    PublicParts, SecretKeyKind, SecretKeySpec, SignatureMechanism, Uses,
};

use super::error::Error;
use super::key::{KeyKind, ManagedKey};
use super::pairs::{is_signature, public_key_info};
use super::state::Custody;
use crate::metrics::HsmCall;
use crate::store::object::{Class, Material};

/// What an unwrapped key signs or encrypts, to show that it works.
const TRIAL: [u8; 32] = [8; 32];

impl Custody {
    /// Whether keys are unwrapped for callers: not if each key is an object of the token.
    #[must_use]
    pub fn unwraps(&self) -> bool {
        !self.is_placing()
    }

    /// Unwraps a blob by `wrapping` inside the token, and keeps the key. Its value does not leave the token.
    ///
    /// # Errors
    /// The token is unavailable, or does not unwrap so; `BlobInvalid` and others if the blob is damaged, was wrapped under
    /// another key, or holds a key of another length; [`Error::NotWrappable`] if the token would have to keep the key as an
    /// object of its own.
    pub fn unwrap_brought(
        &self,
        wrapping: &ManagedKey,
        blob: &[u8],
        class: Class,
        kind: SecretKeyKind,
        how: KeyWrap<'_>,
    ) -> Result<Material, Error> {
        match (how, wrapping.kind) {
            (KeyWrap::Oaep(_), KeyKind::Private(PairKind::Rsa { .. })) => {}
            (KeyWrap::Oaep(_), _) => return Err(Error::KeyType),
            (KeyWrap::Aes(_), _) => wrapping.expect_aes()?,
        }
        if self.is_placing() {
            return Err(Error::NotWrappable(kind.bytes()));
        }
        // SoftHSM fills a key up with zeros to whole 8 bytes. An AES key of another length does not encrypt.
        let is_aes = matches!(kind, SecretKeyKind::Aes { .. });
        self.made_from(wrapping, class, kind, |device, wrapping, spec| {
            let uses = Uses { encrypt: is_aes, ..spec.uses };
            let key = device.unwrap_given(wrapping, blob, &SecretKeySpec { uses, ..*spec }, how)?;
            if is_aes && let Err(error) = device.encrypt(&key, &Cipher::AesEcb, &TRIAL) {
                tracing::debug!(%error, "an unwrapped AES key does not encrypt");
                device.check(&[])?;
                return Err(Error::Token(TokenError::InvalidInput(InvalidInput::BlobLength)));
            }
            Ok(key)
        })
    }

    /// Unwraps a private key in PKCS#8 by `wrapping` inside the token, and keeps it. It must sign what its public half
    /// verifies: the signatures of an RSA key that was changed can reveal it. Returns also the public half of an
    /// RSA key, as a SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// As of [`Self::unwrap_brought`]; [`Error::NoPairs`] if the token does not wrap such keys; [`Error::Unsound`].
    pub fn unwrap_private_brought(
        &self,
        wrapping: &ManagedKey,
        blob: &[u8],
        class: Class,
        kind: PairKind,
        how: AesWrap,
    ) -> Result<(Material, Option<Vec<u8>>), Error> {
        wrapping.expect_aes()?;
        if self.is_placing() || !self.has_pairs() || !self.abilities.wraps(kind) {
            return Err(Error::NoPairs(kind));
        }
        // Extractable only until the key is wrapped, and used only to show that it works.
        let uses = Uses { sign: true, ..Uses::default() };
        let spec = PrivateKeySpec { kind, sensitive: true, extractable: true, uses };
        self.run_for(HsmCall::Make, &wrapping.material, |device| {
            let wrapping = self.handle(device, wrapping)?;
            let (key, parts) = device.unwrap_private_given(&wrapping, blob, &spec, how)?;
            let info = signs(device, &key, kind, parts.as_ref())?;
            let roots = self.roots();
            let kek = roots.kek(class).ok_or(Error::UnknownKek)?;
            let blob = device.wrap_private(&kek.key, &key, kind)?;
            Ok((Material::Wrapped { kek: kek.cka_id.clone(), blob }, info))
        })
    }
}

/// Checks that the key signs. Returns the public half that verifies the signature, if it is known.
fn signs(device: &Device, key: &Key, kind: PairKind, parts: Option<&PublicParts>) -> Result<Option<Vec<u8>>, Error> {
    let mechanism = match kind {
        PairKind::Rsa { .. } => SignatureMechanism::Pkcs1v15(Hash::Sha256),
        PairKind::Ec(curve) => SignatureMechanism::Ecdsa { hash: Hash::Sha256, curve },
        PairKind::Ed25519 => SignatureMechanism::Ed25519,
    };
    let signature = match device.sign(key, mechanism, &TRIAL) {
        Ok(signature) => signature,
        Err(error) => {
            tracing::debug!(%error, "an unwrapped private key does not sign");
            // A key with a number that is not possible fails as a device does, which is checked by itself.
            device.check(&[])?;
            return Err(Error::Unsound);
        }
    };
    let Some(parts) = parts else { return Ok(None) };
    let info = public_key_info(parts).map_err(|_| Error::Unsound)?;
    match is_signature(&info, mechanism, &TRIAL, &signature) {
        Ok(true) => Ok(Some(info)),
        Ok(false) | Err(_) => Err(Error::Unsound),
    }
}
