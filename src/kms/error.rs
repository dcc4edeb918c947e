//! What the service refuses, in the words of KMIP's result reasons (KMIP 2.1 section 11.51).

mod conversions;
mod no_effect;

pub use no_effect::NoEffect;

use super::bounds::{MAX_REASON, MAX_SECRET};
use super::handover_fault::HandoverFault;
use super::place_fault::PlaceFault;
use crate::audit::Unavailable;
use crate::auth::AccessTokenFault;
use crate::custody;
use crate::file::Unreadable;
use crate::kmip::enumerations::CryptographicAlgorithm;
use crate::kmip::state::Refusal;
use crate::kmip::{self, Tag};
use crate::policy;
use crate::store;

/// Why a request fails. Its text is for the caller and tells nothing internal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be read.
    #[error("{0}")]
    Message(#[from] kmip::Error),
    /// No such object, or the caller may not know that it exists.
    #[error("no object {0:?}")]
    NotFound(String),
    /// None of the objects that the caller may know of, or several, have the tags by which the request names one.
    #[error(
        "not exactly one of the objects that you may use has the tags {0}: name the object by its unique identifier"
    )]
    NotTagged(String),
    /// The caller may know of the object, or there is nothing to hide, but may not do this.
    #[error("you may not {action}: {refusal}")]
    NotPermitted {
        /// What, in the word of a policy.
        action: &'static str,
        /// The rule that decided.
        refusal: policy::Refusal,
    },
    /// The project's attribute is no text, or stands there several times.
    #[error("the vendor attribute claviger/project is one text: the name of a project")]
    Project,
    /// No such role, policy, user or project.
    #[error("there is no {kind} {name:?}")]
    Undefined {
        /// Of which kind.
        kind: &'static str,
        /// By which name.
        name: String,
    },
    /// No such role; which there are.
    #[error("role: there is no role {role:?} for a project; there are {roles}")]
    NoRole {
        /// What was asked for.
        role: String,
        /// The roles.
        roles: String,
    },
    /// What the policy file defines is changed there.
    #[error("the {kind} {name:?} is defined in the policy file: change it there")]
    InPolicyFile {
        /// Of which kind.
        kind: &'static str,
        /// By which name.
        name: String,
    },
    /// Something is still in the project.
    #[error("the project {0:?} still holds objects: put them elsewhere, or destroy them and take them out, first")]
    ProjectInUse(String),
    /// Something is still granted to the role.
    #[error("operations are still granted to the role {0:?}: take them back first")]
    RoleInUse(String),
    /// A definition that contradicts itself or others.
    #[error("{0}")]
    Definition(#[from] policy::Fault),
    /// A change of access that would change nothing.
    #[error("{0}")]
    NoEffect(#[from] NoEffect),
    /// An offer, or a recovery, that has ended.
    #[error("{0}")]
    Handover(#[from] HandoverFault),
    /// A recovery without a reason that others can read.
    #[error("reason: give 1 to {} bytes of printable text", MAX_REASON)]
    Reason,
    /// The object after which a page is to begin.
    #[error("after: there is no object {0:?}: give the `next` of the page before")]
    NoPlace(String),
    /// Neither an identifier nor an object that an earlier item of the batch made.
    #[error("the request names no object, and no earlier item of the batch left one in the ID placeholder")]
    NoIdentifier,
    /// The identifier is taken.
    #[error("an object {0:?} exists already")]
    Exists(String),
    /// A wished identifier outside its grammar.
    #[error("a unique identifier has 1 to 128 letters, digits and `-._:@+=`, the first a letter or digit")]
    InvalidIdentifier,
    /// The object was destroyed.
    #[error("the object {0:?} was destroyed")]
    Destroyed(String),
    /// The key was disabled, and is not enabled yet.
    #[error(
        "the key {0:?} is disabled: enable it first, by isDisabled false to PATCH /api/v1/kms/keys/{0}; of a key pair, to its private \
         key"
    )]
    Disabled(String),
    /// Another key of the project has the name.
    #[error(
        "a key named {name:?} exists already in the project {project:?}: names of keys are unique within a project"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// The project.
        project: String,
    },
    /// The lifecycle forbids it.
    #[error("{0}")]
    State(#[from] Refusal),
    /// The usage mask forbids it.
    #[error("the key's Cryptographic Usage Mask does not permit {0}")]
    UsageMask(&'static str),
    /// The key may leave wrapped only.
    #[error("the key is Sensitive: it leaves wrapped under another key, or not at all")]
    Sensitive,
    /// The key may not leave.
    #[error("the key is not Extractable")]
    NotExtractable,
    /// The HSM gives no keys out in clear.
    #[error(
        "this HSM gives no keys out in clear: the key leaves wrapped under another key, or not at all. To hold the bytes of a key, \
         make it outside and bring it in by Register"
    )]
    NoneInClear,
    /// The HSM lets no keys leave.
    #[error("this HSM lets no keys leave. To hold the bytes of a key, make it outside and bring it in by Register")]
    NoneLeaves,
    /// A key that nobody can present.
    #[error(
        "the key was made in the HSM and never leaves it in clear (Sensitive, or not Extractable), so that nobody can know the API \
         token: use a key that was brought in by Register, or one that Create made to leave, if this HSM gives keys out"
    )]
    UnknownApiToken,
    /// Somebody could unwrap by the wrapping key what must not be seen.
    #[error(
        "the key is Sensitive, and {0:?} may not wrap it: the wrapping key must be one that Create made in the HSM, with \
         Sensitive true, Extractable false and Wrap Key in its mask, but neither Decrypt nor Unrestricted"
    )]
    WrappingKey(String),
    /// An import that would change what the HSM lets happen to a key.
    #[error(
        "an import leaves Sensitive and Extractable of the object {id:?} as they are ({sensitive} and {extractable}): leave them \
         out, or import a new object"
    )]
    OtherClass {
        /// The object.
        id: String,
        /// Its Sensitive.
        sensitive: bool,
        /// Its Extractable.
        extractable: bool,
    },
    /// Who chooses what AES encrypts first could decrypt by it.
    #[error(
        "{chosen} also needs the right to decrypt, because it can be used to decrypt ({refusal}): leave it out, and the server \
         chooses"
    )]
    Chosen {
        /// What.
        chosen: &'static str,
        /// Why the caller may not decrypt.
        refusal: policy::Refusal,
    },
    /// A secret that was revoked takes no value.
    #[error(
        "the secret is {0} and takes no new value: delete it and write it again, which makes a new key; the values that it \
         has can be read until then"
    )]
    SecretEnded(&'static str),
    /// A secret's key has encrypted as many values as it may.
    #[error(
        "the secret was written as often as its key may encrypt with AES-GCM ({limit} times, NIST SP 800-38D section 8.3): \
         delete the secret and write it again, which makes a new key; the present value can still be read"
    )]
    GcmLimitOfSecret {
        /// The limit.
        limit: i64,
    },
    /// A key has encrypted as often as it may.
    #[error(
        "the key {id:?} has encrypted with AES-GCM as often as a key may ({limit} times, NIST SP 800-38D section 8.3): create a \
         new key and encrypt with that one; this one still decrypts"
    )]
    GcmLimit {
        /// The key.
        id: String,
        /// The limit.
        limit: i64,
    },
    /// The record of uses of AES-GCM is not what was written: a refusal to start.
    #[error("the uses of AES-GCM cannot be counted: {0} in the database; restore the database from a backup")]
    Uncounted(&'static str),
    /// An attribute that the server sets.
    #[error("the attribute {0} is set by the server")]
    ReadOnly(Tag),
    /// An attribute that the server would have to enforce, and does not.
    #[error("the attribute {0} is not supported")]
    UnsupportedAttribute(Tag),
    /// Something needed is absent.
    #[error("{0} is missing")]
    Missing(Tag),
    /// A value outside its bounds.
    #[error("{tag}: {fault}")]
    Invalid {
        /// Where.
        tag: Tag,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// An algorithm for which no key is kept.
    #[error("keys of algorithm {0} are not supported")]
    UnsupportedAlgorithm(CryptographicAlgorithm),
    /// A mode, padding or hash that is not served, or not with this key.
    #[error("{0}")]
    UnsupportedParameters(&'static str),
    /// Parameters that are wrong in themselves.
    #[error("{0}")]
    BadParameters(&'static str),
    /// A digest that is not as long as its hash, in bytes.
    #[error("DigestedData is {found} bytes long; expected {expected}")]
    DigestLength {
        /// What the request has.
        found: usize,
        /// The length of the hash.
        expected: usize,
    },
    /// The token cannot use a key of this length.
    #[error("the token takes keys of {min} to {max} bytes for {algorithm}, not of {bytes}")]
    KeySize {
        /// The algorithm.
        algorithm: CryptographicAlgorithm,
        /// The key's length.
        bytes: usize,
        /// The shortest that is possible.
        min: usize,
        /// The longest.
        max: usize,
    },
    /// An operation in several parts.
    #[error("operations in several parts are not supported: send the data in one request")]
    Streaming,
    /// A key format that is not served.
    #[error("key format {0} is not supported for this object: Raw or TransparentSymmetricKey")]
    KeyFormat(kmip::enumerations::KeyFormatType),
    /// A key format that is not served of a public key.
    #[error("key format {0} is not supported for a public key: X_509, or PKCS_1 for RSA")]
    PublicKeyFormat(kmip::enumerations::KeyFormatType),
    /// A way of wrapping that is not served.
    #[error("{0}")]
    KeyWrap(&'static str),
    /// An encoding of wrapped keys that is not served.
    #[error("a key is wrapped inside the token, as its bytes: EncodingOption must be NoEncoding")]
    EncodingOption,
    /// A length that key wrap would change.
    #[error("AES key wrap carries keys of 16 bytes or more in steps of 8, not of {0} bytes")]
    NotWrappable(usize),
    /// More than the HSM takes in one call, for what cannot be split.
    #[error("{length} bytes are more than the HSM takes in one call: send at most {most} bytes at a time")]
    TooLong {
        /// What the request has: of AES-GCM the text, without the tag.
        length: usize,
        /// What the HSM takes.
        most: usize,
    },
    /// Authentication of a ciphertext failed, or its padding is wrong.
    #[error("decryption failed: wrong key, IV, additional data or tag, or damaged ciphertext")]
    Decryption,
    /// A feature of the protocol that is not served.
    #[error("{0}")]
    Feature(&'static str),
    /// A protocol version that is not served.
    #[error("protocol version {0}.{1} is not supported: 2.1 is")]
    Version(i32, i32),
    /// The answer would be larger than the client takes.
    #[error("the answer is larger than the Maximum Response Size of the request")]
    ResponseTooLarge,
    /// More than an answer may hold.
    #[error("the answer would be larger than the server gives at one time: ask for less at a time")]
    AnswerTooLarge,
    /// Nobody waits for the answer any longer.
    #[error("the request took too long, or its client has gone: what was not done by then is not done")]
    Abandoned,
    /// The caller's requests hold as much memory as one caller may have.
    #[error(
        "the requests and answers of this caller take too much memory at one time: read the answers, and try again"
    )]
    NoRoom,
    /// The row's binding is wrong: someone changed the database.
    #[error("the stored object {0:?} fails its integrity check and is refused")]
    Integrity(String),
    /// The object is no longer what the request is about.
    #[error("the object was changed by another request at the same time: try again")]
    Contention,
    /// Too many changes of one object wait for each other.
    #[error("too many changes of the same object are waiting: try again later")]
    Crowded,
    /// The token is away or busy.
    #[error("the HSM is not available: try again later")]
    Hsm(#[source] custody::Error),
    /// The token is away, and what it has to bind cannot be committed.
    #[error("the HSM is not available: try again later")]
    Unbound(#[source] store::Error),
    /// The database is away or busy.
    #[error("the database is not available: try again later")]
    Store(#[source] store::Error),
    /// The audit log cannot be written, and nothing is done that it does not say.
    #[error("the audit log cannot be written: try again later")]
    Audit(#[source] Unavailable),
    /// There is no audit log.
    #[error("this server keeps no audit log")]
    NoAudit,
    /// Another search is under way.
    #[error("another search of the audit log is under way: try again later")]
    Searching,
    /// Others look through many objects already.
    #[error("too many long searches are under way: try again later, or narrow the search")]
    Sweeps,
    /// It cannot be read.
    #[error("the audit log cannot be read")]
    Unsearchable(#[from] Unreadable),
    /// Where a secret should be.
    #[error("an account has 1 to 128 bytes and no colon, a variable 1 to 800 bytes, both of printable characters")]
    SecretPath,
    /// Where a secret, a folder or an environment of a project cannot be.
    #[error("{0}")]
    Place(#[from] PlaceFault),
    /// A value that is too long.
    #[error("a secret has at most {} bytes", MAX_SECRET)]
    SecretTooLong,
    /// No value of that number.
    #[error("there is no version {0}: the last 20 are kept")]
    NoSecretVersion(i64),
    /// An object that holds no secret.
    #[error("the object {0:?} holds no secret")]
    NotASecret(String),
    /// An object that holds one.
    #[error("the key encrypts a secret's values, and does nothing else")]
    ASecret,
    /// No half of a pair was named.
    #[error("the object has no public key: it is not a half of a pair")]
    NoPair,
    /// The caller has no access token that could be renewed or ended.
    #[error("the caller has no access token")]
    NoAccessToken,
    /// The access token is not good, or no longer.
    #[error("the access token cannot be renewed or ended: {0}")]
    AccessToken(AccessTokenFault),
    /// An identity has as many as it may.
    #[error("the identity has {0} live access tokens: revoke some, or let them expire")]
    TooManyTokens(i64),
    /// An identity has as many as it may.
    #[error("the identity has {0} client secrets: revoke some")]
    TooManyClientSecrets(i64),
    /// A member of a new client secret that is out of bounds.
    #[error("{member}: {fault}")]
    ClientSecret {
        /// Which.
        member: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The key that signs access tokens cannot be changed.
    #[error("the key that signs access tokens cannot be changed: {0}")]
    SigningKey(#[source] custody::RootError),
    /// A fault of the server.
    #[error("internal error")]
    Internal(#[source] custody::Error),
}
