//! The sources of option values.

use clap::parser::ValueSource;

/// The sources of options, by the option's name in clap.
#[derive(Debug, Default)]
pub struct OptionSources {
    /// Those of the options that take several values.
    listed: Vec<(&'static str, OptionSource)>,
    /// The options that are given on the command line.
    flags: Vec<String>,
    /// The options that are given by environment variables.
    variables: Vec<String>,
}

/// The source of the values of an option.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OptionSource {
    /// The command line, at these positions.
    CommandLine(Vec<usize>),
    Environment,
    /// The configuration file, or nowhere.
    File,
}

const PLACED: [&str; 11] = [
    "proxy_protocol_from",
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
        let of = |source| {
            let ids = matches.ids().map(clap::Id::as_str);
            ids.filter(|name| matches.value_source(name) == Some(source)).map(str::to_owned).collect()
        };
        Self {
            listed: PLACED.into_iter().filter_map(|name| Some((name, place(name)?))).collect(),
            flags: of(ValueSource::CommandLine),
            variables: of(ValueSource::EnvVariable),
        }
    }

    /// Returns whether an option is given on the command line.
    pub(super) fn is_flag(&self, option: &str) -> bool {
        self.flags.iter().any(|name| name == option)
    }

    /// Returns whether an option is given by its environment variable.
    pub(super) fn is_variable(&self, option: &str) -> bool {
        self.variables.iter().any(|name| name == option)
    }

    /// Returns whether the values of an option come from its environment variable.
    pub(super) fn is_environment(&self, option: &str) -> bool {
        *self.of_option(option) == OptionSource::Environment
    }

    /// Returns the source of the values of an option.
    pub(super) fn of_option(&self, name: &str) -> &OptionSource {
        self.listed.iter().find(|(own, _)| *own == name).map_or(&OptionSource::File, |(_, place)| place)
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
