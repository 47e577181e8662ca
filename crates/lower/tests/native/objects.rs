//! Objects: made inline and by the runtime, accessed with all checks, moved at every request.

use crate::harness::{BOTH, Native, Outcome, masked, options, parse};
use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_abi::context::LeafMode;
use enjamb_ir::TrapCode;
use std::fmt::Write;

/// Plenty of room for objects.
const WINDOW: u64 = 1 << 20;

/// Makes the calls one after the other, with objects from the window, and moving them all the time.
fn expect(text: &str, calls: &[(&str, &[u64], Outcome)]) {
    let module = parse(text);
    for (allocator, window) in BOTH
        .into_iter()
        .zip([0, WINDOW])
        .chain(BOTH.into_iter().zip([WINDOW, 0]))
    {
        for mode in [LeafMode::Never, LeafMode::Always] {
            let mut native = Native::new(&module, allocator);
            native.give_window(window);
            for (name, args, outcome) in calls {
                let what = format!("%{name}({args:?}), {allocator:?}, window of {window}");
                let function = module.function_named(name).expect("a function");
                let types = &module.functions[function].signature().results;
                let results = masked(native.call(name, args, mode), types);
                assert_eq!(results, *outcome, "{what}");
            }
            assert_eq!(native.heap.requests == 0, window == WINDOW);
        }
    }
}

#[test]
fn lists_are_built_and_summed_up() {
    let text = r#"
import %yield = "enjamb" "yield" () async
type %list = { value: i64, next: ref }
function %count(i64) -> ref {
block0(v0: i64):
    v1 = null.ref
    jump block1(v0, v1)
block1(v2: i64, v3: ref):
    v4 = iconst.i64 0
    v5 = icmp eq v2, v4
    brif v5, block3, block2
block2:
    v6 = new %list
    set_field %list.value, v6, v2
    set_field %list.next, v6, v3
    v7 = iconst.i64 1
    v8 = isub v2, v7
    jump block1(v8, v6)
block3:
    return v3
}
function %sum(ref) -> i64 async {
block0(v0: ref):
    v1 = is_null v0
    brif v1, block1, block2
block1:
    v2 = iconst.i64 0
    return v2
block2:
    call %yield()
    v3 = get_field.ref %list.next, v0
    v4 = call %sum(v3)
    v5 = get_field.i64 %list.value, v0
    v6 = iadd v4, v5
    return v6
}
function %both(i64) -> i64 {
block0(v0: i64):
    v1 = call %count(v0)
    v2 = call %count(v0)
    v3 = get_field.ref %list.next, v1
    v4 = new %list
    set_field %list.next, v4, v3
    set_field %list.value, v4, v0
    v5 = call %count(v0)
    v6 = same_ref v1, v5
    v7 = get_field.ref %list.next, v4
    v8 = get_field.ref %list.next, v1
    v9 = same_ref v7, v8
    v10 = get_field.i64 %list.value, v7
    v11 = get_field.i64 %list.value, v2
    v12 = isub v10, v11
    v13 = isub v9, v6
    v14 = uextend.i64 v13
    v15 = iadd v12, v14
    return v15
}
"#;
    expect(text, &[("both", &[10], Ok(vec![2]))]);
}

#[test]
fn elements_of_every_type() {
    let types = [
        ("i8", 0xfe),
        ("i16", 0xfedc),
        ("i32", 0xfedc_ba98),
        ("i64", 0xfedc_ba98_7654_3210),
        ("f32", 0x4048_f5c3),
        ("f64", 0x4009_21fb_5444_2d18),
    ];
    for (ty, bits) in types {
        // Two arrays side by side, so that a write that is too wide shows in the second.
        let text = format!(
            "type %array = [{ty}]
             function %f(i64, i64, {ty}) -> {ty}, {ty}, {ty}, i64 {{
             block0(v0: i64, v1: i64, v2: {ty}):
                 v3 = new_array %array, v0
                 v4 = new_array %array, v0
                 set_element %array, v3, v1, v2
                 v5 = get_element.{ty} %array, v3, v1
                 v6 = get_element.{ty} %array, v4, v1
                 v7 = iconst.i64 2
                 v8 = get_element.{ty} %array, v3, v7
                 v9 = array_length %array, v4
                 return v5, v6, v8, v9
             }}"
        );
        let outside = || Err(TrapCode::ArrayOutOfBounds);
        let calls = [
            ("f", &[7, 6, bits][..], Ok(vec![bits, 0, 0, 7])),
            ("f", &[3, 0, bits], Ok(vec![bits, 0, 0, 3])),
            ("f", &[3, 2, bits], Ok(vec![bits, 0, bits, 3])),
            ("f", &[7, 7, bits], outside()),
            ("f", &[2, 1, bits], outside()),
            ("f", &[0, 0, bits], outside()),
            ("f", &[7, u64::MAX, bits], outside()),
            ("f", &[7, 1 << 61, bits], outside()),
        ];
        let module = parse(&text);
        for (allocator, window) in BOTH.into_iter().zip([0, WINDOW]) {
            let mut native = Native::new(&module, allocator);
            native.give_window(window);
            for (name, args, outcome) in &calls {
                let results = native.call(name, args, LeafMode::Never);
                let types = &module.functions[module.function_named("f").expect("%f")];
                let results = masked(results, &types.signature().results);
                assert_eq!(results, *outcome, "{ty}, {args:?}");
            }
        }
    }
}

#[test]
fn checks_in_their_order() {
    let text = r#"
type %pair = { first: i32, second: ref }
type %other = { first: i32 }
type %longs = [i64]
type %bytes = [i8]
function %make(i64) -> ref {
block0(v0: i64):
    v1 = iconst.i64 4
    br_table v0, block5, [block1, block2, block3, block4]
block1:
    v2 = new %pair
    return v2
block2:
    v3 = new %other
    return v3
block3:
    v4 = new_array %longs, v1
    return v4
block4:
    v5 = new_array %bytes, v1
    return v5
block5:
    v6 = null.ref
    return v6
}
function %field(i64) -> i32 {
block0(v0: i64):
    v1 = call %make(v0)
    v2 = get_field.i32 %pair.first, v1
    return v2
}
function %element(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = call %make(v0)
    v3 = get_element.i64 %longs, v2, v1
    return v3
}
function %write(i64, i64) {
block0(v0: i64, v1: i64):
    v2 = call %make(v0)
    set_element %longs, v2, v1, v0
    return
}
function %length(i64) -> i64 {
block0(v0: i64):
    v1 = call %make(v0)
    v2 = array_length %bytes, v1
    return v2
}
function %is(i64) -> i64 {
block0(v0: i64):
    v1 = call %make(v0)
    v2 = is_instance %pair, v1
    v3 = is_instance %bytes, v1
    v4 = uextend.i64 v2
    v5 = uextend.i64 v3
    v6 = iconst.i64 1
    v7 = ishl v5, v6
    v8 = bor v4, v7
    return v8
}
"#;
    let (null, other, outside) = (
        || Err(TrapCode::NullReference),
        || Err(TrapCode::WrongObjectType),
        || Err(TrapCode::ArrayOutOfBounds),
    );
    expect(
        text,
        &[
            ("field", &[0], Ok(vec![0])),
            ("field", &[1], other()),
            ("field", &[2], other()),
            ("field", &[9], null()),
            ("element", &[2, 3], Ok(vec![0])),
            ("element", &[2, 4], outside()),
            ("element", &[3, 9], other()),
            ("element", &[0, 0], other()),
            ("element", &[9, 9], null()),
            ("write", &[2, 0], Ok(vec![])),
            ("write", &[2, 4], outside()),
            ("write", &[3, 9], other()),
            ("write", &[9, 9], null()),
            ("length", &[3], Ok(vec![4])),
            ("length", &[2], other()),
            ("length", &[9], null()),
            ("is", &[0], Ok(vec![1])),
            ("is", &[1], Ok(vec![0])),
            ("is", &[2], Ok(vec![0])),
            ("is", &[3], Ok(vec![2])),
            ("is", &[9], Ok(vec![0])),
        ],
    );
}

#[test]
fn asking_for_an_object_keeps_every_register() {
    const VALUES: u64 = 40;
    let mut text = String::from("type %pair = { first: i64, second: ref }\n");
    text += "function %f(i64, f64) -> i64, f64, ref {\nblock0(v0: i64, v1: f64):\n";
    let mut line =
        |value: u64, what: String| writeln!(text, "    v{value} = {what}").expect("text");
    // Integers and floats by turns, each made of the one before.
    for value in 2..VALUES {
        let op = if value % 2 == 0 { "iadd" } else { "fadd" };
        line(value, format!("{op} v{}, v{}", value - 2, value % 2));
    }
    line(VALUES, "new %pair".into());
    let mut sums = [0, 1];
    for value in 2..VALUES {
        let (op, sum) = match value % 2 {
            0 => ("iadd", &mut sums[0]),
            _ => ("fadd", &mut sums[1]),
        };
        let next = VALUES + value - 1;
        line(next, format!("{op} v{sum}, v{value}"));
        *sum = next;
    }
    let [ints, floats] = sums;
    writeln!(text, "    return v{ints}, v{floats}, v{VALUES}\n}}").expect("text");
    // The sum of 1 to 20 each.
    let module = parse(&text);
    for allocator in BOTH {
        let mut native = Native::new(&module, allocator);
        let args = [3, 0.5_f64.to_bits()];
        let results = native.call("f", &args, LeafMode::Never).expect("no trap");
        assert_eq!(results[..2], [3 * 210, (0.5_f64 * 210.0).to_bits()]);
        assert_eq!(native.heap.requests, 1);
    }
}

#[test]
fn the_window_is_used_up_to_its_end() {
    let text = "
        type %pair = { first: i64, second: ref }
        type %bytes = [i8]
        function %one() -> ref {
        block0:
            v0 = new %pair
            return v0
        }
        function %some(i64) -> ref {
        block0(v0: i64):
            v1 = new_array %bytes, v0
            return v1
        }";
    let module = parse(text);
    for allocator in BOTH {
        let mut native = Native::new(&module, allocator);
        native.give_window(24 + 32 + 16);
        let never = LeafMode::Never;
        native.call("one", &[], never).expect("an object");
        assert_eq!((native.window_left(), native.heap.requests), (32 + 16, 0));
        native.call("some", &[33], never).expect("an array");
        assert_eq!((native.window_left(), native.heap.requests), (32 + 16, 1));
        native.call("some", &[9], never).expect("an array");
        assert_eq!((native.window_left(), native.heap.requests), (16, 1));
        native.call("one", &[], never).expect("an object");
        assert_eq!((native.window_left(), native.heap.requests), (16, 2));
        native.call("some", &[0], never).expect("an array");
        assert_eq!((native.window_left(), native.heap.requests), (0, 2));
        for length in [u64::MAX, u64::MAX - 22, 1 << 63, 1 << 40] {
            let outcome = native.call("some", &[length], never);
            assert_eq!(outcome, Err(TrapCode::OutOfMemory), "{length}");
        }
        assert_eq!(native.heap.requests, 6);
    }
}

#[test]
fn the_heap_hears_of_references_that_are_written() {
    let text = "
        type %pair = { first: i64, second: ref }
        type %refs = [ref]
        function %f(i64) -> ref, ref {
        block0(v0: i64):
            v1 = new %pair
            set_field %pair.first, v1, v0
            set_field %pair.second, v1, v1
            v2 = new_array %refs, v0
            v3 = iconst.i64 1
            set_element %refs, v2, v3, v1
            v4 = null.ref
            set_field %pair.second, v1, v4
            v5 = get_field.i64 %pair.first, v1
            set_element %refs, v2, v3, v4
            return v1, v2
        }";
    let module = parse(text);
    for allocator in BOTH {
        for write_barrier in [false, true] {
            let options = CodeOptions {
                write_barrier,
                ..options(allocator)
            };
            let mut native = Native::with(&module, &options);
            native.give_window(WINDOW);
            let results = native.call("f", &[2], LeafMode::Never).expect("no trap");
            let (pair, refs) = (results[0], results[1]);
            let expected = [(pair, pair), (refs, pair), (pair, 0), (refs, 0)];
            let count = if write_barrier { expected.len() } else { 0 };
            assert_eq!(native.heap.written, expected[..count]);
        }
    }
}

/// A tree of objects is built and walked by calls, while all of it moves at each step; what is dropped
/// is never moved.
#[test]
fn frames_say_where_their_references_are() {
    let text = r#"
type %node = { left: ref, depth: i32, right: ref }
function %tree(i32) -> ref {
block0(v0: i32):
    v1 = iconst.i32 0
    v2 = icmp eq v0, v1
    brif v2, block1, block2
block1:
    v3 = null.ref
    return v3
block2:
    v4 = iconst.i32 1
    v5 = isub v0, v4
    v6 = call %tree(v5)
    v7 = call %tree(v5)
    v8 = new %node
    set_field %node.left, v8, v6
    set_field %node.right, v8, v7
    set_field %node.depth, v8, v0
    return v8
}
function %sum(ref) -> i32 {
block0(v0: ref):
    v1 = is_instance %node, v0
    brif v1, block1, block2
block1:
    v2 = get_field.ref %node.left, v0
    v3 = call %sum(v2)
    v4 = new %node
    v5 = get_field.ref %node.right, v0
    v6 = call %sum(v5)
    v7 = get_field.i32 %node.depth, v0
    v8 = get_field.i32 %node.depth, v4
    v9 = iadd v3, v6
    v10 = iadd v7, v8
    v11 = iadd v9, v10
    return v11
block2:
    v12 = iconst.i32 0
    return v12
}
function %f(i32) -> i32, i32 {
block0(v0: i32):
    v1 = call %tree(v0)
    v2 = call %sum(v1)
    v3 = new %node
    v4 = call %sum(v1)
    return v2, v4
}
"#;
    // Depth 6 once, 5 twice, ...
    let sum: u64 = (1..=6).map(|depth| depth << (6 - depth)).sum();
    expect(text, &[("f", &[6], Ok(vec![sum, sum]))]);
    let module = parse(text);
    let mut native = Native::new(&module, RegisterAllocator::Backtracking);
    native.call("tree", &[3], LeafMode::Never).expect("a tree");
    // All nodes that were made before a node become part of the tree.
    let moves = (0..7).sum();
    assert_eq!((native.heap.requests, native.heap.moved), (7, moves));
}

/// A check in one block says nothing of another way to the same object, nor does a test that has more ways
/// behind it than one.
#[test]
fn checks_count_where_they_were_made() {
    let text = r#"
type %pair = { number: i64, next: ref }
type %twin = { number: i64, next: ref }
function %make(i64) -> ref {
block0(v0: i64):
    br_table v0, block3, [block1, block2]
block1:
    v1 = new %pair
    return v1
block2:
    v2 = new %twin
    return v2
block3:
    v3 = null.ref
    return v3
}
function %ways(i64, i8) -> i64 {
block0(v0: i64, v1: i8):
    v2 = call %make(v0)
    brif v1, block1, block2
block1:
    v3 = get_field.i64 %pair.number, v2
    return v3
block2:
    v4 = get_field.i64 %pair.number, v2
    return v4
}
function %joined(i64) -> i64 {
block0(v0: i64):
    v1 = call %make(v0)
    v2 = iconst.i64 7
    v3 = is_instance %pair, v1
    brif v3, block1(v0), block1(v2)
block1(v4: i64):
    v5 = is_instance %twin, v1
    brif v5, block2, block3
block2:
    v6 = get_field.i64 %pair.number, v1
    v7 = iadd v6, v4
    return v7
block3:
    v8 = is_instance %pair, v1
    brif v8, block2, block4
block4:
    return v4
}
"#;
    let (null, other) = (TrapCode::NullReference, TrapCode::WrongObjectType);
    expect(
        text,
        &[
            ("ways", &[0, 0], Ok(vec![0])),
            ("ways", &[0, 1], Ok(vec![0])),
            ("ways", &[1, 0], Err(other)),
            ("ways", &[1, 1], Err(other)),
            ("ways", &[2, 0], Err(null)),
            ("ways", &[2, 1], Err(null)),
            ("joined", &[0], Ok(vec![0])),
            ("joined", &[1], Err(other)),
            ("joined", &[2], Ok(vec![7])),
        ],
    );
}

/// The word that tells the type fits no instruction of AArch64 any more.
#[test]
fn types_by_the_thousand() {
    const TYPES: usize = 5000;
    let last = TYPES - 1;
    let mut text = String::new();
    for number in 0..TYPES {
        writeln!(text, "type %t{number} = {{ value: i64 }}").expect("text");
    }
    write!(
        text,
        "function %f(i64) -> i64, i8, i8, i8 {{
         block0(v0: i64):
             v1 = new %t{last}
             v2 = call %same(v1)
             set_field %t{last}.value, v2, v0
             v3 = get_field.i64 %t{last}.value, v2
             v4 = is_instance %t{last}, v2
             v5 = is_instance %t0, v2
             v6 = call %is_first(v2)
             return v3, v4, v5, v6
         }}
         function %same(ref) -> ref {{
         block0(v0: ref):
             return v0
         }}
         function %is_first(ref) -> i8 {{
         block0(v0: ref):
             v1 = is_instance %t1, v0
             brif v1, block1, block2
         block1:
             v9 = iconst.i8 9
             return v9
         block2:
             v2 = is_instance %t{last}, v0
             v3 = iconst.i8 2
             brif v2, block3(v3), block1
         block3(v4: i8):
             return v4
         }}"
    )
    .expect("text");
    expect(&text, &[("f", &[77], Ok(vec![77, 1, 0, 2]))]);
}
