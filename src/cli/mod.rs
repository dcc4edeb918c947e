//! The command line `claviger`. Each command is in its own file.

mod access_rights;
mod account;
mod api_keys;
mod attributes;
mod audit;
mod config;
mod confirmation;
mod data;
mod doctor;
mod error;
mod identities;
mod issuers;
mod keys;
mod kinds;
mod kmip;
mod labels;
mod login;
pub mod manual;
mod named;
mod objects;
mod options;
mod pki;
mod remote;
mod report;
mod screen;
mod sealed;
mod secrets;
mod stored;
mod stream;
mod sym;
mod table;
mod target;
mod terminal;
mod tokens;
mod value;
mod version;
mod whoami;
mod words;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::client::Settings;
use crate::config::without_empty;
use config::{ByFlag, Place};
use error::{Error, Signal};
use options::Options;
use report::Report;

/// The variable with the URL of the server for Piiano's clients.
const ADDRESS_VARIABLE: &str = "PVAULT_ADDR";

/// The word that other clients have before their commands.
const KMS: &str = "kms";

const PASSWORD_VARIABLE: &str = "CLAVIGER_CLIENT_P12_PASSWORD";

/// Manage and use the keys of a Claviger server, which are generated and kept in its HSM
#[derive(Parser)]
#[command(name = "claviger", version, arg_required_else_help = true, after_help = screen::EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: Options,
    /// TOML file with the same options; a flag overrides the environment, the environment overrides the file [default:
    /// ~/.config/claviger/claviger.toml, if it exists]
    #[arg(long, env = "CLAVIGER_CONFIG", value_name = "FILE", global = true, help_heading = screen::CONNECTION)]
    config: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    #[command(subcommand)]
    Keys(keys::Keys),
    #[command(flatten)]
    Data(data::Data),
    #[command(subcommand)]
    Certificates(stored::Certificates),
    #[command(subcommand)]
    Opaque(stored::Opaque),
    #[command(subcommand)]
    Attributes(attributes::Attributes),
    #[command(subcommand)]
    Sym(sym::Sym),
    #[command(subcommand)]
    AccessRights(access_rights::AccessRights),
    Login(login::Login),
    Logout(login::Logout),
    #[command(subcommand)]
    Identities(identities::Identities),
    #[command(subcommand)]
    ApiKeys(api_keys::ApiKeys),
    #[command(subcommand)]
    Issuers(issuers::Issuers),
    #[command(subcommand)]
    Secrets(secrets::Secrets),
    #[command(subcommand)]
    Objects(objects::Objects),
    #[command(subcommand)]
    Tokens(tokens::Tokens),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Kmip(kmip::Kmip),
    #[command(subcommand)]
    Pki(pki::Pki),
    Doctor(doctor::Doctor),
    Whoami(whoami::WhoAmI),
    Version(version::Version),
    #[command(flatten)]
    Manual(manual::Manual),
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let (command, _) = without_empty(screen::fitted(Arguments::command()));
    let line = without_kms(env::args_os().collect());
    let is_json = line.iter().any(|word| word == "--json");
    let matches = command.try_get_matches_from(line).unwrap_or_else(|error| refuse(&error, is_json));
    let by_flag = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
    let by_flag = ByFlag {
        password_file: by_flag("client_p12_password_file"),
        p12: by_flag("client_p12"),
        pem: by_flag("client_cert_file") || by_flag("client_key_file"),
    };
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let as_json = arguments.json;
    match run(arguments, by_flag).and_then(|report| report.print(as_json)) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            if !error.is_broken_pipe() {
                report::complain(&error, as_json);
            }
            ExitCode::from(error.status())
        }
    }
}

/// Ends the program after a command line that is not understood, or that asks for help.
fn refuse(error: &clap::Error, is_json: bool) -> ! {
    if is_json && error.use_stderr() {
        let text = error.to_string();
        let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
        let said = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        report::complain(&Error::Usage(said.trim_start_matches("error: ").to_owned()), true);
        std::process::exit(error::USAGE.into());
    }
    error.exit()
}

/// Removes the word `kms` before the command, which the documentation of other clients has.
fn without_kms(mut line: Vec<OsString>) -> Vec<OsString> {
    let (command, _) = without_empty(Arguments::command());
    let probe = command.allow_external_subcommands(true).try_get_matches_from(&line);
    // Errors of the command line are reported when it is parsed.
    let Ok(matches) = probe else { return line };
    if let Some((KMS, rest)) = matches.subcommand() {
        let after = rest.get_many::<OsString>("").map_or(0, Iterator::count);
        if let Some(place) = line.len().checked_sub(after + 1).filter(|place| *place > 0) {
            line.remove(place);
            report::hint("`kms` is not needed: write the command directly after `claviger`");
        }
    }
    line
}

fn run(arguments: Arguments, by_flag: ByFlag) -> Result<Report, Error> {
    let command = match arguments.command {
        Command::Audit(command) => match command.run_locally() {
            Some(done) => return done,
            None => remote::Remote::Audit(command),
        },
        Command::Manual(command) => return command.run(),
        Command::Pki(command) => return command.run(arguments.options.url.as_deref().unwrap_or(config::DEFAULT_URL)),
        Command::Keys(command) => remote::Remote::Keys(command),
        Command::Data(command) => remote::Remote::Data(command),
        Command::Certificates(command) => remote::Remote::Certificates(command),
        Command::Opaque(command) => remote::Remote::Opaque(command),
        Command::Kmip(command) => remote::Remote::Kmip(command),
        Command::Sym(command) => remote::Remote::Sym(command),
        Command::Attributes(command) => remote::Remote::Attributes(command),
        Command::AccessRights(command) => remote::Remote::AccessRights(command),
        Command::Login(command) => remote::Remote::Login(command),
        Command::Logout(command) => remote::Remote::Logout(command),
        Command::Identities(command) => remote::Remote::Identities(command),
        Command::ApiKeys(command) => remote::Remote::ApiKeys(command),
        Command::Issuers(command) => remote::Remote::Issuers(command),
        Command::Secrets(command) => remote::Remote::Secrets(command),
        Command::Objects(command) => remote::Remote::Objects(command),
        Command::Tokens(command) => remote::Remote::Tokens(command),
        Command::Doctor(command) => remote::Remote::Doctor(command),
        Command::Whoami(command) => remote::Remote::Whoami(command),
        Command::Version(command) => {
            remote::Remote::Version(command.with_token(arguments.options.auth_token.is_some()))
        }
    };
    let settings = match settings(arguments.options, arguments.config, by_flag) {
        // A diagnosis reports also this fault as its step.
        Err(error) if matches!(command, remote::Remote::Doctor(_)) => return Ok(doctor::unsettled(&error)),
        settings => settings?,
    };
    let login = config::login_file(config_home(), env::home_dir());
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let result = runtime.block_on(async {
        tokio::select! {
            // This branch is polled first, so that signals are handled before there is anything to clean up.
            biased;
            result = interrupted() => Err(result.map_or_else(Error::Runtime, Error::Interrupted)),
            result = command.run_with(settings, login.as_deref()) => result,
        }
    });
    // A thread may be waiting for standard input: do not wait for it.
    runtime.shutdown_background();
    result
}

/// Returns the settings of the connection, from flags, environment and file.
fn settings(mut options: Options, config: Option<PathBuf>, by_flag: ByFlag) -> Result<Settings, Error> {
    if !by_flag.password_file {
        options.client_p12_password = config::secret_variable(PASSWORD_VARIABLE)?;
    }
    by_flag.beats_environment(&mut options);
    options.pvault_addr = env::var(ADDRESS_VARIABLE).ok().filter(|address| !address.is_empty());
    let usual = || Place::usual(config_home(), env::home_dir());
    Ok(config::settings(options, config.map(Place::Named).or_else(usual))?)
}

fn config_home() -> Option<PathBuf> {
    env::var_os("XDG_CONFIG_HOME").map(PathBuf::from)
}

/// Waits for a terminating signal. A command that is then dropped removes its unfinished file, which a killed one would
/// not.
async fn interrupted() -> std::io::Result<Signal> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => Signal::Interrupt,
        _ = terminate.recv() => Signal::Terminate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn kms_is_skipped_before_a_command_and_nowhere_else() {
        let skip = |line: &str| {
            let line = without_kms(line.split(' ').map(OsString::from).collect());
            line.into_iter().map(|word| word.into_string().unwrap()).collect::<Vec<_>>().join(" ")
        };
        for (line, expected) in [
            ("claviger kms sym keys create", "claviger sym keys create"),
            ("claviger --json --url kms kms whoami", "claviger --json --url kms whoami"),
            ("claviger kms kms whoami", "claviger kms whoami"),
            ("claviger kms", "claviger"),
            ("claviger sym keys create --name kms", "claviger sym keys create --name kms"),
            ("claviger kmss whoami", "claviger kmss whoami"),
            ("claviger", "claviger"),
        ] {
            assert_eq!(skip(line), expected);
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let parse = |arguments: &[&str]| Arguments::try_parse_from(arguments).unwrap();
        let arguments = parse(&["claviger", "whoami", "--access-token", "hunter2"]);
        assert!(!format!("{:?}", arguments.options).contains("hunter2"));
        assert_eq!(arguments.options.access_token.as_deref(), Some("hunter2"));
    }

    #[test]
    fn what_is_not_understood_is_a_usage_error() {
        for line in [
            "claviger",
            "claviger keys",
            "claviger sym keys create --bits x",
            "claviger sym keys create --usage cook",
            "claviger sym keys export FILE",
            "claviger sym keys export -k a -f der FILE",
            "claviger sym keys import FILE --replace",
            "claviger sym encrypt a -k b",
            "claviger sym decrypt a -o b --aad-hex 0",
            "claviger attributes get",
            "claviger attributes set a Colour red",
            "claviger keys create --type des",
            "claviger keys destroy",
            "claviger encrypt a",
            "claviger encrypt a -k b --iv-hex 00",
            "claviger verify a -k b",
            "claviger verify a -k b --mac 00 --signature c",
            "claviger random 0",
            "claviger access-rights grant -k a encrypt",
            "claviger access-rights grant --user bob --role ops -k a encrypt",
            "claviger access-rights grant --user bob -k a",
            "claviger access-rights project -k a",
            "claviger access-rights project -k a --to b --none",
            "claviger access-rights definitions list grants",
            "claviger identities update a",
            "claviger identities oidc-auth attach a --discovery-url https://a --bound-issuer https://a",
            "claviger identities oidc-auth update a",
            "claviger identities oidc-auth update a --end-tokens",
            "claviger identities oidc-auth update a --claim b=c --no-claims",
            "claviger identities memberships put a --project b",
            "claviger issuers test",
            "claviger login",
            "claviger login --issuer a",
            "claviger login --issuer a --jwt-file b --client-id c",
            "claviger login --client-id a --jwt-file b",
            "claviger login --client-id a --client-secret b",
            "claviger login --host a --api-key b",
            "claviger login --host a --client-secret-file b",
            "claviger login --client-id a --api-key-file b",
            "claviger audit verify claviger.audit.jsonl",
            "claviger audit tail -n x",
            "claviger audit search --from today claviger.audit.jsonl",
            "claviger version --timeout 0",
            "claviger version --client-p12-password x",
        ] {
            let error = Arguments::try_parse_from(line.split(' ')).err();
            assert_eq!(error.map(|error| error.exit_code()), Some(2), "{line}");
        }
    }
}
