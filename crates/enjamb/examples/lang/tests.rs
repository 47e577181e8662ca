//! The scripts beside this file print what stands there, wherever and however they run.

use crate::compile::compile;
use crate::run::run;
use enjamb::prelude::*;
use futures::executor::block_on;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Engines of both kinds, under schedules that suspend whenever possible, never, and as it comes; machine code
/// with and without a collection wherever one may happen.
fn engines() -> Vec<(String, Engine)> {
    let mut engines = Vec::new();
    for execution in [Execution::Jit, Execution::Interpreter] {
        for schedule in [Schedule::Always, Schedule::Never, Schedule::Natural, Schedule::Random(1)]
        {
            for gc_stress in [true, false] {
                let config =
                    Config::new().execution(execution).schedule(schedule).gc_stress(gc_stress);
                let name = format!("{execution:?}, schedule {schedule}, stress {gc_stress}");
                if let Ok(engine) = Engine::new(config.clock(Clock::Virtual)) {
                    engines.push((name, engine));
                }
            }
        }
    }
    engines
}

/// What a script prints, and then its message if it ends badly.
fn output(engine: &Engine, file_name: &str, text: &str) -> String {
    let lines = Arc::new(Mutex::new(String::new()));
    let printed = Arc::clone(&lines);
    let result = block_on(run(engine, file_name, text, move |line| {
        let mut lines = printed.lock().unwrap();
        lines.push_str(line);
        lines.push('\n');
    }));
    let message = result.err().unwrap_or_default();
    let lines = lines.lock().unwrap();
    format!("{lines}{message}")
}

#[test]
fn scripts_print_what_stands_beside_them() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/lang/scripts");
    let mut count = 0;
    for entry in fs::read_dir(scripts).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "lang") {
            continue;
        }
        let file_name = path.file_name().unwrap().to_string_lossy();
        let text = fs::read_to_string(&path).unwrap();
        let expected = fs::read_to_string(path.with_extension("out")).unwrap();
        for (engine_name, engine) in engines() {
            let output = output(&engine, &file_name, &text);
            assert_eq!(output, expected, "{file_name} on {engine_name}");
        }
        count += 1;
    }
    assert!(count >= 5, "{count} scripts");
}

/// What is wrong with a script of which `main` is a part.
fn wrong(statements: &str) -> String {
    output(&Engine::interpreter(), "x.lang", &format!("fn main() {{\n{statements}\n}}\n"))
}

#[test]
fn errors_have_their_place() {
    let message = wrong("    let x = 1;\n    x = x + \"one\";");
    let expected = "\
error: this is of type str, not int
 --> x.lang:3:13
  |
3 |     x = x + \"one\";
  |             ^^^^^
";
    assert_eq!(message, expected);
    for (statements, message) in [
        ("let x = ;", "2:9: here should be an expression, not `;`"),
        ("sleep(1", "3:1: here should be `)`, not `}`"),
        ("print(\"a);", "2:7: this text has no end"),
        ("let x = 9223372036854775808;", "2:9: a number has no more than 64 bits"),
        ("let é = 1;", "2:5: `é` means nothing here"),
        ("x = 1;", "2:1: there is no variable `x`"),
        ("if 1 { let x = 1; } x;", "2:21: there is no variable `x`"),
        ("try {} catch e {} e;", "2:19: there is no variable `e`"),
        ("1 = 2;", "2:3: here should be `;`, not `=`"),
        ("let x = [];", "2:10: here should be an expression"),
        ("[1] == [2];", "2:5: there is no `==` for [int]"),
        ("\"a\" < \"b\";", "2:5: there is no `<` for str"),
        ("len(1);", "2:1: this is of type int, no text or list"),
        ("let x = 1; x[0] = 2;", "2:13: this is of type int, no text or list"),
        ("\"\" + spawn main();", "2:4: no text stands for a task int"),
        ("spawn x();", "2:7: there is no function `x`"),
        ("join 1;", "2:1: what is joined is no task"),
        ("sleep();", "2:7: here should be an expression"),
        ("return 1; return 2;", "2:11: this is never reached"),
        ("throw 1;", "2:7: this is of type int, not str"),
    ] {
        let (place, what) = message.split_once(": ").unwrap();
        let shown = wrong(statements);
        assert!(shown.contains(&format!("x.lang:{place}\n")), "{message}:\n{shown}");
        assert!(shown.starts_with(&format!("error: {what}")), "{message}:\n{shown}");
    }
}

#[test]
fn functions_are_checked_too() {
    for (text, message) in [
        ("", "the module has no function `main`"),
        ("fn main() {} fn main() {}", "`%main` is declared twice"),
        ("fn main() {} fn print() {}", "`%print` is declared twice"),
        ("fn main(x: int) {}", "function `main` has signature (i64) -> i64 async, but"),
        (
            "fn main() {} fn f() -> str { if 1 { return \"\"; } }",
            "its end is reached without a str",
        ),
        ("fn main() {} fn f(x: real) {}", "there is no type `real`"),
        ("fn main() {} }", "here should be `fn`, not `}`"),
    ] {
        let shown = output(&Engine::interpreter(), "x.lang", text);
        assert!(shown.starts_with(&format!("error: {message}")), "{message}:\n{shown}");
    }
}

/// Nothing is so deep that the compiler runs out of stack.
#[test]
fn what_is_nested_too_deeply_is_refused() {
    let repeated = |open: &str, close: &str| {
        let statement = format!("{}1{};", open.repeat(50_000), close.repeat(50_000));
        let shown = wrong(&statement);
        assert!(shown.starts_with("error: this is nested too deeply"), "{shown}");
    };
    for (open, close) in [("(", ")"), ("-", ""), ("[", "]"), ("(", " + 1)"), ("join ", "")] {
        repeated(open, close);
    }
    repeated("if 1 {", "}");
    repeated("if 1 {} else ", "{}");
    let (open, close) = ("x[".repeat(50_000), "]".repeat(50_000));
    let shown = wrong(&format!("let x = [1]; {open}0{close};"));
    assert!(shown.starts_with("error: this is nested too deeply"), "{shown}");
    let text = format!("fn f(x: {}int", "[".repeat(50_000));
    let shown = output(&Engine::interpreter(), "x.lang", &text);
    assert!(shown.starts_with("error: this is nested too deeply"), "{shown}");
    // Chains are no nests.
    let shown = wrong(&format!("x + {}1;", "1 + ".repeat(50_000)));
    assert!(shown.starts_with("error: there is no variable `x`"), "{shown}");
}

/// What the tutorial shows stands in these files, or comes out.
#[test]
fn the_tutorial_quotes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // A packaged crate stands alone.
    let Ok(tutorial) = fs::read_to_string(root.join("../../docs/tutorial.md")) else {
        return;
    };
    let (module, _) = compile("tour.lang", include_str!("scripts/tour.lang")).unwrap();
    let mut known = format!("{module}\n{}", wrong("    let x = 1;\n    x = x + \"one\";"));
    for folder in ["examples/lang", "examples/lang/scripts"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            known += &fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
        }
    }
    for block in tutorial.split("```").skip(1).step_by(2) {
        let (language, quoted) = block.split_once('\n').unwrap();
        assert!(language == "sh" || known.contains(quoted), "nowhere:\n{quoted}");
    }
    let readme = fs::read_to_string(root.join("../../README.md")).unwrap();
    assert!(readme.contains(include_str!("scripts/tour.out")), "the README shows the tour");
}
