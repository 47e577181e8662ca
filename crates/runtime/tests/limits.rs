//! What an instance may use up: memory for tasks, the stack of a thread, the time of the host.

use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{TrapCode, Val, parse_module};
use enjamb_runtime::{
    Error, HostError, Imports, Instance, LoadedModule, Options, Outcome, Step, TaskHandle,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

fn load(text: &str) -> Arc<LoadedModule> {
    let module = parse_module(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let compiled = compile(Arc::new(module), &CompileOptions::default()).unwrap();
    LoadedModule::new(Arc::new(compiled)).unwrap()
}

fn call(instance: &mut Instance, name: &str, args: &[Val]) -> Result<Vec<Val>, Error> {
    let function = instance.loaded().module().function_named(name).unwrap();
    instance.call(function, args)
}

fn spawn(instance: &mut Instance, name: &str, args: &[Val]) -> TaskHandle {
    let function = instance.loaded().module().function_named(name).unwrap();
    instance.spawn(function, args).unwrap()
}

fn trap_code(result: Result<Vec<Val>, Error>) -> TrapCode {
    result.unwrap_err().trap().unwrap().code
}

const SPAWNERS: &str = r#"
import %yield = "enjamb" "yield" () async
global %spawned: i64 = 0

function %finishes() async {
block0:
    return
}
function %traps() async {
block0:
    v0 = iconst.i64 0
    v1 = sdiv v0, v0
    return
}
; Traps at the end of so many calls.
function %sinks(i64) async {
block0(v0: i64):
    brif v0, block1, block2
block1:
    v1 = iconst.i64 1
    v2 = isub v0, v1
    call %sinks(v2)
    call %count()
    return
block2:
    v3 = sdiv v0, v0
    return
}
function %count() {
block0:
    v0 = global_get.i64 %spawned
    v1 = iconst.i64 1
    v2 = iadd v0, v1
    global_set %spawned, v2
    return
}
function %finishing() async {
block0:
    jump block1
block1:
    v0 = spawn %finishes()
    call %count()
    jump block1
}
function %trapping(i64) async {
block0(v0: i64):
    jump block1(v0)
block1(v1: i64):
    v2 = spawn %traps()
    call %count()
    v3 = iconst.i64 1
    v4 = isub v1, v3
    brif v4, block1(v4), block2
block2:
    return
}
"#;

/// What a task takes besides its frames.
const RECORD: i64 = 40;
const LIMIT: u64 = 64 << 10;

fn spawner(limit: u64) -> Instance {
    let options = Options {
        continuation_limit: limit,
        ..Options::default()
    };
    Instance::new(load(SPAWNERS), Imports::new(), options).unwrap()
}

/// How many tasks have been spawned since this was last asked.
fn spawned(instance: &mut Instance) -> i64 {
    let global = enjamb_ir::Entity::from_index(0);
    let Some(Val::I64(count)) = instance.global(global) else {
        panic!("the global is an i64");
    };
    instance.set_global(global, Val::I64(0)).unwrap();
    count
}

#[test]
fn finished_tasks_count_against_the_limit() {
    let mut instance = spawner(LIMIT);
    for _ in 0..3 {
        let code = trap_code(call(&mut instance, "finishing", &[]));
        assert_eq!(code, TrapCode::OutOfMemory);
        // The root call has a record too. Dropping the tasks gives all of it back.
        assert_eq!(spawned(&mut instance), LIMIT as i64 / RECORD - 1);
        instance.drop_tasks();
    }
    assert_eq!(call(&mut instance, "finishes", &[]), Ok(vec![]));
}

#[test]
fn kept_traps_count_against_the_limit() {
    let mut instance = spawner(LIMIT);
    for _ in 0..3 {
        let code = trap_code(call(&mut instance, "trapping", &[Val::I64(1 << 20)]));
        assert_eq!(code, TrapCode::OutOfMemory);
        let spawned = spawned(&mut instance);
        assert!((100..LIMIT as i64 / RECORD).contains(&spawned), "{spawned}");
        instance.drop_tasks();
    }
    assert_eq!(
        call(&mut instance, "trapping", &[Val::I64(100)]),
        Ok(vec![])
    );
}

#[test]
fn the_stacks_of_kept_traps_count_against_the_limit() {
    let tasks = |depth| {
        let mut instance = spawner(LIMIT);
        let function = instance.loaded().module().function_named("sinks").unwrap();
        let spawned = || instance.spawn(function, &[Val::I64(depth)]).ok();
        std::iter::from_fn(spawned).count()
    };
    let (short, long) = (tasks(0), tasks(20));
    assert!(long * 5 < short * 4, "{long} of many calls, {short} of one");
}

#[test]
fn a_trap_that_could_not_be_kept_is_out_of_memory() {
    // Behind the last trap that fits in, one of the two has room for a record and for no trap.
    let mut last = Vec::new();
    for limit in [LIMIT, LIMIT + RECORD as u64] {
        let mut instance = spawner(limit);
        let function = instance.loaded().module().function_named("traps").unwrap();
        for _ in 0..3 {
            let spawned = std::iter::from_fn(|| instance.spawn(function, &[]).ok());
            let tasks: Vec<TaskHandle> = spawned.collect();
            let ends = tasks
                .iter()
                .map(|&task| trap_code(instance.run_until(task)));
            let ends: Vec<TrapCode> = ends.collect();
            assert_eq!(ends[0], TrapCode::DivisionByZero);
            last.extend(ends.last().copied());
        }
    }
    let is_full = |codes: &[TrapCode]| codes == [TrapCode::OutOfMemory; 3];
    assert!(last.chunks(3).any(is_full), "{last:?}");
}

const DEEP: &str = r#"
import %yield = "enjamb" "yield" () async
function %deep(i64) -> i64 async {
block0(v0: i64):
    brif v0, block1, block2
block1:
    v1 = iconst.i64 1
    v2 = isub v0, v1
    v3 = call %deep(v2)
    v4 = iadd v3, v0
    return v4
block2:
    call %yield()
    return v0
}
function %wide(i64, i64, i64, i64, i64) -> i64 async {
block0(v0: i64, v1: i64, v2: i64, v3: i64, v4: i64):
    brif v0, block1, block2
block1:
    v5 = iconst.i64 1
    v6 = isub v0, v5
    v7 = call %wide(v6, v1, v2, v3, v4)
    v8 = iadd v7, v1
    v9 = iadd v8, v2
    v10 = iadd v9, v3
    v11 = iadd v10, v4
    return v11
block2:
    call %yield()
    return v0
}
"#;

/// Whatever a call needs first that the limit does not have: a task, a frame, results.
#[test]
fn every_limit_ends_the_call_alone_or_is_enough() {
    let loaded = load(DEEP);
    let calls: [(&str, &[Val]); 2] = [
        ("deep", &[Val::I64(6)]),
        ("wide", &[6, 1, 2, 3, 4].map(Val::I64)),
    ];
    for (name, args) in calls {
        let results = |limit| {
            let options = Options {
                continuation_limit: limit,
                ..Options::default()
            };
            let mut instance = Instance::new(Arc::clone(&loaded), Imports::new(), options).unwrap();
            let results = [0, 1].map(|_| {
                let result = call(&mut instance, name, args);
                assert_eq!(instance.stats().tasks_live, 0);
                result
            });
            assert_eq!(results[0], results[1], "{limit}: each call finds the same");
            results[0].clone()
        };
        let right = results(1 << 20);
        assert!(right.is_ok());
        let enough = (0..).step_by(8).find(|&limit| {
            let result = results(limit);
            if let Err(error) = &result {
                let trap = error.trap().unwrap();
                assert_eq!(trap.code, TrapCode::OutOfMemory);
                let message = trap.message.as_deref().unwrap_or_default();
                let says_why = message.ends_with(&format!(" bytes: the limit is {limit} bytes"));
                assert!(says_why, "{message}");
            }
            result == right
        });
        let enough = enough.unwrap();
        assert!(enough > 7 * 24, "frames take more");
        for limit in (enough..enough + 200).step_by(8) {
            assert_eq!(results(limit), right, "{limit} is more than {enough}");
        }
    }
}

#[test]
fn running_out_of_memory_ends_the_call_alone_and_says_where() {
    let options = Options {
        continuation_limit: LIMIT,
        ..Options::default()
    };
    let mut instance = Instance::new(load(DEEP), Imports::new(), options).unwrap();
    for _ in 0..2 {
        let error = call(&mut instance, "deep", &[Val::I64(4000)]).unwrap_err();
        let trap = error.trap().unwrap();
        assert_eq!(trap.code, TrapCode::OutOfMemory);
        assert_eq!(trap.function_name.as_deref(), Some("deep"), "{trap}");
        instance.drop_tasks();
        // Frames of another size find the memory that those had.
        let args = [100, 1, 2, 3, 4].map(Val::I64);
        assert_eq!(call(&mut instance, "wide", &args), Ok(vec![Val::I64(1000)]));
        let error = call(&mut instance, "deep", &[Val::I64(100_000_000)]);
        assert_eq!(trap_code(error), TrapCode::StackOverflow);
    }
}

const WAITERS: &str = r#"
import %yield = "enjamb" "yield" () async
function %wait_for(task) -> i64 async {
    sig0 = () -> i64
block0(v0: task):
    call %yield()
    v1 = join sig0, v0
    return v1
}
"#;

#[test]
fn each_task_of_many_cycles_deadlocks() {
    let mut instance = Instance::new(load(WAITERS), Imports::new(), Options::default()).unwrap();
    // The tasks of a new instance have these values. Of each three, two wait for each other, and
    // the third for itself.
    let value = |index: u64| Val::Task(1 << 32 | index);
    let waits_for = |index: u64| [index + 1, index.saturating_sub(1), index][index as usize % 3];
    let tasks: Vec<TaskHandle> = (0..3000)
        .map(|index| spawn(&mut instance, "wait_for", &[value(waits_for(index))]))
        .collect();
    assert_eq!(tasks[7].value(), value(7));
    while instance.step() != Step::Idle {}
    for three in tasks.chunks(3) {
        // The trap of the second, whose join makes a ring, goes to the first, which has joined it.
        for task in [three[0], three[2]] {
            assert_eq!(trap_code(instance.run_until(task)), TrapCode::Deadlock);
        }
        assert_eq!(instance.run_until(three[1]), Err(Error::BadTask));
    }
    // All records are free again: the next task has an index that there was before.
    let next = spawn(&mut instance, "wait_for", &[value(0)]);
    assert!(matches!(next.value(), Val::Task(word) if (word as u32) < 3000 && word >> 32 > 1));
}

const CALLER: &str = r#"
import %soon = "host" "soon" () async
import %late = "host" "late" () async
function %waits() async {
block0:
    call %late()
    return
}
function %main(i64) async {
block0(v0: i64):
    jump block1(v0)
block1(v1: i64):
    call %soon()
    v2 = iconst.i64 1
    v3 = isub v1, v2
    brif v3, block1(v3), block2
block2:
    return
}
"#;

/// Ready when it is polled for the second time, which it asks for.
async fn soon() -> Result<Vec<Val>, HostError> {
    let mut polled = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    Ok(vec![])
}

/// Never ready, and counts how often it is polled.
async fn late(polled: Arc<AtomicU64>) -> Result<Vec<Val>, HostError> {
    std::future::poll_fn(|_| {
        polled.fetch_add(1, Ordering::Relaxed);
        Poll::Pending
    })
    .await
}

#[test]
fn futures_are_polled_once_and_when_they_are_woken() {
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    let mut imports = Imports::new();
    imports
        .define(
            "host",
            "soon",
            Box::new(|context, _| Outcome::of(context, Box::pin(soon()))),
        )
        .define(
            "host",
            "late",
            Box::new(move |context, _| Outcome::of(context, Box::pin(late(Arc::clone(&counter))))),
        );
    let mut instance = Instance::new(load(CALLER), imports, Options::default()).unwrap();
    for _ in 0..500 {
        spawn(&mut instance, "waits", &[]);
    }
    assert_eq!(call(&mut instance, "main", &[Val::I64(100)]), Ok(vec![]));
    assert_eq!(asked.load(Ordering::Relaxed), 500);
    instance.drop_tasks();
    assert_eq!(Arc::strong_count(&asked), 2, "the host's calls are dropped");
}

/// Goes down some 400 KiB, then calls the host.
const DIVER: &str = r#"
import %next = "host" "next" () -> i64
function %dive(i64) -> i64 {
    ss0 = slot 80 align 8
block0(v0: i64):
    store ss0[8], v0
    brif v0, block1, block2
block1:
    v1 = iconst.i64 1
    v2 = isub v0, v1
    v3 = call %dive(v2)
    v4 = load.i64 ss0[8]
    v5 = isub v4, v2
    v6 = imul v5, v3
    return v6
block2:
    v7 = call %next()
    return v7
}
"#;

/// The first of a chain of instances each of which is called by a host function of the one before.
fn divers(loaded: &Arc<LoadedModule>, count: u32) -> Instance {
    let mut imports = Imports::new();
    let mut next = (count > 1).then(|| divers(loaded, count - 1));
    imports.define_sync("host", "next", move |_, _| match &mut next {
        Some(instance) => Ok(call(instance, "dive", &[Val::I64(3800)])?),
        None => Ok(vec![Val::I64(7)]),
    });
    Instance::new(Arc::clone(loaded), imports, Options::default()).unwrap()
}

#[test]
fn a_chain_of_instances_shares_the_stack_of_its_thread() {
    let dive = || {
        let loaded = load(DIVER);
        let depth = [Val::I64(3800)];
        let mut chain = divers(&loaded, 10);
        // All of them together would take more than the thread has.
        let error = call(&mut chain, "dive", &depth).unwrap_err();
        assert_eq!(error.trap().unwrap().code, TrapCode::StackOverflow);
        // Afterwards, one alone has all that it may use.
        assert_eq!(
            call(&mut divers(&loaded, 1), "dive", &depth),
            Ok(vec![Val::I64(7)])
        );
        assert_eq!(
            trap_code(call(&mut chain, "dive", &depth)),
            TrapCode::StackOverflow
        );
        let short = [Val::I64(10)];
        assert_eq!(
            trap_code(call(&mut chain, "dive", &short)),
            TrapCode::StackOverflow
        );
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    thread.spawn(dive).unwrap().join().unwrap();
}
