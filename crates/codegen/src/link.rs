//! Puts functions, stubs and point records together into one piece of code.
//!
//! ```text
//! functions, in the order of the module │ stubs, as they are first referred to │ point records
//! ```
//!
//! Which stubs there are follows from the references, so a module pays only for what it uses.
//! Relative places are filled in here; addresses, which only records hold, are left to the loader. It
//! puts the code at a page boundary, so offsets in it are good for places that count in pages.

use crate::compiled::{
    AbsoluteAddress, FunctionRange, ModuleCall, ModuleHandler, ModuleInst, ModuleSafepoint,
    ModuleTrap,
};
use crate::error::CompileError;
use crate::target::{Backend, backend};
use enjamb_abi::code::{Code, CodeOptions, Relocation, RelocationKind, Safepoint, Symbol};
use enjamb_abi::context::{InstanceLayout, free_list_offset};
use enjamb_abi::continuation::{POINT_RECORD_SIZE, record};
use enjamb_abi::convention::{Convention, ResumeShape};
use enjamb_abi::target::Target;
use enjamb_ir::hash::KeyedIndexMap;
use enjamb_ir::{Entity, FuncId, Module, PointId};

/// What linking makes.
#[derive(Default)]
pub(crate) struct Linked {
    pub(crate) bytes: Vec<u8>,
    pub(crate) absolute: Vec<AbsoluteAddress>,
    pub(crate) symbols: KeyedIndexMap<Symbol, u32>,
    pub(crate) functions: Vec<FunctionRange>,
    pub(crate) traps: Vec<ModuleTrap>,
    pub(crate) calls: Vec<ModuleCall>,
    pub(crate) instructions: Vec<ModuleInst>,
    pub(crate) handlers: Vec<ModuleHandler>,
    pub(crate) safepoints: Vec<ModuleSafepoint>,
    pub(crate) root_slots: Vec<i32>,
}

/// Links the code of all functions that the module defines, given in their order.
pub(crate) fn run(
    module: &Module,
    layout: &InstanceLayout,
    target: Target,
    options: &CodeOptions,
    functions: Vec<(FuncId, Code)>,
) -> Result<Linked, CompileError> {
    let mut linker = Linker {
        backend: backend(target),
        convention: target.convention(),
        linked: Linked::default(),
        wanted: Vec::new(),
        places: Vec::new(),
    };
    for (function, code) in functions {
        linker.add_function(function, code)?;
    }
    linker.want_roots(module);
    linker.add_wanted(module, layout, options)?;
    linker.fill_in()
}

struct Linker {
    backend: Backend,
    convention: &'static Convention,
    linked: Linked,
    /// Symbols that are referred to; those without a place yet are still to be made.
    wanted: Vec<Symbol>,
    /// Relocations with their offset in the whole code.
    places: Vec<Relocation>,
}

impl Linker {
    fn add_function(&mut self, function: FuncId, code: Code) -> Result<(), CompileError> {
        let start = self.begin(&code)?;
        let traps = code.traps.iter().map(|&site| ModuleTrap {
            offset: start + site.offset,
            function: Some(function),
            site,
        });
        self.linked.traps.extend(traps);
        let calls = code.calls.iter().map(|&(offset, inst)| ModuleCall {
            offset: start + offset,
            function,
            inst,
        });
        self.linked.calls.extend(calls);
        self.add_safepoints(start, &code.safepoints);
        let instructions = code.instructions.iter();
        let instructions = instructions.map(|&(offset, inst)| ModuleInst {
            offset: start + offset,
            inst,
        });
        self.linked.instructions.extend(instructions);
        let handlers = code.handlers.iter();
        let handlers = handlers.map(|&(offset, landing)| ModuleHandler {
            offset: start + offset,
            landing: start + landing,
        });
        let first_handler = self.linked.handlers.len() as u32;
        self.linked.handlers.extend(handlers);
        self.linked.functions.push(FunctionRange {
            function,
            start,
            end: start + code.bytes.len() as u32,
            frame_bytes: code.frame_bytes,
            saved: saved_registers(self.convention, &code),
            handlers: first_handler..self.linked.handlers.len() as u32,
        });
        self.linked
            .symbols
            .insert(Symbol::Function(function), start);
        self.append(start, code);
        Ok(())
    }

    fn add_safepoints(&mut self, start: u32, safepoints: &[Safepoint]) {
        for safepoint in safepoints {
            self.linked.safepoints.push(ModuleSafepoint {
                offset: start + safepoint.offset,
                first: self.linked.root_slots.len() as u32,
                count: safepoint.slots.len() as u32,
            });
            self.linked.root_slots.extend_from_slice(&safepoint.slots);
        }
    }

    /// What the host reaches without a reference from code: every function and its entry, and what
    /// resumes chains.
    fn want_roots(&mut self, module: &Module) {
        for (function, decl) in module.functions.iter() {
            self.wanted.push(Symbol::Function(function));
            self.wanted.push(Symbol::Entry(decl.signature().clone()));
        }
        self.wanted
            .extend([Symbol::Dispatcher, Symbol::RootRecord, Symbol::TrapLanding]);
    }

    /// Makes every stub and record that is referred to, those that these refer to included.
    fn add_wanted(
        &mut self,
        module: &Module,
        layout: &InstanceLayout,
        options: &CodeOptions,
    ) -> Result<(), CompileError> {
        let mut next = 0;
        while next < self.wanted.len() {
            let symbol = self.wanted[next].clone();
            next += 1;
            if self.linked.symbols.contains_key(&symbol) {
                continue;
            }
            let code = match symbol {
                Symbol::Point(function, point) => {
                    point_record(self.convention, module, function, point)
                }
                _ => (self.backend.emit_stub)(&symbol, module, layout, options)?,
            };
            let start = self.begin(&code)?;
            let traps = code.traps.iter().map(|&site| ModuleTrap {
                offset: start + site.offset,
                function: None,
                site,
            });
            self.linked.traps.extend(traps);
            self.linked.symbols.insert(symbol, start);
            self.append(start, code);
        }
        Ok(())
    }

    /// Pads up to the alignment of a piece of code and returns where it starts.
    fn begin(&mut self, code: &Code) -> Result<u32, CompileError> {
        let bytes = &mut self.linked.bytes;
        let start = bytes.len().next_multiple_of(code.align.max(1) as usize);
        let end = start + code.bytes.len();
        let limit = self.backend.largest;
        if end > limit {
            return Err(CompileError::TooLarge { limit });
        }
        let padding = (bytes.len()..start).map(|at| self.backend.padding[at % 4]);
        bytes.extend(padding);
        Ok(start as u32)
    }

    fn append(&mut self, start: u32, code: Code) {
        self.linked.bytes.extend_from_slice(&code.bytes);
        for relocation in code.relocations {
            self.wanted.push(relocation.symbol.clone());
            self.places.push(Relocation {
                offset: start + relocation.offset,
                ..relocation
            });
        }
    }

    fn fill_in(mut self) -> Result<Linked, CompileError> {
        for place in &self.places {
            // Every symbol that a place names has been wanted, so it has been made.
            let Some(&target) = self.linked.symbols.get(&place.symbol) else {
                continue;
            };
            match place.kind {
                RelocationKind::Absolute64 => {
                    let target = (i64::from(target) + place.addend) as u32;
                    self.linked.absolute.push(AbsoluteAddress {
                        place: place.offset,
                        target,
                    });
                }
                _ => {
                    let bytes = &mut self.linked.bytes;
                    let target = u64::from(target);
                    let apply_relocation = self.backend.apply_relocation;
                    apply_relocation(place.kind, bytes, place.offset, target, place.addend)?;
                }
            }
        }
        self.linked
            .absolute
            .sort_unstable_by_key(|address| address.place);
        Ok(self.linked)
    }
}

/// The registers that a function saves, by their index in the convention.
fn saved_registers(convention: &Convention, code: &Code) -> Vec<(u8, i32)> {
    let registers = convention.callee_saved;
    let saved = code.saved.iter().filter_map(|&(number, offset)| {
        let index = registers.iter().position(|&saved| saved == number)?;
        Some((index as u8, offset))
    });
    saved.collect()
}

/// The static record of a suspension point, see [`enjamb_abi::continuation`].
fn point_record(
    convention: &Convention,
    module: &Module,
    function: FuncId,
    point: PointId,
) -> Code {
    let mut bytes = vec![0; POINT_RECORD_SIZE as usize];
    let mut relocations = Vec::new();
    if let Some(body) = module.functions[function].body() {
        let decl = &body.points[point];
        let size = body.layouts[decl.layout].size;
        let mut write = |at: u32, value: u32| {
            bytes[at as usize..][..4].copy_from_slice(&value.to_le_bytes());
        };
        write(record::FREE_LIST, free_list_offset(size));
        write(record::SIZE, size);
        write(record::LAYOUT, decl.layout.index() as u32);
        write(record::STATE, point.index() as u32);
        write(record::FUNCTION, function.index() as u32);
        let shape = ResumeShape::new(convention, &body.signature);
        let kind = RelocationKind::Absolute64;
        let mut refer = |offset, symbol| {
            relocations.push(Relocation {
                offset,
                kind,
                symbol,
                addend: 0,
            });
        };
        refer(record::RESUME, Symbol::Resume(shape));
        refer(record::ENTRY, Symbol::Function(function));
        if let Some(unwind) = decl.unwind {
            // From the start of this record, not from the place in it.
            relocations.push(Relocation {
                offset: record::EXCEPTIONAL,
                kind: RelocationKind::Relative32,
                symbol: Symbol::Point(function, unwind),
                addend: i64::from(record::EXCEPTIONAL),
            });
        }
    }
    Code {
        bytes,
        align: 8,
        relocations,
        ..Code::default()
    }
}
