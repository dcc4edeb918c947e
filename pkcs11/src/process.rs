//! Functions for the whole process of a program that loads a module.

use std::ffi::CStr;
use std::io::Write as _;
use std::ptr;

/// Ends the process immediately with `status`. Buffered output is written, and nothing else runs. A module may have
/// registered exit handlers and destructors, and some crash in them, which would replace the status by a signal.
pub fn end(status: u8) -> ! {
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().flush();
    // SAFETY: _exit(2) takes any number, and never returns.
    unsafe { libc::_exit(i32::from(status)) }
}

/// Overwrites the value of an environment variable in the memory that `/proc/PID/environ` and a core dump show. The
/// variable is empty afterwards.
///
/// To be called at the beginning of a program, when there is no other thread: a thread that reads the environment at
/// that time could read half of the value.
pub fn overwrite_variable(name: &CStr) {
    // SAFETY: `name` ends with a zero byte.
    let mut place = unsafe { libc::getenv(name.as_ptr()) };
    // SAFETY: not null, so it points to the variable's value, which ends with a zero byte; the environment belongs to
    // the process and may be written to, and no other thread reads it now.
    while !place.is_null() && unsafe { ptr::read_volatile(place) } != 0 {
        // SAFETY: within the value, as just read.
        unsafe { ptr::write_volatile(place, 0) };
        // SAFETY: what follows a byte of the value is the next one or the zero at its end.
        place = unsafe { place.add(1) };
    }
}
