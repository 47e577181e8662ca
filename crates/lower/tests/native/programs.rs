//! Small programs, compared with the interpreter: calls, memory, suspension.

use crate::harness::{BOTH, Native, masked, parse};
use enjamb_abi::code::RegisterAllocator;
use enjamb_abi::context::LeafMode;
use enjamb_interp::{Error, Imports, Instance, Options, Schedule};
use enjamb_ir::Val;

/// Makes the calls one after the other, compiled and interpreted, suspending never and always.
pub fn agree(text: &str, calls: &[(&str, &[Val])]) {
    let module = parse(text);
    for (schedule, mode) in [
        (Schedule::Never, LeafMode::Never),
        (Schedule::Always, LeafMode::Always),
    ] {
        let options = Options {
            schedule,
            ..Options::default()
        };
        let mut instance = Instance::new(&module, Imports::new(), options).expect("an instance");
        let mut natives = BOTH.map(|allocator| Native::new(&module, allocator));
        for (name, args) in calls {
            let function = module.function_named(name).expect("a function");
            let types = &module.functions[function].signature().results;
            let expected = match instance.call(name, args) {
                Ok(values) => Ok(Val::to_words(&values)),
                Err(Error::Trap(trap)) => Err(trap.code),
                Err(error) => panic!("{error}"),
            };
            let expected = masked(expected, types);
            let words = Val::to_words(args);
            for native in &mut natives {
                let outcome = masked(native.call(name, &words, mode), types);
                assert_eq!(outcome, expected, "%{name}({args:?}), {schedule}");
            }
        }
    }
}

/// Arguments.
pub fn ints<const N: usize>(values: [i64; N]) -> [Val; N] {
    values.map(Val::I64)
}

#[test]
fn recursion() {
    let text = r#"
import %yield = "enjamb" "yield" () async
function %fib(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 2
    v2 = icmp slt v0, v1
    brif v2, block1, block2
block1:
    return v0
block2:
    v3 = iconst.i64 1
    v4 = isub v0, v3
    v5 = call %fib(v4)
    v6 = isub v0, v1
    v7 = call %fib(v6)
    v8 = iadd v5, v7
    return v8
}
function %afib(i64) -> i64 async {
block0(v0: i64):
    v1 = iconst.i64 2
    v2 = icmp slt v0, v1
    brif v2, block1, block2
block1:
    call %yield()
    return v0
block2:
    v3 = iconst.i64 1
    v4 = isub v0, v3
    v5 = call %afib(v4)
    v6 = isub v0, v1
    v7 = call %afib(v6)
    v8 = iadd v5, v7
    return v8
}
function %endless(i64) -> i64 {
block0(v0: i64):
    v1 = call %endless(v0)
    v2 = iadd v1, v0
    return v2
}
"#;
    agree(
        text,
        &[
            ("fib", &ints([15])),
            ("afib", &ints([11])),
            ("endless", &ints([3])),
            ("fib", &ints([1])),
        ],
    );
}

/// A function with `count` integer and as many float parameters, which gives all of them back in
/// another order.
fn wide(count: usize, kind: &str, middle: &str) -> String {
    let ints: Vec<String> = (0..count).map(|i| format!("v{i}")).collect();
    let floats: Vec<String> = (count..2 * count).map(|i| format!("v{i}")).collect();
    let types = [vec!["i64"; count], vec!["f64"; count]].concat().join(", ");
    let params: Vec<String> = ints
        .iter()
        .map(|v| format!("{v}: i64"))
        .chain(floats.iter().map(|v| format!("{v}: f64")))
        .collect();
    let reverse = |values: &[String]| values.iter().rev().cloned().collect::<Vec<_>>().join(", ");
    format!(
        "function %wide({types}) -> {types}{kind} {{\nblock0({}):\n{middle}    return {}, {}\n}}\n",
        params.join(", "),
        reverse(&ints),
        reverse(&floats)
    )
}

fn wide_caller(count: usize, kind: &str, callee: &str) -> String {
    let types = [vec!["i64"; count], vec!["f64"; count]].concat().join(", ");
    let names = |from: usize, to: usize| {
        let all: Vec<String> = (from..to).map(|i| format!("v{i}")).collect();
        all.join(", ")
    };
    let all = 2 * count;
    let params: Vec<String> = (0..all)
        .map(|i| format!("v{i}: {}", if i < count { "i64" } else { "f64" }))
        .collect();
    format!(
        "function %caller({types}) -> {types}{kind} {{\nblock0({}):\n    {} = call %{callee}({})\n    {} = call %{callee}({})\n    v999 = iadd v0, v{}\n    return v999, {}\n}}\n",
        params.join(", "),
        names(all, 2 * all),
        names(0, all),
        names(2 * all, 3 * all),
        names(all, 2 * all),
        2 * all,
        names(2 * all + 1, 3 * all)
    )
}

#[test]
fn arguments_and_results_on_the_stack() {
    for count in [1, 4, 5, 7, 9, 12, 20] {
        let args: Vec<Val> = (0..count)
            .map(|i| Val::I64(i * 1_000_001 + 7))
            .chain((0..count).map(|i| Val::f64(i as f64 * 0.75)))
            .collect();
        let count = count as usize;
        let text = wide(count, "", "") + &wide_caller(count, "", "wide");
        agree(&text, &[("wide", &args), ("caller", &args)]);
        let import = "import %yield = \"enjamb\" \"yield\" () async\n";
        let wide = wide(count, " async", "    call %yield()\n    call %yield()\n");
        let text = format!("{import}{wide}{}", wide_caller(count, " async", "wide"));
        agree(&text, &[("wide", &args), ("caller", &args)]);
    }
}

/// Twelve parameters, six of them on the stack, live across two suspensions, then a tail call that
/// passes more words than came in, or fewer.
#[test]
fn tail_calls_with_words_on_the_stack() {
    let types = |count: usize| vec!["i64"; count].join(", ");
    let params = |count: usize| {
        let all: Vec<String> = (0..count).map(|i| format!("v{i}: i64")).collect();
        all.join(", ")
    };
    let function = |name: &str, count: usize, kind: &str, body: &str| {
        let (types, params) = (types(count), params(count));
        format!(
            "function %{name}({types}) -> i64, i64, i64, i64, i64, i64{kind} {{\n{{SIGS}}block0({params}):\n{body}}}\n"
        )
    };
    for (kind, wait) in [
        ("", ""),
        (" async", "    call %yield()\n    call %yield()\n"),
    ] {
        let values = |range: std::ops::Range<usize>, count: usize| {
            let all: Vec<String> = range.cycle().take(count).map(|i| format!("v{i}")).collect();
            all.join(", ")
        };
        let results = "    return v0, v1, v2, v3, v4, v5\n";
        let mut text = String::from("import %yield = \"enjamb\" \"yield\" () async\n");
        text += &function("few", 6, kind, &format!("{wait}{results}"));
        let many = format!("{wait}    return v15, v14, v13, v12, v11, v10\n");
        text += &function("many", 16, kind, &many);
        let up = format!("{wait}    return_call %many({})\n", values(1..12, 16));
        text += &function("up", 12, kind, &up);
        let down = format!("{wait}    return_call %few({})\n", values(4..12, 6));
        text += &function("down", 12, kind, &down);
        let same = format!("{wait}    return_call %down({})\n", values(5..12, 12));
        text += &function("same", 12, kind, &same);
        let from_few = format!("{wait}    return_call %up({})\n", values(2..6, 12));
        text += &function("from_few", 6, kind, &from_few);
        let sixteen = types(16);
        let indirect = format!(
            "    v30 = func_addr %many\n{wait}    return_call_indirect sig0, v30({})\n",
            values(3..12, 16)
        );
        text += &function("indirect", 12, kind, &indirect).replace(
            "{SIGS}",
            &format!("    sig0 = ({sixteen}) -> i64, i64, i64, i64, i64, i64{kind}\n"),
        );
        let text = text.replace("{SIGS}", "");
        let args = ints([3, 1, 4, 15, 9, 26, 5, 35, 89, 79, 32, 38]);
        agree(
            &text,
            &[
                ("up", &args),
                ("down", &args),
                ("same", &args),
                ("from_few", &args[..6]),
                ("indirect", &args),
            ],
        );
    }
}

#[test]
fn tables_and_indirect_calls() {
    let text = r#"
table %operators [%double, null, %negate, %other]
function %double(i64) -> i64 {
block0(v0: i64):
    v1 = iadd v0, v0
    return v1
}
function %negate(i64) -> i64 {
block0(v0: i64):
    v1 = ineg v0
    return v1
}
function %other(i32) -> i64 {
block0(v0: i32):
    v1 = sextend.i64 v0
    return v1
}
function %apply(i64, i64) -> i64 {
    sig0 = (i64) -> i64
block0(v0: i64, v1: i64):
    v2 = table_get %operators, v0
    v3 = call_indirect sig0, v2(v1)
    v4 = iadd v3, v0
    return v4
}
function %replace(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = table_get %operators, v1
    table_set %operators, v0, v2
    v3 = table_size %operators
    return v3
}
function %switch(i32, i64) -> i64 {
block0(v0: i32, v1: i64):
    v2 = iconst.i64 100
    br_table v0, block4(v2), [block1, block2(v1), block2(v2), block3, block4(v1)]
block1:
    return v2
block2(v3: i64):
    v4 = iadd v3, v1
    return v4
block3:
    v5 = imul v1, v2
    return v5
block4(v6: i64):
    v7 = isub v6, v1
    return v7
}
function %wide_switch(i64) -> i64 {
block0(v0: i64):
    br_table v0, block1, [block1, block2, block1]
block1:
    return v0
block2:
    v1 = iconst.i64 -5
    return v1
}
"#;
    let mut calls: Vec<(&str, Vec<Val>)> = Vec::new();
    for index in [0, 1, 2, 3, 4, -1, i64::MAX] {
        calls.push(("apply", ints([index, 21]).to_vec()));
        calls.push(("wide_switch", ints([index]).to_vec()));
    }
    calls.push(("replace", ints([1, 2]).to_vec()));
    calls.push(("replace", ints([9, 2]).to_vec()));
    calls.push(("apply", ints([1, 21]).to_vec()));
    for index in [0, 1, 2, 3, 4, 5, 6, -1, i32::MIN] {
        calls.push(("switch", vec![Val::I32(index), Val::I64(7)]));
    }
    let calls: Vec<(&str, &[Val])> = calls.iter().map(|(n, a)| (*n, a.as_slice())).collect();
    agree(text, &calls);
}

#[test]
fn bounds_of_memories_and_slots() {
    let access = |name: &str, index: &str, ty: &str, offset: u32| {
        format!(
            "function %{name}({index}, {ty}) -> {ty} {{
    ss0 = slot 24 align 8
block0(v0: {index}, v1: {ty}):
    store %heap[v0+{offset}], v1
    v2 = load.{ty} %heap[v0+{offset}]
    return v2
}}
function %{name}_slot({index}, {ty}) -> {ty} {{
    ss0 = slot 24 align 8
    ss1 = slot 3 align 1
block0(v0: {index}, v1: {ty}):
    store ss0[v0+{}], v1
    v2 = load.{ty} ss0[v0+{}]
    return v2
}}\n",
            offset % 32,
            offset % 32,
        )
    };
    let mut text = String::from("memory %heap 1..2\n");
    let mut calls: Vec<(String, Vec<Val>)> = Vec::new();
    for (number, offset) in [0, 5, 16, 21, 65_528, 65_536, i32::MAX as u32, u32::MAX]
        .into_iter()
        .enumerate()
    {
        for (index_type, value) in [("i64", Val::I8(-3)), ("i32", Val::F64(7))] {
            let ty = value.ty().name();
            let name = format!("f{number}_{index_type}");
            text += &access(&name, index_type, ty, offset);
            for index in [
                0,
                1,
                3,
                7,
                8,
                15,
                16,
                17,
                23,
                24,
                65_520,
                65_528,
                65_535,
                65_536,
                -1,
                -8,
                -65_536,
                i64::from(i32::MIN),
                i64::MIN,
            ] {
                let index = match index_type {
                    "i64" => Val::I64(index),
                    _ => Val::I32(index as i32),
                };
                calls.push((name.clone(), vec![index, value]));
                calls.push((format!("{name}_slot"), vec![index, value]));
            }
        }
    }
    for (number, index) in [0, 65_528, 65_529, 131_064, -1, 1_i64 << 40]
        .into_iter()
        .enumerate()
    {
        text += &format!(
            "function %constant{number}() -> i64 {{
block0:
    v0 = iconst.i64 {index}
    v1 = iconst.i64 77
    store %heap[v0], v1
    v2 = load.i64 %heap[v0]
    v3 = memory_size %heap
    v4 = iadd v2, v3
    return v4
}}\n"
        );
        calls.push((format!("constant{number}"), Vec::new()));
    }
    let calls: Vec<(&str, &[Val])> = calls
        .iter()
        .map(|(n, a)| (n.as_str(), a.as_slice()))
        .collect();
    agree(&text, &calls);
}

#[test]
fn slots_start_as_zeros_and_survive_suspension() {
    for size in [1, 7, 8, 24, 40, 129, 200, 1000, 5000] {
        let last = size - 1;
        let text = format!(
            r#"
import %yield = "enjamb" "yield" () async
function %dirty() -> i64 {{
    ss0 = slot 6000 align 16
block0:
    v0 = iconst.i64 0
    v3 = iconst.i64 -1
    jump block1(v0)
block1(v1: i64):
    store ss0[v1], v3
    v4 = iconst.i64 8
    v5 = iadd v1, v4
    v6 = iconst.i64 5992
    v7 = icmp ule v5, v6
    brif v7, block1(v5), block2
block2:
    return v5
}}
function %sum(i64) -> i64 async {{
    ss0 = slot {size} align 8
    ss1 = slot 8 align 8
    ss2 = slot 8 align 8
block0(v0: i64):
    store ss1[0], v0
    v20 = load.i64 ss2[0]
    v1 = uload8.i64 ss0[{last}]
    istore8 ss0[{last}], v0
    call %yield()
    v2 = uload8.i64 ss0[0]
    v3 = uload8.i64 ss0[{last}]
    istore8 ss0[0], v1
    call %yield()
    v4 = uload8.i64 ss0[0]
    v5 = uload8.i64 ss0[{last}]
    v6 = load.i64 ss1[0]
    v7 = iconst.i64 256
    v8 = imul v2, v7
    v9 = iadd v3, v8
    v10 = imul v9, v7
    v11 = iadd v4, v10
    v12 = imul v11, v7
    v13 = iadd v5, v12
    v14 = iadd v13, v6
    v15 = iadd v14, v20
    return v15
}}
"#
        );
        agree(
            &text,
            &[
                ("dirty", &[]),
                ("sum", &ints([77])),
                ("dirty", &[]),
                ("sum", &ints([5])),
            ],
        );
    }
}

#[test]
fn addresses_reach_slots_of_the_caller() {
    let text = r#"
module trusted
function %fill(addr, i64) -> i64 {
block0(v0: addr, v1: i64):
    v2 = iconst.i64 8
    v3 = addr_add v0, v2
    store addr[v3+8], v1
    store addr[v0], v1
    v4 = load.i64 addr[v3+8]
    return v4
}
function %main(i64) -> i64 {
    ss0 = slot 8 align 8
    ss1 = slot 32 align 16
block0(v0: i64):
    v1 = stack_addr ss1[8]
    v2 = call %fill(v1, v0)
    v3 = load.i64 ss1[24]
    v4 = load.i64 ss1[8]
    v5 = load.i64 ss1[0]
    v6 = iadd v3, v4
    v7 = iadd v6, v5
    v8 = iadd v7, v2
    return v8
}
"#;
    agree(text, &[("main", &ints([41]))]);
}

#[test]
fn counters_count() {
    let text = r#"
import %yield = "enjamb" "yield" () async
function %inner() async {
block0:
    call %yield()
    return
}
function %main() -> i64 async {
block0:
    call %inner()
    call %inner()
    v0 = iconst.i64 1
    return v0
}
"#;
    use enjamb_abi::context::Counter;
    let module = parse(text);
    let mut native = Native::new(&module, RegisterAllocator::Backtracking);
    assert_eq!(native.call("main", &[], LeafMode::Always), Ok(vec![1]));
    assert_eq!(native.counter(Counter::Suspensions), 2);
    // `%inner` returns what its leaf returns, so only `%main` makes a continuation.
    assert_eq!(native.counter(Counter::FramesSuspended), 2);
    assert_eq!(native.counter(Counter::Resumptions), 2);
}
