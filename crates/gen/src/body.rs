//! The body of a random function: its variables, its blocks, and how they end.

use super::memory::Frame;
use super::world::World;
use super::{Choices, exception, object};
use enjamb_ir::build::{BuildError, FunctionBuilder, ModuleBuilder, Variable};
use enjamb_ir::{
    Block, FuncId, IntCond, ObjectTypeId, Signature, SourcePos, TrapCode, Type, Value,
};

/// The most targets of a `br_table`, the default aside.
const TARGETS: usize = 8;

/// A body on its way.
pub(super) struct Body<'b, 'c, 'd> {
    pub(super) builder: FunctionBuilder<'b>,
    pub(super) choices: &'c mut Choices<'d>,
    pub(super) world: &'c World,
    pub(super) signature: Signature,
    pub(super) fuel: Variable,
    variables: Vec<(Variable, Type)>,
    /// Objects of these types.
    pub(super) objects: Vec<(Variable, ObjectTypeId)>,
    /// References to functions with the signature of one of the world's.
    pub(super) callees: Vec<(Variable, usize)>,
    /// A reference to an async function that takes a number and gives it back.
    pub(super) asker: Variable,
    pub(super) frame: Frame,
    /// Blocks that pay for themselves and then go on, or out.
    blocks: Vec<Block>,
    exit: Block,
    /// How deep statements that hold statements are nested.
    pub(super) depth: usize,
    /// How deep operands are nested that are computed on the spot.
    pub(super) nesting: usize,
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
    let asker = builder.declare_variable(Type::FuncRef);
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
        objects: Vec::new(),
        callees: Vec::new(),
        asker,
        frame: Frame::default(),
        blocks,
        exit,
        depth: 0,
        nesting: 0,
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
            match ty {
                Type::Addr => self.take_address(value),
                _ => self.declare(ty, value),
            }
        }
        for &ty in &self.world.types {
            for _ in 0..self.choices.between(1, 2) {
                let value = self.constant(ty);
                self.declare(ty, value);
            }
        }
        self.make_frame();
        self.make_references();
        if let Some(objects) = &self.world.objects {
            objects.begin(self);
        }
        let start = self.blocks[0];
        self.builder.jump(start, &[]);
    }

    fn declare(&mut self, ty: Type, value: Value) {
        let variable = self.builder.declare_variable(ty);
        self.builder.def_var(variable, value);
        self.variables.push((variable, ty));
    }

    /// What needs no other value: a number, no reference or a fresh one, no task.
    pub(super) fn constant(&mut self, ty: Type) -> Value {
        match ty {
            Type::Ref => match &self.world.objects {
                Some(objects) if self.choices.once_in(2) => objects.make(self),
                _ => self.builder.null(ty),
            },
            Type::FuncRef => self.any_function(),
            Type::Task => self.no_task(),
            Type::Addr => self.address_for_callee(),
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

    pub(super) fn variables_of(&self, ty: Type) -> Vec<Variable> {
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
        self.move_on();
        if let Some(throwers) = self.world.throwers
            && self.choices.below(3) == 0
        {
            return exception::terminator(self, throwers);
        }
        match self.choices.below(16) {
            0 => self.leave(),
            1..4 => {
                let target = self.somewhere();
                self.builder.jump(target, &[]);
            }
            4..12 => {
                let condition = self.condition();
                let (yes, no) = (self.somewhere(), self.somewhere());
                self.builder.brif(condition, yes, &[], no, &[]);
            }
            12..14 => {
                let ty = self.choices.of(&[Type::I32, Type::I64]);
                let index = match self.choices.below(2) {
                    0 => self.masked(7),
                    _ => self.operand(ty),
                };
                let default = self.somewhere();
                let targets = (0..self.choices.below(TARGETS + 1)).map(|_| self.somewhere());
                let targets: Vec<(Block, &[Value])> =
                    targets.map(|block| (block, &[][..])).collect();
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
        let results: Vec<Value> = types.into_iter().map(|ty| self.operand(ty)).collect();
        self.builder.ret(&results);
    }

    pub(super) fn statement(&mut self) {
        self.move_on();
        if let Some(objects) = &self.world.objects
            && self.choices.below(4) == 0
        {
            return object::statement(self, objects);
        }
        let (state, tasks) = (self.world.has_state, self.world.has_tasks);
        match self.choices.below(32) {
            0..7 => self.compute(),
            7..10 => self.frame_access(),
            10..14 if self.signature.is_async => self.leaf(),
            14..17 => self.call(),
            17..21 if tasks => self.task(),
            17..20 if state => self.memory_access(),
            21..23 if state => self.global_access(),
            23 if state => self.bulk_memory(),
            24 if state => self.host(),
            25 => self.table_access(),
            26..28 if self.world.has_context => self.context_access(),
            28..31 if self.signature.is_async => self.leaf(),
            _ => self.compute(),
        }
    }

    /// Lets what follows have another place in the source, now and then.
    fn move_on(&mut self) {
        if let Some(file) = self.world.file
            && self.choices.once_in(3)
        {
            let (line, column) = (self.choices.below(40), self.choices.between(1, 80));
            let position = SourcePos {
                file,
                line: line as u32,
                column: column as u32,
            };
            self.builder.set_position((line != 0).then_some(position));
        }
    }

    /// Calls a function of the host that does not wait.
    fn host(&mut self) {
        match (self.world.imports.handles, self.world.imports.log) {
            (Some((handle, number)), _) if self.choices.below(2) == 0 => {
                let (function, argument) = match self.choices.below(2) {
                    0 => (handle, self.value(Type::I64)),
                    _ => (number, self.value(Type::Ref)),
                };
                let results = self.builder.call(function, &[argument]);
                self.keep(&results);
            }
            (_, Some(log)) => {
                let value = self.operand(Type::I64);
                self.builder.call(log, &[value]);
            }
            _ => self.compute(),
        }
    }

    fn global_access(&mut self) {
        let (global, ty) = self.choices.of(&self.world.globals);
        if self.choices.below(2) == 0 {
            let value = self.operand(ty);
            self.builder.global_set(global, value);
        } else {
            let value = self.builder.global_get(global);
            self.keep(&[value]);
        }
    }

    fn context_access(&mut self) {
        if self.choices.below(2) == 0 {
            let word = self.operand(Type::I64);
            self.builder.context_set(word);
        } else {
            let word = self.builder.context_get();
            self.keep(&[word]);
        }
    }

    fn table_access(&mut self) {
        let table = self.choices.of(&[self.world.table, self.world.routes.0]);
        if self.choices.once_in(8) {
            let size = self.builder.table_size(table);
            return self.keep(&[size]);
        }
        let index = match self.choices.once_in(40) {
            true => self.value(Type::I64),
            false => self.masked(1),
        };
        let function = self.builder.table_get(table, index);
        self.keep(&[function]);
        if self.world.has_state && self.choices.once_in(3) {
            let function = match table == self.world.table || self.choices.once_in(20) {
                true => self.value(Type::FuncRef),
                false => self.function_like(self.world.routes.1),
            };
            self.builder.table_set(table, index, function);
        }
    }

    /// The signature of a function of the module, imports included.
    pub(super) fn signature_of(&self, function: FuncId) -> Signature {
        self.builder.module().functions[function]
            .signature()
            .clone()
    }
}
