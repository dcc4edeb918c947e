//! The configuration of an authenticator by its variables: the issuer that it trusts, and the claims that its hosts
//! must restrict.

use serde::Deserialize;
use serde_json::Value;

use super::fault::Fault;
use crate::auth::{Bound, Expected, KeySet, KeySource, RSASSA_PKCS1_V1_5, TrustedIssuer};
use crate::policy::{AuthenticatorDocument, HostDocument, aliases, enforced};

/// The variable `public-keys`.
#[derive(Deserialize)]
struct PublicKeys {
    r#type: String,
    value: Value,
}

/// An authenticator with parsed variables.
pub struct HostAuthenticator {
    /// The requirements for its JWTs, without those of a host.
    pub issuer: TrustedIssuer,
    /// Aliases: the names in annotations, with the claims that they mean.
    aliases: Vec<(String, String)>,
    /// The claims that a host must restrict.
    enforced: Vec<String>,
}

impl HostAuthenticator {
    /// Parses the variables. `allow_http`: keys may be fetched by plain HTTP.
    ///
    /// # Errors
    /// A variable is faulty; the error names it.
    pub fn new(document: &AuthenticatorDocument, allow_http: bool) -> Result<Self, Fault> {
        let variable = |name: &str| document.variables.get(name).map(String::as_str);
        let faulty = |name: &str, problem: String| Fault::new("CONJ00087E", format!("{name}: {problem}"));
        let keys = match (variable("jwks-uri"), variable("provider-uri"), variable("public-keys")) {
            (Some(uri), None, None) => {
                KeySource::uri(uri, allow_http).map_err(|error| faulty("jwks-uri", error.to_string()))?
            }
            (None, Some(uri), None) => {
                KeySource::discovery(uri, allow_http).map_err(|error| faulty("provider-uri", error.to_string()))?
            }
            (None, None, Some(text)) => KeySource::inline(public_keys(text)?),
            _ => return Err(faulty("jwks-uri", "there must be exactly one place of keys".to_owned())),
        };
        // Without the variable `issuer`, a JWT may leave `iss` out. If it has one, `iss` must name the provider or the
        // host of the keys.
        let implied = match &keys {
            KeySource::Uri(uri) => Some(uri.host().to_owned()),
            KeySource::Discovery(_) => variable("provider-uri").map(str::to_owned),
            KeySource::Inline(_) => None,
        };
        let audiences = variable("audience").into_iter().map(|own| Expected::Exact(own.to_owned())).collect();
        let issuer = TrustedIssuer::new(variable("issuer").unwrap_or_default(), keys, audiences);
        let mut issuer = match variable("ca-cert") {
            Some(pem) => issuer.with_authorities(pem).map_err(|error| faulty("ca-cert", error.to_string()))?,
            None => issuer,
        };
        issuer.implied_issuer = implied;
        issuer.algorithms = Some(RSASSA_PKCS1_V1_5);
        issuer.tells_deferral = true;
        issuer.username_claim = variable("token-app-property").unwrap_or_default().to_owned();
        let path = variable("identity-path").map(|path| format!("{}/", path.trim_matches('/')));
        issuer.username_prefix = path.unwrap_or_default();
        let problem = |problem: String| Fault::new("CONJ00057E", problem);
        let aliases = aliases(variable("claim-aliases").unwrap_or_default()).map_err(problem)?;
        let aliases = aliases.into_iter().map(|(alias, claim)| (alias.to_owned(), claim.to_owned())).collect();
        let enforced = enforced(variable("enforced-claims").unwrap_or_default()).map_err(problem)?;
        Ok(Self { issuer, aliases, enforced: enforced.into_iter().map(str::to_owned).collect() })
    }

    /// Whether a claim names the host; otherwise the URL does.
    #[must_use]
    pub fn names_host(&self) -> bool {
        !self.issuer.username_claim.is_empty()
    }

    /// The claims that the host's tokens must have, with their values.
    ///
    /// # Errors
    /// The host has no restrictions, or lacks one that is enforced.
    pub fn restrictions(&self, host: &HostDocument, service: &str) -> Result<Vec<(String, Bound)>, Fault> {
        let given: Vec<(&str, &str)> = host.restrictions(service).collect();
        if given.is_empty() {
            return Err(Fault::new("CONJ00057E", "the host has no restrictions"));
        }
        if given.iter().any(|(name, _)| self.aliases.iter().any(|(_, real)| real == name)) {
            return Err(Fault::new("CONJ00069E", "the host restricts a claim that has an alias"));
        }
        let claim = |name: &str| {
            let real = self.aliases.iter().find(|(alias, _)| alias == name).map(|(_, real)| real.as_str());
            real.unwrap_or(name).to_owned()
        };
        let bound: Vec<(String, Bound)> = given
            .iter()
            .map(|(name, value)| (claim(name), Bound::AnyOf(vec![Expected::Exact((*value).to_owned())])))
            .collect();
        match self.enforced.iter().find(|enforced| !bound.iter().any(|(own, _)| own == *enforced)) {
            Some(claim) => {
                let problem = format!("the host does not restrict the claim {claim:?}, which is enforced");
                Err(Fault::new("CONJ00057E", problem))
            }
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
