//! The files of the Debian package: systemd accepts the unit, its command and the configuration file start the server, and the package
//! has what it should.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use clap::Args as _;
use claviger::config::{Options as ServerOptions, toml_file};
use serde_json::Value;

use crate::harness::server::{P12_PASSWORD, Place, run};
use crate::harness::service_manager::ServiceManager;
use crate::harness::{Options, Server, directory, eventually, kmip};

/// The most exposure that systemd's rating of the unit may have, in tenths: 0 is the least, 100 the most.
const EXPOSURE: &str = "15";

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/debian")
}

fn read(name: &str) -> String {
    fs::read_to_string(packaging().join(name)).unwrap()
}

/// The values of a setting of the unit, in their order.
fn settings<'a>(unit: &'a str, name: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

#[test]
fn systemd_accepts_the_unit() {
    let directory = directory();
    // The program that is named must exist.
    let unit = read("clavigerd.service").replace("/usr/bin/clavigerd", env!("CARGO_BIN_EXE_clavigerd"));
    let file = directory.path().join("clavigerd.service");
    fs::write(&file, &unit).unwrap();
    for drop_in in fs::read_dir(packaging().join("examples")).unwrap() {
        let drop_in = drop_in.unwrap().path();
        let place = directory.path().join("clavigerd.service.d");
        fs::create_dir_all(&place).unwrap();
        fs::copy(&drop_in, place.join(drop_in.file_name().unwrap())).unwrap();
        verify(&file);
        fs::remove_dir_all(place).unwrap();
    }
    verify(&file);
    let mut rating = Command::new("systemd-analyze");
    rating.args(["security", "--offline=yes", "--no-pager", &format!("--threshold={EXPOSURE}")]).arg(&file);
    let (status, out, error) = run(&mut rating);
    assert!(status.success(), "{out}{error}");
}

fn verify(unit: &Path) {
    let (status, out, error) = run(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(unit));
    // It also complains about units of the machine.
    let own: Vec<&str> = out.lines().chain(error.lines()).filter(|line| line.contains("clavigerd.service")).collect();
    assert!(status.success() && own.is_empty(), "{status}: {out}{error}");
}

/// Makes the credentials as systemd does for a user who is not root: root's files, which an access list opens for the user. Its mask
/// shows as the bits of a group in which the server is not.
fn credential(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o440)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(path, Some(0), Some(54_321)).unwrap();
    }
}

#[test]
fn the_unit_and_its_configuration_start_the_server() {
    let place = Arc::new(Place::new());
    let unit = read("clavigerd.service");
    // A late HSM is waited for without an end, and a refused PIN is not tried again.
    for (setting, expected) in
        [("StartLimitIntervalSec", "0"), ("RestartSec", "15s"), ("RestartPreventExitStatus", "78")]
    {
        assert_eq!(settings(&unit, setting), [expected], "{setting}");
    }
    let here = |text: &str| {
        let own = place.directory.path().display().to_string();
        text.replace("/etc/claviger", &own).replace("/var/lib/claviger", &own)
    };
    fs::write(place.path("claviger.toml"), here(&read("claviger.toml"))).unwrap();
    let credentials = place.path("credentials");
    fs::create_dir(&credentials).unwrap();
    let secrets = [("pin", crate::harness::token::PIN), ("server.password", P12_PASSWORD)];
    let loaded: Vec<&str> = settings(&unit, "LoadCredential").iter().filter_map(|own| own.split(':').next()).collect();
    assert_eq!(loaded, secrets.map(|(name, _)| name));
    for (name, content) in secrets {
        credential(&credentials.join(name), content);
    }

    let manager = ServiceManager::at(&place.path("notify"));
    let seconds: u64 = settings(&unit, "WatchdogSec")[0].strip_suffix('s').unwrap().parse().unwrap();
    let options = manager.options(Some(Duration::from_secs(seconds)), &Options::default());
    let line = here(settings(&unit, "ExecStart")[0]);
    let (program, arguments) = line.split_once(' ').unwrap();
    assert_eq!(program, "/usr/bin/clavigerd");
    let mut command = place.program();
    command.args(arguments.split(' ')).envs(options.environment.iter().cloned());
    command.env("CREDENTIALS_DIRECTORY", &credentials);
    for setting in settings(&unit, "Environment") {
        let (name, value) = setting.split_once('=').unwrap();
        command.env(name, value.replace("%d", &credentials.display().to_string()));
    }
    // The ports of the package are those of every server.
    command.env("KMS_HOSTNAME", "127.0.0.1").env("KMS_PORT", "0").env("KMS_KMIP_PORT", "off");
    command.env("KMS_PROBE_ADDRESS", "127.0.0.1:0").env("KMS_LOG", "debug");
    let server = Server::spawn(Arc::clone(&place), command, &Options::default()).unwrap_or_else(|log| panic!("{log}"));
    assert_eq!(settings(&unit, "Type"), ["notify"]);
    assert!(manager.next().starts_with("READY=1\n"));
    assert_eq!(manager.next(), "WATCHDOG=1\n");
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    alice.ok(&kmip::encrypt(&id, b"data"));
    assert!(place.database().exists());
    for (_, secret) in secrets {
        assert!(!server.log().contains(secret));
    }
    // ExecReload.
    assert!(settings(&unit, "ExecReload")[0].ends_with("-HUP $MAINPID"));
    server.signal("HUP");
    eventually("it reloads", || manager.next().starts_with("RELOADING=1\n").then_some(()));
    let (_, status) = server.stop();
    assert!(status.success());
}

/// The options of the file: those that are set, and those that are shown behind `#`; each with the comment before it.
fn shown(file: &str) -> BTreeMap<String, String> {
    let (mut options, mut comment) = (BTreeMap::new(), String::new());
    for line in file.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            comment.push_str(text);
            comment.push(' ');
        } else if let Some((name, _)) = line.trim_start_matches('#').split_once(" = ") {
            options.insert(name.to_owned(), comment.trim_end().to_owned());
        }
        if !line.starts_with("# ") {
            comment.clear();
        }
    }
    options
}

/// The help of an option as it is in the file, where a list is written in another way.
fn words(help: &str) -> String {
    help.replace("; for several, repeat the option, or write `[A,B]`", "; several are written as [\"A\", \"B\"]")
}

#[test]
fn the_configuration_file_shows_every_option() {
    let file = read("claviger.toml");
    let known = ServerOptions::augment_args(clap::Command::new("clavigerd"));
    // Three options cannot be in a file, or should not.
    let left_out = ["https-p12-password", "audit-accept-loss", "remake-root-key"];
    let known = known.get_arguments().filter_map(|own| Some((own.get_long()?.to_owned(), own.get_help()?.to_string())));
    let known: BTreeMap<String, String> =
        known.filter(|(name, _)| !left_out.contains(&name.as_str())).map(|(name, help)| (name, words(&help))).collect();
    assert_eq!(shown(&file), known);
    // Each value is one that the option takes.
    let lines = file.lines().filter(|line| !line.starts_with("# ")).map(|line| line.trim_start_matches('#'));
    let all: Vec<&str> = lines.filter(|line| line.contains(" = ")).collect();
    let all = all.join("\n");
    let read = toml_file::parse::<ServerOptions>(&all, &[]).unwrap();
    assert_eq!(read.options.names().len(), known.len());
    let set = toml_file::parse::<ServerOptions>(&file, &[]).unwrap();
    assert_eq!(set.options.names(), ["https_p12_file", "authority_cert_file", "sqlite_path", "probe_address"]);
}

/// Runs a program that must succeed, and returns its standard output.
fn ran(command: &mut Command) -> String {
    let (status, out, error) = run(command);
    assert!(status.success(), "{command:?}: {out}{error}");
    out
}

#[test]
fn the_package_has_its_files() {
    let directory = directory();
    let programs = Path::new(env!("CARGO_BIN_EXE_clavigerd")).parent().unwrap();
    let mut package = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/package"));
    // Packing the programs of the tests takes long.
    package.env("CLAVIGER_PACKAGE_COMPRESSION", "none").arg("--programs").arg(programs).arg(directory.path());
    ran(&mut package);
    let file = fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().path();
    let control = ran(Command::new("dpkg-deb").arg("--field").arg(&file));
    for words in ["Package: claviger\n", "libssl3", "libc6", "adduser", concat!("Version: ", env!("CARGO_PKG_VERSION"))]
    {
        assert!(control.contains(words), "{words}: {control}");
    }
    let list = ran(Command::new("dpkg-deb").arg("--contents").arg(&file));
    let has = |mode: &str, path: &str| list.lines().any(|line| line.starts_with(mode) && line.ends_with(path));
    for (mode, path) in [
        ("-rwxr-xr-x root/root", "./usr/bin/claviger"),
        ("-rwxr-xr-x root/root", "./usr/bin/clavigerd"),
        ("-rwxr-xr-x root/root", "./usr/lib/claviger/backup"),
        ("-rw-r--r-- root/root", "./lib/systemd/system/clavigerd.service"),
        ("-rw-r--r-- root/root", "./etc/claviger/claviger.toml"),
        ("-rw-r--r-- root/root", "./usr/share/man/man8/clavigerd.8.gz"),
        ("-rw-r--r-- root/root", "./usr/share/man/man1/claviger-keys-create.1.gz"),
        ("-rw-r--r-- root/root", "./usr/share/zsh/vendor-completions/_claviger"),
        ("-rw-r--r-- root/root", "./usr/share/doc/claviger/copyright"),
        ("-rw-r--r-- root/root", "./usr/share/doc/claviger/licences.gz"),
        ("-rw-r--r-- root/root", "./usr/share/doc/claviger/docs/install.md"),
    ] {
        assert!(has(mode, path), "{mode} {path}: {list}");
    }
    let tree = directory.path().join("tree");
    ran(Command::new("dpkg-deb").arg("--raw-extract").arg(&file).arg(&tree));
    assert_eq!(fs::read_to_string(tree.join("DEBIAN/conffiles")).unwrap(), "/etc/claviger/claviger.toml\n");
    ran(Command::new("md5sum").args(["--check", "--quiet", "DEBIAN/md5sums"]).current_dir(&tree));
    let bill = fs::read(tree.join("usr/share/doc/claviger/claviger.cdx.json")).unwrap();
    materials_are_complete(&serde_json::from_slice(&bill).unwrap());
}

/// The bill of materials has each crate that `cargo tree` links into the programs, with its hash, and the SQLite in one of them.
fn materials_are_complete(bill: &Value) {
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&Value::from("CycloneDX"), &Value::from("1.5")));
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(env!("CARGO_MANIFEST_DIR")).args(["tree", "--locked", "--offline", "--package", "claviger"]);
    let linked = ran(tree.args(["--edges", "normal", "--prefix", "none", "--format", "{p}"]));
    let linked = linked.lines().filter_map(|line| {
        let (name, rest) = line.split_once(" v")?;
        Some(format!("pkg:cargo/{name}@{}", rest.split(' ').next()?))
    });
    let linked: BTreeSet<String> = linked.collect();
    let components = bill["components"].as_array().unwrap();
    let listed = components.iter().chain([&bill["metadata"]["component"]]).map(|own| own["bom-ref"].as_str().unwrap());
    let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
    let missing: Vec<_> = linked.difference(&listed).collect();
    assert!(missing.is_empty() && linked.len() > 100, "{missing:?}");
    let more: Vec<_> = listed.difference(&linked).filter(|own| !own.starts_with("pkg:generic/sqlite@3.")).collect();
    assert!(more.is_empty() && listed.len() == linked.len() + 1, "{more:?}");
    for own in components.iter().filter(|own| own["purl"].as_str().is_some_and(|purl| purl.starts_with("pkg:cargo/"))) {
        assert_eq!(own["hashes"][0]["content"].as_str().map(str::len), Some(64), "{own}");
        assert!(own["licenses"][0]["expression"].is_string(), "{own}");
    }
    let places: BTreeSet<&str> =
        bill["dependencies"].as_array().unwrap().iter().map(|own| own["ref"].as_str().unwrap()).collect();
    assert_eq!(places.len(), listed.len());
}
