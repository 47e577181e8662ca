//! Bugs in the passes: `crates/async`, `crates/roots`.

use super::{Mutation, bug};

const ACROSS: &str = "crates/async/src/across.rs";
const CONTEXT: &str = "crates/async/src/context.rs";
const DERIVE: &str = "crates/async/src/derive.rs";
const DISPATCH: &str = "crates/async/src/dispatch.rs";
const EDGES: &str = "crates/async/src/edges.rs";
const FUEL: &str = "crates/async/src/fuel.rs";
const REMATERIALIZE: &str = "crates/async/src/rematerialize.rs";
const REPAIR: &str = "crates/async/src/repair.rs";
const RESUMED: &str = "crates/async/src/resumed.rs";
const REWRITE: &str = "crates/async/src/rewrite.rs";
const SUSPEND: &str = "crates/async/src/suspend.rs";
const TAIL_AWAIT: &str = "crates/async/src/tail_await.rs";
const RELOAD: &str = "crates/roots/src/reload.rs";
const SAFEPOINTS: &str = "crates/roots/src/safepoints.rs";
const SLOTS: &str = "crates/roots/src/slots.rs";

/// The rows.
pub const ROWS: &[Mutation] = &[
    bug(
        "fuel/loops_are_no_heads",
        FUEL,
        "flow.order_of(from) >= flow.order_of(block)",
        "flow.order_of(from) > flow.order_of(block)",
        "a block that loops to itself never looks whether there is fuel",
    ),
    bug(
        "fuel/paid_twice",
        FUEL,
        "self.cost - self.paid",
        "self.cost",
        "what was paid in front of a branch is paid again behind it",
    ),
    bug(
        "fuel/most_of_the_ways",
        FUEL,
        "successors.iter().map(payable).min()",
        "successors.iter().map(payable).max()",
        "in front of a branch the dearest way is paid for, whichever is taken",
    ),
    bug(
        "fuel/pause_pauses_itself",
        FUEL,
        "is_done || is_pause(module, policy, function)",
        "is_done",
        "the function that is called without fuel looks for fuel",
    ),
    bug(
        "fuel/debt_of_the_other_sign",
        FUEL,
        "ColdSide::TrapBelow(-i64::from(most))",
        "ColdSide::TrapBelow(i64::from(most))",
        "a sync function may not be in debt at all",
    ),
    bug(
        "context/return_forgets",
        CONTEXT,
        "(Opcode::Return, Some(found)) => set_in_front(function, block, found),",
        "(Opcode::Return, Some(_)) => {}",
        "the word is not given back at a return",
    ),
    bug(
        "context/handler_forgets",
        CONTEXT,
        "    set(&mut editor, edge, word);",
        "    let _ = word;",
        "a handler finds the word that the callee has left",
    ),
    bug(
        "context/tail_call_stays",
        CONTEXT,
        "call_and_return(module, function, block, found);",
        "let _ = (module, found);",
        "a tail call does not give the word back",
    ),
    bug(
        "tail_await/state_is_kept",
        TAIL_AWAIT,
        "if is_tail_await(module, function, call, end) {",
        "if false && is_tail_await(module, function, call, end) {",
        "a call whose results are returned makes a state and an object",
    ),
    bug(
        "tail_await/always_direct",
        TAIL_AWAIT,
        "_ => Opcode::ReturnCallIndirect,",
        "_ => Opcode::ReturnCall,",
        "an indirect tail call becomes a direct one",
    ),
    bug(
        "rematerialize/across_a_point",
        REMATERIALIZE,
        "            stretch.here.clear();",
        "            stretch.here.len();",
        "a copy that was made in front of a point is used behind it",
    ),
    bug(
        "rematerialize/operands_forgotten",
        REMATERIALIZE,
        "definition(function, operand).is_some() && found.insert(operand)",
        "definition(function, operand).is_some() && found.contains(&operand)",
        "what a copy is made from is not computed again with it",
    ),
    bug(
        "rematerialize/one_beyond_the_slot",
        REMATERIALIZE,
        "inside.filter(|&offset| offset < function.slots[self.slot].size)",
        "inside.filter(|&offset| offset <= function.slots[self.slot].size)",
        "an address behind the end of a slot counts as one inside",
    ),
    bug(
        "rematerialize/still_used",
        REMATERIALIZE,
        "let unused = |result: &Value| uses[*result] == 0;",
        "let unused = |result: &Value| uses[*result] <= 1;",
        "a definition with one use is removed",
    ),
    bug(
        "across/last_value_lost",
        ACROSS,
        "needs[index].saved = cursor.live_across().map(need).collect();",
        "needs[index].saved = cursor.live_across().skip(1).map(need).collect();",
        "the first live value of a point is not saved",
    ),
    bug(
        "across/slot_lost",
        ACROSS,
        "needs[index].saved.extend(cursor.live().map(|slot| {",
        "needs[index].saved.extend(cursor.live().skip(1).map(|slot| {",
        "the contents of the first live slot of a point are not saved",
    ),
    bug(
        "across/no_room_for_exceptions",
        ACROSS,
        "needs[index].catches = function.insts[point.inst].opcode.has_unwind_edge();",
        "needs[index].catches = false;",
        "the result area of a call with a handler has no room for the exception",
    ),
    bug(
        "derive/other_target_forgotten",
        DERIVE,
        "here.contains(&operand) && targets.iter().all(has_both)",
        "here.contains(&operand) && targets.iter().any(has_both)",
        "a value is computed from one that is not restored on that way",
    ),
    bug(
        "derive/operands_swapped",
        DERIVE,
        "function.make_inst(data.opcode, data.ty, data.payload, operands, &[]);",
        "function.make_inst(data.opcode, data.ty, data.payload, &operands.iter().rev().copied().collect::<Vec<_>>(), &[]);",
        "a repeated instruction has its operands in the other order",
    ),
    bug(
        "dispatch/states_swapped",
        DISPATCH,
        "&[state], &[second, first]);",
        "&[state], &[first, second]);",
        "a function with two states goes on in the other one",
    ),
    bug(
        "dispatch/table_without_default",
        DISPATCH,
        "    targets.insert(0, targets[0]);",
        "    targets.push(targets[0]);",
        "every state of the table goes on where the one before belongs",
    ),
    bug(
        "dispatch/loads_of_some",
        DISPATCH,
        "loads.retain(|_, loads| loads.len() == resumptions.len());",
        "loads.retain(|_, loads| loads.len() > 1);",
        "what two states load is loaded for all of them",
    ),
    bug(
        "edges/shared_target_kept",
        EDGES,
        "let is_own = edges_into[target.block] == 1 &&",
        "let is_own = edges_into[target.block] <= 2 &&",
        "a block that two ways lead to is taken for a call's own",
    ),
    bug(
        "rewrite/wrong_entry_for_exceptions",
        REWRITE,
        "PointId::from_index(points.len() + entries.len() - 1)",
        "PointId::from_index(points.len())",
        "every call with a handler names the first exceptional entry",
    ),
    bug(
        "rewrite/wrong_point_results",
        REWRITE,
        "results: analyses.across.needs[state].results.clone(),",
        "results: analyses.across.needs[0].results.clone(),",
        "every point declares the results of the first one",
    ),
    bug(
        "rewrite/slot_not_restored",
        REWRITE,
        "editor.effect(block, restore, Type::I64, payload, &[hidden]);",
        "let _ = (payload, restore);",
        "a resumption leaves the contents of stack slots as they are",
    ),
    bug(
        "rewrite/result_position",
        REWRITE,
        "position: position as u32,",
        "position: used.len() as u32,",
        "behind an unused result the ones before are loaded",
    ),
    bug(
        "rewrite/first_of_a_block",
        REWRITE,
        "id: PointId::from_index(first_state + index),",
        "id: PointId::from_index(first_state),",
        "all points of a block are in the state of its first one",
    ),
    bug(
        "suspend/no_reuse",
        SUSPEND,
        "if !analyses.resumed.reaches(point.block, point.position) {",
        "if true || !analyses.resumed.reaches(point.block, point.position) {",
        "every suspension takes a fresh object",
    ),
    bug(
        "suspend/layout_not_compared",
        SUSPEND,
        "if self.analyses.layouts.is_union() {",
        "if true || self.analyses.layouts.is_union() {",
        "an object is used again for a point with another layout",
    ),
    bug(
        "suspend/stable_not_stored",
        SUSPEND,
        "suspension.store(editor, fresh, allocated, |stable| stable);",
        "let _ = |stable: bool| stable;",
        "a fresh object lacks what is stored only once",
    ),
    bug(
        "suspend/slots_only_when_fresh",
        SUSPEND,
        "SavedSource::Slot(slot) if wanted(false) => {",
        "SavedSource::Slot(slot) if wanted(true) => {",
        "the contents of a slot are not stored into an object that is used again",
    ),
    bug(
        "suspend/callee_not_linked",
        SUSPEND,
        "&[self.callee, object],",
        "&[object, self.callee],",
        "the chain is linked the wrong way round",
    ),
    bug(
        "resumed/point_behind_itself",
        RESUMED,
        ".is_some_and(|&first| position > first)",
        ".is_some_and(|&first| position > first + 1)",
        "right behind a point an activation counts as never resumed",
    ),
    bug(
        "resumed/references_are_stable",
        RESUMED,
        "if function.value_type(value) == Type::Ref {",
        "if false && function.value_type(value) == Type::Ref {",
        "a reference is not stored again after the collector has moved the object",
    ),
    bug(
        "resumed/parameters_are_stable",
        RESUMED,
        "ValueDef::Param(block, _) => !self.blocks[block],",
        "ValueDef::Param(..) => true,",
        "the parameter of a loop is stored in the first turn only",
    ),
    bug(
        "repair/no_joins",
        REPAIR,
        "let params = add_params(function, join, &liveness.live_in(join));",
        "let params = add_params(function, join, &[]);",
        "where ways meet, what was resumed and what was not are not told apart",
    ),
    bug(
        "repair/never_undone",
        REPAIR,
        "self.current[value] = previous;",
        "self.current[value] = self.current[value].or(previous);",
        "behind a block that redefines a value its siblings use that definition",
    ),
    bug(
        "roots/safepoint_forgotten",
        SAFEPOINTS,
        "self.across.push((inst, live.iter().copied().collect()));",
        "self.across.push((inst, live.iter().skip(1).copied().collect()));",
        "a safepoint does not list the first reference that lives across it",
    ),
    bug(
        "roots/not_reloaded",
        RELOAD,
        "            if self.function.insts[inst].opcode.is_safepoint() {\n                self.begin_stretch(block);",
        "            if false && self.function.insts[inst].opcode.is_safepoint() {\n                self.begin_stretch(block);",
        "behind a safepoint a reference from in front of it is used",
    ),
    bug(
        "roots/joins_keep_the_stretch",
        RELOAD,
        "match stretch.filter(|_| !self.begins_stretch[block]) {",
        "match stretch {",
        "where a way with and one without a safepoint meet, nothing is loaded again",
    ),
    bug(
        "roots/parameters_not_stored",
        RELOAD,
        "                self.defined(param, first, &mut rebuilt);",
        "                let _ = (param, first);",
        "a reference that comes as a parameter is not put into its slot",
    ),
    bug(
        "roots/slot_shared_too_early",
        SLOTS,
        "&& end <= interval.start",
        "&& end <= interval.start + 1",
        "a slot is given to another reference while it is still needed",
    ),
    bug(
        "roots/loops_end_early",
        SLOTS,
        "let end = end.map_or(0, place_of).max(last_use[value.index()]);",
        "let end = end.map_or(last_use[value.index()], |_| last_use[value.index()]);",
        "a slot is free behind the last use in the text, though a loop goes back in front of it",
    ),
];
