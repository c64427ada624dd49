//! Memory in pages that are as large as the system has them.

/// Asks the system to back memory by large pages, for whoever goes all over megabytes of it: each
/// small page that is touched takes an entry of the processor's tables away from somebody else.
///
/// It is a wish. A system that does not know it, or has no such pages left, changes nothing, and
/// nobody is told; pages that `memory` has in part stay as they are. Linux moves what is there at
/// once (MADV_HUGEPAGE and, from 6.1 on, MADV_COLLAPSE, madvise(2)), which takes as long as copying
/// it; elsewhere nothing happens.
pub fn prefer_large_pages<T>(memory: &mut [T]) {
    #[cfg(target_os = "linux")]
    advise(memory);
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

#[cfg(target_os = "linux")]
fn advise<T>(memory: &mut [T]) {
    let bytes = memory.as_mut_ptr_range();
    let page = page_bytes();
    let first = bytes.start.addr().next_multiple_of(page);
    let behind = bytes.end.addr() / page * page;
    if first >= behind {
        return;
    }
    for advice in [libc::MADV_HUGEPAGE, libc::MADV_COLLAPSE] {
        let start = bytes.start.with_addr(first).cast();
        // SAFETY: the pages lie within memory that is borrowed for as long as the call takes, and
        // neither advice changes what is in them (madvise(2)). What it says is of no consequence.
        unsafe { libc::madvise(start, behind - first, advice) };
    }
}

/// sysconf(3).
#[cfg(target_os = "linux")]
fn page_bytes() -> usize {
    // SAFETY: no memory is involved.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).expect("the system has pages")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_memory_stays_and_its_neighbours_too() {
        let mut memory: Vec<u32> = (0..6 << 20).collect();
        let all = memory.len();
        prefer_large_pages(&mut memory[3..all - 5]);
        prefer_large_pages(&mut memory[7..9]);
        prefer_large_pages::<u32>(&mut []);
        assert!(memory.iter().copied().eq(0..all as u32));
    }
}
