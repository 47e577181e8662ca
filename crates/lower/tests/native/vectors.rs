//! Vectors, compared with the interpreter: every instruction on every shape, with boundary lanes, random
//! ones and constants; and how vectors get from place to place.

use crate::harness::{BOTH, Native, Outcome, masked, parse};
use crate::programs::agree;
use enjamb_abi::context::LeafMode;
use enjamb_interp::{Error, Imports, Instance, Options};
use enjamb_ir::{
    FloatCond, IntCond, Opcode, OpcodeInfo, OperandKind, Shape, Type, TypeClass, TypeRule, Val,
};
use std::fmt::Write;

/// A stream of numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn vector(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

/// Scalars of a type at which something can go wrong.
fn boundaries(ty: Type) -> Vec<u64> {
    let floats = [0.0, 1.0, 2.5, -1.5, 1e-310, 1e30, f64::INFINITY];
    let mut bits = match ty {
        Type::F32 => floats
            .map(|float| u64::from((float as f32).to_bits()))
            .to_vec(),
        Type::F64 => floats.map(f64::to_bits).to_vec(),
        _ => {
            let sign = 1_u64 << (ty.bits() - 1);
            return vec![0, 1, sign - 1, sign, sign + 1, sign | (sign - 1), 5, 100];
        }
    };
    let quiet = match ty {
        Type::F32 => 0x7fc0_0000,
        _ => 0x7ff8_0000_0000_0000,
    };
    // A NaN with a payload, and one that signals.
    bits.extend([quiet, quiet + 5, quiet - 7]);
    let sign = 1_u64 << (ty.bits() - 1);
    let negative: Vec<u64> = bits.iter().map(|bits| bits ^ sign).collect();
    bits.extend(negative);
    bits
}

/// Vectors with boundary lanes of a shape, and random ones.
fn vectors(shape: Shape) -> Vec<u128> {
    let ty = shape.lane_type();
    let lanes = boundaries(ty);
    let of = |start: usize, step: usize| {
        let lane = |lane: u32| u128::from(lanes[(start + lane as usize * step) % lanes.len()]);
        (0..shape.lanes()).fold(0, |all, index| all | lane(index) << (index * ty.bits()))
    };
    let mut vectors: Vec<u128> = (0..lanes.len()).map(|start| of(start, 1)).collect();
    vectors.extend((0..lanes.len()).step_by(2).map(|start| of(start, 3)));
    vectors.extend([0, u128::MAX, of(0, 0), of(lanes.len() - 1, 0)]);
    let mut random = Random(ty.bits().into());
    vectors.extend((0..6).map(|_| random.vector()));
    vectors
}

/// Functions that apply one instruction each.
#[derive(Default)]
struct Uses {
    text: String,
    functions: Vec<Use>,
}

struct Use {
    name: String,
    params: Vec<Type>,
    result: Type,
    shape: Shape,
}

impl Uses {
    /// `head` stands in front of the operands and `tail` behind; `constants` are lines that define some
    /// of the operands, which are numbered in the order of their types.
    fn add(
        &mut self,
        (head, tail): (&str, &str),
        shape: Shape,
        operands: &[Type],
        result: Type,
        constants: &[(usize, String)],
    ) {
        let is_constant = |index| constants.iter().any(|(operand, _)| *operand == index);
        let params = (0..operands.len()).filter(|&index| !is_constant(index));
        let declared: Vec<String> = params
            .clone()
            .map(|index| format!("v{index}: {}", operands[index]))
            .collect();
        let params: Vec<Type> = params.map(|index| operands[index]).collect();
        let types: Vec<&str> = params.iter().map(|ty| ty.name()).collect();
        let names: Vec<String> = (0..operands.len())
            .map(|index| format!("v{index}"))
            .collect();
        let lines: String = constants
            .iter()
            .map(|(operand, line)| format!("    v{operand} = {line}\n"))
            .collect();
        let name = format!("f{}", self.functions.len());
        let count = operands.len();
        writeln!(
            self.text,
            "function %{name}({}) -> {result} {{\nblock0({}):\n{lines}    v{count} = {head} {}{tail}\n    return v{count}\n}}",
            types.join(", "),
            declared.join(", "),
            names.join(", "),
        )
        .expect("text");
        self.functions.push(Use {
            name,
            params,
            result,
            shape,
        });
    }

    /// An instruction with all of its operands as parameters, and each but one as some constants.
    fn add_all(&mut self, head: (&str, &str), shape: Shape, operands: &[Type], result: Type) {
        self.add(head, shape, operands, result, &[]);
        if operands.len() < 2 && operands != [shape.lane_type()] {
            return;
        }
        let mut random = Random(7);
        for (index, ty) in operands.iter().enumerate() {
            let lines: Vec<String> = match ty {
                Type::V128 => [0, u128::MAX, vectors(shape)[3], random.vector(), 77]
                    .map(|bits| format!("vconst {bits:#034x}"))
                    .to_vec(),
                Type::I32 => [0, 1, 3, 7, 8, 15, 31, 63, 64, -2]
                    .map(|amount| format!("iconst.i32 {amount}"))
                    .to_vec(),
                ty if ty.is_float() => vec![format!("fconst.{ty} -2.5")],
                ty => vec![format!("iconst.{ty} -100")],
            };
            for line in lines {
                self.add(head, shape, operands, result, &[(index, line)]);
            }
        }
    }

    /// An instruction of the table, in all ways to write it for a shape.
    fn add_row(&mut self, row: &OpcodeInfo, shape: Shape) {
        let type_of = |rule: &TypeRule| match rule {
            TypeRule::Is(ty) => *ty,
            TypeRule::LaneType => shape.lane_type(),
            _ => Type::V128,
        };
        let operands: Vec<Type> = row.operands.iter().map(type_of).collect();
        let result = type_of(&row.results[0]);
        let mut heads = vec![(format!("{}.{shape}", row.name), String::new())];
        match row.kind {
            OperandKind::Values => heads[0].0 = row.name.to_string(),
            OperandKind::LanesIntCond => {
                let conds = IntCond::ALL.iter();
                heads = conds
                    .map(|cond| (format!("{}.{shape} {cond}", row.name), String::new()))
                    .collect();
            }
            OperandKind::LanesFloatCond => {
                let conds = FloatCond::ALL.iter();
                heads = conds
                    .map(|cond| (format!("{}.{shape} {cond}", row.name), String::new()))
                    .collect();
            }
            OperandKind::Lane => {
                let head = heads[0].0.clone();
                let tail = |lane| (head.clone(), format!(", {lane}"));
                heads = (0..shape.lanes()).map(tail).collect();
            }
            _ => {}
        }
        for (head, tail) in heads {
            self.add_all((&head, &tail), shape, &operands, result);
        }
    }

    /// Compares every function with the interpreter.
    fn agree(&self) {
        let module = parse(&self.text);
        let mut natives = BOTH.map(|allocator| Native::new(&module, allocator));
        let options = Options::default();
        let mut instance = Instance::new(&module, Imports::new(), options).expect("an instance");
        for function in &self.functions {
            for args in arguments(&function.params, function.shape) {
                let expected = match instance.call(&function.name, &args) {
                    Ok(results) => Ok(Val::to_words(&results)),
                    Err(Error::Trap(trap)) => Err(trap.code),
                    Err(error) => panic!("{error}"),
                };
                let types = [function.result];
                let expected: Outcome = masked(expected, &types);
                for native in &mut natives {
                    let outcome =
                        native.call(&function.name, &Val::to_words(&args), LeafMode::Never);
                    let outcome = masked(outcome, &types);
                    if outcome != expected {
                        panic!(
                            "{outcome:x?}, not {expected:x?}: {}",
                            self.shown(function, &args)
                        );
                    }
                }
            }
        }
    }

    fn shown(&self, function: &Use, args: &[Val]) -> String {
        let start = self
            .text
            .find(&format!("%{}(", function.name))
            .unwrap_or_default();
        let rest = &self.text[start..];
        let args: Vec<String> = args
            .iter()
            .map(|arg| format!("{:#x}", arg.to_bits()))
            .collect();
        format!(
            "{} to {}",
            args.join(", "),
            &rest[..rest.find("\n}").unwrap_or(rest.len())]
        )
    }
}

/// Arguments for parameters; of several, some of the combinations, such that each meets many others.
fn arguments(params: &[Type], shape: Shape) -> Vec<Vec<Val>> {
    let values = |ty: &Type| -> Vec<Val> {
        match ty {
            Type::V128 => vectors(shape).into_iter().map(Val::V128).collect(),
            Type::I32 => [0, 1, 5, 7, 8, 9, 15, 16, 30, 31, 32, 47, 63, 64, 100, -1]
                .map(Val::I32)
                .to_vec(),
            ty => {
                let bits = boundaries(*ty).into_iter();
                bits.map(|bits| Val::from_bits(*ty, bits.into())).collect()
            }
        }
    };
    let Some((first, rest)) = params.split_first() else {
        return vec![Vec::new()];
    };
    let mut tuples = Vec::new();
    for (at, one) in values(first).into_iter().enumerate() {
        match rest {
            [] => tuples.push(vec![one]),
            [second] => {
                let second = values(second).into_iter().enumerate();
                let met = second.filter(|(other, _)| (at + other) % 3 == 0 || at == *other);
                tuples.extend(met.map(|(_, two)| vec![one, two]));
            }
            _ => {
                let mut random = Random(at as u64);
                for _ in 0..8 {
                    let others = rest.iter().map(|_| Val::V128(random.vector()));
                    tuples.push([one].into_iter().chain(others).collect());
                }
            }
        }
    }
    tuples
}

/// Whether an instruction takes vectors and nothing else decides its types.
fn rows() -> Vec<&'static OpcodeInfo> {
    let takes = |row: &&OpcodeInfo| {
        row.shapes.is_some()
            || row.class == Some(TypeClass::Bits)
            || matches!(row.opcode, Opcode::Bitselect | Opcode::AnyTrue)
    };
    Opcode::all().iter().filter(takes).collect()
}

#[test]
fn instructions_agree_with_the_interpreter() {
    let mut uses = Uses::default();
    for row in rows() {
        let fits = |shape: &&Shape| match row.shapes {
            Some(shapes) => shapes.contains(**shape),
            None => matches!(shape, Shape::I8x16),
        };
        for &shape in Shape::ALL.iter().filter(fits) {
            uses.add_row(row, shape);
        }
    }
    assert!(uses.functions.len() > 1000, "{}", uses.functions.len());
    uses.agree();
}

#[test]
fn permutations_agree_with_the_interpreter() {
    let mut permutations: Vec<[u8; 16]> = Vec::new();
    let mut each = |number: &dyn Fn(usize) -> usize| {
        permutations.push(std::array::from_fn(|index| (number(index) % 32) as u8));
    };
    for start in 0..32 {
        each(&|index| index + start);
        each(&|_| start);
    }
    for size in [1, 2, 4, 8] {
        for half in [0, 8] {
            for swap in [0, 16] {
                each(&|index| {
                    (index / size % 2 * 16 + half + index / size / 2 * size + index % size) ^ swap
                });
            }
        }
        // Lanes turned round, of one vector, of the other, of both.
        for other in [0, 16, 20] {
            each(&|index| {
                (16 - size - index / size * size + index % size) ^ (other * (index / 4 % 2))
            });
        }
        // Some lanes of each, in place.
        for pattern in [0b0110_1001_u32, 0b1010_1010, 0b0001_1111] {
            each(&|index| index + 16 * (pattern >> (index / size) & 1) as usize);
        }
    }
    // Groups of 32 and of 16 bits.
    for lanes in [
        [1, 0, 3, 2],
        [2, 3, 4, 5],
        [3, 3, 7, 4],
        [6, 7, 0, 1],
        [0, 0, 0, 5],
    ] {
        each(&|index| lanes[index / 4] * 4 + index % 4);
        each(&|index| [lanes[index / 2 % 4] % 4, index / 2][index / 8] * 2 + index % 2);
        each(&|index| [index / 2, 4 + lanes[index / 2 % 4] % 4][index / 8] * 2 + index % 2);
    }
    let mut random = Random(3);
    for _ in 0..20 {
        let numbers = random.vector().to_le_bytes();
        each(&|index| usize::from(numbers[index]));
    }
    let mut uses = Uses::default();
    let pair = [Type::V128; 2];
    for bytes in permutations {
        let tail = format!(", {bytes:?}");
        uses.add_all(("shuffle", &tail), Shape::I8x16, &pair, Type::V128);
    }
    // A vector with itself.
    for lanes in [[3, 2, 1, 0], [4, 5, 6, 7], [0, 5, 2, 7]] {
        let bytes: Vec<usize> = (0..16)
            .map(|index| lanes[index / 4] * 4 + index % 4)
            .collect();
        let tail = format!(", v0, {bytes:?}");
        uses.add(
            ("shuffle", &tail),
            Shape::I8x16,
            &[Type::V128],
            Type::V128,
            &[],
        );
    }
    uses.agree();
}

/// NaNs are made canonical where something can tell, and not lost where nothing can.
#[test]
fn chains_of_float_lanes_agree_with_the_interpreter() {
    let mut text = String::new();
    let mut names = Vec::new();
    for (shape, other) in [("f32x4", "f64x2"), ("f64x2", "f32x4")] {
        for first in ["vfadd", "vfsub", "vfmul", "vfdiv", "vfmin", "vfmax"] {
            for second in [
                format!("vfmax.{shape} v2, v1"),
                format!("vfmin.{shape} v0, v2"),
                format!("vfcmp.{shape} uno v2, v1"),
                format!("vfcmp.{shape} ge v2, v0"),
                format!("vfsqrt.{shape} v2"),
                format!("vfadd.{other} v2, v1"),
                format!("vfneg.{shape} v2"),
                "band v2, v1".to_string(),
                format!(
                    "shuffle v2, v1, [8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15]\n    v4 = vfadd.{shape} v3, v2"
                ),
                format!(
                    "shuffle v2, v2, [8, 9, 10, 11, 12, 13, 14, 15, 1, 0, 3, 2, 4, 5, 6, 7]\n    v4 = vfmul.{shape} v3, v1"
                ),
                format!("extract_lane.{shape} v2, 1\n    v4 = splat.{shape} v3"),
                format!(
                    "extract_lane.{shape} v2, 0\n    v5 = fadd v3, v3\n    v4 = insert_lane.{shape} v1, v5, 1"
                ),
            ] {
                let name = format!("f{}", names.len());
                let last = if second.contains("v4 = ") { "v4" } else { "v3" };
                writeln!(
                    text,
                    "function %{name}(v128, v128) -> v128 {{\nblock0(v0: v128, v1: v128):\n    v2 = {first}.{shape} v0, v1\n    v3 = {second}\n    return {last}\n}}"
                )
                .expect("text");
                names.push((name, shape));
            }
        }
    }
    let mut calls = Vec::new();
    for (name, shape) in &names {
        let shape = shape.parse().expect("a shape");
        for args in arguments(&[Type::V128; 2], shape).into_iter().step_by(3) {
            calls.push((name.as_str(), args));
        }
    }
    let calls: Vec<(&str, &[Val])> = calls
        .iter()
        .map(|(name, args)| (*name, &args[..]))
        .collect();
    agree(&text, &calls);
}

/// What a loop carries is made canonical behind it, and where it is read as other lanes.
#[test]
fn sums_of_loops_agree_with_the_interpreter() {
    let text = "
function %f(v128, v128, i32) -> v128, v128, v128 {
block0(v0: v128, v1: v128, v2: i32):
    v3 = vfmul.SHAPE v0, v1
    jump block1(v0, v3, v3, v2)
block1(v4: v128, v5: v128, v6: v128, v7: i32):
    v8 = vfadd.SHAPE v4, v1
    v9 = vfmax.SHAPE v5, v1
    v10 = vfsub.f64x2 v6, v1
    v11 = iconst.i32 1
    v12 = isub v7, v11
    brif v12, block1(v8, v9, v10, v12), block2(v9)
block2(v13: v128):
    v14 = vfdiv.f32x4 v13, v8
    v15 = vfadd.SHAPE v10, v8
    return v13, v14, v15
}
";
    for shape in [Shape::F32x4, Shape::F64x2] {
        let pairs = arguments(&[Type::V128; 2], shape).into_iter();
        let calls: Vec<Vec<Val>> = pairs
            .map(|pair| [pair[0], pair[1], Val::I32(3)].to_vec())
            .collect();
        let calls: Vec<(&str, &[Val])> = calls.iter().map(|args| ("f", &args[..])).collect();
        agree(&text.replace("SHAPE", shape.name()), &calls);
    }
}

/// A function of as many vectors and integers, which gives all of them back in another order.
fn wide(count: usize, kind: &str, middle: &str) -> String {
    let types = ["v128, i32"; 1].repeat(count).join(", ");
    let params: Vec<String> = (0..count)
        .map(|index| format!("v{}: v128, v{}: i32", 2 * index, 2 * index + 1))
        .collect();
    let results: Vec<String> = (0..count)
        .rev()
        .map(|index| format!("v{}, v{}", 2 * index, 2 * index + 1))
        .collect();
    format!(
        "function %wide({types}) -> {types}{kind} {{\nblock0({}):\n{middle}    return {}\n}}\n",
        params.join(", "),
        results.join(", ")
    )
}

#[test]
fn vectors_are_passed_in_registers_and_on_the_stack() {
    for count in [1, 3, 9, 12] {
        let mut random = Random(count as u64);
        let mut args = || [Val::V128(random.vector()), Val::I32(random.next() as i32)];
        let args: Vec<Val> = (0..count).flat_map(|_| args()).collect();
        let types = ["v128, i32"; 1].repeat(count).join(", ");
        let params: Vec<String> = (0..count)
            .map(|index| format!("v{}: v128, v{}: i32", 2 * index, 2 * index + 1))
            .collect();
        let values = |from: usize| {
            let values: Vec<String> = (from..from + 2 * count).map(|v| format!("v{v}")).collect();
            values.join(", ")
        };
        let caller = format!(
            "function %caller({types}) -> {types} async {{\nblock0({}):\n    {} = call %wide({})\n    \
             call %yield()\n    return_call %wide({})\n}}\n",
            params.join(", "),
            values(2 * count),
            values(0),
            values(2 * count),
        );
        let yields = "    call %yield()\n";
        let text = format!(
            "import %yield = \"enjamb\" \"yield\" () async\n{}{caller}",
            wide(count, " async", yields)
        );
        agree(&text, &[("caller", &args), ("wide", &args)]);
        let sync = caller
            .replace(" async", "")
            .replace("    call %yield()\n", "");
        agree(
            &format!("{}{sync}", wide(count, "", "")),
            &[("caller", &args)],
        );
    }
}

/// A loop whose vectors live across calls, more of them than there are registers, with floats and
/// integers in between.
#[test]
fn vectors_are_spilled_as_a_whole() {
    const VECTORS: usize = 20;
    let mut body = String::new();
    for index in 0..VECTORS {
        let (vector, float) = (100 + 2 * index, 101 + 2 * index);
        writeln!(
            body,
            "    v{vector} = insert_lane.i32x4 v1, v0, {}\n    v{float} = extract_lane.f64x2 v{vector}, {}",
            index % 4,
            index % 2,
        )
        .expect("text");
    }
    let mut sum = "v20".to_string();
    for index in 0..VECTORS {
        let (vector, float, next) = (100 + 2 * index, 101 + 2 * index, 200 + 4 * index);
        writeln!(
            body,
            "    v{next} = splat.f64x2 v{float}\n    v{} = viadd.i8x16 v{next}, v{vector}\n    v{} = bxor {sum}, v{}",
            next + 1,
            next + 2,
            next + 1,
        )
        .expect("text");
        sum = format!("v{}", next + 2);
        if index == VECTORS / 2 {
            body += "    v90 = call %next(v2)\n";
        }
    }
    let text = format!(
        "import %yield = \"enjamb\" \"yield\" () async
         function %next(v128) -> v128 async {{
         block0(v0: v128):
             v1 = vconst 0x00000001000000020000000300000004
             v2 = viadd.i32x4 v0, v1
             call %yield()
             return v2
         }}
         function %f(i32, v128) -> v128, i32 async {{
         block0(v0: i32, v1: v128):
             v3 = iconst.i32 0
             jump block1(v0, v1, v3)
         block1(v4: i32, v2: v128, v5: i32):
             v20 = call %next(v2)
         {body}    v6 = iconst.i32 1
             v7 = isub v4, v6
             v8 = lane_mask.i8x16 {sum}
             v9 = iadd v5, v8
             v10 = bxor v90, {sum}
             brif v7, block1(v7, v10, v9), block2
         block2:
             return v10, v9
         }}"
    );
    let args = [
        Val::I32(5),
        Val::V128(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210),
    ];
    agree(&text, &[("f", &args)]);
}

#[test]
fn vectors_are_in_memory_globals_and_slots() {
    let text = "
memory %heap 1..2
global %a: v128 = 0x0102030405060708090a0b0c0d0e0f10
global %b: i32 = 5
global %c: v128 = 0x0
function %memory(i32, v128) -> v128 {
block0(v0: i32, v1: v128):
    store %heap[v0+3], v1
    v2 = load.v128 %heap[v0+1]
    return v2
}
function %globals(v128) -> v128, i32, v128 {
block0(v0: v128):
    v1 = global_get.v128 %a
    global_set %c, v0
    v2 = global_get.i32 %b
    v3 = global_get.v128 %c
    v4 = viadd.i8x16 v1, v3
    global_set %a, v4
    return v1, v2, v4
}
function %slots(v128, i64) -> v128, v128 {
    ss0 = slot 40 align 8
    ss1 = slot 16 align 16
block0(v0: v128, v1: i64):
    store ss0[5], v0
    store ss1[0], v0
    v2 = load.v128 ss0[v1]
    v3 = load.v128 ss1[0]
    return v2, v3
}
";
    let vector = Val::V128(0xfedc_ba98_7654_3210_0123_4567_89ab_cdef);
    let calls: Vec<(&str, Vec<Val>)> = vec![
        ("memory", vec![Val::I32(0), vector]),
        ("memory", vec![Val::I32(65_517), vector]),
        ("memory", vec![Val::I32(65_518), vector]),
        ("memory", vec![Val::I32(-16), vector]),
        ("globals", vec![vector]),
        ("globals", vec![vector]),
        ("slots", vec![vector, Val::I64(0)]),
        ("slots", vec![vector, Val::I64(24)]),
        ("slots", vec![vector, Val::I64(25)]),
    ];
    let calls: Vec<(&str, &[Val])> = calls
        .iter()
        .map(|(name, args)| (*name, &args[..]))
        .collect();
    agree(text, &calls);
}

#[test]
fn conditions_on_vectors_join_branches_and_selections() {
    let text = "
function %any(v128, v128) -> v128 {
block0(v0: v128, v1: v128):
    v2 = vicmp.i32x4 sgt v0, v1
    v3 = any_true v2
    brif v3, block1(v0), block1(v1)
block1(v4: v128):
    v5 = all_true.i16x8 v4
    v6 = select v5, v0, v4
    return v6
}
function %common(v128, v128) -> i8, v128, v128 {
block0(v0: v128, v1: v128):
    v2 = band v0, v1
    v3 = any_true v2
    v4 = bnot v0
    v5 = band v4, v1
    v6 = bnot v0
    v7 = bnot v1
    v8 = band v6, v7
    return v3, v5, v8
}
function %all(v128) -> i8, i32 {
block0(v0: v128):
    v1 = all_true.i64x2 v0
    v2 = all_true.i8x16 v0
    v3 = iconst.i32 3
    v4 = iconst.i32 4
    v5 = select v2, v3, v4
    return v1, v5
}
";
    let vectors = vectors(Shape::I16x8);
    let mut calls: Vec<(&str, Vec<Val>)> = Vec::new();
    for (index, &vector) in vectors.iter().enumerate() {
        calls.push(("all", vec![Val::V128(vector)]));
        let other = vectors[(index + 5) % vectors.len()];
        let pair = vec![Val::V128(vector), Val::V128(other)];
        calls.push(("common", pair.clone()));
        calls.push(("any", pair));
    }
    let calls: Vec<(&str, &[Val])> = calls
        .iter()
        .map(|(name, args)| (*name, &args[..]))
        .collect();
    agree(text, &calls);
}
