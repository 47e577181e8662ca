//! What is dead is not kept alive: by frames, by continuations that are used again, by tasks that have
//! finished, by results that were taken, by exceptions that were handled, by the dispatcher, by handles.
//!
//! Programs ask the host how many objects there are: it collects and counts.
#![cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux"
))]

use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::host_objects::HostObjects;
use enjamb_ir::{Val, parse_module};
use enjamb_runtime::{HostError, Imports, Instance, LoadedModule, Options};
use std::sync::Arc;

/// What all programs begin with. `%made` makes an object, `%use` is a use of one.
const PRELUDE: &str = r#"
import %live = "host" "live" () -> i64
import %yield = "enjamb" "yield" () async
import %sleep = "enjamb" "sleep" (i64) async
import %throw = "host" "throw" (ref)
type %box = { value: i64, next: ref }
type %array = [ref]
global %kept: ref = null

function %made() -> ref {
block0:
    v0 = new %box
    v1 = new %box
    set_field %box.next, v0, v1
    return v0
}

function %use(ref) {
block0(v0: ref):
    v1 = get_field.ref %box.next, v0
    v2 = get_field.i64 %box.value, v1
    return
}
"#;

/// Collects, and counts what is left.
fn live(objects: &mut dyn HostObjects) -> i64 {
    objects.collect().expect("there is a heap");
    let statistics = objects.heap_statistics().expect("there is a heap");
    statistics.objects as i64
}

fn imports() -> Imports {
    let mut imports = Imports::new();
    imports.define_sync("host", "live", |context, _| {
        Ok(vec![Val::I64(live(context.objects()))])
    });
    imports.define_sync("host", "throw", |_, args| {
        let Val::Ref(payload) = args[0] else {
            unreachable!("the import takes a reference");
        };
        Err(HostError::from(enjamb_ir::Exception { tag: 1, payload }))
    });
    imports
}

fn instance(program: &str, gc_stress: bool) -> Instance {
    let text = format!("{PRELUDE}\n{program}");
    let module = parse_module(&text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let compiled = compile(Arc::new(module), &CompileOptions::default()).expect("it compiles");
    let loaded = LoadedModule::new(Arc::new(compiled)).expect("it loads");
    let options = Options {
        gc_stress,
        ..Options::default()
    };
    Instance::new(loaded, imports(), options).expect("an instance")
}

/// Runs `%main`, whose results are the numbers of objects at several times, and looks at what is left when
/// it is over.
fn check(program: &str, expected: &[i64]) {
    for gc_stress in [false, true] {
        let mut instance = instance(program, gc_stress);
        let main = instance.loaded().module().function_named("main");
        let main = main.expect("there is a function %main");
        let results = instance.call(main, &[]).expect("it returns");
        instance.drop_tasks();
        let expected: Vec<Val> = expected.iter().map(|&count| Val::I64(count)).collect();
        assert_eq!(results, expected, "gc_stress: {gc_stress}\n{program}");
        assert_eq!(
            live(instance.objects()),
            0,
            "gc_stress: {gc_stress}, behind\n{program}"
        );
    }
}

#[test]
fn a_dead_reference_of_a_frame() {
    check(
        "function %main() -> i64, i64, i64 {
         block0:
             v0 = call %made()
             v1 = call %live()
             call %use(v0)
             v2 = call %live()
             v3 = call %made()
             v4 = get_field.ref %box.next, v3
             v5 = call %live()
             call %use(v3)
             v6 = is_null v4
             return v1, v2, v5
         }",
        &[2, 0, 2],
    );
}

#[test]
fn a_reference_that_lives_on_one_way_only() {
    check(
        "function %main() -> i64, i64 async {
         block0:
             v0 = iconst.i8 0
             v1 = call %one(v0)
             v2 = iconst.i8 1
             v3 = call %one(v2)
             return v1, v3
         }
         function %one(i8) -> i64 async {
         block0(v0: i8):
             v1 = call %made()
             call %yield()
             brif v0, block1, block2
         block1:
             v2 = call %live()
             call %use(v1)
             return v2
         block2:
             v3 = call %live()
             return v3
         }",
        &[0, 2],
    );
}

#[test]
fn a_word_of_a_continuation_that_is_used_again() {
    // The task's object is the same at all of its points, and nobody clears what the first one stored.
    check(
        "function %main() -> i64, i64, i64 async {
             sig0 = ()
         block0:
             v0 = spawn %task()
             v1 = call %live()
             call %yield()
             v2 = call %live()
             call %yield()
             v3 = call %live()
             join sig0, v0
             return v1, v2, v3
         }
         function %task() async {
         block0:
             v0 = call %made()
             call %yield()
             call %use(v0)
             call %yield()
             v1 = call %made()
             v2 = get_field.ref %box.next, v1
             call %yield()
             v3 = is_null v2
             brif v3, block1, block1
         block1:
             return
         }",
        &[2, 0, 1],
    );
}

#[test]
fn results_that_were_delivered_and_used() {
    check(
        "function %main() -> i64, i64 async {
             sig0 = ()
         block0:
             v0 = spawn %task()
             call %yield()
             v1 = call %live()
             call %yield()
             v2 = call %live()
             join sig0, v0
             return v1, v2
         }
         function %task() async {
         block0:
             v0, v1 = call %gives()
             call %yield()
             call %use(v0)
             call %yield()
             return
         }
         function %gives() -> ref, ref async {
         block0:
             call %yield()
             v0 = call %made()
             v1 = call %made()
             return v0, v1
         }",
        &[2, 0],
    );
}

#[test]
fn results_of_tasks() {
    check(
        "function %main() -> i64, i64, i64, i64 async {
             sig0 = () -> ref, ref
         block0:
             v0 = spawn %task()
             v1 = call %live()
             call %yield()
             v2 = call %live()
             v3, v4 = join sig0, v0
             v5 = call %live()
             call %use(v3)
             v6 = call %live()
             return v1, v2, v5, v6
         }
         function %task() -> ref, ref async {
         block0:
             v0 = call %made()
             call %yield()
             v1 = new %box
             return v0, v1
         }",
        &[2, 3, 2, 0],
    );
}

#[test]
fn results_that_nobody_takes() {
    check(
        "function %main() -> i64, i64 async {
         block0:
             v0 = spawn %task()
             detach v0
             v1 = spawn %task()
             v2 = call %live()
             call %yield()
             detach v1
             v3 = call %live()
             return v2, v3
         }
         function %task() -> ref async {
         block0:
             v0 = call %made()
             call %yield()
             return v0
         }",
        &[4, 0],
    );
}

#[test]
fn arguments_of_tasks_and_callees() {
    check(
        "function %main() -> i64, i64 async {
             sig0 = ()
         block0:
             v0 = call %made()
             v1 = spawn %takes(v0)
             v2 = call %live()
             join sig0, v1
             v3 = call %made()
             v4 = call %counts(v3)
             return v2, v4
         }
         function %takes(ref) async {
         block0(v0: ref):
             call %use(v0)
             call %yield()
             return
         }
         function %counts(ref) -> i64 async {
         block0(v0: ref):
             call %use(v0)
             call %yield()
             v1 = call %live()
             return v1
         }",
        &[0, 0],
    );
}

#[test]
fn the_frame_in_front_of_a_tail_await() {
    check(
        "function %main() -> i64 async {
         block0:
             v0 = call %first()
             return v0
         }
         function %first() -> i64 async {
         block0:
             v0 = call %made()
             v1 = iconst.i64 40
             v2 = new_array %array, v1
             call %use(v0)
             return_call %second()
         }
         function %second() -> i64 async {
         block0:
             call %yield()
             v0 = call %live()
             return v0
         }",
        &[0],
    );
}

#[test]
fn exceptions_that_were_handled() {
    check(
        "function %main() -> i64, i64, i64, i64 async {
             sig0 = ()
         block0:
             v0, v1 = try_call %throws(), block1, unwind block2(v1)
         block1:
             unreachable
         block2(v2: ref):
             v3 = call %live()
             call %use(v2)
             v4 = call %live()
             v5 = spawn %throws()
             call %yield()
             call %yield()
             v6 = call %live()
             v7, v8 = try_join sig0, v5, block1, unwind block3
         block3:
             v9 = call %live()
             return v3, v4, v6, v9
         }
         function %throws() async {
         block0:
             call %yield()
             v0 = call %made()
             v1 = iconst.i64 5
             call %yield()
             throw v1, v0
         }",
        &[2, 0, 2, 0],
    );
}

#[test]
fn exceptions_of_the_host_and_its_arguments() {
    check(
        "function %main() -> i64, i64 {
         block0:
             v0 = call %made()
             v1, v2 = try_call %throw(v0), block1, unwind block2(v2)
         block1:
             unreachable
         block2(v3: ref):
             v4 = call %live()
             call %use(v3)
             v5 = call %live()
             return v4, v5
         }",
        &[2, 0],
    );
}

#[test]
fn a_handler_that_a_task_waits_in() {
    // The exception was stored in the result area of the object in which the handler suspends again.
    check(
        "function %main() -> i64 async {
             sig0 = ()
         block0:
             v0 = spawn %handles()
             call %yield()
             call %yield()
             v1 = call %live()
             join sig0, v0
             return v1
         }
         function %handles() async {
         block0:
             v0, v1 = try_call %throws(), block1, unwind block2(v1)
         block1:
             unreachable
         block2(v2: ref):
             call %use(v2)
             call %yield()
             call %yield()
             return
         }
         function %throws() async {
         block0:
             call %yield()
             v0 = call %made()
             v1 = iconst.i64 5
             throw v1, v0
         }",
        &[0],
    );
}

#[test]
fn aggregates_that_are_replaced_in_each_round() {
    check(
        "function %main() -> i64, i64 async {
         block0:
             v0 = call %made()
             v1 = iconst.i64 20
             jump block1(v0, v0, v1)
         block1(v2: ref, v3: ref, v4: i64):
             v5 = call %made()
             v6 = get_field.ref %box.next, v5
             set_field %box.next, v6, v2
             call %yield()
             v7 = null.ref
             set_field %box.next, v6, v7
             v8 = call %live()
             call %use(v2)
             v9 = iconst.i64 1
             v10 = isub v4, v9
             brif v10, block1(v5, v6, v10), block2
         block2:
             call %use(v5)
             v11 = call %live()
             return v8, v11
         }",
        &[4, 0],
    );
}

#[test]
fn tasks_that_trap_and_tasks_that_are_left() {
    check(
        "function %main() -> i64, i64 async {
         block0:
             v0 = spawn %traps()
             v1 = call %live()
             call %yield()
             v2 = call %live()
             v3 = iconst.i64 1000
             v4 = spawn %sleeps(v3)
             return v1, v2
         }
         function %traps() async {
         block0:
             v0 = call %made()
             call %yield()
             call %through(v0)
             call %use(v0)
             return
         }
         function %through(ref) async {
         block0(v0: ref):
             trap user
         }
         function %sleeps(i64) async {
         block0(v0: i64):
             v1 = call %made()
             call %sleep(v0)
             call %use(v1)
             return
         }",
        &[2, 0],
    );
}

#[test]
fn globals_and_elements_that_are_cleared() {
    check(
        "function %main() -> i64, i64, i64 {
         block0:
             v0 = call %made()
             global_set %kept, v0
             v1 = call %live()
             v2 = null.ref
             global_set %kept, v2
             v3 = call %live()
             v4 = iconst.i64 2
             v5 = iconst.i64 0
             v6 = new_array %array, v4
             v7 = call %made()
             set_element %array, v6, v5, v7
             v8 = iconst.i64 1
             array_copy %array, v6, v5, v6, v8, v8
             v9 = call %live()
             v10 = array_length %array, v6
             return v1, v3, v9
         }",
        &[2, 0, 1],
    );
}

#[test]
fn handles_that_the_host_has_released() {
    let mut instance = instance(
        "function %main() -> ref, ref async {
         block0:
             v0 = call %made()
             call %yield()
             return v0, v0
         }",
        true,
    );
    let main = instance.loaded().module().function_named("main");
    let results = instance
        .call(main.expect("a function"), &[])
        .expect("it returns");
    for (result, left) in results.into_iter().zip([2, 0]) {
        let Val::Ref(Some(handle)) = result else {
            panic!("not an object: {result}");
        };
        assert_eq!(live(instance.objects()), 2);
        instance.objects().release(handle).expect("a valid handle");
        assert_eq!(live(instance.objects()), left);
        assert!(
            instance.objects().release(handle).is_err(),
            "a handle ends once"
        );
    }
}
