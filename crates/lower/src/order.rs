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
/// that suspension blocks save would be live through the rest of the body. For the same reason it gets
/// each resumption block right in front of the continuation that it restores values for. Where the code
/// ends up is the same, since suspension and resumption blocks are cold.
pub(crate) fn allocation_order(
    function: &Function,
    allocator: RegisterAllocator,
    arena: &Bump,
) -> Vec<Block> {
    let postorder = postorder(function, arena);
    match (function.stage, allocator) {
        (Stage::Source, _) => postorder.into_iter().rev().collect(),
        (Stage::Lowered, RegisterAllocator::SinglePass) => {
            beside_their_targets(function, &postorder, arena)
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

/// Reverse post-order, in which cold blocks that only lead to a block which is not cold come directly
/// in front of it.
fn beside_their_targets(function: &Function, postorder: &[Block], arena: &Bump) -> Vec<Block> {
    let leads_to = |block: Block| {
        let jump = function.terminator(block)?;
        let &[target] = function.targets(jump) else {
            return None;
        };
        let moves = function.blocks[block].cold && !function.blocks[target.block].cold;
        moves.then_some(target.block)
    };
    let mut waiting: BumpVec<'_, Vec<Block>> =
        bumpalo::vec![in arena; Vec::new(); function.blocks.len()];
    let mut placed = bumpalo::vec![in arena; false; function.blocks.len()];
    let mut order = Vec::with_capacity(postorder.len());
    for &block in postorder.iter().rev() {
        // A target that stands already is the head of a loop that the block closes.
        if let Some(target) = leads_to(block).filter(|target| !placed[target.index()]) {
            waiting[target.index()].push(block);
            continue;
        }
        order.append(&mut waiting[block.index()]);
        order.push(block);
        placed[block.index()] = true;
    }
    order
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
