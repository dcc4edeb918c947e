//! The environment variables of options.

use std::env;

use clap::builder::Resettable;

/// Returns the command with its subcommands, changed so that an empty environment variable counts as unset, and the
/// names of these empty variables, each once.
///
/// Compose files and unit files set a variable to the empty string when its value is not configured.
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
