//! Functions that were lowered already reach the memory of the runtime: who may have them compiled.

use enjamb_codegen::{CompileError, CompileOptions, compile};
use enjamb_ir::parse_module;
use enjamb_ir::reference::LOWERED;
use std::sync::Arc;

fn compiled(text: &str) -> Result<(), CompileError> {
    let module = Arc::new(parse_module(text).expect("the text is well formed"));
    let options = CompileOptions {
        target: "x86_64-unknown-linux-gnu".parse().expect("a triple"),
        ..CompileOptions::default()
    };
    compile(module, &options).map(|_| ())
}

#[test]
fn a_lowered_function_is_compiled_in_trusted_modules_only() {
    let error = compiled(LOWERED).expect_err("the module is not trusted");
    assert!(matches!(&error, CompileError::Untrusted { function } if function == "main"));
    assert_eq!(
        error.to_string(),
        "%main is lowered already or has root slots, which only a trusted module may have compiled"
    );
    compiled(&format!("module trusted\n{LOWERED}")).expect("the module is trusted");
}

#[test]
fn root_slots_are_compiled_in_trusted_modules_only() {
    let text = "type %bytes = [i8]
        function %f(ref) -> ref {
            root0 = root
        block0(v0: ref):
            root_set root0, v0
            v1 = root_get root0
            return v1
        }";
    let error = compiled(text).expect_err("the module is not trusted");
    assert!(matches!(error, CompileError::Untrusted { function } if function == "f"));
    compiled(&format!("module trusted\n{text}")).expect("the module is trusted");
}
