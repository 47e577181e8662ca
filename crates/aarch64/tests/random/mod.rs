//! Instructions of any form with any operands.

use crate::samples::{fit_size, fit_table, operands};
use enjamb_aarch64::{Addressing, Extend, Inst, Kind, Mem, Op, Operand, OperandForm, Reg};

/// Where decisions come from: gives a number below its argument, which is not zero.
pub type Below<'a> = dyn FnMut(usize) -> usize + 'a;

/// The generator splitmix64.
#[allow(dead_code, reason = "a fuzzer has decisions of its own")]
pub struct Random(pub u64);

#[allow(dead_code, reason = "as above")]
impl Random {
    /// A number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// An instruction, if these operands fit its form.
pub fn instruction(below: &mut Below<'_>) -> Option<Inst<Reg>> {
    let op = Op::ALL[below(Op::ALL.len())];
    let forms = op.info().operands.iter();
    let mut operands: Vec<Operand> = forms.map(|form| operand(form, below)).collect();
    fit_size(op, &mut operands);
    fit_table(op, &mut operands);
    Inst::new(op, &operands).ok()
}

/// An operand of the samples, or any number or place in memory.
fn operand(form: &OperandForm, below: &mut Below<'_>) -> Operand {
    match form.kind {
        Kind::Immediate(_) | Kind::Lane(_) | Kind::Target(_) if below(2) == 0 => {
            Operand::Imm(number(below))
        }
        Kind::Memory(addressing) if below(2) == 0 => Operand::Mem(memory(addressing, below)),
        _ => {
            let choices = operands(form);
            choices[below(choices.len())]
        }
    }
}

fn memory(addressing: Addressing, below: &mut Below<'_>) -> Mem {
    let base = match below(32) {
        31 => Reg::SP,
        number => Reg::gpr(number as u8),
    };
    let disp = number(below) as i32;
    match addressing {
        Addressing::Pre | Addressing::PairPre => Mem::pre(base, disp),
        Addressing::Post | Addressing::PairPost => Mem::post(base, disp),
        Addressing::Index => {
            let index = match below(32) {
                31 => Reg::ZR,
                number => Reg::gpr(number as u8),
            };
            let extend = Extend::ALL[below(Extend::ALL.len())];
            Mem::extended(base, index, extend, below(5) as u8)
        }
        _ => Mem::base(base, disp),
    }
}

/// A number of one, two, four or eight bytes, with a sign or without.
fn number(below: &mut Below<'_>) -> i64 {
    let bytes = 1 << below(4);
    let is_signed = below(2) == 0;
    let bits = (0..bytes).fold(0, |bits: i64, _| bits << 8 | below(256) as i64);
    let unused = 64 - 8 * bytes;
    match is_signed {
        true => bits << unused >> unused,
        false => bits,
    }
}
