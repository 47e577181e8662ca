//! What the functions of a random program can name, and how it is declared.

use super::expression::Instructions;
use super::{CALLS, Choices, Size, exception, object};
use enjamb_ir::build::{BuildError, ModuleBuilder};
use enjamb_ir::{
    DataId, Export, FileId, FuncId, GlobalId, GlobalInit, MemoryId, Signature, TableId, Type,
    TypeClass,
};

/// The types that variables, parameters and results have in any program.
const TYPES: [Type; 8] = [
    Type::I64,
    Type::I32,
    Type::F64,
    Type::I8,
    Type::F32,
    Type::I16,
    Type::Ref,
    Type::FuncRef,
];

/// The entries of the table of functions that have one signature.
pub(super) const ROUTES: usize = 4;

/// What the functions of a program can name.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) size: Size,
    /// How deep an operand is nested that is computed on the spot.
    pub(super) nesting: usize,
    /// The types that variables, parameters and results have.
    pub(super) types: Vec<Type>,
    pub(super) instructions: Instructions,
    /// The source file that instructions have positions in, if they do.
    pub(super) file: Option<FileId>,
    /// Whether the module is trusted: then functions access memory through addresses that they are given.
    pub(super) is_trusted: bool,
    /// Whether functions use globals, the host, and a memory if there is one.
    pub(super) has_state: bool,
    /// Whether functions start tasks.
    pub(super) has_tasks: bool,
    /// Whether functions read and set the context word.
    pub(super) has_context: bool,
    /// Whether the schedule may make a difference.
    pub(super) is_racy: bool,
    /// Functions of the host that throw, where functions throw and catch.
    pub(super) throwers: Option<exception::Throwers>,
    /// What objects there are, where functions make some.
    pub(super) objects: Option<object::Objects>,
    pub(super) imports: Imports,
    pub(super) memories: Option<Memories>,
    pub(super) functions: Vec<(FuncId, Signature)>,
    /// Any functions, and null.
    pub(super) table: TableId,
    /// Functions with the signature of one of them: which table, and which function.
    pub(super) routes: (TableId, usize),
    pub(super) globals: Vec<(GlobalId, Type)>,
    /// Counts the calls that are left, in programs that call deep.
    pub(super) calls_left: Option<GlobalId>,
    /// Holds the task that is none.
    pub(super) no_task: GlobalId,
}

/// The functions that a program imports and may call in any place, those that throw aside.
#[derive(Clone, Debug)]
pub(super) struct Imports {
    pub(super) leaf_yield: FuncId,
    pub(super) leaf_sleep: FuncId,
    /// Async functions that take a number and give it back.
    pub(super) askers: Vec<FuncId>,
    /// A function of the host, where functions call it.
    pub(super) log: Option<FuncId>,
    /// Makes a reference of a number, and gives the number of a reference, where references are the host's.
    pub(super) handles: Option<(FuncId, FuncId)>,
}

impl Imports {
    /// Those that are async.
    pub(super) fn leaves(&self) -> Vec<FuncId> {
        [&[self.leaf_yield, self.leaf_sleep], &self.askers[..]].concat()
    }
}

/// The linear memories, and bytes that go there.
#[derive(Clone, Debug)]
pub(super) struct Memories {
    pub(super) all: Vec<MemoryId>,
    pub(super) data: DataId,
}

impl World {
    /// The types of a class that variables have.
    pub(super) fn members(&self, class: TypeClass) -> Vec<Type> {
        let types = self.types.iter().copied();
        types.filter(|&ty| class.contains(ty)).collect()
    }

    /// Those functions that have the signature of this one.
    pub(super) fn alike(&self, signature: &Signature) -> Vec<FuncId> {
        let alike = self.functions.iter().filter(|(_, s)| s == signature);
        alike.map(|(id, _)| *id).collect()
    }

    /// The results that tasks have which are joined in other places than they were started in.
    pub(super) fn task_results(&self) -> &[Type] {
        &self.functions[0].1.results
    }
}

/// Declares all that a program consists of.
pub(super) fn declare(
    builder: &mut ModuleBuilder,
    choices: &mut Choices<'_>,
    size: Size,
) -> Result<World, BuildError> {
    let (has_state, has_tasks) = choices.of(&[(true, false), (false, true), (true, true)]);
    let is_trusted = choices.once_in(3);
    if is_trusted {
        builder.trust();
    }
    let file = choices.once_in(3).then(|| builder.file("poem.txt"));
    let mut types = TYPES.to_vec();
    types.extend((choices.below(2) == 1).then_some(Type::V128));
    types.extend(has_tasks.then_some(Type::Task));
    let (has_objects, has_throwers) = (choices.below(2) == 1, choices.below(2) == 1);
    // Calls of the host are seen in their order, and which of them a task has made when another one traps.
    let is_racy = (has_state || has_objects || has_throwers) && has_tasks;
    let imports = imports(builder, has_state, has_objects, is_racy)?;
    let memories = match has_state && choices.below(2) == 1 {
        true => Some(memories(builder, choices)?),
        false => None,
    };
    let functions = functions(builder, choices, &types, size, is_trusted)?;
    let globals = globals(builder, choices, &types, &functions)?;
    let is_deep = has_state && choices.once_in(6) && size != Size::LARGE;
    let calls_left = match is_deep {
        true => {
            let init = GlobalInit::Number(CALLS as u64);
            Some(builder.declare_global("calls_left", Type::I64, init)?)
        }
        false => None,
    };
    let no_task = builder.declare_global("no_task", Type::Task, GlobalInit::Null)?;
    let (table, routes) = tables(builder, choices, &functions, &imports)?;
    let throwers = match has_throwers {
        true => Some(exception::Throwers::declare(builder)?),
        false => None,
    };
    let objects = match has_objects {
        true => {
            let element = choices.of(&types);
            Some(object::Objects::declare(builder, &types, element)?)
        }
        false => None,
    };
    Ok(World {
        size,
        nesting: choices.of(&[0, 1, 2, 3, 3]),
        instructions: Instructions::new(&types),
        types,
        file,
        is_trusted,
        has_state,
        has_tasks,
        has_context: choices.below(2) == 1,
        is_racy,
        throwers,
        objects,
        imports,
        memories,
        functions,
        table,
        routes,
        globals,
        calls_left,
        no_task,
    })
}

fn imports(
    builder: &mut ModuleBuilder,
    has_state: bool,
    has_objects: bool,
    is_racy: bool,
) -> Result<Imports, BuildError> {
    let leaf = |params: &[Type], results: &[Type]| Signature::asynchronous(params, results);
    let number = &[Type::I64][..];
    let leaf_yield = builder.declare_import("yield", "enjamb", "yield", leaf(&[], &[]))?;
    let leaf_sleep = builder.declare_import("sleep", "enjamb", "sleep", leaf(number, &[]))?;
    let answers = || leaf(number, number);
    let mut askers = vec![builder.declare_import("test", "enjamb", "test", answers())?];
    if !is_racy {
        askers.push(builder.declare_import("later", "host", "later", answers())?);
    }
    let (mut log, mut handles) = (None, None);
    if has_state {
        askers.push(builder.declare_import("ask", "host", "echo", answers())?);
        let takes = Signature::sync(number, &[]);
        log = Some(builder.declare_import("log", "host", "log", takes)?);
    }
    if has_state && !has_objects {
        let (to, from) = (
            Signature::sync(number, &[Type::Ref]),
            Signature::sync(&[Type::Ref], number),
        );
        let handle = builder.declare_import("handle", "host", "handle", to)?;
        let number = builder.declare_import("number", "host", "number", from)?;
        handles = Some((handle, number));
    }
    Ok(Imports {
        leaf_yield,
        leaf_sleep,
        askers,
        log,
        handles,
    })
}

fn memories(
    builder: &mut ModuleBuilder,
    choices: &mut Choices<'_>,
) -> Result<Memories, BuildError> {
    const WORDS: &[u8] = b"\x01\x80\xff\x7f words of a poem";
    let mut all = vec![builder.declare_memory("heap", 1, 2)?];
    if choices.once_in(3) {
        all.push(builder.declare_memory("side", 1, 1)?);
    }
    for &memory in &all {
        let name = builder.module().memories[memory].name.clone();
        builder.export(&name, Export::Memory(memory))?;
    }
    if choices.once_in(2) {
        let place = (choices.of(&all), choices.of(&[0, 40, 65_516]));
        builder.declare_data("first", WORDS, Some(place))?;
    }
    let data = builder.declare_data("data", WORDS, None)?;
    Ok(Memories { all, data })
}

fn functions(
    builder: &mut ModuleBuilder,
    choices: &mut Choices<'_>,
    types: &[Type],
    size: Size,
    is_trusted: bool,
) -> Result<Vec<(FuncId, Signature)>, BuildError> {
    let mut functions: Vec<(FuncId, Signature)> = Vec::new();
    let of_host: Vec<Type> = types.iter().copied().filter(|&t| t != Type::Task).collect();
    let with_tasks = match types.contains(&Type::Task) {
        true => &[types, &[Type::Task; 2]].concat(),
        false => types,
    };
    for index in 0..choices.between(1, size.functions) {
        let mut wanted = match index {
            0 => signature(choices, &of_host),
            _ => signature(choices, with_tasks),
        };
        if index == 0 {
            // The function that the host calls can suspend.
            wanted.is_async = true;
        } else if choices.once_in(4) {
            wanted = functions[choices.below(index)].1.clone();
        } else if choices.once_in(3) {
            wanted.results = functions[0].1.results.clone();
        }
        if !wanted.is_async && choices.once_in(if is_trusted { 2 } else { 4 }) {
            let at = choices.between(1, wanted.params.len());
            wanted.params.insert(at, Type::Addr);
        }
        let id = builder.declare_function(&format!("f{index}"), wanted.clone())?;
        functions.push((id, wanted));
    }
    Ok(functions)
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
        is_async: choices.below(2) == 0,
    }
}

/// One of each type. Tasks have other numbers in each engine, so the host does not see them.
fn globals(
    builder: &mut ModuleBuilder,
    choices: &mut Choices<'_>,
    types: &[Type],
    functions: &[(FuncId, Signature)],
) -> Result<Vec<(GlobalId, Type)>, BuildError> {
    let mut globals = Vec::new();
    for (index, &ty) in types.iter().enumerate() {
        let name = format!("g{index}");
        let init = match ty {
            Type::V128 => GlobalInit::Vector(choices.bits(ty)),
            Type::FuncRef if choices.once_in(2) => {
                GlobalInit::Function(functions[choices.below(functions.len())].0)
            }
            Type::Ref | Type::FuncRef | Type::Task => GlobalInit::Null,
            _ => GlobalInit::Number(choices.constant(ty)),
        };
        let global = builder.declare_global(&name, ty, init)?;
        if ty != Type::Task {
            builder.export(&name, Export::Global(global))?;
        }
        globals.push((global, ty));
    }
    Ok(globals)
}

/// The table of any functions, and the table of those that have one signature, with one of them.
fn tables(
    builder: &mut ModuleBuilder,
    choices: &mut Choices<'_>,
    functions: &[(FuncId, Signature)],
    imports: &Imports,
) -> Result<(TableId, (TableId, usize)), BuildError> {
    let mut entries: Vec<Option<FuncId>> = functions.iter().map(|(id, _)| Some(*id)).collect();
    entries.push(None);
    entries.push(Some(imports.leaf_yield));
    let table = builder.declare_table("table", &entries)?;
    let route = choices.below(functions.len());
    let alike = functions.iter().filter(|(_, s)| *s == functions[route].1);
    let alike: Vec<FuncId> = alike.map(|(id, _)| *id).collect();
    let entries = [(); ROUTES].map(|()| Some(choices.of(&alike)));
    let routes = builder.declare_table("routes", &entries)?;
    Ok((table, (routes, route)))
}
