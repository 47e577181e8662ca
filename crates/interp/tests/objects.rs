//! Objects: what stops an access, what a collection frees, what a host holds, and what is found where
//! references should have gone through root slots.

use enjamb_interp::{
    Error, HostError, HostObjects, Imports, Instance, ObjectError, Options, Schedule, Val,
};
use enjamb_ir::{Entity, Exception, FieldId, Module, ObjectTypeId, parse_module, verify_module};

const TYPES: &str = r#"
import %yield = "enjamb" "yield" () async
import %collect = "enjamb" "collect" ()
type %node = { flag: i8, number: i64, next: ref }
type %bytes = [i8]
type %refs = [ref]
type %pair = { wide: v128, small: i16 }
"#;

fn node() -> ObjectTypeId {
    ObjectTypeId::from_index(0)
}

fn bytes() -> ObjectTypeId {
    ObjectTypeId::from_index(1)
}

fn field(index: usize) -> FieldId {
    FieldId::from_index(index)
}

fn module(text: &str) -> Module {
    let text = format!("{TYPES}{text}");
    let module = parse_module(&text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    verify_module(&module).unwrap_or_else(|errors| panic!("{errors}"));
    module
}

fn instance(module: &Module) -> Instance<'_> {
    Instance::new(module, Imports::new(), Options::default()).expect("an instance")
}

/// What the lines, which use `v0: ref` and `v1: i64`, give or stop with.
fn outcome(lines: &str, argument: i64) -> String {
    let module = module(&format!(
        "function %main(ref, i64) -> i64 {{\nblock0(v0: ref, v1: i64):\n{lines}\n}}"
    ));
    let mut instance = instance(&module);
    match instance.call("main", &[Val::Ref(None), Val::I64(argument)]) {
        Ok(values) => values[0].to_string(),
        Err(Error::Trap(trap)) => trap.code.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn accesses_are_checked_in_order() {
    let null = "v9 = get_field.i64 %node.number, v0\nreturn v9";
    assert_eq!(outcome(null, 0), "null_reference");
    let other = "v2 = new %pair\nv9 = get_field.i64 %node.number, v2\nreturn v9";
    assert_eq!(outcome(other, 0), "wrong_object_type");
    let element = "v2 = new_array %bytes, v1\nv3 = get_element.i8 %bytes, v2, v1\n\
                   v9 = sextend.i64 v3\nreturn v9";
    assert_eq!(outcome(element, 4), "array_out_of_bounds");
    let large = "v2 = new_array %refs, v1\nv9 = array_length %refs, v2\nreturn v9";
    for count in [-1, 1 << 61, i64::MAX, 1 << 40] {
        assert_eq!(outcome(large, count), "out_of_memory");
    }
    assert_eq!(outcome(large, 7), "7");
    // The type comes before the index.
    let order =
        "v2 = new %node\nv3 = get_element.i8 %bytes, v2, v1\nv9 = sextend.i64 v3\nreturn v9";
    assert_eq!(outcome(order, -1), "wrong_object_type");
}

#[test]
fn a_copy_is_checked_whole_and_overlaps_as_through_a_buffer() {
    let copy = |from: &str, to_index: i64, from_index: i64, count: i64| {
        let lines = format!(
            "v2 = iconst.i64 4\nv3 = new_array %bytes, v2\nv4 = iconst.i64 0\nv5 = iconst.i8 1\n\
             set_element %bytes, v3, v4, v5\nv6 = iconst.i64 1\nv7 = iconst.i8 2\n\
             set_element %bytes, v3, v6, v7\nv8 = iconst.i64 {to_index}\n\
             v10 = iconst.i64 {from_index}\nv11 = iconst.i64 {count}\nv12 = new %node\n\
             array_copy %bytes, v3, v8, {from}, v10, v11\nv13 = iconst.i64 2\n\
             v14 = get_element.i8 %bytes, v3, v13\nv9 = sextend.i64 v14\nreturn v9"
        );
        outcome(&lines, 0)
    };
    assert_eq!(copy("v3", 1, 0, 3), "2");
    assert_eq!(copy("v3", 4, 4, 0), "0");
    assert_eq!(copy("v3", 2, 0, 3), "array_out_of_bounds");
    assert_eq!(copy("v3", 0, 2, 3), "array_out_of_bounds");
    assert_eq!(copy("v3", 0, 0, -1), "array_out_of_bounds");
    assert_eq!(copy("v0", 9, 9, 9), "null_reference");
    assert_eq!(copy("v12", 9, 9, 9), "wrong_object_type");
}

#[test]
fn garbage_is_freed_and_what_can_be_reached_is_not() {
    // A list of 100 nodes in a global, and a million objects that nothing keeps.
    let module = module(
        "global %kept: ref = null
function %main(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 100
    v2 = null.ref
    jump block1(v1, v2)
block1(v3: i64, v4: ref):
    v5 = new %node
    set_field %node.next, v5, v4
    set_field %node.number, v5, v3
    v6 = iconst.i64 1
    v7 = isub v3, v6
    brif v7, block1(v7, v5), block2(v0)
block2(v8: i64):
    global_set %kept, v5
    v9 = new_array %refs, v1
    v10 = isub v8, v6
    brif v10, block2(v10), block3
block3:
    call %collect()
    v11 = get_field.i64 %node.number, v5
    return v11
}",
    );
    let mut instance = instance(&module);
    let result = instance.call("main", &[Val::I64(20_000)]).expect("it ends");
    assert_eq!(result, [Val::I64(1)]);
    let statistics = instance.heap_statistics().expect("a heap");
    // The last array is a value of a frame still.
    assert!(statistics.objects <= 101, "{statistics:?}");
    assert!(statistics.collections > 5, "{statistics:?}");
    assert!(statistics.bytes_allocated > 20_000 * 800, "{statistics:?}");
    instance
        .set_global("kept", Val::Ref(None))
        .expect("a global");
    instance.collect().expect("a heap");
    assert_eq!(instance.heap_statistics().expect("a heap").objects, 0);
}

#[test]
fn a_limit_is_for_what_lives() {
    let module = module(
        "function %main(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = new_array %bytes, v1
    v3 = iconst.i64 1
    v4 = isub v0, v3
    brif v4, block0x, block1
block0x:
    v5 = call %main(v4, v1)
    return v5
block1:
    return v0
}"
        .replace("block0x", "block2")
        .as_str(),
    );
    let options = Options {
        heap_limit: 1000,
        ..Options::default()
    };
    let mut instance = Instance::new(&module, Imports::new(), options).expect("an instance");
    let mut call = |depth, length| instance.call("main", &[Val::I64(depth), Val::I64(length)]);
    assert!(call(9, 84).is_ok());
    let error = call(11, 84).expect_err("11 arrays of 104 bytes");
    assert_eq!(error.trap_code().expect("a trap").name(), "out_of_memory");
    assert!(call(9, 84).is_ok(), "what the failed call left is garbage");
}

#[test]
fn references_live_in_tasks_exceptions_and_suspended_frames() {
    let module = module(
        "function %make(i64) -> ref async {
block0(v0: i64):
    v1 = new %node
    set_field %node.number, v1, v0
    call %yield()
    call %collect()
    return v1
}
function %fail(ref) async {
block0(v0: ref):
    call %yield()
    v1 = iconst.i64 3
    throw v1, v0
}
function %main(i64) -> i64 async {
    sig0 = () -> ref
    sig1 = ()
block0(v0: i64):
    v1 = spawn %make(v0)
    v2 = call %make(v0)
    call %collect()
    v3 = join sig0, v1
    v4 = spawn %fail(v3)
    v5 = null.ref
    call %collect()
    call %yield()
    call %collect()
    v6, v7 = try_join sig1, v4, block1, unwind block2(v7)
block1:
    unreachable
block2(v8: ref):
    call %collect()
    v9 = get_field.i64 %node.number, v8
    v10 = get_field.i64 %node.number, v2
    v11 = iadd v9, v10
    return v11
}",
    );
    for schedule in [Schedule::Always, Schedule::Never, Schedule::Natural] {
        for gc_stress in [false, true] {
            let options = Options {
                schedule,
                gc_stress,
                ..Options::default()
            };
            let mut instance =
                Instance::new(&module, Imports::new(), options).expect("an instance");
            let result = instance.call("main", &[Val::I64(21)]);
            assert_eq!(result, Ok(vec![Val::I64(42)]), "{schedule}");
        }
    }
}

#[test]
fn a_host_makes_and_changes_objects() {
    let module = module(
        "function %sum(ref, ref) -> i64 {
block0(v0: ref, v1: ref):
    v2 = get_field.i64 %node.number, v0
    v3 = iconst.i64 1
    v4 = get_element.i8 %bytes, v1, v3
    v5 = sextend.i64 v4
    v6 = iadd v2, v5
    set_field %node.next, v0, v1
    return v6
}
function %twice(ref) -> ref, ref {
block0(v0: ref):
    return v0, v0
}",
    );
    let mut instance = instance(&module);
    let list = instance.new_object(node()).expect("memory");
    let array = instance.new_array(bytes(), 3).expect("memory");
    instance
        .set_field(list, field(1), Val::I64(40))
        .expect("a field");
    instance.write_bytes(array, 1, &[2, 3]).expect("room");
    let args = [Val::Ref(Some(list)), Val::Ref(Some(array))];
    assert_eq!(instance.call("sum", &args), Ok(vec![Val::I64(42)]));
    let Ok(Val::Ref(Some(next))) = instance.get_field(list, field(2)) else {
        panic!("no reference");
    };
    assert_eq!(instance.is_same(next, array), Ok(true));
    assert_eq!(instance.object_type(next), Ok(bytes()));
    assert_eq!(instance.array_length(next), Ok(3));
    let mut read = [0; 3];
    instance.read_bytes(next, 0, &mut read).expect("three");
    assert_eq!(read, [0, 2, 3]);

    let wrong = instance.set_field(list, field(1), Val::I8(1));
    assert!(
        matches!(wrong, Err(ObjectError::WrongType { .. })),
        "{wrong:?}"
    );
    assert_eq!(
        instance.new_object(bytes()),
        Err(ObjectError::NotThatKind(bytes()))
    );
    assert_eq!(
        instance.get_field(list, field(3)),
        Err(ObjectError::NoField(node(), field(3)))
    );
    assert!(instance.write_bytes(array, 2, &[1, 2]).is_err());
    assert!(instance.get_element(array, 3).is_err());

    // The handle ends, the object is still in the list.
    for handle in [array, next] {
        instance.release(handle).expect("a handle");
    }
    assert!(matches!(
        instance.array_length(array),
        Err(ObjectError::Stale(_))
    ));
    instance.collect().expect("a heap");
    assert_eq!(instance.heap_statistics().expect("a heap").objects, 2);
    assert!(matches!(
        instance.call("sum", &args),
        Err(Error::BadCall(_))
    ));
    let results = instance.call("twice", &args[..1]).expect("two handles");
    let [Val::Ref(Some(one)), Val::Ref(Some(other))] = results[..] else {
        panic!("{results:?}");
    };
    assert_eq!(instance.is_same(one, other), Ok(true));
    assert_ne!(one, other);
}

#[test]
fn a_host_function_holds_what_it_keeps() {
    let module = module(
        r#"import %look = "host" "look" (ref) -> ref
import %fail = "host" "fail" (ref)
function %main(i64) -> i64 {
block0(v0: i64):
    v1 = new %node
    set_field %node.number, v1, v0
    v2 = call %look(v1)
    v3 = get_field.i64 %node.number, v2
    return v3
}
function %caught(i64) -> i64 {
block0(v0: i64):
    v1 = new %node
    set_field %node.number, v1, v0
    v2, v3 = try_call %fail(v1), block1, unwind block2(v2, v3)
block1:
    unreachable
block2(v4: i64, v5: ref):
    v6 = is_null v5
    brif v6, block3, block4
block3:
    return v4
block4:
    v7 = get_field.i64 %node.number, v5
    return v7
}
function %thrown(i64) {
block0(v0: i64):
    v1 = new %node
    set_field %node.number, v1, v0
    throw v0, v1
}"#,
    );
    let seen = std::cell::RefCell::new(Vec::new());
    let keep = std::cell::Cell::new(false);
    let imports = Imports::new()
        .function_with_context("host", "look", |context, args| {
            let Val::Ref(Some(handle)) = args[0] else {
                return Err("no reference".to_string());
            };
            seen.borrow_mut().push(handle);
            if keep.get() {
                context.keep(handle).map_err(|error| error.to_string())?;
            }
            context.collect().map_err(|error| error.to_string())?;
            let copy = context
                .new_object(node())
                .map_err(|error| error.to_string())?;
            let number = context.get_field(handle, field(1));
            let number = number.map_err(|error| error.to_string())?;
            let set = context.set_field(copy, field(1), number);
            set.map_err(|error| error.to_string())?;
            Ok(vec![Val::Ref(Some(copy))])
        })
        .throwing_function("host", "fail", |_, args| {
            let payload = match args[0] {
                _ if keep.get() => Some(77),
                Val::Ref(payload) => payload,
                _ => None,
            };
            Err(HostError::Threw(Exception { tag: 5, payload }))
        });
    let mut instance = Instance::new(&module, imports, Options::default()).expect("an instance");
    assert_eq!(instance.call("main", &[Val::I64(9)]), Ok(vec![Val::I64(9)]));
    let first = seen.borrow()[0];
    assert!(matches!(
        instance.object_type(first),
        Err(ObjectError::Stale(_))
    ));
    assert_eq!(
        instance.call("caught", &[Val::I64(9)]),
        Ok(vec![Val::I64(9)])
    );
    keep.set(true);
    assert_eq!(instance.call("main", &[Val::I64(8)]), Ok(vec![Val::I64(8)]));
    let kept = seen.borrow()[1];
    instance.collect().expect("a heap");
    assert_eq!(instance.get_field(kept, field(1)), Ok(Val::I64(8)));
    // 77 is no handle: the exception is that of an error.
    let tag = Val::I64(Exception::HOST_ERROR);
    assert_eq!(instance.call("caught", &[Val::I64(9)]), Ok(vec![tag]));
    let Err(Error::Exception(uncaught)) = instance.call("thrown", &[Val::I64(6)]) else {
        panic!("no exception");
    };
    let payload = uncaught.exception.payload.expect("an object");
    assert_eq!(instance.get_field(payload, field(1)), Ok(Val::I64(6)));
}

#[test]
fn without_object_types_references_are_the_host_s() {
    let text = "function %same(ref) -> ref {\nblock0(v0: ref):\n    return v0\n}";
    let module = parse_module(text).expect("it is well formed");
    let mut instance = instance(&module);
    let handle = Val::Ref(Some(1234));
    assert_eq!(instance.call("same", &[handle]), Ok(vec![handle]));
    assert_eq!(instance.collect(), Err(ObjectError::NoHeap));
    assert_eq!(instance.heap_statistics(), None);
}

/// The fault of a function whose references should go through root slots.
fn fault(body: &str) -> Option<String> {
    let module = module(&format!(
        "function %main() -> i64 {{\n    root0 = root\n{body}\n}}"
    ));
    match instance(&module).call("main", &[]) {
        Err(Error::Fault(fault)) => Some(fault.reason),
        Ok(_) => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn references_that_miss_a_root_slot_are_found() {
    let body = |set: &str, roots: &str, used: &str| {
        fault(&format!(
            "block0:\n    v0 = new %node\n    {set}\n    call %collect() {roots}\n    {used}\n    \
             v2 = get_field.i64 %node.number, v1\n    return v2"
        ))
    };
    let (set, listed, get) = ("root_set root0, v0", "roots [root0]", "v1 = root_get root0");
    assert_eq!(body(set, listed, get), None);
    let old = body(set, listed, "v3 = iconst.i8 1\n    v1 = select v3, v0, v0");
    assert!(old.is_some_and(|reason| reason.starts_with("v0 is used behind a safepoint")));
    for (set, listed) in [(set, ""), ("", listed), ("", "")] {
        let lost = body(set, listed, get);
        assert_eq!(
            lost.as_deref(),
            Some("root0 holds nothing that a safepoint has kept")
        );
    }
}

#[test]
fn what_an_object_of_a_resumed_activation_holds_goes_out_of_date() {
    let run = |resumed: &str, stored: &str| {
        let module = module(&format!(
            "function %main(ref) -> i64 async lowered {{
    root0 = root
    layout0 = size 24 {{ v1: ref @ 16 }}
    point0 = layout0 () saves [v1 = v1]
block0(v0: cont, v1: ref):
    v2 = is_suspended v0
    brif v2, block1, block2
block1:
    {resumed}
    v4 = get_field.i64 %node.number, v3
    return v4
block2:
    root_set root0, v1
    v5 = call %yield() roots [root0]
    v6 = is_suspended v5
    v7 = root_get root0
    brif v6, block3, block4
block3:
    v8 = new_continuation layout0, v5
    field_store layout0.v1, v8, v7
    {stored}
    set_point point0, v8
    link v5, v8
    suspend v8
block4:
    unreachable
}}"
        ));
        let options = Options {
            schedule: Schedule::Always,
            ..Options::default()
        };
        let mut instance = Instance::new(&module, Imports::new(), options).expect("an instance");
        let object = instance.new_object(node()).expect("memory");
        match instance.call("main", &[Val::Ref(Some(object))]) {
            Err(Error::Fault(fault)) => Some(fault.reason),
            Ok(_) => None,
            Err(error) => panic!("{error}"),
        }
    };
    let load = "v3 = field_load.ref layout0.v1, v0";
    assert_eq!(run(load, ""), None);
    let late = run(&format!("call %collect()\n    {load}"), "");
    assert!(late.is_some_and(|reason| reason.contains("since that was resumed")));
    let early = run(load, "call %collect()");
    assert!(early.is_some_and(|reason| reason.contains("stored before the last safepoint")));
}
