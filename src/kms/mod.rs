//! The service: KMIP operations on objects that belong to callers. Synchronous; no HTTP, no encodings.

mod access;
mod access_list;
mod access_token;
mod activate;
mod administration;
mod api_key;
mod api_token;
mod auditing;
mod bare;
mod batch;
mod cache;
mod change_key;
mod client_login;
mod client_secret;
mod create;
mod create_key;
mod create_key_pair;
mod credential;
mod decrypt;
mod destroy;
mod disabled;
mod discover_versions;
mod encrypt;
mod error;
mod export;
mod gate;
mod get;
mod get_attributes;
mod handover;
mod identities;
mod import;
mod inventory;
mod keys;
mod last_use;
mod list;
mod locate;
mod login;
mod mac;
mod mac_verify;
mod mechanism;
mod memberships;
mod object;
mod offers;
mod operation;
mod pairs;
mod places;
mod project_secrets;
mod projects;
mod proposal;
mod query;
mod reason;
mod recoveries;
mod references;
mod register;
mod resources;
mod revoke;
mod rng_retrieve;
mod secret_changes;
mod secret_details;
mod secret_path;
mod secret_place;
mod secrets;
mod sign;
mod signature;
mod signature_verify;
mod trail;
pub mod uuid;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

pub use access::{From, Held, Obtained};
pub use access_list::AccessList;
pub use access_token::TokenEntry;
pub use administration::{Asked, Entry, Kind, Vouching};
pub use api_key::PresentedKey;
pub use api_token::{ApiTokenKey, check_api_token_row};
pub use auditing::{MAX_LINES, public_key_pem};
pub use cache::CacheFigures;
pub use change_key::KeyChange;
pub use client_login::PresentedSecret;
pub use client_secret::{ClientSecretEntry, NewClientSecret};
pub use create_key::{MadeFor, NewKey};
pub use credential::CredentialFault;
pub use disabled::is_disabled;
pub use error::{Error, NoEffect};
pub use gate::{Health, Kms, Settings, TokenHealth, Vault};
pub use handover::HandoverFault;
pub use identities::{Identity, end_identity_tokens};
pub use inventory::{Dates, InventoryEntry, Known};
pub use keys::{Order, Wanted};
pub use list::{MAX_ENTRIES, Sheet, Summary};
pub use login::{
    Failure, Fault, HostAuthenticator, HostLogin, IdentityWay, Logins, NoCredential, NoHostToken, NoIdentityToken,
    NotLoggedIn, Visitor, trusted_by_jwt_auth, trusted_by_oidc_auth,
};
pub use memberships::{IdentityMembership, Membership};
pub use offers::{Direction, OfferEntry};
pub use places::{Environment, EnvironmentChange, Folder, FolderChange, FolderName, Tag, TagChange, TagName};
pub use project_secrets::{Listing, MAX_SECRETS, ProjectSecret, View};
pub use projects::Project;
pub use recoveries::{KeptAccess, MAX_REASON, Proposal, RecoveryEntry};
pub use resources::{MAX_COUNTED, Privilege, Resource, ResourceFilter, Variable};
pub use secret_changes::{MAX_TOGETHER, SecretChange};
pub use secret_details::{DetailsChange, SecretDetails};
pub use secret_path::{KeptSecret, SecretPath, kept_secret};
pub use secret_place::{PlaceFault, SecretPlace};
pub use secrets::MAX_SECRET;

use crate::desk::Ticket;
use crate::kmip::payloads::{Request, Response};
use crate::kmip::ttlv::DateTime;
use crate::kmip::{self, UniqueIdentifier};
use crate::principal::Caller;
use gate::Prepared;
use operation::Operation;
use trail::Trail;

/// Seconds since 1970-01-01 UTC.
#[must_use]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Who asks, and by which request.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// The request's id, for the audit log.
    pub request: &'a str,
    /// Where the connection comes from.
    pub peer: SocketAddr,
    /// What the request may still cost.
    pub ticket: &'a Ticket,
}

/// Whether the change of an operation waits for those of later items of the same message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gathering {
    /// It is committed at once.
    No,
    /// It waits.
    First,
    /// It waits with others. An object that somebody else changes just now is not waited for ([`Error::Crowded`]).
    BesideOthers,
}

/// What belongs to one operation beside its request.
struct Call<'a> {
    context: Context<'a>,
    /// One moment for all decisions of the operation.
    now: DateTime,
    /// What an earlier item of the batch left (KMIP 2.1 section 8.3, ID Placeholder).
    placeholder: Option<String>,
    /// What is asked for.
    operation: Operation,
    /// What the audit log should know of it beside its object.
    detail: RefCell<Option<String>>,
    /// Whether it changes what the caller themselves may do.
    own: Cell<bool>,
    /// What comes of it beside what was asked for, each with its detail.
    conclusions: RefCell<Vec<(Operation, String)>>,
    gathering: Gathering,
    /// Whether it came without a message: an object that is added becomes Active now where the request says nothing of it.
    is_bare: bool,
    /// The change that waits.
    prepared: RefCell<Option<Prepared>>,
    trail: Trail,
}

impl<'a> Call<'a> {
    fn new(context: &Context<'a>, operation: Operation) -> Self {
        Self {
            context: *context,
            now: DateTime(now()),
            placeholder: None,
            operation,
            detail: RefCell::default(),
            own: Cell::new(false),
            conclusions: RefCell::default(),
            gathering: Gathering::No,
            is_bare: false,
            prepared: RefCell::default(),
            trail: Trail::default(),
        }
    }

    /// Says more about it in the audit log; never a secret.
    fn describe(&self, detail: String) {
        *self.detail.borrow_mut() = Some(detail);
    }

    /// Says that the change is one of what the caller themselves may do.
    fn concerns_caller(&self) {
        self.own.set(true);
    }

    /// Says what else the change does, which has a line of its own in the audit log.
    fn conclude(&self, operation: Operation, detail: String) {
        self.conclusions.borrow_mut().push((operation, detail));
    }

    fn caller(&self) -> &'a Caller {
        self.context.caller
    }

    /// Asked between two steps of what takes long, and before anything begins.
    fn go_on(&self) -> Result<(), Error> {
        self.context.go_on()
    }
}

impl Context<'_> {
    fn go_on(&self) -> Result<(), Error> {
        if self.ticket.is_over() { Err(Error::Abandoned) } else { Ok(()) }
    }

    /// Counts what the answer will hold: so many bytes more in the binary encoding. As JSON, and while that is made, they are
    /// about four times as many.
    fn hold(&self, bytes: usize) -> Result<(), Error> {
        self.ticket.hold(bytes.saturating_mul(4)).map_err(|_| Error::NoRoom)
    }
}

impl Kms {
    /// Performs one operation.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn execute(&self, context: &Context<'_>, request: Request) -> Result<Response, Error> {
        let call = Call::new(context, Operation::Kmip(request.operation()));
        self.recorded(&call, || self.perform(&call, request))
    }

    /// One arm for each operation.
    fn perform(&self, call: &Call<'_>, request: Request) -> Result<Response, Error> {
        Ok(match request {
            Request::Create(request) => create::run(self, call, request)?.into(),
            Request::CreateKeyPair(request) => create_key_pair::run(self, call, request)?.into(),
            Request::Register(request) => register::run(self, call, request)?.into(),
            Request::Import(request) => import::run(self, call, request)?.into(),
            Request::Locate(request) => locate::run(self, call, request)?.into(),
            Request::Get(request) => get::run(self, call, request)?.into(),
            Request::Export(request) => export::run(self, call, request)?.into(),
            Request::GetAttributes(request) => get_attributes::run(self, call, &request)?.into(),
            Request::Activate(request) => activate::run(self, call, &request)?.into(),
            Request::Revoke(request) => revoke::run(self, call, &request)?.into(),
            Request::Destroy(request) => destroy::run(self, call, &request)?.into(),
            Request::Query(request) => query::run(self, &request).into(),
            Request::DiscoverVersions(request) => discover_versions::run(&request).into(),
            Request::Encrypt(request) => encrypt::run(self, call, request)?.into(),
            Request::Decrypt(request) => decrypt::run(self, call, request)?.into(),
            Request::MAC(request) => mac::run(self, call, request)?.into(),
            Request::MACVerify(request) => mac_verify::run(self, call, request)?.into(),
            Request::Sign(request) => sign::run(self, call, request)?.into(),
            Request::SignatureVerify(request) => signature_verify::run(self, call, request)?.into(),
            Request::RNGRetrieve(request) => rng_retrieve::run(self, call, &request)?.into(),
        })
    }
}

/// Whether an operation fills the ID placeholder, or empties it where it fails or finds nothing that is unambiguous (KMIP 2.1
/// section 6.1.28). That Destroy empties it is an extension of ours.
fn sets_placeholder(operation: kmip::enumerations::Operation) -> bool {
    use kmip::enumerations::Operation as O;
    matches!(operation, O::Create | O::CreateKeyPair | O::Register | O::Import | O::Locate | O::Destroy)
}

/// The object that a response leaves in the ID placeholder.
fn placeholder(response: &Response) -> Option<&str> {
    match response {
        Response::Create(r) => Some(&r.unique_identifier),
        Response::CreateKeyPair(r) => Some(&r.private_key_unique_identifier),
        Response::Register(r) => Some(&r.unique_identifier),
        Response::Import(r) => Some(&r.unique_identifier),
        // Only an unambiguous answer names an object (KMIP 2.1 section 6.1.28).
        Response::Locate(r) => match r.unique_identifiers.as_slice() {
            [only] => Some(only),
            _ => None,
        },
        _ => None,
    }
}

/// The longest identifier that a caller may wish for, in bytes.
const MAX_IDENTIFIER: usize = 128;

/// The identifier that a caller wishes for a new object.
fn wished(id: Option<&UniqueIdentifier>) -> Result<Option<String>, Error> {
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
