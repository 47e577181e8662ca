//! Small programs, compared with the interpreter: calls, control flow, memory, suspension.

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

fn ints<const N: usize>(values: [i64; N]) -> [Val; N] {
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

/// Callee-saved registers, spilled values and words of a tail call stand beside a slot of any size.
#[test]
fn frames_of_any_size() {
    for size in [64_u64, 600, 5_000, 40_000, 600_000] {
        let mut text = format!(
            "function %step(i64) -> i64 {{\nblock0(v0: i64):\n    v1 = iadd v0, v0\n    return v1\n}}
function %main(i64, f64) -> i64, f64 {{
    ss0 = slot {size} align 16
block0(v0: i64, v1: f64):
    store ss0[0], v0
    store ss0[{last}], v1\n",
            last = size - 8
        );
        for i in 0..16 {
            text += &format!("    v{} = iconst.i64 {}\n", 10 + i, i * 37 + 1);
            text += &format!("    v{} = imul v0, v{}\n", 30 + i, 10 + i);
            text += &format!("    v{} = fcvt_from_sint.f64 v{}\n", 50 + i, 30 + i);
        }
        text += "    v2 = call %step(v0)\n    v3 = load.i64 ss0[0]\n";
        text += &format!("    v4 = load.f64 ss0[{}]\n", size - 8);
        let values = |from: usize| -> Vec<String> {
            (from..from + 16).map(|value| format!("v{value}")).collect()
        };
        let (ints, floats) = (values(30).join(", "), values(50).join(", "));
        text += &format!("    return_call %last(v2, v3, {ints}, v4, {floats})\n}}\n");
        let names = |from: usize, ty: &str| -> String {
            let names = (from..from + 17).map(|value| format!(", v{value}: {ty}"));
            names.collect()
        };
        text += &format!(
            "function %last({}{}) -> i64, f64 {{\nblock0(v0: i64{}{}):\n",
            "i64, ".repeat(18),
            vec!["f64"; 17].join(", "),
            names(1, "i64"),
            names(20, "f64"),
        );
        text += "    v99 = iadd v0, v1\n    v199 = fsub v20, v21\n";
        for i in 0..16 {
            text += &format!("    v{} = bxor v{}, v{}\n", 100 + i, 99 + i, 2 + i);
        }
        for i in 0..15 {
            text += &format!("    v{} = fsub v{}, v{}\n", 200 + i, 199 + i, 22 + i);
        }
        text += "    return v115, v214\n}\n";
        agree(&text, &[("main", &[Val::I64(3), Val::f64(0.25)])]);
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
fn conditions_meet_branches_and_selections() {
    let mut text = String::new();
    let mut calls: Vec<(String, Vec<Val>)> = Vec::new();
    let floats = [0.0, -0.0, 1.5, -2.0, f64::INFINITY, f64::NAN].map(Val::f64);
    for cond in ["eq", "ne", "lt", "le", "gt", "ge", "ord", "uno"] {
        text += &format!(
            "function %f_{cond}(f64, f64) -> i64, f64, i32 {{
block0(v0: f64, v1: f64):
    v2 = fcmp {cond} v0, v1
    brif v2, block1(v0), block1(v1)
block1(v3: f64):
    v4 = fcmp {cond} v0, v1
    v5 = fcmp {cond} v1, v0
    v6 = iconst.i64 -7
    v7 = iconst.i64 9
    v8 = select v4, v6, v7
    v9 = select v5, v0, v3
    v10 = fcmp {cond} v9, v3
    v11 = uextend.i32 v10
    return v8, v9, v11
}}\n"
        );
        for one in floats {
            for two in floats {
                calls.push((format!("f_{cond}"), vec![one, two]));
            }
        }
    }
    for ty in ["i8", "i16", "i32", "i64"] {
        for cond in [
            "eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge",
        ] {
            text += &format!(
                "function %{ty}_{cond}({ty}, f32) -> {ty}, f32 {{
block0(v0: {ty}, v1: f32):
    v2 = iconst.{ty} 5
    v3 = icmp {cond} v2, v0
    brif v3, block1, block2
block1:
    v4 = iconst.{ty} 0
    v5 = icmp {cond} v0, v4
    v6 = select v5, v0, v2
    return v6, v1
block2:
    v7 = icmp {cond} v0, v2
    v8 = fneg v1
    v9 = select v7, v1, v8
    v10 = select v0, v2, v0
    return v10, v9
}}\n"
            );
            for value in [-1_i64, 0, 4, 5, 6, 127, -128, i64::MIN] {
                let value = match ty {
                    "i8" => Val::I8(value as i8),
                    "i16" => Val::I16(value as i16),
                    "i32" => Val::I32(value as i32),
                    _ => Val::I64(value),
                };
                calls.push((format!("{ty}_{cond}"), vec![value, Val::f32(1.5)]));
            }
        }
    }
    let calls: Vec<(&str, &[Val])> = calls
        .iter()
        .map(|(n, a)| (n.as_str(), a.as_slice()))
        .collect();
    agree(&text, &calls);
}

/// More values live across calls and suspensions than there are registers, and continuations
/// larger than every size class.
#[test]
fn many_values_stay_alive() {
    for (count, kind, wait) in [
        (30, "", "v9999 = call %step(v0)"),
        (30, " async", "call %yield()"),
        (80, " async", "call %yield()"),
    ] {
        let mut text = String::from(
            "import %yield = \"enjamb\" \"yield\" () async
function %step(i64) -> i64 {
block0(v0: i64):
    v1 = iadd v0, v0
    return v1
}\n",
        );
        text +=
            &format!("function %main(i64, f64) -> i64, f64{kind} {{\nblock0(v0: i64, v1: f64):\n");
        for i in 0..count {
            text += &format!("    v{} = iconst.i64 {}\n", 100 + i, i * 37 + 1);
            text += &format!("    v{} = imul v0, v{}\n", 300 + i, 100 + i);
            text += &format!("    v{} = fcvt_from_sint.f64 v{}\n", 500 + i, 300 + i);
            text += &format!("    v{} = fadd v1, v{}\n", 700 + i, 500 + i);
        }
        text += &format!(
            "    {wait}\n    jump block1(v0, v1)\nblock1(v2: i64, v3: f64):\n    {}\n",
            wait.replace("v9999", "v9998")
        );
        let (mut sum, mut total) = ("v2".to_string(), "v3".to_string());
        for i in 0..count {
            text += &format!("    v{} = iadd {sum}, v{}\n", 1000 + i, 300 + i);
            text += &format!("    v{} = fsub {total}, v{}\n", 1200 + i, 700 + i);
            sum = format!("v{}", 1000 + i);
            total = format!("v{}", 1200 + i);
        }
        text += &format!("    return {sum}, {total}\n}}\n");
        agree(&text, &[("main", &[Val::I64(3), Val::f64(0.25)])]);
    }
}

#[test]
fn loops_rotate_their_values() {
    let text = r#"
import %yield = "enjamb" "yield" () async
global %count: i64 = 5
function %main(i64) -> i64, i32, f32 async {
block0(v0: i64):
    v1 = iconst.i64 1
    v2 = iconst.i64 2
    v3 = iconst.i32 3
    v4 = fconst.f32 1.5
    v5 = fconst.f32 0.0
    jump block1(v0, v1, v2, v3, v4, v5)
block1(v10: i64, v11: i64, v12: i64, v13: i32, v14: f32, v15: f32):
    v16 = iconst.i64 0
    v17 = icmp eq v10, v16
    brif v17, block3, block2
block2:
    call %yield()
    v20 = iconst.i64 1
    v21 = isub v10, v20
    v22 = iadd v11, v12
    v23 = ireduce.i32 v22
    v24 = imul v13, v23
    v25 = fadd v14, v15
    v26 = global_get.i64 %count
    v27 = iadd v26, v20
    global_set %count, v27
    jump block1(v21, v12, v22, v24, v25, v14)
block3:
    v30 = global_get.i64 %count
    v31 = iconst.i64 3
    v32 = ishl v12, v31
    v33 = iadd v30, v32
    v34 = iadd v33, v31
    return v34, v13, v14
}
"#;
    agree(
        text,
        &[
            ("main", &ints([20])),
            ("main", &ints([0])),
            ("main", &ints([3])),
        ],
    );
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
