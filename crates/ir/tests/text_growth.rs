//! Reading and printing take time linear in the text, in every direction in which it can grow.

use cpu_time::ThreadTime;
use enjamb_ir::parse_module;
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
