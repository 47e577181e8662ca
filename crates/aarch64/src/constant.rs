//! Constants in registers: as few moves as there are for a value.

use crate::immediate;
use crate::inst::Inst;
use crate::op::Op;
use crate::operand::{Operand, Shift};
use crate::register::Width;

/// A move: its form, its immediate, and the place of the 16 bits of a wide move.
type Step = (Op, i64, u8);

/// The first move, and the `movk` behind it.
type Steps = [Option<Step>; 4];

impl<R: Copy> Inst<R> {
    /// Sets all 64 bits of a register to `value`, in one to four instructions; flags are kept.
    ///
    /// The first instruction writes its register, the others, all `movk`, read and write it; `register`
    /// is asked for the register of each by number. One instruction does for what `movz`, `movn` or a
    /// logical immediate can express, in either width.
    ///
    /// ```
    /// use enjamb_aarch64::{Inst, Reg};
    ///
    /// let text = |value| -> Vec<String> {
    ///     Inst::load_constant(value, |_| Reg::X0).map(|inst| inst.to_string()).collect()
    /// };
    /// assert_eq!(text(0x1_0000), ["movz x0, #1, lsl #16"]);
    /// assert_eq!(text(0x5555_5555_5555_5555), ["mov x0, #0x5555555555555555"]);
    /// assert_eq!(text(0xffff_ffff_1234_5678), ["movn x0, #43399", "movk x0, #4660, lsl #16"]);
    /// ```
    pub fn load_constant(
        value: u64,
        mut register: impl FnMut(usize) -> R,
    ) -> impl Iterator<Item = Inst<R>> {
        steps(value)
            .into_iter()
            .flatten()
            .enumerate()
            .map(move |(index, (op, value, shift))| {
                let register = Operand::Reg(register(index));
                let shift = Operand::Shift(Shift::Lsl, shift);
                let operands = [register, Operand::Imm(value), shift];
                Inst::new(op, &operands[..op.info().operands.len()])
                    .expect("moves have checked operands")
            })
    }
}

/// The number of instructions of [`Inst::load_constant`].
pub fn length(value: u64) -> usize {
    steps(value).iter().flatten().count()
}

fn steps(value: u64) -> Steps {
    let zeros = wide(Op::Movz64RI, value, 4);
    let ones = wide(Op::Movn64RI, value, 4);
    let mut best = shorter(zeros, ones);
    if value >> 32 == 0 {
        best = shorter(best, wide(Op::Movn32RI, value, 2));
    }
    if best[1].is_some() {
        best = shorter(best, mask(value));
    }
    if best[2].is_some() {
        best = shorter(best, patched_mask(value));
    }
    best
}

fn shorter(first: Steps, second: Steps) -> Steps {
    let count = |steps: &Steps| steps.iter().flatten().count();
    // No moves at all are no candidate.
    if count(&second) > 0 && count(&second) < count(&first) {
        second
    } else {
        first
    }
}

/// The 16 bits at `index` × 16.
fn quarter(value: u64, index: usize) -> u16 {
    (value >> (16 * index)) as u16
}

/// `movz` or `movn`, and `movk` for the quarters below `count` that then are still wrong.
fn wide(first: Op, value: u64, count: usize) -> Steps {
    let is_inverted = first != Op::Movz64RI;
    let background = if is_inverted { u16::MAX } else { 0 };
    let mut wrong = (0..count).filter(|index| quarter(value, *index) != background);
    let start = wrong.next().unwrap_or(0);
    let insert = if count == 2 {
        Op::Movk32RI
    } else {
        Op::Movk64RI
    };
    let first_bits = quarter(value, start) ^ background;
    let mut steps = [None; 4];
    steps[0] = Some((first, i64::from(first_bits), 16 * start as u8));
    for (step, index) in steps[1..].iter_mut().zip(wrong) {
        *step = Some((insert, i64::from(quarter(value, index)), 16 * index as u8));
    }
    steps
}

/// A logical immediate.
fn mask(value: u64) -> Steps {
    let op = if immediate::is_logical(value, Width::B64) {
        Op::MovMask64RI
    } else if value >> 32 == 0 && immediate::is_logical(value, Width::B32) {
        Op::MovMask32RI
    } else {
        return [None; 4];
    };
    [Some((op, value as i64, 0)), None, None, None]
}

/// A logical immediate that is right but for one quarter.
fn patched_mask(value: u64) -> Steps {
    for index in 0..4 {
        let others = (0..4)
            .map(|other| quarter(value, other))
            .chain([0, u16::MAX]);
        for bits in others {
            let at = 16 * index;
            let near = value & !(0xFFFF << at) | u64::from(bits) << at;
            if immediate::is_logical(near, Width::B64) {
                let insert = (Op::Movk64RI, i64::from(quarter(value, index)), at as u8);
                return [
                    Some((Op::MovMask64RI, near as i64, 0)),
                    Some(insert),
                    None,
                    None,
                ];
            }
        }
    }
    [None; 4]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Reg;

    /// What the moves leave in the register.
    fn run(value: u64) -> (u64, usize) {
        let mut register = 0xDEAD_BEEF_DEAD_BEEFu64;
        let mut count = 0;
        for inst in Inst::load_constant(value, |_| Reg::X0) {
            let [_, Operand::Imm(bits), rest @ ..] = inst.operands() else {
                panic!("{inst} has an immediate");
            };
            let shift = match rest {
                [Operand::Shift(_, amount)] => *amount,
                _ => 0,
            };
            let moved = (*bits as u64) << shift;
            register = match inst.op() {
                Op::Movz64RI => moved,
                Op::Movn64RI => !moved,
                Op::Movn32RI => u64::from(!moved as u32),
                Op::MovMask64RI | Op::MovMask32RI => moved,
                Op::Movk64RI => register & !(0xFFFF << shift) | moved,
                Op::Movk32RI => (register & !(0xFFFF << shift) | moved) & 0xFFFF_FFFF,
                op => panic!("{op:?} is no move of a constant"),
            };
            count += 1;
        }
        assert_eq!(count, length(value));
        (register, count)
    }

    #[test]
    fn moves_leave_the_value_in_the_expected_number() {
        let values = [
            (0, 1),
            (1, 1),
            (0xFFFF, 1),
            (0x1234_0000_0000_0000, 1),
            (u64::MAX, 1),
            (!0x1234_0000, 1),
            (0xFFFF_1234, 1),
            (0x1234_5678, 2),
            (0xFFFF_FFFF, 1),
            (0xAAAA_AAAA, 1),
            (0x5555_5555_5555_1234, 2),
            (0x7FF8_0000_0000_0000, 1),
            (0x1234_5678_9ABC_DEF0, 4),
            (0x1234_FFFF_FFFF_5678, 2),
            (0x0000_1234_5678_0000, 2),
            (0x0000_1234_5678_9ABC, 3),
            (0x00FF_00FF_00FF_1234, 2),
        ];
        for (value, count) in values {
            assert_eq!(run(value), (value, count), "{value:#x}");
        }
    }

    #[test]
    fn any_mix_of_quarters_is_right() {
        let quarters = [0, 0xFFFF, 0x1234, 0x8000, 0x00FF, 0x5555];
        for index in 0..quarters.len().pow(4) {
            let at = |place: u32| quarters[index / quarters.len().pow(place) % quarters.len()];
            let value = at(0) | at(1) << 16 | at(2) << 32 | at(3) << 48;
            assert_eq!(run(value).0, value);
        }
    }
}
