//! Why the server does not start.

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

/// Why the server does not start: one line, with what to do about it where that is known.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// TLS: identity, password, authorities.
    #[error(transparent)]
    Tls(#[from] tls::SetupError),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The metrics, which is a defect.
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    /// No token of the label.
    #[error("no token labelled {label:?} (there are: {present}): {advice}")]
    NoToken {
        /// As configured.
        label: String,
        /// The labels that there are.
        present: String,
        /// How to make one.
        advice: String,
    },
    /// SoftHSM lacks a file that it needs, or may not read it.
    #[error("no token labelled {label:?} can be used: {fault}")]
    SoftHsm {
        /// As configured.
        label: String,
        /// What it lacks.
        fault: SoftHsmFault,
    },
    /// The PIN.
    #[error("the token {label:?} refused the PIN ({source}): check --hsm-pin-file or KMS_HSM_PIN")]
    Pin {
        /// The token's label.
        label: String,
        /// What the token said.
        source: TokenError,
    },
    /// The token is not asked with a PIN that may be wrong.
    #[error(
        "the token {label:?}: {source}. Log in once with the right PIN by another program, as with `pkcs11-tool --login`, or have the \
         token's security officer set a new one"
    )]
    PinWithheld {
        /// The token's label.
        label: String,
        /// What the token says.
        source: TokenError,
    },
    /// No PIN was given.
    #[error("no PIN for the token {label:?}: give --hsm-pin-file FILE or set KMS_HSM_PIN")]
    PinMissing {
        /// The token's label.
        label: String,
    },
    /// Anything else about the token.
    #[error(transparent)]
    Token(TokenError),
    /// The root keys.
    #[error(transparent)]
    Roots(RootError),
    /// The service.
    #[error(transparent)]
    Kms(#[from] kms::Error),
    /// Who may do what.
    #[error(transparent)]
    Permission(#[from] policy::FileError),
    /// The key of the audit log is not the one that signed it.
    #[error(
        "the audit log of this database was signed by another key than the token's: was the record of the key removed? \
         Restore database and token together from a backup, or give --audit-file none"
    )]
    AuditKey,
    /// What the database knows of the audit log cannot be believed.
    #[error(
        "what the database knows of its audit log was changed or removed: \
         give --audit-accept-loss to go on with the log as it is, and have that in the server's log"
    )]
    AuditHead,
    /// Nothing to check.
    #[error("there is no database {}", .0.display())]
    NoDatabase(std::path::PathBuf),
    /// The audit log cannot be read.
    #[error(transparent)]
    AuditFiles(#[from] Unreadable),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] audit::OpenError),
    /// The API token's key.
    #[error("--api-token-id {id}: {source}")]
    ApiToken {
        /// The identifier.
        id: String,
        /// Why it cannot be used.
        source: kms::Error,
    },
    /// The authorities for fetching keys.
    #[error("--jwks-ca-file: {0}")]
    Jwks(client::Error),
    /// A listener.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Host and port.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The watch over the token.
    #[error("cannot start the thread that watches the token: {0}")]
    Owner(io::Error),
    /// What erases destroyed keys.
    #[error("cannot start the thread that erases what was destroyed: {0}")]
    Eraser(io::Error),
    /// Signal handlers.
    #[error("cannot handle signals: {0}")]
    Signals(io::Error),
}

impl StartError {
    /// Whether another start might try a wrong PIN once more.
    #[must_use]
    pub fn is_of_the_pin(&self) -> bool {
        match self {
            Self::Pin { source, .. } => !matches!(source, TokenError::PinNotSet(_)),
            Self::PinWithheld { .. } => true,
            _ => false,
        }
    }
}
