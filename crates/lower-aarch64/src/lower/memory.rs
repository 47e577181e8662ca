//! Loads and stores, and what is checked before them.

use super::address::Index;
use super::immediate::unsigned;
use super::{Lower, Lowering, Mem, imm, reg};
use crate::machine::{Condition, Register};
use enjamb_aarch64::access::{self, Access};
use enjamb_aarch64::immediate::is_add;
use enjamb_aarch64::{Cond, Op, Operand, Reg};
use enjamb_ir::module::PAGE_SIZE;
use enjamb_ir::{MemoryId, Opcode, StackSlot, TableId, TrapCode, Type, Value, ValueDef};
use enjamb_lower::class_of;
use enjamb_lower::{
    Base, ConstantCheck, IndexCheck, LowerConditions, LowerMemory, LowerTarget, Reason, Values,
};
use enjamb_regalloc::{RegClass, VReg};

/// The load of a type. Narrow integers get zeros above them.
fn load_of(ty: Type) -> Access {
    match ty {
        Type::I8 => access::LDRB_32,
        Type::I16 => access::LDRH_32,
        Type::I32 => access::LDR_32,
        Type::F32 => access::LDR_V32,
        Type::F64 => access::LDR_V64,
        Type::V128 => access::LDR_V128,
        _ => access::LDR_64,
    }
}

/// The load that an opcode is, into a type.
fn load_form(opcode: Opcode, ty: Type) -> Option<Access> {
    let is_whole = ty == Type::I64;
    Some(match opcode {
        Opcode::Load => load_of(ty),
        Opcode::Uload8 => access::LDRB_32,
        Opcode::Sload8 if is_whole => access::LDRSB_64,
        Opcode::Sload8 => access::LDRSB_32,
        Opcode::Uload16 => access::LDRH_32,
        Opcode::Sload16 if is_whole => access::LDRSH_64,
        Opcode::Sload16 => access::LDRSH_32,
        Opcode::Uload32 => access::LDR_32,
        Opcode::Sload32 => access::LDRSW_64,
        _ => return None,
    })
}

/// The store of the bytes of a type, from a general register.
fn store_bytes(ty: Type) -> Access {
    match ty.bytes() {
        1 => access::STRB_32,
        2 => access::STRH_32,
        4 => access::STR_32,
        _ => access::STR_64,
    }
}

fn store_of(ty: Type) -> Access {
    match ty {
        Type::F32 => access::STR_V32,
        Type::F64 => access::STR_V64,
        Type::V128 => access::STR_V128,
        _ => store_bytes(ty),
    }
}

impl<'a> LowerMemory<'a> for Lowering<'a> {
    fn load(&mut self, ty: Type, mem: Mem) -> Lower<VReg> {
        let output = self.new_vreg(class_of(ty));
        self.access(&load_of(ty), Register::Value(output), mem)?;
        Ok(output)
    }

    fn load_as(&mut self, opcode: Opcode, ty: Type, mem: Mem) -> Lower<VReg> {
        let form = load_form(opcode, ty).ok_or(Reason::Malformed)?;
        let output = self.new_vreg(class_of(ty));
        self.access(&form, Register::Value(output), mem)?;
        Ok(output)
    }

    fn load_into(&mut self, value: VReg, ty: Type, word: Mem) -> Lower<()> {
        let form = match (ty, class_of(ty)) {
            (Type::V128, _) => access::LDR_V128,
            (_, RegClass::Int) => access::LDR_64,
            _ => access::LDR_V64,
        };
        self.access(&form, Register::Value(value), word)
    }

    fn store(&mut self, ty: Type, mem: Mem, value: Value) -> Lower<()> {
        if self.is_all_zeros(value, ty) {
            return self.access(&store_bytes(ty), Register::Fixed(Reg::ZR), mem);
        }
        let register = self.value(value)?;
        self.store_register(ty, mem, register)
    }

    fn store_register(&mut self, ty: Type, mem: Mem, from: VReg) -> Lower<()> {
        self.access(&store_of(ty), Register::Value(from), mem)
    }

    fn load_address(&mut self, mem: Mem) -> Lower<VReg> {
        self.address_of(mem)
    }

    fn address(&mut self, address: Value, offset: u32, bytes: u32) -> Lower<Mem> {
        self.addressed(address, offset, bytes)
    }

    /// The index is compared with the length less the end of the access, so that nothing depends on
    /// it before. If the memory's least size does not say that this is no negative number, the comparison
    /// depends on that; where it is not made, the flags say that the index is too large.
    fn checked(&mut self, memory: MemoryId, index: Value, offset: u32, bytes: u32) -> Lower<Mem> {
        let reach = match self.index_check(memory, index, offset, bytes) {
            IndexCheck::Variable { reach, .. } => reach,
            IndexCheck::Constant { start, check } => {
                return self.checked_constant(memory, start, check);
            }
        };
        let index = self.index(index)?;
        let length = self.load(Type::I64, self.memory_length(memory))?;
        let pages = self.module.memories[memory].min_pages;
        if reach as u64 <= pages.saturating_mul(PAGE_SIZE) {
            let limit = self.add_constant(reg(length), -reach, Type::I64)?;
            let (is_extended, [index, change]) = index.operands();
            let compare = if is_extended {
                Op::Cmp64RX
            } else {
                Op::Cmp64RR
            };
            self.effect(compare, &[reg(limit), index, change])?;
        } else {
            let index = self.whole(index)?;
            let limit = self.subtract_with_flags(length, reach)?;
            let operands = [reg(limit), reg(index), imm(0), Cond::HS.into()];
            self.effect(Op::Ccmp64RR, &operands)?;
        }
        self.trap_if(Condition::Flag(Cond::LO), TrapCode::MemoryOutOfBounds);
        let base = self.load(Type::I64, self.memory_base(memory))?;
        match i32::try_from(offset) {
            Ok(0) => Ok(index.at_base(Register::Value(base))),
            Ok(disp) => {
                let sum = self.indexed(Register::Value(base), index)?;
                Ok(Mem::base(Register::Value(sum), disp))
            }
            Err(_) => {
                let start = self.add_constant(reg(base), i64::from(offset), Type::I64)?;
                Ok(index.at_base(Register::Value(start)))
            }
        }
    }

    fn checked_slot(
        &mut self,
        slot: StackSlot,
        index: Value,
        offset: u32,
        bytes: u32,
    ) -> Lower<Mem> {
        let Some(last) = self.slot_check(slot, offset, bytes) else {
            self.trap_always(TrapCode::MemoryOutOfBounds);
            return self.slot_mem(slot, 0);
        };
        let (register, ty) = self.index_register(index)?;
        self.compare_constant(register, last as i64, ty)?;
        self.trap_if(Condition::Flag(Cond::HI), TrapCode::MemoryOutOfBounds);
        let start = self.slot_mem(slot, offset)?;
        let start = self.address_of(start)?;
        Ok(index_of(register, ty).at_base(Register::Value(start)))
    }

    fn table_entry(&mut self, table: TableId, index: VReg) -> Lower<Mem> {
        let is_outside = self.not_below(index, self.table_length(table))?;
        self.trap_if(is_outside, TrapCode::TableOutOfBounds);
        let base = self.load(Type::I64, self.table_base(table))?;
        self.element(base, 0, index, 8)
    }

    /// An access adds either the offset or the scaled index.
    fn element(&mut self, base: VReg, offset: i32, index: VReg, bytes: u32) -> Lower<Mem> {
        let index = Index::scaled(index, bytes.ilog2() as u8);
        if offset == 0 {
            return Ok(index.at_base(Register::Value(base)));
        }
        let sum = self.indexed(Register::Value(base), index)?;
        Ok(Mem::base(Register::Value(sum), offset))
    }

    fn shifted_right(&mut self, value: VReg, bits: u32) -> Lower<VReg> {
        self.produce_int(Op::Lsr64RRI, &[reg(value), imm(i64::from(bits))])
    }

    fn copy(&mut self, to: Mem, from: Mem, size: u32) -> Lower<()> {
        self.copy_bytes(to, from, size)
    }
}

/// A register of 32 bits without sign, or of 64, as an index.
fn index_of(register: VReg, ty: Type) -> Index {
    match ty {
        Type::I64 => Index::whole(register),
        _ => Index::word(register),
    }
}

impl Lowering<'_> {
    /// The register of an index and how much of it counts; an extension that was left to this use is
    /// done by the addressing mode.
    fn index_register(&mut self, index: Value) -> Lower<(VReg, Type)> {
        if let Some(inst) = self.folded(index, &[Opcode::Uextend]) {
            let narrow = self.arg(inst, 0)?;
            if self.type_of(narrow) == Type::I32 {
                return Ok((self.value(narrow)?, Type::I32));
            }
        }
        Ok((self.value(index)?, self.type_of(index)))
    }

    fn index(&mut self, index: Value) -> Lower<Index> {
        let (register, ty) = self.index_register(index)?;
        Ok(index_of(register, ty))
    }

    /// An index as 64 bits.
    fn whole(&mut self, index: Index) -> Lower<VReg> {
        let (is_extended, [register, _]) = index.operands();
        match register {
            Operand::Reg(Register::Value(register)) if !is_extended => Ok(register),
            _ => self.produce_int(Op::Mov32RR, &[register]),
        }
    }

    /// A number less a positive constant, with flags.
    fn subtract_with_flags(&mut self, value: VReg, constant: i64) -> Lower<VReg> {
        if is_add(constant) {
            return self.produce_int(Op::Subs64RRI, &[reg(value), imm(constant)]);
        }
        let constant = self.load_immediate(constant);
        self.produce_int(Op::Subs64RRR, &[reg(value), reg(constant)])
    }

    fn checked_constant(
        &mut self,
        memory: MemoryId,
        start: u64,
        check: ConstantCheck,
    ) -> Lower<Mem> {
        match check {
            ConstantCheck::Passes => {}
            ConstantCheck::Compare(end) => {
                let length = self.load(Type::I64, self.memory_length(memory))?;
                self.compare_constant(length, end, Type::I64)?;
                self.trap_if(Condition::Flag(Cond::LO), TrapCode::MemoryOutOfBounds);
            }
            ConstantCheck::Fails => self.trap_always(TrapCode::MemoryOutOfBounds),
        }
        let base = self.load(Type::I64, self.memory_base(memory))?;
        if let Ok(disp) = i32::try_from(start) {
            return Ok(Self::at(Base::Value(base), disp));
        }
        let address = self.add_constant(reg(base), start as i64, Type::I64)?;
        Ok(Self::at(Base::Value(address), 0))
    }

    /// Whether the bytes of a type that a value has are zeros, as the zero register has them.
    fn is_all_zeros(&self, value: Value, ty: Type) -> bool {
        if let Some(constant) = self.constant(value) {
            return unsigned(constant, ty) == 0;
        }
        if self.float_bits(value) == Some(0) {
            return true;
        }
        match self.function.values[value].def {
            ValueDef::Result(inst, 0) => self.data(inst).opcode == Opcode::Null,
            _ => false,
        }
    }
}
