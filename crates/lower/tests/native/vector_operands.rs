//! What instructions on vectors take in of their operands: complements, comparisons, lanes of other
//! vectors, constants, displacements. Compared with the interpreter on lanes at which something can go
//! wrong.

use crate::harness::{BOTH, Native, Outcome, mask, masked, parse};
use enjamb_abi::context::LeafMode;
use enjamb_interp::{Error, Imports, Instance, Options};
use enjamb_ir::{Shape, Type, Val};
use std::fmt::Write;

const V: Type = Type::V128;

/// Calls of each function.
const ROUNDS: usize = 40;

/// Numbers that look random (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    /// A number at which something can go wrong, or any.
    fn lane(&mut self, ty: Type) -> u64 {
        let sign = 1_u64 << (ty.bits() - 1);
        let one = match ty {
            Type::F32 => u64::from(1.0f32.to_bits()),
            Type::F64 => 1.0f64.to_bits(),
            _ => 1,
        };
        let infinity = match ty {
            Type::F32 => u64::from(f32::INFINITY.to_bits()),
            Type::F64 => f64::INFINITY.to_bits(),
            _ => sign - 1,
        };
        // Above infinity are the NaNs, first a signalling one.
        let choices = [
            0,
            1,
            one,
            infinity,
            infinity - 1,
            infinity + 1,
            sign - 1,
            one + 3,
        ];
        let chosen = match self.below(11) {
            choice @ 0..8 => choices[choice as usize],
            8 => infinity + (infinity & infinity.wrapping_neg()) / 2,
            _ => self.next(),
        };
        mask(ty, chosen ^ if self.below(2) == 0 { sign } else { 0 })
    }

    /// A vector of such lanes, of which some are those of another vector.
    fn vector(&mut self, shape: Shape, like: u128) -> u128 {
        let ty = shape.lane_type();
        (0..shape.lanes()).fold(0, |vector, lane| {
            let at = lane * ty.bits();
            let lane = match self.below(3) {
                0 => mask(ty, (like >> at) as u64),
                _ => self.lane(ty),
            };
            vector | u128::from(lane) << at
        })
    }
}

/// A function to call: the shape of its arguments, their types, the type of its result.
struct Case {
    shape: Shape,
    params: Vec<Type>,
    result: Type,
}

/// Functions `%f0`, `%f1` …
#[derive(Default)]
struct Cases {
    text: String,
    cases: Vec<Case>,
}

impl Cases {
    /// A function of lines that are separated by `;`. Its parameters are v0, v1 …
    fn add(&mut self, shape: Shape, params: &[Type], result: Type, lines: &str) {
        self.add_with(shape, params, result, "", lines);
    }

    /// The same with declarations in front.
    fn add_with(
        &mut self,
        shape: Shape,
        params: &[Type],
        result: Type,
        declarations: &str,
        lines: &str,
    ) {
        let names = params.iter().map(|ty| ty.name());
        let names: Vec<&str> = names.collect();
        let declared = params.iter().enumerate();
        let declared = declared.map(|(number, ty)| format!("v{number}: {ty}"));
        let declared: Vec<String> = declared.collect();
        let number = self.cases.len();
        writeln!(
            self.text,
            "function %f{number}({}) -> {result} {{\n{declarations}block0({}):\n{}\n}}",
            names.join(", "),
            declared.join(", "),
            lines.replace(';', "\n").trim_end(),
        )
        .expect("text");
        self.cases.push(Case {
            shape,
            params: params.to_vec(),
            result,
        });
    }

    /// Compares every function with the interpreter.
    fn agree(&self, head: &str) {
        let module = parse(&format!("{head}\n{}", self.text));
        let mut natives = BOTH.map(|allocator| Native::new(&module, allocator));
        let mut instance =
            Instance::new(&module, Imports::new(), Options::default()).expect("an instance");
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        for (number, case) in self.cases.iter().enumerate() {
            let name = format!("f{number}");
            for _ in 0..ROUNDS {
                let mut like = 0;
                let values = case.params.iter().map(|&ty| match ty {
                    Type::V128 => {
                        like = random.vector(case.shape, like);
                        Val::V128(like)
                    }
                    ty => Val::from_bits(ty, random.lane(ty).into()),
                });
                let values: Vec<Val> = values.collect();
                let expected: Outcome = match instance.call(&name, &values) {
                    Ok(results) => Ok(Val::to_words(&results)),
                    Err(Error::Trap(trap)) => Err(trap.code),
                    Err(error) => panic!("{error}"),
                };
                let args = Val::to_words(&values);
                for native in &mut natives {
                    let outcome = native.call(&name, &args, LeafMode::Never);
                    let outcome = masked(outcome, &[case.result]);
                    let expected = masked(expected.clone(), &[case.result]);
                    assert_eq!(outcome, expected, "{values:x?} to {}", self.shown(&name));
                }
            }
        }
    }

    /// The text of a function.
    fn shown(&self, name: &str) -> &str {
        let start = self.text.find(&format!("%{name}(")).unwrap_or_default();
        let rest = &self.text[start..];
        &rest[..rest.find("\n}").unwrap_or(rest.len())]
    }
}

#[test]
fn bits_agree_with_the_interpreter() {
    let mut cases = Cases::default();
    let shape = Shape::I32x4;
    for name in ["band", "bor", "bxor"] {
        for operands in ["v0, v1", "v0, v0"] {
            cases.add(
                shape,
                &[V, V],
                V,
                &format!("v2 = {name} {operands}; return v2"),
            );
        }
        for operands in ["v0, v2", "v2, v0", "v2, v2"] {
            let text = format!("v2 = bnot v1; v3 = {name} {operands}; return v3");
            cases.add(shape, &[V, V], V, &text);
            let text = format!("v2 = vicmp.i32x4 ne v0, v1; v3 = {name} {operands}; return v3");
            cases.add(shape, &[V, V], V, &text);
        }
        let text = format!(
            "v2 = vfcmp.f32x4 uno v0, v1; v3 = vfcmp.f32x4 ne v0, v1; v4 = {name} v2, v3; return v4"
        );
        cases.add(Shape::F32x4, &[V, V], V, &text);
    }
    cases.add(shape, &[V], V, "v1 = bnot v0; return v1");
    cases.add(shape, &[V; 3], V, "v3 = bitselect v0, v1, v2; return v3");
    cases.add(
        shape,
        &[V; 3],
        V,
        "v3 = bitselect v0, v1, v2; v4 = bxor v3, v0; return v4",
    );
    cases.add(shape, &[V; 2], V, "v2 = bitselect v0, v1, v0; return v2");
    let masks = [
        (shape, "bnot v0"),
        (shape, "vicmp.i32x4 ne v0, v1"),
        (shape, "vicmp.i32x4 slt v0, v1"),
        (Shape::I64x2, "vicmp.i64x2 ne v1, v0"),
        (Shape::F64x2, "vfcmp.f64x2 ne v0, v1"),
        (Shape::F64x2, "vfcmp.f64x2 uno v0, v1"),
    ];
    for (shape, comparison) in masks {
        let text = format!("v3 = {comparison}; v4 = bitselect v3, v1, v2; return v4");
        cases.add(shape, &[V; 3], V, &text);
    }
    for shape in ["i16x8", "i32x4", "i64x2"] {
        for user in [
            "viadd.S v2, v3",
            "viadd.S v3, v2",
            "visub.S v2, v3",
            "visub.S v3, v2",
        ] {
            let user = user.replace(".S", &format!(".{shape}"));
            let text = format!("v3 = vimul.{shape} v0, v1; v4 = {user}; return v4");
            cases.add(Shape::I16x8, &[V; 3], V, &text);
        }
        let text = format!(
            "v2 = vimul.{shape} v0, v1; v3 = vimul.{shape} v1, v1; v4 = viadd.{shape} v2, v3; return v4"
        );
        cases.add(Shape::I16x8, &[V; 2], V, &text);
    }
    cases.add(shape, &[V], Type::I8, "v1 = any_true v0; return v1");
    cases.add(Shape::I64x2, &[V], Type::I8, "v1 = any_true v0; return v1");
    cases.agree("");
}

#[test]
fn lanes_agree_with_the_interpreter() {
    let mut cases = Cases::default();
    for &shape in Shape::ALL {
        let ty = shape.lane_type();
        cases.add(
            shape,
            &[ty],
            V,
            &format!("v1 = splat.{shape} v0; return v1"),
        );
        let constants: &[&str] = match ty.is_float() {
            true => &["0.0", "-0.0", "1.5", "0.1"],
            false => &["0", "-1", "5", "-100"],
        };
        let kind = if ty.is_float() { "fconst" } else { "iconst" };
        for constant in constants {
            let define = format!("v1 = {kind}.{ty} {constant}");
            let text = format!("{define}; v2 = splat.{shape} v1; v3 = bxor v0, v2; return v3");
            cases.add(shape, &[V], V, &text);
            let text = format!("{define}; v2 = insert_lane.{shape} v0, v1, 1; return v2");
            cases.add(shape, &[V], V, &text);
        }
        for lane in 0..shape.lanes() {
            let extract = format!("v1 = extract_lane.{shape} v0, {lane}");
            cases.add(shape, &[V], ty, &format!("{extract}; return v1"));
            for extension in ["sextend", "uextend"] {
                if ty.is_int() && ty != Type::I64 {
                    let text = format!("{extract}; v2 = {extension}.i64 v1; return v2");
                    cases.add(shape, &[V], Type::I64, &text);
                }
            }
            let text = format!("v2 = insert_lane.{shape} v0, v1, {lane}; return v2");
            cases.add(shape, &[V, ty], V, &text);
            let other = (lane * 3 + 1) % shape.lanes();
            let text = format!(
                "v2 = extract_lane.{shape} v1, {other}; v3 = insert_lane.{shape} v0, v2, {lane}; return v3"
            );
            cases.add(shape, &[V, V], V, &text);
        }
    }
    cases.agree("");
}

/// Numbers of bytes for an order of lanes of the same width.
fn of_lanes(lanes: &[u64]) -> String {
    let bytes = 16 / lanes.len() as u64;
    let numbers = lanes
        .iter()
        .flat_map(|lane| (0..bytes).map(move |byte| lane * bytes + byte));
    let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
    numbers.join(", ")
}

#[test]
fn shuffles_agree_with_the_interpreter() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut orders: Vec<Vec<u64>> = Vec::new();
    for lanes in [2, 4, 8, 16] {
        let all = || 0..lanes;
        for pair in [[0, lanes], [lanes, 0], [0, 0], [lanes, lanes]] {
            let take = |lane: u64| pair[(lane / lanes) as usize] + lane % lanes;
            let pairs: [&dyn Fn(u64) -> u64; 6] = [
                &|lane| lane / 2 + lane % 2 * lanes,
                &|lane| (lanes + lane) / 2 + lane % 2 * lanes,
                &|lane| 2 * lane,
                &|lane| 2 * lane + 1,
                &|lane| lane / 2 * 2 + lane % 2 * lanes,
                &|lane| lane / 2 * 2 + 1 + lane % 2 * lanes,
            ];
            orders.extend(pairs.map(|from| all().map(|lane| take(from(lane))).collect()));
            orders.extend(
                [1, 3, 7].map(|by| all().map(|lane| take((lane + by) % (2 * lanes))).collect()),
            );
            orders.push(all().map(|lane| take(lanes - 1 - lane)).collect());
            orders.extend([1, 3].map(|by| all().map(|lane| take((lane ^ by) % lanes)).collect()));
            orders.push(vec![take(random.below(2 * lanes)); lanes as usize]);
            let mut one_other: Vec<u64> = all().map(take).collect();
            one_other[random.below(lanes) as usize] = random.below(2 * lanes);
            orders.push(one_other);
        }
        for _ in 0..10 {
            orders.push(all().map(|_| random.below(2 * lanes)).collect());
        }
    }
    let mut cases = Cases::default();
    for order in &orders {
        let numbers = of_lanes(order);
        for operands in ["v0, v1", "v1, v1"] {
            let text = format!("v2 = shuffle {operands}, [{numbers}]; return v2");
            cases.add(Shape::I8x16, &[V, V], V, &text);
        }
        for operands in ["v0, v1", "v1, v0"] {
            let text = format!("v1 = vconst 0x0; v2 = shuffle {operands}, [{numbers}]; return v2");
            cases.add(Shape::I8x16, &[V], V, &text);
        }
        let text = format!(
            "v2 = shuffle v0, v1, [{numbers}]; v3 = bxor v0, v1; v4 = viadd.i8x16 v2, v3; return v4"
        );
        cases.add(Shape::I8x16, &[V, V], V, &text);
    }
    cases.agree("");
}

#[test]
fn vectors_are_tested_and_chosen() {
    let mut cases = Cases::default();
    for &shape in Shape::ALL.iter().filter(|shape| shape.lane_type().is_int()) {
        for test in ["any_true v0".to_owned(), format!("all_true.{shape} v0")] {
            let text = format!("v2 = {test}; v3 = select v2, v0, v1; return v3");
            cases.add(shape, &[V, V], V, &text);
            let text = format!("v3 = {test}; v4 = select v3, v1, v2; return v4");
            cases.add(shape, &[V, Type::I64, Type::I64], Type::I64, &text);
            let text = format!(
                "v2 = {test}; brif v2, block1, block2;block1:;return v0;block2:;v3 = bnot v1; return v3"
            );
            cases.add(shape, &[V, V], V, &text);
            let text = format!(
                "v2 = {test}; v3 = any_true v1; v4 = band v2, v3; v5 = uextend.i64 v4; return v5"
            );
            cases.add(shape, &[V, V], Type::I64, &text);
        }
    }
    let text = "v3 = icmp slt v2, v2; v4 = select v3, v0, v1; v5 = iconst.i64 5; v6 = icmp ult v2, v5; v7 = select v6, v4, v0; return v7";
    cases.add(Shape::I16x8, &[V, V, Type::I64], V, text);
    cases.add(
        Shape::I16x8,
        &[V, V, Type::I8],
        V,
        "v3 = select v2, v0, v1; return v3",
    );
    cases.agree("");
}

/// Displacements of all sorts, aligned and not; an index out of bounds traps.
#[test]
fn vectors_in_memory_agree_with_the_interpreter() {
    let mut cases = Cases::default();
    let shape = Shape::I16x8;
    for offset in [0, 8, 16, 40, 255, 256, 264, 4095, 32_760, 65_520, 65_528] {
        let text = format!(
            "v1 = iconst.i64 0; store %heap[v1+{offset}], v0; v2 = load.v128 %heap[v1+{offset}]; return v2"
        );
        cases.add(shape, &[V], V, &text);
        let text = format!(
            "v2 = uextend.i64 v1; store %heap[v2+{offset}], v0; v3 = load.v128 %heap[v2+{offset}]; v4 = iconst.i64 8; v5 = iadd v2, v4; v6 = load.i64 %heap[v5+{offset}]; v7 = splat.i64x2 v6; v8 = bxor v3, v7; return v8"
        );
        cases.add(shape, &[V, Type::I16], V, &text);
    }
    for offset in [0, 8, 24, 504, 1000, 65_512, 65_520] {
        let text = format!(
            "store ss0[{offset}], v0; v2 = load.v128 ss0[{offset}]; v3 = load.i64 ss0[{offset}]; v4 = splat.i64x2 v3; v5 = bxor v2, v4; return v5"
        );
        cases.add_with(shape, &[V], V, "    ss0 = slot 65536 align 8\n", &text);
    }
    cases.add(
        shape,
        &[V],
        V,
        "global_set %kept, v0; v1 = global_get.v128 %kept; return v1",
    );
    cases.agree("memory %heap 2..2\nglobal %kept: v128 = 0x1");
}
