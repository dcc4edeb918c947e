//! Memory of the process that nothing uses any more goes back to the operating system.
//!
//! glibc keeps what threads have freed for the next time, as much as there ever was, in heaps of their own, and raises the length
//! from which an allocation is a mapping of its own with each large one that is freed. Where the C library is another one, these
//! functions do nothing.
//!
//! And what is given up is overwritten first: [`Wiping`].

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;

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

/// The system's allocator, which overwrites what is freed, as `#[global_allocator]` of a program through which keys and plaintext pass.
/// No copy of either stays behind in memory that nothing uses: of a request's body, of its text, of a line of input that grew.
///
/// What C libraries allocate is not in it.
pub struct Wiping;

// SAFETY: every call is one of the system's allocator with the layout of the block; only the contents of blocks are touched, of those
// that are given up, and of a new one that takes over an old one's.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is as long as its layout says, and the caller gives it up. Unlike a plain memset(3) this one is not
        // left out by the compiler for that.
        unsafe { libc::explicit_bzero(block.cast(), layout.size()) };
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller vouches that `size`, rounded up to the alignment, does not overflow, and the alignment is a layout's.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the caller vouches that `size` is not zero.
        let new = unsafe { System.alloc(wanted) };
        if !new.is_null() {
            // SAFETY: both blocks are as long as that, and they are two.
            unsafe { ptr::copy_nonoverlapping(block, new, layout.size().min(size)) };
            // SAFETY: the block was allocated with this layout, and the caller gives it up.
            unsafe { self.dealloc(block, layout) };
        }
        new
    }
}
