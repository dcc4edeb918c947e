//! The directory of faults. Tests write it, and the module reads it at each call.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cryptoki_sys::CK_OBJECT_HANDLE;

use crate::fault::Fault;

/// The variable that names the module to forward to.
pub const MODULE: &str = "SHIM_MODULE";

/// The variable that names the directory of faults. If it is not set, the module does nothing wrong.
pub const CONTROL: &str = "SHIM_CONTROL";

/// The variable that, if it is set, lets the calls of the other module begin only when the one before has returned.
pub const ONE_BY_ONE: &str = "SHIM_ONE_BY_ONE";

/// A time of modification that is younger than this may also be that of a later change, because the kernel's clock of
/// files has coarse steps.
const STEP: Duration = Duration::from_millis(100);

/// A directory of faults, as a test uses it.
#[derive(Debug, Clone)]
pub struct Control(PathBuf);

impl Control {
    /// Makes the directory if it does not exist.
    ///
    /// # Errors
    /// The file system fails.
    pub fn new(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self(directory.to_owned()))
    }

    /// Returns the environment with which a program loads this module instead of `module`.
    pub fn environment(&self, module: &Path) -> Vec<(String, String)> {
        vec![(MODULE.to_owned(), module.display().to_string()), (CONTROL.to_owned(), self.0.display().to_string())]
    }

    /// Switches `fault` on. It replaces an earlier fault of this name.
    ///
    /// # Errors
    /// The file system fails.
    pub fn set(&self, name: &str, fault: &Fault) -> io::Result<()> {
        // The rename is atomic, and it changes the time of modification of the directory.
        let draft = self.0.with_extension("draft");
        fs::write(&draft, fault.to_string())?;
        fs::rename(&draft, self.0.join(name))
    }

    /// Switches the fault of this name off.
    ///
    /// # Errors
    /// The file system fails, or there is no such fault.
    pub fn clear(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    /// Returns how often the fault of this name was done so far.
    pub fn hits(&self, name: &str) -> usize {
        let done = fs::read_to_string(report(&self.0)).unwrap_or_default();
        done.lines().filter(|line| *line == name).count()
    }
}

/// Returns the file to which the module writes a line with the name of each fault that it did.
fn report(directory: &Path) -> PathBuf {
    directory.with_extension("done")
}

/// A fault that is switched on, as the module uses it.
pub(crate) struct Active {
    pub(crate) fault: Fault,
    name: String,
    file: Version,
    /// The number of calls to which it applied.
    met: Cell<u64>,
    done: u64,
    /// The first key that a fault with [`crate::Only::FirstKey`] met.
    pub(crate) key: Option<CK_OBJECT_HANDLE>,
}

impl Active {
    /// Whether the fault is due in this call, according to its numbers. Counts the call.
    pub(crate) fn is_due(&self) -> bool {
        let met = self.met.replace(self.met.get() + 1);
        let is_turn = met.checked_sub(self.fault.after).is_some_and(|met| met % self.fault.every == 0);
        is_turn && self.fault.times.is_none_or(|times| self.done < times)
    }
}

/// The directory of faults as it was read last.
#[derive(Default)]
pub(crate) struct Faults {
    read: Option<SystemTime>,
    pub(crate) active: Vec<Active>,
    report: Option<File>,
}

impl Faults {
    /// Reads the directory again if it may have changed. Costs one stat(2) if it has not.
    pub(crate) fn refresh(&mut self) {
        let Some(directory) = std::env::var_os(CONTROL) else { return };
        let directory = PathBuf::from(directory);
        let Ok(modified) = fs::metadata(&directory).and_then(|metadata| metadata.modified()) else { return };
        if self.read == Some(modified) {
            return;
        }
        let is_settled = modified.elapsed().is_ok_and(|age| age > STEP);
        self.read = is_settled.then_some(modified);
        let mut before = std::mem::take(&mut self.active);
        for file in files(&directory) {
            match before.iter().position(|own| own.file == file) {
                Some(place) => self.active.push(before.swap_remove(place)),
                None => self.active.extend(load(file)),
            }
        }
        self.active.sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// Counts the fault at this place as done once more, for this key.
    pub(crate) fn note(&mut self, place: usize, key: Option<CK_OBJECT_HANDLE>) {
        let Some(active) = self.active.get_mut(place) else { return };
        active.done += 1;
        active.key = active.key.or(key);
        let line = format!("{}\n", active.name);
        if self.report.is_none() {
            let directory = std::env::var_os(CONTROL).map(PathBuf::from).unwrap_or_default();
            self.report = OpenOptions::new().create(true).append(true).open(report(&directory)).ok();
        }
        if let Some(report) = &mut self.report {
            let _ = report.write_all(line.as_bytes());
        }
    }
}

/// The identity of a file. A later file of the same name differs.
#[derive(PartialEq, Eq)]
struct Version {
    path: PathBuf,
    modified: SystemTime,
    number: u64,
}

fn files(directory: &Path) -> Vec<Version> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let version = |entry: fs::DirEntry| {
        let metadata = entry.metadata().ok()?;
        Some(Version { path: entry.path(), modified: metadata.modified().ok()?, number: metadata.ino() })
    };
    entries.filter_map(version).collect()
}

/// Loads a fault. `None` if it was removed in the meantime. A file that does not contain a fault ends the program,
/// because the test would prove nothing.
fn load(file: Version) -> Option<Active> {
    let text = match fs::read_to_string(&file.path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        read => read.map_err(|error| error.to_string()),
    };
    let name = file.path.file_name().map(OsStr::to_string_lossy).unwrap_or_default().into_owned();
    match text.and_then(|text| text.parse()) {
        Ok(fault) => Some(Active { fault, name, file, met: Cell::new(0), done: 0, key: None }),
        Err(error) => give_up(&format!("{}: {error}", file.path.display())),
    }
}

/// Ends the program with this reason.
pub(crate) fn give_up(reason: &str) -> ! {
    let _ = writeln!(io::stderr(), "the shim cannot continue: {reason}");
    std::process::abort()
}
