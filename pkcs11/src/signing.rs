//! The server's own signing keys: EC P-256 pairs that, like the other root keys, never leave the token or change.

use std::num::NonZeroUsize;

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::device::Device;
use crate::error::{Error, RootMismatch};
use crate::key::{Key, KeyId};
use crate::root::Weaknesses;

/// CKA_EC_PARAMS of P-256: the DER of the object identifier prime256v1, 1.2.840.10045.3.1.7 (RFC 5480, 2.1.1.1).
pub(crate) const PRIME256V1: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// DER of an OCTET STRING of 65 bytes, the header of CKA_EC_POINT.
const POINT_HEADER: [u8; 2] = [0x04, 0x41];

/// First byte of an uncompressed point (SEC 1, 2.3.3).
const UNCOMPRESSED: u8 = 0x04;

/// The maximum number of objects with one CKA_ID that are read: enough for a pair, and to detect additional objects.
const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);

/// The two token objects of a signing key.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// The private key, which signs and has no other use.
    pub private: Key,
    /// The public key, which verifies and has no other use. It holds the point.
    pub public: Key,
}

/// The objects that the token holds under one CKA_ID. A signing key is one private and one public key.
#[derive(Debug, Clone, Default)]
pub struct SigningObjects {
    /// Private keys.
    pub private: Vec<Key>,
    /// Public keys.
    pub public: Vec<Key>,
    /// The number of other objects, which should be zero.
    pub others: usize,
}

impl SigningObjects {
    /// Returns the pair, if there is nothing else under its CKA_ID.
    pub fn pair(&self) -> Option<SigningKey> {
        match (self.private.as_slice(), self.public.as_slice(), self.others) {
            ([private], [public], 0) => Some(SigningKey { private: private.clone(), public: public.clone() }),
            _ => None,
        }
    }

    /// Returns the number of objects, at most 8.
    pub fn count(&self) -> usize {
        self.private.len() + self.public.len() + self.others
    }
}

/// Returns the attributes that both halves are made with. SoftHSM and others allow everything by default, so nothing is
/// left to defaults.
fn shared(id: &KeyId, weak: Weaknesses) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::KeyType(KeyType::EC),
        Attribute::Token(true),
        Attribute::Id(id.as_bytes().to_vec()),
        Attribute::Derive(false),
    ];
    template.extend(weak.protection());
    template
}

fn private(id: &KeyId, weak: Weaknesses) -> Vec<Attribute> {
    let mut template = shared(id, weak);
    template.extend([
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::SignRecover(false),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
    ]);
    template
}

fn public(id: &KeyId, weak: Weaknesses) -> Vec<Attribute> {
    let mut template = shared(id, weak);
    template.extend([
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::Private(false),
        Attribute::EcParams(PRIME256V1.to_vec()),
        Attribute::Verify(true),
        Attribute::VerifyRecover(false),
        Attribute::Encrypt(false),
        Attribute::Wrap(false),
    ]);
    template
}

/// Generates a pair as session objects. Returns the public half and the private half.
fn generate_session_pair(
    session: &Session,
    weak: Weaknesses,
) -> Result<(ObjectHandle, ObjectHandle), cryptoki::error::Error> {
    let id = KeyId::from([0; 20]);
    let [public, private] = [public(&id, weak), private(&id, weak)].map(|mut template| {
        template.retain(|attribute| !matches!(attribute, Attribute::Token(_)));
        template.push(Attribute::Token(false));
        template
    });
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)
}

impl Device {
    /// Makes a P-256 key pair (CKM_EC_KEY_PAIR_GEN) as two token objects of the same CKA_ID, with all protections
    /// except `weak`. It is durable after [`crate::sync`], if [`Device::needs_sync`].
    pub fn generate_signing_root(&self, id: &KeyId, label: &str, weak: Weaknesses) -> Result<SigningKey, Error> {
        let label = Attribute::Label(label.as_bytes().to_vec());
        let (mut public, mut private) = (public(id, weak), private(id, weak));
        public.push(label.clone());
        private.push(label);
        let (public, private) =
            self.lasting(|session| session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private))?;
        Ok(SigningKey { private: self.token_key(private, None), public: self.token_key(public, None) })
    }

    /// Makes such a pair as session objects, like [`Device::try_root`].
    pub fn try_signing_root(&self, weak: Weaknesses) -> Result<SigningKey, Error> {
        self.session_signing_root(weak.of_trial())
    }

    /// Makes a pair as session objects, with all protections except `weak`.
    pub(crate) fn session_signing_root(&self, weak: Weaknesses) -> Result<SigningKey, Error> {
        let (public, private) = self.own(|session| generate_session_pair(session, weak))?;
        Ok(SigningKey { private: self.private_key(private), public: self.private_key(public) })
    }

    /// Makes such a pair as objects of this session. They end with the session.
    pub(crate) fn signing_root_of(&self, session: &Session, weak: Weaknesses) -> Result<SigningKey, Error> {
        let (public, private) = generate_session_pair(session, weak).map_err(Error::from_binding)?;
        Ok(SigningKey { private: self.token_key(private, None), public: self.token_key(public, None) })
    }

    /// Returns the objects that the token holds under this CKA_ID, of any class. This is one search, a linear scan on
    /// some tokens, so use it only at the start. At most 8 objects are read. An empty result proves nothing, see
    /// [`Device::token_keys`].
    pub fn signing_objects(&self, id: &KeyId) -> Result<SigningObjects, Error> {
        let template = [Attribute::Token(true), Attribute::Id(id.as_bytes().to_vec())];
        let found = self.lasting(|session| {
            let handles = session.iter_objects_with_cache_size(&template, MOST)?.take(MOST.get());
            let handles = handles.collect::<Result<Vec<_>, _>>()?;
            let mut found = Vec::with_capacity(handles.len());
            for handle in handles {
                found.push((handle, session.get_attributes(handle, &[AttributeType::Class])?));
            }
            Ok(found)
        })?;
        let mut objects = SigningObjects::default();
        for (handle, class) in found {
            match class.first() {
                Some(Attribute::Class(ObjectClass::PRIVATE_KEY)) => objects.private.push(self.token_key(handle, None)),
                Some(Attribute::Class(ObjectClass::PUBLIC_KEY)) => objects.public.push(self.token_key(handle, None)),
                _ => objects.others += 1,
            }
        }
        Ok(objects)
    }

    /// Reads back every attribute of both halves. [`Error::RootMismatch`] names the first difference. Only a signature
    /// proves that the halves belong together.
    pub fn check_signing_root(&self, key: &SigningKey, id: &KeyId, weak: Weaknesses) -> Result<(), Error> {
        let handle = key.private.handle(self.generation)?;
        let mut expected = private(id, weak);
        // The token adds these to a key that it made itself and that never left it (PKCS#11, common private key
        // attributes).
        expected.extend([
            Attribute::EcParams(PRIME256V1.to_vec()),
            Attribute::AlwaysAuthenticate(false),
            Attribute::Local(true),
            Attribute::AlwaysSensitive(true),
            Attribute::NeverExtractable(true),
        ]);
        for expected in expected {
            self.check_attribute(handle, &expected)?;
        }
        let handle = key.public.handle(self.generation)?;
        for expected in public(id, weak).into_iter().chain([Attribute::Local(true)]) {
            self.check_attribute(handle, &expected)?;
        }
        self.public_point(key).map(drop)
    }

    /// Returns the public key as an uncompressed point (SEC 1, 2.3.3): 0x04, then 32 bytes each of x and y. Does not
    /// check that the point lies on the curve.
    pub fn public_point(&self, key: &SigningKey) -> Result<[u8; 65], Error> {
        let handle = key.public.handle(self.generation)?;
        let found = self.work(|session| session.get_attributes(handle, &[AttributeType::EcPoint]))?;
        let encoded = match found.first() {
            Some(Attribute::EcPoint(encoded)) => encoded.as_slice(),
            _ => &[],
        };
        point(encoded).ok_or_else(|| {
            Error::RootMismatch(RootMismatch {
                attribute: "CKA_EC_POINT".to_owned(),
                expected: "an uncompressed point of P-256, with or without an OCTET STRING around it".to_owned(),
                found: format!("{} bytes", encoded.len()),
            })
        })
    }

    /// Signs a SHA-256 digest (CKM_ECDSA, which every token has; SoftHSM does not have CKM_ECDSA_SHA256). Returns the
    /// numbers r and s, 32 bytes each.
    pub fn sign_digest(&self, key: &SigningKey, digest: &[u8; 32]) -> Result<[u8; 64], Error> {
        let handle = key.private.handle(self.generation)?;
        let functions = &self.module.functions;
        let signature = self.work(|session| functions.sign(session, &Mechanism::Ecdsa, handle, digest, 64))?;
        signature.try_into().map_err(|_| Error::Binding(cryptoki::error::Error::InvalidValue))
    }
}

/// Decodes CKA_EC_POINT: the DER of an OCTET STRING that holds the point (PKCS#11 2.40, current mechanisms, 2.3.3).
/// Some tokens return the point without it. Only the length distinguishes the two, because a point may begin with the
/// same bytes as the header.
pub(crate) fn point(encoded: &[u8]) -> Option<[u8; 65]> {
    let point = encoded.strip_prefix(&POINT_HEADER).filter(|point| point.len() == 65).unwrap_or(encoded);
    let point: [u8; 65] = point.try_into().ok()?;
    (point.first() == Some(&UNCOMPRESSED)).then_some(point)
}

#[cfg(test)]
mod tests {
    use super::point;

    #[test]
    fn a_point_is_read_with_and_without_an_octet_string() {
        // The second byte may be any, also that of the header.
        for second in 0..=u8::MAX {
            let mut bare = [7; 65];
            (bare[0], bare[1]) = (0x04, second);
            let whole = [&[0x04, 0x41], bare.as_slice()].concat();
            for encoded in [bare.as_slice(), &whole] {
                assert_eq!(point(encoded), Some(bare), "{second}");
                assert_eq!(point(&encoded[..encoded.len() - 1]), None, "{second}");
                assert_eq!(point(&[encoded, &[0]].concat()), None, "{second}");
            }
        }
        let compressed = [&[0x04, 0x21, 0x02], [7; 32].as_slice()].concat();
        for other in [&[][..], &[0x04], &[0x02; 65], &[0x04; 64], &compressed] {
            assert_eq!(point(other), None);
        }
    }
}
