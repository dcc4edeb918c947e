//! PostgreSQL from Debian's package. `TEST_DATABASE=postgres` makes every server of the suite use it.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use super::{Authority, Identity, directory, eventually};

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// The password of the role `claviger`.
pub const PASSWORD: &str = "database-password-that-must-not-leak";

/// Starts PostgreSQL, and stops it when its standard input ends: also when the test is killed. Then removes a directory.
const SCRIPT: &str = "remove=$1; shift; \"$@\" & server=$!; cat >/dev/null; kill -INT $server; wait $server; \
                      test -z \"$remove\" || rm -rf \"$remove\"";

/// Whether the servers of the suite use PostgreSQL.
pub fn is_chosen() -> bool {
    std::env::var("TEST_DATABASE").is_ok_and(|name| name == "postgres")
}

/// A PostgreSQL server with a directory of its own.
pub struct Cluster {
    directory: tempfile::TempDir,
    /// Whether the directory is removed by the script, because nothing drops it.
    is_shared: bool,
    /// The TCP port on 127.0.0.1, besides a socket in the directory.
    port: u16,
    server: Mutex<Option<Child>>,
    databases: AtomicUsize,
}

/// The one that tests share which do not stop it.
static SHARED: LazyLock<Cluster> = LazyLock::new(|| Cluster::start_as(true));

/// A command that runs as a user other than root, which PostgreSQL refuses.
fn as_user(program: &Path) -> Command {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
    command
}

/// A directory in which PostgreSQL, as another user, can make its socket and its data.
fn open_directory() -> tempfile::TempDir {
    let directory = directory();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    directory
}

fn program(name: &str) -> PathBuf {
    Path::new(PROGRAMS).join(name)
}

impl Cluster {
    pub fn shared() -> &'static Self {
        &SHARED
    }

    pub fn start() -> Self {
        Self::start_as(false)
    }

    fn start_as(is_shared: bool) -> Self {
        let directory = open_directory();
        let data = directory.path().join("data");
        let mut init = as_user(&program("initdb"));
        init.args(["--auth-local=trust", "--auth-host=scram-sha-256", "--username=postgres"]);
        init.args(["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"]).arg(&data);
        let made = init.current_dir("/").output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let cluster = Self::in_directory(directory, is_shared);
        cluster.run("postgres", &format!("CREATE ROLE claviger LOGIN PASSWORD '{PASSWORD}'"));
        cluster
    }

    fn in_directory(directory: tempfile::TempDir, is_shared: bool) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { directory, is_shared, port, server: Mutex::new(None), databases: AtomicUsize::new(0) };
        cluster.begin();
        cluster
    }

    /// Starts a standby of this server. From then on, commits wait until it has them.
    pub fn synchronous_standby(&self) -> Self {
        let directory = open_directory();
        let mut copy = as_user(&program("pg_basebackup"));
        copy.args(["-U", "postgres", "-R", "-X", "stream", "--checkpoint=fast", "--no-sync", "-h"]);
        copy.arg(self.directory.path()).args(["-p", &self.port.to_string(), "-D"]).arg(directory.path().join("data"));
        let made = copy.current_dir("/").output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let standby = Self::in_directory(directory, false);
        self.run("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.run("postgres", "SELECT pg_reload_conf()");
        let synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        eventually("the standby is synchronous", || (self.run("postgres", synchronous) == "1").then_some(()));
        standby
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        assert_eq!(self.run("postgres", "SELECT pg_promote()"), "t");
    }

    /// Starts the server, and waits until it can be used.
    pub fn begin(&self) {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh"]);
        command.arg(if self.is_shared { self.directory.path() } else { Path::new("") });
        let server = as_user(&program("postgres"));
        command.arg(server.get_program()).args(server.get_args());
        command.arg("-D").arg(self.directory.path().join("data")).arg("-k").arg(self.directory.path());
        command.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=300"]);
        command.args(["-c", "shared_buffers=64MB", "-c", "log_min_messages=warning"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).current_dir("/");
        *self.server.lock().unwrap() = Some(command.spawn().unwrap());
        eventually("PostgreSQL answers", || self.try_run("postgres", "SELECT 1").is_ok().then_some(()));
    }

    pub fn log(&self) -> PathBuf {
        self.directory.path().join("server.log")
    }

    /// Stops the server, and waits for its end.
    pub fn end(&self) {
        if let Some(mut server) = self.server.lock().unwrap().take() {
            drop(server.stdin.take());
            server.wait().unwrap();
        }
    }

    /// The number of the server's first process.
    fn pid(&self) -> String {
        let file = self.directory.path().join("data/postmaster.pid");
        fs::read_to_string(file).unwrap().lines().next().unwrap().to_owned()
    }

    /// Kills all processes of the server at once.
    pub fn kill(&self) {
        let pid = self.pid();
        let signal = |signal: &str, pids: &[&str]| Command::new("kill").arg(signal).args(pids).status().unwrap();
        // So that it makes no more children.
        assert!(signal("-STOP", &[&pid]).success());
        let children = Command::new("pgrep").args(["-P", &pid]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let all: Vec<&str> = children.split_whitespace().chain([pid.as_str()]).collect();
        // A child may have ended meanwhile.
        signal("-KILL", &all);
        // The next one does not start while one of them has the shared memory.
        let is_gone = |pid: &&str| fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default().is_empty();
        eventually("PostgreSQL is gone", || all.iter().all(is_gone).then_some(()));
        self.end();
    }

    /// Sends a signal to all processes of the server: STOP makes it silent, CONT goes on.
    pub fn signal(&self, name: &str) {
        let pid = self.pid();
        let children = Command::new("pgrep").args(["-P", &pid]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        Command::new("kill").arg(format!("-{name}")).arg(&pid).args(children.split_whitespace()).status().unwrap();
    }

    fn try_run(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut command = Command::new(program("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-h"]);
        command.arg(self.directory.path()).args(["-p", &self.port.to_string(), "-c", sql]);
        let output = command.current_dir("/").output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// Runs SQL as the superuser, and returns what it prints.
    pub fn run(&self, database: &str, sql: &str) -> String {
        self.try_run(database, sql).unwrap()
    }

    /// Makes a database of the role `claviger`, and returns its name.
    pub fn database(&self) -> String {
        let name = format!("claviger{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run("postgres", &format!("CREATE DATABASE {name} OWNER claviger TEMPLATE template0 ENCODING 'UTF8'"));
        name
    }

    /// The URL of a database by the socket, where no password is asked for.
    pub fn url(&self, database: &str) -> String {
        let directory = self.directory.path().display().to_string().replace('/', "%2F");
        format!("postgres://claviger@{directory}:{}/{database}", self.port)
    }

    /// The URL of a database at one of two servers, whichever is the primary.
    pub fn url_of_two(&self, other: &Self, database: &str) -> String {
        let [own, other] = [self, other].map(|cluster| cluster.url(""));
        let (own, other) = (own.trim_end_matches('/'), other.trim_start_matches("postgres://claviger@"));
        format!("{own},{other}{database}")
    }

    /// The URL of a database by TCP, where a password is asked for.
    pub fn url_by_tcp(&self, database: &str) -> String {
        format!("postgres://claviger@127.0.0.1:{}/{database}", self.port)
    }

    /// Starts to run SQL in a session of its own.
    pub fn spawn(&self, database: &str, statements: &[&str]) -> Child {
        let mut command = Command::new(program("psql"));
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-h"]);
        command.arg(self.directory.path()).args(["-p", &self.port.to_string()]);
        for statement in statements {
            command.args(["-c", statement]);
        }
        command.stdout(Stdio::null()).current_dir("/").spawn().unwrap()
    }

    /// Turns TLS on, by this certificate, and asks for client certificates of this authority.
    pub fn use_tls(&self, identity: &Identity, authority: &Authority) {
        let data = self.directory.path().join("data");
        let owner = fs::metadata(&data).unwrap();
        let put = |name: &str, bytes: &[u8]| {
            let file = data.join(name);
            fs::write(&file, bytes).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            std::os::unix::fs::chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
        };
        put("server.crt", &identity.certificate.to_pem().unwrap());
        put("server.key", &identity.key.private_key_to_pem_pkcs8().unwrap());
        put("root.crt", &authority.pem());
        put(
            "pg_hba.conf",
            b"local all postgres trust\nhostssl all claviger 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n",
        );
        self.run("postgres", "ALTER SYSTEM SET ssl = on");
        self.run("postgres", "ALTER SYSTEM SET ssl_ca_file = 'root.crt'");
        self.end();
        self.begin();
    }

    /// Where it listens for TCP.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}
