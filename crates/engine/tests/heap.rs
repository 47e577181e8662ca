//! Objects at the border between programs and their host, on both engines, under stress and without.

use enjamb_engine::heap::{CopyingHeap, Heap, Mutator, OutOfMemory, Request, Window};
use enjamb_engine::{
    Caller, Clock, Config, Engine, Error, Exception, Execution, HeapStatistics, Imports, Instance,
    Module, ObjectError, Ref, Thrown, Trace, TrapCode, Val, reference,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Engines of both kinds, where machine code runs; each with and without a collection at every
/// safepoint.
fn engines() -> Vec<Engine> {
    let executions = [Execution::Jit, Execution::Interpreter];
    let configs = executions.into_iter().flat_map(|execution| {
        [true, false].map(|gc_stress| {
            Config::new()
                .execution(execution)
                .clock(Clock::Virtual)
                .heap_limit(1 << 20)
                .gc_stress(gc_stress)
        })
    });
    configs
        .filter_map(|config| Engine::new(config).ok())
        .collect()
}

fn instance(engine: &Engine, text: &str, imports: &Imports) -> Instance {
    let module = Module::from_text(engine, text).unwrap_or_else(|error| panic!("{error}"));
    Instance::new(&module, imports).unwrap()
}

/// Objects that live.
fn alive(instance: &Instance) -> u64 {
    instance.objects().collect().unwrap();
    instance.objects().statistics().unwrap().unwrap().objects
}

fn ref_of(values: &[Val]) -> Ref {
    let [value] = values else {
        panic!("{values:?}");
    };
    reference(*value).expect("a reference")
}

/// The error that a reference is none of the instance's.
fn is_stale<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Object(ObjectError::Stale(_))))
}

const PROGRAM: &str = r#"
type %list = { value: i64, next: ref, flag: i8 }
type %bytes = [i8]
type %refs = [ref]
type %wide = { low: i8, vector: v128, number: f32, task: task, function: funcref }
import %yield = "enjamb" "yield" () async
import %collect = "enjamb" "collect" ()
import %see = "host" "see" (ref) -> ref
import %fail = "host" "fail" (ref)
global %kept: ref = null

function %same(ref) -> ref {
block0(v0: ref):
    call %collect()
    return v0
}

function %later(ref) -> ref async {
block0(v0: ref):
    call %yield()
    v1 = call %see(v0)
    call %yield()
    return v1
}

function %pair(ref, ref) -> ref {
block0(v0: ref, v1: ref):
    v2 = iconst.i64 2
    v3 = new_array %refs, v2
    v4 = iconst.i64 0
    v5 = iconst.i64 1
    set_element %refs, v3, v4, v0
    set_element %refs, v3, v5, v1
    return v3
}

function %value(ref) -> i64 {
block0(v0: ref):
    v1 = get_field.i64 %list.value, v0
    return v1
}

; Throws what it is given, from a suspended frame.
function %throw(ref) async {
block0(v0: ref):
    call %yield()
    v1 = iconst.i64 7
    throw v1, v0
}

; Catches it: the value of the list.
function %catch(i64) -> i64 async {
block0(v0: i64):
    v1 = new %list
    set_field %list.value, v1, v0
    v12, v13 = try_call %throw(v1), block1, unwind block2(v12, v13)
block1:
    return v0
block2(v2: i64, v3: ref):
    call %yield()
    call %collect()
    v4 = get_field.i64 %list.value, v3
    v5 = iadd v4, v2
    return v5
}

; A task fails with it and is joined.
function %join(i64) -> i64 async {
    sig0 = ()
block0(v0: i64):
    v1 = new %list
    set_field %list.value, v1, v0
    v2 = spawn %throw(v1)
    call %yield()
    call %yield()
    call %collect()
    v12, v13 = try_join sig0, v2, block1, unwind block2(v12, v13)
block1:
    return v0
block2(v3: i64, v4: ref):
    v5 = get_field.i64 %list.value, v4
    v6 = iadd v5, v3
    return v6
}

; The exception of a host function, with a reference that it was called with.
function %host(i64) -> i64 {
block0(v0: i64):
    v1 = new %list
    set_field %list.value, v1, v0
    v12, v13 = try_call %fail(v1), block1, unwind block2(v12, v13)
block1:
    return v0
block2(v2: i64, v3: ref):
    v4 = is_null v3
    brif v4, block3, block4
block3:
    return v2
block4:
    v5 = get_field.i64 %list.value, v3
    return v5
}

function %fill(i64) -> i64 {
block0(v0: i64):
    v1 = new_array %bytes, v0
    v2 = array_length %bytes, v1
    return v2
}

; Calls itself through the host, with objects on each level.
import %again = "host" "again" (ref, i64) -> i64
function %deep(ref, i64) -> i64 {
block0(v0: ref, v1: i64):
    v2 = new %list
    set_field %list.value, v2, v1
    v3 = call %again(v2, v1)
    v4 = get_field.i64 %list.value, v2
    v5 = get_field.i64 %list.value, v0
    v6 = iadd v3, v4
    v7 = iadd v6, v5
    return v7
}
"#;

fn imports() -> Imports {
    let mut imports = Imports::new();
    imports.func("host", "see", |_: &Caller<'_>, list: Option<Ref>| list);
    imports.func("host", "fail", |_: Option<Ref>| {});
    imports.func("host", "again", |_: Option<Ref>, _: i64| 0_i64);
    imports
}

#[test]
fn references_pass_in_and_out() {
    for engine in engines() {
        let instance = instance(&engine, PROGRAM, &imports());
        let objects = instance.objects();
        let list = objects.new_object("list").unwrap();
        objects.set_field(list, "value", Val::I64(11)).unwrap();
        assert_eq!(objects.type_name(list).unwrap(), "list");
        let same = instance
            .func::<(Option<Ref>,), Option<Ref>>("same")
            .unwrap();
        let again = same.call((Some(list),)).unwrap().unwrap();
        assert!(objects.is_same(list, again).unwrap());
        assert_eq!(same.call((None,)).unwrap(), None);
        let later = ref_of(&instance.call("later", &[again.into()]).unwrap());
        assert_eq!(objects.get_field(later, "value").unwrap(), Val::I64(11));
        for reference in [list, again] {
            objects.release(reference).unwrap();
        }
        assert_eq!(alive(&instance), 1);
        assert!(is_stale(objects.get_field(again, "value")));
        assert!(is_stale(objects.release(again)));
        assert!(is_stale(instance.call("same", &[list.into()])));
        assert!(is_stale(same.call((Some(list),))));
        objects.release(later).unwrap();
        assert_eq!(alive(&instance), 0);
    }
}

#[test]
fn globals_hold_and_give_references() {
    for engine in engines() {
        let instance = instance(&engine, PROGRAM, &imports());
        let objects = instance.objects();
        let kept = instance.global("kept").unwrap();
        let list = objects.new_object("list").unwrap();
        kept.set(list.into()).unwrap();
        objects.release(list).unwrap();
        assert_eq!(alive(&instance), 1);
        let list = ref_of(&[kept.get().unwrap()]);
        assert_eq!(objects.type_name(list).unwrap(), "list");
        kept.set(Val::Ref(None)).unwrap();
        assert_eq!(alive(&instance), 1);
        objects.release(list).unwrap();
        assert_eq!(alive(&instance), 0);
        assert!(is_stale(kept.set(list.into())));
    }
}

#[test]
fn fields_hold_values_of_every_type() {
    for engine in engines() {
        let instance = instance(&engine, PROGRAM, &imports());
        let objects = instance.objects();
        let wide = objects.new_object("wide").unwrap();
        let function = instance.module().ir().function_named("same");
        for (field, value) in [
            ("low", Val::I8(-3)),
            (
                "vector",
                Val::V128(0x0123_4567_89ab_cdef_0011_2233_4455_6677),
            ),
            ("number", Val::f32(2.5)),
            ("function", Val::FuncRef(function)),
        ] {
            objects.set_field(wide, field, value).unwrap();
            objects.collect().unwrap();
            assert_eq!(objects.get_field(wide, field).unwrap(), value);
        }
        let wrong = objects.set_field(wide, "low", Val::I64(1)).unwrap_err();
        assert_eq!(wrong.to_string(), "a value of type i64 where i8 is");
        let wrong = objects.get_field(wide, "high").unwrap_err();
        assert_eq!(wrong.to_string(), "the module has no field `wide.high`");
        let wrong = objects.new_object("tall").unwrap_err();
        assert_eq!(wrong.to_string(), "the module has no object type `tall`");
        assert!(
            objects.new_object("bytes").is_err(),
            "an array without a length"
        );
        assert!(
            objects.new_array("list", 3).is_err(),
            "a length without an array"
        );
        assert!(objects.array_length(wide).is_err());
    }
}

#[test]
fn arrays_are_read_and_written() {
    for engine in engines() {
        let instance = instance(&engine, PROGRAM, &imports());
        let objects = instance.objects();
        let text = objects.new_bytes("bytes", "Füße".as_bytes()).unwrap();
        objects.collect().unwrap();
        assert_eq!(objects.bytes(text).unwrap(), "Füße".as_bytes());
        objects.write_bytes(text, 3, b"ss").unwrap();
        let mut bytes = [0; 4];
        objects.read_bytes(text, 2, &mut bytes).unwrap();
        assert_eq!(bytes, [0xbc, b's', b's', b'e']);
        assert_eq!(objects.get_element(text, 0).unwrap(), Val::I8(b'F' as i8));
        let error = objects.write_bytes(text, 4, b"long").unwrap_err();
        let message = "4 elements at 4 are not inside an array of 6";
        assert_eq!(error.to_string(), message);
        assert!(objects.read_bytes(text, u64::MAX, &mut bytes).is_err());
        assert!(objects.get_element(text, 6).is_err());
        let refs = objects.new_array("refs", 2).unwrap();
        objects.set_element(refs, 1, text.into()).unwrap();
        assert!(objects.bytes(refs).is_err());
        objects.release(text).unwrap();
        assert_eq!(alive(&instance), 2);
        let text = ref_of(&[objects.get_element(refs, 1).unwrap()]);
        assert_eq!(objects.array_length(text).unwrap(), 6);
        assert_eq!(objects.get_element(refs, 0).unwrap(), Val::Ref(None));
    }
}

#[test]
fn arguments_of_a_host_function_end_with_its_call_unless_kept() {
    for engine in engines() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut imports = imports();
        let (see, keeps) = (Arc::clone(&seen), Arc::new(AtomicU64::new(0)));
        let turn = Arc::clone(&keeps);
        imports.func(
            "host",
            "see",
            move |caller: &Caller<'_>, list: Option<Ref>| -> Result<Option<Ref>, Error> {
                let objects = caller.objects();
                let list = list.expect("a list");
                let bytes = objects.new_bytes("bytes", b"made in the call")?;
                objects.collect()?;
                assert_eq!(objects.bytes(bytes)?, b"made in the call");
                assert_eq!(objects.get_field(list, "value")?, Val::I64(5));
                if turn.load(Ordering::Relaxed) == 1 {
                    objects.keep(list)?;
                }
                let mut seen = see.lock().unwrap();
                seen.extend([list, bytes]);
                Ok(Some(list))
            },
        );
        let instance = instance(&engine, PROGRAM, &imports);
        let objects = instance.objects();
        let list = objects.new_object("list").unwrap();
        objects.set_field(list, "value", Val::I64(5)).unwrap();
        for keep in [0, 1] {
            keeps.store(keep, Ordering::Relaxed);
            let result = ref_of(&instance.call("later", &[list.into()]).unwrap());
            assert!(objects.is_same(result, list).unwrap());
            objects.release(result).unwrap();
            let seen = std::mem::take(&mut *seen.lock().unwrap());
            assert_eq!(objects.type_name(seen[0]).is_ok(), keep == 1);
            assert!(is_stale(objects.type_name(seen[1])));
            if keep == 1 {
                objects.release(seen[0]).unwrap();
            }
        }
        objects.release(list).unwrap();
        assert_eq!(alive(&instance), 0);
    }
}

#[test]
fn a_stale_result_of_a_host_function_is_an_error_at_its_call() {
    for engine in engines() {
        let old = Arc::new(Mutex::new(None));
        let mut imports = imports();
        let remembered = Arc::clone(&old);
        imports.func("host", "see", move |list: Option<Ref>| {
            let mut old = remembered.lock().unwrap();
            (*old).get_or_insert(list).as_ref().copied()
        });
        let instance = instance(&engine, PROGRAM, &imports);
        let objects = instance.objects();
        let list = objects.new_object("list").unwrap();
        let result = ref_of(&instance.call("later", &[list.into()]).unwrap());
        assert!(objects.is_same(result, list).unwrap());
        let error = instance.call("later", &[list.into()]).unwrap_err();
        let thrown = error.exception().expect("an exception");
        assert_eq!(thrown.exception.tag, Exception::HOST_ERROR);
        let message = thrown.message.as_deref().unwrap_or_default();
        assert!(
            message.ends_with("is no reference that the host holds"),
            "{message}"
        );
    }
}

#[test]
fn exceptions_carry_references() {
    for engine in engines() {
        let instance = instance(&engine, PROGRAM, &imports());
        assert_eq!(
            instance.call("catch", &[Val::I64(30)]).unwrap(),
            [Val::I64(37)]
        );
        assert_eq!(alive(&instance), 0, "what was caught is forgotten");
        assert_eq!(
            instance.call("join", &[Val::I64(40)]).unwrap(),
            [Val::I64(47)]
        );
        assert_eq!(alive(&instance), 0);
        let objects = instance.objects();
        let list = objects.new_object("list").unwrap();
        let error = instance.call("throw", &[list.into()]).unwrap_err();
        let exception = error.exception().expect("an exception").exception;
        assert_eq!(exception.tag, 7);
        let payload = ref_of(&[Val::Ref(exception.payload)]);
        assert!(objects.is_same(payload, list).unwrap());
        objects.release(list).unwrap();
        assert_eq!(alive(&instance), 1);
        objects.release(payload).unwrap();
        assert_eq!(alive(&instance), 0);
    }
}

#[test]
fn the_host_throws_references_on() {
    for engine in engines() {
        let mut imports = imports();
        imports.func(
            "host",
            "fail",
            |caller: &Caller<'_>, list: Option<Ref>| -> Result<(), Error> {
                caller.objects().collect()?;
                Err(Error::Exception(Box::new(Thrown {
                    exception: Exception {
                        tag: 3,
                        payload: list.map(|list| list.number().get()),
                    },
                    location: None,
                    message: None,
                    trace: Trace::default(),
                })))
            },
        );
        let instance = instance(&engine, PROGRAM, &imports);
        assert_eq!(
            instance.call("host", &[Val::I64(50)]).unwrap(),
            [Val::I64(50)]
        );
        assert_eq!(alive(&instance), 0);
    }
}

#[test]
fn host_functions_call_back_with_objects_on_every_level() {
    for engine in engines() {
        // A second instance takes the place of a callback: an instance runs one call at a time.
        let below = Arc::new(instance(&engine, PROGRAM, &imports()));
        let mut imports = imports();
        let inner = Arc::clone(&below);
        imports.func(
            "host",
            "again",
            move |caller: &Caller<'_>, list: Option<Ref>, number: i64| -> Result<i64, Error> {
                let objects = inner.objects();
                let other = objects.new_object("list")?;
                objects.set_field(other, "value", Val::I64(100))?;
                let results = inner.call("deep", &[other.into(), Val::I64(number)])?;
                objects.release(other)?;
                caller.objects().collect()?;
                let list = list.expect("a list");
                let Val::I64(value) = caller.objects().get_field(list, "value")? else {
                    panic!("a number");
                };
                let [Val::I64(result)] = results[..] else {
                    panic!("{results:?}");
                };
                Ok(result + value)
            },
        );
        let instance = instance(&engine, PROGRAM, &imports);
        let objects = instance.objects();
        let list = objects.new_object("list").unwrap();
        objects.set_field(list, "value", Val::I64(1000)).unwrap();
        let results = instance.call("deep", &[list.into(), Val::I64(3)]).unwrap();
        assert_eq!(results, [Val::I64(3 + 100 + 3 + 3 + 1000)]);
        objects.release(list).unwrap();
        assert_eq!((alive(&instance), alive(&below)), (0, 0));
    }
}

#[test]
fn references_do_not_pass_between_instances() {
    const EXPORTER: &str = r#"
type %box = { number: i64 }
import %yield = "enjamb" "yield" () async
export "make" = %make
export "null" = %null
export "take" = %take
export "later" = %later
export "throw" = %throw
function %make() -> ref {
block0:
    v0 = new %box
    return v0
}
function %null() -> ref {
block0:
    v0 = null.ref
    return v0
}
function %take(ref) {
block0(v0: ref):
    return
}
function %later() -> ref async {
block0:
    call %yield()
    v0 = new %box
    return v0
}
function %throw() async {
block0:
    call %yield()
    v0 = new %box
    v1 = iconst.i64 9
    throw v1, v0
}
"#;
    const IMPORTER: &str = r#"
type %crate = { number: i64 }
import %make = "other" "make" () -> ref
import %null = "other" "null" () -> ref
import %take = "other" "take" (ref)
import %later = "other" "later" () -> ref async
import %throw = "other" "throw" () async
function %call_make() -> ref {
block0:
    v0 = call %make()
    return v0
}
function %call_null() -> ref {
block0:
    v0 = call %null()
    call %take(v0)
    return v0
}
function %call_take() {
block0:
    v0 = new %crate
    call %take(v0)
    return
}
function %call_later() -> ref async {
block0:
    v0 = call %later()
    return v0
}
function %call_throw() async {
block0:
    call %throw()
    return
}
"#;
    for engine in engines() {
        let exporter = instance(&engine, EXPORTER, &Imports::new());
        let mut imports = Imports::new();
        imports.instance("other", &exporter);
        let importer = instance(&engine, IMPORTER, &imports);
        assert_eq!(importer.call("call_null", &[]).unwrap(), [Val::Ref(None)]);
        for name in ["call_make", "call_take", "call_later", "call_throw"] {
            let error = importer.call(name, &[]).unwrap_err();
            let thrown = error.exception().unwrap_or_else(|| panic!("{error}"));
            assert_eq!(thrown.exception.tag, Exception::HOST_ERROR, "{name}");
            let message = thrown.message.clone().unwrap_or_default();
            let reason = "references to objects do not pass between instances";
            assert!(message.ends_with(reason), "{name}: {message}");
        }
        assert_eq!((alive(&importer), alive(&exporter)), (0, 0));
        // By the host's own hands it does not go either.
        let object = exporter.objects().new_object("box").unwrap();
        assert!(is_stale(importer.objects().type_name(object)));
        let kept = importer.objects().new_object("crate").unwrap();
        assert!(is_stale(exporter.call("take", &[kept.into()])));
        let fresh = [(); 2].map(|()| instance(&engine, EXPORTER, &Imports::new()));
        let [one, other] = &fresh;
        let boxes = fresh.each_ref().map(|it| it.objects().new_object("box"));
        let [first, second] = boxes.map(Result::unwrap);
        assert!(is_stale(one.objects().type_name(second)));
        assert!(is_stale(other.call("take", &[first.into()])));
    }
}

#[test]
fn without_types_of_objects_references_are_the_hosts_own() {
    for engine in engines() {
        let text = "function %same(ref) -> ref {
        block0(v0: ref):
            return v0
        }";
        let instance = instance(&engine, text, &Imports::new());
        let number = std::num::NonZeroU64::new(0xfeed).unwrap();
        let results = instance
            .call("same", &[Ref::opaque(number).into()])
            .unwrap();
        assert_eq!(ref_of(&results).number(), number);
        assert_eq!(instance.objects().statistics().unwrap(), None);
        let error = instance.objects().collect().unwrap_err();
        assert!(
            matches!(error, Error::Object(ObjectError::NoHeap)),
            "{error}"
        );
    }
}

#[test]
fn memory_that_is_used_up_is_an_error_for_everybody() {
    for engine in engines() {
        let instance = instance(&engine, PROGRAM, &imports());
        for length in [1_i64 << 21, 1 << 40, -1] {
            let error = instance.call("fill", &[Val::I64(length)]).unwrap_err();
            assert_eq!(error.trap_code(), Some(TrapCode::OutOfMemory), "{length}");
            let error = instance.objects().new_array("bytes", length as u64);
            assert!(matches!(
                error,
                Err(Error::Object(ObjectError::OutOfMemory))
            ));
        }
        assert_eq!(
            instance.call("fill", &[Val::I64(1000)]).unwrap(),
            [Val::I64(1000)]
        );
        let objects = instance.objects();
        let held: Vec<Ref> = (0..)
            .map_while(|_| objects.new_array("bytes", 100_000).ok())
            .collect();
        assert_eq!(held.len(), 10, "of a mebibyte");
        for array in held {
            objects.release(array).unwrap();
        }
        assert!(objects.new_array("bytes", 1_000_000).is_ok());
    }
}

#[test]
fn stress_collects_again_and_again() {
    for engine in engines() {
        let instance = instance(&engine, PROGRAM, &imports());
        let before = instance.stats().unwrap().collections;
        instance.call("catch", &[Val::I64(1)]).unwrap();
        let stats = instance.stats().unwrap();
        let collections = stats.collections - before;
        match engine.config().gc_stress {
            true => assert!(collections > 3, "{collections}"),
            false => assert_eq!(collections, 1, "the one that the program asks for"),
        }
        assert!(stats.object_bytes_allocated >= 32, "{stats:?}");
    }
}

/// A heap that counts what it hears of.
#[derive(Debug)]
struct Counting {
    heap: CopyingHeap,
    heard: Arc<AtomicU64>,
}

// SAFETY: all is done by another heap.
unsafe impl Heap for Counting {
    unsafe fn allocate(
        &mut self,
        request: Request,
        mutator: Mutator<'_>,
    ) -> Result<u64, OutOfMemory> {
        // SAFETY: the promise is the same.
        unsafe { self.heap.allocate(request, mutator) }
    }
    unsafe fn collect(&mut self, mutator: Mutator<'_>) {
        // SAFETY: as above.
        unsafe { self.heap.collect(mutator) };
    }
    fn wants_write_barrier(&self) -> bool {
        true
    }
    unsafe fn wrote(&mut self, _object: u64, _value: u64) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }
    fn statistics(&self, window: Window) -> HeapStatistics {
        self.heap.statistics(window)
    }
}

#[test]
fn an_engine_can_have_another_heap() {
    let heard = Arc::new(AtomicU64::new(0));
    let counts = Arc::clone(&heard);
    let config = Config::new().heap(move || {
        Box::new(Counting {
            heap: CopyingHeap::new(1 << 20).poison(true),
            heard: Arc::clone(&counts),
        })
    });
    let Ok(engine) = Engine::new(config.gc_stress(true)) else {
        return;
    };
    let instance = instance(&engine, PROGRAM, &imports());
    let list = instance.objects().new_object("list").unwrap();
    let pair = ref_of(
        &instance
            .call("pair", &[list.into(), Val::Ref(None)])
            .unwrap(),
    );
    assert_eq!(heard.load(Ordering::Relaxed), 2, "by compiled code");
    instance
        .objects()
        .set_element(pair, 1, list.into())
        .unwrap();
    assert_eq!(heard.load(Ordering::Relaxed), 3, "by the host");
}
