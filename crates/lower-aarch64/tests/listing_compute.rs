//! Which instructions are chosen to compute: a function per family, without prologue and epilogue.

mod text;

use text::check;

#[test]
fn sums_take_in_constants_shifts_and_extensions() {
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 4095; v3 = iadd v0, v2",
        "add x0, x0, #4095",
    );
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 -5; v3 = iadd v0, v2",
        "sub x0, x0, #5",
    );
    check(
        "i32, i32 -> i32",
        "v2 = iconst.i32 8192; v3 = isub v0, v2",
        "sub w0, w0, #2, lsl #12",
    );
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 74565; v3 = iadd v0, v2",
        "add x3, x0, #18, lsl #12; add x0, x3, #837",
    );
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 1311768467463790320; v3 = iadd v0, v2",
        "ldr x3, L1; add x0, x0, x3; L1:; <constant>",
    );
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 20; v3 = ishl v1, v2; v4 = iadd v0, v3",
        "add x0, x0, x1, lsl #20",
    );
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 20; v3 = sshr v1, v2; v4 = isub v0, v3",
        "sub x0, x0, x1, asr #20",
    );
    check(
        "i64, i32 -> i64",
        "v2 = sextend.i64 v1; v3 = iadd v0, v2",
        "add x0, x0, w1, sxtw",
    );
    check(
        "i64, i32 -> i64",
        "v2 = uextend.i64 v1; v3 = iconst.i64 3; v4 = ishl v2, v3; v5 = isub v0, v4",
        "sub x0, x0, w1, uxtw #3",
    );
}

#[test]
fn logic_takes_in_masks_shifts_and_complements() {
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 255; v3 = band v0, v2",
        "and x0, x0, #0xff",
    );
    check(
        "i32, i32 -> i32",
        "v2 = iconst.i32 -256; v3 = bor v0, v2",
        "orr w0, w0, #0xffffff00",
    );
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 1000; v3 = bxor v0, v2",
        "movz x3, #1000; eor x0, x0, x3",
    );
    check(
        "i64, i64 -> i64",
        "v2 = bnot v1; v3 = band v0, v2",
        "bic x0, x0, x1",
    );
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 9; v3 = rotr v1, v2; v4 = bxor v0, v3",
        "eor x0, x0, x1, ror #9",
    );
    check(
        "i8, i8 -> i8",
        "v2 = iconst.i8 15; v3 = band v0, v2",
        "and w0, w0, #0xf",
    );
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 12; v3 = ushr v0, v2; v4 = iconst.i64 255; v5 = band v3, v4",
        "ubfx x0, x0, #12, #8",
    );
    check(
        "i64 -> i64",
        "v1 = iconst.i64 1311768467463790320; v2 = bxor v0, v1",
        "ldr x2, L1; eor x0, x0, x2; L1:; <constant>",
    );
}

#[test]
fn products_join_what_is_done_with_them() {
    check(
        "i64, i64, i64 -> i64",
        "v3 = imul v0, v1; v4 = iadd v2, v3",
        "madd x0, x0, x1, x2",
    );
    check(
        "i64, i64, i64 -> i64",
        "v3 = imul v0, v1; v4 = isub v2, v3",
        "msub x0, x0, x1, x2",
    );
    check(
        "i64, i64 -> i64",
        "v3 = imul v0, v1; v4 = ineg v3",
        "msub x0, x0, x1, xzr",
    );
    check(
        "i32, i32 -> i64",
        "v2 = sextend.i64 v0; v3 = sextend.i64 v1; v4 = imul v2, v3",
        "smull x0, w0, w1",
    );
    check(
        "i64, i32, i32 -> i64",
        "v3 = uextend.i64 v1; v4 = uextend.i64 v2; v5 = imul v3, v4; v6 = iadd v0, v5",
        "umaddl x0, w1, w2, x0",
    );
    check(
        "i64 -> i64",
        "v1 = iconst.i64 8; v2 = imul v0, v1",
        "lsl x0, x0, #3",
    );
    check(
        "i64 -> i64",
        "v1 = iconst.i64 -8; v2 = imul v0, v1",
        "neg x0, x0, lsl #3",
    );
    check(
        "i64 -> i64",
        "v1 = iconst.i64 9; v2 = imul v0, v1",
        "add x0, x0, x0, lsl #3",
    );
    check(
        "i64 -> i64",
        "v1 = iconst.i64 7; v2 = imul v0, v1",
        "lsl x2, x0, #3; sub x0, x2, x0",
    );
    check(
        "i64 -> i64",
        "v1 = iconst.i64 20; v2 = imul v0, v1",
        "add x2, x0, x0, lsl #2; lsl x0, x2, #2",
    );
    check(
        "i64 -> i64",
        "v1 = iconst.i64 11; v2 = imul v0, v1",
        "movz x2, #11; mul x0, x0, x2",
    );
    check("i64, i64 -> i64", "v2 = umulhi v0, v1", "umulh x0, x0, x1");
    check(
        "i32, i32 -> i32",
        "v2 = smulhi v0, v1",
        "smull x3, w0, w1; lsr x0, x3, #32",
    );
}

#[test]
fn division_checks_what_it_has_to() {
    check(
        "i64, i64 -> i64",
        "v2 = udiv v0, v1",
        "cbz x1, L1; udiv x0, x0, x1; L1:; bl TrapLanding",
    );
    check(
        "i32, i32 -> i32",
        "v2 = sdiv v0, v1",
        "cbz w1, L1; cmn w1, #1; ccmp w0, #1, #0, eq; b.vs L2; sdiv w0, w0, w1; L1:;
         bl TrapLanding; L2:; bl TrapLanding",
    );
    check(
        "i8, i8 -> i8",
        "v2 = sdiv v0, v1",
        "sxtb w3, w1; sxtb w5, w0; cbz w3, L1; sdiv w0, w5, w3; cmp w0, #128; b.eq L2; L1:;
         bl TrapLanding; L2:; bl TrapLanding",
    );
    check(
        "i64, i64 -> i64",
        "v2 = srem v0, v1",
        "cbz x1, L1; sdiv x4, x0, x1; msub x0, x4, x1, x0; L1:; bl TrapLanding",
    );
    check(
        "i32 -> i32",
        "v1 = iconst.i32 10; v2 = udiv v0, v1",
        "movz x2, #10; udiv w0, w0, w2",
    );
    check(
        "i32 -> i32",
        "v1 = iconst.i32 16; v2 = udiv v0, v1",
        "lsr w0, w0, #4",
    );
    check(
        "i32 -> i32",
        "v1 = iconst.i32 16; v2 = sdiv v0, v1",
        "asr w2, w0, #31; add w4, w0, w2, lsr #28; asr w0, w4, #4",
    );
    check(
        "i32 -> i32",
        "v1 = iconst.i32 16; v2 = srem v0, v1",
        "negs w2, w0; and w4, w0, #0xf; and w6, w2, #0xf; csneg w0, w4, w6, mi",
    );
    check(
        "i32 -> i32",
        "v1 = iconst.i32 16; v2 = urem v0, v1",
        "and w0, w0, #0xf",
    );
}

#[test]
fn shifts_and_counts_know_the_width() {
    check(
        "i8, i8 -> i8",
        "v2 = ushr v0, v1",
        "uxtb w3, w0; and w5, w1, #0x7; lsr w0, w3, w5",
    );
    check(
        "i8 -> i8",
        "v1 = iconst.i8 3; v2 = sshr v0, v1",
        "sbfx w0, w0, #3, #5",
    );
    check(
        "i32 -> i64",
        "v1 = uextend.i64 v0; v2 = iconst.i64 3; v3 = ishl v1, v2",
        "ubfiz x0, x0, #3, #32",
    );
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 63; v3 = band v1, v2; v4 = ushr v0, v3",
        "lsr x0, x0, x1",
    );
    check(
        "i64, i64 -> i64",
        "v2 = rotl v0, v1",
        "neg w3, w1; ror x0, x0, x3",
    );
    check(
        "i32 -> i32",
        "v1 = iconst.i32 5; v2 = rotl v0, v1",
        "ror w0, w0, #27",
    );
    check(
        "i16, i16 -> i16",
        "v2 = rotr v0, v1",
        "uxth w3, w0; orr w5, w3, w3, lsl #16; ror w0, w5, w1",
    );
    check(
        "i8 -> i8",
        "v1 = iconst.i8 3; v2 = rotl v0, v1",
        "ubfx w2, w0, #5, #3; orr w0, w2, w0, lsl #3",
    );
    check(
        "i16 -> i16",
        "v1 = clz v0",
        "uxth w2, w0; clz w4, w2; sub w0, w4, #16",
    );
    check("i64 -> i64", "v1 = ctz v0", "rbit x2, x0; clz x0, x2");
    check(
        "i8 -> i8",
        "v1 = ctz v0",
        "orr w2, w0, #0x100; rbit w4, w2; clz w0, w4",
    );
    check(
        "i64 -> i64",
        "v1 = popcnt v0",
        "fmov d2, x0; cnt v4.8b, v2.8b; addv b6, v4.8b; fmov w0, s6",
    );
    check(
        "i8 -> i8",
        "v1 = popcnt v0",
        "fmov s2, w0; cnt v4.8b, v2.8b; umov w0, v4.b[0]",
    );
}

#[test]
fn conditions_are_registers_or_flags() {
    check(
        "i64, i64 -> i64",
        "v2 = umin v0, v1",
        "cmp x0, x1; csel x0, x0, x1, lo",
    );
    check(
        "i32 -> i32",
        "v1 = iconst.i32 0; v2 = smax v0, v1",
        "bic w0, w0, w0, asr #31",
    );
    check(
        "i16, i16 -> i16",
        "v2 = smin v0, v1",
        "sxth w3, w0; sxth w5, w1; cmp w3, w5; csel w0, w3, w5, lt",
    );
    check(
        "i64, i64 -> i8",
        "v2 = icmp slt v0, v1",
        "cmp x0, x1; cset w0, lt",
    );
    check(
        "i32 -> i8",
        "v1 = iconst.i32 -5; v2 = icmp eq v0, v1",
        "cmn w0, #5; cset w0, eq",
    );
    check(
        "i32 -> i8",
        "v1 = iconst.i32 4097; v2 = icmp slt v0, v1",
        "cmp w0, #1, lsl #12; cset w0, le",
    );
    check(
        "i64 -> i8",
        "v1 = iconst.i64 0; v2 = icmp slt v0, v1",
        "ubfx x0, x0, #63, #1",
    );
    check(
        "i8, i8 -> i8",
        "v2 = icmp ult v0, v1",
        "uxtb w3, w0; cmp w3, w1, uxtb; cset w0, lo",
    );
    check(
        "i64, i32 -> i8",
        "v2 = sextend.i64 v1; v3 = icmp slt v0, v2",
        "cmp x0, w1, sxtw; cset w0, lt",
    );
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 8; v3 = band v0, v2; v4 = select v3, v0, v1",
        "tst w0, #0x8; csel x0, x0, x1, ne",
    );
    check(
        "i64, i64 -> i64",
        "v2 = icmp slt v0, v1; v3 = iconst.i64 1; v4 = iadd v1, v3; v5 = select v2, v0, v4",
        "cmp x0, x1; csinc x0, x0, x1, lt",
    );
    check(
        "i64, i64 -> i64",
        "v2 = icmp slt v0, v1; v3 = ineg v1; v4 = select v2, v3, v1",
        "cmp x0, x1; csneg x0, x1, x1, ge",
    );
    check(
        "i64, i64 -> i64",
        "v2 = icmp slt v0, v1; v3 = iconst.i64 0; v4 = iconst.i64 -1; v5 = select v2, v4, v3",
        "cmp x0, x1; csinv x0, xzr, xzr, ge",
    );
    check(
        "i64, i64 -> i64",
        "v2 = icmp slt v0, v1; v3 = icmp ne v0, v1; v4 = band v2, v3; v5 = select v4, v0, v1",
        "cmp x0, x1; ccmp x0, x1, #4, lt; csel x0, x0, x1, ne",
    );
    check(
        "i64, f64 -> i64",
        "v2 = iconst.i64 7; v3 = icmp eq v0, v2; v4 = fconst.f64 0.0; v5 = fcmp gt v1, v4;
         v6 = bor v3, v5; v7 = select v6, v0, v2",
        "movz x3, #7; movi d5, #0; cmp x0, #7; fccmp d0, d5, #0, ne; csel x0, x0, x3, gt",
    );
    check(
        "f64, f64 -> f64",
        "v2 = fcmp le v0, v1; v3 = select v2, v0, v1",
        "fcmp d0, d1; fcsel d0, d0, d1, ls",
    );
}

#[test]
fn floats_are_canonical_and_constants_short() {
    check(
        "f64, f64 -> f64",
        "v2 = fadd v0, v1; v3 = fmin v2, v1; v4 = fneg v3",
        "fadd d3, d0, d1; fmin d6, d3, d1; fcmp d6, d6; b.vs L1; L2:; fneg d0, d6; L1:;
         movz x16, #32760, lsl #48; fmov d6, x16; b L2",
    );
    check(
        "f64, f64 -> f64",
        "v2 = fcopysign v0, v1",
        "movi d3, #0; fneg d5, d3; bit v0.8b, v1.8b, v5.8b",
    );
    check(
        "f32, f32 -> f32",
        "v2 = fcopysign v0, v1",
        "movi v3.2s, #128, lsl #24; bit v0.8b, v1.8b, v3.8b",
    );
    check("f64 -> f64", "v1 = fconst.f64 0.0", "movi d0, #0");
    check("f64 -> f64", "v1 = fconst.f64 1.5", "fmov d0, #1.50000000");
    check(
        "f64 -> f64",
        "v1 = fconst.f64 1e300",
        "ldr d0, L1; <padding>; L1:; <constant>",
    );
    check(
        "f32 -> f32",
        "v1 = fconst.f32 65536.0",
        "ldr s0, L1; L1:; <constant>",
    );
    check(
        "f64 -> f64",
        "v1 = fconst.f64 1e20",
        "ldr d0, L1; <padding>; L1:; <constant>",
    );
    check(
        "f64 -> f64",
        "v1 = fconst.f64 18446744073709551616.0",
        "movz x16, #17392, lsl #48; fmov d0, x16",
    );
}

#[test]
fn conversions_trap_by_their_result() {
    check("i64 -> f32", "v1 = fcvt_from_uint.f32 v0", "ucvtf s0, x0");
    check(
        "f64 -> i64",
        "v1 = fcvt_to_uint_sat.i64 v0",
        "fcvtzu x0, d0",
    );
    check(
        "f64 -> i32",
        "v1 = fcvt_to_sint.i32 v0",
        "fcvtzs x0, d0; cmp x0, w0, sxtw; fccmp d0, d0, #1, eq; b.vs L1; L1:; bl TrapLanding",
    );
    check(
        "f32 -> i64",
        "v1 = fcvt_to_uint.i64 v0",
        "fmov s2, #-1.00000000; ldr s4, L1; fcmp s0, s2; fccmp s0, s4, #0, gt; b.pl L2;
         fcvtzu x0, s0; L2:; bl TrapLanding; L1:; <constant>",
    );
    check(
        "i32, i32 -> i64",
        "v2 = iadd v0, v1; v3 = uextend.i64 v2",
        "add w0, w0, w1",
    );
    check("i32 -> i64", "v1 = uextend.i64 v0", "mov w0, w0");
}

#[test]
fn addresses_take_in_sums() {
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 3; v3 = ishl v1, v2; v4 = iadd v0, v3; v5 = load.i64 raw[v4]",
        "ldr x0, [x0, x1, lsl #3]",
    );
    check(
        "i64, i64 -> i64",
        "v2 = iconst.i64 3; v3 = ishl v1, v2; v4 = iadd v0, v3; v5 = load.i64 raw[v4+16]",
        "add x3, x0, x1, lsl #3; ldr x0, [x3, #16]",
    );
    check(
        "i64, i32 -> i32",
        "v2 = sextend.i64 v1; v3 = iadd v0, v2; v4 = sload8.i32 raw[v3]",
        "ldrsb w0, [x0, w1, sxtw]",
    );
    check(
        "i64 -> i32",
        "v1 = load.i32 raw[v0+16380]",
        "ldr w0, [x0, #16380]",
    );
    check(
        "i64 -> i32",
        "v1 = load.i32 raw[v0+16384]",
        "add x3, x0, #4, lsl #12; ldr w0, [x3]",
    );
    check(
        "i64 -> i32",
        "v1 = iconst.i64 -7; v2 = iadd v0, v1; v3 = load.i32 raw[v2]",
        "ldur w0, [x0, #-7]",
    );
    check(
        "i64 -> i64",
        "v1 = iconst.i64 0; store raw[v0], v1; v2 = iadd v0, v0",
        "str xzr, [x0]; add x0, x0, x0",
    );
    check(
        "i64 -> i32",
        "v1 = load.i32 raw[v0+1048577]",
        "add x3, x0, #256, lsl #12; ldur w0, [x3, #1]",
    );
}

#[test]
fn memory_is_checked_before_it_is_reached() {
    check(
        "i32 -> i64",
        "v1 = load.i64 %heap[v0]",
        "ldr x2, [x28, #heap.length]; sub x4, x2, #8; cmp x4, w0, uxtw; b.lo L1;
         ldr x8, [x28, #heap]; ldr x0, [x8, w0, uxtw]; L1:; bl TrapLanding",
    );
    check(
        "i32 -> i64",
        "v1 = load.i64 %heap[v0+8]",
        "ldr x2, [x28, #heap.length]; sub x4, x2, #16; cmp x4, w0, uxtw; b.lo L1;
         ldr x8, [x28, #heap]; add x10, x8, w0, uxtw; ldr x0, [x10, #8]; L1:; bl TrapLanding",
    );
    check(
        "i64 -> i64",
        "v1 = load.i64 %heap[v0+100000]",
        "ldr x2, [x28, #heap.length]; movz x4, #34472; movk x4, #1, lsl #16;
         subs x6, x2, x4; ccmp x6, x0, #0, hs; b.lo L1; ldr x10, [x28, #heap];
         add x12, x10, x0; add x15, x12, #24, lsl #12; ldr x0, [x15, #1696]; L1:;
         bl TrapLanding",
    );
    check(
        "i64 -> i64",
        "v1 = iconst.i64 8; v2 = load.i64 %heap[v1]",
        "ldr x2, [x28, #heap]; ldr x0, [x2, #8]",
    );
    check(
        "i64 -> i64",
        "v1 = iconst.i64 65536; v2 = load.i64 %heap[v1]",
        "ldr x2, [x28, #heap.length]; movz x4, #8; movk x4, #1, lsl #16; cmp x2, x4;
         b.lo L1; ldr x8, [x28, #heap]; add x11, x8, #16, lsl #12; ldr x0, [x11]; L1:;
         bl TrapLanding",
    );
    check(
        "i64 -> i64",
        "v1 = memory_size %heap",
        "ldr x2, [x28, #heap.length]; lsr x0, x2, #16",
    );
    check(
        "i64 -> funcref",
        "v1 = table_get %table, v0",
        "ldr x2, [x28, #table.length]; cmp x0, x2; b.hs L1; ldr x6, [x28, #table];
         ldr x0, [x6, x0, lsl #3]; L1:; bl TrapLanding",
    );
    check(
        "i64 -> i64",
        "store ss0[0], v0; v1 = load.i64 ss0[v0+8]",
        "stp x29, x30, [sp, #-16]!; mov x29, sp; sub sp, sp, #64; L0:;
         stp xzr, xzr, [x29, #-64]; stp xzr, xzr, [x29, #-48]; stp xzr, xzr, [x29, #-32];
         stp xzr, xzr, [x29, #-16]; stur x0, [x29, #-64]; cmp x0, #48; b.hi L1;
         sub x8, x29, #56; ldr x0, [x8, x0]; mov sp, x29; L1:; bl TrapLanding",
    );
}
