//! Links functions that are assembled by hand with the stubs that they need.

#[cfg(target_arch = "aarch64")]
#[path = "aarch64.rs"]
pub mod machine;
#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
pub mod machine;

use enjamb_abi::code::{Code, CodeOptions, Relocation, RelocationKind, Symbol};
use enjamb_abi::context::{InstanceLayout, free_list_offset};
use enjamb_abi::continuation::{POINT_RECORD_SIZE, record};
use enjamb_abi::convention::ResumeShape;
use enjamb_abi::target::Target;
use enjamb_codegen::{AbsoluteAddress, CompileStats, CompiledModule, FunctionRange, ModuleTrap};
use enjamb_ir::hash::KeyedIndexMap;
use enjamb_ir::{Entity, FuncId, LayoutId, Module, PointDecl, PointId, Signature, Type};
use machine::{Body, apply_relocation, emit_stub};
use std::sync::Arc;

/// Bytes of the continuations of both functions.
pub const SIZE: u32 = 32;
/// Where they keep their number.
pub const SAVED: u32 = 24;

/// This machine.
pub fn target() -> Target {
    Target::host().unwrap()
}

/// A module in the making.
pub struct Linker {
    pub module: Module,
    pub options: CodeOptions,
    pieces: KeyedIndexMap<Symbol, Code>,
}

impl Linker {
    pub fn new(count: bool) -> Linker {
        Linker {
            module: Module::new(),
            options: CodeOptions {
                count,
                ..CodeOptions::default()
            },
            pieces: KeyedIndexMap::default(),
        }
    }

    pub fn import(&mut self, namespace: &str, name: &str, signature: Signature) -> FuncId {
        self.module
            .declare_import(name, namespace, name, signature)
            .unwrap()
    }

    pub fn declare(&mut self, name: &str, signature: Signature) -> FuncId {
        self.module.declare_function(name, signature).unwrap()
    }

    pub fn define(&mut self, function: FuncId, assemble: impl FnOnce(&mut Body)) {
        let mut body = Body::default();
        assemble(&mut body);
        self.pieces
            .insert(Symbol::Function(function), body.finish());
    }

    /// Declares a suspension point whose object has this size; its number is the state.
    pub fn point(&mut self, function: FuncId, size: u32, results: &[Type]) -> Symbol {
        let signature = self.module.functions[function].signature().clone();
        let body = self.module.functions[function].body_mut().unwrap();
        let point: PointId = body.points.push(PointDecl {
            layout: LayoutId::from_index(0),
            results: results.to_vec(),
            saved: Vec::new(),
            unwind: None,
            position: None,
        });
        let mut bytes = vec![0; POINT_RECORD_SIZE as usize];
        let words = [
            (record::FREE_LIST, free_list_offset(size)),
            (record::SIZE, size),
            (record::STATE, point.index() as u32),
            (record::FUNCTION, function.index() as u32),
        ];
        for (offset, word) in words {
            bytes[offset as usize..][..4].copy_from_slice(&word.to_le_bytes());
        }
        let address = |offset, symbol| Relocation {
            offset,
            kind: RelocationKind::Absolute64,
            symbol,
            addend: 0,
        };
        let shape = ResumeShape::new(target().convention(), &signature);
        let relocations = vec![
            address(record::RESUME, Symbol::Resume(shape)),
            address(record::ENTRY, Symbol::Function(function)),
        ];
        let symbol = Symbol::Point(function, point);
        let code = Code {
            bytes,
            align: 8,
            relocations,
            ..Code::default()
        };
        self.pieces.insert(symbol.clone(), code);
        symbol
    }

    /// Adds the stubs that are referred to, and places everything.
    pub fn link(mut self) -> Arc<CompiledModule> {
        let layout = InstanceLayout::new(&self.module);
        let mut wanted = vec![Symbol::Dispatcher, Symbol::RootRecord];
        for (id, decl) in self.module.functions.iter() {
            wanted.push(Symbol::Function(id));
            wanted.push(Symbol::Entry(decl.signature().clone()));
        }
        let references = self.pieces.values().flat_map(|code| &code.relocations);
        wanted.extend(references.map(|relocation| relocation.symbol.clone()));
        while let Some(symbol) = wanted.pop() {
            if self.pieces.contains_key(&symbol) {
                continue;
            }
            let stub = emit_stub(&symbol, &self.module, &layout, &self.options).unwrap();
            wanted.extend(stub.relocations.iter().map(|r| r.symbol.clone()));
            self.pieces.insert(symbol, stub);
        }

        let mut bytes = Vec::new();
        let mut symbols = KeyedIndexMap::default();
        let (mut traps, mut functions) = (Vec::new(), Vec::new());
        for (symbol, code) in &self.pieces {
            bytes.resize(bytes.len().next_multiple_of(code.align as usize), 0xcc);
            let start = bytes.len() as u32;
            symbols.insert(symbol.clone(), start);
            bytes.extend_from_slice(&code.bytes);
            let function = match symbol {
                Symbol::Function(id) => Some(*id),
                _ => None,
            };
            traps.extend(code.traps.iter().map(|&site| ModuleTrap {
                offset: start + site.offset,
                function,
                site,
            }));
            functions.extend(function.map(|function| FunctionRange {
                function,
                start,
                end: bytes.len() as u32,
                frame_bytes: code.frame_bytes,
                saved: Vec::new(),
                handlers: 0..0,
            }));
        }
        let absolute = self.relocate(&mut bytes, &symbols);
        let module = Arc::new(self.module);
        Arc::new(CompiledModule {
            target: target(),
            options: self.options,
            source: module.clone(),
            transformed: module,
            layout,
            bytes,
            absolute,
            symbols,
            functions,
            traps,
            calls: Vec::new(),
            instructions: Vec::new(),
            handlers: Vec::new(),
            safepoints: Vec::new(),
            root_slots: Vec::new(),
            stats: CompileStats::default(),
        })
    }

    fn relocate(
        &self,
        bytes: &mut [u8],
        symbols: &KeyedIndexMap<Symbol, u32>,
    ) -> Vec<AbsoluteAddress> {
        let mut absolute = Vec::new();
        for (symbol, code) in &self.pieces {
            for relocation in &code.relocations {
                let place = symbols[symbol] + relocation.offset;
                let target = symbols[&relocation.symbol];
                match relocation.kind {
                    RelocationKind::Absolute64 => absolute.push(AbsoluteAddress {
                        place,
                        target: (i64::from(target) + relocation.addend) as u32,
                    }),
                    kind => {
                        let target = u64::from(target);
                        apply_relocation(kind, bytes, place, target, relocation.addend).unwrap();
                    }
                }
            }
        }
        absolute
    }
}
