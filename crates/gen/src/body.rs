//! The body of a random function.

use super::{Choices, World, exception, object};
use enjamb_ir::build::{BuildError, FunctionBuilder, ModuleBuilder, Variable};
use enjamb_ir::{
    Block, FuncId, IntCond, Place, Signature, StackSlot, TrapCode, Type, TypeClass, Value,
};

/// Bytes of the stack slot that a function has.
const SLOT_BYTES: u32 = 64;
/// Bytes of the largest value.
const LARGEST: u32 = 16;

/// A body on its way.
pub(super) struct Body<'b, 'c, 'd> {
    pub(super) builder: FunctionBuilder<'b>,
    pub(super) choices: &'c mut Choices<'d>,
    pub(super) world: &'c World,
    pub(super) signature: Signature,
    fuel: Variable,
    variables: Vec<(Variable, Type)>,
    slot: StackSlot,
    /// Blocks that pay for themselves and then go on, or out.
    blocks: Vec<Block>,
    exit: Block,
    /// How deep statements that hold statements are nested.
    depth: usize,
}

/// Defines a function of the world.
pub(super) fn define(
    module: &mut ModuleBuilder,
    choices: &mut Choices<'_>,
    world: &World,
    index: usize,
) -> Result<(), BuildError> {
    let (id, signature) = &world.functions[index];
    let mut builder = module.define(*id)?;
    let fuel = builder.declare_variable(Type::I64);
    let slot = builder.create_slot(SLOT_BYTES, choices.of(&[8, 16, 1]));
    let blocks: Vec<Block> = (0..choices.between(1, world.size.blocks))
        .map(|_| builder.create_block())
        .collect();
    let exit = builder.create_block();
    let mut body = Body {
        builder,
        choices,
        world,
        signature: signature.clone(),
        fuel,
        variables: Vec::new(),
        slot,
        blocks,
        exit,
        depth: 0,
    };
    body.entry();
    for block in body.blocks.clone() {
        body.block(block);
    }
    body.builder.switch_to_block(exit);
    body.leave();
    body.builder.finish()?;
    Ok(())
}

impl Body<'_, '_, '_> {
    /// Gives every variable a value: parameters first, constants where there are none.
    fn entry(&mut self) {
        let first = self.builder.param(0);
        self.builder.def_var(self.fuel, first);
        for (index, ty) in self.signature.params.clone().into_iter().enumerate() {
            let value = self.builder.param(index);
            self.declare(ty, value);
        }
        for &ty in self.world.types {
            for _ in 0..self.choices.between(1, 2) {
                let value = self.constant(ty);
                self.declare(ty, value);
            }
        }
        let start = self.blocks[0];
        self.builder.jump(start, &[]);
    }

    fn declare(&mut self, ty: Type, value: Value) {
        let variable = self.builder.declare_variable(ty);
        self.builder.def_var(variable, value);
        self.variables.push((variable, ty));
    }

    fn constant(&mut self, ty: Type) -> Value {
        match ty {
            Type::Ref | Type::FuncRef => self.builder.null(ty),
            Type::V128 => {
                let bits = self.choices.bits(ty);
                self.builder.vconst(bits)
            }
            Type::F32 | Type::F64 => {
                let bits = self.choices.constant(ty);
                self.builder.fconst_bits(ty, bits)
            }
            _ => {
                let constant = self.choices.constant(ty) as i64;
                self.builder.iconst(ty, constant)
            }
        }
    }

    /// A variable of a type, or a constant.
    pub(super) fn value(&mut self, ty: Type) -> Value {
        let suitable: Vec<Variable> = self.variables_of(ty);
        if suitable.is_empty() || self.choices.once_in(8) {
            return self.constant(ty);
        }
        let variable = self.choices.of(&suitable);
        self.builder.use_var(variable)
    }

    fn variables_of(&self, ty: Type) -> Vec<Variable> {
        let suitable = self.variables.iter().filter(|(_, found)| *found == ty);
        suitable.map(|(variable, _)| *variable).collect()
    }

    /// Puts values into variables of their types.
    pub(super) fn keep(&mut self, values: &[Value]) {
        for &value in values {
            let Some(ty) = self.builder.value_type(value) else {
                return;
            };
            let suitable = self.variables_of(ty);
            if !suitable.is_empty() {
                let variable = self.choices.of(&suitable);
                self.builder.def_var(variable, value);
            }
        }
    }

    /// A block: pays, does something, goes somewhere.
    fn block(&mut self, block: Block) {
        self.builder.switch_to_block(block);
        if self.choices.once_in(10) {
            self.builder.set_cold(block);
        }
        let work = self.builder.create_block();
        let fuel = self.builder.use_var(self.fuel);
        let one = self.builder.iconst(Type::I64, 1);
        let left = self.builder.isub(fuel, one);
        self.builder.def_var(self.fuel, left);
        let zero = self.builder.iconst(Type::I64, 0);
        let empty = self.builder.icmp(IntCond::SignedLess, left, zero);
        self.builder.brif(empty, self.exit, &[], work, &[]);
        self.builder.switch_to_block(work);
        if self.signature.is_async && self.choices.once_in(2) {
            self.leaf();
        }
        for _ in 0..self.choices.between(1, self.world.size.statements) {
            self.statement();
        }
        self.terminator();
    }

    pub(super) fn somewhere(&mut self) -> Block {
        self.choices.of(&self.blocks)
    }

    fn terminator(&mut self) {
        if let Some(throw) = self.world.throw
            && self.choices.below(3) == 0
        {
            return exception::terminator(self, throw);
        }
        match self.choices.below(16) {
            0 => self.leave(),
            1..4 => {
                let target = self.somewhere();
                self.builder.jump(target, &[]);
            }
            4..12 => {
                let ty = self.choices.of(&[Type::I8, Type::I64, Type::I16]);
                let condition = self.value(ty);
                let (yes, no) = (self.somewhere(), self.somewhere());
                self.builder.brif(condition, yes, &[], no, &[]);
            }
            12..14 => {
                let ty = self.choices.of(&[Type::I32, Type::I64]);
                let index = self.value(ty);
                let (default, first, second) =
                    (self.somewhere(), self.somewhere(), self.somewhere());
                let targets: [(Block, &[Value]); 2] = [(first, &[]), (second, &[])];
                self.builder.br_table(index, (default, &[]), &targets);
            }
            14 => self.tail_call(),
            _ if self.choices.once_in(6) => self.builder.trap(TrapCode::User),
            _ if self.choices.once_in(6) => self.builder.unreachable(),
            _ => self.leave(),
        }
    }

    /// Returns what variables hold.
    pub(super) fn leave(&mut self) {
        let types = self.signature.results.clone();
        let results: Vec<Value> = types.into_iter().map(|ty| self.value(ty)).collect();
        self.builder.ret(&results);
    }

    fn tail_call(&mut self) {
        let alike: Vec<usize> = (0..self.world.functions.len())
            .filter(|&index| {
                let callee = &self.world.functions[index].1;
                callee.results == self.signature.results
                    && callee.is_async == self.signature.is_async
            })
            .collect();
        let index = self.choices.of(&alike);
        let (callee, signature) = self.world.functions[index].clone();
        let args = self.arguments(&signature);
        if self.choices.once_in(3) {
            let target = self.builder.func_addr(callee);
            let signature = self.builder.create_signature(signature);
            self.builder.return_call_indirect(signature, target, &args);
        } else {
            self.builder.return_call(callee, &args);
        }
    }

    /// The fuel of a callee: a third of what is left, or a little as long as there are calls left.
    fn fuel_of_callee(&mut self) -> Value {
        let builder = &mut self.builder;
        let Some(calls_left) = self.world.calls_left else {
            let fuel = builder.use_var(self.fuel);
            let three = builder.iconst(Type::I64, 3);
            return builder.sdiv(fuel, three);
        };
        let left = builder.global_get(calls_left);
        let one = builder.iconst(Type::I64, 1);
        let less = builder.isub(left, one);
        builder.global_set(calls_left, less);
        let zero = builder.iconst(Type::I64, 0);
        let is_paid = builder.icmp(IntCond::SignedGreater, left, zero);
        let little = builder.iconst(Type::I64, 4);
        builder.select(is_paid, little, zero)
    }

    /// Arguments for a callee: its fuel, then variables.
    pub(super) fn arguments(&mut self, signature: &Signature) -> Vec<Value> {
        let mut args = vec![self.fuel_of_callee()];
        for &ty in &signature.params[1..] {
            args.push(self.value(ty));
        }
        args
    }

    pub(super) fn statement(&mut self) {
        if let Some(objects) = &self.world.objects
            && self.choices.below(4) == 0
        {
            return object::statement(self, objects);
        }
        let (state, tasks) = (self.world.has_state, self.world.has_tasks);
        match self.choices.below(29) {
            0..7 => self.compute(),
            7..9 => self.slot_access(),
            9..13 if self.signature.is_async => self.leaf(),
            13..16 => self.call(),
            16..19 if tasks && self.signature.is_async => self.spawn_and_join(),
            16..19 if state => self.memory_access(),
            19..21 if state => self.global_access(),
            21 if state => self.bulk_memory(),
            22 if state => {
                let value = self.value(Type::I64);
                self.builder.call(self.world.log, &[value]);
            }
            23 => self.table_access(),
            24..26 if self.world.has_context => self.context_access(),
            26..29 if self.signature.is_async => self.leaf(),
            _ => self.compute(),
        }
    }

    fn leaf(&mut self) {
        let with_results = match self.choices.below(8) {
            3 | 4 => self.world.leaf_test,
            5 if self.world.has_state => self.world.ask,
            6 => match self.world.later {
                Some(later) => later,
                None => self.world.leaf_test,
            },
            7 => {
                let value = self.masked(3);
                self.builder.call(self.world.leaf_sleep, &[value]);
                return;
            }
            _ => {
                self.builder.call(self.world.leaf_yield, &[]);
                return;
            }
        };
        let value = self.value(Type::I64);
        let results = self.builder.call(with_results, &[value]);
        self.keep(&results);
    }

    /// The low bits of a variable, as an index.
    pub(super) fn masked(&mut self, mask: i64) -> Value {
        let value = self.value(Type::I64);
        let mask = self.builder.iconst(Type::I64, mask);
        self.builder.band(value, mask)
    }

    /// A function that this one may call, if there is one.
    pub(super) fn callee(&mut self) -> Option<(FuncId, Signature)> {
        let callable: Vec<usize> = (0..self.world.functions.len())
            .filter(|&index| self.signature.is_async || !self.world.functions[index].1.is_async)
            .collect();
        if callable.is_empty() {
            return None;
        }
        let index = self.choices.of(&callable);
        Some(self.world.functions[index].clone())
    }

    fn call(&mut self) {
        let Some((callee, signature)) = self.callee() else {
            return self.compute();
        };
        let args = self.arguments(&signature);
        let results = if self.choices.once_in(3) {
            let target = self.builder.func_addr(callee);
            let signature = self.builder.create_signature(signature);
            self.builder.call_indirect(signature, target, &args)
        } else {
            self.builder.call(callee, &args)
        };
        self.keep(&results);
    }

    /// Starts a task, does something else, and takes its results, if they matter.
    fn spawn_and_join(&mut self) {
        let (task, types) = self.spawn();
        // Whether it has finished depends on the schedule; so may anything in a program that has state.
        if self.world.has_state && self.choices.once_in(4) {
            let is_done = self.builder.is_done(task);
            self.keep(&[is_done]);
        }
        self.cancel_some(task);
        if self.choices.once_in(8) {
            return self.builder.detach(task);
        }
        let results = Signature::sync(&[], &types);
        let results = self.builder.create_signature(results);
        let results = match self.world.has_state && self.choices.once_in(6) {
            true => self.builder.task_try_result(results, task),
            false => self.builder.join(results, task),
        };
        self.keep(&results);
    }

    /// Cancels a task, now and then. Where it hears of that depends on the schedule.
    pub(super) fn cancel_some(&mut self, task: Value) {
        if self.world.has_state && self.choices.once_in(4) {
            self.builder.cancel(task);
        }
    }

    /// Starts a task and does something else. Gives the types of its results, too.
    pub(super) fn spawn(&mut self) -> (Value, Vec<Type>) {
        let tasks: Vec<(FuncId, Signature)> = self.world.functions.clone();
        let tasks: Vec<_> = tasks.into_iter().filter(|(_, s)| s.is_async).collect();
        let (callee, signature) = tasks[self.choices.below(tasks.len())].clone();
        let args = self.arguments(&signature);
        let task = self.builder.spawn(callee, &args);
        if self.depth < 2 {
            self.depth += 1;
            for _ in 0..self.choices.below(4) {
                self.statement();
            }
            self.depth -= 1;
        }
        (task, signature.results)
    }

    fn slot_access(&mut self) {
        let offset = self.choices.below((SLOT_BYTES - LARGEST) as usize + 1) as u32;
        let (place, address, offset) = match self.choices.below(5) {
            0 => (Place::Slot(self.slot), Some(self.masked(31)), offset % 16),
            1 => {
                let base = self.builder.stack_addr(self.slot, offset / 2);
                (Place::Address, Some(base), offset - offset / 2)
            }
            2 => {
                let base = self.builder.stack_addr(self.slot, 0);
                let distance = self.builder.iconst(Type::I64, i64::from(offset / 2));
                let address = self.builder.addr_add(base, distance);
                (Place::Address, Some(address), offset - offset / 2)
            }
            _ => (Place::Slot(self.slot), None, offset),
        };
        self.access(place, address, offset);
    }

    fn memory_access(&mut self) {
        let Some((heap, _)) = self.world.memory else {
            return self.compute();
        };
        let place = Place::Memory(heap);
        let index = if self.choices.once_in(40) {
            self.value(Type::I64)
        } else {
            self.masked(0xff)
        };
        let index = match self.choices.below(4) {
            0 => self.builder.ireduce(Type::I32, index),
            _ => index,
        };
        let offset = self.choices.of(&[0, 8, 300, 65_000]);
        self.access(place, Some(index), offset);
    }

    /// Loads or stores a whole value, or a part of an integer.
    fn access(&mut self, place: Place, address: Option<Value>, offset: u32) {
        match self.choices.below(6) {
            0..2 => {
                let ty = self.choices.of(&self.world.members(TypeClass::Stored));
                let value = self.value(ty);
                self.builder.store(place, address, offset, value);
            }
            2..4 => {
                let ty = self.choices.of(&self.world.members(TypeClass::Stored));
                let value = self.builder.load(ty, place, address, offset);
                self.keep(&[value]);
            }
            4 => self.narrow_store(place, address, offset),
            _ => self.narrow_load(place, address, offset),
        }
    }

    fn narrow_store(&mut self, place: Place, address: Option<Value>, offset: u32) {
        let ty = self.choices.of(&[Type::I64, Type::I32]);
        let value = self.value(ty);
        match self.choices.below(3) {
            0 => self.builder.istore8(place, address, offset, value),
            1 => self.builder.istore16(place, address, offset, value),
            _ => {
                let value = self.value(Type::I64);
                self.builder.istore32(place, address, offset, value);
            }
        }
    }

    fn narrow_load(&mut self, place: Place, address: Option<Value>, offset: u32) {
        let ty = self.choices.of(&[Type::I64, Type::I32]);
        let builder = &mut self.builder;
        let value = match self.choices.below(6) {
            0 => builder.uload8(ty, place, address, offset),
            1 => builder.sload8(ty, place, address, offset),
            2 => builder.uload16(ty, place, address, offset),
            3 => builder.sload16(ty, place, address, offset),
            4 => builder.uload32(place, address, offset),
            _ => builder.sload32(place, address, offset),
        };
        self.keep(&[value]);
    }

    fn global_access(&mut self) {
        let (global, ty) = self.choices.of(&self.world.globals);
        if self.choices.below(2) == 0 {
            let value = self.value(ty);
            self.builder.global_set(global, value);
        } else {
            let value = self.builder.global_get(global);
            self.keep(&[value]);
        }
    }

    fn context_access(&mut self) {
        if self.choices.below(2) == 0 {
            let word = self.value(Type::I64);
            self.builder.context_set(word);
        } else {
            let word = self.builder.context_get();
            self.keep(&[word]);
        }
    }

    fn bulk_memory(&mut self) {
        let Some((heap, data)) = self.world.memory else {
            return self.compute();
        };
        let (to, from, length) = (self.masked(0x3ff), self.masked(0x3ff), self.masked(15));
        match self.choices.below(5) {
            0 => self.builder.memory_copy(heap, heap, to, from, length),
            1 => {
                let byte = self.value(Type::I8);
                self.builder.memory_fill(heap, to, byte, length);
            }
            2 => {
                let from = self.masked(3);
                self.builder.memory_init(heap, data, to, from, length);
            }
            3 => {
                let pages = self.masked(1);
                let before = self.builder.memory_grow(heap, pages);
                self.keep(&[before]);
            }
            _ => {
                let pages = self.builder.memory_size(heap);
                self.keep(&[pages]);
            }
        }
    }

    fn table_access(&mut self) {
        if self.choices.once_in(8) {
            let size = self.builder.table_size(self.world.table);
            return self.keep(&[size]);
        }
        let index = self.masked(1);
        let function = self.builder.table_get(self.world.table, index);
        self.keep(&[function]);
        if self.world.has_state && self.choices.once_in(3) {
            let function = self.value(Type::FuncRef);
            self.builder.table_set(self.world.table, index, function);
        }
    }
}
