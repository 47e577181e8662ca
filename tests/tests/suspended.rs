//! What may happen while a task lies suspended: its module is dropped, other instances of it run, it
//! moves to another thread, the host takes its time.
#![cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux"
))]

use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{Val, parse_module};
use enjamb_runtime::{
    HostContext, HostError, Imports, Instance, LoadedModule, Options, Outcome, TaskHandle,
};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

/// Sums, in a global, a stack slot and a live value, with a suspension in each round.
const PROGRAM: &str = r#"
import %yield = "enjamb" "yield" () async
memory %heap 1..1
global %rounds: i64 = 0
export "rounds" = %rounds

function %outer(i64) -> i64 async {
block0(v0: i64):
    v1 = call %main(v0)
    v2 = iadd v1, v0
    return v2
}

function %main(i64) -> i64 async {
    ss0 = slot 64 align 16
block0(v0: i64):
    v1 = iconst.i64 0
    jump block1(v0, v1)
block1(v2: i64, v3: i64):
    v4 = load.i64 ss0[40]
    v5 = iadd v4, v2
    store ss0[40], v5
    v6 = load.i64 %heap[v1]
    v7 = iadd v6, v2
    store %heap[v1], v7
    v8 = global_get.i64 %rounds
    v9 = iconst.i64 1
    v10 = iadd v8, v9
    global_set %rounds, v10
    call %yield()
    v11 = iadd v3, v2
    v12 = isub v2, v9
    brif v12, block1(v12, v11), block2
block2:
    v13 = load.i64 ss0[40]
    v14 = load.i64 %heap[v1]
    v15 = iadd v11, v13
    v16 = iadd v15, v14
    return v16
}
"#;

fn load(text: &str) -> Arc<LoadedModule> {
    let module = Arc::new(parse_module(text).expect("the program parses"));
    let compiled = compile(module, &CompileOptions::default()).expect("it compiles");
    LoadedModule::new(Arc::new(compiled)).expect("it loads")
}

fn start(loaded: &Arc<LoadedModule>, argument: i64) -> (Instance, TaskHandle) {
    let function = loaded.module().function_named("outer").expect("a function");
    let instance = Instance::new(Arc::clone(loaded), Imports::new(), Options::default());
    let mut instance = instance.expect("an instance");
    let task = instance.spawn(function, &[Val::I64(argument)]);
    let task = task.expect("a task");
    assert!(!instance.is_done(task).expect("a task"));
    (instance, task)
}

#[test]
fn code_lives_as_long_as_a_suspended_task() {
    let loaded = load(PROGRAM);
    let (mut instance, task) = start(&loaded, 4);
    drop(loaded);
    let result = instance.run_until(task).expect("it finishes");
    assert_eq!(result, [Val::I64(34)]);
}

#[test]
fn instances_share_code_and_nothing_else() {
    let loaded = load(PROGRAM);
    let (mut first, task) = start(&loaded, 10);
    let (mut second, other) = start(&loaded, 100);
    for _ in 0..5 {
        assert!(!first.resume(task, 0).expect("its turn"));
        assert!(!second.resume(other, 0).expect("its turn"));
    }
    let result = first.run_until(task).expect("it finishes");
    assert_eq!(result, [Val::I64(3 * 55 + 10)]);
    let result = second.run_until(other).expect("it finishes");
    assert_eq!(result, [Val::I64(3 * 5050 + 100)]);
}

#[test]
fn every_resumption_on_another_thread() {
    let loaded = load(PROGRAM);
    let (mut instance, task) = start(&loaded, 20);
    while !instance.is_done(task).expect("a task") {
        let moved = std::thread::spawn(move || {
            // One resumption: the dispatcher may not go on with the next yield by itself.
            let resumed = instance.resume(task, 0);
            resumed.map(|_| instance)
        });
        instance = moved
            .join()
            .expect("the thread ends")
            .expect("a resumption");
    }
    let result = instance.run_until(task).expect("it has finished");
    assert_eq!(result, [Val::I64(3 * 210 + 20)]);
}

/// A host call that has its result when it is asked for the third time.
struct Third {
    asked: u32,
    value: i64,
}

impl Future for Third {
    type Output = Result<Vec<Val>, HostError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.asked += 1;
        if self.asked == 3 {
            return Poll::Ready(Ok(vec![Val::I64(self.value)]));
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[test]
fn a_leaf_of_the_host_is_started_once_and_keeps_its_state() {
    let text = r#"
        import %slow = "host" "slow" (i64) -> i64 async
        function %main(i64) -> i64 async {
        block0(v0: i64):
            v1 = call %slow(v0)
            v2 = iadd v1, v0
            return v2
        }
    "#;
    let loaded = load(text);
    let main = loaded.module().function_named("main").expect("a function");
    let started = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&started);
    let mut imports = Imports::new();
    let slow = move |context: &mut HostContext<'_>, args: &[Val]| {
        counter.fetch_add(1, Ordering::Relaxed);
        let Val::I64(value) = args[0] else {
            unreachable!("the import takes an i64");
        };
        let call = Third {
            asked: 0,
            value: value * 10,
        };
        Outcome::of(context, Box::pin(call))
    };
    imports.define("host", "slow", Box::new(slow));
    let instance = Instance::new(loaded, imports, Options::default());
    let result = instance.expect("an instance").call(main, &[Val::I64(7)]);
    assert_eq!(result.expect("it finishes"), [Val::I64(77)]);
    assert_eq!(started.load(Ordering::Relaxed), 1);
}
