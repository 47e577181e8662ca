//! What the host sees of exceptions: words, traces, recorded calls; and that nothing of the frames
//! that they leave is kept.

use enjamb_interp::{Error, HostError, Imports, Instance, Options, Schedule, Uncaught, Val};
use enjamb_ir::{Exception, Module, parse_module, verify_module};

fn module(text: &str) -> Module {
    let module = parse_module(text).unwrap_or_else(|errors| panic!("{errors}"));
    verify_module(&module).unwrap_or_else(|errors| panic!("{errors}"));
    module
}

/// Runs `%NAME(argument)` with every leaf suspending, and expects an exception.
fn uncaught(module: &Module, name: &str, argument: i64) -> Uncaught {
    let options = Options {
        schedule: Schedule::Always,
        ..Options::default()
    };
    let mut instance = Instance::new(module, Imports::new(), options).expect("an instance");
    match instance.call(name, &[Val::I64(argument)]) {
        Err(Error::Exception(uncaught)) => *uncaught,
        other => panic!("{other:?}"),
    }
}

/// The trace as text: one `function: instruction` per line, with the position behind it.
fn trace(uncaught: &Uncaught) -> String {
    uncaught.trace.to_string()
}

const CALLERS: &str = r#"
import %yield = "enjamb" "yield" () async
file0 = "callers.lang"
function %bottom(i64) async {
block0(v0: i64):
    call %yield()
    call %yield()
    v1 = null.ref
    throw v0, v1 @ file0:9:5
}
function %third(i64) async {
block0(v0: i64):
    call %bottom(v0)
    return
}
function %second(i64) async {
block0(v0: i64):
    call %yield()
    call %third(v0) @ file0:6:5
    call %yield()
    return
}
function %first(i64) async {
block0(v0: i64):
    call %second(v0)
    call %yield()
    return
}
function %again(i64) async {
block0(v0: i64):
    v1, v2 = try_call %first(v0), block1, unwind block2(v1, v2)
block1:
    return
block2(v3: i64, v4: ref):
    call %yield()
    rethrow v3, v4
}
function %another(i64) async {
block0(v0: i64):
    v1, v2 = try_call %again(v0), block1, unwind block2(v1, v2)
block1:
    return
block2(v3: i64, v4: ref):
    throw v3, v4
}
function %changed(i64) async {
block0(v0: i64):
    v1, v2 = try_call %again(v0), block1, unwind block2(v1, v2)
block1:
    return
block2(v3: i64, v4: ref):
    v5 = iadd v3, v3
    rethrow v5, v4
}
function %joiner(i64) async {
    sig0 = ()
block0(v0: i64):
    v1 = spawn %third(v0)
    join sig0, v1
    return
}
"#;

#[test]
fn a_throw_after_resumptions_names_all_callers_in_order() {
    let module = module(CALLERS);
    let uncaught = uncaught(&module, "first", 7);
    assert_eq!(
        uncaught.exception,
        Exception {
            tag: 7,
            payload: None
        }
    );
    let expected = "\
%bottom: `throw v0, v1` at callers.lang:9:5
%second: `call %third(v0)` at callers.lang:6:5
%first: `call %second(v0)`
";
    assert_eq!(trace(&uncaught), expected);
    let text = Error::Exception(Box::new(uncaught)).to_string();
    let expected = "exception 7, null thrown in %bottom: `throw v0, v1` at callers.lang:9:5";
    assert_eq!(text, expected);
}

#[test]
fn an_exception_thrown_on_keeps_its_trace() {
    let module = module(CALLERS);
    let functions = |name: &str| -> Vec<String> {
        let uncaught = uncaught(&module, name, 7);
        let functions = uncaught.trace.frames.iter();
        functions
            .map(|location| location.function.clone())
            .collect()
    };
    // Whoever only awaits the last call is not there any more.
    let whole = ["bottom", "second", "first", "again"];
    assert_eq!(functions("again"), whole);
    // Thrown anew, or with other words, it comes from there.
    assert_eq!(functions("another"), ["another"]);
    assert_eq!(functions("changed"), ["changed"]);
    assert_eq!(functions("joiner"), ["bottom", "joiner"]);
}

#[test]
fn only_so_many_callers_are_listed() {
    let module = module(
        r#"
        function %f(i64) {
        block0(v0: i64):
            v1 = iconst.i64 1
            v2 = isub v0, v1
            brif v2, block1, block2
        block1:
            call %f(v2)
            return
        block2:
            v3 = null.ref
            throw v0, v3
        }
        "#,
    );
    let uncaught = uncaught(&module, "f", 1000);
    let trace = &uncaught.trace;
    assert_eq!((trace.frames.len(), trace.omitted), (24, 976));
}

/// Suspended and active frames that an exception drops count against no limit any more.
#[test]
fn dropped_frames_are_given_back() {
    let module = module(
        r#"
        import %yield = "enjamb" "yield" () async
        function %deep(i64, i64) -> i64 async {
        block0(v0: i64, v1: i64):
            v2 = iconst.i64 1
            v3 = isub v0, v2
            brif v3, block1, block2
        block1:
            v4 = call %deep(v3, v1)
            v5 = iadd v4, v2
            return v5
        block2:
            brif v1, block3, block4
        block3:
            call %yield()
            jump block4
        block4:
            v6 = null.ref
            throw v0, v6
        }
        function %main(i64) -> i64 async {
        block0(v0: i64):
            v1 = iconst.i64 0
            jump block1(v0, v1)
        block1(v2: i64, v3: i64):
            v4 = iconst.i64 20
            v5 = iconst.i64 1
            v6 = band v2, v5
            v7, v8, v9 = try_call %deep(v4, v6), block2(v7), unwind block2(v8)
        block2(v10: i64):
            v11 = iadd v3, v10
            v12 = isub v2, v5
            brif v12, block1(v12, v11), block3
        block3:
            return v11
        }
        "#,
    );
    let options = Options {
        stack_limit: 8 << 10,
        memory_limit: 8 << 10,
        ..Options::default()
    };
    let mut instance = Instance::new(&module, Imports::new(), options).expect("an instance");
    for _ in 0..3 {
        let results = instance.call("main", &[Val::I64(1000)]);
        assert_eq!(results.unwrap(), [Val::I64(1000)]);
    }
}

#[test]
fn a_host_function_throws_fails_or_panics() {
    let module = module(
        r#"
        import %ask = "host" "ask" (i64) -> i64
        function %main(i64) -> i64 {
        block0(v0: i64):
            v1, v2, v3 = try_call %ask(v0), block1(v1), unwind block1(v2)
        block1(v4: i64):
            return v4
        }
        "#,
    );
    let thrown = Exception {
        tag: 70,
        payload: Some(3),
    };
    let imports = Imports::new().throwing_function("host", "ask", move |_, args| match args {
        [Val::I64(0)] => Err(HostError::Failed("no".to_string())),
        [Val::I64(1)] => Err(HostError::Threw(thrown)),
        [Val::I64(3)] => panic!("the host gave up"),
        args => Ok(args.to_vec()),
    });
    let options = Options {
        record_host_calls: true,
        ..Options::default()
    };
    let mut instance = Instance::new(&module, imports, options).expect("an instance");
    let mut call = |argument| instance.call("main", &[Val::I64(argument)]);
    assert_eq!(call(0).unwrap(), [Val::I64(Exception::HOST_ERROR)]);
    assert_eq!(call(3).unwrap(), [Val::I64(Exception::HOST_PANIC)]);
    assert_eq!(call(1).unwrap(), [Val::I64(70)]);
    assert_eq!(call(2).unwrap(), [Val::I64(2)]);
    let results: Vec<_> = instance
        .host_calls()
        .iter()
        .map(|call| &call.results)
        .collect();
    assert_eq!(*results[0], Err(HostError::Failed("no".to_string())));
    let panicked = "panicked: the host gave up".to_string();
    assert_eq!(*results[1], Err(HostError::Panicked(panicked)));
    assert_eq!(*results[2], Err(HostError::Threw(thrown)));
    assert_eq!(*results[3], Ok(vec![Val::I64(2)]));
}
