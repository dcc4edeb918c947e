//! `clavigerd --check-config`: checks everything that a start would use, and changes nothing.

use std::{fmt, io};

use super::error::StartError;
use super::issuers::key_set_trust;
use super::listening::{Bound, check_apart, is_taken};
use super::start::token_error;
use super::{described, permission};
use crate::config::Config;
use crate::custody::Custody;
use crate::kms::{self, ApiTokenKey};
use crate::store::Store;
use crate::text::Whole;
use crate::{tls, x509};

/// A listener that the server would have.
struct Listener {
    name: String,
    /// Whether another process has its port.
    is_in_use: bool,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, if self.is_in_use { " (in use now)" } else { "" })
    }
}

/// Checks everything without changing anything, and returns a description of what would run. A port or a database that
/// another process holds is reported, but is not a failure: the server that is being replaced may still run.
///
/// Not checked: whether the issuers' keys can be fetched; the bindings of rows; whether the HSM token can compare an
/// API token with its key; whether the API token's key was ever known outside; whether the HSM token protects root keys
/// as it did.
///
/// # Errors
/// The error that would keep the server from starting.
pub fn check(config: &Config) -> Result<String, StartError> {
    let now = kms::now();
    check_apart(config)?;
    let setup = tls::setup(config, now)?;
    key_set_trust(config)?;
    let (documents, of_file) = permission::read(config)?;
    let recorded = Store::inspect(&config.database)?;
    let is_new = recorded.as_ref().is_none_or(Vec::is_empty);
    Custody::inspect(&config.hsm, config.placement, recorded.as_deref(), &config.remake.keys)
        .map_err(|error| token_error(config, error))?;
    let api_token = config.api_token_id.as_deref().map(|id| api_token(config, id)).transpose()?;
    let listen = listening(&config.hostname, config.port)?;
    let kmip = kmip(config)?;
    let probe = match config.probe_address {
        Some(address) => format!("\nprobe: {}", listening(&address.ip().to_string(), address.port())?),
        None => String::new(),
    };
    let proxies = described::proxies(config).map(|networks| format!("\nPROXY header from: {networks}"));
    let proxies = proxies.unwrap_or_default();
    let scheme = if setup.is_some() { "https" } else { "http" };
    let callers = described::callers(config, &of_file, api_token);
    let duties = described::duties(config, &documents);
    let duties: String = duties.iter().map(|(duty, who)| format!("{duty}: {}\n", Whole(who))).collect();
    let warnings = setup.iter().flat_map(|setup| described::doubts(setup, now));
    let warnings: String = warnings.map(|warning| format!("warning: {}\n", Whole(warning))).collect();
    let identity = setup.map(|setup| format!("{}, until {}", setup.subject, x509::date(setup.not_after)));
    let is_open = Store::is_open_elsewhere(&config.database)?;
    Ok(format!(
        "would listen on {scheme}://{listen}\nkmip: {kmip}{probe}{proxies}\ncallers: {}\n{duties}identity: {}\nHSM token: {:?} by {}\n\
         database: {} ({}{})\naudit log: {}\n{warnings}",
        Whole(callers),
        Whole(identity.unwrap_or_else(|| "none".to_owned())),
        config.hsm.token_label,
        Whole(config.hsm.module.display()),
        Whole(&config.database),
        if is_new { "new" } else { "root keys found in the HSM token" },
        if is_open { "; another server has it open now" } else { "" },
        Whole(config.audit.as_ref().map_or_else(|| "none".to_owned(), |audit| audit.file.display().to_string())),
    ))
}

/// Returns the name of a listener, and whether its port is in use. The address is bound but does not listen, so that no
/// client can connect.
fn listening(host: &str, port: u16) -> Result<Listener, StartError> {
    match Bound::new(host, port) {
        Ok(bound) => Ok(Listener { name: bound.name().to_owned(), is_in_use: false }),
        Err(StartError::Listen { address, source }) if source.kind() == io::ErrorKind::AddrInUse => {
            Ok(Listener { name: address, is_in_use: true })
        }
        Err(error) => Err(error),
    }
}

/// Returns the name of the listener of the KMIP socket as [`listening`] does, or why there would be none.
fn kmip(config: &Config) -> Result<String, StartError> {
    const OFF: &str = "the KMIP socket would be off: give a free port by --kmip-port, or --kmip-port off";
    let socket = match &config.kmip {
        Ok(socket) => socket,
        Err(why) => return Ok(why.to_string()),
    };
    // A start goes on without the socket if its default port cannot be had.
    match listening(&socket.hostname, socket.port) {
        Ok(own) if !socket.is_chosen && own.is_in_use => Ok(format!("{own}; {OFF}")),
        Ok(own) if !socket.is_chosen && is_taken(config, &socket.hostname, socket.port) => {
            Ok(format!("{own} (the port of another listener of this server); {OFF}"))
        }
        Ok(own) => Ok(own.to_string()),
        Err(error) if !socket.is_chosen => Ok(format!("{error}; {OFF}")),
        Err(error) => Err(error),
    }
}

/// Describes the API token's key, without opening the database for writing.
fn api_token(config: &Config, id: &str) -> Result<String, StartError> {
    let row = Store::inspect_object(&config.database, id)?;
    let standing = kms::check_api_token_row(id, row);
    Ok(match standing.map_err(|source| StartError::ApiToken { id: id.to_owned(), source })? {
        ApiTokenKey::Active => format!("the API token of key {id}"),
        ApiTokenKey::Disabled => format!("not the API token of key {id}, which is disabled"),
        ApiTokenKey::Ended(state) => format!("not the API token of key {id}, which is {state}"),
    })
}
