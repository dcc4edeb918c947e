//! Whom the files of the configuration trust, and what they let them do.

use super::error::StartError;
use crate::auth::{IamFile, TrustedIssuer};
use crate::config::Config;
use crate::policy::{self, Documents};

/// Reads policy file and IAM file: what both say of permission, and the issuers of the IAM file.
///
/// # Errors
/// One of them is faulty, or both define the same.
pub(super) fn read(config: &Config) -> Result<(Documents, Vec<TrustedIssuer>), StartError> {
    let documents = policy::read(&config.permission)?;
    let Some(path) = &config.iam_file else { return Ok((documents, Vec::new())) };
    let IamFile { documents: own, issuers } = IamFile::read(path, config)?;
    Ok((documents.joined(own)?, issuers))
}
