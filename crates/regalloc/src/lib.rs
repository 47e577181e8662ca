//! Register allocation for machine code in virtual registers, through regalloc2.
//!
//! **In:** a [`MachineFunction`] over a target's instruction type, which implements [`MachineInst`], and
//! the [`RegisterFile`] of a calling convention. **Out:** an [`Allocation`]: a register or spill slot for
//! every operand, the moves between instructions, the blocks in emission order, the callee-saved registers
//! to save.
//!
//! Before: SSA with block parameters, blocks in allocation order (see [`MachineFunctionBuilder`]). After:
//! every fixed register, reuse and clobber holds; no move goes from one spill slot to another; moves lie
//! before the terminator of their block. This crate knows no IR and no target, and depends on no other
//! crate of the workspace. Mistakes in the input are values that name function, block, instruction and
//! [`Rule`].
//!
//! ```
//! use enjamb_regalloc::{
//!     Allocator, Algorithm, InstKind, Item, MachineFunctionBuilder, MachineInst, OperandCollector,
//!     Options, PReg, RegClass, RegisterFile, VReg,
//! };
//!
//! // A machine with two registers, and three instructions beside the jump.
//! const R0: PReg = PReg::new(0, RegClass::Int);
//! const R1: PReg = PReg::new(1, RegClass::Int);
//! enum Inst { Arguments(VReg), Double(VReg, VReg), Return(VReg), Jump }
//!
//! impl MachineInst for Inst {
//!     fn operands(&self, collector: &mut OperandCollector<'_>) {
//!         match *self {
//!             Inst::Arguments(x) => collector.fixed_def(x, R1),
//!             Inst::Double(to, from) => {
//!                 collector.reg_use(from);
//!                 collector.reuse_def(to, 0);
//!             }
//!             Inst::Return(x) => collector.fixed_use(x, R0),
//!             Inst::Jump => {}
//!         }
//!     }
//!     fn kind(&self) -> InstKind {
//!         match self {
//!             Inst::Return(_) => InstKind::Return,
//!             Inst::Jump => InstKind::Jump,
//!             _ => InstKind::Normal,
//!         }
//!     }
//!     fn jump() -> Self { Inst::Jump }
//! }
//!
//! let mut builder = MachineFunctionBuilder::new("double");
//! let (x, y) = (builder.new_vreg(RegClass::Int), builder.new_vreg(RegClass::Int));
//! let entry = builder.create_block();
//! builder.begin_block(entry, &[]);
//! builder.push(Inst::Arguments(x));
//! builder.push(Inst::Double(y, x));
//! builder.ret(Inst::Return(y));
//! let function = builder.finish()?;
//!
//! let registers = RegisterFile::new([R0, R1], []);
//! let mut allocator = Allocator::new(Options::new(Algorithm::Ion));
//! let allocation = allocator.allocate(&function, &registers)?;
//! for &block in allocation.emission().blocks() {
//!     for item in allocation.block(block) {
//!         match item {
//!             Item::Inst(index, locations) => println!("instruction {index} at {locations:?}"),
//!             Item::Move { from, to, .. } => println!("{to} <- {from}"),
//!         }
//!     }
//! }
//! assert_eq!(allocation.locations(2)[0].as_reg(), Some(R0));
//! assert_eq!(allocation.stats().spills, 0);
//! # Ok::<(), enjamb_regalloc::AllocationError>(())
//! ```

#![forbid(unsafe_code)]

mod allocation;
mod allocator;
mod builder;
mod display;
mod emission;
mod error;
mod function;
mod inst;
mod prepare;
mod registers;
mod share_slots;
mod validate;

pub use allocation::{Allocation, Item, Items, Stats};
pub use allocator::{Algorithm, Allocator, Check, FAST_CHECK_LIMIT, Options};
pub use builder::{Block, MachineFunctionBuilder, Successor};
pub use emission::EmissionPlan;
pub use error::{AllocationError, Rule};
pub use function::MachineFunction;
pub use inst::{InstKind, MachineInst, OperandCollector};
/// Where an operand lies after allocation: a register or a spill slot.
pub use regalloc2::Allocation as Location;
pub use regalloc2::{
    Operand, OperandConstraint, OperandKind, PReg, PRegSet, RegClass, SpillSlot, VReg,
};
pub use registers::RegisterFile;
