//! Clients from the registries, as the lock files in `tests/clients` pin them. Each is installed once, below Cargo's target directory,
//! for as long as its lock file stays as it is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::HEXLOWER;
use openssl::sha::sha256;

/// Returns the directory with the driver of a client and its pinned versions.
pub fn directory(client: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(client)
}

/// Returns a Python interpreter with the packages that the client's `requirements.txt` pins, checked by their hashes.
/// If the client has a `source.txt`, the source package that it pins is in the directory `source` beside the
/// interpreter's.
pub fn python(client: &str) -> PathBuf {
    let [requirements, source] = ["requirements.txt", "source.txt"].map(|name| directory(client).join(name));
    let pinned = fs::read(&source).unwrap_or_default();
    // Packages that are installed for one version of Python are not available to another one.
    let version = ran(Command::new("python3").arg("--version"));
    let lock = [fs::read(&requirements).unwrap(), version, pinned].concat();
    let place = installed(client, &lock, |place| {
        ran(Command::new("python3").args(["-m", "venv"]).arg(place));
        let mut pip = Command::new(place.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "--requirement"]);
        ran(pip.arg(&requirements));
        if source.exists() {
            unpack(place, &source);
        }
    });
    place.join("bin/python")
}

/// Downloads the source package that a file pins, and unpacks it.
fn unpack(place: &Path, pinned: &Path) {
    let packed = place.join("packed");
    let mut pip = Command::new(place.join("bin/python"));
    // The packages that describe it are installed already, from the lock file.
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation", "--require-hashes"]);
    ran(pip.args(["--no-binary", ":all:", "--requirement"]).arg(pinned).arg("--dest").arg(&packed));
    let archive = fs::read_dir(&packed).unwrap().next().expect("a source package").unwrap().path();
    let source = place.join("source");
    fs::create_dir(&source).unwrap();
    ran(Command::new("tar")
        .args(["--extract", "--strip-components=1", "--file"])
        .arg(archive)
        .arg("--directory")
        .arg(source));
}

/// Returns the directory `node_modules` with the packages that the client's `package-lock.json` pins.
pub fn node_modules(client: &str) -> PathBuf {
    let lock = fs::read(directory(client).join("package-lock.json")).unwrap();
    let place = installed(client, &lock, |place| {
        fs::create_dir(place).unwrap();
        for file in ["package.json", "package-lock.json"] {
            fs::copy(directory(client).join(file), place.join(file)).unwrap();
        }
        let mut npm = Command::new("npm");
        npm.current_dir(place).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]);
        ran(&mut npm);
    });
    place.join("node_modules")
}

/// Returns the directory where the client is installed. If several tests need it at the same time, one installs it and
/// the others wait. An interrupted installation is started again.
fn installed(client: &str, lock: &[u8], install: impl FnOnce(&Path)) -> PathBuf {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    fs::create_dir_all(&parent).unwrap();
    let turn = File::create(parent.join(format!("{client}.lock"))).unwrap();
    turn.lock().unwrap();
    let place = parent.join(format!("{client}-{}", &HEXLOWER.encode(&sha256(lock))[..16]));
    let whole = place.join("installed");
    if !whole.exists() {
        if place.exists() {
            fs::remove_dir_all(&place).unwrap();
        }
        install(&place);
        File::create(whole).unwrap();
    }
    place
}

/// Runs a command that must succeed, and returns its standard output. Package managers have their own time-outs.
fn ran(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
