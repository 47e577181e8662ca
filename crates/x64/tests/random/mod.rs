//! Instructions of any form with any operands.

use enjamb_x64::{Base, Inst, Kind, Mem, Op, Operand, OperandError, Reg, RegClass, Scale};

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

/// An instruction, or why these operands do not fit.
pub fn instruction(below: &mut Below<'_>) -> Result<Inst<Reg>, OperandError> {
    let op = Op::ALL[below(Op::ALL.len())];
    let forms = op.info().operands.iter();
    let shown = forms.filter(|form| !matches!(form.kind, Kind::Fixed(_)));
    let operands: Vec<Operand> = shown.map(|form| operand(form.kind, below)).collect();
    Inst::physical(op, &operands)
}

fn operand(kind: Kind, below: &mut Below<'_>) -> Operand {
    match kind {
        Kind::RegisterOrMemory(_) | Kind::Memory | Kind::Address
            if !matches!(kind, Kind::RegisterOrMemory(_)) || below(2) == 0 =>
        {
            Operand::Mem(memory(below))
        }
        Kind::Register(class)
        | Kind::RegisterOrMemory(class)
        | Kind::RegisterInMemoryField(class) => {
            let number = below(16) as u8;
            Operand::Reg(match class {
                RegClass::Gpr => Reg::gpr(number),
                RegClass::Xmm => Reg::xmm(number),
            })
        }
        Kind::Fixed(register) => Operand::Reg(register),
        _ => Operand::Imm(number(below)),
    }
}

fn memory(below: &mut Below<'_>) -> Mem {
    let base = match below(4) {
        0 => Base::None,
        _ => Base::Reg(Reg::gpr(below(16) as u8)),
    };
    let index = match below(2) {
        0 => None,
        _ => Some((Reg::gpr(below(16) as u8), Scale::ALL[below(4)])),
    };
    let disp = number(below) as i32;
    Mem { base, index, disp }
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
