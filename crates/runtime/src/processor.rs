//! What differs between the processors that code runs on.
//!
//! # Fresh code on AArch64
//!
//! Instruction fetch is not coherent with stores there. What follows cannot be seen under an emulator,
//! so it is argued against the architecture manual (DDI 0487): sections B2.4.4, "Synchronization and
//! coherency issues between data and instruction accesses", and K11.5.1 with its sequence for code that
//! a processing element (PE) has written.
//!
//! *The thread that publishes* runs [`make_visible`] when it has written the code, while no mapping
//! lets it run: for each line of the data cache `dc cvau`, which writes it back to the point of
//! unification, then `dsb ish`, which waits until that is so for all PEs of the inner shareable
//! domain, that is, all that run the operating system; for each line of the instruction caches
//! `ic ivau`, which these PEs all obey, and `dsb ish`, which waits until they have. Line sizes come
//! from `CTR_EL0`, and so do the permissions to leave out one of the two. The caches work by physical
//! address, and no PE may fetch, not even speculatively, from a page that cannot be run; so when the
//! page becomes runnable afterwards no cache holds anything of it but the code, and what it is to hold
//! later comes from the point of unification. It does not matter which earlier code the page held.
//!
//! *A thread that runs the code* may have fetched, ahead of time, what was mapped at the same address
//! before. Only a context synchronization event discards that; the publisher's `isb` counts for its
//! own PE alone. A thread that was started, woken or moved to another PE since then has come
//! through one, as returning from an exception is one; a thread that got the module by watching
//! memory has not. Therefore each thread runs `isb` in [`before_entry`] if anything was published
//! since it last did. It learns that from a counter, which it needs to read in no particular order: it
//! holds the module, so what handed that over (all of it is safe Rust, so it synchronizes) makes the
//! publisher's increment visible, and with it everything that came before.
//!
//! # Memory ordering on AArch64
//!
//! Loads and stores of compiled code are plain ones. They need not be more: memories, globals, context
//! block and continuations belong to an instance, which one thread at a time uses, since it is `Send`
//! and its methods borrow it exclusively. Whatever hands it to another thread releases and acquires,
//! and barriers and `stlr`/`ldar` order all accesses of the PE, whoever has emitted them (B2.3). The
//! published code and its records are read-only.

/// What compiled code takes for granted beyond the base of the instruction set, and whether the
/// processor has it: `popcnt`, the rounding of floats, and vectors of integers.
#[cfg(target_arch = "x86_64")]
pub(crate) fn features() -> [(&'static str, bool); 4] {
    [
        ("POPCNT", std::arch::is_x86_feature_detected!("popcnt")),
        ("SSSE3", std::arch::is_x86_feature_detected!("ssse3")),
        ("SSE4.1", std::arch::is_x86_feature_detected!("sse4.1")),
        ("SSE4.2", std::arch::is_x86_feature_detected!("sse4.2")),
    ]
}

/// The same where the base has all that is used.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn features() -> [(&'static str, bool); 0] {
    []
}

/// Lets instruction fetch see the code that has been written to pages that cannot be run yet.
///
/// On x86-64 nothing has to be done: instruction fetch sees stores, and jumping to code of which the
/// addresses were never run needs nothing more (Intel SDM, volume 3, 9.1.3).
#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn make_visible(_code: &[u8]) {}

/// Says that code can be run now.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn published() {}

/// Makes the calling thread forget what it may have fetched of code that is no more.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn before_entry() {}

/// Whether the processor knows landing pads.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn knows_landing_pads() -> bool {
    false
}

/// The return address in a word that a function has saved in its frame.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn return_address(saved: u64) -> u64 {
    saved
}

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::{
    before_entry, knows_landing_pads, make_visible, published, return_address,
};

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use std::arch::asm;
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// How often code was published in this process.
    static PUBLISHED: AtomicU64 = AtomicU64::new(0);

    thread_local! {
        /// How often when this thread last ran `isb`.
        static SEEN: Cell<u64> = const { Cell::new(0) };
    }

    /// What `CTR_EL0` says about the caches (D19.2.34).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Caches {
        /// Bytes of the smallest line of the data caches; none if they need no cleaning.
        data: Option<usize>,
        /// Bytes of the smallest line of the instruction caches; none if they need no invalidation.
        instructions: Option<usize>,
    }

    impl Caches {
        /// Reads the register's fields: the sizes are logarithms of numbers of words of four bytes.
        fn new(register: u64) -> Caches {
            let line = |shift: u32| 4_usize << (register >> shift & 0xf);
            let unless = |bit: u32, line: usize| (register >> bit & 1 == 0).then_some(line);
            Caches {
                data: unless(28, line(16)),
                instructions: unless(29, line(0)),
            }
        }

        fn of_processor() -> Caches {
            let register: u64;
            // SAFETY: user code may read the register; where the processor does not let it, Linux
            // does so in its place.
            unsafe { asm!("mrs {}, ctr_el0", out(reg) register, options(nomem, nostack)) };
            Caches::new(register)
        }
    }

    /// The first address of every line that holds a byte of `code`.
    fn lines(code: &[u8], line: usize) -> impl Iterator<Item = usize> {
        let range = code.as_ptr_range();
        let first = range.start as usize & !(line - 1);
        (first..range.end as usize).step_by(line)
    }

    pub(crate) fn make_visible(code: &[u8]) {
        let caches = Caches::of_processor();
        for line in caches.data.into_iter().flat_map(|line| lines(code, line)) {
            // SAFETY: writes back a line of memory that is mapped and readable. That the block may
            // access memory, as it says by not saying the contrary, keeps the stores before it.
            unsafe { asm!("dc cvau, {}", in(reg) line, options(nostack, preserves_flags)) };
        }
        // SAFETY: a barrier.
        unsafe { asm!("dsb ish", options(nostack, preserves_flags)) };
        let instructions = caches.instructions.into_iter();
        for line in instructions.flat_map(|line| lines(code, line)) {
            // SAFETY: discards a line of a cache that is never written back.
            unsafe { asm!("ic ivau, {}", in(reg) line, options(nostack, preserves_flags)) };
        }
        // SAFETY: barriers.
        unsafe { asm!("dsb ish", "isb", options(nostack, preserves_flags)) };
    }

    pub(crate) fn published() {
        PUBLISHED.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn before_entry() {
        let published = PUBLISHED.load(Ordering::Acquire);
        if SEEN.replace(published) != published {
            // SAFETY: a barrier.
            unsafe { asm!("isb", options(nostack, preserves_flags)) };
        }
    }

    pub(crate) fn knows_landing_pads() -> bool {
        /// `HWCAP2_BTI` of Linux.
        const BTI: libc::c_ulong = 1 << 17;
        // SAFETY: reads what the system told the process when it began.
        unsafe { libc::getauxval(libc::AT_HWCAP2) & BTI != 0 }
    }

    pub(crate) fn return_address(saved: u64) -> u64 {
        let address;
        // SAFETY: `xpaclri` removes the signature from an address in x30 and changes nothing else.
        // It is a hint, which processors without signatures ignore; so was the signing then.
        unsafe {
            asm!(
                "mov x30, {saved}",
                "hint #7",
                "mov {address}, x30",
                saved = in(reg) saved,
                address = lateout(reg) address,
                out("x30") _,
                options(nomem, nostack, preserves_flags),
            );
        };
        address
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn line_sizes_are_read_from_the_register() {
            // A Cortex-A53: lines of 64 bytes, both caches to be maintained.
            let caches = Caches::new(0x8444_8004);
            assert_eq!((caches.data, caches.instructions), (Some(64), Some(64)));
            // Nothing to be done.
            let caches = Caches::new(0x8444_8004 | 3 << 28);
            assert_eq!((caches.data, caches.instructions), (None, None));
        }

        #[test]
        fn every_line_with_a_byte_of_the_code_is_visited() {
            let memory = [0_u8; 1024];
            let start = memory.as_ptr() as usize;
            for (from, to) in [(0, 1), (3, 64), (63, 65), (100, 100), (100, 900)] {
                let visited: Vec<usize> = lines(&memory[from..to], 64).collect();
                for at in from..to {
                    assert!(visited.contains(&((start + at) & !63)), "{from}..{to}");
                }
                assert!(visited.len() <= (to - from).div_ceil(64) + 1);
            }
        }

        #[test]
        fn an_address_without_a_signature_stays_as_it_is() {
            let address = return_address as fn(u64) -> u64 as usize as u64;
            assert_eq!(return_address(address), address);
        }
    }
}
