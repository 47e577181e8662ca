//! What the lowering of a function knows and has made, whatever the target.

use crate::continuation::Departure;
use crate::crossing::Crossing;
use crate::error::{Lower, Reason};
use crate::frame::FrameRequest;
use crate::machine::{Code, PredicateOf, Step, TargetInst};
use crate::object::KnownObjects;
use crate::registers::class_of;
use crate::select::Selection;
use bumpalo::collections::Vec as BumpVec;
use enjamb_abi::code::Symbol;
use enjamb_abi::context::InstanceLayout;
use enjamb_abi::convention::Convention;
use enjamb_ir::hash::KeyedIndexMap;
use enjamb_ir::{
    Block, Entity, FuncId, Function, Inst, InstData, Module, Payload, TrapCode, Type, Value,
    ValueDef,
};
use enjamb_regalloc::{
    Block as MachineBlock, MachineFunction, MachineFunctionBuilder, RegClass, VReg,
};

/// A constant in memory, and how many of its bytes count.
pub type Constant = ([u8; 16], u8);

/// The constants of a function by number. It is the program's affair what they are.
pub(crate) type Constants = KeyedIndexMap<Constant, ()>;

/// A function in virtual registers, and what its instructions refer to by number.
pub struct Lowered<T: TargetInst> {
    /// The code.
    pub function: MachineFunction<Step<T>>,
    /// What calls and addresses refer to.
    pub symbols: Vec<Symbol>,
    /// Constants.
    pub constants: Vec<Constant>,
    /// How many jump tables there are.
    pub tables: u32,
    /// What is known of the frame.
    pub frame: FrameRequest,
    /// The block of the IR that each block of the code was made from, by index.
    pub blocks: Vec<Option<Block>>,
}

/// A function while it is lowered. The struct with which a target lowers derefs to this.
pub struct LoweringState<'a, T: TargetInst> {
    /// The module of the function.
    pub module: &'a Module,
    /// Where everything is in the context block.
    pub layout: &'a InstanceLayout,
    /// The function by number.
    pub id: FuncId,
    /// The function.
    pub function: &'a Function,
    /// The machine code so far.
    pub builder: MachineFunctionBuilder<Step<T>>,
    /// What is lowered where it is used.
    pub selection: Selection<'a>,
    /// What is known of the frame.
    pub frame: FrameRequest,
    /// The instruction that is lowered.
    pub source: Option<Inst>,
    pub(crate) values: BumpVec<'a, Option<VReg>>,
    pub(crate) blocks: BumpVec<'a, Option<MachineBlock>>,
    pub(crate) made_from: Vec<Option<Block>>,
    pub(crate) symbols: KeyedIndexMap<Symbol, ()>,
    pub(crate) constants: Constants,
    pub(crate) tables: u32,
    pub(crate) crossing: Crossing,
    /// How the block at hand ends, if it suspends.
    pub(crate) departure: Option<Departure>,
    /// Whether the heap wants to know of references that are written.
    pub(crate) write_barrier: bool,
    /// Whether functions of the module may be replaced.
    pub(crate) replaceable: bool,
    /// What has been found out of objects in the block at hand.
    pub(crate) known: KnownObjects,
}

impl<T: TargetInst> LoweringState<'_, T> {
    // Facts about the function.

    /// An instruction.
    pub fn data(&self, inst: Inst) -> InstData {
        self.function.insts[inst]
    }

    /// An operand of an instruction.
    ///
    /// # Errors
    /// If it has none of this number.
    pub fn arg(&self, inst: Inst, index: usize) -> Lower<Value> {
        let args = self.function.args(inst);
        args.get(index).copied().ok_or(Reason::Malformed)
    }

    /// The type of a value.
    pub fn type_of(&self, value: Value) -> Type {
        self.function.value_type(value)
    }

    /// The payload of an instruction, taken apart.
    ///
    /// # Errors
    /// If it is not what `part` expects.
    pub fn payload<P>(&self, inst: Inst, part: impl FnOnce(Payload) -> Option<P>) -> Lower<P> {
        part(self.data(inst).payload).ok_or(Reason::Malformed)
    }

    /// The instruction that defines a value and has been deferred to the use at hand.
    pub fn deferred(&self, value: Value) -> Option<Inst> {
        match self.function.values[value].def {
            ValueDef::Result(inst, 0) if self.selection.is_deferred(inst) => Some(inst),
            _ => None,
        }
    }

    /// The convention between compiled functions.
    pub fn convention(&self) -> &'static Convention {
        T::REGISTERS.convention
    }

    // Blocks.

    /// A new block of machine code.
    pub fn create_block(&mut self, made_from: Option<Block>) -> MachineBlock {
        let block = self.builder.create_block();
        self.made_from.resize(block.index() + 1, None);
        self.made_from[block.index()] = made_from;
        block
    }

    /// The machine code's block for a block of the function.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub fn block(&self, block: Block) -> Lower<MachineBlock> {
        self.blocks[block.index()].ok_or(Reason::Malformed)
    }

    /// The virtual registers of a block's parameters.
    pub fn params(&mut self, block: Block) -> Vec<VReg> {
        let function = self.function;
        let params = function.blocks[block].params.iter();
        params.map(|&param| self.vreg_of(param)).collect()
    }

    // Registers and what instructions refer to by number.

    /// The register that belongs to a value.
    pub fn vreg_of(&mut self, value: Value) -> VReg {
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

    /// A fresh register.
    pub fn new_vreg(&mut self, class: RegClass) -> VReg {
        self.builder.new_vreg(class)
    }

    /// The number of a symbol.
    pub fn symbol(&mut self, symbol: Symbol) -> u32 {
        self.symbols.insert_full(symbol, ()).0 as u32
    }

    /// The number of a constant of up to 16 bytes in memory, which indexes [`Lowered::constants`].
    pub fn constant(&mut self, bytes: &[u8]) -> u32 {
        let mut stored = [0; 16];
        stored[..bytes.len()].copy_from_slice(bytes);
        let constant = (stored, bytes.len() as u8);
        self.constants.insert_full(constant, ()).0 as u32
    }

    // Instructions.

    /// Adds an instruction that does not end its block.
    pub fn push(&mut self, code: impl Into<Code<T>>) {
        let step = self.step(code.into());
        self.builder.push(step);
    }

    /// The step for a terminator.
    pub fn step(&self, code: Code<T>) -> Step<T> {
        Step {
            code,
            source: self.source,
        }
    }

    /// Traps if the condition holds.
    pub fn trap_if(&mut self, predicate: PredicateOf<T>, code: TrapCode) {
        self.push(Code::TrapIf(Some(predicate), code));
    }

    /// Traps; what follows is lowered all the same.
    pub fn trap_always(&mut self, code: TrapCode) {
        self.push(Code::TrapIf(None, code));
    }
}

#[cfg(test)]
mod tests {
    use super::Constants;
    use cpu_time::ThreadTime;
    use std::time::Duration;

    /// What it takes to number so many constants whose second half depends on the first.
    fn time(second: impl Fn(u64) -> u64) -> Duration {
        let run = || {
            let start = ThreadTime::now();
            let mut constants = Constants::default();
            for first in 0..5_000u64 {
                let bytes = u128::from(first) | u128::from(second(first)) << 64;
                constants.insert((bytes.to_le_bytes(), 16), ());
            }
            assert_eq!(constants.len(), 5_000);
            start.elapsed()
        };
        (0..3).map(|_| run()).min().unwrap_or_default()
    }

    #[test]
    fn constants_of_one_hash_are_as_good_as_others() {
        // `fxhash` goes on from a word to the next with `(rotate(hash) ^ word) * FACTOR`, and the length is its first.
        const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
        let next = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
        let (others, chosen) = (
            time(|_| 0),
            time(|word| next(next(0, 16), word).rotate_left(5)),
        );
        let allowed = others.max(Duration::from_millis(1)) * 20;
        assert!(chosen < allowed, "{others:?} became {chosen:?}");
    }
}
