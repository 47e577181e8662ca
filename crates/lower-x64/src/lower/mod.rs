//! From IR to machine code in virtual registers: blocks in allocation order, instructions in order.
//!
//! One file per family of instructions. A value gets one virtual register, made at its definition
//! or first use; values that [`crate::select`] defers or makes anew are computed when
//! [`Lowering::value`] asks for them. The upper bits of a value narrower than its register are
//! undefined, so what depends on them extends first ([`Lowering::extended`]).

mod address;
mod call;
mod continuation;
mod control;
mod convert;
mod crossing;
mod entry;
mod float;
mod integer;
mod memory;

use crate::error::{LowerError, Reason};
use crate::frame::FrameRequest;
use crate::machine::{Code, Opd, Register, Step};
use crate::select::{Selection, is_condition, is_rematerialized};
use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use crossing::Crossing;
use enjamb_abi::code::{RegisterAllocator, Symbol};
use enjamb_abi::context::InstanceLayout;
use enjamb_ir::hash::FxIndexMap;
use enjamb_ir::{
    Block, Effects, Entity, FuncId, Function, Inst, InstData, Module, Opcode, Payload, Stage, Type,
    Value, ValueDef,
};
use enjamb_regalloc::{
    Block as MachineBlock, MachineFunction, MachineFunctionBuilder, RegClass, VReg,
};
use enjamb_x64::{Inst as Asm, Label, Mem, Op, Operand, Reg, Width};

/// What a step of the lowering gives.
type Lower<T> = Result<T, Reason>;

/// A constant in memory, and how many of its bytes count.
pub(crate) type Constant = ([u8; 16], u8);

/// A function in virtual registers, and what its instructions refer to by number.
pub(crate) struct Lowered {
    /// The code.
    pub function: MachineFunction<Step>,
    /// What calls and addresses refer to.
    pub symbols: Vec<Symbol>,
    /// Constants; a memory operand names one as the label of its index.
    pub constants: Vec<Constant>,
    /// How many jump tables there are.
    pub tables: u32,
    /// What is known of the frame.
    pub frame: FrameRequest,
    /// The block of the IR that each block of the code was made from, by index.
    pub blocks: Vec<Option<Block>>,
}

pub(crate) struct Lowering<'a> {
    module: &'a Module,
    layout: &'a InstanceLayout,
    id: FuncId,
    function: &'a Function,
    builder: MachineFunctionBuilder<Step>,
    selection: Selection<'a>,
    values: BumpVec<'a, Option<VReg>>,
    blocks: BumpVec<'a, Option<MachineBlock>>,
    made_from: Vec<Option<Block>>,
    symbols: FxIndexMap<Symbol, ()>,
    constants: FxIndexMap<Constant, ()>,
    tables: u32,
    frame: FrameRequest,
    crossing: Crossing,
    /// The instruction that is lowered.
    source: Option<Inst>,
}

/// Lowers a function to machine code in virtual registers.
pub(crate) fn lower<'a>(
    module: &'a Module,
    layout: &'a InstanceLayout,
    id: FuncId,
    allocator: RegisterAllocator,
    arena: &'a Bump,
) -> Result<Lowered, LowerError> {
    let decl = module.functions.get(id);
    let Some(function) = decl.and_then(|decl| decl.body()) else {
        let name = decl.map_or_else(|| id.to_string(), |decl| decl.name.clone());
        return Err(LowerError::new(name, Reason::NoBody));
    };
    let fail = |inst: Option<Inst>, reason: Reason| {
        let error = LowerError::new(function.name.as_str(), reason);
        inst.map_or(error.clone(), |inst| error.at(inst))
    };
    if function.is_async() && function.stage == Stage::Source {
        return Err(fail(None, Reason::NotTransformed));
    }
    if i32::try_from(layout.size()).is_err() {
        return Err(fail(None, Reason::ModuleTooLarge));
    }
    let order = crate::order::allocation_order(function, allocator, arena);
    let frame = FrameRequest::new(function).map_err(|reason| fail(None, reason))?;
    let mut lowering = Lowering {
        module,
        layout,
        id,
        function,
        builder: MachineFunctionBuilder::new(function.name.as_str()),
        selection: Selection::new(function, &order, arena),
        values: bumpalo::vec![in arena; None; function.values.len()],
        blocks: bumpalo::vec![in arena; None; function.blocks.len()],
        made_from: Vec::new(),
        symbols: FxIndexMap::default(),
        constants: FxIndexMap::default(),
        tables: 0,
        frame,
        crossing: Crossing::default(),
        source: None,
    };
    lowering
        .blocks(&order)
        .map_err(|reason| fail(lowering.source, reason))?;
    let function = lowering
        .builder
        .finish()
        .map_err(|error| fail(None, error.into()))?;
    Ok(Lowered {
        function,
        symbols: lowering.symbols.into_keys().collect(),
        constants: lowering.constants.into_keys().collect(),
        tables: lowering.tables,
        frame: lowering.frame,
        blocks: lowering.made_from,
    })
}

/// The register class of a type.
fn class_of(ty: Type) -> RegClass {
    if ty.is_float() {
        RegClass::Float
    } else {
        RegClass::Int
    }
}

/// The width of a type in memory.
fn width_of(ty: Type) -> Width {
    match ty.bytes() {
        1 => Width::B8,
        2 => Width::B16,
        4 => Width::B32,
        _ => Width::B64,
    }
}

/// The width of the instructions that compute with a type, where upper bits do not matter.
fn operation_width(ty: Type) -> Width {
    width_of(ty).max(Width::B32)
}

/// A value as an operand that is read or written.
fn reg(value: VReg) -> Opd {
    Operand::Reg(Register::Value(value))
}

/// An immediate operand.
fn imm(value: i64) -> Opd {
    Operand::Imm(value)
}

/// A word relative to a register that the allocator does not have.
fn fixed_mem(base: Reg, disp: i32) -> Mem<Register> {
    Mem::base(Register::Fixed(base), disp)
}

impl<'a> Lowering<'a> {
    fn blocks(&mut self, order: &[Block]) -> Lower<()> {
        for &block in order {
            let machine_block = self.create_block(Some(block));
            if self.function.blocks[block].cold {
                self.builder.mark_cold(machine_block);
            }
            self.blocks[block.index()] = Some(machine_block);
        }
        let &entry = order.first().ok_or(Reason::Malformed)?;
        let zeroing = self.zeroing_block(entry);
        for &block in order {
            if block == entry {
                self.begin_entry(entry)?;
            } else {
                let machine_block = self.block(block)?;
                let incoming = self.incoming(block);
                self.builder.begin_block(machine_block, &incoming);
                self.begin_crossing(block, &incoming)?;
            }
            if block == zeroing {
                self.zero_slots(block);
            }
            for &inst in &self.function.blocks[block].insts {
                self.source = Some(inst);
                self.copy_in_front_of(inst)?;
                self.instruction(inst)?;
            }
            self.source = None;
        }
        Ok(())
    }

    fn create_block(&mut self, made_from: Option<Block>) -> MachineBlock {
        let block = self.builder.create_block();
        self.made_from.resize(block.index() + 1, None);
        self.made_from[block.index()] = made_from;
        block
    }

    fn block(&self, block: Block) -> Lower<MachineBlock> {
        self.blocks[block.index()].ok_or(Reason::Malformed)
    }

    /// The virtual registers of a block's parameters.
    fn params(&mut self, block: Block) -> Vec<VReg> {
        let function = self.function;
        let params = function.blocks[block].params.iter();
        params.map(|&param| self.vreg_of(param)).collect()
    }

    fn instruction(&mut self, inst: Inst) -> Lower<()> {
        let data = self.data(inst);
        let results = self.function.results(inst);
        let pure = data.opcode.info().effects == Effects::PURE || is_condition(data.opcode);
        let unused = !results.iter().any(|&result| self.selection.is_used(result));
        if is_rematerialized(data.opcode) || self.selection.is_deferred(inst) || pure && unused {
            return Ok(());
        }
        if data.opcode.is_terminator() {
            return self.terminator(inst);
        }
        match (self.compute(inst)?, results) {
            (Some(value), [result]) => {
                self.bind(*result, value);
                Ok(())
            }
            (None, _) => Ok(()),
            _ => Err(Reason::Malformed),
        }
    }

    /// Lowers an instruction that does not end its block. Gives its result, or `None` if it has
    /// none or has bound its results itself.
    fn compute(&mut self, inst: Inst) -> Lower<Option<VReg>> {
        use Opcode::*;
        let result = match self.data(inst).opcode {
            Iconst | Null | Iadd | Isub | Imul | Umulhi | Smulhi | Udiv | Sdiv | Urem | Srem
            | Ineg | Umin | Umax | Smin | Smax | Band | Bor | Bxor | Bnot | Ishl | Ushr | Sshr
            | Rotl | Rotr | Clz | Ctz | Popcnt => self.integer(inst)?,
            Icmp | Fcmp | SameRef | IsNull | IsSuspended | HasLayout => {
                let predicate = self.comparison(inst)?;
                self.set_byte(predicate)?
            }
            Select => self.select(inst)?,
            Fconst | Fadd | Fsub | Fmul | Fdiv | Fsqrt | Fmin | Fmax | Fneg | Fabs | Fcopysign
            | Ceil | Floor | Ftrunc | Nearest => self.float(inst)?,
            Sextend | Uextend | Ireduce | Fpromote | Fdemote | FcvtFromSint | FcvtFromUint
            | FcvtToSint | FcvtToUint | FcvtToSintSat | FcvtToUintSat | Bitcast => {
                self.convert(inst)?
            }
            FuncAddr | Load | Uload8 | Sload8 | Uload16 | Sload16 | Uload32 | Sload32
            | MemorySize | MemoryBase | StackAddr | AddrAdd | GlobalGet | TableGet | TableSize => {
                self.read(inst)?
            }
            Store | Istore8 | Istore16 | Istore32 | GlobalSet | TableSet => {
                return self.write(inst).map(|()| None);
            }
            MemoryGrow | MemoryCopy | MemoryFill | MemoryInit | Call | CallIndirect | Spawn
            | Join | Detach | IsDone => return self.call(inst).map(|()| None),
            ContState | OwnContinuation | NewContinuation | FieldLoad | ResultLoad => {
                self.continuation_read(inst)?
            }
            FieldStore | FieldSaveSlot | FieldRestoreSlot | SetPoint | Link => {
                return self.continuation_write(inst).map(|()| None);
            }
            ReturnCall | ReturnCallIndirect | Jump | Brif | BrTable | Return | Trap
            | Unreachable | Suspend => return Err(Reason::Malformed),
        };
        Ok(Some(result))
    }

    // Facts about the function.

    fn data(&self, inst: Inst) -> InstData {
        self.function.insts[inst]
    }

    fn arg(&self, inst: Inst, index: usize) -> Lower<Value> {
        let args = self.function.args(inst);
        args.get(index).copied().ok_or(Reason::Malformed)
    }

    fn type_of(&self, value: Value) -> Type {
        self.function.value_type(value)
    }

    /// The constant that a value is, if an instruction can hold it as its immediate.
    fn immediate(&self, value: Value) -> Option<i64> {
        let constant = self.function.integer_constant(value)?;
        i32::try_from(constant).is_ok().then_some(constant)
    }

    /// The instruction that defines a value and has been deferred to the use at hand.
    fn deferred(&self, value: Value) -> Option<Inst> {
        match self.function.values[value].def {
            ValueDef::Result(inst, 0) if self.selection.is_deferred(inst) => Some(inst),
            _ => None,
        }
    }

    // Values and registers.

    /// The register of a value, computed here if that was deferred.
    fn value(&mut self, value: Value) -> Lower<VReg> {
        if let ValueDef::Result(inst, 0) = self.function.values[value].def
            && (is_rematerialized(self.data(inst).opcode) || self.selection.is_deferred(inst))
        {
            return self.compute(inst)?.ok_or(Reason::Malformed);
        }
        if let Some(copy) = self.crossing_copy(value) {
            return Ok(copy);
        }
        Ok(self.vreg_of(value))
    }

    /// The register of an operand of an instruction.
    fn operand(&mut self, inst: Inst, index: usize) -> Lower<VReg> {
        let value = self.arg(inst, index)?;
        self.value(value)
    }

    /// The register that belongs to a value.
    fn vreg_of(&mut self, value: Value) -> VReg {
        let class = class_of(self.type_of(value));
        match self.values[value.index()] {
            Some(register) => register,
            None => {
                let register = self.builder.new_vreg(class);
                self.values[value.index()] = Some(register);
                register
            }
        }
    }

    /// Makes `register` the register of a value, or copies it where a use came first.
    fn bind(&mut self, value: Value, register: VReg) {
        match self.values[value.index()] {
            None => self.values[value.index()] = Some(register),
            Some(output) => {
                let op = match output.class() {
                    RegClass::Int => Op::Mov64RM,
                    _ => Op::MovapsXM,
                };
                if let Ok(copy) = Asm::new(op, &[reg(output), reg(register)]) {
                    self.push(Code::Asm(copy));
                }
            }
        }
    }

    fn new_vreg(&mut self, class: RegClass) -> VReg {
        self.builder.new_vreg(class)
    }

    /// The number of a symbol.
    fn symbol(&mut self, symbol: Symbol) -> u32 {
        self.symbols.insert_full(symbol, ()).0 as u32
    }

    /// A constant in memory of 4, 8 or 16 bytes.
    fn constant(&mut self, bytes: &[u8]) -> Mem<Register> {
        let mut stored = [0; 16];
        stored[..bytes.len()].copy_from_slice(bytes);
        let index = self
            .constants
            .insert_full((stored, bytes.len() as u8), ())
            .0;
        Mem::label(Label::from_index(index as u32))
    }

    // Instructions.

    fn push(&mut self, code: Code) {
        self.builder.push(Step {
            code,
            source: self.source,
        });
    }

    /// The step for a terminator.
    fn step(&self, code: Code) -> Step {
        Step {
            code,
            source: self.source,
        }
    }

    /// An instruction that defines none of its operands, or whose operands say what it defines.
    fn effect(&mut self, op: Op, operands: &[Opd]) -> Lower<()> {
        let inst = Asm::new(op, operands)?.shortest();
        self.push(Code::Asm(inst));
        Ok(())
    }

    /// An instruction whose first operand is a new value.
    fn produce(&mut self, op: Op, class: RegClass, rest: &[Opd]) -> Lower<VReg> {
        let output = self.new_vreg(class);
        self.with_first(op, reg(output), rest)?;
        Ok(output)
    }

    fn with_first(&mut self, op: Op, first: Opd, rest: &[Opd]) -> Lower<()> {
        match *rest {
            [] => self.effect(op, &[first]),
            [second] => self.effect(op, &[first, second]),
            [second, third] => self.effect(op, &[first, second, third]),
            _ => Err(Reason::Malformed),
        }
    }

    /// As [`Self::produce`], for general registers.
    fn produce_int(&mut self, op: Op, rest: &[Opd]) -> Lower<VReg> {
        self.produce(op, RegClass::Int, rest)
    }

    /// An instruction that reads its first operand and writes a new value in its place.
    fn modify(&mut self, op: Op, input: VReg, rest: &[Opd]) -> Lower<VReg> {
        let output = self.new_vreg(input.class());
        let first = Operand::Reg(Register::InPlace { input, output });
        self.with_first(op, first, rest)?;
        Ok(output)
    }

    /// A general register that holds a constant; flags are kept.
    fn load_immediate(&mut self, value: i64) -> VReg {
        let output = self.new_vreg(RegClass::Int);
        self.push(Code::Asm(Asm::move_immediate(
            Register::Value(output),
            value,
        )));
        output
    }

    /// The payload of an instruction, taken apart.
    fn payload<T>(&self, inst: Inst, part: impl FnOnce(Payload) -> Option<T>) -> Lower<T> {
        part(self.data(inst).payload).ok_or(Reason::Malformed)
    }
}
