//! Branches that go one way only, blocks that are one, and parameters of blocks.

use super::edit;
use crate::case::Case;
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{Block, FuncId, Function, Inst, Opcode, Payload, Type, Value};

/// What a block may end with instead.
#[derive(Clone, Copy)]
enum End {
    /// It goes to one of its targets.
    Target(usize),
    /// It calls without a handler and goes on.
    Uncaught,
    /// It returns zeros.
    Return,
}

/// How many ways there are to make the end of a block simpler.
pub(super) fn branches(case: &Case) -> usize {
    every_end(case).len()
}

fn every_end(case: &Case) -> Vec<(FuncId, Block, End)> {
    let mut ends = Vec::new();
    for (id, body) in case.module.bodies() {
        for &block in &body.order {
            let Some(inst) = body.terminator(block) else {
                continue;
            };
            let targets = body.targets(inst).len();
            if body.insts[inst].opcode.has_unwind_edge() {
                ends.push((id, block, End::Uncaught));
            }
            if targets > 1 {
                ends.extend((0..targets).map(|target| (id, block, End::Target(target))));
            }
            if body.insts[inst].opcode != Opcode::Return {
                ends.push((id, block, End::Return));
            }
        }
    }
    ends
}

/// The case with the end of a block made simpler.
pub(super) fn with_branch(case: &Case, index: usize) -> Option<Case> {
    let (id, block, end) = *every_end(case).get(index)?;
    edit::with_body(case, id, |body| {
        let inst = body.terminator(block)?;
        body.blocks[block].insts.pop();
        let gone: FxHashSet<Value> = body.results(inst).iter().copied().collect();
        match end {
            End::Target(target) => jump(body, block, inst, target)?,
            End::Uncaught => {
                call(body, block, inst)?;
                jump(body, block, inst, 0)?;
            }
            End::Return => edit::return_zeros(body, block)?,
        }
        edit::drop_unreachable(body);
        edit::put_zeros(body, &undefined(body, &gone));
        Some(())
    })
}

/// Those of some values that no instruction of the function defines.
fn undefined(body: &Function, values: &FxHashSet<Value>) -> FxHashSet<Value> {
    let mut values = values.clone();
    for &block in &body.order {
        for &inst in &body.blocks[block].insts {
            for value in body.results(inst) {
                values.remove(value);
            }
        }
    }
    values
}

fn jump(body: &mut Function, block: Block, inst: Inst, target: usize) -> Option<()> {
    let target = *body.targets(inst).get(target)?;
    let jump = body.make_inst(Opcode::Jump, Type::I64, Payload::None, &[], &[target]);
    body.append_inst(block, jump);
    Some(())
}

/// The call of an instruction with an unwind target.
fn call(body: &mut Function, block: Block, inst: Inst) -> Option<()> {
    let data = body.insts[inst];
    let opcode = match data.opcode {
        Opcode::TryCall => Opcode::Call,
        Opcode::TryCallIndirect => Opcode::CallIndirect,
        Opcode::TryJoin => Opcode::Join,
        _ => return None,
    };
    let args = body.args(inst).to_vec();
    let results = body.normal_results(inst).to_vec();
    let call = body.make_inst(opcode, data.ty, data.payload, &args, &[]);
    body.set_results(call, &results);
    body.append_inst(block, call);
    Some(())
}

/// The case with blocks that follow each other without a choice made one, in all functions.
pub(super) fn merged(case: &Case) -> Option<Case> {
    let mut case = case.clone();
    for id in case.module.body_ids() {
        let body = case.module.functions[id].body_mut()?;
        skip_empty(body);
        edit::drop_unreachable(body);
        while merge_one(body) {}
    }
    Some(case)
}

/// Leads branches to a block that only jumps to where it jumps.
fn skip_empty(body: &mut Function) {
    for block in body.order.clone() {
        let data = &body.blocks[block];
        let &[inst] = data.insts.as_slice() else {
            continue;
        };
        if body.insts[inst].opcode != Opcode::Jump
            || !data.params.is_empty()
            || body.is_entry(block)
        {
            continue;
        }
        let to = body.targets(inst)[0];
        let args = body.target_args(to).to_vec();
        for from in body.order.clone() {
            let Some(branch) = body.terminator(from).filter(|_| to.block != block) else {
                continue;
            };
            for index in 0..body.targets(branch).len() {
                if body.targets(branch)[index].block == block {
                    body.targets_mut(branch)[index].block = to.block;
                    body.set_target_args(branch, index, &args);
                }
            }
        }
    }
}

fn merge_one(body: &mut Function) -> bool {
    let predecessors = |body: &Function, block: Block| {
        let from = body.order.iter().flat_map(|&from| body.successors(from));
        from.filter(|&to| to == block).count()
    };
    for block in body.order.clone() {
        let Some(inst) = body.terminator(block) else {
            continue;
        };
        if body.insts[inst].opcode != Opcode::Jump {
            continue;
        }
        let target = body.targets(inst)[0];
        let next = target.block;
        if next == block || body.is_entry(next) || predecessors(body, next) != 1 {
            continue;
        }
        let (args, params) = (
            body.target_args(target).to_vec(),
            body.blocks[next].params.clone(),
        );
        body.blocks[block].insts.pop();
        let insts = std::mem::take(&mut body.blocks[next].insts);
        body.blocks[block].insts.extend(insts);
        body.order.retain(|&kept| kept != next);
        edit::map_all_uses(body, |value| {
            let position = params.iter().position(|&param| param == value);
            position.and_then(|position| args.get(position).copied())
        });
        return true;
    }
    false
}

/// How many parameters blocks have, the entries left out.
pub(super) fn parameters(case: &Case) -> usize {
    every_parameter(case).len()
}

fn every_parameter(case: &Case) -> Vec<(FuncId, Block, usize)> {
    let bodies = case.module.bodies();
    let all = bodies.flat_map(|(id, body)| {
        let blocks = body.order.iter().skip(1);
        blocks.flat_map(move |&block| {
            (0..body.blocks[block].params.len()).map(move |index| (id, block, index))
        })
    });
    all.collect()
}

/// The case without one of them, zero in its place.
pub(super) fn without_parameter(case: &Case, index: usize) -> Option<Case> {
    let (id, block, position) = *every_parameter(case).get(index)?;
    edit::with_body(case, id, |body| {
        let mut params = body.blocks[block].params.clone();
        let gone = params.remove(position);
        body.set_params(block, &params);
        for from in body.order.clone() {
            let Some(inst) = body.terminator(from) else {
                continue;
            };
            for index in 0..body.targets(inst).len() {
                let target = body.targets(inst)[index];
                if target.block == block {
                    let mut args = body.target_args(target).to_vec();
                    args.remove(position);
                    body.set_target_args(inst, index, &args);
                }
            }
        }
        edit::put_zeros(body, &[gone].into_iter().collect());
        Some(())
    })
}
