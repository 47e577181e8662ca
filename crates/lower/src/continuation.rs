//! What the async transform makes: continuations, their fields, suspension points.

use crate::backend::{Backend, Base};
use crate::error::{Lower, Reason};
use crate::frame::OWN_CONTINUATION;
use crate::machine::Code;
use crate::values::{Values, layout_of};
use enjamb_abi::code::Symbol;
use enjamb_abi::continuation::{INFO, NEXT, RESULTS, record, result_area};
use enjamb_ir::{Block, FieldType, Function, Inst, Opcode, Payload, PointId, Type, Value};
use enjamb_regalloc::{RegClass, VReg};

/// The end of a block that sets the point of its object, links the callee's continuation to that, and
/// suspends: what all such blocks of a function do in the same code, once these are in registers.
#[derive(Clone, Copy)]
pub(crate) struct Departure {
    set_point: Inst,
    link: Inst,
    callee: Value,
    point: PointId,
}

impl Departure {
    /// How a block ends, if it ends so.
    pub fn of(function: &Function, block: Block) -> Option<Self> {
        let &[.., set_point, link, suspend] = &function.blocks[block].insts[..] else {
            return None;
        };
        let opcodes = [set_point, link, suspend].map(|inst| function.insts[inst].opcode);
        let (Payload::Point(point), &[object], &[callee, linked], &[suspended]) = (
            function.insts[set_point].payload,
            function.args(set_point),
            function.args(link),
            function.args(suspend),
        ) else {
            return None;
        };
        let is_departure = opcodes == [Opcode::SetPoint, Opcode::Link, Opcode::Suspend]
            && [linked, suspended] == [object; 2];
        is_departure.then_some(Departure {
            set_point,
            link,
            callee,
            point,
        })
    }

    fn includes(self, inst: Inst) -> bool {
        inst == self.set_point || inst == self.link
    }
}

pub(crate) trait Continuations<'a>: Backend<'a> {
    fn continuation_read(&mut self, inst: Inst) -> Lower<VReg> {
        let data = self.data(inst);
        match data.opcode {
            Opcode::OwnContinuation => {
                self.load(Type::Cont, Self::at(Base::Frame, OWN_CONTINUATION))
            }
            Opcode::ContState => {
                let info = self.info(self.arg(inst, 0)?)?;
                self.load(Type::I32, Self::at(Base::Value(info), record::STATE as i32))
            }
            Opcode::NewContinuation => {
                let layout = self.payload(inst, layout_of)?;
                let size = self.function.layouts[layout].size;
                let callee = self.operand(inst, 0)?;
                let output = self.new_vreg(RegClass::Int);
                let stub = self.symbol(Symbol::NewContinuation(size));
                self.frame.calls = true;
                self.push(Code::NewContinuation {
                    stub,
                    callee,
                    output,
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
                let (point, index) = self.payload(inst, |payload| match payload {
                    Payload::PointResult(point, index) => Some((point, index as usize)),
                    _ => None,
                })?;
                let point = self.function.points.get(point);
                let before = point.and_then(|point| point.results.get(..index));
                let offset = RESULTS + result_area(before.ok_or(Reason::Malformed)?);
                let offset = i32::try_from(offset).ok();
                let object = self.operand(inst, 0)?;
                self.load(
                    data.ty,
                    Self::at(Base::Value(object), offset.ok_or(Reason::Malformed)?),
                )
            }
            _ => Err(Reason::Malformed),
        }
    }

    fn continuation_write(&mut self, inst: Inst) -> Lower<()> {
        if self.departure.is_some_and(|leave| leave.includes(inst)) {
            return Ok(());
        }
        match (self.data(inst).opcode, self.data(inst).payload) {
            (Opcode::FieldStore, _) => match self.field(inst)? {
                (mem, FieldType::Value(ty)) => self.store(ty, mem, self.arg(inst, 1)?),
                (_, FieldType::Bytes { .. }) => Err(Reason::Malformed),
            },
            (opcode, Payload::SlotField(_, _, slot)) => {
                let (field, _) = self.field(inst)?;
                let size = self.function.slots[slot].size;
                let slot = Self::at(Base::Frame, self.frame.slot(slot));
                match opcode {
                    Opcode::FieldSaveSlot => self.copy(field, slot, size),
                    _ => self.copy(slot, field, size),
                }
            }
            (Opcode::SetPoint, Payload::Point(point)) => {
                let object = self.operand(inst, 0)?;
                let address = self.point_address(point);
                let info = Self::at(Base::Value(object), INFO as i32);
                self.store_register(Type::Cont, info, address)
            }
            (Opcode::Link, _) => {
                let object = self.operand(inst, 0)?;
                let next = self.operand(inst, 1)?;
                self.store_register(Type::Cont, Self::at(Base::Value(object), NEXT as i32), next)
            }
            _ => Err(Reason::Malformed),
        }
    }

    fn point_address(&mut self, point: PointId) -> VReg {
        let symbol = Symbol::Point(self.id, point);
        let symbol = self.symbol(symbol);
        let output = self.new_vreg(RegClass::Int);
        self.push(Code::SymbolAddress { output, symbol });
        output
    }

    /// How a block ends that suspends.
    fn suspend(&mut self, inst: Inst) -> Lower<Code<Self::Inst>> {
        let object = self.operand(inst, 0)?;
        let Some(Departure { callee, point, .. }) = self.departure else {
            return Ok(Code::Suspend(object));
        };
        Ok(Code::SetPointLinkSuspend {
            object,
            callee: self.value(callee)?,
            point: self.point_address(point),
        })
    }

    /// The field that an instruction names, in the object that is its first operand.
    fn field(&mut self, inst: Inst) -> Lower<(Self::Mem, FieldType)> {
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
        let object = self.operand(inst, 0)?;
        Ok((Self::at(Base::Value(object), offset), field.ty))
    }
}

impl<'a, L: Backend<'a>> Continuations<'a> for L {}
