//! `claviger` as its users run it: a process with its own home directory, whose environment names the server.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::server::run_with;
use super::terminal::at_a_terminal;
use super::token::write_private;
use super::{Identity, Server};

pub const PASSWORD: &str = "password-of-a-client-that-must-not-leak";
pub const ACCESS_TOKEN: &str = "access-token-that-must-not-leak";

/// The exit statuses of `claviger`, beside 0 for success, 1 for failure and 2 for a usage error.
pub const NOT_AUTHENTICATED: i32 = 3;
pub const NOT_PERMITTED: i32 = 4;
pub const NOT_FOUND: i32 = 5;
pub const UNAVAILABLE: i32 = 6;
pub const TAMPERED: i32 = 7;
pub const UNSIGNED: i32 = 8;

/// The exit status of an error, by words in it; 1 for all others.
const STATUSES: [(&str, i32); 27] = [
    ("cannot be undone: confirm it", 2),
    ("--url: ", 2),
    ("--timeout: ", 2),
    ("belong together: give both", 2),
    ("both --", 2),
    ("is given both as a text and as a file", 2),
    ("is given, but no --client-p12", 2),
    (" is not a value of ", 2),
    ("not authenticated: ", NOT_AUTHENTICATED),
    ("demands a client certificate", NOT_AUTHENTICATED),
    ("refuses the client certificate", NOT_AUTHENTICATED),
    ("the server refused the ", NOT_AUTHENTICATED),
    ("not permitted: ", NOT_PERMITTED),
    ("not found: ", NOT_FOUND),
    ("the server cannot do it now: ", UNAVAILABLE),
    ("cannot connect to ", UNAVAILABLE),
    ("cannot resolve ", UNAVAILABLE),
    ("no answer from ", UNAVAILABLE),
    ("no connection to ", UNAVAILABLE),
    ("closed the connection without an answer", UNAVAILABLE),
    ("the exchange with ", UNAVAILABLE),
    ("; try again later", UNAVAILABLE),
    ("does not verify", TAMPERED),
    ("it is cut off after", TAMPERED),
    (" is damaged", TAMPERED),
    ("it has data after its end", TAMPERED),
    ("its header is damaged", TAMPERED),
];

/// One caller. Its directory is both home and working directory.
pub struct Cli {
    pub directory: PathBuf,
    environment: Vec<(String, OsString)>,
}

impl Cli {
    /// A caller without configuration and credentials.
    pub fn bare(server: &Server, name: &str) -> Self {
        let directory = server.place.path(&format!("home of {name}"));
        fs::create_dir_all(&directory).unwrap();
        Self { directory, environment: Vec::new() }
    }

    /// A person without a server, in a directory that exists.
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), environment: Vec::new() }
    }

    /// A caller whose environment names the server and a certificate.
    pub fn new(server: &Server, name: &str, identity: &Identity) -> Self {
        let cli = Self::bare(server, name).knowing(server);
        cli.write("own.p12", &identity.pkcs12(PASSWORD));
        cli.write("own.password", format!("{PASSWORD}\n").as_bytes());
        let files = [("CLAVIGER_CLIENT_P12", "own.p12"), ("CLAVIGER_CLIENT_P12_PASSWORD_FILE", "own.password")];
        files.into_iter().fold(cli, |cli, (name, file)| cli.with(name, file))
    }

    pub fn alice(server: &Server) -> Self {
        Self::new(server, "alice", &server.place.alice)
    }

    pub fn bob(server: &Server) -> Self {
        Self::new(server, "bob", &server.place.bob)
    }

    pub fn knowing(self, server: &Server) -> Self {
        let url = format!("https://localhost:{}", server.address.port());
        self.with("CLAVIGER_URL", url).with("CLAVIGER_CA_FILE", server.place.path("ca.pem"))
    }

    /// Sets a variable of the environment.
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self = self.without(name);
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(own, _)| own != name);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Writes a file that only its owner can read.
    pub fn write(&self, name: &str, content: &[u8]) {
        write_private(&self.path(name), content);
    }

    /// Returns the names of the caller's files, also of hidden ones.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.directory).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
        command.env_clear().env("HOME", &self.directory).env("XDG_CONFIG_HOME", self.path(".config"));
        // Reading the machine's authorities would take 0.1 s in each process.
        command.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", "/dev/null");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.directory).args(arguments);
        command
    }

    pub fn output<A: AsRef<OsStr>>(&self, arguments: &[A], input: &[u8]) -> Output {
        let output = run_with(&mut self.command(arguments), input);
        for said in [&output.stdout, &output.stderr] {
            let said = String::from_utf8_lossy(said);
            assert!(!said.contains(PASSWORD) && !said.contains(ACCESS_TOKEN), "{said}");
        }
        output
    }

    /// Runs a command at a terminal, and types each text when its question has appeared. Returns the exit status and what
    /// the terminal showed.
    pub fn at_a_terminal(&self, words: &str, conversation: &[(&str, &str)]) -> (i32, String) {
        let command = self.command(&[""; 0]);
        let set = |(name, value): (&OsStr, Option<&OsStr>)| Some((name.to_owned(), value?.to_owned()));
        let environment: Vec<(OsString, OsString)> = command.get_envs().filter_map(set).collect();
        let line = format!("{} {words}", env!("CARGO_BIN_EXE_claviger"));
        let (status, shown) = at_a_terminal(&self.directory, &line, &environment, conversation);
        (status.unwrap(), shown)
    }

    /// Runs a command that must succeed with bytes on standard input, and returns its standard output.
    pub fn pipe<A: AsRef<OsStr>>(&self, arguments: &[A], input: &[u8]) -> Vec<u8> {
        let output = self.output(arguments, input);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaint.is_empty(), "{:?}: {complaint}", show(arguments));
        output.stdout
    }

    /// Runs a command that must succeed, and returns its standard output.
    pub fn ok<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        String::from_utf8(self.pipe(arguments, b"")).unwrap()
    }

    /// Runs a command that must succeed without output.
    pub fn quiet<A: AsRef<OsStr>>(&self, arguments: &[A]) {
        assert_eq!(self.ok(arguments), "", "{:?}", show(arguments));
    }

    /// Runs a command that must succeed with `--json`, and returns its output.
    pub fn json<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Value {
        let mut arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        arguments.push(OsStr::new("--json"));
        let said = self.ok(&arguments);
        assert_eq!(said.find('\n'), Some(said.len() - 1), "one line: {said}");
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// Runs a command that must fail with the exit status of its error, and returns its one line of error.
    #[track_caller]
    pub fn fails<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        let (status, line) = self.failure(arguments);
        let expected = STATUSES.iter().find(|(words, _)| line.contains(words)).map_or(1, |(_, status)| *status);
        assert_eq!(status, expected, "{:?}: {line}", show(arguments));
        line
    }

    /// Runs a command that must fail, and returns its exit status and its one line of error.
    #[track_caller]
    pub fn failure<A: AsRef<OsStr>>(&self, arguments: &[A]) -> (i32, String) {
        let output = self.output(arguments, b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.stdout, b"", "{:?}", show(arguments));
        let line = said.strip_suffix('\n').filter(|line| !line.contains('\n'));
        let line = line.unwrap_or_else(|| panic!("not one line: {said}"));
        let status = output.status.code().unwrap();
        if arguments.iter().any(|argument| argument.as_ref() == "--json") {
            let json: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(json["exit_status"], status, "{line}");
            return (status, json["error"].as_str().unwrap().to_owned());
        }
        let line = line.strip_prefix("claviger: ").unwrap_or_else(|| panic!("{line}"));
        (status, line.to_owned())
    }

    /// Runs a command that must fail with this exit status and an error that contains these words.
    #[track_caller]
    pub fn fails_as<A: AsRef<OsStr>>(&self, status: i32, arguments: &[A], words: &[&str]) {
        let (found, said) = self.failure(arguments);
        assert_eq!(found, status, "{:?}: {said}", show(arguments));
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    }

    /// Runs a command that must fail, with an error that contains these words.
    #[track_caller]
    pub fn fails_with<A: AsRef<OsStr>>(&self, arguments: &[A], words: &[&str]) {
        let said = self.fails(arguments);
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    }

    /// Runs a command that prints a table, and returns its rows, whose cells are separated by ` | `.
    #[track_caller]
    pub fn rows<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Vec<String> {
        let said = self.ok(arguments);
        let cells = |line: &str| -> Vec<String> {
            line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
        };
        let (header, rows) = said.split_once('\n').unwrap_or_default();
        assert_eq!(header, header.to_uppercase(), "{:?}: a table without a header: {said}", show(arguments));
        let columns = cells(header).len();
        let row = |line: &str| {
            let own = cells(line);
            assert_eq!(own.len(), columns, "{:?}: {said}", show(arguments));
            own.join(" | ")
        };
        rows.lines().map(row).collect()
    }

    /// Creates a key with these options, and returns its identifier.
    pub fn create(&self, options: &[&str]) -> String {
        let said = self.ok(&[&["sym", "keys", "create"], options].concat());
        let id = said.strip_suffix('\n').filter(|id| !id.is_empty() && !id.contains(char::is_whitespace));
        id.unwrap_or_else(|| panic!("not an identifier alone: {said:?}")).to_owned()
    }

    /// Returns the identifiers that `sym keys list` prints with these options.
    pub fn locate(&self, options: &[&str]) -> Vec<String> {
        let said = self.ok(&[&["sym", "keys", "list"], options].concat());
        said.lines().map(str::to_owned).collect()
    }
}

fn show<A: AsRef<OsStr>>(arguments: &[A]) -> Vec<&OsStr> {
    arguments.iter().map(AsRef::as_ref).collect()
}
