//! Whose turn it is: what tasks may not keep from each other.

use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{FuelSupply, Val, parse_module};
use enjamb_runtime::{ClockKind, Imports, Instance, LoadedModule, Options};
use std::sync::Arc;
use std::time::Duration;

fn instance(text: &str, imports: Imports, options: Options) -> Instance {
    let module = parse_module(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let compiled = compile(Arc::new(module), &CompileOptions::default()).unwrap();
    let loaded = LoadedModule::new(Arc::new(compiled)).unwrap();
    Instance::new(loaded, imports, options).unwrap()
}

fn call(instance: &mut Instance, name: &str) -> Vec<Val> {
    let function = instance.loaded().module().exported_function(name).unwrap();
    instance.call(function, &[]).unwrap()
}

/// Each turn takes longer than the timer of the third task.
#[test]
fn tasks_that_yield_to_each_other_keep_no_timer_waiting() {
    let text = r#"
import %yield = "enjamb" "yield" () async
import %sleep = "enjamb" "sleep" (i64) async
import %work = "host" "work" ()
global %stop: i8 = 0
; 1 if it is stopped before it has taken 20 turns.
function %turns() -> i8 async {
block0:
    v0 = iconst.i64 20
    v1 = iconst.i64 1
    jump block1(v0)
block1(v2: i64):
    call %yield()
    call %work()
    v3 = global_get.i8 %stop
    brif v3, block3, block2
block2:
    v4 = isub v2, v1
    brif v4, block1(v4), block3
block3:
    return v3
}
function %main() -> i8, i8 async {
    sig0 = () -> i8
block0:
    v0 = spawn %turns()
    v1 = spawn %turns()
    v2 = iconst.i64 1
    call %sleep(v2)
    v3 = iconst.i8 1
    global_set %stop, v3
    v4 = join sig0, v0
    v5 = join sig0, v1
    return v4, v5
}"#;
    let mut imports = Imports::new();
    imports.define_sync("host", "work", |_, _| {
        std::thread::sleep(Duration::from_millis(2));
        Ok(Vec::new())
    });
    let options = Options {
        clock: ClockKind::Real,
        ..Options::default()
    };
    let mut instance = instance(text, imports, options);
    assert_eq!(call(&mut instance, "main"), [Val::I8(1), Val::I8(1)]);
}

#[test]
fn a_call_out_of_a_host_function_gets_no_slice_of_its_own() {
    let text = r#"
fuel suspend %out_of_fuel
import %out_of_fuel = "enjamb" "out_of_fuel" () async
import %call_back = "host" "call_back" ()
function %nothing() {
block0:
    return
}
function %main() -> i64, i64 {
block0:
    v0 = fuel_left
    call %call_back()
    v1 = fuel_left
    return v0, v1
}"#;
    let mut imports = Imports::new();
    imports.define_sync("host", "call_back", |context, _| {
        let nothing = context.function_named("nothing").unwrap();
        Ok(context.call(nothing, &[])?)
    });
    let options = Options {
        fuel: FuelSupply::Slices(100),
        ..Options::default()
    };
    let mut instance = instance(text, imports, options);
    // `%main` pays in advance for its four instructions, and `%nothing` is one.
    assert_eq!(call(&mut instance, "main"), [Val::I64(96), Val::I64(95)]);
}
