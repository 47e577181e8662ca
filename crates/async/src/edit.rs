//! Appending instructions that belong to a suspension point.

use enjamb_ir::{Block, Function, Inst, Opcode, Payload, Target, Type, Value};

/// Appends instructions to blocks of a function, all with the source position of one call.
pub(crate) struct Editor<'a> {
    pub(crate) function: &'a mut Function,
    call: Inst,
}

impl<'a> Editor<'a> {
    /// An editor for what belongs to `call`.
    pub(crate) fn new(function: &'a mut Function, call: Inst) -> Self {
        Editor { function, call }
    }

    /// Makes an empty block that is rarely reached.
    pub(crate) fn cold_block(&mut self) -> Block {
        let block = self.function.create_block();
        self.function.blocks[block].cold = true;
        block
    }

    /// Appends an instruction with one result of type `ty`. Where the row of the opcode has a
    /// controlling type, it is `ty` too.
    pub(crate) fn value(
        &mut self,
        block: Block,
        opcode: Opcode,
        payload: Payload,
        args: &[Value],
        ty: Type,
    ) -> Value {
        let has_class = opcode.info().class.is_some();
        let controlling = if has_class { ty } else { Type::I64 };
        let inst = self
            .function
            .make_inst(opcode, controlling, payload, args, &[]);
        self.append(block, inst);
        self.function.make_results(inst, &[ty]);
        self.function.results(inst)[0]
    }

    /// Appends an instruction without results.
    pub(crate) fn effect(
        &mut self,
        block: Block,
        opcode: Opcode,
        ty: Type,
        payload: Payload,
        args: &[Value],
    ) {
        let inst = self.function.make_inst(opcode, ty, payload, args, &[]);
        self.append(block, inst);
    }

    /// Appends a terminator.
    pub(crate) fn branch(
        &mut self,
        block: Block,
        opcode: Opcode,
        args: &[Value],
        targets: &[Target],
    ) {
        let inst = self
            .function
            .make_inst(opcode, Type::I64, Payload::None, args, targets);
        self.append(block, inst);
    }

    /// Appends an instruction that has been made.
    pub(crate) fn append(&mut self, block: Block, inst: Inst) {
        self.function.positions[inst] = self.function.positions[self.call];
        self.function.inst_origins[inst] = Some(self.function.source_inst(self.call));
        self.function.append_inst(block, inst);
    }
}
