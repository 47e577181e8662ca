//! Bugs in what passes ask: `crates/liveness`, `crates/continuation`.

use super::{Mutation, bug};

const LIVENESS_LOOPS: &str = "crates/liveness/src/loops.rs";
const LIVENESS_FRONTIER: &str = "crates/liveness/src/frontier.rs";
const CURSOR: &str = "crates/liveness/src/cursor.rs";
const DOMINATORS: &str = "crates/liveness/src/dominators.rs";
const REGIONS: &str = "crates/liveness/src/regions.rs";
const RUNS: &str = "crates/liveness/src/runs.rs";
const LIVENESS: &str = "crates/liveness/src/liveness.rs";
const SLOT_ACCESS: &str = "crates/liveness/src/slot_access.rs";
const SLOTS: &str = "crates/liveness/src/slots.rs";
const LAYOUT: &str = "crates/continuation/src/layout.rs";
const NEED: &str = "crates/continuation/src/need.rs";
const PARTITION: &str = "crates/continuation/src/partition.rs";
const TAKEN: &str = "crates/continuation/src/taken.rs";

/// The rows.
pub const ROWS: &[Mutation] = &[
    bug(
        "liveness/results_stay_alive",
        CURSOR,
        "        for result in self.function.results(inst) {\n            live.remove(result);\n        }",
        "",
        "in front of its definition a value is live",
    ),
    bug(
        "liveness/own_results_across",
        CURSOR,
        "live.filter(move |value| !results.contains(value))",
        "live.filter(move |value| !results[..0].contains(value))",
        "the results of a call live across it",
    ),
    bug(
        "liveness/only_blocks_in_front",
        REGIONS,
        "if edge.block != definition {",
        "if edge.block != definition && self.layout.position(edge.block) < Some(tangled) {",
        "in a tangle of loops a search does not follow edges that go back",
    ),
    bug(
        "liveness/search_not_renewed",
        REGIONS,
        "        runs.clear();\n        self.search += 1;",
        "        runs.clear();",
        "what one search has visited is left out of the next",
    ),
    bug(
        "liveness/union_without_the_link",
        REGIONS,
        "self.union[lower as usize] = union;",
        "let _ = union;",
        "a compressed path forgets what it passed",
    ),
    bug(
        "liveness/one_use_per_value",
        LIVENESS,
        "if definition == NONE || last_user[value.index()] == position as u32 {",
        "if definition == NONE || last_user[value.index()] != NONE {",
        "of the blocks that use a value only the first counts",
    ),
    bug(
        "liveness/runs_join_over_a_gap",
        RUNS,
        "let joins = next.start <= last.end.saturating_add(1);",
        "let joins = next.start <= last.end.saturating_add(2);",
        "a block between two where a value is live counts as one more",
    ),
    bug(
        "liveness/end_of_runs",
        RUNS,
        "behind > 0 && runs[behind - 1].end >= position",
        "behind > 0 && runs[behind - 1].end > position",
        "in the last block of a run a value is not live",
    ),
    bug(
        "liveness/dominator_of_dominator",
        DOMINATORS,
        "if found != forest.semi[vertex] {",
        "if false && found != forest.semi[vertex] {",
        "the deferred half of Lengauer and Tarjan's algorithm is left out",
    ),
    bug(
        "liveness/narrow_stores_overwrite_all",
        SLOT_ACCESS,
        "Opcode::Uload8 | Opcode::Sload8 | Opcode::Istore8 => 1,",
        "Opcode::Uload8 | Opcode::Sload8 | Opcode::Istore8 => 8,",
        "a store of a byte counts as one of a word",
    ),
    bug(
        "liveness/indexed_reads_forgotten",
        SLOT_ACCESS,
        "} else if is_read {\n                visit(slot, whole(slot), Access::Read);",
        "} else if is_read {\n                visit(slot, 0..1, Access::Read);",
        "a load at a computed place of a slot reads its first byte only",
    ),
    bug(
        "liveness/partly_overwritten",
        SLOT_ACCESS,
        "pieces.partition_point(|piece| piece.end <= bytes.end),",
        "pieces.partition_point(|piece| piece.start < bytes.end),",
        "a piece of a slot that is overwritten in part counts as overwritten",
    ),
    bug(
        "liveness/first_access_of_slots",
        SLOTS,
        "if accesses.last().is_none_or(|&(last, _)| last != position) {",
        "if access == Access::Read || accesses.last().is_none_or(|&(last, _)| last != position) {",
        "a slot that is written and then read counts as live into the block",
    ),
    bug(
        "liveness/parents_of_loops",
        LIVENESS_LOOPS,
        "                self.nest.loops[outer as usize].parent = current;\n",
        "",
        "a loop in another one is in none",
    ),
    bug(
        "liveness/joins_on_one_level",
        LIVENESS_FRONTIER,
        "if self.depth[to] <= level &&",
        "if self.depth[to] < level &&",
        "a join that is as deep in the dominator tree as the definition is not found",
    ),
    bug(
        "liveness/joins_of_joins",
        LIVENESS_FRONTIER,
        "                    self.add_root(to);\n",
        "",
        "joins that other joins make necessary are not found",
    ),
    bug(
        "continuation/exception_area",
        NEED,
        "true => &Exception::TYPES[..],",
        "true => &Exception::TYPES[..0],",
        "what is saved lies where an exception is put",
    ),
    bug(
        "continuation/results_area",
        NEED,
        "RESULTS + result_area(&self.results).max(result_area(exception))",
        "RESULTS + result_area(exception)",
        "what is saved lies where the results are put",
    ),
    bug(
        "continuation/obstacle_at_the_end",
        TAKEN,
        "let stretch = self.beyond.range(..offset + size).next_back();",
        "let stretch = self.beyond.range(..offset).next_back();",
        "a place is free though its end is taken",
    ),
    bug(
        "continuation/alignment",
        LAYOUT,
        ".filter(|offset| offset.is_multiple_of(align))",
        ".filter(|offset| offset.is_multiple_of(align.min(1)))",
        "a place is shared that is not aligned for the second type",
    ),
    bug(
        "continuation/points_of_a_source",
        LAYOUT,
        "entry.points.push(position as u32);",
        "if entry.points.is_empty() { entry.points.push(position as u32); }",
        "a place counts as taken at the first point that saves into it only",
    ),
    bug(
        "continuation/size_class",
        LAYOUT,
        "let size = space.end().next_multiple_of(CLASS_STEP);",
        "let size = space.end() / CLASS_STEP * CLASS_STEP;",
        "an object is too small for what is saved last",
    ),
    bug(
        "continuation/group_order",
        PARTITION,
        "            group.sort_unstable();\n            groups.push(group);",
        "            groups.push(group);",
        "the points of a layout are in the order of their needs",
    ),
];
