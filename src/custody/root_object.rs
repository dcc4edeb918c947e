//! How the objects of a root key are known in the token: by their label and `CKA_ID`.

use claviger_pkcs11::KeyId;

use super::error::RootError;
use crate::store::root_key::RootKey;

/// Begins the label of every root key, so that an operator sees whose they are.
pub(super) const LABEL: &str = "claviger root";

/// The recorded `CKA_ID`.
pub(super) fn cka_id(record: &RootKey) -> Result<KeyId, RootError> {
    let bytes = <[u8; 20]>::try_from(record.cka_id.as_slice());
    bytes.map(KeyId::from).map_err(|_| RootError::BadId(record.name.clone()))
}
