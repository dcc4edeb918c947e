//! `claviger identities attach`

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::auth_at;
use super::tokens::Tokens;
use crate::cli::error::{Error, FileError};
use crate::cli::report::Report;
use crate::cli::stream::Source;
use crate::client::Client;

/// The largest file with keys or authorities, in bytes.
const MAX_PEM: usize = 64 << 10;

/// Have an identity be known by the JWTs of an issuer
#[derive(clap::Args)]
pub(in crate::cli) struct Attach {
    /// The identity's identifier
    #[arg(value_name = "ID")]
    id: String,
    /// Where the issuer's keys are, a JWK Set
    #[arg(long, value_name = "URL", required_unless_present = "public_key", conflicts_with = "public_key")]
    jwks_url: Option<String>,
    /// PEM file with the authorities of the server of the keys [default: what the server trusts]
    #[arg(long, value_name = "FILE", requires = "jwks_url")]
    jwks_ca_file: Option<PathBuf>,
    /// PEM file with public keys of the issuer; may be repeated
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// The issuer, exactly as `iss`
    #[arg(long, value_name = "ISSUER")]
    bound_issuer: String,
    /// An audience of which the JWTs must be for one; `*`, `?`, `{a,b}` and `[ab]` are wildcards; may be repeated
    #[arg(long, value_name = "AUDIENCE", required = true)]
    audience: Vec<String>,
    /// The `sub`; `*`, `?`, `{a,b}` and `[ab]` are wildcards
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// A claim and its values, which commas separate; dots reach into nested claims; may be repeated
    #[arg(long, value_name = "CLAIM=VALUES", value_parser = claim)]
    claim: Vec<(String, String)>,
    #[command(flatten)]
    tokens: Tokens,
}

fn claim(text: &str) -> Result<(String, String), &'static str> {
    let (name, values) = text.split_once('=').ok_or("a claim is bound as CLAIM=VALUES")?;
    Ok((name.to_owned(), values.to_owned()))
}

impl Attach {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
        match &self.jwks_url {
            Some(url) => {
                put("configurationType", json!("jwks"));
                put("jwksUrl", json!(url));
                if let Some(path) = &self.jwks_ca_file {
                    put("jwksCaCert", pem(path).await?.into());
                }
            }
            None => {
                let mut keys = Vec::new();
                for path in &self.public_key {
                    keys.push(pem(path).await?);
                }
                put("configurationType", json!("static"));
                put("publicKeys", json!(keys));
            }
        }
        put("boundIssuer", json!(self.bound_issuer));
        put("boundAudiences", json!(self.audience.join(",")));
        put("boundSubject", json!(self.subject.unwrap_or_default()));
        put(
            "boundClaims",
            self.claim.into_iter().map(|(name, values)| (name, values.into())).collect::<Map<_, _>>().into(),
        );
        self.tokens.put(&mut body);
        Ok(Report::quiet(client.post_json(&auth_at(&self.id), &body).await?))
    }
}

/// A PEM file as text.
async fn pem(path: &Path) -> Result<String, Error> {
    let bytes = Source::open(path)?.read(MAX_PEM + 1).await?;
    if bytes.len() > MAX_PEM {
        return Err(FileError::Large { path: path.to_owned(), limit: MAX_PEM }.into());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
