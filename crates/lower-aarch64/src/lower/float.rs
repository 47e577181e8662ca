//! Float constants and arithmetic.
//!
//! A NaN that arithmetic makes is the canonical one. The processor makes the same of numbers alone
//! (architecture manual, A1.5.4), but hands on the payload of an operand. Such a NaN is replaced where
//! a value is exposed, that is, where something other than float arithmetic, comparison or conversion to
//! an integer reads it.

use super::{Lower, Lowering, reg, width_of};
use crate::machine::Inst as MachineInst;
use enjamb_aarch64::sized::{self, ByWidth};
use enjamb_aarch64::{Op, Width};
use enjamb_ir::{Inst, Opcode, Payload, Type, Value, ValueDef};
use enjamb_lower::{Reason, Values};
use enjamb_regalloc::{RegClass, VReg};

fn float_of(payload: Payload) -> Option<u64> {
    match payload {
        Payload::Float(bits) => Some(bits),
        _ => None,
    }
}

impl Lowering<'_> {
    /// Minimum and maximum of the processor are those of the IR: a NaN if there is one, and -0 below 0.
    pub(super) fn lower_float(&mut self, inst: Inst) -> Lower<VReg> {
        use Opcode::*;
        let data = self.data(inst);
        let form = match data.opcode {
            Fconst => {
                let bits = self.payload(inst, float_of)?;
                return Ok(self.float_constant(data.ty, bits));
            }
            Fneg => return self.float_operation(inst, sized::FNEG_VV),
            Fabs => return self.float_operation(inst, sized::FABS_VV),
            Fcopysign => return self.copy_sign(inst),
            Fadd => sized::FADD_VVV,
            Fsub => sized::FSUB_VVV,
            Fmul => sized::FMUL_VVV,
            Fdiv => sized::FDIV_VVV,
            Fmin => sized::FMIN_VVV,
            Fmax => sized::FMAX_VVV,
            Fsqrt => sized::FSQRT_VV,
            Ceil => sized::FRINTP_VV,
            Floor => sized::FRINTM_VV,
            Ftrunc => sized::FRINTZ_VV,
            Nearest => sized::FRINTN_VV,
            _ => return Err(Reason::Malformed),
        };
        let result = self.float_operation(inst, form)?;
        self.canonical(inst, result)
    }

    /// An operation on one or two floats.
    fn float_operation(&mut self, inst: Inst, form: ByWidth) -> Lower<VReg> {
        let op = form.at(width_of(self.data(inst).ty));
        let first = self.operand(inst, 0)?;
        if self.function.args(inst).len() == 1 {
            return self.produce(op, RegClass::Float, &[reg(first)]);
        }
        let second = self.operand(inst, 1)?;
        self.produce(op, RegClass::Float, &[reg(first), reg(second)])
    }

    /// A register with these bits; those of an `f32` are the low ones.
    pub(super) fn float_constant(&mut self, ty: Type, bits: u64) -> VReg {
        let output = self.new_vreg(RegClass::Float);
        self.push(MachineInst::FloatConstant {
            output,
            size: width_of(ty),
            bits,
        });
        output
    }

    /// The bits of the float constant that a value is.
    pub(super) fn float_bits(&self, value: Value) -> Option<u64> {
        match self.function.values[value].def {
            ValueDef::Result(inst, 0) => float_of(self.data(inst).payload),
            _ => None,
        }
    }

    pub(super) fn replace_nan(&mut self, ty: Type, input: VReg) -> VReg {
        let output = self.new_vreg(RegClass::Float);
        self.push(MachineInst::CanonicalNan {
            size: width_of(ty),
            input,
            output,
        });
        output
    }

    /// The bits of the second operand go where a mask of the sign has ones. Of an `f64` that is -0.
    fn copy_sign(&mut self, inst: Inst) -> Lower<VReg> {
        let (magnitude, sign) = (self.operand(inst, 0)?, self.operand(inst, 1)?);
        let mask = if width_of(self.data(inst).ty) == Width::B32 {
            self.produce(Op::MoviSign2SV, RegClass::Float, &[])?
        } else {
            let zero = self.produce(Op::MoviZero64V, RegClass::Float, &[])?;
            self.produce(Op::Fneg64VV, RegClass::Float, &[reg(zero)])?
        };
        self.modify(Op::Bit8BVVV, magnitude, &[reg(sign), reg(mask)])
    }
}
