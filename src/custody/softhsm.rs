//! Diagnosis of SoftHSM: why it does not start or does not show a token. SoftHSM itself answers CKR_GENERAL_ERROR to
//! every call, or lists no token. The cause is usually a file that is missing or that this user cannot read, so this
//! module looks at the files.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::file::{self, Unreadable, unreadable};

/// Names the configuration file.
const VARIABLE: &str = "SOFTHSM2_CONF";

/// The configuration file below the home directory, and those of distributions.
const OF_USER: &str = ".config/softhsm2/softhsm2.conf";
const OF_SYSTEM: [&str; 3] = ["/etc/softhsm/softhsm2.conf", "/etc/softhsm2.conf", "/usr/local/etc/softhsm2.conf"];

/// The directory of tokens if the configuration does not name one.
const USUAL_TOKENS: &str = "/var/lib/softhsm/tokens";

/// The largest configuration file, in bytes.
const MAX_CONFIGURATION: u64 = 1 << 20;

/// What keeps SoftHSM from its tokens.
#[derive(Debug)]
pub enum SoftHsmFault {
    /// There is no configuration file.
    NoConfiguration {
        /// The paths that were tried.
        places: Vec<PathBuf>,
    },
    /// A file or directory that cannot be read.
    Unreadable(Unreadable),
    /// A kind of store that there is not, or that is not built into this SoftHSM.
    Backend {
        /// The configuration file.
        path: PathBuf,
        /// The value of `objectstore.backend`.
        backend: String,
    },
    /// The token has no directory.
    NoDirectory {
        /// The directory of all tokens.
        directory: PathBuf,
        /// The token's serial number.
        serial: String,
    },
    /// There are tokens that this user may not read.
    Tokens {
        /// The path of the first one.
        path: PathBuf,
        /// The number of such tokens.
        count: usize,
    },
}

impl fmt::Display for SoftHsmFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConfiguration { places } => {
                let places: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
                write!(
                    formatter,
                    "SoftHSM has no configuration file at {}: set {VARIABLE} to one that names `directories.tokendir`",
                    places.join(" or ")
                )
            }
            Self::Unreadable(Unreadable { what, path, source }) => {
                let advice = match source.kind() {
                    io::ErrorKind::PermissionDenied => allowed(path),
                    _ => format!("create it, or name another one with {VARIABLE}"),
                };
                write!(formatter, "SoftHSM cannot read its {what} {}: {source}: {advice}", path.display())
            }
            Self::Backend { path, backend } => write!(
                formatter,
                "the SoftHSM configuration {} asks for `objectstore.backend = {backend}`, which this SoftHSM does not have: \
                 set it to `file` if the tokens are files",
                path.display()
            ),
            Self::NoDirectory { directory, serial } => write!(
                formatter,
                "SoftHSM has no directory in {} for the token with serial number {serial}: set {VARIABLE} as for the server",
                directory.display()
            ),
            Self::Tokens { path, count } => write!(
                formatter,
                "{count} tokens cannot be read by this user, the first is {}: {}",
                path.display(),
                allowed(path)
            ),
        }
    }
}

impl std::error::Error for SoftHsmFault {}

/// Describes the mode and owner of a file that this process may not read, and the remedy.
fn allowed(path: &Path) -> String {
    // For a file in a closed directory only the directory can be examined.
    let known = path.ancestors().find_map(|path| fs::metadata(path).ok().map(|metadata| (path, metadata)));
    let user = rustix::process::geteuid().as_raw();
    match known {
        Some((path, metadata)) => format!(
            "{} has mode {:03o}, owner {} and group {}, and this process runs as user {user}: run it as a member of that group",
            path.display(),
            metadata.mode() & 0o777,
            named("/etc/passwd", metadata.uid()),
            named("/etc/group", metadata.gid())
        ),
        None => format!("this process runs as user {user}: run it as a user who may read it"),
    }
}

/// Returns the name of an id in a file like /etc/group, or the id if there is no name.
fn named(file: &str, id: u32) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let is_own = |line: &&str| line.split(':').nth(2).and_then(|own| own.parse::<u32>().ok()) == Some(id);
    let name = text.lines().find(is_own).and_then(|line| line.split(':').next());
    name.map_or_else(|| id.to_string(), |name| format!("{name} ({id})"))
}

/// Whether a module is SoftHSM, by its file name. Used before the module can be called.
#[must_use]
pub fn is_softhsm(module: &Path) -> bool {
    module.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().contains("softhsm"))
}

/// Looks for the cause that keeps SoftHSM from starting or from its tokens. `None` if `module` is another one, or no
/// cause is found.
#[must_use]
pub fn softhsm_fault(module: &Path) -> Option<SoftHsmFault> {
    if !is_softhsm(module) {
        return None;
    }
    let directory = match directory_of_tokens() {
        Ok(directory) => directory,
        Err(fault) => return Some(fault),
    };
    match unreadable_tokens(&directory) {
        Ok(tokens) => {
            let count = tokens.len();
            tokens.into_iter().next().map(|path| SoftHsmFault::Tokens { path, count })
        }
        Err(source) => Some(SoftHsmFault::Unreadable(unreadable("directory of tokens", &directory)(source))),
    }
}

/// Returns the directory of the token with this serial number, in which each object is a file. The directory's name is
/// a UUID, whose last 16 digits are the serial number.
///
/// # Errors
/// The directory does not exist, or SoftHSM stores the objects in another way.
pub fn softhsm_directory(serial: &str) -> Result<PathBuf, SoftHsmFault> {
    let directory = directory_of_tokens()?;
    let entries = fs::read_dir(&directory).map_err(unreadable("directory of tokens", &directory));
    let mut found = entries.map_err(SoftHsmFault::Unreadable)?.flatten().map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().replace('-', "");
        !serial.is_empty() && name.to_lowercase().ends_with(&serial.to_lowercase())
    });
    found.next().ok_or_else(|| SoftHsmFault::NoDirectory { directory: directory.clone(), serial: serial.to_owned() })
}

/// Returns the directory of tokens of the configuration. Each token has its own directory in it.
fn directory_of_tokens() -> Result<PathBuf, SoftHsmFault> {
    let path = configuration()?;
    let text = file::text("configuration file", &path, MAX_CONFIGURATION).map_err(SoftHsmFault::Unreadable)?;
    let value = |key: &str| {
        let lines = text.lines().filter_map(|line| line.split('#').next()?.split_once('='));
        lines.filter(|(own, _)| own.trim() == key).map(|(_, value)| value.trim().to_owned()).next_back()
    };
    if let Some(backend) = value("objectstore.backend").filter(|backend| backend != "file") {
        return Err(SoftHsmFault::Backend { path, backend });
    }
    let directory = value("directories.tokendir").filter(|text| !text.is_empty());
    Ok(directory.map_or_else(|| PathBuf::from(USUAL_TOKENS), PathBuf::from))
}

/// The configuration file that SoftHSM takes.
fn configuration() -> Result<PathBuf, SoftHsmFault> {
    if let Some(path) = std::env::var_os(VARIABLE) {
        return Ok(PathBuf::from(path));
    }
    let of_user = std::env::home_dir().map(|home| home.join(OF_USER));
    let places: Vec<PathBuf> = of_user.into_iter().chain(OF_SYSTEM.map(PathBuf::from)).collect();
    // A file that exists but may not be examined is the one that SoftHSM tries.
    let is_there =
        |path: &&PathBuf| !matches!(path.symlink_metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound);
    places.iter().find(is_there).cloned().ok_or_else(|| SoftHsmFault::NoConfiguration { places: places.clone() })
}

/// Returns the tokens in `directory` that this process may not read. Each token is a directory of files.
fn unreadable_tokens(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_denied = |read: io::Result<()>| read.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
        if path.is_dir()
            && (is_denied(fs::read_dir(&path).map(drop))
                || is_denied(fs::File::open(path.join("token.object")).map(drop))
                || is_denied(fs::File::open(path.join("token.lock")).map(drop)))
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
