//! Suspension points outside a loop cost nothing inside it: no value is moved to or from memory there
//! because it has to be saved somewhere else.

use enjamb_abi::code::CodeOptions;
use enjamb_abi::context::InstanceLayout;
use enjamb_abi::target::Target;
use enjamb_codegen::{Lowering, Selection, run_passes};
use enjamb_ir::parse_module;

/// A loop over four values with `before` in front of it and `behind` behind it.
fn program(before: &str, behind: &str) -> String {
    format!(
        r#"
import %yield = "enjamb" "yield" () async

function %main(i64, i64, i64, f64) -> i64, f64 async {{
block0(v0: i64, v1: i64, v2: i64, v3: f64):
    {before}
    jump block1(v0, v1, v2, v3)
block1(v4: i64, v5: i64, v6: i64, v7: f64):
    v8 = iadd v5, v6
    v9 = imul v6, v4
    v10 = fadd v7, v7
    v11 = iconst.i64 -1
    v12 = iadd v4, v11
    brif v12, block1(v12, v8, v9, v10), block2
block2:
    v20 = iadd v8, v9
    {behind}
    v21 = iadd v20, v0
    v22 = iadd v21, v1
    return v22, v10
}}
"#
    )
}

/// The instructions of block1 and its edges that have an operand in memory.
fn memory_operands_in_the_loop(text: &str) -> Vec<String> {
    let mut module = parse_module(text).expect("the program parses");
    run_passes(&mut module, &Selection::default(), true).expect("the passes run");
    let main = module.function_named("main").expect("a function");
    let layout = InstanceLayout::new(&module);
    let lowered =
        Lowering::new(&module, &layout, Target::X86_64, CodeOptions::default()).run(main, true);
    let assembly = lowered
        .expect("it compiles")
        .text
        .expect("a listing")
        .assembly;
    let mut inside = false;
    let mut found = Vec::new();
    let mut instructions = 0;
    for line in assembly.lines() {
        match line.trim_start().strip_prefix("; ") {
            Some("block1") => inside = true,
            Some(comment) if comment.starts_with("block") => inside = false,
            Some(_) => {}
            None if inside => {
                instructions += 1;
                if line.contains("ptr [") {
                    found.push(line.to_string());
                }
            }
            None => {}
        }
    }
    assert!(instructions > 5, "the listing shows the loop:\n{assembly}");
    found
}

#[test]
fn points_outside_a_loop_add_no_memory_access_to_it() {
    let point = "call %yield()";
    for (before, behind) in [("", ""), (point, ""), ("", point), (point, point)] {
        let text = program(before, behind);
        let found = memory_operands_in_the_loop(&text);
        assert_eq!(found, Vec::<String>::new(), "`{before}`, `{behind}`");
    }
}
