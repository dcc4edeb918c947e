//! The commands that need a server.

use std::path::Path;

use super::error::Error;
use super::report::Report;
use super::{
    access_rights, api_keys, attributes, audit, data, doctor, identities, issuers, keys, kmip, login, objects, secrets,
    stored, sym, tokens, version, whoami,
};
use crate::client::{Client, Settings};

/// The commands that need the server.
pub(super) enum Remote {
    Keys(keys::Keys),
    Data(data::Data),
    Certificates(stored::Certificates),
    Opaque(stored::Opaque),
    Kmip(kmip::Kmip),
    Sym(sym::Sym),
    Attributes(attributes::Attributes),
    Audit(audit::Audit),
    AccessRights(access_rights::AccessRights),
    Login(login::Login),
    Logout(login::Logout),
    Identities(identities::Identities),
    ApiKeys(api_keys::ApiKeys),
    Issuers(issuers::Issuers),
    Secrets(secrets::Secrets),
    Objects(objects::Objects),
    Tokens(tokens::Tokens),
    Doctor(doctor::Doctor),
    Whoami(whoami::WhoAmI),
    Version(version::Version),
}

impl Remote {
    /// Runs the command with the access token of the last login, if no other token is given and this server issued it.
    pub(super) async fn run_with(self, mut settings: Settings, login: Option<&Path>) -> Result<Report, Error> {
        let is_about_login = matches!(self, Self::Login(_) | Self::Logout(_));
        if settings.access_token.is_none()
            && !is_about_login
            && let Some(place) = login
        {
            match login::token(&settings, place).await {
                Ok(token) => settings.access_token = token,
                // The diagnosis goes on without the token, and finds out why it could not be renewed.
                Err(_) if matches!(self, Self::Doctor(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.run(&settings, login).await
    }

    /// Runs the command. `login` is the path of the login file.
    async fn run(self, settings: &Settings, login: Option<&Path>) -> Result<Report, Error> {
        let client = || Client::new(settings);
        match self {
            // It looks at the settings step by step.
            Self::Doctor(command) => command.run(settings).await,
            Self::Keys(command) => command.run(&client()?).await,
            Self::Data(command) => command.run(&client()?).await,
            Self::Certificates(command) => command.run(&client()?).await,
            Self::Opaque(command) => command.run(&client()?).await,
            Self::Kmip(command) => command.run(&client()?).await,
            Self::Sym(command) => command.run(&client()?).await,
            Self::Attributes(command) => command.run(&client()?).await,
            Self::Audit(command) => command.run(&client()?).await,
            Self::AccessRights(command) => command.run(&client()?).await,
            Self::Login(command) => command.run(&client()?, login).await,
            Self::Logout(command) => command.run(&client()?, login).await,
            Self::Identities(command) => command.run(&client()?).await,
            Self::ApiKeys(command) => command.run(&client()?).await,
            Self::Issuers(command) => command.run(&client()?).await,
            Self::Secrets(command) => command.run(&client()?).await,
            Self::Objects(command) => command.run(&client()?).await,
            Self::Tokens(command) => command.run(&client()?).await,
            Self::Whoami(command) => command.run(&client()?).await,
            Self::Version(command) => command.run(&client()?).await,
        }
    }
}
