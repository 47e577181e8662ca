//! Pass `state_machine`: an async function becomes a state machine, and is lowered from then on.
//!
//! Everything is collected first, then laid out, then rewritten:
//!
//! ```text
//! edges of calls → suspension points → live across → what a resumption reaches → layout
//!     → rewriting of every point → entry dispatch → repair of SSA form
//! ```
//!
//! Blocks come out in the order that suits a register allocator which takes every edge to an
//! earlier block for the back edge of a loop: entry, dispatch, resumption blocks, body in reverse
//! post-order, suspension blocks.

use enjamb_continuation::Layouts;
use enjamb_ir::hash::FxHashMap;
use enjamb_ir::{Block, Function, Module, Stage, Type};
use enjamb_liveness::{ControlFlow, Liveness, Uses};

use crate::across::LiveAcross;
use crate::dispatch::{self, Entry};
use crate::edges;
use crate::points::SuspensionPoints;
use crate::repair;
use crate::resumed::Resumed;
use crate::rewrite::{self, Analyses, Rewritten};

/// Lowers async source functions; other functions stay as they are.
pub fn run(module: &Module, function: &mut Function) {
    if !function.is_async() || function.stage != Stage::Source {
        return;
    }
    let Some(body) = function.entry() else { return };
    function.stage = Stage::Lowered;
    edges::run(module, function);
    let flow = ControlFlow::new(function);
    function.order = flow.reverse_post_order().to_vec();
    let points = SuspensionPoints::run(module, function, &function.order);
    let Some(first) = points.as_slice().first().copied() else {
        add_hidden_parameter(function, body);
        return;
    };

    let liveness = Liveness::of(function);
    let across = LiveAcross::run(function, &flow, &liveness, &points);
    let layouts = Layouts::new(&across.needs, &across.affinities(function));
    let uses = Uses::new(function);
    let resumed = Resumed::run(function, &flow, &points);
    let stable = resumed.stable_values(function, &uses, &across);

    let entry = dispatch::make_entry(function);
    let analyses = Analyses {
        points: &points,
        across: &across,
        layouts: &layouts,
        resumed: &resumed,
        stable: &stable,
        uses: &uses,
    };
    let rewritten = rewrite::run(function, &analyses, entry.hidden);
    let resumptions = rewrite::resumptions(&rewritten);
    let dispatch = dispatch::run(function, &entry, body, &resumptions, first.inst);
    order_blocks(function, &entry, dispatch, &resumptions, &rewritten);
    repair::run(function, &liveness, &rewritten);
}

/// A function that never suspends by itself still takes the parameter, and is never resumed.
fn add_hidden_parameter(function: &mut Function, entry: Block) {
    let params = function.blocks[entry].params.clone();
    let hidden = function.append_param(entry, Type::Cont);
    let with_hidden: Vec<_> = std::iter::once(hidden).chain(params).collect();
    function.set_params(entry, &with_hidden);
}

/// Puts what goes on behind a call behind its block, and the new blocks around the body.
fn order_blocks(
    function: &mut Function,
    entry: &Entry,
    dispatch: Option<Block>,
    resumptions: &[Block],
    points: &[Rewritten],
) {
    let behind: FxHashMap<Block, Block> = points
        .iter()
        .map(|point| (point.before, point.behind))
        .collect();
    let mut order = vec![entry.block];
    order.extend(dispatch);
    order.extend(resumptions);
    for &block in &function.order {
        order.push(block);
        let mut last = block;
        while let Some(&next) = behind.get(&last) {
            order.push(next);
            last = next;
        }
    }
    order.extend(points.iter().flat_map(|point| &point.suspension));
    function.order = order;
}
