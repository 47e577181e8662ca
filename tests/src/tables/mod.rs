//! Whether the tables of compiled code say what the code does.
//!
//! An unwinder believes the tables: that a return address is that of a call, where the values are that the caller had in
//! callee-saved registers, where an exception lands, which words of a frame are references. A debugger believes what it is told
//! of the same, a collector the maps of continuations too. Here the code is decoded by an independent disassembler, all ways
//! through each function are followed, and at every call the registers and the frame are what the tables promise; and what
//! debuggers are told, at every instruction. Which references are needed where is found out from the functions that the code
//! was made from.

mod aarch64;
mod debug;
mod function;
mod records;
mod references;
mod step;
mod walk;
mod x64;

use crate::case::Case;
use crate::differential::Difference;
use debug::Debug;
use enjamb_abi::code::{CodeOptions, RegisterAllocator, Symbol};
use enjamb_abi::target::Target;
use enjamb_codegen::{CompileOptions, CompiledModule, compile};
use enjamb_ir::Module;
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::parse::parse_with_spans;
use function::Tables;
use std::collections::BTreeMap;
use std::sync::Arc;
use step::{Pointers, Step};

/// Compiles a random program for each target with each allocator, and checks the tables.
///
/// # Errors
/// What a table says and the code does not do, and the program as a golden file that fails.
pub fn check_program(bytes: &[u8]) -> Result<(), String> {
    on_program(bytes, check_module)
}

/// Compiles a random program, and checks where a collector looks for references.
///
/// # Errors
/// A reference that is missed, one that is not there, or one that nothing needs; and the program, as above.
pub fn check_references(bytes: &[u8]) -> Result<(), String> {
    on_program(bytes, |module| {
        let options = options(Target::X86_64, RegisterAllocator::SinglePass);
        let compiled = compile(Arc::clone(module), &options).map_err(|error| error.to_string())?;
        references::check(&compiled)
    })
}

/// Compiles a random program for each target, and checks what debuggers are told.
///
/// # Errors
/// What they are told and is not so, and the program, as above.
pub fn check_debug(bytes: &[u8]) -> Result<(), String> {
    on_program(bytes, |module| {
        for target in Target::ALL {
            let options = options(target, RegisterAllocator::SinglePass);
            let compiled = compile(Arc::clone(module), &options);
            let compiled = compiled.map_err(|error| error.to_string())?;
            let checked = functions(&compiled, |tables, debug| {
                debug.function(tables, &tables.walk()?)
            });
            checked.map_err(|reason| format!("{target}: {reason}"))?;
        }
        Ok(())
    })
}

/// Checks a random program, in which every instruction has a line.
fn on_program(
    bytes: &[u8],
    check: impl FnOnce(&Arc<Module>) -> Result<(), String>,
) -> Result<(), String> {
    let program = enjamb_gen::program(bytes).map_err(|error| format!("no program: {error}"))?;
    let case = Case {
        tables: true,
        ..Case::of_program(program)
    };
    check(&with_lines(&case.module)?).map_err(|reason| {
        let difference = Difference::misleading(reason);
        let text = case.to_text(&[difference.to_string()]);
        format!("{difference}\n{}\n{text}", difference.detail)
    })
}

/// A module in which every instruction has its line of the text.
fn with_lines(module: &Module) -> Result<Arc<Module>, String> {
    let text = module.to_string();
    let parsed = parse_with_spans(&text).map_err(|error| format!("{error:?}\n{text}"))?;
    let mut module = parsed.module;
    parsed.source_map.annotate(&mut module, "program.enj");
    Ok(Arc::new(module))
}

/// The two allocators stand for two ways of compiling, which differ in all that can be chosen.
fn options(target: Target, allocator: RegisterAllocator) -> CompileOptions {
    let is_other = allocator == RegisterAllocator::SinglePass;
    CompileOptions {
        target: target.triple(),
        code: CodeOptions {
            allocator,
            count: is_other,
            check: true,
            branch_protection: is_other,
            debug_info: true,
            write_barrier: is_other,
            reuse_continuations: !is_other,
            replaceable: is_other,
        },
        verify_passes: true,
    }
}

/// Checks what there is about the code of a module, as of a random program.
///
/// # Errors
/// What is said of the code and is not so, and if the module does not compile.
pub fn check_source(module: &Module) -> Result<(), String> {
    check_module(&with_lines(module)?)
}

/// The same with the lines that the module has. Every pass is verified, and every register allocation checked.
///
/// # Errors
/// As [`check_source`].
pub fn check_module(module: &Arc<Module>) -> Result<(), String> {
    for target in Target::ALL {
        for allocator in [
            RegisterAllocator::Backtracking,
            RegisterAllocator::SinglePass,
        ] {
            let complaint = |reason: String| format!("{target}, {allocator:?}: {reason}");
            let options = options(target, allocator);
            let compiled = compile(Arc::clone(module), &options);
            let compiled = compiled.map_err(|error| complaint(error.to_string()))?;
            check(&compiled).map_err(complaint)?;
        }
    }
    Ok(())
}

/// Checks the tables of a module that was compiled with a table of instructions.
///
/// # Errors
/// What a table says and the code does not do.
pub fn check(compiled: &CompiledModule) -> Result<(), String> {
    lookups(compiled)?;
    records::check(compiled)?;
    references::check(compiled)?;
    functions(compiled, |tables, debug| {
        let reached = tables.walk()?;
        tables.check(&reached)?;
        debug.function(tables, &reached)
    })
}

/// Checks each function, and what debuggers are told of the rest.
fn functions(
    compiled: &CompiledModule,
    check: impl Fn(&Tables<'_>, &Debug<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let debug = Debug::new(compiled)?;
    for range in &compiled.functions {
        let body = compiled.transformed.functions[range.function].body();
        let body = body.ok_or("a function without a body has code")?;
        let checked = check(&Tables::new(compiled, range, body), &debug);
        checked.map_err(|reason| format!("%{}: {reason}", body.name))?;
    }
    Ok(())
}

/// The instruction at an offset in the code.
fn decode(compiled: &CompiledModule, at: u32) -> Option<Step> {
    match compiled.target {
        Target::X86_64 => x64::decode(&compiled.bytes, at),
        Target::Aarch64 => aarch64::decode(&compiled.bytes, at),
    }
}

fn pointers(target: Target) -> Pointers {
    match target {
        Target::X86_64 => x64::POINTERS,
        Target::Aarch64 => aarch64::POINTERS,
    }
}

/// Where calls go that never come back.
fn ends(compiled: &CompiledModule) -> FxHashSet<u32> {
    let symbols = compiled.symbols.iter();
    let ends =
        symbols.filter(|(symbol, _)| matches!(symbol, Symbol::TrapLanding | Symbol::Throw(_)));
    ends.map(|(_, &offset)| offset).collect()
}

/// Every table, asked for every offset, answers as its entries say.
fn lookups(compiled: &CompiledModule) -> Result<(), String> {
    let calls: BTreeMap<u32, _> = compiled
        .calls
        .iter()
        .map(|call| (call.offset, call))
        .collect();
    let traps: BTreeMap<u32, _> = compiled
        .traps
        .iter()
        .map(|trap| (trap.offset, trap))
        .collect();
    let handlers = compiled.handlers.iter();
    let handlers: BTreeMap<u32, u32> = handlers
        .map(|entry| (entry.offset, entry.landing))
        .collect();
    let mut roots: BTreeMap<u32, &[i32]> = BTreeMap::new();
    for entry in &compiled.safepoints {
        let slots = &compiled.root_slots[entry.first as usize..][..entry.count as usize];
        roots.insert(entry.offset, slots);
    }
    let entries = [calls.len(), traps.len(), handlers.len(), roots.len()];
    let lengths = [
        compiled.calls.len(),
        compiled.traps.len(),
        compiled.handlers.len(),
        compiled.safepoints.len(),
    ];
    if entries != lengths {
        return Err("a table has two entries for one offset".to_string());
    }
    let mut functions = compiled.functions.iter().peekable();
    // What lies in front of the code and behind it is nobody's.
    let size = compiled.bytes.len() as u32;
    for offset in (0..=size + 9).chain([u32::MAX - 1, u32::MAX]) {
        while functions.next_if(|range| range.end < offset).is_some() {}
        let function = functions
            .peek()
            .filter(|range| range.start < offset)
            .copied();
        let landing = function.and_then(|range| compiled.landing_at(range, offset));
        let is_right = compiled.call_at(offset) == calls.get(&offset).copied()
            && compiled.trap_at(offset) == traps.get(&offset).copied()
            && compiled.roots_at(offset) == roots.get(&offset).copied().unwrap_or(&[])
            && compiled.function_at(offset) == function
            && landing == handlers.get(&offset).copied();
        if !is_right {
            return Err(format!(
                "a table has another answer at {offset:#x} than its entries"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use enjamb_ir::{Function, parse_module};

    /// References live across a call, a suspension and an allocation, in a function that saves registers.
    const PROGRAM: &str = "type %pair = { number: i64, next: ref }
import %yield = \"enjamb\" \"yield\" () async
function %main(i64) -> i64, ref async {
block0(v0: i64):
    v1 = new %pair
    v2 = new %pair
    call %yield()
    v3 = new %pair
    set_field %pair.next, v3, v1
    set_field %pair.next, v1, v2
    v4 = get_field.i64 %pair.number, v2
    v5 = iadd v4, v0
    return v5, v3
}
";

    /// What a check says of a module in which a mistake was made.
    fn complaint(
        spoil: impl Fn(&mut CompiledModule),
        check: impl Fn(&CompiledModule) -> Result<(), String>,
    ) -> String {
        let module = Arc::new(parse_module(PROGRAM).expect("the program parses"));
        let options = options(Target::X86_64, RegisterAllocator::Backtracking);
        let mut compiled = compile(module, &options).expect("the program compiles");
        check(&compiled).expect("there is no mistake");
        spoil(&mut compiled);
        check(&compiled).expect_err("there is a mistake")
    }

    fn change(compiled: &mut CompiledModule, change: impl Fn(&mut Function)) {
        let module = Arc::make_mut(&mut compiled.transformed);
        let id = module.body_ids()[0];
        module.functions[id].body_mut().map(change).expect("a body");
    }

    #[test]
    fn a_root_slot_that_is_not_listed_is_missed() {
        let spoil = |compiled: &mut CompiledModule| {
            change(compiled, |body| {
                let mut insts = body.insts.keys();
                let inst = insts.find(|&inst| !body.live_roots(inst).is_empty());
                body.set_live_roots(inst.expect("a safepoint"), &[]);
            });
        };
        let complaint = complaint(spoil, references::check);
        assert!(complaint.contains("it lists {}"), "{complaint}");
    }

    #[test]
    fn a_saved_reference_that_is_in_no_map_is_missed() {
        let spoil = |compiled: &mut CompiledModule| {
            change(compiled, |body| {
                body.points
                    .values_mut()
                    .for_each(|point| point.saved.clear());
            });
        };
        let complaint = complaint(spoil, references::check);
        assert!(complaint.contains("is not in the maps"), "{complaint}");
    }

    #[test]
    fn a_frame_pointer_that_is_set_up_in_another_way_is_missed() {
        let spoil = |compiled: &mut CompiledModule| {
            // `mov rbp, rsp` becomes the same with the other encoding, which the rules do not know.
            let at = compiled.functions[0].start as usize + 1;
            assert_eq!(compiled.bytes[at..at + 3], [0x48, 0x8b, 0xec]);
            compiled.bytes[at..at + 3].copy_from_slice(&[0x48, 0x89, 0xe5]);
        };
        let complaint = complaint(spoil, check);
        assert!(complaint.contains("is misled"), "{complaint}");
    }

    #[test]
    fn a_register_that_is_saved_elsewhere_is_missed() {
        let spoil = |compiled: &mut CompiledModule| {
            let saved = compiled.functions[0].saved.last_mut();
            saved.expect("a saved register").1 -= 8;
        };
        let complaint = complaint(spoil, |compiled| {
            functions(compiled, |tables, debug| {
                debug.function(tables, &tables.walk()?)
            })
        });
        assert!(complaint.contains("is misled"), "{complaint}");
    }

    /// An address that a callee was given is in no register behind the call, though its registers may be stored to there.
    #[test]
    fn an_address_does_not_outlive_the_call_that_got_it() {
        let text = "module trusted\nimport %yield = \"enjamb\" \"yield\" () async\n\
             function %put(addr, i64) {\nblock0(v0: addr, v1: i64):\n    store addr[v0], v1\n    return\n}\n\
             function %main(i64) -> i64 async {\n    ss0 = slot 8 align 8\nblock0(v0: i64):\n    \
             v1 = stack_addr ss0[0]\n    call %put(v1, v0)\n    call %yield()\n    v2 = load.i64 ss0[0]\n    \
             return v2\n}\n";
        let module = parse_module(text).expect("the program parses");
        check_module(&Arc::new(module)).expect("the tables are right");
    }

    /// Registers are saved farther below the frame pointer than an instruction of AArch64 reaches.
    #[test]
    fn a_large_frame_keeps_registers_too() {
        let text = "import %log = \"host\" \"log\" (i64)\n\
             function %main(i64) -> i64 {\n    ss0 = slot 400000 align 16\nblock0(v0: i64):\n    \
             store ss0[0], v0\n    call %log(v0)\n    v1 = load.i64 ss0[0]\n    v2 = iadd v1, v0\n    \
             return v2\n}\n";
        let module = parse_module(text).expect("the program parses");
        check_module(&Arc::new(module)).expect("the tables are right");
    }
}
