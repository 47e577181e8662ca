//! Reading and printing take time linear in the text, in every direction in which it can grow.

use cpu_time::ThreadTime;
use enjamb_ir::{parse_module, verify_module};
use std::fmt::Write;
use std::time::Duration;

/// Asserts that a text 16 times as long takes not much more than 16 times as long; a quadratic
/// step would take 256 times. The best of three runs counts, in time of the processor, as the machine may
/// be busy.
fn assert_linear(text_of_size: impl Fn(usize) -> String) {
    let time = |size: usize| {
        let text = text_of_size(size);
        let run = || {
            let start = ThreadTime::now();
            let result = parse_module(&text);
            if let Ok(module) = &result {
                assert!(module.to_string().len() > size);
            }
            start.elapsed()
        };
        (0..3).map(|_| run()).min().unwrap_or_default()
    };
    let (small, large) = (time(2_000), time(32_000));
    let allowed = small.max(Duration::from_millis(1)) * 16 * 5;
    assert!(large < allowed, "{small:?} became {large:?}");
}

fn in_function(body: &str) -> String {
    format!("function %f(i64) -> i64 {{\nblock0(v0: i64):\n{body}}}\n")
}

/// So many names of sixteen letters, which `fxhash`, a hash without a key, all gives one hash: that of eight bytes and
/// eight more depends on `rotate(first * FACTOR) ^ second` alone. The first eight are chosen such that what the others
/// have to be then are letters.
fn names_of_one_hash(count: usize) -> Vec<String> {
    const SUM: u64 = 0xe439_b2aa_fea3_5d9e;
    fn extend(first: [u8; 8], length: usize, count: usize, names: &mut Vec<String>) {
        const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
        let product = u64::from_le_bytes(first).wrapping_mul(FACTOR);
        let second = (product.rotate_left(5) ^ SUM).to_le_bytes();
        // The lower bits of a product depend on those of its factors: of `second` the bytes up to the length are as
        // they will be, but the lowest, into which the highest bits are rotated.
        let known = if length == 8 {
            &second
        } else {
            &second[1..length.max(1)]
        };
        if !known.iter().all(u8::is_ascii_alphabetic) || names.len() == count {
            return;
        }
        if length == 8 {
            let name = [first, second].concat();
            return names.push(name.iter().map(|&byte| char::from(byte)).collect());
        }
        for letter in (b'A'..=b'Z').chain(b'a'..=b'z') {
            let mut longer = first;
            longer[length] = letter;
            extend(longer, length + 1, count, names);
        }
    }
    let mut names = Vec::new();
    extend([0; 8], 0, count, &mut names);
    assert_eq!(names.len(), count);
    names
}

/// A text with names of every kind.
fn text_with(names: &[String]) -> String {
    let (mut declarations, mut fields, mut saved) = (String::new(), Vec::new(), Vec::new());
    for (index, name) in names.iter().enumerate() {
        let _ = writeln!(declarations, "global %{name}: i64 = 0");
        let _ = writeln!(declarations, "export \"{name}\" = %{name}");
        fields.push(format!("{name}: i64 @ {}", 16 + index * 8));
        saved.push(format!("{name} = v1"));
    }
    let members: Vec<String> = names.iter().map(|name| format!("{name}: i64")).collect();
    format!(
        "{declarations}type %object = {{ {} }}\nfunction %f() async lowered {{
    layout0 = size {} {{ {} }}
    point0 = layout0 () saves [{}]
block0(v0: cont):
    v1 = iconst.i64 1
    return
}}\n",
        members.join(", "),
        16 + names.len() * 8,
        fields.join(", "),
        saved.join(", ")
    )
}

/// Names that a text chooses with care take as long as any others. Where all of them are in one place of a hash map it
/// is some twenty times as long.
#[test]
fn names_of_one_hash_are_as_good_as_others() {
    const COUNT: usize = 2_500;
    let others: Vec<String> = (0..COUNT).map(|index| format!("{index:a>16}")).collect();
    let time = |names: &[String]| {
        let text = text_with(names);
        let run = || {
            let start = ThreadTime::now();
            let module = parse_module(&text).expect("the text is well formed");
            let _ = verify_module(&module);
            start.elapsed()
        };
        (0..3).map(|_| run()).min().unwrap_or_default()
    };
    let (others, chosen) = (time(&others), time(&names_of_one_hash(COUNT)));
    let allowed = others.max(Duration::from_millis(1)) * 4;
    assert!(chosen < allowed, "{others:?} became {chosen:?}");
}

#[test]
fn many_values() {
    assert_linear(|size| {
        let mut body = String::new();
        for value in 1..=size {
            let _ = writeln!(body, "    v{value} = iadd v{}, v0", value - 1);
        }
        let _ = writeln!(body, "    return v{size}");
        in_function(&body)
    });
}

#[test]
fn values_in_reverse_order() {
    assert_linear(|size| {
        let mut body = format!("    jump block{size}\n");
        for block in 1..size {
            let (value, operand) = (block, block + 1);
            let next = if block == 1 { size + 1 } else { block - 1 };
            let _ = writeln!(
                body,
                "block{block}:\n    v{value} = iadd v{operand}, v{operand}"
            );
            let _ = writeln!(body, "    jump block{next}");
        }
        let _ = writeln!(
            body,
            "block{size}:\n    v{size} = iadd v0, v0\n    jump block{}",
            size - 1
        );
        let _ = writeln!(body, "block{}:\n    return v1", size + 1);
        in_function(&body)
    });
}

#[test]
fn one_long_line() {
    assert_linear(|size| {
        let table = vec!["block0(v0)"; size].join(", ");
        in_function(&format!("    br_table v0, block0(v0), [{table}]\n"))
    });
}

#[test]
fn many_functions_that_call_the_next() {
    assert_linear(|size| {
        let mut text = String::new();
        for index in 0..size {
            let callee = (index + 1) % size;
            let _ = writeln!(
                text,
                "function %f{index}() {{\nblock0:\n    return_call %f{callee}()\n}}"
            );
        }
        text
    });
}

#[test]
fn many_fields_and_points() {
    assert_linear(|size| {
        let fields = (0..size).map(|index| format!("v{index}: i64 @ {}", 24 + index * 8));
        let fields = fields.collect::<Vec<_>>().join(", ");
        let mut text =
            format!("function %f() async lowered {{\n    layout0 = size 8 {{ {fields} }}\n");
        for index in 0..size {
            let _ = writeln!(
                text,
                "    point{index} = layout0 () saves [v{index} = v{index}]"
            );
        }
        text.push_str("}\n");
        text
    });
}

/// An exceptional entry that saves a field of no bytes over and over, which is an error of its own, and as many
/// points that share it.
#[test]
fn many_points_of_one_exceptional_entry() {
    let time = |size: usize| {
        let saved = vec!["f = ss0"; size].join(", ");
        let mut text = format!(
            "function %f() async lowered {{\n    ss0 = slot 0 align 1
    layout0 = size 32 {{ f: bytes 0 align 1 @ 16 }}
    point0 = layout0 (i64, ref) saves [{saved}]\n"
        );
        for index in 1..=size {
            let _ = writeln!(
                text,
                "    point{index} = layout0 () saves [f = ss0] unwind point0"
            );
        }
        text.push_str("block0(v0: cont):\n    return\n}\n");
        let module = parse_module(&text).expect("the text is well formed");
        let run = || {
            let start = ThreadTime::now();
            let errors = verify_module(&module).expect_err("a field is saved twice");
            assert!(errors.to_string().contains("R41"));
            start.elapsed()
        };
        (0..3).map(|_| run()).min().unwrap_or_default()
    };
    let (small, large) = (time(500), time(8_000));
    let allowed = small.max(Duration::from_millis(1)) * 16 * 5;
    assert!(large < allowed, "{small:?} became {large:?}");
}

#[test]
fn errors_on_every_line_and_on_one_line() {
    assert_linear(|size| in_function(&"    v1 = iad v0\n".repeat(size)));
    assert_linear(|size| in_function(&"    return v1 } { \"\n".repeat(size)));
    assert_linear(|size| format!("table %t [{}]\n", "%missing, ".repeat(size)));
    assert_linear(|size| "function %f() {\n".repeat(size));
}

#[test]
fn undefined_values_of_one_long_line() {
    assert_linear(|size| {
        let values = (1..=size).map(|index| format!("v{index}"));
        in_function(&format!(
            "    return {}\n",
            values.collect::<Vec<_>>().join(", ")
        ))
    });
}

#[test]
fn a_million_values() {
    // A fifth of that where the compiler does not optimize.
    let count = if cfg!(debug_assertions) {
        200_000
    } else {
        1_000_000
    };
    let mut body = String::new();
    for value in 1..=count {
        let _ = writeln!(body, "    v{value} = iadd v{}, v0", value - 1);
    }
    let _ = writeln!(body, "    return v{count}");
    let module = parse_module(&in_function(&body)).expect("a module");
    let (_, function) = module.bodies().next().expect("a function");
    assert_eq!(function.values.len(), count + 1);
}
