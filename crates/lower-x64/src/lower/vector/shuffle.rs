//! Permutations of the bytes of two vectors.
//!
//! Those that one instruction does are looked for first, from the cheapest on; any other takes a byte
//! shuffle of each vector, with zeros where the other one's bytes go.

use super::super::{Lowering, imm, reg};
use enjamb_ir::Inst;
use enjamb_lower::{Lower, Values};
use enjamb_regalloc::VReg;
use enjamb_x64::Op;

/// For each byte of the result the number of a byte of the pair.
type Bytes = [u8; 16];

/// A byte shuffle writes zero for a number with this bit.
const CLEAR: u8 = 0x80;

/// Interleavings of halves: the form, the bytes of a lane, whether it is the upper half.
const INTERLEAVED: [(Op, usize, usize); 8] = [
    (Op::PunpcklqdqXM, 8, 0),
    (Op::PunpckhqdqXM, 8, 1),
    (Op::PunpckldqXM, 4, 0),
    (Op::PunpckhdqXM, 4, 1),
    (Op::PunpcklwdXM, 2, 0),
    (Op::PunpckhwdXM, 2, 1),
    (Op::PunpcklbwXM, 1, 0),
    (Op::PunpckhbwXM, 1, 1),
];

/// The numbers that an interleaving of two halves has.
fn interleaved(size: usize, half: usize) -> Bytes {
    std::array::from_fn(|index| {
        let (lane, byte) = (index / size, index % size);
        (16 * (lane % 2) + 8 * half + lane / 2 * size + byte) as u8
    })
}

/// The numbers of whole lanes of `size` bytes, if the bytes stay together.
fn lanes<const N: usize>(bytes: &Bytes) -> Option<[u8; N]> {
    let size = 16 / N;
    let fits = |lane: &[u8]| {
        usize::from(lane[0]).is_multiple_of(size)
            && lane
                .iter()
                .enumerate()
                .all(|(at, &byte)| byte == lane[0] + at as u8)
    };
    bytes
        .chunks(size)
        .all(fits)
        .then(|| std::array::from_fn(|lane| bytes[lane * size] / size as u8))
}

/// Four numbers of two bits.
fn immediate(lanes: [u8; 4]) -> i64 {
    let fields = lanes.iter().rev();
    fields.fold(0, |all, &lane| all << 2 | i64::from(lane & 3))
}

impl Lowering<'_> {
    pub(super) fn shuffle(&mut self, inst: Inst, bytes: Bytes) -> Lower<VReg> {
        let pair = [self.arg(inst, 0)?, self.arg(inst, 1)?];
        let is_same = pair[0] == pair[1];
        let of = |number: u8| usize::from(number >= 16 && !is_same);
        let is_used = |vector: usize| bytes.iter().any(|&number| of(number) == vector);
        let is_zero =
            |this: &Self, vector: usize| this.constant_vector(pair[vector]) == Some([0; 16]);
        for (vector, other) in [(0, 1), (1, 0)] {
            if !is_used(other) {
                let input = self.value(pair[vector])?;
                return self.shuffle_one(input, bytes.map(|number| number % 16));
            }
            if is_zero(self, other) {
                let input = self.value(pair[vector])?;
                let picked = bytes.map(|number| match of(number) == vector {
                    true => number % 16,
                    false => CLEAR,
                });
                return self.shuffle_bytes(input, picked);
            }
        }
        let [first, second] = [self.value(pair[0])?, self.value(pair[1])?];
        self.shuffle_two(first, second, bytes)
    }

    /// The numbers are below 16.
    fn shuffle_one(&mut self, input: VReg, bytes: Bytes) -> Lower<VReg> {
        if bytes == std::array::from_fn(|index| index as u8) {
            return Ok(input);
        }
        if let Some(lanes) = lanes::<4>(&bytes) {
            return self.permuted(Op::PshufdXMI, input, immediate(lanes));
        }
        if let Some([a, b, c, d, e, f, g, h]) = lanes::<8>(&bytes) {
            if [e, f, g, h] == [4, 5, 6, 7] && [a, b, c, d].iter().all(|&lane| lane < 4) {
                return self.permuted(Op::PshuflwXMI, input, immediate([a, b, c, d]));
            }
            if [a, b, c, d] == [0, 1, 2, 3] && [e, f, g, h].iter().all(|&lane| lane >= 4) {
                return self.permuted(Op::PshufhwXMI, input, immediate([e, f, g, h]));
            }
        }
        self.shuffle_bytes(input, bytes)
    }

    fn shuffle_bytes(&mut self, input: VReg, bytes: Bytes) -> Lower<VReg> {
        let bytes = self.constant_mem(&bytes).into();
        self.modify(Op::PshufbXM, input, &[bytes])
    }

    fn shuffle_two(&mut self, first: VReg, second: VReg, bytes: Bytes) -> Lower<VReg> {
        // The same with the vectors exchanged.
        let exchanged = bytes.map(|number| number ^ 16);
        for (first, second, bytes) in [(first, second, bytes), (second, first, exchanged)] {
            if let Some((op, immediate)) = one_instruction(&bytes) {
                let second = reg(second);
                return match immediate {
                    Some(value) => self.modify(op, first, &[second, imm(value)]),
                    None => self.modify(op, first, &[second]),
                };
            }
        }
        let of = |vector: u8| {
            bytes.map(|number| match number / 16 == vector {
                true => number % 16,
                false => CLEAR,
            })
        };
        let first = self.shuffle_bytes(first, of(0))?;
        let second = self.shuffle_bytes(second, of(1))?;
        self.modify(Op::PorXM, first, &[reg(second)])
    }
}

/// The instruction that overwrites the first of two vectors with this permutation, and its immediate.
fn one_instruction(bytes: &Bytes) -> Option<(Op, Option<i64>)> {
    let is_interleaved =
        |&&(_, size, half): &&(Op, usize, usize)| *bytes == interleaved(size, half);
    if let Some(&(op, ..)) = INTERLEAVED.iter().find(is_interleaved) {
        return Some((op, None));
    }
    let words = lanes::<8>(bytes);
    let stays = |(index, word): (usize, &u8)| usize::from(word % 8) == index;
    if let Some(words) = words.filter(|words| words.iter().enumerate().all(stays)) {
        let chosen = words.iter().rev();
        let chosen = chosen.fold(0, |all, &word| all << 1 | i64::from(word / 8));
        return Some((Op::PblendwXMI, Some(chosen)));
    }
    if let Some(lanes @ [a, b, c, d]) = lanes::<4>(bytes)
        && a < 4
        && b < 4
        && c >= 4
        && d >= 4
    {
        return Some((Op::ShufpsXMI, Some(immediate(lanes))));
    }
    // PALIGNR takes the bytes from a place on, where the overwritten vector is the upper one.
    let start = bytes[0] ^ 16;
    let follows =
        |(index, &number): (usize, &u8)| usize::from(number ^ 16) == usize::from(start) + index;
    if start < 16 && bytes.iter().enumerate().all(follows) {
        return Some((Op::PalignrXMI, Some(start.into())));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_of_one_instruction_are_found() {
        let from = |start: u8| std::array::from_fn(|index| (start + index as u8) % 32);
        assert_eq!(
            one_instruction(&interleaved(1, 1)),
            Some((Op::PunpckhbwXM, None))
        );
        assert_eq!(one_instruction(&from(19)), Some((Op::PalignrXMI, Some(3))));
        assert_eq!(one_instruction(&from(3)), None);
        let mut blended: Bytes = from(0);
        blended[4..6].copy_from_slice(&[20, 21]);
        assert_eq!(one_instruction(&blended), Some((Op::PblendwXMI, Some(4))));
        let halves = [4, 5, 6, 7, 0, 1, 2, 3, 16, 17, 18, 19, 28, 29, 30, 31];
        assert_eq!(
            one_instruction(&halves),
            Some((Op::ShufpsXMI, Some(0b11_00_00_01)))
        );
    }
}
