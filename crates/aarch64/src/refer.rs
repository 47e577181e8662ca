//! References to labels while code is emitted, and the islands that keep them in reach.
//!
//! [`crate::island`] says when an island is due.

use crate::assembler::{Assembler, Fixup, Shape};
use crate::code::RelocationKind;
use crate::encode::LabelField;
use crate::error::AssembleError;
use crate::inst::Inst;
use crate::island::{ADDRESS_VENEER, BRANCH, Growth, Island, MEDIUM, Reference, SHORT};
use crate::listing::Item;
use crate::op::Op;
use crate::operand::Label;
use crate::pool::Constant;
use crate::reach::Reach;
use crate::register::Reg;

/// How far an `adr` with an `add` or `sub` of a multiple of 4096 behind it reaches.
const FAR_ADDRESS: u64 = 1 << 24;

/// The two instructions that put the address `distance` bytes away from the first of them into the
/// register of `adr`.
///
/// The `adr` brings the lowest 12 bits of the distance's magnitude, the addition or subtraction the
/// 12 bits above. Unlike `adrp` with `add`, this depends on the distance alone.
pub(crate) fn far_address(adr: u32, distance: i64) -> Option<[u32; 2]> {
    let magnitude = distance.unsigned_abs();
    let register = Reg::gpr((adr & 31) as u8);
    if magnitude >= FAR_ADDRESS {
        return None;
    }
    let low = (magnitude & 0xFFF) as i64;
    let high = (magnitude & !0xFFF) as i64;
    let (low, op) = if distance < 0 {
        (-low, Op::Sub64RRI)
    } else {
        (low, Op::Add64RRI)
    };
    let add = Inst::rri(op, register, register, high).and_then(|inst| inst.word());
    Some([Reach::Address21.patch(adr, low), add.ok()?.0])
}

/// The same conditional branch with the opposite condition.
fn inverted(word: u32, reach: Reach) -> u32 {
    // `b.cond` has its condition in the lowest bits; the others say in bit 24 whether zero or not.
    let is_flags = reach == Reach::Branch19 && word >> 24 == Op::BCond.info().template.bits() >> 24;
    word ^ if is_flags { 1 } else { 1 << 24 }
}

fn branch(distance: i64) -> u32 {
    Reach::Branch26.patch(Op::B.info().template.bits(), distance)
}

impl Assembler {
    /// Appends an instruction that refers to a label.
    pub(crate) fn reference(&mut self, word: u32, field: LabelField) {
        let at = self.here();
        let LabelField { label, reach } = field;
        let Some(state) = self.labels.get(label.index() as usize) else {
            return self.fail(AssembleError::Foreign(label));
        };
        let label = match state.constant {
            Some(number) => self.reachable_constant(number, at, reach),
            None => label,
        };
        let reference = Reference { at, label, reach };
        let state = &mut self.labels[label.index() as usize];
        match state.bound {
            Some(target) => self.reference_to(target, word, reference),
            None => {
                if !self.waiting.add(reference, state) {
                    self.fixups.push(Fixup {
                        at,
                        label,
                        shape: Shape::Field(reach),
                    });
                }
                self.push_word(word);
            }
        }
    }

    /// The label of a constant that is yet to be placed, or in reach.
    fn reachable_constant(&mut self, number: u32, at: u32, reach: Reach) -> Label {
        let label = self.pool.label(number);
        let bound = self.labels[label.index() as usize].bound;
        let is_near = |target| reach.contains(i64::from(target) - i64::from(at));
        if bound.is_some_and(is_near) {
            return label;
        }
        let label = match bound {
            Some(_) => {
                let again = self.new_constant_label(number);
                self.pool.place_again(number, again);
                again
            }
            None => label,
        };
        self.waiting.constants += self.pool.want(number);
        label
    }

    /// Appends an instruction that refers to a place before it.
    fn reference_to(&mut self, target: u32, word: u32, reference: Reference) {
        let Reference { at, label, reach } = reference;
        let distance = i64::from(target) - i64::from(at);
        match reach {
            _ if reach.contains(distance) => self.push_word(reach.patch(word, distance)),
            Reach::Branch14 | Reach::Branch19 => {
                self.push_word(reach.patch(inverted(word, reach), 2 * i64::from(BRANCH)));
                self.push_word(branch(distance - i64::from(BRANCH)));
            }
            Reach::Address21 => match far_address(word, distance) {
                Some([adr, add]) => {
                    self.push_word(adr);
                    self.push_word(add);
                }
                None => self.fail(AssembleError::Distance(label)),
            },
            Reach::Branch26 | Reach::Load19 | Reach::Page21 => {
                self.fail(AssembleError::Distance(label));
            }
        }
    }

    /// Puts an island into the code if one is due before it grows.
    pub(crate) fn make_room(&mut self, growth: Growth) {
        let here = self.here();
        if u64::from(here) + u64::from(growth.bytes) <= u64::from(self.reserved) {
            return;
        }
        for queue in [SHORT, MEDIUM] {
            self.drop_resolved(queue);
        }
        if let Some(island) = self.waiting.due(here, growth) {
            self.island(island);
        }
    }

    /// Fills in the references at the start of a queue whose labels are bound.
    fn drop_resolved(&mut self, queue: usize) {
        while let Some(&reference) = self.waiting.queues[queue].references.front() {
            match self.labels[reference.label.index() as usize].bound {
                Some(target) => self.resolve(reference, target),
                None => break,
            }
            self.waiting.queues[queue].references.pop_front();
        }
    }

    /// Fills in a reference.
    pub(crate) fn resolve(&mut self, reference: Reference, target: u32) {
        let Reference { at, label, reach } = reference;
        let distance = i64::from(target) - i64::from(at);
        if reach.contains(distance) {
            self.patch(at, |word| reach.patch(word, distance));
        } else {
            // A load of what is no constant: it has no veneer.
            self.fail(AssembleError::Distance(label));
        }
    }

    /// Changes a word that has been emitted.
    pub(crate) fn patch(&mut self, at: u32, change: impl FnOnce(u32) -> u32) {
        let field = self
            .bytes
            .get_mut(at as usize..)
            .and_then(|bytes| bytes.first_chunk_mut());
        if let Some(field) = field {
            *field = change(u32::from_le_bytes(*field)).to_le_bytes();
        }
    }

    fn island(&mut self, island: Island) {
        // Data of odd size may stand in front of it.
        self.pad_with_zeros(BRANCH);
        let start = self.here();
        self.line_at(start, Item::Data("veneers"));
        self.push_word(0);
        let queues: &[usize] = match island {
            Island::Short => &[SHORT],
            Island::All => &[SHORT, MEDIUM],
        };
        for &queue in queues {
            let waiting = std::mem::take(&mut self.waiting.queues[queue]);
            for reference in waiting.references {
                let state = &mut self.labels[reference.label.index() as usize];
                state.waiting[queue] = 0;
                match state.bound {
                    Some(target) => self.resolve(reference, target),
                    None => self.veneer(reference, start),
                }
            }
        }
        if island == Island::All {
            let constants = self.pool.take_wanted();
            self.waiting.constants = 0;
            self.place_constants(&constants);
            self.resolve_loads();
        }
        let distance = i64::from(self.here()) - i64::from(start);
        self.patch(start, |_| branch(distance));
        self.check_size();
    }

    /// Appends a veneer for a reference, or uses one of the same island.
    fn veneer(&mut self, reference: Reference, island: u32) {
        let Reference { at, label, reach } = reference;
        let here = self.here();
        let distance = i64::from(here) - i64::from(at);
        match reach {
            Reach::Address21 => {
                let back =
                    i64::from(at) + i64::from(BRANCH) - i64::from(here + ADDRESS_VENEER - BRANCH);
                let field = self.bytes[at as usize..].first_chunk().copied();
                let adr = u32::from_le_bytes(field.unwrap_or_default());
                self.patch(at, |_| branch(distance));
                self.fixups.push(Fixup {
                    at: here,
                    label,
                    shape: Shape::FarAddress,
                });
                self.push_word(adr);
                self.push_word(0);
                self.push_word(branch(back));
            }
            Reach::Load19 => self.waiting.queues[MEDIUM].references.push_back(reference),
            _ => {
                let state = &mut self.labels[label.index() as usize];
                let shared = state.veneer.filter(|veneer| *veneer >= island);
                if shared.is_none() {
                    state.veneer = Some(here);
                    self.fixups.push(Fixup {
                        at: here,
                        label,
                        shape: Shape::Field(Reach::Branch26),
                    });
                    self.push_word(branch(0));
                }
                let veneer = shared.unwrap_or(here);
                self.resolve(reference, veneer);
            }
        }
    }

    /// Fills in the loads of constants that have been placed; others get no second chance.
    fn resolve_loads(&mut self) {
        let loads = std::mem::take(&mut self.waiting.queues[MEDIUM].references);
        for load in loads {
            match self.labels[load.label.index() as usize].bound {
                Some(target) => self.resolve(load, target),
                None => self.fixups.push(Fixup {
                    at: load.at,
                    label: load.label,
                    shape: Shape::Field(load.reach),
                }),
            }
        }
    }

    /// Appends constants, each aligned to its size. They are in the order of falling sizes.
    pub(crate) fn place_constants(&mut self, constants: &[(Label, Constant)]) {
        for (label, constant) in constants {
            self.pad_with_zeros(constant.size());
            self.bind(*label);
            let at = self.here();
            match constant {
                Constant::Bytes { bytes, size } => {
                    self.bytes.extend_from_slice(&bytes[..*size as usize]);
                }
                Constant::Symbol(symbol) => {
                    self.relocate(at, RelocationKind::Abs64, *symbol, 0);
                    self.bytes.extend_from_slice(&[0; 8]);
                }
            }
            self.line_at(at, Item::Data("constant"));
        }
    }

    /// Goes on at a multiple of a power of two.
    fn pad_with_zeros(&mut self, boundary: u32) {
        self.alignment = self.alignment.max(boundary);
        let (start, end) = (self.here(), self.here().next_multiple_of(boundary));
        if end > start {
            self.line_at(start, Item::Data("padding"));
        }
        self.bytes.resize(end as usize, 0);
    }
}
