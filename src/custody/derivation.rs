//! Derivation of keys from others, inside the token.

use claviger_pkcs11::{Derivation, DerivationKind, Device, Key, PairKind, SecretKeyKind, SecretKeySpec, Uses};

use super::error::Error;
use super::key::{KeyKind, ManagedKey, is_wrappable};
use super::state::Custody;
use crate::metrics::HsmCall;
use crate::store::object::{Class, Material};

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
        base: &ManagedKey,
        derivation: &Derivation<'_>,
        class: Class,
        kind: SecretKeyKind,
    ) -> Result<Material, Error> {
        match (base.kind, derivation) {
            (KeyKind::Private(PairKind::Ec(_)), Derivation::Ecdh { .. }) => {}
            (KeyKind::Secret(_), Derivation::Ecdh { .. }) => return Err(Error::KeyType),
            (KeyKind::Secret(_), _) => {}
            _ => return Err(Error::NotASecretKey),
        }
        self.made_from(base, class, kind, |device, base, spec| Ok(device.derive(base, derivation, spec)?))
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
        if !is_wrappable(kind.bytes()) {
            return Err(Error::NotWrappable(kind.bytes()));
        }
        // Extractable only until the key is wrapped. No use is allowed in the meantime.
        let spec = SecretKeySpec { kind, sensitive: true, extractable: true, uses: Uses::default() };
        // The base key gets a new handle. After a loss it is then not necessary to find out which handle was lost.
        self.run_for(HsmCall::Make, &base.material, |device| {
            let base = self.handle(device, base)?;
            let key = make(device, &base, &spec)?;
            let roots = self.roots();
            let kek = roots.kek(class).ok_or(Error::UnknownKek)?;
            Ok(Material::Wrapped { kek: kek.cka_id.clone(), blob: device.wrap(&kek.key, &key)? })
        })
    }
}
