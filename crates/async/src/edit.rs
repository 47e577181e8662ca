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
        let controlling = if opcode.info().class.is_some() {
            ty
        } else {
            Type::I64
        };
        let inst = self.append(block, opcode, controlling, payload, args, &[]);
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
        self.append(block, opcode, ty, payload, args, &[]);
    }

    /// Appends a branch.
    pub(crate) fn branch(
        &mut self,
        block: Block,
        opcode: Opcode,
        args: &[Value],
        targets: &[Target],
    ) {
        self.append(block, opcode, Type::I64, Payload::None, args, targets);
    }

    fn append(
        &mut self,
        block: Block,
        opcode: Opcode,
        ty: Type,
        payload: Payload,
        args: &[Value],
        targets: &[Target],
    ) -> Inst {
        let inst = self.function.make_inst(opcode, ty, payload, args, targets);
        self.function.positions[inst] = self.function.positions[self.call];
        self.function.append_inst(block, inst);
        inst
    }
}
