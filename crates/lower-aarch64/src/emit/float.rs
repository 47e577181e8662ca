//! Constants in registers, vectors included, and the constant that a NaN is replaced by.

use super::{Emitter, OutOfLine};
use crate::registers::TEMPORARIES;
use enjamb_aarch64::{Cond, Inst, Op, Operand, Reg, Width, constant, immediate, sized};

/// The bits of the canonical NaNs: positive, quiet, no payload.
const SINGLE_NAN: u32 = 0x7fc0_0000;
const DOUBLE_NAN: u64 = 0x7ff8_0000_0000_0000;

/// With more moves than these a constant takes more bytes than a load of it and its eight bytes.
const MOST_MOVES: usize = 3;

impl Emitter<'_> {
    /// Sets a general register to a constant; flags are kept.
    pub(super) fn constant(&mut self, register: Reg, value: u64) {
        if constant::length(value) <= MOST_MOVES {
            self.assembler.load_constant(register, value);
        } else {
            let literal = self.assembler.constant(&value.to_le_bytes());
            self.op(Op::Ldr64Literal, &[register.into(), literal.into()]);
        }
    }

    /// Sets a float register to a constant; flags are kept.
    pub(super) fn float_constant(&mut self, register: Reg, size: Width, bits: u64) {
        let register = register.into();
        if bits == 0 {
            self.op(Op::MoviZero64V, &[register]);
        } else if immediate::float(bits, size).is_some() {
            let value = Operand::Imm(bits as i64);
            self.op(sized::FMOV_VI.at(size), &[register, value]);
        } else if size == Width::B64 && constant::length(bits) == 1 {
            let [temporary, _] = TEMPORARIES;
            self.assembler.load_constant(temporary, bits);
            self.op(Op::Fmov64VR, &[register, temporary.into()]);
        } else {
            let (op, bytes) = match size {
                Width::B32 => (Op::LdrV32Literal, &bits.to_le_bytes()[..4]),
                _ => (Op::LdrV64Literal, &bits.to_le_bytes()[..]),
            };
            let literal = self.assembler.constant(bytes);
            self.op(op, &[register, literal.into()]);
        }
    }

    /// Sets a vector register to a constant; flags are kept.
    pub(super) fn vector_constant(&mut self, register: Reg, bits: u128) {
        if let Some(inst) = Inst::vector_constant(bits, register) {
            self.assembler.emit(&inst);
            return;
        }
        if bits >> 64 == 0 {
            // What sets the lower half clears the upper one.
            let size = if bits >> 32 == 0 {
                Width::B32
            } else {
                Width::B64
            };
            return self.float_constant(register, size, bits as u64);
        }
        let half = bits as u64;
        let word = u64::from(half as u32);
        let is_repeated = bits == u128::from(half) << 64 | u128::from(half);
        let (lane, op) = match half == word << 32 | word {
            true => (word, Op::Dup4SR),
            false => (half, Op::Dup2DR),
        };
        if is_repeated && constant::length(lane) == 1 {
            let [temporary, _] = TEMPORARIES;
            self.assembler.load_constant(temporary, lane);
            self.op(op, &[register.into(), temporary.into()]);
        } else {
            let literal = self.assembler.constant(&bits.to_le_bytes());
            self.op(Op::LdrV128Literal, &[register.into(), literal.into()]);
        }
    }

    /// The NaN that a register holds becomes the canonical one, out of line. Nothing depends on
    /// the mode in which the processor makes such NaNs by itself, which is the host's.
    pub(super) fn canonical_nan(&mut self, size: Width, register: Reg) {
        let (at, back) = (self.assembler.new_label(), self.assembler.new_label());
        self.op(sized::FCMP_VV.at(size), &[register.into(), register.into()]);
        self.assembler.jcc(Cond::VS, at);
        self.assembler.bind(back);
        self.defer(OutOfLine::Nan {
            at,
            back,
            register,
            size,
        });
    }

    pub(super) fn load_nan(&mut self, register: Reg, size: Width) {
        let bits = match size {
            Width::B32 => u64::from(SINGLE_NAN),
            _ => DOUBLE_NAN,
        };
        let [temporary, _] = TEMPORARIES;
        self.assembler.load_constant(temporary, bits);
        let operands = [register.into(), temporary.into()];
        self.op(sized::FMOV_VR.at(size), &operands);
    }
}
