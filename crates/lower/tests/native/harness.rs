//! Runs lowered modules in this process: links functions and stubs into executable memory and
//! stands in for the runtime. The crate of the target that this is part of has a module `target`.

use crate::heap::{self, TestHeap};
use crate::target::{
    CONVENTION, allocator_options, apply_relocation, emit_stub, lower_function, page_flags,
};
use bumpalo::Bump;
use enjamb_abi::code::{Code, CodeOptions, RegisterAllocator, RelocationKind, Symbol, TrapSite};
use enjamb_abi::context::{Context, Helper, InstanceLayout, LeafMode, free_list_offset};
use enjamb_abi::continuation::{ContinuationHeader, POINT_RECORD_SIZE, record};
use enjamb_abi::convention::ResumeShape;
use enjamb_ir::hash::FxHashMap;
use enjamb_ir::host_value::{bits_in_words, push_words};
use enjamb_ir::types::word_count;
use enjamb_ir::{
    Entity, FuncId, GlobalInit, Module, PointId, TrapCode, Type, parse_module, verify_module,
};
use enjamb_regalloc::Allocator;
use std::ffi::c_void;

/// A module in executable memory with one instance of it.
pub struct Native {
    module: Module,
    code: *mut u8,
    size: usize,
    symbols: FxHashMap<Symbol, u32>,
    traps: FxHashMap<u32, TrapSite>,
    context: Vec<u128>,
    layout: InstanceLayout,
    memories: Vec<Vec<u8>>,
    tables: Vec<Vec<u64>>,
    root: Vec<u64>,
    /// What the context block holds the address of.
    pub heap: Box<TestHeap>,
    window: Vec<u64>,
}

/// What a call came to: result words, or a trap.
pub type Outcome = Result<Vec<u64>, TrapCode>;

/// Both register allocators.
pub const BOTH: [RegisterAllocator; 2] = [
    RegisterAllocator::Backtracking,
    RegisterAllocator::SinglePass,
];

/// The bits of a word that a type has.
pub fn mask(ty: Type, word: u64) -> u64 {
    word & (u64::MAX >> (64 - ty.bits()))
}

/// An outcome without the bits that its types do not have.
pub fn masked(outcome: Outcome, types: &[Type]) -> Outcome {
    let mut kept = Vec::new();
    for (ty, bits) in bits_in_words(types, &outcome?) {
        let bits = match ty {
            Type::V128 => bits,
            ty => mask(ty, bits as u64).into(),
        };
        push_words(&mut kept, ty, bits);
    }
    Ok(kept)
}

/// Options with one of the allocators; with one of them code is protected too.
pub fn options(allocator: RegisterAllocator) -> CodeOptions {
    CodeOptions {
        allocator,
        count: true,
        check: true,
        branch_protection: allocator == RegisterAllocator::SinglePass,
        ..CodeOptions::default()
    }
}

/// Parses and verifies.
pub fn parse(text: &str) -> Module {
    let module = parse_module(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    verify_module(&module).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    module
}

/// The code of every function that a module defines, which has been transformed.
pub fn lower_all(
    module: &Module,
    layout: &InstanceLayout,
    options: &CodeOptions,
) -> Vec<(FuncId, Code)> {
    let mut allocator = Allocator::new(allocator_options(options));
    let arena = Bump::new();
    let lower = |function| {
        let lowered = lower_function(
            module,
            layout,
            function,
            options,
            &mut allocator,
            &arena,
            true,
        );
        (
            function,
            lowered
                .unwrap_or_else(|error| panic!("{error}\n{module}"))
                .code,
        )
    };
    module.body_ids().into_iter().map(lower).collect()
}

/// The runtime's allocator of continuations: they are never freed here.
extern "C" fn allocate(_: *mut Context, size: u64, _: *mut c_void) -> u64 {
    Box::leak(vec![0_u64; size as usize / 8].into_boxed_slice()).as_mut_ptr() as u64
}

/// Keeps no trace of a trap.
extern "C" fn trapped(_: *mut Context) {}

/// Every other helper.
extern "C" fn unavailable(_: *mut Context, index: u64, _: *mut u64) -> u64 {
    panic!("helper called with index {index}")
}

struct Linker<'a> {
    module: &'a Module,
    bytes: Vec<u8>,
    symbols: FxHashMap<Symbol, u32>,
    traps: FxHashMap<u32, TrapSite>,
    safepoints: Vec<(u32, Vec<i32>)>,
    places: Vec<enjamb_abi::code::Relocation>,
}

impl Linker<'_> {
    fn add(&mut self, symbol: Symbol, code: Code) {
        self.bytes
            .resize(self.bytes.len().next_multiple_of(16), 0xcc);
        let start = self.bytes.len() as u32;
        self.symbols.insert(symbol, start);
        self.bytes.extend_from_slice(&code.bytes);
        self.traps
            .extend(code.traps.iter().map(|site| (start + site.offset, *site)));
        let safepoints = code.safepoints.into_iter();
        let safepoints = safepoints.map(|point| (start + point.offset, point.slots));
        self.safepoints.extend(safepoints);
        self.places
            .extend(code.relocations.into_iter().map(|mut place| {
                place.offset += start;
                place
            }));
    }

    fn add_missing(&mut self, layout: &InstanceLayout, options: &CodeOptions, roots: Vec<Symbol>) {
        let mut wanted = roots;
        let mut seen = 0;
        loop {
            wanted.extend(self.places[seen..].iter().map(|place| place.symbol.clone()));
            seen = self.places.len();
            let Some(symbol) = wanted.pop() else { break };
            if !self.symbols.contains_key(&symbol) {
                let code = match &symbol {
                    &Symbol::Point(function, point) => self.record(function, point),
                    _ => emit_stub(&symbol, self.module, layout, options).expect("a stub"),
                };
                self.add(symbol, code);
            }
        }
    }

    fn record(&self, function: FuncId, point: PointId) -> Code {
        let body = self.module.functions[function].body().expect("a body");
        let layout = body.points[point].layout;
        let size = body.layouts[layout].size;
        let mut bytes = vec![0; POINT_RECORD_SIZE as usize];
        for (at, value) in [
            (record::FREE_LIST, free_list_offset(size)),
            (record::SIZE, size),
            (record::LAYOUT, layout.index() as u32),
            (record::STATE, point.index() as u32),
        ] {
            bytes[at as usize..][..4].copy_from_slice(&value.to_le_bytes());
        }
        let shape = ResumeShape::new(&CONVENTION, &body.signature);
        let refer = |offset, symbol| enjamb_abi::code::Relocation {
            offset,
            kind: RelocationKind::Absolute64,
            symbol,
            addend: 0,
        };
        Code {
            bytes,
            relocations: vec![
                refer(record::RESUME, Symbol::Resume(shape)),
                refer(record::ENTRY, Symbol::Function(function)),
            ],
            ..Code::default()
        }
    }
}

impl Native {
    /// Transforms, lowers, links and instantiates a verified module.
    pub fn new(module: &Module, allocator: RegisterAllocator) -> Native {
        Native::with(module, &options(allocator))
    }

    /// The same with options.
    pub fn with(module: &Module, options: &CodeOptions) -> Native {
        let mut module = module.clone();
        enjamb_async::transform(&mut module);
        enjamb_roots::place(&mut module);
        let layout = InstanceLayout::new(&module);
        let mut linker = Linker {
            module: &module,
            bytes: Vec::new(),
            symbols: FxHashMap::default(),
            traps: FxHashMap::default(),
            safepoints: Vec::new(),
            places: Vec::new(),
        };
        for (function, code) in lower_all(&module, &layout, options) {
            linker.add(Symbol::Function(function), code);
        }
        let mut roots = vec![Symbol::Dispatcher, Symbol::RootRecord];
        for (function, decl) in module.functions.iter() {
            roots.push(Symbol::Function(function));
            roots.push(Symbol::Entry(decl.signature().clone()));
        }
        linker.add_missing(&layout, options, roots);
        let Linker {
            mut bytes,
            symbols,
            traps,
            safepoints,
            places,
            ..
        } = linker;
        let size = bytes.len().next_multiple_of(4096);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches nothing else.
        let code = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, -1, 0) };
        assert_ne!(code, libc::MAP_FAILED);
        for place in &places {
            let target = u64::from(symbols[&place.symbol]);
            let base = match place.kind {
                RelocationKind::Absolute64 => code as u64,
                _ => 0,
            };
            apply_relocation(
                place.kind,
                &mut bytes,
                place.offset,
                base + target,
                place.addend,
            )
            .expect("within reach");
        }
        // SAFETY: the mapping is at least as long as the code and nothing else refers to it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), code.cast(), bytes.len()) };
        let protection = libc::PROT_READ | libc::PROT_EXEC | page_flags(options);
        // Where the caches of instructions and data do not agree by themselves, Linux makes them agree
        // when a page becomes executable.
        // SAFETY: as above.
        let status = unsafe { libc::mprotect(code, size, protection) };
        assert_eq!(status, 0);
        let safepoints = safepoints.into_iter();
        let safepoints = safepoints.map(|(at, slots)| (code as u64 + u64::from(at), slots));
        let heap = TestHeap {
            layouts: layout.objects().to_vec(),
            safepoints: safepoints.collect(),
            code: code as u64..code as u64 + size as u64,
            requests: 0,
            moved: 0,
            written: Vec::new(),
        };
        let mut native = Native {
            code: code.cast(),
            size,
            symbols,
            traps,
            context: vec![0; layout.size() as usize / 16 + 1],
            memories: Vec::new(),
            tables: Vec::new(),
            root: vec![0; 64],
            heap: Box::new(heap),
            window: Vec::new(),
            layout,
            module,
        };
        native.instantiate();
        native
    }

    fn address(&self, symbol: &Symbol) -> u64 {
        self.code as u64 + u64::from(self.symbols[symbol])
    }

    fn write(&mut self, offset: u32, value: u64) {
        let word = &mut self.context[offset as usize / 16];
        let shift = offset % 16 * 8;
        *word = *word & !(u128::from(u64::MAX) << shift) | u128::from(value) << shift;
    }

    fn read(&self, offset: usize) -> u64 {
        (self.context[offset / 16] >> (offset % 16 * 8)) as u64
    }

    fn instantiate(&mut self) {
        for helper in Helper::ALL {
            let address = match helper {
                Helper::Allocate => allocate as *const () as u64,
                Helper::Trapped => trapped as *const () as u64,
                Helper::NewObject | Helper::NewArray => heap::new as *const () as u64,
                Helper::Wrote => heap::wrote as *const () as u64,
                _ => unavailable as *const () as u64,
            };
            self.write(helper.offset(), address);
        }
        self.write(enjamb_abi::context::offsets::FUEL, i64::MAX as u64);
        let heap = &raw mut *self.heap as u64;
        self.write(std::mem::offset_of!(Context, host) as u32, heap);
        let module = self.module.clone();
        for (function, decl) in module.functions.iter() {
            let cell = self.layout.function(function);
            self.write(cell, self.address(&Symbol::Function(function)));
            let signature = self.layout.signature_index(decl.signature());
            self.write(cell + 8, u64::from(signature.unwrap_or(u32::MAX)));
        }
        let signatures: Vec<_> = self.layout.signatures().cloned().collect();
        for (index, signature) in signatures.iter().enumerate() {
            let offset = self.layout.signature(signature).expect("listed");
            let word = self.read((offset & !7) as usize);
            let shift = offset % 8 * 8;
            self.write(offset & !7, word | (index as u64) << shift);
        }
        for (memory, decl) in module.memories.iter() {
            let mut bytes = vec![0; decl.min_pages as usize * 65_536];
            for data in module.data.values() {
                if let Some((to, at)) = data.place
                    && to == memory
                {
                    bytes[at as usize..][..data.bytes.len()].copy_from_slice(&data.bytes);
                }
            }
            self.write(self.layout.memory(memory), bytes.as_ptr() as u64);
            self.write(self.layout.memory(memory) + 8, bytes.len() as u64);
            self.memories.push(bytes);
        }
        let context = self.context.as_ptr() as u64;
        for (table, decl) in module.tables.iter() {
            let cell = |function: &FuncId| context + u64::from(self.layout.function(*function));
            let entries = decl
                .entries
                .iter()
                .map(|entry| entry.as_ref().map_or(0, cell));
            let entries: Vec<u64> = entries.collect();
            self.write(self.layout.table(table), entries.as_ptr() as u64);
            self.write(self.layout.table(table) + 8, entries.len() as u64);
            self.tables.push(entries);
        }
        for (global, decl) in module.globals.iter() {
            let value = match decl.init {
                GlobalInit::Number(bits) => bits,
                GlobalInit::Vector(bits) => {
                    let high = self.layout.global(global) + 8;
                    self.write(high, (bits >> 64) as u64);
                    bits as u64
                }
                GlobalInit::Null => 0,
                GlobalInit::Function(function) => {
                    context + u64::from(self.layout.function(function))
                }
            };
            self.write(self.layout.global(global), value);
        }
    }

    fn enter(&mut self, symbol: &Symbol, second: u64, third: *mut u64) -> u64 {
        type Entry = extern "C" fn(*mut u128, u64, *mut u64) -> u64;
        // SAFETY: the symbol is the code of a stub with this signature.
        let entry: Entry = unsafe { std::mem::transmute(self.address(symbol) as *const ()) };
        entry(self.context.as_mut_ptr(), second, third)
    }

    /// Calls a function, resuming it until it finishes.
    pub fn call(&mut self, name: &str, args: &[u64], mode: LeafMode) -> Outcome {
        let function = self.module.function_named(name).expect("a function");
        let signature = self.module.functions[function].signature().clone();
        let results = word_count(&signature.results);
        let mut buffer = args.to_vec();
        buffer.resize(signature.buffer_words(), 0);
        let field = std::mem::offset_of!(Context, stack_limit) as u32;
        let here = &raw const buffer as u64;
        self.write(field, here - (1 << 20));
        self.write(enjamb_abi::context::offsets::LEAF_MODE, mode as u64);
        let code = self.address(&Symbol::Function(function));
        let words = buffer.as_mut_ptr();
        let mut status = self.enter(&Symbol::Entry(signature), code, words);
        let suspended = status == 1;
        if suspended {
            let innermost = self.read(std::mem::offset_of!(Context, suspended));
            self.root.fill(0);
            self.root[1] = self.address(&Symbol::RootRecord);
            // SAFETY: the entry returned a live continuation, or the sentinel in the context.
            unsafe {
                (*(innermost as *mut ContinuationHeader)).next = self.root.as_mut_ptr().cast()
            };
        }
        while status == 1 {
            let sentinel = std::mem::offset_of!(Context, sentinel);
            let head = self.read(sentinel);
            status = self.enter(&Symbol::Dispatcher, head, std::ptr::null_mut());
        }
        match status {
            0 if suspended => Ok(self.root[2..2 + results].to_vec()),
            0 => Ok(buffer[..results].to_vec()),
            _ => {
                let pc = self.read(std::mem::offset_of!(Context, trap_pc)) - self.code as u64;
                Err(self.traps[&(pc as u32)].code)
            }
        }
    }

    /// Gives compiled code a window of this many bytes to take objects from, which it does not have
    /// otherwise.
    pub fn give_window(&mut self, bytes: u64) {
        self.window = vec![0; bytes as usize / 8];
        let start = self.window.as_ptr() as u64;
        self.write(enjamb_abi::context::offsets::HEAP_NEXT, start);
        self.write(enjamb_abi::context::offsets::HEAP_LIMIT, start + bytes);
    }

    /// Bytes of the window that are left.
    pub fn window_left(&self) -> u64 {
        let word = |offset: u32| self.read(offset as usize);
        word(enjamb_abi::context::offsets::HEAP_LIMIT)
            - word(enjamb_abi::context::offsets::HEAP_NEXT)
    }

    /// A counter of code compiled with counting.
    pub fn counter(&self, counter: enjamb_abi::context::Counter) -> u64 {
        self.read(counter.offset() as usize)
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `new`, and no code of it runs any more.
        unsafe { libc::munmap(self.code.cast(), self.size) };
    }
}
