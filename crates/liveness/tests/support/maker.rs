//! Short ways to put instructions into a function under test.

use enjamb_ir::{Block, Function, Inst, Opcode, Payload, Signature, Target, Type, Value};

/// A function under construction.
pub struct Maker {
    /// What has been made so far.
    pub function: Function,
}

impl Maker {
    /// A function without blocks.
    pub fn new() -> Self {
        Maker {
            function: Function::new("tested", Signature::sync(&[], &[])),
        }
    }

    /// Appends a block without parameters.
    pub fn block(&mut self) -> Block {
        self.function.append_block()
    }

    /// Appends any instruction with `results` results of type `i64`.
    pub fn inst(
        &mut self,
        block: Block,
        opcode: Opcode,
        payload: Payload,
        args: &[Value],
        results: usize,
    ) -> Inst {
        let inst = self
            .function
            .make_inst(opcode, Type::I64, payload, args, &[]);
        self.function.make_results(inst, &vec![Type::I64; results]);
        self.function.append_inst(block, inst);
        inst
    }

    /// Appends a constant.
    pub fn constant(&mut self, block: Block) -> Value {
        let inst = self.inst(block, Opcode::Iconst, Payload::Integer(1), &[], 1);
        self.function.results(inst)[0]
    }

    /// Appends the sum of two values.
    pub fn add(&mut self, block: Block, left: Value, right: Value) -> Value {
        let inst = self.inst(block, Opcode::Iadd, Payload::None, &[left, right], 1);
        self.function.results(inst)[0]
    }

    /// Appends a call, the place of a suspension, with one argument and one result.
    pub fn call(&mut self, block: Block, argument: Value) -> Value {
        let callee = Payload::Function(enjamb_ir::Entity::from_index(0));
        let inst = self.inst(block, Opcode::Call, callee, &[argument], 1);
        self.function.results(inst)[0]
    }

    /// Ends a block with a terminator.
    pub fn end(
        &mut self,
        block: Block,
        opcode: Opcode,
        args: &[Value],
        targets: &[(Block, &[Value])],
    ) -> Inst {
        let targets: Vec<Target> = targets
            .iter()
            .map(|(to, args)| self.function.target(*to, args))
            .collect();
        let inst = self
            .function
            .make_inst(opcode, Type::I64, Payload::None, args, &targets);
        self.function.append_inst(block, inst);
        inst
    }

    /// Ends a block with a jump without arguments.
    pub fn jump(&mut self, block: Block, to: Block) {
        self.end(block, Opcode::Jump, &[], &[(to, &[])]);
    }

    /// Ends a block with a conditional branch without arguments.
    pub fn branch(&mut self, block: Block, condition: Value, then: Block, otherwise: Block) {
        self.end(
            block,
            Opcode::Brif,
            &[condition],
            &[(then, &[]), (otherwise, &[])],
        );
    }

    /// Ends a block with a return.
    pub fn leave(&mut self, block: Block, values: &[Value]) {
        self.end(block, Opcode::Return, values, &[]);
    }
}
