//! Drops in every order, from every place.

use crate::support::*;
use enjamb_engine::{Config, Engine, Execution, Imports, Instance, Module, Requests, Val};
use futures::executor::block_on;
use std::any::Any;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Waker;
use std::thread;

/// Calls `visit` with every order of `items` things.
fn each_order(items: usize, visit: &mut dyn FnMut(usize, &[usize])) {
    fn extend(order: &mut Vec<usize>, items: usize, visit: &mut dyn FnMut(&[usize])) {
        if order.len() == items {
            return visit(order);
        }
        for item in 0..items {
            if !order.contains(&item) {
                order.push(item);
                extend(order, items, visit);
                order.pop();
            }
        }
    }
    let mut number = 0;
    extend(&mut Vec::new(), items, &mut |order| {
        visit(number, order);
        number += 1;
    });
}

/// Something that is to be dropped.
struct Thing {
    what: &'static str,
    /// Whether it keeps the code.
    holds_code: bool,
    /// Drops it.
    drop: Box<dyn FnOnce()>,
}

fn thing(what: &'static str, holds_code: bool, item: impl Any) -> Thing {
    let drop = Box::new(move || drop(item));
    Thing {
        what,
        holds_code,
        drop,
    }
}

/// A thread that wakes and drops wakers.
struct Elsewhere {
    wakers: mpsc::Sender<Vec<Waker>>,
    done: Mutex<mpsc::Receiver<()>>,
}

impl Elsewhere {
    fn new() -> Arc<Elsewhere> {
        let (wakers, jobs) = mpsc::channel::<Vec<Waker>>();
        let (finished, done) = mpsc::channel();
        thread::spawn(move || {
            for job in jobs {
                for waker in job {
                    waker.wake_by_ref();
                    waker.wake();
                }
                finished.send(()).unwrap();
            }
        });
        let done = Mutex::new(done);
        Arc::new(Elsewhere { wakers, done })
    }

    fn wake(&self, wakers: Vec<Waker>) {
        self.wakers.send(wakers).unwrap();
        self.done.lock().unwrap().recv().unwrap();
    }
}

/// A call that waits, in one of the forms that there are.
fn waiting_call(instance: &Instance, form: usize) -> Box<dyn Any> {
    match form % 4 {
        0 => {
            let main = instance.func::<(i64,), i64>("main").unwrap();
            Box::new(suspended(main.call_async((3,))))
        }
        1 => {
            let call = instance.call_async("main", &[Val::I64(3)]).unwrap();
            Box::new(suspended(call))
        }
        2 => {
            let requests = Requests::new();
            let run = instance.start("main", &[Val::I64(3)], &requests, Waker::noop());
            let mut run = run.unwrap();
            run.resume().unwrap();
            Box::new((requests, run))
        }
        _ => {
            let main = instance.func::<(i64,), i64>("main").unwrap();
            let call = suspended(main.call_async((3,)));
            Box::new((suspended(instance.drive()), call))
        }
    }
}

#[test]
fn whatever_belongs_to_machine_code_is_dropped_in_any_order() {
    let _alone = alone();
    let before = Engine::code_in_use();
    let elsewhere = Elsewhere::new();
    each_order(6, &mut |number, order| {
        let gate = Gate::default();
        let engine = Engine::jit().unwrap();
        let module = Module::from_text(&engine, PROGRAM).unwrap();
        let instance = Instance::new(&module, &gate.imports()).unwrap();
        let error = instance.call("divide", &[Val::I64(0)]).unwrap_err();
        let divide = instance.func::<(i64,), i64>("divide").unwrap();
        let memory = instance.memory("bytes").unwrap();
        let call = waiting_call(&instance, number);
        let wakers = std::mem::take(&mut *gate.wakers.lock().unwrap());
        assert_eq!((gate.alive(), wakers.is_empty()), (1, false));
        let thread = Arc::clone(&elsewhere);
        let mut things: Vec<Option<Thing>> = [
            thing("engine and error", false, (engine, error)),
            thing("module", true, module),
            thing("instance", true, instance),
            thing("function and memory", true, (divide, memory)),
            thing("call", true, call),
            Thing {
                what: "waker",
                holds_code: false,
                drop: Box::new(move || thread.wake(wakers)),
            },
        ]
        .map(Some)
        .into();
        for &index in order {
            let dropped = things[index].take().unwrap();
            (dropped.drop)();
            let left = || things.iter().flatten();
            let waits = left().any(|thing| thing.what == "call");
            let code = left().any(|thing| thing.holds_code);
            let seen = (gate.alive(), pieces_since(before));
            let expected = (usize::from(waits), u64::from(code));
            assert_eq!(seen, expected, "after {} in {order:?}", dropped.what);
        }
        assert_eq!(Engine::code_in_use(), before);
    });
}

#[test]
fn whatever_belongs_to_the_interpreter_is_dropped_in_any_order() {
    let _alone = alone();
    let elsewhere = Elsewhere::new();
    each_order(5, &mut |_, order| {
        let gate = Gate::default();
        gate.open.store(true, Ordering::Relaxed);
        let module = module(Config::new().execution(Execution::Interpreter));
        let instance = Instance::new(&module, &gate.imports()).unwrap();
        let error = instance.call("divide", &[Val::I64(0)]).unwrap_err();
        let main = instance.func::<(i64,), i64>("main").unwrap();
        assert_eq!(block_on(main.call_async((3,))).unwrap(), 4 + 5 + 3);
        let wakers = std::mem::take(&mut *gate.wakers.lock().unwrap());
        let (thread, memory) = (Arc::clone(&elsewhere), instance.memory("bytes").unwrap());
        let drive = Box::pin(instance.drive());
        let mut things: Vec<Option<Box<dyn FnOnce()>>> = vec![
            Some(thing("engine and error", false, (module.engine().clone(), error)).drop),
            Some(thing("module", false, module).drop),
            Some(thing("instance", false, instance).drop),
            Some(thing("what it has given", false, (main, memory, drive)).drop),
            Some(Box::new(move || thread.wake(wakers))),
        ];
        for &index in order {
            things[index].take().unwrap()();
        }
        assert_eq!(gate.alive(), 0);
    });
}

#[test]
fn the_future_that_a_task_waits_for_owns_other_instances_and_its_own() {
    let _alone = alone();
    let before = Engine::code_in_use();
    for is_own in [false, true] {
        let gate = Gate::default();
        let inner = instance(&gate);
        let called = suspended(inner.call_async("main", &[Val::I64(1)]).unwrap());
        let kept: Arc<Mutex<Option<Box<dyn Any + Send>>>> = Arc::default();
        let (taken, passing) = (Arc::clone(&kept), gate.clone());
        let mut imports = Imports::new();
        imports.async_func("host", "wait", move |_: i64| {
            let passing = passing.pass(taken.lock().unwrap().take());
            async move {
                passing.await;
                1_i64
            }
        });
        let outer = Instance::new(&module(Config::new()), &imports).unwrap();
        let main = outer.func::<(i64,), i64>("main").unwrap();
        let own = is_own.then(|| (outer.clone(), main.call_async((2,))));
        *kept.lock().unwrap() = Some(Box::new((inner, called, own)));
        let call = suspended(main.call_async((1,)));
        drop((outer, main, imports));
        assert_eq!((gate.alive(), pieces_since(before)), (2, 2));
        // The call is the last that has the outer instance, and the future the last of the inner.
        drop(call);
        assert_eq!((gate.alive(), Engine::code_in_use()), (0, before));
    }
}

#[test]
fn an_instance_goes_while_its_own_future_runs_and_its_call_is_polled() {
    let _alone = alone();
    let before = Engine::code_in_use();
    let gate = Gate::default();
    let own: Arc<Mutex<Option<Instance>>> = Arc::default();
    let (taken, passing) = (Arc::clone(&own), gate.clone());
    let mut imports = Imports::new();
    imports.async_func("host", "wait", move |number: i64| {
        let (taken, passing) = (Arc::clone(&taken), passing.pass(()));
        async move {
            passing.await;
            drop(taken.lock().unwrap().take());
            number
        }
    });
    let instance = Instance::new(&module(Config::new()), &imports).unwrap();
    drop(imports);
    let call = suspended(instance.call_async("main", &[Val::I64(1)]).unwrap());
    *own.lock().unwrap() = Some(instance);
    gate.open.store(true, Ordering::Relaxed);
    for waker in std::mem::take(&mut *gate.wakers.lock().unwrap()) {
        waker.wake();
    }
    assert_eq!(block_on(call).unwrap(), [Val::I64(3)]);
    assert!(own.lock().unwrap().is_none());
    assert_eq!((gate.alive(), Engine::code_in_use()), (0, before));
}

#[test]
fn wakers_are_used_while_the_instance_goes() {
    let _alone = alone();
    let before = Engine::code_in_use();
    for _ in 0..100 {
        let gate = Gate::default();
        let instance = instance(&gate);
        let call = suspended(instance.call_async("main", &[Val::I64(1)]).unwrap());
        let wakers = std::mem::take(&mut *gate.wakers.lock().unwrap());
        let waking = thread::spawn(move || {
            for _ in 0..100 {
                wakers.iter().for_each(Waker::wake_by_ref);
            }
        });
        drop(call);
        drop(instance);
        waking.join().unwrap();
        assert_eq!((gate.alive(), Engine::code_in_use()), (0, before));
    }
}
