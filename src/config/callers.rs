//! Options about callers. They take several values, and values of different options belong together.

use std::path::PathBuf;

use super::error::Error;
use super::listed::{self, flag};
use super::options::{ClientCert, ClientCertUsername, Options};
use super::places::{OptionSource, OptionSources};
use crate::client::Url;
use crate::principal::OWN_ISSUER;

/// Client certificates.
#[derive(Debug)]
pub struct ClientCertificates {
    /// The authority files.
    pub authorities: Vec<Authority>,
    /// Whether a certificate is mandatory in the handshake.
    pub required: bool,
    /// The part of the certificate that is the user name.
    pub username: ClientCertUsername,
    /// The revocation lists.
    pub crl_files: Vec<PathBuf>,
}

/// An authority file.
#[derive(Debug)]
pub struct Authority {
    /// The file.
    pub file: PathBuf,
    /// The prefix that is put before the user names of its certificates.
    pub username_prefix: String,
    /// Prefixes of the other authorities and issuers. A user name of this one must not begin with any of them.
    pub foreign_prefixes: Vec<String>,
}

/// A trusted issuer of JWTs.
#[derive(Debug, Clone)]
pub struct JwtIssuer {
    /// The exact value of its `iss` claim.
    pub issuer: String,
    /// The URL of its key set.
    pub jwks_uri: Url,
    /// The audience that its tokens must have; `None` accepts any.
    pub audience: Option<String>,
    /// The claim that holds the user name.
    pub username_claim: String,
    /// The prefix that is put before the user names of its tokens.
    pub username_prefix: String,
    /// Prefixes of the other authorities and issuers. A user name of this one must not begin with any of them.
    pub foreign_prefixes: Vec<String>,
}

/// Returns the values of an option that names files. If a path is not UTF-8, the values are taken as given: such a path
/// cannot be a list in brackets.
fn paths(option: &'static str, given: Option<&[PathBuf]>, places: &OptionSources) -> Result<Vec<PathBuf>, Error> {
    let given = given.unwrap_or_default();
    match given.iter().map(|path| path.to_str().map(str::to_owned)).collect::<Option<Vec<_>>>() {
        Some(texts) if texts.is_empty() => Ok(Vec::new()),
        Some(texts) => Ok(listed::all(option, Some(&texts), places)?.into_iter().map(PathBuf::from).collect()),
        None => Ok(given.to_vec()),
    }
}

/// Returns the value of each of `owners`. They are paired by position if there are as many values as owners; otherwise
/// each value belongs to the owner before it on the command line.
fn pair(
    owners: (&'static str, usize),
    option: &'static str,
    values: &[Option<String>],
    places: &OptionSources,
) -> Result<Vec<Option<String>>, Error> {
    let (owner, count) = owners;
    if values.is_empty() {
        return Ok(vec![None; count]);
    }
    let (of_owners, of_values) = (places.of_option(owner), places.of_option(option));
    if values.len() == count {
        refuse_apart((owner, of_owners), (option, of_values), count)?;
        return Ok(values.to_vec());
    }
    let unpaired = || Error::Unpaired { option: flag(option), owner: flag(owner), values: values.len(), owners: count };
    let (OptionSource::CommandLine(of_owners), OptionSource::CommandLine(of_values)) = (of_owners, of_values) else {
        return Err(unpaired());
    };
    // A list in brackets has several values at one position.
    if of_owners.len() != count || of_values.len() != values.len() {
        return Err(unpaired());
    }
    let mut paired = vec![None; count];
    for (value, place) in values.iter().zip(of_values) {
        let before = of_owners.iter().filter(|own| *own < place).count();
        let slot = before.checked_sub(1).and_then(|number| paired.get_mut(number)).ok_or_else(unpaired)?;
        if slot.is_some() {
            return Err(unpaired());
        }
        slot.clone_from(value);
    }
    Ok(paired)
}

/// Refuses to pair values by position if they come from two places. The two lists may have been written without regard
/// to each other, and after a wrong pairing the server would accept one issuer's tokens with another issuer's key. With
/// one owner, the pairing is unambiguous.
fn refuse_apart(owner: (&str, &OptionSource), option: (&str, &OptionSource), count: usize) -> Result<(), Error> {
    if count < 2 || owner.1.name() == option.1.name() {
        return Ok(());
    }
    Err(Error::Apart {
        option: flag(option.0),
        place: option.1.name(),
        owner: flag(owner.0),
        owner_place: owner.1.name(),
    })
}

pub(super) fn client_certificates(
    options: &Options,
    places: &OptionSources,
) -> Result<Option<ClientCertificates>, Error> {
    let files = paths("authority_cert_file", options.authority_cert_file.as_deref(), places)?;
    let crl_files = paths("crl_file", options.crl_file.as_deref(), places)?;
    if files.is_empty() {
        let needing = [
            ("crl-file", !crl_files.is_empty()),
            ("client-cert", options.client_cert.is_some()),
            ("client-cert-username", options.client_cert_username.is_some()),
            ("username-prefix", options.username_prefix.is_some()),
        ];
        let given = needing.into_iter().find(|(_, given)| *given);
        return given.map_or(Ok(None), |(option, _)| Err(Error::Needs(option, "authority-cert-file")));
    }
    let prefixes = listed::values("username_prefix", options.username_prefix.as_deref(), places)?;
    let prefixes = pair(("authority_cert_file", files.len()), "username_prefix", &prefixes, places)?;
    let authorities = files.into_iter().zip(prefixes);
    Ok(Some(ClientCertificates {
        authorities: authorities
            .map(|(file, prefix)| {
                let username_prefix = prefix.unwrap_or_default();
                Authority { file, username_prefix, foreign_prefixes: Vec::new() }
            })
            .collect(),
        required: options.client_cert != Some(ClientCert::Optional),
        username: options.client_cert_username.unwrap_or(ClientCertUsername::Cn),
        crl_files,
    }))
}

pub(super) fn jwt_issuers(options: &Options, places: &OptionSources) -> Result<Vec<JwtIssuer>, Error> {
    let issuers = listed::all("jwt_issuer_uri", options.jwt_issuer_uri.as_deref(), places)?;
    if issuers.is_empty() {
        let needing = [
            ("jwks-uri", options.jwks_uri.is_some()),
            ("jwt-audience", options.jwt_audience.is_some()),
            ("jwt-username-claim", options.jwt_username_claim.is_some()),
            ("jwt-username-prefix", options.jwt_username_prefix.is_some()),
        ];
        let given = needing.into_iter().find(|(_, given)| *given);
        return given.map_or(Ok(Vec::new()), |(option, _)| Err(Error::Needs(option, "jwt-issuer-uri")));
    }
    let owners = ("jwt_issuer_uri", issuers.len());
    let of_issuers = |option: &'static str, given: &Option<Vec<String>>| {
        pair(owners, option, &listed::values(option, given.as_deref(), places)?, places)
    };
    let uris = of_issuers("jwks_uri", &options.jwks_uri)?;
    let audiences = of_issuers("jwt_audience", &options.jwt_audience)?;
    let prefixes = of_issuers("jwt_username_prefix", &options.jwt_username_prefix)?;
    let claims = username_claims(options, issuers.len(), places)?;
    let allow_http = options.jwks_allow_http.unwrap_or(false);
    let mut table: Vec<JwtIssuer> = Vec::new();
    let parts = issuers.into_iter().zip(uris).zip(audiences).zip(prefixes).zip(claims);
    for ((((issuer, uri), audience), prefix), username_claim) in parts {
        if issuer.is_empty() || audience.as_deref() == Some("") || username_claim.is_empty() {
            return Err(Error::Value {
                option: "jwt-issuer-uri",
                fault: "issuer, audience and claim must not be empty",
            });
        }
        if issuer.starts_with(OWN_ISSUER) {
            return Err(Error::Value {
                option: "jwt-issuer-uri",
                fault: "an issuer that begins with `urn:claviger:` is reserved for the server's own access tokens",
            });
        }
        if table.iter().any(|other| other.issuer == issuer && other.audience == audience) {
            return Err(Error::IssuerTwice { issuer, audience: audience.unwrap_or_else(|| "any".to_owned()) });
        }
        let jwks_uri = key_set_uri(&issuer, uri, allow_http)?;
        let username_prefix = prefix.unwrap_or_default();
        let own =
            JwtIssuer { issuer, jwks_uri, audience, username_claim, username_prefix, foreign_prefixes: Vec::new() };
        table.push(own);
    }
    Ok(table)
}

/// Returns, for each issuer, the claim that holds the user name. The option gives one for all issuers, or one for each.
fn username_claims(options: &Options, owners: usize, places: &OptionSources) -> Result<Vec<String>, Error> {
    let claims = listed::values("jwt_username_claim", options.jwt_username_claim.as_deref(), places)?;
    let claims: Vec<String> = claims.into_iter().map(|claim| claim.unwrap_or_else(|| "sub".to_owned())).collect();
    match claims.as_slice() {
        [] => Ok(vec!["sub".to_owned(); owners]),
        [one] => Ok(vec![one.clone(); owners]),
        several if several.len() == owners => {
            let [owner, claim] = ["jwt_issuer_uri", "jwt_username_claim"].map(|name| (name, places.of_option(name)));
            refuse_apart(owner, claim, owners)?;
            Ok(claims)
        }
        several => {
            let (option, owner) = ("--jwt-username-claim".to_owned(), "--jwt-issuer-uri".to_owned());
            Err(Error::Unpaired { option, owner, values: several.len(), owners })
        }
    }
}

/// Returns the URL of the issuer's key set: the given one, or `/.well-known/jwks.json` below the issuer.
fn key_set_uri(issuer: &str, given: Option<String>, allow_http: bool) -> Result<Url, Error> {
    let text = given.unwrap_or_else(|| format!("{}/.well-known/jwks.json", issuer.strip_suffix('/').unwrap_or(issuer)));
    Url::of_keys(&text, allow_http).map_err(|source| Error::JwksUri { uri: text, source })
}

/// The owner of a prefix: an authority file, or an issuer, which may be listed once for each of several audiences.
#[derive(Clone, PartialEq, Eq)]
enum Owner {
    Authority(PathBuf),
    Issuer(String),
}

/// Refuses prefixes that do not keep the owners' user names apart, and sets the `foreign_prefixes` of each owner.
/// Owners without a prefix share one name space; the server warns about this at its start.
pub(super) fn separate_prefixes(
    clients: Option<&mut ClientCertificates>,
    issuers: &mut [JwtIssuer],
) -> Result<(), Error> {
    let authorities = clients.map_or(&mut [][..], |clients| &mut clients.authorities);
    let of_authorities = authorities.iter().map(|own| (Owner::Authority(own.file.clone()), &own.username_prefix));
    let of_issuers = issuers.iter().map(|own| (Owner::Issuer(own.issuer.clone()), &own.username_prefix));
    let all = of_authorities.chain(of_issuers).filter(|(_, prefix)| !prefix.is_empty());
    let all: Vec<(Owner, String)> = all.map(|(owner, prefix)| (owner, prefix.clone())).collect();
    for (number, (owner, prefix)) in all.iter().enumerate() {
        for (_, second) in all.iter().skip(number + 1).filter(|(other, _)| other != owner) {
            if prefix.starts_with(second.as_str()) || second.starts_with(prefix.as_str()) {
                return Err(Error::Prefixes(prefix.clone(), second.clone()));
            }
        }
    }
    let of_others = |own: &Owner| -> Vec<String> {
        all.iter().filter(|(owner, _)| owner != own).map(|(_, prefix)| prefix.clone()).collect()
    };
    for own in authorities {
        own.foreign_prefixes = of_others(&Owner::Authority(own.file.clone()));
    }
    for own in issuers {
        own.foreign_prefixes = of_others(&Owner::Issuer(own.issuer.clone()));
    }
    Ok(())
}
