//! Ends of blocks that throw or catch.

use super::body::Body;
use super::call::Callee;
use enjamb_ir::build::{BuildError, ModuleBuilder, Variable};
use enjamb_ir::{Block, Exception, FuncId, Signature, Type, Value};

/// Functions of the host that throw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throwers {
    /// Throws the exception of its two arguments.
    throw: FuncId,
    /// Ends with an error of the host.
    fail: FuncId,
}

impl Throwers {
    pub(super) fn declare(builder: &mut ModuleBuilder) -> Result<Self, BuildError> {
        let gives = &[Type::I64][..];
        let throws = Signature::sync(&Exception::TYPES, gives);
        let fails = Signature::sync(&[], gives);
        Ok(Throwers {
            throw: builder.declare_import("throw", "host", "throw", throws)?,
            fail: builder.declare_import("fail", "host", "fail", fails)?,
        })
    }
}

/// Ends the block in a way that has to do with exceptions.
pub(super) fn terminator(body: &mut Body<'_, '_, '_>, throwers: Throwers) {
    let joins = body.world.has_tasks && body.signature.is_async;
    match body.choices.below(14) {
        0 => {
            let [tag, payload] = exception(body);
            body.builder.throw(tag, payload);
        }
        1 => {
            let [tag, payload] = exception(body);
            body.builder.rethrow(tag, payload);
        }
        2 => try_host(body, throwers),
        3..5 if joins => try_join(body),
        5 if joins => {
            let task = body.held();
            body.if_there(task, try_join_held);
            let next = body.somewhere();
            body.builder.jump(next, &[]);
        }
        6..8 if body.signature.is_async => try_leaf(body),
        _ => try_call(body),
    }
}

/// The words of an exception.
fn exception(body: &mut Body<'_, '_, '_>) -> [Value; 2] {
    Exception::TYPES.map(|ty| body.operand(ty))
}

/// Throws in the host; what comes of it is caught here, or not.
fn try_host(body: &mut Body<'_, '_, '_>, throwers: Throwers) {
    let (callee, args) = match body.choices.below(2) {
        0 => (throwers.throw, exception(body).to_vec()),
        _ => (throwers.fail, Vec::new()),
    };
    if body.choices.below(4) == 0 {
        let results = body.builder.call(callee, &args);
        body.keep(&results);
        return body.leave();
    }
    try_import(body, callee, &args);
}

/// Calls something that may suspend and does not throw, unless the task is cancelled there.
fn try_leaf(body: &mut Body<'_, '_, '_>) {
    let leaf = body.choices.of(&body.world.imports.leaves());
    let args = body.arguments_of_import(leaf);
    try_import(body, leaf, &args);
}

fn try_import(body: &mut Body<'_, '_, '_>, callee: FuncId, args: &[Value]) {
    let results = body.signature_of(callee).results;
    let edges = Edges::new(body, &results);
    let (normal, unwind) = (edges.target(0), edges.target(1));
    body.builder.try_call(callee, args, normal, unwind);
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
    match callee {
        Callee::Function(function) => body.builder.try_call(function, &args, normal, unwind),
        Callee::Reference(reference) => {
            let signature = body.builder.create_signature(signature);
            body.builder
                .try_call_indirect(signature, reference, &args, normal, unwind);
        }
    }
    edges.land(body);
}

fn try_join(body: &mut Body<'_, '_, '_>) {
    let (task, types) = body.spawn(false);
    body.cancel_some(task);
    try_results(body, task, &types);
}

/// Joins a variable's task, and goes on in a block that nothing else leads to.
fn try_join_held(body: &mut Body<'_, '_, '_>, variable: Variable) {
    let task = body.builder.use_var(variable);
    body.cancel_some(task);
    body.forget(variable);
    let world = body.world;
    try_results(body, task, world.task_results());
    let next = body.builder.create_block();
    body.builder.switch_to_block(next);
}

fn try_results(body: &mut Body<'_, '_, '_>, task: Value, types: &[Type]) {
    let edges = Edges::new(body, types);
    let results = Signature::sync(&[], types);
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
            let types = (0..count).map(|_| body.choices.of(&body.world.types));
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
