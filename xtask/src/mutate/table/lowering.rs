//! Bugs in what all targets share: `crates/abi`, `crates/lower`, `crates/regalloc`, `crates/codegen`.

use super::{Mutation, bug};

const CONTINUATION_ABI: &str = "crates/abi/src/continuation.rs";
const CONVENTION: &str = "crates/abi/src/convention.rs";
const PREPARE: &str = "crates/regalloc/src/prepare.rs";
const CALL: &str = "crates/lower/src/call.rs";
const CONTINUATION: &str = "crates/lower/src/continuation.rs";
const CONTROL: &str = "crates/lower/src/control.rs";
const ENTRY: &str = "crates/lower/src/entry.rs";
const FRAME: &str = "crates/lower/src/frame.rs";
const MEMORY: &str = "crates/lower/src/memory.rs";
const OBJECT: &str = "crates/lower/src/object.rs";
const SELECT: &str = "crates/lower/src/select.rs";
const LINK: &str = "crates/codegen/src/link.rs";

/// The rows.
pub const ROWS: &[Mutation] = &[
    bug(
        "abi/vectors_of_one_word",
        CONTINUATION_ABI,
        "results.iter().map(|ty| ty.words()).sum();",
        "results.iter().map(|_| 1).sum();",
        "a vector has room for its lower half in a result area",
    ),
    bug(
        "abi/shape_without_parameters",
        CONVENTION,
        "param_bytes: convention.params(&signature.params).stack_bytes,",
        "param_bytes: 0,",
        "a resumption stub has no room for the parameter words that the callee pops",
    ),
    bug(
        "abi/floats_of_shapes",
        CONVENTION,
        "ty if ty.is_float() => Type::F64,",
        "ty if ty.is_float() => Type::I64,",
        "a resumption stub stores a float result from an integer register",
    ),
    bug(
        "regalloc/split_blocks_are_warm",
        PREPARE,
        "            if from || to {\n",
        "            if from && to {\n",
        "a block on an edge to a cold one stands in the hot code",
    ),
    bug(
        "regalloc/terminator_definitions",
        PREPARE,
        "(predecessors[edge.target as usize] == 1 && !fresh)",
        "(predecessors[edge.target as usize] == 1)",
        "what a terminator defines and hands over has no block to be moved in",
    ),
    bug(
        "lower/continuation_word",
        CONTINUATION,
        "self.store_register(Type::Cont, Self::at(Base::Value(object), NEXT as i32), next)",
        "self.store_register(Type::Cont, Self::at(Base::Value(object), INFO as i32), next)",
        "the link is written where the record belongs",
    ),
    bug(
        "lower/slots_saved_backwards",
        CONTINUATION,
        "Opcode::FieldSaveSlot => self.copy(field, slot, size),",
        "Opcode::FieldSaveSlot => self.copy(slot, field, size),",
        "a suspension copies from the object to the stack",
    ),
    bug(
        "lower/departure_of_another_object",
        CONTINUATION,
        "&& [linked, suspended] == [object; 2];",
        "&& linked == object;",
        "a block that suspends with one object and links another counts as usual",
    ),
    bug(
        "lower/result_offset",
        CONTINUATION,
        "let offset = RESULTS + result_area(before.ok_or(Reason::Malformed)?);",
        "let offset = RESULTS + before.ok_or(Reason::Malformed)?.len() as u32 * 8;",
        "results behind a vector are loaded from its upper half",
    ),
    bug(
        "lower/signature_not_checked",
        CALL,
        "self.trap_if(is_other, TrapCode::SignatureMismatch);",
        "let _ = is_other;",
        "a call through a reference takes any function",
    ),
    bug(
        "lower/null_callee",
        CALL,
        "self.trap_if(is_null, TrapCode::NullReference);",
        "let _ = is_null;",
        "a call through a null reference reads where nothing is",
    ),
    bug(
        "lower/results_behind_parameters",
        CALL,
        "on_stack.push((result, call.stack_bytes as i32 + offset as i32));",
        "on_stack.push((result, offset as i32));",
        "results on the stack are looked for where the parameters stand",
    ),
    bug(
        "lower/outgoing_results",
        CALL,
        "let words = params.stack_bytes.checked_add(results.stack_bytes);",
        "let words = params.stack_bytes.checked_add(0);",
        "the frame has no room for results on the stack",
    ),
    bug(
        "lower/table_not_clamped",
        CONTROL,
        "if !self.is_state_below(selector, last) {",
        "if false && !self.is_state_below(selector, last) {",
        "a branch table has no check of its index",
    ),
    bug(
        "lower/table_default",
        CONTROL,
        "        targets.rotate_left(1);",
        "        targets.rotate_left(0);",
        "the default stands in front of the table",
    ),
    bug(
        "lower/slots_not_zeroed",
        ENTRY,
        "if let Some(top) = run_top {\n            self.zero_frame(high, top);",
        "if let Some(top) = run_top {\n            self.zero_frame(top, high);",
        "the last stack slots of a frame hold what was there before",
    ),
    bug(
        "lower/half_a_slot_overwritten",
        ENTRY,
        "&& data.ty.bytes() == function.slots[slot].size;",
        "&& data.ty.bytes() <= function.slots[slot].size;",
        "a slot that is written in part at the start is not zeroed",
    ),
    bug(
        "lower/callee_saved_skipped",
        FRAME,
        "        let saved = written\n            .into_iter()",
        "        let saved = written\n            .into_iter()\n            .skip(1)",
        "a function does not save the first of the registers that it has to preserve",
    ),
    bug(
        "lower/spills_overlap",
        FRAME,
        "self.spills - slot as i32 * 8",
        "self.spills - slot as i32 * 4",
        "spill slots overlap",
    ),
    bug(
        "lower/stack_unchecked",
        FRAME,
        "        if self.bytes > UNCHECKED {",
        "        if self.bytes > UNCHECKED * 1000 {",
        "a large frame is checked as if it were small",
    ),
    bug(
        "lower/roots_and_continuation",
        FRAME,
        "        above - 8 - root.index() as i32 * 8",
        "        above - root.index() as i32 * 8",
        "the first root slot is where the frame keeps something else",
    ),
    bug(
        "lower/store_of_a_half_word",
        MEMORY,
        "Opcode::Istore16 => Some(Type::I16),",
        "Opcode::Istore16 => Some(Type::I32),",
        "a store of 16 bits writes 32",
    ),
    bug(
        "lower/bytes_of_a_narrow_load",
        MEMORY,
        "Uload32 | Sload32 => Some(4),",
        "Uload32 | Sload32 => Some(2),",
        "a load of 32 bits at the end of a memory is checked as one of 16",
    ),
    bug(
        "lower/type_not_checked",
        OBJECT,
        "self.trap_if(is_it.inverted(), TrapCode::WrongObjectType);",
        "let _ = is_it;",
        "an object of another type is accessed",
    ),
    bug(
        "lower/index_checked_once_for_all",
        OBJECT,
        "let is_known = !self.known.here.inside.insert(pair);",
        "let is_known = !self.known.here.inside.insert((pair.0, pair.0));",
        "behind one access to an array no index of it is checked",
    ),
    bug(
        "lower/last_constant_index",
        OBJECT,
        "let is_short = self.at_most(length, index as i32)?;",
        "let is_short = self.at_most(length, index as i32 - 1)?;",
        "the element behind the last one can be accessed at a constant index",
    ),
    bug(
        "lower/no_write_barrier",
        OBJECT,
        "if data.ty == Type::Ref && self.write_barrier {",
        "if data.ty == Type::I64 && self.write_barrier {",
        "the heap is not told of references that are written",
    ),
    bug(
        "lower/facts_of_other_blocks",
        OBJECT,
        "if self.edges[block.index()] == 1 {",
        "if self.edges[block.index()] >= 1 {",
        "what a test has found holds in a block that is reached without it",
    ),
    bug(
        "lower/folded_twice",
        SELECT,
        "let fits = self.uses[value.index()] == 1",
        "let fits = self.uses[value.index()] >= 1",
        "a computation with several uses is moved to one of them",
    ),
    bug(
        "lower/folded_across_blocks",
        SELECT,
        "                && in_block(source)\n",
        "                && (true || in_block(source))\n",
        "a computation moves into another block, where its operands may be gone",
    ),
    bug(
        "codegen/record_without_state",
        LINK,
        "write(record::STATE, point.index() as u32);",
        "write(record::STATE, 0);",
        "every suspended activation is in the first state",
    ),
    bug(
        "codegen/record_size",
        LINK,
        "write(record::FREE_LIST, free_list_offset(size));",
        "write(record::FREE_LIST, free_list_offset(size + 8));",
        "an object goes to the free list of the next larger class",
    ),
    bug(
        "codegen/distance_of_records",
        LINK,
        "addend: i64::from(record::EXCEPTIONAL),",
        "addend: 0,",
        "the distance to the exceptional entry is that from the middle of the record",
    ),
    bug(
        "codegen/handlers_of_a_function",
        LINK,
        "landing: start + landing,",
        "landing,",
        "a handler is where it was before linking",
    ),
    bug(
        "codegen/safepoint_slots",
        LINK,
        "first: self.linked.root_slots.len() as u32,",
        "first: 0,",
        "every safepoint lists the slots of the first ones",
    ),
    bug(
        "codegen/saved_register_numbers",
        LINK,
        "let index = registers.iter().position(|&saved| saved == number)?;",
        "let index = registers.iter().position(|&saved| saved == number)?.saturating_sub(1);",
        "unwinding restores another register than the frame has saved",
    ),
];
