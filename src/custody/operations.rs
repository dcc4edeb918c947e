//! Operations with keys in the token: generation, import, encryption, MACs, export.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use claviger_pkcs11::{
    self as pkcs11, Cipher, Device, Direction, Encrypted, IvRule, Key, MacMechanism, Secret, SecretKeyKind,
    SecretKeySpec, Uses,
};

use super::error::Error;
use super::key::{self, ManagedKey};
use super::placed::PLACED_LABEL;
use super::state::Custody;
use crate::config::RemadeKey;
use crate::metrics::HsmCall;
use crate::store::audit_head::Binder;
use crate::store::object::{Class, Material};

impl Custody {
    /// Generates a key inside the token. Returns also the SHA-256 of its value, if the token computes it.
    ///
    /// # Errors
    /// The token is unavailable, or cannot make such a key.
    pub fn generate(
        &self,
        class: Class,
        kind: SecretKeyKind,
        uses: Uses,
    ) -> Result<(Material, Option<Vec<u8>>), Error> {
        self.make(class, kind, uses, None)
    }

    /// Imports the caller's key bytes into the token.
    ///
    /// # Errors
    /// The token is unavailable, or cannot hold such a key; [`Error::NoImport`] if it cannot import keys.
    pub fn import(&self, class: Class, kind: SecretKeyKind, uses: Uses, value: &[u8]) -> Result<Material, Error> {
        self.make(class, kind, uses, Some(value)).map(|(material, _)| material).map_err(|error| match error {
            // C_CreateObject is the only call here that was not tried at the start.
            Error::Token(
                pkcs11::Error::MechanismUnsupported(_)
                | pkcs11::Error::TemplateRefused(_)
                | pkcs11::Error::ActionProhibited(_),
            ) => Error::NoImport,
            error => error,
        })
    }

    fn make(
        &self,
        class: Class,
        kind: SecretKeyKind,
        uses: Uses,
        value: Option<&[u8]>,
    ) -> Result<(Material, Option<Vec<u8>>), Error> {
        if self.is_placing() || !key::is_wrappable(kind.bytes()) {
            let spec = key::spec(class, kind, uses);
            return self.place(HsmCall::Make, |device, id| match value {
                Some(value) => Ok((device.create_token(id, PLACED_LABEL, &spec, value)?, None)),
                None => {
                    let key = device.generate_token(id, PLACED_LABEL, &spec)?;
                    let digest = self.digest(device, &key);
                    Ok((key, digest))
                }
            });
        }
        // Extractable only until the key is wrapped. No use is allowed in the meantime.
        let spec = SecretKeySpec { kind, sensitive: true, extractable: true, uses: Uses::default() };
        self.run(HsmCall::Make, |device| {
            let (key, digest) = match value {
                Some(value) => (device.create(&spec, value)?, None),
                None => {
                    let key = device.generate(&spec)?;
                    let digest = self.digest(device, &key);
                    (key, digest)
                }
            };
            let roots = self.roots();
            let kek = roots.kek(class).ok_or(Error::UnknownKek)?;
            Ok((Material::Wrapped { kek: kek.cka_id.clone(), blob: device.wrap(&kek.key, &key)? }, digest))
        })
    }

    /// The digest of a new key; `None` if the token does not compute it. A token that refused once is not asked again.
    fn digest(&self, device: &Device, key: &Key) -> Option<Vec<u8>> {
        if self.digests_no_keys.load(Ordering::Relaxed) {
            return None;
        }
        match device.digest(key) {
            Ok(Some(digest)) => Some(digest),
            Ok(None) => {
                self.digests_no_keys.store(true, Ordering::Relaxed);
                None
            }
            // The key is as good without it.
            Err(error) => {
                tracing::debug!(%error, "no digest of a new key");
                None
            }
        }
    }

    /// Signs `message` with the key of the audit log: ECDSA with SHA-256 on P-256. Returns an ECDSA-Sig-Value in DER
    /// (RFC 3279, 2.2.3).
    ///
    /// # Errors
    /// The token is unavailable; the call does not wait for its recovery. If the call does not return in time,
    /// [`Error::Hangs`]; the call continues, and its result is lost.
    pub fn sign_audit(self: &Arc<Self>, message: &[u8]) -> Result<Vec<u8>, Error> {
        let (custody, message) = (Arc::clone(self), message.to_vec());
        self.in_time.run(move || custody.run(HsmCall::Sign, |device| custody.roots().audit().sign(device, &message)))
    }

    /// Returns a binder of the row `audit_head`. All binders share what is known of the row. The database's writer
    /// calls it; it does not wait for a call that hangs.
    #[must_use]
    pub fn head_binder(self: &Arc<Self>) -> Binder {
        let custody = Arc::clone(self);
        let mac = move |bytes: &[u8]| {
            let (own, bytes) = (Arc::clone(&custody), bytes.to_vec());
            custody.in_time.run(move || own.binding_mac(&bytes)).map_err(|error| error.to_string())
        };
        Binder::new(Arc::new(mac), self.heads.clone())
    }

    /// Returns the root keys that [`Self::open`] made again.
    #[must_use]
    pub fn remade(&self) -> Vec<RemadeKey> {
        self.roots().remade().to_vec()
    }

    /// Returns the public key that verifies [`Self::sign_audit`]: a SubjectPublicKeyInfo in DER (RFC 5480). It does not
    /// change during the life of the database, unless it was made again with `--remake-root-key`.
    #[must_use]
    pub fn audit_public_key(&self) -> Vec<u8> {
        self.roots().audit().public_key.clone()
    }

    /// Encrypts in the token. A tag follows the ciphertext. Data that the token does not take in one call is split,
    /// except for ciphers with a tag.
    ///
    /// # Errors
    /// The token is unavailable, or refuses the parameters; [`super::TokenError::OwnIv`] if it takes no IV for GCM;
    /// [`super::TokenError::TooLong`].
    pub fn encrypt(&self, key: &ManagedKey, cipher: &Cipher<'_>, data: &[u8]) -> Result<Vec<u8>, Error> {
        key.expect_cipher(cipher)?;
        let encrypt = |cipher: &Cipher<'_>, data: &[u8]| {
            self.with(HsmCall::Encrypt, key, |device, handle| device.encrypt(handle, cipher, data))
        };
        self.split(cipher, Direction::Encrypt, data, encrypt, |mut parts| std::mem::take(&mut *parts))
    }

    /// Encrypts like [`Self::encrypt`], with an IV of [`Self::fresh_gcm_iv`]. The token may use its own IV instead.
    ///
    /// # Errors
    /// The token is unavailable, refuses the parameters, or no longer makes an IV.
    pub fn encrypt_afresh(&self, key: &ManagedKey, cipher: &Cipher<'_>, data: &[u8]) -> Result<Encrypted, Error> {
        let Cipher::AesGcm { .. } = cipher else {
            return Ok(Encrypted { data: self.encrypt(key, cipher, data)?, own_iv: None });
        };
        key.expect_cipher(cipher)?;
        self.expect_fits(cipher, Direction::Encrypt, data.len())?;
        let encrypted = self.with(HsmCall::Encrypt, key, |device, handle| device.encrypt_afresh(handle, cipher, data));
        let Err(Error::Token(refused)) = &encrypted else { return encrypted };
        let made_none = matches!(refused, pkcs11::Error::OwnIv);
        if !made_none && !matches!(refused, pkcs11::Error::MechanismUnsupported(_)) {
            return encrypted;
        }
        // The token may have been replaced, or be in another mode: learn its IV rule for the next request.
        let before = self.token.iv_rule();
        let _ = self.look(|device| Ok(device.learn_iv_rule()?));
        if made_none || self.token.iv_rule() != before {
            return Err(Error::Failing("its rule for AES-GCM IVs has changed".to_owned()));
        }
        encrypted
    }

    /// Returns an IV for GCM that the caller did not choose: 96 bits from OpenSSL's generator (NIST SP 800-38D, 8.2.2),
    /// or zeros if the token replaces them by its own IV.
    ///
    /// # Errors
    /// The generator failed.
    pub fn fresh_gcm_iv(&self) -> Result<[u8; 12], Error> {
        let mut iv = [0; 12];
        if self.token.iv_rule() == IvRule::Any {
            openssl::rand::rand_bytes(&mut iv).map_err(Error::Random)?;
        }
        Ok(iv)
    }

    /// Decrypts in the token. Data that the token does not take in one call is split, except for ciphers with a tag.
    ///
    /// # Errors
    /// The token is unavailable, or the ciphertext is not authentic; [`super::TokenError::TooLong`].
    pub fn decrypt(&self, key: &ManagedKey, cipher: &Cipher<'_>, data: &[u8]) -> Result<Secret, Error> {
        key.expect_cipher(cipher)?;
        let decrypt = |cipher: &Cipher<'_>, data: &[u8]| {
            self.with(HsmCall::Decrypt, key, |device, handle| device.decrypt(handle, cipher, data))
        };
        self.split(cipher, Direction::Decrypt, data, decrypt, Secret::new)
    }

    /// Makes a MAC in the token. Data that the token does not take in one call is passed in parts.
    ///
    /// # Errors
    /// The token is unavailable, or the key does not fit the mechanism; [`super::TokenError::TooLong`] if the token
    /// does not take parts either.
    pub fn mac(&self, key: &ManagedKey, mechanism: MacMechanism, data: &[u8]) -> Result<Vec<u8>, Error> {
        key.expect_mac(mechanism)?;
        self.with(HsmCall::Mac, key, |device, handle| device.mac(handle, mechanism, data))
    }

    /// Returns the lengths in bytes of the keys that the token takes for `mechanism`.
    ///
    /// # Errors
    /// The token is unavailable or does not have the mechanism.
    pub fn mac_key_size(&self, mechanism: MacMechanism) -> Result<RangeInclusive<usize>, Error> {
        self.look(|device| Ok(device.mac_key_size(mechanism)?))
    }

    /// Returns the key's value. The token refuses this for keys of all classes except the exporting class.
    ///
    /// # Errors
    /// `NotExtractable`, from the token; [`Error::NoValues`] if it refuses keys of the exporting class, too.
    pub fn value(&self, key: &ManagedKey) -> Result<Secret, Error> {
        self.with(HsmCall::Export, key, Device::value).map_err(|error| match error {
            Error::Token(refused) if key.class == Class::Exporting && refused.hides_value() => Error::NoValues(refused),
            error => error,
        })
    }

    /// Returns random bytes from the token.
    ///
    /// # Errors
    /// The token is unavailable.
    pub fn random(&self, len: usize) -> Result<Secret, Error> {
        self.run(HsmCall::Random, |device| Ok(device.random(len)?))
    }
}
