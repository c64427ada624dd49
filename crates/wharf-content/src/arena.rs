//! How arenas forget without giving their memory away, and give it away after a burst.

/// Bytes below which a cleared arena keeps whatever it has.
const KEPT_BYTES: usize = 1024 * 1024;

/// Empties `arena`. Its memory stays for the next turn, so that a steady load allocates nothing;
/// one that was less than a quarter used gives half back, so that a burst is not kept for ever.
pub(crate) fn clear<T>(arena: &mut Vec<T>) {
    let used = arena.len();
    arena.clear();
    let capacity_bytes = arena.capacity() * size_of::<T>();
    if capacity_bytes > KEPT_BYTES && used < arena.capacity() / 4 {
        arena.shrink_to(arena.capacity() / 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_load_keeps_its_memory_and_a_burst_does_not() {
        let mut arena = vec![0u8; 64 * KEPT_BYTES];
        let burst = arena.capacity();
        clear(&mut arena);
        assert_eq!(arena.capacity(), burst, "it was fully used");
        for _ in 0..20 {
            arena.extend_from_slice(&[0; 100]);
            clear(&mut arena);
        }
        assert!(arena.capacity() <= KEPT_BYTES);
        let kept = arena.capacity();
        clear(&mut arena);
        assert_eq!(arena.capacity(), kept);
    }
}
