//! Values, places and conditions of the function at hand: what a target's own lowering asks for.

use crate::backend::{Backend, Base};
use crate::driver::Driver;
use crate::error::{Lower, Reason};
use crate::machine::PredicateOf;
use crate::select::{is_condition, is_rematerialized};
use enjamb_abi::context::{SPAN_LENGTH, offsets};
use enjamb_abi::continuation::{INFO, record};
use enjamb_ir::{
    Entity, Inst, LayoutId, MemoryId, Opcode, Payload, StackSlot, TableId, Type, Value, ValueDef,
};
use enjamb_regalloc::VReg;

/// The number of a layout that an instruction names.
pub(crate) fn layout_of(payload: Payload) -> Option<LayoutId> {
    match payload {
        Payload::Layout(layout) => Some(layout),
        _ => None,
    }
}

/// Provided for every [`Backend`].
pub trait Values<'a>: Backend<'a> {
    /// The register of a value, computed here if that was deferred.
    ///
    /// # Errors
    /// If its definition cannot be lowered.
    fn value(&mut self, value: Value) -> Lower<VReg> {
        if let ValueDef::Result(inst, 0) = self.function.values[value].def
            && (is_rematerialized(self.data(inst).opcode) || self.selection.is_deferred(inst))
        {
            return self.compute(inst)?.ok_or(Reason::Malformed);
        }
        if let Some(copy) = self.crossing.copy_of(value) {
            return Ok(copy);
        }
        Ok(self.vreg_of(value))
    }

    /// The register of an operand of an instruction.
    ///
    /// # Errors
    /// As [`Values::value`], or if there is no such operand.
    fn operand(&mut self, inst: Inst, index: usize) -> Lower<VReg> {
        let value = self.arg(inst, index)?;
        self.value(value)
    }

    /// Makes `register` the register of a value, or copies it where a use came first.
    ///
    /// # Errors
    /// If it cannot be copied.
    fn bind(&mut self, value: Value, register: VReg) -> Lower<()> {
        match self.values[value.index()] {
            None => {
                self.values[value.index()] = Some(register);
                Ok(())
            }
            Some(output) => self.copy_into(output, register),
        }
    }

    /// Replaces a NaN by the canonical one, if the result of `inst` is exposed.
    ///
    /// # Errors
    /// If the instruction has not exactly one result.
    fn canonical(&mut self, inst: Inst, input: VReg) -> Lower<VReg> {
        let &[result] = self.function.results(inst) else {
            return Err(Reason::Malformed);
        };
        if !self.selection.is_exposed(result) {
            return Ok(input);
        }
        if let Some(shape) = self.data(inst).payload.shape() {
            return self.canonical_lanes(shape, input);
        }
        let ty = self.type_of(result);
        Ok(self.canonical_nan(ty, input))
    }

    // Conditions.

    /// "The value is not zero"; takes in a comparison that was deferred.
    ///
    /// # Errors
    /// As [`Values::value`].
    fn predicate(&mut self, value: Value) -> Lower<PredicateOf<Self::Inst>> {
        use crate::machine::TargetPredicate;
        if let Some(predicate) = self.folded_test(value)? {
            return Ok(predicate);
        }
        if let Some(inst) = self.deferred(value)
            && let opcode = self.data(inst).opcode
            && (is_condition(opcode) || matches!(opcode, Opcode::HasLayout | Opcode::FuelCheck))
        {
            return self.comparison(inst);
        }
        let ty = self.type_of(value);
        let register = self.value(value)?;
        Ok(self.is_zero(register, ty)?.inverted())
    }

    /// What an instruction that is a condition tests.
    ///
    /// # Errors
    /// If it is none, or as [`Values::value`].
    fn comparison(&mut self, inst: Inst) -> Lower<PredicateOf<Self::Inst>> {
        use crate::machine::TargetPredicate;
        let data = self.data(inst);
        match (data.opcode, data.payload) {
            (Opcode::Icmp, Payload::IntCond(cond)) => {
                let (first, second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
                self.compare(cond, first, second)
            }
            (Opcode::Fcmp, Payload::FloatCond(cond)) => self.compare_floats(inst, cond),
            (Opcode::AnyTrue, _) => self.any_true(self.arg(inst, 0)?),
            (Opcode::AllTrue, Payload::Shape(shape)) => self.all_true(shape, self.arg(inst, 0)?),
            (Opcode::SameRef, _) => {
                let (first, second) = (self.operand(inst, 0)?, self.operand(inst, 1)?);
                self.same(first, second)
            }
            (Opcode::IsNull, _) => {
                let value = self.operand(inst, 0)?;
                self.is_zero(value, Type::I64)
            }
            (Opcode::IsSuspended, _) => {
                let value = self.operand(inst, 0)?;
                Ok(self.is_zero(value, Type::I64)?.inverted())
            }
            (Opcode::HasLayout, _) => {
                let layout = self.payload(inst, layout_of)?;
                let info = self.info(self.arg(inst, 0)?)?;
                let number = Self::at(Base::Value(info), record::LAYOUT as i32);
                self.equals(number, layout.index() as i64)
            }
            (Opcode::FuelCheck, Payload::Integer(amount)) => {
                let amount = i32::try_from(amount).map_err(|_| Reason::Malformed)?;
                self.take_away(Self::context_word(offsets::FUEL), amount)
            }
            _ => Err(Reason::Malformed),
        }
    }

    /// The point record of a continuation.
    ///
    /// # Errors
    /// As [`Values::value`].
    fn info(&mut self, object: Value) -> Lower<VReg> {
        let object = self.value(object)?;
        self.load(Type::I64, Self::at(Base::Value(object), INFO as i32))
    }

    // Places.

    /// A word of the context block.
    fn context_word(offset: u32) -> Self::Mem {
        // The driver has made sure that every offset in the block fits.
        Self::at(Base::Context, offset as i32)
    }

    /// The word of the context block that holds the address of a memory.
    fn memory_base(&self, memory: MemoryId) -> Self::Mem {
        Self::context_word(self.layout.memory(memory))
    }

    /// The word of the context block that holds the length of a memory in bytes.
    fn memory_length(&self, memory: MemoryId) -> Self::Mem {
        Self::context_word(self.layout.memory(memory) + SPAN_LENGTH)
    }

    /// The word of the context block that holds the address of a table.
    fn table_base(&self, table: TableId) -> Self::Mem {
        Self::context_word(self.layout.table(table))
    }

    /// The word of the context block that holds how many entries a table has.
    fn table_length(&self, table: TableId) -> Self::Mem {
        Self::context_word(self.layout.table(table) + SPAN_LENGTH)
    }

    /// Memory in a stack slot.
    ///
    /// # Errors
    /// If it is too far from the frame pointer.
    fn slot_mem(&self, slot: StackSlot, offset: u32) -> Lower<Self::Mem> {
        let offset = i32::try_from(offset).ok();
        let offset = offset.and_then(|offset| self.frame.slot(slot).checked_add(offset));
        Ok(Self::at(Base::Frame, offset.ok_or(Reason::FrameTooLarge)?))
    }

    /// The offset of an address in the frame from the frame pointer.
    fn frame_offset(&self, value: Value) -> Option<i32> {
        let ValueDef::Result(inst, 0) = self.function.values[value].def else {
            return None;
        };
        match (self.data(inst).opcode, self.data(inst).payload) {
            (Opcode::StackAddr, Payload::Slot(slot, offset)) => {
                let offset = i32::try_from(offset).ok()?;
                self.frame.slot(slot).checked_add(offset)
            }
            _ => None,
        }
    }
}

impl<'a, L: Backend<'a>> Values<'a> for L {}
