//! Small programs, compared with the interpreter: conditions, and values that stay alive in frames of any size, across
//! suspensions and round loops.

use crate::programs::{agree, ints};
use enjamb_ir::Val;

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
