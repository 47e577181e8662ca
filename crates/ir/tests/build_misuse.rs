//! Mistakes in building: each is an error that says what is wrong, and none panics.

use enjamb_ir::build::{BuildError, FunctionBuilder, ModuleBuilder};
use enjamb_ir::{
    Block, Entity, FuncId, GlobalInit, Opcode, Payload, Signature, Type, Value, Variable,
};

/// The error of building `%f(i64, i32)` in a module that also has an async `%later(i64) -> i64, i64`.
fn error_of(build: impl FnOnce(&mut FunctionBuilder<'_>, FuncId)) -> String {
    let mut module = ModuleBuilder::new();
    let pair = Signature::asynchronous(&[Type::I64], &[Type::I64; 2]);
    let later = module
        .declare_import("later", "host", "later", pair)
        .expect("the name is free");
    let signature = Signature::sync(&[Type::I64, Type::I32], &[]);
    let id = module
        .declare_function("f", signature)
        .expect("the name is free");
    let mut b = module.define(id).expect("it has no body");
    build(&mut b, later);
    match b.finish() {
        Ok(_) => module.finish().expect_err("there is a mistake").to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn each_mistake_has_its_message() {
    type Case = (&'static str, fn(&mut FunctionBuilder<'_>, FuncId));
    let cases: &[Case] = &[
        (
            "`v2 = iadd v0, v1`: R19: v1 is i32 where i64 is expected",
            |b, _| {
                let (p, q) = (b.param(0), b.param(1));
                b.iadd(p, q);
            },
        ),
        (
            "`jump`: block1 has ended with `return`; switch to another block first",
            |b, _| {
                let next = b.create_block();
                b.jump(next, &[]);
                b.switch_to_block(next);
                b.ret(&[]);
                b.jump(next, &[]);
            },
        ),
        ("block1 has no terminator", |b, _| {
            let next = b.create_block();
            b.jump(next, &[]);
            b.switch_to_block(next);
        }),
        (
            "`jump block1`: block1 is a branch target and has no terminator",
            |b, _| {
                let next = b.create_block();
                b.jump(next, &[]);
            },
        ),
        (
            "`jump block1`: block1 is sealed: every branch to it was said to be there",
            |b, _| {
                let next = b.create_block();
                b.seal_block(next);
                b.jump(next, &[]);
            },
        ),
        (
            "`jump block0`: block0 is the entry, which is no branch target",
            |b, _| {
                let entry = b.entry_block();
                b.jump(entry, &[]);
            },
        ),
        (
            "`jump block1`: R21: block1 has 1 parameter and gets 0 arguments",
            |b, _| {
                let next = b.create_block();
                b.jump(next, &[]);
                b.append_block_param(next, Type::I64);
                b.switch_to_block(next);
                b.ret(&[]);
            },
        ),
        ("`jump block9`: R11: block9 does not exist", |b, _| {
            b.jump(Block::from_index(9), &[]);
        }),
        ("block9 is no block of this function", |b, _| {
            b.switch_to_block(Block::from_index(9));
        }),
        ("`ineg v77`: R11: v77 does not exist", |b, _| {
            b.ineg(Value::from_index(77));
        }),
        ("v1 is i32 and var0 is i64", |b, _| {
            let (x, q) = (b.declare_variable(Type::I64), b.param(1));
            b.def_var(x, q);
        }),
        ("var3 is no variable of this function", |b, _| {
            b.use_var(Variable::from_index(3));
        }),
        (
            "`var0`: block0 has ended with `return`; switch to another block first",
            |b, _| {
                let (x, p) = (b.declare_variable(Type::I64), b.param(0));
                b.ret(&[]);
                b.def_var(x, p);
            },
        ),
        ("block0 has no parameter 2", |b, _| {
            b.param(2);
        }),
        (
            "the entry block has the parameters of the function only",
            |b, _| {
                let entry = b.entry_block();
                b.append_block_param(entry, Type::I64);
            },
        ),
        (
            "only a lowered function has a continuation as parameter",
            |b, _| {
                b.entry_continuation();
            },
        ),
        (
            "`v2, v3 = call %later(v0)`: R26: a sync function calls an async one; it can spawn it",
            |b, later| {
                let p = b.param(0);
                // What is wrong still has as many results as it should.
                let [first, second] = b.call(later, &[p])[..] else {
                    panic!("the function has two results");
                };
                b.iadd(first, second);
            },
        ),
        (
            "`v2 = own_continuation`: R35: `own_continuation` stands in a function that is not lowered",
            |b, _| {
                b.own_continuation();
            },
        ),
        ("`v2 = iconst.i8 300`: R23: 300 is no i8", |b, _| {
            b.iconst(Type::I8, 300);
        }),
        ("`call func7()`: R11: func7 is not declared", |b, _| {
            assert_eq!(b.call(FuncId::from_index(7), &[]), []);
        }),
        (
            "`return 1`: R12: `return` does not take Integer(1)",
            |b, _| {
                b.inst(Opcode::Return, Type::I64, Payload::Integer(1), &[], &[]);
            },
        ),
        ("`return v0`: R22: 1 result where it takes 0", |b, _| {
            let p = b.param(0);
            b.ret(&[p]);
        }),
    ];
    for (expected, build) in cases {
        // An instruction stands between the function and the reason.
        let separator = if expected.starts_with('`') {
            ", "
        } else {
            ": "
        };
        assert_eq!(
            error_of(build),
            format!("function `%f`{separator}{expected}")
        );
    }
}

#[test]
fn the_first_mistake_counts() {
    let mut module = ModuleBuilder::new();
    let id = module
        .declare_function("f", Signature::sync(&[], &[]))
        .expect("the name is free");
    let mut b = module.define(id).expect("it has no body");
    let one = b.iconst(Type::I64, 1);
    let wrong = b.fneg(one);
    assert!(b.error().is_some());
    // Nothing that follows adds to the function or panics.
    let next = b.create_block();
    b.brif(wrong, next, &[wrong], next, &[]);
    b.switch_to_block(Block::from_index(99));
    b.set_cold(Block::from_index(99));
    b.seal_block(Block::from_index(99));
    let x = b.declare_variable(Type::Ref);
    b.def_var(x, wrong);
    b.use_var(x);
    assert_eq!(b.value_type(wrong), None);
    let error = b.finish().expect_err("there is a mistake");
    let BuildError::Function {
        function,
        instruction,
        reason,
    } = error
    else {
        panic!("it is about a function: {error}");
    };
    assert_eq!(function, "f");
    assert_eq!(instruction.as_deref(), Some("v1 = fneg v0"));
    assert_eq!(reason, "R17: `fneg` works on a float type, not on i64");
}

#[test]
fn declarations() {
    let mut module = ModuleBuilder::new();
    let unit = || Signature::sync(&[], &[]);
    let import = module.declare_import("f", "host", "f", unit());
    let import = import.expect("the name is free");
    let twice = module.declare_memory("f", 1, 1);
    assert_eq!(
        twice.map_err(|error| error.to_string()),
        Err("`%f` is declared twice".to_string())
    );
    let malformed = module.declare_global("a b", Type::I64, GlobalInit::Number(0));
    assert!(malformed.is_err());
    let error = |result: Result<FunctionBuilder<'_>, BuildError>| match result {
        Ok(_) => panic!("it cannot be defined"),
        Err(error) => error.to_string(),
    };
    let missing = module.define(FuncId::from_index(5));
    assert_eq!(error(missing), "function `%func5`: it is not declared");
    let imported = module.define(import);
    assert_eq!(error(imported), "function `%f`: an import has no body");
    let defined = module.declare_function("g", unit()).expect("it is free");
    let mut b = module.define(defined).expect("it has no body");
    b.ret(&[]);
    b.finish().expect("it is correct");
    let again = module.define(defined);
    assert_eq!(error(again), "function `%g`: it has a body already");
    module.declare_function("h", unit()).expect("it is free");
    let error = module.finish().expect_err("`%h` has no body");
    assert_eq!(
        error.to_string(),
        "function `%h`, `function %h()`: R7: the function has no block"
    );
}

/// A value of one block used in another that it does not dominate is found at the end.
#[test]
fn values_that_do_not_dominate_their_uses() {
    let found = error_of(|b, _| {
        let p = b.param(0);
        let (then, meet) = (b.create_block(), b.create_block());
        b.brif(p, then, &[], meet, &[]);
        b.switch_to_block(then);
        let one = b.iconst(Type::I64, 1);
        b.jump(meet, &[]);
        b.switch_to_block(meet);
        b.iadd(one, p);
        b.ret(&[]);
    });
    assert_eq!(
        found,
        "function `%f`, `v3 = iadd v2, v0`: \
         R16: v2 is not defined on every path: it is in block1"
    );
}
