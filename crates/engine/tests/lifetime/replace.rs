//! Functions of live instances that are replaced.

use crate::support::{alone, pieces_since};
use enjamb_engine::{
    Allocator, Caller, Config, Engine, Error, Execution, Imports, Instance, Module, Request,
    Requests, Run, Signature, Stop, TrapCode, Type, Val,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::Waker;

/// Version `k` of a program. Each of its functions has something of the number in it.
fn text(k: i64) -> String {
    let mut text = format!(
        r#"
    file0 = "v{k}.lang"
    import %wait = "host" "wait" (i64) -> i64 async
    import %now = "host" "now" (i64) -> i64
    import %yield = "enjamb" "yield" () async
    type %cell = {{ value: i64 }}
    table %all [null, %work]
    global %kept: funcref = %work
    function %work(i64) -> i64 {{
    block0(v0: i64):
        v1 = iconst.i64 {k}
        v2 = iadd v0, v1
        return v2
    }}
    function %again(i64) -> i64 {{
    block0(v0: i64):
        v1 = iconst.i64 {k}
        brif v0, block1, block2
    block1:
        v2 = iconst.i64 1
        v3 = isub v0, v2
        v4 = call %again(v3)
        v5 = iadd v4, v1
        return v5
    block2:
        return v0
    }}
    function %later(i64) -> i64 async {{
    block0(v0: i64):
        call %yield()
        v1 = call %work(v0)
        call %yield()
        return v1
    }}
    function %down(i64) -> i64 async {{
    block0(v0: i64):
        v1 = new %cell
        set_field %cell.value, v1, v0
        v2 = call %wait(v0)
        brif v2, block1, block2
    block1:
        v3 = iconst.i64 1
        v4 = isub v0, v3
        v5 = call %down(v4)
        v6 = get_field.i64 %cell.value, v1
        v7 = iconst.i64 {k}
        v8 = imul v6, v7
        v9 = iadd v5, v8
        return v9
    block2:
        return v0
    }}
    function %fails(i64) async {{
    block0(v0: i64):
        v1 = call %wait(v0)
        v2 = iconst.i64 {k}
        v3 = new %cell
        set_field %cell.value, v3, v2
        throw v2, v3 @ file0:{k}:1
    }}
    function %passes(i64) async {{
    block0(v0: i64):
        v1 = call %wait(v0)
        call %fails(v1) @ file0:{k}:2
        call %yield()
        return
    }}
    function %guards(i64) -> i64 async {{
    block0(v0: i64):
        v1 = new %cell
        set_field %cell.value, v1, v0
        v2 = call %wait(v0)
        v3, v4 = try_call %passes(v2), block1, unwind block2(v3, v4)
    block1:
        return v0
    block2(v5: i64, v6: ref):
        v7 = get_field.i64 %cell.value, v6
        v8 = get_field.i64 %cell.value, v1
        v9 = iconst.i64 {k}
        v10 = imul v8, v9
        v11 = iadd v7, v10
        return v11
    }}
    function %rethrows(i64) async {{
    block0(v0: i64):
        v1, v2 = try_call %passes(v0), block1, unwind block2(v1, v2)
    block1:
        return
    block2(v3: i64, v4: ref):
        v5 = call %wait(v3)
        rethrow v3, v4 @ file0:{k}:5
    }}
    function %divides(i64) -> i64 async {{
    block0(v0: i64):
        v1 = iconst.i64 0
        v2 = sdiv v0, v1 @ file0:{k}:3
        return v2
    }}
    function %calls(i64) -> i64 async {{
    block0(v0: i64):
        v1 = call %wait(v0)
        v2 = call %divides(v1) @ file0:{k}:4
        v3 = iadd v2, v1
        return v3
    }}
    function %bottom(i64) -> i64 {{
    block0(v0: i64):
        v1 = iconst.i64 {k}
        v2 = new %cell
        set_field %cell.value, v2, v1
        throw v1, v2
    }}
"#
    );
    let mut calls = |name: &str, signature: &str, body: &str| {
        let body = body.replace(';', "\n");
        text += &format!("function %{name}(i64) -> i64{signature} {{\n{body}\n}}\n");
    };
    calls(
        "direct",
        "",
        "block0(v0: i64):; v1 = call %work(v0); return v1",
    );
    calls("tail", "", "block0(v0: i64):; return_call %work(v0)");
    let reference = |get: &str| {
        format!(
            "sig0 = (i64) -> i64\nblock0(v0: i64): ; v1 = iconst.i64 1; v2 = {get}; v3 = call_indirect sig0, v2(v0); return v3"
        )
    };
    calls("address", "", &reference("func_addr %work"));
    calls("entry", "", &reference("table_get %all, v1"));
    calls("global", "", &reference("global_get.funcref %kept"));
    calls(
        "spawned",
        " async",
        "sig0 = () -> i64
        block0(v0: i64):; v1 = spawn %later(v0); v2 = join sig0, v1; return v2",
    );
    // Registers that callees save are full of values on both sides of the call.
    let live = |call: &str| {
        let mut body = "block0(v0: i64):\n".to_string();
        for value in 1..=20 {
            body += &format!("v{value} = iadd v{}, v0\n", value - 1);
        }
        body += call;
        for value in 22..=40 {
            body += &format!("v{value} = bxor v{}, v{}\n", value - 1, value - 21);
        }
        body + "v41 = iconst.i64 1000000; v42 = imul v41, v21; v43 = iadd v42, v40; return v43"
    };
    calls("middle", "", &live("v21 = call %bottom(v0)\n"));
    calls(
        "top",
        "",
        &live(
            "v50, v51, v52 = try_call %middle(v0), block1, unwind block2(v51)
            block1:; unreachable
            block2(v21: i64):\n",
        ),
    );
    text
}

fn module(config: &Config, k: i64) -> Module {
    let engine = Engine::new(config.clone()).unwrap();
    Module::from_text(&engine, &text(k)).unwrap_or_else(|error| panic!("{error}\n{}", text(k)))
}

fn configs() -> Vec<Config> {
    let base = Config::new().replaceable(true);
    vec![
        base.clone(),
        base.clone().gc_stress(true),
        base.clone().count(true).allocator(Allocator::SinglePass),
        base.branch_protection(true).debug_info(true),
    ]
}

/// An instance of version 1, whose calls of `wait` are requests.
fn waiting(config: &Config) -> (Instance, Requests) {
    let (requests, mut imports) = (Requests::new(), Imports::new());
    let signature = Signature::asynchronous(&[Type::I64], &[Type::I64]);
    imports
        .request("host", "wait", signature, &requests)
        .func("host", "now", |number: i64| number);
    let instance = Instance::new(&module(config, 1), &imports).unwrap();
    (instance, requests)
}

fn ready(config: &Config) -> Instance {
    let mut imports = Imports::new();
    imports
        .async_func("host", "wait", |number: i64| async move { number })
        .func("host", "now", |number: i64| number);
    Instance::new(&module(config, 1), &imports).unwrap()
}

/// A call that is answered step by step.
struct Stepped {
    run: Run,
    request: Option<Request>,
}

impl Stepped {
    fn start(instance: &Instance, requests: &Requests, name: &str, argument: i64) -> Stepped {
        let arguments = [Val::I64(argument)];
        let run = instance.start(name, &arguments, requests, Waker::noop());
        let mut stepped = Stepped {
            run: run.unwrap(),
            request: None,
        };
        assert!(stepped.goes_on().is_none(), "it waits at first");
        stepped
    }

    fn goes_on(&mut self) -> Option<Result<i64, Error>> {
        loop {
            match self.run.resume() {
                Ok(Stop::Requested(request)) => {
                    self.request = Some(request);
                    return None;
                }
                Ok(Stop::Finished(results)) => {
                    let [Val::I64(result)] = results[..] else {
                        panic!("{results:?}");
                    };
                    return Some(Ok(result));
                }
                Ok(Stop::Yielded | Stop::Waiting) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Answers what it waits for with the argument: its result, if it ends with that.
    fn step(&mut self) -> Option<Result<i64, Error>> {
        let request = self.request.take().unwrap();
        let answer = request.arguments().to_vec();
        request.answer(Ok(answer));
        self.goes_on()
    }

    fn finish(mut self) -> Result<i64, Error> {
        loop {
            if let Some(result) = self.step() {
                return result;
            }
        }
    }
}

fn call(instance: &Instance, name: &str, argument: i64) -> i64 {
    let results = instance.call(name, &[Val::I64(argument)]).unwrap();
    let [Val::I64(result)] = results[..] else {
        panic!("{results:?}");
    };
    result
}

#[test]
fn new_calls_take_the_new_code_however_they_are_made() {
    let _alone = alone();
    let mut all = configs();
    let interpreter = Config::new().execution(Execution::Interpreter);
    all.push(interpreter.replaceable(true));
    for config in all {
        let instance = ready(&config);
        let ways = [
            "work", "direct", "tail", "address", "entry", "global", "later", "spawned",
        ];
        for k in [1, 20, 300, 1] {
            let new = module(&config, k);
            instance.replace("work", &new).unwrap();
            for way in ways {
                assert_eq!(call(&instance, way, 5), 5 + k, "{way}");
            }
            assert_eq!(
                call(&instance, "again", 3),
                3,
                "the others are the old ones"
            );
        }
        instance.replace("again", &module(&config, 7)).unwrap();
        assert_eq!(call(&instance, "again", 3), 21);
        assert_eq!(call(&instance, "work", 3), 4);
        instance.replace("work", instance.module()).unwrap();
        assert_eq!(call(&instance, "work", 3), 4);
    }
}

#[test]
fn each_frame_of_a_chain_finishes_in_the_code_that_it_began_in() {
    let _alone = alone();
    let before = Engine::code_in_use();
    for config in configs() {
        let (instance, requests) = waiting(&config);
        // Chains of 12 frames that grow by one in each round, in which another version comes.
        let mut chains = VecDeque::new();
        let modules: Vec<Module> = (1..=5).map(|k| module(&config, k)).collect();
        for round in 0..40 {
            let version = 1 + round % 5;
            let new = &modules[version as usize - 1];
            instance.replace("down", new).unwrap();
            chains.push_back((
                Stepped::start(&instance, &requests, "down", 12),
                12 * version,
                12,
            ));
            for (chain, expected, at) in &mut chains {
                *at -= 1;
                // The next frame begins now.
                *expected += *at * version;
                match chain.step() {
                    None => {}
                    Some(result) => panic!("{result:?} too early"),
                }
            }
            if chains.len() == 12 {
                let (chain, expected, at) = chains.pop_front().unwrap();
                assert_eq!(at, 0);
                assert_eq!(chain.finish().unwrap(), expected);
            }
        }
        drop(modules);
        assert_eq!(pieces_since(before), 6, "all versions have frames");
        drop(chains);
        assert_eq!(pieces_since(before), 2, "the first and the latest");
    }
}

#[test]
fn code_is_freed_when_its_last_frame_is_gone() {
    let _alone = alone();
    let config = Config::new().replaceable(true);
    let before = Engine::code_in_use();
    let (instance, requests) = waiting(&config);
    let pieces = || pieces_since(before);
    let replace = |k: i64| instance.replace("down", &module(&config, k)).unwrap();
    assert_eq!(pieces(), 1);
    replace(2);
    assert_eq!(pieces(), 2);
    let old = Stepped::start(&instance, &requests, "down", 3);
    replace(3);
    assert_eq!(pieces(), 3);
    let new = Stepped::start(&instance, &requests, "down", 3);
    replace(4);
    assert_eq!(pieces(), 4);
    assert_eq!(old.finish().unwrap(), 3 * 2 + (2 + 1) * 4);
    assert_eq!(pieces(), 4, "it is looked for when a function is replaced");
    replace(5);
    assert_eq!(pieces(), 3);
    drop(new);
    assert_eq!(pieces(), 2, "and when there is no task any more");
    for k in 0..20 {
        replace(k);
        assert_eq!(pieces(), 2);
    }
    instance.replace("down", instance.module()).unwrap();
    assert_eq!(pieces(), 1);
    drop(instance);
    assert_eq!(Engine::code_in_use(), before);
}

#[test]
fn handlers_catch_what_code_of_other_versions_throws() {
    let _alone = alone();
    for config in configs() {
        let (instance, requests) = waiting(&config);
        let [new, other, another] = [30, 31, 32].map(|k| module(&config, k));
        for replaced in 0..8 {
            for name in ["guards", "passes", "fails"] {
                instance.replace(name, instance.module()).unwrap();
            }
            let mut call = Stepped::start(&instance, &requests, "guards", 9);
            let mut thrown = 1;
            // `%guards` waits itself, in its old body; then in `%passes`; then in `%fails`.
            instance.replace("guards", &new).unwrap();
            if replaced & 1 == 1 {
                instance.replace("passes", &new).unwrap();
            }
            assert!(call.step().is_none());
            instance.replace("passes", &other).unwrap();
            if replaced & 2 == 2 {
                instance.replace("fails", &new).unwrap();
                thrown = 30;
            }
            assert!(call.step().is_none());
            if replaced & 4 == 4 {
                instance.replace("fails", &another).unwrap();
            }
            assert_eq!(call.finish().unwrap(), thrown + 9, "{replaced}");
        }
        let again = Stepped::start(&instance, &requests, "guards", 9);
        assert_eq!(again.finish().unwrap(), 32 + 9 * 30);
    }
}

#[test]
fn exceptions_cross_frames_of_several_versions_on_the_stack() {
    let _alone = alone();
    let mut all = configs();
    let interpreter = Config::new().execution(Execution::Interpreter);
    all.push(interpreter.replaceable(true));
    for config in all {
        let instance = ready(&config);
        let first = call(&instance, "top", 3);
        for (number, name) in ["bottom", "middle", "top", "bottom"]
            .into_iter()
            .enumerate()
        {
            let k = 10 + number as i64;
            instance.replace(name, &module(&config, k)).unwrap();
            let thrown = match name {
                "bottom" => k,
                _ => 10,
            };
            let result = call(&instance, "top", 3);
            // What was thrown is in the upper half, and changes the lower one.
            assert_eq!(result / 1_000_000, thrown, "{name}");
            assert_eq!((result ^ thrown) % 1_000_000 != 0, first != 0);
        }
    }
}

fn frames(error: &Error) -> Vec<String> {
    let frames = error.trace().unwrap().frames.iter();
    frames.map(ToString::to_string).collect()
}

#[test]
fn stack_traces_name_the_source_of_each_frame() {
    let _alone = alone();
    for config in configs() {
        let (instance, requests) = waiting(&config);
        let calls = Stepped::start(&instance, &requests, "calls", 1);
        let mut guards = Stepped::start(&instance, &requests, "passes", 1);
        let new = module(&config, 5);
        for name in ["calls", "divides", "passes", "fails"] {
            instance.replace(name, &new).unwrap();
        }
        drop(new);
        let error = calls.finish().unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::DivisionByZero));
        let shown = frames(&error);
        assert_eq!(
            shown,
            [
                "%divides: `v2 = sdiv v0, v1` at v5.lang:5:3",
                "%calls: `v2 = call %divides(v1)` at v1.lang:1:4"
            ]
        );
        let Error::Trap(trap) = &error else { panic!() };
        let position = trap.location.as_ref().unwrap().position.clone();
        assert_eq!(position, Some(("v5.lang".to_string(), 5, 3)));
        assert!(guards.step().is_none());
        instance.replace("fails", &module(&config, 6)).unwrap();
        instance.replace("passes", &module(&config, 7)).unwrap();
        let error = guards.finish().unwrap_err();
        let shown = frames(&error);
        assert_eq!(
            shown,
            [
                "%fails: `throw v2, v3` at v5.lang:5:1",
                "%passes: `call %fails(v1)` at v1.lang:1:2"
            ]
        );
    }
}

#[test]
fn a_trace_that_is_kept_keeps_the_code_that_it_names() {
    let _alone = alone();
    let before = Engine::code_in_use();
    let config = Config::new().replaceable(true);
    let (instance, requests) = waiting(&config);
    let replace = |k: i64| {
        let new = module(&config, k);
        for name in ["passes", "fails"] {
            instance.replace(name, &new).unwrap();
        }
    };
    replace(5);
    let mut call = Stepped::start(&instance, &requests, "rethrows", 1);
    assert!(call.step().is_none(), "it waits in `%fails`");
    assert!(call.step().is_none(), "it waits in its handler");
    // No frame is left in version 5.
    for k in [6, 7] {
        replace(k);
        assert_eq!(pieces_since(before), 3);
    }
    let shown = frames(&call.finish().unwrap_err());
    assert_eq!(
        shown,
        [
            "%fails: `throw v2, v3` at v5.lang:5:1",
            "%passes: `call %fails(v1)` at v5.lang:5:2",
            "%rethrows: `rethrow v3, v4` at v1.lang:1:5"
        ]
    );
    assert_eq!(pieces_since(before), 2);
}

#[test]
fn a_new_body_may_name_signatures_that_the_old_ones_do_not() {
    let _alone = alone();
    for execution in [Execution::Jit, Execution::Interpreter] {
        let config = Config::new().replaceable(true).execution(execution);
        let engine = Engine::new(config).unwrap();
        let module_of = |text: &str| {
            let module = Module::from_text(&engine, text);
            module.unwrap_or_else(|error| panic!("{error}"))
        };
        let joins = "v1 = spawn %later(v0)\n v2 = join sig0, v1";
        let base = text(1).replace(joins, "v2 = call %later(v0)");
        assert_ne!(base, text(1));
        let mut imports = Imports::new();
        imports
            .async_func("host", "wait", |number: i64| async move { number })
            .func("host", "now", |number: i64| number);
        let instance = Instance::new(&module_of(&base.replace("sig0 = () -> i64", "")), &imports);
        let instance = instance.unwrap();
        let more = "sig0 = () -> f64, i64\n sig1 = () -> i64";
        let second = text(1).replace("sig0 = () -> i64", more);
        let second = second.replace("join sig0", "join sig1");
        for text in [&second, &text(1)] {
            instance.replace("spawned", &module_of(text)).unwrap();
            assert_eq!(call(&instance, "spawned", 4), 5);
            assert_eq!(call(&instance, "address", 4), 5);
        }
        let wrong = "sig0 = (i64) -> i64\n sig1 = (i64) -> i32";
        let calls = "v3 = call_indirect sig0, v2(v0)\n return v3";
        let of_wrong = "v3 = call_indirect sig1, v2(v0)\n v4 = sextend.i64 v3\n return v4";
        let text = text(1)
            .replace("sig0 = (i64) -> i64\n", &format!("{wrong}\n"))
            .replace(calls, of_wrong);
        let module = module_of(&text);
        for name in ["address", "entry", "global"] {
            instance.replace(name, &module).unwrap();
            let error = instance.call(name, &[Val::I64(1)]).unwrap_err();
            assert_eq!(
                error.trap_code(),
                Some(TrapCode::SignatureMismatch),
                "{name}"
            );
        }
    }
}

/// The bodies that use the context word may all be replaced, one after the other, and others give it back still.
#[test]
fn the_context_word_is_given_back_when_no_body_is_left_that_uses_it() {
    let _alone = alone();
    for execution in [Execution::Jit, Execution::Interpreter] {
        let config = Config::new().replaceable(true).execution(execution);
        let engine = Engine::new(config).unwrap();
        let module_of = |first: &str, second: &str| {
            let text = format!(
                r#"import %swap = "host" "swap" (i64) -> i64
                function %first(i64) -> i64 async {{
                block0(v0: i64):
                    v1 = {first}
                    return v1
                }}
                function %second(i64) -> i64 async {{
                block0(v0: i64):
                    v1 = {second}
                    return v1
                }}
                function %outer(i64) -> i64 async {{
                block0(v0: i64):
                    v1 = call %first(v0)
                    v2 = call %swap(v1)
                    return v2
                }}"#
            );
            Module::from_text(&engine, &text).unwrap()
        };
        let mut imports = Imports::new();
        imports.func("host", "swap", |caller: &Caller<'_>, new: i64| {
            let old = caller.context();
            caller.set_context(new);
            old
        });
        let old = module_of("context_get", "call %swap(v0)");
        let new = module_of("call %swap(v0)", "context_get");
        let instance = Instance::new(&old, &imports).unwrap();
        assert_eq!(call(&instance, "outer", 5), 0);
        instance.replace("first", &new).unwrap();
        assert_eq!(call(&instance, "outer", 5), 0);
        instance.replace("second", &new).unwrap();
        assert_eq!(call(&instance, "second", 5), 0);
        assert_eq!(call(&instance, "outer", 5), 0);
    }
}

#[test]
fn what_cannot_be_replaced_is_refused() {
    let _alone = alone();
    for execution in [Execution::Jit, Execution::Interpreter] {
        let config = Config::new().replaceable(true).execution(execution);
        let instance = ready(&config);
        let new = module(&config, 2);
        let refused = |name: &str, module: &Module| match instance.replace(name, module) {
            Err(Error::Replace { function, reason }) if function == name => reason,
            other => panic!("{other:?}"),
        };
        assert!(matches!(
            instance.replace("nothing", &new),
            Err(Error::NoExport { .. })
        ));
        assert_eq!(refused("now", &new), "the module imports it");
        let other = module(&config.clone().count(true), 2);
        assert_eq!(
            refused("work", &other),
            "the engines of the modules have different settings"
        );
        let engine = Engine::new(config.clone()).unwrap();
        let text = text(2).replace("function %tail(i64)", "function %tail2(i64)");
        let different = Module::from_text(&engine, &text).unwrap();
        assert_eq!(
            refused("work", &different),
            "function `%tail` is another one in the new module"
        );
        let plain = Config::new().execution(execution);
        let error = ready(&plain)
            .replace("work", &module(&plain, 2))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot replace function `work`: `Config::replaceable` is not set"
        );
        assert_eq!(call(&instance, "work", 1), 2);
    }
}

#[test]
fn a_host_function_cannot_replace_what_is_on_the_stack_below_it() {
    let _alone = alone();
    for execution in [Execution::Jit, Execution::Interpreter] {
        let config = Config::new().replaceable(true).execution(execution);
        let own: Arc<Mutex<Option<Instance>>> = Arc::default();
        let (seen, new) = (Arc::clone(&own), module(&config, 2));
        let mut imports = Imports::new();
        imports
            .async_func("host", "wait", |number: i64| async move { number })
            .func("host", "now", move |number: i64| {
                let instance = seen.lock().unwrap().clone().unwrap();
                match instance.replace("work", &new) {
                    Err(Error::Running) => number,
                    other => panic!("{other:?}"),
                }
            });
        let engine = Engine::new(config).unwrap();
        let text = text(1).replace(
            "v2 = iadd v0, v1\n",
            "v3 = call %now(v0)\n v2 = iadd v3, v1\n",
        );
        let module = Module::from_text(&engine, &text).unwrap();
        let instance = Instance::new(&module, &imports).unwrap();
        *own.lock().unwrap() = Some(instance.clone());
        assert_eq!(call(&instance, "direct", 5), 6);
        own.lock().unwrap().take();
    }
}
