//! Follows all ways through the code of a function and finds out where the values are that its caller had in the
//! callee-saved registers.

use super::step::{Access, Flow, Place, Pointers, RETURN_ADDRESS, Registers, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Bytes of a register.
const WORD: u32 = 8;

/// Where the values of the caller are, at some place in a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// The registers that have their old values.
    pub(super) held: Registers,
    /// The words of the frame with the old value of a register, by offset from the frame pointer.
    pub(super) kept: BTreeMap<i32, u8>,
    /// Registers that point into the frame, by offset from the frame pointer.
    pub(super) addresses: BTreeMap<u8, i32>,
    /// The words that were watched for and have been written.
    pub(super) filled: BTreeSet<i32>,
    /// Whether the return address is signed.
    pub(super) is_signed: bool,
}

impl State {
    /// A function has just been called.
    pub(super) fn called(pointers: Pointers) -> State {
        let is_on_stack = pointers.called == RETURN_ADDRESS;
        let kept = is_on_stack.then_some((RETURN_ADDRESS, pointers.link));
        State {
            held: Registers(u32::MAX),
            kept: kept.into_iter().collect(),
            addresses: BTreeMap::from([(pointers.stack, pointers.called)]),
            filled: BTreeSet::new(),
            is_signed: false,
        }
    }

    /// What holds in both.
    fn meet(&mut self, other: &State) {
        self.held.0 &= other.held.0;
        (self.kept).retain(|place, register| other.kept.get(place) == Some(register));
        (self.addresses).retain(|register, at| other.addresses.get(register) == Some(at));
        self.filled.retain(|place| other.filled.contains(place));
        self.is_signed &= other.is_signed;
    }

    /// Where a place is, by offset from the frame pointer.
    pub(super) fn offset(&self, place: Place) -> Option<i32> {
        Some(self.addresses.get(&place.base)? + place.offset)
    }

    fn overwrite(&mut self, start: i32, bytes: u32) {
        let end = start + bytes as i32;
        self.kept
            .retain(|&place, _| place + 8 <= start || end <= place);
    }

    /// What holds behind an instruction.
    fn after(&self, step: &Step, watched: &[i32]) -> State {
        let mut after = self.clone();
        let mut restored = Registers::default();
        for &access in &step.accesses {
            let (Access::Save(_, place) | Access::Restore(_, place) | Access::Write(place, _)) =
                access;
            let Some(offset) = self.offset(place) else {
                continue;
            };
            match access {
                Access::Write(_, bytes) => after.overwrite(offset, bytes),
                Access::Save(register, _) => {
                    after.overwrite(offset, WORD);
                    if self.held.has(register) {
                        after.kept.insert(offset, register);
                    }
                }
                Access::Restore(register, _) => {
                    if self.kept.get(&offset) == Some(&register) {
                        restored.add(register);
                    }
                }
            }
        }
        after.held.0 = after.held.0 & !step.written.0 | restored.0;
        (after.addresses).retain(|&register, _| !step.written.has(register));
        if let Some((register, place)) = step.address
            && let Some(offset) = self.offset(place)
        {
            after.addresses.insert(register, offset);
        }
        let written = step.accesses.iter();
        let written = written.filter_map(|access| self.written(access));
        for (start, bytes) in written {
            let words = watched
                .iter()
                .filter(|&&word| start <= word && word + 8 <= start + bytes);
            after.filled.extend(words);
        }
        after.is_signed = step.signs.unwrap_or(self.is_signed);
        after
    }

    /// The part of the frame that an access writes: its offset and size.
    pub(super) fn written(&self, access: &Access) -> Option<(i32, i32)> {
        match *access {
            Access::Save(_, place) => Some((self.offset(place)?, WORD as i32)),
            Access::Write(place, bytes) => Some((self.offset(place)?, bytes as i32)),
            Access::Restore(..) => None,
        }
    }
}

/// What is to be walked through.
pub(super) struct Walk<'a> {
    /// Decodes the instruction at an offset in the code.
    pub(super) decode: &'a dyn Fn(u32) -> Option<Step>,
    /// The registers that the frame is reached by.
    pub(super) pointers: Pointers,
    /// The function's code.
    pub(super) range: Range<u32>,
    /// What holds at its start.
    pub(super) start: State,
    /// Words of the frame that are watched for.
    pub(super) watched: &'a [i32],
    /// Whether a call of what is there never comes back.
    pub(super) is_final: &'a dyn Fn(u32) -> bool,
    /// Where an exception lands that leaves the call with a return address.
    pub(super) landing: &'a dyn Fn(u32) -> Option<u32>,
    /// Where the jump at an offset may lead, if it goes through a table of the function.
    pub(super) table: &'a dyn Fn(u32) -> Vec<u32>,
}

/// Every instruction that is reached, with what holds in front of it, by offset.
pub(super) type Reached = BTreeMap<u32, (Step, State)>;

impl Walk<'_> {
    /// Walks every way.
    pub(super) fn run(&self) -> Result<Reached, String> {
        let mut reached = Reached::new();
        let mut waiting = vec![(self.range.start, self.start.clone())];
        while let Some((at, state)) = waiting.pop() {
            self.visit(at, state, &mut reached, &mut waiting)?;
        }
        Ok(reached)
    }

    fn visit(
        &self,
        at: u32,
        state: State,
        reached: &mut Reached,
        waiting: &mut Vec<(u32, State)>,
    ) -> Result<(), String> {
        let (step, state) = match reached.get_mut(&at) {
            Some((step, known)) => {
                let before = known.clone();
                known.meet(&state);
                if *known == before {
                    return Ok(());
                }
                (step.clone(), known.clone())
            }
            None => {
                let step = (self.decode)(at).filter(|step| step.end <= self.range.end);
                let step = step.ok_or_else(|| format!("no instruction at {at:#x}"))?;
                reached.insert(at, (step.clone(), state.clone()));
                (step, state)
            }
        };
        let mut after = state.after(&step, self.watched);
        if matches!(step.flow, Flow::Call(_)) {
            let Pointers { frame, stack, .. } = self.pointers;
            after
                .addresses
                .retain(|register, _| [frame, stack].contains(register));
        }
        let mut go = |to: u32| waiting.push((to, after.clone()));
        match step.flow {
            Flow::Next => go(step.end),
            // To the start there are tail calls only.
            Flow::Jump(to) if to != self.range.start && self.range.contains(&to) => go(to),
            Flow::Branch(to) => {
                go(to);
                go(step.end);
            }
            Flow::Call(to) => {
                (self.landing)(step.end).into_iter().for_each(&mut go);
                if !to.is_some_and(self.is_final) {
                    waiting.push((step.end, self.returned(after, step.end)));
                }
            }
            Flow::Indirect => (self.table)(at).into_iter().for_each(go),
            Flow::Jump(_) | Flow::Return | Flow::Stop => {}
        }
        Ok(())
    }

    /// What holds where a call has returned to. The callee has taken its parameters off the stack, for which the caller
    /// makes room again at once.
    fn returned(&self, mut state: State, at: u32) -> State {
        let stack = self.pointers.stack;
        if let (Some(next), Some(top)) = ((self.decode)(at), state.addresses.get_mut(&stack)) {
            *top += next.down(stack).max(0);
        }
        state
    }
}
