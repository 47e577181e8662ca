//! The builder of one function: blocks, variables, declarations and the generic instruction.

use super::variables::Variables;
use super::{BuildError, ModuleBuilder, Variable, finish};
use crate::entity::{
    Block, Entity, FuncId, Inst, LayoutId, PointId, RootId, SigId, StackSlot, Value,
};
use crate::function::{Function, RootSlot, SlotData, SourcePos, Stage, Target};
use crate::module::Module;
use crate::opcode::Opcode;
use crate::operand::Payload;
use crate::print::display_inst;
use crate::suspension::{LayoutDecl, PointDecl};
use crate::types::{Signature, Type};
use crate::typing;
use crate::verify::{Report, instruction};

/// Builds the body of a function; see the [module documentation](super) for an example.
///
/// The builder starts in the entry block, whose parameters are those of the function. Blocks come
/// in the order in which they are first switched to; those that control cannot reach are left out.
/// Values and blocks are numbered anew by [`FunctionBuilder::finish`], in the order of the text.
#[derive(Debug)]
pub struct FunctionBuilder<'m> {
    module: &'m mut ModuleBuilder,
    id: FuncId,
    /// The function as it is built: values that variables asked for have no definition here.
    function: Function,
    variables: Variables,
    current: Option<Block>,
    position: Option<SourcePos>,
    error: Option<BuildError>,
}

/// What methods give back once there is an error: no value of any function.
pub(super) fn no_value() -> Value {
    Value::from_index(u32::MAX as usize - 1)
}

/// Lets an instruction with an unwind target hand its results to its targets.
fn hand_over_results(function: &mut Function, inst: Inst) {
    let Some(exception) = function.exception_results(inst) else {
        return;
    };
    let normal = function.normal_results(inst).to_vec();
    for (position, results) in [&normal[..], &exception[..]].into_iter().enumerate() {
        let target = function.targets(inst)[position];
        let args = [results, function.target_args(target)].concat();
        function.set_target_args(inst, position, &args);
    }
}

impl<'m> FunctionBuilder<'m> {
    pub(super) fn new(
        module: &'m mut ModuleBuilder,
        id: FuncId,
        stage: Stage,
    ) -> Result<Self, BuildError> {
        let refuse = |name: &str, reason: &str| BuildError::Function {
            function: name.to_string(),
            instruction: None,
            reason: reason.to_string(),
        };
        let Some(decl) = module.module.functions.get(id) else {
            return Err(refuse(&id.to_string(), "it is not declared"));
        };
        let Some(body) = decl.body() else {
            return Err(refuse(&decl.name, "an import has no body"));
        };
        if body.entry().is_some() {
            return Err(refuse(&decl.name, "it has a body already"));
        }
        let mut function = Function::new(decl.name.clone(), decl.signature().clone());
        function.stage = stage;
        let entry = function.append_block();
        if stage == Stage::Lowered {
            function.append_param(entry, Type::Cont);
        }
        for &ty in &decl.signature().params {
            function.append_param(entry, ty);
        }
        let mut variables = Variables::default();
        variables.seal(&mut function, entry);
        variables.blocks[entry].placed = true;
        Ok(FunctionBuilder {
            module,
            id,
            function,
            variables,
            current: Some(entry),
            position: None,
            error: None,
        })
    }

    /// The module that the function belongs to, as far as it is built.
    pub fn module(&self) -> &Module {
        &self.module.module
    }

    /// The builder of the module, to declare something on the way.
    pub fn module_builder(&mut self) -> &mut ModuleBuilder {
        self.module
    }

    /// The function that is built.
    pub fn id(&self) -> FuncId {
        self.id
    }

    /// The first mistake so far.
    pub fn error(&self) -> Option<&BuildError> {
        self.error.as_ref()
    }

    /// Keeps the first mistake.
    pub(super) fn fail(&mut self, instruction: Option<String>, reason: impl Into<String>) {
        if self.error.is_none() {
            self.error = Some(BuildError::Function {
                function: self.function.name.clone(),
                instruction,
                reason: reason.into(),
            });
        }
    }

    /// A parameter of the function, counted from zero, without hidden ones.
    pub fn param(&mut self, index: usize) -> Value {
        let hidden = usize::from(self.function.stage == Stage::Lowered);
        self.block_param(Block::from_index(0), index.saturating_add(hidden))
    }

    /// The hidden first parameter of a lowered function.
    pub fn entry_continuation(&mut self) -> Value {
        if self.function.stage == Stage::Lowered {
            return self.block_param(Block::from_index(0), 0);
        }
        self.fail(
            None,
            "only a lowered function has a continuation as parameter",
        );
        no_value()
    }

    /// A parameter that [`FunctionBuilder::append_block_param`] gave a block, counted from zero.
    pub fn block_param(&mut self, block: Block, index: usize) -> Value {
        let data = self.function.blocks.get(block);
        if let Some(&param) = data.and_then(|data| data.params.get(index)) {
            return param;
        }
        self.fail(None, format!("{block} has no parameter {index}"));
        no_value()
    }

    /// The type of a value of this function.
    pub fn value_type(&self, value: Value) -> Option<Type> {
        self.function.values.get(value).map(|data| data.ty)
    }

    /// The entry block.
    pub fn entry_block(&self) -> Block {
        Block::from_index(0)
    }

    /// The block that instructions go to.
    pub fn current_block(&self) -> Option<Block> {
        self.current
    }

    /// Whether the current block has its terminator, so that nothing more can go to it.
    pub fn is_filled(&self) -> bool {
        let terminator = |block| self.function.terminator(block);
        self.current.and_then(terminator).is_some()
    }

    /// A new block, to branch to and to switch to.
    pub fn create_block(&mut self) -> Block {
        self.function.create_block()
    }

    /// Gives a block a parameter, for which every branch to it hands over a value. Variables need
    /// none of these.
    pub fn append_block_param(&mut self, block: Block, ty: Type) -> Value {
        if self.error.is_some() {
            return no_value();
        }
        if !self.block_exists(block) {
            return no_value();
        }
        if self.function.is_entry(block) {
            self.fail(
                None,
                "the entry block has the parameters of the function only",
            );
            return no_value();
        }
        self.function.append_param(block, ty)
    }

    /// Marks a block as rarely reached.
    pub fn set_cold(&mut self, block: Block) {
        if self.block_exists(block) {
            self.function.blocks[block].cold = true;
        }
    }

    /// Lets the following instructions go to the end of this block.
    pub fn switch_to_block(&mut self, block: Block) {
        if !self.block_exists(block) {
            return;
        }
        let state = &mut self.variables.blocks[block];
        if !std::mem::replace(&mut state.placed, true) {
            self.function.order.push(block);
        }
        self.current = Some(block);
    }

    fn block_exists(&mut self, block: Block) -> bool {
        let exists = self.function.blocks.get(block).is_some();
        if !exists {
            self.fail(None, format!("{block} is no block of this function"));
        }
        exists
    }

    /// Says that every branch to this block is there. Sealing early keeps the work of finding
    /// values of variables small.
    pub fn seal_block(&mut self, block: Block) {
        if self.block_exists(block) {
            self.variables.seal(&mut self.function, block);
        }
    }

    /// Says that every branch of the function is there. [`FunctionBuilder::finish`] does it too.
    pub fn seal_all_blocks(&mut self) {
        for block in self.function.blocks.keys() {
            self.variables.seal(&mut self.function, block);
        }
    }

    /// A new variable, without a value as yet.
    pub fn declare_variable(&mut self, ty: Type) -> Variable {
        self.variables.declare(ty, None)
    }

    /// A new variable with the name that errors call it by.
    pub fn declare_named_variable(&mut self, name: &str, ty: Type) -> Variable {
        self.variables.declare(ty, Some(name.to_string()))
    }

    /// Gives a variable a value, from here on.
    pub fn def_var(&mut self, variable: Variable, value: Value) {
        let Some((block, declared)) = self.place_of_variable(variable) else {
            return;
        };
        match self.value_type(value) {
            Some(found) if found == declared => self.variables.define(variable, block, value),
            Some(found) => {
                let message = format!("{value} is {found} and {variable} is {declared}");
                self.fail(None, message);
            }
            None => self.fail(None, format!("{value} is no value of this function")),
        }
    }

    /// The value of a variable here. If it turns out that a path leads here on which it has none,
    /// and the value is needed, [`FunctionBuilder::finish`] says so.
    pub fn use_var(&mut self, variable: Variable) -> Value {
        match self.place_of_variable(variable) {
            Some((block, _)) => self.variables.read(&mut self.function, variable, block),
            None => no_value(),
        }
    }

    /// The current block, which can still be added to, and the type of a variable.
    fn place_of_variable(&mut self, variable: Variable) -> Option<(Block, Type)> {
        if self.error.is_some() {
            return None;
        }
        let Some(data) = self.variables.data.get(variable) else {
            self.fail(None, format!("{variable} is no variable of this function"));
            return None;
        };
        let ty = data.ty;
        Some((self.open_block(|| variable.to_string())?, ty))
    }

    /// The current block, if it has no terminator.
    fn open_block(&mut self, what: impl Fn() -> String) -> Option<Block> {
        let Some(block) = self.current else {
            self.fail(Some(what()), "there is no current block");
            return None;
        };
        let Some(terminator) = self.function.terminator(block) else {
            return Some(block);
        };
        let opcode = self.function.insts[terminator].opcode;
        let message = format!("{block} has ended with `{opcode}`; switch to another block first");
        self.fail(Some(what()), message);
        None
    }

    /// Declares a root slot.
    pub fn create_root(&mut self) -> RootId {
        self.function.roots.push(RootSlot)
    }

    /// A stack slot: a piece of the frame that is zero when the function starts.
    pub fn create_slot(&mut self, size: u32, align: u32) -> StackSlot {
        self.function.slots.push(SlotData { size, align })
    }

    /// A signature for indirect calls and joins.
    pub fn create_signature(&mut self, signature: Signature) -> SigId {
        self.function.signatures.push(signature)
    }

    /// A continuation layout of a lowered function.
    pub fn create_layout(&mut self, layout: LayoutDecl) -> LayoutId {
        self.function.layouts.push(layout)
    }

    /// A suspension point of a lowered function.
    pub fn create_point(&mut self, point: PointDecl) -> PointId {
        self.function.points.push(point)
    }

    /// The place in the source of the instructions that follow.
    pub fn set_position(&mut self, position: Option<SourcePos>) {
        self.position = position;
    }

    /// The function as far as it is built, for the methods that need its declarations.
    pub(super) fn function(&self) -> &Function {
        &self.function
    }

    /// Adds any instruction. `ty` is the type `T` of its row in the table; rows that mention none
    /// take `Type::I64`. An instruction that catches exceptions hands what it gives to its targets,
    /// before the values that stand here. `None` if there is an error.
    pub fn inst(
        &mut self,
        opcode: Opcode,
        ty: Type,
        payload: Payload,
        args: &[Value],
        targets: &[(Block, &[Value])],
    ) -> Option<Inst> {
        if self.error.is_some() {
            return None;
        }
        let block = self.open_block(|| opcode.to_string())?;
        let targets: Vec<Target> = targets
            .iter()
            .map(|&(block, args)| self.function.target(block, args))
            .collect();
        let inst = self.function.make_inst(opcode, ty, payload, args, &targets);
        let mut report = Report::default();
        let module = &self.module.module;
        if instruction::check_existence(module, &self.function, inst, &mut report) {
            let types = typing::result_types(module, &self.function, opcode, ty, payload);
            let types: Vec<Type> = types.into_iter().flatten().collect();
            self.function.make_results(inst, &types);
            hand_over_results(&mut self.function, inst);
            instruction::check(module, &self.function, inst, &mut report);
        }
        if let Some(finding) = report.findings.first() {
            let printed = display_inst(Some(module), &self.function, inst).to_string();
            let reason = format!("{}: {}", finding.rule, finding.message);
            self.fail(Some(printed), reason);
            return None;
        }
        if let Some(reason) = targets.iter().find_map(|target| self.refusal(target.block)) {
            let printed = display_inst(Some(module), &self.function, inst).to_string();
            self.fail(Some(printed), reason);
            return None;
        }
        if !targets.is_empty() {
            let blocks = targets.iter().map(|target| target.block);
            self.variables.add_branches(inst, block, blocks);
        }
        if self.position.is_some() {
            self.function.positions[inst] = self.position;
        }
        self.function.append_inst(block, inst);
        Some(inst)
    }

    /// Why a block cannot be branched to, if so.
    fn refusal(&self, block: Block) -> Option<String> {
        if self.function.is_entry(block) {
            Some(format!("{block} is the entry, which is no branch target"))
        } else if self.variables.blocks[block].sealed {
            let message = format!("{block} is sealed: every branch to it was said to be there");
            Some(message)
        } else {
            None
        }
    }

    /// The results of an instruction of this function.
    pub fn results(&self, inst: Inst) -> &[Value] {
        if self.function.insts.get(inst).is_some() {
            self.function.results(inst)
        } else {
            &[]
        }
    }

    /// Completes the body: seals all blocks, turns variables into values and block parameters, and
    /// puts the function into its module.
    ///
    /// # Errors
    /// The first mistake; a block that was switched to or branched to and has no terminator; wrong
    /// branch arguments; a variable that is used where a path leads on which it has no value.
    pub fn finish(mut self) -> Result<FuncId, BuildError> {
        self.seal_all_blocks();
        if self.error.is_none() {
            match finish::run(&self.module.module, &self.function, &self.variables) {
                Ok(function) => {
                    let decl = self.module.module.functions.get_mut(self.id);
                    if let Some(body) = decl.and_then(|decl| decl.body_mut()) {
                        *body = function;
                    }
                }
                Err((instruction, reason)) => self.fail(instruction, reason),
            }
        }
        self.error.map_or(Ok(self.id), Err)
    }
}
