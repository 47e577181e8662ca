//! Links functions that a test assembles by hand with the stubs that they need.

use enjamb_abi::code::{Code, CodeOptions, Relocation, RelocationKind, Symbol, TrapSite};
use enjamb_abi::context::{InstanceLayout, free_list_offset};
use enjamb_abi::continuation::{POINT_RECORD_SIZE, record};
use enjamb_abi::convention::{ResumeShape, X86_64};
use enjamb_codegen::{AbsoluteAddress, CompileStats, CompiledModule, FunctionRange, ModuleTrap};
use enjamb_ir::hash::FxIndexMap;
use enjamb_ir::{Entity, FuncId, LayoutId, Module, PointDecl, PointId, Signature, TrapCode, Type};
use enjamb_x64::{Assembler, Label, Mem, Op, Operand, Reg};
use std::sync::Arc;

/// An assembler that knows symbols.
#[derive(Default)]
pub struct Body {
    pub assembler: Assembler,
    symbols: Vec<Symbol>,
    traps: Vec<(Label, TrapCode)>,
}

pub fn at(base: Reg, displacement: u32) -> Operand<Reg> {
    Mem::base(base, displacement as i32).into()
}

impl Body {
    pub fn op(&mut self, op: Op, operands: &[Operand<Reg>]) {
        self.assembler.op(op, operands);
    }
    /// `mov to, from` of 64 bits; one may be in memory.
    pub fn mov(&mut self, to: impl Into<Operand<Reg>>, from: impl Into<Operand<Reg>>) {
        let (to, from) = (to.into(), from.into());
        let op = if matches!(to, Operand::Mem(_)) {
            Op::Mov64MR
        } else {
            Op::Mov64RM
        };
        self.op(op, &[to, from]);
    }
    pub fn test(&mut self, register: Reg) {
        self.op(Op::Test64MR, &[register.into(), register.into()]);
    }
    pub fn clear(&mut self, register: Reg) {
        self.op(Op::Xor32RM, &[register.into(), register.into()]);
    }
    fn number(&mut self, symbol: Symbol) -> u32 {
        self.symbols.push(symbol);
        self.symbols.len() as u32 - 1
    }
    pub fn call(&mut self, symbol: Symbol) {
        let number = self.number(symbol);
        self.assembler.call_symbol(number);
    }
    pub fn lea(&mut self, register: Reg, symbol: Symbol) {
        let number = self.number(symbol);
        self.assembler.lea_symbol(register, number);
    }
    pub fn trap(&mut self, code: TrapCode) {
        self.call(Symbol::TrapLanding);
        let after = self.assembler.mark();
        self.traps.push((after, code));
    }
    fn finish(self) -> Code {
        let code = self.assembler.finish().unwrap();
        let relocations = code.relocations.iter().map(|relocation| Relocation {
            offset: relocation.offset,
            kind: RelocationKind::Relative32,
            symbol: self.symbols[relocation.symbol as usize].clone(),
            addend: relocation.addend,
        });
        let traps = self.traps.iter().map(|&(label, trap)| TrapSite {
            offset: code.offset(label).unwrap(),
            code: trap,
            inst: None,
            position: None,
        });
        Code {
            relocations: relocations.collect(),
            traps: traps.collect(),
            align: 16,
            bytes: code.bytes.clone(),
            ..Code::default()
        }
    }
}

/// A module in the making.
pub struct Linker {
    pub module: Module,
    pub options: CodeOptions,
    pieces: FxIndexMap<Symbol, Code>,
}

impl Linker {
    pub fn new(count: bool) -> Linker {
        Linker {
            module: Module::new(),
            options: CodeOptions {
                count,
                ..CodeOptions::default()
            },
            pieces: FxIndexMap::default(),
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
        let shape = ResumeShape::new(&X86_64, &signature);
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
            let stub =
                enjamb_lower_x64::emit_stub(&symbol, &self.module, &layout, &self.options).unwrap();
            wanted.extend(stub.relocations.iter().map(|r| r.symbol.clone()));
            self.pieces.insert(symbol, stub);
        }

        let mut bytes = Vec::new();
        let mut symbols = FxIndexMap::default();
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
            }));
        }
        let absolute = self.relocate(&mut bytes, &symbols);
        let module = Arc::new(self.module);
        Arc::new(CompiledModule {
            source: module.clone(),
            transformed: module,
            layout,
            bytes,
            absolute,
            symbols,
            functions,
            traps,
            calls: Vec::new(),
            stats: CompileStats::default(),
        })
    }

    fn relocate(
        &self,
        bytes: &mut [u8],
        symbols: &FxIndexMap<Symbol, u32>,
    ) -> Vec<AbsoluteAddress> {
        let mut absolute = Vec::new();
        for (symbol, code) in &self.pieces {
            for relocation in &code.relocations {
                let place = symbols[symbol] + relocation.offset;
                let target = i64::from(symbols[&relocation.symbol]) + relocation.addend;
                match relocation.kind {
                    RelocationKind::Relative32 => {
                        let distance = (target - i64::from(place)) as i32;
                        bytes[place as usize..][..4].copy_from_slice(&distance.to_le_bytes());
                    }
                    RelocationKind::Absolute64 => absolute.push(AbsoluteAddress {
                        place,
                        target: target as u32,
                    }),
                }
            }
        }
        absolute
    }
}
