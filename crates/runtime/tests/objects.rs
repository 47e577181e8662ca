//! Objects in compiled code: what keeps them alive, and that they may move at any time.

use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_abi::heap::{Heap, Mutator, OutOfMemory, Request, Window};
use enjamb_codegen::{CompileOptions, compile};
use enjamb_heap::CopyingHeap;
use enjamb_ir::host_objects::HeapStatistics;
use enjamb_ir::{Entity, ObjectTypeId, Schedule, TrapCode, Val, parse_module};
use enjamb_runtime::{
    ClockKind, Error, HostContext, HostError, Imports, Instance, LoadedModule, Options, Outcome,
};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

fn load(text: &str, allocator: RegisterAllocator, write_barrier: bool) -> Arc<LoadedModule> {
    let module = parse_module(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let options = CompileOptions {
        code: CodeOptions {
            allocator,
            write_barrier,
            check: true,
            ..CodeOptions::default()
        },
        verify_passes: true,
        ..CompileOptions::default()
    };
    let compiled = compile(Arc::new(module), &options);
    let compiled = Arc::new(compiled.unwrap_or_else(|error| panic!("{error}")));
    LoadedModule::new(compiled).unwrap()
}

fn options() -> Options {
    Options {
        clock: ClockKind::Virtual,
        stack_size: 256 << 10,
        heap_limit: 64 << 20,
        ..Options::default()
    }
}

/// Instances under stress and without, of code of both allocators, on all schedules.
fn instances(text: &str, imports: fn() -> Imports) -> Vec<Instance> {
    let mut instances = Vec::new();
    for allocator in [
        RegisterAllocator::Backtracking,
        RegisterAllocator::SinglePass,
    ] {
        let loaded = load(text, allocator, false);
        for schedule in [
            Schedule::Natural,
            Schedule::Never,
            Schedule::Always,
            Schedule::Random(7),
        ] {
            for gc_stress in [true, false] {
                let options = Options {
                    schedule,
                    gc_stress,
                    ..options()
                };
                instances.push(Instance::new(Arc::clone(&loaded), imports(), options).unwrap());
            }
        }
    }
    instances
}

fn call(instance: &mut Instance, name: &str, args: &[Val]) -> Result<Vec<Val>, Error> {
    let function = instance.loaded().module().function_named(name).unwrap();
    let result = instance.call(function, args);
    instance.drop_tasks();
    result
}

/// Objects that are alive.
fn alive(instance: &mut Instance) -> u64 {
    instance.objects().collect().unwrap();
    instance.objects().heap_statistics().unwrap().objects
}

const LIST: &str = r#"
type %list = { value: i64, next: ref }
import %yield = "enjamb" "yield" () async
import %sleep = "enjamb" "sleep" (i64) async
import %collect = "enjamb" "collect" ()
import %host = "host" "id" (ref) -> ref
global %kept: ref = null

function %cons(i64, ref) -> ref {
block0(v0: i64, v1: ref):
    v2 = new %list
    set_field %list.value, v2, v0
    set_field %list.next, v2, v1
    return v2
}

; n, n-1, ..., 1, suspending at each
function %build(i64) -> ref async {
block0(v0: i64):
    v1 = null.ref
    v2 = iconst.i64 1
    jump block1(v2, v1)
block1(v3: i64, v4: ref):
    v5 = icmp sgt v3, v0
    brif v5, block3, block2
block2:
    call %yield()
    v6 = call %cons(v3, v4)
    v7 = iadd v3, v2
    jump block1(v7, v6)
block3:
    return v4
}

function %sum(ref) -> i64 async {
block0(v0: ref):
    v1 = iconst.i64 0
    jump block1(v0, v1)
block1(v2: ref, v3: i64):
    v4 = is_null v2
    brif v4, block3, block2
block2:
    v5 = get_field.i64 %list.value, v2
    call %sleep(v5)
    v6 = get_field.ref %list.next, v2
    v7 = iadd v3, v5
    jump block1(v6, v7)
block3:
    return v3
}

function %main(i64) -> i64 async {
    sig0 = () -> ref
block0(v0: i64):
    v1 = spawn %build(v0)
    v2 = spawn %build(v0)
    v3 = join sig0, v1
    call %collect()
    v4 = join sig0, v2
    v5 = call %host(v3)
    v6 = call %sum(v5)
    v7 = call %sum(v4)
    v8 = isub v6, v7
    v9 = iadd v8, v7
    v10 = call %sum(v3)
    v11 = iadd v9, v10
    return v11
}

function %keep(i64) async {
block0(v0: i64):
    v1 = call %build(v0)
    global_set %kept, v1
    return
}

; Finishes with a list that nobody joins.
function %leave(i64) -> i64 async {
block0(v0: i64):
    v1 = spawn %build(v0)
    v2 = iconst.i64 1000
    call %sleep(v2)
    call %collect()
    return v0
}

; The list is dead while it waits.
function %forget(i64) -> i64 async {
block0(v0: i64):
    v1 = call %build(v0)
    v2 = call %sum(v1)
    call %wait()
    return v2
}

function %wait() async {
block0:
    v0 = iconst.i64 5
    call %sleep(v0)
    call %census()
    return
}

import %census = "host" "census" ()

function %big(i64) -> i64 {
block0(v0: i64):
    v1 = null.ref
    jump block1(v0, v1)
block1(v2: i64, v3: ref):
    v4 = call %cons(v2, v3)
    v5 = iconst.i64 1
    v6 = isub v2, v5
    v7 = iconst.i64 0
    v8 = icmp ne v6, v7
    brif v8, block1(v6, v4), block2
block2:
    return v0
}
"#;

static CENSUS: Mutex<Vec<u64>> = Mutex::new(Vec::new());
/// Tests that count in the host take turns.
static ONE_CENSUS: Mutex<()> = Mutex::new(());

fn imports() -> Imports {
    let mut imports = Imports::new();
    imports.define_sync("host", "id", |context, args| {
        let Val::Ref(Some(list)) = args[0] else {
            return Ok(args.to_vec());
        };
        context.objects().collect().unwrap();
        assert_eq!(context.objects().object_type(list).unwrap().index(), 0);
        Ok(args.to_vec())
    });
    imports.define_sync("host", "census", |context, _| {
        context.objects().collect().unwrap();
        let statistics = context.objects().heap_statistics().unwrap();
        CENSUS.lock().unwrap().push(statistics.objects);
        Ok(Vec::new())
    });
    imports
}

#[test]
fn lists_survive_whatever_happens_between() {
    for mut instance in instances(LIST, imports) {
        let results = call(&mut instance, "main", &[Val::I64(40)]);
        assert_eq!(results.unwrap(), [Val::I64(1640)]);
        assert_eq!(alive(&mut instance), 0, "nothing is left");
    }
}

#[test]
fn a_global_keeps_what_it_refers_to() {
    for mut instance in instances(LIST, imports) {
        call(&mut instance, "keep", &[Val::I64(10)]).unwrap();
        assert_eq!(alive(&mut instance), 10);
        let global = Entity::from_index(0);
        let value = instance.global(global).unwrap();
        instance.set_global(global, Val::Ref(None)).unwrap();
        assert_eq!(alive(&mut instance), 10, "the host has a handle");
        let sum = call(&mut instance, "sum", &[value]).unwrap();
        assert_eq!(sum, [Val::I64(55)]);
        let Val::Ref(Some(handle)) = value else {
            panic!("{value}");
        };
        instance.objects().release(handle).unwrap();
        assert_eq!(alive(&mut instance), 0);
        let error = call(&mut instance, "sum", &[value]).unwrap_err();
        assert!(matches!(error, Error::BadCall(_)), "{error}");
    }
}

#[test]
fn results_live_until_they_are_taken() {
    for mut instance in instances(LIST, imports) {
        let build = instance.loaded().module().function_named("build").unwrap();
        let task = instance.spawn(build, &[Val::I64(5)]).unwrap();
        while !instance.is_done(task).unwrap() {
            instance.step();
        }
        assert_eq!(alive(&mut instance), 5, "the task has them");
        let results = instance.run_until(task).unwrap();
        let [Val::Ref(Some(list))] = results[..] else {
            panic!("{results:?}");
        };
        assert_eq!(alive(&mut instance), 5, "the host has them");
        instance.objects().release(list).unwrap();
        assert_eq!(
            alive(&mut instance),
            0,
            "the record of the task has nothing"
        );
        call(&mut instance, "leave", &[Val::I64(5)]).unwrap();
        assert_eq!(alive(&mut instance), 0, "dropped tasks have nothing");
    }
}

#[test]
fn what_a_suspended_task_does_not_need_is_garbage() {
    let _turn = ONE_CENSUS
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    for mut instance in instances(LIST, imports) {
        CENSUS.lock().unwrap().clear();
        let results = call(&mut instance, "forget", &[Val::I64(8)]);
        assert_eq!(results.unwrap(), [Val::I64(36)]);
        assert_eq!(
            CENSUS.lock().unwrap()[..],
            [0],
            "results, objects that were resumed, frames"
        );
    }
}

#[test]
fn memory_that_is_used_up_is_a_trap_and_comes_back() {
    for gc_stress in [false, true] {
        let loaded = load(LIST, RegisterAllocator::Backtracking, false);
        let options = Options {
            heap_limit: 24_000,
            gc_stress,
            ..options()
        };
        let mut instance = Instance::new(loaded, imports(), options).unwrap();
        for _ in 0..3 {
            let error = call(&mut instance, "big", &[Val::I64(2000)]).unwrap_err();
            assert_eq!(error.trap().unwrap().code, TrapCode::OutOfMemory);
            let results = call(&mut instance, "big", &[Val::I64(1000)]);
            assert_eq!(results.unwrap(), [Val::I64(1000)]);
        }
        assert_eq!(alive(&mut instance), 0);
    }
}

#[test]
fn compiled_code_takes_objects_from_the_window() {
    let loaded = load(LIST, RegisterAllocator::Backtracking, false);
    let mut instance = Instance::new(loaded, imports(), options()).unwrap();
    call(&mut instance, "big", &[Val::I64(200_000)]).unwrap();
    let statistics = instance.objects().heap_statistics().unwrap();
    assert_eq!(statistics.bytes_allocated, 200_000 * 24);
    assert!(statistics.collections < 10, "{statistics:?}");
}

/// How often host and compiled code call each other in the next test.
const LEVELS: usize = 4;

/// A function for each level, sync and async in turn, that calls the next one through the host. Each has
/// a box of its own on both sides of that, and adds it to what comes back.
fn nested() -> String {
    let mut text = "type %box = { value: i64 }
        import %yield = \"enjamb\" \"yield\" () async\n"
        .to_string();
    for level in 0..LEVELS {
        let is_async = if level % 2 == 1 { "async" } else { "" };
        let pause = if level % 2 == 1 { "call %yield()" } else { "" };
        text += &format!(
            "import %down{level} = \"host\" \"down{level}\" (ref) -> ref
            function %level{level}(ref) -> ref {is_async} {{
            block0(v0: ref):
                v1 = new %box
                v2 = get_field.i64 %box.value, v0
                v3 = iadd v2, v2
                set_field %box.value, v1, v3
                {pause}
                v4 = call %down{level}(v1)
                v5 = get_field.i64 %box.value, v1
                v6 = get_field.i64 %box.value, v4
                v7 = get_field.i64 %box.value, v0
                v8 = iadd v5, v6
                v9 = iadd v8, v7
                v10 = new %box
                set_field %box.value, v10, v9
                {pause}
                return v10
            }}\n"
        );
    }
    text
}

fn nesting() -> Imports {
    let mut imports = Imports::new();
    for level in 0..LEVELS {
        imports.define_sync("host", &format!("down{level}"), move |context, args| {
            context.objects().collect().unwrap();
            let Some(next) = context.function_named(&format!("level{}", level + 1)) else {
                return Ok(args.to_vec());
            };
            let results = context.call(next, args);
            context.objects().collect().unwrap();
            results.map_err(|error| error.to_string().into())
        });
    }
    imports
}

#[test]
fn frames_below_a_host_function_are_roots() {
    for mut instance in instances(&nested(), nesting) {
        let objects = instance.objects();
        let first = objects.new_object(ObjectTypeId::from_index(0)).unwrap();
        let value = Entity::from_index(0);
        objects.set_field(first, value, Val::I64(1)).unwrap();
        let args = [Val::Ref(Some(first))];
        let results = call(&mut instance, "level0", &args).unwrap();
        let [Val::Ref(Some(last))] = results[..] else {
            panic!("{results:?}");
        };
        let sum = instance.objects().get_field(last, value);
        // Each adds its box and the one above it; below the last one its box comes back.
        assert_eq!(sum, Ok(Val::I64(1 + 2 * (2 + 4 + 8) + 2 * 16)));
        for handle in [first, last] {
            instance.objects().release(handle).unwrap();
        }
        assert_eq!(alive(&mut instance), 0);
    }
}

/// What a heap has been told.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<Vec<(u64, u64)>>>);

/// A heap that writes down what it is told.
#[derive(Debug)]
struct Listening {
    heap: CopyingHeap,
    told: Told,
}

// SAFETY: all is done by another heap.
unsafe impl Heap for Listening {
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
    unsafe fn wrote(&mut self, object: u64, value: u64) {
        self.told.0.lock().unwrap().push((object, value));
    }
    fn statistics(&self, window: Window) -> HeapStatistics {
        self.heap.statistics(window)
    }
}

const WRITES: &str = r#"
type %pair = { left: ref, number: i64, right: ref }
type %refs = [ref]

function %main() -> i64 {
block0:
    v0 = new %pair
    v1 = iconst.i64 3
    v2 = new_array %refs, v1
    v3 = iconst.i64 1
    v4 = iconst.i64 2
    v5 = iconst.i64 0
    v6 = null.ref
    set_field %pair.left, v0, v2
    set_field %pair.number, v0, v1
    set_field %pair.right, v0, v6
    set_element %refs, v2, v4, v0
    array_copy %refs, v2, v5, v2, v3, v4
    v7 = get_element.ref %refs, v2, v3
    v8 = get_field.i64 %pair.number, v7
    return v8
}
"#;

#[test]
fn a_heap_that_wants_to_hears_of_every_reference_that_is_written() {
    for allocator in [
        RegisterAllocator::Backtracking,
        RegisterAllocator::SinglePass,
    ] {
        let told = Told::default();
        let heap = || -> Box<dyn Heap> {
            Box::new(Listening {
                heap: CopyingHeap::new(1 << 20),
                told: told.clone(),
            })
        };
        let loaded = load(WRITES, allocator, true);
        let mut instance = Instance::with_heap(loaded, Imports::new(), options(), heap).unwrap();
        assert_eq!(call(&mut instance, "main", &[]).unwrap(), [Val::I64(3)]);
        let told = told.0.lock().unwrap().clone();
        let (pair, array) = (told[0].0, told[0].1);
        assert_ne!(pair, array);
        assert_eq!(
            told,
            [
                (pair, array),
                (pair, 0),
                (array, pair),
                (array, 0),
                (array, pair)
            ]
        );
        let loaded = load(WRITES, allocator, false);
        let error = Instance::with_heap(loaded, Imports::new(), options(), heap).unwrap_err();
        assert!(error.to_string().contains("write barrier"), "{error}");
    }
}

#[test]
fn the_host_makes_and_changes_objects() {
    for mut instance in instances(WRITES, Imports::new) {
        let objects = instance.objects();
        let pair = objects.new_object(ObjectTypeId::from_index(0)).unwrap();
        let array = objects.new_array(ObjectTypeId::from_index(1), 2).unwrap();
        let [left, number, right] = [0, 1, 2].map(Entity::from_index);
        objects
            .set_field(pair, left, Val::Ref(Some(array)))
            .unwrap();
        objects.set_field(pair, number, Val::I64(-5)).unwrap();
        objects.set_element(array, 1, Val::Ref(Some(pair))).unwrap();
        objects.release(array).unwrap();
        assert_eq!(alive(&mut instance), 2);
        let objects = instance.objects();
        let Ok(Val::Ref(Some(array))) = objects.get_field(pair, left) else {
            panic!("there is an array");
        };
        assert_eq!(objects.get_field(pair, number), Ok(Val::I64(-5)));
        assert_eq!(objects.get_field(pair, right), Ok(Val::Ref(None)));
        assert_eq!(objects.array_length(array), Ok(2));
        let Ok(Val::Ref(Some(again))) = objects.get_element(array, 1) else {
            panic!("there is a pair");
        };
        assert_eq!(objects.is_same(again, pair), Ok(true));
        assert_eq!(objects.is_same(again, array), Ok(false));
        for handle in [pair, again] {
            objects.release(handle).unwrap();
        }
        assert_eq!(alive(&mut instance), 2, "a cycle that is held at one place");
        instance.objects().release(array).unwrap();
        assert_eq!(alive(&mut instance), 0);
    }
}

/// Ready when it is polled for the second time.
struct Later(bool, Vec<Val>);

impl Future for Later {
    type Output = Result<Vec<Val>, HostError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(Ok(self.1.clone()));
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn later() -> Imports {
    let mut imports = Imports::new();
    let boxed = |context: &mut HostContext<'_>, _: &[Val]| {
        let object = context.objects().new_object(ObjectTypeId::from_index(0));
        let object = object.map_err(|error| error.to_string())?;
        let value = context
            .objects()
            .set_field(object, Entity::from_index(0), Val::I64(7));
        value.map_err(|error| error.to_string())?;
        Outcome::of(
            context,
            Box::pin(Later(false, vec![Val::Ref(Some(object))])),
        )
    };
    imports.define("host", "boxed", Box::new(boxed));
    let soon = |context: &mut HostContext<'_>, _: &[Val]| {
        Outcome::of(context, Box::pin(Later(false, Vec::new())))
    };
    imports.define("host", "soon", Box::new(soon));
    imports
}

/// They lie at the end of the chain, which has no frame any more, while another task has its turn.
#[test]
fn results_of_a_tail_call_live_until_the_task_goes_on() {
    let text = r#"
type %box = { value: i64 }
import %boxed = "host" "boxed" () -> ref async
import %soon = "host" "soon" () async
import %collect = "enjamb" "collect" ()
function %forwards() -> ref async {
block0:
    return_call %boxed()
}
function %collects() async {
block0:
    call %soon()
    call %collect()
    return
}"#;
    for mut instance in instances(text, later) {
        let [_, forwards] = ["collects", "forwards"].map(|name| {
            let function = instance.loaded().module().function_named(name).unwrap();
            instance.spawn(function, &[]).unwrap()
        });
        let results = instance.run_until(forwards).unwrap();
        let [Val::Ref(Some(object))] = results[..] else {
            panic!("{results:?}");
        };
        let value = instance.objects().get_field(object, Entity::from_index(0));
        assert_eq!(value, Ok(Val::I64(7)));
        instance.drop_tasks();
    }
}
