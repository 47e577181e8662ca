//! Programs that are too large or too regular to be written by hand.

use enjamb_tests::golden;
use std::fmt::Write;

fn check(text: &str) {
    if let Err(failure) = golden::check(text, false) {
        panic!("line {}: {}\n{text}", failure.line, failure.message);
    }
}

/// Types with a value of each that uses the whole width.
const TYPES: [(&str, &str); 7] = [
    ("i8", "-128"),
    ("i16", "-32767"),
    ("i32", "-2147483647"),
    ("i64", "-9223372036854775807"),
    ("f32", "nan:0x7f800001"),
    ("f64", "nan:0xfff0000000000001"),
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
