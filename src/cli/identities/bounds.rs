//! Which JWTs an identity is known by: the options that jwt-auth and oidc-auth share.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::tokens::Tokens;
use crate::cli::error::{Error, FileError};
use crate::cli::stream::Source;

/// The largest file with keys or authorities, in bytes.
const MAX_PEM: usize = 64 << 10;

/// What a JWT must say, and what its access token may do. What is not given is not sent.
#[derive(clap::Args)]
pub(super) struct Bounds {
    /// The issuer, exactly as the JWTs have it in `iss`
    #[arg(long, value_name = "ISSUER")]
    bound_issuer: Option<String>,
    /// An audience (`aud`), of which the JWTs must be for one; `*`, `?`, `{a,b}` and `[ab]` are wildcards; repeat the option for
    /// several
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
    /// The subject (`sub`) of the JWTs; `*`, `?`, `{a,b}` and `[ab]` are wildcards [default of `attach`: any]
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// A claim that the JWTs must have, with one of the VALUES, which commas separate; wildcards as in --subject; dots reach into
    /// nested claims; repeat the option for several claims, which must all hold
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
    /// Puts what is given into a request.
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

/// A PEM file as text.
///
/// # Errors
/// It cannot be read, or is larger than the server takes.
pub(super) async fn pem(path: &Path) -> Result<String, Error> {
    let bytes = Source::whole(path, MAX_PEM, FileError::large).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
