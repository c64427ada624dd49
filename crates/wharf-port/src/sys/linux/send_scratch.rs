//! What the kernel reads when a send gathers several slices.

use crate::SendBatch;
use core::mem;

/// The header and the slice list of `sendmsg(2)`, kept in the batch, whose box stays put while the
/// batch moves. Filled anew by each send; the pointers mean nothing between two sends.
pub(crate) struct SendScratch {
    header: libc::msghdr,
    slices: Vec<libc::iovec>,
}

// SAFETY: the pointers are followed by the kernel alone, and only during a send that was prepared
// with the batch in place; a batch that moves to another thread carries them as mere numbers.
unsafe impl Send for SendScratch {}

impl Default for SendScratch {
    fn default() -> Self {
        // SAFETY: a msghdr is numbers and pointers, for which zero is a value.
        let header = unsafe { mem::zeroed() };
        Self {
            header,
            slices: Vec::new(),
        }
    }
}

/// What one send gives to the kernel: addresses inside the batch.
pub(super) enum Gathered {
    One { bytes: *const u8, len: u32 },
    Several(*const libc::msghdr),
}

/// Writes down the unsent bytes of `batch` for the kernel. What comes back points into the batch's
/// box and is good until the batch is changed or dropped.
pub(super) fn gather(batch: &mut SendBatch) -> Gathered {
    let (mut unsent, scratch) = batch.slices_and_scratch();
    let Some(first) = unsent.next() else {
        return Gathered::One {
            bytes: core::ptr::dangling(),
            len: 0,
        };
    };
    let Some(second) = unsent.next() else {
        // More than the kernel takes at once (`MAX_RW_COUNT`, write(2)) leaves short, which is
        // legal (C9).
        let len = u32::try_from(first.len()).unwrap_or(u32::MAX);
        return Gathered::One {
            bytes: first.as_ptr(),
            len,
        };
    };
    scratch.slices.clear();
    scratch.slices.extend(
        [first, second]
            .into_iter()
            .chain(unsent)
            .map(|slice| libc::iovec {
                iov_base: slice.as_ptr().cast_mut().cast(),
                iov_len: slice.len(),
            }),
    );
    scratch.header.msg_iov = scratch.slices.as_mut_ptr();
    scratch.header.msg_iovlen = scratch.slices.len();
    Gathered::Several(&raw const scratch.header)
}
