//! Stubs, dispatcher and executor under functions that are assembled by hand, so that nothing of
//! the compiler but the assembler takes part.

mod support;

use enjamb_ir::{FuncId, Schedule, Signature, TrapCode, Type, Val};
use enjamb_runtime::{Imports, Instance, LoadedModule, Options, Stats};
use support::{Linker, SIZE, machine};

struct Program {
    linker: Linker,
    yields: FuncId,
    outer: FuncId,
}

/// `yields(n)` yields n times and gives 5; traps where n was negative. `outer(n)` gives
/// `yields(n) + n`.
fn program(count: bool) -> Program {
    let mut linker = Linker::new(count);
    let leaf = linker.import("enjamb", "yield", Signature::asynchronous(&[], &[]));
    let signature = Signature::asynchronous(&[Type::I64], &[Type::I64]);
    let yields = linker.declare("yields", signature.clone());
    let outer = linker.declare("outer", signature);
    let point = linker.point(yields, SIZE, &[]);
    linker.define(yields, |body| machine::yields(body, leaf, point));
    let point = linker.point(outer, SIZE, &[Type::I64]);
    linker.define(outer, |body| machine::outer(body, yields, point));
    Program {
        linker,
        yields,
        outer,
    }
}

fn instance(linker: Linker, options: Options) -> Instance {
    let loaded = LoadedModule::new(linker.link()).unwrap();
    Instance::new(loaded, Imports::new(), options).unwrap()
}

#[test]
fn a_chain_is_resumed_from_the_inside_out() {
    let Program {
        linker,
        yields,
        outer,
    } = program(false);
    let mut instance = instance(linker, Options::default());
    for n in [0, 1, 2, 5000] {
        assert_eq!(instance.call(yields, &[Val::I64(n)]), Ok(vec![Val::I64(5)]));
        assert_eq!(
            instance.call(outer, &[Val::I64(n)]),
            Ok(vec![Val::I64(5 + n)])
        );
    }
}

#[test]
fn schedules_decide_how_often_it_suspends() {
    let suspensions = |schedule| {
        let Program { linker, outer, .. } = program(true);
        let options = Options {
            schedule,
            count: true,
            ..Options::default()
        };
        let mut instance = instance(linker, options);
        assert_eq!(instance.call(outer, &[Val::I64(9)]), Ok(vec![Val::I64(14)]));
        instance.stats()
    };
    let expected = |suspensions, frames: u64| Stats {
        suspensions,
        resumptions: frames,
        continuations_allocated: if frames > 0 { 2 } else { 0 },
        continuations_live: 0,
        continuation_bytes_peak: if frames > 0 { 2 * u64::from(SIZE) } else { 0 },
        // Only the compiler's suspension blocks count themselves.
        frames_suspended: 0,
        tasks_started: 1,
        tasks_finished: 1,
        ..Stats::default()
    };
    assert_eq!(suspensions(Schedule::Never), expected(0, 0));
    assert_eq!(suspensions(Schedule::Natural), expected(9, 10));
    assert_eq!(suspensions(Schedule::Always), expected(9, 10));
    assert_eq!(suspensions(Schedule::Only(3)), expected(1, 2));
}

#[test]
fn tasks_take_turns() {
    let Program { linker, outer, .. } = program(false);
    let mut instance = instance(linker, Options::default());
    let tasks = [3, 1, 2].map(|n| instance.spawn(outer, &[Val::I64(n)]).unwrap());
    let mut finished = Vec::new();
    for turn in 0.. {
        if instance.step() == enjamb_runtime::Step::Idle {
            break;
        }
        for (number, &task) in tasks.iter().enumerate() {
            if instance.is_done(task).unwrap() && !finished.contains(&(number, turn)) {
                finished.push((number, turn));
            }
        }
    }
    let mut order: Vec<usize> = finished.iter().map(|&(number, _)| number).collect();
    order.dedup();
    assert_eq!(order[0], 1, "{finished:?}");
    for (task, result) in tasks.into_iter().zip([8, 6, 7]) {
        assert_eq!(instance.run_until(task), Ok(vec![Val::I64(result)]));
        assert!(instance.is_done(task).is_err());
    }
}

#[test]
fn a_trap_ends_its_task_only() {
    let Program { linker, outer, .. } = program(true);
    let options = Options {
        count: true,
        ..Options::default()
    };
    let mut instance = instance(linker, options);
    let other = instance.spawn(outer, &[Val::I64(4)]).unwrap();
    let error = instance.call(outer, &[Val::I64(-1)]).unwrap_err();
    let trap = error.trap().unwrap();
    assert_eq!(
        (trap.code, trap.function_name.as_deref()),
        (TrapCode::User, Some("yields"))
    );
    assert!(trap.native_offset.is_some());
    assert_eq!(instance.run_until(other), Ok(vec![Val::I64(9)]));
    assert_eq!(instance.stats().continuations_live, 0);
}

#[test]
fn memory_for_continuations_runs_out_in_one_task() {
    let Program {
        linker,
        yields,
        outer,
    } = program(true);
    let options = Options {
        count: true,
        // A frame of `outer`, one of `yields` and a root, and for the next task one frame more.
        continuation_limit: 3 * u64::from(SIZE) + 24 - 8,
        ..Options::default()
    };
    let mut instance = instance(linker, options);
    let first = instance.spawn(yields, &[Val::I64(2)]).unwrap();
    let error = instance.call(outer, &[Val::I64(2)]).unwrap_err();
    assert_eq!(error.trap().unwrap().code, TrapCode::OutOfMemory);
    assert_eq!(instance.stats().continuations_live, 1);
    assert_eq!(instance.run_until(first), Ok(vec![Val::I64(5)]));
    assert_eq!(instance.call(yields, &[Val::I64(2)]), Ok(vec![Val::I64(5)]));
    assert_eq!(instance.stats().continuations_live, 0);
}

#[test]
fn the_dispatcher_alone_can_be_run() {
    let Program { linker, outer, .. } = program(false);
    let mut instance = instance(linker, Options::default());
    let task = instance.spawn(outer, &[Val::I64(1000)]).unwrap();
    assert_eq!(instance.resume(task, 0), Ok(false));
    assert_eq!(instance.resume(task, 500), Ok(false));
    assert_eq!(instance.resume(task, 1000), Ok(true));
    assert_eq!(instance.run_until(task), Ok(vec![Val::I64(1005)]));
}

#[test]
fn many_tasks_are_alive_at_once() {
    let Program { linker, yields, .. } = program(false);
    let mut instance = instance(linker, Options::default());
    let count = 100_000;
    let tasks: Vec<_> = (0..count)
        .map(|_| instance.spawn(yields, &[Val::I64(2)]).unwrap())
        .collect();
    for task in tasks {
        assert_eq!(instance.run_until(task), Ok(vec![Val::I64(5)]));
    }
    // Dropped while they wait.
    for _ in 0..1000 {
        instance.spawn(yields, &[Val::I64(2)]).unwrap();
    }
    instance.drop_tasks();
    assert_eq!(instance.step(), enjamb_runtime::Step::Idle);
}
