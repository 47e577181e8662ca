//! From IR to machine code in virtual registers: blocks in allocation order, instructions in order.
//!
//! A value gets one virtual register, made at its definition or first use; values that
//! [`crate::select`] defers or makes anew are computed when [`Values::value`] asks for them. The upper
//! bits of a value narrower than its register are undefined, so what depends on them extends first.

use crate::backend::Backend;
use crate::call::Calls;
use crate::continuation::{Continuations, Departure};
use crate::control::Control;
use crate::crossing::{Crossing, CrossingCopies};
use crate::entry::Entry;
use crate::error::{Lower, LowerError, Reason};
use crate::frame::FrameRequest;
use crate::memory::Memory;
use crate::object::{KnownObjects, Objects};
use crate::select::{Selection, is_condition, is_rematerialized};
use crate::state::{Constants, Lowered, LoweringState};
use crate::values::Values;
use bumpalo::Bump;
use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_abi::context::{InstanceLayout, offsets};
use enjamb_ir::hash::KeyedIndexMap;
use enjamb_ir::{Block, Effects, Entity, FuncId, Inst, Module, Opcode, Stage, Type};
use enjamb_regalloc::{MachineFunctionBuilder, VReg};

/// Lowers a function to machine code in virtual registers.
pub(crate) fn lower<'a, L: Backend<'a>>(
    module: &'a Module,
    layout: &'a InstanceLayout,
    id: FuncId,
    options: &CodeOptions,
    arena: &'a Bump,
) -> Result<Lowered<L::Inst>, LowerError> {
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
    let allocator = options.allocator;
    let order = crate::order::allocation_order(function, allocator, arena);
    let frame = FrameRequest::new(function).map_err(|reason| fail(None, reason))?;
    let mut lowering = L::new(LoweringState {
        module,
        layout,
        id,
        function,
        builder: MachineFunctionBuilder::new(function.name.as_str()),
        selection: Selection::new(function, &order, arena, L::folds),
        values: bumpalo::vec![in arena; None; function.values.len()],
        blocks: bumpalo::vec![in arena; None; function.blocks.len()],
        made_from: Vec::new(),
        symbols: KeyedIndexMap::default(),
        constants: Constants::default(),
        tables: 0,
        frame,
        crossing: Crossing::default(),
        departure: None,
        write_barrier: options.write_barrier,
        replaceable: options.replaceable,
        known: KnownObjects::default(),
        source: None,
    });
    if lowering.frame.vectors {
        lowering.builder.widen_floats();
    }
    lowering
        .blocks_in(&order, allocator)
        .map_err(|reason| fail(lowering.source, reason))?;
    let state = lowering.into_state();
    let function = state
        .builder
        .finish()
        .map_err(|error| fail(None, error.into()))?;
    Ok(Lowered {
        function,
        symbols: state.symbols.into_keys().collect(),
        constants: state.constants.into_keys().collect(),
        tables: state.tables,
        frame: state.frame,
        blocks: state.made_from,
    })
}

pub(crate) trait Driver<'a>: Backend<'a> {
    fn blocks_in(&mut self, order: &[Block], allocator: RegisterAllocator) -> Lower<()> {
        let function = self.function;
        for &block in order {
            let machine_block = self.create_block(Some(block));
            if function.blocks[block].cold {
                self.builder.mark_cold(machine_block);
            }
            self.blocks[block.index()] = Some(machine_block);
        }
        let &entry = order.first().ok_or(Reason::Malformed)?;
        let zeroing = self.zeroing_block(entry);
        let body = self.fresh_block(entry);
        self.crossing = Crossing::new(function, body, allocator);
        for &block in order {
            if block == entry {
                self.begin_entry(entry)?;
            } else {
                let machine_block = self.block(block)?;
                let incoming = self.incoming(block);
                self.builder.begin_block(machine_block, &incoming);
                self.begin_crossing(block, &incoming);
            }
            self.departure = Departure::of(function, block);
            if block == zeroing {
                self.zero_slots(block);
            }
            self.known.begin(block);
            for &inst in &function.blocks[block].insts {
                self.source = Some(inst);
                self.copy_in_front_of(inst)?;
                self.instruction(inst)?;
            }
            self.source = None;
        }
        Ok(())
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
            (Some(value), [result]) => self.bind(*result, value),
            (None, _) => Ok(()),
            _ => Err(Reason::Malformed),
        }
    }

    /// Lowers an instruction that does not end its block. Gives its result, or `None` if it has
    /// none or has bound its results itself.
    fn compute(&mut self, inst: Inst) -> Lower<Option<VReg>> {
        use Opcode::*;
        let result = match self.data(inst).opcode {
            Band | Bor | Bxor | Bnot if self.data(inst).ty == Type::V128 => self.vector(inst)?,
            Iconst | Null | Iadd | Isub | Imul | Umulhi | Smulhi | Udiv | Sdiv | Urem | Srem
            | Ineg | Umin | Umax | Smin | Smax | Band | Bor | Bxor | Bnot | Ishl | Ushr | Sshr
            | Rotl | Rotr | Clz | Ctz | Popcnt | AddrAdd => self.integer(inst)?,
            Icmp | Fcmp | AnyTrue | AllTrue | SameRef | IsNull | IsSuspended | HasLayout => {
                let predicate = self.comparison(inst)?;
                self.set_byte(predicate)?
            }
            FuelCheck => {
                let predicate = self.comparison(inst)?;
                let results = self.function.results(inst);
                if !results.iter().any(|&result| self.selection.is_used(result)) {
                    return Ok(None);
                }
                self.set_byte(predicate)?
            }
            FuelLeft => self.load(Type::I64, Self::context_word(offsets::FUEL))?,
            ContextGet => self.load(Type::I64, Self::context_word(offsets::TASK_WORD))?,
            Select => self.select(inst)?,
            Fconst | Fadd | Fsub | Fmul | Fdiv | Fsqrt | Fmin | Fmax | Fneg | Fabs | Fcopysign
            | Ceil | Floor | Ftrunc | Nearest => self.float(inst)?,
            Vconst | Splat | ExtractLane | InsertLane | Shuffle | Bitselect | LaneMask | Viadd
            | Visub | Vimul | Vineg | Vumin | Vumax | Vsmin | Vsmax | Vishl | Vushr | Vsshr
            | Vicmp | Vfadd | Vfsub | Vfmul | Vfdiv | Vfsqrt | Vfmin | Vfmax | Vfneg | Vfabs
            | Vfcmp => self.vector(inst)?,
            Sextend | Uextend | Ireduce | Fpromote | Fdemote | FcvtFromSint | FcvtFromUint
            | FcvtToSint | FcvtToUint | FcvtToSintSat | FcvtToUintSat | Bitcast => {
                self.convert(inst)?
            }
            FuncAddr | Load | Uload8 | Sload8 | Uload16 | Sload16 | Uload32 | Sload32
            | MemorySize | MemoryBase | StackAddr | GlobalGet | TableGet | TableSize => {
                self.read(inst)?
            }
            Store | Istore8 | Istore16 | Istore32 | GlobalSet | TableSet | ContextSet => {
                return self.write(inst).map(|()| None);
            }
            New | NewArray | GetField | GetElement | ArrayLength | IsInstance | RootGet => {
                self.object_read(inst)?
            }
            SetField | SetElement | RootSet => return self.object_write(inst).map(|()| None),
            MemoryGrow | MemoryCopy | MemoryFill | MemoryInit | ArrayCopy | Call | CallIndirect
            | Spawn | Join | Detach | Cancel | IsDone | TaskTryResult => {
                return self.call(inst).map(|()| None);
            }
            ContState | OwnContinuation | NewContinuation | FieldLoad | ResultLoad => {
                self.continuation_read(inst)?
            }
            FieldStore | FieldSaveSlot | FieldRestoreSlot | SetPoint | Link => {
                return self.continuation_write(inst).map(|()| None);
            }
            // What ends a block has been told apart before.
            _ => return Err(Reason::Malformed),
        };
        Ok(Some(result))
    }

    /// Operands are computed before the condition, so that nothing disturbs the flags.
    fn select(&mut self, inst: Inst) -> Lower<VReg> {
        if let Some(chosen) = self.folded_select(inst)? {
            return Ok(chosen);
        }
        let (yes, no) = (self.operand(inst, 1)?, self.operand(inst, 2)?);
        let predicate = self.predicate(self.arg(inst, 0)?)?;
        if yes == no {
            return Ok(yes);
        }
        let ty = self.data(inst).ty;
        self.choose(predicate, ty, yes, no)
    }
}

impl<'a, L: Backend<'a>> Driver<'a> for L {}
