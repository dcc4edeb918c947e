//! `claviger identities oidc-auth`

use std::path::PathBuf;

use clap::{ArgGroup, Subcommand};
use serde_json::{Map, Value, json};

use super::bounds::{Bounds, pem};
use super::{end_tokens, pretty};
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::{Client, segment};

const EXAMPLE: &str = "\
Example:
  id=$(claviger identities create --name deployer --role member)
  claviger identities oidc-auth attach \"$id\" --discovery-url https://token.actions.githubusercontent.com \\
      --bound-issuer https://token.actions.githubusercontent.com --audience claviger --subject 'repo:acme/web:*'
  claviger login --issuer \"oidc-auth/$id\" --jwt-file job.jwt          # as the application";

/// Let an identity log in by JWTs of an OpenID Connect provider (Infisical's oidc-auth)
///
/// The provider gives the application a JWT, such as the ID token of a CI job, and the application exchanges it for an access
/// token of this server. The provider says by its discovery document where its keys are.
#[derive(Subcommand)]
#[command(after_help = EXAMPLE)]
pub(in crate::cli) enum OidcAuth {
    Attach(Attach),
    Update(Update),
    Show(Show),
    Detach(Detach),
}

/// Where the provider's keys are found.
#[derive(clap::Args)]
struct Provider {
    /// URL of the provider, below which /.well-known/openid-configuration says where its keys are; the provider must call itself
    /// so there (`issuer`)
    #[arg(long, value_name = "URL")]
    discovery_url: Option<String>,
    /// PEM file with the authorities of the provider's servers [default of `attach`: what the server trusts]
    #[arg(long, value_name = "FILE")]
    discovery_ca_file: Option<PathBuf>,
    #[command(flatten)]
    bounds: Bounds,
}

/// Let an identity log in by JWTs of a provider
///
/// The options say by which JWTs: all that is given must hold.
#[derive(clap::Args)]
#[command(
    mut_arg("discovery_url", |arg| arg.required(true)),
    mut_arg("bound_issuer", |arg| arg.required(true)),
    mut_arg("audience", |arg| arg.required(true)),
    after_help = EXAMPLE
)]
pub(in crate::cli) struct Attach {
    /// The identity's identifier
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    provider: Provider,
}

/// Change by which JWTs of its provider an identity logs in
///
/// What is not given stays. Of audiences, claims and networks, those that are given replace all that were there. Access tokens
/// that were issued before stay valid until they end, unless --end-tokens is given.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args([
    "discovery_url", "discovery_ca_file", "bound_issuer", "audience", "subject", "claim", "no_claims", "ttl", "max_ttl", "uses",
    "trusted_ip",
]))]
pub(in crate::cli) struct Update {
    /// The identity's identifier
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    provider: Provider,
    /// Ask for no claims any longer
    #[arg(long, conflicts_with = "claim")]
    no_claims: bool,
    /// After the change, refuse the access tokens that the identity has, by whatever way it got them
    #[arg(long)]
    end_tokens: bool,
}

/// Print by which JWTs of its provider an identity logs in, as JSON
#[derive(clap::Args)]
pub(in crate::cli) struct Show {
    /// The identity's identifier
    #[arg(value_name = "ID")]
    id: String,
}

/// Refuse the provider's JWTs for an identity from now on, and end the access tokens that it got by them
#[derive(clap::Args)]
pub(in crate::cli) struct Detach {
    /// The identity's identifier
    #[arg(value_name = "ID")]
    id: String,
}

fn at(id: &str) -> String {
    format!("/api/v1/auth/oidc-auth/identities/{}", segment(id))
}

impl Provider {
    /// The request: what is given.
    async fn body(self) -> Result<Map<String, Value>, Error> {
        let mut body = Map::new();
        body.extend(self.discovery_url.map(|url| ("oidcDiscoveryUrl".to_owned(), url.into())));
        if let Some(path) = &self.discovery_ca_file {
            body.insert("caCert".to_owned(), pem(path).await?.into());
        }
        self.bounds.put(&mut body)?;
        Ok(body)
    }
}

impl OidcAuth {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Attach(Attach { id, provider }) => {
                Ok(Report::quiet(client.post_json(&at(&id), &provider.body().await?).await?))
            }
            Self::Update(command) => command.run(client).await,
            Self::Show(Show { id }) => Ok(pretty(client.get_json(&at(&id)).await?)),
            Self::Detach(Detach { id }) => Ok(Report::quiet(client.delete_json(&at(&id)).await?)),
        }
    }
}

impl Update {
    async fn run(self, client: &Client) -> Result<Report, Error> {
        let mut body = self.provider.body().await?;
        if self.no_claims {
            body.insert("boundClaims".to_owned(), json!({}));
        }
        let mut changed: Value = client.patch_json(&at(&self.id), &body).await?;
        if self.end_tokens {
            // After the change: until then the old JWTs buy new tokens.
            end_tokens(client, &self.id).await?;
            // It says that the tokens stay.
            changed.as_object_mut().and_then(|members| members.remove("message"));
        }
        Ok(Report::quiet(changed))
    }
}
