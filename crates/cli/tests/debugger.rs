//! `enjamb run --debug-info` in a debugger, and `--perf-map`.

mod command;

use command::{command, enjamb, file};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const PROGRAM: &str = r#"import %yield = "enjamb" "yield" () async

function %divide(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = sdiv v0, v1
    return v2
}

function %half_twice(i64) -> i64 async {
block0(v0: i64):
    v1 = iconst.i64 2
    v2 = call %divide(v0, v1)
    call %yield()
    v3 = call %divide(v2, v1)
    return v3
}

function %outer(i64) -> i64 async {
block0(v0: i64):
    v1 = call %half_twice(v0)
    v2 = iadd v1, v0
    return v2
}
export "main" = %outer
"#;

/// Whether GDB is here and can run the command; says so if it is missing, see CONTRIBUTING.md.
fn can_debug() -> bool {
    // What runs under an emulator is not what a debugger of the host would see.
    if std::env::var_os("ENJAMB_EMULATOR").is_some() {
        return false;
    }
    if Command::new("gdb").arg("--version").output().is_ok() {
        return true;
    }
    let line = "enjamb-cli debugger: gdb is missing; get it with: apt-get install gdb\n";
    print!("did not run: {line}");
    if let Some(path) = std::env::var_os("ENJAMB_SKIP_LOG") {
        let log = OpenOptions::new().append(true).create(true).open(path);
        let written = log.and_then(|mut log| log.write_all(line.as_bytes()));
        written.expect("the log of skipped tests can be written");
    }
    false
}

/// What GDB prints when it does `commands` before and while it runs a program.
fn debug(commands: &[&str], arguments: &[&str]) -> String {
    let mut gdb = Command::new("gdb");
    gdb.args(["--batch", "-nx", "-iex", "set debuginfod enabled off"]);
    for command in ["set breakpoint pending on", "set width 0"]
        .iter()
        .chain(commands)
    {
        gdb.args(["-ex", command]);
    }
    gdb.args(["--args", env!("CARGO_BIN_EXE_enjamb"), "run"]);
    let output = gdb.args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    format!("{said}{}", String::from_utf8_lossy(&output.stderr))
}

/// The frames of a backtrace from this line on, without number and address: `divide () at f.enj:5`.
fn frames<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<String> {
    let frame = |line: &'a str| {
        let (_, frame) = line.strip_prefix('#')?.split_once(' ')?;
        let frame = frame.trim_start();
        let named = frame.split_once(" in ").map_or(frame, |(_, frame)| frame);
        Some(named.to_string())
    };
    let mut lines = lines.skip_while(|line| !line.starts_with("#0"));
    std::iter::from_fn(|| lines.next().and_then(frame)).collect()
}

/// Whether the innermost frames are these, by the beginnings of their lines, and the outermost ones
/// the host's.
fn leads_to_the_host(frames: &[String], innermost: &[String]) -> bool {
    let mut both = frames.iter().zip(innermost);
    frames.len() > innermost.len()
        && both.all(|(frame, expected)| frame.starts_with(expected))
        && frames
            .iter()
            .any(|frame| frame.starts_with("enjamb::main "))
}

#[test]
fn backtraces_name_compiled_functions_and_their_lines() {
    if !can_debug() {
        return;
    }
    let program = file("backtrace.enj", PROGRAM.as_bytes());
    let commands = [
        "break divide",
        "run",
        "backtrace",
        "continue",
        "backtrace",
        "continue",
    ];
    let said = debug(
        &commands,
        &["--debug-info", "--suspend", "always", &program, "12"],
    );
    let mut lines = said.lines();
    let at = |function: &str, line: u32| format!("{function} () at {program}:{line}");

    // Before the suspension all activations are frames; behind them come those of the host.
    let before = [
        at("divide", 5),
        at("half_twice", 12),
        at("outer", 20),
        "enjamb_entry (i64) -> i64 async".to_string(),
        "enjamb_runtime::machine".to_string(),
    ];
    assert!(leads_to_the_host(&frames(&mut lines), &before), "{said}");
    let resumed = [
        at("divide", 5),
        at("half_twice", 14),
        "enjamb_resume".to_string(),
        "enjamb_runtime::machine".to_string(),
    ];
    assert!(leads_to_the_host(&frames(&mut lines), &resumed), "{said}");
    assert!(said.contains("\n15\n"), "{said}");
    assert!(said.contains("exited normally"), "{said}");
}

#[test]
fn breakpoints_stand_on_lines_and_finish_leads_to_the_caller() {
    if !can_debug() {
        return;
    }
    let program = file("lines.enj", PROGRAM.as_bytes());
    let commands = [
        "break half_twice",
        "run",
        "break lines.enj:5",
        "continue",
        "info symbol $pc",
        "finish",
        "delete",
        "break lines.enj:21",
        "continue",
    ];
    let said = debug(&commands, &["--debug-info", &program, "12"]);
    // Not at the line of the suspension point, whose dispatch comes first in the code.
    assert!(
        said.contains("lines.enj:11\n11\t    v1 = iconst.i64 2"),
        "{said}"
    );
    assert!(said.contains("divide () at"), "{said}");
    assert!(said.contains("v2 = sdiv v0, v1"), "{said}");
    assert!(said.contains("divide in section .text"), "{said}");
    assert!(said.contains(" in half_twice () at"), "{said}");
    assert!(
        said.contains("lines.enj:21\n21\t    v2 = iadd v1, v0"),
        "{said}"
    );
}

#[test]
fn breakpoints_on_stubs_show_where_traps_and_exceptions_come_from() {
    if !can_debug() {
        return;
    }
    let failing = r#"function %fail(i64) -> i64 {
block0(v0: i64):
    brif v0, block1, block2
block1:
    v1 = null.ref
    throw v0, v1
block2:
    v2 = sdiv v0, v0
    return v2
}
function %main(i64) -> i64 {
block0(v0: i64):
    v1 = call %fail(v0)
    v2 = iadd v1, v0
    return v2
}
"#;
    let program = file("failing.enj", failing.as_bytes());
    for (argument, stub, helper, line) in [
        ("0", "enjamb_trap", "trapped", 8),
        ("1", "enjamb_throw", "unwind", 6),
    ] {
        // At the stub's first instruction, and in what it calls.
        let breaks = [
            format!("break {stub}"),
            format!("break enjamb_runtime::helpers::{helper}"),
        ];
        let [at_stub, in_helper] = &breaks;
        let commands = [
            at_stub,
            in_helper,
            "run",
            "backtrace",
            "continue",
            "backtrace",
        ];
        let said = debug(&commands, &["--debug-info", &program, argument]);
        let mut lines = said.lines();
        let expected = [
            format!("{stub} ()"),
            format!("fail () at {program}:{line}"),
            format!("main () at {program}:13"),
        ];
        assert!(leads_to_the_host(&frames(&mut lines), &expected), "{said}");
        let in_helper = frames(&mut lines);
        let (innermost, rest) = in_helper.split_first().expect(&said);
        assert!(innermost.contains(helper), "{said}");
        assert!(leads_to_the_host(rest, &expected), "{said}");
    }
}

#[test]
fn without_the_option_debuggers_see_nothing() {
    if !can_debug() {
        return;
    }
    let program = file("hidden.enj", PROGRAM.as_bytes());
    let said = debug(&["break divide", "run"], &[&program, "12"]);
    assert!(said.contains("\n15\n"), "{said}");
    assert!(!said.contains("divide ()"), "{said}");
}

#[test]
fn the_perf_map_names_all_functions() {
    let program = file("perf_map.enj", PROGRAM.as_bytes());
    for (option, is_expected) in [("--perf-map", true), ("--debug-info", false)] {
        let program = command(&["run", option, &program, "12"]);
        // An earlier process of the same number may have left its map.
        let mut fresh = Command::new("sh");
        fresh.args(["-c", "rm -f /tmp/perf-$$.map; exec \"$@\"", "sh"]);
        fresh.arg(program.get_program()).args(program.get_args());
        fresh.stdin(Stdio::null()).stdout(Stdio::piped());
        let child = fresh.spawn().unwrap();
        let map = PathBuf::from(format!("/tmp/perf-{}.map", child.id()));
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.stdout, b"15\n");
        let lines = fs::read_to_string(&map);
        assert_eq!(lines.is_ok(), is_expected, "{}", map.display());
        for line in lines.iter().flat_map(|lines| lines.lines()) {
            let mut words = line.splitn(3, ' ');
            for number in [words.next(), words.next()] {
                assert!(
                    u64::from_str_radix(number.unwrap(), 16).is_ok_and(|n| n > 0),
                    "{line}"
                );
            }
            assert!(words.next().is_some_and(|name| !name.is_empty()), "{line}");
        }
        if let Ok(lines) = lines {
            fs::remove_file(map).unwrap();
            for name in ["divide", "half_twice", "outer", "enjamb_import_yield"] {
                let found = lines
                    .lines()
                    .filter(|line| line.ends_with(&format!(" {name}")));
                assert_eq!(found.count(), 1, "{lines}");
            }
        }
    }
}

#[test]
fn the_interpreter_has_nothing_to_show() {
    let program = file("interpreted.enj", PROGRAM.as_bytes());
    let run = [
        "run",
        "--engine",
        "interp",
        "--debug-info",
        "--perf-map",
        &program,
        "12",
    ];
    assert_eq!(enjamb(&run).succeeds(), "15\n");
}
