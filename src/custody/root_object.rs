//! The label and the `CKA_ID` of the token objects of a root key.

use claviger_pkcs11::KeyId;

use super::error::RootError;
use crate::store::root_key::RootKey;

/// The prefix of the label of every root key. It shows an operator that the object belongs to Claviger.
pub(super) const LABEL: &str = "claviger root";

/// Returns the recorded `CKA_ID`.
pub(super) fn cka_id(record: &RootKey) -> Result<KeyId, RootError> {
    let bytes = <[u8; 20]>::try_from(record.cka_id.as_slice());
    bytes.map(KeyId::from).map_err(|_| RootError::BadId(record.name.clone()))
}
