//! Common options of jwt-auth and oidc-auth: the JWTs that authenticate an identity.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::tokens::Tokens;
use crate::cli::error::{Error, FileError};
use crate::cli::stream::Source;

/// The largest file with keys or authorities, in bytes.
const MAX_PEM: usize = 64 << 10;

/// The requirements on a JWT, and the settings of its access token. Options that are not given are not sent.
#[derive(clap::Args)]
pub(super) struct Bounds {
    /// Issuer, exactly as in the `iss` claim of the JWTs
    #[arg(long, value_name = "ISSUER")]
    bound_issuer: Option<String>,
    /// Audience (`aud`), with the wildcards `*`, `?`, `{a,b}`, `[ab]`; can be repeated: one must match
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
    /// Subject (`sub`), with the same wildcards [default of `attach`: any]
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Claim with one of the VALUES, as in env=prod,dev; a.b is nested; can be repeated: all must match
    #[arg(long, value_name = "CLAIM=VALUES", value_parser = claim)]
    claim: Vec<(String, String)>,
    #[command(flatten)]
    tokens: Tokens,
}

fn claim(text: &str) -> Result<(String, String), String> {
    let missing = || format!("{text:?} is not a claim: write CLAIM=VALUES, as in env=prod,dev");
    let (name, values) = text.split_once('=').ok_or_else(missing)?;
    Ok((name.to_owned(), values.to_owned()))
}

impl Bounds {
    /// Adds the given options to a request.
    ///
    /// # Errors
    /// A claim is named twice.
    pub(super) fn put(self, body: &mut Map<String, Value>) -> Result<(), Error> {
        let mut put = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
        if let Some(issuer) = self.bound_issuer {
            put("boundIssuer", issuer.into());
        }
        if !self.audience.is_empty() {
            put("boundAudiences", json!(self.audience.join(",")));
        }
        if let Some(subject) = self.subject {
            put("boundSubject", subject.into());
        }
        if !self.claim.is_empty() {
            let mut claims = Map::new();
            for (name, values) in self.claim {
                if claims.contains_key(&name) {
                    return Err(Error::ClaimTwice(name));
                }
                claims.insert(name, values.into());
            }
            put("boundClaims", claims.into());
        }
        self.tokens.put(body);
        Ok(())
    }
}

/// Reads a PEM file as text.
///
/// # Errors
/// The file cannot be read, or is larger than the server accepts.
pub(super) async fn pem(path: &Path) -> Result<String, Error> {
    let bytes = Source::whole(path, MAX_PEM, FileError::large).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
