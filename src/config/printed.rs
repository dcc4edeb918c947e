//! `clavigerd --print-config`: the effective configuration, as a configuration file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use toml::Value;

use super::declared::{Declared as _, Printed};
use super::error::Error;
use super::kmip::NoSocket;
use super::listed::{flag, variable};
use super::options::{ClientCert, ClientCertUsername, Options};
use super::places::OptionSources;
use super::toml_file::FromFile;
use super::{Authority, Config, JwtIssuer, read_file};
use crate::secret::Password;
use crate::text::Whole;

/// The column of the comments that say where a value comes from.
const COLUMN: usize = 56;

/// Options that the configuration file cannot have.
const NOT_IN_FILE: [&str; 2] = ["audit_accept_loss", "remake_root_key"];

/// Returns the configuration that a server with these options would have, as a TOML file. A comment on each line says
/// where the value comes from. Options without a value are comments, and so are secrets, which are not shown.
///
/// # Errors
/// The configuration is invalid, as in [`Config::new`].
pub fn print(
    given: Options,
    file: Option<&Path>,
    pin: Option<Password>,
    places: &OptionSources,
) -> Result<String, Error> {
    let has_pin = pin.is_some();
    let read = file.map(read_file).transpose()?;
    let (of_file, lines) = read.map_or_else(Default::default, |FromFile { options, lines }| (options, lines));
    let values: Vec<_> = given.values().into_iter().zip(of_file.values()).collect();
    let config = Config::new(given, file, pin, places)?;
    let mut out = String::new();
    for ((name, is_given, value), (_, is_in_file, value_of_file)) in values {
        let (effective, source) = (effective(&config, name), source(name, file, &lines, places));
        match (is_given || is_in_file, effective) {
            // A list is shown as it was understood.
            (true, Some((value, true))) => put(&mut out, name, Some(&value), &source),
            (true, _) => put(&mut out, name, if is_given { value } else { value_of_file }.as_ref(), &source),
            (false, Some((value, _))) => put(&mut out, name, Some(&value), "default"),
            (false, None) => line(&mut out, &format!("# {} is not set", key(name)), ""),
        }
        if name == "hsm_pin_file" && has_pin {
            line(&mut out, "# the PIN is not shown", "KMS_HSM_PIN");
        }
    }
    Ok(out)
}

/// Returns the key of an option in the file.
fn key(name: &str) -> String {
    name.replace('_', "-")
}

/// Returns where the value of an option comes from.
fn source(name: &str, file: Option<&Path>, lines: &BTreeMap<String, usize>, places: &OptionSources) -> String {
    if places.is_flag(name) {
        return flag(name);
    }
    if places.is_variable(name) {
        return variable(name);
    }
    let file = file.map(|path| path.display().to_string()).unwrap_or_default();
    lines.get(name).map(|line| format!("{file}, line {line}")).unwrap_or(file)
}

fn put(out: &mut String, name: &str, value: Option<&Value>, source: &str) {
    let text = match value {
        None => format!("# {} is not shown", key(name)),
        Some(value) if NOT_IN_FILE.contains(&name) => format!("# {} = {value}", flag(name)),
        Some(value) => format!("{} = {value}", key(name)),
    };
    line(out, &text, source);
}

fn line(out: &mut String, text: &str, source: &str) {
    let comment = if source.is_empty() { String::new() } else { format!(" # {}", Whole(source)) };
    let _ = writeln!(out, "{}", format!("{:COLUMN$}{comment}", Whole(text).to_string()).trim_end());
}

/// Returns the effective value of an option if it can be told from the checked configuration, and whether it is a list
/// that may have been written in several ways; `None` if the option has no value unless it is given.
fn effective(config: &Config, name: &str) -> Option<(Value, bool)> {
    if let Some(list) = listed(config, name) {
        return list.map(|value| (value, true));
    }
    let no_socket = config.kmip.as_ref().err();
    let socket = config.kmip.as_ref().ok();
    let audit = config.audit.as_ref();
    let value = match name {
        "hostname" => config.hostname.printed(),
        "port" => config.port.printed(),
        "kmip_port" => match no_socket {
            Some(NoSocket::Off | NoSocket::WithoutCertificates { .. }) => Some("off".into()),
            None => socket.and_then(|socket| socket.port.printed()),
        },
        "kmip_hostname" => socket.map_or(&config.hostname, |socket| &socket.hostname).printed(),
        "kmip_legacy_tls" => socket.is_some_and(|socket| socket.legacy_tls).printed(),
        "kmip_interop" => config.kmip_interop.printed(),
        "allow_legacy_algorithms" => config.legacy_algorithms.printed(),
        "client_cert" => config
            .client_certificates
            .as_ref()
            .and_then(|clients| if clients.required { ClientCert::Required } else { ClientCert::Optional }.printed()),
        "client_cert_username" => {
            config.client_certificates.as_ref().and_then(|clients| ClientCertUsername::printed(&clients.username))
        }
        "jwt_leeway" => config.jwt_leeway.printed(),
        "jwks_allow_http" => config.jwks_allow_http.printed(),
        "auth_failure_limit" => config.auth_failure_limit.printed(),
        "default_username" => config.default_username.as_str().to_owned().printed(),
        "force_default_username" => config.force_default_username.printed(),
        "hsm_module" => config.hsm.module.printed(),
        "hsm_token_label" => config.hsm.token_label.printed(),
        "allow_core_dumps" => config.allow_core_dumps.printed(),
        "hsm_max_sessions" => config.hsm.max_sessions.printed(),
        "hsm_call_timeout" => config.hsm.call_timeout.as_secs().printed(),
        "gcm_limit" => config.gcm_limit.printed(),
        "sqlite_path" => config.database.file().and_then(|file| file.to_owned().printed()),
        "audit_file" => audit.map_or_else(|| Some("none".into()), |audit| audit.file.printed()),
        "audit_rotate_size" => audit.and_then(|audit| audit.rotate_size.printed()),
        "audit_rotate_age" => audit.and_then(|audit| (audit.rotate_age.as_secs() / 86_400).printed()),
        "request_timeout" => config.limits.request_timeout.as_secs().printed(),
        "drain_delay" => config.limits.drain_delay.as_secs().printed(),
        "memory_limit" => mebibytes(config.limits.memory),
        "cache_size" => mebibytes(config.limits.cache),
        "max_connections" => u64::try_from(config.limits.connections).ok().and_then(|number| number.printed()),
        "log_format" => config.log_format.printed(),
        "log" => config.log.printed(),
        _ => None,
    };
    value.map(|value| (value, false))
}

fn mebibytes(bytes: usize) -> Option<Value> {
    u64::try_from(bytes >> 20).ok().and_then(|number| number.printed())
}

/// Returns the values of an option that takes several values; `None` if it is not such an option, `Some(None)` if it has
/// no value.
fn listed(config: &Config, name: &str) -> Option<Option<Value>> {
    let clients = config.client_certificates.as_ref();
    let authorities = clients.map_or(&[][..], |clients| &clients.authorities);
    let of_authorities = |value: fn(&Authority) -> Option<String>| each(authorities.iter().map(value));
    let of_issuers = |value: fn(&JwtIssuer) -> Option<String>| each(config.jwt_issuers.iter().map(value));
    let unless_empty = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let subjects = |subjects: &Option<Vec<String>>| subjects.as_ref().and_then(Printed::printed);
    Some(match name {
        "proxy_protocol_from" => each(config.proxies.iter().map(|own| Some(own.to_string()))),
        "authority_cert_file" => of_authorities(|own| Some(own.file.display().to_string())),
        "username_prefix" => each(authorities.iter().map(|own| unless_empty(&own.username_prefix))),
        "crl_file" => {
            let files = clients.map(|clients| &clients.crl_files).filter(|files| !files.is_empty());
            files.and_then(Printed::printed)
        }
        "jwt_issuer_uri" => of_issuers(|own| Some(own.issuer.clone())),
        "jwks_uri" => of_issuers(|own| Some(own.jwks_uri.to_string())),
        "jwt_audience" => of_issuers(|own| own.audience.clone()),
        "jwt_username_claim" => of_issuers(|own| Some(own.username_claim.clone())),
        "jwt_username_prefix" => each(config.jwt_issuers.iter().map(|own| unless_empty(&own.username_prefix))),
        "create" => subjects(&config.permission.create),
        "administrators" => subjects(&config.permission.administrators),
        _ => return None,
    })
}

/// Returns the values of several owners; `None` if none has a value. Omitted values can only be written in brackets.
fn each(values: impl Iterator<Item = Option<String>>) -> Option<Value> {
    let values: Vec<Option<String>> = values.collect();
    if values.iter().all(Option::is_none) {
        return None;
    }
    match values.iter().cloned().collect::<Option<Vec<String>>>() {
        Some(all) => all.printed(),
        None => Some(
            format!("[{}]", values.iter().map(|own| own.clone().unwrap_or_default()).collect::<Vec<_>>().join(","))
                .into(),
        ),
    }
}
