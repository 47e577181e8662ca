//! What is printed parses back to an equal module, for every row of the instruction table.

mod text_samples;

use enjamb_ir::print::{Note, display_inst};
use enjamb_ir::{Effects, Module, Opcode, Payload, Type, parse_module, reference};
use std::collections::BTreeSet;
use text_samples::{LOWERED, MODULE, TRUSTED};

/// Parses, prints and parses again; returns the module and its text.
fn round_trip(text: &str) -> (Module, String) {
    let module = parse_module(text).unwrap_or_else(|errors| panic!("{errors}\nin\n{text}"));
    let printed = module.to_string();
    let again = parse_module(&printed).unwrap_or_else(|errors| panic!("{errors}\nin\n{printed}"));
    assert!(module == again, "not equal after printing:\n{printed}");
    assert_eq!(
        printed,
        again.to_string(),
        "printing again gives another text"
    );
    (module, printed)
}

fn opcodes_of(module: &Module, seen: &mut BTreeSet<Opcode>) {
    for (_, function) in module.bodies() {
        for &block in &function.order {
            let insts = function.blocks[block].insts.iter();
            seen.extend(insts.map(|&inst| function.insts[inst].opcode));
        }
    }
}

#[test]
fn samples_are_printed_as_they_are_written() {
    for sample in [MODULE, LOWERED, TRUSTED] {
        let (_, printed) = round_trip(sample);
        assert_eq!(printed, sample);
    }
}

#[test]
fn every_instruction_of_the_table_survives() {
    let mut seen = BTreeSet::new();
    for sample in [MODULE, LOWERED, TRUSTED] {
        opcodes_of(&round_trip(sample).0, &mut seen);
    }
    for row in Opcode::all() {
        let Some(example) = reference::example_module(row).expect("well-formed example") else {
            continue;
        };
        opcodes_of(&round_trip(&example.module).0, &mut seen);
    }
    for row in Opcode::all() {
        assert!(seen.contains(&row.opcode), "no sample has `{}`", row.name);
    }
}

#[test]
fn lowered_sample_has_all_lowered_instructions() {
    let mut seen = BTreeSet::new();
    opcodes_of(&round_trip(LOWERED).0, &mut seen);
    for row in Opcode::all() {
        if row.effects.has(Effects::LOWERED) {
            assert!(seen.contains(&row.opcode), "`{}` is missing", row.name);
        }
    }
}

#[test]
fn spelling_that_differs_is_printed_in_one_way() {
    let (_, printed) = round_trip(
        "memory %m 0..1\n\n; a comment\nfunction %f(i8,\n  i64)->i8,f32{\r\nblock7 ( v9 : i8 , v2:i64 ) :\n\
         v1=iconst.i8 0xff;comment\n  v3 = iconst.i8 255\nv4=fconst.f32 1.50e0\nstore %m[v2+0],v1 \n\
         return v1,v4\n}",
    );
    assert_eq!(
        printed,
        "memory %m 0..1

function %f(i8, i64) -> i8, f32 {
block7(v9: i8, v2: i64):
    v1 = iconst.i8 -1
    v3 = iconst.i8 -1
    v4 = fconst.f32 1.5
    store %m[v2], v1
    return v1, v4
}
"
    );
}

#[test]
fn an_empty_module_is_an_empty_text() {
    let (module, printed) = round_trip("");
    assert_eq!(printed, "");
    assert!(module == Module::new());
}

#[test]
fn imports_between_functions_keep_their_numbers() {
    let text = "function %a() {\nblock0:\n    call %b()\n    return\n}\n\n\
                import %b = \"host\" \"b\" ()\n\nfunction %c() {\nblock0:\n    call %b()\n    return\n}\n";
    let (module, printed) = round_trip(text);
    assert_eq!(printed, text);
    let names: Vec<&str> = module.functions.values().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn types_of_values_defined_further_down_are_found() {
    let (module, _) = round_trip(
        "function %f(f64) -> f64 {\nblock0(v0: f64):\n    jump block2\nblock1:\n    v3 = fadd v2, v2\n    \
         v4 = fneg v3\n    v5 = fcmp lt v4, v3\n    brif v5, block3, block3\nblock2:\n    v1 = fadd v0, v0\n    \
         v2 = fmul v1, v0\n    jump block1\nblock3:\n    return v4\n}\n",
    );
    let (_, function) = module.bodies().next().expect("a function");
    let types: Vec<&str> = function
        .values
        .values()
        .map(|data| data.ty.name())
        .collect();
    assert_eq!(types, ["f64", "f64", "f64", "f64", "f64", "i8"]);
}

#[test]
fn notes_are_comments_and_do_not_change_the_meaning() {
    let module = parse_module(MODULE).expect("a module");
    let (id, function) = module.bodies().next().expect("a function");
    let note = |at: Note| match at {
        Note::Block(block) => Some(format!("enters {block}\nhere")),
        Note::Inst(inst) => (function.results(inst).is_empty()).then(|| "no result".to_string()),
    };
    let shown = module
        .display_function(function)
        .with_notes(&note)
        .to_string();
    assert_eq!(
        shown,
        "function %double(i64) -> i64 {
block0(v0: i64): ; enters block0 here
    v1 = iadd v0, v0
    return v1 ; no result
}
"
    );
    let again = parse_module(&shown).expect("a module");
    assert!(again.bodies().next().map(|(_, again)| again) == module.functions[id].body());
}

#[test]
fn without_a_module_other_functions_have_numbers() {
    let module = parse_module(MODULE).expect("a module");
    let main = module.function_named("main").expect("a function");
    let function = module.functions[main].body().expect("a body");
    let call = function.blocks[function.order[0]].insts[0];
    let inst = |module| display_inst(module, function, call).to_string();
    assert_eq!(inst(Some(&module)), "v1 = call %double(v0) @ file0:3:14");
    assert_eq!(inst(None), "v1 = call func2(v0) @ file0:3:14");
    assert!(function.to_string().contains("v1 = call func2(v0)"));
}

#[test]
fn equality_sees_every_part_and_no_numbering_of_instructions() {
    let one = parse_module(MODULE).expect("a module");
    for (from, to) in [
        ("v1 = iadd v0, v0", "v1 = isub v0, v0"),
        ("slot 4 align 4", "slot 4 align 2"),
        ("block3 cold", "block3"),
        ("@ file0:3:14", "@ file0:3:15"),
        ("block1(v0, v1)\n", "block1(v1, v1)\n"),
        ("%heap[v0+4294967295]", "%heap[v0]"),
        ("fconst.f64 0.5", "fconst.f64 0.25"),
        ("null.funcref", "null.ref"),
        ("{ value: i64, next: ref,", "{ next: ref, value: i64,"),
        ("%bytes = [i8]", "%bytes = [i16]"),
        ("    root1 = root\n", "    root1 = root\n    root2 = root\n"),
        ("roots [root0, root1]", "roots [root1, root0]"),
        ("root_get root1", "root_get root0"),
    ] {
        assert!(MODULE.contains(from), "{from}");
        let other = parse_module(&MODULE.replacen(from, to, 1)).expect("a module");
        assert!(one != other, "{from} and {to} are equal");
    }
    let mut other = one.clone();
    let double = other.function_named("double").expect("a function");
    let body = other.functions[double].body_mut().expect("a body");
    let unused = body.make_inst(Opcode::Unreachable, Type::I64, Payload::None, &[], &[]);
    assert!(!body.blocks[body.order[0]].insts.contains(&unused));
    body.reserve_values(50);
    assert!(one == other);
}

/// Names of fields are any words, and lists go on in other lines: one of these may begin with a word that a declaration
/// begins with as well.
#[test]
fn a_field_at_the_start_of_a_line_has_any_name() {
    let words = [
        "module", "fuel", "import", "memory", "data", "global", "type", "table", "export",
        "function",
    ];
    for word in words {
        let text = format!(
            "function %f() async lowered {{
    layout0 = size 32 {{
        other: i64 @ 16,
        {word}: i64 @ 24
    }}
    point0 = layout0 () saves [
        {word} = v1,
        other = v1
    ]
block0(v0: cont):
    v1 = iconst.i64 7
    return
}}
"
        );
        let (module, _) = round_trip(&text);
        assert_eq!(module.bodies().count(), 1);
    }
}
