//! The sources of option values.

use clap::parser::ValueSource;

/// The sources of the options that take several values, by the option's name in clap.
#[derive(Debug, Default)]
pub struct OptionSources(Vec<(&'static str, OptionSource)>);

/// The source of the values of an option.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OptionSource {
    /// The command line, at these positions.
    CommandLine(Vec<usize>),
    Environment,
    /// The configuration file, or nowhere.
    File,
}

const PLACED: [&str; 10] = [
    "authority_cert_file",
    "username_prefix",
    "crl_file",
    "jwt_issuer_uri",
    "jwks_uri",
    "jwt_audience",
    "jwt_username_claim",
    "jwt_username_prefix",
    "create",
    "administrators",
];

impl OptionSources {
    /// Reads the sources from the result of clap.
    #[must_use]
    pub fn of(matches: &clap::ArgMatches) -> Self {
        let place = |name| match matches.value_source(name)? {
            ValueSource::CommandLine => {
                Some(OptionSource::CommandLine(matches.indices_of(name).map(Iterator::collect).unwrap_or_default()))
            }
            ValueSource::EnvVariable => Some(OptionSource::Environment),
            _ => None,
        };
        Self(PLACED.into_iter().filter_map(|name| Some((name, place(name)?))).collect())
    }

    /// Returns whether the values of an option come from its environment variable.
    pub(super) fn is_environment(&self, option: &str) -> bool {
        *self.of_option(option) == OptionSource::Environment
    }

    /// Returns the source of the values of an option.
    pub(super) fn of_option(&self, name: &str) -> &OptionSource {
        self.0.iter().find(|(own, _)| *own == name).map_or(&OptionSource::File, |(_, place)| place)
    }
}

impl OptionSource {
    /// Returns its name for messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::CommandLine(_) => "the command line",
            Self::Environment => "the environment",
            Self::File => "the file",
        }
    }
}
