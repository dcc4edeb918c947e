//! Return of unused memory to the operating system, and overwriting of freed memory.
//!
//! glibc keeps freed memory in heaps of the threads for reuse, as much as was ever used. With each large allocation
//! that is freed, it also raises the size from which an allocation is a mapping of its own. With other C libraries,
//! [`keep_little`] and [`give_back`] do nothing.
//!
//! Memory is overwritten before it is freed: see [`Wiping`].

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;

/// Size in bytes from which an allocation is a mapping of its own, which is returned when it is freed: bodies and their
/// texts.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED: libc::c_int = 256 << 10;

/// The number of heaps for all threads together.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: libc::c_int = 4;

/// Limits how much memory the allocator keeps (mallopt(3)). The module uses the same allocator. To be called at the
/// beginning of a program.
pub fn keep_little() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: no pointers. At the beginning no other thread calls it.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED);
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}

/// Returns unused memory to the operating system (malloc_trim(3)). Takes about a millisecond for each MiB.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: no pointers, and every thread may call it at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The system's allocator, except that freed memory is overwritten. It is meant as the `#[global_allocator]` of a
/// program that handles keys and plaintext, so that no copy stays in unused memory: of a request's body, of its text,
/// or of a line of input that grew.
///
/// It does not cover the allocations of C libraries.
pub struct Wiping;

// SAFETY: every function calls the system's allocator with the layout of the block. In addition, only the contents of
// blocks that the caller gives up are overwritten, and the contents of a new block that replaces an old one are copied.
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
        // SAFETY: the block is as long as its layout says, and the caller gives it up. Unlike a plain memset(3) this
        // one is not removed by the compiler for that reason.
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
            // SAFETY: both blocks have at least this length, and they do not overlap.
            unsafe { ptr::copy_nonoverlapping(block, new, layout.size().min(size)) };
            // SAFETY: the block was allocated with this layout, and the caller gives it up.
            unsafe { self.dealloc(block, layout) };
        }
        new
    }
}
