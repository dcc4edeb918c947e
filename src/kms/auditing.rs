//! Reading the audit log: its public key for every caller, its lines for administrators and auditors. And the state of
//! the database, which the same callers may read.

use data_encoding::BASE64;

use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::{DatabaseHealth, Kms};
use super::operation::Operation;
use crate::audit::search::{Filter, Found};

/// Maximum number of lines in one answer.
pub const MAX_LINES: usize = 1_000;

/// A SubjectPublicKeyInfo in DER as PEM (RFC 7468 section 13).
#[must_use]
pub fn public_key_pem(der: &[u8]) -> String {
    let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
    for line in BASE64.encode(der).as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END PUBLIC KEY-----\n");
    pem
}

impl Kms {
    /// The public key that verifies the log's checkpoints: a SubjectPublicKeyInfo in PEM (RFC 7468 section 13).
    #[must_use]
    pub fn audit_public_key(&self) -> String {
        public_key_pem(&self.audit_key())
    }

    /// The last checkpoint that the database has, as it is written in the log; `None` before the first one.
    ///
    /// # Errors
    /// The caller is neither administrator nor auditor, or the database is unavailable.
    pub fn audit_head(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let call = Call::new(context, Operation::ReadAudit);
        call.describe("the signed head".to_owned());
        self.recorded(&call, || self.authorize_audit(&call)?.audit_head())
    }

    /// The newest lines that match the filter, at most [`MAX_LINES`], in the order of the log.
    ///
    /// # Errors
    /// The caller is neither administrator nor auditor, another search is running, there is no audit log, or it cannot
    /// be read.
    pub fn search_audit(&self, context: &Context<'_>, filter: &Filter, limit: usize) -> Result<Found, Error> {
        let call = Call::new(context, Operation::ReadAudit);
        call.describe(filter.to_string());
        self.recorded(&call, || self.authorize_audit(&call)?.search_audit(filter, limit.min(MAX_LINES)))
    }

    /// What this server knows of its database.
    ///
    /// # Errors
    /// The caller is neither administrator nor auditor.
    pub fn database(&self, context: &Context<'_>) -> Result<DatabaseHealth, Error> {
        let call = Call::new(context, Operation::ReadDatabase);
        self.recorded(&call, || Ok(self.authorize_audit(&call)?.database()))
    }
}
