//! Which instructions are chosen for vectors: a function per family, without prologue and epilogue.

mod text;

/// Checks the code of a function of two vectors whose result is one.
fn check(lines: &str, expected: &str) {
    text::check("v128, v128 -> v128", lines, expected);
}

#[test]
fn most_operations_on_lanes_are_one_instruction() {
    let operations = [
        ("viadd.i8x16 v0, v1", "add v0.16b, v0.16b, v1.16b"),
        ("visub.i64x2 v0, v1", "sub v0.2d, v0.2d, v1.2d"),
        ("vimul.i16x8 v0, v1", "mul v0.8h, v0.8h, v1.8h"),
        ("vineg.i32x4 v1", "neg v0.4s, v1.4s"),
        ("vumax.i8x16 v0, v1", "umax v0.16b, v0.16b, v1.16b"),
        ("vicmp.i32x4 sle v0, v1", "cmge v0.4s, v1.4s, v0.4s"),
        ("vicmp.i64x2 ult v0, v1", "cmhi v0.2d, v1.2d, v0.2d"),
        ("vfcmp.f32x4 lt v0, v1", "fcmgt v0.4s, v1.4s, v0.4s"),
        ("vfneg.f64x2 v0", "fneg v0.2d, v0.2d"),
        ("band v0, v1", "and v0.16b, v0.16b, v1.16b"),
        ("bnot v0", "mvn v0.16b, v0.16b"),
    ];
    for (line, expected) in operations {
        check(&format!("v2 = {line}"), expected);
    }
}

#[test]
fn sums_take_in_products() {
    check(
        "v2 = vimul.i16x8 v1, v1; v3 = viadd.i16x8 v2, v0",
        "mla v0.8h, v1.8h, v1.8h",
    );
    check(
        "v2 = vimul.i32x4 v1, v1; v3 = visub.i32x4 v0, v2",
        "mls v0.4s, v1.4s, v1.4s",
    );
    check(
        "v2 = vimul.i32x4 v0, v1; v3 = visub.i32x4 v2, v0",
        "mul v3.4s, v0.4s, v1.4s; sub v0.4s, v3.4s, v0.4s",
    );
}

#[test]
fn operations_of_64_bits_are_put_together() {
    check(
        "v2 = vimul.i64x2 v0, v1",
        "rev64 v3.4s, v1.4s; mul v5.4s, v3.4s, v0.4s; mov v14.16b, v0.16b; uaddlp v7.2d, v5.4s;
         shl v0.2d, v7.2d, #32; xtn v11.2s, v14.2d; xtn v13.2s, v1.2d; umlal v0.2d, v11.2s, v13.2s",
    );
    check(
        "v2 = vsmin.i64x2 v1, v0",
        "mov v6.16b, v0.16b; cmgt v0.2d, v1.2d, v6.2d; bsl v0.16b, v6.16b, v1.16b",
    );
}

#[test]
fn comparisons_take_in_zero_and_are_taken_in_as_complements() {
    let zero = "v2 = vconst 0x0; v3 =";
    let with_zero = [
        ("vicmp.i32x4 ne v0, v2", "cmtst v0.4s, v0.4s, v0.4s"),
        ("vicmp.i32x4 sgt v2, v0", "cmlt v0.4s, v0.4s, #0"),
        ("vicmp.i8x16 ule v0, v2", "cmeq v0.16b, v0.16b, #0"),
        ("vfcmp.f64x2 ge v2, v0", "fcmle v0.2d, v0.2d, #0.0"),
    ];
    for (line, expected) in with_zero {
        check(&format!("{zero} {line}"), expected);
    }
    check(
        "v2 = vicmp.i32x4 ne v0, v1",
        "cmeq v3.4s, v0.4s, v1.4s; mvn v0.16b, v3.16b",
    );
    check(
        "v2 = vicmp.i32x4 ne v0, v1; v3 = band v2, v1",
        "cmeq v3.4s, v0.4s, v1.4s; bic v0.16b, v1.16b, v3.16b",
    );
    check(
        "v2 = vfcmp.f64x2 uno v0, v0; v3 = bitselect v2, v1, v0",
        "mov v6.16b, v0.16b; fcmeq v0.2d, v6.2d, v6.2d; bsl v0.16b, v6.16b, v1.16b",
    );
    check(
        "v2 = bnot v1; v3 = bor v2, v0",
        "orn v0.16b, v0.16b, v1.16b",
    );
}

#[test]
fn shifts_are_by_constants_or_by_bytes_of_a_vector() {
    let shift = |amount: i32| format!("v2 = iconst.i32 {amount}; v3 = vushr.i8x16 v0, v2");
    check(&shift(9), "ushr v0.16b, v0.16b, #1");
    check(&shift(8), "ldp x29, x30, [sp], #16; ret");
    check(
        "v2 = extract_lane.i32x4 v1, 0; v3 = vishl.i64x2 v0, v2",
        "fmov w3, s1; and w5, w3, #0x3f; dup v7.16b, w5; ushl v0.2d, v0.2d, v7.2d",
    );
    check(
        "v2 = extract_lane.i32x4 v1, 1; v3 = vsshr.i16x8 v0, v2",
        "mov w3, v1.s[1]; and w5, w3, #0xf; neg w7, w5; dup v9.16b, w7; sshl v0.8h, v0.8h, v9.8h",
    );
}

/// Nothing between two operations of the same shape tells one NaN from another.
#[test]
fn nans_are_replaced_where_they_are_exposed() {
    check(
        "v2 = vfadd.f32x4 v0, v1; v3 = vfmul.f32x4 v2, v1",
        "fadd v3.4s, v0.4s, v1.4s; fmul v0.4s, v3.4s, v1.4s; fcmeq v7.4s, v0.4s, v0.4s;
         movz x16, #32704, lsl #16; dup v9.4s, w16; bif v0.16b, v9.16b, v7.16b",
    );
    check(
        "v2 = vfmin.f64x2 v0, v1; v3 = vfcmp.f64x2 eq v0, v2",
        "fmin v3.2d, v0.2d, v1.2d; fcmeq v0.2d, v0.2d, v3.2d",
    );
}

#[test]
fn a_mask_is_the_sum_of_a_bit_of_each_lane() {
    check(
        "v2 = lane_mask.i8x16 v0; v3 = splat.i32x4 v2",
        "cmlt v3.16b, v0.16b, #0; ldr q5, L1; and v7.16b, v3.16b, v5.16b;
         ext v9.16b, v7.16b, v7.16b, #8; zip1 v11.16b, v7.16b, v9.16b; addv h13, v11.8h;
         fmov w15, s13; dup v0.4s, w15; L1:; <constant>",
    );
    check(
        "v2 = lane_mask.i64x2 v0; v3 = splat.i32x4 v2",
        "ushr v3.2d, v0.2d, #63; fmov x5, d3; mov x7, v3.d[1]; add w9, w5, w7, lsl #1;
         dup v0.4s, w9",
    );
}

#[test]
fn tests_of_all_lanes_join_selections() {
    check(
        "v2 = any_true v0; v3 = select v2, v0, v1",
        "umaxp v3.4s, v0.4s, v0.4s; mov v13.16b, v0.16b; fmov x5, d3; cmp x5, #0; csetm x8, ne;
         dup v0.2d, x8; bsl v0.16b, v13.16b, v1.16b",
    );
    check(
        "v2 = all_true.i8x16 v0; v3 = splat.i8x16 v2",
        "uminv b3, v0.16b; fmov w5, s3; cmp w5, #0; cset w8, ne; dup v0.16b, w8",
    );
    check(
        "v2 = all_true.i64x2 v0; v3 = splat.i8x16 v2",
        "cmeq v3.2d, v0.2d, #0; umaxp v5.4s, v3.4s, v3.4s; fmov x7, d5; cmp x7, #0; cset w10, eq;
         dup v0.16b, w10",
    );
}

#[test]
fn lanes_go_the_shortest_way() {
    check(
        "v2 = extract_lane.f64x2 v0, 0; v3 = splat.f64x2 v2",
        "dup v0.2d, v0.d[0]",
    );
    check(
        "v2 = extract_lane.f32x4 v1, 3; v3 = insert_lane.f32x4 v0, v2, 1",
        "mov v0.s[1], v1.s[3]",
    );
    check(
        "v2 = extract_lane.i8x16 v0, 3; v3 = sextend.i32 v2; v4 = splat.i32x4 v3",
        "smov w3, v0.b[3]; dup v0.4s, w3",
    );
    check(
        "v2 = iconst.i16 0; v3 = insert_lane.i16x8 v0, v2, 7",
        "mov v0.h[7], wzr",
    );
}

#[test]
fn constants_are_immediates_or_in_memory() {
    let constants = [
        ("0x0", "movi v0.2d, #0x0"),
        ("0x00010001000100010001000100010001", "movi v0.8h, #1"),
        ("0x3ff0000000000000", "fmov d0, #1.00000000"),
        (
            "0x7fc000007fc000007fc000007fc00000",
            "movz x16, #32704, lsl #16; dup v0.4s, w16",
        ),
        ("0x12345678", "ldr s0, L1; L1:; <constant>"),
        (
            "0x000102030405060708090a0b0c0d0e0f",
            "ldr q0, L1; <padding>; L1:; <constant>",
        ),
    ];
    for (bits, expected) in constants {
        check(&format!("v2 = vconst {bits}"), expected);
    }
    check("v2 = iconst.i16 -2; v3 = splat.i16x8 v2", "mvni v0.8h, #1");
}

#[test]
fn shuffles_have_instructions_of_their_own_or_a_table() {
    let orders = [
        (
            "0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23",
            "zip1 v0.4s, v0.4s, v1.4s",
        ),
        (
            "3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12",
            "rev32 v0.16b, v0.16b",
        ),
        (
            "5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20",
            "ext v0.16b, v0.16b, v1.16b, #5",
        ),
        (
            "1, 3, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12",
            "ldr q3, L1; tbl v0.16b, { v0.16b }, v3.16b; <padding>; L1:; <constant>",
        ),
        (
            "31, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12",
            "ldr q3, L1; mov v30.16b, v0.16b; mov v31.16b, v1.16b;
          tbl v0.16b, { v30.16b, v31.16b }, v3.16b; L1:; <constant>",
        ),
    ];
    for (order, expected) in orders {
        check(&format!("v2 = shuffle v0, v1, [{order}]"), expected);
    }
}

#[test]
fn memory_is_reached_by_scaled_and_unscaled_displacements() {
    check(
        "v2 = iconst.i64 0; v3 = load.v128 %heap[v2+24]; store %heap[v2+4096], v1",
        "ldr x3, [x28, #heap]; ldur q0, [x3, #24]; ldr x7, [x28, #heap]; str q1, [x7, #4096]",
    );
    check(
        "v2 = iconst.i64 0; v3 = load.v128 %heap[v2+4104]",
        "ldr x3, [x28, #heap]; add x6, x3, #1, lsl #12; ldur q0, [x6, #8]",
    );
}
