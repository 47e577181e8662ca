//! The builder has a method for every instruction, and what the methods make is correct.

use enjamb_ir::{
    BuildError, DataId, Entity, Exception, FieldDecl, FieldId, FieldType, FloatCond, FuncId,
    FunctionBuilder, GlobalId, GlobalInit, IntCond, LayoutDecl, MemoryId, Module, ModuleBuilder,
    ObjectTypeId, Opcode, Place, PointDecl, Shape, Signature, SourcePos, TableId, TrapCode, Type,
    Value, parse_module,
};
use std::collections::BTreeSet;

/// What the functions below name.
struct Names {
    memory: MemoryId,
    data: DataId,
    global: GlobalId,
    pair: ObjectTypeId,
    bytes: ObjectTypeId,
    table: TableId,
    sync: FuncId,
    later: FuncId,
}

fn declare(module: &mut ModuleBuilder) -> Result<Names, BuildError> {
    module.trust();
    let signature = || Signature::sync(&[Type::I64], &[Type::I64]);
    let sync = module.declare_import("sync", "host", "sync", signature())?;
    let pair = Signature::asynchronous(&[Type::I64], &[Type::I64]);
    let later = module.declare_import("later", "host", "later", pair)?;
    let memory = module.declare_memory("heap", 1, 2)?;
    Ok(Names {
        memory,
        data: module.declare_data("greeting", b"hello", None)?,
        global: module.declare_global("count", Type::I64, GlobalInit::Number(0))?,
        pair: module.declare_object("pair", &[("number", Type::I64), ("next", Type::Ref)])?,
        bytes: module.declare_array("bytes", Type::I8)?,
        table: module.declare_table("table", &[Some(sync), None])?,
        sync,
        later,
    })
}

fn integers(b: &mut FunctionBuilder<'_>, p: Value) {
    let two = b.iconst(Type::I64, 2);
    for method in [
        FunctionBuilder::iadd,
        FunctionBuilder::isub,
        FunctionBuilder::imul,
        FunctionBuilder::umulhi,
        FunctionBuilder::smulhi,
        FunctionBuilder::udiv,
        FunctionBuilder::sdiv,
        FunctionBuilder::urem,
        FunctionBuilder::srem,
        FunctionBuilder::umin,
        FunctionBuilder::umax,
        FunctionBuilder::smin,
        FunctionBuilder::smax,
        FunctionBuilder::band,
        FunctionBuilder::bor,
        FunctionBuilder::bxor,
        FunctionBuilder::ishl,
        FunctionBuilder::ushr,
        FunctionBuilder::sshr,
        FunctionBuilder::rotl,
        FunctionBuilder::rotr,
    ] {
        method(b, p, two);
    }
    for method in [
        FunctionBuilder::ineg,
        FunctionBuilder::bnot,
        FunctionBuilder::clz,
        FunctionBuilder::ctz,
        FunctionBuilder::popcnt,
    ] {
        method(b, p);
    }
    let below = b.icmp(IntCond::UnsignedLess, p, two);
    b.select(below, p, two);
    let narrow = b.ireduce(Type::I16, p);
    b.sextend(Type::I32, narrow);
    b.uextend(Type::I32, narrow);
}

fn floats(b: &mut FunctionBuilder<'_>, p: Value) {
    let x = b.f64const(-0.5);
    for method in [
        FunctionBuilder::fadd,
        FunctionBuilder::fsub,
        FunctionBuilder::fmul,
        FunctionBuilder::fdiv,
        FunctionBuilder::fmin,
        FunctionBuilder::fmax,
        FunctionBuilder::fcopysign,
    ] {
        method(b, x, x);
    }
    for method in [
        FunctionBuilder::fsqrt,
        FunctionBuilder::fneg,
        FunctionBuilder::fabs,
        FunctionBuilder::ceil,
        FunctionBuilder::floor,
        FunctionBuilder::ftrunc,
        FunctionBuilder::nearest,
    ] {
        method(b, x);
    }
    b.fcmp(FloatCond::Less, x, x);
    let single = b.fdemote(x);
    b.fpromote(single);
    let constant = b.f32const(1.5);
    b.fadd(single, constant);
    b.fcvt_from_sint(Type::F64, p);
    b.fcvt_from_uint(Type::F32, p);
    b.fcvt_to_sint(Type::I32, x);
    b.fcvt_to_uint(Type::I64, x);
    b.fcvt_to_sint_sat(Type::I32, x);
    b.fcvt_to_uint_sat(Type::I64, single);
    b.bitcast(Type::I64, x);
}

fn vectors(b: &mut FunctionBuilder<'_>) {
    let x = b.vconst(0x0102);
    let amount = b.extract_lane(Shape::I32x4, 3, x);
    for method in [
        FunctionBuilder::viadd,
        FunctionBuilder::visub,
        FunctionBuilder::vimul,
        FunctionBuilder::vumin,
        FunctionBuilder::vumax,
        FunctionBuilder::vsmin,
        FunctionBuilder::vsmax,
    ] {
        method(b, Shape::I16x8, x, x);
    }
    for method in [
        FunctionBuilder::vishl,
        FunctionBuilder::vushr,
        FunctionBuilder::vsshr,
    ] {
        method(b, Shape::I8x16, x, amount);
    }
    for method in [
        FunctionBuilder::vfadd,
        FunctionBuilder::vfsub,
        FunctionBuilder::vfmul,
        FunctionBuilder::vfdiv,
        FunctionBuilder::vfmin,
        FunctionBuilder::vfmax,
    ] {
        method(b, Shape::F32x4, x, x);
    }
    for method in [
        FunctionBuilder::vfsqrt,
        FunctionBuilder::vfneg,
        FunctionBuilder::vfabs,
    ] {
        method(b, Shape::F64x2, x);
    }
    for method in [
        FunctionBuilder::vineg,
        FunctionBuilder::all_true,
        FunctionBuilder::lane_mask,
    ] {
        method(b, Shape::I64x2, x);
    }
    b.vicmp(Shape::I64x2, IntCond::UnsignedLess, x, x);
    let mask = b.vfcmp(Shape::F64x2, FloatCond::Unordered, x, x);
    b.bitselect(mask, x, x);
    b.any_true(mask);
    let all = b.splat(Shape::I32x4, amount);
    b.insert_lane(Shape::I32x4, 0, all, amount);
    b.shuffle([31; 16], all, x);
}

fn memory(b: &mut FunctionBuilder<'_>, names: &Names, p: Value) {
    let heap = Place::Memory(names.memory);
    let slot = b.create_slot(16, 8);
    b.load(Type::F32, heap, p, 8);
    b.uload8(Type::I16, Place::Slot(slot), None, 15);
    b.sload8(Type::I64, Place::Slot(slot), p, 0);
    b.uload16(Type::I32, heap, p, 0);
    b.sload16(Type::I64, heap, p, 0);
    b.uload32(heap, p, 0);
    b.sload32(heap, p, 0);
    b.store(Place::Slot(slot), None, 8, p);
    b.istore8(heap, p, 1, p);
    b.istore16(heap, p, 2, p);
    b.istore32(heap, p, 4, p);
    let address = b.stack_addr(slot, 4);
    let address = b.addr_add(address, p);
    b.load(Type::I64, Place::Address, address, 0);
    let base = b.memory_base(names.memory);
    b.store(Place::Raw, base, 0, p);
    let pages = b.memory_size(names.memory);
    b.memory_grow(names.memory, pages);
    let byte = b.ireduce(Type::I8, p);
    b.memory_copy(names.memory, names.memory, p, p, p);
    b.memory_fill(names.memory, p, byte, p);
    b.memory_init(names.memory, names.data, p, p, p);
    let count = b.global_get(names.global);
    b.global_set(names.global, count);
    let function = b.table_get(names.table, p);
    b.table_set(names.table, p, function);
    b.table_size(names.table);
}

fn objects(b: &mut FunctionBuilder<'_>, names: &Names, p: Value) {
    let pair = b.new_object(names.pair);
    let [number, next] = [0, 1].map(FieldId::from_index);
    b.set_field(names.pair, number, pair, p);
    b.set_field(names.pair, next, pair, pair);
    let next = b.get_field(names.pair, next, pair);
    b.is_instance(names.pair, next);
    let bytes = b.new_array(names.bytes, p);
    let byte = b.get_element(names.bytes, bytes, p);
    b.set_element(names.bytes, bytes, p, byte);
    let length = b.array_length(names.bytes, bytes);
    b.array_copy(names.bytes, bytes, p, bytes, p, length);
}

fn calls_and_ends(b: &mut FunctionBuilder<'_>, names: &Names, p: Value) {
    let double = b.create_signature(Signature::sync(&[Type::I64], &[Type::I64]));
    let waits = b.create_signature(Signature::asynchronous(&[Type::I64], &[Type::I64]));
    let gives = b.create_signature(Signature::sync(&[], &[Type::I64]));
    let null = b.null(Type::FuncRef);
    let callee = b.func_addr(names.sync);
    b.is_null(callee);
    b.same_ref(callee, null);
    let position = SourcePos {
        file: b.module_builder().file("f.lang"),
        line: 3,
        column: 14,
    };
    b.set_position(Some(position));
    let called = b.call(names.later, &[p])[0];
    b.set_position(None);
    let called = b.call_indirect(double, callee, &[called])[0];
    let task = b.spawn(names.later, &[called]);
    b.is_done(task);
    b.task_try_result(gives, task);
    b.fuel_check(3);
    b.fuel_left();
    let word = b.context_get();
    b.context_set(word);
    let joined = b.join(gives, task)[0];
    let task = b.spawn(names.later, &[joined]);
    b.cancel(task);
    b.detach(task);
    let blocks: [_; 6] = std::array::from_fn(|_| b.create_block());
    let [tail, indirect, trap, unreachable, table, back] = blocks;
    b.set_cold(trap);
    b.brif(joined, tail, &[], table, &[]);
    b.switch_to_block(table);
    let targets = [
        (indirect, &[][..]),
        (trap, &[]),
        (unreachable, &[]),
        (back, &[]),
    ];
    b.br_table(joined, (tail, &[]), &targets);
    b.switch_to_block(tail);
    b.return_call(names.later, &[p]);
    b.switch_to_block(indirect);
    let callee = b.func_addr(names.later);
    b.return_call_indirect(waits, callee, &[p]);
    b.switch_to_block(trap);
    b.trap(TrapCode::User);
    b.switch_to_block(unreachable);
    b.unreachable();
    b.switch_to_block(back);
    let last = b.create_block();
    b.jump(last, &[]);
    b.switch_to_block(last);
    exceptions(b, names, p);
}

fn exceptions(b: &mut FunctionBuilder<'_>, names: &Names, p: Value) {
    let double = b.create_signature(Signature::sync(&[Type::I64], &[Type::I64]));
    let gives = b.create_signature(Signature::sync(&[], &[Type::I64]));
    let [indirect, join, end, handler, outer] = std::array::from_fn(|_| b.create_block());
    for block in [indirect, join, end] {
        b.append_block_param(block, Type::I64);
    }
    for block in [handler, outer] {
        for ty in Exception::TYPES {
            b.append_block_param(block, ty);
        }
    }
    b.try_call(names.later, &[p], (indirect, &[]), (handler, &[]));
    b.switch_to_block(indirect);
    let (callee, given) = (b.func_addr(names.sync), b.block_param(indirect, 0));
    b.try_call_indirect(double, callee, &[given], (join, &[]), (handler, &[]));
    b.switch_to_block(join);
    let task = b.spawn(names.later, &[p]);
    b.try_join(gives, task, (end, &[]), (outer, &[]));
    b.switch_to_block(handler);
    let [tag, payload] = [0, 1].map(|index| b.block_param(handler, index));
    b.rethrow(tag, payload);
    b.switch_to_block(outer);
    let [tag, payload] = [0, 1].map(|index| b.block_param(outer, index));
    b.throw(tag, payload);
    b.switch_to_block(end);
    let last = b.block_param(end, 0);
    b.ret(&[last]);
}

fn lowered(b: &mut FunctionBuilder<'_>, names: &Names) {
    let slot = b.create_slot(8, 8);
    let field = |name: &str, ty, offset| FieldDecl {
        name: name.to_string(),
        ty,
        offset,
    };
    let bytes = FieldType::Bytes { size: 8, align: 8 };
    let fields = [
        field("v1", FieldType::Value(Type::I64), 24),
        field("ss0", bytes, 32),
    ];
    let layout = b.create_layout(LayoutDecl {
        fields: fields.into_iter().collect(),
        size: 40,
    });
    let point = b.create_point(PointDecl {
        layout,
        results: vec![Type::I64],
        saved: Vec::new(),
        unwind: None,
        position: None,
    });
    let ids: Vec<_> = b.module().functions.keys().take(2).collect();
    assert_eq!(ids, [names.sync, names.later]);
    let value = enjamb_ir::Entity::from_index(0);
    let held = enjamb_ir::Entity::from_index(1);
    let (entered, p) = (b.entry_continuation(), b.param(0));
    let [resumed, fresh, suspended, done] = std::array::from_fn(|_| b.create_block());
    let resumes = b.is_suspended(entered);
    b.brif(resumes, resumed, &[], fresh, &[]);
    b.switch_to_block(resumed);
    b.cont_state(entered);
    b.has_layout(layout, entered);
    let (root, null) = (b.create_root(), b.null(Type::Ref));
    b.root_set(root, null);
    b.root_get(root);
    b.field_restore_slot(layout, held, slot, entered);
    b.field_load(layout, value, entered);
    let result = b.result_load(point, 0, entered);
    b.ret(&[result]);
    b.switch_to_block(fresh);
    let [hidden, result] = b.call(names.later, &[p])[..] else {
        panic!("the hidden result and one of the function");
    };
    let waits = b.is_suspended(hidden);
    b.brif(waits, suspended, &[], done, &[]);
    b.switch_to_block(suspended);
    let own = b.own_continuation();
    let object = b.new_continuation(layout, hidden);
    b.link(own, object);
    b.field_store(layout, value, object, p);
    b.field_save_slot(layout, held, slot, object);
    b.set_point(point, object);
    b.link(hidden, object);
    b.suspend(object);
    b.switch_to_block(done);
    b.ret(&[result]);
}

fn build() -> Result<Module, BuildError> {
    let mut module = ModuleBuilder::new();
    let names = declare(&mut module)?;
    let signature = Signature::asynchronous(&[Type::I64], &[Type::I64]);
    let all = module.declare_function("all", signature.clone())?;
    let transformed = module.declare_function("transformed", signature)?;
    let mut b = module.define(all)?;
    assert_eq!(b.id(), all);
    let p = b.param(0);
    integers(&mut b, p);
    floats(&mut b, p);
    vectors(&mut b);
    memory(&mut b, &names, p);
    objects(&mut b, &names, p);
    calls_and_ends(&mut b, &names, p);
    b.finish()?;
    let mut b = module.define_lowered(transformed)?;
    lowered(&mut b, &names);
    b.finish()?;
    module.finish()
}

#[test]
fn every_instruction_has_a_method() {
    let module = build().unwrap_or_else(|error| panic!("{error}"));
    let mut used = BTreeSet::new();
    for (_, function) in module.bodies() {
        for &block in &function.order {
            let insts = function.blocks[block].insts.iter();
            used.extend(insts.map(|&inst| function.insts[inst].opcode));
        }
    }
    let all: BTreeSet<Opcode> = Opcode::all().iter().map(|row| row.opcode).collect();
    assert_eq!(used, all);
}

#[test]
fn what_the_methods_make_reads_back() {
    let module = build().unwrap_or_else(|error| panic!("{error}"));
    let text = module.to_string();
    let again = parse_module(&text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    assert!(again == module, "{text}");
    assert!(text.contains("@ file0:3:14"), "{text}");
    assert_eq!(text.matches("cold").count(), 1, "{text}");
}
