//! What becomes of small functions that suspend: all passes that make their state machines.

use crate::{Pass, check};
use enjamb_async::{rematerialize, state_machine, tail_await};
use expect_test::{Expect, expect};

fn lowered(function: &str, expected: &Expect) {
    let passes: [Pass; 3] = [tail_await::run, rematerialize::run, |module, function| {
        state_machine::run(module, function);
    }];
    check(&passes, function, expected);
}

#[test]
fn a_loop_stores_its_bound_once_and_its_counter_always() {
    lowered(
        "function %f(i64) -> i64 async {
block0(v0: i64):
    v1 = iconst.i64 0
    jump block1(v1)
block1(v2: i64):
    call %yield()
    v3 = iconst.i64 1
    v4 = iadd v2, v3
    v5 = icmp ult v4, v0
    brif v5, block1(v4), block2
block2:
    return v4
}",
        &expect![[r#"
            function %f(i64) -> i64 async lowered {
                layout0 = size 32 { v0: i64 @ 16, v2: i64 @ 24 }
                point0 = layout0 () saves [v0 = v0, v2 = v2]
            block3(v6: cont, v7: i64):
                v18 = is_suspended v6
                brif v18, block5, block0(v7)
            block5 cold:
                v11 = field_load.i64 layout0.v0, v6
                v12 = field_load.i64 layout0.v2, v6
                jump block4(v11, v12)
            block0(v0: i64):
                v1 = iconst.i64 0
                jump block1(v1, v0)
            block1(v2: i64, v19: i64):
                v8 = call func0()
                v17 = is_suspended v8
                brif v17, block6, block4(v19, v2)
            block4(v9: i64, v10: i64):
                v3 = iconst.i64 1
                v4 = iadd v10, v3
                v5 = icmp ult v4, v9
                brif v5, block1(v4, v9), block2
            block2:
                return v4
            block6 cold:
                v14 = own_continuation
                v15 = is_suspended v14
                brif v15, block8(v14), block7
            block7 cold:
                v16 = new_continuation layout0, v8
                field_store layout0.v0, v16, v19
                jump block8(v16)
            block8(v13: cont) cold:
                field_store layout0.v2, v13, v2
                set_point point0, v13
                link v8, v13
                suspend v13
            }
        "#]],
    );
}

#[test]
fn the_second_point_of_a_block_uses_the_object_of_the_first() {
    lowered(
        "function %f(i64) -> i64 async {
block0(v0: i64):
    v1 = call %test(v0)
    v2 = call %test(v1)
    v3 = iadd v0, v2
    return v3
}",
        &expect![[r#"
            function %f(i64) -> i64 async lowered {
                layout0 = size 32 { v0: i64 @ 24 }
                point0 = layout0 (i64) saves [v0 = v0]
                point1 = layout0 (i64) saves [v0 = v0]
            block1(v4: cont, v5: i64):
                v24 = is_suspended v4
                brif v24, block10, block0(v5)
            block10 cold:
                v23 = cont_state v4
                v10 = field_load.i64 layout0.v0, v4
                brif v23, block6, block4
            block4 cold:
                v9 = result_load.i64 point0.0, v4
                jump block2(v9, v10)
            block6 cold:
                v16 = result_load.i64 point1.0, v4
                jump block3(v16, v10)
            block0(v0: i64):
                v6, v7 = call func1(v0)
                v12 = is_suspended v6
                brif v12, block5, block2(v7, v0)
            block2(v1: i64, v8: i64):
                v13, v14 = call func1(v1)
                v22 = is_suspended v13
                brif v22, block7, block3(v14, v8)
            block3(v2: i64, v15: i64):
                v3 = iadd v15, v2
                return v3
            block5 cold:
                v11 = new_continuation layout0, v6
                field_store layout0.v0, v11, v0
                set_point point0, v11
                link v6, v11
                suspend v11
            block7 cold:
                v19 = own_continuation
                v20 = is_suspended v19
                brif v20, block9(v19), block8
            block8 cold:
                v21 = new_continuation layout0, v13
                field_store layout0.v0, v21, v8
                jump block9(v21)
            block9(v18: cont) cold:
                set_point point1, v18
                link v13, v18
                suspend v18
            }
        "#]],
    );
}

#[test]
fn results_that_nothing_uses_are_not_loaded() {
    lowered(
        "function %f(i64) -> f64 async {
block0(v0: i64):
    v1, v2 = call %pair(v0)
    v3 = fadd v2, v2
    return v3
}",
        &expect![[r#"
            function %f(i64) -> f64 async lowered {
                layout0 = size 32 { }
                point0 = layout0 (i64, f64) saves []
            block1(v4: cont, v5: i64):
                v12 = is_suspended v4
                brif v12, block3, block0(v5)
            block3 cold:
                v9 = result_load.f64 point0.1, v4
                jump block2(v9)
            block0(v0: i64):
                v6, v7, v8 = call func2(v0)
                v11 = is_suspended v6
                brif v11, block4, block2(v8)
            block2(v2: f64):
                v3 = fadd v2, v2
                return v3
            block4 cold:
                v10 = new_continuation layout0, v6
                set_point point0, v10
                link v6, v10
                suspend v10
            }
        "#]],
    );
}

#[test]
fn a_result_and_a_saved_value_go_twice_to_equal_targets() {
    lowered(
        "function %f(i64, i8) -> i64 async {
block0(v0: i64, v1: i8):
    v2 = call %test(v0)
    brif v1, block1(v2, v0, v0), block1(v0, v2, v2)
block1(v3: i64, v4: i64, v5: i64):
    v6 = isub v3, v4
    v7 = isub v6, v5
    return v7
}",
        &expect![[r#"
            function %f(i64, i8) -> i64 async lowered {
                layout0 = size 40 { v0: i64 @ 24, v1: i8 @ 32 }
                point0 = layout0 (i64) saves [v0 = v0, v1 = v1]
            block2(v8: cont, v9: i64, v10: i8):
                v20 = is_suspended v8
                brif v20, block4, block0(v9, v10)
            block4 cold:
                v15 = result_load.i64 point0.0, v8
                v16 = field_load.i64 layout0.v0, v8
                v17 = field_load.i8 layout0.v1, v8
                jump block3(v15, v16, v17)
            block0(v0: i64, v1: i8):
                v11, v12 = call func1(v0)
                v19 = is_suspended v11
                brif v19, block5, block3(v12, v0, v1)
            block3(v2: i64, v13: i64, v14: i8):
                brif v14, block1(v2, v13, v13), block1(v13, v2, v2)
            block1(v3: i64, v4: i64, v5: i64):
                v6 = isub v3, v4
                v7 = isub v6, v5
                return v7
            block5 cold:
                v18 = new_continuation layout0, v11
                field_store layout0.v0, v18, v0
                field_store layout0.v1, v18, v1
                set_point point0, v18
                link v11, v18
                suspend v18
            }
        "#]],
    );
}

#[test]
fn ways_with_and_without_a_point_meet() {
    lowered(
        "function %f(i64) -> i64 async {
block0(v0: i64):
    brif v0, block1, block2
block1:
    call %yield()
    jump block3
block2:
    jump block3
block3:
    return v0
}",
        &expect![[r#"
            function %f(i64) -> i64 async lowered {
                layout0 = size 24 { v0: i64 @ 16 }
                point0 = layout0 () saves [v0 = v0]
            block4(v1: cont, v2: i64):
                v8 = is_suspended v1
                brif v8, block6, block0(v2)
            block6 cold:
                v5 = field_load.i64 layout0.v0, v1
                jump block5(v5)
            block0(v0: i64):
                brif v0, block1, block2
            block2:
                jump block3(v0)
            block1:
                v3 = call func0()
                v7 = is_suspended v3
                brif v7, block7, block5(v0)
            block5(v4: i64):
                jump block3(v4)
            block3(v9: i64):
                return v9
            block7 cold:
                v6 = new_continuation layout0, v3
                field_store layout0.v0, v6, v0
                set_point point0, v6
                link v3, v6
                suspend v6
            }
        "#]],
    );
}

#[test]
fn a_cycle_with_two_entries() {
    lowered(
        "function %f(i64, i64) -> i64 async {
block0(v0: i64, v1: i64):
    brif v0, block1, block2
block1:
    call %look(v1)
    brif v1, block2, block3
block2:
    call %yield()
    brif v1, block1, block3
block3:
    return v0
}",
        &expect![[r#"
            function %f(i64, i64) -> i64 async lowered {
                layout0 = size 32 { v0: i64 @ 16, v1: i64 @ 24 }
                point0 = layout0 () saves [v0 = v0, v1 = v1]
            block4(v2: cont, v3: i64, v4: i64):
                v15 = is_suspended v2
                brif v15, block6, block0(v3, v4)
            block6 cold:
                v8 = field_load.i64 layout0.v0, v2
                v9 = field_load.i64 layout0.v1, v2
                jump block5(v8, v9)
            block0(v0: i64, v1: i64):
                brif v0, block1(v0, v1), block2(v0, v1)
            block1(v16: i64, v17: i64):
                call func3(v17)
                brif v17, block2(v16, v17), block3(v16)
            block2(v19: i64, v20: i64):
                v5 = call func0()
                v14 = is_suspended v5
                brif v14, block7, block5(v19, v20)
            block5(v6: i64, v7: i64):
                brif v7, block1(v6, v7), block3(v6)
            block3(v18: i64):
                return v18
            block7 cold:
                v11 = own_continuation
                v12 = is_suspended v11
                brif v12, block9(v11), block8
            block8 cold:
                v13 = new_continuation layout0, v5
                field_store layout0.v0, v13, v19
                field_store layout0.v1, v13, v20
                jump block9(v13)
            block9(v10: cont) cold:
                set_point point0, v10
                link v5, v10
                suspend v10
            }
        "#]],
    );
}

#[test]
fn a_block_that_follows_itself() {
    lowered(
        "function %f(i64) async {
block0(v0: i64):
    jump block1
block1:
    v1 = call %test(v0)
    br_table v1, block1, [block1, block2, block2]
block2:
    return
}",
        &expect![[r#"
            function %f(i64) async lowered {
                layout0 = size 32 { v0: i64 @ 24 }
                point0 = layout0 (i64) saves [v0 = v0]
            block3(v2: cont, v3: i64):
                v14 = is_suspended v2
                brif v14, block5, block0(v3)
            block5 cold:
                v7 = result_load.i64 point0.0, v2
                v8 = field_load.i64 layout0.v0, v2
                jump block4(v7, v8)
            block0(v0: i64):
                jump block1(v0)
            block1(v15: i64):
                v4, v5 = call func1(v15)
                v13 = is_suspended v4
                brif v13, block6, block4(v5, v15)
            block4(v1: i64, v6: i64):
                br_table v1, block1(v6), [block1(v6), block2, block2]
            block2:
                return
            block6 cold:
                v10 = own_continuation
                v11 = is_suspended v10
                brif v11, block8(v10), block7
            block7 cold:
                v12 = new_continuation layout0, v4
                field_store layout0.v0, v12, v15
                jump block8(v12)
            block8(v9: cont) cold:
                set_point point0, v9
                link v4, v9
                suspend v9
            }
        "#]],
    );
}

#[test]
fn unreachable_points_have_no_state() {
    lowered(
        "function %f(i64) -> i64 async {
block0(v0: i64):
    call %yield()
    return v0
block1:
    v1 = call %test(v0)
    jump block2(v1)
block2(v2: i64):
    call %yield()
    return v2
}",
        &expect![[r#"
            function %f(i64) -> i64 async lowered {
                layout0 = size 24 { v0: i64 @ 16 }
                point0 = layout0 () saves [v0 = v0]
            block3(v3: cont, v4: i64):
                v10 = is_suspended v3
                brif v10, block5, block0(v4)
            block5 cold:
                v7 = field_load.i64 layout0.v0, v3
                jump block4(v7)
            block0(v0: i64):
                v5 = call func0()
                v9 = is_suspended v5
                brif v9, block6, block4(v0)
            block4(v6: i64):
                return v6
            block6 cold:
                v8 = new_continuation layout0, v5
                field_store layout0.v0, v8, v0
                set_point point0, v8
                link v5, v8
                suspend v8
            }
        "#]],
    );
}

#[test]
fn without_a_point_there_is_only_the_parameter() {
    lowered(
        "function %f(i64) -> i64 async {
block0(v0: i64):
    return v0
}",
        &expect![[r#"
            function %f(i64) -> i64 async lowered {
            block0(v1: cont, v0: i64):
                return v0
            }
        "#]],
    );
}

#[test]
fn a_slot_is_saved_while_it_may_be_read() {
    lowered(
        "function %f() -> i64 async {
    ss0 = slot 16 align 8
    ss1 = slot 8 align 8
block0:
    v0 = iconst.i64 7
    store ss0[8], v0
    call %yield()
    store ss1[0], v0
    v1 = load.i64 ss0[0]
    call %yield()
    v2 = load.i64 ss1[0]
    v3 = iadd v1, v2
    return v3
}",
        &expect![[r#"
            function %f() -> i64 async lowered {
                ss0 = slot 16 align 8
                ss1 = slot 8 align 8
                layout0 = size 32 { v1: i64 @ 16, ss0: bytes 16 align 8 @ 16, ss1: bytes 8 align 8 @ 24 }
                point0 = layout0 () saves [ss0 = ss0]
                point1 = layout0 () saves [v1 = v1, ss1 = ss1]
            block1(v5: cont):
                v18 = is_suspended v5
                brif v18, block10, block0
            block10 cold:
                v17 = cont_state v5
                brif v17, block6, block4
            block4 cold:
                field_restore_slot layout0.ss0, ss0, v5
                jump block2
            block6 cold:
                v11 = field_load.i64 layout0.v1, v5
                field_restore_slot layout0.ss1, ss1, v5
                jump block3(v11)
            block0:
                v0 = iconst.i64 7
                store ss0[8], v0
                v6 = call func0()
                v8 = is_suspended v6
                brif v8, block5, block2
            block2:
                v4 = iconst.i64 7
                store ss1[0], v4
                v1 = load.i64 ss0[0]
                v9 = call func0()
                v16 = is_suspended v9
                brif v16, block7, block3(v1)
            block3(v10: i64):
                v2 = load.i64 ss1[0]
                v3 = iadd v10, v2
                return v3
            block5 cold:
                v7 = new_continuation layout0, v6
                field_save_slot layout0.ss0, ss0, v7
                set_point point0, v7
                link v6, v7
                suspend v7
            block7 cold:
                v13 = own_continuation
                v14 = is_suspended v13
                brif v14, block9(v13), block8
            block8 cold:
                v15 = new_continuation layout0, v9
                jump block9(v15)
            block9(v12: cont) cold:
                field_store layout0.v1, v12, v1
                field_save_slot layout0.ss1, ss1, v12
                set_point point1, v12
                link v9, v12
                suspend v12
            }
        "#]],
    );
}

#[test]
fn a_point_that_needs_much_more_has_a_layout_of_its_own() {
    lowered(
        "function %f(i64) -> i64 async {
    ss0 = slot 600 align 8
block0(v0: i64):
    call %yield()
    v1 = load.i64 ss0[v0]
    jump block1
block1:
    call %yield()
    brif v0, block1, block2
block2:
    return v1
}",
        &expect![[r#"
            function %f(i64) -> i64 async lowered {
                ss0 = slot 600 align 8
                layout0 = size 32 { v0: i64 @ 16, v1: i64 @ 24 }
                layout1 = size 624 { v0: i64 @ 16, ss0: bytes 600 align 8 @ 24 }
                point0 = layout1 () saves [v0 = v0, ss0 = ss0]
                point1 = layout0 () saves [v0 = v0, v1 = v1]
            block3(v2: cont, v3: i64):
                v21 = is_suspended v2
                brif v21, block13, block0(v3)
            block13 cold:
                v20 = cont_state v2
                brif v20, block8, block5
            block5 cold:
                v6 = field_load.i64 layout1.v0, v2
                field_restore_slot layout1.ss0, ss0, v2
                jump block4(v6)
            block8 cold:
                v12 = field_load.i64 layout0.v0, v2
                v13 = field_load.i64 layout0.v1, v2
                jump block7(v12, v13)
            block0(v0: i64):
                v4 = call func0()
                v8 = is_suspended v4
                brif v8, block6, block4(v0)
            block4(v5: i64):
                v1 = load.i64 ss0[v5]
                jump block1(v5, v1)
            block1(v22: i64, v23: i64):
                v9 = call func0()
                v19 = is_suspended v9
                brif v19, block9, block7(v22, v23)
            block7(v10: i64, v11: i64):
                brif v10, block1(v10, v11), block2
            block2:
                return v11
            block6 cold:
                v7 = new_continuation layout1, v4
                field_store layout1.v0, v7, v0
                field_save_slot layout1.ss0, ss0, v7
                set_point point0, v7
                link v4, v7
                suspend v7
            block9 cold:
                v15 = own_continuation
                v16 = is_suspended v15
                brif v16, block12, block10
            block12 cold:
                v17 = has_layout layout0, v15
                brif v17, block11(v15), block10
            block10 cold:
                v18 = new_continuation layout0, v9
                field_store layout0.v0, v18, v22
                jump block11(v18)
            block11(v14: cont) cold:
                field_store layout0.v1, v14, v23
                set_point point1, v14
                link v9, v14
                suspend v14
            }
        "#]],
    );
}
