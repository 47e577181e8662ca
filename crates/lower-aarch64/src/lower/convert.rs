//! Conversions between integers, between floats, and between the two.
//!
//! The processor's conversions to integers are the saturating ones of the IR, NaN included. Those that
//! trap look at the result where it tells, and at the bounds where it does not.

use super::immediate::{signed, unsigned};
use super::{Lower, Lowering, operation_width, reg, width_of};
use crate::machine::{Condition, Opd};
use enjamb_aarch64::{Cond, Extend, Op, Operand, sized};
use enjamb_ir::{Inst, Opcode, TrapCode, Type, Value, ValueDef};
use enjamb_lower::{Reason, Values};
use enjamb_regalloc::{RegClass, VReg};

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

/// Overflow, which is what an unordered comparison sets.
const OVERFLOW: Opd = Operand::Imm(0b0001);
/// No flag is set.
const NONE: Opd = Operand::Imm(0);

/// Of two instructions, the one for floats of 32 bits and the one for those of 64.
fn by_float(ty: Type, single: Op, double: Op) -> Op {
    match ty {
        Type::F32 => single,
        _ => double,
    }
}

/// Whether every instruction that this opcode becomes, for integers of 32 bits and less, writes a
/// register of 32 bits, which clears the upper half of the whole one.
fn clears_upper_half(opcode: Opcode) -> bool {
    use Opcode::*;
    matches!(
        opcode,
        Iadd | Isub
            | Imul
            | Udiv
            | Sdiv
            | Urem
            | Srem
            | Ineg
            | Umin
            | Umax
            | Smin
            | Smax
            | Band
            | Bor
            | Bxor
            | Bnot
            | Ishl
            | Ushr
            | Sshr
            | Rotl
            | Rotr
            | Clz
            | Ctz
            | Popcnt
            | Load
            | Uload8
            | Sload8
            | Uload16
            | Sload16
            | GlobalGet
            | FieldLoad
            | ResultLoad
            | ContState
            | Iconst
            | ExtractLane
            | LaneMask
            | FcvtToUint
            | FcvtToSintSat
            | FcvtToUintSat
    )
}

/// Whether the result of an opcode has zeros above its bits, up to 32, whatever its type.
fn is_small(opcode: Opcode) -> bool {
    use Opcode::*;
    matches!(
        opcode,
        Icmp | Fcmp
            | AnyTrue
            | AllTrue
            | ExtractLane
            | SameRef
            | IsNull
            | IsSuspended
            | HasLayout
            | Load
            | GlobalGet
            | FieldLoad
            | ResultLoad
    )
}

impl Lowering<'_> {
    pub(super) fn lower_conversion(&mut self, inst: Inst) -> Lower<VReg> {
        use Opcode::*;
        let data = self.data(inst);
        let argument = self.arg(inst, 0)?;
        let from = self.type_of(argument);
        match data.opcode {
            Sextend => self.extend_signed(argument, from, data.ty),
            Uextend => self.extend_unsigned(argument, from),
            Ireduce => self.value(argument),
            Bitcast => self.bitcast(argument, from, data.ty),
            Fpromote | Fdemote => {
                let op = by_float(from, Op::Fcvt64V32V, Op::Fcvt32V64V);
                let value = self.value(argument)?;
                let converted = self.produce(op, RegClass::Float, &[reg(value)])?;
                self.canonical(inst, converted)
            }
            FcvtFromSint | FcvtFromUint => {
                let value = self.value(argument)?;
                let op = from_integer(from, data.ty, data.opcode == FcvtFromSint);
                self.produce(op, RegClass::Float, &[reg(value)])
            }
            FcvtToSintSat | FcvtToUintSat => {
                let value = self.value(argument)?;
                let op = to_integer(from, data.ty, data.opcode == FcvtToSintSat);
                self.produce_int(op, &[reg(value)])
            }
            FcvtToSint | FcvtToUint => {
                let value = self.value(argument)?;
                let is_signed = data.opcode == FcvtToSint;
                match data.ty {
                    Type::I32 => self.checked_word(value, from, is_signed),
                    _ => self.checked_long(value, from, is_signed),
                }
            }
            _ => Err(Reason::Malformed),
        }
    }

    // Extensions.

    /// A register with its upper bits, up to 32, defined.
    fn extended(&mut self, register: VReg, ty: Type, is_signed: bool) -> Lower<VReg> {
        let op = match (ty, is_signed) {
            (Type::I8, false) => Op::Uxtb32RR,
            (Type::I8, true) => Op::Sxtb32RR,
            (Type::I16, false) => Op::Uxth32RR,
            (Type::I16, true) => Op::Sxth32RR,
            _ => return Ok(register),
        };
        self.produce_int(op, &[reg(register)])
    }

    /// A value with its upper bits, up to 32, defined.
    pub(super) fn extended_value(&mut self, value: Value, is_signed: bool) -> Lower<VReg> {
        let ty = self.type_of(value);
        if let Some(constant) = self.constant(value) {
            let constant = if is_signed {
                signed(constant, ty)
            } else {
                unsigned(constant, ty)
            };
            return Ok(self.load_constant(constant, ty));
        }
        let register = self.value(value)?;
        if !is_signed && self.is_zero_extended(value) {
            return Ok(register);
        }
        self.extended(register, ty, is_signed)
    }

    /// Whether the register of a value is known to have zeros above the bits of its type. Values that
    /// come from other functions or over an edge are not.
    pub(super) fn is_zero_extended(&self, value: Value) -> bool {
        let ValueDef::Result(inst, 0) = self.function.values[value].def else {
            return false;
        };
        let opcode = self.data(inst).opcode;
        match self.type_of(value) {
            Type::I8 | Type::I16 => is_small(opcode),
            Type::I32 => clears_upper_half(opcode),
            _ => true,
        }
    }

    fn extend_signed(&mut self, value: Value, from: Type, to: Type) -> Lower<VReg> {
        if let Some(inst) = self.folded(value, &[Opcode::ExtractLane]) {
            return self.extract_signed_lane(inst, to);
        }
        let register = self.value(value)?;
        let width = operation_width(to);
        let op = match from {
            Type::I8 => sized::SXTB_RR.at(width),
            Type::I16 => sized::SXTH_RR.at(width),
            _ => Op::Sxtw64RR,
        };
        self.produce_int(op, &[reg(register)])
    }

    /// To 64 bits, whatever the type of the result.
    fn extend_unsigned(&mut self, value: Value, from: Type) -> Lower<VReg> {
        let register = self.value(value)?;
        if self.is_zero_extended(value) {
            return Ok(register);
        }
        match from {
            Type::I32 => self.produce_int(Op::Mov32RR, &[reg(register)]),
            _ => self.extended(register, from, false),
        }
    }

    fn bitcast(&mut self, value: Value, from: Type, to: Type) -> Lower<VReg> {
        let register = self.value(value)?;
        let is_single = to.bits() == 32;
        match (from.is_float(), to.is_float()) {
            (true, false) => {
                let op = if is_single {
                    Op::Fmov32RV
                } else {
                    Op::Fmov64RV
                };
                self.produce_int(op, &[reg(register)])
            }
            (false, true) => {
                let op = if is_single {
                    Op::Fmov32VR
                } else {
                    Op::Fmov64VR
                };
                self.produce(op, RegClass::Float, &[reg(register)])
            }
            _ => Ok(register),
        }
    }

    // To integers, with traps.

    /// As 64 bits, which hold every number of 32 bits and saturate outside them: a result that is not
    /// its own lower half was out of range. A NaN gives 0, so it is looked for too.
    fn checked_word(&mut self, value: VReg, from: Type, is_signed: bool) -> Lower<VReg> {
        let integer = self.produce_int(to_integer(from, Type::I64, true), &[reg(value)])?;
        let extend = if is_signed {
            Extend::Sxtw
        } else {
            Extend::Uxtw
        };
        let half = Operand::Extend(extend, 0);
        self.effect(Op::Cmp64RX, &[reg(integer), reg(integer), half])?;
        let compare = by_float(from, Op::Fccmp32VV, Op::Fccmp64VV);
        let operands = [reg(value), reg(value), OVERFLOW, Cond::EQ.into()];
        self.effect(compare, &operands)?;
        self.trap_if(Condition::Flag(Cond::VS), TrapCode::InvalidConversion);
        Ok(integer)
    }

    /// Compared with both bounds. Signed, the lower one is in the range, else it is the number below the
    /// range. If it is not passed, no flag is set, as if the upper one were.
    fn checked_long(&mut self, value: VReg, from: Type, is_signed: bool) -> Lower<VReg> {
        let (low, passed, high) = if is_signed {
            (-TWO_TO_63, Cond::GE, TWO_TO_63)
        } else {
            (-1.0, Cond::GT, TWO_TO_64)
        };
        let [low, high] = [low, high].map(|bound| self.exactly(from, bound));
        let width = width_of(from);
        self.effect(sized::FCMP_VV.at(width), &[reg(value), reg(low)])?;
        let compare = by_float(from, Op::Fccmp32VV, Op::Fccmp64VV);
        let operands = [reg(value), reg(high), NONE, passed.into()];
        self.effect(compare, &operands)?;
        self.trap_if(Condition::Flag(Cond::PL), TrapCode::InvalidConversion);
        self.produce_int(to_integer(from, Type::I64, is_signed), &[reg(value)])
    }

    /// A float constant of a type, from a value that the type has exactly.
    fn exactly(&mut self, ty: Type, value: f64) -> VReg {
        let bits = match ty {
            Type::F32 => u64::from((value as f32).to_bits()),
            _ => value.to_bits(),
        };
        self.float_constant(ty, bits)
    }
}

fn from_integer(from: Type, to: Type, is_signed: bool) -> Op {
    let (signed, unsigned) = match from {
        Type::I32 => (
            by_float(to, Op::Scvtf32V32R, Op::Scvtf64V32R),
            by_float(to, Op::Ucvtf32V32R, Op::Ucvtf64V32R),
        ),
        _ => (
            by_float(to, Op::Scvtf32V64R, Op::Scvtf64V64R),
            by_float(to, Op::Ucvtf32V64R, Op::Ucvtf64V64R),
        ),
    };
    if is_signed { signed } else { unsigned }
}

fn to_integer(from: Type, to: Type, is_signed: bool) -> Op {
    let (signed, unsigned) = match to {
        Type::I32 => (
            by_float(from, Op::Fcvtzs32R32V, Op::Fcvtzs32R64V),
            by_float(from, Op::Fcvtzu32R32V, Op::Fcvtzu32R64V),
        ),
        _ => (
            by_float(from, Op::Fcvtzs64R32V, Op::Fcvtzs64R64V),
            by_float(from, Op::Fcvtzu64R32V, Op::Fcvtzu64R64V),
        ),
    };
    if is_signed { signed } else { unsigned }
}
