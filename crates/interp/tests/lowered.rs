//! Runs lowered functions written by hand: they agree with the source, and a function that breaks a
//! rule faults.

use enjamb_interp::{Error, Imports, Instance, Options, Schedule, Stats, Val};
use enjamb_ir::{Module, TrapCode, parse_module, verify_module};

/// Fibonacci numbers with a leaf call in every activation.
const SOURCE: &str = r#"
import %yield = "enjamb" "yield" () async

function %fib(i64) -> i64 async {
block0(v0: i64):
    call %yield()
    v1 = iconst.i64 2
    v2 = icmp slt v0, v1
    brif v2, block1, block2
block1:
    return v0
block2:
    v3 = iconst.i64 1
    v4 = isub v0, v3
    v5 = call %fib(v4)
    v6 = isub v0, v1
    v7 = call %fib(v6)
    v8 = iadd v5, v7
    return v8
}
"#;

/// The same with three states. `n` and `left` share their place: no point saves both.
const LOWERED: &str = r#"
import %yield = "enjamb" "yield" () async

function %fib(i64) -> i64 async lowered {
    layout0 = size 32 { n: i64 @ 24, left: i64 @ 24 }
    point0 = layout0 () saves [n = v1]
    point1 = layout0 (i64) saves [n = v1]
    point2 = layout0 (i64) saves [left = v20]
block0(v0: cont, v1: i64):
    v2 = is_suspended v0
    brif v2, block1, block2(v1)
block1:
    v3 = cont_state v0
    br_table v3, block12, [block10, block11, block12]
block10:
    v4 = field_load.i64 layout0.n, v0
    jump block3(v4)
block11:
    v5 = field_load.i64 layout0.n, v0
    v6 = result_load.i64 point1.0, v0
    jump block6(v5, v6)
block12:
    v7 = field_load.i64 layout0.left, v0
    v8 = result_load.i64 point2.0, v0
    jump block7(v7, v8)
block2(v9: i64):
    v10 = call %yield()
    v11 = is_suspended v10
    brif v11, block20, block3(v9)
block3(v12: i64):
    v13 = iconst.i64 2
    v14 = icmp slt v12, v13
    brif v14, block4, block5
block4:
    return v12
block5:
    v15 = iconst.i64 1
    v16 = isub v12, v15
    v17, v18 = call %fib(v16)
    v19 = is_suspended v17
    brif v19, block22, block6(v12, v18)
block6(v21: i64, v20: i64):
    v22 = iconst.i64 2
    v23 = isub v21, v22
    v24, v25 = call %fib(v23)
    v26 = is_suspended v24
    brif v26, block25, block7(v20, v25)
block7(v27: i64, v28: i64):
    v29 = iadd v27, v28
    return v29
block20 cold:
    v30 = new_continuation layout0, v10
    field_store layout0.n, v30, v9
    set_point point0, v30
    link v10, v30
    suspend v30
block22 cold:
    v31 = own_continuation
    v32 = is_suspended v31
    brif v32, block24(v31), block23
block23 cold:
    v33 = new_continuation layout0, v17
    jump block24(v33)
block24(v34: cont) cold:
    field_store layout0.n, v34, v12
    set_point point1, v34
    link v17, v34
    suspend v34
block25 cold:
    v35 = own_continuation
    v36 = is_suspended v35
    brif v36, block27(v35), block26
block26 cold:
    v37 = new_continuation layout0, v24
    jump block27(v37)
block27(v38: cont) cold:
    field_store layout0.left, v38, v20
    set_point point2, v38
    link v24, v38
    suspend v38
}
"#;

fn module(text: &str) -> Module {
    let module = parse_module(text).unwrap_or_else(|errors| panic!("{errors}"));
    verify_module(&module).unwrap_or_else(|errors| panic!("{errors}"));
    module
}

fn run(module: &Module, argument: i64, options: Options) -> (Result<Vec<Val>, Error>, Stats) {
    let mut instance = Instance::new(module, Imports::new(), options).expect("an instance");
    let result = instance.call("fib", &[Val::I64(argument)]);
    (result, instance.stats())
}

fn scheduled(schedule: Schedule) -> Options {
    Options {
        schedule,
        ..Options::default()
    }
}

#[test]
fn source_and_lowered_agree_in_results_and_counts() {
    let (source, lowered) = (module(SOURCE), module(LOWERED));
    let mut schedules = vec![Schedule::Natural, Schedule::Never, Schedule::Always];
    schedules.extend((0..20).map(Schedule::Random));
    schedules.extend((0..30).map(Schedule::Only));
    for schedule in schedules {
        let (expected, counts) = run(&source, 9, scheduled(schedule));
        let (result, found) = run(&lowered, 9, scheduled(schedule));
        assert_eq!(expected, Ok(vec![Val::I64(34)]));
        assert_eq!(result, expected, "{schedule}");
        let shared = |stats: Stats| (stats.suspensions, stats.frames_suspended, stats.resumptions);
        assert_eq!(shared(found), shared(counts), "{schedule}");
        assert_eq!(found.continuations_live, 0, "{schedule}");
    }
}

#[test]
fn fib_of_twenty_suspends_once_per_call() {
    let (result, stats) = run(&module(SOURCE), 20, scheduled(Schedule::Always));
    assert_eq!(result, Ok(vec![Val::I64(6765)]));
    assert_eq!(stats.suspensions, 21_891);
    let (_, never) = run(&module(LOWERED), 20, scheduled(Schedule::Never));
    assert_eq!(never.continuations_allocated, 0);
}

/// Runs the lowered function after a change of its text, and gives the reason of its fault.
fn fault_after(from: &str, to: &str) -> String {
    assert!(LOWERED.contains(from), "{from}");
    let module = module(&LOWERED.replacen(from, to, 1));
    match run(&module, 5, scheduled(Schedule::Always)).0 {
        Err(Error::Fault(fault)) => format!(
            "{} / {}",
            fault.reason,
            fault.location.map_or(String::new(), |at| at.to_string())
        ),
        other => panic!("a fault was expected, not {other:?}"),
    }
}

#[test]
fn a_field_that_the_state_does_not_save_faults() {
    let found = fault_after("layout0 () saves [n = v1]", "layout0 () saves []");
    assert!(found.contains("point0 does not save layout0.n"), "{found}");
    assert!(
        found.contains("%fib: `v4 = field_load.i64 layout0.n, v0`"),
        "{found}"
    );
}

#[test]
fn a_field_that_nothing_stored_faults() {
    let found = fault_after("    field_store layout0.left, v38, v20\n", "");
    assert!(
        found.contains("nothing stored layout0.left for point2"),
        "{found}"
    );
}

#[test]
fn storing_to_a_field_ends_the_fields_that_overlap() {
    let found = fault_after(
        "    field_store layout0.n, v34, v12\n",
        "    field_store layout0.n, v34, v12\n    field_store layout0.left, v34, v12\n",
    );
    assert!(
        found.contains("nothing stored layout0.n for point1"),
        "{found}"
    );
}

#[test]
fn an_argument_of_a_resumed_activation_faults_when_used() {
    let found = fault_after("    jump block3(v4)\n", "    jump block3(v1)\n");
    assert!(
        found.contains("v12 is used where nothing defined it"),
        "{found}"
    );
}

#[test]
fn results_of_a_suspended_call_fault_when_used() {
    let found = fault_after(
        "field_store layout0.n, v34, v12",
        "field_store layout0.n, v34, v18",
    );
    assert!(
        found.contains("v18 is used where nothing defined it"),
        "{found}"
    );
}

#[test]
fn a_chain_that_is_not_linked_is_noticed() {
    let found = fault_after("    link v17, v34\n", "    link v34, v34\n");
    assert!(!found.is_empty());
}

#[test]
fn a_result_of_another_point_faults() {
    let found = fault_after(
        "result_load.i64 point1.0, v0",
        "result_load.i64 point2.0, v0",
    );
    assert!(found.contains("not suspended at point2"), "{found}");
}

#[test]
fn suspending_without_a_leaf_faults() {
    let found = fault_after(
        "    link v10, v30\n",
        "    link v10, v30\n    v40 = call %yield()\n",
    );
    assert!(found.contains("second leaf"), "{found}");
}

#[test]
fn continuations_count_against_the_memory_limit() {
    let module = module(LOWERED);
    let mut options = scheduled(Schedule::Always);
    // Of each byte is known what it was stored for.
    options.memory_limit = 5 * 32 * 5;
    let mut instance = Instance::new(&module, Imports::new(), options).expect("an instance");
    let error = instance.call("fib", &[Val::I64(9)]).unwrap_err();
    assert_eq!(error.trap_code(), Some(TrapCode::OutOfMemory));
    assert_eq!(instance.stats().continuations_live, 0);
    assert_eq!(instance.stats().continuation_bytes_peak, 5 * 32);
    assert_eq!(instance.call("fib", &[Val::I64(2)]), Ok(vec![Val::I64(1)]));
}

#[test]
fn stages_do_not_mix() {
    let text = format!("{SOURCE}{}", &LOWERED[LOWERED.find("function").unwrap()..]).replace(
        "%fib(i64) -> i64 async lowered",
        "%other(i64) -> i64 async lowered",
    );
    let module = parse_module(&text).unwrap();
    let error = Instance::new(&module, Imports::new(), Options::default()).unwrap_err();
    assert!(error.to_string().contains("%other is lowered"), "{error}");
}

/// A number is given to a caller that has said it takes a function.
const MISMATCHED: &str = r#"
import %yield = "enjamb" "yield" () async

function %inner() -> i64 async lowered {
    layout0 = size 16 {}
    point0 = layout0 () saves []
block0(v0: cont):
    v1 = is_suspended v0
    brif v1, block1, block2
block1:
    v2 = iconst.i64 1000
    return v2
block2:
    v3 = call %yield()
    v4 = is_suspended v3
    brif v4, block3, block1
block3:
    v5 = new_continuation layout0, v3
    set_point point0, v5
    link v3, v5
    suspend v5
}

function %main() -> funcref async lowered {
    sig0 = ()
    layout0 = size 24 {}
    point0 = layout0 (funcref) saves []
block0(v0: cont):
    v1 = is_suspended v0
    brif v1, block1, block2
block1:
    v2 = result_load.funcref point0.0, v0
    call_indirect sig0, v2()
    return v2
block2:
    v3, v4 = call %inner()
    v5 = is_suspended v3
    brif v5, block3, block4
block3:
    v6 = new_continuation layout0, v3
    set_point point0, v6
    link v3, v6
    suspend v6
block4:
    v7 = null.funcref
    return v7
}
"#;

#[test]
fn results_of_other_types_fault_where_they_are_delivered() {
    let run = |text: &str| {
        let module = module(text);
        let options = scheduled(Schedule::Always);
        let mut instance = Instance::new(&module, Imports::new(), options).expect("an instance");
        instance.call("main", &[])
    };
    let fault = |text: &str| match run(text) {
        Err(Error::Fault(fault)) => fault.reason,
        other => panic!("a fault was expected, not {other:?}"),
    };
    let found = fault(MISMATCHED);
    assert!(found.contains("(i64), not (funcref)"), "{found}");
    // Nor does a leaf give something else, or an activation that stands for its caller.
    let point_of_leaf = "size 16 {}\n    point0 = layout0 () saves";
    let found = fault(&MISMATCHED.replace(
        point_of_leaf,
        "size 24 {}\n    point0 = layout0 (i64) saves",
    ));
    assert!(found.contains("(), not (i64)"), "{found}");
    let found = fault(&MISMATCHED.replace("link v3, v6\n    suspend v6", "suspend v3"));
    assert!(
        found.contains("a task is given (i64), not (funcref)"),
        "{found}"
    );
    let agreeing = MISMATCHED.replace("layout0 (funcref)", "layout0 (i64)");
    let agreeing = agreeing.replace(
        "v2 = result_load.funcref point0.0, v0",
        "v8 = result_load.i64 point0.0, v0\n    v2 = func_addr %nothing",
    );
    let agreeing = agreeing + "function %nothing() {\nblock0:\n    return\n}";
    assert!(run(&agreeing).is_ok(), "{:?}", run(&agreeing));
}
