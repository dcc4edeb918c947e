//! The issuer that an authenticator's variables describe, and whom its tokens may name.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::code::Fault;
use crate::auth::{Bound, Expected, KeySet, KeySource, RSASSA_PKCS1_V1_5, TrustedIssuer};
use crate::client::{Url, authorities_of_pem};
use crate::policy::{AuthenticatorDocument, HostDocument, aliases, enforced};

/// The variable `public-keys`.
#[derive(Deserialize)]
struct PublicKeys {
    r#type: String,
    value: Value,
}

/// An authenticator as its variables have it.
pub(super) struct Authenticator<'a> {
    document: &'a AuthenticatorDocument,
    /// What its tokens must say; of no host yet.
    pub(super) issuer: TrustedIssuer,
}

impl<'a> Authenticator<'a> {
    /// # Errors
    /// A variable is faulty, by its name.
    pub(super) fn new(document: &'a AuthenticatorDocument, allow_http: bool) -> Result<Self, Fault> {
        let variable = |name: &str| document.variables.get(name).map(String::as_str);
        let faulty = |name: &str, problem: String| Fault::new("CONJ00087E", format!("{name}: {problem}"));
        let url = |name: &str, text: &str| -> Result<Url, Fault> {
            Url::of_keys(text, allow_http).map_err(|error| faulty(name, error.to_string()))
        };
        let (keys, provider) = match (variable("jwks-uri"), variable("provider-uri"), variable("public-keys")) {
            (Some(uri), None, None) => (KeySource::Uri(url("jwks-uri", uri)?), None),
            (None, Some(uri), None) => (KeySource::Discovery(url("provider-uri", uri)?), Some(uri)),
            (None, None, Some(text)) => (KeySource::Inline(Arc::new(public_keys(text)?)), None),
            _ => return Err(faulty("jwks-uri", "there must be exactly one place of keys".to_owned())),
        };
        if let Some(pem) = variable("ca-cert") {
            authorities_of_pem(pem.as_bytes()).map_err(|error| faulty("ca-cert", error.to_string()))?;
        }
        let issuer = TrustedIssuer {
            table: None,
            issuer: variable("issuer").or(provider).unwrap_or_default().to_owned(),
            keys,
            keys_ca: variable("ca-cert").map(Arc::from),
            audiences: variable("audience").into_iter().map(|own| Expected::Exact(own.to_owned())).collect(),
            subject: None,
            algorithms: Some(RSASSA_PKCS1_V1_5),
            tells_deferral: true,
            username_claim: variable("token-app-property").unwrap_or_default().to_owned(),
            username_prefix: variable("identity-path")
                .map(|path| format!("{}/", path.trim_matches('/')))
                .unwrap_or_default(),
            foreign_prefixes: Vec::new(),
            bound_claims: Vec::new(),
            role: None,
            narrows_by_property: false,
        };
        Ok(Self { document, issuer })
    }

    /// Whether a claim names the host, rather than the URL.
    pub(super) fn names_host(&self) -> bool {
        !self.issuer.username_claim.is_empty()
    }

    /// The claims that the host's tokens must have, with their values.
    ///
    /// # Errors
    /// The host restricts nothing, or lacks what is enforced.
    pub(super) fn restrictions(&self, host: &HostDocument, service: &str) -> Result<Vec<(String, Bound)>, Fault> {
        let given: Vec<(&str, &str)> = host.restrictions(service).collect();
        if given.is_empty() {
            return Err(Fault::new("CONJ00057E", "the host restricts nothing"));
        }
        let faulty = |problem: String| Fault::new("CONJ00057E", problem);
        let variable = |name: &str| self.document.variables.get(name).map_or("", String::as_str);
        let aliases = aliases(variable("claim-aliases")).map_err(faulty)?;
        if given.iter().any(|(name, _)| aliases.iter().any(|(_, real)| real == name)) {
            return Err(Fault::new("CONJ00069E", "the host restricts a claim that has an alias"));
        }
        let claim = |name: &str| {
            let real = aliases.iter().find(|(alias, _)| *alias == name).map(|(_, real)| *real);
            real.unwrap_or(name).to_owned()
        };
        let bound: Vec<(String, Bound)> = given
            .iter()
            .map(|(name, value)| (claim(name), Bound::AnyOf(vec![Expected::Exact((*value).to_owned())])))
            .collect();
        let mut enforced = enforced(variable("enforced-claims")).map_err(faulty)?.into_iter();
        match enforced.find(|enforced| !bound.iter().any(|(own, _)| own == enforced)) {
            Some(_) => Err(Fault::new("CONJ00057E", "the host lacks a restriction that is enforced")),
            None => Ok(bound),
        }
    }
}

fn public_keys(text: &str) -> Result<KeySet, Fault> {
    let faulty = |problem: String| Fault::new("CONJ00087E", format!("public-keys: {problem}"));
    let PublicKeys { r#type, value } =
        serde_json::from_str(text).map_err(|_| faulty("no object with type and value".to_owned()))?;
    if r#type != "jwks" {
        return Err(faulty("its type is not jwks".to_owned()));
    }
    KeySet::parse(value.to_string().as_bytes()).map_err(|error| faulty(error.to_string()))
}
