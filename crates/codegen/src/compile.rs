//! The driver: from a module to code.
//!
//! ```text
//! module ─ verify ─▶ sound IR ─ passes ─▶ no async function of stage source is left
//!        ─ lower, allocate registers, emit ─▶ code per function, references by symbol
//!        ─ link ─▶ one piece of code, only addresses in records left open
//! ```

use crate::compiled::{CompileStats, CompiledModule};
use crate::error::CompileError;
use crate::link::{self, Linked};
use crate::runner::{Selection, run_passes};
use crate::target::{Backend, backend};
use bumpalo::Bump;
use enjamb_abi::code::CodeOptions;
use enjamb_abi::context::InstanceLayout;
use enjamb_abi::target::Target;
use enjamb_ir::{FuncId, Module, Stage, verify_module};
use enjamb_lower::{LoweredFunction, allocator_options};
use enjamb_regalloc::Allocator;
use std::sync::Arc;
use std::time::Instant;
use target_lexicon::Triple;

/// How a module is compiled.
#[derive(Clone, Debug)]
pub struct CompileOptions {
    /// The machine that code is made for.
    pub target: Triple,
    /// What is emitted.
    pub code: CodeOptions,
    /// Whether every function is verified after every pass.
    pub verify_passes: bool,
}

impl Default for CompileOptions {
    fn default() -> Self {
        CompileOptions {
            target: Triple::host(),
            code: CodeOptions::default(),
            verify_passes: cfg!(debug_assertions),
        }
    }
}

/// Compiles a module.
///
/// # Errors
/// If the module breaks a rule of the IR or, not being trusted, has a lowered function or one with root
/// slots; if code cannot be made for the target; or if a function or the whole exceeds a limit of the
/// encoding.
pub fn compile(
    module: Arc<Module>,
    options: &CompileOptions,
) -> Result<CompiledModule, CompileError> {
    let layout = |module: &Module| match options.code.replaceable {
        true => InstanceLayout::replaceable(module),
        false => InstanceLayout::new(module),
    };
    compile_with(module, options, layout)
}

/// Compiles a module for instances of another one that has the same declarations, whose functions may be
/// replaced by those of this one; `layout` is that of such an instance.
///
/// # Errors
/// As [`compile`].
pub fn compile_replacement(
    module: Arc<Module>,
    options: &CompileOptions,
    layout: &InstanceLayout,
) -> Result<CompiledModule, CompileError> {
    compile_with(module, options, |module| layout.extended(module))
}

fn compile_with(
    module: Arc<Module>,
    options: &CompileOptions,
    layout: impl FnOnce(&Module) -> InstanceLayout,
) -> Result<CompiledModule, CompileError> {
    let target = Target::from_triple(&options.target)?;
    verify_module(&module)?;
    check_trust(&module)?;
    let started = Instant::now();
    let mut transformed = (*module).clone();
    run_passes(
        &mut transformed,
        &Selection::default(),
        options.verify_passes,
    )?;
    let transform_ns = nanoseconds(started);

    let started = Instant::now();
    let layout = layout(&transformed);
    let mut lowering = Lowering::new(&transformed, &layout, target, options.code);
    let mut functions = Vec::new();
    for function in transformed.body_ids() {
        functions.push((function, lowering.run(function, false)?.code));
    }
    let lower_ns = nanoseconds(started);

    let started = Instant::now();
    let linked = link::run(&transformed, &layout, target, &options.code, functions)?;
    let instructions = module
        .bodies()
        .map(|(_, body)| body.instruction_count() as u64)
        .sum();
    let link_ns = nanoseconds(started);
    let stats = CompileStats {
        transform_ns,
        lower_ns,
        link_ns,
        instructions,
    };
    Ok(assemble(
        (target, options.code),
        module,
        transformed,
        layout,
        linked,
        stats,
    ))
}

/// Only the passes, or somebody who is trusted, make lowered functions and root slots. [`compile`] asks for
/// this; who runs modules in another way should as well.
///
/// # Errors
/// [`CompileError::Untrusted`] if a module that is not trusted has such a function.
pub fn check_trust(module: &Module) -> Result<(), CompileError> {
    let passed = module
        .bodies()
        .find(|(_, body)| body.stage == Stage::Lowered || !body.roots.is_empty());
    match passed {
        Some((_, body)) if !module.trusted => {
            let function = body.name.clone();
            Err(CompileError::Untrusted { function })
        }
        _ => Ok(()),
    }
}

fn assemble(
    (target, options): (Target, CodeOptions),
    source: Arc<Module>,
    transformed: Module,
    layout: InstanceLayout,
    linked: Linked,
    stats: CompileStats,
) -> CompiledModule {
    let Linked {
        bytes,
        absolute,
        symbols,
        functions,
        traps,
        calls,
        instructions,
        handlers,
        safepoints,
        root_slots,
    } = linked;
    let transformed = Arc::new(transformed);
    CompiledModule {
        target,
        options,
        source,
        transformed,
        layout,
        bytes,
        absolute,
        symbols,
        functions,
        traps,
        calls,
        instructions,
        handlers,
        safepoints,
        root_slots,
        stats,
    }
}

fn nanoseconds(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Lowers functions of one transformed module, with one allocator and one arena for all of them.
pub struct Lowering<'a> {
    module: &'a Module,
    layout: &'a InstanceLayout,
    backend: Backend,
    options: CodeOptions,
    allocator: Allocator,
    arena: Bump,
}

impl<'a> Lowering<'a> {
    /// A lowering for functions of `module`, which has been through all passes.
    pub fn new(
        module: &'a Module,
        layout: &'a InstanceLayout,
        target: Target,
        options: CodeOptions,
    ) -> Self {
        let allocator = Allocator::new(allocator_options(&options));
        Lowering {
            module,
            layout,
            backend: backend(target),
            options,
            allocator,
            arena: Bump::new(),
        }
    }

    /// Lowers one function that the module defines. `text` asks for the listings too.
    ///
    /// # Errors
    /// If the function exceeds a limit of the encoding.
    pub fn run(&mut self, function: FuncId, text: bool) -> Result<LoweredFunction, CompileError> {
        self.arena.reset();
        let Lowering {
            module,
            layout,
            backend,
            options,
            allocator,
            arena,
        } = self;
        Ok((backend.lower_function)(
            module, layout, function, options, allocator, arena, text,
        )?)
    }
}
