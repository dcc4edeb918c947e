//! The help of a command fits a screen of 40 lines and 100 columns: the options of the connection, which every command
//! has, are in the help of `claviger` only.

use clap::builder::Resettable;
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

Exit status: 0 for success; 2 for an invalid command line, 3 if you are not authenticated, 4 if
you are not permitted, 5 if the object is not found, 6 if the server is unavailable, 7 if a file, a
signature or the audit log does not verify, 8 if the end of the audit log is not signed; 1 for every
other failure.";

/// The help of `claviger` itself. The list that clap writes has a line for each command, and more for each option.
const HELP: &str = "\
Manage and use the keys of a Claviger server, which are generated and kept in its HSM

Usage: claviger [OPTIONS] <COMMAND>

Commands:
  keys, certificates, opaque          Create, find, export, import, replace, revoke, destroy objects
  attributes                          Print and change the attributes of objects
  encrypt, decrypt, sign, verify      Use a key that stays in the HSM
  mac, hash, random                   Print a MAC, a hash or random bytes
  wrap, unwrap, derive                Wrap, unwrap or derive a key inside the HSM
  sym                                 The older commands for symmetric keys
  secrets                             Write, read, list and delete named secrets
  access-rights, objects              Grants, owners, projects, roles; the inventory
  login, logout, whoami               Log in as an application; print who you are
  identities, issuers                 Applications that log in; the issuers of their JWTs
  api-keys, tokens                    API keys of hosts; access tokens
  audit                               Read and verify the audit log
  pki                                 Make certificates for a small installation, without a server
  doctor, kmip, version               Find out why a connection fails; what the server supports
  completions, man                    Completions for a shell; manual pages
  help                                Print the help of a command

Options:
      --json                          Print the result as JSON
  -h, --help                          Print help
  -V, --version                       Print version

Connection (CLAVIGER_URL, CLAVIGER_CA_FILE and so on set the same; claviger.toml, too):
      --url <URL>                     URL of the server [default: https://localhost:9998]
      --ca-file <FILE>                PEM file with the authorities of the server's certificate
      --client-p12 <FILE>             PKCS#12 file with your client certificate and its private key
      --client-p12-password-file <FILE>   File with its password, or CLAVIGER_CLIENT_P12_PASSWORD
      --client-cert-file, --client-key-file <FILE>   PEM files, in place of a PKCS#12 file
      --access-token, --auth-token <TOKEN>   Token to send; rather set CLAVIGER_ACCESS_TOKEN
      --timeout <SECONDS>             Seconds to wait for an answer, 1 to 3600 [default: 60]
      --config <FILE>                 [default: ~/.config/claviger/claviger.toml, if it exists]

Exit status: 1 failure, 2 usage, 3 not authenticated, 4 not permitted, 5 not found, 6 unavailable,
7 does not verify, 8 end of the audit log not signed. Manual pages say more: claviger man DIRECTORY
";

const POINTER: &str = "The options of the connection are in `claviger --help`.";

/// Returns the command with help texts that fit a screen.
pub(super) fn short(command: Command) -> Command {
    fitted(command.mut_subcommands(shortened)).override_help(HELP)
}

/// Returns the command with one help text, in which each option is a line or two. What else is said about the command
/// follows after its options.
fn shortened(command: Command) -> Command {
    let about = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    let more = about.split_once("\n\n").map(|(_, more)| more.to_owned());
    let after: Vec<String> = more.into_iter().chain(command.get_after_help().map(ToString::to_string)).collect();
    let command = command.long_about(Resettable::Reset).mut_args(plain).mut_subcommands(shortened);
    if after.is_empty() { command } else { command.after_help(after.join("\n\n")) }
}

/// Returns the option without a longer help text, which would put each option and each of its values on lines of its
/// own.
fn plain(option: Arg) -> Arg {
    let values = option.get_possible_values();
    if option.is_hide_possible_values_set() || values.iter().all(|value| value.get_help().is_none()) {
        return option.long_help(Resettable::Reset);
    }
    let names: Vec<&str> = values.iter().filter(|value| !value.is_hide_set()).map(|value| value.get_name()).collect();
    let help = option.get_help().map(ToString::to_string).unwrap_or_default();
    let help = format!("{help} [possible values: {}]", names.join(", "));
    option.hide_possible_values(true).help(help).long_help(Resettable::Reset)
}

/// Commands that connect to no server.
const LOCAL: [&str; 3] = ["pki", "man", "completions"];

/// Returns the command with shorter help of its subcommands.
pub(super) fn fitted(mut command: Command) -> Command {
    // Only then the subcommands have the options that every command has.
    command.build();
    command.mut_subcommands(|own| {
        let is_connected = !LOCAL.contains(&own.get_name());
        below(own, is_connected)
    })
}

/// `is_connected` says whether the options of the connection concern the command.
fn below(command: Command, is_connected: bool) -> Command {
    let hide = |option: Arg| {
        let is_hidden = option.get_help_heading() == Some(CONNECTION);
        if is_hidden { option.hide(true) } else { option }
    };
    let command = command.mut_args(hide).mut_subcommands(|own| below(own, is_connected));
    if command.has_subcommands() || !is_connected {
        return command;
    }
    match command.get_after_help().map(ToString::to_string) {
        None => command.after_help(POINTER),
        Some(text) if text.contains(POINTER) => command,
        Some(text) => command.after_help(format!("{text}\n\n{POINTER}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most lines and columns of a help text.
    const LINES: usize = 40;
    const COLUMNS: usize = 100;

    /// Returns what the command of these words prints as help.
    fn help(path: &[String]) -> String {
        let command = short(<super::super::Arguments as clap::CommandFactory>::command()).term_width(COLUMNS);
        let line = path.iter().map(String::as_str).chain(["--help"]);
        command.try_get_matches_from(line).unwrap_err().to_string()
    }

    #[test]
    fn the_help_of_every_command_fits_a_screen() {
        let all = short(<super::super::Arguments as clap::CommandFactory>::command());
        let mut open: Vec<(Vec<String>, &Command)> = vec![(vec![all.get_name().to_owned()], &all)];
        let mut long = Vec::new();
        while let Some((path, command)) = open.pop() {
            let help = help(&path);
            let (lines, name) = (help.lines().count(), path.join(" "));
            assert_eq!(help.contains("--ca-file"), path.len() == 1, "{name}");
            long.extend((lines > LINES).then(|| format!("{lines} lines: {name}")));
            // A longer line of a paragraph that is written in lines would be broken once more.
            let written = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let paragraphs = written.split("\n\n").filter(|paragraph| paragraph.contains('\n'));
            let wide = paragraphs.flat_map(str::lines).filter(|line| line.chars().count() > COLUMNS);
            long.extend(wide.map(|line| format!("{name}: {line}")));
            let is_local = path.get(1).is_some_and(|own| LOCAL.contains(&&**own));
            assert!(!is_local || !help.contains(POINTER), "{name}");
            let below = |own| (path.iter().cloned().chain([Command::get_name(own).to_owned()]).collect(), own);
            open.extend(command.get_subcommands().filter(|own| own.get_name() != "help").map(below));
        }
        assert!(long.is_empty(), "{}", long.join("\n"));
    }

    #[test]
    fn the_help_of_the_program_has_every_command_and_option() {
        let all = fitted(<super::super::Arguments as clap::CommandFactory>::command());
        let (list, options) = HELP.split_once("\nOptions:\n").unwrap();
        let words = |text: &'static str| text.split([' ', ',', '\n']).collect::<Vec<_>>();
        for command in all.get_subcommands() {
            assert!(words(list).contains(&command.get_name()), "{}", command.get_name());
        }
        for long in all.get_arguments().filter(|own| !own.is_hide_set()).filter_map(Arg::get_long) {
            assert!(words(options).contains(&&*format!("--{long}")), "{long}");
        }
    }
}
