//! Follows all ways through the code of a function and finds out where the values are that its caller had in the
//! callee-saved registers.

use super::step::{Access, Flow, Place, Pointers, Registers, Step};
use std::collections::BTreeMap;
use std::ops::Range;

/// Where the values of the caller are, at some place in a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// The registers that have their old values.
    pub(super) held: Registers,
    /// The words of the frame with the old value of a register, by offset from the frame pointer.
    pub(super) kept: BTreeMap<i32, u8>,
    /// Registers that point into the frame, by offset from the frame pointer.
    addresses: BTreeMap<u8, i32>,
}

impl State {
    /// A function has just been called.
    fn called(pointers: Pointers) -> State {
        State {
            held: Registers(u32::MAX),
            kept: BTreeMap::new(),
            addresses: BTreeMap::from([(pointers.frame, 0), (pointers.stack, pointers.called)]),
        }
    }

    /// What holds in both.
    fn meet(&mut self, other: &State) {
        self.held.0 &= other.held.0;
        (self.kept).retain(|place, register| other.kept.get(place) == Some(register));
        (self.addresses).retain(|register, at| other.addresses.get(register) == Some(at));
    }

    fn offset(&self, place: Place) -> Option<i32> {
        Some(self.addresses.get(&place.base)? + place.offset)
    }

    fn overwrite(&mut self, start: i32, bytes: u32) {
        let end = start + bytes as i32;
        self.kept
            .retain(|&place, _| place + 8 <= start || end <= place);
    }

    /// What holds behind an instruction.
    fn after(&self, step: &Step, pointers: Pointers) -> State {
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
                    after.overwrite(offset, 8);
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
        let is_kept = |register: u8| register == pointers.frame || !step.written.has(register);
        after.addresses.retain(|&register, _| is_kept(register));
        if let Some((register, place)) = step.address
            && let Some(offset) = self.offset(place)
        {
            after.addresses.insert(register, offset);
        }
        after
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
    /// Whether a call of what is there never comes back.
    pub(super) is_final: &'a dyn Fn(u32) -> bool,
    /// Where an exception lands that leaves the call with a return address.
    pub(super) landing: &'a dyn Fn(u32) -> Option<u32>,
    /// Whether the jump at an offset goes through a table of the function.
    pub(super) is_table_jump: &'a dyn Fn(u32) -> bool,
    /// Places that tables may lead to, among others.
    pub(super) starts: &'a [u32],
}

/// Every instruction that is reached, with what holds in front of it, by offset.
pub(super) type Reached = BTreeMap<u32, (Step, State)>;

impl Walk<'_> {
    /// Walks every way.
    pub(super) fn run(&self) -> Result<Reached, String> {
        let mut reached = Reached::new();
        let mut waiting = vec![(self.range.start, State::called(self.pointers))];
        let mut tables: Option<State> = None;
        loop {
            while let Some((at, state)) = waiting.pop() {
                self.visit(at, state, &mut reached, &mut waiting, &mut tables)?;
            }
            let Some(state) = &tables else { break };
            let next = self.starts.iter().find(|at| !reached.contains_key(at));
            let Some(&next) = next else { break };
            waiting.push((next, state.clone()));
        }
        Ok(reached)
    }

    fn visit(
        &self,
        at: u32,
        state: State,
        reached: &mut Reached,
        waiting: &mut Vec<(u32, State)>,
        tables: &mut Option<State>,
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
        let after = state.after(&step, self.pointers);
        let mut go = |to: u32| waiting.push((to, after.clone()));
        match step.flow {
            Flow::Next => go(step.end),
            Flow::Jump(to) if self.range.contains(&to) => go(to),
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
            Flow::Indirect if (self.is_table_jump)(at) => match tables {
                Some(tables) => tables.meet(&after),
                None => *tables = Some(after),
            },
            Flow::Jump(_) | Flow::Indirect | Flow::Return | Flow::Stop => {}
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
