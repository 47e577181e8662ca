//! A compiled module whose code is in code memory, ready for instances.

use crate::cancel::separator_size;
use crate::code_memory::CodeMemory;
use crate::debug::{Announcement, LoadOptions};
use crate::error::{Error, Trap};
use crate::failure::Frame;
use crate::objects::ReferenceMaps;
use crate::processor;
use crate::source::MemorySource;
use enjamb_abi::code::Symbol;
use enjamb_abi::continuation::record;
use enjamb_abi::target::Target;
use enjamb_codegen::CompiledModule;
use enjamb_ir::hash::KeyedIndexMap;
use enjamb_ir::types::word_count;
use enjamb_ir::{Entity, FuncId, FunctionDecl, Inst, Location, Module, Opcode, Payload, Signature};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What calling a function takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FunctionEntry {
    /// Address of its code, or of its import stub.
    pub(crate) code: u64,
    /// Address of the entry trampoline of its signature.
    pub(crate) trampoline: u64,
    /// Number of its signature.
    pub(crate) signature: u32,
    /// Words of its parameters.
    pub(crate) param_words: usize,
    /// Words of its results.
    pub(crate) result_words: usize,
}

/// A compiled module with its code in memory. Instances share it.
#[derive(Debug)]
pub struct LoadedModule {
    /// Dropped before the code.
    _announcement: Announcement,
    compiled: Arc<CompiledModule>,
    code: CodeMemory,
    /// Where instances have their memory from.
    pub(crate) memory: MemorySource,
    pub(crate) functions: Vec<FunctionEntry>,
    /// Numbers of the signatures that bodies name, in order of their cells in the context block.
    pub(crate) signature_cells: Vec<u32>,
    maps: ReferenceMaps,
    /// No other one has it.
    pub(crate) number: u64,
    pub(crate) dispatcher: u64,
    pub(crate) root_record: u64,
    /// The size of its separators; see [`crate::cancel`].
    pub(crate) separator_size: u32,
}

static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// Numbers signatures; equal ones get the same number.
#[derive(Default)]
struct SignatureNumbers(KeyedIndexMap<Signature, ()>);

impl SignatureNumbers {
    fn number(&mut self, signature: &Signature) -> u32 {
        let index = self.0.get_index_of(signature);
        index.unwrap_or_else(|| self.0.insert_full(signature.clone(), ()).0) as u32
    }
}

fn check_target(target: Target) -> Result<(), Error> {
    let host =
        Target::host().map_err(|error| Error::Load(format!("this machine is an {error}")))?;
    if target == host {
        return Ok(());
    }
    let message = format!("the code is for {target}, and this machine is {host}");
    Err(Error::Load(message))
}

fn check_features(features: &[(&str, bool)]) -> Result<(), Error> {
    let missing = features.iter().find(|(_, present)| !present);
    missing.map_or(Ok(()), |(name, _)| {
        Err(Error::Load(format!("the processor lacks {name}")))
    })
}

impl LoadedModule {
    /// Publishes the code of a module.
    ///
    /// # Errors
    /// If the code is for another machine than this one, the processor lacks what the code may use,
    /// the system has no memory, or the module lacks a stub that it has to have.
    pub fn new(compiled: Arc<CompiledModule>) -> Result<Arc<LoadedModule>, Error> {
        LoadedModule::with_options(compiled, &LoadOptions::default())
    }

    /// Publishes the code of a module and tells debuggers and profilers about it.
    ///
    /// # Errors
    /// As [`LoadedModule::new`], and if they cannot be told.
    pub fn with_options(
        compiled: Arc<CompiledModule>,
        options: &LoadOptions,
    ) -> Result<Arc<LoadedModule>, Error> {
        check_target(compiled.target)?;
        check_features(&processor::features())?;
        let landing_pads = compiled.options.branch_protection;
        let (bytes, absolute) = (&compiled.bytes, &compiled.absolute);
        let pages = &options.memory.pages;
        let code = CodeMemory::publish_to(pages, bytes, absolute, landing_pads)?;
        let address = |symbol: &Symbol| {
            let offset = compiled.offset(symbol);
            offset
                .map(|offset| code.address(offset))
                .ok_or_else(|| Error::Load(format!("the code lacks {symbol:?}")))
        };
        let mut numbers = SignatureNumbers::default();
        let functions = compiled.source.functions.iter().map(|(id, decl)| {
            let signature = decl.signature();
            Ok(FunctionEntry {
                code: address(&Symbol::Function(id))?,
                trampoline: address(&Symbol::Entry(signature.clone()))?,
                signature: numbers.number(signature),
                param_words: word_count(&signature.params),
                result_words: word_count(&signature.results),
            })
        });
        let functions = functions.collect::<Result<_, Error>>()?;
        let cells = compiled.layout.signatures();
        let signature_cells = cells.map(|signature| numbers.number(signature)).collect();
        Ok(Arc::new(LoadedModule {
            _announcement: Announcement::new(&compiled, &code, options)?,
            maps: ReferenceMaps::new(&compiled),
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            dispatcher: address(&Symbol::Dispatcher)?,
            root_record: address(&Symbol::RootRecord)?,
            separator_size: separator_size(&compiled.source),
            memory: options.memory.clone(),
            functions,
            signature_cells,
            code,
            compiled,
        }))
    }

    /// What was compiled.
    pub fn compiled(&self) -> &Arc<CompiledModule> {
        &self.compiled
    }

    /// The module as it was given to the compiler.
    pub fn module(&self) -> &Module {
        &self.compiled.source
    }

    /// The published code.
    pub fn code(&self) -> &CodeMemory {
        &self.code
    }

    /// Where references are.
    pub(crate) fn maps(&self) -> &ReferenceMaps {
        &self.maps
    }

    pub(crate) fn signature(&self, function: FuncId) -> &Signature {
        self.module().functions[function].signature()
    }

    /// The offset in the code of a return address. A call that never returns may stand at its very end.
    fn return_offset(&self, address: u64) -> Option<u32> {
        Some(self.code.offset(address - 1)? + 1)
    }

    /// The numbers of the function and of the state that the record at an address is about.
    pub(crate) fn point(&self, address: u64) -> Option<(u32, u32)> {
        let start = self.code.offset(address)? as usize;
        let number = |at: u32| {
            let bytes = self.compiled.bytes.get(start + at as usize..)?;
            Some(u32::from_le_bytes(*bytes.first_chunk()?))
        };
        Some((number(record::FUNCTION)?, number(record::STATE)?))
    }

    /// The function that a frame belongs to and the instruction it is at, in the module before all
    /// passes: the program is shown as it was written.
    fn place(&self, frame: Frame) -> Option<(FuncId, Option<Inst>)> {
        let (function, inst) = match frame {
            Frame::Code(address) => {
                let offset = self.return_offset(address)?;
                match self.compiled.trap_at(offset) {
                    Some(entry) => (entry.function?, entry.site.inst),
                    None => {
                        let call = self.compiled.call_at(offset)?;
                        (call.function, Some(call.inst))
                    }
                }
            }
            Frame::Point(record) => {
                let (function, state) = self.point(record)?;
                let insts = self.instructions_of_points(function);
                let inst = insts.get(state as usize).copied().flatten();
                return Some((FuncId::from_index(function as usize), inst));
            }
        };
        let lowered = self.compiled.transformed.functions.get(function)?.body();
        let inst = inst.zip(lowered);
        Some((
            function,
            inst.map(|(inst, lowered)| lowered.source_inst(inst)),
        ))
    }

    /// The place of a frame, with names.
    pub(crate) fn location(&self, frame: Frame) -> Location {
        let place = self.place(frame);
        place.map_or_else(Location::default, |(function, inst)| {
            Location::new(self.module(), function, inst)
        })
    }

    /// The call of each suspension point of a function, in the module before all passes.
    pub(crate) fn instructions_of_points(&self, function: u32) -> Vec<Option<Inst>> {
        let functions = &self.compiled.transformed.functions;
        let decl = functions.get(FuncId::from_index(function as usize));
        let Some(body) = decl.and_then(FunctionDecl::body) else {
            return Vec::new();
        };
        let mut insts = vec![None; body.points.len()];
        for &block in &body.order {
            for &inst in &body.blocks[block].insts {
                if let (Opcode::SetPoint, Payload::Point(point)) =
                    (body.insts[inst].opcode, body.insts[inst].payload)
                {
                    insts[point.index()] = Some(body.source_inst(inst));
                }
            }
        }
        for (point, decl) in body.points.iter() {
            if let Some(exceptional) = decl.unwind {
                insts[exceptional.index()] = insts[point.index()];
            }
        }
        insts
    }

    /// Says in a trap where it happened.
    pub(crate) fn locate(&self, trap: &mut Trap, frame: Frame) {
        if let Frame::Code(address) = frame {
            trap.native_offset = self.return_offset(address);
        }
        let Some((function, inst)) = self.place(frame) else {
            return;
        };
        let location = Location::new(self.module(), function, inst);
        trap.function = Some(function);
        trap.function_name = Some(location.function);
        trap.inst = inst;
        trap.instruction = Some(location.instruction).filter(|text| !text.is_empty());
        let body = self.module().functions[function].body();
        trap.position = inst.zip(body).and_then(|(inst, body)| body.positions[inst]);
        trap.place = location.position;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_that_lacks_a_feature_is_refused() {
        assert_eq!(check_features(&processor::features()), Ok(()));
        let error = check_features(&[("POPCNT", true), ("SSE4.1", false)]).unwrap_err();
        assert_eq!(error.to_string(), "cannot load: the processor lacks SSE4.1");
    }
}
