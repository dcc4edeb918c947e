//! `/api/v1/kms/keys`: the keys that KMIP sees, as Infisical's clients know them.

pub(in crate::http) mod cipher;
pub(in crate::http) mod signature;

use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::ask::Ask;
use super::super::page::Page;
use super::super::problem::Problem;
use super::super::{Answer, App};
use super::{invalid, iso, number, read};
use crate::kmip::attributes::Name;
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectType, State};
use crate::kmip::payloads::{self, Request, Response};
use crate::kmip::ttlv::DateTime;
use crate::kmip::{Attributes, UniqueIdentifier, UsageMask};
use crate::kms::{self, Held, Sheet, Wanted};

/// The longest name of a key, in bytes.
const MAX_NAME: usize = 255;

/// The most keys that an error lists when several have the name.
const MAX_CANDIDATES: usize = 6;

/// Keys in one list, at most and if the request does not say.
const MAX_LISTED: usize = 1_000;
const LISTED: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Usage {
    EncryptDecrypt,
    SignVerify,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    project_id: Option<String>,
    name: String,
    description: Option<String>,
    key_usage: Option<Usage>,
    encryption_algorithm: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    name: Option<String>,
    description: Option<String>,
    is_disabled: Option<bool>,
}

/// A key as these clients know it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    name: String,
    description: Option<String>,
    project_id: Option<String>,
    key_usage: Usage,
    encryption_algorithm: String,
    is_disabled: bool,
    /// Keys that the server keeps for itself are not shown at all.
    is_reserved: bool,
    /// A key is never exchanged behind its identifier.
    version: u32,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct One {
    key: Shown,
}

/// What the key is to these clients; `None` for what they have no words for: HMAC keys, public halves, what was destroyed.
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

fn shown(id: String, mut attributes: Attributes) -> Option<Shown> {
    let (key_usage, encryption_algorithm) = kind(&attributes)?;
    let date = |date: Option<DateTime>| iso(date.map_or(0, |date| date.0));
    Some(Shown {
        id,
        name: attributes.names.first().map(|name| name.value.clone()).unwrap_or_default(),
        description: attributes.description.clone(),
        project_id: attributes.take_project().ok().flatten(),
        key_usage,
        encryption_algorithm,
        is_disabled: attributes.state != Some(State::Active),
        is_reserved: false,
        version: 1,
        created_at: date(attributes.initial_date),
        updated_at: date(attributes.last_change_date),
    })
}

fn id<'a>(ask: &'a Ask<'_>) -> &'a str {
    ask.parameter(0)
}

fn no_such_key(named: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is no key {named:?}"))
}

/// One operation of KMIP.
fn execute(app: &App, ask: &Ask<'_>, request: impl Into<Request>) -> Result<Response, Problem> {
    let request = request.into();
    Ok(app.kms.execute(&ask.context, request)?)
}

fn attributes(app: &App, ask: &Ask<'_>, id: &str) -> Result<Attributes, Problem> {
    let request = payloads::get_attributes::Request {
        unique_identifier: Some(UniqueIdentifier::from(id)),
        attribute_references: Vec::new(),
    };
    match execute(app, ask, request)? {
        Response::GetAttributes(answer) => Ok(*answer.attributes),
        _ => Err(no_such_key(id)),
    }
}

fn one(app: &App, ask: &Ask<'_>, id: &str) -> Result<Answer, Problem> {
    let attributes = attributes(app, ask, id)?;
    let key = shown(id.to_owned(), attributes).ok_or_else(|| no_such_key(id))?;
    Ok(Answer::json(StatusCode::OK, &One { key }))
}

fn check_name(name: &str) -> Result<(), Problem> {
    let fits = !name.trim().is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(invalid(format!("name: give 1 to {MAX_NAME} bytes of printable characters"))) }
}

/// What `keyUsage` and `encryptionAlgorithm` say: algorithm and length.
fn algorithm(usage: Option<Usage>, named: Option<&str>) -> Result<(Usage, CryptographicAlgorithm, i32), Problem> {
    let usage = match (usage, named) {
        (Some(usage), _) => usage,
        (None, Some("RSA_4096" | "ECC_NIST_P256")) => Usage::SignVerify,
        (None, _) => Usage::EncryptDecrypt,
    };
    match (usage, named) {
        (Usage::EncryptDecrypt, None | Some("aes-256-gcm")) => Ok((usage, CryptographicAlgorithm::AES, 256)),
        (Usage::EncryptDecrypt, Some("aes-128-gcm")) => Ok((usage, CryptographicAlgorithm::AES, 128)),
        (Usage::SignVerify, Some("RSA_4096")) => Ok((usage, CryptographicAlgorithm::RSA, 4096)),
        (Usage::SignVerify, Some("ECC_NIST_P256")) => Ok((usage, CryptographicAlgorithm::EC, 256)),
        (Usage::EncryptDecrypt, Some(_)) => {
            Err(invalid("encryptionAlgorithm: aes-256-gcm or aes-128-gcm for keys that encrypt-decrypt"))
        }
        (Usage::SignVerify, _) => {
            Err(invalid("encryptionAlgorithm: RSA_4096 or ECC_NIST_P256 for keys that sign-verify"))
        }
    }
}

/// `POST /api/v1/kms/keys`: the key is active at once, and never leaves the HSM.
pub(in crate::http) fn create(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let New { project_id, name, description, key_usage, encryption_algorithm } = read(ask.body)?;
    check_name(&name)?;
    let (usage, algorithm, length) = algorithm(key_usage, encryption_algorithm.as_deref())?;
    let mut common = Attributes {
        cryptographic_algorithm: Some(algorithm),
        cryptographic_length: Some(length),
        activation_date: Some(DateTime(kms::now())),
        ..Attributes::default()
    };
    if let Some(project) = &project_id {
        common.set_project(project);
    }
    let own = Attributes {
        names: vec![Name::text(name)],
        description: description.filter(|text| !text.is_empty()),
        sensitive: Some(true),
        extractable: Some(false),
        ..Attributes::default()
    };
    let request: Request = match usage {
        Usage::EncryptDecrypt => {
            let mask = Some(UsageMask::ENCRYPT | UsageMask::DECRYPT);
            let own = Attributes { cryptographic_usage_mask: mask, ..own };
            let attributes = Box::new(common.overridden(Some(&own)).map_err(kms::Error::from)?);
            let object_type = ObjectType::SymmetricKey;
            payloads::create::Request { object_type, attributes, protection_storage_masks: None }.into()
        }
        Usage::SignVerify => {
            let private = Attributes { cryptographic_usage_mask: Some(UsageMask::SIGN), ..own };
            let mask = Some(UsageMask::VERIFY);
            let public = Attributes { cryptographic_usage_mask: mask, ..Attributes::default() };
            payloads::create_key_pair::Request {
                common_attributes: Some(Box::new(common)),
                private_key_attributes: Some(Box::new(private)),
                public_key_attributes: Some(Box::new(public)),
                ..payloads::create_key_pair::Request::default()
            }
            .into()
        }
    };
    match execute(app, ask, request)? {
        Response::Create(made) => one(app, ask, &made.unique_identifier),
        Response::CreateKeyPair(made) => one(app, ask, &made.private_key_unique_identifier),
        _ => Err(invalid("no key was made")),
    }
}

/// `GET /api/v1/kms/keys?projectId=P&offset=N&limit=N`
pub(in crate::http) fn list(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let wanted = Wanted { project: ask.query.text("projectId").map(str::to_owned), name: None, granted: true };
    let offset = number(ask, "offset", 0, usize::MAX / 2)?;
    let limit = number(ask, "limit", LISTED, MAX_LISTED)?;
    let is_key = |attributes: &Attributes| kind(attributes).is_some();
    let mut page = Page::named("keys");
    let mut write = |held: Held| shown(held.id, held.attributes).map_or(0, |key| page.put(&key));
    let mut sheet = Sheet::new(&ask.context, limit, &mut write);
    let total = app.kms.keys(&ask.context, &wanted, offset, is_key, &mut sheet)?;
    Ok(page.end_with("totalCount", &total.into()))
}

/// `GET /api/v1/kms/keys/:id`
pub(in crate::http) fn get(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    one(app, ask, id(ask))
}

/// `GET /api/v1/kms/keys/key-name/:name?projectId=P`: a key that the caller owns, or that a project of theirs holds, comes before
/// those that others granted, who could give any name to theirs.
pub(in crate::http) fn by_name(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let name = id(ask);
    let wanted =
        Wanted { project: ask.query.text("projectId").map(str::to_owned), name: Some(name.to_owned()), granted: false };
    let is_key = |attributes: &Attributes| kind(attributes).is_some();
    let mut found: Vec<Shown> = Vec::new();
    let mut total = 0;
    for granted in [false, true] {
        let wanted = Wanted { granted, ..wanted.clone() };
        let mut write = |held: Held| {
            found.extend(shown(held.id, held.attributes));
            size_of::<Shown>()
        };
        let mut sheet = Sheet::new(&ask.context, MAX_CANDIDATES, &mut write);
        total = app.kms.keys(&ask.context, &wanted, 0, is_key, &mut sheet)?;
        if total > 0 {
            break;
        }
    }
    if total > 1 {
        return Err(Problem::new(StatusCode::CONFLICT, ambiguity(name, &found, total)));
    }
    let key = found.pop().ok_or_else(|| no_such_key(name))?;
    Ok(Answer::json(StatusCode::OK, &One { key }))
}

/// The error for a name that several keys have: it lists them, each with its project.
fn ambiguity(name: &str, found: &[Shown], total: usize) -> String {
    let candidate = |Shown { id, project_id, .. }: &Shown| match project_id {
        Some(project) => format!("{id} (project {project:?})"),
        None => format!("{id} (no project)"),
    };
    let candidates = found.iter().map(candidate).collect::<Vec<_>>().join(", ");
    let others = total.saturating_sub(found.len());
    let more = if others > 0 { format!(", and {others} others") } else { String::new() };
    format!("{total} keys are named {name:?}: {candidates}{more}: use an identifier, or projectId")
}

/// `PATCH /api/v1/kms/keys/:id`
pub(in crate::http) fn change(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let Change { name, description, is_disabled } = read(ask.body)?;
    let id = id(ask);
    if let Some(name) = &name {
        check_name(name)?;
    }
    let present = shown(id.to_owned(), attributes(app, ask, id)?).ok_or_else(|| no_such_key(id))?;
    if is_disabled.is_some_and(|wanted| wanted != present.is_disabled) {
        return Err(invalid("isDisabled cannot be changed: delete the key, or revoke it over KMIP"));
    }
    if name.is_some() || description.is_some() {
        app.kms.describe(&ask.context, id, name.as_deref(), description.as_deref())?;
    }
    one(app, ask, id)
}

/// `DELETE /api/v1/kms/keys/:id`: both halves of a pair are revoked and destroyed.
pub(in crate::http) fn remove(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let id = id(ask);
    let key = shown(id.to_owned(), attributes(app, ask, id)?).ok_or_else(|| no_such_key(id))?;
    app.kms.end_key(&ask.context, id)?;
    Ok(Answer::json(StatusCode::OK, &One { key: Shown { is_disabled: true, ..key } }))
}
