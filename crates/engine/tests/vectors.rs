//! Vectors through the embedding interface, in both engines: typed functions, host functions,
//! globals, imports that another instance serves.

use enjamb_engine::{
    Config, Engine, Error, Execution, Imports, Instance, Module, Signature, Type, Val,
};

const LOW: u128 = 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100;
const HIGH: u128 = 0xffff_0000_ffff_0000_8000_0000_0000_0001;

/// Runs a test with an engine of each kind.
fn with_each_engine(test: impl Fn(&Engine)) {
    for execution in [Execution::Interpreter, Execution::Jit] {
        match Engine::new(Config::new().execution(execution)) {
            Ok(engine) => test(&engine),
            Err(Error::UnsupportedHost(_)) => assert_eq!(execution, Execution::Jit),
            Err(error) => panic!("{error}"),
        }
    }
}

fn instance(engine: &Engine, text: &str, imports: &Imports) -> Instance {
    let module = Module::from_text(engine, text).unwrap_or_else(|error| panic!("{error}"));
    Instance::new(&module, imports).unwrap_or_else(|error| panic!("{error}"))
}

const CALLS: &str = r#"
import %yield = "enjamb" "yield" () async
import %swap = "host" "swap" (i8, v128, v128) -> v128, v128, i8
import %pair = "host" "pair" (v128) -> f32, v128
function %first_last(v128, i64, v128, f64) -> f64, v128, i64, v128 {
block0(v0: v128, v1: i64, v2: v128, v3: f64):
    return v3, v2, v1, v0
}
function %sum(v128, v128) -> v128 async {
block0(v0: v128, v1: v128):
    call %yield()
    v2 = viadd.i64x2 v0, v1
    return v2
}
function %swapped(v128, v128) -> v128, v128, i8 async {
block0(v0: v128, v1: v128):
    v2 = iconst.i8 -3
    call %yield()
    v3, v4, v5 = call %swap(v2, v0, v1)
    return v3, v4, v5
}
function %untyped(v128) -> v128, f32 {
block0(v0: v128):
    v1, v2 = call %pair(v0)
    return v2, v1
}
"#;

fn host() -> Imports {
    let mut imports = Imports::new();
    imports
        .func("host", "swap", |n: i8, a: u128, b: u128| (b, a, n))
        .func_untyped(
            "host",
            "pair",
            Signature::sync(&[Type::V128], &[Type::F32, Type::V128]),
            |_, values| Ok(vec![Val::f32(0.5), values[0]]),
        );
    imports
}

#[test]
fn vectors_are_numbers_of_128_bits() {
    with_each_engine(|engine| {
        let instance = instance(engine, CALLS, &host());
        type Parameters = (u128, i64, u128, f64);
        let reversed = instance.func::<Parameters, (f64, u128, i64, u128)>("first_last");
        let results = reversed.unwrap().call((LOW, -5, HIGH, 0.25)).unwrap();
        assert_eq!(results, (0.25, HIGH, -5, LOW));

        let sum = instance.func::<(u128, u128), u128>("sum").unwrap();
        let both = |shift: u32| {
            let lanes = [LOW, HIGH].map(|vector| (vector >> shift) as u64);
            u128::from(lanes[0].wrapping_add(lanes[1]))
        };
        assert_eq!(sum.block_on((LOW, HIGH)).unwrap(), both(64) << 64 | both(0));

        let arguments = [Val::V128(LOW), Val::V128(HIGH)];
        let swapped = instance.call("swapped", &arguments).unwrap();
        assert_eq!(swapped, [Val::V128(HIGH), Val::V128(LOW), Val::I8(-3)]);
        let untyped = instance.func::<u128, (u128, f32)>("untyped").unwrap();
        assert_eq!(untyped.call(HIGH).unwrap(), (HIGH, 0.5));

        let error = instance.func::<(u64, u64), u64>("sum").unwrap_err();
        assert!(
            error.to_string().contains("(v128, v128) -> v128"),
            "{error}"
        );
        let error = instance.call("untyped", &[Val::I64(1)]).unwrap_err();
        assert!(matches!(error, Error::BadCall { .. }), "{error}");
    });
}

#[test]
fn twelve_vectors_are_handed_over_at_once() {
    let list = |of: &dyn Fn(usize) -> String| (0..12).map(of).collect::<Vec<_>>().join(", ");
    let types = list(&|_| "v128".to_string());
    let text = format!(
        "function %backwards({types}) -> {types} {{\nblock0({}):\n    return {}\n}}",
        list(&|index| format!("v{index}: v128")),
        list(&|index| format!("v{}", 11 - index)),
    );
    with_each_engine(|engine| {
        let instance = instance(engine, &text, &Imports::new());
        type Twelve = (
            u128,
            u128,
            u128,
            u128,
            u128,
            u128,
            u128,
            u128,
            u128,
            u128,
            u128,
            u128,
        );
        let backwards = instance.func::<Twelve, Twelve>("backwards").unwrap();
        let v = |index: u128| index << 100 | index;
        let (one, two) = (
            (
                v(1),
                v(2),
                v(3),
                v(4),
                v(5),
                v(6),
                v(7),
                v(8),
                v(9),
                v(10),
                v(11),
                v(12),
            ),
            (
                v(12),
                v(11),
                v(10),
                v(9),
                v(8),
                v(7),
                v(6),
                v(5),
                v(4),
                v(3),
                v(2),
                v(1),
            ),
        );
        assert_eq!(backwards.call(one).unwrap(), two);
    });
}

#[test]
fn globals_hold_vectors() {
    let text = "
global %before: i8 = 1
global %wide: v128 = 0x0f0e0d0c0b0a09080706050403020100
global %behind: i8 = 2
function %read() -> v128 {
block0:
    v0 = global_get.v128 %wide
    return v0
}";
    with_each_engine(|engine| {
        let instance = instance(engine, text, &Imports::new());
        let wide = instance.global("wide").unwrap();
        assert_eq!(wide.get().unwrap(), Val::V128(LOW));
        wide.set(Val::V128(HIGH)).unwrap();
        let read = instance.func::<(), u128>("read").unwrap();
        assert_eq!(read.call(()).unwrap(), HIGH);
        for (name, value) in [("before", 1), ("behind", 2)] {
            assert_eq!(
                instance.global(name).unwrap().get().unwrap(),
                Val::I8(value)
            );
        }
        assert!(wide.set(Val::I64(1)).is_err());
    });
}

const SERVER: &str = r#"
import %yield = "enjamb" "yield" () async
export "negate" = %negate
function %negate(v128, i64) -> i64, v128 async {
block0(v0: v128, v1: i64):
    call %yield()
    v2 = vineg.i32x4 v0
    return v1, v2
}
"#;

const CLIENT: &str = r#"
import %negate = "server" "negate" (v128, i64) -> i64, v128 async
function %main(v128) -> v128, v128, i64 async {
    sig0 = () -> i64, v128
block0(v0: v128):
    v1 = iconst.i64 7
    v2 = spawn %negate(v0, v1)
    v3, v4 = call %negate(v0, v1)
    v5, v6 = join sig0, v2
    return v4, v6, v5
}
"#;

#[test]
fn vectors_go_from_instance_to_instance() {
    with_each_engine(|engine| {
        let server = instance(engine, SERVER, &Imports::new());
        let mut imports = Imports::new();
        imports.instance("server", &server);
        let client = instance(engine, CLIENT, &imports);
        let main = client.func::<u128, (u128, u128, i64)>("main").unwrap();
        let vector = 1 << 96 | 2 << 64 | 0xffff_ffff;
        let negated = 0xffff_ffff << 96 | 0xffff_fffe << 64 | 1;
        assert_eq!(main.block_on(vector).unwrap(), (negated, negated, 7));
    });
}
