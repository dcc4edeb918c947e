//! The identifiers that callers wish for.

use super::error::Error;
use super::secret_path;
use crate::kmip::UniqueIdentifier;

/// The longest identifier that a caller may wish for, in bytes.
pub(super) const MAX_IDENTIFIER: usize = 128;

/// The identifier that a caller wishes for a new object.
pub(super) fn wished(id: Option<&UniqueIdentifier>) -> Result<Option<String>, Error> {
    match id {
        None => Ok(None),
        Some(UniqueIdentifier::IdPlaceholder) => Err(Error::InvalidIdentifier),
        Some(UniqueIdentifier::Text(id)) => {
            // Neither slashes nor wildcards nor letters that have a second spelling: an identifier stands in
            // paths, policies and logs.
            let mut bytes = id.bytes();
            let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
            let rest = bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-._:@+=".contains(&byte));
            // Those of secrets are the server's.
            if !first || !rest || id.len() > MAX_IDENTIFIER || id.starts_with(secret_path::PREFIX) {
                return Err(Error::InvalidIdentifier);
            }
            Ok(Some(id.clone()))
        }
    }
}
