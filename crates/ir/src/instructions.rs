//! The instruction table: one row defines an instruction, everything else derives from it.
//!
//! A row reads `Opcode "mnemonic" Kind (T: Class) [operands] -> [results] effects example`, with
//! its reference text above; instructions on lanes have `(S: Class)`, the shapes that they take. The example runs in a test; see [`OpcodeInfo::example`].

use crate::opcode::OperandKind::*;
use crate::opcode::TypeRule::*;
use crate::opcode::{Effects, OpcodeInfo};
use crate::shape::ShapeClass;
use crate::types::{Type, TypeClass};

const PURE: Effects = Effects::PURE;
const TRAPS: Effects = Effects::TRAPS;
/// As accesses of memories, tables and objects do.
const READS: Effects = Effects::READS.and(TRAPS);
const WRITES: Effects = Effects::WRITES.and(TRAPS);
const CALLS: Effects = Effects::CALLS.and(READS).and(WRITES);
const INVOKES: Effects = CALLS.and(Effects::THROWS);
/// The collector may run: a safepoint.
const COLLECTS: Effects = Effects::COLLECTS;
/// The fuel of the instance is read and written.
const METERS: Effects = Effects::READS.and(Effects::WRITES);
const ENDS: Effects = Effects::ENDS;
const LOWERED: Effects = Effects::LOWERED;

const I8: Type = Type::I8;
const I32: Type = Type::I32;
const I64: Type = Type::I64;
const V128: Type = Type::V128;
const TASK: Type = Type::Task;
const CONT: Type = Type::Cont;
const ADDR: Type = Type::Addr;
const FUNCREF: Type = Type::FuncRef;
const REF: Type = Type::Ref;

/// The example of all instructions that only the async transform makes: their lines of the program
/// [`LOWERED`](crate::reference::LOWERED).
const SEE_LOWERED: &str = "";

macro_rules! instructions {
    ($($group:literal { $(
        $(#[doc = $doc:literal])*
        $opcode:ident $name:literal $kind:ident $((T: $class:ident))? $((S: $shapes:ident))?
        [$($operand:expr),*] -> [$($result:expr),*] $effects:expr, $example:expr;
    )* })*) => {
        /// An operation of the IR.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Opcode { $($( $(#[doc = $doc])* $opcode, )*)* }

        /// All rows, in the order of the enum.
        pub(crate) static TABLE: &[OpcodeInfo] = &[$($(
            OpcodeInfo {
                opcode: Opcode::$opcode,
                name: $name,
                group: $group,
                doc: &[$($doc),*],
                kind: $kind,
                class: instructions!(@class TypeClass $($class)?),
                shapes: instructions!(@class ShapeClass $($shapes)?),
                operands: &[$($operand),*],
                results: &[$($result),*],
                effects: $effects,
                example: $example,
            },
        )*)*];
    };
    (@class $set:ident) => { None };
    (@class $set:ident $class:ident) => { Some($set::$class) };
}

instructions! {
"Constants" {
    /// An integer constant, written signed or unsigned, within the width of its type.
    Iconst "iconst" Integer (T: Int) [] -> [T] PURE, "| v0 = iconst.i64 -5 | v0 == -5:i64";
    /// A float constant; a NaN is written with its bits, as in `nan:0x7ff8000000000000`.
    Fconst "fconst" Float (T: Float) [] -> [T] PURE, "| v0 = fconst.f64 0.5 | v0 == 0.5:f64";
    /// The null reference of type `T`.
    Null "null" Values (T: Nullable) [] -> [T] PURE, "| v0 = null.ref\nv1 = is_null v0 | v1 == 1:i8";
    /// A reference to a function of the module.
    FuncAddr "func_addr" Function [] -> [Is(FUNCREF)] PURE, "| v0 = func_addr %double\nv1 = is_null v0 | v1 == 0:i8";
}
"Integer arithmetic" {
    /// Sum, modulo two to the width.
    Iadd "iadd" Values (T: Int) [T, T] -> [T] PURE, "7:i64, 5:i64 | v2 = iadd v0, v1 | v2 == 12:i64";
    /// Difference, modulo two to the width.
    Isub "isub" Values (T: Int) [T, T] -> [T] PURE, "7:i64, 5:i64 | v2 = isub v0, v1 | v2 == 2:i64";
    /// Product, modulo two to the width.
    Imul "imul" Values (T: Int) [T, T] -> [T] PURE, "7:i64, 5:i64 | v2 = imul v0, v1 | v2 == 35:i64";
    /// Upper half of the unsigned product of twice the width.
    Umulhi "umulhi" Values (T: WideInt) [T, T] -> [T] PURE, "-1:i64, 2:i64 | v2 = umulhi v0, v1 | v2 == 1:i64";
    /// Upper half of the signed product of twice the width.
    Smulhi "smulhi" Values (T: WideInt) [T, T] -> [T] PURE, "-1:i64, 2:i64 | v2 = smulhi v0, v1 | v2 == -1:i64";
    /// Unsigned quotient. Traps with `division_by_zero`.
    Udiv "udiv" Values (T: Int) [T, T] -> [T] TRAPS, "17:i32, 5:i32 | v2 = udiv v0, v1 | v2 == 3:i32";
    /// Signed quotient, rounded towards zero. Traps with `division_by_zero`, and with
    /// `integer_overflow` for the smallest integer divided by -1.
    Sdiv "sdiv" Values (T: Int) [T, T] -> [T] TRAPS, "-17:i32, 5:i32 | v2 = sdiv v0, v1 | v2 == -3:i32";
    /// Unsigned remainder. Traps with `division_by_zero`.
    Urem "urem" Values (T: Int) [T, T] -> [T] TRAPS, "17:i32, 5:i32 | v2 = urem v0, v1 | v2 == 2:i32";
    /// Signed remainder with the sign of the dividend; that of the smallest integer by -1 is 0.
    /// Traps with `division_by_zero`.
    Srem "srem" Values (T: Int) [T, T] -> [T] TRAPS, "-17:i32, 5:i32 | v2 = srem v0, v1 | v2 == -2:i32";
    /// Two's complement negation.
    Ineg "ineg" Values (T: Int) [T] -> [T] PURE, "7:i16 | v1 = ineg v0 | v1 == -7:i16";
    /// The smaller of two unsigned integers.
    Umin "umin" Values (T: Int) [T, T] -> [T] PURE, "-1:i32, 5:i32 | v2 = umin v0, v1 | v2 == 5:i32";
    /// The larger of two unsigned integers.
    Umax "umax" Values (T: Int) [T, T] -> [T] PURE, "-1:i32, 5:i32 | v2 = umax v0, v1 | v2 == -1:i32";
    /// The smaller of two signed integers.
    Smin "smin" Values (T: Int) [T, T] -> [T] PURE, "-1:i32, 5:i32 | v2 = smin v0, v1 | v2 == -1:i32";
    /// The larger of two signed integers.
    Smax "smax" Values (T: Int) [T, T] -> [T] PURE, "-1:i32, 5:i32 | v2 = smax v0, v1 | v2 == 5:i32";
}
"Bits" {
    /// Bitwise and.
    Band "band" Values (T: Bits) [T, T] -> [T] PURE, "12:i8, 10:i8 | v2 = band v0, v1 | v2 == 8:i8";
    /// Bitwise or.
    Bor "bor" Values (T: Bits) [T, T] -> [T] PURE, "12:i8, 10:i8 | v2 = bor v0, v1 | v2 == 14:i8";
    /// Bitwise exclusive or.
    Bxor "bxor" Values (T: Bits) [T, T] -> [T] PURE, "12:i8, 10:i8 | v2 = bxor v0, v1 | v2 == 6:i8";
    /// Bitwise complement.
    Bnot "bnot" Values (T: Bits) [T] -> [T] PURE, "12:i8 | v1 = bnot v0 | v1 == -13:i8";
    /// Shift to the left; the amount counts modulo the width.
    Ishl "ishl" Values (T: Int) [T, T] -> [T] PURE, "3:i32, 33:i32 | v2 = ishl v0, v1 | v2 == 6:i32";
    /// Shift to the right with zeros coming in; the amount counts modulo the width.
    Ushr "ushr" Values (T: Int) [T, T] -> [T] PURE, "-1:i8, 4:i8 | v2 = ushr v0, v1 | v2 == 15:i8";
    /// Shift to the right with copies of the sign coming in; the amount counts modulo the width.
    Sshr "sshr" Values (T: Int) [T, T] -> [T] PURE, "-16:i8, 2:i8 | v2 = sshr v0, v1 | v2 == -4:i8";
    /// Rotation to the left; the amount counts modulo the width.
    Rotl "rotl" Values (T: Int) [T, T] -> [T] PURE, "-127:i8, 1:i8 | v2 = rotl v0, v1 | v2 == 3:i8";
    /// Rotation to the right; the amount counts modulo the width.
    Rotr "rotr" Values (T: Int) [T, T] -> [T] PURE, "3:i8, 1:i8 | v2 = rotr v0, v1 | v2 == -127:i8";
    /// Number of leading zero bits; the width for zero.
    Clz "clz" Values (T: Int) [T] -> [T] PURE, "1:i16 | v1 = clz v0 | v1 == 15:i16";
    /// Number of trailing zero bits; the width for zero.
    Ctz "ctz" Values (T: Int) [T] -> [T] PURE, "8:i64 | v1 = ctz v0 | v1 == 3:i64";
    /// Number of bits that are set.
    Popcnt "popcnt" Values (T: Int) [T] -> [T] PURE, "255:i32 | v1 = popcnt v0 | v1 == 8:i32";
}
"Comparison and selection" {
    /// 1 if the condition holds for two integers, else 0.
    Icmp "icmp" IntCond (T: Int) [T, T] -> [Is(I8)] PURE, "-1:i64, 5:i64 | v2 = icmp slt v0, v1 | v2 == 1:i8";
    /// 1 if the condition holds for two floats, else 0.
    Fcmp "fcmp" FloatCond (T: Float) [T, T] -> [Is(I8)] PURE, "1.5:f64, 0.5:f64 | v2 = fcmp gt v0, v1 | v2 == 1:i8";
    /// 1 if both are the same reference, function or task, else 0.
    SameRef "same_ref" Values (T: Identity) [T, T] -> [Is(I8)] PURE, "| v0 = null.ref\nv1 = same_ref v0, v0 | v1 == 1:i8";
    /// 1 for a null reference, else 0.
    IsNull "is_null" Values (T: Nullable) [T] -> [Is(I8)] PURE, "| v0 = func_addr %double\nv1 = is_null v0 | v1 == 0:i8";
    /// The second operand if the first is not zero, else the third.
    Select "select" Values (T: Data) [In(TypeClass::Int), T, T] -> [T] PURE, "0:i8, 1:i64, 2:i64 | v3 = select v0, v1, v2 | v3 == 2:i64";
}
"Integer conversion" {
    /// Extension to `T` by copies of the sign.
    Sextend "sextend" Values (T: Int) [NarrowerThanT] -> [T] PURE, "-1:i8 | v1 = sextend.i64 v0 | v1 == -1:i64";
    /// Extension to `T` by zeros.
    Uextend "uextend" Values (T: Int) [NarrowerThanT] -> [T] PURE, "-1:i8 | v1 = uextend.i64 v0 | v1 == 255:i64";
    /// The low bits that fit in `T`.
    Ireduce "ireduce" Values (T: Int) [WiderThanT] -> [T] PURE, "511:i64 | v1 = ireduce.i8 v0 | v1 == -1:i8";
}
"Float arithmetic" {
    /// Sum. A NaN made by arithmetic is always the positive quiet NaN without payload.
    Fadd "fadd" Values (T: Float) [T, T] -> [T] PURE, "1.5:f64, 2.0:f64 | v2 = fadd v0, v1 | v2 == 3.5:f64";
    /// Difference.
    Fsub "fsub" Values (T: Float) [T, T] -> [T] PURE, "1.5:f64, 2.0:f64 | v2 = fsub v0, v1 | v2 == -0.5:f64";
    /// Product.
    Fmul "fmul" Values (T: Float) [T, T] -> [T] PURE, "1.5:f64, 2.0:f64 | v2 = fmul v0, v1 | v2 == 3.0:f64";
    /// Quotient.
    Fdiv "fdiv" Values (T: Float) [T, T] -> [T] PURE, "1.5:f64, 2.0:f64 | v2 = fdiv v0, v1 | v2 == 0.75:f64";
    /// Square root.
    Fsqrt "fsqrt" Values (T: Float) [T] -> [T] PURE, "2.25:f64 | v1 = fsqrt v0 | v1 == 1.5:f64";
    /// The smaller of two; a NaN if either is one; -0 is smaller than 0.
    Fmin "fmin" Values (T: Float) [T, T] -> [T] PURE, "0.0:f64, -0.0:f64 | v2 = fmin v0, v1 | v2 == -0.0:f64";
    /// The larger of two; a NaN if either is one; 0 is larger than -0.
    Fmax "fmax" Values (T: Float) [T, T] -> [T] PURE, "0.0:f64, -0.0:f64 | v2 = fmax v0, v1 | v2 == 0.0:f64";
    /// The operand with its sign bit inverted; the other bits of a NaN stay.
    Fneg "fneg" Values (T: Float) [T] -> [T] PURE, "1.5:f64 | v1 = fneg v0 | v1 == -1.5:f64";
    /// The operand with its sign bit cleared; the other bits of a NaN stay.
    Fabs "fabs" Values (T: Float) [T] -> [T] PURE, "-1.5:f64 | v1 = fabs v0 | v1 == 1.5:f64";
    /// The first operand with the sign bit of the second; the other bits of a NaN stay.
    Fcopysign "fcopysign" Values (T: Float) [T, T] -> [T] PURE, "1.5:f64, -0.0:f64 | v2 = fcopysign v0, v1 | v2 == -1.5:f64";
    /// Rounded to an integral value towards positive infinity.
    Ceil "ceil" Values (T: Float) [T] -> [T] PURE, "1.25:f64 | v1 = ceil v0 | v1 == 2.0:f64";
    /// Rounded to an integral value towards negative infinity.
    Floor "floor" Values (T: Float) [T] -> [T] PURE, "-1.25:f64 | v1 = floor v0 | v1 == -2.0:f64";
    /// Rounded to an integral value towards zero.
    Ftrunc "ftrunc" Values (T: Float) [T] -> [T] PURE, "-1.75:f64 | v1 = ftrunc v0 | v1 == -1.0:f64";
    /// Rounded to the nearest integral value, halves to even.
    Nearest "nearest" Values (T: Float) [T] -> [T] PURE, "2.5:f64 | v1 = nearest v0 | v1 == 2.0:f64";
}
"Float conversion" {
    /// An `f32` as an `f64`, exactly.
    Fpromote "fpromote" Values [Is(Type::F32)] -> [Is(Type::F64)] PURE, "1.5:f32 | v1 = fpromote v0 | v1 == 1.5:f64";
    /// An `f64` rounded to the nearest `f32`.
    Fdemote "fdemote" Values [Is(Type::F64)] -> [Is(Type::F32)] PURE, "1.5:f64 | v1 = fdemote v0 | v1 == 1.5:f32";
    /// A signed integer rounded to the nearest `T`.
    FcvtFromSint "fcvt_from_sint" Values (T: Float) [In(TypeClass::WideInt)] -> [T] PURE, "-3:i32 | v1 = fcvt_from_sint.f64 v0 | v1 == -3.0:f64";
    /// An unsigned integer rounded to the nearest `T`.
    FcvtFromUint "fcvt_from_uint" Values (T: Float) [In(TypeClass::WideInt)] -> [T] PURE, "-1:i32 | v1 = fcvt_from_uint.f64 v0 | v1 == 4294967295.0:f64";
    /// Truncated to a signed integer. Traps with `invalid_conversion` for a NaN and out of range.
    FcvtToSint "fcvt_to_sint" Values (T: WideInt) [In(TypeClass::Float)] -> [T] TRAPS, "-3.9:f64 | v1 = fcvt_to_sint.i32 v0 | v1 == -3:i32";
    /// Truncated to an unsigned integer. Traps with `invalid_conversion` for a NaN and out of range.
    FcvtToUint "fcvt_to_uint" Values (T: WideInt) [In(TypeClass::Float)] -> [T] TRAPS, "-1.0:f64 | v1 = fcvt_to_uint.i32 v0 | trap invalid_conversion";
    /// Truncated to a signed integer; the nearest bound when out of range, 0 for a NaN.
    FcvtToSintSat "fcvt_to_sint_sat" Values (T: WideInt) [In(TypeClass::Float)] -> [T] PURE, "1e30:f64 | v1 = fcvt_to_sint_sat.i32 v0 | v1 == 2147483647:i32";
    /// Truncated to an unsigned integer; the nearest bound when out of range, 0 for a NaN.
    FcvtToUintSat "fcvt_to_uint_sat" Values (T: WideInt) [In(TypeClass::Float)] -> [T] PURE, "-5.0:f64 | v1 = fcvt_to_uint_sat.i32 v0 | v1 == 0:i32";
    /// The same bits as another type of the same width.
    Bitcast "bitcast" Values (T: Number) [SameBitsAsT] -> [T] PURE, "1.0:f32 | v1 = bitcast.i32 v0 | v1 == 1065353216:i32";
}
"Vectors" {
    /// A vector constant: up to 32 hexadecimal digits, the most significant first.
    Vconst "vconst" Vector [] -> [Is(V128)] PURE, "| v0 = vconst 0x000000000000000000000000000000ff | v0 == 0xff:v128";
    /// A vector whose lanes are all equal to the operand.
    Splat "splat" Lanes (S: Any) [LaneType] -> [Is(V128)] PURE, "-2:i16 | v1 = splat.i16x8 v0 | v1 == 0xfffefffefffefffefffefffefffefffe:v128";
    /// One lane.
    ExtractLane "extract_lane" Lane (S: Any) [Is(V128)] -> [LaneType] PURE, "0x00000004000000030000000200000001:v128 | v1 = extract_lane.i32x4 v0, 2 | v1 == 3:i32";
    /// The vector with one lane replaced.
    InsertLane "insert_lane" Lane (S: Any) [Is(V128), LaneType] -> [Is(V128)] PURE, "0x00000004000000030000000200000001:v128, 9:i32 | v2 = insert_lane.i32x4 v0, v1, 3 | v2 == 0x00000009000000030000000200000001:v128";
    /// For each byte, the one of the two vectors that the number names: 0 to 15 are those of the first,
    /// 16 to 31 those of the second.
    Shuffle "shuffle" Shuffle [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0x0f0e0d0c0b0a09080706050403020100:v128, 0x1f1e1d1c1b1a19181716151413121110:v128 | v2 = shuffle v0, v1, [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23] | v2 == 0x17071606150514041303120211011000:v128";
    /// Bit by bit, that of the second operand where the mask has 1, else that of the third.
    Bitselect "bitselect" Values [Is(V128), Is(V128), Is(V128)] -> [Is(V128)] PURE, "0xff00:v128, 0x1234:v128, 0x5678:v128 | v3 = bitselect v0, v1, v2 | v3 == 0x1278:v128";
    /// 1 if any bit is set, else 0.
    AnyTrue "any_true" Values [Is(V128)] -> [Is(I8)] PURE, "0x100:v128 | v1 = any_true v0 | v1 == 1:i8";
    /// 1 if no lane is zero, else 0.
    AllTrue "all_true" Lanes (S: Int) [Is(V128)] -> [Is(I8)] PURE, "0x00000004000000030000000200000001:v128 | v1 = all_true.i32x4 v0 | v1 == 1:i8";
    /// The uppermost bit of each lane, that of lane 0 in bit 0; the other bits are 0.
    LaneMask "lane_mask" Lanes (S: Int) [Is(V128)] -> [Is(I32)] PURE, "0x80000000000000000000000080000001:v128 | v1 = lane_mask.i32x4 v0 | v1 == 9:i32";
}
"Integer lanes" {
    /// Sums, modulo two to the width of a lane.
    Viadd "viadd" Lanes (S: Int) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0x00000004000000030000000200000001:v128, 0x000000010000000100000001ffffffff:v128 | v2 = viadd.i32x4 v0, v1 | v2 == 0x00000005000000040000000300000000:v128";
    /// Differences, modulo two to the width of a lane.
    Visub "visub" Lanes (S: Int) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0x00000004000000030000000200000000:v128, 0x00000001000000010000000100000001:v128 | v2 = visub.i32x4 v0, v1 | v2 == 0x000000030000000200000001ffffffff:v128";
    /// Products, modulo two to the width of a lane.
    Vimul "vimul" Lanes (S: WideInt) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0x00000004000000030000000200000001:v128, 0x00000005000000050000000580000000:v128 | v2 = vimul.i32x4 v0, v1 | v2 == 0x000000140000000f0000000a80000000:v128";
    /// Two's complement negations.
    Vineg "vineg" Lanes (S: Int) [Is(V128)] -> [Is(V128)] PURE, "0x00000000000000010000000000000000:v128 | v1 = vineg.i64x2 v0 | v1 == 0xffffffffffffffff0000000000000000:v128";
    /// The smaller one in each lane, unsigned.
    Vumin "vumin" Lanes (S: Int) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0xffffffffffffffff0000000000000005:v128, 0x00000000000000010000000000000007:v128 | v2 = vumin.i64x2 v0, v1 | v2 == 0x00000000000000010000000000000005:v128";
    /// The larger one in each lane, unsigned.
    Vumax "vumax" Lanes (S: Int) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0xffffffffffffffff0000000000000005:v128, 0x00000000000000010000000000000007:v128 | v2 = vumax.i64x2 v0, v1 | v2 == 0xffffffffffffffff0000000000000007:v128";
    /// The smaller one in each lane, signed.
    Vsmin "vsmin" Lanes (S: Int) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0xffffffffffffffff0000000000000005:v128, 0x00000000000000010000000000000007:v128 | v2 = vsmin.i64x2 v0, v1 | v2 == 0xffffffffffffffff0000000000000005:v128";
    /// The larger one in each lane, signed.
    Vsmax "vsmax" Lanes (S: Int) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0xffffffffffffffff0000000000000005:v128, 0x00000000000000010000000000000007:v128 | v2 = vsmax.i64x2 v0, v1 | v2 == 0x00000000000000010000000000000007:v128";
    /// Shift of each lane to the left by one amount, which counts modulo the width of a lane.
    Vishl "vishl" Lanes (S: Int) [Is(V128), Is(I32)] -> [Is(V128)] PURE, "0x80000000000000000000000000000003:v128, 65:i32 | v2 = vishl.i64x2 v0, v1 | v2 == 0x6:v128";
    /// Shift of each lane to the right by one amount, which counts modulo the width of a lane, with
    /// zeros coming in.
    Vushr "vushr" Lanes (S: Int) [Is(V128), Is(I32)] -> [Is(V128)] PURE, "0x80000000000000000000000000000006:v128, 1:i32 | v2 = vushr.i64x2 v0, v1 | v2 == 0x40000000000000000000000000000003:v128";
    /// Shift of each lane to the right by one amount, which counts modulo the width of a lane, with
    /// copies of the lane's sign coming in.
    Vsshr "vsshr" Lanes (S: Int) [Is(V128), Is(I32)] -> [Is(V128)] PURE, "0x80000000000000000000000000000006:v128, 1:i32 | v2 = vsshr.i64x2 v0, v1 | v2 == 0xc0000000000000000000000000000003:v128";
    /// All bits of a lane set where the condition holds, else none. The conditions are those of `icmp`.
    Vicmp "vicmp" LanesIntCond (S: Int) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0xffffffffffffffff0000000000000005:v128, 0x00000000000000010000000000000005:v128 | v2 = vicmp.i64x2 slt v0, v1 | v2 == 0xffffffffffffffff0000000000000000:v128";
}
"Float lanes" {
    /// Sums. A NaN made by arithmetic is in each lane the positive quiet NaN without payload.
    Vfadd "vfadd" Lanes (S: Float) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0x3ff80000000000004000000000000000:v128, 0x40000000000000004000000000000000:v128 | v2 = vfadd.f64x2 v0, v1 | v2 == 0x400c0000000000004010000000000000:v128";
    /// Differences.
    Vfsub "vfsub" Lanes (S: Float) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0x3ff80000000000004000000000000000:v128, 0x40000000000000004000000000000000:v128 | v2 = vfsub.f64x2 v0, v1 | v2 == 0xbfe00000000000000000000000000000:v128";
    /// Products.
    Vfmul "vfmul" Lanes (S: Float) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0x3ff80000000000004000000000000000:v128, 0x40000000000000004000000000000000:v128 | v2 = vfmul.f64x2 v0, v1 | v2 == 0x40080000000000004010000000000000:v128";
    /// Quotients.
    Vfdiv "vfdiv" Lanes (S: Float) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0x3ff80000000000000000000000000000:v128, 0x40000000000000000000000000000000:v128 | v2 = vfdiv.f64x2 v0, v1 | v2 == 0x3fe80000000000007ff8000000000000:v128";
    /// Square roots.
    Vfsqrt "vfsqrt" Lanes (S: Float) [Is(V128)] -> [Is(V128)] PURE, "0x4010000000000000bff0000000000000:v128 | v1 = vfsqrt.f64x2 v0 | v1 == 0x40000000000000007ff8000000000000:v128";
    /// The smaller one in each lane, as `fmin` does it.
    Vfmin "vfmin" Lanes (S: Float) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0x3ff80000000000000000000000000000:v128, 0x40000000000000008000000000000000:v128 | v2 = vfmin.f64x2 v0, v1 | v2 == 0x3ff80000000000008000000000000000:v128";
    /// The larger one in each lane, as `fmax` does it.
    Vfmax "vfmax" Lanes (S: Float) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0x3ff80000000000000000000000000000:v128, 0x40000000000000008000000000000000:v128 | v2 = vfmax.f64x2 v0, v1 | v2 == 0x40000000000000000000000000000000:v128";
    /// Each lane with its sign bit inverted; the other bits of a NaN stay.
    Vfneg "vfneg" Lanes (S: Float) [Is(V128)] -> [Is(V128)] PURE, "0x3ff8000000000000fff0000000000001:v128 | v1 = vfneg.f64x2 v0 | v1 == 0xbff80000000000007ff0000000000001:v128";
    /// Each lane with its sign bit cleared; the other bits of a NaN stay.
    Vfabs "vfabs" Lanes (S: Float) [Is(V128)] -> [Is(V128)] PURE, "0xbff8000000000000fff0000000000001:v128 | v1 = vfabs.f64x2 v0 | v1 == 0x3ff80000000000007ff0000000000001:v128";
    /// All bits of a lane set where the condition holds, else none. The conditions are those of `fcmp`.
    Vfcmp "vfcmp" LanesFloatCond (S: Float) [Is(V128), Is(V128)] -> [Is(V128)] PURE, "0x3ff80000000000007ff8000000000000:v128, 0x40000000000000004000000000000000:v128 | v2 = vfcmp.f64x2 lt v0, v1 | v2 == 0xffffffffffffffff0000000000000000:v128";
}
"Memory" {
    /// Loads a `T`, least significant byte first, at any alignment.
    Load "load" Access (T: Stored) [Address] -> [T] READS, "8:i64 | v1 = load.i64 %heap[v0+8] | v1 == 0:i64";
    /// Loads 8 bits and extends them by zeros to `T`.
    Uload8 "uload8" Access (T: Int) [Address] -> [T] READS, "| v0 = iconst.i8 -1\nstore ss0[3], v0\nv1 = uload8.i64 ss0[3] | v1 == 255:i64";
    /// Loads 8 bits and extends them by their sign to `T`.
    Sload8 "sload8" Access (T: Int) [Address] -> [T] READS, "| v0 = iconst.i8 -1\nstore ss0[3], v0\nv1 = sload8.i64 ss0[3] | v1 == -1:i64";
    /// Loads 16 bits and extends them by zeros to `T`.
    Uload16 "uload16" Access (T: WideInt) [Address] -> [T] READS, "| v0 = iconst.i16 -1\nstore ss0[2], v0\nv1 = uload16.i64 ss0[2] | v1 == 65535:i64";
    /// Loads 16 bits and extends them by their sign to `T`.
    Sload16 "sload16" Access (T: WideInt) [Address] -> [T] READS, "| v0 = iconst.i16 -1\nstore ss0[2], v0\nv1 = sload16.i64 ss0[2] | v1 == -1:i64";
    /// Loads 32 bits and extends them by zeros to 64.
    Uload32 "uload32" Access [Address] -> [Is(I64)] READS, "| v0 = iconst.i32 -1\nstore ss0[4], v0\nv1 = uload32 ss0[4] | v1 == 4294967295:i64";
    /// Loads 32 bits and extends them by their sign to 64.
    Sload32 "sload32" Access [Address] -> [Is(I64)] READS, "| v0 = iconst.i32 -1\nstore ss0[4], v0\nv1 = sload32 ss0[4] | v1 == -1:i64";
    /// Stores a `T`, least significant byte first, at any alignment.
    Store "store" Access (T: Stored) [Address, T] -> [] WRITES, "16:i64, 7:i64 | store %heap[v0], v1\nv2 = load.i64 %heap[v0] | v2 == 7:i64";
    /// Stores the low 8 bits.
    Istore8 "istore8" Access (T: Int) [Address, T] -> [] WRITES, "511:i64 | istore8 ss0[0], v0\nv1 = uload8.i64 ss0[0] | v1 == 255:i64";
    /// Stores the low 16 bits.
    Istore16 "istore16" Access (T: WideInt) [Address, T] -> [] WRITES, "-1:i64 | istore16 ss0[0], v0\nv1 = uload16.i64 ss0[0] | v1 == 65535:i64";
    /// Stores the low 32 bits of an `i64`.
    Istore32 "istore32" Access [Address, Is(I64)] -> [] WRITES, "-1:i64 | istore32 ss0[0], v0\nv1 = uload32 ss0[0] | v1 == 4294967295:i64";
    /// The size of a linear memory in pages of 65,536 bytes.
    MemorySize "memory_size" Memory [] -> [Is(I64)] Effects::READS, "| v0 = memory_size %heap | v0 == 1:i64";
    /// Grows a linear memory by a number of pages. Gives its size before, or -1 if the new size is
    /// above its maximum or cannot be had.
    MemoryGrow "memory_grow" Memory [Is(I64)] -> [Is(I64)] CALLS, "2:i64 | v1 = memory_grow %heap, v0 | v1 == 1:i64";
    /// Copies bytes between linear memories, as if through a buffer: to, from, length.
    MemoryCopy "memory_copy" MemoryPair [Is(I64), Is(I64), Is(I64)] -> [] CALLS, "8:i64, 0:i64, 4:i64 | memory_copy %heap, %heap, v0, v1, v2\nv3 = load.i32 %heap[v0] | v3 == 0:i32";
    /// Fills bytes of a linear memory: to, byte, length.
    MemoryFill "memory_fill" Memory [Is(I64), Is(I8), Is(I64)] -> [] CALLS, "0:i64, 1:i8, 4:i64 | memory_fill %heap, v0, v1, v2\nv3 = load.i32 %heap[v0] | v3 == 16843009:i32";
    /// Copies bytes of a data segment into a linear memory: to, from, length.
    MemoryInit "memory_init" MemoryData [Is(I64), Is(I64), Is(I64)] -> [] CALLS, "0:i64, 1:i64, 2:i64 | memory_init %heap, %greeting, v0, v1, v2\nv3 = load.i16 %heap[v0] | v3 == 27749:i16";
    /// The raw address of the first byte of a linear memory.
    MemoryBase "memory_base" Memory [] -> [Is(I64)] READS.and(Effects::TRUSTED), "";
    /// The address of a byte of a stack slot.
    StackAddr "stack_addr" Slot [] -> [Is(ADDR)] PURE, "5:i64 | store ss0[8], v0\nv1 = stack_addr ss0[0]\nv2 = load.i64 addr[v1+8] | v2 == 5:i64";
    /// An address a number of bytes further on. Outside trusted modules the number is a constant.
    AddrAdd "addr_add" Values [Is(ADDR), Is(I64)] -> [Is(ADDR)] PURE, "5:i64 | store ss0[8], v0\nv1 = stack_addr ss0[0]\nv2 = iconst.i64 8\nv3 = addr_add v1, v2\nv4 = load.i64 addr[v3] | v4 == 5:i64";
}
"Globals and tables" {
    /// The value of a global variable.
    GlobalGet "global_get" Global (T: Data) [] -> [T] Effects::READS, "| v0 = global_get.i64 %count | v0 == 0:i64";
    /// Gives a global variable a value.
    GlobalSet "global_set" Global (T: Data) [T] -> [] Effects::WRITES, "3:i64 | global_set %count, v0\nv1 = global_get.i64 %count | v1 == 3:i64";
    /// An entry of a table. Traps with `table_out_of_bounds`.
    TableGet "table_get" Table [Is(I64)] -> [Is(FUNCREF)] READS, "1:i64 | v1 = table_get %operators, v0\nv2 = is_null v1 | v2 == 1:i8";
    /// Gives an entry of a table a value. Traps with `table_out_of_bounds`.
    TableSet "table_set" Table [Is(I64), Is(FUNCREF)] -> [] WRITES, "9:i64 | v1 = func_addr %double\ntable_set %operators, v0, v1 | trap table_out_of_bounds";
    /// The number of entries of a table.
    TableSize "table_size" Table [] -> [Is(I64)] PURE, "| v0 = table_size %operators | v0 == 2:i64";
}
"Objects" {
    /// A new object of a type with fields, all of them zero or null. Traps with `out_of_memory`.
    New "new" ObjectType [] -> [Is(REF)] CALLS.and(COLLECTS), "| v0 = new %pair\nv1 = get_field.i64 %pair.number, v0 | v1 == 0:i64";
    /// A new array of as many elements as the unsigned operand says, all of them zero or null. Traps
    /// with `out_of_memory`, also if the number is too large.
    NewArray "new_array" ObjectType [Is(I64)] -> [Is(REF)] CALLS.and(COLLECTS), "3:i64 | v1 = new_array %refs, v0\nv2 = array_length %refs, v1 | v2 == 3:i64";
    /// The value of a field. Traps with `null_reference` and, if the object is of another type, with
    /// `wrong_object_type`; so do all instructions below that access an object.
    GetField "get_field" ObjectField (T: Data) [Is(REF)] -> [T] READS, "| v0 = null.ref\nv1 = get_field.i64 %pair.number, v0 | trap null_reference";
    /// Gives a field a value: object, value.
    SetField "set_field" ObjectField (T: Data) [Is(REF), T] -> [] WRITES, "7:i64 | v1 = new %pair\nset_field %pair.number, v1, v0\nv2 = get_field.i64 %pair.number, v1 | v2 == 7:i64";
    /// An element of an array: array, index. Traps with `array_out_of_bounds` if the unsigned index is
    /// not below the length.
    GetElement "get_element" ObjectType (T: Data) [Is(REF), Is(I64)] -> [T] READS, "3:i64 | v1 = new_array %bytes, v0\nv2 = get_element.i8 %bytes, v1, v0 | trap array_out_of_bounds";
    /// Gives an element of an array a value: array, index, value. Traps as `get_element` does.
    SetElement "set_element" ObjectType (T: Data) [Is(REF), Is(I64), T] -> [] WRITES, "3:i64, 2:i64, 7:i8 | v3 = new_array %bytes, v0\nset_element %bytes, v3, v1, v2\nv4 = get_element.i8 %bytes, v3, v1 | v4 == 7:i8";
    /// The number of elements of an array.
    ArrayLength "array_length" ObjectType [Is(REF)] -> [Is(I64)] TRAPS, "3:i64 | v1 = new_array %bytes, v0\nv2 = array_length %bytes, v1 | v2 == 3:i64";
    /// Copies elements between arrays of one type, as if through a buffer: to, its first index, from,
    /// its first index, number of elements. The array to copy to is checked before the one to copy
    /// from, both before the bounds. Traps with `array_out_of_bounds`, and then nothing is written.
    ArrayCopy "array_copy" ObjectType [Is(REF), Is(I64), Is(REF), Is(I64), Is(I64)] -> [] CALLS, "0:i64, 1:i64, 3:i64, 7:i8 | v4 = new_array %bytes, v2\nset_element %bytes, v4, v0, v3\narray_copy %bytes, v4, v1, v4, v0, v1\nv5 = get_element.i8 %bytes, v4, v1 | v5 == 7:i8";
    /// 1 for an object of the type, 0 for one of another type and for null.
    IsInstance "is_instance" ObjectType [Is(REF)] -> [Is(I8)] PURE, "| v0 = new %pair\nv1 = is_instance %pair, v0 | v1 == 1:i8";
}
"Root slots" {
    /// Puts a reference into a root slot, where the collector finds it and keeps it right.
    RootSet "root_set" Root [Is(REF)] -> [] Effects::WRITES, "| v0 = new %pair\nroot_set root0, v0\nv1 = new %pair roots [root0]\nv2 = root_get root0\nv3 = is_instance %pair, v2 | v3 == 1:i8";
    /// The reference in a root slot. Every safepoint since it was put there has to list the slot.
    RootGet "root_get" Root [] -> [Is(REF)] Effects::READS, "| v0 = null.ref\nroot_set root0, v0\nv1 = root_get root0\nv2 = is_null v1 | v2 == 1:i8";
}
"Calls and tasks" {
    /// Calls a function. Of an async function it is a suspension point.
    Call "call" Call [Rest] -> [Rest] INVOKES.and(COLLECTS), "21:i64 | v1 = call %double(v0) | v1 == 42:i64";
    /// Calls what a function reference names. Traps with `null_reference` and, unless the signature
    /// is that of the function, the async mark included, with `signature_mismatch`.
    CallIndirect "call_indirect" CallIndirect [Is(FUNCREF), Rest] -> [Rest] INVOKES.and(COLLECTS), "21:i64 | v1 = func_addr %double\nv2 = call_indirect sig0, v1(v0) | v2 == 42:i64";
    /// Calls a function in place of this one and returns what it returns.
    ReturnCall "return_call" Call [Rest] -> [] INVOKES.and(ENDS), "21:i64 | return_call %later(v0) | == 42:i64";
    /// Calls what a function reference names in place of this function.
    ReturnCallIndirect "return_call_indirect" CallIndirect [Is(FUNCREF), Rest] -> [] INVOKES.and(ENDS), "21:i64 | v1 = func_addr %later\nreturn_call_indirect sig1, v1(v0) | == 42:i64";
    /// Starts a task that runs an async function, at once until it finishes or first suspends.
    Spawn "spawn" Call [Rest] -> [Is(TASK)] CALLS.and(COLLECTS), "21:i64 | v1 = spawn %later(v0)\nv2 = join sig2, v1 | v2 == 42:i64";
    /// Waits for a task and takes its results, which must have the types that the signature names.
    /// A task is joined once. If the task trapped, so does the joiner, for the same reason; if it
    /// ended with an exception, the join throws that.
    Join "join" Join [Is(TASK)] -> [Rest] INVOKES.and(COLLECTS).and(Effects::SUSPENDS), "21:i64 | v1 = spawn %later(v0)\nv2 = join sig2, v1 | v2 == 42:i64";
    /// Lets a task run on its own; its results are dropped when it finishes.
    Detach "detach" Values [Is(TASK)] -> [] CALLS, "21:i64 | v1 = spawn %later(v0)\ndetach v1 | ";
    /// Cancels a task, once and for all: what it waits for, or would wait for next, is forgotten, and each
    /// of its activations with an unwind target gets the exception with tag -1 and payload null, innermost
    /// first. Handlers may wait; what they come back with is dropped. The task ends with that exception, or
    /// with its results if it never waits again. It may be one that runs, is joined or is detached.
    Cancel "cancel" Values [Is(TASK)] -> [] CALLS, "21:i64 | v1 = spawn %later(v0)\ncancel v1 | ";
    /// 1 if a task has finished and can be joined without waiting, else 0.
    IsDone "is_done" Values [Is(TASK)] -> [Is(I8)] CALLS, "21:i64 | v1 = spawn %later(v0)\nv2 = is_done v1\nv3 = join sig2, v1 | v2 == 0:i8";
    /// 1 and the results of a task, as `join` takes them, if it has finished; else 0 and zeros or nulls, and
    /// the task can be asked again. It never waits, so sync functions have it. What the task ended with
    /// otherwise is thrown, or traps, as at a `join`.
    TaskTryResult "task_try_result" Join [Is(TASK)] -> [Is(I8), Rest] INVOKES.and(COLLECTS), "21:i64 | v1 = spawn %later(v0)\nv2, v3 = task_try_result sig2, v1\nv4 = join sig2, v1 | v2 == 0:i8";
}
"Control flow" {
    /// Goes on in a block.
    Jump "jump" Jump [] -> [] ENDS, "7:i64 | jump block1(v0)\nblock1(v1: i64):\nreturn v1 | == 7:i64";
    /// Goes on in the first block if the operand is not zero, else in the second.
    Brif "brif" Branch [In(TypeClass::Int)] -> [] ENDS, "0:i8, 1:i64, 2:i64 | brif v0, block1(v1), block1(v2)\nblock1(v3: i64):\nreturn v3 | == 2:i64";
    /// Goes on in the block that the unsigned operand selects, in the first one if it is too large.
    BrTable "br_table" BranchTable [In(TypeClass::WideInt)] -> [] ENDS, "1:i32, 5:i64, 6:i64 | br_table v0, block1(v1), [block1(v1), block1(v2)]\nblock1(v3: i64):\nreturn v3 | == 6:i64";
    /// Returns from the function.
    Return "return" Values [Rest] -> [] ENDS, "7:i64 | return v0 | == 7:i64";
    /// Ends the task, or the call from the host, with a reason; no handler sees it.
    Trap "trap" Trap [] -> [] ENDS.and(TRAPS), "| trap user | trap user";
    /// Marks a place that control never reaches; it traps with `unreachable` if it does.
    Unreachable "unreachable" Values [] -> [] ENDS.and(TRAPS), "| unreachable | trap unreachable";
}
"Exceptions" {
    /// Throws an exception: a tag and a payload, whose meaning is the front end's. Control goes to
    /// the unwind target of the innermost call with one. Without any, the task, or the call from the
    /// host, ends with the exception.
    Throw "throw" Values [Is(I64), Is(REF)] -> [] ENDS.and(Effects::THROWS), "7:i64 | v1 = null.ref\nthrow v0, v1 | throws 7:i64";
    /// Throws an exception on that was caught: if it is the one that the task caught last, its trace
    /// still tells where it was thrown first.
    Rethrow "rethrow" Values [Is(I64), Is(REF)] -> [] ENDS.and(Effects::THROWS), "7:i64 | v1 = null.ref\nrethrow v0, v1 | throws 7:i64";
    /// Calls a function and goes on in the first block; if the function throws, in the second one. The
    /// results are those of the callee, then tag and payload of the exception. Nothing but the
    /// arguments of the two targets can use them: the first those of the callee, the second the
    /// exception. Of an async function it is a suspension point.
    TryCall "try_call" TryCall [Rest] -> [Rest, Is(I64), Is(REF)] INVOKES.and(COLLECTS).and(ENDS), "21:i64 | v1, v2, v3 = try_call %double(v0), block1(v1), unwind block1(v2)\nblock1(v4: i64):\nreturn v4 | == 42:i64";
    /// Calls what a function reference names, as `try_call` does. Its own traps, as `null_reference`,
    /// are no exceptions.
    TryCallIndirect "try_call_indirect" TryCallIndirect [Is(FUNCREF), Rest] -> [Rest, Is(I64), Is(REF)] INVOKES.and(COLLECTS).and(ENDS), "21:i64 | v1 = func_addr %double\nv2, v3, v4 = try_call_indirect sig0, v1(v0), block1(v2), unwind block1(v3)\nblock1(v5: i64):\nreturn v5 | == 42:i64";
    /// Waits for a task and goes on with its results in the first block; if it ended with an
    /// exception, in the second one.
    TryJoin "try_join" TryJoin [Is(TASK)] -> [Rest, Is(I64), Is(REF)] INVOKES.and(COLLECTS).and(ENDS).and(Effects::SUSPENDS), "21:i64 | v1 = spawn %later(v0)\nv2, v3, v4 = try_join sig2, v1, block1(v2), unwind block1(v3)\nblock1(v5: i64):\nreturn v5 | == 42:i64";
}
"Fuel" {
    /// Uses up an amount of the instance's fuel: 1 if there is then less than none, else 0. The pass
    /// `fuel` makes it, and what is to be done about the answer.
    FuelCheck "fuel_check" Integer [] -> [Is(I8)] METERS, "| v0 = fuel_check 5 | v0 == 0:i8";
    /// The fuel that the instance has left; below zero it is a debt.
    FuelLeft "fuel_left" Values [] -> [Is(I64)] METERS, "| v0 = fuel_left\nv1 = fuel_check 5\nv2 = fuel_left\nv3 = isub v0, v2 | v3 == 5:i64";
}
"Context word" {
    /// The context word of the task that runs. What an async callee has made of it is undone when
    /// that returns or throws.
    ContextGet "context_get" Values [] -> [Is(I64)] Effects::READS, "7:i64 | context_set v0\nv1 = context_get | v1 == 7:i64";
    /// Gives the task that runs another context word.
    ContextSet "context_set" Values [Is(I64)] -> [] Effects::WRITES, "7:i64 | v1 = context_get\ncontext_set v0\nv2 = context_get\ncontext_set v1 | v2 == 7:i64";
}
"Lowered functions" {
    /// 1 for a continuation, 0 for null: whether a callee suspended, or a call is a resumption.
    IsSuspended "is_suspended" Values [Is(CONT)] -> [Is(I8)] LOWERED, SEE_LOWERED;
    /// The state number that a continuation was suspended with.
    ContState "cont_state" Values [Is(CONT)] -> [Is(I32)] LOWERED.and(READS), SEE_LOWERED;
    /// The object that the running activation was resumed from, or null. In blocks that suspend.
    OwnContinuation "own_continuation" Values [] -> [Is(CONT)] LOWERED, SEE_LOWERED;
    /// 1 if the object has the layout, else 0. The operand is not null.
    HasLayout "has_layout" Layout [Is(CONT)] -> [Is(I8)] LOWERED.and(READS), SEE_LOWERED;
    /// A new object of a layout. The operand is the callee's continuation: if there is no memory,
    /// the chain that ends with it is freed, and the task traps with `out_of_memory`.
    NewContinuation "new_continuation" Layout [Is(CONT)] -> [Is(CONT)] LOWERED.and(CALLS), SEE_LOWERED;
    /// Stores a value into a field: object, value.
    FieldStore "field_store" Field (T: Data) [Is(CONT), T] -> [] LOWERED.and(WRITES), SEE_LOWERED;
    /// Loads the value of a field.
    FieldLoad "field_load" Field (T: Data) [Is(CONT)] -> [T] LOWERED.and(READS), SEE_LOWERED;
    /// Copies the contents of a stack slot into a field.
    FieldSaveSlot "field_save_slot" SlotField [Is(CONT)] -> [] LOWERED.and(WRITES), SEE_LOWERED;
    /// Copies the contents of a stack slot back from a field.
    FieldRestoreSlot "field_restore_slot" SlotField [Is(CONT)] -> [] LOWERED.and(READS).and(WRITES), SEE_LOWERED;
    /// A result of the call at a suspension point, delivered into the continuation; of an exceptional
    /// entry, the tag or the payload of the exception.
    ResultLoad "result_load" PointResult (T: Data) [Is(CONT)] -> [T] LOWERED.and(READS), SEE_LOWERED;
    /// Says at which suspension point an object was suspended.
    SetPoint "set_point" Point [Is(CONT)] -> [] LOWERED.and(WRITES), SEE_LOWERED;
    /// Makes the second continuation the caller of the first.
    Link "link" Values [Is(CONT), Is(CONT)] -> [] LOWERED.and(WRITES), SEE_LOWERED;
    /// Returns a continuation as the hidden result: this activation is suspended.
    Suspend "suspend" Values [Is(CONT)] -> [] LOWERED.and(ENDS), SEE_LOWERED;
}
}

const _: () = assert!(TABLE.len() < 256, "the enum is one byte");
