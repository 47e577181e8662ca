//! Modules in the spelling of the printer, which between them have every part of the text format.

/// Declarations of every kind, constants at their limits, all shapes of operands.
pub const MODULE: &str = r#"file0 = "prog.lang"
file1 = "weiß \\ \"two\""
import %yield = "enjamb" "yield" () async
import %log = "host" "log \01" (i64, f64) -> i64, f32
memory %heap 1..16
memory %other 0..65536
data %greeting = "hello\00\n\ff\t"
data %table_init = %heap[8] "abc"
global %count: i64 = -1
global %small: i8 = -128
global %ratio: f32 = 0.1
global %odd: f64 = nan:0x7ff8000000000001
global %wide: v128 = 0x8000000000000000000000000000000f
global %handle: ref = null
global %callback: funcref = %double
type %list.of = { value: i64, next: ref, $flag_2: i8, wide: v128 }
type %bytes = [i8]
type %nothing-in-it = { }
table %operators [%double, null]
table %nothing []
export "main" = %main
export "the heap" = %heap
export "count" = %count
export "" = %operators

function %double(i64) -> i64 {
block0(v0: i64):
    v1 = iadd v0, v0
    return v1
}

function %cons(ref, i64) -> ref {
    root0 = root
    root1 = root
block0(v0: ref, v1: i64):
    root_set root0, v0
    v2 = new %list.of roots [root0]
    root_set root1, v2
    v5 = fconst.f64 0.5
    v3, v4 = call %log(v1, v5) roots [root0, root1] @ file0:3:1
    v6 = root_get root1
    set_field %list.of.next, v6, v0
    v7 = get_field.i8 %list.of.$flag_2, v6
    return v6
}

function %constants() {
block0:
    v0 = iconst.i8 -128
    v1 = iconst.i16 32767
    v2 = iconst.i32 -2147483648
    v3 = iconst.i64 -9223372036854775808
    v4 = fconst.f32 -0.0
    v5 = fconst.f32 1e-45
    v6 = fconst.f32 3.4028235e38
    v7 = fconst.f32 nan:0xffc00001
    v8 = fconst.f64 inf
    v9 = fconst.f64 -inf
    v10 = fconst.f64 1e300
    v11 = fconst.f64 0.30000000000000004
    v12 = fconst.f64 5e-324
    v13 = null.funcref
    v14 = vconst 0x000102030405060708090a0b0c0d0e0f
    v15 = vconst 0xffffffffffffffffffffffffffffffff
    v16 = shuffle v14, v15, [0, 31, 15, 16, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    v17 = vicmp.i64x2 uge v14, v16
    v18 = vfcmp.f32x4 uno v14, v17
    v19 = extract_lane.f64x2 v18, 1
    v20 = insert_lane.f64x2 v18, v19, 0
    v21 = splat.f64x2 v19
    v22 = viadd.i8x16 v20, v21
    unreachable
}

function %main(i64) -> i64 async {
    ss0 = slot 16 align 8
    ss1 = slot 4 align 4
    sig0 = (i64) -> i64
    sig1 = () -> i64
    sig2 = (i64, f64) -> i64, f64 async
block0(v0: i64):
    v1 = call %double(v0) @ file0:3:14
    v2, v3 = call %log(v1, v4) @ file1:1:1
    v5 = func_addr %double
    v6 = call_indirect sig0, v5(v1)
    v7 = spawn %main(v0)
    v8 = join sig1, v7
    store ss0[8], v0
    v9 = load.i64 ss0[v0]
    v10 = load.i32 ss0[v0+12]
    store %heap[v0+4294967295], v9
    v11 = stack_addr ss1[4]
    v12 = load.f32 addr[v11+8]
    memory_copy %heap, %other, v0, v0, v0
    memory_init %heap, %greeting, v0, v0, v0
    v13 = icmp ule v0, v1
    v14 = select v13, v0, v1
    brif v13, block3, block1(v0, v1)
block3 cold:
    v4 = fconst.f64 0.5
    br_table v0, block3, []
block1(v15: i64, v16: i64) cold:
    br_table v15, block3, [block3, block1(v15, v16)]
block4:
    jump block1(v0, v0)
block5:
    return_call %main(v0)
block6:
    trap user
}

function %nothing_inside() {
}
"#;

/// A lowered function with all instructions that only the async transform makes.
pub const LOWERED: &str = r#"file0 = "prog.lang"
import %yield = "enjamb" "yield" () async

function %later(i64) -> i64, f64 async lowered {
    ss0 = slot 16 align 8
    sig0 = () -> i64
    sig1 = () -> i32 async
    layout0 = size 48 { v5: i64 @ 24, ss0: bytes 16 align 8 @ 32 }
    layout1 = size 24 { }
    point0 = layout0 () saves [v5 = v5, ss0 = ss0] @ file0:3:4
    point1 = layout0 (i64, f64) saves []
    point2 = layout1 (i32) saves []
block0(v0: cont, v1: i64):
    v2 = is_suspended v0
    brif v2, block1, block2
block1 cold:
    v3 = cont_state v0
    br_table v3, block9, [block3, block3, block4]
block2:
    v4 = call %yield()
    v5 = is_suspended v4
    brif v5, block5, block6
block3:
    v6 = field_load.i64 layout0.v5, v0
    field_restore_slot layout0.ss0, ss0, v0
    v7 = result_load.i64 point1.0, v0
    v8 = result_load.f64 point1.1, v0
    return v7, v8
block4:
    unreachable
block5 cold:
    v9 = own_continuation
    v10 = is_suspended v9
    brif v10, block7, block8
block6:
    v11 = spawn %later(v1)
    v12, v13 = join sig0, v11
    v14 = null.funcref
    v15, v16 = call_indirect sig1, v14()
    v17, v18, v19 = call %later(v13)
    return v18, v19
block7:
    v20 = has_layout layout0, v9
    jump block8
block8:
    v21 = new_continuation layout0, v4
    field_store layout0.v5, v21, v1
    field_save_slot layout0.ss0, ss0, v21
    set_point point0, v21
    link v4, v21
    suspend v21
block9:
    return_call %later(v1)
}
"#;

/// What only trusted modules may have.
pub const TRUSTED: &str = "module trusted
memory %heap 1..1

function %peek(i64) -> i8 {
block0(v0: i64):
    v1 = memory_base %heap
    v2 = iadd v0, v1
    v3 = load.i8 raw[v2+1]
    store raw[v2], v3
    return v3
}
";
