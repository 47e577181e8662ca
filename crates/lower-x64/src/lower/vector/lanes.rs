//! Single lanes in and out, and the same one in all.

use super::super::{Lowering, imm, reg};
use super::repeated;
use enjamb_ir::{Inst, Opcode, Payload, Shape, Value, ValueDef};
use enjamb_lower::{Lower, Reason, Values};
use enjamb_regalloc::{RegClass, VReg};
use enjamb_x64::Op;

/// PSHUFD: one of the 32-bit lanes, or one of the halves, in all places.
const LOW_HALF: i64 = 0b01_00_01_00;
const HIGH_HALF: i64 = 0b11_10_11_10;

impl Lowering<'_> {
    /// The bits of a scalar that is a constant.
    fn constant_bits(&self, value: Value) -> Option<u64> {
        let ValueDef::Result(inst, _) = self.function.values[value].def else {
            return None;
        };
        match (self.data(inst).opcode, self.data(inst).payload) {
            (Opcode::Iconst, Payload::Integer(value)) => Some(value as u64),
            (Opcode::Fconst, Payload::Float(bits)) => Some(bits),
            _ => None,
        }
    }

    pub(super) fn splat(&mut self, inst: Inst, shape: Shape) -> Lower<VReg> {
        let scalar = self.arg(inst, 0)?;
        if let Some(bits) = self.constant_bits(scalar) {
            return self.vector_constant(repeated(shape, bits));
        }
        let scalar = self.value(scalar)?;
        match shape {
            Shape::I8x16 => {
                let low = self.move_to_lane(scalar, Op::MovdXM)?;
                let zero = self.zero();
                self.modify(Op::PshufbXM, low, &[reg(zero)])
            }
            Shape::I16x8 => {
                let low = self.move_to_lane(scalar, Op::MovdXM)?;
                let low = self.permuted(Op::PshuflwXMI, low, 0)?;
                self.permuted(Op::PshufdXMI, low, 0)
            }
            Shape::I32x4 => {
                let low = self.move_to_lane(scalar, Op::MovdXM)?;
                self.permuted(Op::PshufdXMI, low, 0)
            }
            Shape::I64x2 => {
                let low = self.move_to_lane(scalar, Op::MovqXM)?;
                self.permuted(Op::PshufdXMI, low, LOW_HALF)
            }
            Shape::F32x4 => self.permuted(Op::PshufdXMI, scalar, 0),
            Shape::F64x2 => self.produce(Op::MovddupXM, RegClass::Float, &[reg(scalar)]),
        }
    }

    fn move_to_lane(&mut self, scalar: VReg, op: Op) -> Lower<VReg> {
        self.produce(op, RegClass::Float, &[reg(scalar)])
    }

    /// A permutation that an immediate describes.
    pub(super) fn permuted(&mut self, op: Op, input: VReg, lanes: i64) -> Lower<VReg> {
        self.produce(op, RegClass::Float, &[reg(input), imm(lanes)])
    }

    /// A float is the low end of its register, whatever is above.
    pub(super) fn extract_lane(&mut self, inst: Inst, shape: Shape, lane: u8) -> Lower<VReg> {
        let vector = self.operand(inst, 0)?;
        let number = imm(lane.into());
        match (shape, lane) {
            (Shape::F32x4 | Shape::F64x2, 0) => Ok(vector),
            (Shape::F32x4, _) => self.permuted(Op::PshufdXMI, vector, lane.into()),
            (Shape::F64x2, _) => self.permuted(Op::PshufdXMI, vector, HIGH_HALF),
            (Shape::I32x4, 0) => self.produce_int(Op::MovdMX, &[reg(vector)]),
            (Shape::I64x2, 0) => self.produce_int(Op::MovqMX, &[reg(vector)]),
            (Shape::I8x16, _) => self.produce_int(Op::PextrbRXI, &[reg(vector), number]),
            (Shape::I16x8, _) => self.produce_int(Op::PextrwRXI, &[reg(vector), number]),
            (Shape::I32x4, _) => self.produce_int(Op::PextrdMXI, &[reg(vector), number]),
            (Shape::I64x2, _) => self.produce_int(Op::PextrqMXI, &[reg(vector), number]),
        }
    }

    pub(super) fn insert_lane(&mut self, inst: Inst, shape: Shape, lane: u8) -> Lower<VReg> {
        let (vector, scalar) = (self.operand(inst, 0)?, reg(self.operand(inst, 1)?));
        let number = i64::from(lane);
        match (shape, lane) {
            (Shape::I8x16, _) => self.modify(Op::PinsrbXRI, vector, &[scalar, imm(number)]),
            (Shape::I16x8, _) => self.modify(Op::PinsrwXRI, vector, &[scalar, imm(number)]),
            (Shape::I32x4, _) => self.modify(Op::PinsrdXMI, vector, &[scalar, imm(number)]),
            (Shape::I64x2, _) => self.modify(Op::PinsrqXMI, vector, &[scalar, imm(number)]),
            (Shape::F32x4, _) => self.modify(Op::InsertpsXMI, vector, &[scalar, imm(number << 4)]),
            (Shape::F64x2, 0) => self.modify(Op::BlendpdXMI, vector, &[scalar, imm(1)]),
            (Shape::F64x2, _) => self.modify(Op::MovlhpsXX, vector, &[scalar]),
        }
    }

    /// The top bit of each lane. 16-bit lanes keep theirs when they become bytes with saturation.
    pub(super) fn lane_mask(&mut self, inst: Inst, shape: Shape) -> Lower<VReg> {
        let vector = self.operand(inst, 0)?;
        let (op, vector) = match shape {
            Shape::I16x8 => {
                let zero = self.zero();
                let bytes = self.modify(Op::PacksswbXM, vector, &[reg(zero)])?;
                (Op::PmovmskbRX, bytes)
            }
            Shape::I32x4 => (Op::MovmskpsRX, vector),
            Shape::I64x2 => (Op::MovmskpdRX, vector),
            Shape::I8x16 => (Op::PmovmskbRX, vector),
            Shape::F32x4 | Shape::F64x2 => return Err(Reason::Malformed),
        };
        self.produce_int(op, &[reg(vector)])
    }
}
