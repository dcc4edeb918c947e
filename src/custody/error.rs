//! What can go wrong between the service and the token.

use claviger_pkcs11::{self as pkcs11, Weaknesses};

use super::lacking::Lacking;
use crate::config::RemadeKey;
use crate::store;

/// A failure of custody.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token refused or failed.
    #[error("token: {0}")]
    Token(#[from] pkcs11::Error),
    /// The row names a key-encryption key that is not one of this database's.
    #[error("the key is wrapped by a key-encryption key that this database does not have")]
    UnknownKek,
    /// The row refers to an object that the token does not hold.
    #[error("the token holds no object with the CKA_ID that the row names")]
    NoTokenObject,
    /// The object was destroyed.
    #[error("the object was destroyed: there is no key")]
    Destroyed,
    /// The token shows CKA_VALUE of no key.
    #[error("the token gives no key values out: {0}")]
    NoValues(#[source] pkcs11::Error),
    /// The token has no C_CreateObject.
    #[error("the token takes no keys from outside")]
    NoImport,
    /// The key cannot be wrapped without changing it, so it cannot leave wrapped.
    #[error("AES key wrap cannot carry a key of {0} bytes: 16 or more, in steps of 8")]
    NotWrappable(usize),
    /// The mechanism takes keys of another type.
    #[error("the mechanism does not take a key of this type")]
    KeyType,
    /// The key is no secret key, and only these leave wrapped.
    #[error("only secret keys leave the token")]
    NotASecretKey,
    /// A public key was to be used inside the token.
    #[error("public keys are not in the token")]
    NotInToken,
    /// RSA pairs are made one at a time, and too many wait already.
    #[error("other key pairs are being made")]
    PairsUnderWay,
    /// The token made a pair whose public half is not a public key.
    #[error("the token made a public key that OpenSSL refuses: {0}")]
    PublicKey(#[source] openssl::error::ErrorStack),
    /// A number that this machine cannot address.
    #[error("a length is out of range")]
    Length,
    /// OpenSSL's generator failed.
    #[error("random generator: {0}")]
    Random(#[from] openssl::error::ErrorStack),
    /// The token answers and holds the root keys, but keys fail.
    #[error("keys fail in a token that is there: {0}")]
    Failing(String),
    /// A call of the module does not return.
    #[error("a call of the HSM's module does not return: if it goes on, restart the server")]
    Hangs,
    /// No thread could be started to make a call.
    #[error("no thread for a call of the HSM: {0}")]
    Thread(#[source] std::io::Error),
    /// The disk failed under the token's files.
    #[error("what the token wrote is not on the disk: {0}")]
    Disk(#[source] std::io::Error),
    /// OpenSSL could not encode a signature that the token made.
    #[error("the token's signature cannot be encoded: {0}")]
    Signature(#[source] openssl::error::ErrorStack),
}

impl Error {
    /// Whether the cause is that the token is away or busy, rather than the request or the key.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        use pkcs11::Error as E;
        matches!(
            self,
            Self::Token(E::Away | E::Hangs | E::Busy | E::Stale | E::Device(_) | E::Binding(_))
                | Self::Random(_)
                | Self::PairsUnderWay
                | Self::Failing(_)
                | Self::Hangs
                | Self::Thread(_)
                | Self::Disk(_)
        )
    }

    /// Whether nothing was tried, because the token is known to be away.
    pub(super) fn is_away(&self) -> bool {
        matches!(self, Self::Token(pkcs11::Error::Away))
    }

    /// Whether others have all the sessions.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Token(pkcs11::Error::Busy))
    }

    /// Whether the device is the cause, and not that it is busy.
    pub(super) fn is_of_device(&self) -> bool {
        matches!(self, Self::Token(error) if error.is_of_device())
    }
}

/// Why the server may not start with this token and this database.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The token cannot do what a root key needs. None was made.
    #[error(
        "the token cannot have the root key {name} ({source}): use another token or module; nothing was made in this one"
    )]
    Unable {
        /// The first that it cannot have.
        name: &'static str,
        /// What it answered.
        source: Box<RootError>,
    },
    /// The token cannot do what no server can do without. Nothing was made in it.
    #[error("the token cannot do what is needed of it: {0}; clavigerd --check-hsm shows everything that was tried")]
    Lacks(Lacking),
    /// The token does not know a number that was given for AES key wrap.
    #[error(
        "{option} {number:#010x}: the token does not know this mechanism ({answer}): give the number that its vendor documents, \
         or leave the option out"
    )]
    WrapMechanism {
        /// The option.
        option: &'static str,
        /// As given.
        number: u32,
        /// What the token said.
        answer: pkcs11::Answer,
    },
    /// The token cannot do what wrapped keys need, and the operator wants these.
    #[error(
        "the token cannot keep keys wrapped: {0}; clavigerd --check-hsm shows everything that was tried. Without \
         --placement wrapped each key is an object of the token"
    )]
    NoWrapping(Lacking),
    /// The token cannot protect root keys as they should be, and the operator does not accept that. Nothing was made in it.
    #[error(
        "root keys of this token would be {weaknesses} ({lacking}): whoever is logged in to the token could make use of that. Use \
         another token, or accept it by --accept-weaker-custody {weaknesses}; nothing was made in this one"
    )]
    Weak {
        /// What they would be.
        weaknesses: Weaknesses,
        /// What happened with the first.
        lacking: Box<Lacking>,
    },
    /// The token protects root keys less than when those of the database were made.
    #[error(
        "the token protects the root keys of this database less than it did when they were made: {0}. --accept-weaker-custody is for \
         new databases; find out what was done to the token"
    )]
    Weaker(Lacking),
    /// The root keys lack a protection, and the operator does not accept that any more.
    #[error(
        "the root keys of this database are {0}, as was accepted when it was begun: start with --accept-weaker-custody for each of \
         these words"
    )]
    NotAccepted(Weaknesses),
    /// The database has no keys that wrap, and the operator wants wrapped keys.
    #[error(
        "this database was begun on a token that cannot keep keys wrapped, and has no root keys that wrap: each of its \
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
    #[error("what the token wrote may not be on the disk ({0}): root keys that are lost there cannot be made again")]
    Disk(#[source] std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Root keys that the database records and the token does not have.
    #[error("the token {token} does not hold the root keys that the database records: missing {missing}; {present}")]
    Missing {
        /// Label and serial number of the token.
        token: String,
        /// Names and `CKA_ID`s.
        missing: String,
        /// What the token has instead.
        present: String,
    },
    /// Several token objects with the recorded `CKA_ID`, or of a pair more than its two halves.
    #[error("the token holds {count} objects with the CKA_ID of the {name} root key ({cka_id}): not all can be it")]
    Ambiguous {
        /// Which root key.
        name: String,
        /// Its recorded `CKA_ID`.
        cka_id: String,
        /// How many there are.
        count: usize,
    },
    /// A root key whose attributes are not what they must be.
    #[error("the {name} root key is not what it must be: {source}")]
    Attributes {
        /// Which root key.
        name: String,
        /// The first difference.
        source: pkcs11::Error,
    },
    /// A root key with the right `CKA_ID` and another value.
    #[error("the {name} root key ({cka_id}) is another key than the one the database records")]
    CheckValue {
        /// Which root key.
        name: String,
        /// Its recorded `CKA_ID`.
        cka_id: String,
    },
    /// A signing key whose public key cannot be read.
    #[error("the {name} root key has no public key of P-256: {source}")]
    NotOnCurve {
        /// Which root key.
        name: String,
        /// What OpenSSL said.
        source: openssl::error::ErrorStack,
    },
    /// A root key that this program does not know.
    #[error(
        "the database records a root key {0:?} that this version does not know: it is damaged, or of a later version"
    )]
    Unknown(String),
    /// The record in the database is not complete.
    #[error("the database does not record the {0} root key, but others: it is damaged")]
    Incomplete(&'static str),
    /// Rows without any record of root keys.
    #[error(
        "the database records no root keys, but its table {0:?} has rows: the record was removed or is damaged. \
         Restore database and token together from a backup"
    )]
    NoRecord(&'static str),
    /// A signing key without its record.
    #[error(
        "the database does not record the {name} root key: its record was removed, or the database is damaged. \
         Restore database and token together from a backup, or give --remake-root-key {key} to make a new key, \
         and have that in the audit log"
    )]
    Removed {
        /// What the database calls it.
        name: &'static str,
        /// How the option names it.
        key: RemadeKey,
    },
    /// The record of root keys is not the one that was written.
    #[error(
        "the record of root keys was changed: rows of root_key were added, removed or changed in the database. \
         Restore database and token together from a backup"
    )]
    Changed,
    /// How often keys have encrypted is not recorded any more.
    #[error(
        "the row of gcm_credit was removed, and with it how often each key has encrypted with AES-GCM. \
         Restore database and token together from a backup"
    )]
    Uncounted,
    /// A root key is to be made again, and the row that would say so is not sound.
    #[error(
        "the row audit_head was changed or removed too: restore database and token together from a backup, \
         or give --audit-accept-loss beside --remake-root-key"
    )]
    NoHead,
    /// A `CKA_ID` in the database that is not 20 bytes long.
    #[error("the database records a CKA_ID for the {0} root key that is not 20 bytes long")]
    BadId(String),
    /// A seed of a `CKA_ID` in the database that is not 32 bytes long.
    #[error("the database has a seed for the {0} root key that is not 32 bytes long: it is damaged")]
    BadSeed(String),
    /// Live access tokens were signed by that many keys already.
    #[error("access tokens that are still good were signed by {0} keys: revoke some, or wait until they end")]
    TooManyTokenKeys(usize),
    /// OpenSSL's generator failed.
    #[error("random generator: {0}")]
    Random(#[from] openssl::error::ErrorStack),
}
