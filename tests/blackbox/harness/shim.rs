//! A PKCS#11 module between the server and its HSM token, which has faults that a test switches on.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use claviger_pkcs11_shim::{Control, Fault};

use super::server::Place;
use super::{Options, Server, spy};

/// A server that uses the module.
pub struct Shim {
    pub server: Server,
    control: Control,
}

/// Returns the path of the module, which cargo builds with the tests.
pub fn library() -> PathBuf {
    let library = env::current_exe().unwrap().with_file_name("libclaviger_pkcs11_shim.so");
    assert!(library.exists(), "{} is not there", library.display());
    library
}

/// The control directory of this place, with these faults switched on.
fn control(place: &Place, faults: &[(&str, Fault)]) -> Control {
    let control = Control::new(&place.path("faults")).unwrap();
    for (name, fault) in faults {
        control.set(name, fault).unwrap();
    }
    control
}

/// Returns the command `clavigerd` with a module that has these faults from the beginning.
pub fn program(place: &Place, faults: &[(&str, Fault)]) -> Command {
    let control = control(place, faults);
    let mut command = place.program();
    command.arg("--hsm-module").arg(library()).arg("--hsm-pin-file").arg(&place.token.pin_file);
    command.envs(control.environment(&spy::module()));
    command
}

/// Returns the options for a server in this place with a module that has these faults from the beginning, and the
/// control of the faults.
pub fn options(place: &Place, faults: &[(&str, Fault)]) -> (Options, Control) {
    let control = control(place, faults);
    (Shim::options(&control, &Options::default()), control)
}

/// Returns the row of `--check-hsm` that begins with `name`.
pub fn row<'a>(out: &'a str, name: &str) -> &'a str {
    out.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {out}"))
}

impl Shim {
    pub fn start(options: &Options) -> Self {
        let place = Arc::new(Place::new());
        let control = control(&place, &[]);
        Self { server: Server::start_at(place, &Self::options(&control, options)), control }
    }

    fn options(control: &Control, options: &Options) -> Options {
        let mut options = options.clone();
        options.arguments.extend(["--hsm-module".to_owned(), library().display().to_string()]);
        options.environment.extend(control.environment(&spy::module()));
        options
    }

    /// Switches a fault on.
    pub fn set(&self, name: &str, fault: &Fault) {
        self.control.set(name, fault).unwrap();
    }

    /// Switches a fault off.
    pub fn clear(&self, name: &str) {
        self.control.clear(name).unwrap();
    }

    /// Returns how often the fault happened.
    pub fn hits(&self, name: &str) -> usize {
        self.control.hits(name)
    }
}
