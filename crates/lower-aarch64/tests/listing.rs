//! The code of small functions, instruction by instruction.

use bumpalo::Bump;
use enjamb_abi::code::CodeOptions;
use enjamb_abi::context::{InstanceLayout, free_list_offset, offsets};
use enjamb_ir::{FuncId, Module, parse_module, verify_module};
use enjamb_lower_aarch64::{LowerError, LoweredFunction, allocator_options, lower_function};
use enjamb_regalloc::Allocator;

fn lower(
    module: &Module,
    function: FuncId,
    options: CodeOptions,
) -> Result<LoweredFunction, LowerError> {
    let layout = InstanceLayout::new(module);
    let mut allocator = Allocator::new(allocator_options(&options));
    lower_function(
        module,
        &layout,
        function,
        &options,
        &mut allocator,
        &Bump::new(),
        true,
    )
}

fn module(text: &str) -> Module {
    let mut module = parse_module(text).unwrap_or_else(|errors| panic!("{errors}"));
    verify_module(&module).unwrap_or_else(|errors| panic!("{errors}"));
    enjamb_async::transform(&mut module);
    module
}

/// Instructions and labels of `%f`, joined by semicolons.
fn code(text: &str, options: CodeOptions) -> String {
    const TEXT: usize = 35;
    let module = module(text);
    let function = module.function_named("f").expect("%f");
    let lowered = lower(&module, function, options).unwrap_or_else(|error| panic!("{error}"));
    let assembly = lowered.text.expect("text").assembly;
    let lines = assembly.lines().filter_map(|line| match line.get(..2)? {
        "  " if line.get(2..8)?.trim().len() == 6 => line.get(TEXT..).map(str::to_string),
        "  " => None,
        _ => Some(line.to_string()),
    });
    let lines: Vec<String> = lines.filter(|line| !line.starts_with('%')).collect();
    // Where things stand in the context block is none of this test's business.
    let layout = InstanceLayout::new(&module);
    let mut names = vec![
        (offsets::STACK_LIMIT, "stack_limit"),
        (free_list_offset(24), "free_list"),
    ];
    let signatures = layout.signatures().filter_map(|sig| layout.signature(sig));
    names.extend(signatures.map(|offset| (offset, "signature")));
    let named = |text: String, (offset, name): (u32, &str)| {
        text.replace(&format!("[x28, #{offset}]"), &format!("[x28, {name}]"))
    };
    names.into_iter().fold(lines.join("; "), named)
}

fn expect(text: &str, expected: &str) {
    expect_with(text, CodeOptions::default(), expected);
}

fn expect_with(text: &str, options: CodeOptions, expected: &str) {
    assert_eq!(
        code(text, options),
        expected.split_whitespace().collect::<Vec<_>>().join(" ")
    );
}

fn protected() -> CodeOptions {
    CodeOptions {
        branch_protection: true,
        ..CodeOptions::default()
    }
}

#[test]
fn a_comparison_joins_its_branch() {
    expect(
        "function %f(i32) -> i32 {
         block0(v0: i32):
             v1 = iconst.i32 10
             v2 = icmp sgt v1, v0
             brif v2, block1, block2
         block1:
             return v1
         block2:
             return v0
         }",
        "stp x29, x30, [sp, #-16]!; mov x29, sp; L0:; cmp w0, #10; b.ge L2; L1:; movz x0, #10; ldp
         x29, x30, [sp], #16; ret; L2:; ldp x29, x30, [sp], #16; ret",
    );
}

#[test]
fn arithmetic_makes_nans_canonical_once() {
    expect(
        "function %f(f64, f64) -> f64 {
         block0(v0: f64, v1: f64):
             v2 = fmul v0, v1
             v3 = fadd v2, v1
             return v3
         }",
        "stp x29, x30, [sp, #-16]!; mov x29, sp; L0:; fmul d3, d0, d1; fadd d0, d3, d1; fcmp d0,
         d0; b.vs L1; L2:; ldp x29, x30, [sp], #16; ret; L1:; movz x16, #32760, lsl #48; fmov d0,
         x16; b L2",
    );
}

#[test]
fn float_constants_come_without_memory_where_they_can() {
    expect(
        "function %f() -> f64, f64, f64, f32 {
         block0:
             v0 = fconst.f64 0.0
             v1 = fconst.f64 -1.5
             v2 = fconst.f64 0.1
             v3 = fconst.f32 -0.0
             return v0, v1, v2, v3
         }",
        "stp x29, x30, [sp, #-16]!; mov x29, sp; L0:; movi d0, #0; fmov d1, #-1.50000000; ldr d2,
         L1; ldr s3, L2; ldp x29, x30, [sp], #16; ret; L1:; <constant>; L2:; <constant>",
    );
}

#[test]
fn registers_are_saved_in_pairs_and_a_far_slot_is_counted_from_below() {
    expect(
        "import %g = \"host\" \"g\" ()
         function %f(i64, i64, i64) -> i64 {
             ss0 = slot 8000 align 8
             ss1 = slot 8 align 8
         block0(v0: i64, v1: i64, v2: i64):
             store ss1[0], v0
             call %g()
             v3 = iadd v0, v1
             v4 = load.i64 ss1[0]
             v5 = bxor v3, v4
             v6 = iadd v5, v2
             return v6
         }",
        "stp x29, x30, [sp, #-16]!; mov x29, sp; sub x16, x29, #1, lsl #12; sub x16, x16, #3936;
         ldr x17, [x28, stack_limit]; cmp x16, x17; b.lo L1; sub sp, sp, #1, lsl #12; sub sp, sp,
         #3936; stp x20, x19, [sp, #8]; str x21, [sp]; L0:; mov x19, x2; mov x20, x1; sub x16, x29,
         #1, lsl #12; sub x16, x16, #3904; movz x5, #500; L2:; stp xzr, xzr, [x16], #16; sub x5,
         x5, #1; cbnz x5, L2; str x0, [sp, #24]; mov x21, x0; bl %g; mov x0, x21; mov x1, x20; add
         x9, x0, x1; ldr x11, [sp, #24]; eor x13, x9, x11; mov x2, x19; add x0, x13, x2; ldp x20,
         x19, [sp, #8]; ldr x21, [sp]; mov sp, x29; ldp x29, x30, [sp], #16; ret; L1:; bl
         TrapLanding",
    );
}

#[test]
fn words_of_a_tail_call_move_up() {
    expect(
        "function %g(i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64) -> i64 {
         block0(v0: i64, v1: i64, v2: i64, v3: i64, v4: i64, v5: i64, v6: i64, v7: i64, v8: i64, v9: i64, v10: i64):
             return v10
         }
         function %f(i64) -> i64 {
         block0(v0: i64):
             return_call %g(v0, v0, v0, v0, v0, v0, v0, v0, v0, v0, v0)
         }",
        "stp x29, x30, [sp, #-16]!; mov x29, sp; sub sp, sp, #32; L0:; str x0, [sp]; str x0, [sp,
         #8]; str x0, [sp, #16]; mov x7, x0; mov x1, x7; mov x2, x7; mov x3, x7; mov x4, x7; mov
         x5, x7; mov x6, x7; ldp x29, x30, [x29]; add x14, sp, #32; add x15, sp, #48; ldp x16, x17,
         [x14, #-16]!; stp x16, x17, [x15, #-16]!; ldp x16, x17, [x14, #-16]!; stp x16, x17, [x15,
         #-16]!; mov sp, x15; b %g",
    );
}

const TEN_WORDS: &str = "function %g(i64, i64, i64, i64, i64, i64, i64, i64, i64, i64) -> i64 {
     block0(v0: i64, v1: i64, v2: i64, v3: i64, v4: i64, v5: i64, v6: i64, v7: i64, v8: i64, v9: i64):
         return v9
     }";

#[test]
fn a_callee_pops_its_words_and_the_frame_keeps_room_for_them() {
    let text = "function %f(i64) -> i64 {
         block0(v0: i64):
             v1 = call %g(v0, v0, v0, v0, v0, v0, v0, v0, v0, v0)
             return v1
         }";
    let code = code(&format!("{TEN_WORDS}\n{text}"), CodeOptions::default());
    assert!(code.contains("bl %g; sub sp, sp, #16;"), "{code}");
}

#[test]
fn a_tail_call_without_words_pops_those_of_its_function() {
    let text = "function %f(i64, i64, i64, i64, i64, i64, i64, i64, i64, i64) -> i64 {
         block0(v0: i64, v1: i64, v2: i64, v3: i64, v4: i64, v5: i64, v6: i64, v7: i64, v8: i64, v9: i64):
             return_call %h(v0)
         }
         function %h(i64) -> i64 {
         block0(v0: i64):
             return v0
         }";
    let code = code(text, CodeOptions::default());
    let end = "; ldp x29, x30, [sp], #16; add sp, sp, #16; b %h";
    assert!(code.ends_with(end), "{code}");
}

#[test]
fn branch_protection_signs_and_lands() {
    let text = "function %f(i64, funcref) -> i64 {
         sig0 = (i64) -> i64
         block0(v0: i64, v1: funcref):
             br_table v0, block1, [block2, block3]
         block1:
             return v0
         block2:
             return_call_indirect sig0, v1(v0)
         block3:
             v2 = call_indirect sig0, v1(v0)
             return v2
         }";
    expect_with(
        text,
        protected(),
        "paciasp; stp x29, x30, [sp, #-16]!; mov x29, sp; ldr x17, [x28, stack_limit]; cmp x29,
         x17; b.lo L5; L0:; movz x3, #2; cmp x0, #2; csel x6, x0, x3, lo; adr x8, L4; ldrsw x9,
         [x8, x6, lsl #2]; add x9, x9, x8; br x9; L4:; <table>; L1:; bti j; ldp x29, x30, [sp],
         #16; autiasp; ret; L2:; bti j; cbz x1, L6; ldr w14, [x1, #8]; ldr w2, [x28, signature];
         cmp w14, w2; b.ne L7; ldr x9, [x1]; ldp x29, x30, [sp], #16; autiasp; mov x16, x9; br x16;
         L3:; bti j; cbz x1, L8; ldr w2, [x1, #8]; ldr w3, [x28, signature]; cmp w2, w3; b.ne L9;
         ldr x9, [x1]; blr x9; ldp x29, x30, [sp], #16; autiasp; ret; L5:; bl TrapLanding; L6:; bl
         TrapLanding; L7:; bl TrapLanding; L8:; bl TrapLanding; L9:; bl TrapLanding",
    );
}

#[test]
fn exceptions_arrive_at_a_landing_pad() {
    let text = "import %g = \"host\" \"g\" (i64) -> i64
         function %f(i64) -> i64 {
         block0(v0: i64):
             v1, v2, v3 = try_call %g(v0), block1(v1), unwind block2(v2)
         block1(v4: i64):
             return v4
         block2(v5: i64):
             v6 = bnot v5
             return v6
         }";
    expect_with(
        text,
        protected(),
        "paciasp; stp x29, x30, [sp, #-16]!; mov x29, sp; ldr x17, [x28, stack_limit]; cmp x29,
         x17; b.lo L5; L0:; bl %g; L1:; ldp x29, x30, [sp], #16; autiasp; ret; L2:; bti j; mvn x0,
         x4; ldp x29, x30, [sp], #16; autiasp; ret; L5:; bl TrapLanding",
    );
}

#[test]
fn a_suspension_point() {
    expect(
        "import %yield = \"enjamb\" \"yield\" () async
         function %f(i64) -> i64 async {
         block0(v0: i64):
             call %yield()
             return v0
         }",
        "stp x29, x30, [sp, #-16]!; mov x29, sp; ldr x17, [x28, stack_limit]; cmp x29, x17; b.lo
         L6; sub sp, sp, #16; stur x19, [x29, #-8]; L0:; cbnz x15, L1; L2:; mov x19, x0; movz x15,
         #0; bl %yield; cbnz x15, L4; L3:; mov x0, x19; movz x15, #0; ldur x19, [x29, #-8]; mov sp,
         x29; ldp x29, x30, [sp], #16; ret; L1:; ldr x19, [x15, #16]; b L3; L4:; bl
         NewContinuation(24); str x19, [x0, #16]; adrp x1, %f.point0; add x1, x1, lowest 12 bits of
         %f.point0; L9:; str x1, [x0, #8]; str x0, [x15]; mov x15, x0; ldur x19, [x29, #-8]; mov
         sp, x29; ldp x29, x30, [sp], #16; ret; L6:; bl TrapLanding",
    );
}

#[test]
fn the_same_input_gives_the_same_code() {
    let text = include_str!("../../lower/tests/native/programs.rs");
    let start = text.find("import %yield").expect("a program");
    let end = start + text[start..].find("\"#").expect("its end");
    let module = module(&text[start..end]);
    for function in module.body_ids() {
        let options = CodeOptions::default();
        let [one, two] = [0, 1].map(|_| lower(&module, function, options).expect("code"));
        assert_eq!(one.code, two.code);
        assert_eq!(one.text, two.text);
    }
}

/// Around the place where a veneer is due, with blocks of six instructions that refer to nothing: one of
/// the functions has it at the start of a block.
#[test]
fn no_veneer_stands_between_a_label_and_its_landing_pad() {
    for stores in 8130..8136 {
        let stores = "store ss0[0], v0\n".repeat(stores);
        let targets = (3..19).map(|block| format!("block{block}"));
        let targets: Vec<String> = targets.collect();
        let blocks = targets.iter().enumerate();
        let blocks = blocks.map(|(index, block)| {
            let value = 10 + index;
            format!("{block}:\nv{value} = iconst.i64 {value}\nreturn v{value}\n")
        });
        let blocks: String = blocks.collect();
        let targets = targets.join(", ");
        let text = format!(
            "function %f(i64) -> i64 {{
                 ss0 = slot 8 align 8
             block0(v0: i64):
                 v1 = iconst.i64 0
                 v2 = icmp sge v0, v1
                 brif v2, block1, block2
             block1:
                 {stores}
                 br_table v0, block3, [{targets}]
             {blocks}
             block2:
                 return v0
             }}"
        );
        let code = code(&text, protected());
        assert!(code.contains("<veneers>"));
        let behind = code.split_once("br x").expect("a jump").1;
        let landings = behind.matches(":; bti j").count();
        assert_eq!(landings, 16, "{behind}");
    }
}
