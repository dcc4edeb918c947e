//! The help of a command fits a screen: the options of the connection, which every command has, are in the help of
//! `claviger` only.

use clap::{Arg, Command};

/// The heading of the options of the connection.
pub(super) const CONNECTION: &str = "Connection";

/// The end of the help of `claviger`.
pub(super) const EXAMPLES: &str = "\
Examples:
  export CLAVIGER_URL=https://kms.example.com:9998 CLAVIGER_CA_FILE=ca.pem
  export CLAVIGER_CLIENT_P12=alice.p12 CLAVIGER_CLIENT_P12_PASSWORD_FILE=alice.password
  claviger whoami
  id=$(claviger sym keys create --name backup)
  claviger sym encrypt notes.txt -k \"$id\" -o notes.enc
  claviger sym decrypt notes.enc -o notes.txt
  claviger sym keys export -k \"$id\" -f base64 key.base64
  claviger access-rights grant --user bob -k \"$id\" encrypt decrypt

Exit status: 0 for success; 2 for an invalid command line, 3 if you are not authenticated, 4 if you are not
permitted, 5 if the object is not found, 6 if the server is unavailable, 7 if a file, a signature or the audit
log does not verify, 8 if the end of the audit log is not signed; 1 for every other failure.";

const POINTER: &str = "The options of the connection are in `claviger --help`.";

/// Commands that connect to no server.
const LOCAL: [&str; 3] = ["pki", "man", "completions"];

/// Returns the command with shorter help of its subcommands.
pub(super) fn fitted(mut command: Command) -> Command {
    // Only then the subcommands have the options that every command has.
    command.build();
    command
        .mut_subcommands(|own| if LOCAL.contains(&own.get_name()) { unconnected(own) } else { own })
        .mut_subcommands(below)
}

/// Returns the command without a pointer to options that do not concern it.
fn unconnected(command: Command) -> Command {
    // An empty text is not printed.
    let command = command.mut_subcommands(unconnected);
    if command.has_subcommands() { command } else { command.after_help("") }
}

fn below(command: Command) -> Command {
    let hide = |option: Arg| {
        let is_hidden = option.get_help_heading() == Some(CONNECTION);
        if is_hidden { option.hide(true) } else { option }
    };
    let command = command.mut_args(hide).mut_subcommands(below);
    let is_leaf = !command.has_subcommands() && command.get_after_help().is_none();
    if is_leaf { command.after_help(POINTER) } else { command }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most lines of a help text, at the width of the test.
    const LINES: usize = 40;

    /// Returns what the command of these words prints as help.
    fn help(path: &[String]) -> String {
        let command = fitted(<super::super::Arguments as clap::CommandFactory>::command()).term_width(100);
        let line = path.iter().map(String::as_str).chain(["--help"]);
        command.try_get_matches_from(line).unwrap_err().to_string()
    }

    #[test]
    fn the_help_of_every_subcommand_fits_a_screen() {
        let all = fitted(<super::super::Arguments as clap::CommandFactory>::command());
        let mut open: Vec<(Vec<String>, &Command)> = vec![(vec![all.get_name().to_owned()], &all)];
        let mut long = Vec::new();
        while let Some((path, command)) = open.pop() {
            let help = help(&path);
            let (lines, name) = (help.lines().count(), path.join(" "));
            if path.len() > 1 {
                assert!(!help.contains("--ca-file"), "{name}");
                let is_local = LOCAL.contains(&&*path[1]);
                assert!(!is_local || !help.contains(POINTER), "{name}");
                long.extend((lines > LINES && !LONGER.contains(&&*name)).then(|| format!("{lines} lines: {name}")));
            }
            let below = |own| (path.iter().cloned().chain([Command::get_name(own).to_owned()]).collect(), own);
            open.extend(command.get_subcommands().filter(|own| own.get_name() != "help").map(below));
        }
        assert!(long.is_empty(), "{}", long.join("\n"));
    }

    /// Commands with many options, or with long explanations of them.
    const LONGER: [&str; 7] = [
        "claviger identities attach",
        "claviger identities oidc-auth attach",
        "claviger identities oidc-auth update",
        "claviger identities universal-auth attach",
        "claviger login",
        "claviger sym keys import",
        "claviger sym keys locate",
    ];
}
