//! `enjamb run`: results, exit codes, arguments, statistics.

mod command;

use command::{enjamb, example, file};

#[test]
fn results_come_one_per_line_from_both_engines() {
    for engine in ["jit", "interp"] {
        let run = |arguments: &[&str]| {
            let with_engine = ["run", "--engine", engine];
            enjamb(&[&with_engine, arguments].concat()).succeeds()
        };
        assert_eq!(run(&[&example("fib.enj"), "20"]), "6765\n");
        assert_eq!(
            run(&[&example("fib_yield.enj"), "20", "--suspend", "always"]),
            "6765\n"
        );
        assert_eq!(run(&[&example("pipeline.enj"), "100"]), "166650\n");
        assert_eq!(
            run(&[&example("many_tasks.enj"), "5000"]),
            "5000\n12497500\n"
        );
        let sorted = run(&[
            &example("sleep_sort.enj"),
            "30",
            "10",
            "40",
            "20",
            "--clock=virtual",
        ]);
        assert_eq!(sorted, "10\n20\n30\n40\n");
    }
}

#[test]
fn statistics_count_what_suspended() {
    let fib = example("fib_yield.enj");
    for engine in ["jit", "interp"] {
        let arguments = [
            "run",
            &fib,
            "20",
            "--suspend",
            "always",
            "--stats",
            "--engine",
            engine,
        ];
        let run = enjamb(&arguments);
        assert_eq!(run.output, "6765\n", "{}", run.errors);
        let names = [
            "suspensions",
            "frames_suspended",
            "resumptions",
            "continuations_allocated",
            "continuations_live",
            "continuation_bytes_live",
            "continuation_bytes_peak",
            "tasks_live",
            "tasks_started",
            "tasks_finished",
            "tasks_failed",
            "cancellations_cut_short",
            "handlers_skipped",
            "task_bytes",
            "host_calls",
            "host_calls_pending",
            "collections",
            "objects_live",
            "object_bytes_live",
            "object_bytes_allocated",
            "fuel_used",
            "compile_ns",
            "run_ns",
            "code_bytes",
        ];
        for name in names {
            assert!(run.statistic(name).is_some(), "{name} in {}", run.errors);
        }
        assert_eq!(run.statistic("suspensions"), Some(21891));
        assert_eq!(
            run.statistic("resumptions"),
            run.statistic("frames_suspended")
        );
        assert_eq!(run.statistic("continuations_live"), Some(0));
        assert_eq!(run.statistic("tasks_finished"), Some(1));
        assert_eq!(run.statistic("tasks_live"), Some(0));
        assert_eq!(run.statistic("code_bytes") > Some(0), engine == "jit");
    }
    let run = enjamb(&["run", &fib, "20", "--suspend", "never", "--stats"]);
    assert_eq!(run.statistic("continuations_allocated"), Some(0));
    assert_eq!(run.statistic("suspensions"), Some(0));
}

const NUMBERS: &str = "
function %numbers(i8, i64, f32, f64) -> f64, f32, i64, i8 {
block0(v0: i8, v1: i64, v2: f32, v3: f64):
    return v3, v2, v1, v0
}";

#[test]
fn arguments_are_read_by_their_types_and_results_are_written_to_be_read_back() {
    let numbers = file("numbers.enj", NUMBERS.as_bytes());
    let run =
        |arguments: &[&str]| enjamb(&[&["run", &numbers, "--func", "numbers"], arguments].concat());
    let shown = run(&["-1", "-9223372036854775808", "-0.5", "1e300"]).succeeds();
    assert_eq!(shown, "1e300\n-0.5\n-9223372036854775808\n-1\n");
    let shown = run(&["255", "0xffffffffffffffff", "0.1", "nan:0x7ff8000000000001"]).succeeds();
    assert_eq!(shown, "nan:0x7ff8000000000001\n0.1\n-1\n-1\n");
    let shown = run(&["-0x80", "0", "-inf", "inf"]).succeeds();
    assert_eq!(shown, "inf\n-inf\n0\n-128\n");

    let text = "function %main(v128) -> v128 {\nblock0(v0: v128):\n    v1 = vineg.i32x4 v0\n    return v1\n}";
    let vector = file("vector.enj", text.as_bytes());
    let shown = enjamb(&["run", &vector, "0x1"]).succeeds();
    assert_eq!(shown, "0x000000000000000000000000ffffffff\n");
    let errors = enjamb(&["run", &vector, "1"]).fails();
    assert!(errors.contains("`1` is no value of type v128"), "{errors}");

    let errors = run(&["1", "2", "3"]).fails();
    assert!(errors.contains("takes 4 arguments, not 3"), "{errors}");
    let errors = run(&["256", "2", "3", "4"]).fails();
    assert!(
        errors.contains("argument 1 of `numbers`: `256` is no value of type i8"),
        "{errors}"
    );
    let errors = run(&["1", "1.5", "3", "4"]).fails();
    assert!(errors.contains("argument 2"), "{errors}");
}

#[test]
fn errors_name_what_is_wrong_and_exit_with_1() {
    let cases: [(&str, &str, &str); 6] = [
        (
            "divide.enj",
            "function %main() -> i64 {\nblock0:\n    v0 = iconst.i64 0\n    v1 = udiv v0, v0\n    return v1\n}",
            "trap division_by_zero in %main: `v1 = udiv v0, v0`",
        ),
        (
            "bounds.enj",
            "memory %heap 1..1\nfunction %main() -> i8 {\nblock0:\n    v0 = iconst.i64 65536\n    v1 = load.i8 %heap[v0]\n    return v1\n}",
            "trap memory_out_of_bounds in %main: `v1 = load.i8 %heap[v0]`",
        ),
        (
            "deep.enj",
            "function %main() -> i64 {\nblock0:\n    v0 = call %main()\n    v1 = iadd v0, v0\n    return v1\n}",
            "trap stack_overflow in %main",
        ),
        (
            "import.enj",
            "import %f = \"nowhere\" \"f\" (i64) -> i64\nfunction %main() {\nblock0:\n    return\n}",
            "unknown import \"nowhere\" \"f\" of signature (i64) -> i64",
        ),
        (
            "data.enj",
            "memory %heap 1..1\ndata %d = %heap[65534] \"abc\"\nfunction %main() {\nblock0:\n    return\n}",
            "data",
        ),
        (
            "none.enj",
            "memory %heap 1..1",
            "the module has no function `main`",
        ),
    ];
    for (name, text, expected) in cases {
        let path = file(name, text.as_bytes());
        for engine in ["jit", "interp"] {
            let errors = enjamb(&["run", &path, "--engine", engine]).fails();
            assert!(errors.starts_with("error: "), "{name}: {errors}");
            assert!(errors.contains(expected), "{name} with {engine}: {errors}");
        }
    }
}

#[test]
fn unreadable_files_are_named() {
    let errors = enjamb(&["run", "no/such/file.enj"]).fails();
    assert!(errors.contains("cannot read no/such/file.enj"), "{errors}");
    let path = file("binary.enj", b"; fine\n\xff\xfe");
    for subcommand in ["run", "compile", "check"] {
        let errors = enjamb(&[subcommand, &path]).fails();
        assert!(
            errors.contains("binary.enj:2: not UTF-8 at byte 7"),
            "{errors}"
        );
    }
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    for arguments in [
        &["walk"][..],
        &["run"],
        &["run", "x", "--suspend", "sometimes"],
        &[],
    ] {
        assert_eq!(enjamb(arguments).code, 2, "{arguments:?}");
    }
    let run = enjamb(&["run", "x", "--suspend", "sometimes"]);
    assert!(
        run.errors.contains("natural, never, always, random:SEED"),
        "{}",
        run.errors
    );
}

#[test]
fn logs_have_a_span_per_pass_and_the_ir_before_and_after() {
    let run = enjamb(&["run", &example("fib_yield.enj"), "3", "--log", "trace"]);
    assert_eq!(run.output, "2\n", "{}", run.errors);
    for pass in ["tail_await", "rematerialize", "state_machine"] {
        let span = format!("pass{{name=\"{pass}\" function=\"fib\"}}");
        assert!(run.errors.contains(&span), "{}", run.errors);
    }
    assert!(
        run.errors
            .contains("before ir=function %fib(i64) -> i64 async {")
    );
    assert!(
        run.errors
            .contains("after ir=function %fib(i64) -> i64 async lowered {")
    );
    let errors = enjamb(&["run", "x", "--log", "a=b=c"]).fails();
    assert!(errors.contains("--log a=b=c"), "{errors}");
}

const AWAITS: &str = "
import %yield = \"enjamb\" \"yield\" () async
function %leaf(i64) -> i64 async {
block0(v0: i64):
    call %yield()
    return v0
}
function %last(i64) -> i64 async {
block0(v0: i64):
    v1 = call %leaf(v0)
    return v1
}
function %between(i64) -> i64 async {
block0(v0: i64):
    v1 = call %leaf(v0)
    v2 = iadd v1, v0
    return v2
}";

#[test]
fn only_a_function_that_has_nothing_left_to_do_may_wait_without_a_frame() {
    let awaits = file("awaits.enj", AWAITS.as_bytes());
    let counts = |engine, function| {
        let options = ["--func", function, "--stats", "--engine", engine];
        let run = enjamb(&[&["run", &awaits, "21"], &options[..]].concat());
        let names = ["suspensions", "frames_suspended", "resumptions"];
        names.map(|name| run.statistic(name).unwrap())
    };
    assert_eq!(counts("interp", "between"), [1, 2, 2]);
    assert_eq!(counts("jit", "between"), [1, 2, 2]);
    assert_eq!(counts("interp", "last"), [1, 2, 2]);
    assert_eq!(counts("jit", "last"), [1, 1, 1]);
}

#[test]
fn objects_are_collected_within_their_limit() {
    let sort = example("sort_list.enj");
    for engine in ["jit", "interp"] {
        let run = |options: &[&str]| {
            let arguments = ["run", &sort, "150", "--stats", "--engine", engine];
            enjamb(&[&arguments[..], options].concat())
        };
        let plain = run(&[]);
        assert_eq!(plain.output, "48\n9978\n150\n", "{}", plain.errors);
        let stress = run(&["--gc-stress", "--heap-limit", "10000"]);
        assert_eq!(stress.output, plain.output, "{}", stress.errors);
        assert!(
            stress.statistic("collections") > Some(1000),
            "{}",
            stress.errors
        );
        let made = stress.statistic("object_bytes_allocated");
        assert_eq!(made, plain.statistic("object_bytes_allocated"));
        let small = run(&["--heap-limit", "2000"]);
        assert!(small.errors.contains("out_of_memory"), "{}", small.errors);
        let list = ["--func", "make"];
        let list = enjamb(&[&["run", &sort, "3", "--engine", engine], &list[..]].concat());
        assert_eq!(list.output, "ref %list\n", "{}", list.errors);
    }
}

const THROWS: &str = "
type %reason = { code: i64 }
function %throws(i64) {
block0(v0: i64):
    v1 = new %reason
    throw v0, v1
}";

#[test]
fn engines_tell_alike_which_object_was_thrown() {
    let throws = file("throws.enj", THROWS.as_bytes());
    for engine in ["jit", "interp"] {
        for trace in ["off", "full"] {
            let options = ["--func", "throws", "--trace", trace, "--engine", engine];
            let errors = enjamb(&[&["run", &throws, "7"], &options[..]].concat()).fails();
            let first = "error: exception 7, ref %reason";
            assert!(errors.starts_with(first), "{errors}");
        }
    }
}

const HANDLES: &str = "
import %yield = \"enjamb\" \"yield\" () async
function %work() async {
block0:
    call %yield()
    return
}
function %start() -> task, funcref, task async {
block0:
    v0 = spawn %work()
    v1 = func_addr %work
    v2 = spawn %work()
    return v0, v1, v2
}";

#[test]
fn engines_print_tasks_and_functions_alike() {
    let handles = file("handles.enj", HANDLES.as_bytes());
    let print = |engine| {
        let arguments = ["run", &handles, "--func", "start", "--engine", engine];
        enjamb(&arguments).succeeds()
    };
    let printed = print("interp");
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[2]), (3, "task", "task"));
    assert_eq!(printed, print("jit"));
}

#[test]
fn programs_run_out_of_fuel() {
    let fib = example("fib_yield.enj");
    for engine in ["jit", "interp"] {
        let run = |options: &[&str]| {
            let first = ["run", &fib, "15", "--stats", "--engine", engine];
            enjamb(&[&first, options].concat())
        };
        let enough = run(&["--fuel", "1000000"]);
        assert_eq!(enough.output, "610\n", "{}", enough.errors);
        let needed = enough.statistic("fuel_used").expect("a number");
        assert_eq!(run(&["--fuel", &needed.to_string()]).output, "610\n");
        let starved = run(&["--fuel", &(needed / 2).to_string()]);
        assert_eq!(starved.output, "");
        assert!(
            starved.errors.contains("trap out_of_fuel in %"),
            "{}",
            starved.errors
        );
        let sliced = run(&["--fuel", "20", "--fuel-mode", "suspend"]);
        assert_eq!(sliced.output, "610\n", "{}", sliced.errors);
        assert_eq!(sliced.statistic("fuel_used"), Some(needed));
        assert!(sliced.statistic("suspensions") > Some(500));
    }
}
