//! What becomes of small functions.

use enjamb_ir::{parse_module, verify_module};
use expect_test::{Expect, expect};

/// What the functions call and name.
const AROUND: &str = r#"
import %collect = "enjamb" "collect" ()
import %touch = "host" "touch" (ref)
import %make = "host" "make" () -> ref
import %wait = "host" "wait" (ref) -> ref async
type %node = { number: i64, next: ref }
"#;

/// Lowers `%f` if it is async, places its root slots and compares its text.
fn check(function: &str, expected: &Expect) {
    let mut module = parse_module(&format!("{AROUND}{function}")).unwrap();
    verify_module(&module).unwrap();
    enjamb_async::transform(&mut module);
    enjamb_roots::place(&mut module);
    if let Err(errors) = verify_module(&module) {
        panic!("{errors}\n{module}");
    }
    let body = module.functions[module.body_ids()[0]].body().unwrap();
    expected.assert_eq(&module.display_function(body).to_string());
}

#[test]
fn what_lives_across_no_safepoint_is_left_alone() {
    check(
        "function %f(ref) -> ref {
block0(v0: ref):
    call %touch(v0)
    v1 = call %make()
    call %touch(v1)
    v2 = new %node
    return v2
}",
        &expect![[r#"
            function %f(ref) -> ref {
            block0(v0: ref):
                call %touch(v0)
                v1 = call %make()
                call %touch(v1)
                v2 = new %node
                return v2
            }
        "#]],
    );
}

#[test]
fn one_load_serves_until_the_next_safepoint() {
    check(
        "function %f(ref, i64) -> i64 {
block0(v0: ref, v1: i64):
    call %collect()
    v2 = get_field.ref %node.next, v0
    v3 = get_field.i64 %node.number, v0
    brif v3, block1, block2
block1:
    v4 = get_field.i64 %node.number, v0
    return v4
block2:
    call %touch(v0)
    v5 = get_field.i64 %node.number, v0
    return v5
}",
        &expect![[r#"
            function %f(ref, i64) -> i64 {
                root0 = root
            block0(v0: ref, v1: i64):
                root_set root0, v0
                call %collect() roots [root0]
                v6 = root_get root0
                v2 = get_field.ref %node.next, v6
                v3 = get_field.i64 %node.number, v6
                brif v3, block1, block2
            block1:
                v4 = get_field.i64 %node.number, v6
                return v4
            block2:
                call %touch(v6) roots [root0]
                v7 = root_get root0
                v5 = get_field.i64 %node.number, v7
                return v5
            }
        "#]],
    );
}

#[test]
fn a_loop_without_safepoints_has_its_loads_in_front() {
    check(
        "function %f(ref, i64) -> i64 {
block0(v0: ref, v1: i64):
    call %collect()
    jump block1(v1)
block1(v2: i64):
    v3 = get_field.i64 %node.number, v0
    v4 = isub v2, v3
    brif v4, block1(v4), block2
block2:
    call %touch(v0)
    return v4
}",
        &expect![[r#"
            function %f(ref, i64) -> i64 {
                root0 = root
            block0(v0: ref, v1: i64):
                root_set root0, v0
                call %collect() roots [root0]
                v5 = root_get root0
                jump block1(v1)
            block1(v2: i64):
                v3 = get_field.i64 %node.number, v5
                v4 = isub v2, v3
                brif v4, block1(v4), block2
            block2:
                call %touch(v5)
                return v4
            }
        "#]],
    );
}

#[test]
fn a_loop_with_a_safepoint_loads_in_each_turn() {
    check(
        "function %f(ref) -> ref {
block0(v0: ref):
    jump block1(v0)
block1(v1: ref):
    v2 = new %node
    set_field %node.next, v2, v1
    v3 = get_field.i64 %node.number, v0
    brif v3, block1(v2), block2
block2:
    return v1
}",
        &expect![[r#"
            function %f(ref) -> ref {
                root0 = root
                root1 = root
            block0(v0: ref):
                root_set root0, v0
                jump block1(v0)
            block1(v1: ref):
                root_set root1, v1
                v2 = new %node roots [root0, root1]
                v4 = root_get root1
                set_field %node.next, v2, v4
                v5 = root_get root0
                v3 = get_field.i64 %node.number, v5
                brif v3, block1(v2), block2
            block2:
                return v4
            }
        "#]],
    );
}

#[test]
fn a_cycle_with_two_entries() {
    check(
        "function %f(ref, i64) {
block0(v0: ref, v1: i64):
    brif v1, block1, block2
block1:
    call %collect()
    brif v1, block2, block3
block2:
    call %touch(v0)
    brif v1, block1, block3
block3:
    v2 = get_field.ref %node.next, v0
    return
}",
        &expect![[r#"
            function %f(ref, i64) {
                root0 = root
            block0(v0: ref, v1: i64):
                root_set root0, v0
                brif v1, block1, block2
            block1:
                call %collect() roots [root0]
                brif v1, block2, block3
            block2:
                v4 = root_get root0
                call %touch(v4) roots [root0]
                brif v1, block1, block3
            block3:
                v3 = root_get root0
                v2 = get_field.ref %node.next, v3
                return
            }
        "#]],
    );
}

#[test]
fn slots_are_shared_between_what_is_never_live_at_once() {
    check(
        "function %f() {
block0:
    v0 = new %node
    v1 = new %node
    call %touch(v0)
    call %touch(v1)
    v2 = new %node
    v3 = new %node
    call %touch(v3)
    call %touch(v2)
    return
}",
        &expect![[r#"
            function %f() {
                root0 = root
                root1 = root
            block0:
                v0 = new %node
                root_set root0, v0
                v1 = new %node roots [root0]
                root_set root1, v1
                v4 = root_get root0
                call %touch(v4) roots [root1]
                v5 = root_get root1
                call %touch(v5)
                v2 = new %node
                root_set root0, v2
                v3 = new %node roots [root0]
                call %touch(v3) roots [root0]
                v6 = root_get root0
                call %touch(v6)
                return
            }
        "#]],
    );
}

#[test]
fn what_edges_of_a_safepoint_hand_over_is_loaded_on_them() {
    check(
        "function %f(ref, ref) -> ref {
block0(v0: ref, v1: ref):
    v2, v3, v4 = try_call %make(), block1(v2, v0), unwind block1(v1, v4)
block1(v5: ref, v6: ref):
    call %touch(v5)
    return v6
}",
        &expect![[r#"
            function %f(ref, ref) -> ref {
                root0 = root
                root1 = root
            block0(v0: ref, v1: ref):
                root_set root0, v0
                root_set root1, v1
                v2, v3, v4 = try_call %make(), block2(v2), unwind block3(v4) roots [root0, root1]
            block2(v7: ref):
                v10 = root_get root0
                jump block1(v7, v10)
            block3(v8: ref) cold:
                v11 = root_get root1
                jump block1(v11, v8)
            block1(v5: ref, v6: ref):
                root_set root0, v6
                call %touch(v5) roots [root0]
                v9 = root_get root0
                return v9
            }
        "#]],
    );
}

#[test]
fn a_state_machine() {
    check(
        "function %f(ref) -> ref async {
block0(v0: ref):
    v1 = call %wait(v0)
    set_field %node.next, v1, v0
    v2 = call %wait(v1)
    set_field %node.next, v2, v0
    return v1
}",
        &expect![[r#"
            function %f(ref) -> ref async lowered {
                root0 = root
                root1 = root
                layout0 = size 40 { v0: ref @ 24, v1: ref @ 32 }
                point0 = layout0 (ref) saves [v0 = v0]
                point1 = layout0 (ref) saves [v0 = v0, v1 = v1]
            block1(v3: cont, v4: ref):
                v25 = is_suspended v3
                brif v25, block10, block0(v4)
            block10 cold:
                v24 = cont_state v3
                v9 = field_load.ref layout0.v0, v3
                brif v24, block6, block4
            block4 cold:
                v8 = result_load.ref point0.0, v3
                jump block2(v8, v9)
            block6 cold:
                v16 = result_load.ref point1.0, v3
                v18 = field_load.ref layout0.v1, v3
                jump block3(v16, v9, v18)
            block0(v0: ref):
                root_set root0, v0
                v5, v6 = call %wait(v0) roots [root0]
                v11 = is_suspended v5
                v28 = root_get root0
                brif v11, block5, block2(v6, v28)
            block2(v1: ref, v7: ref):
                root_set root0, v1
                root_set root1, v7
                set_field %node.next, v1, v7
                v12, v13 = call %wait(v1) roots [root0, root1]
                v23 = is_suspended v12
                v26 = root_get root1
                v27 = root_get root0
                brif v23, block7, block3(v13, v26, v27)
            block3(v2: ref, v14: ref, v15: ref):
                set_field %node.next, v2, v14
                return v15
            block5 cold:
                v10 = new_continuation layout0, v5
                field_store layout0.v0, v10, v28
                set_point point0, v10
                link v5, v10
                suspend v10
            block7 cold:
                v20 = own_continuation
                v21 = is_suspended v20
                brif v21, block9(v20), block8
            block8 cold:
                v22 = new_continuation layout0, v12
                jump block9(v22)
            block9(v19: cont) cold:
                field_store layout0.v0, v19, v26
                field_store layout0.v1, v19, v27
                set_point point1, v19
                link v12, v19
                suspend v19
            }
        "#]],
    );
}
