//! Errors of the start.

use std::io;

use crate::audit;
use crate::client;
use crate::custody::{RootError, SoftHsmFault, TokenError};
use crate::file::Unreadable;
use crate::kms;
use crate::metrics;
use crate::policy;
use crate::store;
use crate::tls;

/// The reason why the server does not start. The message is one line, with what to do if that is known.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The TLS identity, its password, or an authority is invalid.
    #[error(transparent)]
    Tls(#[from] tls::SetupError),
    /// The database cannot be opened or used.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The metrics cannot be set up, which is a defect of the program.
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    /// No HSM token has the label.
    #[error("no token labelled {label:?} (there are: {present}): {advice}")]
    NoToken {
        /// The label that is looked for.
        label: String,
        /// The labels of the HSM tokens that exist.
        present: String,
        /// How to make an HSM token.
        advice: String,
    },
    /// SoftHSM lacks a file that it needs, or may not read it.
    #[error("no token labelled {label:?} can be used: {fault}")]
    SoftHsm {
        /// The label that is looked for.
        label: String,
        /// What SoftHSM lacks.
        fault: SoftHsmFault,
    },
    /// The HSM token refused the PIN.
    #[error("the HSM token {label:?} refused the PIN ({source}): check --hsm-pin-file or KMS_HSM_PIN")]
    Pin {
        /// The token's label.
        label: String,
        /// The HSM token's error.
        source: TokenError,
    },
    /// The PIN is not tried, because it may be wrong and another failure may lock it.
    #[error(
        "the HSM token {label:?}: {source}. Log in once with the right PIN by another program, as with `pkcs11-tool --login`, or \
         have the HSM token's security officer set a new one"
    )]
    PinWithheld {
        /// The token's label.
        label: String,
        /// What the HSM token reports.
        source: TokenError,
    },
    /// No PIN was given.
    #[error("no PIN for the HSM token {label:?}: give --hsm-pin-file FILE or set KMS_HSM_PIN")]
    PinMissing {
        /// The token's label.
        label: String,
    },
    /// Another error of the HSM token.
    #[error(transparent)]
    Token(TokenError),
    /// The root keys are missing, or do not match the database.
    #[error(transparent)]
    Roots(RootError),
    /// The key management service cannot be set up.
    #[error(transparent)]
    Kms(#[from] kms::Error),
    /// The policy file or the IAM file is invalid.
    #[error(transparent)]
    Permission(#[from] policy::FileError),
    /// The key of the audit log is not the one that signed it.
    #[error(
        "the audit log of this database was signed by another key than the HSM token's: was the record of the key \
         removed? Restore database and token together from a backup, or give --audit-file none"
    )]
    AuditKey,
    /// The database's record of the audit log was changed or removed.
    #[error(
        "the database's record of its audit log was changed or removed: \
         give --audit-accept-loss to continue with the log as it is, and to record this in the audit log"
    )]
    AuditHead,
    /// The database to check, to back up or to move does not exist.
    #[error("there is no database {}", .0.display())]
    NoDatabase(std::path::PathBuf),
    /// The audit log cannot be read.
    #[error(transparent)]
    AuditFiles(#[from] Unreadable),
    /// The audit log cannot be opened.
    #[error(transparent)]
    Audit(#[from] audit::OpenError),
    /// The API token's key cannot be used.
    #[error("--api-token-id {id}: {source}")]
    ApiToken {
        /// The identifier.
        id: String,
        /// The reason.
        source: kms::Error,
    },
    /// The authorities for fetching keys are invalid.
    #[error("--jwks-ca-file: {0}")]
    Jwks(client::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Host and port.
        address: String,
        /// The I/O error.
        source: io::Error,
    },
    /// Two listeners have the same address.
    #[error("--{first} and --{second} both listen on port {port}: give them different ports")]
    SamePort {
        /// The option of the one listener.
        first: &'static str,
        /// The option of the other.
        second: &'static str,
        /// The port.
        port: u16,
    },
    /// The thread that watches the HSM token cannot be started.
    #[error("cannot start the thread that watches the HSM token: {0}")]
    Owner(io::Error),
    /// The thread that erases destroyed keys cannot be started.
    #[error("cannot start the thread that erases destroyed keys and values: {0}")]
    Eraser(io::Error),
    /// Signal handlers cannot be installed.
    #[error("cannot handle signals: {0}")]
    Signals(io::Error),
}

impl StartError {
    /// Returns whether another start could try a wrong PIN again.
    #[must_use]
    pub fn is_of_the_pin(&self) -> bool {
        match self {
            Self::Pin { source, .. } => !matches!(source, TokenError::PinNotSet(_)),
            Self::PinWithheld { .. } => true,
            _ => false,
        }
    }
}
