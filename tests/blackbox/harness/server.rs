//! `clavigerd` as a child process.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, OnceLock};

use super::{
    Authority, Client, Hsm, Identity, Leaf, Token, directory, eventually, kmip, postgres, reference, spy,
    within_patience,
};

pub const P12_PASSWORD: &str = "p12-password-that-must-not-leak";

/// The log file of the servers of a place.
const LOG: &str = "server.log";

/// Arguments and environment in addition to the usual ones.
#[derive(Clone, Default)]
pub struct Options {
    /// Plain HTTP without any authentication.
    pub plain: bool,
    /// The server's identity is in the PEM files `server.pem` and `server.key` of the place.
    pub pem: bool,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
}

impl Options {
    /// Adds arguments.
    pub fn with(&self, arguments: &[&str]) -> Self {
        let mut options = self.clone();
        options.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        options
    }
}

/// Everything that one server needs and that survives its restarts. If the test failed, dropping it prints the servers'
/// log.
pub struct Place {
    pub directory: tempfile::TempDir,
    pub token: Token,
    pub authority: Authority,
    pub alice: Identity,
    pub bob: Identity,
    /// The URL of its database, if the suite runs on PostgreSQL.
    url: OnceLock<String>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.path(LOG);
            eprintln!("--- {}\n{}", log.display(), fs::read_to_string(&log).unwrap_or_default());
        }
    }
}

impl Place {
    pub fn new() -> Self {
        let directory = directory();
        let token = Token::new(directory.path());
        Self::with_token(directory, token)
    }

    pub fn with_token(directory: tempfile::TempDir, token: Token) -> Self {
        let authority = Authority::new("Test authority");
        let server = authority.issue(&Leaf::server());
        fs::write(directory.path().join("server.p12"), server.pkcs12(P12_PASSWORD)).unwrap();
        fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();
        let alice = authority.issue(&Leaf::client("alice"));
        let bob = authority.issue(&Leaf::client("bob"));
        Self { directory, token, authority, alice, bob, url: OnceLock::new() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn database(&self) -> PathBuf {
        self.path("claviger.db")
    }

    /// The URL of a PostgreSQL database of its own, which is made by the first call.
    pub fn url(&self) -> &str {
        let cluster = postgres::Cluster::shared();
        self.url.get_or_init(|| cluster.url(&cluster.database()))
    }

    /// Makes a key of the default user with a server that is then stopped. Returns its API token and its identifier.
    pub fn api_token(self: &Arc<Self>) -> (String, String) {
        let server = Server::start_at(Arc::clone(self), &Options::default());
        let admin = self.authority.issue(&Leaf::client("admin"));
        let key = reference::random(32);
        let id = server.client(&admin).connect().unwrap().new_key(&kmip::register("AES", &key, &[]));
        server.stop();
        (data_encoding::BASE64.encode(&key), id)
    }

    /// The program without any option.
    pub fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clavigerd"));
        let hsm = Hsm::chosen();
        command.env_clear().env(hsm.variable(), &self.token.configuration).current_dir(self.directory.path());
        // SoftHSM is found without this option.
        if hsm != Hsm::SoftHsm {
            command.env("KMS_HSM_MODULE", hsm.module());
        }
        spy::watched(&mut command, &self.path(LOG));
        command
    }

    /// Returns the command for a server here, on a port that the server chooses.
    pub fn command(&self, options: &Options) -> Command {
        let mut command = self.program();
        command.args(["--hostname", "127.0.0.1", "--port", "0"]);
        command.arg("--hsm-pin-file").arg(&self.token.pin_file);
        if options.arguments.iter().any(|own| own == "--database-url" || own == "--sqlite-path") {
            // It is another one.
        } else if postgres::is_chosen() {
            command.arg("--database-url").arg(self.url());
        } else {
            command.arg("--sqlite-path").arg(self.database());
        }
        if options.pem {
            command.arg("--https-cert-file").arg(self.path("server.pem"));
            command.arg("--https-key-file").arg(self.path("server.key"));
        } else if !options.plain {
            command.arg("--https-p12-file").arg(self.path("server.p12"));
            command.args(["--https-p12-password", P12_PASSWORD]);
        }
        if !options.plain {
            command.arg("--authority-cert-file").arg(self.path("ca.pem"));
        }
        command.env("KMS_LOG", "debug");
        // Servers of tests that run at the same time would all want the default port.
        command.env("KMS_KMIP_PORT", "off");
        // Tests measure and read the memory of the server.
        command.env("KMS_ALLOW_CORE_DUMPS", "true");
        command.args(&options.arguments).envs(options.environment.iter().cloned());
        command
    }
}

/// A running server. Dropping it kills it.
pub struct Server {
    pub place: Arc<Place>,
    pub address: SocketAddr,
    /// The address of the KMIP socket, if the options ask for one.
    pub kmip: Option<SocketAddr>,
    pub options: Options,
    /// The first bytes of each connection of its clients.
    pub header: Vec<u8>,
    child: Child,
    log: PathBuf,
    /// The length of the log when this server started. Others of the same place may have written it.
    began: usize,
    tls: bool,
}

impl Server {
    /// Starts a server with its own HSM token, database and authority.
    pub fn start() -> Self {
        Self::start_with(&Options::default())
    }

    /// Runs cases that only vary their requests against one server: each uses names of its own.
    pub fn shared(cases: &[fn(&Self)]) {
        let server = Self::start();
        cases.iter().for_each(|case| case(&server));
    }

    pub fn start_with(options: &Options) -> Self {
        Self::start_at(Arc::new(Place::new()), options)
    }

    /// Starts a server in a place, where other servers may have run before.
    pub fn start_at(place: Arc<Place>, options: &Options) -> Self {
        Self::try_start_at(place, options).unwrap_or_else(|log| panic!("the server did not start:\n{log}"))
    }

    /// Starts a server that must not start with these options, and returns the last line of its log.
    pub fn refused_at(place: &Arc<Place>, options: &Options) -> String {
        let log = Self::try_start_at(Arc::clone(place), options).map(drop).unwrap_err();
        // Another server of the same place may write into the log too.
        log.lines().rfind(|line| !line.contains(" DEBUG ")).unwrap_or_default().to_owned()
    }

    /// Starts a server; if it does not start, returns its log.
    pub fn try_start_at(place: Arc<Place>, options: &Options) -> Result<Self, String> {
        let command = place.command(options);
        Self::spawn(place, command, options)
    }

    /// Starts a server by this command; if it does not start, returns its log.
    pub fn spawn(place: Arc<Place>, mut command: Command, options: &Options) -> Result<Self, String> {
        let log = place.path(LOG);
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let began = usize::try_from(file.metadata().unwrap().len()).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file).process_group(0);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        within_patience(child.id(), || out.read_line(&mut line)).unwrap();
        let Some((_, address)) = line.trim().split_once("://") else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(fs::read_to_string(&log).unwrap());
        };
        let address = address.parse().unwrap();
        let tls = line.contains("https");
        let has_socket = !options.plain && options.arguments.iter().any(|own| own == "--kmip-port");
        let kmip = has_socket.then(|| {
            line.clear();
            within_patience(child.id(), || out.read_line(&mut line)).unwrap();
            line.trim().strip_prefix("listening on kmip://").and_then(|address| address.parse().ok())
        });
        Ok(Self {
            address,
            kmip: kmip.flatten(),
            options: options.clone(),
            header: Vec::new(),
            child,
            log,
            began,
            tls,
            place,
        })
    }

    pub fn client(&self, identity: &Identity) -> Client {
        Client::tls(self.address, &self.place.authority.certificate, Some(identity)).behind(&self.header)
    }

    pub fn alice(&self) -> Client {
        self.client(&self.place.alice)
    }

    pub fn bob(&self) -> Client {
        self.client(&self.place.bob)
    }

    /// A client without a certificate.
    pub fn nobody(&self) -> Client {
        if self.tls {
            Client::tls(self.address, &self.place.authority.certificate, None).behind(&self.header)
        } else {
            Client::plain(self.address).behind(&self.header)
        }
    }

    /// Returns the address of the probe listener, which `--probe-address=127.0.0.1:0` makes.
    pub fn probe_address(&self) -> SocketAddr {
        let log = self.log();
        let (_, address) = log[self.began..].split_once("probe listening").unwrap().1.split_once("address=").unwrap();
        address.split_whitespace().next().unwrap().parse().unwrap()
    }

    pub fn probe(&self) -> Client {
        Client::plain(self.probe_address())
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Kills the server, as a power failure would.
    pub fn kill(mut self) -> Arc<Place> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Arc::clone(&self.place)
    }

    /// Stops the server with SIGTERM.
    pub fn stop(mut self) -> (Arc<Place>, ExitStatus) {
        self.signal("TERM");
        let status = self.wait();
        (Arc::clone(&self.place), status)
    }

    /// Stops the server and starts it again in the same place.
    pub fn restart(self) -> Self {
        let options = self.options.clone();
        let (place, status) = self.stop();
        assert!(status.success(), "{status}");
        Self::start_at(place, &options)
    }

    pub fn wait(&mut self) -> ExitStatus {
        eventually("the server ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end within [`super::PATIENCE`]: status, standard output, standard error.
pub fn run(command: &mut Command) -> (ExitStatus, String, String) {
    let output = run_with(command, b"");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status, text(output.stdout), text(output.stderr))
}

/// Runs a program to its end with bytes on standard input.
pub fn run_with(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    within_patience(child.id(), || {
        std::thread::scope(|scope| {
            // A program may end before it has read everything.
            scope.spawn(move || stdin.write_all(input));
            child.wait_with_output().unwrap()
        })
    })
}
