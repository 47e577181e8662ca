//! Constants in vector registers: whether one instruction makes a value.

use crate::immediate;
use crate::inst::Inst;
use crate::op::Op;
use crate::operand::{Operand, Shift};
use crate::register::Width;

/// A form, its immediate, and how far that is shifted where the form has a shift.
type Choice = (Op, u64, Option<u8>);

impl<R: Copy> Inst<R> {
    /// The instruction that sets all 128 bits of a vector register to `value`, if there is one.
    ///
    /// ```
    /// use enjamb_aarch64::{Inst, Reg};
    ///
    /// let text = |value| Inst::vector_constant(value, Reg::V1).map(|inst| inst.to_string());
    /// let lanes = |lane: u32| u128::from(lane) * 0x1_00000001_00000001_00000001;
    /// assert_eq!(text(lanes(0x1200)).unwrap(), "movi v1.4s, #18, lsl #8");
    /// assert_eq!(text(lanes(0xffff_edff)).unwrap(), "mvni v1.4s, #18, lsl #8");
    /// assert_eq!(text(lanes(1.5f32.to_bits())).unwrap(), "fmov v1.4s, #1.50000000");
    /// assert_eq!(text(1), None);
    /// ```
    pub fn vector_constant(value: u128, register: R) -> Option<Inst<R>> {
        let (op, immediate, shift) = choose(value)?;
        let register = Operand::Reg(register);
        let immediate = Operand::Imm(immediate as i64);
        let inst = match shift {
            Some(shift) => Inst::new(
                op,
                &[register, immediate, Operand::Shift(Shift::Lsl, shift)],
            ),
            None => Inst::new(op, &[register, immediate]),
        };
        Some(inst.expect("constants have checked operands"))
    }
}

fn choose(value: u128) -> Option<Choice> {
    let half = value as u64;
    if value != u128::from(half) << 64 | u128::from(half) {
        return None;
    }
    if immediate::byte_mask(half).is_some() {
        return Some((Op::Movi2DVI, half, None));
    }
    let (word, short, byte) = (half as u32, half as u16, half as u8);
    if half == u64::from(word) << 32 | u64::from(word) {
        if word == u32::from(byte) * 0x0101_0101 {
            return Some((Op::Movi16BVI, byte.into(), None));
        }
        if word == u32::from(short) * 0x0001_0001
            && let Some(choice) = of_shorts(short)
        {
            return Some(choice);
        }
        if let Some(choice) = of_words(word) {
            return Some(choice);
        }
        if immediate::float(word.into(), Width::B32).is_some() {
            return Some((Op::Fmov4SVI, word.into(), None));
        }
    }
    let is_float = immediate::float(half, Width::B64).is_some();
    is_float.then_some((Op::Fmov2DVI, half, None))
}

/// Equal elements of 16 bits: a byte at one of two places, or the complement of that.
fn of_shorts(short: u16) -> Option<Choice> {
    [(Op::Movi8HVI, short), (Op::Mvni8HVI, !short)]
        .into_iter()
        .find_map(|(op, bits)| at_a_place(op, bits.into(), 2))
}

/// Equal elements of 32 bits: a byte at one of four places, with zeros or ones below, or the
/// complement of that.
fn of_words(word: u32) -> Option<Choice> {
    let forms = [
        (
            word,
            [Op::Movi4SVI, Op::MoviOnes8_4SVI, Op::MoviOnes16_4SVI],
        ),
        (
            !word,
            [Op::Mvni4SVI, Op::MvniOnes8_4SVI, Op::MvniOnes16_4SVI],
        ),
    ];
    forms
        .into_iter()
        .find_map(|(bits, [zeros, ones8, ones16])| {
            let above_ones = |op, below: u32| {
                let is_one_byte =
                    bits >> below <= 0xFF && bits & ((1 << below) - 1) == (1 << below) - 1;
                is_one_byte.then_some((op, u64::from(bits >> below), None))
            };
            at_a_place(zeros, bits, 4)
                .or_else(|| above_ones(ones8, 8))
                .or_else(|| above_ones(ones16, 16))
        })
}

/// A byte at one of the first `places` of an element, zeros elsewhere.
fn at_a_place(op: Op, bits: u32, places: u8) -> Option<Choice> {
    let mut shifts = (0..places).map(|place| 8 * place);
    let shift = shifts.find(|shift| bits & !(0xFF << shift) == 0)?;
    Some((op, u64::from(bits >> shift), Some(shift)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Reg;

    /// `AdvSIMDExpandImm` of the architecture manual, as far as the forms here go.
    fn expand(inst: &Inst<Reg>) -> u128 {
        let [_, Operand::Imm(value), rest @ ..] = inst.operands() else {
            panic!("{inst} has an immediate");
        };
        let shift = match rest {
            [Operand::Shift(_, shift)] => *shift,
            _ => 0,
        };
        let value = *value as u64;
        let words = |word: u32| u128::from(word) * 0x1_0000_0001_0000_0001_0000_0001;
        let shorts = |short: u16| words(u32::from(short) * 0x1_0001);
        let doubles = |double: u64| u128::from(double) << 64 | u128::from(double);
        let word = value as u32;
        match inst.op() {
            Op::Movi16BVI => shorts(value as u16 * 0x101),
            Op::Movi8HVI => shorts((value as u16) << shift),
            Op::Mvni8HVI => !shorts((value as u16) << shift),
            Op::Movi4SVI => words(word << shift),
            Op::Mvni4SVI => !words(word << shift),
            Op::MoviOnes8_4SVI => words(word << 8 | 0xFF),
            Op::MvniOnes8_4SVI => !words(word << 8 | 0xFF),
            Op::MoviOnes16_4SVI => words(word << 16 | 0xFFFF),
            Op::MvniOnes16_4SVI => !words(word << 16 | 0xFFFF),
            Op::Movi2DVI | Op::Fmov2DVI => doubles(value),
            Op::Fmov4SVI => words(word),
            op => panic!("{op:?} is no constant"),
        }
    }

    #[test]
    fn what_any_form_makes_is_found_and_right() {
        let mut seen = std::collections::BTreeSet::new();
        let mut check = |value: u128| {
            let inst = Inst::vector_constant(value, Reg::V0).expect("a form makes it");
            assert!(inst.encode(&mut Vec::new()).is_ok());
            assert_eq!(expand(&inst), value, "{inst}");
            seen.insert(inst.op());
        };
        let words = |word: u32| u128::from(word) * 0x1_0000_0001_0000_0001_0000_0001;
        for byte in 0..=255u32 {
            check(words(byte * 0x0101_0101));
            for shift in [0, 8, 16, 24] {
                check(words(byte << shift));
                check(!words(byte << shift));
            }
            for below in [8, 16] {
                check(words(byte << below | ((1 << below) - 1)));
                check(!words(byte << below | ((1 << below) - 1)));
            }
            for shift in [0, 8] {
                check(words((byte << shift) * 0x1_0001));
                check(!words((byte << shift) * 0x1_0001));
            }
            let bytes = std::array::from_fn(|bit| if byte >> bit & 1 == 0 { 0 } else { 0xFF });
            let half = u64::from_le_bytes(bytes);
            check(u128::from(half) << 64 | u128::from(half));
            let sign = if byte & 0x80 == 0 { 1.0 } else { -1.0 };
            let exponent = (byte >> 4 & 7) as i32 - 3;
            let float = sign * f64::from(byte & 15 | 16) / 16.0 * 2f64.powi(exponent);
            check(words((float as f32).to_bits()));
            let bits = u128::from(float.to_bits());
            check(bits << 64 | bits);
        }
        assert_eq!(seen.len(), 12, "{seen:?}");
    }

    #[test]
    fn nothing_else_is_claimed() {
        let mut state = 1u128;
        for _ in 0..10_000 {
            state = state.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645) + 1;
            // Few different bytes, so that many values are near to those that there are forms for.
            let pick = |bit: u32| [0u8, 0xFF, 0x80, 0x3F][(state >> (64 + 2 * bit)) as usize & 3];
            let element: [u8; 4] = std::array::from_fn(|at| pick(at as u32));
            let word = u32::from_le_bytes(element);
            let value = u128::from(word) * 0x1_0000_0001_0000_0001_0000_0001;
            if let Some(inst) = Inst::vector_constant(value, Reg::V0) {
                assert_eq!(expand(&inst), value, "{inst}");
            }
            assert_eq!(
                Inst::vector_constant(value ^ 2 << (state % 16), Reg::V0),
                None
            );
        }
    }
}
