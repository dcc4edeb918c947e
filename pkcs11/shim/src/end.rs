//! A module that crashes at its end: in its destructors, which run when the process exits or unloads it, and in
//! destructors of its threads. opencryptoki 3.8.1 crashes in the latter after it is unloaded.

use std::ffi::{c_int, c_void};
use std::process;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static ARMED: AtomicBool = AtomicBool::new(false);

/// Makes the module crash at its end.
pub(crate) fn arm() {
    ARMED.store(true, Ordering::SeqCst);
}

unsafe extern "C" {
    /// A function of the C library. It registers `destructor` to be called with `object` when this thread ends, or, in
    /// the first thread, when the process ends. `library` is an address in a library that must stay loaded until then.
    fn __cxa_thread_atexit_impl(
        destructor: unsafe extern "C" fn(*mut c_void),
        object: *mut c_void,
        library: *mut c_void,
    ) -> c_int;
}

/// Runs when the process exits, and when the module is unloaded.
#[used]
#[unsafe(link_section = ".fini_array")]
static AT_END: extern "C" fn() = at_end;

extern "C" fn at_end() {
    if ARMED.load(Ordering::SeqCst) {
        process::abort();
    }
}

unsafe extern "C" fn at_exit_of_first_thread(_: *mut c_void) {
    process::abort();
}

/// Does nothing. It crashes only if it was unmapped.
unsafe extern "C" fn at_end_of_thread(_: *mut c_void) {}

/// Registers code of the module to run when this thread ends.
pub(crate) fn registers_thread() {
    static KEY: OnceLock<libc::pthread_key_t> = OnceLock::new();
    if !ARMED.load(Ordering::SeqCst) {
        return;
    }
    let key = *KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: `key` is a place for one.
        unsafe { libc::pthread_key_create(&raw mut key, Some(at_end_of_thread)) };
        key
    });
    // SAFETY: the key was made, and its value is never followed.
    let is_known = unsafe { !libc::pthread_getspecific(key).is_null() };
    if is_known {
        return;
    }
    // SAFETY: as above; the destructor does not look at the value.
    unsafe { libc::pthread_setspecific(key, ptr::dangling_mut::<c_void>()) };
    // SAFETY: neither takes anything.
    if unsafe { libc::gettid() == libc::getpid() } {
        // The address is in the C library and not in this module, so that this module can still be unloaded.
        let of_c_library: unsafe extern "C" fn() -> libc::pid_t = libc::getpid;
        // SAFETY: a function's address, and used as nothing else.
        #[allow(clippy::transmutes_expressible_as_ptr_casts, reason = "`as` is denied")]
        let c_library =
            unsafe { std::mem::transmute::<unsafe extern "C" fn() -> libc::pid_t, *mut c_void>(of_c_library) };
        // SAFETY: the destructor does not look at its object.
        unsafe { __cxa_thread_atexit_impl(at_exit_of_first_thread, ptr::null_mut(), c_library) };
    }
}
