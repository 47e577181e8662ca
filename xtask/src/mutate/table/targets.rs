//! Bugs in the targets: lowering and stubs of both, and their assemblers.

use super::{Mutation, bug};

const X64_CALL: &str = "crates/lower-x64/src/emit/call.rs";
const X64_FRAME: &str = "crates/lower-x64/src/emit/frame.rs";
const X64_CONDITION: &str = "crates/lower-x64/src/lower/condition.rs";
const X64_ADDRESS: &str = "crates/lower-x64/src/lower/address.rs";
const X64_MEMORY: &str = "crates/lower-x64/src/lower/memory.rs";
const X64_ALLOCATE: &str = "crates/lower-x64/src/stubs/allocate.rs";
const X64_DISPATCHER: &str = "crates/lower-x64/src/stubs/dispatcher.rs";
const X64_ENTRY: &str = "crates/lower-x64/src/stubs/entry.rs";
const X64_HOST: &str = "crates/lower-x64/src/stubs/host.rs";
const X64_THROW: &str = "crates/lower-x64/src/stubs/throw.rs";
const X64_TRAP: &str = "crates/lower-x64/src/stubs/trap.rs";
const A64_CALL: &str = "crates/lower-aarch64/src/emit/call.rs";
const A64_FRAME: &str = "crates/lower-aarch64/src/emit/frame.rs";
const A64_ADDRESS: &str = "crates/lower-aarch64/src/emit/address.rs";
const A64_DIVIDE: &str = "crates/lower-aarch64/src/lower/divide.rs";
const A64_ALLOCATE: &str = "crates/lower-aarch64/src/stubs/allocate.rs";
const A64_DISPATCHER: &str = "crates/lower-aarch64/src/stubs/dispatcher.rs";
const A64_THROW: &str = "crates/lower-aarch64/src/stubs/throw.rs";

/// The rows.
pub const ROWS: &[Mutation] = &[
    bug(
        "x64/float_less",
        X64_CONDITION,
        "if matches!(cond, FloatCond::Less | FloatCond::LessEqual) {",
        "if matches!(cond, FloatCond::Less) {",
        "less or equal of floats compares the wrong way round",
    ),
    bug(
        "x64/unordered_equal",
        X64_CONDITION,
        "Predicate::FloatEqual => (Cond::E, Cond::NP, Op::And32RM),",
        "Predicate::FloatEqual => (Cond::E, Cond::NP, Op::Or32RM),",
        "numbers that are not equal count as equal if none is NaN",
    ),
    bug(
        "x64/fuel_sign",
        X64_CONDITION,
        "Ok(Predicate::Flag(Cond::S))",
        "Ok(Predicate::Flag(Cond::B))",
        "a debt counts as fuel, since the carry is tested",
    ),
    bug(
        "x64/operands_of_immediates",
        X64_CONDITION,
        "cond = cond.swap_operands().ok_or(Reason::Malformed)?;",
        "let _ = cond.swap_operands().ok_or(Reason::Malformed)?;",
        "a comparison with a constant in front is not turned round",
    ),
    bug(
        "x64/index_at_the_length",
        X64_CONDITION,
        "        Ok(Predicate::Flag(Cond::AE))\n    }\n\n    fn at_most",
        "        Ok(Predicate::Flag(Cond::A))\n    }\n\n    fn at_most",
        "the element behind the last one can be accessed",
    ),
    bug(
        "x64/scale",
        X64_ADDRESS,
        "(0..=3).contains(&amount).then(|| 1 << amount)",
        "(0..=3).contains(&amount).then(|| 1 << (amount & 1))",
        "an index that is shifted by 2 is scaled by 1",
    ),
    bug(
        "x64/difference",
        X64_ADDRESS,
        "self.add_offset(terms, constant.wrapping_neg()),",
        "self.add_offset(terms, constant),",
        "a difference as an address is a sum",
    ),
    bug(
        "x64/extension",
        X64_MEMORY,
        "Sload16 => Op::Movsx64RM16,",
        "Sload16 => Op::Movzx32RM16,",
        "a signed load of 16 bits gives a number without a sign",
    ),
    bug(
        "x64/wrapping_index",
        X64_MEMORY,
        "            self.trap_out_of_bounds(Cond::B);",
        "            let _ = Cond::B;",
        "an access whose end wraps around is inside the memory",
    ),
    bug(
        "x64/end_of_memory",
        X64_MEMORY,
        "        self.trap_out_of_bounds(Cond::A);\n        let base",
        "        self.trap_out_of_bounds(Cond::AE);\n        let base",
        "the last bytes of a memory cannot be accessed",
    ),
    bug(
        "x64/callee_pops",
        X64_CALL,
        "self.immediate(Op::Sub64MI, Reg::RSP.into(), i64::from(call.stack_bytes))?;",
        "self.immediate(Op::Sub64MI, Reg::RSP.into(), 0)?;",
        "behind a call with words on the stack the stack pointer is too high",
    ),
    bug(
        "x64/hidden_parameter",
        X64_CALL,
        "        if call.is_async {\n            self.clear(CONTINUATION);\n        }\n        match call.callee {\n            Callee::Symbol(symbol) => self.call_symbol(symbol),",
        "        match call.callee {\n            Callee::Symbol(symbol) => self.call_symbol(symbol),",
        "an async function is called with whatever is in the register of the continuation",
    ),
    bug(
        "x64/words_of_tail_calls",
        X64_CALL,
        "for offset in (0..bytes).step_by(WORD as usize).rev() {",
        "for offset in (0..bytes).step_by(WORD as usize) {",
        "the words of a tail call overwrite each other",
    ),
    bug(
        "x64/hidden_result",
        X64_FRAME,
        "        if is_async {\n            self.clear(CONTINUATION);\n        }\n        self.epilogue()",
        "        let _ = is_async;\n        self.epilogue()",
        "a function that finishes says that it is suspended",
    ),
    bug(
        "x64/saved_register",
        X64_FRAME,
        "        for (register, offset) in self.frame.saved.clone() {\n            let (register, place) = (reg(register), Mem::base(Reg::RBP, offset));\n            self.op(Op::Mov64RM,",
        "        for (register, offset) in self.frame.saved.clone().into_iter().skip(1) {\n            let (register, place) = (reg(register), Mem::base(Reg::RBP, offset));\n            self.op(Op::Mov64RM,",
        "a function does not restore the first register that it has saved",
    ),
    bug(
        "x64/stack_limit",
        X64_FRAME,
        "let down = Mem::base(Reg::RSP, -(bytes as i32));",
        "let down = Mem::base(Reg::RSP, -(bytes as i32 / 16));",
        "of a large frame the first sixteenth is compared with the stack limit",
    ),
    bug(
        "x64/zeroing_loop",
        X64_FRAME,
        "let start = Inst::move_immediate(counter, -i64::from(whole));",
        "let start = Inst::move_immediate(counter, 16 - i64::from(whole));",
        "of a large frame the first 16 bytes are not zeroed",
    ),
    bug(
        "x64/free_list_not_advanced",
        X64_ALLOCATE,
        "stub.store(list, SCRATCH);",
        "stub.store(list, Reg::RAX);",
        "the same continuation is handed out twice",
    ),
    bug(
        "x64/vector_registers_of_stubs",
        X64_ALLOCATE,
        "stub.op(Op::MovupsXM, &[Reg::xmm(number).into(), word]);",
        "if number > 0 { stub.op(Op::MovupsXM, &[Reg::xmm(number).into(), word]); }",
        "the slow path of an allocation changes the first float register",
    ),
    bug(
        "x64/no_object_no_trap",
        X64_ALLOCATE,
        "Op::cmov(Width::B64, Cond::NE)",
        "Op::cmov(Width::B64, Cond::O)",
        "if there is no memory for an object, what was in the buffer is taken for one",
    ),
    bug(
        "x64/not_relinked",
        X64_DISPATCHER,
        "stub.store(at(CONTINUATION, NEXT), REST);",
        "let _ = (CONTINUATION, NEXT, REST);",
        "an activation that suspends in another object loses its callers",
    ),
    bug(
        "x64/running_not_freed",
        X64_DISPATCHER,
        "    free_running(stub);\n    stub.copy(RUNNING, REST);",
        "    stub.copy(RUNNING, REST);",
        "a continuation whose activation has finished is never used again",
    ),
    bug(
        "x64/fast_resumes",
        X64_DISPATCHER,
        "stub.assembler.jcc(Cond::B, leave);",
        "stub.assembler.jcc(Cond::O, leave);",
        "what suspends is resumed at once for ever",
    ),
    bug(
        "x64/current_not_kept",
        X64_DISPATCHER,
        "stub.store(context(offsets::CURRENT), RUNNING);",
        "let _ = offsets::CURRENT;",
        "after a trap the runtime does not know which activation ran",
    ),
    bug(
        "x64/results_of_entries",
        X64_ENTRY,
        "    store_results(stub, &results, BUFFER, 0);",
        "    store_results(stub, &results, BUFFER, 8);",
        "the host finds results one word further",
    ),
    bug(
        "x64/suspended_entry",
        X64_ENTRY,
        "stub.store(context(offsets::SUSPENDED), CONTINUATION);",
        "let _ = (offsets::SUSPENDED, CONTINUATION);",
        "what the first activation suspends is lost",
    ),
    bug(
        "x64/thrown_status",
        X64_HOST,
        "Reg::RAX.into(), Status::Thrown as i64);",
        "Reg::RAX.into(), Status::Trapped as i64);",
        "an exception of the host is a trap, and the other way round",
    ),
    bug(
        "x64/finished_host_call",
        X64_HOST,
        "    if signature.is_async {\n        stub.clear(CONTINUATION);\n    }\n    stub.leave",
        "    stub.leave",
        "an async host function that is ready may seem suspended",
    ),
    bug(
        "x64/frames_of_the_host",
        X64_HOST,
        "stub.store(context(offsets::EXIT_FP), Reg::RBP);",
        "let _ = offsets::EXIT_FP;",
        "while the host runs the collector walks frames that are gone",
    ),
    bug(
        "x64/unwound_registers",
        X64_THROW,
        "        stub.load(Reg::gpr(number), place);",
        "        if index > 0 { stub.load(Reg::gpr(number), place); }",
        "a handler does not find the first register that its callees have saved",
    ),
    bug(
        "x64/outer_activation",
        X64_TRAP,
        "stub.op(Op::Pop64M, &[context(offsets::ACTIVATION)]);",
        "stub.op(Op::Pop64R, &[Reg::RCX.into()]);",
        "behind a nested call the context names an activation that is gone",
    ),
    bug(
        "x64/trap_stack_alignment",
        X64_TRAP,
        "Reg::RSP.into(), -16);",
        "Reg::RSP.into(), -1);",
        "a trap calls the runtime with a stack that may not be aligned",
    ),
    bug(
        "aarch64/not_relinked",
        A64_DISPATCHER,
        "stub.store(REST, at(CONTINUATION, NEXT));",
        "let _ = (REST, CONTINUATION, NEXT);",
        "an activation that suspends in another object loses its callers",
    ),
    bug(
        "aarch64/fast_resumes_not_counted",
        A64_DISPATCHER,
        "    stub.store(SCRATCH, context(offsets::FAST_RESUMES));",
        "    let _ = SCRATCH;",
        "what suspends is resumed at once for ever",
    ),
    bug(
        "aarch64/list_of_the_class",
        A64_DISPATCHER,
        "at(SCRATCH, record::FREE_LIST)",
        "at(SCRATCH, record::SIZE)",
        "a free object is put where its size says, not its list",
    ),
    bug(
        "aarch64/allocation_keeps_registers",
        A64_ALLOCATE,
        "INTEGERS.map(|number|",
        "INTEGERS.skip(1).map(|number|",
        "the slow path of an allocation changes x1",
    ),
    bug(
        "aarch64/no_object_no_trap",
        A64_ALLOCATE,
        "Cond::EQ.into(),",
        "Cond::VC.into(),",
        "if there is no memory for an object, what was in the buffer is taken for one",
    ),
    bug(
        "aarch64/unwound_registers",
        A64_THROW,
        "    all.extend(words(AARCH64.callee_saved, offsets::SAVED));",
        "    all.extend(words(&AARCH64.callee_saved[..8], offsets::SAVED));",
        "a handler does not find the last register that its callees have saved",
    ),
    bug(
        "aarch64/pairs_swapped",
        A64_FRAME,
        "let registers = [reg(lower), reg(upper)];",
        "let registers = [reg(upper), reg(lower)];",
        "of two saved registers each is where the tables say that the other is",
    ),
    bug(
        "aarch64/stack_limit",
        A64_FRAME,
        "self.add(lower, Reg::FP, -i64::from(bytes));",
        "self.add(lower, Reg::FP, -i64::from(bytes / 16));",
        "of a large frame the first sixteenth is compared with the stack limit",
    ),
    bug(
        "aarch64/callee_pops",
        A64_CALL,
        "self.add(Reg::SP, Reg::SP, -i64::from(call.stack_bytes));",
        "self.add(Reg::SP, Reg::SP, 0);",
        "behind a call with words on the stack the stack pointer is too high",
    ),
    bug(
        "aarch64/tail_call_pops",
        A64_CALL,
        "            self.leave_frame()?;\n            self.add(Reg::SP, Reg::SP, i64::from(self.parameters));",
        "            self.leave_frame()?;",
        "a tail call leaves its own parameter words on the stack",
    ),
    bug(
        "aarch64/large_sums",
        A64_ADDRESS,
        "add(to, to, size & 0xfff);",
        "add(to, from, size & 0xfff);",
        "of a sum with 24 bits only the lower half is added",
    ),
    bug(
        "aarch64/division_overflow",
        A64_DIVIDE,
        "if is_checked && data.ty.bits() >= 32 {",
        "if is_checked && data.ty.bits() > 32 {",
        "the quotient that does not fit 32 bits is no trap",
    ),
];
