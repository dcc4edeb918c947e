//! A module that crashes when it comes to its end: in its destructors, which run when the process exits or unloads it, and in what
//! its threads leave behind. opencryptoki 3.8.1 crashes in the latter once it is unloaded.

use std::ffi::{c_int, c_void};
use std::process;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static ARMED: AtomicBool = AtomicBool::new(false);

/// From now on the module crashes at its end.
pub(crate) fn arm() {
    ARMED.store(true, Ordering::SeqCst);
}

unsafe extern "C" {
    /// Of the C library: has `destructor` called with `object` when this thread ends, or the process, in its first thread.
    /// `library` is an address in what must stay loaded until then.
    fn __cxa_thread_atexit_impl(
        destructor: unsafe extern "C" fn(*mut c_void),
        object: *mut c_void,
        library: *mut c_void,
    ) -> c_int;
}

/// Run when the process exits, and when the module is unloaded.
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

/// Does nothing, as long as it is there.
unsafe extern "C" fn at_end_of_thread(_: *mut c_void) {}

/// Has this thread run code of the module when it ends.
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
        // Not this module: it may be unloaded all the same.
        let of_c_library: unsafe extern "C" fn() -> libc::pid_t = libc::getpid;
        // SAFETY: a function's address, and used as nothing else.
        #[allow(clippy::transmutes_expressible_as_ptr_casts, reason = "`as` is denied")]
        let c_library =
            unsafe { std::mem::transmute::<unsafe extern "C" fn() -> libc::pid_t, *mut c_void>(of_c_library) };
        // SAFETY: the destructor does not look at its object.
        unsafe { __cxa_thread_atexit_impl(at_exit_of_first_thread, ptr::null_mut(), c_library) };
    }
}
