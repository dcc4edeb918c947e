//! Which directories and files are used: those that other users cannot change or replace.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::error::Error as PkiError;
use crate::cli::error::{Error, FileError};
use crate::file::{self, Opened};

/// The most symbolic links of a path, as in Linux.
const MOST_LINKS: usize = 40;

const STICKY: u32 = 0o1000;

/// Returns a function that makes the error of a file from its cause.
pub(super) fn unwritable(path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| FileError::Write { path: path.to_owned(), source }.into()
}

/// Checks a directory and each one above it: they belong to the caller or root, and nobody else may write there. Above
/// it, a directory with the sticky bit is sufficient, because nobody may replace the entries of others in it. Symbolic
/// links on the way are followed under the same rule. If `creates` is true, missing directories are made, for their owner
/// only. Returns whether the directory exists.
///
/// # Errors
/// Other users can change or replace a directory, or one cannot be read or made.
pub(super) fn check(path: &Path, creates: bool) -> Result<bool, Error> {
    let absolute = std::path::absolute(path).map_err(unwritable(path))?;
    let mut place = PathBuf::new();
    let mut rest = steps(&absolute);
    let mut links = 0;
    while let Some(step) = rest.pop() {
        if step == ".." {
            place.pop();
        } else {
            place.push(step);
        }
        let found = match fs::symlink_metadata(&place) {
            Err(error) if file::is_missing(&error) && !creates => return Ok(false),
            Err(error) if file::is_missing(&error) => make(&place).and_then(|()| fs::symlink_metadata(&place)),
            found => found,
        };
        let found = found.map_err(unwritable(&place))?;
        check_owner(&place, &found)?;
        if found.is_symlink() {
            links += 1;
            if links > MOST_LINKS {
                return Err(unwritable(path)(io::Error::other("it has too many symbolic links")));
            }
            let target = fs::read_link(&place).map_err(unwritable(&place))?;
            place.pop();
            rest.extend(steps(&target));
            continue;
        }
        let mode = found.mode() & 0o7777;
        if mode & 0o022 != 0 && (rest.is_empty() || mode & STICKY == 0) {
            return Err(PkiError::Writable { path: place, mode }.into());
        }
        if rest.is_empty() && !found.is_dir() {
            return if creates { Err(unwritable(&place)(io::ErrorKind::NotADirectory.into())) } else { Ok(false) };
        }
    }
    Ok(true)
}

/// Returns the parts of a path, the last one first.
fn steps(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|part| part.as_os_str().to_owned()).filter(|part| part != ".").collect()
}

/// Makes a directory. Another user may have made it a moment ago: its owner is checked afterwards.
fn make(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Opens a regular file that belongs to the caller or root. A symbolic link is not followed.
///
/// # Errors
/// It does not exist, is another kind of file, belongs to another user or cannot be read.
pub(super) fn open<'a>(what: &'static str, path: &'a Path) -> Result<Opened<'a>, Error> {
    let file = file::open_regular(what, path)?;
    check_owner(path, &file.metadata()?)?;
    Ok(file)
}

fn check_owner(path: &Path, found: &Metadata) -> Result<(), PkiError> {
    let (owner, own) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner == own || owner == 0 {
        return Ok(());
    }
    Err(PkiError::Foreign { path: path.to_owned(), owner, own })
}
