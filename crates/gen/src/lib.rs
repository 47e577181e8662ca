//! Random programs: valid by construction, and ended by construction.
//!
//! **In:** bytes, which are the decisions: a fuzzer's, or a pseudo-random sequence that belongs to a seed. **Out:** a
//! [`Program`]: a module, what to call, and whether the schedule of suspensions may make a difference. The same
//! bytes give the same program on every machine.
//!
//! A program is a module with globals, a table, now and then a memory, and a few functions, sync and async, which
//! call each other. Their bodies are control flow graphs of any shape, irreducible ones included,
//! over variables of all types. Half of the programs throw and catch exceptions, and half have
//! vectors, half have objects that a collector moves, and half use the context word. The first parameter
//! of each function is its fuel: a block costs one, a callee gets a fraction of what is left, and at zero a
//! function returns what it has. Some programs are tiny and some large, and in some a callee gets as much as its
//! caller until a number of calls is used up, so that they call dozens deep.
//!
//! **Invariants**
//! - The verifier accepts every program, and every run ends, if only by a trap or an exception.
//! - A program that is marked [`schedule_independent`](Program::schedule_independent) ends in the same way, with the
//!   same effects, whatever suspends when. Its tasks communicate by arguments, results and join alone.
//! - What a program imports is: the leaves of the namespace `enjamb`; and of the namespace `host` `log`, which takes a
//!   number, `echo`, which gives it back, `later`, which may take its time for that, and `throw`, which throws the
//!   exception of its two arguments. In a program that calls `later` no schedule makes a difference, so it does not
//!   matter either when the host is ready.
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
mod choices;
mod coverage;
mod exception;
mod expression;
mod object;

pub use choices::{Choices, bytes_of_seed};
pub use coverage::Coverage;

use enjamb_ir::build::{BuildError, ModuleBuilder};
use enjamb_ir::{
    DataId, Exception, Export, FuncId, GlobalId, GlobalInit, MemoryId, Module, Signature, TableId,
    Type, TypeClass, Val,
};

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

/// The types that variables, parameters and results have; without vectors all but the last.
const TYPES: [Type; 9] = [
    Type::I64,
    Type::I32,
    Type::F64,
    Type::I8,
    Type::F32,
    Type::I16,
    Type::Ref,
    Type::FuncRef,
    Type::V128,
];

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

/// What the functions of a program can name.
#[derive(Clone, Debug)]
struct World {
    size: Size,
    /// Counts the calls that are left, in programs that call deep.
    calls_left: Option<GlobalId>,
    /// The types that variables, parameters and results have.
    types: &'static [Type],
    /// Whether functions use globals, the host, and a memory if there is one.
    has_state: bool,
    /// Whether functions start tasks.
    has_tasks: bool,
    /// Whether functions read and set the context word.
    has_context: bool,
    /// A function of the host that throws, where functions throw and catch.
    throw: Option<FuncId>,
    /// What objects there are, where functions make some.
    objects: Option<object::Objects>,
    functions: Vec<(FuncId, Signature)>,
    leaf_yield: FuncId,
    leaf_test: FuncId,
    leaf_sleep: FuncId,
    /// An async function of the host that gives back its argument.
    ask: FuncId,
    /// One that gives it back later, where no schedule makes a difference.
    later: Option<FuncId>,
    log: FuncId,
    /// The memory and the bytes that go into it, where functions use one.
    memory: Option<(MemoryId, DataId)>,
    table: TableId,
    globals: Vec<(GlobalId, Type)>,
}

impl World {
    /// The types of a class that variables have.
    fn members(&self, class: TypeClass) -> Vec<Type> {
        let types = self.types.iter().copied();
        types.filter(|&ty| class.contains(ty)).collect()
    }
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
    let (has_state, has_tasks) = choices.of(&[(true, false), (false, true), (true, true)]);
    let mut builder = ModuleBuilder::new();
    let world = declare(&mut builder, choices, size, has_state, has_tasks)?;
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
        schedule_independent: world.later.is_some(),
    })
}

fn declare(
    builder: &mut ModuleBuilder,
    choices: &mut Choices<'_>,
    size: Size,
    has_state: bool,
    has_tasks: bool,
) -> Result<World, BuildError> {
    let leaf = |params: &[Type], results: &[Type]| Signature::asynchronous(params, results);
    let i64s = &[Type::I64][..];
    let leaf_yield = builder.declare_import("yield", "enjamb", "yield", leaf(&[], &[]))?;
    let leaf_test = builder.declare_import("test", "enjamb", "test", leaf(i64s, i64s))?;
    let leaf_sleep = builder.declare_import("sleep", "enjamb", "sleep", leaf(i64s, &[]))?;
    let ask = builder.declare_import("ask", "host", "echo", leaf(i64s, i64s))?;
    let log = builder.declare_import("log", "host", "log", Signature::sync(i64s, &[]))?;
    let memory = match has_state && choices.below(2) == 1 {
        true => {
            let heap = builder.declare_memory("heap", 1, 2)?;
            builder.export("heap", Export::Memory(heap))?;
            let data = b"\x01\x80\xff\x7f words of a poem";
            Some((heap, builder.declare_data("data", data, None)?))
        }
        false => None,
    };
    let types = choices.of(&[&TYPES[..8], &TYPES]);
    let mut globals = Vec::new();
    let stored = types.iter().filter(|&&ty| TypeClass::Stored.contains(ty));
    for (index, &ty) in stored.enumerate() {
        let name = format!("g{index}");
        let init = match ty {
            Type::V128 => GlobalInit::Vector(0),
            _ => GlobalInit::Number(0),
        };
        let global = builder.declare_global(&name, ty, init)?;
        builder.export(&name, Export::Global(global))?;
        globals.push((global, ty));
    }
    let is_deep = has_state && choices.once_in(6) && size != Size::LARGE;
    let calls_left = match is_deep {
        true => {
            let init = GlobalInit::Number(CALLS as u64);
            Some(builder.declare_global("calls_left", Type::I64, init)?)
        }
        false => None,
    };
    let mut functions = Vec::new();
    for index in 0..choices.between(1, size.functions) {
        let mut signature = signature(choices, types);
        // The function that the host calls can suspend.
        signature.is_async |= index == 0;
        let id = builder.declare_function(&format!("f{index}"), signature.clone())?;
        functions.push((id, signature));
    }
    let mut entries: Vec<Option<FuncId>> = functions.iter().map(|(id, _)| Some(*id)).collect();
    entries.push(None);
    let table = builder.declare_table("table", &entries)?;
    let throw = match choices.below(2) {
        0 => None,
        _ => {
            let signature = Signature::sync(&Exception::TYPES, i64s);
            Some(builder.declare_import("throw", "host", "throw", signature)?)
        }
    };
    let objects = match choices.below(2) {
        0 => None,
        _ => {
            let number = choices.of(types);
            Some(object::Objects::declare(builder, types, number)?)
        }
    };
    // Calls of the host are seen in their order, and which of them a task has made when another one traps.
    let shares = has_state || objects.is_some() || throw.is_some();
    let later = match shares && has_tasks {
        true => None,
        false => Some(builder.declare_import("later", "host", "later", leaf(i64s, i64s))?),
    };
    Ok(World {
        size,
        calls_left,
        types,
        has_state,
        has_tasks,
        has_context: choices.below(2) == 1,
        throw,
        objects,
        functions,
        leaf_yield,
        leaf_test,
        leaf_sleep,
        ask,
        later,
        log,
        memory,
        table,
        globals,
    })
}

fn signature(choices: &mut Choices<'_>, among: &[Type]) -> Signature {
    let most = choices.of(&[2, 2, 4, 12]);
    let mut types = |most: usize| -> Vec<Type> {
        (0..choices.below(most + 1))
            .map(|_| choices.of(among))
            .collect()
    };
    let mut params = vec![Type::I64];
    params.extend(types(most));
    let results = types(most.min(9));
    Signature {
        params,
        results,
        is_async: choices.below(3) != 2,
    }
}
