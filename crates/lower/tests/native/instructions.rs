//! Every instruction that needs no service of the runtime, compared with the interpreter.

use crate::harness::{BOTH, Native, Outcome, mask, masked, parse};
use enjamb_abi::context::LeafMode;
use enjamb_interp::{Error, Imports, Instance, Options};
use enjamb_ir::reference::{Expectation, Literal, example_module};
use enjamb_ir::{Opcode, OpcodeInfo, OperandKind, Type, TypeClass, TypeRule, Val};
use std::fmt::Write;

#[test]
fn examples_of_the_reference_run() {
    const SERVICES: [&str; 5] = [
        "spawn",
        "memory_grow",
        "memory_copy",
        "memory_fill",
        "array_copy",
    ];
    let mut ran = 0;
    for row in Opcode::all() {
        let Ok(Some(example)) = example_module(row) else {
            continue;
        };
        let uses_service = SERVICES.iter().any(|name| example.module.contains(name));
        let asks_the_host = example.module.contains("%ask");
        // Throwing is a matter of the runtime, too.
        let throws = row.group == "Exceptions";
        if throws || uses_service || asks_the_host || example.module.contains("memory_init") {
            continue;
        }
        let value = |literal: &Literal| Val::parse(literal.ty, &literal.text).expect("a number");
        let args: Vec<Val> = example.arguments.iter().map(value).collect();
        let args = Val::to_words(&args);
        let module = parse(&example.module);
        for allocator in BOTH {
            let outcome = Native::new(&module, allocator).call("main", &args, LeafMode::Always);
            let expected = match &example.expectation {
                Expectation::Ends | Expectation::Throws(_) => Ok(Vec::new()),
                Expectation::Traps(code) => Err(*code),
                Expectation::Returns(literal) => Ok(Val::to_words(&[value(literal)])),
            };
            let main = module.function_named("main").expect("main");
            let types = &module.functions[main].signature().results;
            assert_eq!(
                masked(outcome, types),
                masked(expected, types),
                "{}",
                row.name
            );
            ran += 1;
        }
    }
    assert!(ran > 150, "only {ran} examples ran");
}

/// Values at which something can go wrong.
fn interesting(ty: Type) -> Vec<u64> {
    let floats = [
        0.0,
        1.0,
        0.5,
        1.5,
        2.5,
        0.3,
        1e-310,
        127.0,
        2_147_483_647.0,
        2_147_483_648.0,
        2_147_483_648.5,
        2_147_483_649.0,
        4_294_967_295.0,
        4_294_967_295.5,
        4_294_967_296.0,
        9_223_372_036_854_774_784.0,
        9_223_372_036_854_775_808.0,
        18_446_744_073_709_549_568.0,
        18_446_744_073_709_551_616.0,
        1e30,
        1e300,
        f64::INFINITY,
        4_503_599_627_370_496.5,
    ];
    let mut words = match ty {
        Type::F64 => floats.map(f64::to_bits).to_vec(),
        Type::F32 => floats
            .map(|float| u64::from((float as f32).to_bits()))
            .to_vec(),
        _ => {
            let bits = u64::from(ty.bits());
            let mut words: Vec<u64> = (0..9).collect();
            words.extend([12, 31, 32, 33, 63, 64, 100, bits - 1, bits]);
            for bit in [7, 8, 15, 16, 30, 31, 32, 33, 47, 62, 63] {
                words.extend([1 << bit, (1 << bit) - 1]);
            }
            let negative: Vec<u64> = words.iter().map(|word| word.wrapping_neg()).collect();
            words.extend(negative);
            words.iter().map(|word| mask(ty, *word)).collect()
        }
    };
    if ty.is_float() {
        let sign = 1_u64 << (ty.bits() - 1);
        let quiet = if ty == Type::F32 {
            0x7fc0_0000
        } else {
            0x7ff8_0000_0000_0000
        };
        let infinity = if ty == Type::F32 {
            0x7f80_0000
        } else {
            0x7ff0_0000_0000_0000
        };
        words.extend([quiet, quiet + 5, infinity + 1, 1]);
        let negative: Vec<u64> = words.iter().map(|word| word | sign).collect();
        words.extend(negative);
    }
    words.sort_unstable();
    words.dedup();
    words
}

/// The types that a rule of an operand allows, given the controlling type.
fn operand_types(rule: TypeRule, ty: Type) -> Vec<Type> {
    let numbers = Type::ALL
        .into_iter()
        .filter(|ty| TypeClass::Number.contains(*ty));
    match rule {
        TypeRule::T => vec![ty],
        TypeRule::Is(fixed) => vec![fixed],
        TypeRule::In(class) => numbers.filter(|ty| class.contains(*ty)).collect(),
        TypeRule::NarrowerThanT => numbers
            .filter(|t| t.is_int() && t.bits() < ty.bits())
            .collect(),
        TypeRule::WiderThanT => numbers
            .filter(|t| t.is_int() && t.bits() > ty.bits())
            .collect(),
        TypeRule::SameBitsAsT => numbers.filter(|t| t.bits() == ty.bits()).collect(),
        TypeRule::LaneType | TypeRule::Address | TypeRule::Rest => Vec::new(),
    }
}

/// A function per way to apply an instruction: its name and the types of its parameters.
struct Uses {
    text: String,
    functions: Vec<(String, Vec<Type>, Type)>,
}

impl Uses {
    fn add(&mut self, row: &OpcodeInfo, head: &str, operands: &[Type], result: Type) {
        let params: Vec<&str> = operands.iter().map(|ty| ty.name()).collect();
        let names: Vec<String> = (0..operands.len())
            .map(|index| format!("v{index}"))
            .collect();
        let declared: Vec<String> = names
            .iter()
            .zip(&params)
            .map(|(name, ty)| format!("{name}: {ty}"))
            .collect();
        let name = format!("{}_{}", row.name, self.functions.len());
        let (results, count) = (result.name(), operands.len());
        writeln!(
            self.text,
            "function %{name}({}) -> {results} {{\nblock0({}):\n    v{count} = {head} {}\n    return v{count}\n}}",
            params.join(", "),
            declared.join(", "),
            names.join(", ")
        )
        .expect("text");
        self.functions.push((name, operands.to_vec(), result));
    }
}

impl Uses {
    /// The same with a constant as one of two integer operands, which instructions may take in.
    fn add_constants(&mut self, row: &OpcodeInfo, head: &str, operands: &[Type], result: Type) {
        let &[first, second] = operands else { return };
        if !first.is_int() || first != second {
            return;
        }
        let smallest = -1_i64 << (first.bits() - 1);
        let mut constants = vec![0, 1, -1, 2, 5, 8, 33, -100, smallest, !smallest];
        constants.extend((first == Type::I64).then_some(1 << 40));
        for constant in constants {
            for order in ["v0, v1", "v1, v0"] {
                let name = format!("{}_{}", row.name, self.functions.len());
                writeln!(
                    self.text,
                    "function %{name}({first}) -> {result} {{\nblock0(v0: {first}):\n    v1 = iconst.{first} {constant}\n    v2 = {head} {order}\n    return v2\n}}",
                )
                .expect("text");
                self.functions.push((name, vec![first], result));
            }
        }
    }
}

/// Every way to apply the pure and trapping instructions on numbers.
fn uses() -> Uses {
    let mut uses = Uses {
        text: String::new(),
        functions: Vec::new(),
    };
    for row in Opcode::all() {
        let conditions: Vec<&str> = match row.kind {
            OperandKind::Values => vec![""],
            OperandKind::IntCond => vec![
                "eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge",
            ],
            OperandKind::FloatCond => vec!["eq", "ne", "lt", "le", "gt", "ge", "ord", "uno"],
            _ => continue,
        };
        let class = row.class.unwrap_or(TypeClass::Number);
        let types = Type::ALL.into_iter().filter(|ty| {
            TypeClass::Number.contains(*ty)
                && class.contains(*ty)
                && (row.class.is_some() || *ty == Type::I64)
        });
        let [first, rest @ ..] = row.operands else {
            continue;
        };
        let [result] = row.results else { continue };
        for ty in types {
            for first in operand_types(*first, ty) {
                let mut operands = vec![first];
                operands.extend(
                    rest.iter()
                        .filter_map(|rule| operand_types(*rule, ty).first().copied()),
                );
                let result = match result {
                    TypeRule::T => ty,
                    TypeRule::Is(fixed) if TypeClass::Number.contains(*fixed) => *fixed,
                    _ => continue,
                };
                let is_number = |ty: &Type| TypeClass::Number.contains(*ty);
                if operands.len() != row.operands.len() || !operands.iter().all(is_number) {
                    continue;
                }
                for condition in &conditions {
                    let suffix = if row.has_type_suffix() {
                        format!(".{ty}")
                    } else {
                        String::new()
                    };
                    let head = format!("{}{suffix} {condition}", row.name);
                    uses.add(row, &head, &operands, result);
                    uses.add_constants(row, &head, &operands, result);
                }
            }
        }
    }
    uses
}

/// Calls `check` with tuples of interesting values.
fn for_each_tuple(types: &[Type], mut check: impl FnMut(&[u64])) {
    let (first, rest) = types.split_first().expect("an operand");
    for one in interesting(*first) {
        match rest {
            [] => check(&[one]),
            [second] => interesting(*second)
                .into_iter()
                .for_each(|two| check(&[one, two])),
            [second, third] => {
                for two in interesting(*second).into_iter().step_by(7) {
                    for three in interesting(*third).into_iter().step_by(11) {
                        check(&[one, two, three]);
                    }
                }
            }
            _ => panic!("more operands than expected"),
        }
    }
}

#[test]
fn arithmetic_agrees_with_the_interpreter() {
    let uses = uses();
    assert!(uses.functions.len() > 150, "{} uses", uses.functions.len());
    let module = parse(&uses.text);
    let mut natives = BOTH.map(|allocator| Native::new(&module, allocator));
    let options = Options::default();
    let mut instance = Instance::new(&module, Imports::new(), options).expect("an instance");
    for (name, params, result) in &uses.functions {
        for_each_tuple(params, |words| {
            let values = Val::from_words(params, words);
            let expected = match instance.call(name, &values) {
                Ok(results) => Ok(Val::to_words(&results)),
                Err(Error::Trap(trap)) => Err(trap.code),
                Err(error) => panic!("{error}"),
            };
            let expected: Outcome = masked(expected, &[*result]);
            for native in &mut natives {
                // What stands above a narrow argument must not matter.
                let args: Vec<u64> = params
                    .iter()
                    .zip(words)
                    .map(|(ty, word)| word | !mask(*ty, u64::MAX) & 0xdead_beef_dead_beef)
                    .collect();
                let outcome = native.call(name, &args, LeafMode::Never);
                assert_eq!(masked(outcome, &[*result]), expected, "%{name}({words:x?})");
            }
        });
    }
}
