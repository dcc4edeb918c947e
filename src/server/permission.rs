//! Reading the policy file and the IAM file.

use super::error::StartError;
use crate::auth::{IamFile, TrustedIssuer};
use crate::config::Config;
use crate::policy::{self, Documents};

/// Reads the policy file and the IAM file. Returns the permissions of both, and the issuers of the IAM file.
///
/// # Errors
/// One of them is invalid, or both define the same name.
pub(super) fn read(config: &Config) -> Result<(Documents, Vec<TrustedIssuer>), StartError> {
    let documents = policy::read(&config.permission)?;
    let Some(path) = &config.iam_file else { return Ok((documents, Vec::new())) };
    let IamFile { documents: own, issuers } = IamFile::read(path, config)?;
    Ok((documents.joined(own)?, issuers))
}
