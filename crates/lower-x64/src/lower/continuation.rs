//! What the async transform makes: continuations, their fields, suspension points.

use super::{Lower, Lowering, fixed_mem, imm, reg};
use crate::error::Reason;
use crate::frame::OWN_CONTINUATION;
use crate::machine::{Code, Register};
use enjamb_abi::code::Symbol;
use enjamb_abi::continuation::{INFO, NEXT, RESULTS, WORD, record};
use enjamb_ir::{Entity, FieldType, Inst, LayoutId, Opcode, Payload, Type, Value};
use enjamb_regalloc::{RegClass, VReg};
use enjamb_x64::{Cond, Mem, Op, Operand, Reg};

/// Slots up to this size are copied in pieces, larger ones by a string instruction.
const LARGEST_UNROLLED: u32 = 128;

fn layout_of(payload: Payload) -> Option<LayoutId> {
    match payload {
        Payload::Layout(layout) => Some(layout),
        _ => None,
    }
}

impl Lowering<'_> {
    pub(super) fn continuation_read(&mut self, inst: Inst) -> Lower<VReg> {
        let data = self.data(inst);
        match data.opcode {
            Opcode::OwnContinuation => self.load(Type::Cont, fixed_mem(Reg::RBP, OWN_CONTINUATION)),
            Opcode::ContState => {
                let info = self.info(self.arg(inst, 0)?)?;
                self.load(Type::I32, Mem::base(info, record::STATE as i32))
            }
            Opcode::NewContinuation => {
                let layout = self.payload(inst, layout_of)?;
                let size = self.function.layouts[layout].size;
                let callee = self.operand(inst, 0)?;
                let output = self.new_vreg(RegClass::Int);
                let slow = self.symbol(Symbol::AllocateSlow(size));
                self.frame.calls = true;
                self.push(Code::NewContinuation {
                    size,
                    callee,
                    output,
                    slow,
                });
                Ok(output)
            }
            Opcode::FieldLoad => {
                let (mem, ty) = self.field(inst)?;
                match ty {
                    FieldType::Value(ty) => self.load(ty, mem),
                    FieldType::Bytes { .. } => Err(Reason::Malformed),
                }
            }
            Opcode::ResultLoad => {
                let index = self.payload(inst, |payload| match payload {
                    Payload::PointResult(_, index) => Some(index),
                    _ => None,
                })?;
                let offset = i32::try_from(RESULTS + WORD * index).ok();
                let object = self.object(inst)?;
                self.load(data.ty, Mem::base(object, offset.ok_or(Reason::Malformed)?))
            }
            _ => Err(Reason::Malformed),
        }
    }

    pub(super) fn continuation_write(&mut self, inst: Inst) -> Lower<()> {
        match (self.data(inst).opcode, self.data(inst).payload) {
            (Opcode::FieldStore, _) => match self.field(inst)? {
                (mem, FieldType::Value(ty)) => self.store(ty, mem, self.arg(inst, 1)?),
                (_, FieldType::Bytes { .. }) => Err(Reason::Malformed),
            },
            (opcode, Payload::SlotField(_, _, slot)) => {
                let (field, _) = self.field(inst)?;
                let size = self.function.slots[slot].size;
                let slot = fixed_mem(Reg::RBP, self.frame.slot(slot));
                match opcode {
                    Opcode::FieldSaveSlot => self.copy(field, slot, size),
                    _ => self.copy(slot, field, size),
                }
            }
            (Opcode::SetPoint, Payload::Point(point)) => {
                let object = self.object(inst)?;
                let symbol = self.symbol(Symbol::Point(self.id, point));
                let output = self.new_vreg(RegClass::Int);
                self.push(Code::SymbolAddress { output, symbol });
                self.store_register(Type::Cont, Mem::base(object, INFO as i32), output)
            }
            (Opcode::Link, _) => {
                let object = self.object(inst)?;
                let next = self.operand(inst, 1)?;
                self.store_register(Type::Cont, Mem::base(object, NEXT as i32), next)
            }
            _ => Err(Reason::Malformed),
        }
    }

    /// Compares the layout number of an object with that of the instruction.
    pub(super) fn compare_layout(&mut self, inst: Inst) -> Lower<Cond> {
        let layout = self.payload(inst, layout_of)?;
        let info = self.info(self.arg(inst, 0)?)?;
        let number = Mem::base(info, record::LAYOUT as i32);
        self.effect(Op::Cmp32MI, &[number.into(), imm(layout.index() as i64)])?;
        Ok(Cond::E)
    }

    /// The continuation that is the first operand.
    fn object(&mut self, inst: Inst) -> Lower<Register> {
        Ok(Register::Value(self.operand(inst, 0)?))
    }

    /// The point record of a continuation.
    fn info(&mut self, object: Value) -> Lower<Register> {
        let object = Register::Value(self.value(object)?);
        let info = self.load(Type::I64, Mem::base(object, INFO as i32))?;
        Ok(Register::Value(info))
    }

    /// The field that an instruction names, in the object that is its first operand.
    fn field(&mut self, inst: Inst) -> Lower<(Mem<Register>, FieldType)> {
        let (layout, field) = self.payload(inst, |payload| match payload {
            Payload::Field(layout, field) | Payload::SlotField(layout, field, _) => {
                Some((layout, field))
            }
            _ => None,
        })?;
        let function = self.function;
        let layout = function.layouts.get(layout).ok_or(Reason::Malformed)?;
        let field = layout.fields.get(field).ok_or(Reason::Malformed)?;
        let offset = i32::try_from(field.offset).map_err(|_| Reason::FrameTooLarge)?;
        let object = self.object(inst)?;
        Ok((Mem::base(object, offset), field.ty))
    }

    /// Copies bytes between frame and object, in pieces as large as possible.
    fn copy(&mut self, to: Mem<Register>, from: Mem<Register>, size: u32) -> Lower<()> {
        if size > LARGEST_UNROLLED {
            return self.copy_string(to, from, size);
        }
        let mut done = 0;
        while done < size {
            let (load, store, class, bytes) = match size - done {
                16.. => (Op::MovdquXM, Op::MovdquMX, RegClass::Float, 16),
                8.. => (Op::Mov64RM, Op::Mov64MR, RegClass::Int, 8),
                4.. => (Op::Mov32RM, Op::Mov32MR, RegClass::Int, 4),
                2.. => (Op::Movzx32RM16, Op::Mov16MR, RegClass::Int, 2),
                _ => (Op::Movzx32RM8, Op::Mov8MR, RegClass::Int, 1),
            };
            let at = |mem: Mem<Register>| {
                let disp = mem
                    .disp
                    .checked_add(done as i32)
                    .ok_or(Reason::FrameTooLarge)?;
                Ok::<_, Reason>(Operand::Mem(Mem { disp, ..mem }))
            };
            let piece = self.produce(load, class, &[at(from)?])?;
            self.effect(store, &[at(to)?, reg(piece)])?;
            done += bytes;
        }
        Ok(())
    }

    fn copy_string(&mut self, to: Mem<Register>, from: Mem<Register>, size: u32) -> Lower<()> {
        let to = self.load_address(to)?;
        let from = self.load_address(from)?;
        let count = self.load_immediate(i64::from(size));
        let [count, to, from] = [count, to, from].map(|input| {
            let output = self.new_vreg(RegClass::Int);
            Operand::Reg(Register::InPlace { input, output })
        });
        self.effect(Op::RepMovsb, &[count, to, from])
    }
}
