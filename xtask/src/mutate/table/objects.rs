//! Bugs in the heap and in what the runtime tells it: `crates/heap`, `crates/runtime/src/objects`.

use super::{Mutation, bug};

const HEAP: &str = "crates/heap/src/copying.rs";
const ACCESS: &str = "crates/runtime/src/objects/access.rs";
const ROOTS: &str = "crates/runtime/src/objects/roots.rs";

/// The rows.
pub const ROWS: &[Mutation] = &[
    bug(
        "heap/moved_not_noted",
        HEAP,
        "            write(old, TYPE, new | MOVED);",
        "            let _ = (old, MOVED);",
        "an object with two references to it becomes two",
    ),
    bug(
        "heap/last_element",
        HEAP,
        "for index in 0..length {",
        "for index in 1..length {",
        "what the first element of an array refers to is not copied",
    ),
    bug(
        "heap/fields_not_followed",
        HEAP,
        "for &offset in &layout.references {",
        "for &offset in layout.references.iter().skip(1) {",
        "what the first reference of an object leads to is not copied",
    ),
    bug(
        "heap/weak_stay",
        HEAP,
        "*place = unsafe { moved_to(*place) }.unwrap_or(0));",
        "*place = unsafe { moved_to(*place) }.unwrap_or(*place));",
        "a weak reference to an object that is gone stays",
    ),
    bug(
        "heap/window_not_closed",
        HEAP,
        "            chunk.filled = window.next;",
        "            let _ = window.next;",
        "what compiled code has taken of a chunk is handed out again",
    ),
    bug(
        "heap/limit",
        HEAP,
        "self.threshold = self.threshold.max(needed.min(self.limit));",
        "self.threshold = self.threshold.max(needed);",
        "a large object is made beyond the limit of the heap",
    ),
    bug(
        "roots/in_flight",
        ROOTS,
        "visit(&mut self.in_flight.words[word]);",
        "let _ = (&mut self.in_flight.words[word], &visit);",
        "arguments on their way into compiled code are not kept",
    ),
    bug(
        "roots/handles",
        ROOTS,
        "self.state.objects.handles.held().for_each(&mut *visit);",
        "",
        "what the host holds is not kept",
    ),
    bug(
        "roots/one_activation",
        ROOTS,
        "std::iter::once(innermost).chain(outer) {",
        "std::iter::once(innermost).chain(outer).take(1) {",
        "frames below a nested call are not looked at",
    ),
    bug(
        "roots/callers_of_what_runs",
        ROOTS,
        "rest, root, visit);",
        "root, root, visit);",
        "what the suspended callers of a resumed activation have saved is not kept",
    ),
    bug(
        "roots/delivered_to_a_root",
        ROOTS,
        "let (true, Some(results)) = (delivered, ends)",
        "let (true, Some(results)) = (delivered && head != root, ends)",
        "results that were delivered to the end of a chain are not kept",
    ),
    bug(
        "roots/finished_results",
        ROOTS,
        "TaskState::Finished if !root.is_null() => {",
        "TaskState::Finished if false && !root.is_null() => {",
        "results of a task that nobody has joined yet are not kept",
    ),
    bug(
        "roots/exceptions_under_way",
        ROOTS,
        "matches!(state, TaskState::Failing | TaskState::Failed)",
        "matches!(state, TaskState::Failed)",
        "the reference in an exception that a task is yet to throw is not kept",
    ),
    bug(
        "objects/end_of_an_array",
        ACCESS,
        "end.is_none_or(|end| end > length)",
        "end.is_none_or(|end| end > length + 1)",
        "the host may access one element more than an array has",
    ),
    bug(
        "objects/host_writes_untold",
        ACCESS,
        "        if place.ty == Type::Ref {\n            self.wrote_reference",
        "        if false {\n            self.wrote_reference",
        "the heap is not told of references that the host writes",
    ),
    bug(
        "starved/nothing_to_copy_to",
        HEAP,
        "        let Some(chunk) = Chunk::new(&self.blocks, room) else {\n            return;",
        "        let Some(chunk) = Chunk::new(&self.blocks, room) else {\n            self.full.clear();\n            return;",
        "a heap that gets nothing to copy to frees what lives",
    ),
];
