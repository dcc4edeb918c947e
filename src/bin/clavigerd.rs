//! `clavigerd`, the server.

use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use clap_complete::Shell;
use claviger::cli::manual;
use claviger::config::{self, Config, Database, OptionSources, Options};
use claviger::secret::Password;
use claviger::server;
use claviger::text::Whole;

/// A key management server: it authenticates callers by client certificate or token and keeps keys in a PKCS#11 HSM
#[derive(Parser)]
#[command(name = "clavigerd", version, about)]
struct Arguments {
    /// TOML file with the same options; a flag overrides the environment, the environment overrides the file
    #[arg(long, env = "KMS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Read and check the configuration, the HSM token and the database, print what would run, and exit; changes
    /// nothing
    ///
    /// A port in use, or a database that another server has open, is reported but is not a failure. Not checked:
    /// whether the issuers' keys can be fetched, the integrity of rows, whether the HSM token can compare an API token
    /// with its key, and whether a schema can be upgraded.
    #[arg(long)]
    check_config: bool,
    /// Print the effective configuration as a configuration file, with where each value comes from, and exit; passwords
    /// and the PIN are not shown
    ///
    /// Only the options are checked. `--check-config` also reads the files that they name.
    #[arg(long, conflicts_with = "check_config")]
    print_config: bool,
    /// With the server stopped, check every row's binding, its version against the audit log, and the log itself; print
    /// each fault, and exit with 1 if there is any
    #[arg(long, conflicts_with_all = ["check_config", "print_config"])]
    check_store: bool,
    /// Test what the HSM can do with temporary keys, print the results as a table, and exit with 1 if the server could
    /// not use it
    ///
    /// Needs only the options of the HSM. The database is not opened, and no key remains in the HSM token. Generating
    /// an RSA key pair may take a minute.
    #[arg(long, conflicts_with_all = ["check_config", "print_config", "check_store"])]
    check_hsm: bool,
    /// Copy the database, the SoftHSM token and the audit log into a new directory, and exit; a server may be running
    ///
    /// Run it as the server's user and with the server's options. All parts are copied as of one moment. The directory
    /// must not exist, or must be empty; it appears under its name only when it is complete. Objects whose key was
    /// destroyed during the backup are listed. The backup does not contain the PIN, the configuration or certificates.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["check_config", "print_config", "check_store", "check_hsm"])]
    backup: Option<PathBuf>,
    /// With the server stopped, copy its database into a new one, check the copy as --check-store does, and exit: from
    /// SQLite to a PostgreSQL database (postgres://USER@HOST:PORT/DATABASE), or from PostgreSQL to a file of SQLite
    ///
    /// Run it as the server's user and with the server's options. The options about PostgreSQL, --server-name among them,
    /// are those of the PostgreSQL database. The new one must be empty, and appears only when it is complete and was
    /// checked. The former one is not changed.
    #[arg(
        long,
        value_name = "URL|FILE",
        conflicts_with_all = ["check_config", "print_config", "check_store", "check_hsm", "backup"]
    )]
    migrate_to: Option<String>,
    /// Move the database although the check finds faults in it, which the new one then has too
    #[arg(long, requires = "migrate_to")]
    migrate_with_findings: bool,
    /// Print completions for a shell, and exit
    #[arg(long, value_name = "SHELL", hide = true)]
    completions: Option<Shell>,
    /// Write the manual page into a directory that exists, and exit
    #[arg(long, value_name = "DIR", hide = true)]
    man: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

#[global_allocator]
static ALLOCATOR: server::Wiping = server::Wiping;

/// The longest time that reading a file may delay the end of the program.
const LAST_READS: Duration = Duration::from_secs(1);

/// The reason why the program does not end with status 0.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Log(#[from] server::FilterError),
    #[error(transparent)]
    Start(#[from] server::StartError),
    #[error(transparent)]
    Backup(#[from] server::BackupError),
    #[error(transparent)]
    Move(#[from] server::MoveError),
    #[error("the HSM cannot do what the server needs")]
    Hsm,
    #[error("the check found {0} faults")]
    Findings(usize),
    #[error("core dumps cannot be forbidden ({0}): give --allow-core-dumps if they may be left")]
    CoreDumps(std::io::Error),
    #[error("cannot write the manual page: {0}")]
    Man(std::io::Error),
    #[error("cannot start the runtime: {0}")]
    Runtime(#[from] std::io::Error),
}

impl Failure {
    /// Returns the exit status. It is 78 (EX_CONFIG of sysexits.h) for an error of the PIN, so that a supervisor does
    /// not restart the server: each restart would try the PIN again, until the HSM token locks.
    fn status(&self) -> u8 {
        let start = match self {
            Self::Start(error) => Some(error),
            Self::Backup(server::BackupError::Open(error)) | Self::Move(server::MoveError::Open(error)) => {
                Some(&**error)
            }
            _ => None,
        };
        if start.is_some_and(server::StartError::is_of_the_pin) { 78 } else { 1 }
    }
}

#[allow(clippy::print_stderr, reason = "the refusal to start is this program's output")]
fn main() -> ! {
    server::keep_little();
    let pin = pin();
    let (command, empty) = config::without_empty(Arguments::command());
    let matches = command.get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    // clap has read the password: it must not stay in the environment.
    server::overwrite_variable(c"KMS_HTTPS_P12_PASSWORD");
    let places = OptionSources::of(&matches);
    // `matches` holds copies of the values of the command line and the environment, secrets among them.
    drop(matches);
    let status = match run(arguments, &places, pin, &empty) {
        Ok(()) => 0,
        Err(failure) => {
            let status = failure.status();
            eprintln!("clavigerd: {}", Whole(failure));
            status
        }
    };
    // Ends without the exit handlers of the HSM's module: they may crash.
    server::end(status)
}

/// Returns the PIN from `KMS_HSM_PIN` and overwrites it in the environment.
fn pin() -> Result<Option<Password>, config::Error> {
    let pin = match std::env::var("KMS_HSM_PIN") {
        // An empty variable counts as unset, as with every other option.
        Ok(pin) if pin.is_empty() => Ok(None),
        Ok(pin) => Ok(Some(Password::from(pin))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(config::Error::PinEncoding),
    };
    server::overwrite_variable(c"KMS_HSM_PIN");
    pin
}

/// What every command does first that reads the configuration.
fn begin(config: &Config, empty: &[String]) -> Result<(), Failure> {
    if !config.allow_core_dumps {
        server::leave_no_core_dump().map_err(Failure::CoreDumps)?;
    }
    server::init_log(config.log_format, &config.log)?;
    for variable in empty {
        tracing::warn!(variable, "the environment variable is empty and counts as unset");
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "what was moved is this program's output")]
fn migrate(config: &Config, target: &Database, accepts: bool) -> Result<(), Failure> {
    let report = server::move_to(config, target, accepts)?;
    print!("{report}");
    if report.is_complete { Ok(()) } else { Err(Failure::Findings(report.findings())) }
}

#[allow(clippy::print_stdout, reason = "what would run is this program's output")]
fn run(
    arguments: Arguments,
    places: &OptionSources,
    pin: Result<Option<Password>, config::Error>,
    empty: &[String],
) -> Result<(), Failure> {
    if let Some(shell) = arguments.completions {
        print!("{}", manual::completions(Arguments::command(), shell));
        return Ok(());
    }
    if let Some(directory) = &arguments.man {
        return manual::pages(Arguments::command(), "8", directory).map(drop).map_err(Failure::Man);
    }
    if arguments.print_config {
        print!("{}", config::print(arguments.options, arguments.config.as_deref(), pin?, places)?);
        return Ok(());
    }
    let file = arguments.config.as_deref();
    if let Some(target) = &arguments.migrate_to {
        let (config, target) = Config::for_move(arguments.options, file, pin?, places, target)?;
        begin(&config, empty)?;
        return migrate(&config, &target, arguments.migrate_with_findings);
    }
    let config = Config::new(arguments.options, file, pin?, places)?;
    begin(&config, empty)?;
    if arguments.check_config {
        print!("{}", server::check(&config)?);
        return Ok(());
    }
    if arguments.check_hsm {
        let report = server::check_hsm(&config)?;
        print!("{report}");
        return if report.lacking().is_empty() { Ok(()) } else { Err(Failure::Hsm) };
    }
    if arguments.check_store {
        let report = server::check_store(&config)?;
        for finding in report.notes.iter().chain(&report.findings) {
            println!("{}", Whole(finding));
        }
        println!(
            "{} rows, {} of them known to the audit log: {} findings",
            report.rows,
            report.logged,
            report.findings.len()
        );
        return if report.findings.is_empty() { Ok(()) } else { Err(Failure::Findings(report.findings.len())) };
    }
    if let Some(directory) = &arguments.backup {
        print!("{}", server::backup(&config, directory)?);
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(server::workers()).enable_all().build()?;
    let ended = runtime.block_on(async {
        tokio::spawn(server::run(config)).await.map_err(std::io::Error::other)?.map_err(Failure::from)
    });
    // A task that is still reading a file from a disk that does not answer is abandoned: nothing needs its result.
    runtime.shutdown_timeout(LAST_READS);
    ended
}
