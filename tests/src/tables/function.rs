//! The tables of one function against its code.

use super::step::{Access, Flow, Step};
use super::walk::{Reached, State, Walk};
use super::{decode, ends, pointers};
use enjamb_codegen::{CompiledModule, FunctionRange};
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{Function, Inst, Opcode, Payload, RootId};
use std::collections::BTreeMap;

/// The tables of one function.
pub(super) struct Tables<'a> {
    compiled: &'a CompiledModule,
    range: &'a FunctionRange,
    body: &'a Function,
    /// Callee-saved registers by hardware number, and the place where the frame keeps each.
    preserved: Vec<(u8, Option<i32>)>,
    /// Where the code of instructions begins.
    starts: Vec<u32>,
    /// Where the code puts references into root slots, by offset from the frame pointer.
    roots: BTreeMap<RootId, i32>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(
        compiled: &'a CompiledModule,
        range: &'a FunctionRange,
        body: &'a Function,
    ) -> Self {
        let registers = compiled.target.convention().callee_saved.iter().enumerate();
        let preserved = registers.map(|(index, &register)| {
            let saved = range
                .saved
                .iter()
                .find(|saved| usize::from(saved.0) == index);
            (register, saved.map(|saved| saved.1))
        });
        let within = compiled.instructions.iter().filter(|entry| {
            entry.inst.is_some() && (range.start..range.end).contains(&entry.offset)
        });
        let mut tables = Tables {
            compiled,
            range,
            body,
            preserved: preserved.collect(),
            starts: within.map(|entry| entry.offset).collect(),
            roots: BTreeMap::new(),
        };
        tables.roots = tables.root_slots();
        tables
    }

    fn root_slots(&self) -> BTreeMap<RootId, i32> {
        let sets = self.starts.iter().filter_map(|&start| {
            let data = &self.body.insts[self.inst_at(start)?];
            let (Opcode::RootSet, Payload::Root(root)) = (data.opcode, data.payload) else {
                return None;
            };
            let mut steps = std::iter::successors(self.decode(start), |step| self.decode(step.end));
            Some((root, steps.find_map(|step| self.stored(&step))?))
        });
        sets.collect()
    }

    /// The place in the frame that an instruction writes.
    fn stored(&self, step: &Step) -> Option<i32> {
        let mut places = step.accesses.iter().filter_map(|access| match *access {
            Access::Save(_, place) | Access::Write(place, _) => Some(place),
            Access::Restore(..) => None,
        });
        let place = places.find(|place| place.base == pointers(self.compiled.target).frame)?;
        Some(place.offset)
    }

    fn decode(&self, at: u32) -> Option<Step> {
        decode(self.compiled, at)
    }

    /// The instruction that the code at an offset was made from.
    fn inst_at(&self, at: u32) -> Option<Inst> {
        let entries = &self.compiled.instructions;
        let after = entries.partition_point(|entry| entry.offset <= at);
        entries[..after].last()?.inst
    }

    pub(super) fn opcode_at(&self, at: u32) -> Option<Opcode> {
        Some(self.body.insts[self.inst_at(at)?].opcode)
    }

    /// Follows the code.
    pub(super) fn walk(&self) -> Result<Reached, String> {
        let ends = ends(self.compiled);
        let pointers = pointers(self.compiled.target);
        let walk = Walk {
            decode: &|at| self.decode(at),
            pointers,
            range: self.range.start..self.range.end,
            start: State::called(pointers),
            watched: &self.roots.values().copied().collect::<Vec<_>>(),
            is_final: &|to| ends.contains(&to),
            landing: &|offset| self.compiled.landing_at(self.range, offset),
            table: &|at| self.table(at).unwrap_or_default(),
        };
        walk.run()
    }

    /// Where a jump through a table leads. The table has the distances from its start, which is put into a register in front of
    /// the jump.
    fn table(&self, jump: u32) -> Option<Vec<u32>> {
        let inst = self.inst_at(jump)?;
        if self.body.insts[inst].opcode != Opcode::BrTable {
            return None;
        }
        let after = self.starts.partition_point(|&start| start <= jump);
        let start = self.decode(self.starts[after.checked_sub(1)?]);
        let steps = std::iter::successors(start, |step| self.decode(step.end));
        let steps = steps.take_while(|step| step.end <= jump);
        let table = steps.filter_map(|step| step.label).last()?;
        let entries = self.compiled.bytes.get(table as usize..)?.as_chunks().0;
        let entries = entries.iter().take(self.body.targets(inst).len());
        let targets = entries.map(|&entry| table.wrapping_add_signed(i32::from_le_bytes(entry)));
        Some(targets.collect())
    }

    /// # Errors
    /// What a table says and the code does not do.
    pub(super) fn check(&self, reached: &Reached) -> Result<(), String> {
        self.frame()?;
        self.calls(reached)?;
        self.roots(reached)?;
        self.entries(reached)
    }

    /// What a collector reads and changes in the frame has been written, and by nothing but what puts references there.
    fn roots(&self, reached: &Reached) -> Result<(), String> {
        for (&at, (step, state)) in reached {
            let is_call = matches!(step.flow, Flow::Call(_));
            let listed = self.compiled.roots_at(step.end).iter().filter(|_| is_call);
            for slot in listed {
                if !state.filled.contains(slot) {
                    let returns = step.end;
                    return Err(format!(
                        "the root slot at {slot} may hold nothing at the call that returns to {returns:#x}"
                    ));
                }
            }
            // A call puts its return address below everything.
            for access in step.accesses.iter().filter(|_| !is_call) {
                let Some((start, bytes)) = state.written(access) else {
                    continue;
                };
                let mut touched = self.roots.values();
                let touched = touched.any(|&slot| start < slot + 8 && slot < start + bytes);
                if touched && self.opcode_at(at) != Some(Opcode::RootSet) {
                    return Err(format!(
                        "the root slot at {start} is overwritten at {at:#x}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The frame has the size that the table says, and what the table places in it is in it and apart.
    fn frame(&self) -> Result<(), String> {
        let prologue = self.compiled.instructions.iter();
        let mut prologue = prologue.filter(|entry| entry.offset >= self.range.start);
        let end = prologue.next().map_or(self.range.end, |entry| entry.offset);
        let pointers = pointers(self.compiled.target);
        let (mut at, mut down) = (self.range.start, -pointers.called);
        while at < end {
            let step = self.decode(at).ok_or("no prologue")?;
            (at, down) = (step.end, down + step.down(pointers.stack));
        }
        let bytes = self.range.frame_bytes as i32;
        if down != bytes {
            return Err(format!(
                "the frame has {down} bytes, and {bytes} by the table"
            ));
        }
        let saved = self.preserved.iter().filter_map(|(_, place)| *place);
        let mut saved: Vec<i32> = saved.collect();
        saved.sort_unstable();
        for entry in &self.compiled.safepoints {
            if !(self.range.start + 1..=self.range.end).contains(&entry.offset) {
                continue;
            }
            let slots = self.compiled.roots_at(entry.offset);
            let mut places = [&saved[..], slots].concat();
            places.sort_unstable();
            let are_apart = places.windows(2).all(|pair| pair[0] + 8 <= pair[1]);
            let are_inside = |&place: &i32| place % 8 == 0 && (-bytes..=-8).contains(&place);
            if !are_apart || !places.iter().all(are_inside) {
                return Err(format!("saved registers and root slots at {places:?}"));
            }
        }
        Ok(())
    }

    /// Where an unwinder may come by, the values of the caller are where the tables say; where the function
    /// is left, they are back.
    fn calls(&self, reached: &Reached) -> Result<(), String> {
        for (&at, (step, state)) in reached {
            let leaves = match step.flow {
                Flow::Return => true,
                Flow::Jump(to) => !(self.range.start + 1..self.range.end).contains(&to),
                Flow::Indirect => self.opcode_at(at) != Some(Opcode::BrTable),
                _ => false,
            };
            if matches!(step.flow, Flow::Call(_)) {
                self.is_known(step.end)?;
            }
            // A trap gives nobody his registers back.
            let is_call = self.compiled.call_at(step.end).is_some();
            let wrong = self
                .preserved
                .iter()
                .find(|&&(register, place)| match place {
                    _ if leaves => !state.held.has(register),
                    Some(place) if is_call => state.kept.get(&place) != Some(&register),
                    None if is_call => !state.held.has(register),
                    _ => false,
                });
            if let Some((register, place)) = wrong {
                let State { kept, .. } = state;
                return Err(format!(
                    "at {at:#x} the caller's register {register} is lost; the table says {place:?}, and kept are {kept:?}"
                ));
            }
        }
        Ok(())
    }

    /// A call has an entry, and a handler and root slots if its instruction says so.
    fn is_known(&self, returns: u32) -> Result<(), String> {
        let complaint = |what: &str| Err(format!("the call that returns to {returns:#x} {what}"));
        let Some(call) = self.compiled.call_at(returns) else {
            return match self.compiled.trap_at(returns) {
                Some(trap) if trap.function == Some(self.range.function) => Ok(()),
                _ => complaint("is in no table"),
            };
        };
        let has_handler = self.compiled.landing_at(self.range, returns).is_some();
        if call.function != self.range.function {
            return complaint("is another function's by the table");
        }
        if has_handler != (self.body.targets(call.inst).len() == 2) {
            return complaint("should have a handler, or should not");
        }
        let roots = self.body.live_roots(call.inst).iter();
        let places: Vec<i32> = roots
            .filter_map(|root| self.roots.get(root).copied())
            .collect();
        match self.compiled.roots_at(returns) == places {
            true => Ok(()),
            false => complaint("has root slots where none of its instruction is"),
        }
    }

    /// What the tables have for the function is there.
    fn entries(&self, reached: &Reached) -> Result<(), String> {
        let calls = reached
            .values()
            .filter(|(step, _)| matches!(step.flow, Flow::Call(_)));
        let returns: FxHashSet<u32> = calls.map(|(step, _)| step.end).collect();
        let within = |offset: u32| (self.range.start + 1..=self.range.end).contains(&offset);
        let calls = self.compiled.calls.iter().map(|call| call.offset);
        let traps = self.compiled.traps.iter().map(|trap| trap.offset);
        let handlers = self.compiled.handlers.iter().map(|handler| handler.offset);
        let mut offsets = calls
            .chain(traps)
            .chain(handlers)
            .filter(|&offset| within(offset));
        match offsets.find(|offset| !returns.contains(offset)) {
            Some(offset) => Err(format!("no call returns to {offset:#x}")),
            None => Ok(()),
        }
    }
}
