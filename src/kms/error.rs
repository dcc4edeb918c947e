//! The errors of the service, by KMIP's result reasons (KMIP 2.1 section 11.51).

mod conversions;
mod no_effect;

pub use no_effect::NoEffect;

use super::attribute_fault::AttributeFault;
use super::bounds::{MAX_REASON, MAX_SECRET};
use super::cipher_fault::CipherFault;
use super::handover_fault::HandoverFault;
use super::kept_fault::KeptFault;
use super::key_fault::KeyFault;
use super::lifecycle_fault::LifecycleFault;
use super::place_fault::PlaceFault;
use crate::audit::Unavailable;
use crate::auth::AccessTokenFault;
use crate::desk::Full;
use crate::file::Unreadable;
use crate::kmip::enumerations::CryptographicAlgorithm;
use crate::kmip::{self, Tag};
use crate::{custody, policy, store};

/// The reason why a request fails. Its text is for the caller and reveals nothing internal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be read.
    #[error("{0}")]
    Message(#[from] kmip::Error),
    /// There is no such object, or the caller may not know that it exists.
    #[error("no object {0:?}")]
    NotFound(String),
    /// Not exactly one of the objects that the caller may know of has the tags by which the request names an object.
    #[error(
        "not exactly one of the objects that you may use has the tags {0}: name the object by its unique identifier"
    )]
    NotTagged(String),
    /// The caller may know of the object, or there is nothing to hide, but the action is not permitted.
    #[error("you may not {action}: {refusal}")]
    NotPermitted {
        /// The action, as in a policy.
        action: &'static str,
        /// The rule that decided.
        refusal: policy::Refusal,
    },
    /// The project's attribute is not a text, or is given several times.
    #[error("the vendor attribute claviger/project must be one text: the name of a project")]
    Project,
    /// There is no such role, policy, user or project.
    #[error("there is no {kind} {name:?}")]
    Undefined {
        /// The kind of the definition.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// There is no such role; the error lists the existing ones.
    #[error("role: there is no role {role:?} for a project; there are {roles}")]
    NoRole {
        /// The requested role.
        role: String,
        /// The existing roles.
        roles: String,
    },
    /// The policy file defines it, so it can only be changed there.
    #[error("the {kind} {name:?} is defined in the policy file: change it there")]
    InPolicyFile {
        /// The kind of the definition.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The project still holds objects.
    #[error(
        "the project {0:?} still holds objects: move them to another project, or destroy them and take them out, first"
    )]
    ProjectInUse(String),
    /// The role still has grants.
    #[error("operations are still granted to the role {0:?}: revoke these grants first")]
    RoleInUse(String),
    /// A definition that contradicts itself or others.
    #[error("{0}")]
    Definition(#[from] policy::Fault),
    /// A change of access that would change nothing.
    #[error("{0}")]
    NoEffect(#[from] NoEffect),
    /// An offer or a recovery that cannot be completed.
    #[error("{0}")]
    Handover(#[from] HandoverFault),
    /// A recovery without a printable reason.
    #[error("reason: give 1 to {} bytes of printable text", MAX_REASON)]
    Reason,
    /// The object after which a page begins does not exist.
    #[error("after: there is no object {0:?}: give the `next` of the page before")]
    NoPlace(String),
    /// The request names no object, and no earlier item of the batch set the ID placeholder.
    #[error("the request names no object, and no earlier item of the batch left one in the ID placeholder")]
    NoIdentifier,
    /// The identifier exists already.
    #[error("an object {0:?} exists already")]
    Exists(String),
    /// The requested identifier is not valid.
    #[error("a unique identifier has 1 to 128 letters, digits and `-._:@+=`, the first a letter or digit")]
    InvalidIdentifier,
    /// The object was destroyed.
    #[error("the object {0:?} was destroyed")]
    Destroyed(String),
    /// The key is disabled.
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
    /// The state of the object forbids it.
    #[error("{0}")]
    State(#[from] kmip::state::Refusal),
    /// The usage mask of the key forbids it.
    #[error("the key's Cryptographic Usage Mask does not permit {0}")]
    UsageMask(&'static str),
    /// The key may only be exported wrapped.
    #[error("the key is Sensitive: it can only be exported wrapped under another key")]
    Sensitive,
    /// The key may not be exported.
    #[error("the key is not Extractable")]
    NotExtractable,
    /// The HSM exports no keys in clear.
    #[error(
        "this HSM gives no keys out in clear: the key can only be exported wrapped under another key. If you need the bytes of a \
         key, generate it outside and import it by Register"
    )]
    NoneInClear,
    /// The HSM exports no keys.
    #[error(
        "this HSM lets no keys leave. If you need the bytes of a key, generate it outside and import it by Register"
    )]
    NoneLeaves,
    /// No caller can know the value of the key, so no caller could present it.
    #[error(
        "the key was made in the HSM and never leaves it in clear (Sensitive, or not Extractable), so that no caller can know the \
         API token: use a key that was imported by Register, or, if this HSM gives keys out in clear, a key that Create made \
         Extractable and not Sensitive"
    )]
    UnknownApiToken,
    /// The wrapping key could be used to reveal the wrapped key.
    #[error(
        "the key is Sensitive, and {0:?} may not wrap it: the wrapping key must be one that Create made in the HSM, with \
         Sensitive true, Extractable false and Wrap Key in its mask, but neither Decrypt, Unwrap Key \
         nor Unrestricted"
    )]
    WrappingKey(String),
    /// An import that would change Sensitive or Extractable of a key.
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
    /// A caller who chooses the first input of AES could decrypt by encrypting.
    #[error(
        "{chosen} also needs the right to decrypt, because it can be used to decrypt ({refusal}): leave it out, and the server \
         chooses"
    )]
    Chosen {
        /// What the caller chose.
        chosen: &'static str,
        /// The reason why the caller may not decrypt.
        refusal: policy::Refusal,
    },
    /// The secret was revoked and accepts no new value.
    #[error(
        "the secret is {0} and accepts no new value: delete it and write it again, which makes a new key; the values that it \
         has can be read until then"
    )]
    SecretEnded(&'static str),
    /// The key of a secret has reached its limit of encryptions.
    #[error(
        "the secret was written as often as its key may encrypt with AES-GCM ({limit} times, NIST SP 800-38D section 8.3): \
         delete the secret and write it again, which makes a new key; the present value can still be read"
    )]
    GcmLimitOfSecret {
        /// The limit.
        limit: i64,
    },
    /// The key has reached its limit of encryptions.
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
    /// The count of uses of AES-GCM is not what the server wrote: the server does not start.
    #[error("the uses of AES-GCM cannot be counted: {0} in the database; restore the database from a backup")]
    Uncounted(&'static str),
    /// A change of an attribute.
    #[error("{0}")]
    Attribute(Box<AttributeFault>),
    /// An attribute that the server sets.
    #[error("the attribute {0} is set by the server")]
    ReadOnly(Tag),
    /// An attribute that the server would have to enforce, but does not support.
    #[error("the attribute {0} is not supported")]
    UnsupportedAttribute(Tag),
    /// A required field is missing.
    #[error("{0} is missing")]
    Missing(Tag),
    /// The lifecycle of the object does not permit the request.
    #[error("{0}")]
    Lifecycle(#[from] LifecycleFault),
    /// A value is out of bounds.
    #[error("{tag}: {fault}")]
    Invalid {
        /// The field.
        tag: Tag,
        /// The reason.
        fault: &'static str,
    },
    /// The server does not support keys of this algorithm.
    #[error("keys of algorithm {0} are not supported")]
    UnsupportedAlgorithm(CryptographicAlgorithm),
    /// A mode, padding or hash that is not supported, or not for this key.
    #[error("{0}")]
    UnsupportedParameters(&'static str),
    /// Invalid parameters.
    #[error("{0}")]
    BadParameters(&'static str),
    /// A digest that does not have the length of its hash.
    #[error("DigestedData is {found} bytes long; expected {expected}")]
    DigestLength {
        /// The length in the request, in bytes.
        found: usize,
        /// The length of the hash, in bytes.
        expected: usize,
    },
    /// The HSM token cannot use a key of this length.
    #[error("the key is {bytes} bytes long; this HSM supports keys of {min} to {max} bytes for {algorithm}")]
    KeySize {
        /// The algorithm.
        algorithm: CryptographicAlgorithm,
        /// The key's length, in bytes.
        bytes: usize,
        /// The minimum length, in bytes.
        min: usize,
        /// The maximum length, in bytes.
        max: usize,
    },
    /// Data that cannot be processed, in one piece or in several parts.
    #[error("{0}")]
    Cipher(#[from] CipherFault),
    /// A request about a private or public key.
    #[error("{0}")]
    Key(#[from] KeyFault),
    /// A request that an object does not permit because it is kept and given back only.
    #[error("{0}")]
    Kept(#[from] KeptFault),
    /// A way of wrapping that is not supported.
    #[error("{0}")]
    KeyWrap(&'static str),
    /// An encoding of wrapped keys that is not supported.
    #[error("a key that does not leave in clear is wrapped inside the HSM as bytes: EncodingOption must be NoEncoding")]
    EncodingOption,
    /// A key length that AES key wrap does not support.
    #[error("the key is {0} bytes long; AES key wrap supports multiples of 8 bytes, from 16")]
    NotWrappable(usize),
    /// More data than the HSM accepts in one call, for an operation that cannot be split.
    #[error("{length} bytes are more than the HSM accepts in one call: send at most {most} bytes at a time")]
    TooLong {
        /// The length in the request, in bytes; for AES-GCM the text without the tag.
        length: usize,
        /// The maximum length, in bytes.
        most: usize,
    },
    /// The authentication of a ciphertext failed, or its padding is wrong.
    #[error("decryption failed: wrong key, IV, additional data or tag, or damaged ciphertext")]
    Decryption,
    /// A feature of the protocol that is not supported.
    #[error("{0}")]
    Feature(&'static str),
    /// The answer would be larger than the client accepts.
    #[error("the answer is larger than the Maximum Response Size of the request")]
    ResponseTooLarge,
    /// The answer would be larger than the server's limit.
    #[error("the answer would be larger than the server's limit: ask for less at a time")]
    AnswerTooLarge,
    /// The request demands a key that resists quantum computers, and the algorithm or length does not.
    #[error(
        "QuantumSafe: a key of this algorithm and length does not resist quantum computers: use AES with 256 bits, or leave QuantumSafe out"
    )]
    NotQuantumSafe,
    /// The request has passed its deadline, or its client has disconnected.
    #[error("the request took too long, or its client disconnected: what was not done by then is not done")]
    Abandoned,
    /// A later item of the same message failed, and the message asks that all of it is undone then.
    #[error("undone, because a later item of the message failed")]
    Undone,
    /// The caller's requests have reached the caller's limit of memory.
    #[error(
        "the requests and answers of this caller take too much memory at one time: read the answers, and try again"
    )]
    NoRoom,
    /// The row's binding is wrong: the database was changed by other means.
    #[error("the stored object {0:?} fails its integrity check and is refused")]
    Integrity(String),
    /// The object was changed after the request read it.
    #[error("the object was changed by another request at the same time: try again")]
    Contention,
    /// Too many changes of one object are waiting.
    #[error("too many changes of the same object are waiting: try again later")]
    Crowded,
    /// The HSM token is unavailable or busy.
    #[error("the HSM is not available: try again later")]
    Hsm(#[source] custody::Error),
    /// The HSM token is unavailable, so the change cannot be bound and committed.
    #[error("the HSM is not available: try again later")]
    Unbound(#[source] store::Error),
    /// The database is unavailable or busy.
    #[error("the database is not available: try again later")]
    Store(#[source] store::Error),
    /// The audit log cannot be written. Nothing is done without a record.
    #[error("the audit log cannot be written: try again later")]
    Audit(#[source] Unavailable),
    /// There is no audit log.
    #[error("this server keeps no audit log")]
    NoAudit,
    /// Another search is running.
    #[error("another search of the audit log is running: try again later")]
    Searching,
    /// Too many long searches are running, of this caller or of all.
    #[error("{}: try again later, or narrow the search", .0.many("long searches", "are running"))]
    Sweeps(Full),
    /// Too many requests wait for RSA pairs, of this caller or of all.
    #[error("{}: try again later", .0.many("RSA key pairs", "are waiting to be made"))]
    Pairs(Full),
    /// The audit log cannot be read.
    #[error("the audit log cannot be read")]
    Unsearchable(#[from] Unreadable),
    /// The path of a secret is not valid.
    #[error("an account has 1 to 128 bytes and no colon, a variable 1 to 800 bytes, both of printable characters")]
    SecretPath,
    /// The path of a secret, a folder or an environment of a project is not valid.
    #[error("{0}")]
    Place(#[from] PlaceFault),
    /// The value of a secret is too long.
    #[error("a secret has at most {} bytes", MAX_SECRET)]
    SecretTooLong,
    /// The secret has no value with this number.
    #[error("there is no version {0}: the last 20 are kept")]
    NoSecretVersion(i64),
    /// The object holds no secret.
    #[error("the object {0:?} holds no secret")]
    NotASecret(String),
    /// The operation is not for objects of this kind.
    #[error("{0}")]
    ObjectType(&'static str),
    /// The caller has no access token that could be renewed or revoked.
    #[error("the caller has no access token")]
    NoAccessToken,
    /// The access token is not valid any more.
    #[error("the access token cannot be renewed or revoked: {0}")]
    AccessToken(AccessTokenFault),
    /// The identity has the maximum number of access tokens.
    #[error("the identity has {0} live access tokens: revoke some, or let them expire")]
    TooManyTokens(i64),
    /// The identity has the maximum number of client secrets.
    #[error("the identity has {0} client secrets: revoke some")]
    TooManyClientSecrets(i64),
    /// A field of a new client secret is out of bounds.
    #[error("{member}: {fault}")]
    ClientSecret {
        /// The field.
        member: &'static str,
        /// The reason.
        fault: &'static str,
    },
    /// The key that signs access tokens cannot be changed.
    #[error("the key that signs access tokens cannot be changed: {0}")]
    SigningKey(#[source] custody::RootError),
    /// An internal error of the server.
    #[error("internal error")]
    Internal(#[source] custody::Error),
}
