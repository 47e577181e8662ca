//! Bugs in the interpreter: `crates/interp`.

use super::{Mutation, bug};

const INTERP_CALL: &str = "crates/interp/src/call.rs";
const INTERP_CONTROL: &str = "crates/interp/src/control.rs";
const INTERP_EXCEPTION: &str = "crates/interp/src/exception.rs";
const INTERP_INTEGER: &str = "crates/interp/src/integer.rs";
const INTERP_MEMORY: &str = "crates/interp/src/memory.rs";
const INTERP_SCHEDULER: &str = "crates/interp/src/scheduler.rs";
const INTERP_CANCEL: &str = "crates/interp/src/cancel.rs";
const INTERP_HEAP: &str = "crates/interp/src/heap.rs";
const INTERP_STACK: &str = "crates/interp/src/stack.rs";
const INTERP_TASK: &str = "crates/interp/src/task.rs";
const INTERP_VECTOR: &str = "crates/interp/src/vector.rs";

/// The rows.
pub const ROWS: &[Mutation] = &[
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
        "interpreter/cancelled_twice",
        INTERP_CANCEL,
        "        if stack.cancellation.asked {\n            return;",
        "        if false {\n            return;",
        "a task that is cancelled a second time is taken from where it waits in its handler",
    ),
    bug(
        "interpreter/cancelled_sleeper",
        INTERP_CANCEL,
        "            Wait::Deadline(_) => self.forget_timers(number),",
        "            Wait::Deadline(_) => {}",
        "the timer of a task that was cancelled while it slept wakes it later",
    ),
    bug(
        "interpreter/cancelled_joiner",
        INTERP_CANCEL,
        "            target.joiner = None;\n        }\n        if let",
        "            let _ = target;\n        }\n        if let",
        "a task whose joiner was cancelled cannot be joined by another one",
    ),
    bug(
        "interpreter/left_tasks",
        INTERP_CANCEL,
        "                false => task.detached = !runs,",
        "                false => {}",
        "what a cancelled task had joined keeps its record when it ends",
    ),
    bug(
        "interpreter/thrown_in_a_handler",
        INTERP_CANCEL,
        "            _ => self.throw(stack, CANCELLED, None),",
        "            Some(other) => self.unwind(stack, other),\n            None => self.throw(stack, CANCELLED, None),",
        "what the handler of a cancellation throws replaces it",
    ),
    bug(
        "interpreter/generation_of_objects",
        INTERP_HEAP,
        "                slot.generation = slot.generation.checked_add(1).unwrap_or(1);\n",
        "",
        "a reference to an object that is gone names the next one in its place",
    ),
    bug(
        "interpreter/references_of_arrays",
        INTERP_HEAP,
        "Shape::Array(Type::Ref) => found.extend(object.bytes.chunks_exact(8).map(word)),",
        "Shape::Array(Type::Ref) => {}",
        "what elements of arrays refer to is not kept",
    ),
    bug(
        "interpreter/limit_of_the_heap",
        INTERP_HEAP,
        "            if !fits(self.bytes, self.limit) {",
        "            if false && !fits(self.bytes, self.limit) {",
        "the heap has no limit",
    ),
    bug(
        "interpreter/detached_after_its_end",
        INTERP_TASK,
        "    if task.ended.is_some() {\n        machine.scheduler.remove(number);",
        "    if task.ended.is_some() {\n        let _ = number;",
        "a task that had finished when it was detached keeps its record",
    ),
    bug(
        "interpreter/rings",
        INTERP_TASK,
        "            if let Some(ring) = machine.ring(stack.task, number) {",
        "            if let Some(ring) = machine.ring(stack.task, number).filter(|_| false) {",
        "tasks that join each other wait for ever",
    ),
    bug(
        "interpreter/failed_results",
        INTERP_TASK,
        "Err(record) => return machine.joined(stack, record),",
        "Err(_) => types.iter().map(|_| Cell::new(0)).chain([Cell::new(0)]).collect(),",
        "what a task has thrown is no result when somebody asks for it",
    ),
    bug(
        "interpreter/signs_of_lanes",
        INTERP_VECTOR,
        "true => narrow(ty.bits(), word as i64) as u64,",
        "true => integer::unsigned(ty.bits(), word as i64),",
        "lanes have no signs",
    ),
    bug(
        "interpreter/other_lanes",
        INTERP_VECTOR,
        "& !placed(shape, at, u64::MAX);",
        "| placed(shape, at, 0);",
        "a lane that is replaced keeps the bits that were set in it",
    ),
    bug(
        "interpreter/old_references",
        INTERP_STACK,
        "let is_old = self.checks && cell.epoch() != stack.epoch;",
        "let is_old = false && cell.epoch() != stack.epoch;",
        "a reference from in front of a safepoint may be used behind it",
    ),
    bug(
        "interpreter/roots_that_are_not_listed",
        INTERP_STACK,
        "        stack.roots[self.roots..self.roots + count].fill(None);\n",
        "        let _ = count;\n",
        "what a safepoint does not list is kept all the same",
    ),
];
