//! What is written is read back by the readers of the same libraries.

use super::*;
use crate::loaded::LoadedModule;
use enjamb_abi::target::Target;
use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::parse::parse_with_spans;
use gimli::{BaseAddresses, CfaRule, DebugFrame, Dwarf, EndianSlice, LittleEndian, RegisterRule};
use gimli::{SectionId, UnwindContext, UnwindSection};
use object::read::elf::ElfFile64;
use object::{Architecture, Object, ObjectKind, ObjectSection, ObjectSymbol, SymbolKind};
use pieces::{Piece, pieces};
use std::sync::Arc;

const BASE: u64 = 0x1234_5000;

const PROGRAM: &str = r#"import %yield = "enjamb" "yield" () async
import %sleep = "enjamb" "sleep" (i64) async
function %divide(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = sdiv v0, v1
    return v2
}
function %worker(i64, i64) -> i64 async {
block0(v0: i64, v1: i64):
    call %yield()
    v2 = call %divide(v0, v1)
    call %sleep(v2)
    v3 = call %divide(v1, v0)
    v4 = iadd v2, v3
    return v4
}
"#;

fn options(target: Target) -> CompileOptions {
    CompileOptions {
        target: target.triple(),
        ..CompileOptions::default()
    }
}

fn compiled(program: &str, target: Target) -> CompiledModule {
    let mut parsed = parse_with_spans(program).unwrap();
    parsed
        .source_map
        .annotate(&mut parsed.module, "program.enj");
    let mut options = options(target);
    options.code.debug_info = true;
    compile(Arc::new(parsed.module), &options).unwrap()
}

/// The same for every target.
fn for_all(test: impl Fn(&CompiledModule)) {
    for target in Target::ALL {
        test(&compiled(PROGRAM, target));
    }
}

fn piece<'a>(pieces: &'a [Piece<'a>], name: &str) -> &'a Piece<'a> {
    pieces.iter().find(|piece| piece.name == name).unwrap()
}

#[test]
fn the_code_is_the_same_with_and_without() {
    for_all(|compiled| {
        let options = options(compiled.target);
        let without = compile(Arc::clone(&compiled.source), &options).unwrap();
        assert_eq!(without.bytes, compiled.bytes);
        assert!(without.instructions.is_empty());
    });
}

#[test]
fn pieces_are_all_functions_and_stubs_in_order() {
    for_all(|compiled| {
        let pieces = pieces(compiled);
        for (before, after) in pieces.iter().zip(&pieces[1..]) {
            assert!(before.start < before.end && before.end <= after.start);
        }
        for range in &compiled.functions {
            let name = &compiled.source.functions[range.function].name;
            let piece = piece(&pieces, name);
            assert_eq!((piece.start, piece.end), (range.start, range.end));
        }
        for name in ["enjamb_import_yield", "enjamb_dispatcher", "enjamb_trap"] {
            piece(&pieces, name);
        }
        let records = compiled
            .symbols
            .keys()
            .filter(|symbol| matches!(symbol, enjamb_abi::code::Symbol::Point(..)));
        assert_eq!(pieces.len() + records.count(), compiled.symbols.len());
    });
}

#[test]
fn the_perf_map_has_a_line_for_every_piece() {
    let compiled = compiled(PROGRAM, Target::X86_64);
    let pieces = pieces(&compiled);
    let lines = perf::lines(BASE, &pieces);
    assert_eq!(lines.lines().count(), pieces.len());
    for (line, piece) in lines.lines().zip(&pieces) {
        let [start, size, name] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let start = u64::from_str_radix(start, 16).unwrap();
        let size = u32::from_str_radix(size, 16).unwrap();
        assert_eq!(start, BASE + u64::from(piece.start));
        assert_eq!((size, name), (piece.end - piece.start, &*piece.name));
    }
}

#[test]
fn names_stay_on_one_line() {
    assert_eq!(pieces::plain("a\nb\0c"), "a\\nb\\u{0}c");
    assert_eq!(pieces::plain("größer als"), "größer als");
    assert_eq!(pieces::plain(""), "?");
}

#[test]
fn the_image_has_the_code_where_it_is_and_its_symbols() {
    for_all(|compiled| {
        let pieces = pieces(compiled);
        let image = image::build(compiled, &pieces, BASE).unwrap();
        let file: ElfFile64<'_> = ElfFile64::parse(&*image).unwrap();
        let architecture = match compiled.target {
            Target::X86_64 => Architecture::X86_64,
            Target::Aarch64 => Architecture::Aarch64,
        };
        assert_eq!(file.architecture(), architecture);
        assert_eq!(file.kind(), ObjectKind::Executable);
        let text = file.section_by_name(".text").unwrap();
        let size = compiled.bytes.len() as u64;
        assert_eq!((text.address(), text.size()), (BASE, size));
        let symbols: Vec<_> = file.symbols().collect();
        assert_eq!(symbols.len(), pieces.len());
        for (symbol, piece) in symbols.iter().zip(&pieces) {
            assert_eq!(symbol.name(), Ok(&*piece.name));
            assert_eq!(symbol.kind(), SymbolKind::Text);
            assert_eq!(symbol.address(), BASE + u64::from(piece.start));
            assert_eq!(symbol.section_index(), Some(text.index()));
        }
    });
}

type Slice<'a> = EndianSlice<'a, LittleEndian>;

fn section<'a>(file: &ElfFile64<'a>, name: &str) -> Slice<'a> {
    let section = file.section_by_name(name);
    let data = section.map_or(&[][..], |section| section.data().unwrap());
    EndianSlice::new(data, LittleEndian)
}

#[test]
fn every_instruction_is_found_at_its_line() {
    for_all(|compiled| {
        let image = image::build(compiled, &pieces(compiled), BASE).unwrap();
        let file: ElfFile64<'_> = ElfFile64::parse(&*image).unwrap();
        let load = |id: SectionId| Ok::<_, gimli::Error>(section(&file, id.name()));
        let dwarf: Dwarf<Slice<'_>> = Dwarf::load(load).unwrap();
        let unit = dwarf.units().next().unwrap().unwrap();
        let unit = dwarf.unit(unit).unwrap();
        let program = unit.line_program.clone().unwrap();
        let (program, sequences) = program.sequences().unwrap();
        assert_eq!(sequences.len(), 2, "one for each function");
        let line_at = |address: u64| {
            let sequence = sequences
                .iter()
                .find(|s| s.start <= address && address < s.end)?;
            let mut rows = program.resume_from(sequence);
            let mut found = None;
            while let Some((_, row)) = rows.next_row().unwrap() {
                if row.address() <= address && !row.end_sequence() {
                    found = row.line();
                }
            }
            found
        };
        assert_eq!(
            line_at(BASE + u64::from(compiled.functions[0].start))
                .unwrap()
                .get(),
            5
        );
        // A call is found by the address in front of its return address.
        let mut lines = Vec::new();
        for call in &compiled.calls {
            let name = &compiled.source.functions[call.function].name;
            let line = line_at(BASE + u64::from(call.offset) - 1).unwrap();
            assert_eq!(name, "worker");
            lines.push(line.get());
        }
        for line in [10, 11, 12, 13] {
            assert!(lines.contains(&line), "{lines:?}");
        }
        let trap = compiled
            .traps
            .iter()
            .find(|trap| trap.site.inst.is_some())
            .unwrap();
        assert_eq!(line_at(BASE + u64::from(trap.offset) - 1).unwrap().get(), 5);
        let header = program.header();
        let name = header.file(1).unwrap().path_name();
        assert_eq!(
            dwarf.attr_string(&unit, name).unwrap().slice(),
            b"program.enj"
        );
    });
}

#[test]
fn frames_lead_to_their_callers() {
    for_all(|compiled| {
        let pieces = pieces(compiled);
        let image = image::build(compiled, &pieces, BASE).unwrap();
        let file: ElfFile64<'_> = ElfFile64::parse(&*image).unwrap();
        let frames = DebugFrame::from(section(&file, ".debug_frame"));
        let bases = BaseAddresses::default();
        let rules = |offset: u32, register: gimli::Register| {
            let mut context = UnwindContext::new();
            let address = BASE + u64::from(offset);
            let get = DebugFrame::cie_from_offset;
            let row = frames.unwind_info_for_address(&bases, &mut context, address, get);
            let row = row.unwrap();
            (row.cfa().clone(), row.register(register))
        };
        let (stack, called, frame, link) = match compiled.target {
            Target::X86_64 => (gimli::X86_64::RSP, 8, gimli::X86_64::RBP, gimli::X86_64::RA),
            Target::Aarch64 => (
                gimli::AArch64::SP,
                0,
                gimli::AArch64::X29,
                gimli::AArch64::X30,
            ),
        };
        let from = |register, offset| CfaRule::RegisterAndOffset { register, offset };
        for range in &compiled.functions {
            assert_eq!(rules(range.start, link).0, from(stack, called));
        }
        for call in &compiled.calls {
            let (cfa, address) = rules(call.offset - 1, link);
            assert_eq!(
                (cfa, address),
                (from(frame, 16), Some(RegisterRule::Offset(-8)))
            );
            assert_eq!(
                rules(call.offset - 1, frame).1,
                Some(RegisterRule::Offset(-16))
            );
        }
        // Resumption stubs run in the frame that the dispatcher has set up.
        let (dispatcher, resume) = (
            piece(&pieces, "enjamb_dispatcher"),
            piece(&pieces, "enjamb_resume"),
        );
        let above = i64::from(compiled.target.activation_record().above);
        assert_eq!(rules(dispatcher.start, link).0, from(stack, called));
        assert_eq!(rules(dispatcher.end - 1, link).0, from(frame, above));
        assert_eq!(rules(resume.start, link).0, from(frame, above));
        // Functions say where they have saved registers.
        let worker = &compiled.functions[1];
        for &(index, offset) in &worker.saved {
            let number = compiled.target.convention().callee_saved[usize::from(index)];
            let register = match (compiled.target, number) {
                (Target::X86_64, 3) => gimli::X86_64::RBX,
                _ => gimli::Register(number.into()),
            };
            let rule = rules(compiled.calls[0].offset, register).1;
            assert_eq!(rule, Some(RegisterRule::Offset(i64::from(offset) - 16)));
        }
        assert!(!worker.saved.is_empty());
        // The landing of traps finds the place where the runtime finds it.
        let landing = piece(&pieces, "enjamb_trap");
        assert_eq!(rules(landing.start, link).0, from(stack, called));
        let place = rules(landing.end - 1, link).1;
        assert!(
            matches!(place, Some(RegisterRule::Expression(_))),
            "{place:?}"
        );
    });
}

/// A loaded module with a function of this name.
fn load(name: &str, options: &LoadOptions) -> Option<Arc<LoadedModule>> {
    let host = Target::host().ok()?;
    let compiled = compiled(&PROGRAM.replace("worker", name), host);
    Some(LoadedModule::with_options(Arc::new(compiled), options).unwrap())
}

/// Whether debuggers see a module with a function of this name.
fn is_registered(name: &str) -> bool {
    gdb::registered().iter().any(|image| {
        let file: ElfFile64<'_> = ElfFile64::parse(&**image).unwrap();
        file.symbols().any(|symbol| symbol.name() == Ok(name))
    })
}

#[test]
fn debuggers_see_what_is_loaded() {
    let debugger = LoadOptions {
        debugger: true,
        perf_map: false,
        ..LoadOptions::default()
    };
    let names = ["seen_0", "seen_1", "seen_2", "seen_3"];
    let mut modules = names.map(|name| load(name, &debugger));
    let hidden = load("hidden", &LoadOptions::default());
    assert!(!is_registered("hidden"));
    drop(hidden);
    // From the middle of the list, from its ends, the last one.
    let mut expected = modules.each_ref().map(Option::is_some);
    for index in [1, 3, 0, 2] {
        assert_eq!(names.map(is_registered), expected);
        modules[index] = None;
        expected[index] = false;
    }
    assert_eq!(names.map(is_registered), expected);
}

#[test]
fn threads_may_load_and_drop_at_once() {
    let debugger = &LoadOptions {
        debugger: true,
        perf_map: false,
        ..LoadOptions::default()
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let name = format!("thread_{thread}");
                for _ in 0..20 {
                    let module = load(&name, debugger);
                    assert_eq!(is_registered(&name), module.is_some());
                    drop(module);
                    assert!(!is_registered(&name));
                }
            });
        }
    });
}

/// Functions that cannot trap, of all lengths, so that some end where the next function begins; that one has
/// registers to save, and only behind its first instructions.
#[test]
fn a_function_may_begin_where_another_ends() {
    let mut program = String::from("import %log = \"host\" \"log\" (i64)\n");
    for length in 0..16 {
        program += &format!("function %short{length}(i64) -> i64 {{\nblock0(v0: i64):\n");
        for value in 0..length {
            program += &format!("    v{} = bnot v{value}\n", value + 1);
        }
        program += &format!("    return v{length}\n}}\nfunction %saves{length}(i64) -> i64 {{\n");
        program += "block0(v0: i64):\n    call %log(v0)\n    return v0\n}\n";
    }
    for target in Target::ALL {
        let compiled = compiled(&program, target);
        let mut pairs = compiled.functions.chunks(2);
        assert!(pairs.any(|pair| pair[0].end == pair[1].start && !pair[1].saved.is_empty()));
        image::build(&compiled, &pieces(&compiled), BASE).unwrap();
    }
}

#[test]
fn loading_appends_to_the_perf_map() {
    let perf = LoadOptions {
        debugger: false,
        perf_map: true,
        ..LoadOptions::default()
    };
    let modules = ["mapped_0", "mapped_1"].map(|name| load(name, &perf));
    for module in modules.iter().flatten() {
        let map = std::fs::read_to_string(perf::path()).unwrap();
        let lines = perf::lines(module.code().address(0), &pieces(module.compiled()));
        assert!(map.contains(&lines), "{map}");
    }
    // The file stays behind; this process is the only one that it is about.
    let _ = std::fs::remove_file(perf::path());
}
