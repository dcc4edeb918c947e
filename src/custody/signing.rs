//! The signing keys among the root keys: P-256 pairs with which the server signs.

use claviger_pkcs11::{Device, KeyId, SigningKey as Pair, SigningObjects, Weaknesses};
use openssl::bn::BigNumContext;
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::sha::sha256;

use super::error::{Error, RootError};
use super::root_object::{LABEL, cka_id};
use crate::config::RemadeKey;
use crate::signature::{ecdsa_to_der, is_of_message_in_parts};
use crate::store::root_key::RootKey;

/// Name of the key that signs the audit log.
pub(super) const AUDIT: &str = "audit";

/// The prefix of the name of each key that signs access tokens. A number follows; the key with the highest number
/// signs.
const TOKEN: &str = "token-";

/// The signing keys that every database has.
pub(super) const FIRST: [&str; 2] = [AUDIT, FIRST_TOKEN];

/// The first of the keys that sign access tokens.
pub(super) const FIRST_TOKEN: &str = "token-1";

/// Returns the number of a key that signs access tokens.
pub(super) fn token_number(name: &str) -> Option<u32> {
    name.strip_prefix(TOKEN)?.parse().ok().filter(|number| token_name(*number) == name)
}

/// Returns the name of a key that signs access tokens.
pub(super) fn token_name(number: u32) -> String {
    format!("{TOKEN}{number}")
}

/// Whether a root key of this name is a signing key.
pub(super) fn is_signing(name: &str) -> bool {
    name == AUDIT || token_number(name).is_some()
}

/// Returns the kinds of signing keys of which the database records none.
pub(super) fn lacking(recorded: &[RootKey]) -> Vec<RemadeKey> {
    let has_audit = recorded.iter().any(|root| root.name == AUDIT);
    let has_token = recorded.iter().any(|root| token_number(&root.name).is_some());
    let absent = [(RemadeKey::Audit, has_audit), (RemadeKey::Token, has_token)];
    absent.into_iter().filter(|(_, has)| !has).map(|(key, _)| key).collect()
}

/// Returns the name in the database of a key that is made again.
pub(super) fn first_name(key: RemadeKey) -> &'static str {
    match key {
        RemadeKey::Audit => AUDIT,
        RemadeKey::Token => FIRST_TOKEN,
    }
}

/// The text that a key signs to be recognised. It is not secret, and no other system takes it for a signed text.
const CHECK: &[u8] = b"claviger: check value of a root.";

/// A signing key in one generation of the token.
pub(super) struct SigningKey {
    pub(super) pair: Pair,
    /// SubjectPublicKeyInfo, DER (RFC 5480).
    pub(super) public_key: Vec<u8>,
}

impl SigningKey {
    /// Signs `message` by ECDSA with SHA-256, in the format of JWS: r followed by s (RFC 7518 section 3.4).
    pub(super) fn sign_jws(&self, device: &Device, message: &[u8]) -> Result<[u8; 64], Error> {
        Ok(device.sign_digest(&self.pair, &sha256(message))?)
    }

    /// Signs `message` by ECDSA with SHA-256. Returns an ECDSA-Sig-Value in DER (RFC 3279, 2.2.3). The digest is
    /// computed in software, because what the server signs is not secret, and SoftHSM signs only digests.
    pub(super) fn sign(&self, device: &Device, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = device.sign_digest(&self.pair, &sha256(message))?;
        ecdsa_to_der(&signature).map_err(Error::Signature)
    }
}

/// Makes a signing key; its check value is its public key.
pub(super) fn make(device: &Device, name: &str, weak: Weaknesses) -> Result<RootKey, RootError> {
    let mut id = [0; 20];
    openssl::rand::rand_bytes(&mut id)?;
    make_as(device, name, &KeyId::from(id), weak)
}

/// The same under this `CKA_ID`.
pub(super) fn make_as(device: &Device, name: &str, id: &KeyId, weak: Weaknesses) -> Result<RootKey, RootError> {
    let pair = device.generate_signing_root(id, &format!("{LABEL} {name}"), weak)?;
    let check_value = public_key_info(device, &pair, name)?;
    Ok(RootKey { name: name.to_owned(), cka_id: id.as_bytes().to_vec(), check_value })
}

/// Makes a pair in the token as session objects, and signs with it.
///
/// # Errors
/// The token cannot do it.
pub(super) fn try_out(device: &Device, weak: Weaknesses) -> Result<(), RootError> {
    let pair = device.try_signing_root(weak)?;
    let public_key = public_key_info(device, &pair, AUDIT)?;
    if signs(device, &SigningKey { pair, public_key })? { Ok(()) } else { Err(RootError::WrongSignature) }
}

/// A recorded signing key, and the objects that the token holds under its `CKA_ID`.
pub(super) struct Candidate<'a> {
    record: &'a RootKey,
    id: KeyId,
    found: SigningObjects,
}

impl<'a> Candidate<'a> {
    pub(super) fn find(device: &Device, record: &'a RootKey) -> Result<Self, RootError> {
        let id = cka_id(record)?;
        Ok(Self { record, id, found: device.signing_objects(&id)? })
    }

    pub(super) fn name(&self) -> &str {
        &self.record.name
    }

    /// Whether the token holds nothing under the `CKA_ID`.
    pub(super) fn is_absent(&self) -> bool {
        self.found.count() == 0
    }

    /// Returns what the token lacks, in words. `None` if both halves exist.
    pub(super) fn missing(&self) -> Option<String> {
        let half = match (self.found.private.is_empty(), self.found.public.is_empty()) {
            (false, false) => return None,
            (true, true) => "",
            (true, false) => " private key",
            (false, true) => " public key",
        };
        Some(format!("{}{half} ({})", self.record.name, self.id))
    }
}

/// Compares the token with the record and refuses any difference: the attributes, the public key, and that the private
/// key belongs to the public key.
pub(super) fn recognise(device: &Device, candidate: &Candidate<'_>, weak: Weaknesses) -> Result<SigningKey, RootError> {
    let key = examine(device, candidate, weak)?;
    let Candidate { record, id, .. } = candidate;
    if key.public_key == record.check_value {
        Ok(key)
    } else {
        Err(RootError::CheckValue { name: record.name.clone(), cka_id: id.to_string() })
    }
}

/// The same for a key whose public key is not recorded yet.
pub(super) fn examine(device: &Device, candidate: &Candidate<'_>, weak: Weaknesses) -> Result<SigningKey, RootError> {
    let Candidate { record, id, found } = candidate;
    let name = || record.name.clone();
    let pair = found.pair().ok_or_else(|| RootError::Ambiguous {
        name: name(),
        cka_id: id.to_string(),
        count: found.count(),
    })?;
    device.check_signing_root(&pair, id, weak).map_err(|source| RootError::Attributes { name: name(), source })?;
    let public_key = public_key_info(device, &pair, &record.name)?;
    let key = SigningKey { pair, public_key };
    if !signs(device, &key)? {
        return Err(RootError::CheckValue { name: name(), cka_id: id.to_string() });
    }
    Ok(key)
}

/// Whether the public key verifies what the private key signs.
fn signs(device: &Device, key: &SigningKey) -> Result<bool, RootError> {
    let signature = device.sign_digest(&key.pair, &sha256(CHECK))?;
    let public = PKey::public_key_from_der(&key.public_key);
    Ok(public.is_ok_and(|public| is_of_message_in_parts(&public, Md::sha256(), CHECK, &signature)))
}

fn public_key_info(device: &Device, pair: &Pair, name: &str) -> Result<Vec<u8>, RootError> {
    let point = device.public_point(pair)?;
    let encoded = on_curve(&point).and_then(|key| key.public_key_to_der());
    encoded.map_err(|source| RootError::NotOnCurve { name: name.to_owned(), source })
}

/// Returns the point as a public key of P-256, or an error if it is not on the curve (SEC 1, 3.2.2).
pub(super) fn on_curve(point: &[u8]) -> Result<EcKey<Public>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let mut context = BigNumContext::new()?;
    let point = EcPoint::from_bytes(&group, point, &mut context)?;
    let key = EcKey::from_public_key(&group, &point)?;
    key.check_key()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "allowed in tests")]

    use super::*;

    #[test]
    fn a_point_beside_the_curve_is_no_key() {
        let mut point = [7; 65];
        point[0] = 4;
        assert!(on_curve(&point).is_err());
        assert!(on_curve(&[0]).is_err(), "the point at infinity");
    }
}
