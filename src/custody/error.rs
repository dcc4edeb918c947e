//! Errors of custody and of the root keys.

use claviger_pkcs11::{self as pkcs11, PairKind, Weaknesses};

use super::lacking::Lacking;
use crate::config::RemadeKey;
use crate::store;

/// A failure of custody.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token refused or failed.
    #[error("token: {0}")]
    Token(#[from] pkcs11::Error),
    /// The row names a key-encryption key that this database does not have.
    #[error("the key is wrapped by a key-encryption key that this database does not have")]
    UnknownKek,
    /// The row refers to an object that the token does not hold.
    #[error("the token holds no object with the CKA_ID that the row names")]
    NoTokenObject,
    /// The object was destroyed, so it has no key.
    #[error("the object was destroyed: there is no key")]
    Destroyed,
    /// The token refuses to return `CKA_VALUE`, whatever the key.
    #[error("the token does not return key values: {0}")]
    NoValues(#[source] pkcs11::Error),
    /// The token does not have C_CreateObject.
    #[error("the token cannot import keys")]
    NoImport,
    /// AES key wrap would change a key of this length, in bytes, so the key cannot be returned wrapped.
    #[error("AES key wrap cannot carry a key of {0} bytes: the length must be 16 or more and a multiple of 8")]
    NotWrappable(usize),
    /// The mechanism needs a key of another type.
    #[error("the mechanism does not take a key of this type")]
    KeyType,
    /// The key is not a secret key. Only secret keys leave the token wrapped.
    #[error("only secret keys leave the token")]
    NotASecretKey,
    /// A public key was given for an operation inside the token.
    #[error("public keys are not kept in the token")]
    NotInToken,
    /// The token does not have keys of this kind.
    #[error("the token does not have keys of this kind: {0:?}")]
    NoPairs(PairKind),
    /// The token made a pair whose public half is not a public key.
    #[error("the token made a public key that OpenSSL refuses: {0}")]
    PublicKey(#[source] openssl::error::ErrorStack),
    /// A number does not fit the integer types of this machine.
    #[error("a length is out of range")]
    Length,
    /// OpenSSL's generator failed.
    #[error("random generator: {0}")]
    Random(#[from] openssl::error::ErrorStack),
    /// OpenSSL could not compute a hash.
    #[error("OpenSSL cannot compute the hash: {0}")]
    Hash(#[source] openssl::error::ErrorStack),
    /// The token answers and holds the root keys, but operations with keys fail.
    #[error("the token answers, but operations with its keys fail: {0}")]
    Failing(String),
    /// A call of the HSM's module does not return.
    #[error("a call of the HSM's module does not return: if this lasts, restart the server")]
    Hangs,
    /// No thread could be started for a call of the HSM.
    #[error("cannot start a thread for a call of the HSM: {0}")]
    Thread(#[source] std::io::Error),
    /// The disk that holds the token's files failed.
    #[error("data of the token is not on the disk: {0}")]
    Disk(#[source] std::io::Error),
    /// OpenSSL could not encode a signature that the token made.
    #[error("the token's signature cannot be encoded: {0}")]
    Signature(#[source] openssl::error::ErrorStack),
}

impl Error {
    /// Whether the cause is that the token is unavailable or busy, and not the request or the key.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        use pkcs11::Error as E;
        matches!(
            self,
            Self::Token(E::Away | E::Hangs | E::Busy | E::Stale | E::Device(_) | E::Binding(_))
                | Self::Random(_)
                | Self::Failing(_)
                | Self::Hangs
                | Self::Thread(_)
                | Self::Disk(_)
        )
    }

    /// Whether the call was not tried, because the token is known to be unavailable.
    pub(super) fn is_away(&self) -> bool {
        matches!(self, Self::Token(pkcs11::Error::Away))
    }

    /// Whether other calls hold all the sessions.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Token(pkcs11::Error::Busy))
    }

    /// Whether the device failed. A busy device has not failed.
    pub(super) fn is_of_device(&self) -> bool {
        matches!(self, Self::Token(error) if error.is_of_device())
    }
}

/// The reasons for which the server does not start with this token and this database.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The token cannot do what a root key needs. No root key was made.
    #[error(
        "the token cannot hold the root key {name} ({source}): no root key was made in it. \
         Use another token or module"
    )]
    Unable {
        /// The name of the first root key that the token cannot hold.
        name: &'static str,
        /// The failure of the trial.
        source: Box<RootError>,
    },
    /// The token lacks something that the server always needs. No root key was made.
    #[error("the token cannot do what is needed of it: {0}; clavigerd --check-hsm shows everything that was tried")]
    Lacks(Lacking),
    /// The token does not know a mechanism number that the operator gave for AES key wrap.
    #[error(
        "{option} {number:#010x}: the token does not know this mechanism ({answer}): give the number that its vendor documents, \
         or leave the option out"
    )]
    WrapMechanism {
        /// The option that gave the number.
        option: &'static str,
        /// The number.
        number: u32,
        /// The token's answer.
        answer: pkcs11::Answer,
    },
    /// The token lacks something that wrapped keys need, and the operator wants wrapped keys.
    #[error(
        "the token cannot keep keys wrapped: {0}; clavigerd --check-hsm shows everything that was tried. Without \
         --placement wrapped each key is an object of the token"
    )]
    NoWrapping(Lacking),
    /// The token cannot give root keys all protections, and the operator does not accept that. No root key was made.
    #[error(
        "root keys of this token would be {weaknesses} ({lacking}): any application that is logged in to the token \
         could use that. Use another token, or accept it by --accept-weaker-custody {weaknesses}; no root key was \
         made in this one"
    )]
    Weak {
        /// The protections that root keys would lack.
        weaknesses: Weaknesses,
        /// The failure of the first of these protections.
        lacking: Box<Lacking>,
    },
    /// The token gives root keys less protection than when those of the database were made.
    #[error(
        "the token protects the root keys of this database less than it did when they were made: {0}. --accept-weaker-custody is for \
         new databases; find out what was done to the token"
    )]
    Weaker(Lacking),
    /// The root keys lack a protection, and the operator no longer accepts that.
    #[error(
        "the root keys of this database are {0}, which was accepted when it was created: give \
         --accept-weaker-custody for each of these words"
    )]
    NotAccepted(Weaknesses),
    /// The database has no key-encryption keys, and the operator wants wrapped keys.
    #[error(
        "this database was created on a token that cannot keep keys wrapped, and has no root keys that wrap: each of its \
         keys is an object of the token. Start without --placement wrapped"
    )]
    NeverWrapped,
    /// A signature that the token made does not verify.
    #[error("a signature that the token made does not verify")]
    WrongSignature,
    /// The token failed.
    #[error("token: {0}")]
    Token(#[from] pkcs11::Error),
    /// The disk failed under the token's files.
    #[error("data of the token may not be on the disk ({0}): repair the disk; lost root keys cannot be replaced")]
    Disk(#[source] std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Root keys that the database records and the token does not hold.
    #[error("the token {token} does not hold the root keys that the database records: missing {missing}; {present}")]
    Missing {
        /// Label and serial number of the token.
        token: String,
        /// Names and `CKA_ID`s.
        missing: String,
        /// The objects that the token holds instead.
        present: String,
    },
    /// Several token objects have the recorded `CKA_ID`, or more than two if the root key is a pair.
    #[error("the token holds {count} objects with the CKA_ID of the {name} root key ({cka_id}): remove the others")]
    Ambiguous {
        /// Name of the root key.
        name: String,
        /// Its recorded `CKA_ID`.
        cka_id: String,
        /// The number of objects.
        count: usize,
    },
    /// A root key has an attribute with a wrong value.
    #[error("the {name} root key is not what it must be: {source}")]
    Attributes {
        /// Name of the root key.
        name: String,
        /// The first attribute that differs.
        source: pkcs11::Error,
    },
    /// An object has the recorded `CKA_ID` and is another key.
    #[error("the {name} root key ({cka_id}) is another key than the one the database records")]
    CheckValue {
        /// Name of the root key.
        name: String,
        /// Its recorded `CKA_ID`.
        cka_id: String,
    },
    /// The public key of a signing key cannot be read.
    #[error("the {name} root key does not have a P-256 public key: {source}")]
    NotOnCurve {
        /// Name of the root key.
        name: String,
        /// The error of OpenSSL.
        source: openssl::error::ErrorStack,
    },
    /// The database records a root key that this version does not know.
    #[error(
        "the database records a root key {0:?} that this version does not know: \
         the database is damaged, or a later version wrote it"
    )]
    Unknown(String),
    /// The database records some root keys, but not this one.
    #[error(
        "the database does not record the {0} root key: the record was removed, or the database is damaged. \
         Restore database and token together from a backup"
    )]
    Incomplete(&'static str),
    /// A table has rows, but the database records no root keys.
    #[error(
        "the database records no root keys, but its table {0:?} has rows: the record was removed or is damaged. \
         Restore database and token together from a backup"
    )]
    NoRecord(&'static str),
    /// The database does not record a signing key.
    #[error(
        "the database does not record the {name} root key: its record was removed, or the database is damaged. \
         Restore database and token together from a backup, or give --remake-root-key {key} to make a new key, \
         which the audit log will show"
    )]
    Removed {
        /// Its name in the database.
        name: &'static str,
        /// Its name in the option.
        key: RemadeKey,
    },
    /// The root key records differ from those that the audit head covers.
    #[error(
        "the record of root keys was changed: rows of root_key were added, removed or changed in the database. \
         Restore database and token together from a backup"
    )]
    Changed,
    /// The records are those of an earlier version, and the database is only read.
    #[error("the record of root keys is of an earlier version: start clavigerd with this database once, and stop it")]
    Former,
    /// The count of AES-GCM encryptions of each key is missing.
    #[error(
        "the row of gcm_credit was removed, and with it how often each key has encrypted with AES-GCM. \
         Restore database and token together from a backup"
    )]
    Uncounted,
    /// A root key is to be made again, but the row audit_head, which would record that, is missing or invalid.
    #[error(
        "the row audit_head was changed or removed too: restore database and token together from a backup, \
         or give --audit-accept-loss in addition to --remake-root-key"
    )]
    NoHead,
    /// A `CKA_ID` in the database is not 20 bytes long.
    #[error("the database records a CKA_ID for the {0} root key that is not 20 bytes long")]
    BadId(String),
    /// A seed of a `CKA_ID` in the database is not 32 bytes long.
    #[error("the database has a seed for the {0} root key that is not 32 bytes long: it is damaged")]
    BadSeed(String),
    /// This number of keys have signed access tokens that are still valid. It is the maximum.
    #[error("access tokens that are still valid were signed by {0} keys: revoke some, or wait until they expire")]
    TooManyTokenKeys(usize),
    /// OpenSSL's generator failed.
    #[error("random generator: {0}")]
    Random(#[from] openssl::error::ErrorStack),
}
