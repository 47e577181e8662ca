//! The start of a function: arguments, and stack slots that start as zeros.

use crate::backend::{Backend, Base};
use crate::error::Lower;
use crate::frame::PARAMETERS;
use crate::machine::{Code, TargetInst};
use crate::registers::register_of;
use enjamb_abi::convention::Location;
use enjamb_ir::{Block, Entity, Inst, Opcode, Payload, Place, StackSlot, Stage, ValueDef};
use enjamb_regalloc::{PReg, RegClass, VReg};

pub(crate) trait Entry<'a>: Backend<'a> {
    /// Begins the entry block, which nothing branches to.
    fn begin_entry(&mut self, entry: Block) -> Lower<()> {
        let block = self.block(entry)?;
        self.builder.begin_block(block, &[]);
        let params = self.params(entry);
        self.arguments(&params)
    }

    /// Gives the function's arguments to these registers.
    fn arguments(&mut self, values: &[VReg]) -> Lower<()> {
        let hidden = usize::from(self.function.stage == Stage::Lowered);
        let types = &self.function.signature.params;
        let assignment = self.convention().params(types);
        let mut arrivals: Vec<(VReg, PReg)> = Vec::with_capacity(values.len());
        if let (1, Some(&continuation)) = (hidden, values.first()) {
            arrivals.push((continuation, Self::Inst::REGISTERS.continuation()));
        }
        let visible = values.iter().skip(hidden).zip(&assignment.locations);
        for (&value, &location) in visible.clone() {
            arrivals.extend(register_of(location).map(|register| (value, register)));
        }
        self.push(Code::Arguments(arrivals));
        for ((&value, &location), &ty) in visible.zip(types) {
            if let Location::Stack(offset) = location {
                let word = Self::at(Base::Frame, PARAMETERS + offset as i32);
                self.load_into(value, ty, word)?;
            }
        }
        Ok(())
    }

    /// The block at whose start stack slots become zeros: in a lowered function the one that the
    /// entry goes to when it is not resumed, since resumption restores the slots that matter.
    fn zeroing_block(&self, entry: Block) -> Block {
        match self.fresh_block(entry) {
            Some(fresh) if !self.touches_slots(entry) => fresh,
            _ => entry,
        }
    }

    /// The block that the entry of a lowered function, and nothing else, goes to when the function is
    /// not resumed.
    fn fresh_block(&self, entry: Block) -> Option<Block> {
        let function = self.function;
        let branch = function.terminator(entry)?;
        let [_, fresh] = function.targets(branch) else {
            return None;
        };
        let condition = function.args(branch).first()?;
        let ValueDef::Result(test, 0) = function.values[*condition].def else {
            return None;
        };
        let is_fresh_test = function.stage == Stage::Lowered
            && function.insts[test].opcode == Opcode::IsSuspended
            && function.args(test).first() == function.blocks[entry].params.first();
        let blocks = function.order.iter();
        let edges = blocks.flat_map(|&block| function.successors(block));
        let edges = edges.filter(|&to| to == fresh.block).count();
        (is_fresh_test && edges == 1).then_some(fresh.block)
    }

    fn touches_slots(&self, block: Block) -> bool {
        let insts = &self.function.blocks[block].insts;
        insts.iter().any(|&inst| self.slot_of(inst).is_some())
    }

    /// The slot that an instruction names.
    fn slot_of(&self, inst: Inst) -> Option<StackSlot> {
        match self.data(inst).payload {
            Payload::Access(Place::Slot(slot), _)
            | Payload::Slot(slot, _)
            | Payload::SlotField(_, _, slot) => Some(slot),
            _ => None,
        }
    }

    /// Writes zeros to the slots, except those that `block` overwrites before anything else.
    fn zero_slots(&mut self, block: Block) {
        let function = self.function;
        let mut overwritten = vec![None; function.slots.len()];
        for &inst in &function.blocks[block].insts {
            if let Some(slot) = self.slot_of(inst) {
                let data = function.insts[inst];
                let whole = data.opcode == Opcode::Store
                    && data.payload == Payload::Access(Place::Slot(slot), 0)
                    && function.args(inst).len() == 1
                    && data.ty.bytes() == function.slots[slot].size;
                overwritten[slot.index()].get_or_insert(whole);
            }
        }
        // Slots stand one below the other, so adjacent ones are zeroed together.
        let mut run_top = None;
        let mut high = self.frame.slots_top();
        for slot in function.slots.keys() {
            if overwritten[slot.index()] != Some(true) {
                run_top.get_or_insert(high);
            } else if let Some(top) = run_top.take() {
                self.zero_frame(high, top);
            }
            high = self.frame.slot(slot);
        }
        if let Some(top) = run_top {
            self.zero_frame(high, top);
        }
    }

    fn zero_frame(&mut self, low: i32, high: i32) {
        if high > low {
            let zero = self.new_vreg(RegClass::Float);
            let counter = self.new_vreg(RegClass::Int);
            self.push(Code::ZeroFrame {
                offset: low,
                bytes: (high - low) as u32,
                zero,
                counter,
            });
        }
    }
}

impl<'a, L: Backend<'a>> Entry<'a> for L {}
