//! Ends of blocks that throw or catch.

use super::body::Body;
use enjamb_ir::{Block, Exception, FuncId, Signature, Type, Value};

/// Ends the block in a way that has to do with exceptions. `throw` is a function of the host.
pub(super) fn terminator(body: &mut Body<'_, '_, '_>, throw: FuncId) {
    let joins = body.world.has_tasks && body.signature.is_async;
    match body.choices.below(12) {
        0 => {
            let [tag, payload] = exception(body);
            body.builder.throw(tag, payload);
        }
        1 => {
            let [tag, payload] = exception(body);
            body.builder.rethrow(tag, payload);
        }
        2 => try_host(body, throw),
        3..6 if joins => try_join(body),
        _ => try_call(body),
    }
}

/// The words of an exception, from variables.
fn exception(body: &mut Body<'_, '_, '_>) -> [Value; 2] {
    Exception::TYPES.map(|ty| body.value(ty))
}

/// Throws in the host; what comes of it is caught here, or not.
fn try_host(body: &mut Body<'_, '_, '_>, throw: FuncId) {
    let args = exception(body);
    if body.choices.below(3) == 0 {
        let results = body.builder.call(throw, &args);
        body.keep(&results);
        return body.leave();
    }
    let edges = Edges::new(body, &[Type::I64]);
    let (normal, unwind) = (edges.target(0), edges.target(1));
    body.builder.try_call(throw, &args, normal, unwind);
    edges.land(body);
}

fn try_call(body: &mut Body<'_, '_, '_>) {
    let Some((callee, signature)) = body.callee() else {
        let [tag, payload] = exception(body);
        return body.builder.throw(tag, payload);
    };
    let args = body.arguments(&signature);
    let edges = Edges::new(body, &signature.results);
    let (normal, unwind) = (edges.target(0), edges.target(1));
    if body.choices.once_in(3) {
        let target = body.builder.func_addr(callee);
        let signature = body.builder.create_signature(signature);
        body.builder
            .try_call_indirect(signature, target, &args, normal, unwind);
    } else {
        body.builder.try_call(callee, &args, normal, unwind);
    }
    edges.land(body);
}

fn try_join(body: &mut Body<'_, '_, '_>) {
    let (task, types) = body.spawn();
    body.cancel_some(task);
    let edges = Edges::new(body, &types);
    let results = Signature::sync(&[], &types);
    let results = body.builder.create_signature(results);
    let (normal, unwind) = (edges.target(0), edges.target(1));
    body.builder.try_join(results, task, normal, unwind);
    edges.land(body);
}

/// The blocks behind a call, each with parameters for what the call gives and for some variables.
struct Edges {
    blocks: [Block; 2],
    /// What each block gets besides.
    others: [Vec<Value>; 2],
    params: [Vec<Value>; 2],
}

impl Edges {
    fn new(body: &mut Body<'_, '_, '_>, results: &[Type]) -> Self {
        let types = [results.to_vec(), Exception::TYPES.to_vec()];
        let blocks = [body.builder.create_block(), body.builder.create_block()];
        let others = [(); 2].map(|()| {
            let count = body.choices.below(3);
            let types = (0..count).map(|_| body.choices.of(&super::TYPES));
            let types: Vec<Type> = types.collect();
            types
                .into_iter()
                .map(|ty| body.value(ty))
                .collect::<Vec<_>>()
        });
        let params = [0, 1].map(|index| {
            let block = blocks[index];
            let other_types = others[index].iter();
            let other_types = other_types.filter_map(|&value| body.builder.value_type(value));
            let all: Vec<Type> = types[index].iter().copied().chain(other_types).collect();
            let add = |ty| body.builder.append_block_param(block, ty);
            all.into_iter().map(add).collect::<Vec<_>>()
        });
        Edges {
            blocks,
            others,
            params,
        }
    }

    /// The normal target, 0, or the unwind target, 1.
    fn target(&self, index: usize) -> (Block, &[Value]) {
        (self.blocks[index], &self.others[index])
    }

    /// Writes the blocks: they keep what they get in variables, and go on somewhere.
    fn land(self, body: &mut Body<'_, '_, '_>) {
        for (block, params) in self.blocks.into_iter().zip(self.params) {
            body.builder.switch_to_block(block);
            for param in params {
                if body.choices.below(4) != 0 {
                    body.keep(&[param]);
                }
            }
            for _ in 0..body.choices.below(3) {
                body.statement();
            }
            let next = body.somewhere();
            body.builder.jump(next, &[]);
        }
    }
}
