//! A module that was verified and made ready to run.

use crate::config::Execution;
use crate::engine::Engine;
use crate::error::Error;
use crate::fuel;
use crate::machine_code::Code;
use enjamb_codegen::check_trust;
use enjamb_ir::parse::{SourceMap, read_module};
use enjamb_ir::{Diagnostic, FuncId, ParsedModule, Signature, VerifyError, verify_module};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// A module, verified and, unless the engine interprets, compiled. Copies are cheap.
#[derive(Clone)]
pub struct Module {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    ir: Arc<enjamb_ir::Module>,
    code: Option<Code>,
    compile_ns: u64,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Module of {} functions", self.inner.ir.function_count())
    }
}

impl Module {
    /// Reads, verifies and compiles a module in the text format.
    ///
    /// # Errors
    /// [`Error::Parse`] and [`Error::Verify`] as from [`check_text`]; otherwise as [`Module::from_ir`].
    pub fn from_text(engine: &Engine, text: &str) -> Result<Module, Error> {
        let started = Instant::now();
        let module = check_text(text)?;
        Module::ready(engine, module, started)
    }

    /// As [`Module::from_text`], for a text from a file: where the text names no source position,
    /// errors of the running program say at which line and column of this file they happened.
    ///
    /// # Errors
    /// As [`Module::from_text`].
    pub fn from_named_text(engine: &Engine, file_name: &str, text: &str) -> Result<Module, Error> {
        let started = Instant::now();
        let (mut module, source_map) = read_text(text)?;
        source_map.annotate(&mut module, file_name);
        Module::ready(engine, module, started)
    }

    /// Verifies and compiles a module that was built.
    ///
    /// # Errors
    /// [`Error::Verify`] if it breaks a rule; [`Error::Compile`] if it is beyond what the compiler
    /// can do, as a frame of 2 GiB is, or has lowered functions or root slots without being trusted, in
    /// either engine; [`Error::Load`] if there is no memory for its code.
    pub fn from_ir(engine: &Engine, module: enjamb_ir::Module) -> Result<Module, Error> {
        let started = Instant::now();
        verify_module(&module).map_err(|errors| {
            let diagnostics = errors
                .iter()
                .map(|error| Diagnostic::general(error.to_string()));
            Error::Verify(diagnostics.collect())
        })?;
        Module::ready(engine, module, started)
    }

    fn ready(
        engine: &Engine,
        mut module: enjamb_ir::Module,
        started: Instant,
    ) -> Result<Module, Error> {
        // Nor are such functions metered.
        check_trust(&module).map_err(|error| Error::Compile(error.to_string()))?;
        fuel::prepare(&mut module, engine.config().fuel)?;
        let ir = Arc::new(module);
        let code = match engine.config().execution {
            Execution::Jit => Some(Code::compile(&ir, engine.config())?),
            Execution::Interpreter => None,
        };
        let compile_ns = started.elapsed().as_nanos() as u64;
        let engine = engine.clone();
        let inner = Inner {
            engine,
            ir,
            code,
            compile_ns,
        };
        Ok(Module {
            inner: Arc::new(inner),
        })
    }

    /// The engine that it was made for.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// The IR, as it was read or built; with checks if it runs on fuel.
    pub fn ir(&self) -> &enjamb_ir::Module {
        &self.inner.ir
    }

    /// The signature of a function: of the one that is exported by this name or, failing that,
    /// has it.
    pub fn signature(&self, function: &str) -> Option<&Signature> {
        let id = self.inner.ir.exported_function(function)?;
        Some(self.inner.ir.functions[id].signature())
    }

    /// Bytes of machine code; 0 if the engine interprets.
    pub fn code_bytes(&self) -> u64 {
        self.inner.code.as_ref().map_or(0, Code::size)
    }

    /// How long it took to read, verify and compile, in nanoseconds.
    pub fn compile_ns(&self) -> u64 {
        self.inner.compile_ns
    }

    pub(crate) fn shared_ir(&self) -> &Arc<enjamb_ir::Module> {
        &self.inner.ir
    }

    pub(crate) fn code(&self) -> Option<&Code> {
        self.inner.code.as_ref()
    }

    pub(crate) fn function(&self, name: &str) -> Result<FuncId, Error> {
        let missing = || Error::NoExport {
            kind: "function",
            name: name.to_string(),
        };
        self.inner.ir.exported_function(name).ok_or_else(missing)
    }
}

/// Reads and verifies a module in the text format.
///
/// # Errors
/// [`Error::Parse`] if the text is no module, else [`Error::Verify`], with everything that is wrong
/// and its place in the text. To the former belong the broken rules of all functions that could be
/// read.
pub fn check_text(text: &str) -> Result<enjamb_ir::Module, Error> {
    Ok(read_text(text)?.0)
}

fn read_text(text: &str) -> Result<(enjamb_ir::Module, SourceMap), Error> {
    let reading = read_module(text);
    let errors = verify_module(&reading.parsed.module).err();
    let concerned = errors.iter().flatten().filter(|e| reading.concerns(e));
    let broken: Vec<Diagnostic> = concerned
        .map(|error| located(&reading.parsed, error))
        .collect();
    if !reading.diagnostics.is_empty() {
        let mut diagnostics = reading.diagnostics;
        diagnostics.extend(broken);
        diagnostics.sort_by_key(|diagnostic| diagnostic.span.map_or(u32::MAX, |span| span.start));
        return Err(Error::Parse(diagnostics));
    }
    if !broken.is_empty() {
        return Err(Error::Verify(broken));
    }
    Ok((reading.parsed.module, reading.parsed.source_map))
}

/// An error of the verifier with its place in the text. What has no place of its own is shown at
/// the name of its function.
fn located(parsed: &ParsedModule, error: &VerifyError) -> Diagnostic {
    let function = error.function.as_deref();
    let of_function = || parsed.source_map.name(function?);
    let message = format!("{}: {}", error.rule, error.message);
    let diagnostic = match parsed.locate(error).or_else(of_function) {
        Some(span) => Diagnostic::at(span, message),
        None => Diagnostic::general(message),
    };
    match function {
        Some(function) => {
            diagnostic.note(format!("in function `%{function}`, `{}`", error.context))
        }
        None => diagnostic.note(format!("in `{}`", error.context)),
    }
}
