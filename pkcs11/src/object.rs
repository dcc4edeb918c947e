//! Secret keys as objects: making, importing, finding, reading and destroying them.

use cryptoki::error::{Error as Binding, RvError};
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki_sys::CK_MECHANISM_TYPE;
use zeroize::Zeroize;

use crate::device::Device;
use crate::error::{Error, InvalidInput};
use crate::key::{Key, KeyId, TokenKey};
use crate::secret::Secret;
use crate::secret_key::{Placement, SecretKeySpec};

impl Device {
    /// Returns every secret key on the token that is visible after the login. It is a linear scan, so use it only at
    /// the start. An empty result proves nothing: SoftHSM also returns it when the token's directory is gone.
    pub fn token_keys(&self) -> Result<Vec<TokenKey>, Error> {
        self.find(ObjectClass::SECRET_KEY, &[AttributeType::Id, AttributeType::Label, AttributeType::ValueLen])
    }

    /// Returns every private key on the token, with the limits of [`Self::token_keys`].
    pub fn token_private_keys(&self) -> Result<Vec<TokenKey>, Error> {
        self.find(ObjectClass::PRIVATE_KEY, &[AttributeType::Id, AttributeType::Label])
    }

    fn find(&self, class: ObjectClass, wanted: &[AttributeType]) -> Result<Vec<TokenKey>, Error> {
        let template = [Attribute::Class(class), Attribute::Token(true)];
        let (keys, has_gone) = self.lasting(|session| {
            let (mut keys, mut has_gone) = (Vec::new(), false);
            for handle in session.find_objects(&template)? {
                let (mut id, mut label, mut bytes) = (Vec::new(), String::new(), None);
                let attributes = match session.get_attributes(handle, wanted) {
                    // Another process has destroyed the object since.
                    Err(Binding::Pkcs11(RvError::ObjectHandleInvalid, _)) => {
                        has_gone = true;
                        continue;
                    }
                    attributes => attributes?,
                };
                for attribute in attributes {
                    match attribute {
                        Attribute::Id(value) => id = value,
                        Attribute::Label(value) => {
                            label = String::from_utf8_lossy(&value).into_owned();
                        }
                        // SoftHSM reports 0 for keys that it unwrapped.
                        Attribute::ValueLen(value) if *value != 0 => {
                            bytes = Some(usize::from(value));
                        }
                        _ => {}
                    }
                }
                let key = self.token_key(handle, bytes);
                keys.push(TokenKey { id, label, key });
            }
            Ok((keys, has_gone))
        })?;
        // The objects may be gone because the token is gone. The result is then worthless.
        if has_gone {
            self.info()?;
        }
        Ok(keys)
    }

    /// Makes a session key inside the token (C_GenerateKey).
    pub fn generate(&self, spec: &SecretKeySpec) -> Result<Key, Error> {
        let (mechanism, template) = generation(spec, Placement::Session)?;
        let handle = self.own(|session| self.module.functions.generate(session, mechanism, &template))?;
        Ok(self.session_key(handle, spec.kind.bytes()))
    }

    /// Makes a token key inside the token (C_GenerateKey). It is durable after [`crate::sync`], if [`Device::needs_sync`].
    pub fn generate_token(&self, id: &KeyId, label: &str, spec: &SecretKeySpec) -> Result<Key, Error> {
        let (mechanism, template) = generation(spec, Placement::Token(id, label))?;
        let handle = self.lasting(|session| self.module.functions.generate(session, mechanism, &template))?;
        Ok(self.token_key(handle, Some(spec.kind.bytes())))
    }

    /// Imports the caller's bytes as a session key (C_CreateObject). `value` must have the length of `spec`.
    pub fn create(&self, spec: &SecretKeySpec, value: &[u8]) -> Result<Key, Error> {
        let template = Import::new(spec, value, Placement::Session)?;
        let handle = self.own(|session| session.create_object(&template.0))?;
        Ok(self.session_key(handle, value.len()))
    }

    /// Imports the caller's bytes as a token key (C_CreateObject). It is durable after [`crate::sync`], if
    /// [`Device::needs_sync`].
    pub fn create_token(&self, id: &KeyId, label: &str, spec: &SecretKeySpec, value: &[u8]) -> Result<Key, Error> {
        let template = Import::new(spec, value, Placement::Token(id, label))?;
        let handle = self.lasting(|session| session.create_object(&template.0))?;
        Ok(self.token_key(handle, Some(value.len())))
    }

    /// Destroys a token key (C_DestroyObject). All its clones are stale from then on.
    pub fn destroy_token(&self, key: Key) -> Result<(), Error> {
        if !key.is_token_object() {
            return Err(Error::InvalidInput(InvalidInput::NotTokenObject));
        }
        let handle = key.handle(self.generation)?;
        self.lasting(|session| session.destroy_object(handle))?;
        key.mark_destroyed();
        Ok(())
    }

    /// Returns the key's value (CKA_VALUE). [`Error::NotExtractable`] if the token does not return it.
    pub fn value(&self, key: &Key) -> Result<Secret, Error> {
        let handle = key.handle(self.generation)?;
        self.work(|session| self.module.functions.value(session, handle)).map(Secret::new)
    }
}

fn generation(spec: &SecretKeySpec, placement: Placement<'_>) -> Result<(CK_MECHANISM_TYPE, Vec<Attribute>), Error> {
    spec.kind.validate()?;
    let mut template = spec.template(placement);
    template.extend(spec.kind.length()?);
    Ok((spec.kind.generation(), template))
}

/// A template that holds a key's value, which is overwritten when it is dropped.
struct Import(Vec<Attribute>);

impl Import {
    fn new(spec: &SecretKeySpec, value: &[u8], placement: Placement<'_>) -> Result<Self, Error> {
        spec.kind.validate()?;
        if value.len() != spec.kind.bytes() {
            return Err(Error::InvalidInput(InvalidInput::ValueLength));
        }
        let mut template = spec.template(placement);
        template.push(Attribute::Value(value.to_vec()));
        Ok(Self(template))
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        for attribute in &mut self.0 {
            if let Attribute::Value(value) = attribute {
                value.zeroize();
            }
        }
    }
}
