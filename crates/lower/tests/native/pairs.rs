//! Instructions that a target may take in where their result is used, compared with the interpreter:
//! shifts and extensions of operands, products in sums, tests in branches and selections, sums in
//! addresses. A target that does not take them in runs the same programs.

use crate::harness::{BOTH, Native, Outcome, mask, masked, parse};
use enjamb_abi::context::LeafMode;
use enjamb_interp::{Error, Imports, Instance, Options};
use enjamb_ir::{Type, Val};
use std::fmt::Write;

const WIDE: [Type; 2] = [Type::I32, Type::I64];
const INTEGERS: [Type; 4] = [Type::I8, Type::I16, Type::I32, Type::I64];

/// Functions with their parameters and result.
#[derive(Default)]
struct Programs {
    text: String,
    functions: Vec<(Vec<Type>, Type)>,
}

impl Programs {
    /// A function of lines; the last value that they define is the result.
    fn add(&mut self, params: &[Type], result: Type, lines: &[String]) {
        let number = self.functions.len();
        let types: Vec<&str> = params.iter().map(|ty| ty.name()).collect();
        let values: Vec<String> = (0..params.len())
            .map(|index| format!("v{index}: {}", types[index]))
            .collect();
        let body: String = lines.iter().map(|line| format!("    {line}\n")).collect();
        let last = lines.iter().rev().find_map(|line| line.split_once(" = "));
        let end = match last {
            Some((value, _)) if !body.contains("return") => format!("    return {value}\n"),
            _ => String::new(),
        };
        write!(
            self.text,
            "function %f{number}({}) -> {result} {{\nblock0({}):\n{body}{end}}}\n",
            types.join(", "),
            values.join(", "),
        )
        .expect("text");
        self.functions.push((params.to_vec(), result));
    }

    /// A function per type and constant, which stand in its lines as `{t}` and `{c}`, with two parameters
    /// of the type.
    fn add_each(&mut self, types: &[Type], constants: &[i64], result: Option<Type>, text: &str) {
        for &ty in types {
            for &constant in constants {
                let constant = truncated(constant, ty);
                let lines: Vec<String> = text
                    .lines()
                    .map(|line| line.trim())
                    .filter(|line| !line.is_empty())
                    .map(|line| {
                        let line = line.replace("{c}", &constant.to_string());
                        line.replace("{t}", ty.name())
                    })
                    .collect();
                self.add(&[ty, ty], result.unwrap_or(ty), &lines);
            }
        }
    }

    /// Compares every function with the interpreter on every pair of values.
    fn agree(&self, head: &str) {
        let module = parse(&format!("{head}\n{}", self.text));
        let mut natives = BOTH.map(|allocator| Native::new(&module, allocator));
        let options = Options::default();
        let mut instance = Instance::new(&module, Imports::new(), options).expect("an instance");
        for (number, (params, result)) in self.functions.iter().enumerate() {
            let name = format!("f{number}");
            for words in tuples(params) {
                let values = Val::from_words(params, &words);
                let expected = match instance.call(&name, &values) {
                    Ok(results) => Ok(Val::to_words(&results)),
                    Err(Error::Trap(trap)) => Err(trap.code),
                    Err(error) => panic!("{error}"),
                };
                let expected: Outcome = masked(expected, &[*result]);
                // What stands above a narrow argument must not matter.
                let args: Vec<u64> = params
                    .iter()
                    .zip(&words)
                    .map(|(ty, word)| word | !mask(*ty, u64::MAX) & 0xdead_beef_dead_beef)
                    .collect();
                for native in &mut natives {
                    let outcome = native.call(&name, &args, LeafMode::Never);
                    let outcome = masked(outcome, &[*result]);
                    assert_eq!(outcome, expected, "{}", self.shown(&name, &words));
                }
            }
        }
    }

    /// The text of a function and its arguments.
    fn shown(&self, name: &str, words: &[u64]) -> String {
        let start = self.text.find(&format!("%{name}(")).unwrap_or_default();
        let rest = &self.text[start..];
        let end = rest.find("\n}").unwrap_or(rest.len());
        format!("{words:x?} to {}", &rest[..end])
    }
}

/// The low bits of a constant, sign-extended.
fn truncated(constant: i64, ty: Type) -> i64 {
    let above = 64 - ty.bits();
    constant << above >> above
}

fn values(ty: Type) -> Vec<u64> {
    if ty.is_float() {
        let floats = [0.0, -0.0, 1.5, -1.0, 4e9, f64::INFINITY, f64::NAN];
        let bits = |float: f64| match ty {
            Type::F32 => u64::from((float as f32).to_bits()),
            _ => float.to_bits(),
        };
        return floats.map(bits).to_vec();
    }
    let words = [
        0,
        1,
        7,
        100,
        0x7f,
        0x80,
        0xff,
        0x1234,
        0x8000,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        0x1_2345_6789,
        0x7fff_ffff_ffff_ffff,
        0x8000_0000_0000_0000,
        0xffff_ffff_ffff_ff9c,
        u64::MAX,
    ];
    let mut words: Vec<u64> = words.into_iter().map(|word| mask(ty, word)).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Arguments for parameters; of two, every third pair, such that each value meets many others.
fn tuples(types: &[Type]) -> Vec<Vec<u64>> {
    let single = |ty: Type| values(ty).into_iter().enumerate();
    match *types {
        [ty] => values(ty).into_iter().map(|word| vec![word]).collect(),
        [first, second] => single(first)
            .flat_map(|one| single(second).map(move |two| (one, two)))
            .filter(|((i, _), (j, _))| (i + j) % 3 == 0)
            .map(|((_, one), (_, two))| vec![one, two])
            .collect(),
        _ => panic!("one parameter or two"),
    }
}

#[test]
fn operands_are_shifted() {
    let mut programs = Programs::default();
    for shift in ["ishl", "ushr", "sshr", "rotl", "rotr", "imul"] {
        for user in ["iadd", "isub", "band", "bor", "bxor"] {
            for order in ["v0, v3", "v3, v0"] {
                let text =
                    format!("v2 = iconst.{{t}} {{c}}\nv3 = {shift} v1, v2\nv4 = {user} {order}");
                programs.add_each(&INTEGERS, &[0, 1, 4, 31, 33, -2], None, &text);
            }
        }
        for user in ["ineg", "bnot"] {
            let text = format!("v2 = iconst.{{t}} {{c}}\nv3 = {shift} v1, v2\nv4 = {user} v3");
            programs.add_each(&INTEGERS, &[1, 5, 16], None, &text);
        }
        for condition in ["eq", "slt", "uge"] {
            let text = format!(
                "v2 = iconst.{{t}} {{c}}\nv3 = {shift} v1, v2\nv4 = icmp {condition} v0, v3"
            );
            programs.add_each(&INTEGERS, &[1, 4, 9], Some(Type::I8), &text);
        }
    }
    programs.agree("");
}

#[test]
fn operands_are_extended() {
    let mut programs = Programs::default();
    let pairs = INTEGERS.iter().flat_map(|&from| {
        let wider = INTEGERS
            .into_iter()
            .filter(move |to| to.bits() > from.bits());
        wider.map(move |to| (from, to))
    });
    for (from, to) in pairs {
        for extend in ["uextend", "sextend"] {
            let first = format!("v2 = {extend}.{to} v1");
            for user in [
                "iadd", "isub", "band", "imul", "icmp ult", "icmp sgt", "umin",
            ] {
                let result = if user.starts_with("icmp") {
                    Type::I8
                } else {
                    to
                };
                for order in ["v0, v2", "v2, v0"] {
                    let lines = [first.clone(), format!("v3 = {user} {order}")];
                    programs.add(&[to, from], result, &lines);
                }
            }
            for amount in [0, 1, 3, 4, 5, 30] {
                let lines = [
                    first.clone(),
                    format!("v3 = iconst.{to} {}", amount % to.bits()),
                    "v4 = ishl v2, v3".to_string(),
                ];
                programs.add(&[to, from], to, &lines);
                for user in ["iadd", "isub", "ineg"] {
                    let operands = if user == "ineg" { "v4" } else { "v0, v4" };
                    let mut lines = lines.to_vec();
                    lines.push(format!("v5 = {user} {operands}"));
                    programs.add(&[to, from], to, &lines);
                }
            }
        }
    }
    // What an instruction leaves above 32 bits.
    for head in [
        "iadd v0, v1",
        "isub v0, v1",
        "imul v0, v1",
        "bxor v0, v1",
        "ineg v0",
        "bnot v0",
        "smin v0, v1",
        "ishl v0, v1",
        "sshr v0, v1",
        "rotl v0, v1",
        "clz v0",
        "smulhi v0, v1",
        "srem v0, v1",
        "select v0, v0, v1",
    ] {
        let lines = [format!("v2 = {head}"), "v3 = uextend.i64 v2".to_string()];
        programs.add(&[Type::I32, Type::I32], Type::I64, &lines);
    }
    for (from, head) in [
        (Type::F64, "fcvt_to_sint.i32"),
        (Type::F64, "fcvt_to_uint.i32"),
        (Type::F32, "fcvt_to_sint_sat.i32"),
        (Type::I64, "ireduce.i32"),
        (Type::F32, "bitcast.i32"),
    ] {
        let lines = [format!("v1 = {head} v0"), "v2 = uextend.i64 v1".to_string()];
        programs.add(&[from], Type::I64, &lines);
    }
    programs.agree("");
}

#[test]
fn products_join_sums() {
    let mut programs = Programs::default();
    for user in ["iadd", "isub", "ineg"] {
        for order in ["v0, v3", "v3, v0"] {
            let operands = if user == "ineg" { "v3" } else { order };
            let text = format!("v3 = imul v0, v1\nv4 = {user} {operands}");
            programs.add_each(&INTEGERS, &[0], None, &text);
            let text = format!("v2 = iconst.{{t}} {{c}}\nv3 = imul v2, v1\nv4 = {user} {operands}");
            programs.add_each(&INTEGERS, &[3, 4, 10, -4, -7, 0x1234], None, &text);
        }
    }
    for extends in [["sextend"; 2], ["uextend"; 2], ["sextend", "uextend"]] {
        let mut lines = vec![
            format!("v2 = {}.i64 v0", extends[0]),
            format!("v3 = {}.i64 v1", extends[1]),
            "v4 = imul v2, v3".to_string(),
        ];
        let words = [Type::I32, Type::I32];
        programs.add(&words, Type::I64, &lines);
        lines.push("v5 = ineg v4".to_string());
        programs.add(&words, Type::I64, &lines);
        for user in ["iadd", "isub"] {
            let last = lines.len() - 1;
            lines[last] = format!("v6 = {user} v5, v4");
            let mut lines = lines.clone();
            lines.insert(2, "v5 = iconst.i64 -3000000000".to_string());
            programs.add(&words, Type::I64, &lines);
        }
    }
    programs.agree("");
}

#[test]
fn constants_of_all_sizes() {
    const CONSTANTS: [i64; 24] = [
        3,
        7,
        9,
        12,
        15,
        17,
        24,
        40,
        63,
        96,
        0xf0,
        0xfff,
        0x1000,
        0x1001,
        0xffff,
        0x1234,
        0x12_3000,
        0x12_3456,
        0x1234_5678,
        0x7fff_ffff,
        0x8000_0001,
        0x1_0000_0000,
        0x5555_5555_5555_5555,
        0x1234_5678_9abc_def0,
    ];
    let operations = [
        "iadd", "isub", "imul", "band", "bor", "bxor", "udiv", "sdiv", "urem", "srem", "smin",
        "umax",
    ];
    let conditions = ["eq", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge"];
    let comparisons = conditions.map(|condition| format!("icmp {condition}"));
    let heads = operations
        .map(str::to_string)
        .into_iter()
        .chain(comparisons);
    let mut programs = Programs::default();
    for head in heads {
        for ty in INTEGERS {
            for constant in CONSTANTS
                .into_iter()
                .flat_map(|constant| [constant, -constant])
            {
                let constant = truncated(constant, ty);
                let lines = [
                    format!("v1 = iconst.{ty} {constant}"),
                    format!("v2 = {head} v0, v1"),
                ];
                let result = if head.starts_with("icmp") {
                    Type::I8
                } else {
                    ty
                };
                programs.add(&[ty], result, &lines);
            }
        }
    }
    programs.agree("");
}

#[test]
fn bits_are_complemented_extracted_and_counted() {
    let mut programs = Programs::default();
    for user in ["band", "bor", "bxor"] {
        for order in ["v0, v2", "v2, v0"] {
            let text = format!("v2 = bnot v1\nv3 = {user} {order}");
            programs.add_each(&INTEGERS, &[0], None, &text);
        }
        let text =
            format!("v2 = iconst.{{t}} {{c}}\nv3 = ishl v1, v2\nv4 = bnot v3\nv5 = {user} v0, v4");
        programs.add_each(&INTEGERS, &[1, 12, 40], None, &text);
    }
    for amount in [0, 1, 4, 7, 15, 31, 63] {
        for size in [1, 3, 8, 16, 31, 32, 63] {
            let text = format!(
                "v2 = iconst.{{t}} {amount}\nv3 = ushr v0, v2\nv4 = iconst.{{t}} {{c}}\nv5 = band v3, v4"
            );
            let wide: Vec<Type> = INTEGERS
                .into_iter()
                .filter(|ty| ty.bits() > amount)
                .collect();
            programs.add_each(
                &wide,
                &[(1_i64 << size).wrapping_sub(1), -1, 6],
                None,
                &text,
            );
        }
    }
    for shift in ["ishl", "ushr", "sshr", "rotl", "rotr"] {
        let text = format!("v2 = iconst.{{t}} {{c}}\nv3 = band v1, v2\nv4 = {shift} v0, v3");
        programs.add_each(&INTEGERS, &[7, 15, 31, 63, 127, 3], None, &text);
    }
    programs.agree("");
}

#[test]
fn tests_join_selections_and_branches() {
    let mut programs = Programs::default();
    let tests = [
        "v2 = band v0, v1",
        "v2 = iconst.{t} {c}\nv3 = band v0, v2",
        "v2 = iconst.{t} {c}\nv3 = band v2, v1\nv4 = iconst.{t} 0\nv5 = icmp eq v3, v4",
        "v2 = iconst.{t} {c}\nv3 = band v2, v1\nv4 = iconst.{t} 0\nv5 = icmp ne v3, v4",
        "v2 = iconst.{t} 3\nv3 = ishl v1, v2\nv4 = band v0, v3",
        "v2 = iconst.{t} 0\nv3 = icmp slt v0, v2",
        "v2 = iconst.{t} 0\nv3 = icmp sge v0, v2",
        "v2 = iconst.{t} -1\nv3 = icmp sgt v0, v2",
        "v2 = iconst.{t} 0\nv3 = icmp eq v0, v2",
        "v2 = iconst.{t} 0\nv3 = icmp ugt v0, v2",
        "v2 = bor v0, v1",
    ];
    for test in tests {
        let condition = format!("v{}", 1 + test.lines().count());
        let constants: &[i64] = if test.contains("{c}") {
            &[1, 0x80, 6, 0x1234, i64::MIN, -1]
        } else {
            &[0]
        };
        programs.add_each(
            &INTEGERS,
            constants,
            None,
            &format!("{test}\nv9 = select {condition}, v0, v1"),
        );
        let branch = format!(
            "{test}\nbrif {condition}, block1, block2\nblock1:\nreturn v0\nblock2:\nv9 = bnot v0\nreturn v9"
        );
        programs.add_each(&INTEGERS, constants, None, &branch);
        if test.contains("icmp") {
            programs.add_each(&INTEGERS, constants, Some(Type::I8), test);
        }
    }
    programs.agree("");
}

#[test]
fn two_comparisons_make_one_condition() {
    let mut programs = Programs::default();
    let conditions = [
        "eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge",
    ];
    let uses = [
        "v9 = select v5, v0, v1".to_string(),
        "brif v5, block1, block2\nblock1:\nreturn v0\nblock2:\nreturn v1".to_string(),
    ];
    for (index, first) in conditions.into_iter().enumerate() {
        let second = conditions[(index * 3 + 1) % conditions.len()];
        for join in ["band", "bor"] {
            for text in [
                format!("v3 = icmp {first} v0, v1\nv4 = icmp {second} v1, v0"),
                format!(
                    "v2 = iconst.{{t}} {{c}}\nv3 = icmp {second} v0, v2\nv4 = icmp {first} v1, v2"
                ),
            ] {
                for use_ in &uses {
                    let text = format!("{text}\nv5 = {join} v3, v4\n{use_}");
                    programs.add_each(&INTEGERS, &[0, 7, 31, 100, -1, -31, -32], None, &text);
                }
            }
        }
    }
    let floats = ["eq", "ne", "lt", "le", "gt", "ge", "ord", "uno"];
    for (index, first) in floats.into_iter().enumerate() {
        let second = floats[(index * 3 + 1) % floats.len()];
        for join in ["band", "bor"] {
            for use_ in &uses {
                let text = format!(
                    "v3 = fcmp {first} v0, v1\nv2 = fconst.{{t}} 0.0\nv4 = fcmp {second} v1, v2\nv5 = {join} v3, v4\n{use_}"
                );
                for ty in [Type::F32, Type::F64] {
                    let lines: Vec<String> =
                        text.lines().map(|l| l.replace("{t}", ty.name())).collect();
                    programs.add(&[ty, ty], ty, &lines);
                }
            }
            // One of integers that are narrow cannot come second.
            let lines = [
                "v2 = fconst.f64 -0.0".to_string(),
                format!("v3 = fcmp {first} v2, v0"),
                "v4 = iconst.i8 100".to_string(),
                "v5 = icmp ult v1, v4".to_string(),
                format!("v6 = {join} v3, v5"),
                "v7 = select v6, v1, v5".to_string(),
            ];
            programs.add(&[Type::F64, Type::I8], Type::I8, &lines);
        }
    }
    programs.agree("");
}

#[test]
fn selections_change_their_values() {
    let mut programs = Programs::default();
    let arms = [
        "v3 = iconst.{t} 0",
        "v3 = iconst.{t} 1",
        "v3 = iconst.{t} -1",
        "v6 = iconst.{t} 1\nv3 = iadd v1, v6",
        "v6 = iconst.{t} -1\nv3 = isub v1, v6",
        "v3 = bnot v1",
        "v3 = ineg v1",
        "v3 = iadd v1, v1",
    ];
    for yes in arms {
        for no in arms {
            let no = no
                .replace("v3", "v4")
                .replace("v6", "v7")
                .replace("v1", "v0");
            let text = format!("v2 = icmp slt v0, v1\n{yes}\n{no}\nv5 = select v2, v3, v4");
            programs.add_each(&INTEGERS, &[0], None, &text);
        }
    }
    programs.agree("");
}

#[test]
fn addresses_are_sums() {
    const HEAD: &str = "memory %heap 1..2\nmemory %none 0..2\ndata %bytes = %heap[0] \"\\01\\02\\03\\04\\05\\06\\07\\08\\09\\0a\\0b\\0c\\0d\\0e\\0f\\f0\\f1\\f2\\f3\\f4\\f5\\f6\\f7\\f8\\f9\\fa\\fb\\fc\\fd\\fe\\ff\"";
    let mut programs = Programs::default();
    let loads = [
        ("load.i64", Type::I64),
        ("load.i32", Type::I32),
        ("load.i16", Type::I16),
        ("load.i8", Type::I8),
        ("load.f64", Type::F64),
        ("load.f32", Type::F32),
        ("uload8.i64", Type::I64),
        ("sload8.i64", Type::I64),
        ("sload8.i32", Type::I32),
        ("sload8.i16", Type::I16),
        ("uload16.i32", Type::I32),
        ("sload16.i64", Type::I64),
        ("sload16.i32", Type::I32),
        ("uload32", Type::I64),
        ("sload32", Type::I64),
    ];
    let offsets = [
        "",
        "+1",
        "+255",
        "+4095",
        "+32760",
        "+65530",
        "+70000",
        "+16777216",
        "+4294967295",
    ];
    for (load, ty) in loads {
        for memory in ["%heap", "%none"] {
            for index in WIDE {
                for offset in offsets {
                    let line = format!("v1 = {load} {memory}[v0{offset}]");
                    programs.add(&[index], ty, &[line]);
                }
            }
            let line = format!("v2 = {load} {memory}[v1+3]");
            programs.add(
                &[Type::I32],
                ty,
                &["v1 = uextend.i64 v0".to_string(), line.clone()],
            );
            programs.add(&[Type::I32], ty, &["v1 = sextend.i64 v0".to_string(), line]);
        }
        for offset in ["", "+5", "+16"] {
            let lines = [
                "v1 = iconst.i64 506097522914230528".to_string(),
                "store ss0[8], v1".to_string(),
                "store ss0[24], v1".to_string(),
                format!("v2 = {load} ss0[v0{offset}]"),
            ];
            programs.add_with_slot(ty, &lines);
        }
    }
    programs.agree(HEAD);
}

/// The address is computed in trusted modules only, where the interpreter still checks it.
#[test]
fn addresses_in_the_frame_are_sums() {
    let mut programs = Programs::default();
    let indices = [
        "v2 = band v0, v9",
        "v8 = band v0, v9\nv7 = iconst.i64 2\nv2 = ishl v8, v7",
        "v8 = band v0, v9\nv7 = iconst.i64 3\nv2 = ishl v8, v7",
        "v8 = band v0, v9\nv7 = ireduce.i32 v8\nv2 = uextend.i64 v7",
        "v8 = band v0, v9\nv7 = ireduce.i32 v8\nv6 = sextend.i64 v7\nv5 = iconst.i64 3\nv2 = ishl v6, v5",
        "v8 = band v0, v9\nv7 = iconst.i64 8\nv2 = iadd v8, v7",
        "v8 = band v0, v9\nv7 = iconst.i64 -8\nv2 = isub v8, v7",
    ];
    for index in indices {
        for offset in ["", "+3", "+16"] {
            for (load, ty) in [
                ("load.i64", Type::I64),
                ("load.i32", Type::I32),
                ("sload8.i16", Type::I16),
            ] {
                let mut lines = vec![
                    "v20 = iconst.i64 506097522914230528".to_string(),
                    "v21 = iconst.i64 -506097522914230529".to_string(),
                    "store ss0[0], v20".to_string(),
                    "store ss0[8], v21".to_string(),
                    "store ss0[24], v20".to_string(),
                    "v9 = iconst.i64 3".to_string(),
                ];
                lines.extend(index.lines().map(str::to_string));
                let base = [
                    "v10 = stack_addr ss0[0]\nv11 = addr_add v10, v2",
                    "v12 = stack_addr ss0[4]\nv10 = addr_add v12, v2\nv13 = iconst.i64 -4\nv11 = addr_add v10, v13",
                ];
                for base in base {
                    let mut lines = lines.clone();
                    lines.extend(base.lines().map(str::to_string));
                    lines.push(format!("v15 = {load} addr[v11{offset}]"));
                    programs.add_with_slot(ty, &lines);
                    let last = lines.len() - 1;
                    lines[last] = format!("store addr[v11{offset}], v0");
                    lines.push("v15 = load.i64 ss0[12]".to_string());
                    programs.add_with_slot(Type::I64, &lines);
                }
            }
        }
    }
    programs.agree("module trusted");
}

impl Programs {
    /// A function with a stack slot and a parameter of 64 bits.
    fn add_with_slot(&mut self, result: Type, lines: &[String]) {
        let before = self.text.len();
        self.add(&[Type::I64], result, lines);
        let added = self.text.split_off(before);
        self.text
            .push_str(&added.replace("{\nblock0", "{\n    ss0 = slot 64 align 8\nblock0"));
    }
}
