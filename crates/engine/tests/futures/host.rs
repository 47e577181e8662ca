//! Futures that compiled code waits for.

use crate::support::*;
use enjamb_engine::{
    Caller, Config, Error, Exception, Execution, Imports, Instance, Ref, Requests, Signature, Stop,
    Type, Val,
};
use futures::executor::block_on;
use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;
#[test]
fn what_goes_wrong_in_a_future_is_thrown_at_the_call() {
    let gates = Gates::default();
    let instance = instance(&gates);
    for (argument, tag, message) in [
        (PANICS, Exception::HOST_PANIC, "panicked: at once"),
        (PANICS_LATER, Exception::HOST_PANIC, "panicked: later"),
        (FAILS_LATER, Exception::HOST_ERROR, "refused"),
    ] {
        gates.open_later([argument]);
        let error = block_on(call(&instance, "outer", argument)).unwrap_err();
        let thrown = error.exception().unwrap();
        assert_eq!(thrown.exception.tag, tag);
        assert_eq!(thrown.message.as_deref(), Some(message));
        let frames: Vec<&str> = thrown.trace.frames.iter().map(|at| &*at.function).collect();
        assert_eq!(frames, ["twice", "outer"]);
        assert_eq!(block_on(call(&instance, "caught", argument)).unwrap(), tag);
    }
    assert_eq!(
        (gates.alive(), instance.stats().unwrap().continuations_live),
        (0, 0)
    );
}

#[test]
fn nobody_blocks_or_enters_an_instance_from_inside() {
    let text = r#"
        import %wait = "host" "wait" (i64) -> i64 async
        function %outer(i64) -> i64 async {
        block0(v0: i64):
            v1 = call %wait(v0)
            return v1
        }
        function %plain(i64) -> i64 {
        block0(v0: i64):
            return v0
        }
    "#;
    let other = instance_with(Config::new(), PROGRAM, &Gates::default().imports());
    let own: Arc<Mutex<Option<Instance>>> = Arc::default();
    let (inside, errors) = (Arc::clone(&own), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&errors);
    let mut imports = Imports::new();
    imports.async_func("host", "wait", move |number: i64| {
        let (own, other) = (inside.lock().unwrap().clone().unwrap(), other.clone());
        let count = Arc::clone(&count);
        async move {
            give_way().await;
            let blocked = other.func::<(i64,), i64>("turns").unwrap().block_on((3,));
            assert!(matches!(blocked, Err(Error::InsideExecutor)));
            assert!(matches!(
                own.call("plain", &[Val::I64(1)]),
                Err(Error::Running)
            ));
            assert!(matches!(call(&own, "plain", 1).await, Err(Error::Running)));
            // What does not block is another matter.
            assert_eq!(call(&other, "turns", 3).await.unwrap(), 3);
            assert_eq!(other.call("plain", &[Val::I64(4)]).unwrap(), [Val::I64(8)]);
            count.fetch_add(1, Ordering::Relaxed);
            number
        }
    });
    let instance = instance_with(Config::new(), text, &imports);
    *own.lock().unwrap() = Some(instance.clone());
    assert_eq!(block_on(call(&instance, "outer", 9)).unwrap(), 9);
    assert_eq!(errors.load(Ordering::Relaxed), 1);
    own.lock().unwrap().take();
}

#[test]
fn references_are_good_as_long_as_the_future() {
    let text = r#"
        type %cell = { value: i64 }
        import %wait = "host" "wait" (ref) -> ref async
        function %main() -> i64 async {
        block0:
            v0 = new %cell
            v1 = iconst.i64 41
            set_field %cell.value, v0, v1
            v2 = call %wait(v0)
            v3 = get_field.i64 %cell.value, v2
            return v3
        }
    "#;
    let gates = Gates::default();
    let (seen, passing) = (Arc::new(Mutex::new(None)), gates.clone());
    let sees = Arc::clone(&seen);
    let mut imports = Imports::new();
    imports.async_func(
        "host",
        "wait",
        move |caller: &Caller<'_>, cell: Option<Ref>| {
            let before = caller.objects().get_field(cell.unwrap(), "value").unwrap();
            *sees.lock().unwrap() = cell;
            let passing = passing.pass(1);
            async move {
                passing.await;
                assert_eq!(before, Val::I64(41));
                cell
            }
        },
    );
    let config = Config::new().gc_stress(true);
    let instance = instance_with(config, text, &imports);
    let main = instance.func::<(), i64>("main").unwrap();
    for keeps in [false, true] {
        let call = poll_to_pending(main.call_async(()));
        let cell = seen.lock().unwrap().unwrap();
        let objects = instance.objects();
        objects.collect().unwrap();
        assert_eq!(objects.get_field(cell, "value").unwrap(), Val::I64(41));
        objects.set_field(cell, "value", Val::I64(42)).unwrap();
        if keeps {
            objects.keep(cell).unwrap();
        }
        gates.open_later([1]);
        assert_eq!(block_on(call).unwrap(), 42);
        assert_eq!(objects.get_field(cell, "value").is_ok(), keeps);
        gates.0.lock().unwrap().open.clear();
    }
    let dropped = poll_to_pending(main.call_async(()));
    let cell = seen.lock().unwrap().unwrap();
    drop(dropped);
    assert!(instance.objects().get_field(cell, "value").is_err());
}

#[test]
fn an_import_that_is_an_instance_waits_like_any_other() {
    let gates = Gates::default();
    let text = format!("{PROGRAM}\n    export \"wait\" = %outer\n");
    let exporter = instance_with(Config::new(), &text, &gates.imports());
    let mut imports = Imports::new();
    imports.instance("host", &exporter);
    let importer = instance_with(Config::new(), PROGRAM, &imports);
    gates.open_later([4, 5]);
    assert_eq!(block_on(call(&importer, "caught", 4)).unwrap(), 5 + 6 + 4);
    let waits = poll_to_pending(call(&importer, "caught", 8));
    assert_eq!(gates.alive(), 1);
    drop(waits);
    assert_eq!(gates.alive(), 0);
    assert_eq!(exporter.stats().unwrap().continuations_live, 0);
    gates.open_later([PANICS_LATER]);
    let error = block_on(call(&importer, "twice", PANICS_LATER)).unwrap_err();
    assert_eq!(
        error.exception().unwrap().exception.tag,
        Exception::HOST_PANIC
    );
}

#[test]
fn functions_over_lists_of_values_can_be_async() {
    let signature = Signature::asynchronous(&[Type::I64], &[Type::I64]);
    for execution in [Execution::Jit, Execution::Interpreter] {
        let mut imports = Imports::new();
        imports.async_func_untyped("host", "wait", signature.clone(), |_, values| {
            let first = values[0];
            async move {
                give_way().await;
                match first {
                    Val::I64(1) => Ok(vec![Val::I32(1)]),
                    first => Ok(vec![first]),
                }
            }
        });
        let instance = instance_with(Config::new().execution(execution), PROGRAM, &imports);
        assert_eq!(block_on(call(&instance, "outer", 5)).unwrap(), 15);
        let error = block_on(call(&instance, "outer", 1)).unwrap_err();
        let message = error.exception().unwrap().message.clone().unwrap();
        assert!(message.contains("returned (i64) -> i32 async"), "{message}");
    }
}

#[test]
fn the_interpreter_waits_on_the_spot() {
    let gates = Gates::default();
    let config = Config::new().execution(Execution::Interpreter);
    let instance = instance_with(config, PROGRAM, &gates.imports());
    gates.open_later([10, 11, 12]);
    assert_eq!(
        call(&instance, "outer", 10).poll_once().unwrap(),
        11 + 12 + 10
    );
    assert_eq!(
        instance.call("caught", &[Val::I64(PANICS)]).unwrap(),
        [Val::I64(Exception::HOST_PANIC)]
    );
    assert_eq!(gates.alive(), 0);
    block_on(instance.drive()).unwrap();
}

#[test]
fn the_interpreter_hears_of_a_wake_while_something_else_waits() {
    let gates = Gates::default();
    let interpreted = |imports: &Imports| {
        let config = Config::new().execution(Execution::Interpreter);
        instance_with(config, PROGRAM, imports)
    };
    let mut imports = Imports::new();
    let opener = gates.clone();
    imports.async_func("host", "wait", move |gate: i64| {
        let gates = opener.clone();
        async move {
            // This wakes the one around it, and the next line this one: both are told by one wake.
            gates.open(gate);
            let mut is_second = false;
            poll_fn(|context| match std::mem::replace(&mut is_second, true) {
                true => Poll::Ready(()),
                false => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
            })
            .await;
            gate
        }
    });
    let inner = interpreted(&imports);
    let mut imports = Imports::new();
    imports.async_func("host", "wait", move |gate: i64| {
        let (gates, inner) = (gates.clone(), inner.clone());
        async move {
            let opens = async {
                match gate {
                    // It waits inside of the poll of this one.
                    1 => call(&inner, "caught", gate).await.unwrap(),
                    // So does this.
                    _ => {
                        gates.open(gate);
                        thread::park();
                        gate
                    }
                }
            };
            let (passed, opened) = futures::join!(gates.pass(gate), opens);
            passed + opened
        }
    });
    let outer = interpreted(&imports);
    let (sender, results) = mpsc::channel();
    thread::spawn(move || {
        for gate in [1, 2] {
            let result = call(&outer, "caught", gate).poll_once().unwrap();
            sender.send(result).unwrap();
        }
    });
    for gate in [1, 2] {
        let result = results.recv_timeout(Duration::from_secs(60));
        assert_eq!(result, Ok(gate + 1 + gate));
    }
}

#[test]
fn a_future_that_never_ends_holds_up_nobody_else() {
    let mut imports = Imports::new();
    imports.async_func("host", "wait", |number: i64| async move {
        if number == 1 {
            pending::<()>().await;
        }
        give_way().await;
        number
    });
    let instance = instance_with(Config::new(), PROGRAM, &imports);
    let stuck = poll_to_pending(call(&instance, "outer", 1));
    assert_eq!(block_on(call(&instance, "outer", 2)).unwrap(), 6);
    let outer = instance.func::<(i64,), i64>("outer").unwrap();
    assert_eq!(outer.block_on((3,)).unwrap(), 9);
    drop(stuck);
    assert_eq!(instance.stats().unwrap().continuations_live, 0);
}

#[test]
fn a_host_with_a_loop_of_its_own_knows_each_reason_to_stop() {
    let signature = Signature::asynchronous(&[Type::I64], &[Type::I64]);
    let (requests, mut imports) = (Requests::new(), Imports::new());
    imports.request("host", "wait", signature, &requests);
    let instance = instance_with(Config::new(), PROGRAM, &imports);
    let start = |name: &str, argument: i64| {
        let arguments = [Val::I64(argument)];
        instance
            .start(name, &arguments, &requests, Waker::noop())
            .unwrap()
    };
    let mut run = start("twice", 3);
    for expected in [3, 30] {
        let Ok(Stop::Requested(request)) = run.resume() else {
            panic!("it calls `wait`");
        };
        assert_eq!(
            (request.name(), request.arguments()),
            ("wait", &[Val::I64(expected)][..])
        );
        assert!(matches!(run.resume(), Ok(Stop::Waiting)));
        request.answer(Ok(vec![Val::I64(10 * expected)]));
    }
    assert!(matches!(run.resume(), Ok(Stop::Finished(results)) if results == [Val::I64(330)]));

    assert!(
        matches!(run.resume(), Err(Error::BadCall { .. })),
        "it has ended"
    );

    let mut turns = start("turns", 1000);
    assert!(matches!(
        turns.resume(),
        Ok(Stop::Finished(_) | Stop::Yielded)
    ));
    let mut caught = start("caught", 1);
    let Ok(Stop::Requested(request)) = caught.resume() else {
        panic!("it calls `wait`");
    };
    drop(request);
    let thrown = [Val::I64(Exception::HOST_ERROR)];
    assert!(matches!(caught.resume(), Ok(Stop::Finished(results)) if results == thrown));
    let mut dropped = start("outer", 5);
    let Ok(Stop::Requested(late)) = dropped.resume() else {
        panic!("it calls `wait`");
    };
    drop(dropped);
    late.answer(Ok(vec![]));
    assert_eq!(instance.stats().unwrap().continuations_live, 0);
}
