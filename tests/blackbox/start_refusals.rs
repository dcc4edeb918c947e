//! If the server cannot start, it prints one line that says what to do, and ends with status 1.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::harness::again::module;
use crate::harness::server::{P12_PASSWORD, Place, run};
use crate::harness::token::{PIN, write_private};
use crate::harness::{Hsm, Identity, Options, Server, Token, directory};

/// Options by long name; later ones replace earlier ones of the same name.
struct Line<'a> {
    place: &'a Arc<Place>,
    options: Vec<(&'a str, String)>,
    environment: Vec<(&'a str, String)>,
}

impl<'a> Line<'a> {
    /// The options of a server that would start.
    fn new(place: &'a Arc<Place>) -> Self {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let options = vec![
            ("hostname", "127.0.0.1".to_owned()),
            ("port", "0".to_owned()),
            ("hsm-pin-file", text(place.token.pin_file.clone())),
            ("sqlite-path", text(place.database())),
            ("https-p12-file", text(place.path("server.p12"))),
            ("https-p12-password", P12_PASSWORD.to_owned()),
            ("authority-cert-file", text(place.path("ca.pem"))),
            ("log", "error".to_owned()),
        ];
        Self { place, options, environment: Vec::new() }
    }

    fn with(mut self, name: &'a str, value: impl AsRef<Path>) -> Self {
        self = self.without(name);
        self.options.push((name, value.as_ref().to_str().unwrap().to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.options.retain(|(own, _)| *own != name);
        self
    }

    fn variable(mut self, name: &'a str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    fn command(&self) -> Command {
        let mut command = self.place.program();
        command.args(self.options.iter().map(|(name, value)| format!("--{name}={value}")));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Returns the only line of output, which must contain all of these texts and no secret.
    fn refused(&self, texts: &[&str]) -> String {
        self.refused_with(1, texts)
    }

    fn refused_with(&self, code: i32, texts: &[&str]) -> String {
        let (status, out, error) = run(&mut self.command());
        assert_eq!(status.code(), Some(code), "{texts:?}: {out}{error}");
        assert_eq!(out, "", "{texts:?}");
        let line = error.strip_suffix('\n').unwrap_or(&error);
        assert!(line.starts_with("clavigerd: ") && !line.contains('\n'), "not one line: {error}");
        for text in texts {
            assert!(line.contains(text), "{text:?} is not in: {line}");
        }
        for secret in [PIN, P12_PASSWORD] {
            assert!(!line.contains(secret), "{line}");
        }
        line.to_owned()
    }

    fn starts(&self) {
        let started = Server::spawn(Arc::clone(self.place), self.command(), &Options::default());
        started.unwrap_or_else(|log| panic!("it did not start: {log}"));
    }
}

/// A shell command that must succeed.
fn shell(place: &Place, command: &str) {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .env(Hsm::chosen().variable(), &place.token.configuration)
        .current_dir(place.directory.path());
    let (status, out, error) = run(&mut shell);
    assert!(status.success(), "{command}\n{out}{error}");
}

/// Returns the text between backquotes: the command that a message tells the user to run.
fn told(line: &str) -> &str {
    line.split('`').nth(1).unwrap_or_else(|| panic!("no command in: {line}"))
}

#[test]
fn a_pkcs12_file_that_cannot_be_used() {
    let place = Arc::new(Place::new());
    let line = || Line::new(&place);
    let write = |name: &str, content: &[u8]| {
        fs::write(place.path(name), content).unwrap();
        place.path(name)
    };
    line().with("https-p12-file", "/nowhere/server.p12").refused(&["/nowhere/server.p12", "No such file"]);
    line().with("https-p12-file", place.directory.path()).refused(&["Is a directory"]);
    line().with("https-p12-password", "wrong").refused(&["wrong password", "server.p12"]);
    line().with("https-p12-password", "").refused(&["wrong password", "server.p12"]);
    line().without("https-p12-password").refused(&["wrong password", "server.p12"]);
    let passwords = "https-p12-password-file";
    let file = place.path("password");
    write_private(&file, b"wrong\n");
    line().without("https-p12-password").with(passwords, &file).refused(&["wrong password"]);
    line().without("https-p12-password").with(passwords, "/nowhere/password").refused(&["/nowhere/password"]);
    let text = write("text.p12", b"not a PKCS#12 file");
    line().with("https-p12-file", text).refused(&["text.p12", "not a PKCS#12 file"]);
    let empty = write("empty.p12", b"");
    line().with("https-p12-file", empty).refused(&["empty.p12", "not a PKCS#12 file"]);
    let whole = place.authority.issue(&crate::harness::Leaf::server()).pkcs12(P12_PASSWORD);
    let cut = write("cut.p12", &whole[..whole.len() / 2]);
    line().with("https-p12-file", cut).refused(&["cut.p12", "not a PKCS#12 file"]);
    assert!(!place.database().exists(), "a refusal made a database");
}

#[test]
fn a_pkcs12_file_whose_mac_is_missing_or_of_an_unknown_algorithm() {
    let place = Arc::new(Place::new());
    let line = || Line::new(&place).with("https-p12-file", place.path("other.p12"));
    export(&place, "-nomac -inkey key.pem -in certificate.pem");
    let said = line().refused(&["other.p12", "has no MAC", "re-export"]);
    assert!(!said.contains("wrong password"), "{said}");
    let command = told(&said)
        .replace(" -in other", &format!(" -passin pass:{P12_PASSWORD} -in other"))
        .replace(&format!("{}", place.path("other.p12").display()), "other.p12")
        .replacen("pkcs12 -in", &format!("pkcs12 -passin pass:{P12_PASSWORD} -in"), 1)
        .replace(" -export ", &format!(" -export -passout pass:{P12_PASSWORD} "));
    shell(&place, &command);
    line().starts();
    // Changes the last object identifier of SHA-256 in the file, which is that of the MAC, to an unknown one.
    export(&place, "-inkey key.pem -in certificate.pem");
    let mut der = fs::read(place.path("other.p12")).unwrap();
    let sha256 = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    let at = der.windows(sha256.len()).rposition(|window| window == sha256).unwrap();
    der[at + 8] = 0x7e;
    fs::write(place.path("other.p12"), der).unwrap();
    let said = line().refused(&["other.p12", "algorithm that this OpenSSL does not know", "-macalg sha256"]);
    assert!(!said.contains("wrong password"), "{said}");
}

/// Exports alice's key and certificate by the openssl command.
fn export(place: &Place, arguments: &str) {
    let Identity { key, certificate, .. } = &place.alice;
    fs::write(place.path("key.pem"), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    fs::write(place.path("certificate.pem"), certificate.to_pem().unwrap()).unwrap();
    shell(place, &format!("openssl pkcs12 -export -passout pass:{P12_PASSWORD} -out other.p12 {arguments}"));
}

#[test]
fn a_pkcs12_file_with_legacy_encryption_and_how_to_get_rid_of_it() {
    let place = Arc::new(Place::new());
    export(&place, "-legacy -inkey key.pem -in certificate.pem");
    let line = Line::new(&place).with("https-p12-file", place.path("other.p12"));
    let said = line.refused(&["legacy", "re-export", "other.p12"]);
    // At a terminal openssl asks for the passwords.
    let command = told(&said)
        .replace(" -legacy ", &format!(" -legacy -passin pass:{P12_PASSWORD} "))
        .replace(" -export ", &format!(" -export -passout pass:{P12_PASSWORD} "));
    shell(&place, &command);
    assert!(!place.path("plain.pem").exists(), "the key lies about in clear");
    line.starts();
}

#[test]
fn a_pkcs12_file_without_one_of_its_parts() {
    let place = Arc::new(Place::new());
    let line = || Line::new(&place).with("https-p12-file", place.path("other.p12"));
    export(&place, "-nokeys -in certificate.pem");
    line().refused(&["other.p12", "holds no private key"]);
    export(&place, "-nocerts -inkey key.pem");
    line().refused(&["other.p12", "holds no certificate"]);
}

#[test]
fn an_authority_file_that_vouches_for_nobody() {
    let place = Arc::new(Place::new());
    let refused = |content: &[u8], texts: &[&str]| {
        fs::write(place.path("authority.pem"), content).unwrap();
        let line = Line::new(&place).with("authority-cert-file", place.path("authority.pem"));
        line.refused(&[&["authority.pem"], texts].concat());
    };
    refused(b"", &["holds no PEM certificate"]);
    refused(b"\n\n", &["holds no PEM certificate"]);
    refused(b"not PEM at all\n", &["holds no PEM certificate"]);
    refused(&place.authority.certificate.to_der().unwrap(), &["holds no PEM certificate"]);
    refused(&place.alice.key.private_key_to_pem_pkcs8().unwrap(), &["no"]);
    let alice = place.alice.certificate.to_pem().unwrap();
    refused(&alice, &["CN=alice", "not a CA certificate"]);
    // One invalid certificate makes the file invalid, at any place.
    let authority = place.authority.pem();
    refused(&[&authority[..], &alice].concat(), &["CN=alice", "not a CA certificate"]);
    let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    refused(&[&authority[..], damaged].concat(), &["not a list of PEM certificates"]);
    refused(&authority[..authority.len() / 2], &["not a list of PEM certificates"]);
    Line::new(&place).with("authority-cert-file", "/nowhere/ca.pem").refused(&["/nowhere/ca.pem", "No such file"]);
}

#[test]
fn options_that_do_not_go_together() {
    let place = Arc::new(Place::new());
    let line = || Line::new(&place);
    line()
        .without("https-p12-file")
        .without("https-p12-password")
        .refused(&["--authority-cert-file needs --https-p12-file"]);
    line()
        .without("https-p12-file")
        .without("authority-cert-file")
        .refused(&["--https-p12-password needs --https-p12-file"]);
    line().with("https-p12-password-file", place.path("pin")).refused(&[
        "--https-p12-password",
        "--https-p12-password-file",
        "exclude each other",
    ]);
    for (name, reason) in [("*", "not a user"), ("", "blank"), ("a\u{200b}b", "invisible"), ("host/a", "reserved")] {
        line().with("default-username", name).refused(&["--default-username", reason]);
    }
    line().with("hostname", "").refused(&["--hostname"]);
    line().with("hsm-token-label", "x".repeat(33)).refused(&["--hsm-token-label", "32"]);
    line().with("log", "claviger=loud").refused(&["--log"]);
    for (filter, told) in [
        ("warning", "\"warning\" is not a level: give error, warn, info"),
        ("info,verbose", "\"verbose\" is not a level"),
        ("clavigr=debug", "no target is named \"clavigr\": give a level, or one of claviger,"),
    ] {
        line().with("log", filter).refused(&["--log: ", told]);
        fs::write(place.path("log.toml"), format!("# A comment.\n\nlog = \"{filter}\"\n")).unwrap();
        line().without("log").with("config", place.path("log.toml")).refused(&["log.toml, line 3, key `log`: ", told]);
    }
    line().with("log", "warn,claviger=error,hyper=off").starts();
}

#[test]
fn a_module_that_is_none() {
    let place = Arc::new(Place::new());
    let line = || Line::new(&place);
    line().with("hsm-module", "/nowhere/module.so").refused(&["/nowhere/module.so", "PKCS#11 module"]);
    fs::write(place.path("text.so"), "not a module").unwrap();
    line().with("hsm-module", place.path("text.so")).refused(&["text.so", "PKCS#11 module"]);
    // A library, but not of PKCS#11.
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let library = maps.split_whitespace().find(|word| word.contains("libc.so") || word.contains("libc-")).unwrap();
    line().with("hsm-module", library).refused(&[library, "PKCS#11 module"]);
    line().with("hsm-module", place.directory.path()).refused(&["PKCS#11 module"]);
}

#[test]
fn no_token_of_the_label_and_how_to_make_one() {
    let directory = directory();
    let token = Token::empty(directory.path());
    let place = Arc::new(Place::with_token(directory, token));
    Line::new(&place).refused(&["\"claviger\"", "there are: none"]);
    place.token.add("another");
    // A shell would change the last one.
    for label in ["claviger", "a label of words", "it's $HOME; `exit`"] {
        let line = Line::new(&place).with("hsm-token-label", label);
        let said = line.refused(&["no token", "another", &module().display().to_string()]);
        let (_, rest) = said.split_once("with `").unwrap();
        let (command, _) = rest.rsplit_once('`').unwrap();
        match Hsm::chosen() {
            // At a terminal softhsm2-util asks for both PINs.
            Hsm::SoftHsm => shell(&place, &format!("{command} --so-pin so-pin-0815 --pin {PIN}")),
            Hsm::Kryoptic => {
                let slot = place.token.free_slot();
                let command = command.replace("NUMBER", &slot.to_string());
                let set_pin = format!("pkcs11-tool --module {} --slot {slot}", module().display());
                shell(&place, &format!("{command} --so-pin so-pin-0815"));
                shell(
                    &place,
                    &format!("{set_pin} --login --login-type so --so-pin so-pin-0815 --init-pin --new-pin {PIN}"),
                );
            }
        }
        fs::remove_file(place.database()).ok();
        line.starts();
    }
    place.token.add("claviger");
    Line::new(&place).refused(&["2 tokens are labelled \"claviger\""]);
}

#[test]
fn a_pin_that_is_wrong_exposed_or_not_there() {
    let place = Arc::new(Place::new());
    let line = || Line::new(&place);
    let pin = |content: &str, mode: u32| {
        write_private(&place.token.pin_file, content.as_bytes());
        fs::set_permissions(&place.token.pin_file, fs::Permissions::from_mode(mode)).unwrap();
    };
    for mode in [0o644, 0o444, 0o604, 0o620, 0o660, 0o602] {
        pin(PIN, mode);
        let found = format!("mode {mode:o}, owner {}, group {}", this_user().0, this_user().1);
        line().refused(&["readable by others", &found, "chmod 600"]);
    }
    let said = line().refused(&["chmod 600"]);
    shell(&place, told(&said));
    line().starts();
    for content in ["", "\n"] {
        pin(content, 0o600);
        line().refused(&["no PIN", "--hsm-pin-file", "KMS_HSM_PIN"]);
    }
    line().without("hsm-pin-file").refused(&["no PIN", "--hsm-pin-file", "KMS_HSM_PIN"]);
    line().without("hsm-pin-file").variable("KMS_HSM_PIN", "").refused(&["no PIN"]);
    line().with("hsm-pin-file", "/nowhere/pin").refused(&["/nowhere/pin", "No such file"]);
    pin(PIN, 0o600);
    line().variable("KMS_HSM_PIN", PIN).refused(&["--hsm-pin-file", "KMS_HSM_PIN", "exclude each other"]);
    line().without("hsm-pin-file").variable("KMS_HSM_PIN", PIN).starts();
    for wrong in ["pin-that-is-wrong", "1"] {
        pin(wrong, 0o600);
        let said = line().refused_with(78, &["\"claviger\"", "refused the PIN", "--hsm-pin-file", "KMS_HSM_PIN"]);
        assert!(!said.contains("pin-that-is-wrong"), "{said}");
    }
    // A wrong PIN must not have been tried until the token locks.
    pin(PIN, 0o600);
    line().starts();
}

/// Returns the user and the group of this process.
fn this_user() -> (u32, u32) {
    let own = fs::metadata("/proc/self").unwrap();
    (own.uid(), own.gid())
}

/// For Kubernetes (fsGroup) and systemd (LoadCredential), the group may read the file if root owns it or the process is
/// in the group.
#[test]
fn files_with_secrets_may_be_read_by_a_group_and_by_nobody_else() {
    let place = Arc::new(Place::new());
    let password = place.path("password");
    write_private(&password, P12_PASSWORD.as_bytes());
    let pin = place.token.pin_file.clone();
    let line = || Line::new(&place).without("https-p12-password").with("https-p12-password-file", &password);
    let mode = |file: &Path, mode: u32| fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    for file in [&pin, &password] {
        for allowed in [0o440, 0o640, 0o400, 0o600] {
            mode(file, allowed);
            line().starts();
        }
        let name = file.file_name().unwrap().to_str().unwrap();
        for exposed in [0o644, 0o444, 0o441, 0o460] {
            mode(file, exposed);
            line().refused(&[name, &format!("mode {exposed:o}"), "chmod 600"]);
        }
        mode(file, 0o600);
    }
    // A file of another owner and another group: only root can make and read such a file.
    if this_user().0 == 0 {
        for file in [&pin, &password] {
            mode(file, 0o440);
            chown(file, Some(4711), Some(4712)).unwrap();
            line().refused(&["a group in which this process is not", "mode 440, owner 4711, group 4712"]);
            chown(file, Some(0), Some(4712)).unwrap();
            line().starts();
            chown(file, Some(4711), Some(0)).unwrap();
            line().starts();
            chown(file, Some(0), Some(0)).unwrap();
        }
    }
}

#[test]
fn a_database_that_is_not_ours_or_of_the_future() {
    let place = Arc::new(Place::new());
    let line = || Line::new(&place);
    line().starts();
    let sql = |path: &Path, text: &str| rusqlite::Connection::open(path).unwrap().execute_batch(text).unwrap();
    sql(&place.database(), "PRAGMA user_version = 99");
    let said = line().refused(&["claviger.db", "schema 99", "newer"]);
    assert_eq!(line().refused(&[]), said, "and again");
    sql(&place.path("foreign.db"), "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    let before = fs::read(place.path("foreign.db")).unwrap();
    line().with("sqlite-path", place.path("foreign.db")).refused(&["foreign.db", "not one of clavigerd"]);
    sql(&place.path("marked.db"), "PRAGMA application_id = 7");
    line().with("sqlite-path", place.path("marked.db")).refused(&["marked.db", "not one of clavigerd"]);
    let text = "not a database, but the notes of somebody ".repeat(100);
    fs::write(place.path("notes.txt"), &text).unwrap();
    line().with("sqlite-path", place.path("notes.txt")).refused(&["notes.txt", "not a database"]);
    assert_eq!(fs::read_to_string(place.path("notes.txt")).unwrap(), text);
    assert_eq!(fs::read(place.path("foreign.db")).unwrap(), before, "somebody else's database was changed");
    line().with("sqlite-path", place.directory.path()).refused(&["database"]);
    line().with("sqlite-path", "/nowhere/claviger.db").refused(&["/nowhere/claviger.db", "No such file"]);
}

#[test]
fn a_port_or_a_database_that_somebody_has() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let place = Arc::new(Place::new());
    let line = || Line::new(&place);
    let told = address.to_string();
    line().with("port", address.port().to_string()).refused(&["cannot listen on", &told, "in use"]);
    line().with("probe-address", &told).refused(&["cannot listen on", &told, "in use"]);
    line().with("hostname", "host.invalid").refused(&["cannot listen on", "host.invalid"]);
    let server = Server::start_at(Arc::clone(&place), &Options::default());
    line().refused(&["claviger.db", "in use by another clavigerd"]);
    assert_eq!(server.alice().get("/whoami").status, 200, "the first one goes on");
}

#[test]
fn a_configuration_file_that_cannot_be_understood() {
    let place = Arc::new(Place::new());
    let file = place.path("config.toml");
    let refused = |content: &str, texts: &[&str]| {
        fs::write(&file, content).unwrap();
        Line::new(&place).with("config", &file).refused(&[&["config.toml"], texts].concat())
    };
    refused("hostname = \"127.0.0.1\"\nhsm-slot = 7\n", &["hsm_slot"]);
    refused("[server]\nport = 1\n", &["server"]);
    // The line that cannot be read may hold a password.
    for text in ["https-p12-password = \"hunter2\n", "https-p12-password = hunter2\n", "https-p12-password = 4711\n"] {
        let said = refused(text, &["config.toml"]);
        assert!(!said.contains("hunter2") && !said.contains("4711"), "{said}");
    }
    refused("check-config = true\n", &["check_config"]);
    refused("hsm-pin = \"1234\"\n", &["hsm_pin"]);
    refused("port = \"x\"\n", &["u16", "string"]);
    refused("port = 70000\n", &["70000"]);
    refused("port = -1\n", &["-1"]);
    refused("force-default-username = \"yes\"\n", &["boolean"]);
    refused("log-format = \"xml\"\n", &["xml"]);
    refused("probe-address = \"nowhere\"\n", &["socket address"]);
    refused("sqlite-path = \"a\"\nsqlite_path = \"b\"\n", &["sqlite", "twice"]);
    refused("port = 1\nport = 2\n", &["port", "duplicate"]);
    refused("port = \n", &["line 1"]);
    refused("port 9998\n", &["line 1"]);
    Line::new(&place).with("config", "/nowhere/config.toml").refused(&["/nowhere/config.toml", "No such file"]);
    Line::new(&place).variable("KMS_CONFIG", "/nowhere/other.toml").refused(&["/nowhere/other.toml"]);
}

#[test]
fn a_value_in_the_file_that_no_flag_would_take() {
    let place = Arc::new(Place::new());
    for (text, told) in [
        ("hsm-max-sessions = 0", "hsm-max-sessions"),
        ("hsm-max-sessions = 2000", "hsm-max-sessions"),
        ("hostname = \"\"", "hostname"),
        ("default-username = \"*\"", "default-username"),
    ] {
        fs::write(place.path("config.toml"), text).unwrap();
        let line = Line::new(&place).without("hostname").with("config", place.path("config.toml"));
        line.refused(&[told]);
    }
}

/// For an invalid value in the file, the error names file, line and key; for a value from elsewhere it does not.
#[test]
fn faults_of_the_configuration_file_name_file_line_and_key() {
    let place = Arc::new(Place::new());
    let file = place.path("config.toml");
    let base = || Line::new(&place).without("hostname").with("config", &file);
    for (text, place_of, told) in [
        ("port = \"x\"", "line 3, key `port`", "string"),
        ("hsm-slot = 7", "line 3, key `hsm-slot`", "unknown field"),
        ("\n\nlog-format = \"xml\"", "line 5, key `log-format`", "xml"),
        ("https_p12_password = 4711", "line 3: the value of `https_p12_password`", "quotation marks"),
        ("hsm-max-sessions = 2000", "line 3, key `hsm-max-sessions`", "2 to 1024"),
        ("hostname = \"\"", "line 3, key `hostname`", "1 to 253"),
        ("default-username = \"*\"", "line 3, key `default-username`", "--default-username"),
        ("jwt-leeway = 301", "line 3, key `jwt-leeway`", "300"),
        ("jwt-issuer-uri = [\"http://a\"]", "line 3, key `jwt-issuer-uri`", "https://"),
        ("jwt_issuer_uri = \"https://a\"\njwks-uri = \"x\"", "line 4, key `jwks-uri`", "--jwks-uri x"),
        ("jwks-uri = \"https://a\"", "line 3, key `jwks-uri`", "needs --jwt-issuer-uri"),
        ("audit-rotate-size = 7", "line 3, key `audit-rotate-size`", "4096"),
        ("api-token-id = \"\"", "line 3, key `api-token-id`", "empty"),
        ("crl-file = []", "line 3, key `crl-file`", "the list is empty"),
    ] {
        fs::write(&file, format!("# The server of a test.\nplacement = \"wrapped\"\n{text}\n")).unwrap();
        let said = base().refused(&["config.toml", place_of, told]);
        assert!(!said.contains("4711"), "{said}");
    }
    fs::write(&file, "hsm-pin-file = \"/nowhere/pin\"\n").unwrap();
    base().without("hsm-pin-file").refused(&["config.toml, line 1, key `hsm-pin-file`: ", "/nowhere/pin"]);
    // The flag is wrong, not the file with another value.
    fs::write(&file, "hsm-token-label = \"good\"\n").unwrap();
    let said = base().with("hsm-token-label", "x".repeat(33)).refused(&["--hsm-token-label"]);
    assert!(!said.contains("config.toml"), "{said}");
}

/// SoftHSM returns CKR_GENERAL_ERROR for every fault of its files.
#[test]
fn softhsm_that_cannot_start_is_told_apart() {
    let place = Arc::new(Place::new());
    let conf = &place.token.configuration;
    let tokens = place.token.tokens.display().to_string();
    let good = fs::read_to_string(conf).unwrap();
    let at = |path: &Path| Line::new(&place).variable("SOFTHSM2_CONF", path.to_str().unwrap());
    let refused = |text: &str, texts: &[&str]| {
        fs::write(conf, text).unwrap();
        let said = at(conf).refused(texts);
        assert!(!said.contains("--init-token"), "{said}");
    };
    let missing = place.path("none.conf");
    let said =
        at(&missing).refused(&["cannot read its configuration file", missing.to_str().unwrap(), "SOFTHSM2_CONF"]);
    assert!(!said.contains("--init-token"), "{said}");
    refused(&good.replace(&tokens, "/nowhere/tokens"), &["directory of tokens /nowhere/tokens", "No such file"]);
    refused(&good.replace("backend = file", "backend = paper"), &["objectstore.backend = paper", "softhsm2.conf"]);
    fs::write(conf, &good).unwrap();
    at(conf).starts();
}

/// A user who may not read the HSM tokens gets an error about this, not the advice to make another token.
#[test]
fn tokens_that_the_user_may_not_read_are_named() {
    let place = Arc::new(Place::new());
    let token = fs::read_dir(&place.token.tokens).unwrap().next().unwrap().unwrap().path();
    let mode = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    // A user other than root: that of this test, or `nobody`, who may read the rest.
    let (user, _) = this_user();
    let program = place.path("clavigerd");
    // Another process writes it: a program that is open for writing cannot be run, and children of other tests inherit
    // open files of this process.
    assert!(run(Command::new("cp").arg(env!("CARGO_BIN_EXE_clavigerd")).arg(&program)).0.success());
    mode(place.directory.path(), 0o777);
    let run_as_somebody = || {
        let line = Line::new(&place).without("hsm-pin-file").variable("KMS_HSM_PIN", PIN);
        let mut own = Command::new(&program);
        let command = line.command();
        own.args(command.get_args()).env_clear().current_dir(place.directory.path());
        own.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        own.env("SOFTHSM2_CONF", &place.token.configuration);
        if user == 0 {
            own.uid(65_534).gid(65_534);
        }
        run(&mut own).2
    };
    for (closed, what) in [
        (&token, token.display().to_string()),
        (&place.token.tokens, place.token.tokens.display().to_string()),
        (&place.token.configuration, place.token.configuration.display().to_string()),
    ] {
        let before = fs::metadata(closed).unwrap().permissions();
        mode(&place.token.tokens, 0o755);
        mode(closed, 0o000);
        let said = run_as_somebody();
        fs::set_permissions(closed, before).unwrap();
        assert!(said.contains("cannot be read") || said.contains("cannot read"), "{said}");
        assert!(said.contains(&what) && said.contains("run it as") && said.contains("mode 000"), "{said}");
        assert!(!said.contains("--init-token") && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let place = Arc::new(Place::new());
    for (arguments, texts) in [
        (&["--no-such-option"][..], &["--no-such-option"][..]),
        (&["--hsm-pin=1234"], &["--hsm-pin"]),
        (&["--port", "70000"], &["70000", "--port"]),
        (&["--port", "1", "--port", "2"], &["--port"]),
        (&["--log-format", "xml"], &["xml", "human", "json"]),
        (&["--hsm-max-sessions", "1"], &["2..=1024"]),
        (&["stray"], &["stray"]),
    ] {
        let (status, out, error) = run(place.program().args(arguments));
        assert_eq!((status.code(), out.as_str()), (Some(2), ""), "{arguments:?}: {error}");
        assert!(texts.iter().all(|text| error.contains(text)), "{arguments:?}: {error}");
    }
    let (status, _, error) = run(place.program().env("KMS_PORT", "many"));
    assert!(status.code() == Some(2) && error.contains("many"), "{error}");
}
