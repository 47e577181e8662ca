//! Bugs at both ends: text and verifier, interpreter, assemblers.

use super::{Mutation, bug};

const LEXER: &str = "crates/ir/src/parse/lexer.rs";
const LITERAL: &str = "crates/ir/src/parse/literal.rs";
const CONSTANT: &str = "crates/ir/src/print/constant.rs";
const SUSPENSION: &str = "crates/ir/src/suspension.rs";
const VERIFY_SSA: &str = "crates/ir/src/verify/ssa.rs";
const VERIFY_STRUCTURE: &str = "crates/ir/src/verify/structure.rs";
const VERIFY_SUSPENSION: &str = "crates/ir/src/verify/suspension.rs";
const VERIFY_ADDRESS: &str = "crates/ir/src/verify/address.rs";
const INTERP_CALL: &str = "crates/interp/src/call.rs";
const INTERP_CONTROL: &str = "crates/interp/src/control.rs";
const INTERP_EXCEPTION: &str = "crates/interp/src/exception.rs";
const INTERP_INTEGER: &str = "crates/interp/src/integer.rs";
const INTERP_MEMORY: &str = "crates/interp/src/memory.rs";
const INTERP_SCHEDULER: &str = "crates/interp/src/scheduler.rs";
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
        "iter().all(|t| t.block == entry);",
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
        "interpreter/tail_calls",
        INTERP_CALL,
        "self.stack_bytes - freed + cost > self.options.stack_limit",
        "self.stack_bytes + cost > self.options.stack_limit",
        "a tail call needs room for both frames",
    ),
    bug(
        "interpreter/context_of_frames",
        INTERP_CALL,
        "self.context.word = context.unwrap_or(self.context.word);",
        "let _ = context;",
        "an async function does not give the context word back",
    ),
    bug(
        "interpreter/branch",
        INTERP_CONTROL,
        "usize::from(condition == 0)",
        "usize::from(condition & 1 == 0)",
        "an even condition counts as false",
    ),
    bug(
        "interpreter/rethrow",
        INTERP_EXCEPTION,
        "Some(record) if record.exception() == Some(exception) =>",
        "Some(record) if record.exception().is_some() =>",
        "another exception that is thrown on keeps the frames of the last one",
    ),
    bug(
        "interpreter/division_overflow",
        INTERP_INTEGER,
        "} else if b == -1 && a == narrow(bits, 1 << (bits - 1)) {",
        "} else if b == -1 && a == i64::MIN {",
        "the quotient that does not fit 32 bits is no trap",
    ),
    bug(
        "interpreter/shift_amounts",
        INTERP_INTEGER,
        "value as u32 & (bits - 1)",
        "value as u32 & 63",
        "a shift of a narrow number counts modulo 64",
    ),
    bug(
        "interpreter/copies_that_overlap",
        INTERP_MEMORY,
        "let start = if to > from {",
        "let start = if to < from {",
        "a copy of more than a page that overlaps itself begins at the wrong end",
    ),
    bug(
        "interpreter/pages",
        INTERP_MEMORY,
        "        if after > self.max_pages {",
        "        if after >= self.max_pages {",
        "a memory never gets its last page",
    ),
    bug(
        "interpreter/timers",
        INTERP_SCHEDULER,
        "            && deadline <= now\n",
        "            && deadline < now\n",
        "a timer whose deadline is now does not fire",
    ),
    bug(
        "interpreter/joined_by_two",
        INTERP_SCHEDULER,
        "(task.joiner.is_none() && !task.detached)",
        "(!task.detached)",
        "a second task may join one that is joined",
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
