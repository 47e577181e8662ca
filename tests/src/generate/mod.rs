//! Random programs: valid by construction, and ended by construction.
//!
//! A program is a module with a memory, globals, a table and a few functions, sync and async, which
//! call each other. Their bodies are control flow graphs of any shape, irreducible ones included,
//! over variables of all types. Half of the programs throw and catch exceptions, and half have
//! vectors, half have objects that a collector moves, and half use the context word. The first parameter
//! of each function is its fuel: a block costs one, a callee gets a fraction of what is left, and at zero a
//! function returns what it has. Some programs are large, and in some a callee gets as much as its caller until
//! a number of calls is used up, so that they call dozens deep.

mod body;
mod choices;
mod exception;
mod expression;
mod object;

pub use choices::{Choices, bytes_of_seed};

use crate::observed::Call;
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
    /// What to call.
    pub call: Call,
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
#[derive(Clone, Copy, Debug)]
struct Size {
    /// The most functions.
    functions: usize,
    /// The most blocks of a function that are not made for a statement.
    blocks: usize,
    /// The most statements of a block.
    statements: usize,
    /// The fuel of the outermost call.
    fuel: i64,
}

impl Size {
    const ORDINARY: Size = Size {
        functions: 5,
        blocks: 6,
        statements: 8,
        fuel: 40,
    };

    /// Functions of hundreds of suspension points.
    const LARGE: Size = Size {
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
    /// Whether functions use memory, globals and the host.
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
    log: FuncId,
    heap: MemoryId,
    data: DataId,
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

/// Makes a program.
///
/// # Errors
/// If the program breaks a rule, which is a bug of the generator or of the builder.
pub fn program(bytes: &[u8]) -> Result<Program, BuildError> {
    let mut choices = Choices::new(bytes);
    let (has_state, has_tasks) = choices.of(&[(true, false), (false, true), (true, true)]);
    let mut builder = ModuleBuilder::new();
    let size = match choices.once_in(16) {
        true => Size::LARGE,
        false => Size::ORDINARY,
    };
    let world = declare(&mut builder, &mut choices, size, has_state, has_tasks)?;
    for index in 0..world.functions.len() {
        body::define(&mut builder, &mut choices, &world, index)?;
    }
    // Calls of the host are seen in their order, and which of them a task has made when another one traps.
    let shares = has_state || world.objects.is_some() || world.throw.is_some();
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
    let call = Call {
        function: "f0".to_string(),
        args: args.collect(),
    };
    Ok(Program {
        module,
        call,
        schedule_independent: !(shares && has_tasks),
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
    let log = builder.declare_import("log", "host", "log", Signature::sync(i64s, &[]))?;
    let heap = builder.declare_memory("heap", 1, 2)?;
    builder.export("heap", Export::Memory(heap))?;
    let data = builder.declare_data("data", b"\x01\x80\xff\x7f words of a poem", None)?;
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
    let is_deep = has_state && choices.once_in(6) && size.blocks == Size::ORDINARY.blocks;
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
        log,
        heap,
        data,
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
