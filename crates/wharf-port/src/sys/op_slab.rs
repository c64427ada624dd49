//! The operations in flight: fixed slots, stable addresses, ids that go stale.
//!
//! A slot is in one of two hands. While its operation is only noted here (being prepared, parked
//! for a buffer, or done) it is ours; from [`OpSlab::lend`] to [`OpSlab::reap`] it is the kernel's,
//! and so is everything that it refers to (C2).

use super::keep::keep_for_ever;
use crate::{OpId, SendBatch, SocketId, Token};
use core::mem::{self, MaybeUninit};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};
use wharf_base::Slab;

/// One operation, from its submission to its last completion.
pub(crate) struct Op {
    pub(crate) token: Token,
    /// The socket it works on. A connect has one from the start, before the caller learns of it;
    /// or none that exists, if it failed before there was a socket.
    pub(crate) socket: SocketId,
    pub(crate) kind: OpKind,
    /// Whether its end was asked for already: asking twice would only cost.
    pub(crate) cancelled: bool,
    /// Whether the slot is the kernel's. Stored with Release before a submission and loaded with
    /// Acquire after reaping: what we wrote for the kernel happens before it reads, and what it
    /// wrote happens before we read, as far as the memory model can know of a kernel at all.
    lent: AtomicBool,
}

/// What an operation does, with what it owns meanwhile.
pub(crate) enum OpKind {
    Accept,
    Connect,
    Recv,
    Send(SendBatch),
}

impl Op {
    pub(crate) fn new(token: Token, socket: SocketId, kind: OpKind) -> Self {
        Self {
            token,
            socket,
            kind,
            cancelled: false,
            lent: AtomicBool::new(false),
        }
    }
}

/// The slots of one port's operations, each with scratch of type `S` that never moves: what the
/// backend writes down for the kernel (an `OVERLAPPED`, an address).
///
/// Scratch memory is untouched, not even initialised, until a backend writes to it. Debug builds
/// fill it with a pattern when its operation has ended, and look for it when the slot is used
/// again: a kernel that still writes for an operation that has ended shows there.
///
/// Invariant: a slot that is lent is used; dropping the slab frees nothing that is lent.
pub(crate) struct OpSlab<S: 'static> {
    ops: Slab<Op>,
    scratch: NonNull<[MaybeUninit<S>]>,
}

/// What debug builds leave in the scratch of a slot that is free.
#[cfg(debug_assertions)]
const PATTERN: u8 = 0xb9;

impl<S: 'static> OpSlab<S> {
    pub(crate) fn with_capacity(capacity: u32) -> Self {
        // A raw pointer from here on: a box would claim to be the only way to its contents, and
        // the kernel is another.
        let scratch = Box::leak(Box::<[S]>::new_uninit_slice(capacity as usize));
        Self {
            ops: Slab::with_capacity(capacity),
            scratch: NonNull::from(scratch),
        }
    }

    /// Notes an operation; it is still ours.
    ///
    /// # Panics
    /// If every slot is used: the ledger's limits, from which the capacity was computed, make
    /// that impossible.
    pub(crate) fn insert(&mut self, op: Op) -> OpId {
        let id = OpId(
            self.ops
                .insert(op)
                .expect("ops_max follows from the limits of the port"),
        );
        #[cfg(debug_assertions)]
        self.assert_untouched(id);
        id
    }

    /// The operation, unless the id is stale.
    pub(crate) fn get(&self, id: OpId) -> Option<&Op> {
        self.ops.get(id.0)
    }

    /// The operation, unless the id is stale.
    pub(crate) fn get_mut(&mut self, id: OpId) -> Option<&mut Op> {
        self.ops.get_mut(id.0)
    }

    /// Whatever is in the slot of `id` now: what a port that checks no generation would find.
    pub(crate) fn in_slot_of(&self, id: OpId) -> OpId {
        self.ops.key_at(id.0.index()).map_or(id, OpId)
    }

    /// Whether the kernel has the slot.
    pub(crate) fn is_lent(&self, id: OpId) -> bool {
        self.ops
            .get(id.0)
            .is_some_and(|op| op.lent.load(Ordering::Relaxed))
    }

    /// How many slots the kernel has. Looks at each one.
    pub(crate) fn lent_count(&self) -> usize {
        self.ops
            .iter()
            .filter(|(_, op)| op.lent.load(Ordering::Relaxed))
            .count()
    }

    /// Gives the slot to the kernel. The last thing to do before submitting.
    pub(crate) fn lend(&self, id: OpId) {
        let op = self
            .ops
            .get(id.0)
            .expect("a stale operation is never submitted");
        assert!(
            !op.lent.load(Ordering::Relaxed),
            "{id:?} was submitted twice"
        );
        op.lent.store(true, Ordering::Release);
    }

    /// Takes note of a completion; the first thing to do with one. With `last`, the slot is ours
    /// again.
    ///
    /// # Panics
    /// If the kernel does not have this operation: then memory may have been freed under it, and
    /// going on would spread the damage.
    pub(crate) fn reap(&mut self, id: OpId, last: bool) -> &mut Op {
        let op = self
            .ops
            .get_mut(id.0)
            .expect("a completion of a slot that was used again");
        assert!(
            op.lent.load(Ordering::Acquire),
            "a completion of {id:?}, which is ours"
        );
        if last {
            *op.lent.get_mut() = false;
        }
        op
    }

    /// Ends an operation.
    ///
    /// # Panics
    /// If the id is stale or the kernel still has the slot.
    pub(crate) fn remove(&mut self, id: OpId) -> Op {
        #[cfg(debug_assertions)]
        let scratch = self.scratch(id);
        let mut op = self.ops.remove(id.0).expect("an operation ends once");
        assert!(!*op.lent.get_mut(), "{id:?} ended while the kernel has it");
        #[cfg(debug_assertions)]
        // SAFETY: one slot's scratch, which is ours: nothing is lent there, as asserted above.
        unsafe {
            scratch.cast::<u8>().write_bytes(PATTERN, size_of::<S>());
        }
        op
    }

    /// Asserts that nobody has written to a slot's scratch since its last operation ended. Before
    /// its first there is nothing to read.
    #[cfg(debug_assertions)]
    fn assert_untouched(&self, id: OpId) {
        if id.0.generation() == 0 {
            return;
        }
        let scratch = self.scratch(id).cast::<u8>();
        // SAFETY: one slot's scratch, whose every byte `remove` has written, and which nobody but
        // a kernel gone astray writes to before this.
        let bytes = unsafe { core::slice::from_raw_parts(scratch.as_ptr(), size_of::<S>()) };
        let whole = bytes.iter().all(|byte| *byte == PATTERN);
        assert!(whole, "the slot of {id:?} was written to while it was free");
    }

    /// Where the operation's scratch lies, for as long as the slab lives. Whether it has been
    /// written is the backend's to know.
    pub(crate) fn scratch(&self, id: OpId) -> NonNull<S> {
        assert!(
            self.ops.get(id.0).is_some(),
            "the scratch of a stale operation"
        );
        // SAFETY: the index of a used slot is below the capacity, which is the scratch's length.
        unsafe { self.scratch.cast::<S>().add(id.0.index() as usize) }
    }

    /// The operation whose scratch lies at `address`, as a kernel that identifies operations by
    /// their address gives it back. The generation is that of the present use: an address alone
    /// cannot tell a stale completion, but [`OpSlab::reap`] catches one for a slot that is ours.
    ///
    /// # Panics
    /// If no used slot has its scratch there.
    #[cfg(any(windows, test))]
    pub(crate) fn id_at(&self, address: *const S) -> OpId {
        let offset = (address as usize)
            .checked_sub(self.scratch.cast::<S>().as_ptr() as usize)
            .expect("an address below the slab");
        assert!(
            offset.is_multiple_of(size_of::<S>()),
            "an address between two slots"
        );
        let index = u32::try_from(offset / size_of::<S>()).expect("an address above the slab");
        OpId(
            self.ops
                .key_at(index)
                .expect("the address of a slot that is not used"),
        )
    }
}

impl<S: 'static> Drop for OpSlab<S> {
    /// C12: what the kernel still has is leaked, exactly that, and not in silence.
    fn drop(&mut self) {
        let mut leaked = 0;
        for (_, op) in self.ops.iter_mut() {
            if *op.lent.get_mut() {
                keep_for_ever(mem::replace(&mut op.kind, OpKind::Recv));
                leaked += 1;
            }
        }
        if leaked > 0 {
            keep_for_ever(self.scratch);
            eprintln!("wharf-port: {leaked} operations would not end; their memory is leaked");
            return;
        }
        // SAFETY: made from a box in `with_capacity`; nothing is lent, so the kernel does not know
        // any address in it. `MaybeUninit` drops nothing.
        drop(unsafe { Box::from_raw(self.scratch.as_ptr()) });
    }
}

/// The id as the one number that a kernel carries for us, and back.
impl OpId {
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.0.generation()) << 32 | u64::from(self.0.index())
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(wharf_base::Key::from_parts(
            bits as u32,
            (bits >> 32) as u32,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_base::Key;

    const SOCKET: SocketId = SocketId(Key::from_parts(0, 0));

    fn recv() -> Op {
        Op::new(Token(7), SOCKET, OpKind::Recv)
    }

    #[test]
    fn an_address_leads_back_to_its_operation() {
        let mut slab = OpSlab::<[u64; 4]>::with_capacity(3);
        let ids = [
            slab.insert(recv()),
            slab.insert(recv()),
            slab.insert(recv()),
        ];
        for id in ids {
            assert_eq!(slab.id_at(slab.scratch(id).as_ptr()), id);
        }
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "was written to while it was free")]
    fn a_late_write_is_found_when_the_slot_is_used_again() {
        let mut slab = OpSlab::<[u64; 4]>::with_capacity(1);
        let id = slab.insert(recv());
        let scratch = slab.scratch(id);
        // SAFETY: the slot is ours; a backend writes like this.
        unsafe { scratch.write([1; 4]) };
        slab.remove(id);
        let next = slab.insert(recv());
        slab.remove(next);
        // SAFETY: inside the slab; what a kernel gone astray would do.
        unsafe { scratch.write([2; 4]) };
        slab.insert(recv());
    }

    #[test]
    fn an_id_survives_the_trip_through_the_kernel() {
        let id = OpId(Key::from_parts(0x1234_5678, 0x9abc_def0));
        assert_eq!(OpId::from_bits(id.to_bits()), id);
    }

    #[test]
    #[should_panic(expected = "a slot that was used again")]
    fn a_stale_completion_is_caught() {
        let mut slab = OpSlab::<()>::with_capacity(1);
        let first = slab.insert(recv());
        slab.remove(first);
        let second = slab.insert(recv());
        slab.lend(second);
        slab.reap(first, true);
    }

    #[test]
    #[should_panic(expected = "ended while the kernel has it")]
    fn a_slot_that_the_kernel_has_cannot_be_freed() {
        let mut slab = OpSlab::<()>::with_capacity(1);
        let id = slab.insert(recv());
        slab.lend(id);
        slab.remove(id);
    }

    #[test]
    fn dropping_the_slab_keeps_what_the_kernel_has() {
        let witness = std::sync::Arc::new(vec![1u8; SendBatch::COPY_MAX + 1]);
        struct Owner(std::sync::Arc<Vec<u8>>);
        impl AsRef<[u8]> for Owner {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        for lent in [false, true] {
            let before = std::sync::Arc::strong_count(&witness);
            let mut batch = SendBatch::new();
            batch.push_shared(bytes::Bytes::from_owner(Owner(witness.clone())));
            let mut slab = OpSlab::<()>::with_capacity(1);
            let id = slab.insert(Op::new(Token(0), SOCKET, OpKind::Send(batch)));
            if lent {
                slab.lend(id);
            }
            drop(slab);
            assert_eq!(std::sync::Arc::strong_count(&witness) > before, lent);
        }
    }
}
