//! Bugs at both ends: text and verifier, assemblers.

use super::{Mutation, bug};

const LEXER: &str = "crates/ir/src/parse/lexer.rs";
const LITERAL: &str = "crates/ir/src/parse/literal.rs";
const CONSTANT: &str = "crates/ir/src/print/constant.rs";
const SUSPENSION: &str = "crates/ir/src/suspension.rs";
const VERIFY_SSA: &str = "crates/ir/src/verify/ssa.rs";
const VERIFY_STRUCTURE: &str = "crates/ir/src/verify/structure.rs";
const VERIFY_SUSPENSION: &str = "crates/ir/src/verify/suspension.rs";
const VERIFY_ADDRESS: &str = "crates/ir/src/verify/address.rs";
const X64_ENCODE: &str = "crates/x64/src/encode.rs";
const A64_REACH: &str = "crates/aarch64/src/reach.rs";
const A64_ISLAND: &str = "crates/aarch64/src/island.rs";

/// The rows.
pub const ROWS: &[Mutation] = &[
    bug(
        "text/columns_of_characters",
        LEXER,
        "        self.line_start += continued;",
        "        let _ = continued;",
        "behind a string with characters of several bytes columns are too large",
    ),
    bug(
        "text/range_of_integers",
        LITERAL,
        "number >= 1i128 << bits",
        "number > 1i128 << bits",
        "a constant of one more than fits is taken",
    ),
    bug(
        "text/vector_digits",
        LITERAL,
        "(hexadecimal && digits.len() <= 32)",
        "(hexadecimal && digits.len() < 32)",
        "a vector whose highest digit is not zero is refused",
    ),
    bug(
        "text/nan_bits",
        CONSTANT,
        "return write!(f, \"nan:{:#010x}\", bits as u32);",
        "return write!(f, \"nan:{:#010x}\", bits as u32 & 0xffff_0000);",
        "the payload of a NaN of 32 bits is printed in part",
    ),
    bug(
        "ir/joins_do_not_suspend",
        SUSPENSION,
        "(Opcode::Join | Opcode::TryJoin, _) => true,",
        "(Opcode::Join, _) => true,",
        "a join with a handler is no suspension point",
    ),
    bug(
        "ir/tail_awaits_of_anything",
        SUSPENSION,
        "Opcode::Return => function.results(call) == function.args(end),",
        "Opcode::Return => function.results(call).len() == function.args(end).len(),",
        "a function that returns other results in the same number ends with a tail call",
    ),
    bug(
        "verifier/dominance",
        VERIFY_SSA,
        "if at as usize <= user.position {",
        "if at as usize <= user.position + 1 {",
        "an instruction may use its own result",
    ),
    bug(
        "verifier/edge_results",
        VERIFY_SSA,
        "if catcher != user.inst || edge != Some(own) {",
        "if catcher != user.inst {",
        "what a call gives may be handed to its unwind target",
    ),
    bug(
        "verifier/entry_target",
        VERIFY_STRUCTURE,
        "iter().any(|t| t.block == entry);",
        "iter().all(|t| t.block == entry) && !function.targets(inst).is_empty();",
        "a branch may lead to the entry if it also leads elsewhere",
    ),
    bug(
        "verifier/signature_limit",
        VERIFY_STRUCTURE,
        "if count > MAX_SIGNATURE {",
        "if count > MAX_SIGNATURE + 1 {",
        "a signature may have one parameter too many",
    ),
    bug(
        "verifier/field_alignment",
        VERIFY_SUSPENSION,
        "let align = align.min(MAX_ALIGN);",
        "let align = align.min(MAX_ALIGN / 2);",
        "a field of 8 bytes may lie at a multiple of 4",
    ),
    bug(
        "verifier/overlap",
        VERIFY_SUSPENSION,
        "Some(before) if next.start < before.end => {",
        "Some(before) if next.start + 1 < before.end => {",
        "fields of a point may overlap by a byte",
    ),
    bug(
        "verifier/address_steps",
        VERIFY_ADDRESS,
        "is_some_and(|&v| function.integer_constant(v).is_none())",
        "is_some_and(|&v| function.integer_constant(v).is_some_and(|step| step < 0))",
        "an address may be moved by an amount that nobody knows",
    ),
    bug(
        "assembler/rex_of_the_index",
        X64_ENCODE,
        "0x40 | w << 3 | register << 2 | index << 1 | rm",
        "0x40 | w << 3 | register << 2 | rm",
        "an index register from r8 on is one of the first eight",
    ),
    bug(
        "assembler/base_without_displacement",
        X64_ENCODE,
        "if mem.disp == 0 && low != NO_BASE {",
        "if mem.disp == 0 {",
        "rbp and r13 without a displacement are no base",
    ),
    bug(
        "assembler/low_bytes",
        X64_ENCODE,
        "Reg::RSP | Reg::RBP | Reg::RSI | Reg::RDI)",
        "Reg::RSP | Reg::RBP | Reg::RSI)",
        "the low byte of rdi is bh",
    ),
    bug(
        "assembler/reach_ahead",
        A64_REACH,
        "((1 << (bits - 1)) - 1) * unit",
        "(1 << (bits - 1)) * unit",
        "a branch reaches one instruction too far",
    ),
    bug(
        "assembler/veneers_of_short_branches",
        A64_ISLAND,
        "Reach::Branch14 => Some((SHORT, BRANCH)),",
        "Reach::Branch14 => Some((MEDIUM, BRANCH)),",
        "tests of a bit wait for their veneers as long as other branches",
    ),
];
