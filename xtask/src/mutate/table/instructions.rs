//! Bugs in how single instructions become code, and in what stands around them: from the passes to the assembler.

use super::{Mutation, bug};

const ASYNC_EDIT: &str = "crates/async/src/edit.rs";
const CODEGEN_FRAMES: &str = "crates/codegen/src/frames.rs";
const CODEGEN_RUNNER: &str = "crates/codegen/src/runner.rs";
const X64_CONVERT: &str = "crates/lower-x64/src/lower/convert.rs";
const X64_FLOAT: &str = "crates/lower-x64/src/lower/float.rs";
const X64_SHIFT: &str = "crates/lower-x64/src/lower/vector/shift.rs";
const X64_SHUFFLE: &str = "crates/lower-x64/src/lower/vector/shuffle.rs";
const LOWER_CHECK: &str = "crates/lower/src/check.rs";
const LOWER_NANS: &str = "crates/lower/src/nans.rs";
const LOWER_VALUES: &str = "crates/lower/src/values.rs";
const REGALLOC_SHARE_SLOTS: &str = "crates/regalloc/src/share_slots.rs";
const ROOTS_EDGES: &str = "crates/roots/src/edges.rs";
const X64_RELAX: &str = "crates/x64/src/relax.rs";

/// The rows.
pub const ROWS: &[Mutation] = &[
    bug(
        "lower/constant_end",
        LOWER_CHECK,
        "Some(Ok(end)) if end as u64 <= minimum =>",
        "Some(Ok(end)) if end as u64 <= minimum + 1 =>",
        "an access at a constant that ends one byte behind the memory is not checked",
    ),
    bug(
        "lower/constant_of_32_bits",
        LOWER_CHECK,
        "_ => u64::from(constant as u32),",
        "_ => constant as u64,",
        "an index of 32 bits with the highest one set counts as negative",
    ),
    bug(
        "lower/wrapping_indices",
        LOWER_CHECK,
        "may_wrap: self.type_of(index) == Type::I64,",
        "may_wrap: self.type_of(index) == Type::I32,",
        "an index of 64 bits is not checked for an end that wraps around",
    ),
    bug(
        "lower/element_of_a_slot",
        LOWER_CHECK,
        "size.checked_sub(u64::from(offset) + u64::from(bytes))",
        "size.checked_sub(u64::from(offset))",
        "an element that begins in a slot may end behind it",
    ),
    bug(
        "lower/nans_of_lanes",
        LOWER_NANS,
        "Reads::Lanes(read) => shape != Some(read),",
        "Reads::Lanes(_) => false,",
        "a NaN that lanes of one size make and lanes of another one read is any NaN",
    ),
    bug(
        "lower/nans_handed_over",
        LOWER_NANS,
        "                    self.read(from, Reads::Bits);",
        "                    self.read(from, Reads::Alike);",
        "a NaN that is handed to another block is any NaN",
    ),
    bug(
        "lower/nans_extracted",
        LOWER_NANS,
        "(Move::Lane(shape), Reads::Alike) => Reads::Lanes(shape),",
        "(Move::Lane(_), Reads::Alike) => Reads::Alike,",
        "a NaN that is made in lanes of one size and taken out of another one is any NaN",
    ),
    bug(
        "lower/bound_twice",
        LOWER_VALUES,
        "Some(output) => self.copy_into(output, register),",
        "Some(_) => Ok(()),",
        "what somebody has used before its definition in the order of emission is never defined",
    ),
    bug(
        "regalloc/slots_at_the_end_of_blocks",
        REGALLOC_SHARE_SLOTS,
        "                interval.include(bounds[predecessor].last);\n",
        "",
        "a spill slot is free behind the last use in the text, though a later block reads it",
    ),
    bug(
        "regalloc/wide_slots",
        REGALLOC_SHARE_SLOTS,
        "true => 2 * wide[slot] as usize + 1,",
        "true => 2 * wide[slot] as usize,",
        "a vector is spilled over its neighbour",
    ),
    bug(
        "async/positions",
        ASYNC_EDIT,
        "        self.function.positions[inst] = self.function.positions[self.call];\n",
        "        let _ = self.call;\n",
        "what a suspension does has no position in the source",
    ),
    bug(
        "roots/handed_over_twice",
        ROOTS_EDGES,
        "uses.for_each(|arg| *arg = param);",
        "uses.take(1).for_each(|arg| *arg = param);",
        "a result that is handed over twice is used where it has no definition",
    ),
    bug(
        "codegen/areas_of_reports",
        CODEGEN_FRAMES,
        "report.result_area = report.result_area.max(results);",
        "report.result_area = results;",
        "the report of a layout shows the result area of its last point",
    ),
    bug(
        "codegen/limit_of_passes",
        CODEGEN_RUNNER,
        "            if left == 0 {",
        "            if left == 1 {",
        "where passes are counted one fewer runs than was asked for",
    ),
    bug(
        "x64/odd_halves",
        X64_CONVERT,
        "        let half = self.modify(Op::Or64RM, half, &[reg(lost)])?;\n",
        "        let _ = lost;\n",
        "a large unsigned number that is halved to become a float is rounded twice",
    ),
    bug(
        "x64/bounds_of_single_floats",
        X64_CONVERT,
        "(true, Type::I32, Type::F32) => (-2_147_483_648.0, Cond::B, 2_147_483_648.0),",
        "(true, Type::I32, Type::F32) => (-2_147_483_648.0, Cond::BE, 2_147_483_648.0),",
        "the least number of 32 bits cannot be made of a float of 32 bits",
    ),
    bug(
        "x64/upper_bound",
        X64_CONVERT,
        "        self.trap_on(Cond::AE, TrapCode::InvalidConversion);",
        "        self.trap_on(Cond::A, TrapCode::InvalidConversion);",
        "the float that is one above the largest integer is converted",
    ),
    bug(
        "x64/saturated_nan",
        X64_CONVERT,
        "            return self.zero_for_nan(integer, value, Type::F64);",
        "            return Ok(integer);",
        "no number is converted to the least one with saturation",
    ),
    bug(
        "x64/unsigned_bitcast",
        X64_CONVERT,
        "(_, false) => Op::Mov32RM,",
        "(_, false) => Op::Movsxd64RM32,",
        "an extension of 32 bits without a sign has one",
    ),
    bug(
        "x64/rounding",
        X64_FLOAT,
        "Floor => self.round(inst, DOWN)?,",
        "Floor => self.round(inst, TO_ZERO)?,",
        "the largest integer below a negative number is the one above",
    ),
    bug(
        "x64/magnitude",
        X64_FLOAT,
        "        let but_sign = self.constant_mem(&(!sign).to_le_bytes()).into();",
        "        let but_sign = self.constant_mem(&(!sign << 1).to_le_bytes()).into();",
        "the magnitude of a float loses its lowest bit",
    ),
    bug(
        "x64/amounts_of_lanes",
        X64_SHIFT,
        "let amount = self.modify(Op::And32MI, amount, &[imm(last.into())])?;",
        "let amount = self.modify(Op::And32MI, amount, &[imm(63)])?;",
        "lanes are shifted by amounts modulo 64",
    ),
    bug(
        "x64/bytes_of_a_shift",
        X64_SHIFT,
        "Opcode::Vishl => 0xff << amount,",
        "Opcode::Vishl => 0xff >> amount,",
        "bytes that are shifted to the left lose the wrong bits",
    ),
    bug(
        "x64/exchanged_vectors",
        X64_SHUFFLE,
        "(second, first, exchanged)",
        "(first, second, exchanged)",
        "a shuffle that one instruction does with its operands exchanged does not exchange them",
    ),
    bug(
        "x64/high_words",
        X64_SHUFFLE,
        "[e, f, g, h].iter().all(|&lane| lane >= 4)",
        "[e, f, g, h].iter().all(|&lane| lane >= 3)",
        "words of the lower half are taken from the upper one",
    ),
    bug(
        "assembler/far_jumps",
        X64_RELAX,
        "                growing.push(other);\n",
        "",
        "a jump that grows does not make those around it longer",
    ),
    bug(
        "assembler/reach_of_short_jumps",
        X64_RELAX,
        "i8::try_from(distance).is_ok()",
        "(-128..=128).contains(&distance)",
        "a short jump reaches one byte too far",
    ),
];
