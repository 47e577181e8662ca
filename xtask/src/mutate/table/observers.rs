//! Bugs in what looks at instances, replaces their code and tells what went wrong: `crates/runtime`, `crates/engine`.

use super::{Mutation, bug};

const ENGINE_STATE: &str = "crates/engine/src/state.rs";
const RUNTIME_FAILURE: &str = "crates/runtime/src/failure.rs";
const RUNTIME_HOST: &str = "crates/runtime/src/host.rs";
const RUNTIME_INSPECT: &str = "crates/runtime/src/inspect.rs";
const RUNTIME_VERSIONS: &str = "crates/runtime/src/versions.rs";

/// The rows.
pub const ROWS: &[Mutation] = &[
    bug(
        "inspect/joiners_are_ready",
        RUNTIME_INSPECT,
        "} else if let Some(target) = self.joined_by(index) {",
        "} else if let Some(target) = self.joined_by(index).filter(|_| false) {",
        "a task that joins another one is shown as one that can run",
    ),
    bug(
        "inspect/what_runs_holds_nothing",
        RUNTIME_INSPECT,
        "u64::from(size) + self.walk_chain(index, rest, trace)",
        "self.walk_chain(index, rest, trace)",
        "the continuation that a running task was resumed from is not counted",
    ),
    bug(
        "inspect/word_before_the_turn",
        RUNTIME_INSPECT,
        "info.context = Some(self.context.fixed().task_word as i64);",
        "info.context = Some(self.tasks[index].context_word as i64);",
        "the context word of a running task is shown as it was when its turn began",
    ),
    bug(
        "inspect/outer_activations",
        RUNTIME_INSPECT,
        "std::iter::once(innermost).chain(outer);",
        "std::iter::once(innermost).chain(outer.take(0));",
        "a task below a nested call has no stack",
    ),
    bug(
        "versions/start_of_code",
        RUNTIME_VERSIONS,
        "module.code().address(0) <= address)",
        "module.code().address(0) < address)",
        "where the code of a version starts it belongs to the one before",
    ),
    bug(
        "versions/chains",
        RUNTIME_VERSIONS,
        "                needed.add(header.info as u64);\n",
        "",
        "code that a suspended task goes back to is freed",
    ),
    bug(
        "versions/cells",
        RUNTIME_VERSIONS,
        "            needed.add(self.context.code(layout, function));\n",
        "            let _ = (layout, function);\n",
        "the newest code of a function is freed",
    ),
    bug(
        "versions/traces",
        RUNTIME_VERSIONS,
        ".for_each(|failure| needed.add_failure(failure));",
        ".for_each(|_| ());",
        "what an exception on its way has left has no names when the code was replaced",
    ),
    bug(
        "versions/other_options",
        RUNTIME_VERSIONS,
        "if !old.options.replaceable || old.options != code.options {",
        "if !old.options.replaceable {",
        "code of other options is taken",
    ),
    bug(
        "failure/message",
        RUNTIME_FAILURE,
        "                message: self.message.clone(),",
        "                message: None,",
        "the text of an exception of the host is lost",
    ),
    bug(
        "failure/size",
        RUNTIME_FAILURE,
        "(std::mem::size_of::<Failure>() + message) as u64 + self.trace.size()",
        "(std::mem::size_of::<Failure>() + message) as u64",
        "logical stacks do not count against the limit of memory",
    ),
    bug(
        "host/results_unchecked",
        RUNTIME_HOST,
        "    check_types(types, values)?;\n",
        "    let _ = (check_types, types);\n",
        "results of the host are taken whatever their types are",
    ),
    bug(
        "host/call_after_waiting",
        RUNTIME_HOST,
        "        if self.spare.is_none() {",
        "        if false && self.spare.is_none() {",
        "a host function that has waited may call the instance",
    ),
    bug(
        "engine/function_references",
        ENGINE_STATE,
        "if id.index() >= module.function_count()",
        "if id.index() > module.function_count()",
        "a reference to one function more than there are is taken",
    ),
];
