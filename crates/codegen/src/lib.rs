//! The pass list of the Enjamb compiler: a module in, relocatable code and tables out.

#![forbid(unsafe_code)]

pub mod compiled;

pub use compiled::{
    AbsoluteAddress, CompileStats, CompiledModule, FunctionRange, ModuleCall, ModuleTrap,
};
