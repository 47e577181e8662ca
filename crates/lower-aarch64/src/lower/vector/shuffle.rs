//! Bytes of two vectors in any order: by one instruction where the order is one of its own, else by a
//! table.

use super::Lowering;
use crate::lower::{Lower, imm, reg};
use crate::machine::Inst as MachineInst;
use enjamb_aarch64::lanes::{self as forms, ByLane};
use enjamb_aarch64::{Op, Width};
use enjamb_ir::{Inst, Payload};
use enjamb_lower::Values;
use enjamb_regalloc::{RegClass, VReg};

/// For each byte its number among those of two vectors.
type Numbers = [u8; 16];

/// What no byte has as its number in a table.
const NONE: u8 = 0xff;

/// How an instruction makes a vector. Vectors are 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Plan {
    /// It is one of them.
    Same(usize),
    /// A form for one vector.
    One(Op, usize),
    /// A form for one vector and the number of a lane.
    Lane(Op, usize, u8),
    /// A form for two vectors.
    Two(Op, [usize; 2]),
    /// 16 bytes in a row of two vectors, from this one on.
    Row([usize; 2], u8),
    /// A form that replaces one lane of a vector by one of another: vector and lane, twice.
    Insert(Op, [(usize, u8); 2]),
}

/// Where a lane comes from.
type From = fn(usize, usize) -> usize;

/// Forms for two vectors, and where a lane comes from, those of the second being counted behind those of
/// the first. Given are its own number and how many a vector has.
const TWO: [(ByLane, From); 6] = [
    (forms::ZIP1, |lane, lanes| lane / 2 + lane % 2 * lanes),
    (forms::ZIP2, |lane, lanes| {
        (lanes + lane) / 2 + lane % 2 * lanes
    }),
    (forms::UZP1, |lane, _| 2 * lane),
    (forms::UZP2, |lane, _| 2 * lane + 1),
    (forms::TRN1, |lane, lanes| lane / 2 * 2 + lane % 2 * lanes),
    (forms::TRN2, |lane, lanes| {
        lane / 2 * 2 + 1 + lane % 2 * lanes
    }),
];

/// Forms that put lanes into the opposite order within so many bytes.
const REVERSED: [(ByLane, usize); 3] = [(forms::REV64, 8), (forms::REV32, 4), (forms::REV16, 2)];

/// Widths of lanes, the widest first.
const WIDTHS: [Width; 4] = [Width::B64, Width::B32, Width::B16, Width::B8];

/// The numbers of whole lanes, if bytes are in no finer order.
fn lanes_of(numbers: &Numbers, width: Width) -> Option<Vec<usize>> {
    let bytes = usize::from(width.bytes());
    let lane = |chunk: &[u8]| {
        let first = usize::from(chunk[0]);
        let row = chunk.iter().zip(first..);
        let is_whole = row
            .into_iter()
            .all(|(&number, at)| usize::from(number) == at);
        (first % bytes == 0 && is_whole).then_some(first / bytes)
    };
    numbers.chunks(bytes).map(lane).collect()
}

/// Where the instruction for it takes every lane from, if that is known of a pair of vectors.
fn matches(lanes: &[usize], [first, second]: [usize; 2], from: impl Fn(usize) -> usize) -> bool {
    let count = lanes.len();
    let of_pair = |lane: usize| match lane < count {
        true => first * count + lane,
        false => second * count + lane - count,
    };
    let all = lanes.iter().enumerate();
    all.into_iter()
        .all(|(lane, &wanted)| of_pair(from(lane)) == wanted)
}

/// The instruction for an order of lanes of one width.
fn plan_of_lanes(lanes: &[usize], width: Width) -> Option<Plan> {
    let count = lanes.len();
    let side = |lane: usize| lane / count;
    let number = |lane: usize| (lane % count) as u8;
    for vector in [0, 1] {
        if matches(lanes, [vector; 2], |lane| lane) {
            return Some(Plan::Same(vector));
        }
    }
    if lanes.iter().all(|&lane| lane == lanes[0]) {
        let op = forms::DUP_LANE.at(width)?;
        return Some(Plan::Lane(op, side(lanes[0]), number(lanes[0])));
    }
    let pairs = [[0, 1], [1, 0], [0, 0], [1, 1]];
    for pair in pairs {
        let form = TWO
            .iter()
            .find(|(_, from)| matches(lanes, pair, |lane| from(lane, count)));
        if let Some(op) = form.and_then(|(forms, _)| forms.at(width)) {
            return Some(Plan::Two(op, pair));
        }
    }
    let bytes = usize::from(width.bytes());
    for vector in [0, 1] {
        let is_reversed = |&&(_, group): &&(ByLane, usize)| {
            let last = (group / bytes).saturating_sub(1);
            last > 0 && matches(lanes, [vector; 2], |lane| lane ^ last)
        };
        let form = REVERSED.iter().find(is_reversed);
        if let Some(op) = form.and_then(|(forms, _)| forms.at(width)) {
            return Some(Plan::One(op, vector));
        }
    }
    for vector in [0, 1] {
        let all = lanes.iter().enumerate();
        let mut others = all.filter(|&(lane, &from)| vector * count + lane != from);
        if let (Some((lane, &from)), None) = (others.next(), others.next()) {
            let op = forms::INS_LANE.at(width)?;
            let places = [(vector, number(lane)), (side(from), number(from))];
            return Some(Plan::Insert(op, places));
        }
    }
    None
}

/// One instruction for an order of bytes, if there is one.
fn plan(numbers: &Numbers) -> Option<Plan> {
    for width in WIDTHS {
        let lanes = lanes_of(numbers, width);
        if let Some(plan) = lanes.and_then(|lanes| plan_of_lanes(&lanes, width)) {
            return Some(plan);
        }
    }
    let bytes = lanes_of(numbers, Width::B8)?;
    let first = numbers[0] % 16;
    for pair in [[0, 1], [1, 0], [0, 0], [1, 1]] {
        if matches(&bytes, pair, |byte| byte + usize::from(first)) {
            return Some(Plan::Row(pair, first));
        }
    }
    None
}

fn numbers_of(payload: Payload) -> Option<Numbers> {
    match payload {
        Payload::Shuffle(numbers) => Some(numbers),
        _ => None,
    }
}

impl Lowering<'_> {
    pub(super) fn shuffle(&mut self, inst: Inst) -> Lower<VReg> {
        let mut numbers = self.payload(inst, numbers_of)?;
        let values = [self.arg(inst, 0)?, self.arg(inst, 1)?];
        if values[0] == values[1] {
            numbers = numbers.map(|number| number % 16);
        }
        let Some(plan) = plan(&numbers) else {
            return self.shuffle_by_table(inst, numbers);
        };
        match plan {
            Plan::Same(vector) => self.operand(inst, vector),
            Plan::One(op, vector) => {
                let input = self.operand(inst, vector)?;
                self.vector_of(op, &[reg(input)])
            }
            Plan::Lane(op, vector, lane) => {
                let input = self.operand(inst, vector)?;
                self.vector_of(op, &[reg(input), imm(i64::from(lane))])
            }
            Plan::Two(op, pair) => {
                let [first, second] = self.both(inst, pair)?;
                self.vector_of(op, &[reg(first), reg(second)])
            }
            Plan::Row(pair, from) => {
                let [first, second] = self.both(inst, pair)?;
                let operands = [reg(first), reg(second), imm(i64::from(from))];
                self.vector_of(Op::Ext16BVVVI, &operands)
            }
            Plan::Insert(op, [(vector, lane), (source, from)]) => {
                let [vector, source] = self.both(inst, [vector, source])?;
                let operands = [imm(i64::from(lane)), reg(source), imm(i64::from(from))];
                self.modify(op, vector, &operands)
            }
        }
    }

    fn both(&mut self, inst: Inst, [first, second]: [usize; 2]) -> Lower<[VReg; 2]> {
        let register = self.operand(inst, first)?;
        if first == second {
            return Ok([register; 2]);
        }
        Ok([register, self.operand(inst, second)?])
    }

    /// Bytes of a vector that is zero need no table.
    fn shuffle_by_table(&mut self, inst: Inst, numbers: Numbers) -> Lower<VReg> {
        let args = [self.arg(inst, 0)?, self.arg(inst, 1)?];
        let is_zero = args.map(|value| self.vector_bits(value) == Some(0));
        let side = |number: u8| usize::from(number / 16);
        let is_needed = |vector: usize| {
            let mut sides = numbers.iter().map(|&number| side(number));
            !is_zero[vector] && sides.any(|side| side == vector)
        };
        if is_needed(0) && is_needed(1) {
            let [first, second] = self.both(inst, [0, 1])?;
            let numbers = self.vector_constant(u128::from_le_bytes(numbers));
            let output = self.new_vreg(RegClass::Float);
            self.push(MachineInst::Table {
                output,
                first,
                second,
                numbers,
            });
            return Ok(output);
        }
        let vector = usize::from(!is_needed(0));
        let table = self.operand(inst, vector)?;
        let numbers = numbers.map(|number| match side(number) == vector {
            true => number % 16,
            false => NONE,
        });
        let numbers = self.vector_constant(u128::from_le_bytes(numbers));
        self.vector_of(Op::Tbl16BTV, &[reg(table), reg(numbers)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_lanes(lanes: &[u8]) -> Numbers {
        let bytes = 16 / lanes.len();
        std::array::from_fn(|byte| lanes[byte / bytes] * bytes as u8 + (byte % bytes) as u8)
    }

    #[test]
    fn orders_that_instructions_have_are_found() {
        let cases = [
            (of_lanes(&[0, 1]), Plan::Same(0)),
            (of_lanes(&[2, 3]), Plan::Same(1)),
            (of_lanes(&[5; 4]), Plan::Lane(Op::Dup4SVS, 1, 1)),
            (of_lanes(&[0, 2]), Plan::Two(Op::Zip1_2DVVV, [0, 1])),
            (of_lanes(&[3, 1]), Plan::Two(Op::Zip2_2DVVV, [1, 0])),
            (of_lanes(&[2, 6, 3, 7]), Plan::Two(Op::Zip2_4SVVV, [0, 1])),
            (of_lanes(&[0, 2, 4, 6]), Plan::Two(Op::Uzp1_4SVVV, [0, 1])),
            (of_lanes(&[1, 3, 1, 3]), Plan::Two(Op::Uzp2_4SVVV, [0, 0])),
            (
                of_lanes(&[1, 9, 3, 11, 5, 13, 7, 15]),
                Plan::Two(Op::Trn2_8HVVV, [0, 1]),
            ),
            (of_lanes(&[5, 4, 7, 6]), Plan::One(Op::Rev64_4SVV, 1)),
            (
                of_lanes(&[3, 2, 1, 0, 7, 6, 5, 4]),
                Plan::One(Op::Rev64_8HVV, 0),
            ),
            (
                of_lanes(&[1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14]),
                Plan::One(Op::Rev16_16BVV, 0),
            ),
            (
                of_lanes(&[0, 1, 7, 3]),
                Plan::Insert(Op::InsSS, [(0, 2), (1, 3)]),
            ),
            (
                std::array::from_fn(|byte| byte as u8 + 5),
                Plan::Row([0, 1], 5),
            ),
            (
                std::array::from_fn(|byte| (byte as u8 + 3) % 16 + 16),
                Plan::Row([1, 1], 3),
            ),
        ];
        for (numbers, expected) in cases {
            assert_eq!(plan(&numbers), Some(expected), "{numbers:?}");
        }
        assert_eq!(plan(&of_lanes(&[0, 3, 6, 1])), None);
    }
}
