//! The identifiers that callers choose for their objects.

use super::error::Error;
use super::secret_path;
use crate::kmip::UniqueIdentifier;

/// Maximum length of an identifier that a caller chooses, in bytes.
pub(super) const MAX_IDENTIFIER: usize = 128;

/// Checks the identifier that a caller chooses for a new object.
pub(super) fn wished(id: Option<&UniqueIdentifier>) -> Result<Option<String>, Error> {
    match id {
        None => Ok(None),
        Some(UniqueIdentifier::IdPlaceholder) => Err(Error::InvalidIdentifier),
        Some(UniqueIdentifier::Text(id)) => {
            // No slashes, no wildcards and no letters with two encodings, because identifiers are used in paths,
            // policies and logs.
            let mut bytes = id.bytes();
            let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
            let rest = bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-._:@+=".contains(&byte));
            // Only the server gives identifiers to secrets.
            if !first || !rest || id.len() > MAX_IDENTIFIER || id.starts_with(secret_path::PREFIX) {
                return Err(Error::InvalidIdentifier);
            }
            Ok(Some(id.clone()))
        }
    }
}
