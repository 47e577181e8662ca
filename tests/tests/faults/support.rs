//! Sources of memory that refuse, and keep account of what they have given.

use enjamb::memory::{Access, Blocks, GlobalBlocks, Pages, Purpose, SystemPages};
use std::alloc::Layout;
use std::collections::HashMap;
use std::io;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which requests are refused; the first one has number 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plan {
    #[default]
    None,
    Only(u64),
    From(u64),
}

#[derive(Debug, Default)]
struct Account {
    plan: Plan,
    requests: u64,
    refused: u64,
    /// Addresses of what is out, with the sizes.
    live: HashMap<usize, usize>,
    problems: Vec<String>,
}

/// A source of blocks and pages that refuses by plan. Copies are the same one.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Account>>);

/// What refused requests for pages say.
pub const REASON: &str = "refused by the plan";
/// What stands in blocks that nobody has written, and in those that were given back.
const NOISE: u8 = 0xa7;

impl Faults {
    fn account(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to count requests.
    pub fn begin(&self, plan: Plan) {
        let mut account = self.account();
        (account.plan, account.requests, account.refused) = (plan, 0, 0);
    }

    /// Refuses nothing any more: how many were refused.
    pub fn end(&self) -> u64 {
        let mut account = self.account();
        account.plan = Plan::None;
        account.refused
    }

    /// How many requests there have been since counting began.
    pub fn requests(&self) -> u64 {
        self.account().requests
    }

    /// Bytes that have not been given back. Panics if something else was.
    pub fn live(&self) -> usize {
        let account = self.account();
        assert_eq!(account.problems, [""; 0]);
        account.live.values().sum()
    }

    fn grants(&self) -> bool {
        let mut account = self.account();
        account.requests += 1;
        let refused = match account.plan {
            Plan::None => false,
            Plan::Only(number) => account.requests == number,
            Plan::From(number) => account.requests >= number,
        };
        account.refused += u64::from(refused);
        !refused
    }

    fn give<T>(&self, memory: NonNull<T>, size: usize) -> NonNull<T> {
        self.account().live.insert(memory.addr().get(), size);
        memory
    }

    /// Whether this is what was given.
    fn take_back(&self, memory: NonNull<u8>, size: usize) -> bool {
        let mut account = self.account();
        let is_good = account.live.remove(&memory.addr().get()) == Some(size);
        if !is_good {
            let problem = format!("{size} bytes at {memory:?} are given back, and are not out");
            account.problems.push(problem);
        }
        is_good
    }
}

// SAFETY: the blocks are those of the global allocator. What is given back wrongly stays where it is.
unsafe impl Blocks for Faults {
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        let block = self
            .grants()
            .then(|| GlobalBlocks.allocate(layout))
            .flatten()?;
        // SAFETY: it is of this size, and nobody else's.
        unsafe { block.write_bytes(NOISE, layout.size()) };
        Some(self.give(block, layout.size()))
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if self.take_back(block, layout.size()) {
            // SAFETY: it came from there, and nobody uses it.
            unsafe {
                block.write_bytes(NOISE, layout.size());
                GlobalBlocks.free(block, layout);
            }
        }
    }
}

// SAFETY: the pages are those of the system. What is given back wrongly stays where it is.
unsafe impl Pages for Faults {
    fn map(&self, size: usize, purpose: Purpose) -> io::Result<NonNull<u8>> {
        match self.grants() {
            true => Ok(self.give(SystemPages.map(size, purpose)?, size)),
            false => Err(io::Error::other(REASON)),
        }
    }

    unsafe fn protect(&self, base: NonNull<u8>, size: usize, access: Access) -> io::Result<()> {
        match self.grants() {
            // SAFETY: the caller's promise.
            true => unsafe { SystemPages.protect(base, size, access) },
            false => Err(io::Error::other(REASON)),
        }
    }

    unsafe fn unmap(&self, base: NonNull<u8>, size: usize) -> io::Result<()> {
        match self.take_back(base, size) {
            // SAFETY: they came from there, and nobody uses them.
            true => unsafe { SystemPages.unmap(base, size) },
            false => Ok(()),
        }
    }
}

/// Runs something under each plan that refuses one of its requests, alone or with all that follow, until there
/// are no more: how many there are. It says whether anything was refused.
pub fn sweep(mut run: impl FnMut(Plan) -> bool) -> u64 {
    let mut until_it_runs = |plan: fn(u64) -> Plan| (1..).find(|&number| !run(plan(number)));
    let only = until_it_runs(Plan::Only).unwrap_or(0);
    let from = until_it_runs(Plan::From).unwrap_or(0);
    assert!(
        from <= only,
        "a run that goes on after a refusal makes more requests"
    );
    only - 1
}
