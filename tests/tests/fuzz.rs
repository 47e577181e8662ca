//! A planted difference is found, named, written to a file that replays, and reduced.

#[path = "../examples/fuzz/finding.rs"]
mod finding;
#[path = "../examples/fuzz/plant.rs"]
mod plant;
#[path = "../examples/fuzz/watch.rs"]
mod watch;

use enjamb_gen::bytes_of_seed;
use enjamb_ir::{FuelSupply, Module, Opcode, Schedule, parse_module};
use enjamb_tests::case::Case;
use enjamb_tests::differential::{Comparison, Difference, Kind};
use enjamb_tests::engines::Engine;
use enjamb_tests::{golden, reduce};
use plant::Plant;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};
use watch::Watch;

/// Instructions that a call may take in the interpreter.
const LIMIT: u64 = 200_000;

/// The engines of a module under fuel.
type Engines = dyn Fn(&Module, FuelSupply) -> Result<Vec<Box<dyn Engine>>, String>;

fn found_by(engines: &Engines, case: &Case) -> Option<Difference> {
    let comparison = Comparison {
        engines,
        before: &|_, _| {},
        has_time: &|| true,
        work: u64::MAX,
        stages: 1,
    };
    comparison.of_case(case).err()
}

/// What the planted engine differs in from all others.
fn found(case: &Case) -> Option<Difference> {
    let planted = Some(Plant::Difference);
    let engines = move |module: &Module, fuel| plant::engines(module, fuel, LIMIT, planted);
    found_by(&engines, case)
}

/// What it differs in from the interpreter, for which a program need not be compiled.
fn found_quickly(case: &Case) -> Option<Difference> {
    let engines = |module: &Module, fuel| {
        let right = plant::interpreter("the interpreter", module, fuel, LIMIT)?;
        let planted = plant::interpreter(plant::PLANTED, &plant::confused(module), fuel, LIMIT)?;
        Ok(vec![right, planted])
    };
    found_by(&engines, case)
}

/// The first program that shows the planted difference under one of few schedules, and has this many
/// instructions at least.
fn example(least: usize) -> Case {
    let is_large = |seed: &u64| {
        let program = enjamb_gen::program(&bytes_of_seed(*seed)).expect("a program");
        Case::of_program(program).instructions() >= least
    };
    let mut cases = (1..).filter(is_large).map(|seed| {
        let mut case = Case::of_seed(seed).expect("a program");
        case.schedules.truncate(3);
        case
    });
    let found = cases.find(|case| found_quickly(case).is_some());
    found.expect("a program that shows it")
}

#[test]
fn a_planted_difference_is_named_and_reduced_to_a_screenful() {
    let case = example(2_000);
    let difference = found(&case).expect("all engines but the planted one agree");
    assert_eq!(difference.stage, plant::PLANTED);
    assert_eq!(difference.kind, Kind::Differs);
    let before = case.instructions();
    let mut attempts = 0;
    let mut fails = |case: &Case| {
        attempts += 1;
        found_quickly(case).is_some_and(|again| again.is_like(&difference))
    };
    let small = reduce::reduce(case, &mut fails, &mut |_| {});
    println!(
        "{before} instructions, {attempts} attempts\n{}",
        small.module
    );
    assert!(found(&small).is_some_and(|again| again.is_like(&difference)));
    assert!(small.instructions() <= 24, "{}", small.module);
    assert_eq!(small.schedules.len(), 1);
    let confused = [Opcode::Iadd, Opcode::Imul, Opcode::Bxor];
    assert!(small.module.bodies().any(|(_, body)| {
        let opcodes = body.insts.values().map(|inst| inst.opcode);
        opcodes.into_iter().any(|opcode| confused.contains(&opcode))
    }));
}

#[test]
fn a_finding_is_a_golden_file_that_reads_back() {
    for seed in 1..=12 {
        let case = Case::of_seed(seed).expect("a program");
        let text = case.to_text(&["A stage, schedule never: differs".to_string()]);
        let back = Case::of_text(&text).expect("a golden file");
        assert_eq!(back.module, case.module, "{seed}");
        assert_eq!(back.call, case.call, "{seed}");
        assert_eq!(back.fuel, case.fuel, "{seed}");
        assert_eq!(back.schedules, case.schedules, "{seed}");
        assert_eq!(back.schedule_independent, case.schedule_independent);
        assert_eq!(
            back.to_text(&["A stage, schedule never: differs".to_string()]),
            text
        );
        let mut brief = case;
        brief.schedules = vec![Schedule::Natural];
        let text = brief.to_text(&[]);
        assert_eq!(golden::check(&text, false).expect("it holds"), text);
    }
}

#[test]
fn a_finding_fails_as_long_as_the_difference_is_there() {
    let case = example(1);
    let difference = found(&case).expect("all engines but the planted one agree");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("findings");
    let write = |is_emulated| {
        let path = finding::write(&folder, 7, &case, &difference, is_emulated).expect("a file");
        assert_eq!(golden::files(&folder).expect("a folder"), [&*path]);
        fs::read_to_string(&path).expect("the file")
    };
    let reduce = |target| format!("`cargo xtask reduce {target}tests/golden/found/program_7.enj`");
    assert!(write(true).contains(&reduce("--target aarch64 ")));
    let text = write(false);
    assert!(text.contains(&reduce("")), "{text}");
    let planted = |module: &Module, fuel| {
        let planted = Some(Plant::Difference);
        plant::engines(module, fuel, LIMIT, planted)
    };
    let failure = golden::check_in(&planted, &text, false).expect_err("it differs");
    assert!(failure.message.starts_with(plant::PLANTED), "{failure:?}");
    assert_eq!(golden::check(&text, false).expect("it holds"), text);
}

#[test]
fn the_changelog_names_every_finding() {
    let golden = finding::golden_folder();
    let changelog = golden.join("../../CHANGELOG.md");
    let changelog = fs::read_to_string(changelog).expect("the changelog");
    let files = golden::files(&golden.join(finding::FOLDER)).expect("findings");
    assert!(!files.is_empty());
    for file in files {
        let name = file.strip_prefix(&golden).expect("below").display();
        let name = format!("tests/golden/{name}");
        assert!(changelog.contains(&name), "{name}");
    }
}

/// A lowered function is compiled in trusted modules only.
#[test]
fn a_golden_file_that_asks_for_tables_has_them_compared() {
    let text = "; tables\n\nfunction %main() {\nblock0:\n    return\n}\n";
    assert_eq!(golden::check(text, false).expect("they are right"), text);
    let refused = text.replace("() {", "() async lowered {");
    let refused = refused.replace("block0:", "block0(v0: cont):");
    let failure = golden::check(&refused, false).expect_err("it is not compiled");
    assert!(failure.message.starts_with("the tables: "), "{failure:?}");
    let module = parse_module(&refused).expect("a module");
    let case = Case::of_text(&text.replace("tables\n", "tables\n; run: %main()\n"));
    let case = Case {
        module,
        ..case.expect("a case")
    };
    let difference = Comparison::ALL.of_case(&case).expect_err("no tables");
    assert_eq!(difference.kind, Kind::Misleads);
}

#[test]
fn what_is_refused_names_the_stage_and_nothing_of_the_program() {
    let refused =
        |reason: &str| Difference::refused(format!("after roots: the verifier: {reason}"));
    let first = refused("`v3 = iadd v1, v2`: v12 is odd\nmore");
    let second = refused("`return v1`: v7 is odd");
    assert_eq!(first.stage, "after roots");
    assert!(first.is_like(&second));
    assert!(!first.is_like(&refused("`return v1`: v7 is even")));
}

#[test]
fn a_panic_is_a_difference() {
    let case = Case::of_seed(1).expect("a program");
    let comparison = Comparison {
        engines: &|_, _| panic!("number {}", 7),
        before: &|_, _| {},
        has_time: &|| true,
        work: u64::MAX,
        stages: 1,
    };
    let found = comparison.of_case(&case).expect_err("it panics");
    assert_eq!(found.kind, Kind::Panics("number ".to_string()));
}

/// How often and how many times the watch of the next test looks.
const TICK: Duration = Duration::from_millis(50);
const TICKS: u32 = 40;

/// Says to this test that it is the process that is watched.
const WATCHED: &str = "ENJAMB_TEST_WATCHED";

#[test]
fn a_process_that_was_stopped_is_not_late() {
    if env::var_os(WATCHED).is_some() {
        let watch = Watch::begin(TICK, TICKS);
        watch.renew();
        println!("begun");
        let mut line = String::new();
        io::stdin().read_line(&mut line).expect("a line");
        return;
    }
    let (mut stopped, mut late) = (watched(), watched());
    signal(&stopped, "STOP");
    thread::sleep(TICK * TICKS * 3 / 2);
    signal(&stopped, "CONT");
    thread::sleep(TICK * 4);
    let mut input = stopped.stdin.take().expect("an input");
    writeln!(input).expect("it reads");
    assert!(stopped.wait().expect("it ends").success());
    // Whoever waits for a child closes its input.
    let input = late.stdin.take();
    assert!(!late.wait().expect("it ends").success());
    drop(input);
}

/// This test once more, as a process that has begun to be watched and waits for a line.
fn watched() -> Child {
    let program = env::current_exe().expect("a program").into_os_string();
    let emulator = env::var_os("ENJAMB_EMULATOR").filter(|_| cfg!(target_arch = "aarch64"));
    let mut command = Command::new(emulator.as_ref().unwrap_or(&program));
    if emulator.is_some() {
        command.arg(&program);
    }
    command.args(["--exact", "a_process_that_was_stopped_is_not_late"]);
    command.arg("--nocapture").env(WATCHED, "");
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = pipes.spawn().expect("a process");
    let output = child.stdout.take().expect("an output");
    let mut lines = BufReader::new(output).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line.ends_with("begun"))));
    // What else it says goes nowhere.
    thread::spawn(move || lines.for_each(drop));
    child
}

fn signal(child: &Child, name: &str) {
    let sent = format!("kill -{name} {}", child.id());
    let status = Command::new("sh").args(["-c", &sent]).status();
    assert!(status.expect("a shell").success());
}
