//! Programs that are too large or too regular to be written by hand.

use enjamb_tests::golden;
use std::fmt::Write;

fn check(text: &str) {
    if let Err(failure) = golden::check(text, false) {
        panic!("line {}: {}\n{text}", failure.line, failure.message);
    }
}

/// Types with a value of each that uses the whole width.
const TYPES: [(&str, &str); 8] = [
    ("i8", "-128"),
    ("i16", "-32767"),
    ("i32", "-2147483647"),
    ("i64", "-9223372036854775807"),
    ("f32", "nan:0x7f800001"),
    ("f64", "nan:0xfff0000000000001"),
    ("v128", "0x8001fffe00000001fedcba9876543210"),
    ("ref", "ref:77"),
];

#[test]
fn every_type_of_result_with_every_type_of_live_value() {
    let mut header = String::new();
    let mut functions = String::from("import %yield = \"enjamb\" \"yield\" () async\n");
    for (result, result_value) in TYPES {
        let _ = write!(
            functions,
            "\nfunction %give_{result}({result}) -> {result} async {{\nblock0(v0: {result}):\n    \
             call %yield()\n    return v0\n}}\n"
        );
        for (live, live_value) in TYPES {
            let name = format!("{result}_beside_{live}");
            let _ = writeln!(
                header,
                "; run: %{name}({result_value}, {live_value}) == {result_value}, {live_value}"
            );
            let _ = write!(
                functions,
                "\nfunction %{name}({result}, {live}) -> {result}, {live} async {{\n\
                 block0(v0: {result}, v1: {live}):\n    v2 = call %give_{result}(v0)\n    \
                 return v2, v1\n}}\n"
            );
        }
    }
    check(&format!("{header}\n{functions}"));
}

#[test]
fn a_module_of_many_async_functions() {
    const FUNCTIONS: usize = 1000;
    let mut text = format!(
        "; run: %f0(5) == {}\n\nimport %sleep = \"enjamb\" \"sleep\" (i64) async\n",
        FUNCTIONS + 4
    );
    for index in 0..FUNCTIONS {
        let _ = write!(
            text,
            "\nfunction %f{index}(i64) -> i64 async {{\nblock0(v0: i64):\n    v1 = iconst.i64 1\n"
        );
        let _ = match index + 1 {
            FUNCTIONS => write!(text, "    call %sleep(v1)\n    return v0\n}}\n"),
            next => write!(
                text,
                "    v2 = call %f{next}(v0)\n    v3 = iadd v2, v1\n    return v3\n}}\n"
            ),
        };
    }
    check(&text);
}

/// As above, but the one or the other is an object, and everything moves.
#[test]
fn every_type_beside_objects() {
    let mut header = String::new();
    let mut functions = String::from(
        r#"import %yield = "enjamb" "yield" () async
import %collect = "enjamb" "collect" ()
type %box = { flag: i8, value: i64 }

function %boxed(i64) -> ref async {
block0(v0: i64):
    v1 = new %box
    call %yield()
    call %collect()
    set_field %box.value, v1, v0
    return v1
}
"#,
    );
    for (ty, value) in TYPES.into_iter().filter(|(ty, _)| *ty != "ref") {
        let _ = writeln!(
            header,
            "; run: %{ty}_beside({value}, 9) == {value}, 9\n; run: %beside_{ty}({value}, 9) == {value}, 9"
        );
        let _ = write!(
            functions,
            "
function %give_{ty}({ty}) -> {ty} async {{
block0(v0: {ty}):
    call %yield()
    call %collect()
    return v0
}}

function %{ty}_beside({ty}, i64) -> {ty}, i64 async {{
block0(v0: {ty}, v1: i64):
    v2 = call %boxed(v1)
    v3 = call %give_{ty}(v0)
    call %collect()
    v4 = get_field.i64 %box.value, v2
    return v3, v4
}}

function %beside_{ty}({ty}, i64) -> {ty}, i64 async {{
block0(v0: {ty}, v1: i64):
    v2 = call %boxed(v1)
    v3 = get_field.i64 %box.value, v2
    return v0, v3
}}
"
        );
    }
    check(&format!("{header}\n{functions}"));
}

/// So many references live across that frames, pointer maps and objects are large.
#[test]
fn three_hundred_references_live_across() {
    const COUNT: usize = 300;
    let mut text = format!(
        r#"; run: %main(2) == {}

import %yield = "enjamb" "yield" () async
import %collect = "enjamb" "collect" ()
type %box = {{ value: i64 }}

function %main(i64) -> i64 async {{
block0(v0: i64):
    v1 = iconst.i64 1
"#,
        (0..COUNT).sum::<usize>()
    );
    for index in 0..COUNT {
        let (number, object) = (2 + 2 * index, 3 + 2 * index);
        let _ = write!(
            text,
            "    v{number} = iconst.i64 {index}\n    v{object} = new %box\n    \
             set_field %box.value, v{object}, v{number}\n"
        );
    }
    let counter = 2 + 2 * COUNT;
    let _ = write!(
        text,
        "    jump block1(v0)\nblock1(v{counter}: i64):\n    call %yield()\n    call %collect()\n    \
         v{left} = isub v{counter}, v1\n    brif v{left}, block1(v{left}), block2\nblock2:\n",
        left = counter + 1
    );
    let mut sum = 2;
    for index in 0..COUNT {
        let value = counter + 2 + 2 * index;
        let _ = write!(
            text,
            "    v{value} = get_field.i64 %box.value, v{}\n    v{} = iadd v{sum}, v{value}\n",
            3 + 2 * index,
            value + 1
        );
        sum = value + 1;
    }
    let _ = write!(text, "    return v{sum}\n}}\n");
    check(&text);
}
