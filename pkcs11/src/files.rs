//! Durability of files that a module writes.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

/// Makes the writes to the file system that holds `file` durable (syncfs(2)), or to all file systems if there is no
/// file (sync(2)). It does not call the module. It blocks until the disk is done.
///
/// # Errors
/// The disk failed, if Linux (5.8 or later) reports it. sync(2) does not report errors.
pub fn sync(file: Option<&File>) -> io::Result<()> {
    let failed = match file {
        // SAFETY: syncfs(2) takes a file descriptor, which is open for as long as `file` is borrowed.
        Some(file) => unsafe { libc::syncfs(file.as_raw_fd()) },
        None => {
            // SAFETY: sync(2) takes nothing, returns nothing and cannot fail.
            unsafe { libc::sync() };
            0
        }
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
