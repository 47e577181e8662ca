//! The order in which blocks go to the allocator.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use enjamb_abi::code::RegisterAllocator;
use enjamb_ir::{Block, Entity, Function, Stage};

/// The reachable blocks of a function, the entry first.
///
/// The async transform has put those of a lowered function in order: entry, dispatch, resumption
/// blocks, body, suspension blocks. Those of a source function come in reverse post-order.
///
/// So do all for the single-pass allocator, which takes a value for live everywhere between its
/// definition and its last use in this order, and looks at all live values at each block: the values
/// that suspension blocks save would be live through the rest of the body. Where the code ends up is
/// the same, since suspension blocks are cold.
pub(crate) fn allocation_order(
    function: &Function,
    allocator: RegisterAllocator,
    arena: &Bump,
) -> Vec<Block> {
    let postorder = postorder(function, arena);
    match (function.stage, allocator) {
        (Stage::Source, _) | (_, RegisterAllocator::SinglePass) => {
            postorder.into_iter().rev().collect()
        }
        (Stage::Lowered, RegisterAllocator::Backtracking) => {
            let mut reachable = bumpalo::vec![in arena; false; function.blocks.len()];
            for block in postorder {
                reachable[block.index()] = true;
            }
            let order = function.order.iter().copied();
            order.filter(|block| reachable[block.index()]).collect()
        }
    }
}

/// The last successor is walked first, so that in the reverse the first one follows its block.
fn postorder<'a>(function: &Function, arena: &'a Bump) -> BumpVec<'a, Block> {
    let mut seen = bumpalo::vec![in arena; false; function.blocks.len()];
    let mut finished = BumpVec::new_in(arena);
    let mut open = BumpVec::new_in(arena);
    if let Some(entry) = function.entry() {
        seen[entry.index()] = true;
        open.push((entry, 0));
    }
    while let Some((block, visited)) = open.last_mut() {
        let targets = function
            .terminator(*block)
            .map_or(&[][..], |inst| function.targets(inst));
        match targets.len().checked_sub(*visited + 1) {
            Some(next) => {
                let target = targets[next].block;
                *visited += 1;
                if !std::mem::replace(&mut seen[target.index()], true) {
                    open.push((target, 0));
                }
            }
            None => {
                finished.push(*block);
                open.pop();
            }
        }
    }
    finished
}
