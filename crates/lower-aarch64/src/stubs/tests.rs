//! What stubs look like. That they work is tested where they run, with the runtime.

use super::*;
use enjamb_aarch64::Item;
use enjamb_abi::code::Throw;
use enjamb_abi::context::Helper;
use enjamb_abi::continuation::record;
use enjamb_abi::convention::{AARCH64, ResumeShape};
use enjamb_ir::{Signature, Type};

/// The instructions of a stub.
fn instructions(kind: StubKind<'_>, branch_protection: bool) -> Vec<String> {
    let mut stub = Stub::new(&CodeOptions {
        branch_protection,
        ..CodeOptions::default()
    });
    stub.assembler.keep_listing();
    fill(&mut stub, kind);
    assert_eq!(stub.error, None);
    let code = stub.assembler.finish().unwrap();
    let text = |item: &Item| match item {
        Item::Inst(inst) => Some(inst.to_string()),
        Item::External(text) => Some(text.clone()),
        _ => None,
    };
    let lines = &code.listing().lines;
    lines.iter().filter_map(|line| text(&line.item)).collect()
}

/// Values in every kind of place.
fn signature() -> Signature {
    let mut types = vec![Type::I64; 11];
    types.extend([Type::F64; 10]);
    Signature::asynchronous(&types, &types)
}

#[test]
fn an_activation_that_suspends_again_is_resumed_by_few_instructions() {
    let shape = ResumeShape::new(&AARCH64, &Signature::asynchronous(&[], &[]));
    let store_current = format!("str x19, [x28, #{}]", offsets::CURRENT);
    let expected = [
        "blr x16",
        "cmp x15, x19",
        "b.ne L0",
        "ldr x16, [x28, #16]",
        "ldr x19, [x28]",
        "subs x16, x16, #1",
        "b.lo L3",
        "str x16, [x28, #16]",
        "ldr x16, [x19, #8]",
        &store_current,
        "ldp x17, x16, [x16]",
        "mov x15, x19",
        "br x17",
    ];
    let actual = instructions(StubKind::Resume(&shape), false);
    assert_eq!(actual[..expected.len()], expected);
}

#[test]
fn landing_pads_are_where_indirect_branches_lead_if_asked_for() {
    let signature = signature();
    let shape = ResumeShape::new(&AARCH64, &signature);
    let reached_indirectly = || {
        [
            StubKind::Dispatcher,
            StubKind::Resume(&shape),
            StubKind::RootRecord,
            StubKind::Entry(&signature),
            StubKind::Yield { index: 1 },
            StubKind::Helper {
                helper: Helper::HostCall,
                index: 1,
                signature: &signature,
            },
        ]
    };
    for kind in reached_indirectly() {
        let text = instructions(kind, true);
        assert_eq!(text[0], "bti c");
        assert!(!text[1..].contains(&text[0]), "{text:#?}");
    }
    for kind in reached_indirectly() {
        let text = instructions(kind, false);
        assert!(
            !text.iter().any(|text| text.starts_with("bti")),
            "{text:#?}"
        );
    }
    let throw = StubKind::Throw(Throw::New);
    for kind in [StubKind::TrapLanding, throw, StubKind::NewContinuation(24)] {
        assert!(!instructions(kind, true).contains(&"bti c".to_string()));
    }
}

#[test]
fn the_allocation_keeps_every_register_that_the_host_may_change() {
    let text = instructions(StubKind::NewContinuation(48), false);
    let at_stack = |mnemonic: &str| -> Vec<&str> {
        let registers = text.iter().filter_map(|text| {
            let (operation, operands) = text.split_once(' ')?;
            let (registers, _) = operands.split_once(", [sp")?;
            (operation == mnemonic && registers != "x29, x30").then_some(registers)
        });
        registers.flat_map(|pair| pair.split(", ")).collect()
    };
    let mut kept = at_stack("stp");
    kept.extend(at_stack("str"));
    let mut given_back = at_stack("ldp");
    given_back.extend(at_stack("ldr"));
    assert_eq!(kept, given_back);
    for number in 0..32 {
        let is_kept = |letter: char| kept.contains(&format!("{letter}{number}").as_str());
        assert_eq!(is_kept('x'), (1..16).contains(&number), "x{number}");
        assert!(is_kept('q'), "q{number}");
    }
}

#[test]
fn words_are_reached_in_the_largest_signature() {
    let types = vec![Type::I64; 1000];
    let signature = Signature::sync(&types, &types);
    let entry = instructions(StubKind::Entry(&signature), false);
    let expected = ["sub sp, sp, #3, lsl #12", "sub sp, sp, #3616"];
    let subtractions = entry.iter().filter(|text| text.starts_with("sub sp"));
    assert!(subtractions.eq(expected.iter()), "{entry:#?}");
    let service = StubKind::Helper {
        helper: Helper::HostCall,
        index: u64::MAX,
        signature: &signature,
    };
    assert!(instructions(service, false).contains(&"str x16, [sp, #7992]".to_string()));
}

#[test]
fn a_throw_gives_the_search_all_registers_and_takes_them_back() {
    let text = instructions(StubKind::Throw(Throw::New), false);
    let expected = [
        "sub sp, sp, #112",
        "stp x30, x29, [sp]",
        "stp x4, x5, [sp, #24]",
        "stp x19, x20, [sp, #40]",
        "stp x21, x22, [sp, #56]",
        "stp x23, x24, [sp, #72]",
        "stp x25, x26, [sp, #88]",
        "str x27, [sp, #104]",
    ];
    assert_eq!(text[..expected.len()], expected);
    let behind = text.iter().position(|text| text == "blr x16").unwrap() + 2;
    let loads = expected[1..]
        .iter()
        .map(|text| text.replace("st", "ld").replace("x30", "x17"));
    assert!(loads.eq(text[behind..][..7].iter().cloned()), "{text:#?}");
    let last = text.iter().position(|text| text == "br x17").unwrap();
    assert_eq!(text[last - 2..last], ["ldr x16, [sp, #16]", "mov sp, x16"]);
}

#[test]
fn vectors_take_two_words_of_a_buffer_and_of_the_stack() {
    let mut types = vec![Type::V128, Type::I8, Type::V128, Type::V128];
    types.extend([Type::V128; 20]);
    let signature = Signature::sync(&types, &types);
    let entry = instructions(StubKind::Entry(&signature), false);
    // Of 23 vectors 8 come in registers, and 4 go.
    for text in [
        "ldr q0, [x19]",
        "ldr x0, [x19, #16]",
        "ldur q1, [x19, #24]",
        "ldur q7, [x19, #120]",
        "stur q3, [x19, #56]",
    ] {
        assert!(entry.contains(&text.to_string()), "{text} {entry:#?}");
    }
    let to_stack = entry.iter().filter(|text| text.starts_with("str x16, [sp"));
    // One more word is the previous activation.
    assert_eq!(to_stack.count(), 2 * (23 - 8) + 1);

    // Behind so many words that no displacement reaches them.
    let mut types = vec![Type::I64; 101];
    types.push(Type::V128);
    let entry = instructions(StubKind::Entry(&Signature::sync(&types, &[])), false);
    let load = entry
        .iter()
        .position(|text| text == "ldr q0, [x19, x16]")
        .expect("a load");
    assert_eq!(entry[load - 1], "movz x16, #808");
}

/// Whether these stand one behind the other.
fn contains(text: &[String], expected: &[&str]) -> bool {
    text.windows(expected.len()).any(|lines| lines == expected)
}

#[test]
fn an_activation_that_suspends_in_another_object_keeps_its_callers_and_frees_the_first_one() {
    let shape = ResumeShape::new(&AARCH64, &Signature::asynchronous(&[], &[]));
    let text = instructions(StubKind::Resume(&shape), false);
    let list = format!("ldr w16, [x16, #{}]", record::FREE_LIST);
    let free = [
        "ldr x16, [x19, #8]",
        &list,
        "ldr x17, [x28, x16]",
        "str x17, [x19]",
        "str x19, [x28, x16]",
    ];
    let finished = [&free[..], &["mov x19, x9"][..]].concat();
    assert!(contains(&text, &finished), "{text:#?}");
    let suspended = [&["str x9, [x15]"][..], &free].concat();
    assert!(contains(&text, &suspended), "{text:#?}");
}

#[test]
fn without_memory_there_is_no_object_whatever_the_buffer_holds() {
    let kind = StubKind::NewSlow {
        helper: Helper::NewObject,
        index: 3,
    };
    let text = instructions(kind, false);
    let expected = ["cmp x0, #0", "ldr x0, [sp, #120]", "csel x0, x0, xzr, eq"];
    assert!(contains(&text, &expected), "{text:#?}");
}
