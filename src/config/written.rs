//! Options that are a number or a string in the configuration file.

use std::str::FromStr;

/// The forms that the configuration file may have.
#[derive(serde::Deserialize)]
#[serde(untagged)]
pub(super) enum Written {
    Number(i64),
    Text(String),
}

impl Written {
    /// Reads the value as on the command line.
    pub(super) fn parse<T: FromStr>(&self) -> Result<T, T::Err> {
        match self {
            Self::Number(number) => number.to_string().parse(),
            Self::Text(text) => text.parse(),
        }
    }
}
