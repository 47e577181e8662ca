//! The code of a function as text, without what is not of interest.

use bumpalo::Bump;
use enjamb_abi::code::CodeOptions;
use enjamb_abi::context::InstanceLayout;
use enjamb_ir::{Entity, MemoryId, TableId, parse_module, verify_module};
use enjamb_lower_aarch64::{allocator_options, lower_function};
use enjamb_regalloc::Allocator;

const PROLOGUE: &str = "stp x29, x30, [sp, #-16]!; mov x29, sp; L0:; ";
const EPILOGUE: &str = "; ldp x29, x30, [sp], #16; ret";

/// Instructions and labels of the only function, joined by semicolons.
fn code(text: &str) -> String {
    const TEXT: usize = 33;
    let module = parse_module(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    verify_module(&module).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let layout = InstanceLayout::new(&module);
    let options = CodeOptions::default();
    let mut allocator = Allocator::new(allocator_options(&options));
    let function = module.function_named("f").expect("%f");
    let lowered = lower_function(
        &module,
        &layout,
        function,
        &options,
        &mut allocator,
        &Bump::new(),
        true,
    );
    let lowered = lowered.unwrap_or_else(|error| panic!("{error}"));
    let assembly = lowered.text.expect("text").assembly;
    let lines = assembly.lines().filter_map(|line| match line.get(..2)? {
        "  " if line.get(2..8)?.trim().len() == 6 => {
            line.get(TEXT..).map(|text| text.trim().to_string())
        }
        "  " => None,
        _ => Some(line.to_string()),
    });
    let lines: Vec<String> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('%'))
        .collect();
    let mut code = lines.join("; ");
    // Where things stand in the context block is none of these tests' business.
    let heap = layout.memory(MemoryId::from_index(0));
    let table = layout.table(TableId::from_index(0));
    for (offset, name) in [(heap, "heap"), (table, "table")] {
        code = code.replace(&format!("x28, #{offset}]"), &format!("x28, #{name}]"));
        let length = format!("x28, #{}]", offset + 8);
        code = code.replace(&length, &format!("x28, #{name}.length]"));
    }
    code
}

/// The code of a function with these parameters and result and these lines, of which the last but for
/// stores gives the result; prologue and epilogue of a function without a frame are left out.
fn body(signature: &str, lines: &str) -> String {
    let (params, result) = signature.split_once(" -> ").expect("a result");
    let values = params.split(", ").enumerate();
    let values: Vec<String> = values
        .map(|(index, ty)| format!("v{index}: {ty}"))
        .collect();
    let last = lines.rsplit("; ").find_map(|line| line.split_once(" = "));
    let (last, _) = last.expect("a value");
    let slot = match lines.contains("ss0") {
        true => "    ss0 = slot 64 align 8\n",
        false => "",
    };
    let lines: Vec<String> = lines
        .split("; ")
        .map(|line| format!("    {line}\n"))
        .collect();
    let (values, lines) = (values.join(", "), lines.concat());
    let code = code(&format!(
        "module trusted
memory %heap 1..2
table %table [null]
function %f({params}) -> {result} {{
{slot}block0({values}):
{lines}    return {last}
}}"
    ));
    let code = code.strip_prefix(PROLOGUE).unwrap_or(&code);
    code.split(EPILOGUE).collect()
}

pub fn check(signature: &str, lines: &str, expected: &str) {
    let [lines, expected] =
        [lines, expected].map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(body(signature, &lines), expected, "{signature}: {lines}");
}
