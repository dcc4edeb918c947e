//! The environment variables of options.

use std::env;

use clap::builder::Resettable;

/// The same options without their environment variables that are set and empty, which count as unset; and the names of these.
///
/// Compose files and unit files set a variable to nothing where nothing was configured.
#[must_use]
pub fn without_empty(command: clap::Command) -> (clap::Command, Vec<String>) {
    let mut empty = Vec::new();
    let command = command.mut_args(|option| {
        let name = option.get_env().filter(|name| env::var_os(name).is_some_and(|value| value.is_empty()));
        match name.map(|name| name.to_string_lossy().into_owned()) {
            Some(name) => {
                empty.push(name);
                option.env(Resettable::Reset)
            }
            None => option,
        }
    });
    (command, empty)
}
