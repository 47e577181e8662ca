//! Loads, stores and what is checked before them.

use super::{Lowering, imm, reg, width_of};
use crate::machine::{Opd, Register};
use enjamb_ir::{MemoryId, Opcode, StackSlot, TableId, TrapCode, Type, Value};
use enjamb_lower::{
    ConstantCheck, IndexCheck, Lower, LowerConditions, LowerMemory, Reason, Values, class_of,
};
use enjamb_regalloc::{RegClass, VReg};
use enjamb_x64::{Cond, Mem, Op, Scale, sized};

/// The load for an opcode and type.
fn load_form(opcode: Opcode, ty: Type) -> Option<Op> {
    use Opcode::*;
    Some(match opcode {
        Load => load_of(ty),
        Uload8 => Op::Movzx32RM8,
        Sload8 => Op::Movsx64RM8,
        Uload16 => Op::Movzx32RM16,
        Sload16 => Op::Movsx64RM16,
        Uload32 => Op::Mov32RM,
        Sload32 => Op::Movsxd64RM32,
        _ => return None,
    })
}

/// The load of a type; narrow integers are extended, so that no part of a register stays behind.
fn load_of(ty: Type) -> Op {
    match ty {
        Type::I8 => Op::Movzx32RM8,
        Type::I16 => Op::Movzx32RM16,
        Type::I32 => Op::Mov32RM,
        Type::F32 => Op::MovssXM,
        Type::F64 => Op::MovsdXM,
        Type::V128 => Op::MovupsXM,
        _ => Op::Mov64RM,
    }
}

impl<'a> LowerMemory<'a> for Lowering<'a> {
    fn load(&mut self, ty: Type, mem: Mem<Register>) -> Lower<VReg> {
        self.produce(load_of(ty), class_of(ty), &[mem.into()])
    }

    fn load_as(&mut self, opcode: Opcode, ty: Type, mem: Mem<Register>) -> Lower<VReg> {
        let op = load_form(opcode, ty).ok_or(Reason::Malformed)?;
        self.produce(op, class_of(ty), &[mem.into()])
    }

    fn load_into(&mut self, value: VReg, ty: Type, word: Mem<Register>) -> Lower<()> {
        let op = match (ty, class_of(ty)) {
            (Type::V128, _) => Op::MovupsXM,
            (_, RegClass::Int) => Op::Mov64RM,
            _ => Op::MovsdXM,
        };
        self.effect(op, &[reg(value), word.into()])
    }

    fn store(&mut self, ty: Type, mem: Mem<Register>, value: Value) -> Lower<()> {
        if let Some(constant) = self.immediate(value) {
            let above = 64 - ty.bits();
            let low = constant << above >> above;
            return self.effect(sized::MOV_MI.at(width_of(ty)), &[mem.into(), imm(low)]);
        }
        let register = self.value(value)?;
        self.store_register(ty, mem, register)
    }

    fn store_register(&mut self, ty: Type, mem: Mem<Register>, from: VReg) -> Lower<()> {
        let op = match ty {
            Type::F32 => Op::MovssMX,
            Type::F64 => Op::MovsdMX,
            Type::V128 => Op::MovupsMX,
            _ => sized::MOV_MR.at(width_of(ty)),
        };
        self.effect(op, &[mem.into(), reg(from)])
    }

    fn load_address(&mut self, mem: Mem<Register>) -> Lower<VReg> {
        self.produce_int(Op::Lea64RM, &[mem.into()])
    }

    fn address(&mut self, address: Value, offset: u32, _bytes: u32) -> Lower<Mem<Register>> {
        self.sum_of(address, offset)
    }

    /// The end of an access at a 64-bit index may wrap around, which the carry shows.
    fn checked(
        &mut self,
        memory: MemoryId,
        index: Value,
        offset: u32,
        bytes: u32,
    ) -> Lower<Mem<Register>> {
        let (reach, may_wrap) = match self.index_check(memory, index, offset, bytes) {
            IndexCheck::Constant { start, check } => {
                return self.checked_constant(memory, start, check);
            }
            IndexCheck::Variable { reach, may_wrap } => (reach, may_wrap),
        };
        let index = self.index(index)?;
        let end = if may_wrap {
            let reach = match i32::try_from(reach) {
                Ok(_) => imm(reach),
                Err(_) => reg(self.load_immediate(reach)),
            };
            let add = match reach {
                Opd::Imm(_) => Op::Add64MI,
                _ => Op::Add64RM,
            };
            let end = self.modify(add, index, &[reach])?;
            self.trap_out_of_bounds(Cond::B);
            end
        } else {
            self.offset_by(index, reach)?
        };
        let length: Opd = self.memory_length(memory).into();
        self.effect(Op::Cmp64RM, &[reg(end), length])?;
        self.trap_out_of_bounds(Cond::A);
        let base = self.load(Type::I64, self.memory_base(memory))?;
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

    fn checked_slot(
        &mut self,
        slot: StackSlot,
        index: Value,
        offset: u32,
        bytes: u32,
    ) -> Lower<Mem<Register>> {
        let Some(last) = self.slot_check(slot, offset, bytes) else {
            self.trap_always(TrapCode::MemoryOutOfBounds);
            return self.slot_mem(slot, 0);
        };
        let index = self.index(index)?;
        self.effect(Op::Cmp64MI, &[reg(index), imm(last as i64)])?;
        self.trap_out_of_bounds(Cond::A);
        let mem = self.slot_mem(slot, offset)?;
        Ok(Mem {
            index: Some((Register::Value(index), Scale::One)),
            ..mem
        })
    }

    fn table_entry(&mut self, table: TableId, index: VReg) -> Lower<Mem<Register>> {
        let is_outside = self.not_below(index, self.table_length(table))?;
        self.trap_if(is_outside, TrapCode::TableOutOfBounds);
        let base = self.load(Type::I64, self.table_base(table))?;
        self.element(base, 0, index, 8)
    }

    fn element(
        &mut self,
        base: VReg,
        offset: i32,
        index: VReg,
        bytes: u32,
    ) -> Lower<Mem<Register>> {
        let (scale, index) = match Scale::from_factor(u64::from(bytes)) {
            Some(scale) => (scale, index),
            None => {
                let scaled = self.modify(Op::Shl64MI, index, &[imm(bytes.ilog2().into())])?;
                (Scale::One, scaled)
            }
        };
        let (base, index) = (Register::Value(base), Register::Value(index));
        Ok(Mem::indexed(base, index, scale, offset))
    }

    fn shifted_right(&mut self, value: VReg, bits: u32) -> Lower<VReg> {
        self.modify(Op::Shr64MI, value, &[imm(i64::from(bits))])
    }

    fn copy(&mut self, to: Mem<Register>, from: Mem<Register>, size: u32) -> Lower<()> {
        self.copy_bytes(to, from, size)
    }
}

impl Lowering<'_> {
    fn trap_out_of_bounds(&mut self, cond: Cond) {
        self.trap_on(cond, TrapCode::MemoryOutOfBounds);
    }

    /// An index in all 64 bits of a register.
    fn index(&mut self, index: Value) -> Lower<VReg> {
        let register = self.value(index)?;
        match self.type_of(index) {
            Type::I64 => Ok(register),
            _ => self.produce_int(Op::Mov32RM, &[reg(register)]),
        }
    }

    fn checked_constant(
        &mut self,
        memory: MemoryId,
        start: u64,
        check: ConstantCheck,
    ) -> Lower<Mem<Register>> {
        match check {
            ConstantCheck::Passes => {}
            ConstantCheck::Compare(end) => {
                let length: Opd = self.memory_length(memory).into();
                let end = self.load_immediate(end);
                self.effect(Op::Cmp64RM, &[reg(end), length])?;
                self.trap_out_of_bounds(Cond::A);
            }
            ConstantCheck::Fails => self.trap_always(TrapCode::MemoryOutOfBounds),
        }
        let base = self.load(Type::I64, self.memory_base(memory))?;
        match i32::try_from(start) {
            Ok(disp) => Ok(Mem::base(Register::Value(base), disp)),
            Err(_) => {
                let address = self.offset_by(base, start as i64)?;
                Ok(Mem::base(Register::Value(address), 0))
            }
        }
    }
}
