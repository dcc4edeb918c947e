//! Custody: root keys, wrapping, handles, row bindings, and the recovery of the token.
//!
//! The only user of `claviger-pkcs11`. A secret key's plaintext crosses this boundary in two functions:
//! [`Custody::import`], inwards, and [`Custody::value`], outwards.

mod abilities;
mod beginning;
mod binding;
mod calls;
mod checking;
mod credential;
mod durability;
mod error;
mod handles;
mod in_time;
mod key;
mod leaving;
mod original;
mod outcomes;
mod owner;
mod pairs;
mod parts;
mod placed;
mod root;
mod signing;
mod softhsm;
mod terms;
mod token_keys;
mod trying;
mod under_way;
mod verified;

use std::collections::HashMap;
use std::ops::{Deref, RangeInclusive};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use claviger_pkcs11 as pkcs11;
use pkcs11::{Device, DeviceGuard, Extent, IvRule, Key, MacMechanism, SecretKeySpec, Token};

pub use abilities::accepted;
pub use credential::CredentialKind;
pub use error::{Error, RootError};
pub use key::{KeyKind, ManagedKey};
pub use original::Original;
pub use owner::Owner;
pub use pairs::is_signature;
pub use pkcs11::{
    Capability, Cipher, Direction, Encrypted, Error as TokenError, Extractable, Failure, Hash, InvalidInput,
    MacMechanism as Mac, Need, OpenError, PairKind, Secret, SecretKeyKind, Sessions, SignatureMechanism as Signature,
    TokenInfo, Uses, Weaknesses, Wiping, end, give_back, keep_little, overwrite_variable,
};
pub use softhsm::{SoftHsmFault, is_softhsm, softhsm_directory, softhsm_fault};
pub use terms::{hinders_wrapping, waits_for_another_start};
pub use token_keys::TokenKey;
pub use trying::{Lacking, MOST_IN_ONE_CALL, Tried};

use crate::config::{Hsm, Placement, RemadeKey, Remake, SecretSource};
use crate::desk::{Calling, calling};
use crate::metrics::{HsmCall, Metrics, Timer};
use crate::store::Store;
use crate::store::audit_head::{Binder, Sound};
use crate::store::object::{Class, Material};
use crate::store::root_key;
use abilities::Abilities;
use durability::Durability;
use handles::Handles;
use in_time::InTime;
use leaving::Leaving;
use outcomes::Outcomes;
use pairs::Turns;
use root::Roots;
use terms::Offer;
use under_way::{Mark, UnderWay};
use verified::Verified;

/// Label of the token objects of managed keys.
const PLACED_LABEL: &str = "claviger key";

/// How long an operation waits for a session.
const SESSION_DEADLINE: Duration = Duration::from_secs(2);

/// How long making a key pair may take at least.
const PAIR_TIMEOUT: Duration = Duration::from_secs(60);

/// How much longer than a call it may take to make one and to repeat it.
const REPEATED: Duration = Duration::from_secs(5);

/// The token with this database's root keys.
pub struct Custody {
    token: Token,
    roots: RwLock<Arc<Roots>>,
    /// Token objects of managed keys by `CKA_ID`: one scan at start, so that no request has to search.
    placed: RwLock<HashMap<Vec<u8>, Key>>,
    /// When the last of these scans was.
    listed: Mutex<Instant>,
    leaving: Leaving,
    /// Where the operator wants new keys.
    placement: Option<Placement>,
    abilities: Abilities,
    durability: Durability,
    pairs: Turns,
    /// A row named a token object that the last scan did not find, or whose handle was lost.
    rescan: AtomicBool,
    handles: Handles,
    outcomes: Outcomes,
    heads: Sound,
    verified: Verified,
    call_timeout: Duration,
    under_way: Arc<UnderWay>,
    in_time: InTime,
    metrics: Arc<Metrics>,
}

impl Custody {
    /// Opens the token and finds, or for a new database makes, the root keys. Those named in `remake` are made again if the
    /// database does not record them.
    ///
    /// # Errors
    /// The module, the token or the PIN is wrong, or the root keys are not those of the database.
    pub fn open(
        hsm: &Hsm,
        placement: Option<Placement>,
        store: &Store,
        remake: &Remake,
        now: i64,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, OpenError<RootError>> {
        let _errors = Errors;
        let (token, (roots, abilities, durability)) = Token::open(configuration(hsm), |device| {
            trying::know_wrap_mechanisms(device, hsm)?;
            let recorded = store.read(|connection| Ok(root_key::all(connection)?))?;
            let extent = if recorded.is_empty() { Extent::FirstStart } else { Extent::Start };
            let lacks = trying::at_start(device, extent)?;
            let abilities = Abilities::without(&lacks);
            let offer = Offer { lacks, placement, accepted: accepted(hsm) };
            let durability = Durability::of(device);
            // Opened before the first root key is made.
            let disk = durability.begin().map_err(RootError::Disk)?;
            Ok((root::open((device, disk), store, recorded, offer, remake, now)?, abilities, durability))
        })?;
        roots.terms().log();
        let custody = Self {
            token,
            roots: RwLock::new(Arc::new(roots)),
            placed: RwLock::default(),
            listed: Mutex::new(Instant::now()),
            leaving: Leaving::new(),
            placement,
            abilities,
            durability,
            pairs: Turns::default(),
            rescan: AtomicBool::new(false),
            handles: Handles::new(hsm.max_objects),
            outcomes: Outcomes::default(),
            heads: Sound::default(),
            verified: Verified::default(),
            call_timeout: hsm.call_timeout,
            under_way: Arc::default(),
            in_time: InTime::new(hsm.call_timeout + REPEATED),
            metrics: Arc::clone(metrics),
        };
        let placed = Self::scan(&*custody.device(HsmCall::Look)?)?;
        *custody.placed.write().unwrap_or_else(PoisonError::into_inner) = placed;
        Ok(custody)
    }

    /// Opens the token and compares its root keys with the record, making none. `None`: nothing is recorded.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn inspect(
        hsm: &Hsm,
        placement: Option<Placement>,
        recorded: Option<&[root_key::RootKey]>,
        remake: &[RemadeKey],
    ) -> Result<(), OpenError<RootError>> {
        Token::open(configuration(hsm), |device| {
            trying::know_wrap_mechanisms(device, hsm)?;
            match recorded {
                Some(recorded) if !recorded.is_empty() => {
                    let terms = root::check(device, recorded, remake)?;
                    let mut offer = Offer { lacks: Vec::new(), placement, accepted: accepted(hsm) };
                    offer.keep(terms.wrapped)?;
                    offer.protect(terms.weak)
                }
                _ => Ok(()),
            }
        })
        .map(drop)
    }

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
    /// The token is away, or refuses the parameters; [`TokenError::OwnIv`] if it takes no IV for GCM; [`TokenError::TooLong`].
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
    /// The token is away, or the ciphertext is not authentic; [`TokenError::TooLong`].
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
    /// The token is away, or the key does not fit the mechanism; [`TokenError::TooLong`] if it does not take parts either.
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

    fn device(&self, call: HsmCall) -> Result<Admitted<'_>, pkcs11::Error> {
        let limit = match call {
            HsmCall::Pair => self.call_timeout.max(PAIR_TIMEOUT),
            // Some tokens do one such call at a time: these wait for each other, too.
            HsmCall::Make | HsmCall::Discard | HsmCall::Look => self.call_timeout + 2 * SESSION_DEADLINE,
            // Many wait for a session first.
            _ => self.call_timeout + SESSION_DEADLINE,
        };
        Ok(Admitted {
            device: self.token.device()?,
            _errors: Errors,
            _timer: self.metrics.hsm(call),
            _mark: self.under_way.begin(limit),
            _calling: calling(limit),
        })
    }

    /// The token's working sessions; `None` while it is away.
    #[must_use]
    pub fn sessions(&self) -> Option<Sessions> {
        self.token.device().ok().map(|device| device.sessions())
    }

    /// Whether all new keys are objects of the token.
    fn is_placing(&self) -> bool {
        self.placement == Some(Placement::Token) || self.roots().kek(Class::Sealing).is_none()
    }

    fn roots(&self) -> Arc<Roots> {
        Arc::clone(&self.roots.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Leave to use the token, for one operation.
struct Admitted<'a> {
    device: DeviceGuard<'a>,
    _errors: Errors,
    _timer: Timer,
    _mark: Mark,
    _calling: Calling,
}

impl Deref for Admitted<'_> {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}

/// Empties this thread's queue of OpenSSL errors when dropped.
///
/// A module that is built on OpenSSL itself, as SoftHSM is, leaves its errors there even when it succeeds, and
/// the next read of a TLS connection on this thread would take them for its own: SSL_get_error(3) asks for an
/// empty queue.
struct Errors;

impl Drop for Errors {
    fn drop(&mut self) {
        let _ = openssl::error::ErrorStack::get();
    }
}

fn configuration(hsm: &Hsm) -> pkcs11::Config {
    pkcs11::Config {
        module: hsm.module.clone(),
        label: hsm.token_label.clone(),
        pin: pin(hsm.pin.clone()),
        wrap: trying::wrap_mechanisms(hsm),
        max_sessions: usize::from(hsm.max_sessions),
        session_deadline: SESSION_DEADLINE,
        call_timeout: hsm.call_timeout,
    }
}

/// The PIN, read again for each login.
fn pin(source: Option<Arc<SecretSource>>) -> pkcs11::PinSource {
    pkcs11::PinSource::new(move || {
        let pin = source.as_ref().map(|source| source.read()).transpose()?;
        Ok(pin.map(|pin| pkcs11::Pin::new(pin.as_bytes().to_vec())))
    })
}
