//! What the token does with keys: it makes them, takes them in and uses them.

use std::ops::RangeInclusive;
use std::sync::Arc;

use claviger_pkcs11::{
    self as pkcs11, Cipher, Device, Direction, Encrypted, IvRule, MacMechanism, Secret, SecretKeyKind, SecretKeySpec,
    Uses,
};

use super::error::Error;
use super::key::{self, KeyKind, ManagedKey};
use super::placed::PLACED_LABEL;
use super::state::Custody;
use crate::config::RemadeKey;
use crate::metrics::HsmCall;
use crate::store::audit_head::Binder;
use crate::store::object::{Class, Material};

impl Custody {
    /// Makes a key inside the token.
    ///
    /// # Errors
    /// The token is away, or cannot make such a key.
    pub fn generate(&self, class: Class, kind: SecretKeyKind, uses: Uses) -> Result<Material, Error> {
        self.make(class, kind, uses, None)
    }

    /// Takes the caller's key bytes into the token.
    ///
    /// # Errors
    /// The token is away, or cannot hold such a key; [`Error::NoImport`] if it takes none.
    pub fn import(&self, class: Class, kind: SecretKeyKind, uses: Uses, value: &[u8]) -> Result<Material, Error> {
        self.make(class, kind, uses, Some(value)).map_err(|error| match error {
            // Of the calls that this makes, only C_CreateObject was not made at the start.
            Error::Token(
                pkcs11::Error::MechanismUnsupported(_)
                | pkcs11::Error::TemplateRefused(_)
                | pkcs11::Error::ActionProhibited(_),
            ) => Error::NoImport,
            error => error,
        })
    }

    fn make(&self, class: Class, kind: SecretKeyKind, uses: Uses, value: Option<&[u8]>) -> Result<Material, Error> {
        if self.is_placing() || !key::is_wrappable(kind.bytes()) {
            let spec = key::spec(class, kind, uses);
            return self
                .place(HsmCall::Make, |device, id| {
                    let key = match value {
                        Some(value) => device.create_token(id, PLACED_LABEL, &spec, value)?,
                        None => device.generate_token(id, PLACED_LABEL, &spec)?,
                    };
                    Ok((key, ()))
                })
                .map(|(material, ())| material);
        }
        // Extractable for as long as it takes to wrap it; no use is allowed to it meanwhile.
        let spec = SecretKeySpec { kind, sensitive: true, extractable: true, uses: Uses::default() };
        self.run(HsmCall::Make, |device| {
            let key = match value {
                Some(value) => device.create(&spec, value)?,
                None => device.generate(&spec)?,
            };
            let roots = self.roots();
            let kek = roots.kek(class).ok_or(Error::UnknownKek)?;
            Ok(Material::Wrapped { kek: kek.cka_id.clone(), blob: device.wrap(&kek.key, &key)? })
        })
    }

    /// The signature of `message` by the key of the audit log: ECDSA with SHA-256 on P-256, an ECDSA-Sig-Value in DER
    /// (RFC 3279, 2.2.3).
    ///
    /// # Errors
    /// The token is away; it is not waited for. A call that hangs is waited for in vain, and goes on by itself.
    pub fn sign_audit(self: &Arc<Self>, message: &[u8]) -> Result<Vec<u8>, Error> {
        let (custody, message) = (Arc::clone(self), message.to_vec());
        self.in_time.run(move || custody.run(HsmCall::Sign, |device| custody.roots().audit().sign(device, &message)))
    }

    /// What binds the row `audit_head`; all of them know the same rows. The writer of the database calls it, and waits for no call that
    /// hangs.
    #[must_use]
    pub fn head_binder(self: &Arc<Self>) -> Binder {
        let custody = Arc::clone(self);
        let mac = move |bytes: &[u8]| {
            let (own, bytes) = (Arc::clone(&custody), bytes.to_vec());
            custody.in_time.run(move || own.binding_mac(&bytes)).map_err(|error| error.to_string())
        };
        Binder::new(Arc::new(mac), self.heads.clone())
    }

    /// The root keys that [`Self::open`] made again.
    #[must_use]
    pub fn remade(&self) -> Vec<RemadeKey> {
        self.roots().remade().to_vec()
    }

    /// The public key that verifies [`Self::sign_audit`]: a SubjectPublicKeyInfo in DER (RFC 5480). It is the same for the whole
    /// life of the database.
    #[must_use]
    pub fn audit_public_key(&self) -> Vec<u8> {
        self.roots().audit().public_key.clone()
    }

    /// Encrypts in the token. A GCM tag stands at the end. What the token does not take in one call is split, but for GCM.
    ///
    /// # Errors
    /// The token is away, or refuses the parameters; [`super::TokenError::OwnIv`] if it takes no IV for GCM; [`super::TokenError::TooLong`].
    pub fn encrypt(&self, key: &ManagedKey, cipher: &Cipher<'_>, data: &[u8]) -> Result<Vec<u8>, Error> {
        key.expect_aes()?;
        let encrypt = |cipher: &Cipher<'_>, data: &[u8]| {
            self.with(HsmCall::Encrypt, key, |device, handle| device.encrypt(handle, cipher, data))
        };
        self.split(cipher, Direction::Encrypt, data, encrypt, |mut parts| std::mem::take(&mut *parts))
    }

    /// The same with an IV of [`Self::fresh_gcm_iv`], in place of which the token may use its own.
    ///
    /// # Errors
    /// The token is away, refuses the parameters, or makes no IV any more.
    pub fn encrypt_afresh(&self, key: &ManagedKey, cipher: &Cipher<'_>, data: &[u8]) -> Result<Encrypted, Error> {
        let Cipher::AesGcm { .. } = cipher else {
            return Ok(Encrypted { data: self.encrypt(key, cipher, data)?, own_iv: None });
        };
        key.expect_aes()?;
        self.expect_fits(cipher, Direction::Encrypt, data.len())?;
        let encrypted = self.with(HsmCall::Encrypt, key, |device, handle| device.encrypt_afresh(handle, cipher, data));
        let Err(Error::Token(refused)) = &encrypted else { return encrypted };
        let made_none = matches!(refused, pkcs11::Error::OwnIv);
        if !made_none && !matches!(refused, pkcs11::Error::MechanismUnsupported(_)) {
            return encrypted;
        }
        // The token may be another one now, or be in another mode: the next request finds what it wants for an IV.
        let before = self.token.iv_rule();
        let _ = self.look(|device| Ok(device.learn_iv_rule()?));
        if made_none || self.token.iv_rule() != before {
            return Err(Error::Failing("what it takes for an IV for AES-GCM has changed".to_owned()));
        }
        encrypted
    }

    /// An IV for GCM that nobody has chosen: 96 bits from OpenSSL's generator (NIST SP 800-38D, 8.2.2), or zeros if the token makes one in
    /// place of them.
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

    /// Decrypts in the token. What the token does not take in one call is split, but for GCM.
    ///
    /// # Errors
    /// The token is away, or the ciphertext is not authentic; [`super::TokenError::TooLong`].
    pub fn decrypt(&self, key: &ManagedKey, cipher: &Cipher<'_>, data: &[u8]) -> Result<Secret, Error> {
        key.expect_aes()?;
        let decrypt = |cipher: &Cipher<'_>, data: &[u8]| {
            self.with(HsmCall::Decrypt, key, |device, handle| device.decrypt(handle, cipher, data))
        };
        self.split(cipher, Direction::Decrypt, data, decrypt, Secret::new)
    }

    /// Makes a MAC in the token. What the token does not take in one call is given in parts.
    ///
    /// # Errors
    /// The token is away, or the key does not fit the mechanism; [`super::TokenError::TooLong`] if it does not take parts either.
    pub fn mac(&self, key: &ManagedKey, mechanism: MacMechanism, data: &[u8]) -> Result<Vec<u8>, Error> {
        key.expect_mac(mechanism)?;
        self.with(HsmCall::Mac, key, |device, handle| device.mac(handle, mechanism, data))
    }

    /// The lengths in bytes of the keys that the token takes for `mechanism`.
    ///
    /// # Errors
    /// The token is away or does not have the mechanism.
    pub fn mac_key_size(&self, mechanism: MacMechanism) -> Result<RangeInclusive<usize>, Error> {
        self.look(|device| Ok(device.mac_key_size(mechanism)?))
    }

    /// The key's value, which leaves the token here. The token refuses all but the exporting class.
    ///
    /// # Errors
    /// `NotExtractable`, from the token; [`Error::NoValues`] if it refuses these, too.
    pub fn value(&self, key: &ManagedKey) -> Result<Secret, Error> {
        self.with(HsmCall::Export, key, Device::value).map_err(|error| match error {
            Error::Token(refused) if key.class == Class::Exporting && refused.hides_value() => Error::NoValues(refused),
            error => error,
        })
    }

    /// `key` wrapped under `wrapping` by AES key wrap (RFC 3394), inside the token.
    ///
    /// # Errors
    /// The token refuses, or the length of `key` cannot be carried unchanged.
    pub fn wrap(&self, wrapping: &ManagedKey, key: &ManagedKey) -> Result<Vec<u8>, Error> {
        wrapping.expect_aes()?;
        let KeyKind::Secret(kind) = key.kind else { return Err(Error::NotASecretKey) };
        if !key::is_wrappable(kind.bytes()) {
            return Err(Error::NotWrappable(kind.bytes()));
        }
        // Both by new handles, so that there is nothing to find out about which of them was lost.
        self.run_for(HsmCall::Export, &key.material, |device| {
            let wrapping = self.handle(device, wrapping)?;
            let key = self.handle(device, key)?;
            Ok(device.wrap(&wrapping, &key)?)
        })
    }

    /// Random bytes from the token.
    ///
    /// # Errors
    /// The token is away.
    pub fn random(&self, len: usize) -> Result<Secret, Error> {
        self.run(HsmCall::Random, |device| Ok(device.random(len)?))
    }
}
