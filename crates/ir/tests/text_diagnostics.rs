//! How errors are shown to a person.

use enjamb_ir::diagnostic::render;
use enjamb_ir::parse::read_module;
use enjamb_ir::{Diagnostic, parse_module, parse_with_spans, verify_module};

#[test]
fn an_error_shows_file_line_column_the_line_and_a_caret() {
    let text = "memory %heap 1..2\nglobal %g: i64 = five ; ü\ndata %d = \"üü\" x\n";
    let errors = parse_module(text).expect_err("malformed");
    assert_eq!(
        render(&errors.diagnostics, "prog.enj", text, false),
        "error: expected an integer of type i64, found `five`
 --> prog.enj:2:18
  |
2 | global %g: i64 = five ; ü
  |                  ^^^^

error: expected the end of the line, found `x`
 --> prog.enj:3:16
  |
3 | data %d = \"üü\" x
  |                ^
"
    );
    let columns: Vec<u32> = errors
        .diagnostics
        .iter()
        .filter_map(|d| d.span)
        .map(|s| s.column)
        .collect();
    assert_eq!(columns, [18, 16]);
}

#[test]
fn notes_stand_below() {
    let text = "function %f() {\nblock0:\n    v1 = iconst.i8 4\n    v1 = iconst.i8 5\n}\n";
    let errors = parse_module(text).expect_err("malformed");
    assert_eq!(
        render(&errors.diagnostics, "prog.enj", text, false),
        "error: `v1` is defined twice
 --> prog.enj:4:5
  |
4 |     v1 = iconst.i8 5
  |     ^^
  |
  = note: it is first defined on line 3
"
    );
}

#[test]
fn errors_of_the_verifier_are_shown_at_the_text() {
    let text = "function %f(i64) -> i64 {\nblock0(v0: i64):\n    v1 = iconst.i8 1\n    v2 = iadd v0, v1 @ file0:1:2\n    return v2\n}\nfile0 = \"a\"\n";
    let parsed = parse_with_spans(text).expect("well-formed");
    let errors = verify_module(&parsed.module).expect_err("a wrong type");
    let shown = render(&parsed.diagnostics(&errors), "prog.enj", text, false);
    let place = " --> prog.enj:4:5
  |
4 |     v2 = iadd v0, v1 @ file0:1:2
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = note: in function `%f`
";
    assert!(shown.ends_with(place), "{shown}");
}

#[test]
fn an_error_about_the_whole_has_no_line() {
    let error = Diagnostic::general("nothing fits").note("not even this");
    assert_eq!(
        render(&[error], "prog.enj", "", false),
        "error: nothing fits\n--> prog.enj\n = note: not even this\n"
    );
}

#[test]
fn color_is_added_only_on_demand() {
    let error = [Diagnostic::general("nothing fits")];
    assert!(!render(&error, "prog.enj", "", false).contains('\u{1b}'));
    assert!(render(&error, "prog.enj", "", true).contains('\u{1b}'));
}

#[test]
fn the_end_of_a_very_long_line_is_shown_near_the_error() {
    let text = format!("table %t [{}five]\n", "null, ".repeat(10_000));
    let errors = parse_module(&text).expect_err("malformed");
    let shown = render(&errors.diagnostics, "prog.enj", &text, false);
    assert!(shown.contains("five]"), "{shown}");
    assert!(shown.len() < 2_000, "{} bytes", shown.len());
}

/// The lines of the errors of the syntax, and those of the errors of the verifier.
fn lines(text: &str) -> (Vec<u32>, Vec<u32>) {
    let reading = read_module(text);
    let line = |diagnostic: &Diagnostic| diagnostic.span.expect("a place").line;
    let errors = verify_module(&reading.parsed.module).err();
    let concerned = errors.iter().flatten().filter(|e| reading.concerns(e));
    let broken = reading.parsed.diagnostics(concerned);
    let syntax = reading.diagnostics.iter().map(line).collect();
    (syntax, broken.iter().map(line).collect())
}

#[test]
fn functions_without_syntax_errors_are_verified_whatever_is_wrong_with_others() {
    let text = "global %g: i64 = null
function %typo() -> i64 {
block0:
    v0 = iconst.i65 1
    return v0
}
function %good() -> i64 {
block0:
    v0 = call %typo()
    return v0
}
function %wrong() -> i64 {
block0:
    return
}";
    assert_eq!(lines(text), (vec![4], vec![1, 14]));
    assert_eq!(lines(&text.replace("i65", "i64")), (vec![], vec![1, 14]));
}

#[test]
fn a_declaration_that_cannot_be_read_has_no_follow_up_errors() {
    let text = "module trusted
global %g: i65 = 0
memory %m 1..
function %f(i64 -> i64 {
block0(v0: i64):
    return v0
}
export \"f\" = %f
table %t [%f]
global %h: funcref = %f
function %caller() -> i64 {
block0:
    v0 = global_get.i64 %g
    v1 = call %f(v0)
    call %missing()
    return v1
}
function %raw(i64) -> i64 {
block0(v0: i64):
    v1 = load.i64 raw[v0]
    return v1
}
function %wrong() -> i64 {
block0:
    return
}";
    assert_eq!(lines(text), (vec![2, 3, 4, 15], vec![25]));
    let misspelt = text.replace("trusted", "trustet");
    assert_eq!(lines(&misspelt), (vec![1, 2, 3, 4, 15], vec![25]));
}
