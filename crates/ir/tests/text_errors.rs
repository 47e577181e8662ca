//! What malformed text gets: messages that name the place, what was expected and what was found.

use enjamb_ir::parse_module;

/// What a tested line may name; the line is the last one of the body.
const SURROUNDINGS: &str = "memory %heap 1..2
data %bytes = \"abc\"
global %count: i64 = 0
table %table [%f]
import %two = \"host\" \"two\" (i64) -> i64, f64
function %f(i64) -> i64 lowered {
    ss0 = slot 8 align 8
    sig0 = (i64) -> i64
    layout0 = size 32 { v1: i64 @ 24 }
    point0 = layout0 (i64) saves [v1 = v1]
block0(v0: i64):
";

/// The errors of a text, one per line, as `line:column: message`.
fn errors(text: &str) -> String {
    match parse_module(text) {
        Ok(_) => "no error".to_string(),
        Err(errors) => errors.to_string(),
    }
}

/// Compares all before failing, so a change of wording shows everything that it changes.
fn assert_errors(cases: &[(&str, &str)], text_of: impl Fn(&str) -> String) {
    let different: Vec<String> = cases
        .iter()
        .map(|(case, expected)| (case, errors(&text_of(case)), expected))
        .filter(|(_, found, expected)| found != *expected)
        .map(|(case, found, expected)| {
            format!("{case:?}\n  expected {expected}\n  found    {found}")
        })
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn declarations() {
    assert_errors(DECLARATIONS, str::to_string);
}

#[test]
fn instructions_and_blocks() {
    assert_errors(LINES, |line| format!("{SURROUNDINGS}{line}\n}}\n"));
}

#[test]
fn the_surroundings_are_right() {
    let text = format!("{SURROUNDINGS}return v0\n}}\n");
    assert_eq!(errors(&text), "no error");
}

#[test]
fn at_most_a_hundred_errors_are_shown() {
    let text = format!("{SURROUNDINGS}{}}}\n", "    v1 = iad v0\n".repeat(500));
    let errors = parse_module(&text).expect_err("malformed").diagnostics;
    assert_eq!(errors.len(), 101);
    assert_eq!(errors[100].to_string(), "further errors are not shown");
}

#[test]
fn short_texts_with_large_numbers_take_little_memory() {
    let function =
        |index| format!("function %f{index}() {{\nblock0(v1048575: i64):\n    return\n}}\n");
    let text: String = (0..10).map(function).collect();
    let message = "the numbers of this text leave too many unused";
    assert!(errors(&text).contains(message), "{}", errors(&text));
    assert_eq!(errors(&function(0)), "no error");
}

/// Texts, and the errors they get.
const DECLARATIONS: &[(&str, &str)] = &[
    ("hello", "1:1: expected a declaration, found `hello`"),
    (
        "memory %m 1..2\nmodule trusted",
        "2:1: `module trusted` must be the first declaration",
    ),
    (
        "module untrusted",
        "1:8: expected `trusted`, found `untrusted`",
    ),
    (
        "memory heap 1..2",
        "1:8: expected a name, as in `%name`, found `heap`",
    ),
    (
        "memory % 1..2",
        "1:8: expected a name, as in `%name`, found `%`",
    ),
    ("memory %heap 1 2", "1:16: expected `..`, found `2`"),
    (
        "memory %heap 1..99999999999999999999999",
        "1:17: `99999999999999999999999` is too large for the greatest number of pages",
    ),
    (
        "memory %heap 1..2 3",
        "1:19: expected the end of the line, found `3`",
    ),
    (
        "memory %heap 1..2\ndata %heap = \"a\"",
        "2:6: `%heap` is declared twice\n    note: it is first declared on line 1",
    ),
    (
        "data %d = \"abc",
        "1:11: expected a string, found a string without closing quote",
    ),
    (
        "data %d = \"a\\q\"",
        "1:11: `\\q` is no escape\n    note: the escapes are \\n, \\t, \\\\, \\\" and two hexadecimal digits",
    ),
    (
        "data %d = \"a\\4\"",
        "1:11: `\\4` is no escape\n    note: the escapes are \\n, \\t, \\\\, \\\" and two hexadecimal digits",
    ),
    (
        "data %d = %missing[0] \"a\"",
        "1:11: `%missing` is not declared",
    ),
    (
        "data %d = \"a\"\nexport \"d\" = %d",
        "2:14: expected a function, memory, global or table, found `%d`, which is a data segment",
    ),
    ("export \"f\" = %f", "1:14: `%f` is not declared"),
    (
        "fuel none",
        "1:6: expected `trap` or `suspend`, found `none`",
    ),
    ("fuel trap\nfuel trap", "2:6: `fuel` is declared twice"),
    ("fuel suspend %pause", "1:14: `%pause` is not declared"),
    (
        "memory %m 1..2\nfuel suspend %m debt 5",
        "2:14: expected a function, found `%m`, which is a memory",
    ),
    (
        "import %p = \"a\" \"b\" () async\nfuel suspend %p debt 5000000000",
        "2:22: `5000000000` is too large for an amount of fuel",
    ),
    (
        "memory %m 1..2\nexport \"m\" = %m\nexport \"m\" = %m",
        "3:8: `m` is exported twice",
    ),
    (
        "export \"\\ff\" = %f",
        "1:8: this string is not valid UTF-8",
    ),
    (
        "global %g: i8 = 300",
        "1:17: `300` is out of the range of i8",
    ),
    (
        "global %g: ref = 5",
        "1:18: expected `null` or a function, found `5`",
    ),
    (
        "global %g: i64",
        "1:15: expected `=`, found the end of the text",
    ),
    ("global %g: i128 = 0", "1:12: expected a type, found `i128`"),
    (
        "global %g: funcref = %g",
        "1:22: expected a function, found `%g`, which is a global",
    ),
    (
        "table %t [null null]",
        "1:16: expected `,` or `]`, found `null`",
    ),
    (
        "table %t [%f",
        "1:13: expected `,` or `]`, found the end of the text",
    ),
    (
        "table %t [5]",
        "1:11: expected `null` or a function, as in `%name`, found `5`",
    ),
    (
        "file1 = \"a\"",
        "1:1: expected `file0`, found `file1`\n    note: files are numbered in order",
    ),
    ("import %f = \"a\" ()", "1:17: expected a string, found `(`"),
    (
        "import %f = \"a\" \"b\" (i64 -> i64",
        "1:26: expected `,` or `)`, found `->`",
    ),
    (
        "function %f() {\nblock0:\n    return\n",
        "1:10: the body of `%f` is not closed",
    ),
    (
        "function %f() {\nblock0:\n    return\nfunction %g() {\n}\n",
        "1:10: the body of `%f` is not closed",
    ),
    (
        "function %f() async lowered {\n    layout0 = size 16 { a: i64\nfunction %g() {\n}\n",
        "1:10: the body of `%f` is not closed",
    ),
    ("function %f() -> {\n}", "1:18: expected a type, found `{`"),
    (
        "function %f() {\n} }",
        "2:3: expected the end of the line, found `}`",
    ),
    ("function %f {\n}", "1:13: expected `(`, found `{`"),
    (
        "function %f()\n{\n}",
        "1:14: expected `{`, found the end of the line",
    ),
    (
        "function %f() {\n    return\n}",
        "2:5: an instruction stands before the first block",
    ),
    (
        "function %f() {\n    ss1 = slot 8 align 8\n}",
        "2:5: expected `ss0`, found `ss1`\n    note: declarations of a kind are numbered in order",
    ),
    (
        "function %f() {\n    ss0 = slot 8\n}",
        "2:17: expected `align`, found the end of the line",
    ),
    (
        "function %f() {\n    layout0 = size 24 { v1: i64 @ 24, v1: i64 @ 32 }\n}",
        "2:39: the layout has two fields `v1`",
    ),
    (
        "function %f() {\n    layout0 = size 24 { v1: bytes 8 @ 24 }\n}",
        "2:37: expected `align`, found `@`",
    ),
    (
        "function %f() {\n    point0 = layout0 () saves []\n}",
        "2:14: `layout0` is not declared",
    ),
    (
        "function %f() {\n    layout0 = size 24 {}\n    point0 = layout0 () saves [v1 = v1]\n}",
        "3:32: `layout0` has no field `v1`",
    ),
    (
        "function %f() {\nblock0:\n    jump block0\nblock0:\n    return\n}",
        "4:1: `block0` is defined twice\n    note: it is first defined on line 2",
    ),
    (
        "memory %m 1..x\nfunction %f() {\nblock0:\n    v1 = iad v0, v0\n    v2 = iadd v1,\n    return v9\n}\nglobal %g i64 = 0\n",
        "1:14: expected the greatest number of pages, a decimal number, found `x`\n4:10: there is no instruction `iad`\n5:18: expected a value, as in `v0`, found the end of the line\n8:11: expected `:`, found `i64`",
    ),
];

/// Lines behind the surroundings, which have eleven lines, and the errors they get.
const LINES: &[(&str, &str)] = &[
    (
        "v1 = frobnicate v0",
        "12:6: there is no instruction `frobnicate`",
    ),
    ("v1 = iadd v0, v7", "12:15: `v7` is not defined"),
    (
        "v1 = iadd v0 v0",
        "12:14: expected the end of the line, found `v0`",
    ),
    (
        "v1 = iadd.i64 v0, v0",
        "12:6: `iadd` takes no type, its operands say enough",
    ),
    (
        "v1 = iconst 5",
        "12:6: `iconst` needs the type of its result, as in `iconst.i64`",
    ),
    ("v1 = iconst.i65 5", "12:6: expected a type, found `i65`"),
    (
        "v1 = iconst.f64 5",
        "12:6: expected an integer type for the constant, found `f64`",
    ),
    (
        "v1 = fconst.i64 5",
        "12:6: expected a float type for the constant, found `i64`",
    ),
    (
        "v1 = iconst.i8 256",
        "12:16: `256` is out of the range of i8",
    ),
    (
        "v1 = iconst.i8 -129",
        "12:16: `-129` is out of the range of i8",
    ),
    (
        "v1 = iconst.i64 0x1ffffffffffffffff",
        "12:17: `0x1ffffffffffffffff` is out of the range of i64",
    ),
    (
        "v1 = iconst.i64 999999999999999999999999999999999999999999999999999",
        "12:17: `999999999999999999999999999999999999999999999999999` is out of the range of i64",
    ),
    (
        "v1 = iconst.i64 5x",
        "12:17: expected an integer of type i64, found `5x`",
    ),
    (
        "v1 = iconst.i64 five",
        "12:17: expected an integer of type i64, found `five`",
    ),
    (
        "v1 = fconst.f64 1e999",
        "12:17: `1e999` is out of the range of f64",
    ),
    (
        "v1 = fconst.f32 nan:0x1",
        "12:21: 0x1 is not the bits of a NaN of type f32",
    ),
    (
        "v1 = fconst.f64 nan",
        "12:20: expected `:`, found the end of the line",
    ),
    (
        "v1 = fconst.f64 -nan",
        "12:17: expected a float of type f64, found `-nan`",
    ),
    (
        "v1 = iadd",
        "12:6: `iadd` lacks the operand that says its type",
    ),
    (
        "v1, v2 = iadd v0, v0",
        "12:1: `iadd` gives 1 result here, but 2 stand on the left",
    ),
    (
        "iadd v0, v0",
        "12:1: `iadd` gives 1 result here, but 0 stand on the left",
    ),
    (
        "v1 = return v0",
        "12:1: `return` gives 0 results here, but 1 stand on the left",
    ),
    (
        "v1 = call %two(v0)",
        "12:1: `call` gives 2 results here, but 1 stand on the left",
    ),
    ("call %missing()", "12:6: `%missing` is not declared"),
    (
        "call %heap()",
        "12:6: expected a function, found `%heap`, which is a memory",
    ),
    ("v1 = call %f(v0", "13:1: expected `,` or `)`, found `}`"),
    ("v1 = call %f v0", "12:14: expected `(`, found `v0`"),
    (
        "v1 = call_indirect sig1, v0(v0)",
        "12:20: `sig1` is not declared",
    ),
    (
        "v0 = iconst.i64 5",
        "12:1: `v0` is defined twice\n    note: it is first defined on line 11",
    ),
    (
        "v1 = iconst.i64 5\nv1 = iconst.i64 6",
        "13:1: `v1` is defined twice\n    note: it is first defined on line 12",
    ),
    (
        "v1 = iadd v1, v0",
        "12:11: the type of `v1` depends on itself",
    ),
    (
        "v1 = iadd v2, v0\nv2 = iadd v1, v0",
        "12:11: the type of `v2` depends on itself\n13:11: the type of `v1` depends on itself",
    ),
    ("jump block5", "12:6: `block5` is not defined"),
    (
        "jump v0",
        "12:6: expected a block, as in `block0`, found `v0`",
    ),
    (
        "brif v0, block0(v0)",
        "12:20: expected `,`, found the end of the line",
    ),
    (
        "br_table v0, block0(v0), block0(v0)",
        "12:26: expected `[`, found `block0`",
    ),
    (
        "block0:",
        "12:1: `block0` is defined twice\n    note: it is first defined on line 11",
    ),
    ("block1(v1):", "12:10: expected `:`, found `)`"),
    ("block1(v1: int):", "12:12: expected a type, found `int`"),
    ("block1 warm:", "12:8: expected `:`, found `warm`"),
    ("block1", "12:7: expected `:`, found the end of the line"),
    (
        "block4294967295:",
        "12:1: the number of `block4294967295` is too large",
    ),
    (
        "block2000000:",
        "12:1: 2000000 is too large a number: it must be below 1048576",
    ),
    (
        "v3000000 = iconst.i64 5",
        "12:1: 3000000 is too large a number: it must be below 1048576",
    ),
    (
        "v99999999999 = iconst.i64 5",
        "12:1: the number of `v99999999999` is too large",
    ),
    ("v01 = iconst.i64 5", "12:1: there is no instruction `v01`"),
    (
        "v1 = load.i64 [v0]",
        "12:15: expected a place: `%memory[…]`, `ss0[…]`, `addr[…]` or `raw[…]`, found `[`",
    ),
    ("v1 = load.i64 %heap(v0)", "12:20: expected `[`, found `(`"),
    (
        "v1 = load.i64 %heap[8]",
        "12:21: expected a value, as in `v0`, found `8`",
    ),
    (
        "v1 = load.i64 %heap[v0-8]",
        "12:23: expected `]`, found `-8`",
    ),
    (
        "v1 = load.i64 %heap[v0+4294967296]",
        "12:24: `4294967296` is too large for an offset in bytes",
    ),
    ("v1 = load.i64 ss1[0]", "12:15: `ss1` is not declared"),
    (
        "v1 = load.i64 %bytes[v0]",
        "12:15: expected a memory, found `%bytes`, which is a data segment",
    ),
    (
        "store %heap[v0]",
        "12:7: `store` takes 1 operand behind the place, found 0",
    ),
    (
        "store ss0[0], v0, v0",
        "12:7: `store` takes 1 operand behind the place, found 2",
    ),
    (
        "v1 = icmp less v0, v0",
        "12:11: expected a condition, as `eq` or `slt`, found `less`",
    ),
    (
        "v1 = fcmp slt v0, v0",
        "12:11: expected a condition, as `eq` or `lt`, found `slt`",
    ),
    (
        "trap because",
        "12:6: expected the reason of a trap, found `because`",
    ),
    (
        "v1 = global_get.i64 %table",
        "12:21: expected a global, found `%table`, which is a table",
    ),
    (
        "v1 = table_get %count, v0",
        "12:16: expected a table, found `%count`, which is a global",
    ),
    (
        "memory_init %heap, %heap, v0, v0, v0",
        "12:20: expected a data segment, found `%heap`, which is a memory",
    ),
    (
        "v1 = field_load.i64 layout0.v2, v0",
        "12:21: `layout0` has no field `v2`",
    ),
    (
        "v1 = field_load.i64 layout1.v1, v0",
        "12:21: `layout1` is not declared",
    ),
    (
        "v1 = field_load.i64 v1, v0",
        "12:21: expected a field, as in `layout0.v7`, found `v1`",
    ),
    (
        "v1 = result_load.i64 point0.1, v0",
        "12:22: `point0` has no result `1`, it has 1",
    ),
    (
        "v1 = result_load.i64 point1.0, v0",
        "12:22: `point1` is not declared",
    ),
    ("set_point point7, v0", "12:11: `point7` is not declared"),
    ("return v0 @ file0:1:1", "12:13: `file0` is not declared"),
    (
        "return v0 @ 1:1",
        "12:13: expected a source file, as in `file0`, found `1`",
    ),
    (
        "return v0 v0",
        "12:11: expected the end of the line, found `v0`",
    ),
    (
        "ss1 = slot 8 align 8",
        "12:1: `ss1` must be declared before the first block",
    ),
    (
        "? v0",
        "12:1: expected a block or an instruction, found `?`",
    ),
    (
        "%f(v0)",
        "12:1: expected a block or an instruction, found `%f`",
    ),
    ("v1 = v0", "12:6: there is no instruction `v0`"),
    (
        "return \u{7}",
        "12:8: expected a value, as in `v0`, found U+0007",
    ),
];
