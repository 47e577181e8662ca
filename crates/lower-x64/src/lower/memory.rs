//! Loads and stores, stack slots, globals and tables.
//!
//! Every access to a linear memory goes through [`Lowering::checked`], which compares the end of
//! the access with the length of the memory. A memory never shrinks and its base never moves.

use super::{Lower, Lowering, class_of, fixed_mem, imm, reg, width_of};
use crate::error::Reason;
use crate::machine::{Code, Opd, Register};
use crate::registers::CONTEXT;
use enjamb_abi::context::SPAN_LENGTH;
use enjamb_ir::module::PAGE_SIZE;
use enjamb_ir::{
    FuncId, GlobalId, Inst, MemoryId, Opcode, Payload, Place, StackSlot, TableId, TrapCode, Type,
    Value,
};
use enjamb_regalloc::VReg;
use enjamb_x64::{Cond, Mem, Op, Reg, Scale, sized};

fn memory_of(payload: Payload) -> Option<MemoryId> {
    match payload {
        Payload::Memory(memory) => Some(memory),
        _ => None,
    }
}

fn table_of(payload: Payload) -> Option<TableId> {
    match payload {
        Payload::Table(table) => Some(table),
        _ => None,
    }
}

fn global_of(payload: Payload) -> Option<GlobalId> {
    match payload {
        Payload::Global(global) => Some(global),
        _ => None,
    }
}

fn function_of(payload: Payload) -> Option<FuncId> {
    match payload {
        Payload::Function(function) => Some(function),
        _ => None,
    }
}

/// The load for an opcode and type, and how many bytes it reads.
fn load_form(opcode: Opcode, ty: Type) -> Option<(Op, u32)> {
    use Opcode::*;
    Some(match opcode {
        Load => (load_of(ty), ty.bytes()),
        Uload8 => (Op::Movzx32RM8, 1),
        Sload8 => (Op::Movsx64RM8, 1),
        Uload16 => (Op::Movzx32RM16, 2),
        Sload16 => (Op::Movsx64RM16, 2),
        Uload32 => (Op::Mov32RM, 4),
        Sload32 => (Op::Movsxd64RM32, 4),
        _ => return None,
    })
}

/// The load of a type; narrow integers are extended, so that no part of a register stays behind.
pub(super) fn load_of(ty: Type) -> Op {
    match ty {
        Type::I8 => Op::Movzx32RM8,
        Type::I16 => Op::Movzx32RM16,
        Type::I32 => Op::Mov32RM,
        Type::F32 => Op::MovssXM,
        Type::F64 => Op::MovsdXM,
        _ => Op::Mov64RM,
    }
}

/// What a store instruction writes.
fn stored_type(opcode: Opcode, ty: Type) -> Option<Type> {
    match opcode {
        Opcode::Store => Some(ty),
        Opcode::Istore8 => Some(Type::I8),
        Opcode::Istore16 => Some(Type::I16),
        Opcode::Istore32 => Some(Type::I32),
        _ => None,
    }
}

impl Lowering<'_> {
    /// Loads, and addresses and sizes of what can be loaded from.
    pub(super) fn read(&mut self, inst: Inst) -> Lower<VReg> {
        let data = self.data(inst);
        match data.opcode {
            Opcode::StackAddr => {
                let (slot, offset) = self.payload(inst, |payload| match payload {
                    Payload::Slot(slot, offset) => Some((slot, offset)),
                    _ => None,
                })?;
                let mem = self.slot_mem(slot, offset)?;
                self.load_address(mem)
            }
            Opcode::AddrAdd => {
                let mem = self.sum_as_address(inst)?;
                self.load_address(mem)
            }
            Opcode::FuncAddr => {
                let function = self.payload(inst, function_of)?;
                self.load_address(fixed_mem(CONTEXT, self.layout.function(function) as i32))
            }
            Opcode::GlobalGet => {
                let global = self.payload(inst, global_of)?;
                self.load(
                    data.ty,
                    fixed_mem(CONTEXT, self.layout.global(global) as i32),
                )
            }
            Opcode::MemorySize => {
                let memory = self.payload(inst, memory_of)?;
                let length = self.load(Type::I64, self.memory_length(memory))?;
                let shift = i64::from(PAGE_SIZE.trailing_zeros());
                self.modify(Op::Shr64MI, length, &[imm(shift)])
            }
            Opcode::MemoryBase => {
                let memory = self.payload(inst, memory_of)?;
                self.load(
                    Type::I64,
                    fixed_mem(CONTEXT, self.layout.memory(memory) as i32),
                )
            }
            Opcode::TableSize => {
                let table = self.payload(inst, table_of)?;
                self.load(Type::I64, self.table_length(table))
            }
            Opcode::TableGet => {
                let entry = self.table_entry(inst)?;
                self.load(Type::FuncRef, entry)
            }
            opcode => {
                let (op, bytes) = load_form(opcode, data.ty).ok_or(Reason::Malformed)?;
                let mem = self.accessed(inst, bytes)?;
                self.produce(op, class_of(data.ty), &[mem.into()])
            }
        }
    }

    /// Stores.
    pub(super) fn write(&mut self, inst: Inst) -> Lower<()> {
        let data = self.data(inst);
        match data.opcode {
            Opcode::GlobalSet => {
                let global = self.payload(inst, global_of)?;
                let place = fixed_mem(CONTEXT, self.layout.global(global) as i32);
                self.store(data.ty, place, self.arg(inst, 0)?)
            }
            Opcode::TableSet => {
                let entry = self.table_entry(inst)?;
                self.store(Type::FuncRef, entry, self.arg(inst, 1)?)
            }
            opcode => {
                let ty = stored_type(opcode, data.ty).ok_or(Reason::Malformed)?;
                let &value = self.function.args(inst).last().ok_or(Reason::Malformed)?;
                let mem = self.accessed(inst, ty.bytes())?;
                self.store(ty, mem, value)
            }
        }
    }

    /// Loads a value of a type.
    pub(super) fn load(&mut self, ty: Type, mem: Mem<Register>) -> Lower<VReg> {
        self.produce(load_of(ty), class_of(ty), &[mem.into()])
    }

    /// Stores the bytes of a type.
    pub(super) fn store(&mut self, ty: Type, mem: Mem<Register>, value: Value) -> Lower<()> {
        if let Some(constant) = self.immediate(value) {
            let above = 64 - ty.bits();
            let low = constant << above >> above;
            return self.effect(sized::MOV_MI.at(width_of(ty)), &[mem.into(), imm(low)]);
        }
        let register = self.value(value)?;
        self.store_register(ty, mem, register)
    }

    /// Stores the bytes of a type from a register.
    pub(super) fn store_register(&mut self, ty: Type, mem: Mem<Register>, from: VReg) -> Lower<()> {
        let op = match ty {
            Type::F32 => Op::MovssMX,
            Type::F64 => Op::MovsdMX,
            _ => sized::MOV_MR.at(width_of(ty)),
        };
        self.effect(op, &[mem.into(), reg(from)])
    }

    fn slot_mem(&self, slot: StackSlot, offset: u32) -> Lower<Mem<Register>> {
        let offset = i32::try_from(offset).ok();
        let disp = offset.and_then(|offset| self.frame.slot(slot).checked_add(offset));
        Ok(fixed_mem(Reg::RBP, disp.ok_or(Reason::FrameTooLarge)?))
    }

    /// The memory that an instruction accesses, checked.
    fn accessed(&mut self, inst: Inst, bytes: u32) -> Lower<Mem<Register>> {
        let (place, offset) = self.payload(inst, |payload| match payload {
            Payload::Access(place, offset) => Some((place, offset)),
            _ => None,
        })?;
        let is_store = load_form(self.data(inst).opcode, Type::I64).is_none();
        let has_address = self.function.args(inst).len() > usize::from(is_store);
        match place {
            Place::Memory(memory) => self.checked(memory, self.arg(inst, 0)?, offset, bytes),
            Place::Slot(slot) if has_address => {
                let index = self.arg(inst, 0)?;
                self.checked_slot(slot, index, offset, bytes)
            }
            Place::Slot(slot) => self.slot_mem(slot, offset),
            Place::Address | Place::Raw => self.address(self.arg(inst, 0)?, offset),
        }
    }

    fn memory_length(&self, memory: MemoryId) -> Mem<Register> {
        fixed_mem(CONTEXT, (self.layout.memory(memory) + SPAN_LENGTH) as i32)
    }

    fn table_length(&self, table: TableId) -> Mem<Register> {
        fixed_mem(CONTEXT, (self.layout.table(table) + SPAN_LENGTH) as i32)
    }

    fn trap_out_of_bounds(&mut self, cond: Option<Cond>) {
        self.push(Code::TrapIf(cond, TrapCode::MemoryOutOfBounds));
    }

    /// An index in all 64 bits of a register.
    fn index(&mut self, index: Value) -> Lower<VReg> {
        let register = self.value(index)?;
        match self.type_of(index) {
            Type::I64 => Ok(register),
            _ => self.produce_int(Op::Mov32RM, &[reg(register)]),
        }
    }

    /// The value of an index that is a constant.
    fn constant_index(&self, index: Value) -> Option<u64> {
        let constant = self.function.integer_constant(index)?;
        Some(match self.type_of(index) {
            Type::I64 => constant as u64,
            _ => u64::from(constant as u32),
        })
    }

    /// `bytes` of a linear memory at `index + offset`: traps unless the end of them is at most the
    /// length of the memory. The end of an access at a 64-bit index may wrap around, which the
    /// carry shows.
    fn checked(
        &mut self,
        memory: MemoryId,
        index: Value,
        offset: u32,
        bytes: u32,
    ) -> Lower<Mem<Register>> {
        let reach = i64::from(offset) + i64::from(bytes);
        let base = fixed_mem(CONTEXT, self.layout.memory(memory) as i32);
        let length: Opd = self.memory_length(memory).into();
        if let Some(constant) = self.constant_index(index) {
            return self.checked_constant(memory, constant, offset, bytes);
        }
        let index_type = self.type_of(index);
        let index = self.index(index)?;
        let end = if index_type == Type::I64 {
            let reach = match i32::try_from(reach) {
                Ok(_) => imm(reach),
                Err(_) => reg(self.load_immediate(reach)),
            };
            let add = match reach {
                Opd::Imm(_) => Op::Add64MI,
                _ => Op::Add64RM,
            };
            let end = self.modify(add, index, &[reach])?;
            self.trap_out_of_bounds(Some(Cond::B));
            end
        } else {
            self.offset_by(index, reach)?
        };
        self.effect(Op::Cmp64RM, &[reg(end), length])?;
        self.trap_out_of_bounds(Some(Cond::A));
        let base = self.load(Type::I64, base)?;
        match i32::try_from(offset) {
            Ok(disp) => {
                let (base, index) = (Register::Value(base), Register::Value(index));
                Ok(Mem::indexed(base, index, Scale::One, disp))
            }
            // The end has been computed; count back from it.
            Err(_) => {
                let (base, end) = (Register::Value(base), Register::Value(end));
                Ok(Mem::indexed(base, end, Scale::One, -(bytes as i32)))
            }
        }
    }

    fn checked_constant(
        &mut self,
        memory: MemoryId,
        index: u64,
        offset: u32,
        bytes: u32,
    ) -> Lower<Mem<Register>> {
        let start = index.checked_add(u64::from(offset));
        let end = start.and_then(|start| start.checked_add(u64::from(bytes)));
        let minimum = self.module.memories[memory]
            .min_pages
            .saturating_mul(PAGE_SIZE);
        match end.map(i64::try_from) {
            Some(Ok(end)) if end as u64 <= minimum => {}
            Some(Ok(end)) => {
                let length: Opd = self.memory_length(memory).into();
                let end = self.load_immediate(end);
                self.effect(Op::Cmp64RM, &[reg(end), length])?;
                self.trap_out_of_bounds(Some(Cond::A));
            }
            _ => self.trap_out_of_bounds(None),
        }
        let base = fixed_mem(CONTEXT, self.layout.memory(memory) as i32);
        let base = self.load(Type::I64, base)?;
        // A start that does not fit has trapped if it is not within the memory.
        let start = start.unwrap_or_default();
        match i32::try_from(start) {
            Ok(disp) => Ok(Mem::base(Register::Value(base), disp)),
            Err(_) => {
                let address = self.offset_by(base, start as i64)?;
                Ok(Mem::base(Register::Value(address), 0))
            }
        }
    }

    /// The same for a stack slot, whose size is known.
    fn checked_slot(
        &mut self,
        slot: StackSlot,
        index: Value,
        offset: u32,
        bytes: u32,
    ) -> Lower<Mem<Register>> {
        let size = u64::from(self.function.slots[slot].size);
        let reach = u64::from(offset) + u64::from(bytes);
        let Some(last) = size.checked_sub(reach) else {
            self.trap_out_of_bounds(None);
            return self.slot_mem(slot, 0);
        };
        let index = self.index(index)?;
        self.effect(Op::Cmp64MI, &[reg(index), imm(last as i64)])?;
        self.trap_out_of_bounds(Some(Cond::A));
        let mem = self.slot_mem(slot, offset)?;
        Ok(Mem {
            index: Some((Register::Value(index), Scale::One)),
            ..mem
        })
    }

    fn table_entry(&mut self, inst: Inst) -> Lower<Mem<Register>> {
        let table = self.payload(inst, table_of)?;
        let index = self.operand(inst, 0)?;
        let length: Opd = self.table_length(table).into();
        self.effect(Op::Cmp64RM, &[reg(index), length])?;
        self.push(Code::TrapIf(Some(Cond::AE), TrapCode::TableOutOfBounds));
        let base = self.load(
            Type::I64,
            fixed_mem(CONTEXT, self.layout.table(table) as i32),
        )?;
        let (base, index) = (Register::Value(base), Register::Value(index));
        Ok(Mem::indexed(base, index, Scale::Eight, 0))
    }
}
