//! Memory of the process that nothing uses any more goes back to the operating system.
//!
//! glibc keeps what threads have freed for the next time, as much as there ever was, in heaps of their own, and raises the length
//! from which an allocation is a mapping of its own with each large one that is freed. Where the C library is another one, these
//! functions do nothing.

/// Length in bytes from which an allocation is a mapping of its own, which goes back when it is freed: bodies, their texts.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED: libc::c_int = 256 << 10;

/// Heaps for all threads together.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: libc::c_int = 4;

/// Settles how much the allocator keeps, the module's too, which uses the same (mallopt(3)). For the beginning of a program.
pub fn keep_little() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: no pointers. At the beginning no other thread calls it.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED);
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}

/// Gives back what nothing uses (malloc_trim(3)). Takes about a millisecond for each MiB that is given back.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: no pointers, and every thread may call it at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
