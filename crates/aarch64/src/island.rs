//! References that wait for their label, and what is put into the code before it is too late.
//!
//! A reference to a label that is not bound has its bits filled in when the label is. A branch with
//! 14 or 19 bits may turn out not to reach that far. So before the code grows beyond reach, an
//! *island* is put into it:
//!
//! ```text
//!          padding                  to a multiple of four, behind data of odd size
//!          b over
//!   v0:    b L7                     veneers of `tbz` and `tbnz`, which now go here
//!   v1:    b L9                     veneers of `b.cond`, `cbz`, `cbnz`
//!   v2:    adr x0, ..               a veneer of `adr x0, L4`, which is now a branch to it
//!          add x0, x0, .., lsl #12
//!          b (behind the `adr`)
//!          constants                that loads wait for
//!   over:
//! ```
//!
//! Branches with 26 bits reach everything, as code is at most 128 MiB long.
//!
//! References wait in two queues, *short* (14 bits) and *medium* (19 and 21 bits). Within a queue all
//! reach equally far, so the first in it has the earliest deadline: its offset plus 32764 or 1048572.
//! With S and M the bytes of the veneers of all that waits and P the bytes of the constants that loads
//! wait for, each with its padding, an island at `start`, the offset at hand rounded up to a multiple of four, ends
//! the short veneers at `start + 4 + S` and everything else at `start + 4 + S + M + P`. So this is kept true after
//! each emission:
//!
//! ```text
//! start + 4 + S         ≤  deadline of the first short reference
//! start + 8 + S + M + P ≤  deadline of the first medium reference
//! ```
//!
//! (8 instead of 4: an island for the short ones alone may come first, with a branch of its own.)
//! Before something is emitted, the two are looked at with its size, and with the references that it
//! may add, counted in; if they would not hold, the island comes first. Binding a label takes its
//! references out of S and M. Everything takes constant time per reference.

use std::collections::VecDeque;

use crate::assembler::LabelState;
use crate::operand::Label;
use crate::reach::Reach;

/// The bytes of a branch, and of a veneer that is one.
pub(crate) const BRANCH: u32 = 4;
/// The bytes of an address's veneer.
pub(crate) const ADDRESS_VENEER: u32 = 12;
/// The largest constant.
pub(crate) const LARGEST_CONSTANT: u32 = 16;
/// The largest padding before constants.
const PADDING: u32 = 12;

/// A reference whose label was not bound when it was emitted.
#[derive(Clone, Copy)]
pub(crate) struct Reference {
    pub(crate) at: u32,
    pub(crate) label: Label,
    pub(crate) reach: Reach,
}

/// The queues by their number in [`LabelState::waiting`].
pub(crate) const SHORT: usize = 0;
pub(crate) const MEDIUM: usize = 1;

/// References of one reach.
#[derive(Default)]
pub(crate) struct Queue {
    /// By rising offset. References to labels that have been bound meanwhile are among them.
    pub(crate) references: VecDeque<Reference>,
    /// The bytes of the veneers of those whose label is not bound.
    pub(crate) bytes: u32,
}

impl Queue {
    /// The last offset that the first reference reaches.
    fn deadline(&self) -> Option<u64> {
        let first = self.references.front()?;
        Some(u64::from(first.at) + first.reach.ahead() as u64)
    }
}

/// What waits.
#[derive(Default)]
pub(crate) struct Waiting {
    pub(crate) queues: [Queue; 2],
    /// The bytes of constants.
    pub(crate) constants: u32,
}

/// What is about to be emitted: its bytes, and how many references it may add.
#[derive(Clone, Copy)]
pub(crate) struct Growth {
    pub(crate) bytes: u32,
    pub(crate) references: u32,
}

impl Growth {
    /// Nothing.
    pub(crate) const NONE: Growth = Growth {
        bytes: 0,
        references: 0,
    };
}

/// Which references an island is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Island {
    /// The short ones.
    Short,
    /// All, and the constants.
    All,
}

/// The number of the queue for references of this reach, and the bytes of a veneer. A load has no
/// veneer: what it waits for is a constant, which is counted by itself.
pub(crate) fn queue_of(reach: Reach) -> Option<(usize, u32)> {
    match reach {
        Reach::Branch14 => Some((SHORT, BRANCH)),
        Reach::Branch19 => Some((MEDIUM, BRANCH)),
        Reach::Address21 => Some((MEDIUM, ADDRESS_VENEER)),
        Reach::Load19 => Some((MEDIUM, 0)),
        Reach::Branch26 | Reach::Page21 => None,
    }
}

impl Waiting {
    /// Adds a reference to an unbound label; `false` if it need not wait.
    pub(crate) fn add(&mut self, reference: Reference, label: &mut LabelState) -> bool {
        let Some((queue, bytes)) = queue_of(reference.reach) else {
            return false;
        };
        label.waiting[queue] += bytes;
        self.queues[queue].bytes += bytes;
        self.queues[queue].references.push_back(reference);
        true
    }

    /// Takes the references of a label that has been bound out of the count.
    pub(crate) fn release(&mut self, label: &mut LabelState) {
        for (queue, bytes) in self.queues.iter_mut().zip(&mut label.waiting) {
            queue.bytes -= std::mem::take(bytes);
        }
    }

    /// The island that must come at offset `here`, before the code grows. An island begins at a multiple of four, this
    /// one as well as those that come after the growth.
    pub(crate) fn due(&self, here: u32, growth: Growth) -> Option<Island> {
        let is_short_late = self.is_short_late(here.into(), growth);
        let short = self.queues[SHORT].bytes;
        let behind_short = if is_short_late {
            start_of_island(here.into()) + u64::from(BRANCH + short)
        } else {
            u64::from(here)
        };
        let short_left = if is_short_late { 0 } else { short };
        if self.is_medium_late(behind_short, short_left, growth) {
            Some(Island::All)
        } else {
            is_short_late.then_some(Island::Short)
        }
    }

    fn is_short_late(&self, here: u64, growth: Growth) -> bool {
        let veneers = self.queues[SHORT].bytes + growth.references * BRANCH;
        let start = start_of_island(here + u64::from(growth.bytes));
        let end = start + u64::from(BRANCH) + u64::from(veneers);
        let own = (growth.references > 0).then_some(here + Reach::Branch14.ahead() as u64);
        earliest(self.queues[SHORT].deadline(), own).is_some_and(|deadline| end > deadline)
    }

    fn is_medium_late(&self, here: u64, short: u32, growth: Growth) -> bool {
        let per_reference = BRANCH + ADDRESS_VENEER + LARGEST_CONSTANT;
        let veneers = u64::from(short) + u64::from(self.queues[MEDIUM].bytes);
        let end = start_of_island(here + u64::from(growth.bytes))
            + u64::from(2 * BRANCH)
            + veneers
            + u64::from(self.constants + PADDING)
            + u64::from(growth.references * per_reference);
        let own = (growth.references > 0).then_some(here + Reach::Branch19.ahead() as u64);
        earliest(self.queues[MEDIUM].deadline(), own).is_some_and(|deadline| end > deadline)
    }
}

/// Where an island begins that comes at this offset.
fn start_of_island(here: u64) -> u64 {
    here.next_multiple_of(u64::from(BRANCH))
}

fn earliest(first: Option<u64>, second: Option<u64>) -> Option<u64> {
    first.into_iter().chain(second).min()
}
