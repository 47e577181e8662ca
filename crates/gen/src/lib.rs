//! Random programs: valid by construction, and ended by construction.
//!
//! **In:** bytes, which are the decisions: a fuzzer's, or a pseudo-random sequence that belongs to a seed. **Out:** a
//! [`Program`]: a module, what to call, and whether the schedule of suspensions may make a difference. The same
//! bytes give the same program on every machine.
//!
//! A program is a module with globals, tables, now and then memories, and a few functions, sync and async, which
//! call each other by name and by reference. Their bodies are control flow graphs of any shape, irreducible ones included,
//! over variables of all types, tasks among them, and addresses in the frame. An operand is a variable or computed
//! on the spot, often in a way that instruction selection takes together. Half of the programs throw and catch
//! exceptions, and half have
//! vectors, half have objects that a collector moves, and half use the context word. A third are trusted modules,
//! in which functions access the frames of their callers. The first parameter
//! of each function is its fuel: a block costs one, a callee gets a fraction of what is left, and at zero a
//! function returns what it has. Some programs are tiny and some large, and in some a callee gets as much as its
//! caller until a number of calls is used up, so that they call dozens deep.
//!
//! **Invariants**
//! - The verifier accepts every program, and every run ends, if only by a trap or an exception.
//! - A program that is marked [`schedule_independent`](Program::schedule_independent) ends in the same way, with the
//!   same effects, whatever suspends when. Its tasks communicate by arguments, results and join alone.
//! - What a program imports is: the leaves of the namespace `enjamb`; and of the namespace `host` `log`, which takes a
//!   number, `echo`, which gives it back, `later`, which may take its time for that, `handle`, which makes a reference
//!   of it, `number`, which undoes that, `throw`, which throws the
//!   exception of its two arguments, and `fail`, which ends with an error. In a program that calls `later` no schedule
//!   makes a difference, so it does not matter either when the host is ready.
//! - In a trusted module no access through an address leaves its slot.
//!
//! [`Coverage`] counts what programs had in them, and how their runs ended.
//!
//! **May depend on:** `enjamb-ir`.
//!
//! ```
//! let bytes = enjamb_gen::bytes_of_seed(7);
//! let program = enjamb_gen::program(&bytes)?;
//! assert_eq!(enjamb_gen::program(&bytes)?.module, program.module);
//! assert!(program.module.exported_function(&program.function).is_some());
//!
//! let mut coverage = enjamb_gen::Coverage::default();
//! coverage.add(&program.module);
//! assert_eq!(coverage.count("programs"), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod body;
mod call;
mod choices;
mod coverage;
mod exception;
mod expression;
mod idiom;
mod memory;
mod object;
mod task;
mod world;

pub use choices::{Choices, bytes_of_seed};
pub use coverage::Coverage;

use enjamb_ir::build::{BuildError, ModuleBuilder};
use enjamb_ir::{Module, Type, Val};

/// A random program.
#[derive(Clone, Debug)]
pub struct Program {
    /// The module.
    pub module: Module,
    /// The name of the function to call, without the percent sign; it is async.
    pub function: String,
    /// What to call it with.
    pub args: Vec<Val>,
    /// Whether its tasks communicate by arguments, results and join alone, so that no schedule may
    /// make a difference.
    pub schedule_independent: bool,
}

/// The calls that a program may do in which callees get as much fuel as their callers.
const CALLS: i64 = 60;

/// How large a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The most functions, at least one.
    pub functions: usize,
    /// The most blocks of a function that are not made for a statement, at least one.
    pub blocks: usize,
    /// The most statements of a block, at least one.
    pub statements: usize,
    /// The fuel of the outermost call: the blocks that it may run.
    pub fuel: i64,
}

impl Size {
    /// Programs that fit on a screen.
    pub const TINY: Size = Size {
        functions: 2,
        blocks: 2,
        statements: 2,
        fuel: 20,
    };

    /// A few functions of a few instructions, which suspend now and then.
    pub const SMALL: Size = Size {
        functions: 3,
        blocks: 4,
        statements: 4,
        fuel: 30,
    };

    /// A few functions of a few dozen instructions.
    pub const ORDINARY: Size = Size {
        functions: 5,
        blocks: 6,
        statements: 8,
        fuel: 40,
    };

    /// Functions of hundreds of suspension points.
    pub const LARGE: Size = Size {
        functions: 8,
        blocks: 40,
        statements: 16,
        fuel: 120,
    };
}

/// Makes a program. Most are small, since most of what can go wrong takes little; one in 64 is large.
///
/// # Errors
/// If the program breaks a rule, which is a bug of the generator or of the builder.
pub fn program(bytes: &[u8]) -> Result<Program, BuildError> {
    let mut choices = Choices::new(bytes);
    let size = match choices.below(64) {
        0..26 => Size::TINY,
        26..54 => Size::SMALL,
        54..63 => Size::ORDINARY,
        _ => Size::LARGE,
    };
    make(&mut choices, size)
}

/// Makes a program of a given size.
///
/// # Errors
/// As [`program`].
///
/// # Panics
/// If one of the numbers is zero that has to be one at least.
pub fn program_of_size(bytes: &[u8], size: Size) -> Result<Program, BuildError> {
    make(&mut Choices::new(bytes), size)
}

fn make(choices: &mut Choices<'_>, size: Size) -> Result<Program, BuildError> {
    let mut builder = ModuleBuilder::new();
    let world = world::declare(&mut builder, choices, size)?;
    for index in 0..world.functions.len() {
        body::define(&mut builder, choices, &world, index)?;
    }
    let module = builder.finish()?;
    let main = &world.functions[0].1;
    let args = main
        .params
        .iter()
        .enumerate()
        .map(|(index, &ty)| match index {
            0 => Val::I64(size.fuel),
            _ if matches!(ty, Type::Ref | Type::FuncRef) => Val::from_bits(ty, 0),
            _ => Val::from_bits(ty, choices.bits(ty)),
        });
    let args = args.collect();
    Ok(Program {
        module,
        function: "f0".to_string(),
        args,
        schedule_independent: !world.is_racy,
    })
}
