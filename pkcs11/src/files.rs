//! What a module leaves to the operating system.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

/// Makes what was written to the file system that holds `file` durable (syncfs(2)), or to all of them without one (sync(2)). No call
/// of a module: it blocks for as long as the disk does.
///
/// # Errors
/// The disk failed, as far as Linux 5.8 and later tell. sync(2) does not tell.
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
