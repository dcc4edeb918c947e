//! `/api/v1/kms/keys`: the same keys as over KMIP, in the format of Infisical's API.

pub(in crate::http) mod cipher;
pub(in crate::http) mod signature;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::names::is_same;
use super::super::page::Page;
use super::super::problem::Problem;
use super::super::typed::{Gives, Part, Typed, typed};
use super::shapes::{COUNT, invalid, iso, number, organization, read};
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectType, State};
use crate::kmip::payloads;
use crate::kmip::ttlv::DateTime;
use crate::kmip::{Attributes, UniqueIdentifier};
use crate::kms::{self, Held, KeyChange, MadeFor, NewKey, Order, PageBuilder, Wanted};

/// Bodies of requests and answers, for the description of the routes.
pub(in crate::http::hanzo) const NEW: Typed = typed::<New>;
pub(in crate::http::hanzo) const CHANGE: Typed = typed::<Change>;
pub(in crate::http::hanzo) const GIVES: Gives = Gives::One(typed::<One>);
pub(in crate::http::hanzo) const ALL: Gives = Gives::Object(&[("keys", Part::Array(typed::<Shown>)), COUNT]);

/// The longest name of a key, in bytes.
const MAX_NAME: usize = 255;

/// The longest description, and the longest text to search for, in bytes.
const MAX_DESCRIPTION: usize = crate::kmip::attributes::TEXT_BYTES;
const MAX_SEARCH: usize = MAX_NAME;

/// The maximum number of keys that the error for an ambiguous name lists.
const MAX_CANDIDATES: usize = 6;

/// The maximum number of keys in one list, and the default.
const MAX_LISTED: usize = 1_000;
const LISTED: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Usage {
    EncryptDecrypt,
    SignVerify,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct New {
    project_id: Option<String>,
    name: String,
    description: Option<String>,
    key_usage: Option<String>,
    encryption_algorithm: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Change {
    name: Option<String>,
    description: Option<String>,
    is_disabled: Option<bool>,
}

/// A key in an answer. Clients need every member, and texts that are not null.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    name: String,
    description: String,
    /// Empty for a key in no project.
    project_id: String,
    org_id: String,
    key_usage: Usage,
    encryption_algorithm: String,
    is_disabled: bool,
    /// Always false: the server's own keys are not shown at all.
    is_reserved: bool,
    /// Always 1: the key of an identifier is never replaced.
    version: u32,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize, JsonSchema)]
struct One {
    key: Shown,
}

/// Returns the usage and the algorithm of a key in this API. Returns `None` for keys that the API cannot describe: HMAC
/// keys, public keys and destroyed keys.
fn kind(attributes: &Attributes) -> Option<(Usage, String)> {
    if matches!(attributes.state, Some(State::Destroyed | State::DestroyedCompromised)) {
        return None;
    }
    let length = attributes.cryptographic_length?;
    match (attributes.object_type?, attributes.cryptographic_algorithm?) {
        (ObjectType::SymmetricKey, CryptographicAlgorithm::AES) => {
            Some((Usage::EncryptDecrypt, format!("aes-{length}-gcm")))
        }
        (ObjectType::PrivateKey, CryptographicAlgorithm::RSA) => Some((Usage::SignVerify, format!("RSA_{length}"))),
        (ObjectType::PrivateKey, CryptographicAlgorithm::EC | CryptographicAlgorithm::ECDSA) => {
            Some((Usage::SignVerify, "ECC_NIST_P256".to_owned()))
        }
        _ => None,
    }
}

fn shown(Held { id, mut attributes }: Held, org_id: &str) -> Option<Shown> {
    let (key_usage, encryption_algorithm) = kind(&attributes)?;
    let date = |date: Option<DateTime>| iso(date.map_or(0, |date| date.0));
    Some(Shown {
        id,
        name: attributes.names.first().map(|name| name.value.clone()).unwrap_or_default(),
        description: attributes.description.clone().unwrap_or_default(),
        is_disabled: kms::is_disabled(&attributes) || attributes.state != Some(State::Active),
        project_id: attributes.take_project().ok().flatten().unwrap_or_default(),
        org_id: org_id.to_owned(),
        key_usage,
        encryption_algorithm,
        is_reserved: false,
        version: 1,
        created_at: date(attributes.initial_date),
        updated_at: date(attributes.last_change_date),
    })
}

fn id<'a>(request: &'a CallerRequest<'_>) -> &'a str {
    request.parameter("key")
}

fn no_such_key(named: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is no key {named:?}"))
}

fn attributes(app: &App, request: &CallerRequest<'_>, id: &str) -> Result<Attributes, Problem> {
    let operation = payloads::get_attributes::Request {
        unique_identifier: Some(UniqueIdentifier::from(id)),
        attribute_references: Vec::new(),
    };
    Ok(*app.kms.execute(&request.context, operation)?.attributes)
}

/// Returns the key that the path names.
fn present(app: &App, request: &CallerRequest<'_>) -> Result<Shown, Problem> {
    let (id, org_id) = (id(request), organization(app)?);
    let held = Held { id: id.to_owned(), attributes: attributes(app, request, id)? };
    shown(held, &org_id).ok_or_else(|| no_such_key(id))
}

fn one(key: Shown) -> Answer {
    Answer::json(StatusCode::OK, &One { key })
}

fn check_name(name: &str) -> Result<(), Problem> {
    let fits = !name.trim().is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(invalid(format!("name: give 1 to {MAX_NAME} bytes of printable characters"))) }
}

fn check_description(description: &str) -> Result<(), Problem> {
    let fits = description.len() <= MAX_DESCRIPTION;
    if fits { Ok(()) } else { Err(invalid(format!("description: at most {MAX_DESCRIPTION} bytes"))) }
}

/// The algorithms of new keys: the name, the purpose, the algorithm, and the length in bits. The first one for
/// encryption is the default of `encryptionAlgorithm`.
const ALGORITHMS: [(&str, MadeFor, CryptographicAlgorithm, i32); 4] = [
    ("aes-256-gcm", MadeFor::Encryption, CryptographicAlgorithm::AES, 256),
    ("aes-128-gcm", MadeFor::Encryption, CryptographicAlgorithm::AES, 128),
    ("RSA_4096", MadeFor::Signatures, CryptographicAlgorithm::RSA, 4096),
    ("ECC_NIST_P256", MadeFor::Signatures, CryptographicAlgorithm::EC, 256),
];

/// Reads `keyUsage` and `encryptionAlgorithm`. Returns purpose, algorithm and length in bits.
fn algorithm(usage: Option<&str>, named: Option<&str>) -> Result<(MadeFor, CryptographicAlgorithm, i32), Problem> {
    let usage = usage.filter(|text| !text.is_empty()).map(|usage| match usage {
        usage if is_same(usage, "encrypt-decrypt") => Ok(MadeFor::Encryption),
        usage if is_same(usage, "sign-verify") => Ok(MadeFor::Signatures),
        other => Err(invalid(format!("keyUsage: {other:?} is not encrypt-decrypt or sign-verify"))),
    });
    let usage = usage.transpose()?;
    let named = named.filter(|text| !text.is_empty());
    let found = match named {
        Some(named) => ALGORITHMS.iter().find(|(own, ..)| is_same(named, own)),
        None => ALGORITHMS.iter().find(|(_, made_for, ..)| *made_for == MadeFor::Encryption),
    };
    match found {
        Some(&(_, made_for, algorithm, length)) if usage.is_none_or(|usage| usage == made_for) => {
            Ok((made_for, algorithm, length))
        }
        _ if usage == Some(MadeFor::Signatures) => {
            Err(invalid("encryptionAlgorithm: RSA_4096 or ECC_NIST_P256 for keys that sign-verify"))
        }
        _ => Err(invalid("encryptionAlgorithm: aes-256-gcm or aes-128-gcm for keys that encrypt-decrypt")),
    }
}

/// `POST /api/v1/kms/keys`: the key is active at once, and never leaves the HSM. Everything that can fail comes before
/// the key is made.
pub(in crate::http) fn create(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let New { project_id, name, description, key_usage, encryption_algorithm } = read(request.body)?;
    check_name(&name)?;
    let description = description.filter(|text| !text.is_empty());
    description.as_deref().map_or(Ok(()), check_description)?;
    let (made_for, algorithm, length) = algorithm(key_usage.as_deref(), encryption_algorithm.as_deref())?;
    let project = project_id.filter(|text| !text.is_empty());
    let org_id = organization(app)?;
    let held =
        app.kms.create_key(&request.context, NewKey { project, name, description, algorithm, length, made_for })?;
    shown(held, &org_id).map(one).ok_or_else(|| invalid("no key was made"))
}

/// `GET /api/v1/kms/keys?projectId=P&offset=N&limit=N&search=TEXT&orderBy=name&orderDirection=asc|desc`
pub(in crate::http) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let text = |name: &str| request.query.text(name).map(str::to_owned);
    if let Some(other) = request.query.text("orderBy").filter(|by| !is_same(by, "name")) {
        return Err(invalid(format!("orderBy: {other:?} is not name, by which keys can be put in order")));
    }
    let order = match request.query.text("orderDirection") {
        None => Order::Ascending,
        Some(direction) if is_same(direction, "asc") => Order::Ascending,
        Some(direction) if is_same(direction, "desc") => Order::Descending,
        Some(other) => return Err(invalid(format!("orderDirection: {other:?} is not asc or desc"))),
    };
    let search = text("search");
    if search.as_ref().is_some_and(|text| text.len() > MAX_SEARCH) {
        return Err(invalid(format!("search: at most {MAX_SEARCH} bytes, the longest name of a key")));
    }
    let wanted = Wanted { project: text("projectId"), search, granted: true, order, ..Wanted::default() };
    let offset = number(request, "offset", 0, usize::MAX / 2)?;
    let limit = number(request, "limit", LISTED, MAX_LISTED)?;
    let org_id = organization(app)?;
    let is_key = |attributes: &Attributes| kind(attributes).is_some();
    let mut page = Page::named("keys");
    let mut write = |held: Held| shown(held, &org_id).map_or(0, |key| page.put(&key));
    let mut sheet = PageBuilder::new(&request.context, limit, &mut write);
    let total = app.kms.keys(&request.context, &wanted, offset, is_key, &mut sheet)?;
    Ok(page.end_with("totalCount", &total.into()))
}

/// `GET /api/v1/kms/keys/:id`
pub(in crate::http) fn get(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    present(app, request).map(one)
}

/// `GET /api/v1/kms/keys/key-name/:name?projectId=P`: keys of the caller and of the caller's projects take precedence
/// over keys that other owners granted, because those owners could choose any name.
pub(in crate::http) fn by_name(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let name = request.parameter("name");
    let project = request.query.text("projectId").map(str::to_owned);
    let org_id = organization(app)?;
    let is_key = |attributes: &Attributes| kind(attributes).is_some();
    let mut found: Vec<Shown> = Vec::new();
    let mut total = 0;
    for granted in [false, true] {
        let wanted = Wanted { project: project.clone(), name: Some(name.to_owned()), granted, ..Wanted::default() };
        let mut write = |held: Held| {
            found.extend(shown(held, &org_id));
            size_of::<Shown>()
        };
        let mut sheet = PageBuilder::new(&request.context, MAX_CANDIDATES, &mut write);
        total = app.kms.keys(&request.context, &wanted, 0, is_key, &mut sheet)?;
        if total > 0 {
            break;
        }
    }
    if total > 1 {
        return Err(Problem::new(StatusCode::CONFLICT, ambiguity(name, &found, total)));
    }
    found.pop().map(one).ok_or_else(|| no_such_key(name))
}

/// Returns the error for a name that several keys have. It lists keys with their projects.
fn ambiguity(name: &str, found: &[Shown], total: usize) -> String {
    let candidate = |Shown { id, project_id, .. }: &Shown| match project_id.as_str() {
        "" => format!("{id} (no project)"),
        project => format!("{id} (project {project:?})"),
    };
    let candidates = found.iter().map(candidate).collect::<Vec<_>>().join(", ");
    let others = total.saturating_sub(found.len());
    let more = if others > 0 { format!(", and {others} others") } else { String::new() };
    format!("{total} keys are named {name:?}: {candidates}{more}: use an identifier, or projectId")
}

/// `PATCH /api/v1/kms/keys/:id`
pub(in crate::http) fn change(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let Change { name, description, is_disabled } = read(request.body)?;
    name.as_deref().map_or(Ok(()), check_name)?;
    description.as_deref().map_or(Ok(()), check_description)?;
    let id = id(request);
    let attributes = attributes(app, request, id)?;
    kind(&attributes).ok_or_else(|| no_such_key(id))?;
    match attributes.state {
        Some(state) if is_disabled == Some(false) && state != State::Active => {
            return Err(invalid(format!("isDisabled: the key is {state}, and only an Active key can be enabled")));
        }
        _ => app.kms.change_key(&request.context, id, &KeyChange { name, description, is_disabled })?,
    }
    present(app, request).map(one)
}

/// `DELETE /api/v1/kms/keys/:id`: both halves of a pair are revoked and destroyed.
pub(in crate::http) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let key = present(app, request)?;
    app.kms.end_key(&request.context, id(request))?;
    Ok(one(Shown { is_disabled: true, ..key }))
}
