//! What AddressSanitizer is told of memory that is there and not ours to touch. It then reports
//! each access of our code to it; the kernel's it does not see.
//!
//! Does nothing but in the builds of `cargo xtask test --only asan`, which set `cfg(wharf_asan)`.

use core::ptr::NonNull;

/// Forbids our code to touch `bytes` bytes from `start`, which lie in one allocation.
pub(crate) fn forbid(start: NonNull<u8>, bytes: usize) {
    #[cfg(wharf_asan)]
    // SAFETY: the call only marks the range; nothing is read or written through the address.
    unsafe {
        __asan_poison_memory_region(start.as_ptr().cast(), bytes);
    }
    let _ = (start, bytes);
}

/// Allows it again.
pub(crate) fn allow(start: NonNull<u8>, bytes: usize) {
    #[cfg(wharf_asan)]
    // SAFETY: as in `forbid`.
    unsafe {
        __asan_unpoison_memory_region(start.as_ptr().cast(), bytes);
    }
    let _ = (start, bytes);
}

/// Whether our code may not touch the byte at `address`.
#[cfg(all(test, wharf_asan))]
pub(crate) fn is_forbidden(address: NonNull<u8>) -> bool {
    // SAFETY: the call looks the address up and does not follow it.
    unsafe { __asan_address_is_poisoned(address.as_ptr().cast()) != 0 }
}

// sanitizer/asan_interface.h of LLVM.
#[cfg(wharf_asan)]
unsafe extern "C" {
    fn __asan_poison_memory_region(address: *const core::ffi::c_void, size: usize);
    fn __asan_unpoison_memory_region(address: *const core::ffi::c_void, size: usize);
    #[cfg(test)]
    fn __asan_address_is_poisoned(address: *const core::ffi::c_void) -> core::ffi::c_int;
}
