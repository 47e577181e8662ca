//! Whether the tables of compiled code say what the code does.
//!
//! An unwinder believes the tables: that a return address is that of a call, where the values are that the caller had in
//! callee-saved registers, where an exception lands, which words of a frame are references. Here the code is
//! decoded by an independent disassembler, all ways through each function are followed, and at every call the
//! registers and the frame are what the tables promise.

mod aarch64;
mod function;
mod records;
mod step;
mod walk;
mod x64;

use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_abi::target::Target;
use enjamb_codegen::{CompileOptions, CompiledModule, compile};
use enjamb_ir::Module;
use function::Tables;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Compiles a random program for each target with each allocator, and checks the tables.
///
/// # Errors
/// What a table says and the code does not do.
pub fn check_program(bytes: &[u8]) -> Result<(), String> {
    let program = enjamb_gen::program(bytes).map_err(|error| format!("no program: {error}"))?;
    check_module(&Arc::new(program.module))
}

/// The same with a module; every pass is verified, and every register allocation checked.
///
/// # Errors
/// As [`check_program`], and if the module does not compile.
pub fn check_module(module: &Arc<Module>) -> Result<(), String> {
    for target in Target::ALL {
        for allocator in [
            RegisterAllocator::Backtracking,
            RegisterAllocator::SinglePass,
        ] {
            let complaint = |reason: String| format!("{target}, {allocator:?}: {reason}");
            // The two ways differ in all that can be chosen.
            let is_other = allocator == RegisterAllocator::SinglePass;
            let options = CompileOptions {
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
            };
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
    for range in &compiled.functions {
        let body = compiled.transformed.functions[range.function].body();
        let body = body.ok_or("a function without a body has code")?;
        let checked = Tables::new(compiled, range, body).check();
        checked.map_err(|reason| format!("%{}: {reason}", body.name))?;
    }
    Ok(())
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
    for offset in 1..=compiled.bytes.len() as u32 {
        functions.next_if(|range| range.end < offset);
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
    use enjamb_ir::parse_module;

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
