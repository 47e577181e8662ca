//! The code of small functions, instruction by instruction.

use bumpalo::Bump;
use enjamb_abi::code::CodeOptions;
use enjamb_abi::context::InstanceLayout;
use enjamb_ir::{Entity, FuncId, MemoryId, Module, parse_module, verify_module};
use enjamb_lower_x64::{LowerError, LoweredFunction, allocator_options, lower_function};
use enjamb_regalloc::Allocator;

fn lower(module: &Module, function: FuncId) -> Result<LoweredFunction, LowerError> {
    let layout = InstanceLayout::new(module);
    let options = CodeOptions::default();
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
    let module = parse_module(text).unwrap_or_else(|errors| panic!("{errors}"));
    verify_module(&module).unwrap_or_else(|errors| panic!("{errors}"));
    module
}

/// Instructions and labels of `%f`, between prologue and epilogue, joined by semicolons.
fn code(text: &str) -> String {
    const TEXT: usize = 42;
    let module = module(text);
    let function = module.function_named("f").expect("%f");
    let lowered = lower(&module, function).unwrap_or_else(|error| panic!("{error}"));
    let assembly = lowered.text.expect("text").assembly;
    let lines = assembly.lines().filter_map(|line| match line.get(..2)? {
        "  " if line.get(2..8)?.trim().len() == 6 => line.get(TEXT..).map(str::to_string),
        "  " => None,
        _ => Some(line.to_string()),
    });
    let lines: Vec<String> = lines.filter(|line| !line.starts_with('%')).collect();
    // Where the memory stands in the context block is none of this test's business.
    let layout = InstanceLayout::new(&module);
    let heap = format!("r15+{}]", layout.memory(MemoryId::from_index(0)));
    lines.join("; ").replace(&heap, "r15+heap]")
}

fn expect(text: &str, expected: &str) {
    assert_eq!(
        code(text),
        expected.split_whitespace().collect::<Vec<_>>().join(" ")
    );
}

#[test]
fn a_sum_takes_in_constants_and_shifts() {
    expect(
        "function %f(i64, i64) -> i64 {
         block0(v0: i64, v1: i64):
             v2 = iconst.i64 3
             v3 = ishl v1, v2
             v4 = iadd v0, v3
             v5 = iconst.i64 -40
             v6 = iadd v4, v5
             return v6
         }",
        "push rbp; mov rbp, rsp; L0:; lea rax, [rdi+rsi*8-40]; pop rbp; ret",
    );
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
        "push rbp; mov rbp, rsp; L0:; cmp edi, 10; mov rax, rdi; jge L2; L1:; mov eax, 10; pop rbp; ret;
         L2:; pop rbp; ret",
    );
}

#[test]
fn division_by_a_constant_needs_no_checks() {
    expect(
        "function %f(i32) -> i32 {
         block0(v0: i32):
             v1 = iconst.i32 10
             v2 = sdiv v0, v1
             return v2
         }",
        "push rbp; mov rbp, rsp; L0:; mov esi, 10; mov rax, rdi; cdq; idiv esi; pop rbp;
         ret",
    );
}

#[test]
fn an_access_in_the_first_pages_is_not_checked() {
    expect(
        "memory %heap 1..2
         function %f(f64) -> i32 {
         block0(v0: f64):
             v1 = iconst.i64 65520
             store %heap[v1+8], v0
             v2 = load.i32 %heap[v1]
             return v2
         }",
        "push rbp; mov rbp, rsp; L0:; mov rdx, qword ptr [r15+heap];
         movsd qword ptr [rdx+65528], xmm0; mov rsi, qword ptr [r15+heap];
         mov eax, dword ptr [rsi+65520]; pop rbp; ret",
    );
}

#[test]
fn a_raw_access_uses_the_whole_addressing_mode() {
    expect(
        "module trusted
         memory %heap 1..2
         function %f(i64) -> i64 {
         block0(v0: i64):
             v1 = memory_base %heap
             v2 = iconst.i64 2
             v3 = ishl v0, v2
             v4 = iadd v1, v3
             v5 = sload32 raw[v4+12]
             return v5
         }",
        "push rbp; mov rbp, rsp; L0:; mov rdx, qword ptr [r15+heap];
         movsxd rax, dword ptr [rdx+rdi*4+12]; pop rbp; ret",
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
        "push rbp; mov rbp, rsp; L0:; mulsd xmm0, xmm1; addsd xmm0, xmm1;
         ucomisd xmm0, xmm0; jp L2; L1:; pop rbp; ret; L2:; movsd xmm0, qword ptr [rip+L3];
         jmp L1; <padding>; L3:; <data>",
    );
}

#[test]
fn the_same_input_gives_the_same_code() {
    let text = include_str!("../../lower/tests/native/programs.rs");
    let start = text.find("import %yield").expect("a program");
    let end = start + text[start..].find("\"#").expect("its end");
    let mut module = module(&text[start..end]);
    enjamb_async::transform(&mut module);
    for function in module.body_ids() {
        let [one, two] = [0, 1].map(|_| lower(&module, function).expect("code"));
        assert_eq!(one.code, two.code);
        assert_eq!(one.text, two.text);
    }
}

#[test]
fn errors_name_the_function() {
    let module = parse_module(
        "import %yield = \"enjamb\" \"yield\" () async
         function %f() async {
         block0:
             call %yield()
             return
         }
         function %large() {
             ss0 = slot 2000000000 align 8
         block0:
             return
         }",
    )
    .expect("a module");
    let message = |name: &str| {
        let function = module.function_named(name).expect("a function");
        lower(&module, function).expect_err("no code").to_string()
    };
    assert_eq!(
        message("yield"),
        "cannot lower `yield`: the module has no body for it"
    );
    assert_eq!(
        message("f"),
        "cannot lower `f`: an async function must go through the async transform first"
    );
    assert_eq!(
        message("large"),
        "cannot lower `large`: the frame is larger than two gigabytes"
    );
}

#[test]
fn vectors_take_in_constants_and_make_nans_canonical_once() {
    expect(
        "function %f(v128, v128) -> v128 {
         block0(v0: v128, v1: v128):
             v2 = vconst 0x00000001000000020000000300000004
             v3 = viadd.i32x4 v2, v0
             v4 = vfmul.f32x4 v3, v1
             v5 = vfadd.f32x4 v4, v1
             return v5
         }",
        "push rbp; mov rbp, rsp; L0:; paddd xmm0, xmmword ptr [rip+L1]; mulps xmm0, xmm1;
         addps xmm0, xmm1; movaps xmm11, xmm0; cmpps xmm11, xmm0, 7; andps xmm0, xmm11;
         andnps xmm11, xmmword ptr [rip+L2]; orps xmm0, xmm11; pop rbp; ret; <padding>; L1:; <data>; L2:;
         <data>",
    );
}

#[test]
fn a_test_of_a_vector_joins_its_branch() {
    expect(
        "function %f(v128, v128) -> v128 {
         block0(v0: v128, v1: v128):
             v2 = band v0, v1
             v3 = any_true v2
             brif v3, block1, block2
         block1:
             v4 = bnot v0
             v5 = band v1, v4
             return v5
         block2:
             return v0
         }",
        "push rbp; mov rbp, rsp; L0:; ptest xmm0, xmm1; je L2; L1:; pandn xmm0, xmm1; pop rbp; ret; L2:;
         pop rbp; ret",
    );
}

#[test]
fn permutations_of_one_instruction_are_one() {
    let permuted = |bytes: &str, expected: &str| {
        let text = format!(
            "function %f(v128, v128) -> v128 {{
             block0(v0: v128, v1: v128):
                 v2 = shuffle v0, v1, [{bytes}]
                 return v2
             }}"
        );
        let expected = format!("push rbp; mov rbp, rsp; L0:; {expected}; pop rbp; ret");
        expect(&text, &expected);
    };
    permuted(
        "0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23",
        "punpcklbw xmm0, xmm1",
    );
    permuted(
        "12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3",
        "pshufd xmm0, xmm0, 27",
    );
    permuted(
        "0, 1, 18, 19, 4, 5, 22, 23, 8, 9, 26, 27, 12, 13, 30, 31",
        "pblendw xmm0, xmm1, -86",
    );
    permuted(
        "21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 0, 1, 2, 3, 4",
        "palignr xmm0, xmm1, 5",
    );
}

/// Only where there are vectors do float registers go to memory as a whole.
#[test]
fn floats_are_spilled_as_wide_as_the_function_needs() {
    let text = |ty: &str| {
        format!(
            "import %g = \"host\" \"g\" ()
             function %f({ty}) -> {ty} {{
             block0(v0: {ty}):
                 call %g()
                 return v0
             }}"
        )
    };
    let spills = |ty: &str| {
        let code = code(&text(ty));
        let lines = code.split("; ").filter(|line| line.contains("rbp-"));
        lines.map(str::to_string).collect::<Vec<_>>()
    };
    let narrow = [
        "movsd qword ptr [rbp-8], xmm0",
        "movsd xmm0, qword ptr [rbp-8]",
    ];
    assert_eq!(spills("f64"), narrow);
    let wide = [
        "movaps xmmword ptr [rbp-16], xmm0",
        "movaps xmm0, xmmword ptr [rbp-16]",
    ];
    assert_eq!(spills("v128"), wide);
}
