//! The IAM file: issuers whose JWTs come with each call and name a role, in tables like those of Piiano Vault, and the
//! users, roles and policies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::jwks::KeySet;
use super::trusted_issuer::{Bound, Expected, KeySource, RoleRule, TrustedIssuer};
use crate::config::{Config, JwtIssuer};
use crate::policy::{
    Documents, Fault, FileError, Policy, PolicyDocument, RoleDocument, TomlFile, UserDocument, check_count, check_name,
};
use crate::principal::{OWN_ISSUER, Username};

/// The maximum number of idps tables.
const MAX_TABLES: usize = 100;

/// The maximum number of entries of one list.
const MAX_PARTS: usize = 1_000;

/// The maximum length of an issuer, an audience, a claim or its value, in bytes.
const MAX_TEXT: usize = 1024;

/// The contents of the file.
#[derive(Debug)]
pub struct IamFile {
    /// Users, roles and policies.
    pub documents: Documents,
    /// The issuers of its idps tables.
    pub issuers: Vec<TrustedIssuer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Document {
    idps: BTreeMap<String, Table>,
    users: BTreeMap<String, UserDocument>,
    roles: BTreeMap<String, RoleDocument>,
    policies: BTreeMap<String, PolicyDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "type")]
    _kind: Kind,
    allowed_roles: Option<Vec<String>>,
    conf: Conf,
    #[serde(default)]
    roles_map: BTreeMap<String, String>,
}

/// The use of the table's issuer.
#[derive(Deserialize)]
enum Kind {
    /// The JWT comes with each call.
    #[serde(rename = "direct-jwt")]
    DirectJwt,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conf {
    iss: String,
    aud: Option<String>,
    keys: Option<String>,
    jwks_uri: Option<String>,
    roles_claim: Option<String>,
    #[serde(default)]
    bound_claims: BTreeMap<String, toml::Value>,
}

/// The configuration outside the file.
struct Beside<'a> {
    others: &'a [JwtIssuer],
    allow_http: bool,
    prefixes: Vec<String>,
    roles: BTreeSet<String>,
}

impl IamFile {
    /// Reads the file and checks it. It must define all roles that it names. An issuer of the command line must not be
    /// in a table too.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn read(path: &Path, config: &Config) -> Result<Self, FileError> {
        let file = TomlFile::open("IAM file", path)?;
        let Document { idps, users, roles, policies } = file.parse()?;
        let iam_file = Some(Arc::from(file.text()));
        let documents = Documents { users, roles, policies, iam_file, ..Documents::default() };
        let beside = Beside {
            others: &config.jwt_issuers,
            allow_http: config.jwks_allow_http,
            prefixes: config.username_prefixes(),
            roles: documents.roles.keys().cloned().collect(),
        };
        let checked = Policy::new(&documents, false).and_then(|_| issuers(idps, &beside));
        let issuers = checked.map_err(|fault| file.faulty(&fault))?;
        Ok(Self { documents: documents.canonical(), issuers })
    }
}

fn issuers(tables: BTreeMap<String, Table>, beside: &Beside<'_>) -> Result<Vec<TrustedIssuer>, Fault> {
    check_count(&["idps"], tables.len(), MAX_TABLES)?;
    let mut issuers: Vec<TrustedIssuer> = Vec::new();
    for (name, table) in tables {
        let issuer = issuer(&name, table, beside)?;
        let twice = issuers.iter().find(|own| own.issuer == issuer.issuer && own.audiences == issuer.audiences);
        if let Some(other) = twice.and_then(|own| own.table.as_deref()) {
            let problem = format!("issuer and audience are those of idps.{other}: give each table its own");
            return Err(Fault::at(&["idps", &name, "conf", "iss"], problem));
        }
        issuers.push(issuer);
    }
    Ok(issuers)
}

fn issuer(name: &str, table: Table, beside: &Beside<'_>) -> Result<TrustedIssuer, Fault> {
    check_name(&["idps", name], name)?;
    let role = role(name, &table, beside)?;
    let conf = table.conf;
    let at = |key: &str, problem: String| Err(Fault::at(&["idps", name, "conf", key], problem));
    let bounded = |text: &str| !text.is_empty() && text.len() <= MAX_TEXT;
    if !bounded(&conf.iss) {
        return at("iss", format!("an issuer has 1 to {MAX_TEXT} bytes"));
    }
    if conf.iss.starts_with(OWN_ISSUER) {
        return at("iss", format!("`{OWN_ISSUER}` begins the issuer of our own access tokens"));
    }
    let Some(audience) = conf.aud.filter(|aud| bounded(aud)) else {
        return at(
            "aud",
            format!("give an audience of 1 to {MAX_TEXT} bytes: the one that the IdP uses for this server"),
        );
    };
    let same = |own: &&JwtIssuer| own.issuer == conf.iss && own.audience.as_ref().is_none_or(|own| *own == audience);
    if beside.others.iter().any(|own| same(&own)) {
        return at("iss", "--jwt-issuer-uri trusts its tokens too, without a role: remove one of the two".to_owned());
    }
    let keys = match (&conf.keys, &conf.jwks_uri) {
        (Some(keys), None) => match KeySet::of_jwk_or_set(keys.as_bytes()) {
            Ok(set) => KeySource::inline(set),
            Err(error) => return at("keys", error.to_string()),
        },
        (None, Some(uri)) => match KeySource::uri(uri, beside.allow_http) {
            Ok(source) => source,
            Err(error) => return at("jwks_uri", error.to_string()),
        },
        _ => return at("keys", "give either keys or jwks_uri".to_owned()),
    };
    let mut issuer = TrustedIssuer::new(conf.iss, keys, vec![Expected::Exact(audience)]);
    issuer.table = Some(Arc::from(name));
    issuer.foreign_prefixes = beside.prefixes.clone();
    issuer.bound_claims = bound_claims(name, conf.bound_claims)?;
    issuer.role = Some(role);
    issuer.narrows_by_property = true;
    Ok(issuer)
}

fn role(name: &str, table: &Table, beside: &Beside<'_>) -> Result<RoleRule, Fault> {
    let unknown = |role: &str| format!("there is no role {role:?} in this file");
    let allowed = match &table.allowed_roles {
        None => beside.roles.clone(),
        Some(roles) => {
            let path = ["idps", name, "allowed_roles"];
            check_count(&path, roles.len(), MAX_PARTS)?;
            if let Some(role) = roles.iter().find(|role| !beside.roles.contains(*role)) {
                return Err(Fault::at(&path, unknown(role)));
            }
            roles.iter().cloned().collect()
        }
    };
    check_count(&["idps", name, "roles_map"], table.roles_map.len(), MAX_PARTS)?;
    for (user, role) in &table.roles_map {
        let path = ["idps", name, "roles_map", user];
        Username::new(user).map_err(|error| Fault::at(&path, format!("not a user name: {error}")))?;
        if !allowed.contains(role) {
            let is_known = beside.roles.contains(role);
            let problem =
                if is_known { format!("the role {role:?} is not among allowed_roles") } else { unknown(role) };
            return Err(Fault::at(&path, problem));
        }
    }
    let claim = table.conf.roles_claim.clone().unwrap_or_else(|| "roles".to_owned());
    if claim.is_empty() || claim.len() > MAX_TEXT {
        return Err(Fault::at(&["idps", name, "conf", "roles_claim"], format!("a claim has 1 to {MAX_TEXT} bytes")));
    }
    Ok(RoleRule { claim, allowed, defined: beside.roles.clone(), of_users: table.roles_map.clone() })
}

fn bound_claims(name: &str, claims: BTreeMap<String, toml::Value>) -> Result<Vec<(String, Bound)>, Fault> {
    check_count(&["idps", name, "conf", "bound_claims"], claims.len(), MAX_PARTS)?;
    let bound = |(claim, value): (String, toml::Value)| {
        let fault = |problem: &str| Fault::at(&["idps", name, "conf", "bound_claims", &claim], problem);
        if claim.is_empty() || claim.len() > MAX_TEXT {
            return Err(fault("a claim has 1 to 1024 bytes"));
        }
        let value = match value {
            toml::Value::String(text) => Value::from(text),
            toml::Value::Boolean(boolean) => Value::from(boolean),
            toml::Value::Integer(number) => Value::from(number),
            toml::Value::Float(number) if number.is_finite() => Value::from(number),
            _ => {
                return Err(fault(
                    "a claim is bound to a string, a number, true or false; put its path in quotation marks",
                ));
            }
        };
        Ok((claim, Bound::Value(value)))
    };
    claims.into_iter().map(bound).collect()
}
