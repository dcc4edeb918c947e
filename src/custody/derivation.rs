//! Derivation of keys from others, inside the token.

use claviger_pkcs11::{Derivation, DerivationKind, Device, Key, Secret, SecretKeyKind, SecretKeySpec, Uses};

use super::error::Error;
use super::key::{KeyKind, ManagedKey, is_wrappable};
use super::state::Custody;
use crate::metrics::HsmCall;
use crate::store::object::{Class, Material};

/// What a key is derived from.
#[derive(Clone, Copy)]
pub enum Base<'a> {
    /// A key.
    Key(&'a ManagedKey),
    /// A value that is not a key of its own, which becomes one of a session for the duration of the call.
    Value {
        /// The key of the object that has the value. It tells one object that fails from an HSM that does.
        of: &'a ManagedKey,
        /// The value.
        value: &'a [u8],
    },
}

impl Custody {
    /// Whether the token derives keys in this way, and can keep what it derives.
    #[must_use]
    pub fn derives(&self, kind: DerivationKind) -> bool {
        let place = DerivationKind::ALL.iter().position(|own| *own == kind);
        let has = place.and_then(|place| self.abilities.derives.get(place)).copied().unwrap_or_default();
        has && !self.is_placing()
    }

    /// Whether the token derives keys in some way.
    #[must_use]
    pub fn derives_any(&self) -> bool {
        DerivationKind::ALL.into_iter().any(|kind| self.derives(kind))
    }

    /// Derives a key from `base` inside the token. Its value does not leave it.
    ///
    /// # Errors
    /// The token is unavailable, or refuses the parameters; [`Error::NotWrappable`] for a length that AES key wrap would
    /// change.
    pub fn derive(
        &self,
        base: Base<'_>,
        derivation: &Derivation<'_>,
        class: Class,
        kind: SecretKeyKind,
    ) -> Result<Material, Error> {
        check(base, derivation)?;
        self.by(base, |device, base| {
            self.made(device, base, class, kind, |device, base, spec| Ok(device.derive(base, derivation, spec)?))
        })
    }

    /// Derives a value of this length in bytes from `base` inside the token, and returns it.
    ///
    /// # Errors
    /// The token is unavailable, refuses the parameters, or does not return values.
    pub fn derive_value(&self, base: Base<'_>, derivation: &Derivation<'_>, bytes: usize) -> Result<Secret, Error> {
        check(base, derivation)?;
        // Kryoptic makes as many bytes as it encrypts.
        let all = match derivation {
            Derivation::AesEcb { data } | Derivation::AesCbc { data, .. } => data.len().max(bytes),
            _ => bytes,
        };
        let kind = SecretKeyKind::Generic { bytes: all };
        let spec = SecretKeySpec { kind, sensitive: false, extractable: true, uses: Uses::default() };
        self.by(base, |device, base| {
            let value = device.value(&device.derive(base, derivation, &spec)?)?;
            Ok(Secret::new(value.get(..bytes).ok_or(Error::Length)?.to_vec().into()))
        })
    }

    /// Makes a key from `base` inside the token, by `make`, and wraps it by the key of its class.
    ///
    /// # Errors
    /// The token is unavailable, or refuses the call; [`Error::NotWrappable`] for a length that AES key wrap would change.
    pub(super) fn made_from(
        &self,
        base: &ManagedKey,
        class: Class,
        kind: SecretKeyKind,
        make: impl Fn(&Device, &Key, &SecretKeySpec) -> Result<Key, Error>,
    ) -> Result<Material, Error> {
        self.by(Base::Key(base), |device, base| self.made(device, base, class, kind, &make))
    }

    /// Calls `make` with the key in the token that a base is, or becomes for the duration of the call.
    fn by<T>(&self, base: Base<'_>, make: impl Fn(&Device, &Key) -> Result<T, Error>) -> Result<T, Error> {
        let (Base::Key(own) | Base::Value { of: own, .. }) = base;
        // The base key gets a new handle. After a loss it is then not necessary to find out which handle was lost.
        self.run_for(HsmCall::Make, &own.material, |device| match base {
            Base::Key(own) => make(device, &self.handle(device, own)?),
            Base::Value { value, .. } => make(device, &device.create(&deriving(value), value)?),
        })
    }

    fn made(
        &self,
        device: &Device,
        base: &Key,
        class: Class,
        kind: SecretKeyKind,
        make: impl Fn(&Device, &Key, &SecretKeySpec) -> Result<Key, Error>,
    ) -> Result<Material, Error> {
        if !is_wrappable(kind.bytes()) {
            return Err(Error::NotWrappable(kind.bytes()));
        }
        // Extractable only until the key is wrapped. No use is allowed in the meantime.
        let spec = SecretKeySpec { kind, sensitive: true, extractable: true, uses: Uses::default() };
        let key = make(device, base, &spec)?;
        let roots = self.roots();
        let kek = roots.kek(class).ok_or(Error::UnknownKek)?;
        Ok(Material::Wrapped { kek: kek.cka_id.clone(), blob: device.wrap(&kek.key, &key)? })
    }
}

/// Checks that the base has the type that the derivation takes.
fn check(base: Base<'_>, derivation: &Derivation<'_>) -> Result<(), Error> {
    match (base, derivation) {
        (Base::Key(ManagedKey { kind: KeyKind::Private(kind), .. }), Derivation::Ecdh { .. })
            if kind.secret_bytes().is_some() =>
        {
            Ok(())
        }
        (Base::Key(ManagedKey { kind: KeyKind::Secret(_), .. }) | Base::Value { .. }, Derivation::Ecdh { .. }) => {
            Err(Error::KeyType)
        }
        (Base::Key(ManagedKey { kind: KeyKind::Secret(_), .. }) | Base::Value { .. }, _) => Ok(()),
        _ => Err(Error::NotASecretKey),
    }
}

/// The specification of a key of a session from which keys are derived, and nothing else.
fn deriving(value: &[u8]) -> SecretKeySpec {
    let kind = SecretKeyKind::Generic { bytes: value.len() };
    SecretKeySpec { kind, sensitive: true, extractable: false, uses: Uses { derive: true, ..Uses::default() } }
}
