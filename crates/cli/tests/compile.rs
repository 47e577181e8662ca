//! `enjamb compile` and `enjamb check`.

mod command;

use command::{command, enjamb, example, file};
use std::io::Read;
use std::process::Stdio;

fn emit(arguments: &[&str]) -> String {
    let fib = example("fib_yield.enj");
    enjamb(&[&["compile", &fib], arguments].concat()).succeeds()
}

#[test]
fn every_stage_can_be_shown() {
    assert!(emit(&["--emit", "ir"]).contains("import %yield = \"enjamb\" \"yield\" () async"));
    let lowered = emit(&["--emit", "async", "--func", "main"]);
    assert!(
        lowered.starts_with("function %fib(i64) -> i64 async lowered {"),
        "{lowered}"
    );
    assert!(lowered.contains("layout0 = size 32 {"), "{lowered}");
    let vcode = emit(&["--emit", "vcode"]);
    assert!(vcode.contains("after register allocation"), "{vcode}");
    for (target, prologue) in [("x86_64", "push rbp"), ("aarch64", "stp x29, x30, [sp")] {
        let assembly = emit(&["--emit", "asm", "--target", target]);
        assert!(assembly.starts_with("%fib:\n"), "{assembly}");
        assert!(
            assembly.contains(prologue) && assembly.contains("; v8 = iadd v"),
            "{assembly}"
        );
    }
    let graph = emit(&["--emit", "cfg-dot"]);
    assert!(graph.contains("f0_block0 -> f0_block2;"), "{graph}");
}

#[test]
fn layouts_say_what_is_live_and_what_is_stored() {
    let layout = emit(&["--emit", "layout"]);
    let expected = "\
function %fib(i64) -> i64 async
  layout0: 32 bytes, no fewer than 32
    offset size  field        type
         0     8 next         the caller's continuation
         8     8 info         the suspension point
        16     8 results      of the call
        24     8 v0           i64
        24     8 v5           i64
  point0 in layout0: live v0 (stored always)
  point1 in layout0: live v0 (stored once)
  point2 in layout0: live v5 (stored always)
";
    assert_eq!(layout, expected);
    let json = emit(&["--emit", "layout", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["layouts"][0]["size"], 32);
    assert_eq!(json[0]["points"][1]["live"][0]["stored"], "once");
}

#[test]
fn bytes_are_the_same_each_time() {
    // `push rbp`, and `stp x29, x30, [sp, #-16]!`.
    for (target, first, row) in [
        ("x86_64", "55", "55 "),
        ("aarch64-unknown-linux-gnu", "fd7bbfa9", "fd 7b bf a9 "),
    ] {
        let emit = |arguments: &[&str]| {
            emit(&[&["--emit", "bytes", "--target", target], arguments].concat())
        };
        let bytes = emit(&[]);
        assert!(
            bytes.starts_with(&format!("%fib:\n     0  {row}")),
            "{bytes}"
        );
        assert!(bytes.contains("stubs and records:\n"));
        assert_eq!(emit(&[]), bytes);
        let json: serde_json::Value =
            serde_json::from_str(&emit(&["--func", "fib", "--json"])).unwrap();
        assert_eq!(
            (json[0]["name"].as_str(), json[0]["offset"].as_u64()),
            (Some("%fib"), Some(0))
        );
        assert!(json[0]["bytes"].as_str().unwrap().starts_with(first));
    }
}

#[test]
fn targets_are_chosen_by_name_or_triple() {
    let asm = |arguments: &[&str]| emit(&[&["--emit", "asm"], arguments].concat());
    let host = std::env::consts::ARCH;
    assert_eq!(asm(&[]), asm(&["--target", host]));
    assert_ne!(
        asm(&["--target", "x86_64"]),
        asm(&["--target", "aarch64-unknown-linux-musl"])
    );
    let protected = asm(&["--target", "aarch64", "--branch-protection"]);
    assert!(protected.contains("paciasp"), "{protected}");
    let x86 = asm(&["--target", "x86_64", "--branch-protection"]);
    assert_eq!(x86, asm(&["--target", "x86_64"]));
    let fib = example("fib_yield.enj");
    for kind in ["ir", "async", "vcode", "asm", "bytes", "layout", "cfg-dot"] {
        let both = ["x86_64", "aarch64"].map(|target| emit(&["--emit", kind, "--target", target]));
        let is_code = ["vcode", "asm", "bytes"].contains(&kind);
        assert_eq!(both[0] != both[1], is_code, "{kind}");
        let arguments = ["compile", &fib, "--emit", kind, "--target", "riscv64-linux"];
        let errors = enjamb(&arguments).fails();
        let supported = "unsupported target `riscv64-linux`: code is made for x86_64 (x86_64-unknown-linux-gnu) \
                         and aarch64 (aarch64-unknown-linux-gnu)";
        assert!(errors.contains(supported), "{errors}");
    }
}

#[test]
fn passes_are_listed_and_chosen() {
    let list = enjamb(&["compile", "--list-passes"]).succeeds();
    let names: Vec<&str> = list
        .lines()
        .map(|line| line.split(' ').next().unwrap_or_default())
        .collect();
    assert_eq!(
        names,
        [
            "fuel",
            "context",
            "tail_await",
            "rematerialize",
            "state_machine",
            "roots"
        ]
    );

    let after = |pass: &str| emit(&["--emit", "ir", "--after", pass]);
    assert!(after("rematerialize").contains("async {\n"));
    assert!(after("state_machine").contains("async lowered {\n"));
    assert_eq!(
        emit(&["--emit", "ir", "--pass-limit", "0"]),
        emit(&["--emit", "ir"])
    );
    assert_eq!(
        emit(&["--emit", "ir", "--pass-limit", "2"]),
        after("rematerialize")
    );
    assert_eq!(
        emit(&["--emit", "async", "--pass-limit", "3"]),
        after("state_machine")
    );
    assert_ne!(
        emit(&["--emit", "ir", "--only", "state_machine"]),
        after("state_machine")
    );

    let fib = example("fib_yield.enj");
    let errors = enjamb(&["compile", &fib, "--emit", "ir", "--after", "magic"]).fails();
    assert!(errors.contains("there is no pass `magic`"), "{errors}");
    let errors = enjamb(&["compile", &fib, "--emit", "asm", "--after", "tail_await"]).fails();
    assert!(errors.contains("are for --emit ir"), "{errors}");
    assert_eq!(
        emit(&["--after", "tail_await"]),
        emit(&["--emit", "ir", "--after", "tail_await"])
    );
    for kind in ["ir", "async", "vcode", "asm"] {
        let json = emit(&["--emit", kind, "--json"]);
        let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(
            rows[0]["name"].is_string() && rows[0]["text"].is_string(),
            "{json}"
        );
    }
    let errors = enjamb(&["compile", &fib, "--func", "nowhere"]).fails();
    assert!(errors.contains("no function `nowhere`"), "{errors}");
    assert_eq!(enjamb(&["compile"]).code, 2);
}

#[test]
fn a_missing_graphviz_is_named() {
    let fib = example("fib_yield.enj");
    let arguments = ["compile", &fib, "--emit", "cfg"];
    let output = command(&arguments).env("PATH", "").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("Graphviz") && errors.contains("graphviz"),
        "{errors}"
    );
    let json = emit(&["--emit", "cfg", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json[0]["blocks"][0]["successors"],
        serde_json::json!(["block1", "block2"])
    );
}

#[test]
fn a_reader_that_stops_is_no_error() {
    // Much more than a pipe holds, so that writing meets the closed end.
    let mut text = String::new();
    for number in 0..3000 {
        text += &format!("function %f{number}() {{\nblock0:\n    return\n}}\n");
    }
    let path = file("many_functions.enj", text.as_bytes());
    let mut child = command(&["compile", &path, "--emit", "ir"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut start = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn check_shows_every_error_at_its_line() {
    assert_eq!(enjamb(&["check", &example("pipeline.enj")]).succeeds(), "");
    let text = "function %main(i64) -> i64 {
block0(v0: i64):
    v1 = iadd v0, v2
    v3 = frob v0
    return v0
}
";
    let path = file("parse_errors.enj", text.as_bytes());
    let errors = enjamb(&["check", &path]).fails();
    assert!(errors.contains("parse_errors.enj:4:10\n"), "{errors}");
    assert!(
        errors.contains("4 |     v3 = frob v0\n  |          ^^^^"),
        "{errors}"
    );

    let text = "function %main(i64) -> i64 {
block0(v0: i64):
    v1 = fadd v0, v0
    return v1, v1
}
";
    let path = file("rule_errors.enj", text.as_bytes());
    let errors = enjamb(&["check", &path]).fails();
    assert!(errors.contains("rule_errors.enj:3:5\n"), "{errors}");
    assert!(errors.contains("rule_errors.enj:4:5\n"), "{errors}");
    assert!(
        errors.contains("4 |     return v1, v1\n  |     ^^^^^^^^^^^^^"),
        "{errors}"
    );
}
