//! Completions for shells, and manual pages. They are made from the definition of the command line itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _, Subcommand};
use clap_complete::Shell;
use clap_mangen::Man;
use serde_json::json;

use super::error::{Error, FileError};
use super::report::Report;
use super::{Arguments, screen};

/// The commands that describe the program itself.
#[derive(Subcommand)]
pub(super) enum Manual {
    /// Print completions for a shell
    ///
    /// For bash: claviger completions bash > ~/.local/share/bash-completion/completions/claviger
    Completions {
        /// Shell that the completions are for
        shell: Shell,
    },
    /// Write the manual pages of all commands into a directory
    ///
    /// Read one with: man -l DIRECTORY/claviger-keys-create.1
    Man {
        /// Directory of the pages, which exists
        directory: PathBuf,
    },
}

impl Manual {
    /// Runs the command, which needs no server.
    pub(super) fn run(self) -> Result<Report, Error> {
        match self {
            Self::Completions { shell } => {
                let script = completions(Arguments::command(), shell);
                let lines: Vec<String> = script.lines().map(str::to_owned).collect();
                Ok(Report::new(lines, json!({ "shell": shell.to_string(), "script": script })))
            }
            Self::Man { directory } => {
                let pages = pages(screen::fitted(Arguments::command()), "1", &directory)
                    .map_err(|source| FileError::Write { path: directory, source })?;
                Ok(Report::quiet(json!({ "pages": pages })))
            }
        }
    }
}

/// Returns the completions of a program for a shell, in the language of the shell.
#[must_use]
pub fn completions(mut command: Command, shell: Shell) -> String {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Writes the manual pages of a program and of its subcommands, which are named like `claviger-keys-create.1`, into a
/// directory that exists. Returns their number.
///
/// # Errors
/// A file cannot be written.
pub fn pages(mut command: Command, section: &str, directory: &Path) -> io::Result<usize> {
    command.build();
    page(&command, command.get_name(), section, directory)
}

fn page(command: &Command, name: &str, section: &str, directory: &Path) -> io::Result<usize> {
    // The name of a page is one word, also where the name of the command is several.
    let named = command.clone().display_name(name.to_owned());
    let mut text = Vec::new();
    Man::new(named).section(section).manual("Claviger").render(&mut text)?;
    fs::write(directory.join(format!("{name}.{section}")), text)?;
    let mut pages = 1;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help") {
        pages += page(below, &format!("{name}-{}", below.get_name()), section, directory)?;
    }
    Ok(pages)
}
