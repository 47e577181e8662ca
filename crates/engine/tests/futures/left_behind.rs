//! Tasks that calls leave behind, on both engines: they belong to the instance, and go on when it is entered.

use crate::support::{Gates, PollOnce, multi_thread, poll_to_pending};
use enjamb_engine::{
    Clock, Config, Engine, Error, Execution, Imports, Instance, Module, Schedule, TaskState,
    TrapCode, Val,
};
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{Either, poll_immediate, select};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

const LEAVES: &str = r#"
    import %wait = "host" "wait" (i64) -> i64 async
    import %panic = "host" "panic" () -> i64
    import %yield = "enjamb" "yield" () async
    import %sleep = "enjamb" "sleep" (i64) async
    global %seen: i64 = 0
    function %see(i64) {
    block0(v0: i64):
        v1 = global_get.i64 %seen
        v2 = iadd v1, v0
        global_set %seen, v2
        return
    }
    function %seen_now() -> i64 {
    block0:
        v0 = global_get.i64 %seen
        return v0
    }
    function %nothing() async {
    block0:
        return
    }
    function %steps(i64) -> i64 async {
    block0(v0: i64):
        jump block1(v0)
    block1(v1: i64):
        call %yield()
        v2 = iconst.i64 1
        call %see(v2)
        v3 = isub v1, v2
        brif v3, block1(v3), block2
    block2:
        return v0
    }
    function %naps(i64) -> i64 async {
    block0(v0: i64):
        v1, v2 = try_call %sleep(v0), block1(), unwind block2(v1)
    block1:
        call %see(v0)
        return v0
    block2(v3: i64):
        v4 = iconst.i64 1000
        call %see(v4)
        call %sleep(v4)
        call %see(v4)
        v5 = null.ref
        throw v3, v5
    }
    function %ticks(i64) async {
    block0(v0: i64):
        jump block1
    block1:
        call %sleep(v0)
        v1 = iconst.i64 1
        call %see(v1)
        jump block1
    }
    function %waits(i64) -> i64 async {
    block0(v0: i64):
        v1 = call %wait(v0)
        call %see(v1)
        return v1
    }
    function %panics(i64) -> i64 async {
    block0(v0: i64):
        call %yield()
        v1 = call %panic()
        return v1
    }
    function %throws(i64) -> i64 async {
    block0(v0: i64):
        call %yield()
        v1 = null.ref
        throw v0, v1
    }
    function %traps(i64) -> i64 async {
    block0(v0: i64):
        call %yield()
        v1 = isub v0, v0
        v2 = sdiv v0, v1
        return v2
    }
    function %leave_steps(i64) -> task {
    block0(v0: i64):
        v1 = spawn %steps(v0)
        return v1
    }
    function %leave_nap(i64) -> task async {
    block0(v0: i64):
        v1 = spawn %naps(v0)
        return v1
    }
    function %leave_ticks(i64) async {
    block0(v0: i64):
        v1 = spawn %ticks(v0)
        detach v1
        return
    }
    function %leave_wait(i64) -> task async {
    block0(v0: i64):
        v1 = spawn %waits(v0)
        return v1
    }
    function %leave_panic(i64) -> task {
    block0(v0: i64):
        v1 = spawn %panics(v0)
        return v1
    }
    function %leave_throw(i64) -> task {
    block0(v0: i64):
        v1 = spawn %throws(v0)
        return v1
    }
    function %leave_trap(i64) -> task {
    block0(v0: i64):
        v1 = spawn %traps(v0)
        return v1
    }
    function %forget(task) {
    block0(v0: task):
        detach v0
        return
    }
    function %stop(task) {
    block0(v0: task):
        cancel v0
        return
    }
    function %done(task) -> i8 {
    block0(v0: task):
        v1 = is_done v0
        return v1
    }
    function %result(task) -> i64 async {
        sig0 = () -> i64
    block0(v0: task):
        v1 = join sig0, v0
        return v1
    }
"#;

/// An instance on each engine that there is here.
fn instances(config: &Config, gates: &Gates) -> Vec<Instance> {
    let engine = |execution| Engine::new(config.clone().count(true).execution(execution));
    let engines = match engine(Execution::Jit) {
        Err(Error::UnsupportedHost(_)) => vec![engine(Execution::Interpreter)],
        jit => vec![jit, engine(Execution::Interpreter)],
    };
    let instance = |engine: Result<Engine, Error>| {
        let module = Module::from_text(&engine.unwrap(), LEAVES);
        let mut imports = gates.imports();
        imports.func("host", "panic", || -> i64 { panic!("of the host") });
        Instance::new(&module.unwrap_or_else(|error| panic!("{error}")), &imports).unwrap()
    };
    engines.into_iter().map(instance).collect()
}

fn virtually() -> Vec<Instance> {
    instances(&Config::new().clock(Clock::Virtual), &Gates::default())
}

fn call(instance: &Instance, name: &str, argument: i64) -> Val {
    let results = instance.call(name, &[Val::I64(argument)]).unwrap();
    results.first().copied().unwrap_or(Val::I64(0))
}

fn seen(instance: &Instance) -> i64 {
    match instance.global("seen").unwrap().get().unwrap() {
        Val::I64(seen) => seen,
        other => panic!("{other}"),
    }
}

/// The same while somebody else may be inside.
fn seen_by_another(instance: &Instance) -> Option<i64> {
    match instance.global("seen").unwrap().get() {
        Err(Error::Running) => None,
        Ok(Val::I64(seen)) => Some(seen),
        other => panic!("{other:?}"),
    }
}

/// Leaves a task that sleeps, although somebody else may be inside.
fn leave_nap(instance: &Instance, milliseconds: i64) {
    while let Err(error) = instance.call("leave_nap", &[Val::I64(milliseconds)]) {
        assert!(matches!(error, Error::Running), "{error}");
        thread::yield_now();
    }
}

/// Longer than any of it takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE);
        thread::yield_now();
    }
}

fn live(instance: &Instance) -> u64 {
    let tasks = instance.tasks().unwrap().count() as u64;
    assert_eq!(tasks, instance.stats().unwrap().tasks_live);
    tasks
}

#[test]
fn a_task_that_is_left_has_a_turn_with_each_call() {
    for instance in virtually() {
        let task = call(&instance, "leave_steps", 4);
        assert_eq!((seen(&instance), live(&instance)), (0, 1));
        let state = instance.tasks().unwrap().next().unwrap().state;
        assert_eq!(state, TaskState::Ready);
        // In front of the call itself, of whichever kind.
        assert_eq!(instance.call("seen_now", &[]).unwrap(), [Val::I64(1)]);
        instance.call("nothing", &[]).unwrap();
        assert_eq!(seen(&instance), 2);
        let nothing = instance.func::<(), ()>("nothing").unwrap();
        nothing.call_async(()).poll_once().unwrap();
        assert_eq!(seen(&instance), 3);
        nothing.block_on(()).unwrap();
        assert_eq!((seen(&instance), live(&instance)), (4, 1));
        // Somebody may yet ask for its results.
        assert_eq!(instance.call("done", &[task]).unwrap(), [Val::I8(1)]);
        assert_eq!(instance.call("result", &[task]).unwrap(), [Val::I64(4)]);
        assert_eq!(live(&instance), 0);
    }
}

#[test]
fn tasks_that_are_left_run_while_a_call_waits() {
    for instance in virtually() {
        let (first, second) = (
            call(&instance, "leave_steps", 100),
            call(&instance, "leave_nap", 70),
        );
        assert_eq!(instance.call("result", &[second]).unwrap(), [Val::I64(70)]);
        assert_eq!(seen(&instance), 170);
        assert_eq!(instance.call("result", &[first]).unwrap(), [Val::I64(100)]);
        assert_eq!(live(&instance), 0);
    }
}

#[test]
fn driving_runs_what_is_left_to_its_end() {
    for instance in virtually() {
        call(&instance, "leave_nap", 1 << 40);
        call(&instance, "leave_steps", 500);
        // Nothing waits for a call that is over before it has begun.
        assert_eq!(instance.call("seen_now", &[]).unwrap(), [Val::I64(1)]);
        block_on(instance.drive()).unwrap();
        assert_eq!((seen(&instance), live(&instance)), ((1 << 40) + 500, 2));
        block_on(instance.drive()).unwrap();
    }
    for instance in instances(&Config::new(), &Gates::default()) {
        let started = Instant::now();
        call(&instance, "leave_nap", 30);
        call(&instance, "leave_nap", 20);
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(instance.drive()).unwrap();
        assert!(started.elapsed() >= Duration::from_millis(30));
        assert_eq!(seen(&instance), 50);
    }
}

#[test]
fn who_drives_is_told_of_what_a_call_leaves() {
    for instance in instances(&Config::new(), &Gates::default()) {
        call(&instance, "leave_nap", 1 << 40);
        let (stop, stopped) = oneshot::channel::<()>();
        let (driving, began) = (instance.clone(), Arc::new(AtomicUsize::new(0)));
        let begins = Arc::clone(&began);
        let driving = thread::spawn(move || {
            let mut drive = Box::pin(driving.drive());
            assert!(block_on(poll_immediate(&mut drive)).is_none());
            begins.store(1, Ordering::Release);
            block_on(select(drive, stopped));
        });
        while began.load(Ordering::Acquire) == 0 {
            thread::yield_now();
        }
        // It comes between the one who drives and his timer.
        leave_nap(&instance, 5);
        wait_until(|| seen_by_another(&instance) == Some(5));
        stop.send(()).unwrap();
        driving.join().unwrap();
    }
}

#[test]
fn driving_can_be_given_up() {
    for instance in instances(&Config::new(), &Gates::default()) {
        call(&instance, "leave_ticks", 1);
        let ticked = poll_fn(|context| {
            context.waker().wake_by_ref();
            match seen(&instance) {
                0 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        });
        assert!(matches!(
            block_on(select(instance.drive(), ticked)),
            Either::Right(_)
        ));
        let before = seen(&instance);
        // Its next tick is due.
        thread::sleep(Duration::from_millis(3));
        instance.call("nothing", &[]).unwrap();
        assert_eq!((seen(&instance), live(&instance)), (before + 1, 1));
    }
}

#[test]
fn the_executor_of_the_host_drives_what_is_left_on_either_engine() {
    let runtime = multi_thread(1);
    let executor = runtime.handle().clone();
    let config = Config::new().spawner(move |driver| drop(executor.spawn(driver)));
    for instance in instances(&config, &Gates::default()) {
        leave_nap(&instance, 2);
        leave_nap(&instance, 3);
        wait_until(|| seen_by_another(&instance) == Some(5));
    }
}

#[test]
fn a_task_that_is_left_can_be_cancelled() {
    for instance in virtually() {
        let task = call(&instance, "leave_nap", 7);
        instance.call("stop", &[task]).unwrap();
        assert_eq!(seen(&instance), 0);
        // Its handler has a turn with the next call, and waits.
        assert_eq!(instance.call("seen_now", &[]).unwrap(), [Val::I64(1000)]);
        let cancelled = instance.call("result", &[task]).unwrap_err();
        assert!(cancelled.is_cancelled(), "{cancelled}");
        assert_eq!((seen(&instance), live(&instance)), (2000, 0));
    }
}

#[test]
fn what_is_left_may_fail() {
    for instance in virtually() {
        for name in ["leave_throw", "leave_trap", "leave_panic"] {
            let task = call(&instance, name, 7);
            instance.call("nothing", &[]).unwrap();
            assert_eq!(instance.call("done", &[task]).unwrap(), [Val::I8(1)]);
            let error = instance.call("result", &[task]).unwrap_err();
            assert!(matches!(error, Error::Trap(_) | Error::Exception(_)));
            let task = call(&instance, name, 8);
            instance.call("forget", &[task]).unwrap();
            assert_eq!(live(&instance), 0);
        }
        assert_eq!(instance.stats().unwrap().tasks_failed, 6 + 3);
        assert_eq!(call(&instance, "steps", 1), Val::I64(1));
    }
}

#[test]
fn what_the_host_has_woken_goes_on_with_the_next_call() {
    let gates = Gates::default();
    let instance = instances(&Config::new(), &gates).remove(0);
    if instance.module().engine().config().execution == Execution::Interpreter {
        return;
    }
    let task = call(&instance, "leave_wait", 5);
    call(&instance, "leave_wait", 6);
    assert_eq!(instance.call("seen_now", &[]).unwrap(), [Val::I64(0)]);
    assert_eq!(gates.alive(), 2);
    // Nobody is inside.
    let opener = gates.clone();
    thread::spawn(move || opener.open(5)).join().unwrap();
    assert_eq!(instance.call("seen_now", &[]).unwrap(), [Val::I64(6)]);
    assert_eq!((gates.alive(), live(&instance)), (1, 2));
    assert_eq!(instance.call("result", &[task]).unwrap(), [Val::I64(6)]);
    gates.open(6);
    block_on(instance.drive()).unwrap();
    assert_eq!((seen(&instance), gates.alive()), (13, 0));
}

#[test]
fn a_future_that_wakes_itself_keeps_no_call_from_its_turn() {
    let gates = Gates::default();
    let instance = instances(&Config::new(), &gates).remove(0);
    let task = call(&instance, "leave_wait", crate::support::YIELDS);
    for _ in 0..20 {
        instance.call("nothing", &[]).unwrap();
    }
    assert_eq!(instance.call("done", &[task]).unwrap(), [Val::I8(1)]);
}

#[test]
fn an_instance_takes_along_what_is_left() {
    let gates = Gates::default();
    for instance in instances(&Config::new(), &gates) {
        call(&instance, "leave_ticks", 1);
        call(&instance, "leave_steps", 1000);
        if instance.module().engine().config().execution == Execution::Jit {
            call(&instance, "leave_wait", 3);
            assert_eq!(gates.alive(), 1);
        }
        drop(instance);
        assert_eq!(gates.alive(), 0);
    }
}

#[test]
fn what_is_left_can_be_ended() {
    let gates = Gates::default();
    for instance in instances(&Config::new(), &gates) {
        call(&instance, "leave_ticks", 1);
        let nap = call(&instance, "leave_nap", 1);
        call(&instance, "leave_steps", 1000);
        instance.end_tasks().unwrap();
        assert_eq!(live(&instance), 0);
        let before = seen(&instance);
        block_on(instance.drive()).unwrap();
        assert_eq!(seen(&instance), before);
        let gone = instance.call("result", &[nap]).unwrap_err();
        assert!(matches!(gone, Error::Trap(trap) if trap.code == TrapCode::InvalidTask));
        assert_eq!(call(&instance, "steps", 3), Val::I64(3));

        // Calls under way are none of them, but hear of it.
        if instance.module().engine().config().execution == Execution::Interpreter {
            continue;
        }
        let waits = poll_to_pending(instance.call_async("waits", &[Val::I64(2)]).unwrap());
        let left = call(&instance, "leave_wait", 3);
        let joins = poll_to_pending(instance.call_async("result", &[left]).unwrap());
        assert_eq!((gates.alive(), live(&instance)), (2, 3));
        instance.end_tasks().unwrap();
        assert_eq!((gates.alive(), live(&instance)), (1, 2));
        assert!(block_on(joins).unwrap_err().is_cancelled());
        gates.open(2);
        assert_eq!(block_on(waits).unwrap(), [Val::I64(3)]);
        assert_eq!(instance.stats().unwrap().continuations_live, 0);
    }
}

#[test]
fn who_is_awaited_drives_what_is_left() {
    let gates = Gates::default();
    let instance = instances(&Config::new(), &gates).remove(0);
    if instance.module().engine().config().execution == Execution::Interpreter {
        return;
    }
    call(&instance, "leave_steps", 100);
    let waits = instance.func::<(i64,), i64>("waits").unwrap();
    let waits = poll_to_pending(waits.call_async((1,)));
    let before = seen(&instance);
    assert_eq!(before, 100, "its first poll was long enough");
    call(&instance, "leave_steps", 100);
    // The call that waits has been told, and is the one to go on.
    instance.call("nothing", &[]).unwrap();
    assert_eq!(seen(&instance), before);
    gates.open(1);
    assert_eq!(block_on(waits).unwrap(), 2);
}

#[test]
fn a_host_function_that_calls_another_instance_gives_turns_to_what_is_left_there() {
    for inner in virtually() {
        let text = r#"
            import %ask = "host" "ask" () -> i64
            function %main() -> i64 async {
            block0:
                v0 = call %ask()
                v1 = call %ask()
                v2 = isub v1, v0
                return v2
            }
        "#;
        let engine = inner.module().engine().clone();
        let module = Module::from_text(&engine, text).unwrap();
        let mut imports = Imports::new();
        let (asked, answers) = (inner.clone(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&answers);
        imports.func("host", "ask", move || -> i64 {
            count.fetch_add(1, Ordering::Relaxed);
            call(&asked, "leave_steps", 2);
            asked.func::<(), i64>("seen_now").unwrap().call(()).unwrap()
        });
        let outer = Instance::new(&module, &imports).unwrap();
        // 1 after the first: one turn; then two turns for each of two.
        assert_eq!(outer.call("main", &[]).unwrap(), [Val::I64(2)]);
        assert_eq!(answers.load(Ordering::Relaxed), 2);
    }
}

#[test]
fn what_calls_have_left_and_nobody_forgets_is_all_that_is_kept() {
    for instance in virtually() {
        let mut bytes = Vec::new();
        for _ in 0..500 {
            let task = call(&instance, "leave_steps", 3);
            instance.call("forget", &[task]).unwrap();
            bytes.push(instance.stats().unwrap().task_bytes);
            assert!(live(&instance) <= 2);
        }
        assert_eq!(bytes[10], bytes[499]);
        block_on(instance.drive()).unwrap();
        let stats = instance.stats().unwrap();
        assert_eq!((stats.tasks_live, stats.continuations_live), (0, 0));
        assert_eq!(seen(&instance), 1500);
    }
}

#[test]
fn engines_agree_on_what_is_left() {
    let calls: &[(&str, i64)] = &[
        ("leave_steps", 3),
        ("leave_nap", 4),
        ("leave_steps", 9),
        ("naps", 2),
        ("leave_throw", 1),
        ("steps", 2),
        ("leave_ticks", 3),
        ("leave_trap", 1),
        ("naps", 20),
        ("see", 1 << 20),
        ("leave_panic", 1),
        ("steps", 40),
        ("naps", 9),
    ];
    for schedule in [
        "natural", "always", "never", "random:1", "random:2", "only:3",
    ] {
        let schedule: Schedule = schedule.parse().unwrap();
        let config = Config::new().clock(Clock::Virtual).schedule(schedule);
        let of_instance = |instance: Instance| {
            let mut log = Vec::new();
            for &(name, argument) in calls {
                let result = instance.call(name, &[Val::I64(argument)]);
                let result = result.map_err(|error| error.to_string());
                let is_task = matches!(result.as_deref(), Ok([Val::Task(_)]));
                let tasks = instance.tasks().unwrap();
                let mut tasks: Vec<String> = tasks
                    .map(|task| format!("{} {} {}", task.function, task.state, task.stack))
                    .collect();
                // Records of tasks that have ended are used again, on one engine.
                tasks.sort();
                let stats = instance.stats().unwrap();
                let counts = (stats.suspensions, stats.tasks_started, stats.tasks_finished);
                let result = (!is_task).then_some(result);
                let entry = (result, seen(&instance), counts, stats.tasks_failed, tasks);
                log.push(format!("{name} {entry:?}"));
            }
            log
        };
        let logs: Vec<Vec<String>> = instances(&config, &Gates::default())
            .into_iter()
            .map(of_instance)
            .collect();
        for log in &logs {
            assert_eq!(*log, logs[0], "{schedule}");
        }
    }
}

/// A waker that says whether it was told.
#[derive(Default)]
struct Told(AtomicBool);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Two drive an instance; then something happens, and nothing is left.
fn ends_driving(instance: &Instance, ends: impl FnOnce()) {
    let told = Arc::new(Told::default());
    let waker = Waker::from(Arc::clone(&told));
    let mut context = Context::from_waker(&waker);
    let mut drives = [(); 2].map(|()| Box::pin(instance.drive()));
    for drive in &mut drives {
        assert!(drive.as_mut().poll(&mut context).is_pending());
    }
    ends();
    for drive in drives.iter_mut().rev() {
        assert!(told.0.swap(false, Ordering::Relaxed));
        assert!(drive.as_mut().poll(&mut context).is_ready());
    }
}

#[test]
fn who_drives_is_told_that_nothing_is_left() {
    let gates = Gates::default();
    for instance in instances(&Config::new(), &gates) {
        for milliseconds in 0..5 {
            call(&instance, "leave_nap", (1 << 40) + milliseconds);
        }
        ends_driving(&instance, || instance.end_tasks().unwrap());
        if instance.module().engine().config().execution == Execution::Interpreter {
            continue;
        }
        call(&instance, "leave_wait", 2);
        ends_driving(&instance, || instance.end_tasks().unwrap());
        let waits =
            |gate| poll_to_pending(instance.call_async("waits", &[Val::I64(gate)]).unwrap());
        let dropped = waits(2);
        ends_driving(&instance, || drop(dropped));
        let finishes = waits(3);
        ends_driving(&instance, || {
            gates.open(3);
            assert_eq!(block_on(finishes).unwrap(), [Val::I64(4)]);
        });
    }
}

#[test]
fn a_call_that_was_dropped_gives_nobody_its_turn() {
    let instance = instances(&Config::new(), &Gates::default()).remove(0);
    if instance.module().engine().config().execution == Execution::Interpreter {
        return;
    }
    call(&instance, "leave_steps", 1 << 40);
    let steps = |_| poll_to_pending(instance.call_async("steps", &[Val::I64(1 << 40)]).unwrap());
    drop(Vec::from_iter((0..3).map(steps)));
    let before = seen(&instance);
    instance.call("nothing", &[]).unwrap();
    assert_eq!(seen(&instance), before + 1);
}
