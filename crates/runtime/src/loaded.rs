//! A compiled module whose code is in code memory, ready for instances.

use crate::code_memory::CodeMemory;
use crate::error::{Error, Trap};
use enjamb_abi::code::Symbol;
use enjamb_codegen::CompiledModule;
use enjamb_ir::hash::FxIndexMap;
use enjamb_ir::print::display_inst;
use enjamb_ir::{Entity, FuncId, Inst, Module, PointId, Signature, SourcePos, Type};
use std::sync::Arc;

/// What calling a function takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FunctionEntry {
    /// Address of its code, or of its import stub.
    pub(crate) code: u64,
    /// Address of the entry trampoline of its signature.
    pub(crate) trampoline: u64,
    /// Number of its signature.
    pub(crate) signature: u32,
}

/// A compiled module with its code in memory. Instances share it.
#[derive(Debug)]
pub struct LoadedModule {
    compiled: Arc<CompiledModule>,
    code: CodeMemory,
    pub(crate) functions: Vec<FunctionEntry>,
    /// Numbers of the signatures that bodies name, in order of their cells in the context block.
    pub(crate) signature_cells: Vec<u32>,
    /// Results of the same signatures: what a join declares.
    pub(crate) join_results: Vec<Vec<Type>>,
    pub(crate) dispatcher: u64,
    pub(crate) root_record: u64,
}

/// Numbers signatures; equal ones get the same number.
#[derive(Default)]
struct SignatureNumbers(FxIndexMap<Signature, ()>);

impl SignatureNumbers {
    fn number(&mut self, signature: &Signature) -> u32 {
        let index = self.0.get_index_of(signature);
        index.unwrap_or_else(|| self.0.insert_full(signature.clone(), ()).0) as u32
    }
}

/// What compiled code takes for granted beyond the base of the instruction set, and whether the
/// processor has it: `popcnt` and the rounding of floats.
#[cfg(target_arch = "x86_64")]
fn processor_features() -> [(&'static str, bool); 2] {
    [
        ("POPCNT", std::arch::is_x86_feature_detected!("popcnt")),
        ("SSE4.1", std::arch::is_x86_feature_detected!("sse4.1")),
    ]
}

/// The same where the base has all that is used.
#[cfg(not(target_arch = "x86_64"))]
fn processor_features() -> [(&'static str, bool); 0] {
    []
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
    /// If this is not Linux on x86-64, the processor lacks what the code may use, the system has no memory, or the module lacks
    /// a stub that it has to have.
    pub fn new(compiled: Arc<CompiledModule>) -> Result<Arc<LoadedModule>, Error> {
        if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
            return Err(Error::Load("unsupported host".to_string()));
        }
        check_features(&processor_features())?;
        let code = CodeMemory::publish(&compiled.bytes, &compiled.absolute)?;
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
            })
        });
        let functions = functions.collect::<Result<_, Error>>()?;
        let cells = compiled.layout.signatures();
        let signature_cells = cells.map(|signature| numbers.number(signature)).collect();
        let cells = compiled.layout.signatures();
        let join_results = cells.map(|signature| signature.results.clone()).collect();
        Ok(Arc::new(LoadedModule {
            join_results,
            dispatcher: address(&Symbol::Dispatcher)?,
            root_record: address(&Symbol::RootRecord)?,
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

    pub(crate) fn signature(&self, function: FuncId) -> &Signature {
        self.module().functions[function].signature()
    }

    /// Says in a trap where it happened: at the call or trap site with this return address.
    pub(crate) fn locate(&self, trap: &mut Trap, return_address: u64) {
        let Some(offset) = self.code.offset(return_address) else {
            return;
        };
        trap.native_offset = Some(offset);
        if let Some(entry) = self.compiled.trap_at(offset) {
            if let Some(function) = entry.function {
                self.locate_instruction(trap, function, entry.site.inst, entry.site.position);
            }
        } else if let Some(call) = self.compiled.call_at(offset) {
            self.locate_instruction(trap, call.function, Some(call.inst), None);
        }
    }

    fn locate_instruction(
        &self,
        trap: &mut Trap,
        function: FuncId,
        inst: Option<Inst>,
        position: Option<SourcePos>,
    ) {
        // The program is shown as it was written, not as the passes left it.
        let (source, transformed) = (&*self.compiled.source, &*self.compiled.transformed);
        trap.function = Some(function);
        trap.function_name = Some(source.functions[function].name.clone());
        trap.position = position;
        let bodies = source.functions[function]
            .body()
            .zip(transformed.functions[function].body());
        if let (Some(inst), Some((body, lowered))) = (inst, bodies) {
            let inst = lowered.source_inst(inst);
            trap.inst = Some(inst);
            let mut instruction = display_inst(Some(source), body, inst).to_string();
            // The text ends with the position, which the trap names in full.
            if let (Some(_), Some((bare, _))) =
                (body.positions[inst], instruction.rsplit_once(" @ "))
            {
                instruction.truncate(bare.len());
            }
            trap.instruction = Some(instruction);
            trap.position = position.or(body.positions[inst]);
        }
        self.name_position(trap);
    }

    /// Says in a trap that it happened where an activation is suspended.
    pub(crate) fn locate_point(&self, trap: &mut Trap, function: u32, state: u32) {
        let module = &*self.compiled.transformed;
        let id = FuncId::from_index(function as usize);
        let Some(decl) = module.functions.get(id) else {
            return;
        };
        trap.function = Some(id);
        trap.function_name = Some(decl.name.clone());
        let point = PointId::from_index(state as usize);
        let position = decl
            .body()
            .and_then(|body| body.points.get(point)?.position);
        trap.position = position;
        self.name_position(trap);
    }

    fn name_position(&self, trap: &mut Trap) {
        let Some(position) = trap.position else {
            return;
        };
        let file = self.module().files.get(position.file).cloned();
        let file = file.unwrap_or_else(|| position.file.to_string());
        trap.place = Some(format!("{file}:{}:{}", position.line, position.column));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_that_lacks_a_feature_is_refused() {
        assert_eq!(check_features(&processor_features()), Ok(()));
        let error = check_features(&[("POPCNT", true), ("SSE4.1", false)]).unwrap_err();
        assert_eq!(error.to_string(), "cannot load: the processor lacks SSE4.1");
    }
}
