//! What becomes of small functions, each after the passes that its test names.

mod state_machines;

use enjamb_async::{context, rematerialize, tail_await, transform, with_body};
use enjamb_ir::{Function, Module, parse_module, verify_module};
use expect_test::{Expect, expect};

type Pass = fn(&Module, &mut Function);

/// The leaves, and the functions that are called.
const AROUND: &str = r#"
import %yield = "enjamb" "yield" () async
import %test = "enjamb" "test" (i64) -> i64 async
import %pair = "host" "pair" (i64) -> i64, f64 async
import %look = "host" "look" (i64)
"#;

/// Runs the passes on `%f` and compares its text.
fn check(passes: &[Pass], function: &str, expected: &Expect) {
    let mut module = parse_module(&format!("{AROUND}{function}")).unwrap();
    verify_module(&module).unwrap();
    let id = module.body_ids()[0];
    for pass in passes {
        with_body(&mut module, id, pass);
    }
    if let Err(errors) = verify_module(&module) {
        panic!("{errors}\n{module}");
    }
    expected.assert_eq(&module.functions[id].body().unwrap().to_string());
}

#[test]
fn what_is_cheap_is_computed_again() {
    check(
        &[rematerialize::run],
        "function %f(i64) -> f64, funcref async {
    ss0 = slot 16 align 8
block0(v0: i64):
    v1 = stack_addr ss0[0]
    v2 = iconst.i64 24
    v3 = addr_add v1, v2
    v4 = iconst.i64 -16
    v5 = addr_add v3, v4
    v6 = fconst.f64 0.5
    v7 = func_addr %yield
    store addr[v5], v6
    jump block1(v4)
block1(v8: i64):
    store addr[v5], v6
    call %look(v8)
    call %yield()
    store addr[v1], v6
    v9 = load.f64 addr[v5]
    jump block2(v2)
block2(v10: i64):
    brif v10, block1(v4), block3
block3:
    return v6, v7
}",
        &expect![[r#"
            function %f(i64) -> f64, funcref async {
                ss0 = slot 16 align 8
            block0(v0: i64):
                v1 = stack_addr ss0[0]
                v2 = iconst.i64 24
                v3 = addr_add v1, v2
                v4 = iconst.i64 -16
                v5 = addr_add v3, v4
                v6 = fconst.f64 0.5
                store addr[v5], v6
                jump block1(v4)
            block1(v8: i64):
                v11 = stack_addr ss0[8]
                v12 = fconst.f64 0.5
                store addr[v11], v12
                call func3(v8)
                call func0()
                v13 = stack_addr ss0[0]
                v14 = fconst.f64 0.5
                store addr[v13], v14
                v15 = stack_addr ss0[8]
                v9 = load.f64 addr[v15]
                v16 = iconst.i64 24
                jump block2(v16)
            block2(v10: i64):
                v17 = iconst.i64 -16
                brif v10, block1(v17), block3
            block3:
                v18 = fconst.f64 0.5
                v19 = func_addr func0
                return v18, v19
            }
        "#]],
    );
}

#[test]
fn tail_awaits() {
    check(
        &[tail_await::run],
        "function %f(i64, i64, funcref, task) -> i64, f64 async {
    sig0 = (i64) -> i64, f64 async
    sig1 = () -> i64, f64
block0(v0: i64, v1: i64, v2: funcref, v3: task):
    br_table v1, block1, [block2, block3, block4, block5, block6]
block1:
    v4, v5 = call %pair(v0)
    return v4, v5
block2:
    v6, v7 = call_indirect sig0, v2(v0)
    return v6, v7
block3:
    v8, v9 = join sig1, v3
    return v8, v9
block4:
    v10, v11 = call %pair(v0)
    return v0, v11
block5:
    v12, v13 = call %pair(v0)
    call %look(v0)
    return v12, v13
block6:
    v14, v15 = call %pair(v0)
    jump block7
block7:
    return v14, v15
}",
        &expect![[r#"
            function %f(i64, i64, funcref, task) -> i64, f64 async {
                sig0 = (i64) -> i64, f64 async
                sig1 = () -> i64, f64
            block0(v0: i64, v1: i64, v2: funcref, v3: task):
                br_table v1, block1, [block2, block3, block4, block5, block6]
            block1:
                return_call func2(v0)
            block2:
                return_call_indirect sig0, v2(v0)
            block3:
                v8, v9 = join sig1, v3
                return v8, v9
            block4:
                v10, v11 = call func2(v0)
                return v0, v11
            block5:
                v12, v13 = call func2(v0)
                call func3(v0)
                return v12, v13
            block6:
                v14, v15 = call func2(v0)
                jump block7
            block7:
                return v14, v15
            }
        "#]],
    );
}

#[test]
fn what_is_lowered_or_sync_stays() {
    let text = format!(
        "{AROUND}function %f(i64) -> i64 {{
block0(v0: i64):
    v1 = iconst.i64 1
    v2 = spawn %g(v0)
    return v1
}}
function %g(i64) async {{
block0(v0: i64):
    call %yield()
    return
}}"
    );
    let mut module = parse_module(&text).unwrap();
    let before = module.clone();
    transform(&mut module);
    let (sync, once) = (module.body_ids()[0], module.clone());
    assert_eq!(module.functions[sync], before.functions[sync]);
    transform(&mut module);
    assert_eq!(module, once);
}

#[test]
fn the_context_word_is_set_in_front_of_returns_and_behind_exceptions() {
    check(
        &[context::run, tail_await::run],
        "function %f(i64) async {
block0(v0: i64):
    context_set v0
    brif v0, block1, block2
block1:
    v1, v2 = try_call %yield(), block2, unwind block3(v1, v0)
block2:
    return_call %yield()
block3(v3: i64, v4: i64):
    call %look(v3)
    call %yield()
    return
}",
        &expect![[r#"
            function %f(i64) async {
            block0(v0: i64):
                v5 = context_get
                context_set v0
                brif v0, block1, block2
            block1:
                v6 = context_get
                v1, v2 = try_call func0(), block2, unwind block4(v1, v2)
            block4(v7: i64, v8: ref) cold:
                context_set v6
                jump block3(v7, v0)
            block2:
                call func0()
                context_set v5
                return
            block3(v3: i64, v4: i64):
                call func3(v3)
                call func0()
                context_set v5
                return
            }
        "#]],
    );
}

#[test]
fn a_function_that_cannot_change_the_context_word_keeps_its_tail_calls() {
    check(
        &[context::run, tail_await::run],
        "function %f(i64) -> i64 async {
block0(v0: i64):
    v1 = context_get
    v2 = iadd v0, v1
    v3 = call %test(v2)
    return v3
}",
        &expect![[r#"
            function %f(i64) -> i64 async {
            block0(v0: i64):
                v1 = context_get
                v2 = iadd v0, v1
                return_call func1(v2)
            }
        "#]],
    );
}

#[test]
fn a_tail_await_whose_result_is_used_out_of_reach() {
    check(
        &[tail_await::run],
        "function %f(i64) -> i64 async {
block0(v0: i64):
    v1 = call %test(v0)
    return v1
block1:
    v2 = iadd v1, v1
    return v2
}",
        &expect![[r#"
            function %f(i64) -> i64 async {
            block0(v0: i64):
                return_call func1(v0)
            }
        "#]],
    );
}
