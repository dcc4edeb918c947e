//! The environment variables of options.

use std::env;

use clap::builder::Resettable;

/// The same command, with its subcommands, whose options do not see an environment variable that is set and empty, which counts as
/// unset; and the names of these variables, each once.
///
/// Compose files and unit files set a variable to nothing where nothing was configured.
#[must_use]
pub fn without_empty(command: clap::Command) -> (clap::Command, Vec<String>) {
    let mut empty = Vec::new();
    let command = reset(command, &mut empty);
    empty.sort_unstable();
    empty.dedup();
    (command, empty)
}

fn reset(command: clap::Command, empty: &mut Vec<String>) -> clap::Command {
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
    command.mut_subcommands(|subcommand| reset(subcommand, empty))
}
