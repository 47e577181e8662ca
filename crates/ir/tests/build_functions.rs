//! What the builder makes of loops, branches and irreducible flow, as text.

use enjamb_ir::{
    Block, BuildError, Entity, Exception, FieldDecl, FieldType, FunctionBuilder, IntCond,
    LayoutDecl, Module, ModuleBuilder, PointDecl, SavedField, SavedSource, Signature, Type,
    parse_module,
};

/// The text of a function `%f(i64, i64) -> i64` that `build` writes.
fn text_of(build: impl FnOnce(&mut FunctionBuilder<'_>)) -> Result<String, BuildError> {
    let module = module_of(build)?;
    let text = module.to_string();
    let again = parse_module(&text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    assert!(again == module, "it reads back as another module:\n{text}");
    Ok(text)
}

fn module_of(build: impl FnOnce(&mut FunctionBuilder<'_>)) -> Result<Module, BuildError> {
    let mut module = ModuleBuilder::new();
    let signature = Signature::sync(&[Type::I64; 2], &[Type::I64]);
    let id = module.declare_function("f", signature)?;
    let mut builder = module.define(id)?;
    build(&mut builder);
    builder.finish()?;
    module.finish()
}

fn blocks<const COUNT: usize>(b: &mut FunctionBuilder<'_>) -> [Block; COUNT] {
    std::array::from_fn(|_| b.create_block())
}

#[test]
fn nested_ifs_meet_in_one_parameter_each() {
    let text = text_of(|b| {
        let x = b.declare_variable(Type::I64);
        let unchanged = b.declare_variable(Type::I64);
        let (p, q) = (b.param(0), b.param(1));
        b.def_var(x, p);
        b.def_var(unchanged, q);
        let [then, inner, meet_inner, meet] = blocks(b);
        b.brif(p, then, &[], meet, &[]);
        b.switch_to_block(then);
        b.seal_block(then);
        b.brif(q, inner, &[], meet_inner, &[]);
        b.switch_to_block(inner);
        b.seal_block(inner);
        let one = b.iconst(Type::I64, 1);
        b.def_var(x, one);
        b.jump(meet_inner, &[]);
        b.switch_to_block(meet_inner);
        b.seal_block(meet_inner);
        let (now, kept) = (b.use_var(x), b.use_var(unchanged));
        let sum = b.iadd(now, kept);
        b.def_var(x, sum);
        b.jump(meet, &[]);
        b.switch_to_block(meet);
        b.seal_block(meet);
        let (now, kept) = (b.use_var(x), b.use_var(unchanged));
        let product = b.imul(now, kept);
        b.ret(&[product]);
    });
    let expected = "\
function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    brif v0, block1, block4(v0)
block1:
    brif v1, block2, block3(v0)
block2:
    v2 = iconst.i64 1
    jump block3(v2)
block3(v3: i64):
    v4 = iadd v3, v1
    jump block4(v4)
block4(v5: i64):
    v6 = imul v5, v1
    return v6
}
";
    assert_eq!(text.as_deref(), Ok(expected));
}

/// Blocks are sealed late, so every variable is a parameter first; only what changes stays one.
#[test]
fn loops_have_parameters_for_what_changes() {
    let text = text_of(|b| {
        let (i, limit) = (b.declare_variable(Type::I64), b.declare_variable(Type::I64));
        let (p, q) = (b.param(0), b.param(1));
        b.def_var(i, p);
        b.def_var(limit, q);
        let [outer, inner, again, exit] = blocks(b);
        b.jump(outer, &[]);
        b.switch_to_block(outer);
        let limit_here = b.use_var(limit);
        b.brif(limit_here, inner, &[], exit, &[]);
        b.switch_to_block(inner);
        let (at, limit_here) = (b.use_var(i), b.use_var(limit));
        let next = b.iadd(at, limit_here);
        b.def_var(i, next);
        let more = b.icmp(IntCond::SignedLess, next, limit_here);
        b.brif(more, inner, &[], again, &[]);
        b.switch_to_block(again);
        b.jump(outer, &[]);
        b.switch_to_block(exit);
        let result = b.use_var(i);
        b.ret(&[result]);
    });
    let expected = "\
function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    jump block1(v0)
block1(v2: i64):
    brif v1, block2(v2), block4
block2(v3: i64):
    v4 = iadd v3, v1
    v5 = icmp slt v4, v1
    brif v5, block2(v4), block3
block3:
    jump block1(v4)
block4:
    return v2
}
";
    assert_eq!(text.as_deref(), Ok(expected));
}

/// Two blocks that jump to each other and are both entered from outside: the parameters for what
/// does not change hand on each other, and both go.
#[test]
fn irreducible_flow_keeps_no_redundant_parameters() {
    let text = text_of(|b| {
        let (x, unchanged) = (b.declare_variable(Type::I64), b.declare_variable(Type::I64));
        let (p, q) = (b.param(0), b.param(1));
        b.def_var(x, p);
        b.def_var(unchanged, q);
        let [left, right, exit] = blocks(b);
        b.brif(p, left, &[], right, &[]);
        b.switch_to_block(left);
        let (now, kept) = (b.use_var(x), b.use_var(unchanged));
        let sum = b.iadd(now, kept);
        b.def_var(x, sum);
        b.jump(right, &[]);
        b.switch_to_block(right);
        let kept = b.use_var(unchanged);
        b.brif(kept, left, &[], exit, &[]);
        b.seal_all_blocks();
        b.switch_to_block(exit);
        let (now, kept) = (b.use_var(x), b.use_var(unchanged));
        let product = b.imul(now, kept);
        b.ret(&[product]);
    });
    let expected = "\
function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    brif v0, block1(v0), block2(v0)
block1(v2: i64):
    v3 = iadd v2, v1
    jump block2(v3)
block2(v4: i64):
    brif v1, block1(v4), block3
block3:
    v5 = imul v4, v1
    return v5
}
";
    assert_eq!(text.as_deref(), Ok(expected));
}

/// Two variables swapped in a loop are a parameter each, and none if they start out equal.
#[test]
fn swapped_variables() {
    let swap = |equal: bool| {
        text_of(|b| {
            let (x, y) = (b.declare_variable(Type::I64), b.declare_variable(Type::I64));
            let (p, q) = (b.param(0), b.param(1));
            b.def_var(x, p);
            b.def_var(y, if equal { p } else { q });
            let [again, exit] = blocks(b);
            b.jump(again, &[]);
            b.switch_to_block(again);
            let (old_x, old_y) = (b.use_var(x), b.use_var(y));
            b.def_var(x, old_y);
            b.def_var(y, old_x);
            b.brif(q, again, &[], exit, &[]);
            b.switch_to_block(exit);
            let result = b.use_var(x);
            b.ret(&[result]);
        })
    };
    let swapped = swap(false).expect("it is correct");
    assert!(swapped.contains("block1(v2: i64, v3: i64):"), "{swapped}");
    assert!(
        swapped.contains("brif v1, block1(v3, v2), block2"),
        "{swapped}"
    );
    let equal = swap(true).expect("it is correct");
    assert!(equal.contains("block1:"), "{equal}");
    assert!(equal.contains("return v0"), "{equal}");
}

#[test]
fn explicit_parameters_come_before_those_of_variables() {
    let text = text_of(|b| {
        let x = b.declare_variable(Type::I64);
        let (p, q) = (b.param(0), b.param(1));
        let [meet, second] = blocks(b);
        let given = b.append_block_param(meet, Type::I64);
        b.def_var(x, p);
        b.brif(p, meet, &[p], second, &[]);
        b.switch_to_block(second);
        b.def_var(x, q);
        b.brif(q, meet, &[q], meet, &[p]);
        b.switch_to_block(meet);
        let now = b.use_var(x);
        let sum = b.iadd(given, now);
        b.ret(&[sum]);
    });
    let expected = "\
function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    brif v0, block2(v0, v0), block1
block1:
    brif v1, block2(v1, v1), block2(v0, v1)
block2(v2: i64, v3: i64):
    v4 = iadd v2, v3
    return v4
}
";
    assert_eq!(text.as_deref(), Ok(expected));
}

/// Code behind a `return` is common in front ends: it is left out, and so are the parameters that
/// only it asks for, and nothing in it needs a definition.
#[test]
fn blocks_out_of_reach_are_left_out() {
    let text = text_of(|b| {
        let x = b.declare_variable(Type::I64);
        let (p, q) = (b.param(0), b.param(1));
        let [dead, dead_loop, meet] = blocks(b);
        b.def_var(x, p);
        b.jump(meet, &[]);
        b.switch_to_block(dead);
        b.seal_block(dead);
        let undefined = b.use_var(x);
        b.brif(undefined, meet, &[], dead_loop, &[]);
        b.switch_to_block(dead_loop);
        b.def_var(x, q);
        b.jump(dead_loop, &[]);
        b.switch_to_block(meet);
        let result = b.use_var(x);
        b.ret(&[result]);
    });
    let expected = "\
function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    jump block1
block1:
    return v0
}
";
    assert_eq!(text.as_deref(), Ok(expected));
}

/// A variable without a value on a path: an error where it is needed, and only there.
#[test]
fn a_variable_without_a_value() {
    let build = |needed: bool, looped: bool| {
        text_of(|b| {
            let x = b.declare_named_variable("total", Type::I64);
            let (p, q) = (b.param(0), b.param(1));
            let [then, meet, exit] = blocks(b);
            b.brif(p, then, &[], meet, &[]);
            b.switch_to_block(then);
            b.def_var(x, q);
            b.jump(meet, &[]);
            b.switch_to_block(meet);
            let value = b.use_var(x);
            b.brif(q, if looped { then } else { exit }, &[], exit, &[]);
            b.switch_to_block(exit);
            b.ret(&[if needed { value } else { p }]);
        })
    };
    for looped in [false, true] {
        let error = build(true, looped).expect_err("a path leads around the definition");
        assert_eq!(
            error.to_string(),
            "function `%f`, `brif v0, block1, block2`: \
             variable `total` is used where a path leads on which it has no value"
        );
        let text = build(false, looped).expect("nothing needs the value");
        assert!(!text.contains("block2("), "{text}");
    }
}

#[test]
fn a_variable_without_any_value() {
    let error = text_of(|b| {
        let x = b.declare_variable(Type::I64);
        let value = b.use_var(x);
        b.ret(&[value]);
    });
    let error = error.expect_err("nothing defines the variable");
    assert_eq!(
        error.to_string(),
        "function `%f`, `return v2`: \
         variable var0 is used where a path leads on which it has no value"
    );
}

/// No step recurses, and time grows with the number of blocks: a variable that is read at the end of
/// a long chain of blocks, one of loops, and one of branches.
#[test]
fn long_chains_of_blocks() {
    let count = 50_000;
    for shape in 0..3 {
        let module = module_of(|b| {
            let x = b.declare_variable(Type::I64);
            let (p, q) = (b.param(0), b.param(1));
            b.def_var(x, p);
            for _ in 0..count {
                let next = b.create_block();
                match shape {
                    0 => {
                        b.jump(next, &[]);
                        b.seal_block(next);
                    }
                    1 => {
                        b.jump(next, &[]);
                        b.switch_to_block(next);
                        let after = b.create_block();
                        b.brif(q, next, &[], after, &[]);
                        b.seal_block(next);
                        b.switch_to_block(after);
                        b.seal_block(after);
                        continue;
                    }
                    _ => {
                        let side = b.create_block();
                        b.brif(q, next, &[], side, &[]);
                        b.switch_to_block(side);
                        b.seal_block(side);
                        b.jump(next, &[]);
                    }
                }
                b.switch_to_block(next);
            }
            let result = b.use_var(x);
            b.ret(&[result]);
        });
        let module = module.expect("it is correct");
        let (_, function) = module.bodies().next().expect("there is a function");
        assert_eq!(
            function.values.len(),
            2,
            "only the parameters of the function are left"
        );
        assert_eq!(function.entry(), Some(Block::from_index(0)));
    }
}

#[test]
fn a_handler_sees_variables_as_they_were_at_the_call() {
    let text = text_of(|b| {
        let x = b.declare_variable(Type::I64);
        let (p, q) = (b.param(0), b.param(1));
        b.def_var(x, p);
        let [normal, handler, meet] = blocks(b);
        let result = b.append_block_param(normal, Type::I64);
        let [tag, _] = Exception::TYPES.map(|ty| b.append_block_param(handler, ty));
        let extra = b.append_block_param(handler, Type::I64);
        let callee = b.id();
        b.try_call(callee, &[p, q], (normal, &[]), (handler, &[q]));
        b.switch_to_block(normal);
        b.def_var(x, result);
        b.jump(meet, &[]);
        b.switch_to_block(handler);
        let before = b.use_var(x);
        let sum = b.iadd(before, tag);
        let sum = b.iadd(sum, extra);
        b.def_var(x, sum);
        b.jump(meet, &[]);
        b.switch_to_block(meet);
        let x = b.use_var(x);
        b.ret(&[x]);
    })
    .unwrap();
    let expected = "\
function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2, v3, v4 = try_call %f(v0, v1), block1(v2), unwind block2(v3, v4, v1)
block1(v5: i64):
    jump block3(v5)
block2(v6: i64, v7: ref, v8: i64):
    v9 = iadd v0, v6
    v10 = iadd v9, v8
    jump block3(v10)
block3(v11: i64):
    return v11
}
";
    assert_eq!(text, expected);
}

#[test]
fn targets_of_a_call_take_what_it_gives() {
    let error = text_of(|b| {
        let (p, q) = (b.param(0), b.param(1));
        let [normal, handler] = blocks(b);
        b.append_block_param(normal, Type::I64);
        let callee = b.id();
        b.try_call(callee, &[p, q], (normal, &[]), (handler, &[]));
        b.switch_to_block(handler);
        b.unreachable();
        b.switch_to_block(normal);
        b.ret(&[p]);
    });
    let message = "function `%f`, `v3, v4, v5 = try_call %f(v0, v1), block1(v3), unwind block2(v4, v5)`: \
                   R21: block2 has 0 parameters and gets 2 arguments";
    assert_eq!(error.unwrap_err().to_string(), message);
}

/// What a point saves is numbered as the rest is, and needed for that alone.
#[test]
fn what_points_save_has_the_numbers_of_the_text() {
    let mut module = ModuleBuilder::new();
    let signature = Signature::asynchronous(&[Type::I64], &[]);
    let id = module.declare_function("f", signature).unwrap();
    let mut b = module.define_lowered(id).unwrap();
    let [dead, next, back] = blocks(&mut b);
    let p = b.param(0);
    let x = b.declare_variable(Type::I64);
    b.def_var(x, p);
    b.jump(next, &[]);
    b.switch_to_block(dead);
    let unreached = b.iconst(Type::I64, 1);
    b.ret(&[]);
    b.switch_to_block(next);
    let merged = b.use_var(x);
    let sum = b.iadd(p, p);
    b.brif(p, back, &[], back, &[]);
    b.switch_to_block(back);
    b.def_var(x, sum);
    b.jump(next, &[]);
    b.seal_all_blocks();
    let field = |name: &str, offset| FieldDecl {
        name: name.to_string(),
        ty: FieldType::Value(Type::I64),
        offset,
    };
    let layout = b.create_layout(LayoutDecl {
        fields: [field("x", 16), field("y", 24)].into_iter().collect(),
        size: 32,
    });
    let mut point = PointDecl {
        layout,
        results: Vec::new(),
        saved: Vec::new(),
        unwind: None,
        position: None,
    };
    for (field, value) in [merged, sum].into_iter().enumerate() {
        let field = Entity::from_index(field);
        let source = SavedSource::Value(value);
        point.saved.push(SavedField { field, source });
    }
    b.create_point(point.clone());
    b.finish().unwrap();
    let module = module.finish().unwrap();
    let text = module.to_string();
    assert!(text.contains("saves [x = v2, y = v3]"), "{text}");
    assert!(parse_module(&text).unwrap() == module, "{text}");

    let largest = u32::MAX as usize - 1;
    for value in [
        unreached,
        Entity::from_index(1000),
        Entity::from_index(largest),
    ] {
        let mut module = ModuleBuilder::new();
        let id = module.declare_function("f", Signature::asynchronous(&[Type::I64], &[]));
        let mut b = module.define_lowered(id.unwrap()).unwrap();
        let dead = b.create_block();
        b.ret(&[]);
        b.switch_to_block(dead);
        b.iconst(Type::I64, 1);
        b.ret(&[]);
        point.saved.truncate(1);
        point.saved[0].source = SavedSource::Value(value);
        b.create_layout(LayoutDecl {
            fields: [field("x", 16)].into_iter().collect(),
            size: 32,
        });
        b.create_point(point.clone());
        b.finish().unwrap();
        let error = module.finish().unwrap_err().to_string();
        assert!(error.contains("has no definition"), "{error}");
    }
}
